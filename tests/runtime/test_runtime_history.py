"""What a lane answers about its past: filters, pages, bounds on a real store; the chain checked by a process."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from runtime_stage import until

from appliance.clock import ManualClock
from appliance.config import LaneConfig
from appliance.control import history as msg
from appliance.core.types import Check, CheckName, OfficerAction, Outcome, Result, Topology
from appliance.runtime import history
from appliance.runtime.faults import FaultRegister
from appliance.runtime.history import History
from appliance.store import history as stored
from appliance.store.lane_store import LaneStore
from appliance.store.records import DecisionMade, JournalRecord, PassageEnded, PassageStarted, Record

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NAMES = tuple(CheckName)[:-1]


def checks(**results: Result) -> tuple[Check, ...]:
    given = {CheckName(name): result for name, result in results.items()}
    return tuple(
        Check(name, given.get(name, Result.SUCCESSFUL), f"{name} said so." if name in given else "") for name in NAMES
    )


class Diary:
    """A store written by hand, and the memory that reads it."""

    def __init__(self, base: Path) -> None:
        self.clock = ManualClock(START)
        camera = {"kind": "rig", "reference": {"box": (0, 0, 10, 10), "width_mm": 7}}
        self.config = LaneConfig.model_validate(
            {
                "lane_id": "E-07",
                "profile": "simulated",
                "state_dir": base / "state",
                "control_socket": base / "lane.sock",
                "gate": {"port": "none"},
                "illumination": {"nir": {"port": "none", "bands": {"850": {}, "940": {}}}},
                "cameras": {"rgb": camera, "nir": camera},
                "document_reader": {"kind": "rig"},
                "trust": {"store": "none", "roots": ["0" * 64]},
                "simulation": {"module": "none"},
            }
        )
        self.store = LaneStore.open(self.config.state_dir, self.clock, boot_id="boot-1")
        self.tasks: list[asyncio.Task[None]] = []
        self.history = History(self.config, self.clock, lambda: "open-omz", self._spawn)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(work, name=name))

    def write(self, *records: Record, after_s: float = 0.0) -> None:
        self.clock.advance(after_s)
        self.store.append(records)

    def passage(
        self,
        name: str,
        outcome: Outcome | None = Outcome.ADMITTED,
        officer: str | None = None,
        action: OfficerAction = OfficerAction.ADMIT,
        why: str = "seen by eye",
        **failed: Result,
    ) -> None:
        """20 s: 5 s reading, 10 s looking at the face, 5 s walking out."""
        self.write(PassageStarted(name, Topology.MANTRAP, "open-omz", True), _phase("Ready", "Reading"))
        self.write(_phase("Reading", "Verifying"), after_s=5)
        self.write(DecisionMade(name, not failed, checks(**failed)), _phase("Verifying", "Leaving"), after_s=10)
        if officer is not None:
            admit = action is OfficerAction.ADMIT
            self.write(DecisionMade(name, admit, checks(**failed), officer=officer, action=action, reason=why))
        if outcome is not None:
            self.write(PassageEnded(name, outcome), _phase("Leaving", "Ready"), after_s=5)

    async def ask(self, **question: Any) -> Any:
        request = msg.HistoryRequest.model_validate({"request_id": "r", "question": question}, strict=False)
        return await self.history.answer(request.question)

    async def names(self, **question: Any) -> list[str]:
        return [row.passage_id for row in (await self.ask(about="passages", **question)).rows]


def _phase(before: str, after: str) -> JournalRecord:
    return JournalRecord("phase", {"from": before, "to": after})


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Diary]:
    written = Diary(tmp_path)
    yield written
    written.history.close()
    written.store.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("history")]


@pytest.fixture
def day(diary: Diary) -> Diary:
    diary.write(JournalRecord("lane_started", {"lane_id": "E-07"}))
    diary.passage("p-1")
    diary.passage(
        "p-2", Outcome.REFUSED_BY_OFFICER, "k.moser", OfficerAction.REFUSE, "Wears a mask", liveness=Result.FAILED
    )
    diary.clock.advance(3600)
    diary.passage("p-3", Outcome.ADMITTED_BY_OFFICER, "o.sipka", comparison=Result.UNDETERMINED)
    diary.passage("p-4", Outcome.ADMITTED_BY_OFFICER, "o.sipka", document_validity=Result.FAILED)
    diary.passage("p-5", None)
    return diary


async def test_passages_come_newest_first_and_whole(day: Diary) -> None:
    found = await day.ask(about="passages")
    assert [row.passage_id for row in found.rows] == ["p-5", "p-4", "p-3", "p-2", "p-1"]
    assert found.before is None
    second = found.rows[3]
    assert (second.outcome, second.ended - second.started) == ("refused_by_officer", timedelta(seconds=20))
    machine, officer = second.decisions
    assert (machine.officer, machine.admit, officer.officer, officer.reason) == (None, False, "k.moser", "Wears a mask")
    assert {check.name: check.result for check in machine.checks}["liveness"] == "failed"
    assert [check.name for check in machine.checks] == [str(name) for name in NAMES]
    assert found.rows[0].outcome is None


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"outcome": "under_way"}, ["p-5"]),
        ({"outcome": "admitted_by_officer"}, ["p-4", "p-3"]),
        ({"check": "liveness"}, ["p-2"]),
        ({"check": "comparison", "result": "undetermined"}, ["p-3"]),
        ({"check": "comparison", "result": "failed"}, []),
        ({"result": "failed"}, ["p-4", "p-2"]),
        ({"officer": "o.sipka"}, ["p-4", "p-3"]),
        ({"words": "MASK"}, ["p-2"]),
        ({"words": "comparison said"}, ["p-3"]),
        ({"words": "%"}, []),
        ({"words": "'; DROP TABLE passages; --"}, []),
        ({"since": START + timedelta(hours=1)}, ["p-5", "p-4", "p-3"]),
        ({"until": START + timedelta(seconds=30)}, ["p-2", "p-1"]),
        ({"until": START + timedelta(seconds=20)}, ["p-1"]),
    ],
)
async def test_passages_are_found_by_every_filter(day: Diary, asked: dict[str, Any], found: list[str]) -> None:
    assert await day.names(**asked) == found


async def test_pages_follow_one_another_without_gap_or_double(day: Diary) -> None:
    seen, before = [], None
    while True:
        page = await day.ask(about="passages", limit=2, before=before)
        seen += [row.passage_id for row in page.rows]
        if (before := page.before) is None:
            break
    assert seen == ["p-5", "p-4", "p-3", "p-2", "p-1"]


async def test_a_page_is_cut_where_a_frame_would_be_full(day: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "BUDGET", 2500)
    page = await day.ask(about="passages")
    assert 1 <= len(page.rows) < 5
    assert page.before is not None
    monkeypatch.setattr(history, "BUDGET", 10)
    assert "too long" in await day.ask(about="passages")


async def test_the_journal_is_read_by_kind_passage_and_time(day: Diary) -> None:
    every = await day.ask(about="journal", limit=100)
    assert every.lines[0].sequence == day.store.head.seq
    assert every.lines[0].hash == day.store.head.hash.hex()
    assert every.before is None
    kinds = {line.kind for line in (await day.ask(about="journal", kind="passage_")).lines}
    assert kinds == {"passage_started", "passage_ended"}
    of_one = (await day.ask(about="journal", passage_id="p-2")).lines
    assert [line.kind for line in of_one] == ["passage_ended", "decision_made", "decision_made", "passage_started"]
    later = await day.ask(about="journal", since=START + timedelta(hours=1), limit=100)
    assert {json.loads(line.payload).get("passage_id") for line in later.lines} == {"p-3", "p-4", "p-5", None}
    assert later.before is None
    early = await day.ask(about="journal", until=START + timedelta(seconds=1), limit=100)
    assert [line.kind for line in early.lines] == ["phase", "passage_started", "lane_started"]


async def test_a_journal_page_that_found_nothing_says_where_to_go_on(day: Diary) -> None:
    with stored.reading(day.config.state_dir / "lane.db", day.clock.monotonic) as connection:
        seen, before, pages = [], 2**62, 0
        before = day.store.head.seq + 1
        while before is not None:
            rows, before = stored.journal(connection, before=before, kinds=("lane_",), limit=10, scan=4)
            seen, pages = seen + [row["kind"] for row in rows], pages + 1
    assert seen == ["lane_started"]
    assert pages > 4


async def test_statistics_count_by_hour_and_tell_doubt_of_the_face_from_the_rest(day: Diary) -> None:
    found = await day.ask(about="statistics", since=START, until=START + timedelta(hours=3))
    told = {(row.hour.hour, row.outcome): row for row in found.hours}
    assert told[8, "admitted"].passages == 1
    refused = told[8, "refused_by_officer"]
    assert (refused.decided, refused.judged, refused.suspected, refused.face_open) == (1, 1, 1, 1)
    overruled = told[9, "admitted_by_officer"]
    assert (overruled.passages, overruled.judged, overruled.suspected, overruled.face_open) == (2, 2, 0, 1)
    assert told[9, None].passages == 1
    reasons = {(row.check, row.result): row.count for row in found.reasons}
    assert reasons == {
        ("liveness", "failed"): 1,
        ("comparison", "undetermined"): 1,
        ("document_validity", "failed"): 1,
    }
    steps = {row.phase: row for row in found.steps}
    assert list(steps) == ["Passage", "Reading", "Verifying", "Leaving"]
    assert (steps["Verifying"].n, steps["Verifying"].p50, steps["Verifying"].p95) == (5, 10.0, 10.0)
    assert steps["Passage"].p50 == pytest.approx(20.0, abs=1e-3)


@pytest.mark.parametrize("span", [timedelta(0), timedelta(hours=-1), timedelta(days=32)])
async def test_statistics_of_no_time_or_too_much_are_refused(day: Diary, span: timedelta) -> None:
    for about in ("statistics", "devices"):
        assert "31 days" in await day.ask(about=about, since=START, until=START + span)


async def test_a_question_that_takes_too_long_ends(day: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10**9))
    monkeypatch.setattr(day.clock, "monotonic", lambda: float(next(ticks)) * 10)
    monkeypatch.setattr(stored, "_LOOK_EVERY", 1)
    assert "too long" in await day.ask(about="passages", words="x")


async def test_what_was_doctored_in_the_file_is_no_answer_and_no_crash(day: Diary) -> None:
    day.store.close()
    with closing(sqlite3.connect(day.config.state_dir / "lane.db")) as connection:
        connection.execute("UPDATE passages SET started = 'yesterday' WHERE passage_id = 'p-1'")
        connection.commit()
    assert "check its chain" in await day.ask(about="passages")
    (day.config.state_dir / "lane.db").write_bytes(b"no database" * 100)
    assert "check its chain" in await day.ask(about="journal")


async def test_no_identity_is_in_any_answer(day: Diary) -> None:
    day.write(JournalRecord("event.note", {"text": "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"}))
    for about in ("passages", "journal"):
        assert "ERIKSSON" not in (await day.ask(about=about)).model_dump_json()


async def test_faults_and_devices_have_a_history(diary: Diary) -> None:
    told: list[object] = []
    register = FaultRegister(diary.clock, told.append)

    def keep(after_s: float = 10.0) -> None:
        diary.write(*register.take_unsaid(), after_s=after_s)

    diary.write(JournalRecord("lane_started", {}))
    who = {"model": "GIO-1", "firmware": "1.2", "serial_number": None, "verified_on_hardware": False}
    register.identified("gate", who)
    register.identified("gate", who)
    assert len(register.take_unsaid()) == 1, "told once"
    register.identified("gate", who | {"firmware": "1.1"})
    register.raise_fault(1001, "gate", "x" * 5000)
    keep()
    register.clear(1001, "gate")
    register.identified("gate", who | {"firmware": "1.3", "image": object()})
    keep()
    register.raise_fault(1003, "document_reader")
    keep()
    diary.write(JournalRecord("lane_started", {}), after_s=60)
    register.raise_fault(1005, "console")
    keep()
    found = await diary.ask(about="devices", since=START, until=START + timedelta(hours=1))
    assert [(one.firmware, one.verified_on_hardware) for one in found.identities] == [("1.3", False), ("1.1", False)]
    spans = [(one.code, one.cleared and (one.cleared - one.raised).seconds, one.by_restart) for one in found.faults]
    assert spans == [(1005, None, False), (1003, 60, True), (1001, 10, False)]
    assert found.faults[2].title == "Gate controller does not answer"
    assert len(found.faults[2].detail) == 300
    assert not found.truncated


async def test_versions_carry_the_hash_of_every_file(diary: Diary) -> None:
    found = (await diary.ask(about="versions")).components
    parts = {(one.part, one.name): one for one in found}
    assert parts["software", "sallyport"].version
    weights = [one for one in found if one.part == "matcher open-omz"]
    assert weights
    assert all(len(one.sha256) == 64 for one in weights)
    (detector,) = [one for one in found if one.part == "liveness detector"]
    assert len(detector.sha256) == 64


async def test_claims_show_the_worst_first_and_untested_as_untested(diary: Diary) -> None:
    found = await diary.ask(about="claims")
    assert found.band_set == "rgb+850+940"
    (shown,) = found.bands
    assert shown.kind == "simulated"
    uppers = [one.upper for one in shown.species if one.upper is not None]
    assert uppers == sorted(uppers, reverse=True)
    behind = [one for one in shown.species if one.upper is None]
    assert list(shown.species[-len(behind) :]) == behind
    assert {one.n for one in behind} == {0}
    assert "Wig" in found.untested
    assert {one.fmr for one in found.faces} == {1e-3, 1e-4}
    assert found.faces[0].installed


async def test_the_chain_is_checked_by_a_process_of_its_own(day: Diary) -> None:
    idle = await day.ask(about="verify")
    assert (idle.running, idle.intact) == (False, None)
    begun = await day.ask(about="verify", start=True)
    again = await day.ask(about="verify", start=True)
    assert begun.running
    assert again.started == begun.started
    assert len(day.tasks) == 1
    await asyncio.wait_for(day.tasks[0], 60)
    done = await day.ask(about="verify")
    assert (done.running, done.intact) == (False, True)
    assert f"head {day.store.head}" in done.words


async def test_a_broken_chain_and_a_foreign_head_are_told(day: Diary) -> None:
    await day.ask(about="verify", start=True, expect=f"3:{'0' * 64}")
    await asyncio.wait_for(day.tasks[0], 60)
    foreign = await day.ask(about="verify")
    assert (foreign.intact, "record 3" in foreign.words) == (False, True)
    with closing(sqlite3.connect(day.config.state_dir / "lane.db")) as connection:
        connection.execute("DROP TRIGGER journal_refuses_update")
        connection.execute("UPDATE journal SET payload = '{}' WHERE seq = 2")
        connection.commit()
    await day.ask(about="verify", start=True)
    await asyncio.wait_for(day.tasks[1], 60)
    broken = await day.ask(about="verify")
    assert (broken.intact, "BROKEN at record 2" in broken.words) == (False, True)


async def test_a_lane_that_ends_takes_the_check_with_it(day: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.subprocess.Process] = []
    begin: Callable[..., Any] = asyncio.create_subprocess_exec

    async def slow(*_: str, **more: Any) -> asyncio.subprocess.Process:
        started.append(await begin("sleep", "60", **more))
        return started[0]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slow)
    await day.ask(about="verify", start=True)
    await until(lambda: bool(started), "the check")
    day.tasks[0].cancel()
    await asyncio.gather(*day.tasks, return_exceptions=True)
    assert started[0].returncode is not None
    assert (await day.ask(about="verify")).words == "The check was broken off."
