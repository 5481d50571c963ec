"""The portrait of DG2 (ICAO 9303-10 4.7.2): faces of ISO/IEC 19794-5 and of ISO/IEC 39794-5, and the one to be used.

What an image is says its first bytes and never its header, which is wrong on real passports. Not responsible for
decoding it: that happens in a confined child, and only after passive authentication.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from appliance.document.lds.asn1 import malformed
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import Tlv, find, only, parse

DG2 = 0x75
_GROUP, _TEMPLATE, _COUNT = 0x7F61, 0x7F60, 0x02
_BLOCK_PLAIN, _BLOCK_CONSTRUCTED = 0x5F2E, 0x7F2E
_MOST_FACES = 16
"""As many templates, and as many faces in one block, as are looked at."""

_FACIAL_HEADER, _RECORD_HEADER, _FEATURE_POINT, _IMAGE_HEADER = 14, 20, 8, 12
_FACIAL_MAGIC = b"FAC\x00010\x00"
_FACE_39794 = 0x65
_REPRESENTATIONS, _SEQUENCE, _IMAGE, _BASE, _PLANE, _DATA = 0xA1, 0x30, 0xA1, 0xA0, 0xA0, 0x80
"""ISO/IEC 39794-5 annex A: all representations, one of them, its image, the base of that, its 2D block, the bytes."""


class Encoding(StrEnum):
    """How the image is compressed."""

    JPEG = "jpeg"
    JPEG_2000 = "jpeg2000"


_MAGIC = {
    b"\xff\xd8\xff": Encoding.JPEG,
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": Encoding.JPEG_2000,
    b"\xff\x4f\xff\x51": Encoding.JPEG_2000,
}


@dataclass(frozen=True, slots=True)
class Portrait:
    """The image as the chip holds it, how it is compressed, and the standard of the block it came in."""

    image: bytes
    encoding: Encoding
    standard: str


def portrait(data: bytes) -> Portrait:
    """The one usable face of DG2. Raises DocumentFault: FILE_MALFORMED, PORTRAIT_MISSING, PORTRAIT_AMBIGUOUS."""
    with malformed("DG2"):
        group = only(only(data, DG2).value, _GROUP).children()
        templates = [one for one in group if one.tag == _TEMPLATE]
        count = find(group, _COUNT)
        if count is None or int.from_bytes(count.value, "big") != len(templates) or len(templates) > _MOST_FACES:
            raise ValueError("the number of templates is not what it says")
        faces = [face for template in templates for face in _faces(template)]
    usable = [face for face in faces if face is not None]
    if not usable:
        raise DocumentFault(Reason.PORTRAIT_MISSING, f"{len(faces)} faces, none with an image of a known kind")
    if len(usable) > 1:
        raise DocumentFault(Reason.PORTRAIT_AMBIGUOUS, f"{len(usable)} usable faces")
    return usable[0]


def _faces(template: Tlv) -> Iterator[Portrait | None]:
    """The faces of one biometric information template; None is a face without a usable image."""
    for block in template.children():
        if block.tag not in (_BLOCK_PLAIN, _BLOCK_CONSTRUCTED):
            continue
        old = block.value.startswith(_FACIAL_MAGIC)
        images = _images_19794(block.value) if old else _images_39794(block.value)
        for image in images:
            yield _sniffed(image, "ISO/IEC 19794-5" if old else "ISO/IEC 39794-5")


def _sniffed(image: bytes, standard: str) -> Portrait | None:
    for magic, encoding in _MAGIC.items():
        if image.startswith(magic):
            return Portrait(image, encoding, standard)
    return None


def _images_19794(block: bytes) -> Iterator[bytes]:
    """ISO/IEC 19794-5:2005 section 5: facial header, then records whose lengths must fill the block exactly."""
    faces = int.from_bytes(block[12:14], "big")
    if int.from_bytes(block[8:12], "big") != len(block) or faces > _MOST_FACES:
        raise ValueError("the facial record is not as long as it says")
    at = _FACIAL_HEADER
    for _ in range(faces):
        length = int.from_bytes(block[at : at + 4], "big")
        points = int.from_bytes(block[at + 4 : at + 6], "big")
        image = at + _RECORD_HEADER + points * _FEATURE_POINT + _IMAGE_HEADER
        if not image <= at + length <= len(block):
            raise ValueError("a face is longer than what holds it")
        yield block[image : at + length]
        at += length
    if at != len(block):
        raise ValueError("something follows the last face")


def _images_39794(block: bytes) -> Iterator[bytes]:
    """ISO/IEC 39794-5:2019 annex A in the application profile of ICAO: the images of its representation blocks.

    9303-10 wraps the block once more ([1]); a writer that leaves the wrapper out is read too.
    """
    objects = parse(block)
    if len(objects) == 1 and objects[0].tag == _REPRESENTATIONS:
        objects = objects[0].children()
    face = find(objects, _FACE_39794)
    blocks = find(face.children(), _REPRESENTATIONS) if face is not None else None
    if blocks is None:
        raise ValueError("neither ISO/IEC 19794-5 nor ISO/IEC 39794-5")
    representations = blocks.children()
    if len(representations) > _MOST_FACES:
        raise ValueError("more faces than any portrait has")
    for representation in representations:
        if representation.tag != _SEQUENCE:
            raise ValueError("not a representation block")
        yield _image_39794(representation)


def _image_39794(representation: Tlv) -> bytes:
    """The image of a representation block; empty when it is of another kind than a flat picture (a 3D shape)."""
    inside: Tlv | None = representation
    for tag in (_IMAGE, _BASE, _PLANE, _DATA):
        inside = find(inside.children(), tag) if inside is not None else None
    return inside.value if inside is not None else b""
