"""JPEG pictures as RTP packets (RFC 2435), as cheap network cameras send them. One way only: FFmpeg reads them."""

import cv2
import numpy as np
from numpy.typing import NDArray

PAYLOAD_JPEG = 26
CLOCK_HZ = 90_000
_PIECE = 1400
_TABLES_IN_BAND = 255
_YUV_420 = 1


def picture(image_bgr: NDArray[np.uint8], quality: int = 90) -> bytes:
    """A baseline JPEG, 4:2:0, with the standard Huffman tables, as the packets need it."""
    height, width = image_bgr.shape[:2]
    if width % 16 or height % 16 or max(width, height) > 2040:
        raise ValueError(f"{width}x{height}: sides are multiples of 16, at most 2040")
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    return cv2.imencode(".jpg", image_bgr, options)[1].tobytes()


def packets(jpeg: bytes, *, width: int, height: int, sequence: int, stamp: int, source: int = 0x5A11) -> list[bytes]:
    """The RTP packets of one picture, in order; `sequence` is the first one's."""
    tables, scan = _taken_apart(jpeg)
    found: list[bytes] = []
    for offset in range(0, len(scan), _PIECE):
        piece = scan[offset : offset + _PIECE]
        last = offset + _PIECE >= len(scan)
        number = (sequence + len(found)) & 0xFFFF
        head = bytes((0x80, PAYLOAD_JPEG | (0x80 if last else 0))) + number.to_bytes(2, "big")
        head += (stamp & 0xFFFFFFFF).to_bytes(4, "big") + source.to_bytes(4, "big")
        main = bytes((0,)) + offset.to_bytes(3, "big") + bytes((_YUV_420, _TABLES_IN_BAND, width // 8, height // 8))
        quantisation = b"\0\0" + len(tables).to_bytes(2, "big") + tables if offset == 0 else b""
        found.append(head + main + quantisation + piece)
    return found


def _taken_apart(jpeg: bytes) -> tuple[bytes, bytes]:
    """Quantisation tables and the scan of a baseline JPEG."""
    tables, place = b"", 2
    while jpeg[place + 1] != 0xDA:
        length = int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if jpeg[place + 1] == 0xDB:
            segment = jpeg[place + 4 : place + 2 + length]
            tables += b"".join(segment[start + 1 : start + 65] for start in range(0, len(segment), 65))
        place += 2 + length
    length = int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return tables, jpeg[place + 2 + length : -2]
