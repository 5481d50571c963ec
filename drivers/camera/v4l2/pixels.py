"""Pictures as cameras send them, to arrays. Raw formats first: the artefacts of JPEG are no property of a skin."""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

BYTES_PER_PIXEL = {"GREY": 1, "YUYV": 2, "Z16 ": 2}
FORMATS = ("GREY", "YUYV", "MJPG")
"""The formats of pictures this driver reads, in the order it prefers them."""
DEPTH = "Z16 "
"""Distance along the optical axis, 16 bits little endian, 0 for no echo (V4L2_PIX_FMT_Z16)."""


class PictureBroken(ValueError):
    """The bytes are no whole picture of this format and size."""


def decode(data: bytes, pixel_format: str, width: int, height: int, stride: int) -> NDArray[np.uint8]:
    """(H, W) mono for GREY, (H, W, 3) BGR otherwise. `stride` are the bytes from line to line. Raises PictureBroken."""
    if pixel_format == "MJPG":
        return _jpeg(data, width, height)
    lines = _lines(data, width * BYTES_PER_PIXEL[pixel_format], height, stride)
    if pixel_format == "GREY":
        return lines
    return np.asarray(cv2.cvtColor(lines.reshape(height, width, 2), cv2.COLOR_YUV2BGR_YUYV), np.uint8)


def depth(data: bytes, width: int, height: int, stride: int) -> NDArray[np.uint16]:
    """(H, W), in the camera's own unit. Raises PictureBroken."""
    return _lines(data, width * BYTES_PER_PIXEL[DEPTH], height, stride).view("<u2")


def _lines(data: bytes, line: int, height: int, stride: int) -> NDArray[np.uint8]:
    """(height, line), whatever lies behind each line left out."""
    if stride < line or len(data) < stride * (height - 1) + line:
        raise PictureBroken(f"{len(data)} bytes in lines of {stride}, {height} lines of {line} are needed")
    # The last line may come without its padding.
    padded = data.ljust(stride * height, b"\0")
    return np.ascontiguousarray(np.frombuffer(padded, np.uint8, stride * height).reshape(height, stride)[:, :line])


def _jpeg(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    # OpenCV fills a picture that was cut off with grey and calls it good.
    if not data.startswith(b"\xff\xd8") or b"\xff\xd9" not in data[-64:]:
        raise PictureBroken("the JPEG has no beginning or no end")
    # The header is read first: a picture of another size must not be given its memory.
    try:
        size = Image.open(io.BytesIO(data)).size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureBroken(f"no JPEG: {error}") from error
    if size != (width, height):
        raise PictureBroken(f"a JPEG of {size[0]}x{size[1]} where {width}x{height} is set")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None or image.shape != (height, width, 3):
        raise PictureBroken("the JPEG cannot be decoded")
    return np.asarray(image, np.uint8)
