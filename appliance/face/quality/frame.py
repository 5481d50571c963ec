"""The face in a standard frame, and the regions measured in it.

The frame is OFIQ's (BSI OFIQ, `utils.cpp`, commit 028f590): a square of 616 pixels in which the eyes are 113 pixels
apart. Only the window that holds the face is drawn. Where OFIQ draws regions from 98 landmarks, fixed ones stand in:
alignment puts eyes, nose and mouth in one place.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face.geometry import similarity
from appliance.face.types import FailureToAcquire, Image

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

PLACES = np.array([[251.0, 272.0], [364.0, 272.0], [308.0, 336.0], [262.0, 402.0], [355.0, 402.0]])
"""Eye on the image's left, the other, nose tip, mouth corners: pixels of the 616-pixel square."""
LEFT, TOP, SIDE = 168, 216, 280
"""Window of the square that is drawn."""
EYE_APART, EYES_TO_MOUTH = 113.0, 130.0
MATCHER_EYES_PX = 47.0
"""Eye distance in the chip face-reidentification-retail-0095 compares: finer detail is not seen by it."""

_LINEAR = np.array(
    [n / 12.92 if n <= 0.04045 else ((n + 0.055) / 1.055) ** 2.4 for n in np.arange(256) / 255], np.float32
)
_ACROSS = np.arange(SIDE, dtype=np.float64)
_BGR_WEIGHTS = np.array([0.0722, 0.7152, 0.2126], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The window in colour and as linear luminance 0..255 (IEC 61966-2-1), (SIDE, SIDE[, 3]) uint8.

    `inside`: which of its pixels the image covers; the rest is black and nobody's skin.
    """

    colour: Image
    luminance: NDArray[np.uint8]
    inside: Mask


def frame(image_bgr: Image, landmarks: NDArray[np.float32]) -> Frame | None:
    """The standard frame of one face; None when the points are not finite, coincide or lie outside the image."""
    try:
        matrix = similarity(landmarks, PLACES - (LEFT, TOP))
    except FailureToAcquire:
        return None
    colour = drawn(image_bgr, matrix, SIDE)
    if colour is None:
        return None
    height, width = image_bgr.shape[:2]
    back = cv2.invertAffineTransform(matrix)
    x, y = (back[i, 0] * _ACROSS[None, :] + back[i, 1] * _ACROSS[:, None] + back[i, 2] for i in (0, 1))
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return Frame(colour, luminance(colour), inside)


def luminance(colour: Image) -> NDArray[np.uint8]:
    """Linear luminance of sRGB, rounded to 0..255."""
    return np.asarray(np.rint(_LINEAR[colour] @ _BGR_WEIGHTS * 255), np.uint8)


def drawn(image: Image, matrix: NDArray[np.float64], side: int) -> Image | None:
    """The image through an affine matrix float64[2, 3], (side, side, 3) uint8; black outside, None if all of it is.

    Averaged first where the image is much finer than what is drawn: a jump over pixels turns their noise into texture.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1]], np.float64) @ back.T
    height, width = image.shape[:2]
    low = np.clip(np.floor(corners.min(axis=0)) - 2, 0, (width, height)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 3, 0, (width, height)).astype(int)
    if np.any(high - low < 1):
        return None
    part = image[low[1] : high[1], low[0] : high[0]]
    shift = np.array([[1.0, 0.0, low[0]], [0.0, 1.0, low[1]], [0.0, 0.0, 1.0]])
    times = min(int(0.75 / scale), *part.shape[:2]) if scale > 0 else 1
    if times > 1:
        small = (part.shape[1] // times, part.shape[0] // times)
        shift = shift @ np.diag([part.shape[1] / small[0], part.shape[0] / small[1], 1.0])
        part = np.asarray(cv2.resize(part, small, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.warpAffine(part, matrix @ shift, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def region(x1: float, y1: float, x2: float, y2: float) -> tuple[slice, slice]:
    """Slices of the window for a rectangle of the 616-pixel square."""
    return slice(int(y1) - TOP, int(y2) - TOP), slice(int(x1) - LEFT, int(x2) - LEFT)


@cache
def face_mask() -> Mask:
    """bool[SIDE, SIDE]: from the brows to above the chin, without hair and ears; an ellipse."""
    return _ellipse((308, 345), (100, 125)) & (np.arange(SIDE)[:, None] >= 240 - TOP)


@cache
def cheeks() -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The squares OFIQ compares the illumination in: 0.3 eye distances wide, halfway from eyes to mouth."""
    zone, y = int(0.3 * EYE_APART), 272 + int(EYES_TO_MOUTH / 2)
    left, right = PLACES[0, 0], PLACES[1, 0]
    return region(left - zone, y, left, y + zone), region(right, y, right + zone, y + zone)


@cache
def eye_zones() -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Eye visibility zones after ISO/IEC 39794-5: the eye and a margin of V = eye distance / 20."""
    half, up = int(0.25 * EYE_APART), int(0.14 * EYE_APART)
    return tuple(region(x - half, 272 - up, x + half, 272 + up) for x in PLACES[:2, 0])  # type: ignore[return-value]


@cache
def sure_skin() -> Mask:
    """bool[SIDE, SIDE]: between the eyes and the brows, bare above any mask and below any hat."""
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[region(284, 244, 332, 292)] = True
    return mask


def _ellipse(middle: tuple[int, int], axes: tuple[int, int]) -> Mask:
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(canvas, (middle[0] - LEFT, middle[1] - TOP), axes, 0, 0, 360, 255, -1)
    return canvas > 0
