"""The identity of the relay board: another board, another mode, something else on the port; nothing is commanded."""

from collections.abc import Callable

import pytest

from drivers.errors import DeviceRefused, IdentityMismatch, NoResponse
from drivers.gate import open_waveshare_gate
from drivers.modbus.frames import Refusal, encode_reply
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio
BAUD = 57600


@pytest.mark.parametrize(
    ("board", "version", "message"),
    [
        (WaveshareBoard(baudrate=BAUD, version=100), 200, "V1.00, V2.00 is configured"),
        (WaveshareBoard(baudrate=BAUD, version=0), None, "no plausible version"),
        (WaveshareBoard(baudrate=BAUD, control_modes=(0, 0, 1, 0, 0, 0, 0, 0)), None, r"inputs \[2\] drive relays"),
    ],
)
async def test_wrong_board(
    plug: Callable[..., PtyLine], board: WaveshareBoard, version: int | None, message: str
) -> None:
    gate = open_waveshare_gate("gate", plug(board).path, baudrate=BAUD, version=version)
    board._switch(3, True)
    with pytest.raises(IdentityMismatch, match=message):
        await gate.open()
    assert board.coil(3), "nothing may be commanded on a board that is not ours"


async def test_something_else_on_the_port(plug: Callable[..., PtyLine]) -> None:
    class Modem:
        def handle(self, data: bytes) -> bytes:
            return b"\r\nERROR\r\n"

    with pytest.raises(IdentityMismatch, match="not a Waveshare relay board"):
        await open_waveshare_gate("gate", plug(Modem()).path, baudrate=BAUD).open()


async def test_board_at_another_unit_is_silent(plug: Callable[..., PtyLine]) -> None:
    with pytest.raises(NoResponse, match="unit"):
        await open_waveshare_gate("gate", plug(WaveshareBoard(unit=2)).path, baudrate=BAUD).open()


async def test_board_without_mode_registers_is_taken(plug: Callable[..., PtyLine]) -> None:
    gate = open_waveshare_gate("gate", plug(WaveshareBoard(baudrate=BAUD, control_modes=None)).path, baudrate=BAUD)
    assert (await gate.open()).firmware == "V2.00"
    await gate.close()


async def test_board_that_will_not_tell_its_modes_is_refused(plug: Callable[..., PtyLine]) -> None:
    board = WaveshareBoard(baudrate=BAUD)
    handle = board.handle
    failing = encode_reply(Refusal(1, 3, 4))
    board.handle = lambda data: failing if data[1:4] == b"\x03\x10\x00" else handle(data)
    with pytest.raises(DeviceRefused, match="control modes: server device failure"):
        await open_waveshare_gate("gate", plug(board).path, baudrate=BAUD).open()
