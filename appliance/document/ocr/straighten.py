"""The lines of a zone straightened into strips of equal cells, by the print's own even spacing.

9303-3 prints ten characters an inch, so between any two cells a narrow column is blank: the grid is laid where ink
falls into cells and not between them. Not here: finding lines, and recognising characters.
"""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from appliance.document.ocr.classifier import CELL_H, CELL_W, PAD, strip_width
from appliance.document.ocr.lines import Line

BESIDE = 2
"""Cells that are given on either side of the line: where it begins is for who reads it to say."""
_MARGIN = 5
_BAND = 60
_TALL = 22.0
"""Pixels of print in a straightened cell: OCR-B size 1 is 2.58 mm (capitals) to 2.85 mm (digits) at 2.54 mm a cell."""
_ROWS = 50.0
"""Pixels between straightened lines: 6.35 mm (9303-3)."""
_APART = 4
"""Steps of the net of starts by which lines of one zone may begin apart: seen aslant, a third of a cell."""
_INK = cv2.getStructuringElement(cv2.MORPH_RECT, (15, 15))

Uint8 = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where cells lie in a strip: the left edge of the first, the mean width, and how far the middle one is off.

    Seen aslant, cells get narrower along the line; `bow` is that in pixels at the middle.
    """

    start: float
    pitch: float
    bow: float

    def edge(self, cell: Floats, cells: int) -> Floats:
        """The left edge of a cell, which may lie between two."""
        along = cell / cells
        return self.start + self.pitch * cell + self.bow * 4 * along * (1 - along)


@dataclass(frozen=True, slots=True)
class _Row:
    """A line in a strip of its own: the way to the picture, the middle of its print at both ends, ink by column."""

    to_image: Floats
    left: float
    right: float
    columns: Floats

    def point(self, x: float) -> Floats:
        """The middle of the print at a column, in the picture."""
        y = self.left + x / len(self.columns) * (self.right - self.left)
        return np.asarray((self.to_image @ (x, y, 1.0))[:2])


@dataclass(frozen=True, slots=True)
class Laid:
    """A line with its grid laid on it."""

    row: _Row
    grid: _Grid

    def moved(self, cells: int) -> "Laid":
        """The grid begun so many cells later."""
        return Laid(self.row, replace(self.grid, start=self.grid.start + cells * self.grid.pitch))


def lay(grey: Uint8, zone: tuple[Line, ...], cells: int, aslant: float) -> list[Laid]:
    """A grid on each line of a zone; `aslant` is by how many cells the middle one may be off, seen at an angle."""
    rows = [_row(grey, line, zone[0].left, min(line.length for line in zone) / cells) for line in zone]
    return [
        Laid(row, grid) for row, grid in zip(rows, _grids([row.columns for row in rows], cells, aslant), strict=True)
    ]


def straighten(grey: Uint8, laid: list[Laid], cells: int) -> list[Uint8]:
    """Strips (32, (cells + 4) * 20 + 8) from top to bottom; none when these lines lie on no plane."""
    at = np.linspace(0, cells, 5)
    seen = [line.row.point(x) for line in laid for x in line.grid.edge(at, cells)]
    flat = [((_MARGIN + cell) * CELL_W, number * _ROWS) for number in range(len(laid)) for cell in at]
    found: Any = cv2.findHomography(np.array(flat), np.array(seen))[0]
    if found is None:
        return []
    to_image = np.asarray(found, dtype=np.float64)
    return [_strip(grey, to_image, number * _ROWS, cells) for number in range(len(laid))]


def _row(grey: Uint8, line: Line, beside: tuple[float, float], cell: float) -> _Row:
    """A line in a strip of its own, begun five cells of so many pixels before what is right below `beside`."""
    way = np.subtract(line.right, line.left) / line.length
    across = np.array((-way[1], way[0]))
    begin = np.asarray(line.left) + way * np.dot(np.subtract(beside, line.left), way)
    scale = cell / CELL_W
    corner = begin - scale * (way * _MARGIN * CELL_W + across * _BAND / 2)
    to_image = np.column_stack((np.append(way * scale, 0), np.append(across * scale, 0), np.append(corner, 1)))
    width = round(line.length / cell + 2 * _MARGIN) * CELL_W
    ink = _ink(_cut(grey, to_image, width, _BAND))
    return _Row(to_image, *_print(ink), _columns(ink))


def _strip(grey: Uint8, to_image: Floats, row: float, cells: int) -> Uint8:
    """One line out of the straightened zone, once more fitted to its own print."""
    width = (cells + 2 * _MARGIN) * CELL_W
    there = to_image @ np.array(((1, 0, 0), (0, 1, row - _BAND / 2), (0, 0, 1)), np.float64)
    ink = _ink(_cut(grey, there, width, _BAND))
    left, right = _print(ink)
    starts = (_MARGIN + np.linspace(-0.4, 0.4, 9)) * CELL_W
    grid = _finest(_columns(ink), cells, starts, CELL_W * np.linspace(0.985, 1.015, 7), np.linspace(-2, 2, 3))
    wide, slope = grid.pitch / CELL_W, (right - left) / width
    x = grid.start - BESIDE * grid.pitch - PAD * wide
    own = np.array(((wide, 0, x), (slope * wide, 1, left + slope * x - CELL_H / 2), (0, 0, 1)))
    return _cut(grey, there @ own, strip_width(cells + 2 * BESIDE), CELL_H)


def _cut(grey: Uint8, to_image: Floats, width: int, height: int) -> Uint8:
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpPerspective(grey, to_image, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, dtype=np.uint8)


def _ink(strip: Uint8) -> Floats:
    """How much darker than its surroundings each pixel is; print about 1."""
    dark = cv2.morphologyEx(cv2.GaussianBlur(strip, (0, 0), 0.8), cv2.MORPH_BLACKHAT, _INK).astype(np.float64)
    return np.clip(dark / max(float(np.percentile(dark, 95)), 8.0), 0.0, 1.2)


def _print(ink: Floats) -> tuple[float, float]:
    """The middle of the print at the left and at the right end of a strip."""
    half = ink.shape[1] // 2
    left, right = (_middle(part.mean(axis=1)) for part in (ink[:, :half], ink[:, half:]))
    # Known in the middle of each half, carried on to the ends.
    return left - (right - left) / 2, right + (right - left) / 2


def _middle(rows: Floats) -> float:
    """Where a band of print's height holds most ink, less that of 4 pixels above and below it."""
    total = np.concatenate(((0.0,), np.cumsum(rows)))
    centres = np.arange(_TALL / 2 + 4, len(rows) - _TALL / 2 - 4, 0.25)
    above, top, bottom, below = (
        np.interp(centres + off, np.arange(len(total)), total)
        for off in (-_TALL / 2 - 4, -_TALL / 2, _TALL / 2, _TALL / 2 + 4)
    )
    return float(centres[np.argmax((bottom - top) / _TALL - (top - above + below - bottom) / 8)])


def _columns(ink: Floats) -> Floats:
    """Ink of each column within the print's height, less what is everywhere."""
    left, right = _print(ink)
    low = max(0, round((left + right) / 2 - _TALL / 2))
    columns = ink[low : low + round(_TALL)].mean(axis=0)
    columns = np.convolve(columns, np.ones(3) / 3, mode="same")
    columns = columns - np.percentile(columns, 10)
    return np.asarray(np.clip(columns / max(float(np.percentile(columns, 85)), 1e-3), 0, 1.2))


def _grids(rows: list[Floats], cells: int, aslant: float) -> list[_Grid]:
    """The grids of a zone's lines, which begin below each other give or take a third of a cell and bow alike.

    Smears reach beyond the print or miss its last characters: so up to three cells either way are tried.
    """
    starts = (_MARGIN + np.arange(-3.4, 3.4, 0.09)) * CELL_W
    pitches = CELL_W * np.linspace(0.92, 1.08, 27)
    bows = CELL_W * np.linspace(-aslant, aslant, 1 + 2 * round(aslant / 0.14))
    scores = np.array([_scores(columns, cells, starts, pitches, bows).max(axis=1) for columns in rows])
    near = sliding_window_view(np.pad(scores, ((0, 0), (_APART, _APART), (0, 0)), mode="edge"), 2 * _APART + 1, axis=1)
    common, bow = np.unravel_index(int(np.argmax(near.max(axis=3).sum(axis=0))), near.shape[1:3])
    close = starts[max(0, int(common) - _APART) : int(common) + _APART + 1]
    leaning = bows[bow] + np.linspace(-1, 1, 3) * (bows[1] - bows[0]) / 2
    return [_finest(columns, cells, close, pitches, leaning) for columns in rows]


def _finest(columns: Floats, cells: int, *net: Floats) -> _Grid:
    """The best grid of a net of starts, pitches and bows, and then of a finer one around it."""
    for _ in range(2):
        scores = _scores(columns, cells, *net)
        best = np.unravel_index(int(np.argmax(scores)), scores.shape)
        found = [float(axis[at]) for axis, at in zip(net, best, strict=True)]
        net = tuple(at + np.linspace(-1, 1, 7) * (axis[1] - axis[0]) for at, axis in zip(found, net, strict=True))
    return _Grid(*found)


def _scores(columns: Floats, cells: int, *net: Floats) -> Floats:
    """(starts, pitches, bows): how much more ink there is in a grid's cells than between them and beside the line."""
    grid = _Grid(*(axis[..., None] for axis in np.meshgrid(*net, indexing="ij")))  # type: ignore[arg-type]  # broadcast

    def ink_at(cell: Floats) -> Floats:
        places = np.clip(np.rint(grid.edge(cell, cells)), 0, len(columns) - 1).astype(np.intp)
        return np.asarray(columns[places].mean(axis=-1))

    inside = ink_at(np.concatenate((np.arange(cells) + 0.38, np.arange(cells) + 0.62)))
    between = ink_at(np.arange(cells + 1.0))
    beside = ink_at(np.array((-0.62, -0.38, cells + 0.38, cells + 0.62)))
    return inside - between - 0.4 * beside
