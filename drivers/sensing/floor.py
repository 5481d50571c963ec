"""From a depth picture to a map of heights above the floor of the watched area.

The floor is measured once, in the empty cell: a plane, and how far each pixel errs from it (lens, multipath).
Not here: what the heights are (heads).
"""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FORMAT = "sallyport-floor-1"
CELL_M = 0.025
NEAREST_M = 0.15
FARTHEST_M = 100.0
_ON_PLANE_M = 0.04
_ALIKE_M = 0.06
_GAP_CELLS = 9
_NO_ECHO_M = np.float32(1000.0)
_HOLE_M = 0.12
_SUNK_M = 0.1


@dataclass(frozen=True, slots=True)
class Optics:
    """Pinhole numbers of the sensor, in pixels, from its data sheet or its own calibration."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def rays(self) -> Floats:
        """(H, W, 3): where each pixel looks, for one metre along the optical axis."""
        u, v = np.meshgrid(np.arange(self.width), np.arange(self.height))
        return np.stack([(u - self.cx) / self.fx, (v - self.cy) / self.fy, np.ones(u.shape)], -1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Area:
    """The watched part of the floor, metres from the point under the sensor. x runs along the picture's rows."""

    x_min: float = -0.75
    x_max: float = 0.75
    y_min: float = -0.5
    y_max: float = 0.5

    def __post_init__(self) -> None:
        if not (0.3 <= self.x_max - self.x_min <= 6 and 0.3 <= self.y_max - self.y_min <= 6):
            raise ValueError("an area is 0.3 to 6 m wide in both directions")

    def shape(self) -> tuple[int, int]:
        """Rows and columns of its height map."""
        return round((self.y_max - self.y_min) / CELL_M), round((self.x_max - self.x_min) / CELL_M)


@dataclass(frozen=True, slots=True)
class Heights:
    """Heights in metres over the area, row 0 at `y_min`; `measured` is the share 0..1 of its pixels with an echo.

    `sunk` is the share of its echoes from below the floor; `hole` whether echoes are missing in one place as large as
    a head.
    """

    metres: Floats
    measured: float
    sunk: float
    hole: bool


class Floor:
    """The calibrated floor. Make one with `fit`."""

    def __init__(self, optics: Optics, up: Floats, mount_m: float, offset: Floats, area: Area) -> None:
        self.optics = optics
        self.mount_m = mount_m
        self.area = area
        self._up = up
        self._offset = offset
        rays = optics.rays()
        along = np.array([1.0, 0.0, 0.0], np.float32)
        along -= up * (along @ up)
        along /= np.linalg.norm(along)
        self._rise = rays @ up
        self._x = rays @ along
        self._y = rays @ np.cross(up, along).astype(np.float32)
        self._watched = self._crosses(0.0)
        self._through = np.logical_or.reduce([self._crosses(level) for level in (0.0, 0.5, 1.0, 1.5, 1.9)])
        self._head_pixels = (_HOLE_M * math.sqrt(optics.fx * optics.fy) / mount_m) ** 2

    @classmethod
    def fit(cls, optics: Optics, pictures: list[Floats], area: Area | None = None) -> "Floor":
        """From a few pictures of the empty cell. Raises ValueError when the watched floor is not seen as a plane."""
        stack = np.stack([_clean(picture) for picture in pictures])
        if stack.shape[1:] != (optics.height, optics.width):
            raise ValueError(f"pictures of {stack.shape[2]}x{stack.shape[1]}, expected {optics.width}x{optics.height}")
        echo = np.isfinite(stack).mean(axis=0) >= 0.5
        typical = np.where(echo, np.nan_to_num(stack).sum(axis=0) / np.maximum(np.isfinite(stack).sum(axis=0), 1), 0)
        points = optics.rays() * typical[..., None].astype(np.float32)
        use = echo.copy()
        use[: optics.height // 4] = use[-optics.height // 4 :] = False
        for _ in range(3):
            # Points on the floor satisfy up . p = -mount, so up/mount solves p . m = -1.
            if use.sum() < 200:
                raise ValueError(
                    "hardly any echo from the floor: clear the cell; is it too far, too dark or too shiny?"
                )
            solved = np.linalg.lstsq(points[use], -np.ones(int(use.sum()), np.float32), rcond=None)[0]
            mount = 1.0 / float(np.linalg.norm(solved))
            off = points @ (solved * mount) + mount
            use = echo & (np.abs(off) < _ON_PLANE_M)
        offset = np.where(use, off, 0.0).astype(np.float32)
        floor = cls(optics, (solved * mount).astype(np.float32), mount, offset, area or Area())
        flat = float(use[floor._watched].mean()) if floor._watched.any() else 0.0
        if flat < 0.8:
            raise ValueError(f"only {flat:.0%} of the watched floor is flat and seen; clear the cell, check the area")
        return floor

    def save(self, path: Path, *, serial_number: str | None) -> None:
        """Write it as an .npz file, with the sensor it was measured with."""
        optics, area = self.optics, self.area
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                format=np.array(_FORMAT),
                serial_number=np.array(serial_number or ""),
                optics=np.array([optics.width, optics.height, optics.fx, optics.fy, optics.cx, optics.cy]),
                area=np.array([area.x_min, area.x_max, area.y_min, area.y_max]),
                up=self._up,
                mount_m=np.array(self.mount_m),
                offset=self._offset,
            )

    @classmethod
    def load(cls, path: Path) -> "tuple[Floor, str | None]":
        """A floor and the sensor's serial number. Raises ValueError when the file is none of ours, OSError."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as given:
                form = str(given["format"])
                width, height, *pinhole = (float(number) for number in given["optics"])
                optics = Optics(int(width), int(height), *pinhole)
                offset, up, mount_m = given["offset"], given["up"], float(given["mount_m"])
                area, serial_number = Area(*map(float, given["area"])), str(given["serial_number"])
        except (KeyError, TypeError, AttributeError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"not a measured floor: {error}") from error
        if form != _FORMAT:
            raise ValueError(f"its format is {form}, not {_FORMAT}")
        sizes = (offset.shape, up.shape) == ((optics.height, optics.width), (3,))
        if not sizes or not all(np.isfinite(one).all() for one in (offset, up, mount_m)) or not 0.5 < mount_m < 10:
            raise ValueError("its numbers are no floor under a sensor")
        return cls(optics, up.astype(np.float32), mount_m, offset.astype(np.float32), area), serial_number or None

    @property
    def tilt_deg(self) -> float:
        """How far the sensor is from looking straight down."""
        return math.degrees(math.acos(min(1.0, abs(float(self._up[2])))))

    def _crosses(self, level: float) -> NDArray[np.bool_]:
        """The pixels whose ray is inside the area at this height."""
        reach = (level - self.mount_m) / np.minimum(self._rise, -1e-3)
        return self._inside(self._x * reach, self._y * reach)

    def _inside(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        area = self.area
        return (x >= area.x_min) & (x < area.x_max) & (y >= area.y_min) & (y < area.y_max)

    def heights(self, picture: Floats) -> Heights:
        """The map of heights: of each cell its highest surface; cells in the shadow of something higher have 0."""
        depth = _clean(picture)
        echo = np.isfinite(depth)
        depth = _mend(np.where(_flying(depth), np.nan, depth))
        solid = np.isfinite(depth)
        depth = np.where(solid, depth, 0.0).astype(np.float32)
        up = np.float32(self.mount_m) + depth * self._rise - self._offset
        x, y = depth * self._x, depth * self._y
        inside = solid & self._inside(x, y)
        ground = solid & self._watched
        rows, columns = self.area.shape()
        row = np.minimum(((y[inside] - self.area.y_min) / CELL_M).astype(np.intp), rows - 1)
        column = np.minimum(((x[inside] - self.area.x_min) / CELL_M).astype(np.intp), columns - 1)
        metres = _highest(row * columns + column, up[inside], rows * columns).reshape(rows, columns)
        return Heights(
            metres=_fill(metres),
            measured=float(echo[self._watched].mean()),
            sunk=float((up[ground] < -_SUNK_M).mean()) if ground.any() else 0.0,
            hole=self._has_hole(~solid),
        )

    def _has_hole(self, missing: NDArray[np.bool_]) -> bool:
        _, _, found, _ = cv2.connectedComponentsWithStats((missing & self._through).astype(np.uint8), connectivity=4)
        return bool((found[1:, cv2.CC_STAT_AREA] > self._head_pixels).any())


def _clean(picture: Floats) -> Floats:
    """Infinities, zeros and impossible distances (millimetres taken for metres) become NaN."""
    return np.where((picture > NEAREST_M) & (picture < FARTHEST_M), picture, np.nan).astype(np.float32)


def _flying(depth: Floats) -> NDArray[np.bool_]:
    """Echoes at an edge that read a distance between near and far: most of their neighbours say something else."""
    wide = np.pad(depth, 1, constant_values=np.nan)
    r, c = depth.shape
    echoing = np.zeros((r, c), np.uint8)
    alike = np.zeros((r, c), np.uint8)
    with np.errstate(invalid="ignore"):
        for i, j in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
            step = np.abs(wide[i : i + r, j : j + c] - depth)
            echoing += step < np.inf
            alike += step < _ALIKE_M
    return 5 * alike < 2 * echoing


def _mend(depth: Floats) -> Floats:
    """Missing echoes from the nearest surface two pixels around: hair swallows light, the head must not get holes."""
    far = np.where(np.isnan(depth), _NO_ECHO_M, depth).astype(np.float32)
    mended = np.where(np.isnan(depth), cv2.erode(far, np.ones((5, 5), np.uint8)), depth).astype(np.float32)
    # The nearest of several noisy echoes is a biased one; the median of what was mended is not.
    mended = np.where(np.isnan(depth), cv2.medianBlur(mended, 5), depth)
    return np.where(mended < _NO_ECHO_M, mended, np.nan).astype(np.float32)


def _highest(place: NDArray[np.intp], up: Floats, places: int) -> NDArray[np.float64]:
    """The mean of the highest surface in each cell, not of a trunk under a head; NaN where nothing was seen."""
    top = np.full(places, -np.inf, np.float32)
    np.maximum.at(top, place, up)
    surface = up > top[place] - _ALIKE_M
    count = np.bincount(place[surface], minlength=places)
    total = np.bincount(place[surface], weights=up[surface], minlength=places)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _fill(metres: NDArray[np.float64]) -> Floats:
    """An unseen cell in a gap narrower than `_GAP_CELLS` has the height of the gap's lower edge, else 0."""
    closed = cv2.morphologyEx(
        np.nan_to_num(metres).astype(np.float32),
        cv2.MORPH_CLOSE,
        np.ones((_GAP_CELLS, _GAP_CELLS), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.where(np.isnan(metres), closed, metres).astype(np.float32)
