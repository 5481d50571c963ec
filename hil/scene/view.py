"""Looking at parts through a pinhole camera: what each pixel sees, before light and sensor."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from hil.scene.arrays import F32, f32
from hil.scene.hair import ALPHA, Part
from hil.scene.paint import AO, GLOSS
from hil.scene.raster import rasterise

PIVOT = np.array([0.0, -45.0, -95.0], dtype=np.float32)
"""The head turns about the top of the spine; head space, mm."""


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
    """Per-pixel scene: reflectance[h, w, channels], normal[h, w, 3], depth mm, ao, gloss, solid (0..1 coverage)."""

    reflectance: F32
    normal: F32
    depth: F32
    ao: F32
    gloss: F32
    solid: F32


def rotation(pose: Pose, share: float = 1.0) -> F32:
    """Rotation matrix of a pose, float32[3, 3], scaled by `share`."""
    a, b, c = (np.radians(v * share) for v in (pose.yaw_deg, -pose.pitch_deg, -pose.roll_deg))
    yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    pitch = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    roll = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return f32(roll @ pitch @ yaw)


def empty_layers(camera: Camera, channels: int) -> Layers:
    """A frame with nothing in it."""
    size = (camera.height, camera.width)
    return Layers(
        reflectance=np.zeros((*size, channels), np.float32),
        normal=np.tile(np.array([0, 0, 1], np.float32), (*size, 1)),
        depth=np.full(size, np.inf, np.float32),
        ao=np.ones(size, np.float32),
        gloss=np.zeros(size, np.float32),
        solid=np.zeros(size, np.float32),
    )


def draw(layers: Layers, part: Part, pose: Pose, camera: Camera, *, bias_mm: float = 0.0) -> None:
    """Add a part to the layers, hidden where something drawn before is nearer by more than -`bias_mm`."""
    turn = rotation(pose, part.turns)
    points = (part.mesh - PIVOT) @ turn.T + PIVOT
    distance = pose.distance_m * 1000.0 - points[..., 2]
    screen = np.stack(
        [
            camera.centre[0] + camera.focal * points[..., 0] / distance,
            camera.centre[1] - camera.focal * points[..., 1] / distance,
            distance,
        ],
        axis=2,
    ).astype(np.float32)
    place, depth = rasterise(screen, camera.width, camera.height)
    seen = depth + np.float32(bias_mm) < layers.depth
    if not seen.any():
        return
    rows, cols = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    _blend(layers, part, turn, box, place[box], np.where(seen, depth, np.inf)[box])


def _blend(layers: Layers, part: Part, turn: F32, box: tuple[slice, slice], place: F32, depth: F32) -> None:
    rows, cols = part.mesh.shape[:2]
    texture = part.texture
    v = place[..., 0] * np.float32((texture.shape[0] - 1) / (rows - 1))
    u = place[..., 1] * np.float32((texture.shape[1] - 1) / (cols - 1))
    half = texture.shape[2] // 2
    values = np.concatenate(
        [
            cv2.remap(np.ascontiguousarray(t), u, v, cv2.INTER_LINEAR)
            for t in (texture[..., :half], texture[..., half:])
        ],
        axis=2,
    )
    normal = cv2.remap(part.normal, place[..., 1], place[..., 0], cv2.INTER_LINEAR) @ turn.T
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)
    alpha = values[..., ALPHA] * np.isfinite(depth)
    a = alpha[..., None]
    layers.reflectance[box] += a * (values[..., :AO] - layers.reflectance[box])
    layers.normal[box] += a * (normal - layers.normal[box])
    layers.ao[box] += alpha * (values[..., AO] - layers.ao[box])
    layers.gloss[box] += alpha * (values[..., GLOSS] - layers.gloss[box])
    layers.solid[box] = np.maximum(layers.solid[box], alpha)
    layers.depth[box] = np.where(alpha > 0.5, depth, layers.depth[box])
