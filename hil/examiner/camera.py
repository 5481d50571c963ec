"""The cameras: from what the tracer gives to frames, with metering, motion, noise and eight bits.

Electrons throughout; full well 10 000. Lit frames are ambient plus LED, dark ones ambient alone. Not responsible for
what is lit (`stage`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.examiner.tables import F64

U8 = NDArray[np.uint8]

FULL_WELL = 10_000.0
PATCH_DISTANCE_MM = 600.0
FRAME_S = 1.0 / 30.0
_READ_NOISE = {"nir": 7.0, "swir": 38.0, "rgb": 9.0}
_UNEVEN = 0.006
"""Deviation of pixels' sensitivity."""
_TOP = 0.86
"""Share of full well that metering lets the brightest half per cent reach."""
_LENS_PX = 0.65


@dataclass(frozen=True, slots=True)
class Mount:
    """How a camera looks past the visible one: shift in px at 600 mm, scale, baseline in mm (parallax)."""

    shift: tuple[float, float]
    scale: float
    baseline_mm: float

    def warp(self, size: tuple[int, int], focal_px: float, distance_mm: float) -> F64:
        """2x3 matrix from the visible camera's pixels to this one's, for what stands at `distance_mm`."""
        width, height = size
        parallax = focal_px * self.baseline_mm * (1.0 / distance_mm - 1.0 / 600.0)
        dx, dy = self.shift[0] + parallax, self.shift[1]
        s = self.scale
        return np.array([[s, 0.0, dx + (1 - s) * width / 2.0], [0.0, s, dy + (1 - s) * height / 2.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """An image float64[H, W, ...] in two layers: the person before the background, and the background filled in."""

    near: F64
    alpha: F64
    far: F64


def layers(image: F64, alpha: F64) -> Layers:
    """Part an image by `alpha` float64[H, W(, 3)] (1: person); what they hide is filled from around, coarsely."""
    back = (cv2.erode(1.0 - alpha, np.ones((5, 5))) > 0.99).astype(np.float32)
    size = (image.shape[1], image.shape[0])
    small = (max(size[0] // 8, 1), max(size[1] // 8, 1))
    weight = cv2.resize(back, small, interpolation=cv2.INTER_AREA)
    value = cv2.resize(image.astype(np.float32) * back, small, interpolation=cv2.INTER_AREA)
    filled, known = value / np.maximum(weight, 1e-6), weight > 0.02
    for spread in (1.2, 4.5, 18.0):
        around = cv2.GaussianBlur(weight, (0, 0), spread)
        blurred = cv2.GaussianBlur(value, (0, 0), spread) / np.maximum(around, 1e-6)
        filled = np.where(known, filled, blurred)
        known = known | (around > 1e-3)
    coarse = cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR)
    return Layers(image, alpha, np.where(back > 0.0, image, coarse))


def shown(image: Layers, near: F64, far: F64, size: tuple[int, int]) -> F64:
    """The two layers each through its 2x3 warp, one over the other."""
    flags = cv2.INTER_LINEAR
    alpha = cv2.warpAffine(image.alpha, near, size, flags=flags)
    front = cv2.warpAffine(image.near, near, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    back = cv2.warpAffine(image.far, far, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(alpha * front + (1.0 - alpha) * back, np.float64)


def walked(
    velocity: tuple[float, float, float], seconds: float, distance_mm: float, focal_px: float, size: tuple[int, int]
) -> tuple[F64, float]:
    """Where the person has got to: 2x3 warp of the image, and what the light gained by their coming closer."""
    x, y, z = (1000.0 * v * seconds for v in velocity)
    scale = distance_mm / max(distance_mm - z, 100.0)
    shift = focal_px * scale / distance_mm
    width, height = size
    warp = np.array(
        [
            [scale, 0.0, shift * x + (1 - scale) * width / 2.0],
            [0.0, scale, -shift * y + (1 - scale) * height / 2.0],
        ]
    )
    return warp, scale**2


def combined(first: F64, then: F64) -> F64:
    """One 2x3 warp for two, one after the other."""
    return np.asarray((np.vstack([then, [0, 0, 1]]) @ np.vstack([first, [0, 0, 1]]))[:2])


def metered(lit: list[F64]) -> float:
    """Exposure relative to the longest (1.0) at which none of the frames saturates, in steps of a sixth of a stop."""
    top = max(float(np.percentile(image, 99.5)) for image in lit)
    wanted = min(1.0, _TOP * FULL_WELL / max(top, 1.0))
    return float(max(2.0 ** (np.floor(6.0 * np.log2(wanted)) / 6.0), 1.0 / 64.0))


def digitised(camera: str, electrons: F64, gain: float, rng: np.random.Generator, uneven: F64) -> U8:
    """One frame: lens, exposure, shot noise, read noise, eight bits; black is 0."""
    image = cv2.GaussianBlur(electrons, (0, 0), _LENS_PX) * gain * uneven
    image = image + np.sqrt(np.maximum(image, 0.0)) * rng.standard_normal(image.shape)
    image = image + _READ_NOISE[camera] * rng.standard_normal(image.shape)
    return np.clip(np.round(np.minimum(image, FULL_WELL) * (255.0 / FULL_WELL)), 0, 255).astype(np.uint8)


def unevenness(rng: np.random.Generator, shape: tuple[int, int]) -> F64:
    """A sensor's pixels by how much more or less they see."""
    return np.asarray(1.0 + _UNEVEN * rng.standard_normal(shape))


def photographed(radiance: F64, face: NDArray[np.bool_], card: F64, rng: np.random.Generator) -> U8:
    """The visible image: exposed for the face, noisy, sRGB; `radiance` float64[H, W, 3] BGR.

    `card` is the part of it that shows the grey card, which must not saturate either.
    """
    bright = float(np.percentile(radiance[face].mean(axis=1), 90)) if face.any() else float(radiance.max())
    exposure = min(0.62 / max(bright, 1e-6), 0.88 / max(float(card.mean()), 1e-6)) * rng.normal(1.0, 0.03)
    image = cv2.GaussianBlur(radiance, (0, 0), _LENS_PX) * exposure
    image = image * rng.normal(1.0, 0.015, 3)
    electrons = np.maximum(image, 0.0) * FULL_WELL
    electrons += (np.sqrt(electrons) + _READ_NOISE["rgb"]) * rng.standard_normal(electrons.shape)
    linear = np.clip(electrons / FULL_WELL, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255.0 * encoded)).astype(np.uint8)


def softened(image: F64, soft_mm: F64, px_per_mm: F64, reach_mm: float) -> F64:
    """Light that wanders under the surface: a blur where the surface is soft, from and into what is soft only."""
    amount = np.clip(soft_mm / 1.5, 0.0, 1.0)
    size = max(0.3, reach_mm * float(np.median(px_per_mm)))
    weight = cv2.GaussianBlur(amount, (0, 0), size)
    blurred = cv2.GaussianBlur(image * amount[..., None], (0, 0), size) / np.maximum(weight, 1e-3)[..., None]
    share = np.clip(amount, 0.0, 1.0)[..., None] * (weight > 0.02)[..., None]
    return np.asarray(image * (1.0 - share) + blurred * share)
