"""What the unlit cameras see of a presentation: temperature and distance, coarse and noisy as theirs are."""

from __future__ import annotations

import cv2
import numpy as np

from hil.scene.arrays import F32, f32
from hil.scene.stage import Presentation

_THERMAL_SHARE, _THERMAL_NOISE_C, _THERMAL_OFFSET_C = 4, 0.08, 0.5
_DEPTH_SHARE, _DEPTH_NOISE_M = 2, 0.005


def thermal(presentation: Presentation, rng: np.random.Generator) -> F32:
    """Degrees Celsius, float32[h, w]: a quarter of the resolution, noise of an uncooled bolometer, its offset."""
    body = np.float32(rng.normal(0.0, 0.5)) * (presentation.layers.heat > 30.0)
    small = _small(presentation.layers.heat + body, _THERMAL_SHARE)
    small += np.float32(rng.normal(0.0, _THERMAL_OFFSET_C))
    small += rng.normal(0.0, _THERMAL_NOISE_C, small.shape).astype(np.float32)
    return _large(small, presentation)


def depth(presentation: Presentation, rng: np.random.Generator) -> F32:
    """Metres, float32[h, w]: half the resolution of a time-of-flight camera, 5 mm of noise, edges mixed."""
    small = _small(presentation.depth_m, _DEPTH_SHARE)
    # The same light comes back weaker from far away.
    spread = np.float32(_DEPTH_NOISE_M) * np.clip(small / np.float32(0.6), 0.5, 4.0)
    small += rng.normal(0.0, 1.0, small.shape).astype(np.float32) * spread
    return _large(small, presentation)


def _small(image: F32, share: int) -> F32:
    size = (image.shape[1] // share, image.shape[0] // share)
    return np.array(cv2.resize(f32(image), size, interpolation=cv2.INTER_AREA), np.float32)


def _large(image: F32, presentation: Presentation) -> F32:
    size = (presentation.camera.width, presentation.camera.height)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.float32)
