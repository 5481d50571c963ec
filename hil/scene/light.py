"""Where light falls: irradiance of each lamp on what each pixel sees, computed once per presentation.

Lamps sit beside the camera, in metres with the camera at the origin (x to the viewer's right, y up). An irradiance
of 1 is what a surface gets that faces the camera on the axis at `REFERENCE_DISTANCE_M`. Not responsible for spectra,
exposure or noise (`sensor`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hil.scene.arrays import F32, f32
from hil.scene.view import Camera, Layers

REFERENCE_DISTANCE_M = 0.6
PANEL_LEFT = ((-0.36, 0.10), (-0.30, 0.32))
PANEL_RIGHT = ((0.36, 0.10), (0.30, 0.32))
LEDS = ((-0.11, 0.04), (0.11, 0.04))


@dataclass(frozen=True, slots=True, eq=False)
class Irradiance:
    """float32[height, width] each: panel halves, the hall's diffuse light, the LED pair, and their reflections."""

    left: F32
    right: F32
    dome: F32
    led: F32
    panel_shine: F32
    led_shine: F32


def irradiance(layers: Layers, camera: Camera) -> Irradiance:
    """Irradiance of every lamp on the scene in `layers` (depth in mm, finite everywhere)."""
    depth = layers.depth / np.float32(1000.0)
    u = (np.arange(camera.width, dtype=np.float32) - np.float32(camera.centre[0]))[None, :]
    v = (np.float32(camera.centre[1]) - np.arange(camera.height, dtype=np.float32))[:, None]
    x, y = f32(u * depth / np.float32(camera.focal)), f32(v * depth / np.float32(camera.focal))
    depth = f32(depth)
    left, shine_left = _lamps(layers, (x, y, depth), PANEL_LEFT, wrap=0.22, power=24.0)
    right, shine_right = _lamps(layers, (x, y, depth), PANEL_RIGHT, wrap=0.22, power=24.0)
    led, shine_led = _lamps(layers, (x, y, depth), LEDS, wrap=0.08, power=90.0)
    open_sky = np.float32(0.30) + np.float32(0.70) * layers.ao
    dome = (np.float32(0.62) + np.float32(0.38) * layers.normal[..., 1]) * layers.ao
    return Irradiance(
        left=left * open_sky,
        right=right * open_sky,
        dome=np.clip(dome, 0.0, None).astype(np.float32),
        led=led * (np.float32(0.55) + np.float32(0.45) * layers.ao),
        panel_shine=(shine_left + shine_right) * layers.gloss,
        led_shine=shine_led * layers.gloss,
    )


def _lamps(
    layers: Layers, place: tuple[F32, F32, F32], lamps: tuple[tuple[float, float], ...], *, wrap: float, power: float
) -> tuple[F32, F32]:
    x, y, depth = place
    n = layers.normal
    total = np.zeros_like(depth)
    shine = np.zeros_like(depth)
    eye = np.sqrt(x * x + y * y + depth * depth)
    for lamp_x, lamp_y in lamps:
        lx, ly = np.float32(lamp_x) - x, np.float32(lamp_y) - y
        far = np.sqrt(lx * lx + ly * ly + depth * depth)
        facing = (n[..., 0] * lx + n[..., 1] * ly + n[..., 2] * depth) / far
        # Light scattered under the skin carries a little past the terminator.
        cos = np.clip((facing + np.float32(wrap)) / np.float32(1.0 + wrap), 0.0, None)
        total += cos / (far * far)
        hx, hy, hz = lx / far - x / eye, ly / far - y / eye, depth / far + depth / eye
        size = np.sqrt(hx * hx + hy * hy + hz * hz)
        half = np.clip((n[..., 0] * hx + n[..., 1] * hy + n[..., 2] * hz) / size, 0.0, 1.0)
        shine += half ** np.float32(power) / (far * far)
    full = sum(_on_axis(px, py, wrap) for px, py in lamps)
    return f32(total / full).astype(np.float32), (shine / full)


def _on_axis(lamp_x: float, lamp_y: float, wrap: float) -> np.float32:
    far = np.sqrt(lamp_x**2 + lamp_y**2 + REFERENCE_DISTANCE_M**2)
    return np.float32((REFERENCE_DISTANCE_M / far + wrap) / (1.0 + wrap) / far**2)
