"""From frames to relative reflectance: lit minus dark, divided by the grey reference; and whether the burst holds.

A burst that contradicts itself is not measured at all. ARCHITECTURE: frames answer to which LED is lit, so every frame
is checked against the illuminator's log at the reference patch.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from appliance.liveness.bands import REQUIRED
from appliance.liveness.limits import Limits
from appliance.liveness.types import BandFrame, Burst, Patch

F32 = NDArray[np.float32]

_encoded = np.arange(256, dtype=np.float32) / 255.0
LINEAR: F32 = np.where(_encoded <= 0.04045, _encoded / 12.92, ((_encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""sRGB value to linear light, float32[256] (IEC 61966-2-1)."""

_MARGIN = 0.15


class BurstUnusable(Exception):
    """The burst proves nothing. The message is a sentence for the guard."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A burst that holds. `gain` turns lit-minus-dark (DN) of a band into relative reflectance, `visible_gain` linear
    light of each channel (BGR); `response` is lit minus dark at the patch in DN.
    """

    dark: tuple[NDArray[np.uint8], ...]
    lit: dict[str, tuple[NDArray[np.uint8], ...]]
    rgb: NDArray[np.uint8]
    gain: dict[str, float]
    visible_gain: F32
    response: dict[str, float]
    ambient: float


Box = tuple[slice, slice]


def mean_difference(measured: Measured, band: str, box: Box) -> F32:
    """Lit minus dark of one band over a box of pixels, float32[h, w] in DN, from the mean of the frames."""
    lit, dark = _mean(measured.lit[band], box), _mean(measured.dark, box)
    return lit - dark


def _mean(images: tuple[NDArray[np.uint8], ...], box: Box) -> F32:
    total = images[0][box].astype(np.float32)
    for image in images[1:]:
        total += image[box]
    return total / np.float32(len(images))


def patch_box(patch: Patch) -> Box:
    """The inside of the patch, away from its edges."""
    inset_x, inset_y = round(patch.width * _MARGIN), round(patch.height * _MARGIN)
    return (
        slice(patch.y + inset_y, patch.y + patch.height - inset_y),
        slice(patch.x + inset_x, patch.x + patch.width - inset_x),
    )


def measure(burst: Burst, limits: Limits) -> Measured:
    """Check the burst against itself and calibrate it on the patch. Raises BurstUnusable with the reason in words."""
    _check_shapes(burst)
    dark, lit = _sorted_frames(burst, limits)
    box = patch_box(burst.patch)
    ambient = _check_dark(dark, box, limits)
    response = {name: _response(name, frames, ambient, box, limits) for name, frames in lit.items()}
    return Measured(
        dark=tuple(frame.image for frame in dark),
        lit={name: tuple(frame.image for frame in frames) for name, frames in lit.items()},
        rgb=burst.rgb,
        gain={name: burst.patch.reflectance / value for name, value in response.items()},
        visible_gain=_visible_gain(burst, box, limits),
        response=response,
        ambient=ambient,
    )


def _check_shapes(burst: Burst) -> None:
    if burst.rgb.ndim != 3 or burst.rgb.shape[2] != 3 or burst.rgb.dtype != np.uint8:
        raise BurstUnusable("The colour image is not an 8-bit colour image.")
    shape, patch = burst.rgb.shape[:2], burst.patch
    if any(frame.image.shape != shape or frame.image.dtype != np.uint8 for frame in burst.frames):
        raise BurstUnusable("Colour and infrared images differ in size or depth.")
    inside = patch.x >= 0 and patch.y >= 0 and patch.x + patch.width <= shape[1] and patch.y + patch.height <= shape[0]
    if not inside or min(patch.width, patch.height) < 8 or not 0 < patch.reflectance <= 1:
        raise BurstUnusable("The grey reference is not in view.")
    sequences = [frame.sequence for frame in burst.frames]
    if any(later <= earlier for earlier, later in pairwise(sequences)):
        raise BurstUnusable("Infrared frames are repeated or out of order.")


def _sorted_frames(burst: Burst, limits: Limits) -> tuple[list[BandFrame], dict[str, list[BandFrame]]]:
    dark = [frame for frame in burst.frames if frame.band is None]
    lit = {band.name: [frame for frame in burst.frames if frame.band == band.name] for band in REQUIRED}
    if len(dark) < limits.frames_per_band:
        raise BurstUnusable("The dark infrared exposures are missing.")
    for name, frames in lit.items():
        if len(frames) < limits.frames_per_band:
            raise BurstUnusable(f"Band {name} is missing.")
    return dark, lit


def _check_dark(dark: list[BandFrame], box: Box, limits: Limits) -> float:
    """Mean level of the dark frames at the patch, DN."""
    levels = [float(frame.image[box].mean()) for frame in dark]
    if max(levels) > limits.dark_highest:
        raise BurstUnusable("Too much infrared light from outside.")
    if max(levels) - min(levels) > limits.dark_difference:
        raise BurstUnusable(
            "Dark exposures differ: light and camera are out of step, or the light from outside changes."
        )
    return sum(levels) / len(levels)


def _response(name: str, frames: list[BandFrame], ambient: float, box: Box, limits: Limits) -> float:
    """Lit minus dark at the patch, DN, once all frames of the band agree."""
    pixels = [frame.image[box] for frame in frames]
    if any(int(np.count_nonzero(p >= limits.saturated_from)) > limits.saturated_share * p.size for p in pixels):
        raise BurstUnusable(f"Band {name} is overexposed at the grey reference.")
    levels = [float(p.mean()) - ambient for p in pixels]
    if max(levels) < limits.lit_least:
        raise BurstUnusable(f"Band {name} is missing: the grey reference does not answer to its light.")
    if min(levels) < limits.lit_least or max(levels) - min(levels) > limits.pair_difference * max(levels):
        raise BurstUnusable(f"Exposures of band {name} differ: light and camera are out of step.")
    if any(np.array_equal(a, b) for a, b in pairwise(pixels)):
        raise BurstUnusable(f"Exposures of band {name} are one and the same image: the camera is stuck or replayed.")
    mean = np.mean(pixels, axis=0, dtype=np.float32)
    if float(mean.std()) > limits.patch_spread * max(levels):
        raise BurstUnusable("The grey reference is covered or dirty.")
    return sum(levels) / len(levels)


def _visible_gain(burst: Burst, box: Box, limits: Limits) -> F32:
    grey = LINEAR[burst.rgb[box]].mean(axis=(0, 1))
    low, high = limits.patch_rgb
    if float(grey.min()) < low or float(grey.max()) > high:
        raise BurstUnusable("The colour image is under- or overexposed at the grey reference.")
    if float(grey.max() - grey.min()) > limits.patch_colour * float(grey.mean()):
        raise BurstUnusable("The grey reference is not grey in the colour image: coloured light, or it is covered.")
    return np.asarray(burst.patch.reflectance / grey, dtype=np.float32)
