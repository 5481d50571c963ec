"""The hash chain: each record carries the hash of its predecessor, so no record can be changed alone."""

import hashlib
from typing import NamedTuple

from appliance.store.records import canonical

GENESIS = bytes(32)
"""What the first record follows."""


class Head(NamedTuple):
    """The newest record: its sequence number (0 when there is none) and its hash (32 bytes)."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Read `SEQ:HASH` (decimal, 64 hex digits). Raises `ValueError`."""
        seq, _, digest = text.strip().partition(":")
        head = cls(int(seq), bytes.fromhex(digest))
        if head.seq < 0 or len(head.hash) != 32:
            raise ValueError("a head is SEQ:HASH, a number and 64 hex digits")
        return head


EMPTY = Head(0, GENESIS)


class Entry(NamedTuple):
    """A record as the chain hashes it. `wall` is ISO 8601 UTC, `monotonic` seconds, `payload` canonical JSON text."""

    seq: int
    wall: str
    monotonic: float
    boot_id: str
    kind: str
    payload: str


def entry_hash(prev_hash: bytes, entry: Entry) -> bytes:
    """SHA-256 over the predecessor's hash and the canonical JSON of [seq, wall, monotonic, boot_id, kind, payload]."""
    front = canonical([entry.seq, entry.wall, entry.monotonic, entry.boot_id, entry.kind])
    # The payload is already canonical: splicing its text equals encoding the whole list, at half the work.
    return hashlib.sha256(prev_hash + f"{front[:-1]},{entry.payload}]".encode("utf-8", "surrogatepass")).digest()
