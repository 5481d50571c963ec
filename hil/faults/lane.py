"""Faults done to a whole lane: real controller and vision processes on the rig, a guard at the console.

One lane serves all cases, one after another; each leaves it ready and well. Those that end or starve the controller
are in `own`. What a case cannot see (light, current, force) is a bench's with instruments.
"""

import asyncio
import contextlib
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from appliance.control.messages import CheckName, LaneSnapshot, OfficerAction, Result
from appliance.core.faults import CATALOGUE
from hil.emulator.exposure_sync import EXPOSURE_US, Flash
from hil.faults.observed import Observed
from hil.passport.faults import Fault as PassportFault
from hil.passport.folder import make_document
from hil.rig.config import RigPaths
from hil.scenarios.conductor import TourError
from hil.scenarios.passages import COMPANION
from hil.scenarios.tour import verify_journal
from hil.scenarios.watched import WatchedLane, since
from hil.scene import CAST, Light, bona_fide
from hil.sim.depth import suitcase
from hil.sim.traveller import GONE, Place

LaneCase = Callable[[WatchedLane, Path], Awaitable[Observed]]

_EXIT = 1
_TEST_S = 8.0
_BLIND = Light(white=0.03, ambient_white=0.02)


async def _refused(lane: WatchedLane, document: Path, inject: Callable[[], None], *codes: int) -> Observed:
    """Injected while a face is verified: the traveller is an officer's, the exit stays shut, the lane comes back."""
    await lane.is_inside(document)
    before = lane.openings()
    begun = lane.clock.monotonic()
    await asyncio.to_thread(inject)
    observed = await _told(lane, begun, *codes)
    await lane.referred()
    await asyncio.to_thread(lane.rig.faults.clear)
    await lane.until(lambda seen: not seen.faults)
    await lane.is_sent_back()
    observed.recovered_s = lane.clock.monotonic() - begun
    observed.demand(since(before, lane.openings()) == (1, 0), f"releases: {since(before, lane.openings())}")
    return observed


async def _told(lane: WatchedLane, begun: float, *codes: int) -> Observed:
    seen = await lane.fault(*codes)
    contacts = lane.rig.in_world(lambda world: [world.observer.contact(relay) for relay in (0, _EXIT)])
    return Observed(
        secure_s=None if any(contacts) else 0.0,
        told_s=lane.clock.monotonic() - begun,
        codes=tuple(sorted(fault.code for fault in seen.faults)),
    )


async def camera_unplugged(lane: WatchedLane, document: Path) -> Observed:
    """The visible camera disappears while a face is verified."""
    return await _refused(lane, document, lambda: lane.rig.faults.unplug_camera("rgb"), 3001)


async def _genuine_held(
    lane: WatchedLane, document: Path, inject: Callable[[], None], heal: Callable[[], None] = lambda: None
) -> Observed:
    """A genuine holder comes while the capture is false: not let in by a lane that knows, or held; never passed."""
    await lane.conductor.ready()
    lane.seen_faults.clear()
    before, begun = lane.openings(), lane.clock.monotonic()
    await asyncio.to_thread(inject)
    try:
        await asyncio.to_thread(lane.rig.present, bona_fide(CAST[0]), document, None)
        seen = await lane.until(lambda seen: bool(seen.faults) or _asks(seen))
        observed = Observed(secure_s=0.0)
        if seen.faults:
            observed.told_s = lane.clock.monotonic() - begun
            observed.note = seen.faults[0].advice
        if await _inside(lane):
            # A lane that breaks off before the door has shut behind him lets him out again without an officer.
            seen = await lane.until(lambda seen: _asks(seen) or lane.rig.place in GONE)
            observed.note = _why(seen) or observed.note
            observed.demand(bool(observed.note), "nothing says why the traveller was held")
            if _asks(seen):
                await lane.decides(OfficerAction.REFUSE)
        else:
            await asyncio.to_thread(lane.rig.send_away)
        await lane.goes(Place.AWAY)
    finally:
        heal()
        await asyncio.to_thread(lane.rig.faults.clear)
    observed.demand(since(before, lane.openings())[1] == 0, "the exit was released")
    observed.codes = tuple(sorted(lane.seen_faults))
    await lane.conductor.ready()
    observed.recovered_s = lane.clock.monotonic() - begun
    return observed


def _asks(seen: LaneSnapshot) -> bool:
    return seen.passage is not None and seen.passage.referral is not None


async def _inside(lane: WatchedLane) -> bool:
    """Whether the traveller got in: he has until the lane's entry would have lapsed."""
    with contextlib.suppress(TourError):
        await lane.until(lambda seen: seen.occupied or _asks(seen), patience_s=4.0)
    seen = lane.client.state.snapshot
    return seen is not None and (bool(seen.occupied) or _asks(seen))


def _why(seen: LaneSnapshot) -> str:
    checks = seen.passage.checks if seen.passage is not None else ()
    held = [check for check in checks if check.result in (Result.FAILED, Result.UNDETERMINED)]
    return "; ".join(f"{check.name} {check.result}: {check.reason}" for check in held[:2])


async def stuck_frame(lane: WatchedLane, document: Path) -> Observed:
    """The infrared camera repeats its last picture under fresh numbers and times."""
    return await _genuine_held(lane, document, lambda: lane.rig.faults.stick_frame("nir"))


async def blind_camera(lane: WatchedLane, document: Path) -> Observed:
    """Nearly no light: pictures are black."""
    return await _genuine_held(lane, document, lambda: lane.rig.faults.light(_BLIND))


async def leds(lane: WatchedLane, document: Path) -> Observed:
    """One LED dead, then one always on."""
    dead, stuck = await dead_led(lane, document), await stuck_led(lane, document)
    stuck.wrong += dead.wrong
    stuck.note = f"dead: {dead.note}; always on: {stuck.note}"
    return stuck


async def dead_led(lane: WatchedLane, document: Path) -> Observed:
    """An LED of a band has failed."""
    return await _genuine_held(lane, document, lambda: lane.rig.faults.dead_led("940R"))


async def stuck_led(lane: WatchedLane, document: Path) -> Observed:
    """An LED lights in every exposure."""
    return await _genuine_held(lane, document, lambda: lane.rig.faults.stick_led("850L"))


async def lost_trigger(lane: WatchedLane, document: Path) -> Observed:
    """The illuminator misses exposures: light and pictures are out of step by one and more."""
    unit = lane.rig.in_world(lambda world: world.sync["nir"])
    started, count = unit.exposure_started, iter(range(10**9))

    def missing(exposure_us: float = EXPOSURE_US) -> Flash | None:
        return None if next(count) % 7 == 3 else started(exposure_us)

    def inject() -> None:
        unit.exposure_started = missing  # type: ignore[method-assign]

    def heal() -> None:
        unit.exposure_started = started  # type: ignore[method-assign]

    observed = await _genuine_held(lane, document, inject, heal)
    # Counts stay apart until the lane's own test sets them to zero together: it needs a moment without travellers.
    await asyncio.sleep(_TEST_S)
    await lane.admits_the_next()
    observed.note += f"; in step again {_TEST_S:.0f} s later by the lane's own test (travellers before that are held)"
    return observed


async def camera_stall(lane: WatchedLane, document: Path) -> Observed:
    """The vision process stands still inside a call: it is killed and started anew, the controller goes on."""
    await lane.is_inside(document)
    eye = _eye(lane)
    before = lane.openings()
    begun = lane.clock.monotonic()
    eye.send_signal(signal.SIGSTOP)
    observed = await _told(lane, begun, 1004, 3001, 3002)
    await lane.referred()
    await lane.until(lambda seen: not seen.faults)
    await lane.is_sent_back()
    observed.recovered_s = lane.clock.monotonic() - begun
    observed.demand(not eye.is_running(), "the stalled process still lives")
    observed.demand(since(before, lane.openings()) == (1, 0), f"releases: {since(before, lane.openings())}")
    return observed


def _eye(lane: WatchedLane) -> psutil.Process:
    children = psutil.Process(lane.appliance.pid).children()
    eyes = [child for child in children if "appliance.vision" in str(child.cmdline())]
    if len(eyes) != 1:
        raise TourError(f"not one vision process: {children}")
    return eyes[0]


async def malformed_portrait(lane: WatchedLane, document: Path) -> Observed:
    """The chip's portrait is made to burst its decoder: referred outside, nobody gets in, the next traveller passes."""
    bomb = make_document(CAST[0], document.parent / "malformed", faults=[PassportFault.IMAGE_BOMB])
    before = lane.openings()
    await lane.comes(bomb, bona_fide(CAST[0]))
    seen = await lane.referred()
    observed = Observed(secure_s=0.0)
    assert seen.passage is not None
    assert seen.passage.referral is not None
    observed.demand(not seen.passage.referral.inside, "the traveller was let in")
    reasons = [check.reason for check in seen.passage.checks if check.name is CheckName.DOCUMENT_READ]
    observed.demand(bool(reasons), f"the guard is not told what is wrong with the document: {_why(seen)}")
    observed.note = "".join(reasons)
    await lane.decides(OfficerAction.REFUSE)
    await asyncio.to_thread(lane.rig.send_away)
    await lane.goes(Place.AWAY)
    observed.demand(since(before, lane.openings()) == (0, 0), f"releases: {since(before, lane.openings())}")
    await lane.admits_the_next()
    return observed


async def two_persons(lane: WatchedLane, document: Path) -> Observed:
    """A second person comes in beside the holder; then a case is left standing in the empty lane."""
    before = lane.openings()
    await asyncio.to_thread(lane.rig.faults.beside, COMPANION)
    await lane.comes(document, bona_fide(CAST[0]))
    begun = lane.clock.monotonic()
    seen = await lane.referred()
    observed = Observed(secure_s=0.0, told_s=lane.clock.monotonic() - begun, note=_why(seen))
    observed.demand("counts 2 persons" in observed.note, "the guard is not told that there are two")
    await lane.decides(OfficerAction.REFUSE)
    await lane.goes(Place.AWAY)
    observed.demand(since(before, lane.openings())[1] == 0, "the exit was released")
    await asyncio.to_thread(lane.rig.faults.beside, [])
    await lane.conductor.ready()
    await asyncio.to_thread(lane.rig.faults.leave, suitcase(0.3, -0.2))
    observed.codes = tuple(fault.code for fault in (await lane.fault(2005)).faults)
    await asyncio.to_thread(lane.rig.faults.clear)
    await lane.until(lambda seen: not seen.faults)
    await lane.admits_the_next()
    observed.recovered_s = lane.clock.monotonic() - begun
    observed.note += f"; a case left behind: {CATALOGUE[2005].title}"
    return observed


async def no_guard(lane: WatchedLane, _document: Path) -> Observed:
    """Every console goes away: nobody else is let in until one is back."""
    await lane.conductor.ready()
    lane.client.watch(False)
    begun = lane.clock.monotonic()
    observed = await _told(lane, begun, 1005)
    lane.client.watch(True)
    await lane.conductor.ready()
    observed.recovered_s = lane.clock.monotonic() - begun
    return observed


async def journal_tamper(lane: WatchedLane, document: Path) -> Observed:
    """A record of a copy of the journal is edited, one deleted, two exchanged: the verifier names each."""
    observed = Observed()
    edits = {
        "edited": "UPDATE journal SET wall = '2020-01-01T00:00:00.000000+00:00' WHERE seq = 5",
        "deleted": "DELETE FROM journal WHERE seq = 4",
        "exchanged": "UPDATE journal SET seq = -seq WHERE seq IN (3, 4);UPDATE journal SET seq = 7 + seq WHERE seq < 0",
    }
    found = []
    for name, sql in edits.items():
        copy = RigPaths(document.parent / f"tampered-{name}")
        copy.state.mkdir(parents=True)
        with (
            contextlib.closing(sqlite3.connect(lane.rig.paths.state / "lane.db")) as ours,
            contextlib.closing(sqlite3.connect(copy.state / "lane.db")) as theirs,
        ):
            ours.backup(theirs)
            # Whoever can write to the file can drop what forbids it, too.
            for (trigger,) in theirs.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                theirs.execute(f"DROP TRIGGER {trigger}")
            theirs.executescript(sql)
        intact, words = await asyncio.to_thread(verify_journal, copy)
        observed.demand(not intact, f"a journal with a record {name} counts as intact: {words}")
        found.append(f"{name}: {words[:70]}")
    observed.note = "; ".join(found)
    return observed


CASES: dict[str, LaneCase] = {
    case.__name__: case
    for case in (
        camera_unplugged,
        stuck_frame,
        blind_camera,
        leds,
        lost_trigger,
        camera_stall,
        malformed_portrait,
        two_persons,
        no_guard,
        journal_tamper,
    )
}
