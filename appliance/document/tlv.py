"""BER-TLV as chips and data groups use it (ISO/IEC 7816-4 section 5.2.2, ISO/IEC 8825-1): definite lengths only.

Bytes in, values or `TlvError` out; nothing is ever copied that a length lies about. Not for ASN.1 with a schema, nor
for the indefinite lengths some signed files have (asn1crypto reads both).
"""

from collections.abc import Iterator
from dataclasses import dataclass

_LONGEST_TAG = 3
_LONGEST_LENGTH = 4
MOST_OBJECTS = 1024
"""No file of a passport has so many objects on one level."""


class TlvError(ValueError):
    """Not BER-TLV of definite length, or not the objects asked for."""


@dataclass(frozen=True, slots=True)
class Tlv:
    """One data object: its tag as written (0x7F61 for two bytes), its value, and all its bytes."""

    tag: int
    value: bytes
    raw: bytes

    def children(self) -> tuple["Tlv", ...]:
        """The objects its value is made of. Raises TlvError."""
        return parse(self.value)


def head(data: bytes) -> tuple[int, int, int]:
    """Tag, where the value begins, and its length, from the first bytes of an object. Raises TlvError."""
    tag, at = _tag(data)
    if at >= len(data):
        raise TlvError("an object ends before its length")
    first, at = data[at], at + 1
    if first < 0x80:
        return tag, at, first
    count = first & 0x7F
    if not 1 <= count <= _LONGEST_LENGTH or at + count > len(data):
        raise TlvError("a length is indefinite, too long or cut off")
    return tag, at + count, int.from_bytes(data[at : at + count], "big")


def _tag(data: bytes) -> tuple[int, int]:
    if not data:
        raise TlvError("an object has no tag")
    if data[0] & 0x1F != 0x1F:
        return data[0], 1
    for at in range(1, min(_LONGEST_TAG, len(data))):
        if not data[at] & 0x80:
            return int.from_bytes(data[: at + 1], "big"), at + 1
    raise TlvError("a tag is too long or cut off")


def parse(data: bytes) -> tuple[Tlv, ...]:
    """Every object of one level; `data` must be these objects and nothing else. Raises TlvError."""
    return tuple(_objects(data))


def _objects(data: bytes) -> Iterator[Tlv]:
    at, count = 0, 0
    while at < len(data):
        tag, start, length = head(data[at : at + _LONGEST_TAG + 1 + _LONGEST_LENGTH])
        end = at + start + length
        if end > len(data):
            raise TlvError("an object is longer than what holds it")
        if (count := count + 1) > MOST_OBJECTS:
            raise TlvError("more objects than any file of a passport has")
        yield Tlv(tag, data[at + start : end], data[at:end])
        at = end


def only(data: bytes, tag: int) -> Tlv:
    """The one object `data` consists of, which must have this tag. Raises TlvError."""
    objects = parse(data)
    if len(objects) != 1 or objects[0].tag != tag:
        raise TlvError(f"one object {tag:02X} is expected, not {[f'{one.tag:02X}' for one in objects][:8]}")
    return objects[0]


def find(objects: tuple[Tlv, ...], tag: int) -> Tlv | None:
    """The object with this tag, or None; one that is there twice is an error. Raises TlvError."""
    found = [one for one in objects if one.tag == tag]
    if len(found) > 1:
        raise TlvError(f"object {tag:02X} is there {len(found)} times")
    return found[0] if found else None


def build(tag: int, value: bytes) -> bytes:
    """One object, its length in as few bytes as it takes (DER)."""
    written = tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big")
    if len(value) < 0x80:
        return written + bytes((len(value),)) + value
    length = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return written + bytes((0x80 | len(length),)) + length + value
