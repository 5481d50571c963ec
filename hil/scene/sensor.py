"""Two cameras and their physics: from a presentation and a state of the light to 8-bit frames.

The mean image of a presentation under a light is developed once; a frame then costs one multiply-add with a stretch of
a prepared noise pool. Both cameras have fixed exposure and fixed white balance: automatic gain would make band ratios
meaningless. Not responsible for timing, transport or dropped frames (the camera's emulator).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.scene import bands
from hil.scene.arrays import F32
from hil.scene.portrait import to_srgb
from hil.scene.presentation import HEIGHT, WIDTH, Presentation

Frame = NDArray[np.uint8]

# Quantum efficiency of a near-infrared enhanced global-shutter silicon sensor, typical of data sheets of this class.
QUANTUM_EFFICIENCY: Mapping[str, float] = MappingProxyType({"850": 0.40, "940": 0.21})
FULL_WELL_E = 10_000.0
READ_NOISE_E = 6.0
BLACK_LEVEL_DN = 4.0
# Electrons from a white surface at 0.6 m under a unit LED, per unit of quantum efficiency. Set so that light skin lit
# at 850 nm lands near 140 DN of 255.
NIR_EXPOSURE_E = 24_500.0
AMBIENT_NIR_E = 2_100.0
RGB_FULL_WELL_E = 9_000.0
RGB_BLACK_DN = 3.0
# Fresnel reflection of an oily surface, seen as a share of a white diffuse one.
SHINE = 0.020
_POOL = 97


@dataclass(frozen=True, slots=True)
class Light:
    """State of all light that the rig can set.

    `white` is the visible panel, 0..1, `balance` its distribution from -1 (left half only) to 1 (right half only);
    `ambient_white` and `ambient_nir` the hall and the sun, 1 being a lit hall without sun; `led_power` relative radiant
    power per NIR band.
    """

    white: float = 1.0
    balance: float = 0.0
    ambient_white: float = 0.30
    ambient_nir: float = 1.0
    led_power: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({"850": 1.0, "940": 1.75}))

    @property
    def key(self) -> tuple[float, ...]:
        """What distinguishes this state, hashable."""
        powers = (self.led_power.get(band, 0.0) for band in bands.NIR)
        return (self.white, self.balance, self.ambient_white, self.ambient_nir, *powers)


class UnknownBand(ValueError):
    """The rig has no LED of this band."""


class Sensor:
    """A pair of registered cameras, RGB and NIR, that see the same 640 x 480 pixels.

    `rng` is the only source of randomness: two sensors with equal generators give equal frames.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._noise = rng.standard_normal((HEIGHT + _POOL, WIDTH + _POOL, 3), dtype=np.float32)
        self._grey_noise = np.ascontiguousarray(self._noise[..., 0])

    def rgb(self, presentation: Presentation, light: Light) -> Frame:
        """A frame of the visible camera, uint8[480, 640, 3] in BGR order, sRGB encoded; NIR LEDs do not reach it."""
        mean, sigma = _developed(presentation, ("rgb", light.white, light.balance, light.ambient_white), _rgb, light)
        return self._expose(mean, sigma, self._noise)

    def nir(self, presentation: Presentation, light: Light, lit: str | None) -> Frame:
        """A frame of the NIR camera, uint8[480, 640], linear; `lit` is a band of `bands.NIR`, None the dark frame.

        Raises UnknownBand.
        """
        if lit is not None and lit not in bands.NIR:
            raise UnknownBand(f"no LED of band {lit!r} on the rig; there are {', '.join(bands.NIR)}")
        mean, sigma = _developed(presentation, ("nir", lit, *light.key), _nir, light, lit)
        return self._expose(mean, sigma, self._grey_noise)

    def _expose(self, mean: F32, sigma: F32, pool: F32) -> Frame:
        y, x = self._rng.integers(0, _POOL, size=2)
        frame = cv2.multiply(sigma, pool[y : y + HEIGHT, x : x + WIDTH])
        cv2.add(frame, mean, dst=frame)
        return np.asarray(cv2.convertScaleAbs(np.maximum(frame, 0.0, out=frame)), dtype=np.uint8)


def _developed(presentation: Presentation, key: object, develop: object, *args: object) -> tuple[F32, F32]:
    kept = presentation.developed.get(key)
    if kept is None:
        if len(presentation.developed) >= 8:
            presentation.developed.clear()
        kept = develop(presentation, *args)  # type: ignore[operator]
        presentation.developed[key] = kept
    return kept


def _lens(image: F32) -> F32:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.6), dtype=np.float32)


def _rgb(presentation: Presentation, light: Light) -> tuple[F32, F32]:
    lamp = presentation.light
    left, right = light.white * (1.0 - light.balance) / 2, light.white * (1.0 + light.balance) / 2
    fall = np.float32(left) * lamp.left + np.float32(right) * lamp.right + np.float32(light.ambient_white) * lamp.dome
    shine = np.float32(SHINE * light.white) * lamp.panel_shine
    linear = presentation.reflectance[..., :3] * fall[..., None] + shine[..., None]
    if presentation.emission is not None:
        linear = linear + presentation.emission
    linear = _lens(linear.astype(np.float32))[..., ::-1]
    electrons = np.clip(linear, 0.0, 1.0) * RGB_FULL_WELL_E
    spread = np.sqrt(electrons + READ_NOISE_E**2) / RGB_FULL_WELL_E
    mean = to_srgb(linear) * 252.0 + RGB_BLACK_DN
    slope = np.clip(1.055 / 2.4 * np.power(np.clip(linear, 0.004, 1.0), 1 / 2.4 - 1), 0.0, 8.0) * 252.0
    return np.ascontiguousarray(mean, np.float32), np.ascontiguousarray(spread * slope, np.float32)


def _nir(presentation: Presentation, light: Light, lit: str | None) -> tuple[F32, F32]:
    lamp = presentation.light
    first = len(bands.VISIBLE)
    both = presentation.reflectance[..., first : first + len(bands.NIR)].mean(axis=2)
    electrons = np.float32(AMBIENT_NIR_E * light.ambient_nir * 0.35) * both * (lamp.dome + np.float32(0.4))
    if lit is not None:
        power = light.led_power.get(lit, 0.0) * QUANTUM_EFFICIENCY[lit] * NIR_EXPOSURE_E
        reflected = (
            presentation.reflectance[..., bands.CHANNELS.index(lit)] * lamp.led + np.float32(SHINE) * lamp.led_shine
        )
        electrons = electrons + np.float32(power) * reflected
    electrons = np.clip(_lens(electrons.astype(np.float32)), 0.0, FULL_WELL_E)
    scale = np.float32((255.0 - BLACK_LEVEL_DN) / FULL_WELL_E)
    sigma = np.sqrt(electrons + READ_NOISE_E**2) * scale
    # A full well clips: it carries no shot noise any more.
    sigma = np.where(electrons >= FULL_WELL_E, 0.0, sigma)
    return (electrons * scale + BLACK_LEVEL_DN).astype(np.float32), sigma.astype(np.float32)
