"""A burst of somebody who moves, before cameras that do not quite agree: for data sets.

Whoever stands there is a layer before the backdrop. Between exposures the layer moves and grows, and each camera sees
it displaced by its place, more so the nearer it is. Within the short LED exposures nothing blurs; the visible one is
longer. Not modelled: turning during the burst, parallax within the face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.scene import bands
from hil.scene.arrays import F32, f32
from hil.scene.compose import NOBODY, Scene, compose
from hil.scene.exposure import Light, ambient, colour, colour_exposure, grey, lit, visible_linear
from hil.scene.mount import Mount, Offset
from hil.scene.sensor import Frame, Sensor, meter
from hil.scene.stage import Presentation, Stage
from hil.scene.view import Box

FRAME_S = 1 / 30
VISIBLE_EXPOSURE_S = 0.008


@dataclass(frozen=True, slots=True)
class Motion:
    """Velocity of the person, m/s: to the viewer's right, up, towards the camera."""

    right: float = 0.0
    up: float = 0.0
    near: float = 0.0


STILL = Motion()


@dataclass(frozen=True, slots=True)
class Shutter:
    """One exposure of a switched camera: its LED (None for dark), number, start in seconds, gain."""

    camera: str
    led: str | None
    sequence: int
    at_s: float
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """The pictures of a burst; `frames` by camera uint8[n, h, w], in the order of its `shutters`."""

    rgb: Frame
    rgb_at_s: float
    shutters: tuple[Shutter, ...]
    frames: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)


def take(
    presentation: Presentation,
    light: Light,
    plan: Mapping[str, Sequence[str | None]],
    *,
    motion: Motion = STILL,
    rng: np.random.Generator,
) -> Taken:
    """Take a burst: `plan` gives the LEDs of each switched camera, one exposure each at 30 frames a second."""
    sensor = Sensor(rng)
    middle = max((len(order) for order in plan.values()), default=1) // 2 * FRAME_S
    behind = _nobody(presentation.stage, presentation.mount)
    shutters: list[Shutter] = []
    frames = {}
    for number, (camera, order) in enumerate(plan.items()):
        gain = meter(presentation, light, camera)
        electrons = _Camera(presentation, behind, light, camera)
        images = []
        for place, led in enumerate(order):
            at = 0.004 + 0.003 * number + place * FRAME_S
            image = electrons.at(led, motion, at - middle)
            images.append(sensor.expose(*grey(image * np.float32(gain), camera)))
            shutters.append(Shutter(camera, led, place, round(at, 6), gain))
        frames[camera] = np.stack(images)
    return Taken(_visible(presentation, light, motion, sensor), round(middle, 6), tuple(shutters), frames)


class _Camera:
    """One switched camera's mean electrons at any time, at gain 1."""

    def __init__(self, presentation: Presentation, behind: Presentation, light: Light, camera: str) -> None:
        self._there, self._behind, self._light = presentation, behind, light
        self._camera, self._offset = camera, presentation.mount.offset(camera)
        self._hall = ambient(presentation, light, camera), ambient(behind, light, camera)
        self._lit: dict[str, tuple[F32, F32]] = {}
        self._backs: dict[str | None, F32] = {}

    def at(self, led: str | None, motion: Motion, time_s: float) -> F32:
        """Electrons of an exposure `time_s` after the moment the presentation shows."""
        there, camera = self._there, self._there.camera
        near = there.middle_mm - 1000.0 * motion.near * time_s
        closer = np.float32((there.middle_mm / near) ** 2)
        front, back = self._hall
        if led is not None:
            added, behind = self._light_of(led)
            front, back = front + added * closer, back + behind
        shift = (
            1000.0 * motion.right * time_s * camera.focal / near,
            -1000.0 * motion.up * time_s * camera.focal / near,
        )
        moved = _seen_by(self._offset, there.stage, near, scale=there.middle_mm / near, shift=shift)
        wall = _seen_by(self._offset, there.stage, 1500.0)
        return self._over(front, moved, back, wall)

    def _light_of(self, led: str) -> tuple[F32, F32]:
        if led not in self._lit:
            drive = np.float32(self._light.drive(led))
            self._lit[led] = lit(self._there, self._light, led), _wall(self._behind, led) * drive
        return self._lit[led]

    def _over(self, front: F32, moved: NDArray[np.float64], back: F32, wall: NDArray[np.float64]) -> F32:
        """The person, moved, over the backdrop; the grey reference stays where it is."""
        solid, stage = self._there.layers.solid, self._there.stage
        both = _warp(np.dstack([_healed(front * solid, stage), _healed(solid, stage)]), moved)
        image = f32(both[..., 0] + _warp(_healed(back, stage), wall) * (1.0 - both[..., 1]))
        patch = _patch(stage, 3)
        image[patch] = back[patch]
        return image


def _patch(stage: Stage, margin: int, right: int = 0) -> Box:
    x, y, w, h = stage.patch
    return slice(y - margin, y + h + margin), slice(x - margin + right, x + w + margin + right)


def _healed(image: F32, stage: Stage) -> F32:
    """The image without the grey reference: what is beside it goes on behind it."""
    healed = image.copy()
    healed[_patch(stage, 5)] = image[_patch(stage, 5, stage.patch[2] + 10)]
    return healed


def _visible(presentation: Presentation, light: Light, motion: Motion, sensor: Sensor) -> Frame:
    linear = visible_linear(presentation, light)
    exposure = colour_exposure(linear, presentation)
    reach = 1000.0 * VISIBLE_EXPOSURE_S * min(exposure, 1.0) * presentation.camera.focal / presentation.middle_mm
    step = (motion.right * reach, -motion.up * reach)
    if np.hypot(*step) > 0.5:
        moved = [_warp(linear, np.array([[1, 0, step[0] * k], [0, 1, step[1] * k]])) for k in (-0.33, 0.33)]
        share = cv2.GaussianBlur(presentation.layers.solid, (0, 0), 2.0)[..., None]
        linear = f32(linear + share * ((linear + moved[0] + moved[1]) / 3 - linear))
    return sensor.expose(*colour(linear, exposure))


def _seen_by(
    offset: Offset, stage: Stage, distance_mm: float, *, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Where a camera sees what the visible camera sees at this distance, float64[2, 3] of pixels."""
    camera = stage.camera
    parallax = camera.focal * (1.0 / distance_mm - 1.0 / 600.0)
    turn = np.radians(offset.turn_deg)
    c, s = np.cos(turn) * offset.scale * scale, np.sin(turn) * offset.scale * scale
    x, y = camera.centre
    tx = shift[0] + offset.error_px[0] - offset.beside_mm[0] * parallax
    ty = shift[1] + offset.error_px[1] + offset.beside_mm[1] * parallax
    return np.array([[c, -s, x - c * x + s * y + tx], [s, c, y - s * x - c * y + ty]])


def _warp(image: F32, matrix: NDArray[np.float64]) -> F32:
    size = (image.shape[1], image.shape[0])
    warped = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)


_kept: list[Presentation] = []


def _nobody(stage: Stage, mount: Mount) -> Presentation:
    """The empty gate at this installation; the last few are kept."""
    for behind in _kept:
        if behind.stage == stage and behind.mount is mount:
            return behind
    del _kept[8:]
    _kept.insert(0, compose(Scene(None, species=NOBODY, stage=stage, mount=mount)))
    return _kept[0]


def _wall(behind: Presentation, led: str) -> F32:
    if led not in behind.collected:
        behind.collected[led] = lit(behind, Light(), led)
    return behind.collected[led]


def plan_of(cameras: Sequence[str], rng: np.random.Generator) -> dict[str, list[str | None]]:
    """Two dark exposures and one of every LED of each camera, in a random order."""
    plan = {}
    for camera in cameras:
        leds = [f"{band}{side}" for band in bands.SWITCHED if bands.camera_of(band) == camera for side in "LR"]
        order: list[str | None] = [None, None, *leds, *(["850C"] if camera == "nir" else [])]
        plan[camera] = [order[place] for place in rng.permutation(len(order))]
    return plan
