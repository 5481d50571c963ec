"""`appliance selftest`: proves a lane that is empty and not running, part by part, and says what was seen.

Relays by their contacts, LEDs by lit minus dark at the grey reference, cameras by frames that go on, sensors by what
they say at rest and, on demand, by what changes while somebody works them. Moves doors: nobody may stand in the lane.
Not here: calibration (`appliance calibrate`), and the tests a running lane makes by itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from appliance import devices
from appliance.clock import Clock
from appliance.config import LaneConfig
from appliance.liveness.calibration import CalibrationError
from appliance.proofs import LOOKS, Proof, at_rest, of_leds, of_presence
from appliance.runtime.calibrate import Bench
from appliance.vision.steady import FRAMES, steady
from drivers.errors import DriverError
from drivers.ports import Camera, Door, Gate

RELEASE_S = 0.3
_LAPSES_WITHIN_S, _SURE_S = 0.4, 0.25
_FRAME_S = 1.0
_PRESENCE_LOOKS = 60


async def prove(lane: LaneConfig, clock: Clock, *, release: bool, watch_s: float) -> AsyncIterator[Proof]:
    """Everything, one after the other; a part that fails ends its own tests only. Never raises DriverError."""
    parts = (
        _of_part("gate", lambda: _gate(lane, release=release, watch_s=watch_s)),
        _of_part("LEDs", lambda: _leds(lane, clock)),
        _of_part("cameras", lambda: _cameras(lane)),
        _of_part("document reader", lambda: _reader(lane)),
        _of_part("presence", lambda: _presence(lane)),
    )
    for part in parts:
        async for proof in part:
            yield proof


async def _of_part(part: str, tests: Callable[[], AsyncIterator[Proof]]) -> AsyncIterator[Proof]:
    try:
        async for proof in tests():
            yield proof
    except (DriverError, CalibrationError) as error:
        yield Proof(part, "answers", False, str(error))


# --- gate -----------------------------------------------------------------------------------------------------------


async def _gate(lane: LaneConfig, *, release: bool, watch_s: float) -> AsyncIterator[Proof]:
    gate = devices.gate(lane)
    try:
        identity = await gate.open()
        yield Proof("gate", "identity, every output off", True, f"{identity.model}, {identity.firmware}")
        for proof in at_rest(devices.doors(lane), await gate.read()):
            yield proof
        for door in devices.doors(lane) if release else ():
            yield await _released(gate, door)
        if watch_s:
            yield await _watched(gate, watch_s)
    finally:
        await gate.close()


async def _released(gate: Gate, door: Door) -> Proof:
    """One pulse: the contact is seen to close, and to open again by the device's own time."""
    begun = time.monotonic()
    try:
        await gate.release(door, RELEASE_S)
        closed_s = time.monotonic() - begun
        while door in (await gate.read()).released:
            if time.monotonic() - begun > RELEASE_S + _LAPSES_WITHIN_S:
                await gate.secure()
                return Proof("gate", f"{door} release lapses", False, "the contact stayed closed after the pulse")
            await asyncio.sleep(0.01)
    except DriverError as error:
        return Proof("gate", f"{door} release", False, str(error))
    lapsed_s = time.monotonic() - begun
    # A gate lets no other door go until it is sure of this one.
    await asyncio.sleep(_SURE_S)
    seen = f"contact closed after {closed_s * 1000:.0f} ms, open again after {lapsed_s * 1000:.0f} ms"
    return Proof("gate", f"{door} release, {RELEASE_S * 1000:.0f} ms", True, seen)


async def _watched(gate: Gate, seconds: float) -> Proof:
    """Which inputs change while somebody works them."""
    first = await gate.read()
    changed: set[str] = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = await gate.read()
        for name in ("entry", "exit", "occupied", "passages", "out_of_service", "emergency"):
            if getattr(now, name) != getattr(first, name):
                changed.add(name)
        await asyncio.sleep(0.02)
    return Proof("gate", f"sensors worked within {seconds:.0f} s", bool(changed), ", ".join(sorted(changed)) or "none")


# --- light and cameras ----------------------------------------------------------------------------------------------


async def _leds(lane: LaneConfig, clock: Clock) -> AsyncIterator[Proof]:
    async with Bench(lane, clock) as bench:
        looks = [await bench.look() for _ in range(LOOKS)]
        for camera, setup in bench.setups.items():
            part = f"LEDs of the {camera} camera"
            yield Proof(part, "illuminator", True, f"{setup.illuminator.model}, {setup.illuminator.firmware}")
            findings = dict.fromkeys(found.words for look in looks for found in look[camera].findings)
            levels = {
                led: [look[camera].leds[led].level for look in looks if led in look[camera].leds]
                for led in setup.pulses
            }
            for proof in of_leds(camera, list(setup.pulses), levels, list(findings)):
                yield proof


async def _cameras(lane: LaneConfig) -> AsyncIterator[Proof]:
    module = lane.simulation.module if lane.simulation else None
    for name, config in lane.cameras.all.items():
        camera = devices.camera(f"cameras.{name}", config, module)
        yield await asyncio.to_thread(_frames_go_on, f"camera, {name}", camera)


def _frames_go_on(part: str, camera: Camera) -> Proof:
    try:
        identity = camera.open()
        found = steady([camera.read(_FRAME_S) for _ in range(FRAMES)])
    except DriverError as error:
        return Proof(part, "frames", False, str(error))
    finally:
        camera.close()
    return Proof(part, "frames", found.holds, f"{identity.model}: {found.seen}")


async def _reader(lane: LaneConfig) -> AsyncIterator[Proof]:
    reader = devices.reader(lane)
    if reader is None:
        return
    try:
        identity = await reader.open()
        yield Proof("document reader", "identity", True, f"{identity.model}, {identity.firmware}")
    finally:
        await reader.close()


async def _presence(lane: LaneConfig) -> AsyncIterator[Proof]:
    """The sensor above an empty lane sees its floor, nobody and nothing."""
    sensor = devices.presence(lane)
    if sensor is None:
        return
    try:
        identity = await sensor.open()
        yield Proof("presence", "identity, floor as measured", True, f"{identity.model}, {identity.firmware}")
        for _ in range(_PRESENCE_LOOKS):
            said = await sensor.read()
            if said.left_object is not None:
                break
        yield of_presence(said)
    finally:
        await sensor.close()


def plan(lane: LaneConfig, *, release: bool, watch_s: float) -> list[str]:
    """What would be done, for a dry run."""
    doors = [f"release the {door} door for {RELEASE_S} s and see its contact follow" for door in devices.doors(lane)]
    lamps = [f"light {', '.join(light.pulses)} for the {name} camera" for name, light in lane.illumination.items()]
    return [
        f"open the gate at {lane.gate.port}, put every output off, read every input",
        *(doors if release else ["release no door"]),
        *([f"watch the inputs for {watch_s:.0f} s"] if watch_s else []),
        *(f"{words}: lit minus dark at the grey reference" for words in lamps),
        f"take {FRAMES} frames of each camera: {', '.join(lane.cameras.all)}",
        *(["open the document reader"] if lane.document_reader.kind != "walk_up" else []),
        *(["look whether the presence sensor sees the lane empty"] if lane.presence is not None else []),
    ]
