"""The lines of a zone straightened into strips of equal cells, by the print's own even spacing.

9303-3 prints ten characters an inch, so between any two cells a narrow column is blank: the grid is laid where ink
falls into cells and not between them. Not here: finding lines, and recognising characters.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.document.ocr.classifier import CELL_H, CELL_W, PAD, strip_width
from appliance.document.ocr.lines import Line

_MARGIN = 4
_BAND = 60
_CAP = 20.3
"""Pixels of a capital's height in a straightened cell: 2.58 mm of print at 2.54 mm a cell (OCR-B size 1)."""
_ROWS = 50.0
_INK = cv2.getStructuringElement(cv2.MORPH_RECT, (15, 15))

Uint8 = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where cells lie in a strip: the left edge of the first, the width of one, and how well ink falls into them."""

    start: float
    pitch: float
    score: float


@dataclass(frozen=True, slots=True)
class _Print:
    """Where print lies in a strip: its middle at the left and at the right end, and the height of its capitals."""

    left: float
    right: float
    height: float


def straighten(grey: Uint8, zone: tuple[Line, ...], cells: int) -> tuple[list[Uint8], float]:
    """Strips (32, cells * 20 + 8) from top to bottom, and how well the grid fits (about 0 where there is none)."""
    ends = [_ends(grey, line, cells) for line in zone]
    seen = np.array([point for left, right, _ in ends for point in (left, right)], np.float64)
    flat = np.array(
        [((_MARGIN + at) * CELL_W, row * _ROWS) for row in range(len(zone)) for at in (0, cells)], np.float64
    )
    found: Any = cv2.findHomography(flat, seen)[0]
    if found is None:  # ends that coincide
        return [], 0.0
    to_image = np.asarray(found, dtype=np.float64)
    return [_strip(grey, to_image, row * _ROWS, cells) for row in range(len(zone))], min(score for *_, score in ends)


def _ends(grey: Uint8, line: Line, cells: int) -> tuple[Floats, Floats, float]:
    """The middles of the left edge of the first cell and of the right edge of the last, in the picture; and the fit."""
    way = np.subtract(line.right, line.left)
    unit = way / (cells * CELL_W)
    across = np.array((-unit[1], unit[0]))
    start = np.asarray(line.left) - unit * _MARGIN * CELL_W - across * _BAND / 2
    to_image = np.column_stack((np.append(unit, 0), np.append(across, 0), np.append(start, 1)))
    ink = _ink(_cut(grey, to_image, (cells + 2 * _MARGIN) * CELL_W, _BAND))
    where = _print(ink)
    middle = (where.left + where.right) / 2
    # Smears reach beyond the print, or miss its last characters: up to three cells either way.
    grid = _grid(_columns(ink, middle), cells, reach=3.4, spread=0.09)
    ratio = (np.array((grid.start, grid.start + cells * grid.pitch)) / ink.shape[1])[:, None]
    heights = where.left + ratio[:, 0] * (where.right - where.left)
    points = [to_image @ (x, y, 1.0) for x, y in zip(ratio[:, 0] * ink.shape[1], heights, strict=True)]
    return points[0][:2], points[1][:2], grid.score


def _strip(grey: Uint8, to_image: Floats, row: float, cells: int) -> Uint8:
    """One line out of the straightened zone, once more fitted to its own print."""
    width = (cells + 2 * _MARGIN) * CELL_W
    ink = _ink(_cut(grey, to_image @ _moved(0, row - _BAND / 2), width, _BAND))
    where = _print(ink)
    grid = _grid(_columns(ink, (where.left + where.right) / 2), cells, reach=0.4, spread=0.015)
    tall = np.clip(where.height / _CAP, 0.7, 1.5)
    wide = grid.pitch / CELL_W
    slope = (where.right - where.left) / width
    x = grid.start - PAD * wide
    y = row - _BAND / 2 + where.left + slope * x
    own = np.array(((wide, 0, x), (slope * wide, tall, y - tall * CELL_H / 2), (0, 0, 1)))
    return _cut(grey, to_image @ own, strip_width(cells), CELL_H)


def _moved(x: float, y: float) -> Floats:
    return np.array(((1, 0, x), (0, 1, y), (0, 0, 1)), np.float64)


def _cut(grey: Uint8, to_image: Floats, width: int, height: int) -> Uint8:
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpPerspective(grey, to_image, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, dtype=np.uint8)


def _ink(strip: Uint8) -> Floats:
    """How much darker than its surroundings each pixel is; print about 1."""
    dark = cv2.morphologyEx(cv2.GaussianBlur(strip, (0, 0), 0.8), cv2.MORPH_BLACKHAT, _INK).astype(np.float64)
    return np.clip(dark / max(float(np.percentile(dark, 95)), 8.0), 0.0, 1.2)


def _print(ink: Floats) -> _Print:
    """The band of print: a box of a capital's height that holds most ink against its surroundings, for each half."""
    half = ink.shape[1] // 2
    height = _height(ink.mean(axis=1))
    left, right = (_middle(part.mean(axis=1), height) for part in (ink[:, :half], ink[:, half:]))
    # Known in the middle of each half, carried on to the ends.
    return _Print(left - (right - left) / 2, right + (right - left) / 2, height)


def _middle(rows: Floats, height: float) -> float:
    centres = np.arange(height / 2, len(rows) - height / 2, 0.25)
    return float(centres[np.argmax(_contrast(rows, centres, height))])


def _height(rows: Floats) -> float:
    heights = np.arange(14.0, 31.0, 0.5)
    best = [_contrast(rows, np.arange(16, len(rows) - 16, 0.5), height).max() for height in heights]
    return float(heights[int(np.argmax(best))])


def _contrast(rows: Floats, centres: Floats, height: float) -> Floats:
    """Mean ink in the box less that of the strips of 4 pixels above and below."""
    total = np.concatenate(((0.0,), np.cumsum(rows)))
    edges = np.arange(len(total))

    def between(low: Floats, high: Floats) -> Floats:
        area = np.interp(high, edges, total) - np.interp(low, edges, total)
        return np.asarray(area / np.maximum(high - low, 1e-6))

    top, bottom = centres - height / 2, centres + height / 2
    around = (between(top - 4, top) + between(bottom, bottom + 4)) / 2
    return np.asarray((between(top, bottom) - around) * np.sqrt(height))


def _columns(ink: Floats, middle: float) -> Floats:
    """Ink of each column within the print's height."""
    low = max(0, round(middle - 0.55 * _CAP))
    columns = ink[low : low + round(1.1 * _CAP)].mean(axis=0)
    columns = np.convolve(columns, np.ones(3) / 3, mode="same")
    return np.asarray(np.clip(columns / max(float(np.percentile(columns, 85)), 1e-3), 0, 1.2))


def _grid(columns: Floats, cells: int, *, reach: float, spread: float) -> _Grid:
    """The grid near the expected one with most ink in its cells, least between them and beside the line.

    First on a coarse net within `reach` cells and a `spread` of the pitch, then around the best of it.
    """
    starts = (_MARGIN + np.linspace(-reach, reach, max(9, round(reach / 0.06)))) * CELL_W
    pitches = CELL_W * np.linspace(1 - spread, 1 + spread, max(9, round(spread * 380)))
    start, pitch, _ = _best(columns, cells, starts, pitches)
    fine = np.linspace(-1, 1, 9)
    return _Grid(
        *_best(columns, cells, start + fine * (starts[1] - starts[0]), pitch + fine * (pitches[1] - pitches[0]))
    )


def _best(columns: Floats, cells: int, starts: Floats, pitches: Floats) -> tuple[float, float, float]:
    """Start, pitch and score of the best grid of a net."""
    start, pitch = (axis[..., None] for axis in np.meshgrid(starts, pitches, indexing="ij"))
    last = len(columns) - 1

    def ink_at(cell: Floats) -> Floats:
        return np.asarray(columns[np.clip(np.rint(start + pitch * cell), 0, last).astype(np.intp)].mean(axis=2))

    inside = ink_at(np.concatenate((np.arange(cells) + 0.38, np.arange(cells) + 0.62)))
    between = ink_at(np.arange(cells + 1.0))
    beside = ink_at(np.array((-0.62, -0.38, cells + 0.38, cells + 0.62)))
    score = inside - between - 0.4 * beside
    best = np.unravel_index(int(np.argmax(score)), score.shape)
    return float(starts[best[0]]), float(pitches[best[1]]), float(score[best])
