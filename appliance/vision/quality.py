"""Whether a face in view is good enough to compare, and the one thing to tell the traveller if not.

Simple measures in the spirit of ISO/IEC 29794-5 (inter-eye distance, pose from landmarks, illumination, sharpness);
the limits are first choices for a 640 x 480 view, not calibrated against error rates.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from appliance.core.types import Advice
from appliance.face.types import DetectedFace, Image

MIN_INTER_EYE_PX = 60.0
MAX_TURN = 0.32
MIN_MEAN, MAX_MEAN = 40.0, 225.0
MIN_SHARPNESS = 12.0
OTHER_FACE_SHARE = 0.3
"""A second face counts when it is at least this large beside the first (by area): a passer-by far behind is none."""


@dataclass(frozen=True, slots=True)
class Quality:
    """`advice` is the single most useful instruction, None for a good view; `figures` are for the record."""

    advice: Advice | None
    figures: str


def others(faces: list[DetectedFace]) -> int:
    """How many faces besides the largest are large enough to matter."""
    return sum(face.area >= OTHER_FACE_SHARE * faces[0].area for face in faces[1:]) if faces else 0


def measure(image_bgr: Image, face: DetectedFace) -> Quality:
    """Judge one face of an (H, W, 3) uint8 BGR image."""
    height, width = image_bgr.shape[:2]
    x1, y1, x2, y2 = (round(value) for value in face.box)
    crop = image_bgr[max(0, y1) : min(height, y2), max(0, x1) : min(width, x2)]
    distance = face.inter_eye_distance
    if crop.size == 0 or x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        return Quality(Advice.TO_THE_MIDDLE, f"box {x1},{y1},{x2},{y2}")
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    mean = float(grey.mean())
    sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    eyes, nose = face.landmarks[:2], face.landmarks[2]
    turn = float(abs(np.dot(nose - eyes.mean(axis=0), eyes[1] - eyes[0])) / max(distance, 1.0) ** 2)
    figures = f"eyes {distance:.0f} px apart, turn {turn:.2f}, mean {mean:.0f}, sharpness {sharpness:.0f}"
    for bad, advice in (
        (distance < MIN_INTER_EYE_PX, Advice.COME_CLOSER),
        (turn > MAX_TURN, Advice.LOOK_STRAIGHT),
        (mean < MIN_MEAN, Advice.TOO_DARK),
        (mean > MAX_MEAN, Advice.TOO_BRIGHT),
        (sharpness < MIN_SHARPNESS, Advice.STAND_STILL),
    ):
        if bad:
            return Quality(advice, figures)
    return Quality(None, figures)
