"""Image checks, scaling and alignment shared by the packs."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face.types import FailureToAcquire, Image

_SMALLEST_SIDE_PX = 16


def checked(image: Image) -> Image:
    """The image, contiguous. Raises ValueError unless it is (H, W, 3) uint8 with H and W of at least 16 pixels."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"a face image is (H, W, 3) uint8 BGR, not {image.shape} {image.dtype}")
    if min(image.shape[:2]) < _SMALLEST_SIDE_PX:
        raise ValueError(f"a face image has at least {_SMALLEST_SIDE_PX} pixels a side, not {image.shape[:2]}")
    return np.ascontiguousarray(image)


def shrink(image: Image, longest_px: int) -> tuple[Image, float]:
    """The image with no side above `longest_px`, and the factor that leads its coordinates back to the original."""
    side = max(image.shape[:2])
    if side <= longest_px:
        return image, 1.0
    factor = side / longest_px
    width, height = (max(_SMALLEST_SIDE_PX, round(n / factor)) for n in (image.shape[1], image.shape[0]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8), factor


Box = tuple[float, float, float, float]


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x1, y1, x2, y2), 0 to 1; 0 for a box that is none."""
    if not all(map(math.isfinite, (*a, *b))):
        return 0.0
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    common = max(0.0, across) * max(0.0, down)
    areas = sum(max(0.0, x2 - x1) * max(0.0, y2 - y1) for x1, y1, x2, y2 in (a, b))
    return common / max(areas - common, 1e-9)


def similarity(source: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """Least-squares similarity (rotation, one scale, shift; no mirroring) from points to points, float64[2, 3].

    Both are [n, 2]. In the plane the solution of Umeyama (1991) is one complex number: w = a z + b.
    Raises FailureToAcquire when the source points are not finite or coincide.
    """
    z = source[:, 0].astype(np.float64) + 1j * source[:, 1].astype(np.float64)
    w = target[:, 0].astype(np.float64) + 1j * target[:, 1].astype(np.float64)
    if not np.all(np.isfinite(z)):
        raise FailureToAcquire("the landmarks of the face are not finite")
    spread = z - z.mean()
    power = float(np.sum(np.abs(spread) ** 2))
    if power < 1.0:
        raise FailureToAcquire("the landmarks of the face coincide")
    a = np.sum(np.conj(spread) * (w - w.mean())) / power
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def aligned_chip(image: Image, landmarks: NDArray[np.floating], template: NDArray[np.floating], side_px: int) -> Image:
    """The face moved onto the template, (side, side, 3) uint8; what lies outside the image is black."""
    matrix = similarity(landmarks, template)
    return np.asarray(cv2.warpAffine(image, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR), dtype=np.uint8)
