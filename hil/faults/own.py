"""Faults that end, starve or forbid the controller itself: each case starts controllers of its own on a fresh rig."""

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

from appliance.clock import SystemClock
from appliance.control.client import LaneClient
from appliance.control.messages import CheckName, OfficerAction, Result, ServiceRequest
from drivers.gate import DryContactWiring
from drivers.modbus.frames import Function, Values, encode_reply
from hil.faults.observed import Observed
from hil.rig import Child, Rig
from hil.rig.config import LaneSettings, RigPaths, commissioning_toml, lane_toml
from hil.scenarios.conductor import TourError
from hil.scenarios.tour import appliance_of, verify_journal
from hil.scenarios.watched import SENT_TO_THE_DESK, WatchedLane, guarded, since
from hil.scene import CAST, bona_fide
from hil.sim.traveller import Behaviour, Place

OwnCase = Callable[[Rig, Path], Awaitable[Observed]]

RESTART_S = 5.0
_NOBODY_ENTERS_S = 3.0
_ENDS_WITHIN_S = 10.0
_EXIT = 1


def _exit_closings(rig: Rig) -> list[float]:
    """How long each closing of the exit's contact lasted; one that is closed now lasts still."""
    lengths, since_ = [], None
    for moved in rig.observer.log():
        if moved.relay == _EXIT:
            if moved.closed:
                since_ = moved.at
            elif since_ is not None:
                lengths.append(moved.at - since_)
                since_ = None
    return lengths if since_ is None else [*lengths, time.monotonic() - since_]


async def _in_release(lane: WatchedLane, document: Path) -> None:
    """A genuine traveller is accepted, the exit's contact has just closed, and he stays where he is."""
    await lane.comes(document, bona_fide(CAST[0]), Behaviour(leaves=False))
    closings = lane.openings()[1]
    deadline = time.monotonic() + 40.0
    while lane.rig.observer.closings(_EXIT) == closings:
        seen = lane.client.state.snapshot
        held = seen.passage.referral if seen is not None and seen.passage is not None else None
        if time.monotonic() > deadline or held is not None:
            raise TourError(f"the exit was not released: {seen}")
        await asyncio.sleep(0.005)


async def _lapsed(rig: Rig, begun: float, lease_s: float = 0.5) -> Observed:
    """After the controller is gone: the contact opens by the board's own time, and nothing closes again."""
    closings = rig.observer.closings(_EXIT)
    observed = Observed()
    while any(rig.in_world(lambda world: [world.observer.contact(relay) for relay in (0, _EXIT)])):
        if time.monotonic() - begun > 5.0:
            observed.wrong.append("a contact is still closed after 5 s")
            return observed
        await asyncio.sleep(0.005)
    observed.secure_s = time.monotonic() - begun
    await asyncio.sleep(1.0)
    observed.demand(rig.observer.closings(_EXIT) == closings, "the exit was released again")
    longest = max(_exit_closings(rig), default=0.0)
    observed.demand(longest <= lease_s + 0.05, f"the pulse lasted {longest:.3f} s, its lease is {lease_s} s")
    return observed


async def killed(rig: Rig, document: Path) -> Observed:
    """The controller is killed in mid-release; it starts again, the passage is aborted, the occupant let back out."""
    with appliance_of(rig) as first:
        async with guarded(rig, first) as lane:
            await _in_release(lane, document)
            begun = time.monotonic()
            os.kill(first.pid, signal.SIGKILL)
            observed = await _lapsed(rig, begun)
    begun = time.monotonic()
    with appliance_of(rig) as second:
        async with guarded(rig, second) as lane:
            await lane.until(lambda seen: seen.phase != "Starting")
            observed.recovered_s = time.monotonic() - begun
            observed.demand(observed.recovered_s <= RESTART_S, f"in service again after {observed.recovered_s:.1f} s")
            await lane.goes(Place.AWAY)
    intact, words = await asyncio.to_thread(verify_journal, rig.paths)
    observed.demand(intact, words)
    return observed


async def hung(rig: Rig, document: Path) -> Observed:
    """The controller stands still in mid-release for three seconds, then goes on."""
    with appliance_of(rig) as appliance:
        async with guarded(rig, appliance) as lane:
            await _in_release(lane, document)
            begun = time.monotonic()
            os.kill(appliance.pid, signal.SIGSTOP)
            try:
                observed = await _lapsed(rig, begun)
                await asyncio.sleep(1.5)
            finally:
                os.kill(appliance.pid, signal.SIGCONT)
            before = lane.openings()
            await lane.referred()
            observed.demand(since(before, lane.openings())[1] == 0, "the exit was released after the hang")
            await lane.is_sent_back()
            await lane.admits_the_next()
    return observed


async def disk_full(rig: Rig, document: Path) -> Observed:
    """The journal's file system takes no more bytes while a face is verified: no durable decision, no release."""
    with appliance_of(rig) as appliance:
        async with guarded(rig, appliance) as lane:
            await lane.is_inside(document)
            before = lane.openings()
            written = sum(path.stat().st_size for path in rig.paths.state.glob("lane.db-wal"))
            # SIGXFSZ is ignored by Python: the write fails as it does on a full disk.
            resource.prlimit(appliance.pid, resource.RLIMIT_FSIZE, (written, resource.RLIM_INFINITY))
            rig.in_world(lambda world: setattr(world, "presentation", bona_fide(CAST[0])))
            await lane.fault(5001)
            seen = await lane.referred()
            observed = Observed(secure_s=0.0, codes=(5001,))
            assert seen.passage is not None
            results = {check.name: check.result for check in seen.passage.checks}
            accepted = results[CheckName.COMPARISON] == results[CheckName.LIVENESS] == Result.SUCCESSFUL
            observed.demand(accepted, "the face was not accepted: the case shows nothing")
            observed.demand(not (await lane.decides(OfficerAction.ADMIT)).accepted, "an officer could admit")
            observed.demand(since(before, lane.openings())[1] == 0, "the exit was released without a record")
            await lane.decides(OfficerAction.REFUSE)
            await lane.goes(Place.AWAY)
            await lane.until(lambda seen: seen.phase == "OutOfService")
    intact, words = await asyncio.to_thread(verify_journal, rig.paths)
    observed.demand(intact, words)
    return observed


async def fire_then_dead(rig: Rig, _document: Path) -> Observed:
    """Fire contact, then the controller is killed and the contact clears: the new one waits for an officer's reset."""
    observed = Observed()
    with appliance_of(rig) as first:
        async with guarded(rig, first) as lane:
            await lane.conductor.ready()
            begun = time.monotonic()
            await asyncio.to_thread(rig.faults.emergency)
            await lane.until(lambda seen: seen.phase == "Emergency")
            observed.told_s = time.monotonic() - begun
            os.kill(first.pid, signal.SIGKILL)
    unlocked = rig.in_world(lambda world: [world.lane.gate.unlocked(door) for door in world.lane.gate.doors])
    observed.demand(all(unlocked), "a door is locked although the fire contact is active")
    await asyncio.to_thread(rig.faults.emergency, False)
    with appliance_of(rig) as second:
        async with guarded(rig, second) as lane:
            seen = await lane.until(lambda seen: not seen.faults and seen.phase != "Starting")
            observed.demand(seen.phase == "Emergency", f"the restarted lane is in {seen.phase} without an officer")
            request = ServiceRequest(request_id="w", in_service=True, officer="tour", reason="The fire is out.")
            await lane.client.service(request)
            await lane.conductor.ready()
    observed.codes = (2003,)
    return observed


async def starved(rig: Rig, _document: Path) -> Observed:
    """Two processes take all of the machine while travellers pass: pulses stay within their lease."""
    spin = [sys.executable, "-c", "while True: pass"]
    observed = Observed()
    with appliance_of(rig) as appliance:
        async with guarded(rig, appliance) as lane:
            await lane.conductor.ready()
            with _hogs(spin, os.cpu_count() or 2):
                before = lane.openings()
                got = await lane.conductor.run(SENT_TO_THE_DESK)
                observed.note = f"the traveller: {got.outcome}; releases {since(before, lane.openings())}"
                observed.demand(got.both_unlocked == 0, "both doors were unlocked at once")
            longest = max(_exit_closings(rig), default=0.0)
            observed.demand(longest <= 0.55, f"a pulse lasted {longest:.3f} s")
    return observed


@contextlib.contextmanager
def _hogs(command: list[str], count: int) -> Iterator[None]:
    hogs = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


async def hung_and_starved(rig: Rig, document: Path) -> Observed:
    """Stopped in mid-release; then the whole machine taken by others."""
    observed = await hung(rig, document)
    starving = await starved(rig, document)
    observed.wrong += starving.wrong
    observed.note = starving.note
    return observed


async def tampered_start(rig: Rig, _document: Path) -> Observed:
    """A weight file, a key of the configuration, the commissioning file: each one altered stops the start."""
    observed, refusals = Observed(), []
    for name in ("weights", "key", "commissioning"):
        paths = RigPaths(rig.paths.directory / f"tampered-{name}")
        models = paths.directory / "models"
        models.mkdir(parents=True)
        pack = "open-omz" if name == "weights" else rig.settings.pack
        settings = LaneSettings(pack=pack, models_dir=models, presence=False)
        if name == "weights":
            (models / "face_detection_yunet_2026may.onnx").write_bytes(b"not a model")
        signed = commissioning_toml(settings)
        paths.commissioning.write_text(signed.replace("[[signed]]", "[[seen]]") if name == "commissioning" else signed)
        text = lane_toml(paths, settings)
        paths.config.write_text("door_policy = 'open'\n" + text if name == "key" else text)
        command = [sys.executable, "-m", "appliance", "run", "--config", str(paths.config)]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
        observed.demand(done.returncode in (2, 3), f"{name} altered: exit code {done.returncode}")
        refusals.append(f"{name}: {done.stderr.strip().splitlines()[-1][:80] if done.stderr.strip() else 'no word'}")
    observed.note = "; ".join(refusals)
    return observed


async def two_controllers(rig: Rig, _document: Path) -> Observed:
    """A second controller for the same ports, and one for the same state: neither gets them."""
    observed = Observed()
    with appliance_of(rig) as appliance:
        async with guarded(rig, appliance) as lane:
            await lane.conductor.ready()
            rival = RigPaths(rig.paths.directory / "rival")
            rival.directory.mkdir()
            text = rig.paths.config.read_text().replace(str(rig.paths.control), str(rival.control))
            rival.config.write_text(text.replace(str(rig.paths.state), str(rival.state)))
            command = [sys.executable, "-m", "appliance", "run", "--config", str(rival.config)]
            with Child("the rival", command, rival.directory / "log"):
                async with _faults_of(rival) as seen:
                    observed.codes = seen
            observed.demand({1001, 1002} <= set(observed.codes), f"the rival has faults {observed.codes}")
            before = lane.openings()
            await _foreign_frames(rig)
            observed.demand(since(before, lane.openings()) == (0, 0), "foreign frames released a door")
            await lane.admits_the_next()
    return observed


async def _foreign_frames(rig: Rig) -> None:
    """A reading in which all is well and both relays are on, from somebody else, forty times."""
    false = encode_reply(Values(1, Function.READ_COILS, (1, 1, 0, 0, 0, 0, 0, 0)))
    for _ in range(40):
        await asyncio.to_thread(rig.lines["gate"].send, false)
        await asyncio.sleep(0.03)


@contextlib.asynccontextmanager
async def _faults_of(paths: RigPaths) -> AsyncIterator[tuple[int, ...]]:
    """The faults a rival lane shows once it has found its ports taken."""
    client = LaneClient(paths.control, console="rival", clock=SystemClock(), guard=False)
    running = asyncio.create_task(client.run())
    try:
        deadline = time.monotonic() + 25.0
        codes: set[int] = set()
        while time.monotonic() < deadline and not {1001, 1002} <= codes:
            await asyncio.sleep(0.1)
            if client.state.snapshot is not None:
                codes = {fault.code for fault in client.state.snapshot.faults}
        yield tuple(sorted(codes))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


_WITH_UPS = DryContactWiring(out_of_service=None, emergency=None, on_battery=4, battery_low=5)


async def on_battery(rig: Rig, document: Path) -> Observed:
    """The mains fail while a face is verified; later the battery is nearly empty."""
    rig.in_world(lambda world: setattr(world.lane.gate, "wiring", _WITH_UPS))
    wired = 'wiring = { out_of_service = "none", emergency = "none", on_battery = 4, battery_low = 5 }'
    rig.paths.config.write_text(rig.paths.config.read_text().replace("[gate]\n", f"[gate]\n{wired}\n"))
    observed = Observed()
    with appliance_of(rig) as appliance:
        async with guarded(rig, appliance) as lane:
            await lane.comes(document, bona_fide(CAST[0]))
            await lane.until(lambda seen: seen.phase == "Verifying")
            begun = time.monotonic()
            rig.in_world(lambda world: setattr(world.lane.gate, "on_battery", True))
            observed.codes = tuple(fault.code for fault in (await lane.fault(6001)).faults)
            observed.told_s = time.monotonic() - begun
            await lane.goes(Place.THROUGH)
            await lane.until(lambda seen: seen.phase == "Ready")
            before = lane.openings()
            await asyncio.to_thread(rig.present, bona_fide(CAST[0]), document, None)
            await asyncio.sleep(_NOBODY_ENTERS_S)
            observed.demand(since(before, lane.openings()) == (0, 0), "somebody was let in on battery")
            await asyncio.to_thread(rig.send_away)
            await lane.goes(Place.AWAY)
        rig.in_world(lambda world: setattr(world.lane.gate, "battery_low", True))
        code = await asyncio.to_thread(appliance.wait, _ENDS_WITHIN_S)
    observed.demand(code == 0, f"it ended with code {code}, not in order")
    intact, words = await asyncio.to_thread(verify_journal, rig.paths)
    observed.demand(intact, words)
    observed.note = f"the occupant passed, nobody after him; on the low battery it ended with code {code}; {words}"
    return observed


CASES: dict[str, OwnCase] = {
    case.__name__: case
    for case in (killed, hung_and_starved, disk_full, fire_then_dead, tampered_start, two_controllers, on_battery)
}
