"""Two transports joined back to back in memory, for tests: no port, no kernel, no wire."""

import asyncio
from collections.abc import Callable

from drivers.transport.inbox import Inbox

Manipulator = Callable[[bytes], list[bytes]]


def _unchanged(data: bytes) -> list[bytes]:
    return [data]


class NullModemEnd:
    """One end. What is written appears at the other end, after `manipulator` has split, garbled or withheld it."""

    def __init__(self, device: str, manipulator: Manipulator) -> None:
        self._inbox = Inbox(device)
        self._manipulator = manipulator
        self.peer: NullModemEnd | None = None
        self.on_bytes: Callable[[bytes], None] | None = None

    async def write(self, data: bytes) -> None:
        """Send to the other end. Raises Disconnected after either end has closed."""
        self._inbox.check()
        self.emit(data)

    def emit(self, data: bytes) -> None:
        """Send to the other end; each piece arrives in a turn of the event loop of its own."""
        for piece in self._manipulator(data):
            if piece and self.peer is not None:
                asyncio.get_running_loop().call_soon(self.peer._arrive, piece)

    def _arrive(self, piece: bytes) -> None:
        if self.on_bytes is not None:
            self.on_bytes(piece)
        else:
            self._inbox.put(piece)

    async def read(self, timeout_s: float) -> bytes:
        """What has come; empty after `timeout_s` of silence. Raises Disconnected."""
        return await self._inbox.take(timeout_s)

    def discard(self) -> int:
        """Throw away what came unread; returns how many bytes that was."""
        return self._inbox.clear()

    def close(self) -> None:
        """Close the line for both ends."""
        self._inbox.end("the line is closed")
        if self.peer is not None:
            self.peer._inbox.end("the other end closed the line")

    def answer_with(self, handle: Callable[[bytes], bytes]) -> None:
        """Let `handle` (the device end of a protocol) answer what arrives here."""
        self.on_bytes = lambda data: self.emit(handle(data))


def null_modem(
    device: str, *, outward: Manipulator = _unchanged, homeward: Manipulator = _unchanged
) -> tuple[NullModemEnd, NullModemEnd]:
    """A controller's end and a device's end; `outward` and `homeward` work on the bytes that leave each."""
    near, far = NullModemEnd(device, outward), NullModemEnd(device, homeward)
    near.peer, far.peer = far, near
    return near, far
