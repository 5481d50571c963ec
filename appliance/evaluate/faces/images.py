"""Reading images nobody vouches for: inside one folder, of known formats, and never more pixels than agreed.

The header is read first, and what it announces decides whether anything is decoded. One library reads both, so that
header and pixels cannot be understood differently. Not responsible for faces.
"""

import hashlib
import os
import stat
import warnings
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from appliance.face.types import Image

MOST_PIXELS = 40_000_000
"""Larger images are refused before they are decoded."""
MOST_BYTES = 64 << 20
MOST_EXIF_BYTES = 1 << 16
"""What one segment of a JPEG holds. More is read by nobody: 16 MB of tags took half a gigabyte and 20 seconds."""
LEAST_SIDE = 16
ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm"})
_FORMATS = ("JPEG", "PNG", "BMP", "PPM")
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_ORIENTATION = 0x0112
_CHUNK = 1 << 20


class Unusable(Exception):
    """This file gives no image. The message is a short reason that can be counted."""


class LeavesRoot(ValueError):
    """The path leads out of the data set's folder."""


def inside(root: Path, relative: str) -> Path:
    """The absolute path of `relative` below `root`, links followed. Raises LeavesRoot. It need not exist."""
    if not relative or "\0" in relative or len(relative) > 1024:
        raise LeavesRoot("a path is empty, too long or holds a zero byte")
    try:
        base = root.resolve()
        path = (base / relative).resolve()
    except (OSError, RuntimeError) as error:  # a name too long for the file system, a loop of links
        raise LeavesRoot(f"{relative[:80]!r} cannot be followed: {error}") from error
    if not path.is_relative_to(base) or path == base:
        raise LeavesRoot(f"{relative[:80]!r} leads out of {base}; copy the images into the data set's folder")
    return path


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's bytes in hexadecimal; "missing" or "refused" when there is nothing that could be read."""
    try:
        with _opened(path) as file:
            digest = hashlib.sha256()
            while piece := file.read(_CHUNK):
                digest.update(piece)
            return digest.hexdigest()
    except Unusable as reason:
        return "missing" if str(reason) == "missing" else "refused"
    except OSError:
        return "refused"


def read(path: Path) -> Image:
    """The image, uint8[H, W, 3] BGR, turned upright as EXIF says. Raises Unusable; memory stays bounded."""
    try:
        with _opened(path) as file, warnings.catch_warnings():
            # Odd EXIF is common and harmless (Pillow 13 bounds what it may hold); only size is a reason to refuse.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            with Pillow.open(file, formats=_FORMATS) as image:
                _check(image)
                upright = _upright(image).convert("RGB")
        return np.ascontiguousarray(np.asarray(upright, dtype=np.uint8)[:, :, ::-1])
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise Unusable("too many pixels") from error
    except Unusable:
        raise
    except Exception as error:  # a decoder fed with anything may raise anything; a row is lost, not the run
        raise Unusable("broken") from error


def _opened(path: Path):  # type: ignore[no-untyped-def]  # BufferedReader, which open() returns here
    """A regular file of a bearable size, open. Raises Unusable."""
    try:
        # O_NONBLOCK: opening a pipe nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unusable("missing") from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_size > MOST_BYTES:
        os.close(descriptor)
        raise Unusable("not a file" if not stat.S_ISREG(about.st_mode) else "too many bytes")
    return os.fdopen(descriptor, "rb")


def _check(image: Pillow.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise Unusable("too many pixels")
    if min(width, height) < LEAST_SIDE:
        raise Unusable("too few pixels")
    if image.mode not in _MODES:
        raise Unusable("more than 8 bits a channel")


def _upright(image: Pillow.Image) -> Pillow.Image:
    """The image as it was held. EXIF that cannot be understood is as good as none."""
    image.load()
    if len(image.info.get("exif", b"")) > MOST_EXIF_BYTES:
        return image
    try:
        turned = image.getexif().get(_ORIENTATION, 1) not in (0, 1)
        return ImageOps.exif_transpose(image) if turned else image
    except Exception:  # see `read`
        return image
