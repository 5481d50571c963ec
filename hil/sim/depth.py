"""What a depth sensor under the ceiling of a cell would see: persons, luggage and a wheelchair as simple solids.

Every picture comes from a seed. The faults of time-of-flight sensors are put in on purpose: noise that grows with the
distance, a slow error from multipath, flying pixels at edges, holes, dark hair that gives no echo.
Not here: judging the picture (drivers.sensing), cloth, faces, movement within an exposure. Shapes are guesses of ours
from body measures, not scans: what is counted on them is "simulated" and proves nothing about people.
`python -m hil.sim.depth --sets 400` counts what the driver makes of them (hil.sim.depth_sets).
"""

import math
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.sensing.floor import Optics

Floats = NDArray[np.float64]

OPTICS = Optics(width=320, height=240, fx=170.0, fy=170.0, cx=159.5, cy=119.5)
MOUNT_M = 2.8


@dataclass(frozen=True, slots=True)
class Solid:
    """An ellipsoid or a box. Metres above the floor point under the sensor; `half` are half axes, `yaw` in radians.

    `dropout` is the share of its pixels that give no echo.
    """

    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    yaw: float = 0.0
    box: bool = False
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class Sensor:
    """How the sensor hangs and how bad it is. `tilt`: radians about its image axes; `noise` scales every fault."""

    optics: Optics = OPTICS
    mount_m: float = MOUNT_M
    tilt: tuple[float, float] = (0.03, -0.02)
    noise: float = 1.0

    def turn(self) -> Floats:
        """The rotation from the sensor's axes (z down) to the room's (z up)."""
        (ca, sa), (cb, sb) = ((math.cos(t), math.sin(t)) for t in self.tilt)
        about_x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
        about_y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
        turned: Floats = np.diag([1.0, -1.0, -1.0]) @ about_x @ about_y
        return turned


def _about(x: float, y: float, yaw: float, along: float, across: float) -> tuple[float, float]:
    c, s = math.cos(yaw), math.sin(yaw)
    return x + c * along - s * across, y + s * along + c * across


@dataclass(frozen=True, slots=True)
class Person:
    """One standing body, looking along `yaw`. `build` widens the trunk; `dark_hair` is the dropout of the head."""

    x: float
    y: float
    height: float = 1.75
    yaw: float = 0.0
    build: float = 1.0
    lean: float = 0.0
    dark_hair: float = 0.0
    hat: bool = False
    backpack: bool = False
    arm_up: bool = False

    def solids(self) -> list[Solid]:
        """Head, neck, shoulders, trunk, arms, legs, and what is worn."""
        h, yaw, b = self.height, self.yaw, self.build
        s = 0.45 + 0.55 * min(1.0, h / 1.75)

        def part(
            up: float, half: tuple[float, float, float], ahead: float = 0.0, side: float = 0.0, **more: float
        ) -> Solid:
            x, y = _about(self.x, self.y, yaw, ahead + self.lean * up, side)
            return Solid((x, y, up), half, yaw, **more)  # type: ignore[arg-type]

        head = 0.115 * (0.75 + 0.25 * h / 1.75)
        parts = [
            part(h - head, (head * 0.86, head * 0.68, head), 0.03 * s, dropout=self.dark_hair),
            part(h - 2.2 * head, (0.055 * s, 0.055 * s, 0.09 * s)),
            part(h * 0.80, (0.10 * s * b, 0.215 * s * b, 0.075 * s)),
            part(h * 0.66, (0.12 * s * b, 0.17 * s * b, 0.28 * s)),
            part(h * 0.28, (0.09 * s, 0.15 * s, h * 0.28)),
            *(part(h * 0.62, (0.06 * s, 0.05 * s, 0.30 * s), 0.04, e * 0.235 * s * b) for e in (-1, 1)),
            *(part(0.04, (0.13, 0.05, 0.05), 0.06, e * 0.1 * s) for e in (-1, 1)),
        ]
        if self.hat:
            parts.append(part(h - 0.6 * head, (0.15, 0.15, 0.02), 0.03))
        if self.backpack:
            parts.append(part(h * 0.67, (0.09, 0.15, 0.22), -0.17 * s, box=True))
        if self.arm_up:
            parts.append(part(h * 0.98, (0.05, 0.05, 0.22), 0.10, 0.24 * s * b))
        return parts

    def carrying(self, child_m: float = 0.95, behind: bool = False) -> list[Solid]:
        """With a child on the arm, or on the back: head beside or behind the own head, trunk against the own."""
        head, trunk = 0.095, child_m * 0.28
        along, across, drop = (-0.20, 0.0, 0.06) if behind else (0.12, 0.20, 0.10)
        x, y = _about(self.x, self.y, self.yaw, along, across)
        top = self.height - drop
        return [
            *self.solids(),
            Solid((x, y, top - head), (head * 0.9, head * 0.75, head), self.yaw),
            Solid((x, y, top - 2 * head - trunk * 0.7), (0.09, 0.12, trunk), self.yaw),
        ]


def crouching(x: float, y: float, yaw: float = 0.0, top: float = 0.8) -> list[Solid]:
    """A person who makes himself small below the height of a head."""
    hx, hy = _about(x, y, yaw, 0.16, 0.0)
    return [
        Solid((hx, hy, top - 0.11), (0.10, 0.08, 0.11), yaw),
        Solid((x, y, top * 0.55), (0.28, 0.21, top * 0.40), yaw),
        Solid((hx, hy, 0.2), (0.2, 0.17, 0.2), yaw),
    ]


def suitcase(x: float, y: float, yaw: float = 0.0, size: tuple[float, float, float] = (0.3, 0.45, 0.65)) -> list[Solid]:
    """A case standing on the floor, `size` in metres."""
    return [Solid((x, y, size[2] / 2), (size[0] / 2, size[1] / 2, size[2] / 2), yaw, box=True)]


def trolley(x: float, y: float, yaw: float = 0.0, load_m: float = 0.6) -> list[Solid]:
    """An airport trolley with cases on it, its handle bar at 1.02 m behind."""
    bx, by = _about(x, y, yaw, -0.42, 0.0)
    cx, cy = _about(x, y, yaw, 0.05, 0.0)
    return [
        Solid((x, y, 0.16), (0.45, 0.28, 0.06), yaw, box=True),
        Solid((cx, cy, 0.2 + load_m / 2), (0.33, 0.24, load_m / 2), yaw, box=True),
        Solid((bx, by, 1.02), (0.02, 0.27, 0.02), yaw, box=True),
        *(Solid((*_about(bx, by, yaw, 0.0, e * 0.25), 0.6), (0.02, 0.02, 0.42), yaw, box=True) for e in (-1, 1)),
    ]


def wheelchair(x: float, y: float, yaw: float = 0.0, head_m: float = 1.28) -> list[Solid]:
    """A seated person in a chair with push handles."""
    upper = [solid for solid in Person(x, y, 1.72, yaw).solids() if solid.centre[2] > 1.0]
    down = 1.72 - head_m
    seated = [replace(s, centre=(s.centre[0], s.centre[1], s.centre[2] - down)) for s in upper]
    knees = _about(x, y, yaw, 0.32, 0.0)
    feet = _about(x, y, yaw, 0.58, 0.0)
    return [
        *seated,
        Solid((*knees, 0.55), (0.30, 0.19, 0.10), yaw),
        Solid((*feet, 0.25), (0.14, 0.18, 0.25), yaw),
        Solid((x, y, 0.40), (0.25, 0.26, 0.08), yaw, box=True),
        *(Solid((*_about(x, y, yaw, -0.02, e * 0.30), 0.30), (0.30, 0.025, 0.30), yaw) for e in (-1, 1)),
        *(Solid((*_about(x, y, yaw, -0.30, e * 0.22), 0.93), (0.06, 0.02, 0.02), yaw, box=True) for e in (-1, 1)),
    ]


@dataclass(slots=True)
class Room:
    """The room under one sensor; every `picture` has fresh noise from the seed. Walls are not drawn."""

    sensor: Sensor = field(default_factory=Sensor)
    seed: int = 0
    _random: np.random.Generator = field(init=False, repr=False)
    _rays: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        o = self.sensor.optics
        u, v = np.meshgrid(np.arange(o.width), np.arange(o.height))
        rays = np.stack([(u - o.cx) / o.fx, (v - o.cy) / o.fy, np.ones(u.shape)], axis=-1)
        self._rays = rays @ self.sensor.turn().T

    def clean(self, solids: list[Solid]) -> tuple[Floats, NDArray[np.int_]]:
        """Distance along the optical axis without any fault, and which solid each pixel shows (-1: the floor)."""
        depth = self.sensor.mount_m / -self._rays[..., 2]
        shown = np.full(depth.shape, -1)
        for number, solid in enumerate(solids):
            hit = (
                _box(self._rays, self.sensor.mount_m, solid)
                if solid.box
                else _ellipsoid(self._rays, self.sensor.mount_m, solid)
            )
            nearer = hit < depth
            depth[nearer] = hit[nearer]
            shown[nearer] = number
        return depth, shown

    def picture(self, solids: list[Solid]) -> NDArray[np.float32]:
        """(H, W) float32 metres as the sensor would give it; 0 where it got no echo."""
        depth, shown = self.clean(solids)
        rng, k = self._random, self.sensor.noise
        depth, edge = _flying(depth, rng, k)
        slow = cv2.resize(rng.normal(0.0, 0.006 * k, (6, 8)), depth.shape[::-1], interpolation=cv2.INTER_CUBIC)
        noisy = depth + slow + rng.normal(0.0, 1.0, depth.shape) * (0.003 + 0.0016 * depth**2) * k
        lost = rng.random(depth.shape) < np.where(edge, 0.25, 0.004) * min(k, 2.0)
        for number, solid in enumerate(solids):
            if solid.dropout:
                lost |= (shown == number) & (rng.random(depth.shape) < solid.dropout)
        for _ in range(rng.poisson(2.0 * k)):
            cv2.circle(
                mask := lost.astype(np.uint8),
                (int(rng.integers(depth.shape[1])), int(rng.integers(depth.shape[0]))),
                int(rng.integers(1, 5)),
                1,
                -1,
            )
            lost = mask.astype(bool)
        noisy[lost] = 0.0
        return noisy.astype(np.float32)


def _local(rays: Floats, mount_m: float, solid: Solid) -> tuple[Floats, Floats]:
    """Rays and their start in the axes of the solid, scaled so that it has half axes of 1."""
    c, s = math.cos(solid.yaw), math.sin(solid.yaw)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    half = np.array(solid.half)
    start = turn @ (np.array([0.0, 0.0, mount_m]) - np.array(solid.centre)) / half
    return (rays @ turn.T) / half, start


def _ellipsoid(rays: Floats, mount_m: float, solid: Solid) -> Floats:
    ray, start = _local(rays, mount_m, solid)
    a = np.einsum("...i,...i", ray, ray)
    b = ray @ start
    root = b * b - a * (start @ start - 1.0)
    return np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0.0))) / a, np.inf)


def _box(rays: Floats, mount_m: float, solid: Solid) -> Floats:
    ray, start = _local(rays, mount_m, solid)
    with np.errstate(divide="ignore"):
        one, other = (-1.0 - start) / ray, (1.0 - start) / ray
    near = np.minimum(one, other).max(axis=-1)
    return np.where(near < np.maximum(one, other).min(axis=-1), near, np.inf)


def _flying(depth: Floats, rng: np.random.Generator, k: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Pixels at an edge mix near and far: some read a distance between the two, where nothing is."""
    window = np.ones((3, 3))
    near, far = cv2.erode(depth, window), cv2.dilate(depth, window)
    edge = far - near > 0.12
    share = rng.random(depth.shape)
    flies = edge & (rng.random(depth.shape) < min(0.45 * k, 0.9))
    return np.where(flies, near + share * (far - near), depth), edge


if __name__ == "__main__":
    from hil.sim.depth_sets import main

    main()
