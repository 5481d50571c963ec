"""The face frame: one small picture in which every face has its eyes in the same place, and the regions in it.

Everything is measured here, so that a region is the same part of a face at 0.45 m and at 0.95 m. Not responsible for
finding the face (the matcher's landmarks) nor for aligning cameras (`align`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Advice

Mask = NDArray[np.bool_]
F32 = NDArray[np.float32]

HEIGHT, WIDTH = 256, 224
EYE_DISTANCE = 64.0
"""Pixels between the eyes; about one pixel per millimetre of a face."""
MIDDLE = (WIDTH / 2, 92.0)
"""The point midway between the eyes, x and y."""
NOSE_OFFSET_MOST = 0.30
"""Share of the inter-eye distance by which the nose may stand off the middle: about 25 degrees of yaw."""
EYE_DISTANCE_LEAST_PX = 36.0
_MOUTH_DOWN = 1.05
_MOUTH_HALF = 0.40


class FaceUnusable(Exception):
    """The face cannot be measured as it stands. A sentence for the guard, and what the traveller can do."""

    def __init__(self, message: str, advice: Advice) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True, eq=False)
class FaceFrame:
    """Where the face frame lies in the camera's picture: `matrix` float64[2, 3] takes its pixels to the frame's.

    `turn` is how far the nose stands off the middle, in eye distances; `scale` frame pixels per camera pixel.
    """

    matrix: NDArray[np.float64]
    turn: float
    scale: float


def face_frame(landmarks: NDArray[np.floating]) -> FaceFrame:
    """The frame of a face. `landmarks` float[5, 2] as in `appliance.face.types.DetectedFace`. Raises FaceUnusable."""
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.all(np.isfinite(points)):
        raise FaceUnusable("The landmarks of the face are missing.", Advice.LOOK_STRAIGHT)
    left, right, nose = points[0], points[1], points[2]
    middle, across = (left + right) / 2, right - left
    down = (points[3] + points[4]) / 2 - middle
    distance = float(np.hypot(*across))
    if distance < EYE_DISTANCE_LEAST_PX:
        raise FaceUnusable("The face is too small: too far away.", Advice.COME_CLOSER)
    if not 0.6 <= float(np.hypot(*down)) / distance <= 1.8:
        raise FaceUnusable("The landmarks do not form a face seen from the front.", Advice.LOOK_STRAIGHT)
    turn = float((nose - middle) @ across) / distance**2
    if abs(turn) > NOSE_OFFSET_MOST:
        raise FaceUnusable("The face is turned away.", Advice.LOOK_STRAIGHT)
    place = np.array([(-0.5, 0.0), (0.5, 0.0), (-_MOUTH_HALF, _MOUTH_DOWN), (_MOUTH_HALF, _MOUTH_DOWN)])
    target = place * EYE_DISTANCE + MIDDLE
    matrix, _ = cv2.estimateAffinePartial2D(points[[0, 1, 3, 4]], target, method=cv2.LMEDS)
    if matrix is None or not np.all(np.isfinite(matrix)):
        raise FaceUnusable("The landmarks do not form a face seen from the front.", Advice.LOOK_STRAIGHT)
    return FaceFrame(np.asarray(matrix, np.float64), turn, float(np.hypot(matrix[0, 0], matrix[1, 0])))


# Ellipses in eye distances from the middle of the eyes: centre x, y (down), half axes. `m` follows the turned nose.
Ellipses = Mapping[str, tuple[tuple[float, float, float, float, bool], ...]]
_ELLIPSES: Ellipses = MappingProxyType(
    {
        "forehead": ((0.0, -0.55, 0.42, 0.16, True),),
        "left cheek": ((-0.52, 0.58, 0.17, 0.20, False),),
        "right cheek": ((0.52, 0.58, 0.17, 0.20, False),),
        "nose": ((0.0, 0.45, 0.13, 0.26, True),),
        "mouth": ((0.0, 1.05, 0.34, 0.11, True),),
        "chin": ((0.0, 1.48, 0.26, 0.13, True),),
        "jaw": ((-0.58, 1.12, 0.14, 0.22, False), (0.58, 1.12, 0.14, 0.22, False)),
        "left eye": ((-0.5, 0.0, 0.21, 0.10, False),),
        "right eye": ((0.5, 0.0, 0.21, 0.10, False),),
        "under the eyes": ((-0.5, 0.24, 0.24, 0.07, False), (0.5, 0.24, 0.24, 0.07, False)),
        "eye openings": ((-0.5, 0.0, 0.2, 0.14, False), (0.5, 0.0, 0.2, 0.14, False)),
        "brows": ((-0.5, -0.32, 0.24, 0.1, False), (0.5, -0.32, 0.24, 0.1, False)),
        "lips": ((0.0, 1.05, 0.26, 0.08, True),),
        "beside the mouth": ((-0.6, 1.0, 0.1, 0.14, True), (0.6, 1.0, 0.1, 0.14, True)),
        "upper cheeks": ((-0.5, 0.42, 0.16, 0.08, False), (0.5, 0.42, 0.16, 0.08, False)),
        "lower cheeks": ((-0.56, 0.78, 0.13, 0.09, False), (0.56, 0.78, 0.13, 0.09, False)),
        "beside the nose": ((-0.35, 0.5, 0.12, 0.1, True), (0.35, 0.5, 0.12, 0.1, True)),
        "neck": ((0.0, 2.12, 0.34, 0.14, False),),
    }
)
BARE = ("forehead", "left cheek", "right cheek", "nose")
"""Regions that are bare skin on nearly everybody."""
COVERABLE = ("forehead", "mouth", "chin", "jaw", "neck")
"""Regions that hair, a beard, a scarf or a collar may rightly cover."""


def _ellipse(centre: tuple[float, float], half: tuple[float, float]) -> Mask:
    y, x = np.ogrid[0:HEIGHT, 0:WIDTH]
    cx, cy = MIDDLE[0] + centre[0] * EYE_DISTANCE, MIDDLE[1] + centre[1] * EYE_DISTANCE
    inside = ((x - cx) / (half[0] * EYE_DISTANCE)) ** 2 + ((y - cy) / (half[1] * EYE_DISTANCE)) ** 2
    return np.asarray(inside <= 1.0)


def placed(regions_of: Ellipses, turn: float) -> dict[str, Mask]:
    """Ellipses as masks on a face turned so far, bool[HEIGHT, WIDTH] each; a region without an ellipse is empty."""
    found: dict[str, Mask] = {}
    for name, ellipses in regions_of.items():
        mask = np.zeros((HEIGHT, WIDTH), np.bool_)
        for x, y, half_x, half_y, follows in ellipses:
            mask |= _ellipse((x + turn * follows, y), (half_x, half_y))
        found[name] = mask
    return found


@lru_cache(maxsize=64)
def _regions(step: int) -> Mapping[str, Mask]:
    found = placed(_ELLIPSES, step / 32)
    found["face"] = _ellipse((0.0, 0.42), (0.92, 1.35))
    found["beside"] = _ellipse((0.0, 0.42), (1.65, 2.3)) & ~_ellipse((0.0, 0.42), (1.28, 1.8))
    for mask in found.values():
        mask.setflags(write=False)
    return MappingProxyType(found)


def regions(frame: FaceFrame) -> Mapping[str, Mask]:
    """The regions, bool[HEIGHT, WIDTH] each; also "face" (without hair and ears) and "beside" (what is around it).

    Left and right are those of the picture. Regions on the middle line follow the turned nose.
    """
    return _regions(round(frame.turn * 32))
