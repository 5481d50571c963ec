"""A picture for the guard: where the face does not answer like skin. It explains a result and decides nothing."""

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.liveness.limits import LIMITS, Limits
from appliance.liveness.reflectance import F32, LINEAR, Box, BurstUnusable, mean_difference, measure
from appliance.liveness.regions import FaceUnusable, regions
from appliance.liveness.types import Burst

_BLUR_PX = 7
_LEAST = np.float32(1e-3)


def face_map(burst: Burst, landmarks: NDArray[np.floating], limits: Limits = LIMITS) -> NDArray[np.uint8] | None:
    """uint8[H, W]: 0 skin-like to 255 not skin, 128 at the outer limit; 0 outside the face, where nothing is judged.

    None when the burst or the face cannot be measured. Hair, eyes and brows are not skin and show.
    """
    try:
        measured = measure(burst, limits)
        regions(landmarks, burst.rgb.shape[:2], limits)
    except (BurstUnusable, FaceUnusable):
        return None
    points = np.asarray(landmarks, dtype=np.float64)
    height, width = burst.rgb.shape[:2]
    centre, half = _face_ellipse(points)
    box = (
        slice(max(0, int(centre[1] - half[1])), min(height, int(centre[1] + half[1]) + 1)),
        slice(max(0, int(centre[0] - half[0])), min(width, int(centre[0] + half[0]) + 1)),
    )
    near, far = (
        _smooth(mean_difference(measured, name, box) * np.float32(measured.gain[name])) for name in ("850", "940")
    )
    blue, red = (_smooth(LINEAR[burst.rgb[box][..., k]] * measured.visible_gain[k]) for k in (0, 2))
    result = np.zeros((height, width), dtype=np.uint8)
    result[box] = _unlike_skin(near, far, (blue, red), limits) * _inside(centre, half, box)
    return result


def _unlike_skin(near: F32, far: F32, visible: tuple[F32, F32], limits: Limits) -> NDArray[np.uint8]:
    near, far, blue, red = (np.maximum(values, _LEAST) for values in (near, far, *visible))
    tone = np.log(near / red)
    water = np.log(far / near) - (limits.water_intercept + limits.water_slope * np.clip(tone, *limits.tone_range))
    excess = tone - np.interp(np.log(red / blue), limits.colour, limits.colour_tone)
    unlike = np.maximum(water / limits.water.outer[1], water / limits.water.outer[0])
    unlike = np.maximum(unlike, np.where(excess > 0, 1.0 + excess, 0.0))
    # Too dark for skin at any distance: all the way up, however its ratio falls in the noise.
    unlike = np.where(near < limits.level_850.outer[0], 2.0, unlike)
    return np.asarray(np.clip(unlike * 128.0, 0, 255), dtype=np.uint8)


def _smooth(values: F32) -> F32:
    return np.asarray(cv2.blur(values, (_BLUR_PX, _BLUR_PX)), dtype=np.float32)


def _face_ellipse(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and half axes in pixels: ear to ear, hairline to chin."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    distance = float(np.hypot(*(points[1] - points[0])))
    return eyes + 0.45 * (mouth - eyes), np.array([0.88 * distance, 1.25 * distance])


def _inside(centre: NDArray[np.float64], half: NDArray[np.float64], box: Box) -> NDArray[np.uint8]:
    y, x = np.ogrid[box[0].start : box[0].stop, box[1].start : box[1].stop]
    return np.asarray(((x - centre[0]) / half[0]) ** 2 + ((y - centre[1]) / half[1]) ** 2 <= 1.0, dtype=np.uint8)
