"""The pseudo-terminal line itself: faults, order, no thread or descriptor left behind."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from drivers.transport.serial_port import SerialPort
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio


class Echo:
    def handle(self, data: bytes) -> bytes:
        return data


async def exchange(port: SerialPort, data: bytes, timeout_s: float = 1.0) -> bytes:
    await port.write(data)
    return await port.read(timeout_s)


async def test_faults_come_and_go(tmp_path: Path) -> None:
    with PtyLine(Echo(), tmp_path / "port") as line:
        port = SerialPort(line.path, 9600, device="x")
        port.open()
        assert await exchange(port, b"a") == b"a"
        line.silent = True
        assert await exchange(port, b"b", 0.02) == b""
        line.silent = False
        line.garble = bytes.upper
        assert await exchange(port, b"c") == b"C"
        line.garble = None
        line.delay_s = 0.05
        assert await exchange(port, b"d", 0.02) == b""
        assert await port.read(1.0) == b"d"
        line.delay_s = 0.0
        line.send(b"unasked")
        assert await port.read(1.0) == b"unasked"
        port.close()


async def test_delayed_bytes_die_with_the_plug(tmp_path: Path) -> None:
    with PtyLine(Echo(), tmp_path / "port") as line:
        line.delay_s = 0.03
        port = SerialPort(line.path, 9600, device="x")
        port.open()
        await port.write(b"old")
        await asyncio.sleep(0.01)
        line.unplug()
        line.unplug()
        line.replug()
        port.close()
        again = SerialPort(line.path, 9600, device="x")
        again.open()
        assert await again.read(0.06) == b""
        again.close()


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with PtyLine(Echo(), tmp_path / "deep" / "port") as line:
            assert os.path.exists(line.path)
        line.close()
    assert not os.path.lexists(line.path)
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) == descriptors
    with pytest.raises(RuntimeError, match="closed"):
        line.unplug()


def test_a_stale_link_of_a_dead_rig_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "port").symlink_to("/dev/pts/99999")
    with PtyLine(Echo(), tmp_path / "port") as line:
        assert os.path.exists(line.path)


def test_a_place_that_cannot_hold_the_link_is_told() -> None:
    threads = threading.active_count()
    with pytest.raises(OSError, match="proc"):
        PtyLine(Echo(), "/proc/nowhere/port")
    assert threading.active_count() == threads


def test_mirror_inputs_cannot_be_driven_by_hand() -> None:
    with pytest.raises(ValueError, match="mirror contact of relay 0"):
        WaveshareBoard().set_input(6, True)
