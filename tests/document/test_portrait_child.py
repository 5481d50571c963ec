"""Hostile portraits, each in a real child process; and what is made of a whole document."""

import asyncio
import io
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from appliance.document import portrait
from appliance.document.portrait import MAX_BYTES, PortraitError, decode

pytestmark = pytest.mark.anyio


def coded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    """A picture of 40 x 30: left half red, right half blue."""
    pixels = np.zeros((40, 30, 3), np.uint8)
    pixels[:, :15, 0], pixels[:, 15:, 2] = 220, 220
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, kind, **options)
    return out.getvalue()


def giant_jpeg(width: int, height: int) -> bytes:
    """A JPEG whose header claims to be this large."""
    data = bytearray(coded("JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def giant_jpeg_2000(side: int) -> bytes:
    """A JPEG 2000 file whose header box and codestream both claim side x side."""
    data = coded("JPEG2000")
    small = struct.pack(">II", 40, 30)
    data = data.replace(b"ihdr" + small, b"ihdr" + struct.pack(">II", side, side))
    at = data.index(b"\xff\x51") + 6
    huge = struct.pack(">IIIIII", side, side, 0, 0, side, side)
    return data[:at] + huge + data[at + len(huge) :]


def giant_png(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def children() -> set[int]:
    """Processes this one has started and that are not yet reaped."""
    return {child.pid for child in psutil.Process().children()}


async def born(before: set[int]) -> int:
    """The child that was started since."""
    for _ in range(5000):
        if new := children() - before:
            return new.pop()
        await asyncio.sleep(0.001)
    raise AssertionError("no child was started")


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG2000", "RGB")])
async def test_a_good_portrait_becomes_bgr(kind: str, mode: str) -> None:
    image = await decode(coded(kind, mode, **({"quality": 95} if kind == "JPEG" else {})))
    assert (image.shape, image.dtype, image.flags.writeable) == ((40, 30, 3), np.uint8, True)
    red, blue = image[20, 5].astype(int), image[20, 25].astype(int)
    if mode == "RGB":
        assert red[2] > 180 > 40 > red[0]
        assert blue[0] > 180 > 40 > blue[2]
    else:
        assert red[0] == red[1] == red[2] > blue[0] == blue[1]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (giant_jpeg_2000(4096), "damaged|broke its decoder"),
        (b"", "holds no portrait"),
        (b"x" * (MAX_BYTES + 1), "larger than 2 MB"),
        (b"not a picture at all", "neither JPEG nor JPEG 2000"),
        (coded("PNG"), "neither JPEG nor JPEG 2000"),
        (coded("JPEG")[:200], "neither|damaged"),
        (coded("JPEG")[:-40], "damaged"),
        (coded("JPEG2000")[:-60], "damaged|broke"),
        (giant_png(60000), "neither JPEG nor JPEG 2000"),
        (giant_jpeg(60000, 60000), "damaged"),
        (giant_jpeg(5000, 100), "larger than any passport portrait"),
        (giant_jpeg_2000(60000), "damaged"),
        (giant_jpeg_2000(0xFFFFFFF0), "damaged|neither|broke"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
async def test_a_bad_portrait_is_refused_in_words_for_the_guard(data: bytes, said: str) -> None:
    with pytest.raises(PortraitError, match=said) as caught:
        await decode(data)
    assert str(caught.value)[0].isupper()
    assert "Error" not in str(caught.value)


@pytest.mark.parametrize(
    "script",
    [
        "echo 'MemoryError: 1073741824' >&2; exit 1",
        "echo 'P<UTOERIKSSON' >&2; kill -SEGV $$",
        "exit 3",
        "printf 'short'",
        "head -c 8 /dev/zero",
        r"printf '\0\0\0\2\0\0\0\2only six'",
    ],
)
async def test_a_decoder_that_breaks_is_no_riddle_for_the_guard(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(PortraitError, match=r"^The portrait broke its decoder\.$"):
        await decode(coded("JPEG"))


async def test_a_child_that_is_killed_is_a_broken_decoder() -> None:
    before = children()
    decoding = asyncio.create_task(decode(coded("JPEG")))
    os.kill(await born(before), 9)
    with pytest.raises(PortraitError, match="broke its decoder"):
        await decoding


async def test_a_child_that_hangs_is_killed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portrait, "WALL_SECONDS", 0.0)
    with pytest.raises(PortraitError, match="too long"):
        await decode(coded("JPEG"))


async def test_a_caller_who_gives_up_leaves_no_child() -> None:
    before = children()
    decoding = asyncio.create_task(decode(coded("JPEG")))
    await born(before)
    decoding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await decoding


async def test_the_child_inherits_no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL" / "__init__.py").write_text("raise SystemExit('planted')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert (await decode(coded("JPEG"))).shape == (40, 30, 3)


@pytest.mark.parametrize(
    ("attempt", "ending"),
    [
        ("socket.socket()", -signal.SIGSYS),
        ("os.fork()", -signal.SIGSYS),
        ("os.execv('/bin/true', ['true'])", -signal.SIGSYS),
        ("open('/etc/hostname')", 7),
        ("open('/tmp/x', 'w')", 7),
        ("os.kill(1, 0)", 7),
        ("print(sum(range(10)))", 0),
    ],
)
def test_whoever_takes_the_decoder_over_gets_no_further(attempt: str, ending: int) -> None:
    script = f"""
import os, socket
from appliance.document import portrait
portrait._confine()
if not portrait._filter():
    os._exit(99)
try:
    {attempt}
except OSError:
    os._exit(7)
"""
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 99, "no seccomp here: apt-get install libseccomp2"
    assert done.returncode == ending, done.stderr
