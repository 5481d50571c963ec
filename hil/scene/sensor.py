"""The cameras of the simulated rig: from a presentation and a state of the light to 8-bit frames.

What a presentation sends to a camera is collected once per source of light and developed once per exposure time; a
frame then costs one multiply-add with a stretch of a prepared noise pool. Exposures are fixed unless they are asked to
be shorter: automatic gain would make band ratios meaningless. Not responsible for timing, transport or dropped frames
(the camera's emulator), nor for people who move (`burst`).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.scene import bands
from hil.scene.arrays import F32
from hil.scene.exposure import (
    SENSORS,
    Light,
    ambient,
    colour,
    colour_exposure,
    gain_for,
    grey,
    lit,
    response,
    visible_linear,
)
from hil.scene.mount import LED_W_M2
from hil.scene.stage import Presentation

Frame = NDArray[np.uint8]

_POOL = 97
_KEPT = 20


class UnknownBand(ValueError):
    """The rig has no LED of this band."""


class Sensor:
    """Registered cameras, RGB, NIR and SWIR, that see the same pixels.

    `rng` is the only source of randomness: two sensors with equal generators give equal frames. `defocus_px` is how far
    the lens spreads a point (standard deviation) beyond its own blur.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._pools: dict[tuple[int, ...], F32] = {}
        self.defocus_px = 0.0

    def rgb(self, presentation: Presentation, light: Light) -> Frame:
        """A frame of the visible camera, uint8[h, w, 3] in BGR order, sRGB encoded; LEDs do not reach it."""

        def develop() -> tuple[F32, F32]:
            linear = visible_linear(presentation, light)
            return colour(linear, colour_exposure(linear, presentation))

        daylight = (light.sun, *light.sun_from)
        mean, sigma = _kept(presentation, ("rgb", light.white, light.balance, light.ambient_white, *daylight), develop)
        return self.expose(mean, sigma)

    def nir(
        self, presentation: Presentation, light: Light, lit: str | None, *, gain: float = 1.0, share: float = 1.0
    ) -> Frame:
        """A frame of the NIR camera, uint8[h, w], linear.

        `lit` is an LED ("850L", "850C"), a pair by its band ("850"), or None for the dark frame; `gain` the exposure
        as a share of the longest, `share` the part of it in which the LED is on. Raises UnknownBand.
        """
        return self._switched("nir", presentation, light, lit, gain, share)

    def swir(
        self, presentation: Presentation, light: Light, lit: str | None, *, gain: float = 1.0, share: float = 1.0
    ) -> Frame:
        """A frame of the SWIR camera, as `nir`."""
        return self._switched("swir", presentation, light, lit, gain, share)

    def meter(self, presentation: Presentation, light: Light, camera: str = "nir") -> float:
        """The exposure of a burst, as a share of the longest, at which nothing that matters saturates."""
        return meter(presentation, light, camera)

    def _switched(
        self, camera: str, presentation: Presentation, light: Light, led: str | None, gain: float, share: float
    ) -> Frame:
        if led is not None:
            _known(camera, presentation, led)

        def develop() -> tuple[F32, F32]:
            hall = ("hall", camera, *light.key)
            electrons = _electrons(presentation, hall, lambda: ambient(presentation, light, camera))
            if led is not None:
                own = ("led", led, light.drive(led))
                added = _electrons(presentation, own, lambda: lit(presentation, light, led))
                electrons = electrons + added * np.float32(share)
            return grey(electrons * np.float32(gain), camera)

        mean, sigma = _kept(presentation, (camera, led, gain, share, *light.key), develop)
        return self.expose(mean, sigma)

    def expose(self, mean: F32, sigma: F32) -> Frame:
        """One exposure: the mean image with its noise, 8 bits; blurred before it where the lens is out of focus."""
        if self.defocus_px > 0.0:
            mean = np.asarray(cv2.GaussianBlur(mean, (0, 0), self.defocus_px), np.float32)
        pool = self._pool(mean.shape)
        y, x = self._rng.integers(0, _POOL, size=2)
        frame = cv2.multiply(sigma, pool[y : y + mean.shape[0], x : x + mean.shape[1]])
        cv2.add(frame, mean, dst=frame)
        return np.asarray(cv2.convertScaleAbs(np.maximum(frame, 0.0, out=frame)), dtype=np.uint8)

    def _pool(self, shape: tuple[int, ...]) -> F32:
        if shape not in self._pools:
            wide = (shape[0] + _POOL, shape[1] + _POOL, *shape[2:])
            self._pools[shape] = self._rng.standard_normal(wide, dtype=np.float32)
        return self._pools[shape]


def _known(camera: str, presentation: Presentation, led: str) -> None:
    own = [band for band in bands.SWITCHED if bands.camera_of(band) == camera]
    there = [*own, *(name for name in presentation.mount.leds if name[:-1] in own)]
    if led not in there:
        raise UnknownBand(f"no LED of band {led!r} before the {camera} camera; there are {', '.join(there)}")


def meter(presentation: Presentation, light: Light, camera: str) -> float:
    """The exposure of a burst, as a share of the longest, at which nothing that matters saturates."""
    return gain_for(brightest(presentation, light, camera), camera)


def brightest(presentation: Presentation, light: Light, camera: str) -> float:
    """Electrons at gain 1 of the brightest that matters: the face (but for its gloss) and the grey reference."""
    names = [name for name in presentation.mount.leds if bands.camera_of(name[:-1]) == camera and name[-1] != "C"]
    places = [presentation.layers.planes[bands.CHANNELS.index(name[:-1])] for name in names]
    base = ambient(presentation, light, camera)
    face = presentation.layers.solid > 0.5
    top = 0.0
    for name, plane in zip(names, places, strict=True):
        watts = LED_W_M2[name[:-1]] * presentation.mount.power[name] * light.drive(name)
        near = (600.0 / presentation.middle_mm) ** 2
        per = watts * response(presentation.mount.site, name[:-1]) * SENSORS[camera].electrons
        seen = base + plane * np.float32(per * near)
        patch = base[presentation.patch_box].mean() + 0.5 * per
        face_top = np.percentile(seen[face][::5], 97) if face.sum() > 500 else 0.0
        top = max(top, float(patch), float(face_top))
    return top


def _electrons(presentation: Presentation, key: object, collect: Callable[[], F32]) -> F32:
    """Kept apart from the exposure: it changes with every burst, the light does not."""
    kept = presentation.collected.get(key)
    if kept is None:
        if len(presentation.collected) >= _KEPT:
            presentation.collected.clear()
        kept = presentation.collected[key] = collect()
    return kept


def _kept(presentation: Presentation, key: object, develop: Callable[[], tuple[F32, F32]]) -> tuple[F32, F32]:
    kept = presentation.developed.get(key)
    if kept is None:
        if len(presentation.developed) >= _KEPT:
            presentation.developed.clear()
        kept = develop()
        presentation.developed[key] = kept
    return kept
