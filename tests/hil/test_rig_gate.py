"""The rig's gate through the appliance's own driver over the pseudo-terminal: what it reads, and every fault of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from drivers.errors import ContactDisagrees, Disconnected, DriverError, NoResponse, RemoteProtocolError
from drivers.gate import DryContactWiring, open_waveshare_gate
from drivers.ports import Door, DoorPosition, Gate, GateInputs
from hil.rig import Rig
from hil.rig.rig import RigError
from hil.scene import empty_scene
from hil.sim.traveller import Behaviour, Place

pytestmark = pytest.mark.anyio


def gate_of(rig: Rig) -> Gate:
    return open_waveshare_gate("gate", str(rig.paths.gate), baudrate=115200, unit=1, wiring=DryContactWiring())


@pytest.fixture
async def gate(rig: Rig) -> AsyncIterator[Gate]:
    gate = gate_of(rig)
    await gate.open()
    yield gate
    await gate.close()


async def reading(gate: Gate, holds: Callable[[GateInputs], bool]) -> GateInputs:
    for _ in range(300):
        seen = await gate.read()
        if holds(seen):
            return seen
        await asyncio.sleep(0.02)
    raise AssertionError(f"never so: {seen}")


async def test_a_traveller_passes_and_the_gate_tells(rig: Rig, gate: Gate) -> None:
    rig.present(empty_scene(), None, Behaviour())
    at_rest = await gate.read()
    assert (at_rest.entry, at_rest.exit) == (DoorPosition.CLOSED, DoorPosition.CLOSED)
    assert not at_rest.occupied
    await gate.release(Door.ENTRY, 0.3)
    await reading(gate, lambda seen: seen.entry is DoorPosition.OPEN)
    await reading(gate, lambda seen: seen.entry is DoorPosition.CLOSED and seen.occupied and not seen.released)
    await gate.release(Door.EXIT, 0.3)
    await reading(gate, lambda seen: seen.passages == 1)
    await reading(gate, lambda seen: seen.exit is DoorPosition.CLOSED and not seen.occupied)
    assert rig.place is Place.THROUGH
    assert rig.observer.both_unlocked == 0
    assert [rig.observer.closings(relay) for relay in (0, 1)] == [1, 1]


async def test_emergency_and_out_of_service_are_seen(rig: Rig, gate: Gate) -> None:
    rig.faults.emergency()
    rig.faults.out_of_service()
    await reading(gate, lambda seen: seen.emergency and seen.out_of_service)
    rig.faults.clear()
    await reading(gate, lambda seen: not seen.emergency and not seen.out_of_service)


async def test_a_welded_relay_is_found_out_and_really_unlocks(rig: Rig, gate: Gate) -> None:
    rig.faults.weld(Door.EXIT)
    await reading(gate, lambda seen: Door.EXIT in seen.disagrees)
    for _ in range(100):
        if rig.in_world(lambda world: world.lane.gate.unlocked(Door.EXIT)):
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("a welded contact must unlock its door here as on site")
    with pytest.raises(ContactDisagrees):
        await gate.release(Door.ENTRY, 0.3)
    rig.faults.repair_relays()
    await gate.secure()


async def test_a_dead_relay_is_found_out(rig: Rig, gate: Gate) -> None:
    rig.faults.break_coil(Door.ENTRY)
    with pytest.raises(ContactDisagrees, match="did not close"):
        await gate.release(Door.ENTRY, 0.3)
    assert rig.observer.doors_opened[Door.ENTRY] == 0


@pytest.mark.parametrize(("fault", "error"), [("garble", RemoteProtocolError), ("silence", NoResponse)])
async def test_a_bad_line_is_an_error_and_passes(rig: Rig, gate: Gate, fault: str, error: type[DriverError]) -> None:
    getattr(rig.faults, fault)("gate")
    with pytest.raises(error):
        await gate.read()
    rig.faults.clear()
    assert (await reading(gate, lambda _: True)).exit is DoorPosition.CLOSED


async def test_a_line_unplugged_comes_back_under_its_path(rig: Rig, gate: Gate) -> None:
    rig.faults.unplug_line("gate")
    with pytest.raises(Disconnected):
        await gate.read()
    rig.faults.clear()
    await gate.open()
    assert (await gate.read()).exit is DoorPosition.CLOSED


def test_one_rig_per_directory(rig: Rig) -> None:
    with pytest.raises(RigError, match="another rig runs"), Rig(rig.paths.directory):
        pass
    assert Path(rig.lines["gate"].path).exists(), "the first goes on undisturbed"
