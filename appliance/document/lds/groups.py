"""The small files: EF.COM, DG1, DG12, DG14, DG15 (ICAO 9303-10 section 4.6.1 and 4.7).

Not here: the portrait (`portrait`), the security object (`sod`), what the machine-readable zone means.
"""

from dataclasses import dataclass
from datetime import date

from appliance.document.lds.asn1 import malformed, oid
from appliance.document.mrz import split
from appliance.document.tlv import Tlv, find, only, parse

EF_COM, DG1, DG12, DG14, DG15 = 0x60, 0x61, 0x6C, 0x6E, 0x6F
_LDS_VERSION, _UNICODE_VERSION, _TAG_LIST = 0x5F01, 0x5F36, 0x5C
_MRZ, _DATE_OF_ISSUE = 0x5F1F, 0x5F26
_SEQUENCE, _SET, _OID = 0x30, 0x31, 0x06
_ACTIVE_AUTHENTICATION = "2.23.136.1.1.5"
_PLAIN_ECDSA = "0.4.0.127.0.7.1.1.4.1."
_PLAIN_ECDSA_HASHES = {"1": "sha1", "2": "sha224", "3": "sha256", "4": "sha384", "5": "sha512"}


@dataclass(frozen=True, slots=True)
class Common:
    """EF.COM, which nobody signs: it informs, the SOD decides. Tags are those of the groups (0x61 for DG1)."""

    lds_version: str
    unicode_version: str
    tags: tuple[int, ...]


def common(data: bytes) -> Common:
    """EF.COM (9303-10 4.6.1). Raises DocumentFault."""
    with malformed("EF.COM"):
        objects = only(data, EF_COM).children()
        return Common(
            lds_version=_value(objects, _LDS_VERSION).decode("ascii"),
            unicode_version=_value(objects, _UNICODE_VERSION).decode("ascii"),
            tags=tuple(_value(objects, _TAG_LIST)),
        )


def mrz_lines(data: bytes) -> tuple[str, ...]:
    """The lines of DG1 (9303-10 4.7.1): 3 of 30, 2 of 36 or 2 of 44 characters. Raises DocumentFault."""
    with malformed("DG1"):
        text = _value(only(data, DG1).children(), _MRZ).decode("ascii")
        lines = split(text)
        if not all(char == "<" or char.isdigit() or "A" <= char <= "Z" for char in text):
            raise ValueError("not the alphabet of a machine-readable zone")
        return lines


def date_of_issue(data: bytes) -> date | None:
    """Date of issue of DG12 (9303-10 4.7.12), as eight digits or packed in four bytes; None without. DocumentFault."""
    with malformed("DG12"):
        found = find(only(data, DG12).children(), _DATE_OF_ISSUE)
        if found is None:
            return None
        digits = found.value.hex() if len(found.value) == 4 else found.value.decode("ascii")
        if len(digits) != 8 or not digits.isdecimal():
            raise ValueError("not a date")
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def security_infos(data: bytes) -> tuple[tuple[str, bytes], ...]:
    """The SecurityInfos of DG14 (9303-11 9.2), each as its protocol's identifier and all its bytes. DocumentFault."""
    with malformed("DG14"):
        infos = only(only(data, DG14).value, _SET).children()
        return tuple((oid(_first(info).raw), info.raw) for info in infos)


def active_authentication_hash(data: bytes) -> str | None:
    """The hash DG14 names for active authentication with ECDSA (9303-11 9.2.4), as hashlib calls it; None without.

    Raises DocumentFault.
    """
    with malformed("DG14"):
        for protocol, raw in security_infos(data):
            if protocol == _ACTIVE_AUTHENTICATION:
                _, _, algorithm = only(raw, _SEQUENCE).children()
                return _PLAIN_ECDSA_HASHES[oid(algorithm.raw).removeprefix(_PLAIN_ECDSA)]
    return None


def public_key_info(data: bytes) -> bytes:
    """The SubjectPublicKeyInfo of DG15 (9303-10 4.7.15), whole. Raises DocumentFault."""
    with malformed("DG15"):
        return only(only(data, DG15).value, _SEQUENCE).raw


def _value(objects: tuple[Tlv, ...], tag: int) -> bytes:
    found = find(objects, tag)
    if found is None:
        raise ValueError(f"object {tag:02X} is missing")
    return found.value


def _first(info: Tlv) -> Tlv:
    parts = parse(info.value)
    if info.tag != _SEQUENCE or not parts or parts[0].tag != _OID:
        raise ValueError("not a SecurityInfo")
    return parts[0]
