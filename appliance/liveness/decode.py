"""From a burst to one aligned cube of relative reflectance in the face frame; and whether the burst holds.

Lit minus dark, divided by the same at the grey reference: ambient light, exposure time and LED drift drop out. A burst
that contradicts itself is not measured at all: frames answer to which LED is lit, so every one is checked against the
illuminator's log at the reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Advice
from appliance.liveness.align import Track
from appliance.liveness.burst import LIMITS, Capture, CaptureLimits, CaptureUnusable, Exposure, GreyPatch
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
from appliance.liveness.follow import Watched, follow

_encoded = np.arange(256, dtype=np.float32) / 255.0
LINEAR: F32 = np.where(_encoded <= 0.04045, _encoded / 12.92, ((_encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""sRGB value to linear light, float32[256] (IEC 61966-2-1)."""


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
    answers = [_answer(capture, camera, limits) for camera in sorted({e.camera for e in capture.exposures})]
    course = follow(capture, frame, [Watched(a.camera, a.lit, _shows(a, frame, limits)) for a in answers], limits)
    figures |= {**course.figures, "speed": course.speed, "growth": course.growth}
    for answer in answers:
        seen = _measured(answer, course.tracks[answer.camera], frame, limits)
        flawed |= seen.flawed
        figures |= answer.figures
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
class _Answer:
    """The exposures of a camera that answer to their lamps at the reference, and by how much (DN at full exposure)."""

    camera: str
    dark: list[Exposure]
    lit: Mapping[str, Exposure]
    patch: GreyPatch
    ambient: float
    response: Mapping[str, float]

    @property
    def figures(self) -> dict[str, float]:
        brightest = max(float(np.median(list(self.response.values()))), 1.0)
        return {f"{self.camera}_ambient": self.ambient / brightest} | {
            f"response_{led}_dn": value for led, value in self.response.items()
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    lit: Mapping[str, F32]
    flawed: Mask


def _answer(capture: Capture, camera: str, limits: CaptureLimits) -> _Answer:
    dark, lit = _sorted(capture, camera, limits)
    patch = capture.patches[camera]
    ambient, response = check_reference(dark, lit, patch, limits)
    return _Answer(camera, dark, lit, patch, ambient, response)


def _measured(answer: _Answer, track: Track, frame: FaceFrame, limits: CaptureLimits) -> _Seen:
    """Lit minus dark of every LED, relative to the reference, where the face was at the time."""
    places = {id(e): track.matrix(frame.matrix, e.at_s) for e in (*answer.dark, *answer.lit.values())}
    dark = [_warp(e.image, places[id(e)]) / np.float32(e.gain) for e in answer.dark]
    darkness = sum(dark) / np.float32(len(dark))
    flawed = np.zeros((HEIGHT, WIDTH), np.bool_)
    images: dict[str, F32] = {}
    for led, exposure in answer.lit.items():
        matrix = places[id(exposure)]
        # The pupil's reflex on the axis may be overexposed: that is what it is for.
        if not led.endswith("C"):
            flawed |= _saturated(exposure.image, matrix, limits)
        gain = np.float32(answer.patch.reflectance / answer.response[led] / track.nearer(exposure.at_s))
        images[led] = (_warp(exposure.image, matrix) / np.float32(exposure.gain) - darkness) * gain
    return _Seen(images, flawed)


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


def _shows(answer: _Answer, frame: FaceFrame, limits: CaptureLimits) -> bool:
    """Whether the middle of the face reflects enough in the brightest band to be followed, before it is aligned."""
    x, y = (cv2.invertAffineTransform(frame.matrix) @ np.array([*MIDDLE, 1.0])).astype(int)
    half = max(4, int(0.5 * EYE_DISTANCE / frame.scale))
    box = (slice(max(0, y), y + 2 * half), slice(max(0, x - half), x + half))
    base = float(np.median(answer.dark[0].image[box])) / answer.dark[0].gain
    levels = [(float(np.median(e.image[box])) / e.gain - base) / answer.response[led] for led, e in answer.lit.items()]
    return answer.patch.reflectance * max(levels) >= limits.followed_from


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
