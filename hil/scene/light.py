"""Where light falls: irradiance of each lamp on what each pixel sees.

Lamps sit beside the camera, in metres with the camera at the origin (x to the viewer's right, y up). An irradiance
of 1 is what a surface gets that faces the camera on the axis at `REFERENCE_DISTANCE_M`. Not responsible for spectra,
exposure or noise (`exposure`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from hil.scene.arrays import F32, f32
from hil.scene.mount import Place
from hil.scene.surface import SKIN_ROUGH
from hil.scene.view import Camera, Layers

REFERENCE_DISTANCE_M = 0.6
PANEL_LEFT = ((-0.36, 0.10), (-0.30, 0.32))
PANEL_RIGHT = ((0.36, 0.10), (0.30, 0.32))
_FRESNEL = 0.04
_COAT_ROUGH = 0.02
_POLISHED = 0.05
_WALL_M = 1.25
_SHADOW_STEPS_MM = (4.0, 8.0, 13.0, 19.0, 26.0, 34.0, 43.0, 54.0, 66.0)


@dataclass(frozen=True, slots=True, eq=False)
class Irradiance:
    """float32[height, width] each: panel halves, the hall's diffuse light, and the panel's reflection."""

    left: F32
    right: F32
    dome: F32
    panel_shine: F32


@dataclass(frozen=True, slots=True, eq=False)
class Lamp:
    """One lamp on every pixel: what a matt surface gets and what the surface mirrors, float32[height, width]."""

    diffuse: F32
    shine: F32


@dataclass(slots=True)
class Ground:
    """Where in space every pixel lies, metres, and the layers; made once per presentation."""

    layers: Layers
    camera: Camera
    x: F32
    y: F32
    z: F32
    eye: F32
    casts: F32
    shadows: dict[object, F32] = field(default_factory=dict)


def ground_of(layers: Layers, camera: Camera, casts_mm: F32 | None = None) -> Ground:
    """The ground of layers whose depth (mm) is finite everywhere; `casts_mm` is the depth of what throws shadows."""
    z = f32(layers.depth / np.float32(1000.0))
    u = (np.arange(camera.width, dtype=np.float32) - np.float32(camera.centre[0]))[None, :]
    v = (np.float32(camera.centre[1]) - np.arange(camera.height, dtype=np.float32))[:, None]
    x, y = f32(u * z / np.float32(camera.focal)), f32(v * z / np.float32(camera.focal))
    casts = z if casts_mm is None else f32(casts_mm / np.float32(1000.0))
    return Ground(layers, camera, x, y, z, np.sqrt(x * x + y * y + z * z), casts)


def irradiance(layers: Layers, camera: Camera) -> Irradiance:
    """Irradiance of the visible lamps on the scene in `layers` (depth in mm, finite everywhere)."""
    return visible(ground_of(layers, camera))


def visible(ground: Ground, panels: Place = (1.0, 0.0)) -> Irradiance:
    """Irradiance of the visible lamps; `panels` as in `Mount`."""
    layers = ground.layers
    across, up = panels
    left, shine_left = _panel(ground, tuple((x * across, y + up) for x, y in PANEL_LEFT))
    right, shine_right = _panel(ground, tuple((x * across, y + up) for x, y in PANEL_RIGHT))
    open_sky = np.float32(0.30) + np.float32(0.70) * layers.ao
    dome = (np.float32(0.62) + np.float32(0.38) * layers.normal[1]) * layers.ao
    return Irradiance(
        left=left * open_sky,
        right=right * open_sky,
        dome=np.clip(dome, 0.0, None).astype(np.float32),
        panel_shine=(shine_left + shine_right) * layers.gloss,
    )


def led(ground: Ground, places: tuple[Place, ...]) -> Lamp:
    """Small lamps beside the camera, each with its share of the whole; with the shadows they throw."""
    layers = ground.layers
    diffuse, shine = np.zeros_like(ground.z), np.zeros_like(ground.z)
    hollow = np.float32(0.55) + np.float32(0.45) * layers.ao
    for place in places:
        lit, mirrored = _small(ground, place)
        shade = shadow(ground, (place[0], place[1], 0.0)) if abs(place[0]) > 0.04 else np.float32(1.0)
        diffuse += lit * shade
        shine += mirrored * shade
    share = np.float32(1.0 / len(places))
    return Lamp(diffuse * hollow * share, shine * share)


def sun(ground: Ground, towards: tuple[float, float, float]) -> Lamp:
    """Direct light from a direction (unit vector, z towards the camera) with a tenth of it from the sky around."""
    layers, n = ground.layers, ground.layers.normal
    facing = n[0] * towards[0] + n[1] * towards[1] + n[2] * towards[2]
    cos = np.clip((facing + layers.soft) / (1.0 + layers.soft), 0.0, None)
    far = (towards[0] * 50.0, towards[1] * 50.0, -towards[2] * 50.0 + REFERENCE_DISTANCE_M)
    shade = shadow(ground, far)
    sky = np.float32(0.1) * (np.float32(0.62) + np.float32(0.38) * n[1]) * layers.ao
    eye = (-ground.x / ground.eye, -ground.y / ground.eye, ground.z / ground.eye)
    half = [f32(t + e) for t, e in zip(towards, eye, strict=True)]
    shine = _ggx(n, half, layers.rough) * layers.gloss * (facing > 0) * shade
    return Lamp(f32(cos * shade + np.clip(sky, 0.0, None)), f32(shine))


def _ggx(n: F32, half: list[F32], rough: F32 | float) -> F32:
    """Share that a smooth dielectric of this roughness mirrors towards the camera, against a white matt surface."""
    size = np.sqrt(half[0] * half[0] + half[1] * half[1] + half[2] * half[2])
    cos = np.clip((n[0] * half[0] + n[1] * half[1] + n[2] * half[2]) / np.maximum(size, 1e-6), 0.0, 1.0)
    a2 = np.square(np.maximum(np.asarray(rough, np.float32), np.float32(0.008)))
    bottom = cos * cos * (a2 - np.float32(1.0)) + np.float32(1.0)
    shine = np.float32(_FRESNEL / 4.0) * a2 / (bottom * bottom)
    polished = np.broadcast_to(a2 < _POLISHED**2, cos.shape)
    if polished.any():
        # Glass has no wide halo; Beckmann's distribution ends where GGX has a tail.
        narrow = np.broadcast_to(a2, cos.shape)[polished]
        square = np.maximum(cos[polished], 1e-3) ** 2
        shine[polished] = _FRESNEL / 4.0 * np.exp((square - 1.0) / (narrow * square)) / (narrow * square * square)
    return f32(shine)


def _small(ground: Ground, place: Place) -> tuple[F32, F32]:
    layers, n = ground.layers, ground.layers.normal
    lx, ly, z = np.float32(place[0]) - ground.x, np.float32(place[1]) - ground.y, ground.z
    near = lx * lx + ly * ly + z * z
    far = np.sqrt(near)
    facing = (n[0] * lx + n[1] * ly + n[2] * z) / far
    # Light scattered under the skin carries a little past the terminator.
    wrap = layers.soft * np.float32(0.5)
    cos = np.clip((facing + wrap) / (np.float32(1.0) + wrap), 0.0, None)
    half = [lx / far - ground.x / ground.eye, ly / far - ground.y / ground.eye, z / far + z / ground.eye]
    shine = _ggx(n, half, layers.rough) * layers.gloss * (facing > 0)
    if layers.coat.any():
        shine += _coat(layers, half)
    reach = np.float32(_on_axis(place[0], place[1]))
    return f32(cos / (near * reach)), f32(shine / (near * reach))


def _coat(layers: Layers, half: list[F32]) -> F32:
    """The reflection of a lens before the surface."""
    rows, cols = np.flatnonzero(layers.coat.any(1)), np.flatnonzero(layers.coat.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    shine = np.zeros_like(layers.coat)
    shine[box] = _ggx(layers.coat_normal[(slice(None), *box)], [h[box] for h in half], _COAT_ROUGH) * layers.coat[box]
    return shine


def _panel(ground: Ground, lamps: tuple[Place, ...]) -> tuple[F32, F32]:
    layers, n, z = ground.layers, ground.layers.normal, ground.z
    total, shine = np.zeros_like(z), np.zeros_like(z)
    # A panel is wide: its image in a mirror is no sharper than this.
    smooth = np.clip(layers.rough, 0.09, None)
    power = np.float32(24.0 * SKIN_ROUGH**2) / np.square(smooth)
    for lamp_x, lamp_y in lamps:
        lx, ly = np.float32(lamp_x) - ground.x, np.float32(lamp_y) - ground.y
        far = np.sqrt(lx * lx + ly * ly + z * z)
        facing = (n[0] * lx + n[1] * ly + n[2] * z) / far
        cos = np.clip((facing + layers.soft) / (np.float32(1.0) + layers.soft), 0.0, None)
        total += cos / (far * far)
        hx, hy, hz = lx / far - ground.x / ground.eye, ly / far - ground.y / ground.eye, z / far + z / ground.eye
        size = np.sqrt(hx * hx + hy * hy + hz * hz)
        half = np.clip((n[0] * hx + n[1] * hy + n[2] * hz) / size, 1e-3, 1.0)
        shine += np.exp(np.log(half) * power) * (power / np.float32(24.0)) / (far * far)
    full = sum(_on_axis(px, py) for px, py in lamps)
    return f32(total / full).astype(np.float32), f32(shine / full)


def _on_axis(lamp_x: float, lamp_y: float) -> np.float32:
    far = np.sqrt(lamp_x**2 + lamp_y**2 + REFERENCE_DISTANCE_M**2)
    return np.float32(REFERENCE_DISTANCE_M / far / far**2)


def shadow(ground: Ground, lamp: tuple[float, float, float]) -> F32:
    """Share of a lamp that reaches each pixel past what stands before it, float32[height, width].

    Marched over the depth image at half its size: what the camera does not see throws no shadow.
    """
    # LEDs of one side throw nearly the same shadow: a few millimetres do not count.
    key = tuple(round(v / 0.04) for v in lamp)
    if key not in ground.shadows:
        ground.shadows[key] = _march(ground, lamp)
    return ground.shadows[key]


def _march(ground: Ground, lamp: tuple[float, float, float]) -> F32:
    size = (ground.camera.width // 2, ground.camera.height // 2)
    x, y, z = (np.asarray(cv2.resize(v, size, interpolation=cv2.INTER_NEAREST)) for v in (ground.x, ground.y, ground.z))
    dx, dy, dz = np.float32(lamp[0]) - x, np.float32(lamp[1]) - y, np.float32(lamp[2]) - z
    length = np.sqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx / length, dy / length, dz / length
    focal, (cx, cy) = np.float32(ground.camera.focal / 2), ground.camera.centre
    casts = np.asarray(cv2.resize(ground.casts, size, interpolation=cv2.INTER_NEAREST))
    blocked = np.zeros_like(z)
    for step_mm in _SHADOW_STEPS_MM:
        step = np.float32(step_mm / 1000.0)
        px, py, pz = x + step * dx, y + step * dy, z + step * dz
        u, v = px / pz * focal + np.float32(cx / 2), np.float32(cy / 2) - py / pz * focal
        surface = np.asarray(cv2.remap(casts, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        deep = (pz - surface) * np.float32(1000.0)
        # Nearer than 1.5 mm is the surface itself; beyond 60 mm the ray passes behind.
        blocked = np.maximum(blocked, np.clip((deep - 1.5) / 3.0, 0.0, 1.0) * (deep < 60.0))
    # The wall is too far behind for steps of this length.
    blocked[z > _WALL_M] = 0.0
    soft = cv2.GaussianBlur(1.0 - blocked, (0, 0), 1.0)
    full = (ground.camera.width, ground.camera.height)
    return f32(cv2.resize(soft, full, interpolation=cv2.INTER_LINEAR))
