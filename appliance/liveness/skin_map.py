"""A picture for the guard: where the face does not answer like skin. It explains a result and decides nothing."""

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.liveness.cues import RATIOS
from appliance.liveness.decode import Cube
from appliance.liveness.detector import Detector
from appliance.liveness.face_frame import F32, regions

_BLUR_PX = 7
_LEAST = np.float32(2e-3)
_PIXEL_SD = 0.03
"""What a single pixel's logarithm varies by on skin, beside the variation between people."""
_OUTSIDE = 3.0
"""Standard deviations from skin that are drawn at half strength."""


def skin_map(cube: Cube, detector: Detector, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """uint8[shape], in the visible picture's pixels: 0 skin-like to 255 not skin, 128 at three standard deviations.

    0 outside the face, where nothing is judged. Hair, eyes and brows are not skin and show.
    """
    unlike = np.zeros(cube.flawed.shape, np.float32)
    of_skin = {name: place for name, *place in zip(detector.names, detector.mean, detector.scale, strict=True)}
    for top, under in RATIOS:
        name = f"{top}/{under} level"
        if name not in of_skin or top not in cube.bands or under not in cube.bands:
            continue
        mean, scale = of_skin[name]
        ratio = np.log(_smooth(cube.bands[top]) / _smooth(cube.bands[under]))
        np.maximum(unlike, np.abs(ratio - np.float32(mean)) / np.float32(np.hypot(scale, _PIXEL_SD)), out=unlike)
    drawn = np.clip(unlike * np.float32(128.0 / _OUTSIDE), 0, 255) * regions(cube.frame)["face"]
    back = cv2.warpAffine(
        drawn.astype(np.uint8), cube.frame.matrix, (shape[1], shape[0]), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return np.asarray(back, dtype=np.uint8)


def _smooth(values: F32) -> F32:
    return np.maximum(np.asarray(cv2.blur(values, (_BLUR_PX, _BLUR_PX)), dtype=np.float32), _LEAST)
