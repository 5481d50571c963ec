"""Data objects in DER, written and taken apart, for the chip and for its files. Not for hostile input."""

from collections.abc import Iterator

from asn1crypto.core import Integer, ObjectIdentifier


class TlvError(ValueError):
    """What a terminal sent is not made of data objects."""


def tlv(tag: int, *values: bytes) -> bytes:
    """One object around the joined values; the tag as written, e.g. 0x7F49."""
    value = b"".join(values)
    length = value_octets(len(value))
    if len(value) > 0x7F:
        length = bytes((0x80 | len(length),)) + length
    return value_octets(tag) + length + value


def value_octets(number: int) -> bytes:
    """A number, big endian, in as few octets as it takes; at least one."""
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def span(data: bytes) -> tuple[int, int, int]:
    """Tag, start of the value and end of the first object; the end may lie beyond the data. Raises TlvError."""
    try:
        at = 1
        if data[0] & 0x1F == 0x1F:
            while data[at] & 0x80:
                at += 1
            at += 1
        tag, length = int.from_bytes(data[:at], "big"), data[at]
        at += 1
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count], "big")
            if not 1 <= count <= 4 or at + count > len(data):
                raise TlvError("a length is indefinite, too long or cut off")
            at += count
    except IndexError:
        raise TlvError("an object is cut off") from None
    return tag, at, at + length


def is_whole(data: bytes) -> bool:
    """Whether the first object is all there."""
    try:
        return span(data)[2] <= len(data)
    except TlvError:
        return False


def walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of every object of one level. Raises TlvError."""
    while data:
        tag, start, end = span(data)
        if end > len(data):
            raise TlvError("an object is longer than its data")
        yield tag, data[start:end]
        data = data[end:]


def objects(data: bytes) -> dict[int, bytes]:
    """The objects of one level by their tags, of equal tags the last. Raises TlvError."""
    return dict(walk(data))


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of encoded parts."""
    return tlv(0x30, *parts)


def set_of(*parts: bytes) -> bytes:
    """A SET OF encoded parts, in the order DER asks for."""
    return tlv(0x31, *sorted(parts))


def integer(number: int) -> bytes:
    """An INTEGER."""
    return bytes(Integer(number).dump())


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER, e.g. of "2.23.136.1.1.1"."""
    return bytes(ObjectIdentifier(dotted).dump())
