"""Movement during a burst and the displacement of the cameras: where each exposure lies in the face frame.

Somebody who walks moves on by some pixels from exposure to exposure. Each lit exposure is compared with one of them by
phase correlation of its edges, which light from another side or of another band hardly changes; then one straight
movement is fitted through all of them, so that dark exposures and single failures follow the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.liveness.face_frame import EYE_DISTANCE, F32, HEIGHT, MIDDLE, WIDTH

MARGIN = 48
"""Frame pixels around the face frame in which movement is looked for."""
_HALF = 0.5
_SIZE = (int((WIDTH + 2 * MARGIN) * _HALF), int((HEIGHT + 2 * MARGIN) * _HALF))
_RATES = (-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6)
_SURELY = 1.15
"""How much better two exposures must agree at another size before it is believed."""
_FAR = 3.0
"""A shift that lies further than this from the fitted movement (frame pixels) is a failure of the correlation."""


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """A straight movement, frame pixels per second, and what remains of each shift after it (median, frame pixels)."""

    velocity: NDArray[np.float64]
    residual: float
    trusted: float


STILL = Movement(np.zeros(2), 0.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Where a camera sees the face: `offset` (frame pixels) from the visible picture at `since_s`, then moving.

    `growth` is how much larger it becomes in a second, as a share, since the visible picture at `pictured_s`: somebody
    walks towards the camera.
    """

    offset: NDArray[np.float64]
    since_s: float
    moved: Movement
    growth: float
    pictured_s: float

    def matrix(self, frame: NDArray[np.float64], time_s: float) -> NDArray[np.float64]:
        """float64[2, 3] from the camera's pixels at a time to the face frame, given that of the visible picture."""
        placed = frame.copy()
        placed[:, 2] -= self.offset + self.moved.velocity * (time_s - self.since_s)
        return _shrunk(placed, 1.0 + self.growth * (time_s - self.pictured_s))


def _window() -> F32:
    width, height = _SIZE
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    cx, cy = (MIDDLE[0] + MARGIN) * _HALF, (MIDDLE[1] + 0.4 * EYE_DISTANCE + MARGIN) * _HALF
    reach = EYE_DISTANCE * _HALF
    return np.asarray(
        np.exp(-0.5 * (((x - cx) / (1.0 * reach)) ** 2 + ((y - cy) / (1.1 * reach)) ** 2)), dtype=np.float32
    )


_WINDOW = _window()


def edges(image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> F32:
    """Strength of the edges around the face at half the frame's scale, weighted towards its middle, float32."""
    small = matrix.copy()
    small[:, 2] += MARGIN
    warped = cv2.warpAffine(image, small * _HALF, _SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    level = np.log(warped.astype(np.float32) + np.float32(8.0))
    level = cv2.GaussianBlur(level, (0, 0), 1.2)
    dx, dy = cv2.Sobel(level, cv2.CV_32F, 1, 0), cv2.Sobel(level, cv2.CV_32F, 0, 1)
    strength = np.minimum(cv2.magnitude(dx, dy), np.float32(1.5))
    return np.asarray((strength - np.float32(strength.mean())) * _WINDOW, dtype=np.float32)


def displacement(reference: F32, other: F32) -> tuple[NDArray[np.float64], float]:
    """How far `other` lies from `reference`, frame pixels (x, y), and how sharp the correlation's peak is (0 to 1)."""
    (x, y), response = cv2.phaseCorrelate(reference, other)
    return np.array([x, y]) / _HALF, float(response)


def growth(reference: F32, image: NDArray[np.uint8], matrix: NDArray[np.float64], seconds: float) -> float:
    """How much a face grows in a second, as a share: the one of a few rates under which two exposures agree best.

    `image` was exposed `seconds` after the reference; `matrix` takes it to the face frame, its shift undone.
    """
    if abs(seconds) < 1e-3:
        return 0.0
    agree = [displacement(reference, edges(image, _shrunk(matrix, 1.0 + rate * seconds)))[1] for rate in _RATES]
    best = int(np.argmax(agree))
    if agree[best] < _SURELY * agree[_RATES.index(0.0)]:
        return 0.0
    if best in (0, len(_RATES) - 1):
        return _RATES[best]
    left, middle, right = agree[best - 1 : best + 2]
    bent = left - 2 * middle + right
    return _RATES[best] + (0.5 * (left - right) / bent * (_RATES[1] - _RATES[0]) if bent < 0 else 0.0)


def _shrunk(matrix: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """The same place at 1/factor the size, about the middle of the face."""
    centre = np.array([MIDDLE[0], MIDDLE[1] + 0.4 * EYE_DISTANCE])
    changed = matrix / factor
    changed[:, 2] += centre * (1.0 - 1.0 / factor)
    return changed


def movement(shifts: Sequence[NDArray[np.float64]], seconds: Sequence[float]) -> Movement:
    """The straight movement through the shifts of lit exposures against their reference, `seconds` after it.

    The median of the velocities, so that half of the correlations may fail.
    """
    moved = [(shift, t) for shift, t in zip(shifts, seconds, strict=True) if abs(t) > 1e-6]
    if not moved:
        return STILL
    velocity = np.median([shift / t for shift, t in moved], axis=0)
    for _ in range(2):
        near = [(s, t) for s, t in moved if np.hypot(*(s - velocity * t)) <= _FAR]
        if near:
            weight = sum(t * t for _, t in near)
            velocity = np.asarray(sum(s * t for s, t in near) / weight)
    residuals = [float(np.hypot(*(s - velocity * t))) for s, t in moved]
    trusted = sum(residual <= _FAR for residual in residuals) / len(residuals)
    return Movement(velocity, float(np.median(residuals)), trusted)
