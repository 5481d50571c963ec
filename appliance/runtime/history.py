"""Answers to a console's questions about the past: read from the store in a thread of their own, never by the loop.

The chain is checked by a process of its own at the lowest priority, with the command an auditor would type. Not
responsible for the queries (`store.history`), for what is installed (`installed`) or for who may ask (the console).
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, RowMapping
from sqlalchemy.exc import SQLAlchemyError

from appliance import realtime
from appliance.clock import Clock
from appliance.config import LaneConfig
from appliance.control import history as msg
from appliance.control.setup import SelfTestQuestion, SetupQuestion
from appliance.core.faults import CATALOGUE
from appliance.runtime import installed
from appliance.store import history as stored
from appliance.store.errors import StoreError
from appliance.store.state_dir import DATABASE
from migrations.engine import DatabaseRefused

BUDGET = 400_000
"""Bytes of JSON a page of rows may have: a frame's header holds a mebibyte."""
SPANS = 300
VERIFY_S = 3600.0
_log = logging.getLogger(__name__)
Spawn = Callable[[str, Coroutine[Any, Any, None]], None]


class History:
    """The memory of one lane. `spawn` starts a task under the lane's own parent; `pack_id` is the matcher in use."""

    def __init__(self, config: LaneConfig, clock: Clock, pack_id: Callable[[], str], spawn: Spawn) -> None:
        self._config, self._clock, self._pack_id, self._spawn = config, clock, pack_id, spawn
        self._path = config.state_dir / DATABASE
        # Threads of a real-time controller are born real-time; this one computes.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history", initializer=_ordinary)
        self._verify = msg.VerifyState(running=False, started=None, ended=None, intact=None, words="")

    async def answer(self, question: msg.Question) -> msg.Answer | str:
        """The answer, or in words why there is none. Never raises."""
        if isinstance(question, msg.VerifyQuestion):
            return self._verification(question)
        return await self.in_thread(lambda: self._found(question))

    async def in_thread(self, work: Callable[[], msg.Answer | str]) -> msg.Answer | str:
        """What `work` reads, or in words why nothing came of it. Never raises."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except stored.TooMuch:
            return "That would keep the lane busy for too long: ask for less time, or for fewer words."
        except (StoreError, DatabaseRefused, SQLAlchemyError, OSError, ValueError, KeyError, RuntimeError) as error:
            _log.warning("a question about the past has no answer: %s", error)
            return "The journal cannot be read as it should: check its chain."

    def close(self) -> None:
        """End the thread; a question under way is waited for."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _found(self, question: msg.Question) -> msg.Answer | str:
        if isinstance(question, msg.VersionsQuestion):
            return installed.versions(self._config, self._pack_id())
        if isinstance(question, msg.ClaimsQuestion):
            return installed.claims(self._config, self._pack_id())
        if isinstance(question, SetupQuestion | SelfTestQuestion):
            return "Nothing is told here of a set-up."
        if isinstance(question, msg.StatisticsQuestion | msg.DevicesQuestion):
            span = question.until - question.since
            if not timedelta(0) < span <= timedelta(days=msg.MAX_DAYS):
                return f"Ask for a window of at most {msg.MAX_DAYS} days that ends after it begins."
        with stored.reading(self._path, self._clock.monotonic) as connection:
            match question:
                case msg.PassagesQuestion():
                    return _passages(connection, question)
                case msg.JournalQuestion():
                    return _journal(connection, question)
                case msg.StatisticsQuestion():
                    return _statistics(connection, question)
                case msg.DevicesQuestion():
                    return _devices(connection, question)
                case _:
                    raise AssertionError(question)

    # --- the chain --------------------------------------------------------------------------------------------

    def _verification(self, question: msg.VerifyQuestion) -> msg.VerifyState:
        if question.start and not self._verify.running:
            self._verify = msg.VerifyState(
                running=True, started=self._clock.now(), ended=None, intact=None, words="The chain is being checked."
            )
            self._spawn("journal-verify", self._check(question.expect))
        return self._verify

    async def _check(self, expect: str) -> None:
        intact, words = None, "The check was broken off."
        try:
            intact, words = await self._run_check(expect)
        except (OSError, TimeoutError) as error:
            words = f"The check could not be made: {error or 'it took too long'}."
        finally:
            ended = {"running": False, "ended": self._clock.now(), "intact": intact, "words": words}
            self._verify = self._verify.model_copy(update=ended)

    async def _run_check(self, expect: str) -> tuple[bool | None, str]:
        command = [sys.executable, "-m", "appliance", "journal", "verify", "--state-dir", str(self._config.state_dir)]
        child = await asyncio.create_subprocess_exec(
            *command,
            *(["--expect-head", expect] if expect else []),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _lowest(child.pid)
            async with asyncio.timeout(VERIFY_S):
                said, complaints = await child.communicate()
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        words = (said if child.returncode == 0 else complaints).decode(errors="replace").strip()[-2000:]
        return {0: True, 1: False}.get(child.returncode or 0), words


def _ordinary() -> None:
    with suppress(OSError):
        realtime.renounce()


def _lowest(pid: int) -> None:
    with suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
        os.setpriority(os.PRIO_PROCESS, pid, 19)


def wall(moment: datetime) -> str:
    """A time as the store writes it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _until(question: msg.PassagesQuestion | msg.JournalQuestion) -> dict[str, str | None]:
    return {name: None if (at := getattr(question, name)) is None else wall(at) for name in ("since", "until")}


def _fitting(rows: Sequence[BaseModel]) -> int:
    """How many rows a reply has room for. Raises TooMuch when there is none for the first."""
    used = 0
    for number, row in enumerate(rows):
        used += len(json.dumps(row.model_dump(mode="json")))
        if used > BUDGET:
            if number == 0:
                raise stored.TooMuch("one record")
            return number
    return len(rows)


def _passages(connection: Connection, asked: msg.PassagesQuestion) -> msg.Passages:
    rows = stored.passages(
        connection,
        **_until(asked),
        outcome=asked.outcome,
        check=asked.check,
        result=asked.result,
        officer=asked.officer,
        words=asked.words,
        before=None if asked.before is None else (wall(asked.before[0]), asked.before[1]),
        limit=asked.limit + 1,
    )
    made, checks = stored.decisions(connection, [row["passage_id"] for row in rows])
    of_decision: dict[int, list[msg.CheckRecord]] = {}
    for check in checks:
        plain = {name: check[name] for name in ("name", "result", "reason", "detail")}
        of_decision.setdefault(check["decision_id"], []).append(msg.CheckRecord(**plain))
    decided: dict[str, list[msg.DecisionRecord]] = {}
    for row in made:
        plain = {name: row[name] for name in ("decided", "admit", "officer", "action", "reason")}
        one = msg.DecisionRecord(
            sequence=row["decision_id"], checks=tuple(of_decision.get(row["decision_id"], ())), **plain
        )
        decided.setdefault(row["passage_id"], []).append(one)
    records = [msg.PassageRecord(**row, decisions=tuple(decided.get(row["passage_id"], ()))) for row in rows]
    shown = records[: min(_fitting(records), asked.limit)]
    more = len(shown) < len(records)
    return msg.Passages(rows=tuple(shown), before=(shown[-1].started, shown[-1].passage_id) if more else None)


def _journal(connection: Connection, asked: msg.JournalQuestion) -> msg.Journal:
    window = _until(asked)
    before = asked.before or 2**62
    if window["until"] is not None:
        before = min(before, stored.sequence_at(connection, window["until"]))
    rows, further = stored.journal(
        connection,
        before=before,
        since=window["since"],
        kinds=[asked.kind] if asked.kind else [],
        passage_id=asked.passage_id,
        words=asked.words,
        limit=asked.limit,
    )
    lines = [
        msg.JournalLine(sequence=r["seq"], at=r["wall"], kind=r["kind"], payload=r["payload"], hash=r["hash"].hex())
        for r in rows
    ]
    shown = lines[: _fitting(lines)]
    return msg.Journal(lines=tuple(shown), before=shown[-1].sequence if len(shown) < len(lines) else further)


def _statistics(connection: Connection, asked: msg.StatisticsQuestion) -> msg.Statistics:
    hours, reasons, steps = stored.statistics(connection, wall(asked.since), wall(asked.until))
    return msg.Statistics(
        hours=tuple(msg.HourCounts(**{**row, "hour": f"{row['hour']}:00:00+00:00"}) for row in hours),
        reasons=tuple(msg.ReasonCount(**row) for row in reasons),
        steps=tuple(msg.StepTimes(**row) for row in steps),
    )


def _devices(connection: Connection, asked: msg.DevicesQuestion) -> msg.Devices:
    rows, further = stored.journal(
        connection,
        before=stored.sequence_at(connection, wall(asked.until)),
        since=wall(asked.since),
        kinds=("fault.", "device.", "lane_started"),
        limit=4 * SPANS,
        scan=2**62,
    )
    identities: list[msg.DeviceRecord] = []
    spans: list[msg.FaultSpan] = []
    for row in reversed(rows):
        facts = json.loads(row["payload"])
        if row["kind"] == "device.identified":
            _identified(identities, row, facts)
        elif row["kind"] == "fault.raised":
            spans.append(_raised(row, facts))
        else:
            _cleared(spans, row, facts)
    shown = tuple(reversed(spans))[:SPANS]
    return msg.Devices(
        identities=tuple(reversed(identities)), faults=shown, truncated=further is not None or len(spans) > SPANS
    )


def _identified(known: list[msg.DeviceRecord], row: RowMapping, facts: dict[str, Any]) -> None:
    one = msg.DeviceRecord(
        device=facts["device"],
        model=facts["model"],
        firmware=facts["firmware"],
        serial_number=facts["serial_number"],
        verified_on_hardware=facts["proved"],
        since=row["wall"],
    )
    before = next((each for each in reversed(known) if each.device == one.device), None)
    if before is None or before.model_copy(update={"since": one.since}) != one:
        known.append(one)


def _raised(row: RowMapping, facts: dict[str, Any]) -> msg.FaultSpan:
    kind = CATALOGUE.get(facts["code"])
    return msg.FaultSpan(
        code=facts["code"],
        title=kind.title if kind else "",
        device=facts["device"],
        detail=facts["detail"],
        raised=row["wall"],
        cleared=None,
        by_restart=False,
    )


def _cleared(spans: list[msg.FaultSpan], row: RowMapping, facts: dict[str, Any]) -> None:
    """End the fault that was cleared; a lane that starts has none of those its last run had."""
    restart = row["kind"] == "lane_started"
    end = {"cleared": datetime.fromisoformat(row["wall"]), "by_restart": restart}
    for number, span in enumerate(spans):
        if span.cleared is None and (restart or (span.code, span.device) == (facts["code"], facts["device"])):
            spans[number] = span.model_copy(update=end)
