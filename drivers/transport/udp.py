"""A connected UDP socket: datagrams to one address and from it alone, served by the event loop without a thread.

UDP tells neither loss nor unplugging. Only a refusal by ICMP (nothing listens there) ends the line; a cut cable is
silence. Not here: time-outs of a protocol (session), and who the sender is: an address is no proof of identity.
"""

import asyncio
import ipaddress
import socket

from drivers.errors import Disconnected, WriteTimeout
from drivers.transport.inbox import Inbox

_CHUNK = 4096
_AT_ONCE = 64


class UdpSocket:
    """`size`: the one length of a datagram the protocol knows; others are dropped and counted in `dropped`."""

    def __init__(self, host: str, port: int, *, device: str, size: int) -> None:
        self._address = ipaddress.ip_address(host)
        if not 1 <= port <= 65535:
            raise ValueError(f"port {port}: 1 to 65535")
        self.dropped = 0
        self._name = f"{host}:{port}"
        self._port = port
        self._device = device
        self._size = size
        self._inbox = Inbox(device)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Bind and connect, inside the event loop that will use it; sends nothing. Raises Disconnected."""
        family = socket.AF_INET6 if self._address.version == 6 else socket.AF_INET
        made = socket.socket(family, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.connect((str(self._address), self._port))
        except OSError as error:
            made.close()
            raise Disconnected(self._device, f"{self._name} cannot be reached ({error.strerror})") from error
        self._socket = made
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(made, self._readable)

    def _readable(self) -> None:
        for _ in range(_AT_ONCE):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError as error:
                self._lost(self._reason(error))
                return
            if len(data) == self._size:
                self._inbox.put(data)
            else:
                self.dropped += 1

    def _reason(self, error: OSError) -> str:
        if isinstance(error, ConnectionRefusedError):
            return f"nothing listens at {self._name}; check address, port and power"
        return f"{self._name} cannot be reached ({error.strerror})"

    def _lost(self, reason: str) -> None:
        self._inbox.end(reason)
        self.close()

    async def write(self, data: bytes) -> None:
        """Send one datagram. Raises WriteTimeout when the kernel has no room, Disconnected."""
        self._inbox.check()
        if self._socket is None:
            raise Disconnected(self._device, f"{self._name} is not open")
        try:
            self._socket.send(data)
        except BlockingIOError:
            raise WriteTimeout(self._device, f"{self._name}: the network takes no more datagrams") from None
        except OSError as error:
            # A refusal of an earlier datagram is told to the next call.
            self._lost(self._reason(error))
            raise Disconnected(self._device, self._reason(error)) from error

    async def read(self, timeout_s: float) -> bytes:
        """The datagrams that have come, joined; empty after `timeout_s` of silence. Raises Disconnected."""
        return await self._inbox.take(timeout_s)

    def discard(self) -> int:
        """Throw away what came unread, in the kernel's buffer too; returns how many bytes that was."""
        self._readable()
        return self._inbox.clear()

    def close(self) -> None:
        """Give the socket up. Never raises."""
        closing, self._socket = self._socket, None
        if closing is None:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(closing)
        self._inbox.end(f"{self._name} is closed")
        closing.close()
