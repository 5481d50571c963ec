"""What forgers, and careless issuers, do to the files of a chip: before they are signed, and afterwards."""

import hashlib
import io
import struct
from collections.abc import Sequence

from PIL import Image

from hil.passport.choices import FaceEncoding
from hil.passport.faults import Fault
from hil.passport.lds import TAGS, Face, dg2
from hil.passport.tlv import tlv

_BOMB_PIXELS = 60_000


def portrait_file(image: bytes, encoding: FaceEncoding, faults: frozenset[Fault]) -> bytes:
    """DG2 as the issuer signs it, which some faults make of something else than one face."""
    if Fault.GARBAGE_DG2 in faults:
        return tlv(TAGS[2], hashlib.shake_256(b"garbage").digest(4096))
    faces: Sequence[Face] = (_face(image),)
    if Fault.IMAGE_BOMB in faults:
        faces = (Face(image_bomb(), _BOMB_PIXELS, _BOMB_PIXELS),)
    elif Fault.NO_FACE in faults:
        faces = ()
    elif Fault.TWO_FACES in faults:
        faces = (*faces, *faces)
    whole = dg2(faces, encoding)
    return lying_length(whole) if Fault.TLV_LIES in faults else whole


def _face(image: bytes) -> Face:
    """Raises ValueError when it is no picture."""
    try:
        with Image.open(io.BytesIO(image)) as picture:
            if picture.format in ("JPEG", "JPEG2000"):
                return Face(image, *picture.size)
    except (OSError, Image.DecompressionBombError):
        pass
    raise ValueError("the portrait is neither a JPEG nor a JPEG 2000 picture")


def image_bomb() -> bytes:
    """A JPEG 2000 file of a few hundred bytes that claims 60,000 x 60,000 pixels, 10.8 GB of them."""
    packed = io.BytesIO()
    Image.new("RGB", (16, 16), "grey").save(packed, "JPEG2000")
    data = bytearray(packed.getvalue())
    size = struct.pack(">II", _BOMB_PIXELS, _BOMB_PIXELS)
    header, codestream = data.index(b"ihdr") + 4, data.index(b"\xff\x4f\xff\x51") + 8
    data[header : header + 8] = size
    # SIZ (ISO/IEC 15444-1 annex A.5.1): the picture, its origin, then the one tile it has.
    data[codestream : codestream + 8] = size
    data[codestream + 16 : codestream + 24] = size
    return bytes(data)


def lying_length(file: bytes) -> bytes:
    """The template group claims 500 bytes more than the file has."""
    at = file.index(b"\x7f\x61\x82") + 3
    length = int.from_bytes(file[at : at + 2], "big") + 500
    return file[:at] + length.to_bytes(2, "big") + file[at + 2 :]


def flipped(file: bytes, from_end: int) -> bytes:
    """One bit other, so many bytes before the end."""
    at = len(file) - from_end
    return file[:at] + bytes((file[at] ^ 1,)) + file[at + 1 :]
