"""Odd and hostile files by every way a picture comes as one: portrait, gallery photo, evaluation (docs/bad-input.md).

What other tests show already is not repeated here; the table in docs says where it is. Imports are few: the memory of
the portrait's child is measured, and a child begins with the peak of its parent.
"""

import asyncio
import contextlib
import io
import json
import resource
import struct
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from appliance.document import portrait
from appliance.document.portrait import PortraitError
from appliance.evaluate.faces import images
from appliance.evaluate.faces.images import Unusable
from appliance.face.types import Image
from appliance.gallery import photo
from appliance.gallery.errors import EnrolmentRefused

pytestmark = pytest.mark.anyio

HEIGHT, WIDTH = 48, 64
UPRIGHT, TURNED = (HEIGHT, WIDTH, 3), (WIDTH, HEIGHT, 3)
DARK, BRIGHT = 30, 220


def scene() -> Image:
    """uint8[48, 64, 3] grey: the left half dark, the right one bright."""
    pixels = np.full(UPRIGHT, DARK, np.uint8)
    pixels[:, WIDTH // 2 :] = BRIGHT
    return pixels


def coded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(scene()).convert(mode).save(out, kind, **options)
    return out.getvalue()


def animated(kind: str) -> bytes:
    """The scene, then three black pictures."""
    return coded(kind, save_all=True, append_images=[Pillow.new("RGB", (WIDTH, HEIGHT))] * 3)


def sixteen(kind: str, channels: int) -> bytes:
    pixels = scene()[..., :channels].astype(np.uint16) * 257
    return bytes(cv2.imencode(kind, pixels)[1].tobytes())


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiff(*entries: tuple[int, int, int, int], after: int = 0, at: int = 8) -> bytes:
    """Exif of one directory of (tag, type, count, value or place); `after` is where the next one claims to be."""
    rows = b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<L", at) + struct.pack("<H", len(entries)) + rows + struct.pack("<L", after)


def jpeg_with(exif: bytes, *, jfif: bool = True) -> bytes:
    """Without a JFIF density Pillow looks into Exif while it opens the file."""
    plain = coded("JPEG", quality=95)
    rest = plain[2:] if jfif else plain[plain.index(b"\xff\xdb") :]
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif + rest


def png_with(exif: bytes) -> bytes:
    plain = coded("PNG")
    return plain[:33] + chunk(b"eXIf", exif) + plain[33:]


def oriented(value: int) -> tuple[int, int, int, int]:
    return 0x0112, 3, 1, value


MANY = [(0x8000 + n, 7, 64_000, 8) for n in range(5000)]
LOOP = tiff(oriented(6), (0x8769, 4, 1, 8), (0x8825, 4, 1, 8), after=8)

Said = tuple[int, ...] | str | None
CASES: dict[str, tuple[bytes, Said, Said, Said]] = {
    # What comes of it as portrait, as gallery photo and in an evaluation: a shape, or words of the refusal.
    "grey": (coded("JPEG", "L"), UPRIGHT, UPRIGHT, UPRIGHT),
    "grey alpha": (coded("PNG", "LA"), "neither JPEG", UPRIGHT, UPRIGHT),
    "alpha": (coded("PNG", "RGBA"), "neither JPEG", UPRIGHT, UPRIGHT),
    "alpha jp2": (coded("JPEG2000", "RGBA"), UPRIGHT, "neither JPEG nor PNG", "broken"),
    "cmyk": (coded("JPEG", "CMYK", quality=95), UPRIGHT, UPRIGHT, UPRIGHT),
    "palette": (coded("PNG", "P"), "neither JPEG", UPRIGHT, UPRIGHT),
    "16 bits grey": (sixteen(".png", 1), "neither JPEG", "more than 8 bits", "more than 8 bits"),
    "16 bits grey jp2": (sixteen(".jp2", 1), "more than 8 bits", "neither JPEG nor PNG", "broken"),
    "16 bits colour": (sixteen(".png", 3), "neither JPEG", UPRIGHT, UPRIGHT),
    "16 bits colour jp2": (sixteen(".jp2", 3), UPRIGHT, "neither JPEG nor PNG", "broken"),
    "animated png": (animated("PNG"), "neither JPEG", UPRIGHT, UPRIGHT),
    "several in one jpeg": (animated("MPO"), UPRIGHT, UPRIGHT, UPRIGHT),
    "animated gif": (animated("GIF"), "neither JPEG", "neither JPEG nor PNG", "broken"),
    "exif says nothing": (jpeg_with(b""), UPRIGHT, UPRIGHT, UPRIGHT),
    "exif cut": (jpeg_with(b"II"), UPRIGHT, UPRIGHT, UPRIGHT),
    "exif garbage": (jpeg_with(bytes(range(256))), UPRIGHT, UPRIGHT, UPRIGHT),
    "exif loop": (jpeg_with(LOOP), UPRIGHT, TURNED, TURNED),
    "exif loop png": (png_with(LOOP), "neither JPEG", TURNED, TURNED),
    "exif beyond the end": (jpeg_with(tiff(oriented(6), at=0xFFFFFFF0)), UPRIGHT, "damaged", UPRIGHT),
    "exif too long a value": (jpeg_with(tiff((0x0112, 3, 0xFFFFFFFF, 8))), UPRIGHT, "damaged", UPRIGHT),
    "exif of 5,000 large tags": (jpeg_with(tiff(*MANY), jfif=False), UPRIGHT, "damaged", UPRIGHT),
    "orientation twice": (jpeg_with(tiff((0x0112, 3, 2, 0x00060006))), UPRIGHT, "damaged", TURNED),
    "orientation in letters": (jpeg_with(tiff((0x0112, 2, 4, 0x363636))), UPRIGHT, UPRIGHT, UPRIGHT),
    "orientation not a number": (jpeg_with(tiff((0x0112, 11, 1, 0x7FC00000))), UPRIGHT, UPRIGHT, UPRIGHT),
    "20,000 x 1": (
        coded("PNG")[:16] + struct.pack(">II", 20_000, 1) + coded("PNG")[24:],
        "neither",
        "neither",
        "broken",
    ),
}
CASES |= {
    f"orientation {value}": (jpeg_with(tiff(oriented(value))), UPRIGHT, seen, seen)
    for value in (*range(10), 255, 65_535)
    for seen in (TURNED if 5 <= value <= 8 else UPRIGHT,)
}


async def as_portrait(data: bytes) -> Image:
    return await portrait.decode(data)


async def as_photo(data: bytes) -> Image:
    return photo.decode(data)


async def as_evaluated(data: bytes) -> Image:
    with tempfile.NamedTemporaryFile(suffix=".img") as file:
        file.write(data)
        file.flush()
        return images.read(Path(file.name))


WAYS: dict[str, Callable[[bytes], Awaitable[Image]]] = {
    "portrait": as_portrait,
    "gallery": as_photo,
    "evaluation": as_evaluated,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
async def test_odd_pictures_are_taken_as_they_look_or_refused_in_words(name: str, way: str) -> None:
    data, *said = CASES[name]
    expected = said[list(WAYS).index(way)]
    if isinstance(expected, str):
        with pytest.raises((PortraitError, EnrolmentRefused, Unusable), match=expected):
            await WAYS[way](data)
        return
    got = await WAYS[way](data)
    assert got.shape == expected
    assert got.dtype == np.uint8
    # Whatever the mode: one half stays dark and the other bright, and neither is black or white.
    halves = sorted((float(got[:5, :5].mean()), float(got[-5:, -5:].mean())))
    if "orientation" in name and len(set(map(round, halves))) == 1:
        halves = sorted((float(got[:5, :5].mean()), float(got[-5:, :5].mean())))
    assert halves == pytest.approx((DARK, BRIGHT), abs=12)


def test_the_halves_go_where_the_orientation_says() -> None:
    """Where the dark half is after turning, for each of the eight."""
    found = []
    for value in range(1, 9):
        got = photo.decode(jpeg_with(tiff(oriented(value)))).mean(axis=2)
        edges = {"left": got[:, :9], "right": got[:, -9:], "top": got[:9], "bottom": got[-9:]}
        found += [side for side, edge in edges.items() if edge.max() < (DARK + BRIGHT) / 2]
    assert found == ["left", "right", "right", "left", "top", "top", "bottom", "bottom"]


def vast_exif() -> bytes:
    """16 MB of tags that all may be read. Made only where they are used."""
    tags = ((0x8000 + n % 32_000, 5, 160_000, 8) for n in range(65_000))
    return png_with(tiff(oriented(6), *tags) + bytes(16 << 20))


async def test_sixteen_megabytes_of_exif_are_read_by_nobody() -> None:
    data = vast_exif()
    with pytest.raises(PortraitError, match="larger than 2 MB"):
        await as_portrait(data)
    with pytest.raises(EnrolmentRefused, match="damaged"):
        await as_photo(data)
    assert (await as_evaluated(data)).shape == UPRIGHT


def largest(kind: str, side: int) -> bytes:
    """The largest square that is taken, one colour."""
    out = io.BytesIO()
    Pillow.new("RGB", (side, side), (90, 120, 150)).save(out, kind)
    return out.getvalue()


def _work(what: str) -> list[tuple[str, bytes]]:
    """(way, file)s."""
    if what == "exif":
        data = vast_exif()
        return [("gallery", data), ("evaluation", data)]
    if what == "portrait":
        return [("portrait", largest("JPEG", portrait.MAX_SIDE))]
    if what != "odd":
        return [(what, largest("JPEG", 6324))]
    odd = [case for name, case in CASES.items() if "orientation" not in name]
    # What is no portrait by its first bytes costs a child all the same, and time here.
    portraits = [("portrait", data) for data, *said in odd if not str(said[0]).startswith("neither")]
    return [*portraits, *((way, data) for data, *_ in odd for way in ("gallery", "evaluation"))]


async def _spend(what: str) -> None:
    """In a process of its own: prints the peaks of this process and of its children, in MB."""
    for way, data in _work(what):
        with contextlib.suppress(PortraitError, EnrolmentRefused, Unusable):
            await WAYS[way](data)
    # Not getrusage for this process: what it was forked from counts there.
    print([_peak_kb() >> 10, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10])


def _peak_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@pytest.mark.parametrize(
    ("what", "most", "most_of_a_child"),
    [("odd", 150, 150), ("exif", 300, 0), ("portrait", 400, 400), ("gallery", 800, 0), ("evaluation", 800, 0)],
)
def test_memory_is_bounded(what: str, most: int, most_of_a_child: int) -> None:
    """MB of everything odd, and of the largest picture each way takes (4096 x 4096; 40 million pixels).

    The libraries alone are 90.
    """
    done = subprocess.run([sys.executable, __file__, what], capture_output=True, text=True, timeout=100, check=True)
    own, child = json.loads(done.stdout)
    assert 50 < own < most
    assert child <= most_of_a_child


if __name__ == "__main__":
    asyncio.run(_spend(sys.argv[1]))
