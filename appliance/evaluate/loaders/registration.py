"""Bringing the image of one camera onto that of another by their edges, for recordings without a calibration.

A face near two cameras is shifted, turned and scaled between them: an affine map is fitted from coarse to fine. Whether
the fit holds is judged by how much of the edges agree; a doubtful one is none.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

_COARSE, _FINE = 96, 384
"""Longest edge in pixels at the coarsest and the finest step."""
_AGREES = 0.35
_FURTHEST = 0.35
"""Share of the image by which the cameras may lie apart."""


def fit(image: F32, onto: U8) -> F32 | None:
    """Affine map float32[2, 3] from pixels of `onto` (BGR) to those of `image`; None when their edges do not agree."""
    target = cv2.cvtColor(onto, cv2.COLOR_BGR2GRAY).astype(np.float32)
    height, width = target.shape
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    matrix = np.eye(2, 3, dtype=np.float32)
    agreement, edge = 0.0, _COARSE
    while edge <= _FINE:
        share = min(1.0, edge / max(height, width))
        matrix[:, 2] *= share
        try:
            agreement, found = cv2.findTransformECC(
                _edges(target, share),
                _edges(np.asarray(scaled, np.float32), share),
                matrix,
                cv2.MOTION_AFFINE,
                (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4),
            )
        except cv2.error:
            return None
        matrix = np.asarray(found, dtype=np.float32)
        matrix[:, 2] /= share
        edge *= 2
    if agreement < _AGREES or np.abs(matrix[:, :2] - np.eye(2)).max() > _FURTHEST:
        return None
    return matrix


def warp(image: F32, matrix: F32, onto: U8) -> F32:
    """The image on the pixels of `onto`."""
    height, width = onto.shape[:2]
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(scaled, matrix, (width, height), flags=flags), dtype=np.float32)


def _edges(image: F32, share: float) -> F32:
    """Strength of edges, whatever the light: a face is bright in one band and dark in another."""
    small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), 1.5)
    gradient = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    strong = cv2.GaussianBlur(np.log1p(gradient / (gradient.mean() + 1e-6)), (0, 0), 1.5)
    return np.asarray(strong, dtype=np.float32)
