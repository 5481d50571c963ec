"""Data groups as an issuer writes them (ICAO 9303-10 section 4; ISO/IEC 19794-5:2005; ISO/IEC 39794-5:2019)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hil.passport.card import ActiveKey, ChipKey
from hil.passport.choices import FaceEncoding
from hil.passport.groups import CURVES
from hil.passport.pki import UTOPIA
from hil.passport.signing import DIGESTS
from hil.passport.suites import Suite
from hil.passport.tlv import integer, oid, sequence, set_of, tlv

TAGS = {1: 0x61, 2: 0x75, 12: 0x6C, 14: 0x6E, 15: 0x6F}
"""Of the data groups there are, by number."""
_ACTIVE_AUTHENTICATION = "2.23.136.1.1.5"
_PLAIN_ECDSA = "0.4.0.127.0.7.1.1.4.1"


@dataclass(frozen=True, slots=True)
class Face:
    """A face image as it is on the chip, JPEG or JPEG 2000, and the size its header claims."""

    image: bytes
    width: int = 0
    height: int = 0

    @property
    def jpeg(self) -> bool:
        """Whether it is a JPEG; else it is taken for JPEG 2000."""
        return self.image.startswith(b"\xff\xd8\xff")


def com(numbers: Iterable[int]) -> bytes:
    """EF.COM: LDS 1.7, and which data groups there are."""
    tags = bytes(TAGS[number] for number in sorted(numbers))
    return tlv(0x60, tlv(0x5F01, b"0107"), tlv(0x5F36, b"040000"), tlv(0x5C, tags))


def dg1(mrz: Sequence[str]) -> bytes:
    """The lines of the MRZ in a row."""
    return tlv(0x61, tlv(0x5F1F, "".join(mrz).encode("ascii")))


def dg2(faces: Sequence[Face], encoding: FaceEncoding = FaceEncoding.ISO19794) -> bytes:
    """Face images, each in a template of its own; with none, an empty list of them."""
    old = encoding is FaceEncoding.ISO19794
    templates = [tlv(0x7F60, _old_template(face) if old else _new_template(face)) for face in faces]
    return tlv(0x75, tlv(0x7F61, tlv(0x02, bytes((len(faces),))), *templates))


def _old_template(face: Face) -> bytes:
    image_header = bytes((1, 0 if face.jpeg else 1))
    image_header += face.width.to_bytes(2, "big") + face.height.to_bytes(2, "big") + bytes((1, 2, 0, 0, 0, 0))
    block = 20 + len(image_header) + len(face.image)
    record = b"FAC\x00010\x00" + (14 + block).to_bytes(4, "big") + b"\x00\x01"
    record += block.to_bytes(4, "big") + bytes(16) + image_header + face.image
    header = tlv(0xA1, tlv(0x80, b"\x01\x01"), tlv(0x81, b"\x02"), tlv(0x87, b"\x01\x01"), tlv(0x88, b"\x00\x08"))
    return header + tlv(0x5F2E, record)


def _new_template(face: Face) -> bytes:
    encoding = tlv(0xA0, tlv(0x80, bytes((2 if face.jpeg else 3,))))
    image = tlv(0xA0, tlv(0x80, face.image), tlv(0xA1, encoding))
    representation = tlv(0x30, tlv(0x80, b"\x00"), tlv(0xA1, tlv(0xA0, image)))
    version = tlv(0xA0, tlv(0x80, b"\x03"), tlv(0x81, (2019).to_bytes(2, "big")))
    data = tlv(0xA1, tlv(0x65, version, tlv(0xA1, representation)))
    return tlv(0xA1, tlv(0x87, b"\x01\x01"), tlv(0x88, b"\x00\x2a")) + tlv(0x7F2E, data)


def dg12(date_of_issue: str) -> bytes:
    """Issuing authority and date of issue; the date as YYYY-MM-DD."""
    authority = tlv(0x5F19, UTOPIA.name.upper().encode("ascii"))
    return tlv(0x6C, tlv(0x5C, b"\x5f\x19\x5f\x26"), authority, tlv(0x5F26, date_of_issue.replace("-", "").encode()))


def dg14(suites: Iterable[Suite], chip_keys: Iterable[ChipKey], active: ActiveKey | None) -> bytes:
    """SecurityInfos: what PACE uses, chip authentication with its keys, active authentication on curves."""
    infos = [suite.info for suite in suites]
    for key in chip_keys:
        number = b"" if key.number is None else integer(key.number)
        variant = tlv(0x06, key.variant.oid)
        infos += [sequence(variant, integer(1), number), chip_key_info(key)]
    if active and active.curve:
        algorithm = f"{_PLAIN_ECDSA}.{1 + list(DIGESTS).index(active.digest)}"
        infos.append(sequence(oid(_ACTIVE_AUTHENTICATION), integer(1), oid(algorithm)))
    return tlv(0x6E, set_of(*infos))


def chip_key_info(key: ChipKey) -> bytes:
    """ChipAuthenticationPublicKeyInfo, 9303-11 section 9.2.5."""
    group = key.variant.group
    public = group.key_info(group.power(group.base, key.private))
    return sequence(key.variant.key_oid, public, b"" if key.number is None else integer(key.number))


def dg15(key_info: bytes) -> bytes:
    """The public key of active authentication."""
    return tlv(0x6F, key_info)


def card_access(suites: Iterable[Suite]) -> bytes:
    """EF.CardAccess."""
    return set_of(*(suite.info for suite in suites))


def atr_info(most_sent: int, most_received: int) -> bytes:
    """EF.ATR/INFO that announces extended length (9303-10 section 3.6.4.2), in bytes of a command and a response."""
    return tlv(0x47, b"\x80\x01\x40") + tlv(0x7F66, integer(most_sent), integer(most_received))


def directory(application: bytes) -> bytes:
    """EF.DIR."""
    return tlv(0x61, tlv(0x4F, application))


def curve_of(active: ActiveKey) -> bytes:
    """SubjectPublicKeyInfo of an active authentication key on a curve."""
    group = CURVES[active.curve]
    return group.key_info(group.power(group.base, active.private))
