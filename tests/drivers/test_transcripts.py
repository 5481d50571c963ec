"""Transcripts: the Waveshare driver and its emulator both keep to the recorded one; drift on either side is found."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.errors import NoResponse
from drivers.gate.waveshare.board import WaveshareBoard as BoardClient
from drivers.gate.waveshare.board import spacers, waveshare_board
from drivers.modbus_unit import ModbusUnit
from drivers.transport.null_modem import null_modem
from hil.emulator.pty_line import Emulator, PtyLine
from hil.emulator.waveshare import WaveshareBoard
from hil.transcript import Recorder, Replay, Tap, TranscriptError, differences, read

pytestmark = pytest.mark.anyio
BAUD = 57600
RELEASE = Path(__file__).parent / "transcripts" / "waveshare-release.trace"


async def release(board: BoardClient) -> None:
    """What a gate says to its board from opening to the end of a release, in one order."""
    await board.identify()
    await board.all_off()
    await board.read_inputs(urgent=True)
    await board.read_relays(urgent=True)
    await board.pulse(1, 3, expires_s=1.0)
    await board.read_inputs(urgent=True)
    assert (await board.read_relays(urgent=True))[1]
    await asyncio.sleep(0.4)
    await board.read_inputs()
    assert not (await board.read_relays())[1]
    await board.all_off()


async def against(emulator: Emulator) -> None:
    near, far = null_modem("gate")
    far.answer_with(emulator.handle)
    board = BoardClient(ModbusUnit("gate", near, BAUD, number=1, spacers=spacers(1)))
    try:
        await release(board)
    finally:
        board.close()


async def test_the_driver_keeps_to_the_transcript() -> None:
    replay = Replay(read(RELEASE))
    await against(replay)
    assert replay.problem is None
    assert replay.whole


def test_the_emulator_keeps_to_the_transcript() -> None:
    assert differences(lambda clock: WaveshareBoard(baudrate=BAUD, monotonic=clock), read(RELEASE)) == []


def test_an_emulator_that_drifted_is_found() -> None:
    def other(clock: Callable[[], float]) -> Emulator:
        return WaveshareBoard(baudrate=BAUD, version=201, monotonic=clock)

    (found,) = differences(other, read(RELEASE))
    assert "01 03 02 00 c8" in found
    assert "01 03 02 00 c9" in found


async def test_a_driver_that_drifted_is_found() -> None:
    spoken = list(read(RELEASE))
    replay = Replay(spoken[2:])
    with pytest.raises(NoResponse):
        await against(replay)
    assert replay.problem is not None
    assert not replay.whole


async def test_what_is_recorded_is_what_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "now.trace"
    with path.open("w") as file:
        await against(Recorder(WaveshareBoard(baudrate=BAUD), file, remarks=["an emulator, no device"]))
    assert path.read_text().startswith("# an emulator, no device\n0.0")
    assert [(one.who, one.data) for one in read(path)] == [(one.who, one.data) for one in read(RELEASE)]


async def test_a_tap_records_a_line_and_passes_it_on(plug: Callable[..., PtyLine], tmp_path: Path) -> None:
    file = io.StringIO()
    with Tap(plug(WaveshareBoard(baudrate=BAUD)).path, BAUD, tmp_path / "tapped", file) as _:
        board = waveshare_board("gate", str(tmp_path / "tapped"), baudrate=BAUD)()
        assert (await board.identify()).firmware == "V2.00"
        board.close()
    lines = [line.split()[1] for line in file.getvalue().splitlines() if not line.startswith("#")]
    assert lines[0] == ">"
    assert set(lines) == {">", "<"}


@pytest.mark.parametrize("line", ["0.1 > zz", "0.1 ? 00", "later > 00", "0.1 >"])
def test_a_line_that_is_none_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.trace"
    path.write_text(f"# remark\n0.0 > 01\n{line}\n")
    with pytest.raises(TranscriptError, match=r"broken\.trace, line 3"):
        read(path)
