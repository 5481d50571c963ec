"""One suite for every gate.

A real one joins when SALLYPORT_GATE_PORT names its serial port (baud rate: SALLYPORT_GATE_BAUD).
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable

import pytest

from drivers.errors import DeviceRefused, Disconnected
from drivers.gate import DryContactGate, DryContactWiring, open_waveshare_gate
from drivers.gate.waveshare.board import WaveshareBoard as BoardClient
from drivers.gate.waveshare.board import modbus_session
from drivers.ports import Door, Gate
from drivers.transport.null_modem import null_modem
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio
REAL_PORT = os.environ.get("SALLYPORT_GATE_PORT")
KINDS = ["null modem", "pty", *(["real"] if REAL_PORT else [])]
BAUD = 57600


def over_null_modem() -> Gate:
    board = WaveshareBoard(baudrate=BAUD)

    def connect() -> BoardClient:
        near, far = null_modem("gate")
        far.answer_with(board.handle)
        return BoardClient(modbus_session("gate", near, BAUD, 1), unit=1)

    return DryContactGate("gate", connect, DryContactWiring())


@pytest.fixture(params=KINDS)
async def gate(request: pytest.FixtureRequest, plug: Callable[..., PtyLine]) -> AsyncIterator[Gate]:
    if request.param == "null modem":
        made = over_null_modem()
    elif request.param == "pty":
        made = open_waveshare_gate("gate", plug(WaveshareBoard(baudrate=BAUD)).path, baudrate=BAUD)
    else:
        baudrate = int(os.environ.get("SALLYPORT_GATE_BAUD", "9600"))
        made = open_waveshare_gate("gate", str(REAL_PORT), baudrate=baudrate)
    yield made
    await made.close()


async def test_open_tells_who_answered_and_leaves_everything_off(gate: Gate) -> None:
    identity = await gate.open()
    assert identity.model
    assert identity.firmware
    assert (await gate.read()).released == frozenset()


@pytest.mark.parametrize("door", Door)
async def test_a_release_shows_and_lapses_by_itself(gate: Gate, door: Door) -> None:
    await gate.open()
    await gate.release(door, 0.2)
    assert (await gate.read()).released == {door}
    await asyncio.sleep(0.35)
    reading = await gate.read()
    assert reading.released == frozenset()
    assert reading.disagrees == frozenset()


async def test_secure_ends_a_release(gate: Gate) -> None:
    await gate.open()
    await gate.release(Door.EXIT, 5.0)
    await gate.secure()
    assert (await gate.read()).released == frozenset()
    await gate.release(Door.ENTRY, 0.1)


async def test_never_both_doors(gate: Gate) -> None:
    await gate.open()
    await gate.release(Door.ENTRY, 0.3)
    with pytest.raises(DeviceRefused, match="never both doors"):
        await gate.release(Door.EXIT, 0.1)
    assert (await gate.read()).released == {Door.ENTRY}


async def test_a_race_for_both_doors_releases_one(gate: Gate) -> None:
    await gate.open()
    results = await asyncio.gather(gate.release(Door.ENTRY, 0.3), gate.release(Door.EXIT, 0.3), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), DeviceRefused]
    assert (await gate.read()).released == {Door.ENTRY}


async def test_polling_beside_a_release_disturbs_neither(gate: Gate) -> None:
    await gate.open()
    results = await asyncio.gather(
        gate.read(), gate.read(), gate.release(Door.EXIT, 0.3), gate.read(), return_exceptions=True
    )
    assert [result for result in results if isinstance(result, Exception)] == []
    reading = await gate.read()
    assert reading.released == {Door.EXIT}
    assert reading.disagrees == frozenset()


@pytest.mark.parametrize("duration", [0.0, -1.0, 0.09, 5.01, float("inf"), float("nan")])
async def test_durations_out_of_bounds(gate: Gate, duration: float) -> None:
    await gate.open()
    with pytest.raises(ValueError, match="a release lasts"):
        await gate.release(Door.EXIT, duration)
    assert (await gate.read()).released == frozenset()


async def test_stamps_go_forward(gate: Gate) -> None:
    await gate.open()
    first, second = await gate.read(), await gate.read()
    assert first.at < second.at


async def test_unopened_and_closed_gates_say_so_and_open_again(gate: Gate) -> None:
    with pytest.raises(Disconnected):
        await gate.read()
    await gate.open()
    await gate.close()
    await gate.close()
    for call in (gate.read(), gate.secure(), gate.release(Door.EXIT, 0.1)):
        with pytest.raises(Disconnected):
            await call
    await gate.open()
    await gate.read()


async def test_close_ends_a_release(gate: Gate) -> None:
    await gate.open()
    await gate.release(Door.EXIT, 5.0)
    await gate.close()
    await gate.open()
    assert (await gate.read()).released == frozenset()
