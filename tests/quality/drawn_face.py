"""A drawn face and the ways to spoil it: enough for every measure, and nobody's picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face.types import DetectedFace, Image

_PLACES = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.57], [-0.41, 1.15], [0.41, 1.15]])
_SKIN, _LIPS, _DARK = (120, 150, 205), (80, 80, 165), (40, 45, 60)
"""BGR."""


def drawn_face(eyes_px: float = 90.0, size: tuple[int, int] = (640, 480)) -> tuple[Image, DetectedFace]:
    """A face with its eyes that far apart, in the middle of a picture of (width, height), and where it is."""
    width, height = size
    image = np.full((height, width, 3), 90, np.uint8)
    middle = np.array([width / 2, height / 2 - 0.4 * eyes_px])

    def ellipse(x: float, y: float, a: float, b: float, colour: tuple[int, int, int]) -> None:
        place = (round(middle[0] + x * eyes_px), round(middle[1] + y * eyes_px))
        cv2.ellipse(image, place, (max(1, round(a * eyes_px)), max(1, round(b * eyes_px))), 0, 0, 360, colour, -1)

    ellipse(0, 0.5, 1.15, 1.6, _SKIN)
    for side in (-0.5, 0.5):
        ellipse(side, -0.3, 0.28, 0.05, _DARK)
        ellipse(side, 0.0, 0.24, 0.11, (225, 230, 235))
        ellipse(side, 0.0, 0.1, 0.1, _DARK)
        ellipse(side * 0.25, 0.68, 0.06, 0.04, _DARK)
    ellipse(0, 1.15, 0.42, 0.12, _LIPS)
    ellipse(0, 1.15, 0.4, 0.03, _DARK)
    # Skin is not one colour; histograms of a flat drawing would have one bin.
    grain = np.random.default_rng(0).normal(0.0, 6.0, (height, width, 1))
    image = np.clip(image + cv2.GaussianBlur(grain, (0, 0), 1.0)[..., None] * 2.0, 0, 255).astype(np.uint8)
    landmarks = (_PLACES * eyes_px + middle).astype(np.float32)
    low, high = middle - np.array([1.0, 0.9]) * eyes_px, middle + np.array([1.0, 1.8]) * eyes_px
    return image, DetectedFace((float(low[0]), float(low[1]), float(high[0]), float(high[1])), landmarks, 0.9)


def lit(image: Image, factor: float | NDArray[np.float64]) -> Image:
    """More or less light, in the linear values of sRGB and back; a factor per column is light from the side."""
    x = image / 255.0
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    y = np.clip(linear * np.reshape(factor, (1, -1, 1)), 0.0, 1.0)
    back = np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1 / 2.4) - 0.055)
    return np.rint(back * 255).astype(np.uint8)


def lit_from_the_right(image: Image, face: DetectedFace, strength: float) -> Image:
    """Light of 1 on the right of the nose, of 1 - strength on its left."""
    across = (np.arange(image.shape[1]) - face.landmarks[2, 0]) / (0.2 * face.inter_eye_distance)
    return lit(image, 1.0 - strength / (1.0 + np.exp(np.clip(across, -50, 50))))


def blurred(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8) if sigma else image


def moved(image: Image, pixels: int, *, down: bool = False) -> Image:
    """Smeared over that many pixels, across or down."""
    kernel = np.full((pixels, 1) if down else (1, pixels), 1.0 / pixels, np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)


def covered(
    image: Image, face: DetectedFace, what: str, opacity: float, colour: tuple[int, int, int] = (150, 120, 90)
) -> Image:
    """Mouth or eyes under a patch of one colour that lets 1 - opacity through."""
    d = face.inter_eye_distance
    points, half = (face.landmarks[3:], (0.8, 0.6)) if what == "mouth" else (face.landmarks[:2], (1.0, 0.3))
    low, high = (points.mean(axis=0) + sign * np.array(half) * d for sign in (-1, 1))
    patched = image.copy()
    cv2.rectangle(patched, tuple(int(v) for v in low), tuple(int(v) for v in high), colour, -1)
    return np.asarray(cv2.addWeighted(patched, opacity, image, 1.0 - opacity, 0.0), np.uint8)
