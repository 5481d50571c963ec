"""Framing for our own local sockets: one JSON header and any number of binary blobs.

    uint32 header length | header (JSON) | uint32 blob count | { uint32 length | bytes } ...

All integers big endian. Used on the control socket and between controller, vision process and rig.
It authenticates nothing: both ends are on this machine, and the socket file's mode says who may connect.
"""

import asyncio
import json
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

MAX_HEADER = 1 << 20
MAX_BLOB = 1 << 26
MAX_BLOBS = 64
_U32 = struct.Struct(">I")


class WireError(Exception):
    """The peer sent a frame this protocol does not allow."""


@dataclass(frozen=True, slots=True)
class Message:
    """One framed message. `header` is a JSON object."""

    header: dict[str, Any]
    blobs: tuple[bytes, ...] = field(default=())

    def encode(self) -> bytes:
        """The frame as bytes."""
        head = json.dumps(self.header, separators=(",", ":")).encode()
        parts = [_U32.pack(len(head)), head, _U32.pack(len(self.blobs))]
        for blob in self.blobs:
            parts += [_U32.pack(len(blob)), blob]
        return b"".join(parts)


def _bounded(raw: bytes, limit: int, what: str) -> int:
    value: int = _U32.unpack(raw)[0]
    if value > limit:
        raise WireError(f"{what} of {value} exceeds the limit of {limit}")
    return value


def _header(raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise WireError("the header is not a JSON object")
    return header


async def receive(reader: asyncio.StreamReader, *, max_blobs: int = MAX_BLOBS) -> Message | None:
    """The next message, or None when the peer closed between messages. Raises WireError on a broken frame."""
    try:
        first = await reader.readexactly(4)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    try:
        header = _header(await reader.readexactly(_bounded(first, MAX_HEADER, "header")))
        count = _bounded(await reader.readexactly(4), max_blobs, "blob count")
        blobs = []
        for _ in range(count):
            blobs.append(await reader.readexactly(_bounded(await reader.readexactly(4), MAX_BLOB, "blob")))
    except asyncio.IncompleteReadError as error:
        raise WireError("the peer closed inside a message") from error
    return Message(header, tuple(blobs))


def _exactly(sock: socket.socket, size: int) -> bytes:
    buffer = bytearray(size)
    view, got = memoryview(buffer), 0
    while got < size:
        step = sock.recv_into(view[got:])
        if step == 0:
            raise EOFError
        got += step
    return bytes(buffer)


def receive_blocking(sock: socket.socket) -> Message | None:
    """As `receive`, on a blocking socket; honours the socket's own time-out (TimeoutError)."""
    try:
        first = _exactly(sock, 4)
    except (EOFError, ConnectionError):
        return None
    try:
        header = _header(_exactly(sock, _bounded(first, MAX_HEADER, "header")))
        count = _bounded(_exactly(sock, 4), MAX_BLOBS, "blob count")
        blobs = tuple(_exactly(sock, _bounded(_exactly(sock, 4), MAX_BLOB, "blob")) for _ in range(count))
    except EOFError as error:
        raise WireError("the peer closed inside a message") from error
    return Message(header, blobs)


def send_blocking(sock: socket.socket, message: Message) -> None:
    """Send one message on a blocking socket."""
    sock.sendall(message.encode())
