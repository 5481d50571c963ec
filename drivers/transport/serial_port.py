"""A serial port of this machine, opened by pyserial, served by the event loop without a thread.

pyserial configures and locks the port; reading and writing go straight to its file descriptor, because that puts
the first byte on the wire inside the call. Measured against a reader thread: no hand-over, nothing runs when idle.
Not here: frames and time-outs of a protocol (session).
"""

import asyncio
import contextlib
import errno
import os
import termios
from pathlib import Path

import serial

from drivers.errors import Disconnected, PortBusy, WriteTimeout
from drivers.transport.inbox import Inbox

_CHUNK = 4096
_WRITE_TIMEOUT_S = 0.15


class SerialPort:
    """8 data bits, no flow control; `parity` is "N", "E" or "O".

    Name the port by /dev/serial/by-path: ttyUSB numbers move when something else is plugged in. `dtr` raises "data
    terminal ready", which some USB devices (CDC) wait for before they send; RTS stays low.
    """

    def __init__(
        self,
        path: str | Path,
        baudrate: int,
        *,
        device: str,
        parity: str = "N",
        stop_bits: int = 1,
        dtr: bool = False,
    ) -> None:
        self._path = str(path)
        self._device = device
        self._inbox = Inbox(device)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self._room: asyncio.Future[None] | None = None
        # DTR and RTS stay low unless asked for: boards wire them to reset, adapters to the RS-485 driver.
        self._serial = serial.Serial(baudrate=baudrate, parity=parity, stopbits=stop_bits, exclusive=True)
        # Sets VMIN to 1: only then does an empty read mean that the port is gone, not that nothing came.
        self._serial.inter_byte_timeout = 0
        self._serial.dtr = dtr
        self._serial.rts = False
        self._serial.port = self._path

    def open(self) -> None:
        """Lock and configure the port, inside the event loop that will use it. Raises PortBusy, Disconnected."""
        try:
            self._serial.open()
        except (serial.SerialException, OSError) as error:
            raise self._translated(error) from error
        except termios.error as error:
            # What the port cannot do (a parity, a rate) comes from below pyserial and is no OSError.
            raise Disconnected(self._device, f"{self._path} cannot be set up as asked: {error.args[-1]}") from error
        # FTDI adapters hold received bytes for 16 ms without this; other drivers do not know the request.
        with contextlib.suppress(ValueError, OSError, NotImplementedError):
            self._serial.set_low_latency_mode(True)
        self._fd = self._serial.fileno()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._readable)

    def _translated(self, error: OSError) -> Disconnected | PortBusy:
        if error.errno in (errno.EAGAIN, errno.EBUSY):
            return PortBusy(
                self._device,
                f"{self._path} is in use by another program; two controllers must never share a gate: "
                "stop the other one (find it with `fuser`), then start again",
            )
        if error.errno == errno.ENOENT:
            return Disconnected(self._device, f"{self._path} does not exist; plug the device in or correct its port")
        if error.errno == errno.EACCES:
            return Disconnected(self._device, f"no permission for {self._path}; add this user to the group of the port")
        return Disconnected(self._device, f"{self._path} cannot be opened as a serial port: {error}")

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(f"{self._path} was unplugged ({error.strerror})")
            return
        if data:
            self._inbox.put(data)
        else:
            self._lost(f"{self._path} was unplugged")

    def _lost(self, reason: str) -> None:
        self._inbox.end(reason)
        self.close()

    async def write(self, data: bytes) -> None:
        """Hand all bytes to the port, at once when it is idle. Raises WriteTimeout, Disconnected."""
        if not data:
            return
        sent = self._push(data)
        if sent == len(data):
            return
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT_S):
                while sent < len(data):
                    await self._writable()
                    sent += self._push(data[sent:])
        except TimeoutError:
            raise WriteTimeout(
                self._device, f"{self._path} took {sent} of {len(data)} bytes in {_WRITE_TIMEOUT_S} s"
            ) from None

    def _push(self, data: bytes) -> int:
        self._inbox.check()
        if self._fd < 0:
            raise Disconnected(self._device, f"{self._path} is not open")
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._lost(f"{self._path} was unplugged ({error.strerror})")
            raise Disconnected(self._device, f"{self._path} was unplugged ({error.strerror})") from error

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        self._room = room = loop.create_future()
        loop.add_writer(self._fd, self._end_wait)
        try:
            await room
        finally:
            if self._fd >= 0:
                loop.remove_writer(self._fd)
            self._room = None

    def _end_wait(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def read(self, timeout_s: float) -> bytes:
        """What has come; empty after `timeout_s` of silence. Raises Disconnected."""
        return await self._inbox.take(timeout_s)

    def discard(self) -> int:
        """Throw away what came unread, in the kernel's buffer too; returns how many bytes that was."""
        if self._fd >= 0:
            self._readable()
        return self._inbox.clear()

    def close(self) -> None:
        """Give the port up. Never raises."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)
        self._end_wait()
        self._inbox.end(f"{self._path} is closed")
        # Bytes a dead adapter never took would hold the close up for the kernel's 30 s drain.
        with contextlib.suppress(Exception):
            self._serial.reset_output_buffer()
        with contextlib.suppress(Exception):
            self._serial.close()
