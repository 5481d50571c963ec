"""Byte transports: what carries bytes to a device and back, and nothing about what they mean."""

from typing import Protocol


class Transport(Protocol):
    """A line to one device, already open. Belongs to the event loop it was opened in."""

    async def write(self, data: bytes) -> None:
        """Hand all bytes to the line, at once when it is idle. Raises WriteTimeout, Disconnected."""
        ...

    async def read(self, timeout_s: float) -> bytes:
        """What has come, as soon as anything has; empty after `timeout_s` of silence. Raises Disconnected."""
        ...

    def discard(self) -> int:
        """Throw away what came unread; returns how many bytes that was."""
        ...

    def close(self) -> None:
        """Give the line up. Never raises; a waiting read raises Disconnected."""
        ...
