"""Counts heads and things in a map of heights. Pure: one map in, one judgement out, nothing learned, nothing kept.

A person is a head: a top above `HEAD_LOW_M` about as large as a head, apart from every higher one by a valley.
Whatever is tall and does not fit (a flat top, a body too large for its heads) is undetermined, never zero or one.
Not here: time (depth), from pixels to heights (floor).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from drivers.sensing.floor import CELL_M

Floats = NDArray[np.float32]

HEAD_LOW_M = 0.9
HEAD_HIGH_M = 2.2
THING_M = 0.05
_THING_AREA_M2 = 0.008
_VALLEY_M = 0.03
_CROWN_RADIUS_M = 0.17
_CROWN_DROP_M = 0.16
_HEAD_AREA_M2 = (0.009, 0.078)
_HEAD_RADIUS_M = 0.13
_BESIDE_DROP = 0.11
_BESIDE_AREA_M2 = 0.006
_SHOULDER_DROP_M = 0.45
_REACH_M = 0.38
_FAR_AREA_M2 = 0.004
_HEAD_STRETCH = 2.0
_BAR_HIGH_M = 1.15
_BODY_RADIUS_M = 0.33
_CROUCHING_M = 0.62
_BULK_AREA_M2 = 0.04
_FLAT_M = 0.04
_FLAT_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Thing:
    """Something on the floor that bears no head: centre in metres from the map's corner, area, height, volume."""

    x: float
    y: float
    area_m2: float
    height_m: float
    volume_m3: float


@dataclass(frozen=True, slots=True)
class Scene:
    """One judgement. `persons` is None when undetermined and `reason` says why. `heads` are (x, y, height)."""

    persons: int | None
    heads: tuple[tuple[float, float, float], ...]
    things: tuple[Thing, ...]
    reason: str = ""


def look(metres: Floats) -> Scene:
    """Judge one map of heights."""
    smooth = cv2.GaussianBlur(cv2.medianBlur(metres, 3), (0, 0), 0.8).astype(np.float32)
    labels, _ = ndimage.label(smooth > THING_M, structure=np.ones((3, 3)))
    heads: list[tuple[float, float, float]] = []
    things: list[Thing] = []
    reasons: list[str] = []
    for number, where in enumerate(ndimage.find_objects(labels), start=1):
        part = np.where(labels[where] == number, smooth[where], 0.0).astype(np.float32)
        corner = (where[1].start, where[0].start)
        found, reason = _heads(part)
        heads += [((corner[0] + c) * CELL_M, (corner[1] + r) * CELL_M, float(part[r, c])) for r, c in found]
        reasons.append(reason)
        if not found and (thing := _thing(part, corner)).area_m2 >= _THING_AREA_M2:
            things.append(thing)
    reasons.append(_headless(smooth, heads))
    reason = "; ".join(dict.fromkeys(filter(None, reasons)))
    return Scene(None if reason else len(heads), tuple(heads), tuple(things), reason)


def _headless(smooth: Floats, heads: list[tuple[float, float, float]]) -> str:
    """Bulk as high as a crouching person, away from every head, that is no box: why the count cannot be trusted."""
    bulk = smooth > _CROUCHING_M
    rows, columns = np.indices(smooth.shape)
    for x, y, _ in heads:
        bulk &= np.hypot(columns * CELL_M - x, rows * CELL_M - y) > _BODY_RADIUS_M
    labels, count = ndimage.label(bulk)
    for number in range(1, count + 1):
        levels = smooth[labels == number]
        area = len(levels) * CELL_M**2
        flat = float((levels > np.quantile(levels, 0.9) - _FLAT_M).mean())
        if area > _BULK_AREA_M2 and flat < _FLAT_SHARE:
            return "bulk as large as a crouching person, without a head"
    return ""


def _thing(part: Floats, corner: tuple[int, int]) -> Thing:
    rows, columns = np.nonzero(part)
    cell = CELL_M**2
    return Thing(
        x=(corner[0] + float(columns.mean())) * CELL_M,
        y=(corner[1] + float(rows.mean())) * CELL_M,
        area_m2=len(rows) * cell,
        height_m=float(part.max()),
        volume_m3=float(part.sum()) * cell,
    )


def _heads(part: Floats) -> tuple[list[tuple[int, int]], str]:
    """The heads of one connected part, and why they cannot be trusted, or nothing."""
    if part.max() < HEAD_LOW_M:
        return [], ""
    if part.max() > HEAD_HIGH_M:
        return [], f"something reaches above {HEAD_HIGH_M} m"
    heads: list[tuple[int, int]] = []
    tops: list[tuple[int, int]] = []
    reason = ""
    for top in _tops(part):
        if any(_valley(part, top, other) <= _VALLEY_M for other in tops):
            continue
        area, stretch = _crown(part, top)
        if area < _HEAD_AREA_M2[0]:
            continue
        tops.append(top)
        if area > _HEAD_AREA_M2[1]:
            reason = "a tall top too large for a head"
        elif stretch < _HEAD_STRETCH:
            heads.append(top)
        elif part[top] > _BAR_HIGH_M:
            reason = "a tall top too long for a head"
    if not heads and not reason and part.max() > _BAR_HIGH_M:
        reason = "something tall without a head"
    if len(heads) == 1 and not reason:
        reason = _too_much(part, heads[0])
    return heads, reason


def _too_much(part: Floats, head: tuple[int, int]) -> str:
    """What one body cannot have: more beside its head at the height of the head, shoulders too far from the head."""
    rows, columns = np.indices(part.shape)
    away = np.hypot(rows - head[0], columns - head[1]) * CELL_M
    beside = (part > part[head] * (1 - _BESIDE_DROP)) & (away > _HEAD_RADIUS_M) & (away < _REACH_M)
    if float(beside.sum()) * CELL_M**2 > _BESIDE_AREA_M2:
        return "something beside the head at its height: a child carried, a raised hand, a wide hat"
    far = (part > max(HEAD_LOW_M, part[head] - _SHOULDER_DROP_M)) & (away > _REACH_M)
    if float(far.sum()) * CELL_M**2 > _FAR_AREA_M2:
        return "shoulders reach farther from the head than those of one person"
    return ""


def _tops(part: Floats) -> list[tuple[int, int]]:
    """Local maxima above the lowest head, highest first."""
    size = 2 * round(0.075 / CELL_M) + 1
    peak = (part == ndimage.maximum_filter(part, size=size)) & (part > HEAD_LOW_M)
    rows, columns = np.nonzero(peak)
    order = np.argsort(-part[rows, columns], kind="stable")
    return [(int(rows[i]), int(columns[i])) for i in order]


def _valley(part: Floats, top: tuple[int, int], other: tuple[int, int]) -> float:
    """How far one must descend from `top` on the straight way to the higher `other`."""
    steps = 2 + 2 * max(abs(top[0] - other[0]), abs(top[1] - other[1]))
    way = np.linspace(top, other, steps).round().astype(int)
    return float(part[top] - part[way[:, 0], way[:, 1]].min())


def _crown(part: Floats, top: tuple[int, int]) -> tuple[float, float]:
    """What is not much lower than a top and near it: its area in square metres, and how many times longer than wide."""
    r = round(_CROWN_RADIUS_M / CELL_M)
    row, column = top
    window = part[max(0, row - r) : row + r + 1, max(0, column - r) : column + r + 1]
    across, along = np.indices(window.shape)
    near = np.hypot(across - min(row, r), along - min(column, r)) <= r
    rows, columns = np.nonzero(near & (window > part[top] - _CROWN_DROP_M))
    spread = np.cov(rows, columns) if len(rows) > 1 else np.zeros((2, 2))
    small, large = np.linalg.eigvalsh(spread)
    # A twelfth of a cell squared: what a row one cell wide has across.
    return len(rows) * CELL_M**2, float(np.sqrt((large + 1 / 12) / (small + 1 / 12)))
