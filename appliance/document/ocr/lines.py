"""Where a zone may stand in a picture: two or three long lines of even print, one below the other.

Lines are found by their darkness against what is around them, smeared along the page. A picture may be turned by some
ten degrees and seen aslant; upside down and sideways are not looked for. Not here: cells and characters.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

WORK_WIDTH = 1100
"""Pixels of the width that lines are looked for in; the zone is straightened from the picture itself."""
_LEAST_SHARE = 0.3
_STEEPEST = 0.25
_MOST = 6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """The middle of a printed line, from its first to its last ink, in pixels of the picture."""

    left: tuple[float, float]
    right: tuple[float, float]

    @property
    def length(self) -> float:
        """Pixels."""
        return float(np.hypot(self.right[0] - self.left[0], self.right[1] - self.left[1]))


def find_zones(grey: NDArray[np.uint8]) -> list[tuple[Line, ...]]:
    """Groups of lines that may be a zone, the lowest first, each from top to bottom. At most six."""
    scale = min(1.0, WORK_WIDTH / grey.shape[1])
    size = (round(grey.shape[1] * scale), max(1, round(grey.shape[0] * scale)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if scale < 1 else grey
    found = _lines(np.asarray(small, dtype=np.uint8), 1 / scale)
    lines = sorted(found, key=lambda line: line.left[1] + line.right[1])
    zones = [*_stacks(lines, 3), *_stacks(lines, 2)]
    zones.sort(key=lambda zone: (-zone[-1].left[1] - zone[-1].right[1], -len(zone)))
    return zones[:_MOST]


def _lines(grey: NDArray[np.uint8], up: float) -> list[Line]:
    """Long thin smears of dark print. `up` takes their pixels to the picture's."""
    soft = cv2.GaussianBlur(grey, (0, 0), 1.0)
    dark = cv2.morphologyEx(soft, cv2.MORPH_BLACKHAT, cv2.getStructuringElement(cv2.MORPH_RECT, (21, 21)))
    # Uneven light and faint print: what counts as ink depends on what is around.
    around = cv2.boxFilter(dark, cv2.CV_32F, (121, 41))
    ink = (dark > np.maximum(1.6 * around, 12.0)).astype(np.uint8)
    ink = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (27, 1)))
    ink = cv2.morphologyEx(ink, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_RECT, (15, 5)))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink)
    found = []
    for label in range(1, len(stats)):
        x, y, width, height, _ = (int(number) for number in stats[label])
        if width < 0.08 * grey.shape[1]:
            continue
        inside = labels[y : y + height, x : x + width] == label
        line = _fitted(inside, x, y)
        if line is not None:
            found.append(line)
    joined = _joined(found)
    long = [line for line in joined if line.length > _LEAST_SHARE * grey.shape[1]]
    return [Line((line.left[0] * up, line.left[1] * up), (line.right[0] * up, line.right[1] * up)) for line in long]


def _fitted(inside: NDArray[np.bool_], x: int, y: int) -> Line | None:
    """The straight middle of a smear; None for one that is no thin straight line."""
    rows, columns = np.nonzero(inside)
    slope, offset = np.polyfit(columns, rows, 1)
    if abs(slope) > _STEEPEST or np.std(rows - slope * columns - offset) > 0.06 * inside.shape[1]:
        return None
    ends = (0.0, float(inside.shape[1] - 1))
    left, right = ((x + at, y + slope * at + offset) for at in ends)
    return Line(left, right)


def _joined(lines: list[Line]) -> list[Line]:
    """Pieces of one line put together: what goes on in the same direction after a short gap."""
    lines = sorted(lines, key=lambda line: line.left[0])
    changed = True
    while changed:
        changed = False
        for first, second in ((a, b) for a in lines for b in lines if a is not b and a.right[0] < b.left[0] + 5):
            whole = Line(first.left, second.right)
            gap = second.left[0] - first.right[0]
            if gap < 0.12 * whole.length and _off(whole, first.right) < 4 and _off(whole, second.left) < 4:
                lines = [line for line in lines if line is not first and line is not second] + [whole]
                changed = True
                break
    return lines


def _off(line: Line, point: tuple[float, float]) -> float:
    """How far a point is from a line, pixels."""
    (x, y), (far_x, far_y) = line.left, line.right
    return abs((far_x - x) * (point[1] - y) - (far_y - y) * (point[0] - x)) / line.length


def _stacks(lines: list[Line], count: int) -> list[tuple[Line, ...]]:
    """So many lines below each other, each fitting the one above it."""
    stacks: list[tuple[Line, ...]] = [(line,) for line in lines]
    for _ in range(count - 1):
        stacks = [(*stack, line) for stack in stacks for line in lines if _below(stack[-1], line)]
    return [stack for stack in stacks if all(upper is not lower for upper, lower in pairwise(stack))]


def _below(upper: Line, lower: Line) -> bool:
    """Of one zone: as long, flush, and 2.5 characters apart, which of 30 to 44 is 0.057 to 0.084 of the length."""
    length = (upper.length + lower.length) / 2
    drops = (lower.left[1] - upper.left[1], lower.right[1] - upper.right[1])
    flush = max(abs(lower.left[0] - upper.left[0]), abs(lower.right[0] - upper.right[0]))
    return (
        min(drops) > 0.03 * length
        and max(drops) < 0.13 * length
        and abs(upper.length - lower.length) < 0.08 * length
        and flush < 0.08 * length
    )
