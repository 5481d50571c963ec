"""Looking at parts through a pinhole camera: what each pixel sees, before light and sensor."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.scene.arrays import F32, f32
from hil.scene.raster import rasterise
from hil.scene.surface import ALPHA, AO, GLOSS, HEAT, PUPIL, ROOM_C, Part

PIVOT = np.array([0.0, -45.0, -95.0], dtype=np.float32)
"""The head turns about the top of the spine; head space, mm."""

Box = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Pose:
    """How a head is held. Yaw and roll are to the viewer's right, pitch is up; distance to the eyes."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    distance_m: float = 0.6


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole: image size and focal length in pixels, and where the eyes' midpoint of a frontal head appears."""

    width: int
    height: int
    focal: float
    centre: tuple[float, float]


@dataclass(slots=True)
class Layers:
    """Per-pixel scene. `planes` float32[ALPHA, h, w] are the layers of `surface`, `normal` float32[3, h, w] unit
    vectors, `depth` mm; `solid` is what stands before the backdrop, 0..1. `coat` is a mirror before the surface (a
    lens): its strength, and its normals in `coat_normal`.
    """

    planes: F32
    normal: F32
    depth: F32
    solid: F32
    rough: F32
    soft: F32
    coat: F32
    coat_normal: F32
    eyes_mm: list[F32] = field(default_factory=list)

    @property
    def reflectance(self) -> F32:
        """float32[h, w, channels], a view."""
        return np.moveaxis(self.planes[:AO], 0, -1)

    @property
    def ao(self) -> F32:
        """Share of the sky that is seen."""
        return f32(self.planes[AO])

    @property
    def gloss(self) -> F32:
        """Strength of the surface reflection."""
        return f32(self.planes[GLOSS])

    @property
    def pupil(self) -> F32:
        """Where light comes back to its source."""
        return f32(self.planes[PUPIL])

    @property
    def heat(self) -> F32:
        """Degrees Celsius."""
        return f32(self.planes[HEAT])

    def copy(self) -> Layers:
        """Nothing shared."""
        names = ("planes", "normal", "depth", "solid", "rough", "soft", "coat", "coat_normal")
        return Layers(*(getattr(self, name).copy() for name in names))


def rotation(pose: Pose, share: float = 1.0) -> F32:
    """Rotation matrix of a pose, float32[3, 3], scaled by `share`."""
    a, b, c = (np.radians(v * share) for v in (pose.yaw_deg, -pose.pitch_deg, -pose.roll_deg))
    yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    pitch = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    roll = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return f32(roll @ pitch @ yaw)


def empty_layers(camera: Camera) -> Layers:
    """A frame with nothing in it."""
    size = (camera.height, camera.width)
    planes = np.zeros((ALPHA, *size), np.float32)
    planes[AO] = 1.0
    planes[HEAT] = ROOM_C
    normal = np.zeros((3, *size), np.float32)
    normal[2] = 1.0
    return Layers(
        planes=planes,
        normal=normal,
        depth=np.full(size, np.inf, np.float32),
        solid=np.zeros(size, np.float32),
        rough=np.full(size, 0.6, np.float32),
        soft=np.full(size, 0.1, np.float32),
        coat=np.zeros(size, np.float32),
        coat_normal=normal.copy(),
    )


def project(points: F32, turn: F32, pose: Pose, camera: Camera) -> F32:
    """Points of head space on the screen, float32[..., 3]: x px, y px, depth mm."""
    turned = (points - PIVOT) @ turn.T + PIVOT
    distance = np.float32(pose.distance_m * 1000.0) - turned[..., 2]
    return np.stack(
        [
            camera.centre[0] + camera.focal * turned[..., 0] / distance,
            camera.centre[1] - camera.focal * turned[..., 1] / distance,
            distance,
        ],
        axis=-1,
    ).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A part as the camera sees it, in a box of the image: `values` are its layers, float32[LAYERS, h, w]."""

    box: Box
    values: F32
    normal: F32
    depth: F32
    alpha: F32


def look(layers: Layers, part: Part, pose: Pose, camera: Camera, *, bias_mm: float = 0.0) -> Seen | None:
    """What the camera sees of a part that nothing drawn before hides; None when that is nothing.

    Something hides it that is nearer by more than -`bias_mm`.
    """
    turn = rotation(pose, part.turns)
    mesh = part.mesh[_steps(part.mesh.shape[0], part.stride)][:, _steps(part.mesh.shape[1], part.stride)]
    place, depth = rasterise(project(mesh, turn, pose, camera), camera.width, camera.height)
    seen = depth + np.float32(bias_mm) < layers.depth
    if not seen.any():
        return None
    rows, cols = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    depth = np.where(seen, depth, np.float32(np.inf))[box]
    place = place[box] * np.float32(part.stride)
    values, normal = _look_up(part, turn, place)
    return Seen(box, values, normal, depth, values[ALPHA] * np.isfinite(depth))


def draw(layers: Layers, part: Part, pose: Pose, camera: Camera, *, bias_mm: float = 0.0) -> None:
    """Add a part to the layers, hidden where something drawn before is nearer by more than -`bias_mm`."""
    seen = look(layers, part, pose, camera, bias_mm=bias_mm)
    if seen is not None:
        lay(layers, part, seen)


def lay(layers: Layers, part: Part, seen: Seen) -> None:
    """Put what is seen of a part into the layers."""
    box, alpha = seen.box, seen.alpha
    for plane, value in zip(layers.planes, seen.values, strict=False):
        plane[box] += alpha * (value - plane[box])
    for plane, value in zip(layers.normal, seen.normal, strict=True):
        plane[box] += alpha * (value - plane[box])
    layers.rough[box] += alpha * (np.float32(part.rough) - layers.rough[box])
    layers.soft[box] += alpha * (np.float32(part.soft) - layers.soft[box])
    layers.solid[box] = np.maximum(layers.solid[box], alpha)
    layers.depth[box] = np.where(alpha > 0.5, seen.depth, layers.depth[box])


def _steps(count: int, stride: int) -> NDArray[np.int64]:
    return np.unique(np.append(np.arange(0, count, stride), count - 1))


def _look_up(part: Part, turn: F32, place: F32) -> tuple[F32, F32]:
    rows, cols = part.mesh.shape[:2]
    texture = np.moveaxis(part.texture, -1, 0)
    row = np.minimum(place[..., 0], np.float32(rows - 1))
    col = np.minimum(place[..., 1], np.float32(cols - 1))
    v = row * np.float32((texture.shape[1] - 1) / (rows - 1))
    u = col * np.float32((texture.shape[2] - 1) / (cols - 1))
    values = np.empty((len(texture), *row.shape), np.float32)
    for value, plane in zip(values, texture, strict=True):
        cv2.remap(np.ascontiguousarray(plane), u, v, cv2.INTER_LINEAR, dst=value)
    flat = np.asarray(cv2.remap(part.normal, col, row, cv2.INTER_LINEAR), np.float32).reshape(-1, 3) @ turn.T
    flat /= np.maximum(np.sqrt((flat * flat).sum(axis=1, keepdims=True)), 1e-6)
    return values, np.ascontiguousarray(flat.T).reshape(3, *row.shape)
