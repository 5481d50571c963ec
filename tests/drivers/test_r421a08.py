"""R421A08: frames, whole seconds, off to everything once, an identity that is little, and its inputs elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.errors import DeviceRefused, Disconnected, IdentityMismatch, NoResponse
from drivers.gate import DryContactGate, DryContactWiring, waveshare_board
from drivers.gate.r421a08 import protocol
from drivers.gate.r421a08.board import R421A08Board, r421a08_board, spacers
from drivers.gate.split_board import SplitBoard
from drivers.gate.waveshare.board import WaveshareBoard as WaveshareClient
from drivers.gate.waveshare.board import spacers as waveshare_spacers
from drivers.modbus.client import ModbusClient
from drivers.modbus.frames import Function, Reply, Request, Values, Written, encode_reply, encode_request
from drivers.modbus_unit import ModbusUnit
from drivers.ports import Door, Gate
from drivers.transport.null_modem import null_modem
from hil.contracts.gate import GateContract
from hil.emulator.pty_line import PtyLine
from hil.emulator.r421a08 import R421A08
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio
NO_MIRRORS = DryContactWiring(entry_mirror=None, exit_mirror=None)

# The first three are of public code (hardware list and Erriez's examples); the last is computed.
EXCHANGES: list[tuple[Request, str, Reply, str]] = [
    (
        protocol._write(1, 0, protocol.ON),
        "01 06 00 01 01 00 D9 9A",
        Written(1, 6, 1, 0x0100),
        "01 06 00 01 01 00 D9 9A",
    ),
    (protocol.pulse(1, 0, 2), "01 06 00 01 06 02 5A 6B", Written(1, 6, 1, 0x0602), "01 06 00 01 06 02 5A 6B"),
    (protocol.read_relays(1, 1), "01 03 00 01 00 01 D5 CA", Values(1, 3, (1,)), "01 03 02 00 01 79 84"),
    (protocol.off(1, 7), "01 06 00 08 02 00 09 68", Written(1, 6, 8, 0x0200), "01 06 00 08 02 00 09 68"),
]


@pytest.mark.parametrize(("request_", "asked", "reply", "answered"), EXCHANGES)
def test_frames_whole_bytewise_and_among_garbage(request_: Request, asked: str, reply: Reply, answered: str) -> None:
    assert encode_request(request_) == bytes.fromhex(asked)
    frame = bytes.fromhex(answered)
    assert encode_reply(reply) == frame
    for before, after in ((b"", b""), (b"\x00\xff", b""), (b"\x01", b"\x01"), (frame[:3], b"")):
        data = before + frame + after
        for size in (1, 2, len(data)):
            end = ModbusClient(spacers(1))
            end.send(request_)
            got = [end.receive(data[at : at + size]) for at in range(0, len(data), size)]
            assert [one for one in got if one is not None] == [reply]


def test_two_reads_of_one_length_never_follow_each_other() -> None:
    end = ModbusClient(spacers(1))
    end.send(protocol.read_relays(1))
    between = end.spacer(protocol.read_relays(1))
    assert between == protocol.read_relays(1, 4)
    assert between is not None
    end.send(between)
    assert end.spacer(protocol.read_relays(1)) is None
    with pytest.raises(ValueError, match="differ in function, or at least in length"):
        ModbusClient((protocol.read_relays(1), protocol.read_relays(1)))


@pytest.mark.parametrize("seconds", [0, 256, -1])
def test_seconds_out_of_bounds(seconds: int) -> None:
    with pytest.raises(ValueError, match="whole seconds"):
        protocol.pulse(1, 0, seconds)


def on_null_modem(board: R421A08) -> R421A08Board:
    near, far = null_modem("gate")
    far.answer_with(board.handle)
    return R421A08Board(ModbusUnit("gate", near, 57600, number=1, spacers=spacers(1)))


async def test_a_pulse_is_cut_to_whole_seconds_and_ends_by_itself() -> None:
    now = [0.0]
    board = R421A08(monotonic=lambda: now[0])
    client = on_null_modem(board)
    await client.pulse(3, 29, expires_s=1.0)
    assert board.writes == [protocol.pulse(1, 3, 2)]
    now[0] = 1.99
    assert board.coil(3)
    now[0] = 2.01
    assert not board.coil(3)
    with pytest.raises(ValueError, match="shortest pulse"):
        await client.pulse(3, 9, expires_s=1.0)
    client.close()


async def test_the_first_off_reaches_all_and_later_ones_what_may_be_on() -> None:
    board = R421A08()
    client = on_null_modem(board)
    board.switch(6, True)
    await client.all_off()
    assert board.writes == [protocol.off(1, relay) for relay in range(8)]
    board.writes.clear()
    await client.all_off()
    assert board.writes == []
    board.switch(5, True)
    await client.pulse(2, 10, expires_s=1.0)
    board.writes.clear()
    await client.all_off()
    assert board.writes == [protocol.off(1, 2), protocol.off(1, 5)]
    client.close()


async def test_something_else_is_not_commanded(plug: Callable[..., PtyLine]) -> None:
    strange = R421A08(first=200)
    board = r421a08_board("gate", plug(strange, "strange").path)()
    with pytest.raises(IdentityMismatch, match="holds 0 or 1 in each"):
        await board.identify()
    board.close()
    other = r421a08_board("gate", plug(WaveshareBoard(), "other").path)()
    with pytest.raises(IdentityMismatch, match="no R421A08 relay board at unit 1"):
        await other.identify()
    other.close()
    silent = r421a08_board("gate", plug(R421A08(unit=2), "silent").path)()
    with pytest.raises(NoResponse):
        await silent.identify()
    silent.close()
    assert strange.writes == []


class TestSplit(GateContract):
    """Relays of an R421A08, inputs of a Waveshare board, each on a line of its own."""

    device = "gate.r421a08"
    short_s = 1.0
    out_of_bounds = (0.0, -1.0, 0.09, 5.01, float("inf"), float("nan"))

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        relays, inputs = R421A08(), WaveshareBoard(baudrate=57600, mirrors={})
        if kind == "pty":
            ports = {"relays": plug(relays, "relays").path, "inputs": plug(inputs, "inputs").path}
            return self.real({**ports, "baudrate": 57600})

        def connect() -> SplitBoard:
            near, far = null_modem("inputs")
            far.answer_with(inputs.handle)
            unit = ModbusUnit("inputs", near, 57600, number=1, spacers=waveshare_spacers(1))
            return SplitBoard(on_null_modem(relays), WaveshareClient(unit))

        return DryContactGate("gate", connect, NO_MIRRORS)

    def real(self, options: dict[str, Any]) -> Gate:
        outputs = r421a08_board("gate", options["relays"])
        sensors = waveshare_board("gate inputs", options["inputs"], baudrate=options["baudrate"])
        return DryContactGate("gate", lambda: SplitBoard(outputs(), sensors()), NO_MIRRORS)


async def test_losing_either_board_is_losing_the_gate(plug: Callable[..., PtyLine]) -> None:
    lines = {name: plug(board, name) for name, board in (("relays", R421A08()), ("inputs", WaveshareBoard()))}
    for name, line in lines.items():
        options = {key: one.path for key, one in lines.items()} | {"baudrate": 57600}
        gate = TestSplit().real(options)
        await gate.open()
        line.unplug()
        with pytest.raises(Disconnected):
            await gate.read()
        await gate.close()
        line.replug()
        assert name in line.path


async def test_a_board_without_inputs_cannot_be_wired_to_any() -> None:
    gate = DryContactGate("gate", lambda: on_null_modem(R421A08()), NO_MIRRORS)
    with pytest.raises(ValueError, match="input"):
        await gate.open()


async def test_a_release_below_one_second_is_refused_in_words() -> None:
    nothing = dict.fromkeys(("entry_closed", "exit_closed", "occupied", "passage", "out_of_service", "emergency"))
    wiring = DryContactWiring(**nothing, entry_mirror=None, exit_mirror=None)
    gate = DryContactGate("gate", lambda: on_null_modem(R421A08()), wiring)
    await gate.open()
    with pytest.raises(ValueError, match="shortest pulse of an R421A08 is 1 s"):
        await gate.release(Door.EXIT, 0.5)
    await gate.close()


async def test_a_refusal_is_told(plug: Callable[..., PtyLine]) -> None:
    class Refusing:
        def handle(self, data: bytes) -> bytes:
            return bytes.fromhex("01 86 04 43 A3")

    board = r421a08_board("gate", plug(Refusing()).path)()
    with pytest.raises(DeviceRefused, match="server device failure"):
        await board._unit.write(protocol.off(1, 0))
    board.close()
    assert Function.WRITE_REGISTER == 6
