"""From a burst to one aligned cube of relative reflectance in the face frame; and whether the burst holds.

Lit minus dark, divided by the same at the grey reference: ambient light, exposure time and LED drift drop out. A burst
that contradicts itself is not measured at all: frames answer to which LED is lit, so every one is checked against the
illuminator's log at the reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Advice
from appliance.liveness import align
from appliance.liveness.burst import Capture, Exposure, GreyPatch
from appliance.liveness.channels import CHANNELS, split_led
from appliance.liveness.circumstances import EYES_M
from appliance.liveness.face_frame import (
    EYE_DISTANCE,
    F32,
    HEIGHT,
    MIDDLE,
    WIDTH,
    FaceFrame,
    FaceUnusable,
    Mask,
    face_frame,
)

_encoded = np.arange(256, dtype=np.float32) / 255.0
LINEAR: F32 = np.where(_encoded <= 0.04045, _encoded / 12.92, ((_encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""sRGB value to linear light, float32[256] (IEC 61966-2-1)."""


class CaptureUnusable(Exception):
    """The burst proves nothing. The message is a sentence for the guard, `advice` what the traveller can do."""

    def __init__(self, message: str, advice: Advice | None = None) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """When a burst holds. Levels in digital numbers of 255 (DN)."""

    dark_frames: int = 2
    # irlume (open, measured): above about 170 of 255 of ambient infrared every genuine face was refused.
    dark_highest: float = 170.0
    dark_difference: float = 0.06
    dark_difference_dn: float = 3.0
    lit_least: float = 6.0
    saturated_from: int = 250
    saturated_share: float = 0.10
    patch_spread: float = 0.25
    patch_least_px: int = 8
    sides_ratio: float = 2.5
    visible_least: float = 0.02
    visible_most: float = 0.97
    # A face that moves faster than this (eye distances a second) is blurred within one exposure.
    speed_most: float = 9.0
    # The same towards the camera or away from it, as growth in a second.
    growth_most: float = 1.3
    trusted_least: float = 0.5
    # Skin reflects 0.2 and more at any distance, a screen 0.05.
    followed_from: float = 0.12


LIMITS = CaptureLimits()
_CLEAR = 0.06
"""Sharpness of a correlation from which it is one; edges of two lights on one face reach 0.3 to 0.8."""
_PAIRS = 6
"""Pairs of exposures by which growth is measured; with fewer of one side the lamp on the axis helps."""


@dataclass(frozen=True, slots=True, eq=False)
class Cube:
    """Everything of one burst in the face frame, float32[HEIGHT, WIDTH] each.

    `bands` are relative reflectances (1 is a white surface at the grey reference's place; shading and distance are
    still in it, so that only ratios of bands are the material's), mean of the left and right LED; `sides` the two by
    themselves; `axis` the LED on the camera's axis. `planes` are unlit channels (degrees Celsius, metres). `flawed`
    marks pixels that were overexposed or outside a picture. `figures` describe the capture, for the record.
    """

    frame: FaceFrame
    bands: Mapping[str, F32]
    sides: Mapping[str, tuple[F32, F32]]
    axis: F32 | None
    planes: Mapping[str, F32]
    flawed: Mask
    figures: Mapping[str, float] = field(default_factory=dict)


def decode(capture: Capture, landmarks: NDArray[np.floating], limits: CaptureLimits = LIMITS) -> Cube:
    """The cube of a burst. `landmarks` float[5, 2] in the visible image. Raises CaptureUnusable, FaceUnusable."""
    _check_shapes(capture, limits)
    frame = face_frame(landmarks)
    visible = _visible(capture, frame, limits)
    bands: dict[str, F32] = dict(zip(("B", "G", "R"), visible, strict=True))
    flawed = _saturated(capture.rgb.max(axis=2), frame.matrix, limits)
    sides: dict[str, tuple[F32, F32]] = {}
    axis: F32 | None = None
    figures = {"scale": frame.scale, "turn": frame.turn} | _distance(capture, frame)
    followed = [_follow(capture, camera, frame, limits) for camera in sorted({e.camera for e in capture.exposures})]
    moved = _movement([one.moved for one in followed if one.moved is not None], limits)
    growth = align.growth([pair for one in followed for pair in _zooms(one, moved, frame)])
    if abs(growth) > limits.growth_most:
        raise CaptureUnusable("The face moved during the capture.", Advice.STAND_STILL)
    for one in followed:
        seen = _measured(one, capture, frame, moved, growth, limits)
        flawed |= seen.flawed
        figures |= seen.figures
        for led, image in seen.lit.items():
            band, side = split_led(led)
            if side == "C":
                axis = image
            elif side == "R":
                pair = (seen.lit[f"{band}L"], image)
                sides[band] = pair
                bands[band] = (pair[0] + pair[1]) * np.float32(0.5)
    planes = {name: _warp(values, frame.matrix) for name, values in capture.planes.items()}
    # A recorded set may hold bands that somebody else has lit, subtracted and aligned already.
    bands |= {name: planes.pop(name) for name in list(planes) if CHANNELS[name].switched and name not in bands}
    return Cube(frame, bands, sides, axis, planes, flawed, figures)


# --- one switched camera ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Followed:
    """A camera's exposures, what they answer at the reference, and how the face moves through them.

    `moved` is None where nothing can be followed: what shows nothing in infrared (a screen, a dye print) is measured as
    it stands.
    """

    dark: list[Exposure]
    lit: Mapping[str, Exposure]
    patch: GreyPatch
    response: Mapping[str, float]
    offset: NDArray[np.float64]
    since_s: float
    moved: align.Movement | None
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    lit: Mapping[str, F32]
    flawed: Mask
    figures: Mapping[str, float]


def _movement(found: Sequence[align.Movement], limits: CaptureLimits) -> align.Movement:
    """The person's: as the camera tells it whose exposures agree best. Raises CaptureUnusable.

    The same person moves alike before every camera, and a noisy one must not turn away who stands still.
    """
    moved = max(found, key=lambda one: one.trusted, default=align.STILL)
    if _speed(moved) > limits.speed_most or moved.trusted < limits.trusted_least:
        raise CaptureUnusable("The face moved during the capture.", Advice.STAND_STILL)
    return moved


def _speed(moved: align.Movement) -> float:
    """Eye distances a second."""
    return float(np.hypot(*moved.velocity)) / EYE_DISTANCE


def _measured(
    one: _Followed,
    capture: Capture,
    frame: FaceFrame,
    moved: align.Movement,
    growth: float,
    limits: CaptureLimits,
) -> _Seen:
    moved = moved if one.moved is not None else align.STILL
    place = align.Track(one.offset, one.since_s, moved, growth, capture.rgb_at_s)

    def at(exposure: Exposure) -> NDArray[np.float64]:
        return place.matrix(frame.matrix, exposure.at_s)

    darkness = sum(_warp(e.image, at(e)) / np.float32(e.gain) for e in one.dark) / np.float32(len(one.dark))
    flawed = np.zeros((HEIGHT, WIDTH), np.bool_)
    images: dict[str, F32] = {}
    for led, exposure in one.lit.items():
        matrix = at(exposure)
        # The pupil's reflex on the axis may be overexposed: that is what it is for.
        if not led.endswith("C"):
            flawed |= _saturated(exposure.image, matrix, limits)
        gain = np.float32(one.patch.reflectance / one.response[led] / place.nearer(exposure.at_s))
        images[led] = (_warp(exposure.image, matrix) / np.float32(exposure.gain) - darkness) * gain
    return _Seen(images, flawed, {**one.figures, f"{one.dark[0].camera}_speed": _speed(moved), "growth": growth})


def _sorted(capture: Capture, camera: str, limits: CaptureLimits) -> tuple[list[Exposure], dict[str, Exposure]]:
    exposures = [exposure for exposure in capture.exposures if exposure.camera == camera]
    if any(later.sequence <= earlier.sequence for earlier, later in pairwise(exposures)):
        raise CaptureUnusable(f"Frames of the {camera} camera are repeated or out of order.")
    dark = [exposure for exposure in exposures if exposure.led is None]
    lit: dict[str, Exposure] = {}
    for exposure in exposures:
        if exposure.led is not None:
            if exposure.led in lit:
                raise CaptureUnusable(f"LED {exposure.led} was lit twice.")
            lit[exposure.led] = exposure
    if len(dark) < limits.dark_frames:
        raise CaptureUnusable(f"The dark exposures of the {camera} camera are missing.")
    for band in {split_led(led)[0] for led in lit}:
        if missing := [led for led in CHANNELS[band].leds if led not in lit]:
            raise CaptureUnusable(f"LED {missing[0]} is missing.")
    return dark, lit


def check_reference(
    dark: list[Exposure], lit: Mapping[str, Exposure], patch: GreyPatch, limits: CaptureLimits = LIMITS
) -> tuple[float, dict[str, float]]:
    """Ambient level and lit-minus-dark of each LED at the grey reference, DN at full exposure.

    Raises CaptureUnusable when an exposure does not answer to its light, is stuck, overexposed or covered.
    """
    box = _inside(patch)
    for earlier, later in pairwise(sorted((*dark, *lit.values()), key=lambda exposure: exposure.sequence)):
        if np.array_equal(earlier.image, later.image):
            raise CaptureUnusable(f"Two frames of the {later.camera} camera are one and the same: stuck or replayed.")
    levels = [float(e.image[box].mean()) for e in dark]
    if max(levels) > limits.dark_highest:
        raise CaptureUnusable("Too much infrared light from outside.", Advice.TURN_FROM_SUN)
    if max(levels) - min(levels) > max(limits.dark_difference * max(levels), limits.dark_difference_dn):
        raise CaptureUnusable(
            "Dark exposures differ: light and camera are out of step, or the light changes.", Advice.TURN_FROM_SUN
        )
    ambient = sum(level / e.gain for level, e in zip(levels, dark, strict=True)) / len(dark)
    response = {led: _response(led, exposure, ambient, box, limits) for led, exposure in lit.items()}
    for led, value in response.items():
        other = response.get(f"{led[:-1]}R") if led.endswith("L") else None
        if other is not None and max(value, other) > limits.sides_ratio * min(value, other):
            raise CaptureUnusable(f"The LEDs of band {led[:-1]} differ too much in power.")
    return ambient, response


def _response(led: str, exposure: Exposure, ambient: float, box: tuple[slice, slice], limits: CaptureLimits) -> float:
    pixels = exposure.image[box]
    if np.count_nonzero(pixels >= limits.saturated_from) > limits.saturated_share * pixels.size:
        raise CaptureUnusable(f"LED {led} is overexposed at the grey reference.")
    level = float(pixels.mean()) - ambient * exposure.gain
    if level < limits.lit_least:
        raise CaptureUnusable(f"LED {led} is missing: the grey reference does not answer to its light.")
    smooth = cv2.blur(pixels.astype(np.float32), (5, 5))
    if float(smooth.std()) > limits.patch_spread * level:
        raise CaptureUnusable("The grey reference is covered or dirty.")
    return level / exposure.gain


def _face_level(
    dark: Exposure, lit: Mapping[str, Exposure], response: Mapping[str, float], patch: GreyPatch, frame: FaceFrame
) -> float:
    """Median relative reflectance of the middle of the face in the brightest band, before anything is aligned."""
    x, y = (cv2.invertAffineTransform(frame.matrix) @ np.array([*MIDDLE, 1.0])).astype(int)
    half = max(4, int(0.5 * EYE_DISTANCE / frame.scale))
    box = (slice(max(0, y), y + 2 * half), slice(max(0, x - half), x + half))
    base = float(np.median(dark.image[box])) / dark.gain
    levels = [(float(np.median(e.image[box])) / e.gain - base) / response[led] for led, e in lit.items()]
    return patch.reflectance * max(levels)


def _follow(capture: Capture, camera: str, frame: FaceFrame, limits: CaptureLimits) -> _Followed:
    """The face's movement through the exposures, and the camera's displacement against the visible one.

    Raises CaptureUnusable.
    """
    dark, by_led = _sorted(capture, camera, limits)
    patch = capture.patches[camera]
    ambient, response = check_reference(dark, by_led, patch, limits)
    level = _face_level(dark[0], by_led, response, patch, frame)
    lit = list(by_led.values())
    times = [exposure.at_s for exposure in lit]
    reference = lit[int(np.argmin(np.abs(np.array(times) - float(np.median(times)))))]
    seen = {id(exposure): align.edges(exposure.image, frame.matrix) for exposure in lit}
    found = [align.displacement(seen[id(reference)], seen[id(exposure)]) for exposure in lit]
    clear = [(shift, e.at_s - reference.at_s) for (shift, sharp), e in zip(found, lit, strict=True) if sharp >= _CLEAR]
    blank = 2 * len(clear) < len(lit) or level < limits.followed_from
    moved = None if blank else align.movement([shift for shift, _ in clear], [t for _, t in clear])
    grey = cv2.cvtColor(capture.rgb, cv2.COLOR_BGR2GRAY)
    offset, sharpness = align.displacement(align.edges(np.asarray(grey, np.uint8), frame.matrix), seen[id(reference)])
    offset = offset if sharpness >= _CLEAR / 2 and float(np.hypot(*offset)) <= 0.35 * EYE_DISTANCE else np.zeros(2)
    figures = {
        f"{camera}_residual_px": moved.residual if moved else 0.0,
        f"{camera}_clear": len(clear) / len(lit),
        f"{camera}_trusted": moved.trusted if moved else 1.0,
        f"{camera}_offset_x": float(offset[0]),
        f"{camera}_offset_y": float(offset[1]),
        f"{camera}_sharpness": sharpness,
        f"{camera}_ambient": ambient / max(float(np.median(list(response.values()))), 1.0),
    } | {f"response_{led}_dn": value for led, value in response.items()}
    return _Followed(dark, by_led, patch, response, offset, reference.at_s, moved, figures)


def _zooms(one: _Followed, moved: align.Movement, frame: FaceFrame) -> list[tuple[float, float, float]]:
    """(size, likeness, seconds) of exposures against each other, of lamps of one side: they draw the same edges."""
    if one.moved is None:
        return []
    lit = one.lit
    since = next(iter(lit.values())).at_s
    still = align.Track(np.zeros(2), since, moved, 0.0, since)
    seen = {led: align.edges(e.image, still.matrix(frame.matrix, e.at_s)) for led, e in lit.items()}
    pairs = [(a, b) for a, b in combinations(lit, 2) if a[-1] == b[-1]]
    if len(pairs) < _PAIRS:
        pairs += [(a, b) for a, b in combinations(lit, 2) if "C" in (a[-1], b[-1])]
    return [(*align.zoom(seen[a], seen[b]), lit[b].at_s - lit[a].at_s) for a, b in pairs]


# --- visible, shapes, pixels --------------------------------------------------------------------------------


def _distance(capture: Capture, frame: FaceFrame) -> dict[str, float]:
    """How far away the face is, in distances of the grey reference, by the mean distance between two eyes."""
    patch = capture.patches.get("rgb")
    if patch is None or patch.width_mm is None:
        return {}
    eyes_px = EYE_DISTANCE / frame.scale
    return {"distance": 1000.0 * EYES_M * patch.width / patch.width_mm / eyes_px}


def _visible(capture: Capture, frame: FaceFrame, limits: CaptureLimits) -> tuple[F32, F32, F32]:
    """Blue, green and red relative reflectance in the face frame."""
    patch = capture.patches.get("rgb")
    linear = LINEAR[cv2.warpAffine(capture.rgb, frame.matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)]
    gain = np.ones(3, np.float32)
    if patch is not None:
        grey = LINEAR[capture.rgb[_inside(patch)]].mean(axis=(0, 1))
        if float(grey.min()) < limits.visible_least or float(grey.max()) > limits.visible_most:
            raise CaptureUnusable("The colour image is under- or overexposed at the grey reference.")
        gain = np.asarray(patch.reflectance / grey, dtype=np.float32)
    blue, green, red = (np.ascontiguousarray(linear[..., k] * gain[k]) for k in range(3))
    return blue, green, red


def _check_shapes(capture: Capture, limits: CaptureLimits) -> None:
    if capture.rgb.ndim != 3 or capture.rgb.shape[2] != 3 or capture.rgb.dtype != np.uint8:
        raise CaptureUnusable("The colour image is not an 8-bit colour image.")
    shape = capture.rgb.shape[:2]
    if any(e.image.shape != shape or e.image.dtype != np.uint8 for e in capture.exposures):
        raise CaptureUnusable("Colour and infrared images differ in size or depth.")
    if any(values.shape != shape for values in capture.planes.values()):
        raise CaptureUnusable("An unlit image does not have the size of the colour image.")
    if missing := sorted({e.camera for e in capture.exposures} - set(capture.patches)):
        raise CaptureUnusable(f"The {missing[0]} camera has no grey reference.")
    for patch in capture.patches.values():
        inside = 0 <= patch.x <= shape[1] - patch.width and 0 <= patch.y <= shape[0] - patch.height
        if not inside or min(patch.width, patch.height) < limits.patch_least_px or not 0 < patch.reflectance <= 1:
            raise CaptureUnusable("The grey reference is not in view.")


def _inside(patch: GreyPatch) -> tuple[slice, slice]:
    """The patch away from its edges."""
    dx, dy = round(patch.width * 0.15), round(patch.height * 0.15)
    return slice(patch.y + dy, patch.y + patch.height - dy), slice(patch.x + dx, patch.x + patch.width - dx)


def _warp(image: NDArray[np.uint8] | F32, matrix: NDArray[np.float64]) -> F32:
    warped = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.float32)


def _saturated(image: NDArray[np.uint8], matrix: NDArray[np.float64], limits: CaptureLimits) -> Mask:
    outside = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_NEAREST, borderValue=255)
    return np.asarray(outside >= limits.saturated_from)


__all__ = ["CaptureUnusable", "Cube", "FaceUnusable", "check_reference", "decode"]
