"""A gate on a Gate I/O unit: the gate suite, identity, faults, restarts, and the driver's time on a clock of its own.

What a unit does by itself is in test_gate_io_unit.py, the LED block in test_gate_io_leds.py.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import ContactDisagrees, DeviceRefused, Disconnected, IdentityMismatch, NoResponse
from drivers.gate.gate_io import lease, protocol
from drivers.gate.gate_io.board import GateIoBoard, spacers
from drivers.gate.gate_io.driver import GateIoGate, open_gate_io_gate
from drivers.gate.gate_io.lease import Reason
from drivers.gate.gate_io.protocol import Feature, Input, Relay, ResetCause, Safe
from drivers.gate.wiring import DryContactWiring
from drivers.modbus.frames import (
    Function,
    Refusal,
    Values,
    WriteMultiple,
    WriteSingle,
    encode_reply,
    encode_request,
)
from drivers.modbus_unit import ModbusUnit
from drivers.ports import Door, DoorPosition, Gate
from drivers.session import Timing
from drivers.transport.null_modem import null_modem
from hil.contracts.gate import GateContract
from hil.emulator.gate_io import USUAL, GateIoUnit
from hil.emulator.pty_line import PtyLine

pytestmark = pytest.mark.anyio
KEY = bytes(range(32))
PROFILE = Path(__file__).parents[2] / "docs" / "gate-io-profile-v1.md"
# A pseudo-terminal knows no parity, and refuses to be set to one twice.
ON_PTY: dict[str, Any] = {"parity": "N", "watchdog_s": 2.0}


class TestGateIo(GateContract):
    device = "gate.gate_io"
    key: bytes | None = None

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        unit = GateIoUnit(key=self.key)
        if kind == "pty":
            return open_gate_io_gate("gate", plug(unit).path, key=self.key, **ON_PTY)

        def connect() -> GateIoBoard:
            near, far = null_modem("gate")
            far.answer_with(unit.handle)
            at = ModbusUnit("gate", near, protocol.BAUDRATE, number=1, spacers=spacers(1))
            return GateIoBoard(at, key=self.key, watchdog_s=2.0)

        return GateIoGate("gate", connect)

    def real(self, options: dict[str, Any]) -> Gate:
        return open_gate_io_gate("gate", **options)


class TestGateIoSigned(TestGateIo):
    device = "gate.gate_io_signed"
    key = KEY


# --- the driver -------------------------------------------------------------------------------------------------


def leases_in(unit: GateIoUnit) -> list[tuple[int, ...]]:
    """Every lease the unit was sent."""
    return [one.values for one in unit.writes if isinstance(one, WriteMultiple) and one.address == lease.LEASE]


class Wired:
    """A gate on a pseudo-terminal, opened."""

    def __init__(self, plug: Callable[..., PtyLine], unit: GateIoUnit | None = None, **options: Any) -> None:
        self.unit = unit or GateIoUnit()
        self.line = plug(self.unit)
        self.gate = open_gate_io_gate("gate", self.line.path, **(ON_PTY | options))


@pytest.fixture
async def wired(plug: Callable[..., PtyLine]) -> Any:
    made = Wired(plug)
    await made.gate.open()
    yield made
    await made.gate.close()


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 1.0) -> None:
    """Short real waits: the unit keeps its own time."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - the unit rings no bell
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("options", "unit", "message"),
    [
        ({"serial": bytes(8)}, {}, "00C0FFEE, 0000000000000000 is configured"),
        ({"configuration_hash": 1}, {}, "0001 is configured"),
        ({"key": KEY}, {}, "it lost its key"),
        ({}, {"key": KEY}, "signed leases only"),
        ({"key": KEY[::-1]}, {"key": KEY}, "does not hold the configured key"),
        ({}, {"version": 0x0203}, "profile version 2.3"),
        ({}, {"configuration": dataclasses.replace(USUAL, features=Feature.DOOR_B)}, "doors are missing"),
        (
            {},
            {"configuration": dataclasses.replace(USUAL, fitted=0x1BF)},
            "wired that the unit has not: occupied",
        ),
    ],
)
async def test_wrong_units_are_not_commanded(
    plug: Callable[..., PtyLine], options: dict[str, Any], unit: dict[str, Any], message: str
) -> None:
    made = Wired(plug, GateIoUnit(**unit), **options)
    with pytest.raises(IdentityMismatch, match=message):
        await made.gate.open()
    # The challenge touches no output.
    assert [one for one in made.unit.writes if getattr(one, "address", None) != protocol.CHALLENGE] == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (encode_reply(Refusal(1, 4, 2)), IdentityMismatch),
        (encode_reply(Values(1, Function.READ_INPUT_REGISTERS, (0,) * 16)), IdentityMismatch),
        (b"relay on\r\n>", IdentityMismatch),
        (b"", NoResponse),
    ],
)
async def test_something_else_on_the_port(plug: Callable[..., PtyLine], reply: bytes, error: type[Exception]) -> None:
    class Other:
        heard = b""

        def handle(self, data: bytes) -> bytes:
            self.heard += data
            return reply

    other = Other()
    with pytest.raises(error):
        await open_gate_io_gate("gate", plug(other).path, **ON_PTY).open()
    assert other.heard == encode_request(protocol.read_identity(1))


async def test_pinned_unit_and_turnstile_are_taken(plug: Callable[..., PtyLine]) -> None:
    unit = GateIoUnit(configuration=dataclasses.replace(USUAL, features=Feature.DOOR_B))
    wiring = DryContactWiring(entry_release=None, entry_closed=None, entry_mirror=None)
    pins = {"serial": USUAL.serial.hex(), "configuration_hash": unit.configuration.hash}
    made = Wired(plug, unit, wiring=wiring, **pins)
    identity = await made.gate.open()
    assert (identity.serial_number, identity.firmware) == ("0000000000C0FFEE", "profile 1.0")
    assert not identity.verified_on_hardware
    with pytest.raises(DeviceRefused, match="no entry door"):
        await made.gate.release(Door.ENTRY, 1.0)
    await made.gate.release(Door.EXIT, 1.0)
    reading = await made.gate.read()
    assert reading.released == {Door.EXIT}
    assert reading.entry is DoorPosition.UNKNOWN
    await made.gate.close()


async def test_release_lets_only_its_door_go(wired: Wired) -> None:
    await wired.gate.release(Door.EXIT, 1.0)
    assert wired.unit.unlocked(Door.EXIT)
    assert not wired.unit.unlocked(Door.ENTRY)
    blocks = leases_in(wired.unit)
    assert [block[:3] for block in blocks] == [(2, 1, 1000)]
    # The other door is held safe by the mask as well.
    masks = [
        one.value for one in wired.unit.writes if isinstance(one, WriteSingle) and one.address == protocol.SAFE_MASK
    ]
    assert masks == [1 << Relay.DOOR_A]
    await wired.gate.close()
    assert not wired.unit.unlocked(Door.EXIT)


async def test_restart_voids_the_lease_and_says_why(wired: Wired) -> None:
    await wired.gate.release(Door.EXIT, 5.0)
    wired.unit.reboot(ResetCause.BROWN_OUT)
    assert not wired.unit.unlocked(Door.EXIT)
    with pytest.raises(Disconnected, match=r"restarted \(brown out\)"):
        await wired.gate.read()
    with pytest.raises(Disconnected, match="restarted"):
        await wired.gate.release(Door.EXIT, 1.0)
    await wired.gate.open()
    await wired.gate.release(Door.EXIT, 1.0)


async def test_another_host_is_told(wired: Wired) -> None:
    nonce = wired.unit.status().nonce + 1
    wired.unit.write(protocol.announce(1, 0, nonce, 0, 500))
    with pytest.raises(Disconnected, match="another host"):
        await wired.gate.read()


async def test_low_supply_is_told_and_needs_opening_when_over(wired: Wired) -> None:
    with wired.unit.rigged() as watch:
        watch.supply_mv = 20_400
    reading = await wired.gate.read()
    assert reading.out_of_service
    assert wired.gate.faults == ("24 V supply out of bounds: 20.4 V",)
    assert wired.gate.supply_v == 20.4
    with pytest.raises(DeviceRefused, match=r"no release: 24 V .* 20\.4 V"):
        await wired.gate.release(Door.EXIT, 1.0)
    with wired.unit.rigged() as watch:
        watch.supply_mv = 24_000
    with pytest.raises(Disconnected, match="its cause is over; open again"):
        await wired.gate.read()
    await wired.gate.open()
    assert not wired.gate.faults


async def test_low_supply_at_open_is_refused(plug: Callable[..., PtyLine]) -> None:
    made = Wired(plug)
    with made.unit.rigged() as watch:
        watch.supply_mv = 12_000
    with pytest.raises(DeviceRefused, match=r"12\.0 V"):
        await made.gate.open()


async def test_weld_is_told_and_no_door_is_released(wired: Wired) -> None:
    await wired.gate.release(Door.EXIT, 0.2)
    wired.unit.weld(Relay.DOOR_B)

    async def disagrees() -> bool:
        return (await wired.gate.read()).disagrees == {Door.EXIT}

    async def cut() -> bool:
        return not wired.unit.unlocked(Door.EXIT)

    await until(disagrees)
    await until(cut)  # on a busy machine the reading can be ahead of the relay of the lock's supply
    assert (await wired.gate.read()).out_of_service
    with pytest.raises(ContactDisagrees):
        await wired.gate.release(Door.EXIT, 0.2)
    # The welded relay stands for a released door until the driver's own 100 ms have passed.
    with pytest.raises((ContactDisagrees, DeviceRefused)):
        await wired.gate.release(Door.ENTRY, 0.2)
    with pytest.raises(ContactDisagrees):
        await wired.gate.secure()
    assert "contact of the exit relay contradicts its command" in wired.gate.faults


async def test_contact_of_the_lock_supply_speaks_for_both_doors(wired: Wired) -> None:
    wired.unit.weld(Relay.LOCK_SUPPLY)

    async def disagrees() -> bool:
        return (await wired.gate.read()).disagrees == set(Door)

    await until(disagrees)
    with pytest.raises(ContactDisagrees, match="lock supply"):
        await wired.gate.release(Door.EXIT, 0.2)


async def test_relay_that_does_not_follow_is_told(wired: Wired) -> None:
    wired.unit.break_coil(Relay.DOOR_A)
    with pytest.raises(ContactDisagrees, match="entry relay did not close"):
        await wired.gate.release(Door.ENTRY, 1.0)
    assert wired.unit.status().leased == 0


async def test_doors_alarms_and_passages_as_the_unit_counts_them(wired: Wired) -> None:
    for _ in range(3):
        for current in (True, False):
            wired.unit.set_input(Input.PASSAGE, current)
            await asyncio.sleep(0.03)
            wired.unit.status()
    wired.unit.set_input(Input.DOOR_B_CLOSED, False)
    wired.unit.set_input(Input.CELL_EMPTY, False)
    await asyncio.sleep(0.03)
    reading = await wired.gate.read()
    assert (reading.passages, reading.entry, reading.exit) == (3, DoorPosition.CLOSED, DoorPosition.OPEN)
    assert reading.occupied
    assert not reading.emergency
    assert not reading.out_of_service
    assert wired.gate.faults == ("exit door opened without a lease",)
    with pytest.raises(DeviceRefused, match="opened without a lease"):
        await wired.gate.release(Door.ENTRY, 1.0)
    wired.unit.set_input(Input.FIRE_REST, False)
    wired.unit.set_input(Input.IN_SERVICE, False)
    await asyncio.sleep(0.03)
    reading = await wired.gate.read()
    assert reading.emergency
    assert reading.out_of_service


async def test_silence_unplugging_and_return(wired: Wired) -> None:
    await wired.gate.release(Door.EXIT, 5.0)
    wired.line.silent = True
    with pytest.raises(NoResponse):
        await wired.gate.read()
    wired.line.unplug()
    with pytest.raises(Disconnected):
        await wired.gate.read()
    wired.line.silent = False
    wired.line.replug()
    await wired.gate.open()
    assert (await wired.gate.read()).released == frozenset()
    await wired.gate.release(Door.EXIT, 0.2)


async def test_lost_reply_to_a_lease_is_not_asked_again(wired: Wired) -> None:
    wired.line.garble = lambda data: b"" if data[1] == Function.WRITE_REGISTERS else data
    with pytest.raises(NoResponse):
        await wired.gate.release(Door.EXIT, 1.0)
    wired.line.garble = None
    blocks = leases_in(wired.unit)
    assert len(blocks) == 1
    with pytest.raises(DeviceRefused, match="never both doors"):
        await wired.gate.release(Door.ENTRY, 1.0)


async def test_units_own_refusal_is_told(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_words: tuple[int, ...]) -> None:
        raise lease.LeaseRefused(Reason.SESSION)

    monkeypatch.setattr(wired.unit, "_lease", refuse)
    with pytest.raises(DeviceRefused, match="refuses the lease: the session has ended"):
        await wired.gate.release(Door.EXIT, 1.0)


# --- the driver's time, on a clock that moves when told -----------------------------------------------------------


class Timed:
    """A board client on a unit over a null modem; both clocks are one, and stand until moved."""

    def __init__(self, **options: Any) -> None:
        self.now = 50.0
        self.unit = GateIoUnit(monotonic=self.clock, key=options.get("key"))
        near, far = null_modem("gate")
        far.answer_with(self.handle)
        at = ModbusUnit("gate", near, protocol.BAUDRATE, number=1, spacers=spacers(1), timing=Timing(reply_s=1.0))
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.board = GateIoBoard(at, monotonic=self.clock, sleep=self.sleep, **options)

    def clock(self) -> float:
        return self.now

    def handle(self, data: bytes) -> bytes:
        self.now += 0.002
        return self.unit.handle(data)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now + seconds, woken))
        await woken

    async def settle(self) -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    async def advance(self, seconds: float, *, reading: bool) -> None:
        end = self.now + seconds
        while self.now < end:
            await self.settle()
            self.now = min(end, self.now + 0.02)
            due = [one for one in self.sleepers if one[0] <= self.now]
            self.sleepers = [one for one in self.sleepers if one[0] > self.now]
            for _, woken in due:
                if not woken.done():
                    woken.set_result(None)
            await self.settle()
            if reading:
                await self.board.read_inputs()

    async def opened(self) -> "Timed":
        await self.board.identify()
        await self.board.all_off()
        return self


@pytest.mark.parametrize("key", [None, KEY])
async def test_five_seconds_are_two_leases_of_one_session(key: bytes | None) -> None:
    desk = await Timed(key=key).opened()
    await desk.board.pulse(1, 50, expires_s=0.25)
    started = desk.now
    await desk.advance(4.9, reading=True)
    assert desk.unit.unlocked(Door.EXIT)
    await desk.advance(0.2, reading=True)
    assert not desk.unit.unlocked(Door.EXIT)
    blocks = leases_in(desk.unit)
    assert [block[2] <= 3000 for block in blocks] == [True, True]
    assert [block[5] for block in blocks] == [1, 2]
    assert blocks[0][3:5] == blocks[1][3:5]
    assert desk.now - started < 5.2
    desk.board.close()


async def test_lease_is_not_extended_after_all_off_or_a_fault() -> None:
    for spoil in (False, True):
        desk = await Timed().opened()
        await desk.board.pulse(1, 50, expires_s=0.25)
        if spoil:
            desk.unit.set_input(Input.DOOR_A_CLOSED, False)
        else:
            await desk.board.all_off()
        await desk.advance(4.0, reading=True)
        blocks = leases_in(desk.unit)
        assert len(blocks) == 1
        assert not desk.unit.unlocked(Door.EXIT)
        desk.board.close()


async def test_earlier_release_asks_for_nothing_in_a_later_one() -> None:
    desk = await Timed().opened()
    await desk.board.pulse(1, 50, expires_s=0.25)
    await desk.advance(1.0, reading=True)
    await desk.board.pulse(1, 20, expires_s=0.25)
    await desk.advance(1.9, reading=True)
    assert desk.unit.unlocked(Door.EXIT)
    blocks = leases_in(desk.unit)
    assert [block[4] for block in blocks] == [1, 2]
    await desk.advance(0.2, reading=True)
    assert not desk.unit.unlocked(Door.EXIT)
    desk.board.close()


async def test_owner_that_stops_reading_loses_the_outputs() -> None:
    desk = await Timed(watchdog_s=0.5, patience_s=1.0).opened()
    await desk.advance(3.0, reading=True)
    assert desk.unit.status().safe == Safe(0)
    await desk.board.pulse(1, 30, expires_s=0.25)
    await desk.advance(1.3, reading=False)
    assert desk.unit.unlocked(Door.EXIT)
    await desk.advance(0.4, reading=False)
    assert not desk.unit.unlocked(Door.EXIT)
    with pytest.raises(Disconnected, match="watchdog has tripped"):
        await desk.board.read_inputs()
    desk.board.close()


async def test_process_that_dies_loses_the_outputs_within_the_watchdog() -> None:
    desk = await Timed(watchdog_s=0.5).opened()
    await desk.board.pulse(1, 30, expires_s=0.25)
    desk.board.close()
    desk.now += 0.51
    assert not desk.unit.unlocked(Door.EXIT)


async def test_no_command_before_identity_and_no_lease_before_announcement() -> None:
    desk = Timed()
    with pytest.raises(DeviceRefused, match="identify comes before"):
        await desk.board.all_off()
    await desk.board.identify()
    with pytest.raises(DeviceRefused, match="all_off comes before"):
        await desk.board.pulse(0, 5, expires_s=0.25)
    assert desk.unit.writes == []


@pytest.mark.parametrize(("relay", "tenths"), [(2, 5), (-1, 5), (0, 0), (0, 51)])
async def test_impossible_pulses(relay: int, tenths: int) -> None:
    desk = await Timed().opened()
    with pytest.raises(ValueError, match=r"relay|tenths"):
        await desk.board.pulse(relay, tenths, expires_s=0.25)
    desk.board.close()


@pytest.mark.parametrize("seconds", [0.09, 2.1, float("nan")])
def test_watchdog_out_of_bounds(seconds: float) -> None:
    with pytest.raises(ValueError, match="watchdog_s is"):
        Timed(watchdog_s=seconds)
