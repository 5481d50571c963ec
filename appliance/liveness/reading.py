"""What one burst of a switched camera says of the camera and its LEDs, whoever stands there or nobody.

Every exposure has to answer to the light the illuminator's log claims for it, at the grey reference and nowhere else.
Not responsible for faces (`decode`) nor for what was measured another day (`calibration`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.liveness.burst import U8, Exposure, GreyPatch
from appliance.liveness.plan import DARK

F32 = NDArray[np.float32]

GRID = (12, 16)
"""Rows and columns of a pattern: how the light of one LED lies over the picture."""


class Trouble(StrEnum):
    """What can be wrong with a camera and its light."""

    MISSING = "missing"
    OUT_OF_STEP = "out_of_step"
    STUCK = "stuck"
    SATURATED = "saturated"
    COVERED = "covered"
    DRIFT = "drift"
    SWAPPED = "swapped"
    UNCALIBRATED = "uncalibrated"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `words` are a sentence that says what to do about it."""

    trouble: Trouble
    camera: str
    words: str


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """When an exposure answers to its light. Levels in digital numbers of 255 (DN)."""

    # irlume (open, measured): above about 170 of 255 of ambient infrared every genuine face was refused.
    dark_highest: float = 170.0
    dark_difference: float = 0.06
    dark_difference_dn: float = 3.0
    lit_least: float = 6.0
    saturated_from: int = 250
    saturated_share: float = 0.10
    reference_spread: float = 0.25
    reference_least_px: int = 8


LIMITS = ReadingLimits()


@dataclass(frozen=True, slots=True, eq=False)
class LedReading:
    """One LED: lit minus dark at the reference, DN at full exposure; its pixels there.

    `pattern` is how its light lies over the picture, relative to the reference: who stands there changes nothing of it
    but where he stands.
    """

    level: float
    pixels: F32
    pattern: F32


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One camera: its dark exposures at the reference (float32[n, h, w], DN at full exposure), its LEDs, what is wrong.

    LEDs are there only when the burst could be measured at all.
    """

    camera: str
    dark: F32
    leds: Mapping[str, LedReading]
    findings: tuple[Finding, ...]


def reference_box(patch: GreyPatch) -> tuple[slice, slice]:
    """The inside of the grey reference, away from its edges."""
    dx, dy = round(patch.width * 0.15), round(patch.height * 0.15)
    return slice(patch.y + dy, patch.y + patch.height - dy), slice(patch.x + dx, patch.x + patch.width - dx)


def read(
    camera: str,
    exposures: Sequence[Exposure],
    patch: GreyPatch,
    leds: Sequence[str],
    *,
    limits: ReadingLimits = LIMITS,
) -> Reading:
    """Measure the burst of one camera, in which every one of `leds` was to be lit once. Never raises."""

    def unmeasured(trouble: Trouble, words: str) -> Reading:
        return Reading(camera, np.zeros((0, 0, 0), np.float32), {}, (Finding(trouble, camera, words),))

    dark = [exposure for exposure in exposures if exposure.led is None]
    lit = {exposure.led: exposure for exposure in exposures if exposure.led is not None}
    if len(dark) < DARK or set(lit) != set(leds) or len(exposures) != DARK + len(leds):
        words = f"{len(exposures)} of {DARK + len(leds)} exposures are in the illuminator's log and in the pictures."
        return unmeasured(Trouble.OUT_OF_STEP, f"{words} Check the camera's trigger line.")
    if not _in_view(patch, exposures, limits):
        return unmeasured(Trouble.COVERED, "The grey reference is not in view. Check where the configuration has it.")
    box = reference_box(patch)
    if any(_same(one.image[box], other.image[box]) for one, other in combinations(exposures, 2)):
        return unmeasured(Trouble.STUCK, "Two exposures are one and the same picture. Switch the camera off and on.")
    darkness_everywhere = np.mean([_coarse(exposure) for exposure in dark], axis=0)
    found = {led: _led(lit[led], dark, box, darkness_everywhere) for led in leds}
    darkness = np.stack([e.image[box].astype(np.float32) / np.float32(e.gain) for e in dark])
    findings = [*_of_dark(camera, dark, box, limits), *_of_light(camera, lit, found, box, limits)]
    return Reading(camera, darkness, found, tuple(findings))


def _same(one: U8, other: U8) -> bool:
    """Every pixel equal, which a sensor's noise makes impossible but where all are black or overexposed."""
    return np.array_equal(one, other) and one.min() != one.max()


def _in_view(patch: GreyPatch, exposures: Sequence[Exposure], limits: ReadingLimits) -> bool:
    height, width = exposures[0].image.shape
    inside = 0 <= patch.x <= width - patch.width and 0 <= patch.y <= height - patch.height
    return inside and min(patch.width, patch.height) >= limits.reference_least_px


def _led(exposure: Exposure, dark: Sequence[Exposure], box: tuple[slice, slice], darkness: F32) -> LedReading:
    pixels = _light(exposure, dark, box)
    level = float(pixels.mean())
    return LedReading(level, pixels, (_coarse(exposure) - darkness) / np.float32(max(level, 1e-3)))


def _coarse(exposure: Exposure) -> F32:
    """The picture in GRID cells, DN at full exposure."""
    cells = cv2.resize(exposure.image.astype(np.float32), GRID[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.float32) / np.float32(exposure.gain)


def _light(exposure: Exposure, dark: Sequence[Exposure], box: tuple[slice, slice]) -> F32:
    """Lit minus dark over a box, DN at full exposure."""
    light = exposure.image[box].astype(np.float32) / np.float32(exposure.gain)
    for one in dark:
        light -= one.image[box] / np.float32(one.gain * len(dark))
    return light


def _of_dark(camera: str, dark: Sequence[Exposure], box: tuple[slice, slice], limits: ReadingLimits) -> list[Finding]:
    levels = [float(exposure.image[box].mean()) for exposure in dark]
    if max(levels) > limits.dark_highest:
        return [Finding(Trouble.SATURATED, camera, "Too much infrared light from outside. Shade the lane.")]
    if max(levels) - min(levels) > max(limits.dark_difference * max(levels), limits.dark_difference_dn):
        words = "Dark exposures differ: light and camera are out of step, or the light from outside changes."
        return [Finding(Trouble.OUT_OF_STEP, camera, f"{words} Check the camera's trigger line.")]
    return []


def _of_light(
    camera: str,
    lit: Mapping[str, Exposure],
    found: Mapping[str, LedReading],
    box: tuple[slice, slice],
    limits: ReadingLimits,
) -> list[Finding]:
    pixels = {led: exposure.image[box] for led, exposure in lit.items()}
    most = limits.saturated_share * next(iter(pixels.values())).size
    over = [led for led, values in pixels.items() if np.count_nonzero(values >= limits.saturated_from) > most]
    # In digital numbers as they came: a short exposure does not make noise into light.
    missing = [led for led in lit if found[led].level * lit[led].gain < limits.lit_least and led not in over]
    findings = []
    if missing:
        which = "No LED" if len(missing) == len(lit) else _named(missing)
        words = (
            f"{which} answers at the grey reference." if which == "No LED" else f"{which}: no answer at the reference."
        )
        findings.append(Finding(Trouble.MISSING, camera, f"{words} Check the LEDs, their supply and their wires."))
    if over:
        words = f"{_named(over)}: overexposed at the grey reference. Shorten exposure_us or the camera's exposure."
        findings.append(Finding(Trouble.SATURATED, camera, words))
    covered = [
        led
        for led, reading in found.items()
        if led not in missing
        and led not in over
        and float(cv2.blur(reading.pixels, (5, 5)).std()) > limits.reference_spread * reading.level
    ]
    if covered:
        words = "The grey reference is not evenly lit: clean it, clear what hides it, or correct where it is."
        findings.append(Finding(Trouble.COVERED, camera, words))
    return findings


def _named(leds: Sequence[str]) -> str:
    return f"LED{'s' if len(leds) > 1 else ''} {', '.join(leds)}"
