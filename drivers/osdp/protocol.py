"""OSDP frames as they look on the wire, both ends: what can be known of them without a key.

libosdp speaks the protocol; this is what watches it (who may answer, which frame may leave) and what the emulator
uses to change answers on their way. Not here: keys, ciphers, sequence of a conversation (libosdp).

Sources: header, codes and check of IEC 60839-11-5 as in libosdp 3.2.9 (osdp_phy.c, osdp_common.h); the meaning of
capability levels from the Zephyr documentation of its OSDP options; output codes from osdp.h.
"""

from dataclasses import dataclass
from enum import IntEnum

MARK = 0xFF
SOM = 0x53
BROADCAST = 0x7F
LONGEST_FRAME = 1440
LONGEST_TIMER = 255
"""Tenths of a second: the wire has 16 bits, the library's Python end keeps the lower 8."""

_REPLY = 0x80
_CRC = 0x04
_BLOCK = 0x08
_HEAD = 5


class Command(IntEnum):
    """What a control panel asks."""

    POLL = 0x60
    ID = 0x61
    CAP = 0x62
    LSTAT = 0x64
    ISTAT = 0x65
    OSTAT = 0x66
    OUT = 0x68
    KEYSET = 0x75
    CHLNG = 0x76
    SCRYPT = 0x77


class Reply(IntEnum):
    """What a peripheral device answers."""

    ACK = 0x40
    NAK = 0x41
    PDID = 0x45
    PDCAP = 0x46
    LSTATR = 0x48
    ISTATR = 0x49
    OSTATR = 0x4A
    RAW = 0x50
    KEYPAD = 0x53
    CCRYPT = 0x76
    RMAC_I = 0x78
    BUSY = 0x79


class Block(IntEnum):
    """Security block types: the handshake, then with MAC only, then with MAC and cipher; panel first, device second."""

    CHALLENGE = 0x11
    CRYPTOGRAM = 0x12
    SERVER = 0x13
    INITIAL_MAC = 0x14
    MAC_TO_DEVICE = 0x15
    MAC_TO_PANEL = 0x16
    CIPHER_TO_DEVICE = 0x17
    CIPHER_TO_PANEL = 0x18


class OutputCode(IntEnum):
    """What OUT does to an output."""

    OFF = 1
    """Permanently off; a running timer is aborted."""
    ON_FOR = 5
    """On for the time given, then back to the permanent state."""


class Capability(IntEnum):
    """Function codes of the capability report."""

    CONTACTS = 1
    OUTPUTS = 2
    SECURITY = 9
    READERS = 13


TIMED_OUTPUTS = frozenset({3, 4})
"""Levels of `Capability.OUTPUTS` that end an output by a timer in the device; 1 and 2 only latch."""


def crc16(data: bytes) -> int:
    """CRC-16 of polynomial 0x1021 from 0x1D0F, most significant bit first."""
    crc = 0x1D0F
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `block` is the security block with its length; `data` is what follows the code, sealed or not."""

    address: int
    sequence: int
    code: int
    data: bytes = b""
    block: bytes = b""
    reply: bool = False
    crc: bool = True
    marked: bool = True

    @property
    def security(self) -> int | None:
        """Type of the security block."""
        return self.block[1] if len(self.block) > 1 else None

    @property
    def sealed(self) -> bool:
        """Whether it carries the MAC of a secure channel; what is not sealed, anybody can have sent."""
        return self.security is not None and self.security >= Block.MAC_TO_DEVICE

    def encode(self) -> bytes:
        """The bytes of the frame, check included."""
        body = self.block + bytes((self.code,)) + self.data
        length = _HEAD + len(body) + (2 if self.crc else 1)
        control = self.sequence | (_CRC if self.crc else 0) | (_BLOCK if self.block else 0)
        address = self.address | (_REPLY if self.reply else 0)
        frame = bytes((SOM, address, length & 0xFF, length >> 8, control)) + body
        check = crc16(frame).to_bytes(2, "little") if self.crc else bytes((-sum(frame) & 0xFF,))
        return (bytes((MARK,)) if self.marked else b"") + frame + check


def _decode(frame: bytes, marked: bool) -> Frame | None:
    """A whole frame from its SOM on; None when its check or its form is wrong."""
    control = frame[4]
    crc = bool(control & _CRC)
    body, check = frame[:-2] if crc else frame[:-1], frame[-2:] if crc else frame[-1:]
    wanted = crc16(body).to_bytes(2, "little") if crc else bytes((-sum(body) & 0xFF,))
    if check != wanted:
        return None
    rest = body[_HEAD:]
    block = b""
    if control & _BLOCK:
        size = rest[0] if rest else 0
        if not 2 <= size < len(rest):
            return None
        block, rest = rest[:size], rest[size:]
    if not rest:
        return None
    return Frame(
        address=frame[1] & 0x7F,
        sequence=control & 0x03,
        code=rest[0],
        data=rest[1:],
        block=block,
        reply=bool(frame[1] & _REPLY),
        crc=crc,
        marked=marked,
    )


class FrameReader:
    """Cuts the bytes of one direction into frames. Bytes that are no frame come out as bytes, nothing is lost."""

    def __init__(self, *, replies: bool) -> None:
        self._replies = replies
        self._held = b""

    @property
    def pending(self) -> bool:
        """Part of what may be a frame is in hand."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[Frame | bytes]:
        """Whole frames and noise, in their order."""
        self._held += data
        found: list[Frame | bytes] = []
        while self._held:
            start = self._held.find(SOM)
            marked = start > 0 and self._held[start - 1] == MARK
            noise = len(self._held) if start < 0 else start - marked
            # A mark at the very end may belong to a frame that is still to come.
            if start < 0 and self._held.endswith(bytes((MARK,))):
                noise -= 1
            if noise:
                found.append(self._held[:noise])
                self._held = self._held[noise:]
            if start < 0:
                break
            taken = self._take(int(marked))
            if taken is None:
                break
            found.append(taken)
        return found

    def _take(self, start: int) -> Frame | bytes | None:
        """The frame that begins at `start`, or the noise up to and including its SOM, or None while it is not whole."""
        head = self._held[start : start + _HEAD]
        if len(head) < _HEAD:
            return None
        length = head[2] | head[3] << 8
        if _HEAD + 2 <= length <= LONGEST_FRAME and bool(head[1] & _REPLY) is self._replies:
            whole = self._held[start : start + length]
            if len(whole) < length:
                return None
            frame = _decode(whole, bool(start))
            if frame is not None:
                self._held = self._held[start + length :]
                return frame
        noise, self._held = self._held[: start + 1], self._held[start + 1 :]
        return noise

    def give_up(self) -> bytes:
        """The line fell silent inside a frame: what is in hand, as noise."""
        held, self._held = self._held, b""
        return held


def offers_secure_channel(capabilities: bytes) -> bool | None:
    """What a capability report says of AES-128; None when it says nothing."""
    for at in range(0, len(capabilities) - 2, 3):
        if capabilities[at] == Capability.SECURITY:
            return bool(capabilities[at + 1] & 1)
    return None
