"""The reducer loop: journal before act, void timers, the interlock's last word."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from runtime_stage import HandTimers, Stage, until

from appliance.clock import ManualClock
from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core.explore import DOCUMENTS, TODAY, alphabet, face_checks
from appliance.core.policy import Policy
from appliance.core.types import Door, DoorPosition, OfficerAction, Outcome, Result, Topology
from appliance.runtime import records
from appliance.runtime.timers import LoopTimers
from appliance.store.async_store import AsyncStore
from appliance.store.errors import RecordRefused, StoreBroken
from appliance.store.records import describe
from appliance.store.verify import verify

pytestmark = pytest.mark.anyio

OPEN, CLOSED = DoorPosition.OPEN, DoorPosition.CLOSED


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Stage]:
    """A loop over a store on a disk."""
    async with await AsyncStore.open(tmp_path / "lane", ManualClock(), boot_id="boot-1") as store:
        yield Stage(store)


async def fill(store: AsyncStore, pages: int) -> None:
    """No page more than these for the store's open connection: SQLite itself then says that it is full."""

    def limit() -> None:
        connection = store._store._connected()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.rollback()

    await store._run(limit)


# --- journal before act -----------------------------------------------------------------------------------------


async def test_every_release_of_a_passage_follows_its_own_record() -> None:
    stage = await Stage().walk_in()
    await (await stage.verified()).walk_out()
    assert stage.phase == "Ready"
    log = stage.log
    entry, way_out = (log.index(release) for release in stage.releases())
    assert log[:entry].count("command.release_entry") == 1
    assert log[:way_out].count("command.release_exit") == 1
    assert log[:way_out].count("decision_made") == 1
    assert log.index("passage_started") < log.index(cmd.ReadDocument("p"))
    assert log.index("passage_ended") < log.index(cmd.EndPassage("p", Outcome.ADMITTED))


async def test_a_disk_that_takes_its_time_holds_the_release_back() -> None:
    stage = await Stage().walk_in()
    running = asyncio.create_task(stage.loop.run())
    try:
        stage.store.open.clear()
        stage.loop.post(ev.VerificationDone("p", face_checks()), "vision")
        for _ in range(50):
            await asyncio.sleep(0)
        assert not stage.did(cmd.ReleaseExit)
        stage.store.open.set()
        await until(lambda: bool(stage.did(cmd.ReleaseExit)), "the release")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_without_a_journal_the_exit_stays_shut_and_the_traveller_gets_out_the_way_he_came() -> None:
    stage = await Stage().walk_in()
    stage.store.failure = StoreBroken("the disk is gone")
    await stage.verified()
    assert not stage.did(cmd.ReleaseExit)
    assert (stage.codes, stage.phase) == ((5001,), "Referred")
    assert stage.loop.lane.unlocked == frozenset()
    assert [record.kind for record in stage.store.last_words] == ["journal_lost"]
    assert not await stage.officer(OfficerAction.ADMIT)
    assert not stage.did(cmd.ReleaseExit)
    assert not await stage.officer(OfficerAction.REFUSE), "what could not be kept is not called accepted"
    assert stage.releases()[-1] == cmd.ReleaseEntry("p", cmd.Purpose.RETURN)
    await stage.tell(ev.DoorMoved(Door.ENTRY, OPEN), ev.OccupancyChanged(False), ev.DoorMoved(Door.ENTRY, CLOSED))
    assert stage.phase == "OutOfService"
    assert len(stage.store.last_words) == 1


async def test_without_a_journal_nobody_is_let_in() -> None:
    stage = await Stage().ready()
    await stage.tell(ev.DocumentPresented("p"))
    stage.store.failure = StoreBroken("the disk is gone")
    await stage.present()
    assert stage.releases() == []
    assert (stage.codes, stage.phase) == ((5001,), "OutOfService")
    await stage.tell(ev.DocumentPresented("q"))
    assert [command.passage_id for command in stage.did(cmd.ReadDocument)] == ["p"]


async def test_a_document_is_not_even_read_without_a_journal() -> None:
    stage = await Stage().ready()
    stage.store.failure = StoreBroken("the disk is gone")
    await stage.tell(ev.DocumentPresented("p"))
    assert not stage.did(cmd.ReadDocument)
    assert stage.phase == "OutOfService"


async def test_a_request_for_service_that_is_not_kept_is_not_accepted() -> None:
    stage = await Stage().ready()
    assert await stage.ask(ev.ServiceRequested(False, "o.sipka", "cleaning"))
    stage.store.failure = StoreBroken("the disk is gone")
    assert not await stage.ask(ev.ServiceRequested(True, "o.sipka", "clean"))


async def test_a_record_that_is_refused_is_our_bug_and_not_the_disk_s() -> None:
    stage = await Stage().walk_in()
    stage.store.failure = RecordRefused("a bug")
    await stage.verified()
    assert (stage.codes, stage.phase) == ((9001,), "Referred")
    assert not stage.did(cmd.ReleaseExit)
    assert stage.store.last_words == []
    assert stage.loop.lane.unlocked == frozenset()


async def test_a_whole_passage_on_a_real_disk_is_a_sound_journal(real: Stage, tmp_path: Path) -> None:
    await (await (await real.walk_in()).verified()).walk_out()
    assert real.phase == "Ready"
    assert await real.store.unfinished() == ()
    head = real.store.head
    await real.store.close()
    report = verify(tmp_path / "lane" / "lane.db", expect=head)
    assert report.problem is None
    assert head.seq > 20


async def test_a_disk_that_is_really_full_ends_in_last_words_and_no_release(real: Stage, tmp_path: Path) -> None:
    await real.walk_in()
    before = real.store.head.seq
    await fill(real.store, 1)
    for number in range(200):
        if 5001 in real.codes:
            break
        await real.tell(ev.OccupancyChanged(True))
        assert number < 199, "the disk never got full"
    assert real.phase == "Referred"
    await real.verified()
    assert not await real.officer(OfficerAction.ADMIT)
    assert not await real.officer(OfficerAction.SECOND_LINE)
    assert [type(release) for release in real.releases()] == [cmd.ReleaseEntry, cmd.ReleaseEntry]
    assert real.releases()[-1] == cmd.ReleaseEntry("p", cmd.Purpose.RETURN)
    head = real.store.head
    await real.store.close()
    assert verify(tmp_path / "lane" / "lane.db", expect=head).problem is None
    assert head.seq > before
    assert real.codes == (5001,)


@pytest.mark.parametrize("topology", Topology)
def test_every_event_can_be_journalled(topology: Topology) -> None:
    events = alphabet(Policy(topology=topology))
    kinds = {describe(records.of_event(event, "source"))[0] for event in events.values()}
    assert len(kinds) == len({type(event) for event in events.values()})
    assert {"event.door_moved", "event.officer_decided"} < kinds


# --- timers -----------------------------------------------------------------------------------------------------


async def test_the_timer_of_a_phase_that_is_over_is_void() -> None:
    stage = await Stage().ready()
    await stage.tell(ev.DocumentPresented("p"))
    late = stage.timers.action("phase")
    await stage.tell(ev.DocumentRead("p", DOCUMENTS["in order"], TODAY))
    assert stage.phase == "Entering"
    await stage.tell(ev.DoorMoved(Door.ENTRY, OPEN), ev.OccupancyChanged(True), ev.DoorMoved(Door.ENTRY, CLOSED))
    await stage.verified(liveness=Result.FAILED)
    await stage.officer(OfficerAction.REFUSE)
    await stage.tell(ev.DoorMoved(Door.ENTRY, OPEN), ev.OccupancyChanged(False), ev.DoorMoved(Door.ENTRY, CLOSED))
    await stage.tell(ev.DocumentPresented("q"))
    assert stage.phase == "Reading"
    kept = len(stage.store.kept)
    late()
    await stage.loop.drain()
    assert (stage.phase, len(stage.store.kept)) == ("Reading", kept)
    stage.timers.fire("phase")
    await stage.loop.drain()
    assert stage.phase == "Referred"


async def test_a_time_out_that_changes_nothing_is_armed_again() -> None:
    stage = await Stage().ready()
    for _ in range(3):
        stage.timers.fire("phase")
        await stage.loop.drain()
    assert len(stage.did(cmd.SelfTest)) == 3
    assert stage.timers.armed["phase"][0] == Policy().timeouts["Ready"]


async def test_a_release_is_held_for_as_long_as_the_gate_may_stay_unlocked() -> None:
    stage = await Stage().ready()
    await stage.present()
    assert stage.timers.armed["release.entry"][0] == Policy().release_s + Policy().release_hold_s
    assert stage.loop.lane.unlocked == {Door.ENTRY}
    stage.timers.fire("release.entry")
    await stage.loop.drain()
    assert stage.loop.lane.unlocked == frozenset()


async def test_the_timer_of_an_earlier_release_does_not_end_a_later_one() -> None:
    """The old timer has fired and waits in the queue when the same door is released anew."""
    stage = await Stage().walk_in()
    await stage.verified(liveness=Result.FAILED)
    await stage.officer(OfficerAction.REFUSE)
    assert stage.releases()[-1] == cmd.ReleaseEntry("p", cmd.Purpose.RETURN)
    late = stage.timers.action("release.entry")
    await stage.tell(ev.ReleaseFailed(Door.ENTRY), ev.OccupancyChanged(True))
    assert len(stage.releases()) == 3
    late()
    await stage.loop.drain()
    assert stage.loop.lane.unlocked == {Door.ENTRY}
    stage.timers.fire("release.entry")
    await stage.loop.drain()
    assert stage.loop.lane.unlocked == frozenset()


async def test_loop_timers_fire_once_and_re_arming_replaces() -> None:
    fired: list[str] = []
    timers = LoopTimers()
    timers.arm("a", 0.0, lambda: fired.append("first"))
    timers.arm("a", 0.0, lambda: fired.append("second"))
    timers.arm("b", 60.0, lambda: fired.append("never"))
    await until(lambda: bool(fired))
    timers.cancel_all()
    await asyncio.sleep(0.005)
    assert fired == ["second"]


# --- doors, officers, emergency -----------------------------------------------------------------------------------


async def test_a_door_that_opens_unreleased_is_forced_until_it_closes() -> None:
    stage = await Stage().ready()
    await stage.tell(ev.DoorMoved(Door.EXIT, OPEN))
    assert (stage.codes, stage.phase) == ((2004,), "OutOfService")
    assert stage.loop.faults.active[0].device == "gate.exit"
    await stage.tell(ev.DoorMoved(Door.ENTRY, OPEN), ev.DoorMoved(Door.ENTRY, CLOSED))
    assert [fault.device for fault in stage.loop.faults.active] == ["gate.exit"]
    await stage.tell(ev.DoorMoved(Door.EXIT, CLOSED))
    assert (stage.codes, stage.phase) == ((), "Ready")


async def test_a_released_door_may_open_once_and_the_other_not_at_all() -> None:
    stage = await Stage().ready()
    await stage.present()
    await stage.swing(Door.ENTRY)
    assert stage.codes == ()
    await stage.tell(ev.DoorMoved(Door.ENTRY, OPEN))
    assert stage.codes == (2004,), "its release was used up"
    other = await Stage().ready()
    await other.present()
    await other.tell(ev.DoorMoved(Door.EXIT, OPEN))
    assert other.codes == (2004,)


async def test_a_door_found_open_at_the_start_or_opened_by_an_emergency_is_not_forced() -> None:
    stage = Stage()
    await stage.tell(ev.DoorMoved(Door.EXIT, OPEN))
    assert stage.codes == ()
    await stage.ready()
    stage.loop.faults.raise_fault(2003, "gate")
    await stage.loop.drain()
    await stage.tell(ev.DoorMoved(Door.EXIT, OPEN), ev.DoorMoved(Door.ENTRY, OPEN))
    assert (stage.codes, stage.phase) == ((2003,), "Emergency")


async def test_an_officer_is_told_whether_the_lane_did_it() -> None:
    stage = await Stage().walk_in()
    assert not await stage.officer(OfficerAction.ADMIT), "nobody is referred yet"
    await stage.verified(liveness=Result.FAILED)
    assert not await stage.officer(OfficerAction.ADMIT, seen=False)
    assert not await stage.officer(OfficerAction.ADMIT, passage="another")
    assert stage.releases()[1:] == []
    assert await stage.officer(OfficerAction.ADMIT, seen=True)
    assert isinstance(stage.releases()[-1], cmd.ReleaseExit)
    assert not await stage.officer(OfficerAction.ADMIT), "once is enough"
    assert len(stage.did(cmd.ReleaseExit)) == 1
    decisions = [payload for kind, payload in stage.store.kept if kind == "decision_made"]
    assert [(d["admit"], d["officer"], d["reason"]) for d in decisions] == [
        (False, None, None),
        (True, "o.sipka", "seen by eye"),
    ]


async def test_an_officer_who_gave_up_waiting_breaks_nothing() -> None:
    stage = await Stage().ready()
    asking = asyncio.create_task(stage.loop.ask(ev.ServiceRequested(False, "o.sipka", "cleaning"), "console"))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await stage.loop.drain()
    assert stage.phase == "OutOfService"


async def test_an_emergency_ends_the_passage_releases_nothing_and_needs_an_officer_after_it() -> None:
    stage = await Stage().walk_in()
    before = stage.releases()
    stage.loop.faults.raise_fault(2003, "gate", "pulled")
    await stage.loop.drain()
    assert stage.phase == "Emergency"
    assert stage.did(cmd.StopVerification)
    assert stage.did(cmd.EndPassage) == [cmd.EndPassage("p", Outcome.ABORTED)]
    assert not await stage.officer(OfficerAction.ADMIT)
    await stage.verified()
    await stage.tell(ev.DoorMoved(Door.EXIT, OPEN), ev.OccupancyChanged(False), ev.DoorMoved(Door.EXIT, CLOSED))
    stage.loop.faults.clear(2003, "gate")
    await stage.loop.drain()
    assert (stage.phase, stage.releases()) == ("Emergency", before)
    assert await stage.ask(ev.ServiceRequested(True, "o.sipka", "drill over"))
    assert stage.phase == "Ready"


async def test_an_emergency_needs_no_journal() -> None:
    stage = await Stage().walk_in()
    stage.store.failure = StoreBroken("the disk is gone")
    stage.loop.faults.raise_fault(2003, "gate")
    await stage.loop.drain()
    assert stage.phase == "Emergency"


async def test_the_loop_arms_its_first_phase_and_ends_when_told() -> None:
    stage = Stage()
    assert isinstance(stage.timers, HandTimers)
    running = asyncio.create_task(stage.loop.run())
    await until(lambda: bool(stage.changes), "the first event")
    assert stage.timers.armed["phase"][0] == Policy().timeouts["Starting"]
    running.cancel()
    assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], asyncio.CancelledError)
