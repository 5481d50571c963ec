"""Movement during a burst and the displacement of the cameras: where each exposure lies in the face frame.

Somebody who walks moves on by some pixels from exposure to exposure. Each lit exposure is compared with one of them by
phase correlation of its edges, which light from another side or of another band hardly changes; then one straight
movement is fitted through all of them, so that dark exposures and single failures follow the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.liveness.face_frame import EYE_DISTANCE, F32, HEIGHT, MIDDLE, WIDTH

MARGIN = 48
"""Frame pixels around the face frame in which movement is looked for."""
_HALF = 0.5
_SIZE = (int((WIDTH + 2 * MARGIN) * _HALF), int((HEIGHT + 2 * MARGIN) * _HALF))
_CENTRE = ((MIDDLE[0] + MARGIN) * _HALF, (MIDDLE[1] + 0.4 * EYE_DISTANCE + MARGIN) * _HALF)
_CORE = (slice(int(_CENTRE[1]) - 52, int(_CENTRE[1]) + 52), slice(int(_CENTRE[0]) - 44, int(_CENTRE[0]) + 44))
"""Where sizes are compared: the face without its surroundings, in pixels of `edges`."""
_STEPS = 4
_LARGEST, _FLAT = 0.2, 1e-6
"""Sizes further apart are a failure, as are images without edges."""
_SIZES_AGREE, _SHIFTS_AGREE = 0.008, 1.0
"""Pairs that differ by less, as a share or in frame pixels, agree upon a rate."""
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
    walks towards the camera. `larger` is how much larger this camera shows everything.
    """

    offset: NDArray[np.float64]
    since_s: float
    moved: Movement
    growth: float
    pictured_s: float
    larger: float = 0.0

    def matrix(self, frame: NDArray[np.float64], time_s: float) -> NDArray[np.float64]:
        """float64[2, 3] from the camera's pixels at a time to the face frame, given that of the visible picture."""
        placed = frame.copy()
        placed[:, 2] -= self.offset + self.moved.velocity * (time_s - self.since_s)
        return _shrunk(placed, 1.0 + self.larger + self.growth * (time_s - self.pictured_s))

    def nearer(self, time_s: float) -> float:
        """How much more light of a lamp reaches the face than when the picture was taken: inverse square."""
        return (1.0 + self.growth * (time_s - self.pictured_s)) ** 2


_FROM_Y, _FROM_X = (np.ravel(v).astype(np.float32) for v in np.mgrid[_CORE] - np.array(_CENTRE)[::-1, None, None])


def _window() -> F32:
    width, height = _SIZE
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    cx, cy = _CENTRE
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


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """An exposure against another one: how far it lies from it (frame pixels), how much larger it is, as a share, how
    alike they are then (-1 to 1), and how much later it was taken.
    """

    shift: NDArray[np.float64]
    size: float
    alike: float
    seconds: float


def compare(reference: F32, other: F32, seconds: float) -> Pair:
    """Two images as `edges` makes them, with what is known of the movement between them undone.

    Least squares over every pixel, so that a hundredth of a pixel at the rim of the face still counts. It takes two
    lamps of one side: from another side the edges lie elsewhere.
    """
    slope_x, slope_y = (
        cv2.Sobel(reference[_CORE], cv2.CV_32F, *axis, scale=1 / 8).ravel() for axis in ((1, 0), (0, 1))
    )
    terms = np.stack([slope_x, slope_y, slope_x * _FROM_X + slope_y * _FROM_Y, -reference[_CORE].ravel()])
    inverse = np.linalg.inv(terms @ terms.T + 1e-3 * np.eye(4))
    shift, size = np.zeros(2), 0.0
    for _ in range(_STEPS):
        back = np.array([[1 + size, 0, shift[0] - size * _CENTRE[0]], [0, 1 + size, shift[1] - size * _CENTRE[1]]])
        seen = cv2.warpAffine(other, back, _SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)[_CORE]
        found = inverse @ (terms @ (reference[_CORE] - seen).ravel())
        shift, size = shift + found[:2], size + float(found[2])
    one, two = reference[_CORE] - reference[_CORE].mean(), seen - seen.mean()
    strength = float(np.sqrt(np.mean(one * one) * np.mean(two * two)))
    if strength < _FLAT or abs(size) > _LARGEST:
        return Pair(np.zeros(2), 0.0, -1.0, seconds)
    return Pair(shift / _HALF, size, float(np.mean(one * two)) / strength, seconds)


def growth(pairs: Sequence[Pair]) -> float:
    """How much a face grows in a second, as a share."""
    return _rate(pairs, [pair.size for pair in pairs], _SIZES_AGREE)


def refined(moved: Movement, pairs: Sequence[Pair]) -> Movement:
    """The movement with what is left of it in `pairs`, for which it was undone."""
    left = [_rate(pairs, [float(pair.shift[axis]) for pair in pairs], _SHIFTS_AGREE) for axis in (0, 1)]
    return replace(moved, velocity=moved.velocity + np.array(left))


def _rate(pairs: Sequence[Pair], changes: Sequence[float], agree: float) -> float:
    """Change in a second: the median of the rates weighted by likeness and time, then least squares through the pairs
    that agree with it.
    """
    rates = np.array(
        [
            (change / pair.seconds, max(pair.alike, 0.0) ** 2 * abs(pair.seconds), change, pair.seconds)
            for pair, change in zip(pairs, changes, strict=True)
            if abs(pair.seconds) > 1e-6
        ]
    )
    if not len(rates) or rates[:, 1].sum() < 1e-6:
        return 0.0
    order = rates[np.argsort(rates[:, 0])]
    rate = float(order[np.searchsorted(np.cumsum(order[:, 1]), order[:, 1].sum() / 2), 0])
    for _ in range(2):
        near = rates[np.abs(rates[:, 2] - rate * rates[:, 3]) <= agree]
        if len(near):
            rate = float((near[:, 1] * near[:, 2] * near[:, 3]).sum() / (near[:, 1] * near[:, 3] ** 2).sum())
    return rate


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
