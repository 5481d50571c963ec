"""The unlock lease of the Gate I/O profile v1, both ends: one block of words, complemented, and signed where keyed.

Source: docs/gate-io-profile-v1.md, GIO-17 to GIO-33. Not here: whether a door may be released (core) and the state a
lease meets in the device (the emulator).
"""

import hmac
from dataclasses import dataclass
from enum import IntEnum

from drivers.gate.gate_io.protocol import MAC_BYTES, to_bytes, to_words
from drivers.modbus.frames import Function, WriteMultiple

LEASE = 16
LEASE_WORDS = 8
MAC_WORDS = MAC_BYTES // 2

SHORTEST_MS = 50
LONGEST_MS = 3000
LONGEST_SESSION_MS = 5000
LAST_COUNTER = 0xFFFF


class Direction(IntEnum):
    """HR 17: with the traveller's way (entry to exit), or back."""

    FORWARD = 1
    BACK = 2


class Reason(IntEnum):
    """IR 26: why the last lease was refused; the exception of Modbus cannot tell."""

    NONE = 0
    FORM = 1
    COMPLEMENT = 2
    MAC = 3
    HOST = 4
    COUNTER = 5
    RANGE = 6
    SAFE = 7
    FAULT = 8
    MASKED = 9
    INTERLOCK = 10
    SESSION = 11


WORDS = {
    Reason.NONE: "no reason given",
    Reason.FORM: "the block has not the length this unit takes",
    Reason.COMPLEMENT: "the complement does not fit",
    Reason.MAC: "the signature is not of this unit's key; check the key of its commissioning",
    Reason.HOST: "the lease is not of the host that announced itself",
    Reason.COUNTER: "the counter was used before",
    Reason.RANGE: "door, direction or time is out of bounds",
    Reason.SAFE: "the unit is in its safe state; open again",
    Reason.FAULT: "a fault or an alarm stands",
    Reason.MASKED: "the door is held safe by the mask",
    Reason.INTERLOCK: "the other door is leased, open or not proved shut; never both doors",
    Reason.SESSION: "the session has ended; a release is used once",
}


class LeaseRefused(ValueError):
    """The block is no lease this unit may look at further; `reason` is what IR 26 shows."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(WORDS[reason])
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Lease:
    """HR 16-21. `door` is a door code; `session`: nonce of the host in the high word, number of the release in the low.

    Values are words as they came: a device judges bounds, it does not assume them.
    """

    door: int
    direction: int
    ms: int
    session: int
    counter: int

    @property
    def nonce(self) -> int:
        """The host this lease says it is of."""
        return self.session >> 16

    @property
    def number(self) -> int:
        """The release within the host's time, from 1; every extension carries the same."""
        return self.session & 0xFFFF

    def words(self) -> tuple[int, ...]:
        """HR 16-23: the six words and two that hold the complements of their even and odd places (GIO-18)."""
        plain = (self.door, self.direction, self.ms, self.session >> 16, self.session & 0xFFFF, self.counter)
        return (*plain, *_complements(plain))


def _complements(plain: tuple[int, ...]) -> tuple[int, int]:
    even, odd = plain[0] ^ plain[2] ^ plain[4], plain[1] ^ plain[3] ^ plain[5]
    return even ^ 0xFFFF, odd ^ 0xFFFF


def lease_mac(key: bytes, serial: bytes, boot: int, words: tuple[int, ...]) -> bytes:
    """The 8 bytes of HR 24-27: HMAC-SHA-256, cut, over "GIOL", serial, boot counter and HR 16-23 (GIO-31)."""
    return hmac.digest(key, b"GIOL" + serial + boot.to_bytes(2, "big") + to_bytes(words), "sha256")[:MAC_BYTES]


def write_lease(unit: int, lease: Lease, *, key: bytes | None, serial: bytes, boot: int) -> WriteMultiple:
    """The one block, signed when there is a key."""
    words = lease.words()
    if key is not None:
        words += to_words(lease_mac(key, serial, boot, words))
    return WriteMultiple(unit, Function.WRITE_REGISTERS, LEASE, words)


def parse_lease(words: tuple[int, ...], *, key: bytes | None, serial: bytes, boot: int) -> Lease:
    """The device end: form, complement and signature, in this order. Raises LeaseRefused."""
    if len(words) != LEASE_WORDS + (MAC_WORDS if key is not None else 0):
        raise LeaseRefused(Reason.FORM)
    plain, signed = words[:6], words[:LEASE_WORDS]
    if _complements(plain) != signed[6:]:
        raise LeaseRefused(Reason.COMPLEMENT)
    if key is not None and not hmac.compare_digest(lease_mac(key, serial, boot, signed), to_bytes(words[LEASE_WORDS:])):
        raise LeaseRefused(Reason.MAC)
    return Lease(plain[0], plain[1], plain[2], plain[3] << 16 | plain[4], plain[5])
