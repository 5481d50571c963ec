"""The seam between bytes nobody vouches for and the libraries that take them apart.

Not responsible for any format: it turns whatever a parser throws at hostile bytes into one kind of error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from asn1crypto import core

from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import head

_HOSTILE = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What asn1crypto, cryptography and Python itself raise for bytes that are not what they claim to be."""


@contextmanager
def malformed(what: str, reason: Reason = Reason.FILE_MALFORMED) -> Iterator[None]:
    """Everything hostile bytes provoke inside becomes `DocumentFault(reason)`; never quotes the bytes."""
    try:
        yield
    except _HOSTILE as error:
        raise DocumentFault(reason, f"{what} is malformed ({type(error).__name__})") from error


def present(value: Any) -> bool:
    """Whether an optional part of something asn1crypto has read is there."""
    return not isinstance(value, core.Void)


def elements(data: bytes) -> Iterator[bytes]:
    """The objects of one level, whole, however many there are. Raises TlvError."""
    at = 0
    while at < len(data):
        _, start, length = head(data[at : at + 8])
        end = at + start + length
        if end > len(data):
            raise ValueError("an object is longer than what holds it")
        yield data[at:end]
        at = end


def oid(raw: bytes) -> str:
    """An OBJECT IDENTIFIER, whole, in dots. Raises what asn1crypto raises."""
    return str(core.ObjectIdentifier.load(raw, strict=True).dotted)


def integer(raw: bytes) -> int:
    """An INTEGER, whole. Raises what asn1crypto raises."""
    return int(core.Integer.load(raw, strict=True).native)
