"""Drawing a medical mask on a face, where no photograph with a real one is to be had.

The drawing takes away what a mask takes away: everything between the bridge of the nose and the chin. It does not move
landmarks the way fabric does, and casts no shadow: figures made with it are synthetic. Not responsible for finding
landmarks, nor for telling whether a mask is worn (`mask_detector`).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face.geometry import checked
from appliance.face.types import FailureToAcquire, Image

METHOD = "surgical mask drawn from five landmarks, version 1"
"""Named wherever a figure depends on it; a changed drawing gets another version."""

_FABRICS_BGR = ((214, 190, 150), (238, 236, 232), (170, 195, 150), (48, 46, 45), (200, 180, 215), (120, 80, 40))
_LEAST_EYES_PX = 4.0
_FURTHEST_PX = 20_000.0
_OUTLINE = 24
_SUB = 4  # bits of a fraction of a pixel in cv2's drawing


def draw_mask(image: Image, landmarks: NDArray[np.floating], rng: np.random.Generator) -> Image:
    """A copy of the image with a surgical mask over nose, mouth and chin.

    `image` is (H, W, 3) uint8 BGR; `landmarks` [5, 2] in pixels as in `DetectedFace`. Colour, height, width, folds and
    light vary with `rng`; the same generator state draws the same mask. Raises ValueError for another shape of image,
    FailureToAcquire when no mask can be placed by these landmarks.
    """
    view = checked(image)
    frame = _Frame(landmarks)
    outline, rims = _outline(frame, rng)
    cover = np.zeros(view.shape[:2], np.uint8)
    cv2.fillPoly(cover, [_fixed(outline)], 255, cv2.LINE_AA, _SUB)
    fabric = _fabric(view, frame, rng)
    result = view.copy()
    thread = fabric.reshape(-1, 3).mean(axis=0).tolist()
    for ends in rims:
        cv2.polylines(result, [_fixed(ends)], False, thread, 1, cv2.LINE_AA, _SUB)
    alpha = cover[:, :, None].astype(np.float32) / 255.0
    return np.asarray(np.rint(result * (1 - alpha) + fabric * alpha), np.uint8)


class _Frame:
    """The face's own axes: origin between the eyes, the distance of the eyes as unit, down towards the mouth."""

    def __init__(self, landmarks: NDArray[np.floating]) -> None:
        points = np.asarray(landmarks, dtype=np.float64)
        if points.shape != (5, 2) or not np.isfinite(points).all() or np.abs(points).max() > _FURTHEST_PX:
            raise FailureToAcquire("a mask needs five finite landmarks near the image")
        self.origin = points[:2].mean(axis=0)
        self.across = points[1] - points[0]
        self.unit = float(np.hypot(*self.across))
        if self.unit < _LEAST_EYES_PX:
            raise FailureToAcquire("the eyes are too near together for a mask")
        self.across /= self.unit
        self.down = np.array([-self.across[1], self.across[0]])
        mouth = points[3:].mean(axis=0)
        if (mouth - self.origin) @ self.down < 0:
            self.down = -self.down
        self.nose, self.mouth = self.of(points[2]), self.of(mouth)
        # A face seen foreshortened keeps some height; landmarks on one line would fold the mask.
        self.height = float(np.clip(self.mouth[1], 0.6, 1.8))

    def of(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels to the frame."""
        away = (point - self.origin) / self.unit
        return np.array([away @ self.across, away @ self.down])

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The frame to pixels; [n, 2]."""
        turned = points[:, :1] * self.across + points[:, 1:] * self.down
        return np.asarray(self.origin + self.unit * turned, np.float64)


def _outline(frame: _Frame, rng: np.random.Generator) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """The mask's edge in pixels [n, 2], and on each side the two threads from a corner towards the ear."""
    h = frame.height
    turn = float(np.clip(frame.nose[0], -0.45, 0.45))
    jitter = rng.normal(0.0, 0.03, (8, 2))
    wide, top, deep = rng.uniform(0.82, 0.98), rng.uniform(0.30, 0.50), rng.uniform(1.62, 1.86)
    # A turned head shows more of one cheek: the near side keeps its width, the far one loses what the nose took.
    left, right = -wide + max(0.0, -turn) * 0.9 + turn * 0.3, wide - max(0.0, turn) * 0.9 + turn * 0.3
    corners = np.array(
        [
            [left, h * (top + 0.14)],
            [left * 0.45 + turn * 0.5, h * (top + 0.02)],
            [turn * 0.8, h * top],
            [right * 0.45 + turn * 0.5, h * (top + 0.02)],
            [right, h * (top + 0.14)],
            [right * 0.86, h * 1.28],
            [turn * 0.5, h * deep],
            [left * 0.86, h * 1.28],
        ]
    )
    corners += jitter
    outline = frame.pixels(_smooth(corners))
    threads = []
    for upper, lower, side in ((0, 7, -1.0), (4, 5, 1.0)):
        ear = np.array([1.12 * side + 0.3 * turn, 0.25 * h])
        for start in (upper, lower):
            threads.append(frame.pixels(np.stack([corners[start], ear])))
    return outline, threads


def _smooth(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """A closed curve through the corners (Catmull and Rom 1974), [n, 2]."""
    t = np.linspace(0.0, 1.0, _OUTLINE // 4, endpoint=False)[:, None]
    pieces = []
    for place in range(len(corners)):
        a, b, c, d = (corners[(place + k) % len(corners)] for k in (-1, 0, 1, 2))
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate(pieces)


def _fabric(image: Image, frame: _Frame, rng: np.random.Generator) -> NDArray[np.float32]:
    """What the mask looks like in every pixel, float32[H, W, 3] in 0..255: colour, light, folds, weave."""
    colour = np.array(_FABRICS_BGR[rng.integers(len(_FABRICS_BGR))], np.float32) + rng.normal(0, 10, 3)
    light = float(np.clip(image.mean() / 118.0, 0.45, 1.25))
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    u = ((x - frame.origin[0]) * frame.across[0] + (y - frame.origin[1]) * frame.across[1]) / frame.unit
    v = ((x - frame.origin[0]) * frame.down[0] + (y - frame.origin[1]) * frame.down[1]) / frame.unit
    u, v = np.clip(u, -3, 3), np.clip(v, -3, 4)
    shade = 1.0 - 0.22 * u**2 + rng.uniform(-0.12, 0.12) * u
    folds = rng.uniform(0.02, 0.07) * np.sin(2 * np.pi * (v / rng.uniform(0.26, 0.36) + 0.1 * u**2))
    weave = rng.normal(0.0, 2.0, (height, width, 1))
    return np.asarray(np.clip(colour * (light * (shade + folds))[:, :, None] + weave, 0, 255), np.float32)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    """Pixels as the fixed-point numbers cv2 draws with."""
    return np.rint(np.clip(points, -2 * _FURTHEST_PX, 2 * _FURTHEST_PX) * (1 << _SUB)).astype(np.int32)
