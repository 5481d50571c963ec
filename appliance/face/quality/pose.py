"""Where the head is turned, from the detector's five points.

Signs are the traveller's: yaw > 0 turned to their left, pitch > 0 looking down, roll > 0 leaning to their right
shoulder. Not responsible for what is too much (`rules`).
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Generic face in cm, x to the image's right, y up, z out of the face: canonical_face_model.obj of MediaPipe
# (Apache-2.0), vertices 33/133 and 362/263 (corners of each eye, here their middle), 1, 61 and 291.
_FACE_CM = np.array(
    [
        [-3.1511455, 2.624618, 3.4656630],
        [3.1511455, 2.624618, 3.4656630],
        [0.0, -1.126865, 7.475604],
        [-2.456206, -4.342621, 4.283884],
        [2.456206, -4.342621, 4.283884],
    ]
)
_EYES_CM = 6.302291
_EYES_TO_MOUTH_CM = 6.967239
_AWAY_CM = 100.0
"""Assumed distance of the face; between 60 and 300 cm the angles differ by less than what the points are worth."""
_FLIP = np.array([1.0, -1.0, -1.0])


@dataclass(frozen=True, slots=True)
class Pose:
    """Degrees, signs as in the module's text."""

    yaw: float
    pitch: float
    roll: float


def five_point_pose(landmarks: NDArray[np.float32]) -> Pose | None:
    """Pose that lays a generic face over float32[5, 2] pixels (SQPnP, Terzakis and Lourakis 2020).

    The camera is placed before the face, not before the image: five points cannot tell perspective from pose.
    None when the points are not finite or coincide.
    """
    points = landmarks.astype(np.float64)
    if not np.all(np.isfinite(points)) or float(np.ptp(points, axis=0).max()) < 1.0:
        return None
    down = points[3:].mean(axis=0) - points[:2].mean(axis=0)
    scale = max(math.dist(points[0], points[1]) / _EYES_CM, float(np.hypot(*down)) / _EYES_TO_MOUTH_CM)
    if scale <= 0.0:
        return None
    model = _FACE_CM * _FLIP
    camera = np.diag([scale * _AWAY_CM, scale * _AWAY_CM, 1.0])
    middle = points - points.mean(axis=0)
    try:
        found, turn, _ = cv2.solvePnP(model - model.mean(axis=0), middle, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    except cv2.error:
        return None
    rotation = np.asarray(cv2.Rodrigues(turn)[0], np.float64) if found else np.full((3, 3), np.nan)
    return _pose(rotation * np.outer(_FLIP, _FLIP))


def _pose(rotation: Floats) -> Pose | None:
    """Angles of a rotation of the face, axes as in `_FACE_CM`. None unless finite."""
    if not np.all(np.isfinite(rotation)):
        return None
    nose, eyes = rotation[:, 2], rotation[:, 0]
    return Pose(
        yaw=math.degrees(math.atan2(nose[0], nose[2])),
        pitch=math.degrees(-math.asin(float(np.clip(nose[1], -1.0, 1.0)))),
        roll=math.degrees(math.atan2(eyes[1], eyes[0])),
    )
