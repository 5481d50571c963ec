"""Hostile and broken image files: counted, never decoded without bounds, never read from elsewhere."""

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from appliance.evaluate.faces.images import MOST_BYTES, LeavesRoot, Unusable, fingerprint, inside, read

ROOT = Path(__file__).resolve().parents[2]


def _jpeg(width: int = 48, height: int = 32, **more: object) -> bytes:
    buffer = io.BytesIO()
    ramp = np.tile(np.linspace(0, 255, width, dtype=np.uint8)[None, :, None], (height, 1, 3))
    Pillow.fromarray(ramp).save(buffer, "JPEG", quality=95, **more)
    return buffer.getvalue()


def _announcing(width: int, height: int) -> bytes:
    """A small JPEG whose header promises other dimensions."""
    whole = bytearray(_jpeg())
    place = whole.index(b"\xff\xc0")
    whole[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(whole)


def _png_bomb(side: int) -> bytes:
    """Black, one bit a pixel: 50 kB that unpack into more than a gigabyte of RGB."""
    row = b"\0" * (1 + side // 8)
    squeeze = zlib.compressobj(9)
    body = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _exif_bomb() -> bytes:
    """5,000 tags that all claim the same 64 kB."""
    count = 5000
    entries = b"".join(struct.pack("<HHLL", 0x8000 + k, 7, 64_000, 8) for k in range(count))
    exif = b"Exif\0\0" + b"II*\0" + struct.pack("<L", 8) + struct.pack("<H", count) + entries
    # Without a JFIF density Pillow looks into EXIF while it opens the file.
    plain = _jpeg()
    start = plain.index(b"\xff\xdb")
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[start:]


def test_an_image_is_bgr(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Pillow.new("RGB", (20, 16), (200, 100, 7)).save(path)
    assert read(path).tolist() == [[[7, 100, 200]] * 20] * 16


def test_orientation_is_applied(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    (tmp_path / "a.jpg").write_bytes(_jpeg(48, 32, exif=exif.tobytes()))
    turned = read(tmp_path / "a.jpg")
    assert turned.shape == (48, 32, 3)
    assert int(turned[0].mean()) < 20 < 235 < int(turned[-1].mean())


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_usual_modes_become_colour(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Pillow.new("RGB", (20, 20), (255, 255, 255)).convert(mode).save(path)
    assert read(path).shape == (20, 20, 3)
    assert read(path).min() > 250


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "broken"),
        (b"no image at all", "broken"),
        (_jpeg()[:400], "broken"),
        (_jpeg()[:-300], "broken"),
        (_announcing(20_000, 20_000), "too many pixels"),
        (_announcing(10_000, 10_000), "too many pixels"),
        (_png_bomb(20_000), "too many pixels"),
        (_jpeg(15, 40), "too few pixels"),
        (b"GIF89a" + b"\0" * 100, "broken"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "broken"),
    ],
    ids=["empty", "text", "header only", "cut", "jpeg bomb", "jpeg 100 MP", "png bomb", "tiny", "gif", "postscript"],
)
def test_what_is_no_usable_image_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(Unusable, match=reason):
        read(path)


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Pillow.fromarray(np.full((20, 20), 40_000, np.uint16)).save(path)
    with pytest.raises(Unusable, match="8 bits"):
        read(path)


@pytest.mark.parametrize("name", ["png bomb", "jpeg bomb", "exif bomb"])
def test_bombs_cost_little_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.img"
    bombs = {"png bomb": lambda: _png_bomb(20_000), "jpeg bomb": lambda: _announcing(20_000, 20_000)}
    path.write_bytes(bombs.get(name, _exif_bomb)())
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from appliance.evaluate.faces.images import Unusable, read\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = used()\n"
        "try: said = str(read(Path(sys.argv[1])).shape)\n"
        "except Unusable as reason: said = str(reason)\n"
        "print(said); print((used() - before) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True, timeout=25, check=True
    )
    said, megabytes = done.stdout.splitlines()
    assert said == ("(32, 48, 3)" if name == "exif bomb" else "too many pixels")
    assert int(megabytes) < 40


def test_only_regular_files_of_a_bearable_size_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(Unusable, match="not a file"):
        read(tmp_path / "pipe.jpg")
    with (tmp_path / "large.jpg").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(Unusable, match="too many bytes"):
        read(tmp_path / "large.jpg")
    with pytest.raises(Unusable, match="missing"):
        read(tmp_path / "none.jpg")
    marks = [fingerprint(tmp_path / name) for name in ("pipe.jpg", "large.jpg", "none.jpg")]
    assert marks == ["refused", "refused", "missing"]


@pytest.mark.parametrize(
    "path", ["../a.jpg", "/etc/passwd", "x/../../a.jpg", "", ".", "a\0b.jpg", "link/a.jpg", "loop", "a" * 2000]
)
def test_a_path_stays_inside(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(LeavesRoot):
        inside(root, path)


def test_a_link_within_the_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(_jpeg())
    (tmp_path / "b.jpg").symlink_to("a.jpg")
    assert inside(tmp_path, "b.jpg") == tmp_path.resolve() / "a.jpg"
