"""ICP DAS M-7000: frames, identity, the watchdog set and proved, ends owed, restarts and trips noticed."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from drivers.errors import (
    ContactDisagrees,
    DeviceRefused,
    Disconnected,
    IdentityMismatch,
    NoResponse,
    RemoteProtocolError,
)
from drivers.gate import DryContactGate, DryContactWiring, coils, host_timed
from drivers.gate.icpdas import protocol
from drivers.gate.icpdas.board import IcpDasBoard, icpdas_board, spacers
from drivers.gate.icpdas.protocol import M_7060, Addresses
from drivers.modbus.client import ModbusClient
from drivers.modbus.frames import Refusal, Reply, Request, Values, Written, encode_reply, encode_request, seal
from drivers.modbus_unit import ModbusUnit
from drivers.ports import Door, Gate
from drivers.session import Timing
from drivers.transport.null_modem import NullModemEnd, null_modem
from hil.contracts.gate import GateContract
from hil.emulator.icpdas import IcpDasModule
from hil.emulator.pty_line import PtyLine

pytestmark = pytest.mark.anyio
BAUD = 57600
WIRING = DryContactWiring(
    entry_closed=0,
    exit_closed=1,
    occupied=None,
    passage=None,
    out_of_service=None,
    emergency=None,
    entry_mirror=2,
    exit_mirror=3,
)


class Clock:
    """Time that moves only when told; `run` moves it from sleeper to sleeper until a call has returned."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._count), woken))
        await woken

    async def settle(self) -> None:
        """Let everything happen that needs no time; an exchange over the null modem takes a few turns."""
        for _ in range(100):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        end = self.now + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._wake()
            await self.settle()
        self.now = end

    def _wake(self) -> None:
        at, _, woken = heapq.heappop(self._sleepers)
        self.now = max(self.now, at)
        if not woken.done():
            woken.set_result(None)

    async def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        task = asyncio.ensure_future(call)
        for _ in range(1000):
            await self.settle()
            if task.done():
                return await task
            if self._sleepers:
                self._wake()
        raise AssertionError("the call never returned")


class Bench:
    """A board client on an emulated module over a null modem, both on one clock; the line keeps no real silence."""

    def __init__(self, module: IcpDasModule | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.module = module or IcpDasModule(baudrate=BAUD, monotonic=self.clock, **options)
        self.line: NullModemEnd | None = None
        self.silent = False

    def connect(self, **options: Any) -> IcpDasBoard:
        near, far = null_modem("gate")
        far.answer_with(lambda data: b"" if self.silent else self.module.handle(data))
        self.line = near
        unit = ModbusUnit("gate", near, BAUD, number=1, spacers=spacers(1), timing=Timing())
        return IcpDasBoard(unit, monotonic=self.clock, sleep=self.clock.sleep, **options)

    async def opened(self, **options: Any) -> IcpDasBoard:
        board = self.connect(**options)
        await board.identify()
        await self.clock.run(board.all_off())
        return board


@pytest.fixture
async def desk() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    if made.line is not None:
        made.line.close()


# --- bytes ----------------------------------------------------------------------------------------------------

EXCHANGES: list[tuple[Request, str, Reply, str]] = [
    # EX-9060-M manual pages 46 and 47: time-out status and time-out value.
    (coils.read_coils(1, protocol.WATCHDOG_TIMED_OUT), "01 01 01 0D 00 01", Values(1, 1, (1,)), "01 01 01 01"),
    (coils.read_registers(1, 0x01E8), "01 03 01 E8 00 01", Values(1, 3, (10,)), "01 03 02 00 0A"),
    (coils.write_coil(1, 0, True), "01 05 00 00 FF 00", Written(1, 5, 0, 0xFF00), "01 05 00 00 FF 00"),
    (coils.write_coil(1, 0, False), "01 05 00 00 00 00", Written(1, 5, 0, 0), "01 05 00 00 00 00"),
    (protocol.write_watchdog_time(1, 0x01E8, 10), "01 06 01 E8 00 0A", Written(1, 6, 0x1E8, 10), "01 06 01 E8 00 0A"),
    (coils.write_coils_off(1, 0x80, 4), "01 0F 00 80 00 04 01 00", Written(1, 15, 0x80, 4), "01 0F 00 80 00 04"),
    (coils.read_registers(1, protocol.MODULE_NAME, 2), "01 03 01 E2 00 02", Refusal(1, 3, 2), "01 83 02"),
]


@pytest.mark.parametrize(("request_", "asked", "reply", "answered"), EXCHANGES)
def test_frames_whole_bytewise_and_among_garbage(request_: Request, asked: str, reply: Reply, answered: str) -> None:
    assert encode_request(request_) == seal(bytes.fromhex(asked))
    frame = seal(bytes.fromhex(answered))
    assert encode_reply(reply) == frame
    for before, after in ((b"", b""), (b"\x00\xff", b""), (b"\x01", b"\x01"), (frame[:3], frame[:-1])):
        data = before + frame + after
        for size in (1, 2, len(data)):
            end = ModbusClient(spacers(1))
            end.send(request_)
            got = [end.receive(data[at : at + size]) for at in range(0, len(data), size)]
            assert [one for one in got if one is not None] == [reply]


def test_known_check_bytes() -> None:
    assert encode_request(coils.write_coil(1, 0, True)).hex(" ") == "01 05 00 00 ff 00 8c 3a"
    assert encode_request(coils.write_coil(1, 0, False)).hex(" ") == "01 05 00 00 00 00 cd ca"


def test_emulator_takes_requests_byte_by_byte_and_after_garbage() -> None:
    now = [0.0]
    module = IcpDasModule(monotonic=lambda: now[0])
    frame = encode_request(coils.read_registers(1, protocol.MODULE_NAME, 2))
    whole = module.handle(frame)
    assert whole == seal(bytes.fromhex("01 03 04 60 00 00 70"))
    now[0] += 1.0
    assert b"".join(module.handle(bytes((byte,))) for byte in frame) == whole
    now[0] += 1.0
    assert module.handle(b"\xff\x00garbage") == b""
    now[0] += 1.0
    assert module.handle(frame) == whole


# --- identity -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [(0x6000, 0x0070), (0x0070, 0x6000)])
async def test_identity_takes_the_name_in_either_word_order(name: tuple[int, int]) -> None:
    identity = await Bench(name=name).connect().identify()
    assert (identity.model, identity.firmware) == ("ICP DAS M-7060", "00B10105")
    assert not identity.verified_on_hardware


async def test_another_module_is_not_commanded(desk: Bench) -> None:
    desk = Bench(name=(0x6500, 0x0070))
    desk.module.set_bit(0, True)
    board = desk.connect()
    with pytest.raises(IdentityMismatch, match="calls itself 6500 0070, not M-7060"):
        await board.identify()
    with pytest.raises(DeviceRefused, match="identify comes before"):
        await board.all_off()
    assert desk.module.writes == []
    assert desk.module.coil(0)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (encode_reply(Refusal(1, 3, 2)), IdentityMismatch),
        (b"!01\r", IdentityMismatch),
        (encode_reply(Values(1, 3, (0x6000,))), IdentityMismatch),
        (b"", NoResponse),
    ],
)
async def test_something_else_on_the_port(plug: Callable[..., PtyLine], reply: bytes, error: type[Exception]) -> None:
    class Other:
        def handle(self, data: bytes) -> bytes:
            return reply

    gate = DryContactGate("gate", icpdas_board("gate", plug(Other()).path, baudrate=BAUD), WIRING)
    with pytest.raises(error):
        await gate.open()


# --- arming ---------------------------------------------------------------------------------------------------


async def test_opening_sets_safe_values_and_arms_the_watchdog(desk: Bench) -> None:
    for address in (1, protocol.SAFE_VALUE + 1, Addresses().power_on + 2, protocol.WATCHDOG_MODE):
        desk.module.set_bit(address, True)
    board = await desk.opened(watchdog_s=1.2)
    assert not any(desk.module.bit(base + 1) for base in (0, protocol.SAFE_VALUE))
    assert not desk.module.bit(Addresses().power_on + 2)
    assert not desk.module.bit(protocol.WATCHDOG_MODE)
    assert desk.module.bit(protocol.WATCHDOG_ENABLE)
    assert await board._unit.read(coils.read_registers(1, 0x01E8)) == (12,)
    assert desk.clock.now == pytest.approx(3 * 1.2)
    assert board.restarted_before_open is True
    assert board.timed_out_before_open is False


async def test_settings_that_are_right_are_not_written_again(desk: Bench) -> None:
    (await desk.opened()).close()
    desk.module.writes.clear()
    board = await desk.opened(prove_watchdog=False)
    assert desk.module.writes == [coils.write_coils_off(1, 0, 4)]
    assert board.restarted_before_open is False


async def test_time_out_of_an_earlier_host_is_cleared_by_opening_and_told(desk: Bench) -> None:
    (await desk.opened()).close()
    desk.clock.now += 60.0
    assert desk.module.bit(protocol.WATCHDOG_TIMED_OUT)
    board = await desk.opened(prove_watchdog=False)
    assert board.timed_out_before_open is True
    assert not desk.module.bit(protocol.WATCHDOG_TIMED_OUT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trips": False}, r"did not trip after 1\.5 s of silence"),
        ({"fed_by_requests": False}, "trips although requests arrive"),
        ({"stuck": frozenset({0x01E8})}, r"time reads \(0,\), \(10,\) was written"),
        ({"stuck": frozenset({protocol.WATCHDOG_ENABLE})}, "cannot be enabled"),
        ({"addresses": Addresses(watchdog_time=0x01F0)}, "illegal data address"),
    ],
)
async def test_watchdog_that_does_not_do_its_work_stops_the_open(options: dict[str, Any], message: str) -> None:
    desk = Bench(**options)
    with pytest.raises(DeviceRefused, match=message):
        await desk.opened()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (protocol.SAFE_VALUE, "safe values"),
        (Addresses().power_on, "power-on values"),
        (protocol.WATCHDOG_MODE, "outputs clear its time-out"),
        (protocol.WATCHDOG_TIMED_OUT, "cannot be cleared"),
    ],
)
async def test_setting_that_will_not_change_stops_the_open(address: int, message: str) -> None:
    desk = Bench(stuck=frozenset({address}))
    desk.module.set_bit(address, True)
    with pytest.raises(DeviceRefused, match=message):
        await desk.opened()


async def test_module_without_watchdog_modes_is_taken() -> None:
    await Bench(has_mode=False).opened()


async def test_no_pulse_before_the_watchdog_is_armed(desk: Bench) -> None:
    board = desk.connect()
    await board.identify()
    with pytest.raises(DeviceRefused, match="not armed"):
        await board.pulse(0, 5, expires_s=0.25)
    assert desk.module.writes == []


@pytest.mark.parametrize("seconds", [0.7, 5.1, 0.0, float("nan")])
def test_watchdog_times_out_of_bounds(seconds: float) -> None:
    with pytest.raises(ValueError, match="watchdog_s is"):
        Bench().connect(watchdog_s=seconds)


# --- pulses ---------------------------------------------------------------------------------------------------


async def test_host_ends_a_pulse_on_time(desk: Bench) -> None:
    board = await desk.opened()
    await board.pulse(1, 5, expires_s=0.25)
    await desk.clock.advance(0.45)
    assert await board.read_relays() == (False, True, False, False)
    await desk.clock.advance(0.1)
    assert await board.read_relays() == (False, False, False, False)


async def test_host_that_dies_leaves_the_relay_to_the_watchdog(desk: Bench) -> None:
    board = await desk.opened()
    await board.pulse(1, 50, expires_s=0.25)
    board.close()
    started = desk.clock.now
    desk.clock.now = started + 0.99
    assert desk.module.contact(1)
    desk.clock.now = started + 1.01
    assert not desk.module.contact(1)


async def test_reading_keeps_a_long_pulse_alive(desk: Bench) -> None:
    board = await desk.opened()
    await board.pulse(1, 30, expires_s=0.25)
    for _ in range(9):
        await desk.clock.advance(0.3)
        assert (await board.read_relays())[1]
    await desk.clock.advance(0.4)
    assert not desk.module.coil(1)
    assert not desk.module.bit(protocol.WATCHDOG_TIMED_OUT)


async def test_switching_off_that_is_lost_is_sent_before_the_next_reading(desk: Bench) -> None:
    board = await desk.opened()
    await board.pulse(1, 5, expires_s=0.25)
    desk.silent = True
    await desk.clock.advance(0.6)
    await asyncio.sleep(0.3)
    desk.silent = False
    assert desk.module.coil(1)
    assert await board.read_relays() == (False, False, False, False)


async def test_start_whose_reply_is_lost_is_ended_and_not_repeated(desk: Bench) -> None:
    board = await desk.opened()
    desk.module.writes.clear()
    handle = desk.module.handle
    desk.module.handle = lambda data: handle(data) if data[1] != 5 else handle(data)[:0]
    with pytest.raises(NoResponse):
        await board.pulse(1, 5, expires_s=0.25)
    assert desk.module.writes == [coils.write_coil(1, 1, True)]
    desk.module.handle = handle
    await desk.clock.advance(0.6)
    await asyncio.sleep(0.8)
    assert desk.module.writes == [coils.write_coil(1, 1, True), coils.write_coil(1, 1, False)]
    assert not desk.module.coil(1)


async def test_all_off_beside_a_pulse_never_strikes_its_end_off(desk: Bench) -> None:
    board = await desk.opened()
    await asyncio.gather(board.all_off(), board.pulse(1, 5, expires_s=0.25))
    for _ in range(4):
        await desk.clock.advance(0.2)
        await board.read_relays()
    assert not desk.module.coil(1)


async def test_all_off_ends_a_pulse(desk: Bench) -> None:
    board = await desk.opened()
    await board.pulse(1, 50, expires_s=0.25)
    await board.all_off()
    assert not desk.module.coil(1)
    assert board._ends._ends == {}


@pytest.mark.parametrize(("relay", "tenths"), [(4, 1), (-1, 1), (0, 0)])
async def test_impossible_pulses(desk: Bench, relay: int, tenths: int) -> None:
    board = await desk.opened()
    with pytest.raises(ValueError, match=r"relay|tenths"):
        await board.pulse(relay, tenths, expires_s=0.25)


# --- restarts and trips ---------------------------------------------------------------------------------------


async def test_restart_is_noticed_by_reading_and_stays_noticed(desk: Bench) -> None:
    board = await desk.opened()
    await board.read_relays()
    desk.module.reboot()
    await desk.clock.advance(0.5)
    for _ in range(2):
        with pytest.raises(Disconnected, match="has restarted since"):
            await board.read_relays()
    await board.all_off()
    with pytest.raises(Disconnected):
        await board.read_inputs()


async def test_no_pulse_on_a_module_that_has_restarted(desk: Bench) -> None:
    board = await desk.opened()
    desk.module.reboot()
    with pytest.raises(Disconnected, match="has restarted"):
        await board.pulse(0, 5, expires_s=0.25)
    assert not desk.module.coil(0)


async def test_trip_is_noticed_and_not_cleared_by_reading_or_releasing(desk: Bench) -> None:
    board = await desk.opened()
    desk.clock.now += 1.5
    with pytest.raises(Disconnected, match="host watchdog has tripped"):
        await board.pulse(0, 5, expires_s=0.25)
    with pytest.raises(Disconnected, match="host watchdog has tripped"):
        await board.read_relays()
    await board.all_off()
    assert desk.module.bit(protocol.WATCHDOG_TIMED_OUT)
    assert not desk.module.coil(0)
    (await desk.opened()).close()
    assert not desk.module.bit(protocol.WATCHDOG_TIMED_OUT)


async def test_readings_look_at_the_flags_twice_a_second_and_no_more(desk: Bench) -> None:
    board = await desk.opened()
    await board.read_relays()
    asked: list[bytes] = []
    handle = desk.module.handle
    desk.module.handle = lambda data: (asked.append(data), handle(data))[1]
    for _ in range(10):
        await board.read_relays()
        await desk.clock.advance(0.1)
    flags = [data for data in asked if data[:4] == bytes((1, 1, 0x01, 0x0D))]
    assert len(flags) == 1 / host_timed.CHECK_EVERY_S - 1


class TestContract(GateContract):
    device = "gate.icpdas"

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        module = IcpDasModule(baudrate=BAUD)
        if kind == "pty":
            connect = icpdas_board("gate", plug(module).path, baudrate=BAUD, prove_watchdog=False)
            return DryContactGate("gate", connect, WIRING)

        def on_null_modem() -> IcpDasBoard:
            near, far = null_modem("gate")
            far.answer_with(module.handle)
            unit = ModbusUnit("gate", near, BAUD, number=1, spacers=spacers(1))
            return IcpDasBoard(unit, prove_watchdog=False)

        return DryContactGate("gate", on_null_modem, WIRING)

    def real(self, options: dict[str, Any]) -> Gate:
        return DryContactGate("gate", icpdas_board("gate", **options), WIRING)


# --- the gate on it -------------------------------------------------------------------------------------------


class OnPty:
    """A gate on the emulated module on a pseudo-terminal."""

    def __init__(self, plug: Callable[..., PtyLine]) -> None:
        self.module = IcpDasModule(baudrate=BAUD)
        self.line = plug(self.module)
        connect = icpdas_board("gate", self.line.path, baudrate=BAUD, prove_watchdog=False)
        self.gate = DryContactGate("gate", connect, WIRING)


@pytest.fixture
async def on_pty(plug: Callable[..., PtyLine]) -> AsyncIterator[OnPty]:
    made = OnPty(plug)
    yield made
    await made.gate.close()


async def test_gate_on_a_pty_with_the_watchdog_proved(plug: Callable[..., PtyLine]) -> None:
    module = IcpDasModule(baudrate=BAUD)
    connect = icpdas_board("gate", plug(module).path, baudrate=BAUD, watchdog_s=0.8)
    gate = DryContactGate("gate", connect, WIRING)
    assert (await gate.open()).model == "ICP DAS M-7060"
    await gate.release(Door.EXIT, 0.3)
    assert module.contact(1)
    await gate.close()
    assert not module.contact(1)


async def test_relay_that_does_not_close(on_pty: OnPty) -> None:
    await on_pty.gate.open()
    on_pty.module.break_coil(1)
    with pytest.raises(ContactDisagrees, match="exit relay did not close"):
        await on_pty.gate.release(Door.EXIT, 5.0)
    assert not on_pty.module.coil(1)


async def test_relay_welded_before_open(on_pty: OnPty) -> None:
    on_pty.module.weld(0)
    with pytest.raises(ContactDisagrees):
        await on_pty.gate.open()


async def test_restart_during_a_release_ends_in_disconnected_and_a_new_open(on_pty: OnPty) -> None:
    await on_pty.gate.open()
    await on_pty.gate.release(Door.EXIT, 5.0)
    on_pty.module.reboot()
    with pytest.raises(Disconnected, match="has restarted"):
        await on_pty.gate.release(Door.EXIT, 5.0)
    await on_pty.gate.open()
    await on_pty.gate.release(Door.EXIT, 0.1)


async def test_unplugging_and_coming_back(on_pty: OnPty) -> None:
    await on_pty.gate.open()
    await on_pty.gate.release(Door.EXIT, 5.0)
    on_pty.line.unplug()
    with pytest.raises(Disconnected):
        await on_pty.gate.read()
    on_pty.line.replug()
    await on_pty.gate.open()
    assert (await on_pty.gate.read()).released == frozenset()


async def test_garbage_on_the_line_is_an_error_and_no_release(on_pty: OnPty) -> None:
    await on_pty.gate.open()
    on_pty.line.garble = lambda data: bytes(byte ^ 0x10 for byte in data)
    with pytest.raises(RemoteProtocolError):
        await on_pty.gate.read()
    with pytest.raises((NoResponse, RemoteProtocolError)):
        await on_pty.gate.release(Door.EXIT, 0.5)
    assert not on_pty.module.contact(1)


def test_module_table() -> None:
    assert M_7060.name == 0x00706000
    assert protocol.names(0x0070, 0x6000) == {(0x6000, 0x0070), (0x0070, 0x6000)}
