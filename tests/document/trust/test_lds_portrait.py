"""The portrait: both standards, one usable face, and lengths that lie."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_pki import dg2

from appliance.document.lds.portrait import Encoding, Portrait, portrait
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(50))
JP2 = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(30)
J2K = b"\xff\x4f\xff\x51" + bytes(30)
OLD, NEW = "ISO/IEC 19794-5", "ISO/IEC 39794-5"


def refused(data: bytes) -> Reason:
    with pytest.raises(DocumentFault) as caught:
        portrait(data)
    return caught.value.reason


def group(*blocks: bytes, count: int | None = None) -> bytes:
    templates = b"".join(build(0x7F60, build(0xA1, b"\x80\x02\x01\x01") + block) for block in blocks)
    number = len(blocks) if count is None else count
    return build(0x75, build(0x7F61, bytes((2, 1, number)) + templates))


def record(image: bytes, points: int = 0) -> bytes:
    length = 20 + 8 * points + 12 + len(image)
    return length.to_bytes(4, "big") + points.to_bytes(2, "big") + bytes(14 + 8 * points + 12) + image


def old(*images: bytes, points: int = 0) -> bytes:
    body = b"".join(record(image, points) for image in images)
    return build(
        0x5F2E, b"FAC\x00010\x00" + (14 + len(body)).to_bytes(4, "big") + len(images).to_bytes(2, "big") + body
    )


def representation(image: bytes) -> bytes:
    plane = build(0xA0, build(0x80, image) + build(0xA1, b"\x80\x01\x00"))
    return build(0x30, b"\x80\x01\x00" + build(0xA1, build(0xA0, plane)) + build(0x85, b"\x09"))


def new(*images: bytes, wrapped: bool = True) -> bytes:
    blocks = build(0xA1, b"".join(representation(image) for image in images))
    face = build(0x65, build(0xA0, b"\x80\x01\x03\x81\x02\x07\xe3") + blocks)
    return build(0x7F2E, build(0xA1, face) if wrapped else face)


@pytest.mark.parametrize(
    ("image", "encoding"), [(JPEG, Encoding.JPEG), (JP2, Encoding.JPEG_2000), (J2K, Encoding.JPEG_2000)]
)
def test_one_face_of_either_standard_is_the_portrait(image: bytes, encoding: Encoding) -> None:
    assert portrait(dg2(image)) == Portrait(image, encoding, OLD)
    assert portrait(group(old(image, points=3))) == Portrait(image, encoding, OLD)
    for wrapped in (True, False):
        assert portrait(group(new(image, wrapped=wrapped))) == Portrait(image, encoding, NEW)


@pytest.mark.parametrize(
    "data", [group(old(JPEG, JP2)), group(old(JPEG, JPEG)), group(new(JPEG, J2K)), group(old(JPEG), new(JPEG))]
)
def test_two_usable_faces_are_ambiguous(data: bytes) -> None:
    assert refused(data) is Reason.PORTRAIT_AMBIGUOUS


@pytest.mark.parametrize(
    "data",
    [
        group(),
        group(old()),
        group(new()),
        group(old(b"")),
        group(old(b"GIF89a")),
        group(new(b"\x89PNG")),
        group(old(b"\x00" + JPEG)),
        group(build(0x5F2F, b"")),
    ],
)
def test_no_usable_face_is_no_portrait(data: bytes) -> None:
    assert refused(data) is Reason.PORTRAIT_MISSING


def test_an_unusable_face_beside_the_portrait_does_not_matter() -> None:
    assert portrait(group(old(b"GIF89a"), new(JPEG))).image == JPEG


def test_a_shape_in_three_dimensions_is_no_picture() -> None:
    shape = build(0x30, b"\x80\x01\x00" + build(0xA1, build(0xA1, b"\x80\x01\x00")))
    face = build(0x65, build(0xA0, b"") + build(0xA1, shape))
    assert refused(group(build(0x7F2E, build(0xA1, face)))) is Reason.PORTRAIT_MISSING


def lying(block: bytes, at: int, value: bytes) -> bytes:
    return block[:at] + value + block[at + len(value) :]


FAC = 3  # where the record begins in `old(JPEG)`: tag of two bytes, length of one


@pytest.mark.parametrize(
    "data",
    [
        group(lying(old(JPEG), FAC + 8, b"\xff\xff\xff\xff")),
        group(lying(old(JPEG), FAC + 8, b"\x00\x00\x00\x0e")),
        group(lying(old(JPEG), FAC + 12, b"\xff\xff")),
        group(lying(old(JPEG), FAC + 12, b"\x00\x02")),
        group(lying(old(JPEG), FAC + 12, b"\x00\x00")),
        group(lying(old(JPEG), FAC + 14, b"\xff\xff\xff\xff")),
        group(lying(old(JPEG), FAC + 14, b"\x00\x00\x00\x00")),
        group(lying(old(JPEG), FAC + 18, b"\xff\xff")),
        group(lying(old(JPEG), FAC, b"FAX")),
        group(old(JPEG), count=2),
        group(old(JPEG), count=0),
        group(*[old(JPEG)] * 17),
        group(old(*[JPEG] * 17)),
        group(new(*[JPEG] * 17)),
        group(build(0x5F2E, b"")),
        group(build(0x5F2E, b"FAC\x00010\x00")),
        group(build(0x7F2E, build(0xA1, build(0x65, b"")))),
        group(build(0x7F2E, build(0xA1, build(0x65, build(0xA1, build(0x31, b"")))))),
        group(old(JPEG))[:-1],
        group(old(JPEG)) + b"\x00",
        build(0x75, b""),
        b"",
    ],
)
def test_lengths_and_numbers_that_lie_are_malformed(data: bytes) -> None:
    assert refused(data) is Reason.FILE_MALFORMED


@settings(max_examples=300)
@given(st.sampled_from([group(old(JPEG)), group(new(JPEG)), group(old(JPEG), new(JP2))]), st.data())
def test_a_spoilt_portrait_file_ends_in_a_portrait_or_in_one_kind_of_error(genuine: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(genuine)
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(spoilt)))
    for hostile in (bytes(spoilt), bytes(spoilt[:end])):
        try:
            found = portrait(hostile)
        except DocumentFault:
            continue
        assert found.image in hostile


@pytest.mark.measured
def test_the_files_of_icao_and_of_the_bsi_hold_the_images_published_with_them(shared: Path) -> None:
    folder = shared / "data/emrtd/dg"
    expected = (folder / "iso39794/ICAO_39794_5_AP_DG2_Face.jpg").read_bytes()
    for name in ("AllFields", "MandFields"):
        found = portrait((folder / f"iso39794/ICAO_39794_5_AP_DG2_{name}.dat").read_bytes())
        assert found == Portrait(expected, Encoding.JPEG_2000, NEW)
    found = portrait((folder / "bsi2008/Datagroup2.bin").read_bytes())
    assert found == Portrait((folder / "bsi2008/Datagroup2.jp2").read_bytes(), Encoding.JPEG_2000, OLD)
    face = (folder / "iso19794/ISO19794_Test1_Face.jpg").read_bytes()
    block = (folder / "iso19794/ISO19794_Test1_Data.bin").read_bytes()
    assert portrait(group(build(0x5F2E, block))) == Portrait(face, Encoding.JPEG, OLD)
    broken = (folder / "iso19794/ISO19794_Test2_Data_InvalidImage.bin").read_bytes()
    assert refused(group(build(0x5F2E, broken))) is Reason.PORTRAIT_MISSING
