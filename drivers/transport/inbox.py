"""Bytes on their way from an event-loop callback to the one task that waits for them."""

import asyncio

from drivers.errors import Disconnected

_LIMIT = 65536


class Inbox:
    """Unread bytes of one line, oldest first; above 64 KiB the oldest are lost, as in any receive buffer."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._bytes = b""
        self._gone: str | None = None
        self._waiting: asyncio.Future[None] | None = None

    def put(self, data: bytes) -> None:
        """Add what came and wake the reader."""
        self._bytes = (self._bytes + data)[-_LIMIT:]
        self._wake()

    def end(self, reason: str) -> None:
        """The line is gone; the first reason stays."""
        self._gone = self._gone or reason
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def check(self) -> None:
        """Raises Disconnected once the line is gone."""
        if self._gone is not None:
            raise Disconnected(self._device, self._gone)

    async def take(self, timeout_s: float) -> bytes:
        """Everything unread, or empty after `timeout_s`. Raises Disconnected when the line is gone."""
        if not self._bytes and self._gone is None and timeout_s > 0:
            loop = asyncio.get_running_loop()
            self._waiting = waiting = loop.create_future()
            alarm = loop.call_later(timeout_s, self._wake)
            try:
                await waiting
            finally:
                alarm.cancel()
                self._waiting = None
        self.check()
        data, self._bytes = self._bytes, b""
        return data

    def clear(self) -> int:
        """Drop everything unread; returns how many bytes that was."""
        dropped = len(self._bytes)
        self._bytes = b""
        return dropped
