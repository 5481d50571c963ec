"""The serial port on a pseudo-terminal: locking, unplugging, stalling, errors that say what to do."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.errors import Disconnected, PortBusy, WriteTimeout
from drivers.gate import waveshare_board
from drivers.transport.serial_port import SerialPort
from hil.emulator.pty_line import PtyLine

pytestmark = pytest.mark.anyio
Plug = Callable[..., PtyLine]


class Echo:
    def handle(self, data: bytes) -> bytes:
        return data


class Deaf:
    def handle(self, data: bytes) -> bytes:
        return b""


async def collect(port: SerialPort, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = await port.read(1.0)
        assert piece
        data += piece
    return data


async def test_every_byte_goes_and_comes_unchanged(plug: Plug) -> None:
    port = SerialPort(plug(Echo()).path, 9600, device="gate")
    port.open()
    every = bytes(range(256))
    await port.write(every)
    assert await collect(port, 256) == every
    assert await port.read(0.001) == b""
    port.close()
    port.close()


async def test_second_controller_is_refused_and_the_first_goes_on(plug: Plug) -> None:
    line = plug(Echo())
    first, second = (SerialPort(line.path, 9600, device="gate") for _ in range(2))
    first.open()
    with pytest.raises(PortBusy, match="two controllers must never share a gate"):
        second.open()
    await first.write(b"still here")
    assert await collect(first, 10) == b"still here"
    first.close()
    second.open()
    await second.write(b"mine now")
    assert await collect(second, 8) == b"mine now"
    second.close()


async def test_unplug_wakes_a_waiting_reader(plug: Plug) -> None:
    line = plug(Echo())
    port = SerialPort(line.path, 9600, device="gate")
    port.open()
    waiting = asyncio.create_task(port.read(5.0))
    await asyncio.sleep(0.01)
    line.unplug()
    with pytest.raises(Disconnected, match="unplugged"):
        await waiting
    with pytest.raises(Disconnected, match="unplugged"):
        await port.write(b"anyone")
    port.close()


async def test_replugged_port_opens_again_under_its_path(plug: Plug) -> None:
    line = plug(Echo())
    before = SerialPort(line.path, 9600, device="gate")
    before.open()
    line.unplug()
    with pytest.raises(Disconnected, match="does not exist"):
        SerialPort(line.path, 9600, device="gate").open()
    line.replug()
    with pytest.raises(Disconnected):
        await before.read(1.0)
    after = SerialPort(line.path, 9600, device="gate")
    after.open()
    await after.write(b"back")
    assert await collect(after, 4) == b"back"
    after.close()


async def test_port_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Disconnected, match="does not exist; plug the device in"):
        SerialPort(tmp_path / "nothing", 9600, device="gate").open()


async def test_path_that_is_no_port(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("text")
    with pytest.raises(Disconnected, match="cannot be opened as a serial port"):
        SerialPort(plain, 9600, device="gate").open()


async def test_unopened_port_says_so() -> None:
    with pytest.raises(Disconnected, match="not open"):
        await SerialPort("/dev/null", 9600, device="gate").write(b"x")


async def test_a_line_that_takes_no_bytes_is_a_write_timeout() -> None:
    master, slave = os.openpty()
    port = SerialPort(os.ttyname(slave), 9600, device="gate")
    port.open()
    with pytest.raises(WriteTimeout, match="of 1000000 bytes"):
        await port.write(bytes(1_000_000))
    port.close()
    os.close(master)
    os.close(slave)


async def test_discard_counts_what_nobody_asked_for(plug: Plug) -> None:
    line = plug(Deaf())
    port = SerialPort(line.path, 9600, device="gate")
    port.open()
    line.send(b"noise")
    await asyncio.sleep(0.01)
    assert port.discard() == 5
    assert port.discard() == 0
    port.close()


async def test_close_wakes_a_blocked_writer() -> None:
    master, slave = os.openpty()
    port = SerialPort(os.ttyname(slave), 9600, device="gate")
    port.open()
    writing = asyncio.create_task(port.write(bytes(1_000_000)))
    await asyncio.sleep(0.01)
    port.close()
    with pytest.raises(Disconnected):
        await writing
    os.close(master)
    os.close(slave)


class Heard:
    """A device end that answers each byte with all it has heard so far."""

    def __init__(self) -> None:
        self.bytes = b""

    def handle(self, data: bytes) -> bytes:
        self.bytes += data
        return self.bytes


async def test_opening_a_gate_s_port_a_hundred_times_sends_nothing(plug: Plug) -> None:
    """A pseudo-terminal shows no control lines; that DTR and RTS stay low is for a real adapter to prove."""
    path = plug(Heard()).path
    connect = waveshare_board("gate", path, baudrate=57600)
    for _ in range(100):
        connect().close()
    port = SerialPort(path, 57600, device="gate")
    port.open()
    await port.write(b"?")
    assert await port.read(1.0) == b"?", "nothing was heard before the first byte that was meant"
    port.close()


async def test_a_port_that_cannot_be_set_up_as_asked_is_told(
    plug: Callable[..., PtyLine], monkeypatch: pytest.MonkeyPatch
) -> None:
    import termios

    def refuse(*_: object) -> None:
        raise termios.error(22, "Invalid argument")

    port = SerialPort(plug(Echo()).path, 57600, device="gate", parity="E")
    monkeypatch.setattr(termios, "tcsetattr", refuse)
    with pytest.raises(Disconnected, match="cannot be set up as asked: Invalid argument"):
        port.open()
