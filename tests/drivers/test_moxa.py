"""Moxa ioLogik R1214: frames, identity in either byte order, settings read back, the watchdog armed and proved."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.errors import ContactDisagrees, DeviceRefused, Disconnected, IdentityMismatch, NoResponse
from drivers.gate import DryContactGate, DryContactWiring, coils
from drivers.gate.host_timed import HostTimedBoard
from drivers.gate.moxa import protocol
from drivers.gate.moxa.board import MoxaBoard, moxa_board, spacers
from drivers.modbus.client import ModbusClient
from drivers.modbus.frames import Reply, Request, Values, Written, encode_reply, encode_request, seal
from drivers.modbus_unit import ModbusUnit
from drivers.ports import Door, Gate
from drivers.transport.null_modem import null_modem
from hil.contracts.gate import GateContract
from hil.contracts.host_timed import Desk, HostTimedContract
from hil.emulator.moxa import MoxaModule
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio
BAUD = 57600
WIRING = DryContactWiring(passage=3, out_of_service=None, emergency=None, entry_mirror=4, exit_mirror=5)


class MoxaDesk(Desk):
    def __init__(self, **options: Any) -> None:
        self._options = options
        super().__init__()

    def emulate(self) -> MoxaModule:
        return MoxaModule(baudrate=BAUD, monotonic=self.clock, **self._options)

    def drive(self, unit: ModbusUnit, **options: Any) -> HostTimedBoard:
        return MoxaBoard(unit, monotonic=self.clock, sleep=self.clock.sleep, **options)

    def spacers(self) -> Any:
        return spacers(1)


class TestHostTimed(HostTimedContract):
    timeout_s = 1.0
    first_relay = protocol.LAYOUT.relays_at

    def make(self) -> Desk:
        return MoxaDesk()


class TestContract(GateContract):
    device = "gate.moxa"

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        module = MoxaModule(baudrate=BAUD)
        if kind == "pty":
            connect = moxa_board("gate", plug(module).path, baudrate=BAUD, prove_watchdog=False)
            return DryContactGate("gate", connect, WIRING)

        def on_null_modem() -> MoxaBoard:
            near, far = null_modem("gate")
            far.answer_with(module.handle)
            return MoxaBoard(ModbusUnit("gate", near, BAUD, number=1, spacers=spacers(1)), prove_watchdog=False)

        return DryContactGate("gate", on_null_modem, WIRING)

    def real(self, options: dict[str, Any]) -> Gate:
        return DryContactGate("gate", moxa_board("gate", **options), WIRING)


# All computed: the manual gives addresses, no frames.
EXCHANGES: list[tuple[Request, str, Reply, str]] = [
    (coils.write_coil(1, 0x0140, True), "01 05 01 40 FF 00", Written(1, 5, 0x140, 0xFF00), "01 05 01 40 FF 00"),
    (coils.write_register(1, 0x7565, 2), "01 06 75 65 00 02", Written(1, 6, 0x7565, 2), "01 06 75 65 00 02"),
    (coils.read_registers(1, 0x7564, 3), "01 03 75 64 00 03", Values(1, 3, (1, 2, 0)), "01 03 06 00 01 00 02 00 00"),
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


@pytest.mark.parametrize("swapped", [False, True])
async def test_the_name_is_taken_in_either_byte_order(swapped: bool) -> None:
    desk = MoxaDesk(swapped=swapped)
    identity = await desk.connect().identify()
    assert identity.model == "Moxa ioLogik R1214"
    assert not identity.verified_on_hardware
    desk.close()


async def test_another_module_is_not_commanded(plug: Callable[..., PtyLine]) -> None:
    desk = MoxaDesk(name="ioLogik R1240")
    with pytest.raises(IdentityMismatch, match="calls itself 'ioLogik R1240'"):
        await desk.connect().identify()
    assert desk.module.writes == []
    desk.close()
    board = moxa_board("gate", plug(WaveshareBoard(baudrate=BAUD), "other").path, baudrate=BAUD)()
    with pytest.raises(IdentityMismatch, match="unit 1"):
        await board.identify()
    board.close()
    silent = moxa_board("gate", plug(MoxaModule(unit=2), "silent").path, baudrate=BAUD)()
    with pytest.raises(NoResponse):
        await silent.identify()
    silent.close()


async def test_opening_puts_safe_values_filters_and_watchdog_right() -> None:
    desk = MoxaDesk()
    (await desk.opened(watchdog_s=2)).close()
    module = desk.module
    assert isinstance(module, MoxaModule)
    assert {module.register(protocol.SAFE_MODE + relay) for relay in range(6)} == {protocol.SAFE_OFF}
    assert all(1 <= module.register(protocol.INPUT_FILTER + number) <= 100 for number in range(6))
    assert module.register(protocol.WATCHDOG_ENABLE) == protocol.ENABLED
    assert module.register(protocol.WATCHDOG_SECONDS) == 2
    desk.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trips": False}, "did not trip"),
        ({"fed_by_requests": False}, "trips although requests arrive"),
        ({"stuck": frozenset({protocol.SAFE_MODE + 1})}, "safe values"),
        ({"stuck": frozenset({protocol.WATCHDOG_SECONDS})}, "the watchdog reads"),
        ({"stuck": frozenset({protocol.WATCHDOG_ENABLE})}, "the watchdog reads"),
        ({"lag_s": 5.0}, "did not trip"),
    ],
)
async def test_a_module_that_does_not_do_its_work_stops_the_open(options: dict[str, Any], message: str) -> None:
    desk = MoxaDesk(**options)
    with pytest.raises(DeviceRefused, match=message):
        await desk.opened()
    desk.close()


async def test_an_input_that_counts_is_refused() -> None:
    desk = MoxaDesk()
    assert isinstance(desk.module, MoxaModule)
    desk.module.set_register(protocol.INPUT_MODE + 2, 1)
    with pytest.raises(IdentityMismatch, match=r"inputs \[2\] count events"):
        await desk.connect().identify()
    desk.close()


async def test_a_restart_that_loses_the_watchdogs_settings_is_noticed() -> None:
    desk = MoxaDesk(keeps_watchdog=False)
    board = await desk.opened()
    assert isinstance(desk.module, MoxaModule)
    desk.module.reboot()
    with pytest.raises(Disconnected, match="restarted"):
        await board.pulse(0, 5, expires_s=0.25)
    desk.close()


@pytest.mark.parametrize("seconds", [0, 6, 1.5])
def test_watchdog_times_out_of_bounds(seconds: float) -> None:
    with pytest.raises(ValueError, match="whole seconds"):
        MoxaDesk().connect(watchdog_s=seconds)


async def test_broken_relay_and_unplugging(plug: Callable[..., PtyLine]) -> None:
    module = MoxaModule(baudrate=BAUD)
    line = plug(module)
    gate = DryContactGate("gate", moxa_board("gate", line.path, baudrate=BAUD, prove_watchdog=False), WIRING)
    await gate.open()
    module.break_coil(1)
    with pytest.raises(ContactDisagrees, match="exit relay did not close"):
        await gate.release(Door.EXIT, 0.3)
    module.repair()
    line.unplug()
    with pytest.raises(Disconnected):
        await gate.read()
    await gate.close()
    line.replug()
    await gate.open()
    await gate.release(Door.EXIT, 0.3)
    await gate.close()
