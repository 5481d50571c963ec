"""Where on the face is measured: small boxes placed by the five landmarks, scaled by the inter-eye distance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.liveness.limits import Limits
from appliance.liveness.reflectance import Box


class FaceUnusable(Exception):
    """The face cannot be measured as it stands. The message is a sentence for the guard."""


@dataclass(frozen=True, slots=True)
class Region:
    """A named box of pixels, None where it is not wholly inside the image. `hair`: a fringe or beard may cover it."""

    name: str
    box: Box | None
    hair: bool = False


# Name, place along (eye to eye, eyes to mouth) from the middle of the eyes, half width and height in eye distances.
_SKIN = (
    ("forehead", (0.0, -0.40), (0.20, 0.08)),
    ("left cheek", (-0.46, 0.58), (0.10, 0.11)),
    ("right cheek", (0.46, 0.58), (0.10, 0.11)),
    ("nose", (0.0, 0.42), (0.07, 0.09)),
    ("chin", (0.0, 1.16), (0.16, 0.06)),
)
HAIRY = ("forehead", "chin")
"""Regions a fringe or a beard may cover."""

_EYES = (("left eye", (-0.5, 0.0), (0.24, 0.14)), ("right eye", (0.5, 0.0), (0.24, 0.14)))


def regions(
    landmarks: NDArray[np.floating], shape: tuple[int, int], limits: Limits
) -> tuple[tuple[Region, ...], tuple[Region, ...]]:
    """Skin regions and eye regions of a face. `landmarks` is [5, 2] as in `appliance.face.types.DetectedFace`.

    Left and right are those of the image. Raises FaceUnusable when the face is too small or turned away.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.all(np.isfinite(points)):
        raise FaceUnusable("The landmarks of the face are missing.")
    left, right, nose = points[0], points[1], points[2]
    middle, across = (left + right) / 2, right - left
    down = (points[3] + points[4]) / 2 - middle
    distance = float(np.hypot(*across))
    if distance < limits.eye_distance_least_px:
        raise FaceUnusable("The face is too small: too far away.")
    if not 0.6 <= float(np.hypot(*down)) / distance <= 1.8:
        raise FaceUnusable("The landmarks do not form a face seen from the front.")
    offset = float((nose - middle) @ across) / distance**2
    if abs(offset) > limits.nose_offset:
        raise FaceUnusable("The face is turned away.")

    def place(name: str, at: tuple[float, float], half: tuple[float, float]) -> Region:
        # A turned head moves its middle line with the nose; boxes on it follow.
        shift = offset if at[0] == 0.0 else 0.0
        centre = middle + (at[0] + shift) * across + at[1] * down
        box = _box(centre, half[0] * distance, half[1] * distance, shape)
        return Region(name, box, hair=name in HAIRY)

    return tuple(place(*row) for row in _SKIN), tuple(place(*row) for row in _EYES)


def _box(centre: NDArray[np.float64], half_x: float, half_y: float, shape: tuple[int, int]) -> Box | None:
    x1, x2 = round(centre[0] - half_x), round(centre[0] + half_x)
    y1, y2 = round(centre[1] - half_y), round(centre[1] + half_y)
    if x1 < 0 or y1 < 0 or x2 > shape[1] or y2 > shape[0]:
        return None
    return slice(y1, y2), slice(x1, x2)
