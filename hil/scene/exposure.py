"""What an exposure collects: mean electrons of every pixel, before noise.

Switched cameras: a 4 ms exposure at gain 1, light in W/m2 (`mount.LED_W_M2`), full well and noise of a sensor of this
class. Sun is a share of full sun (ASTM G173), as each camera's filter lets it pass. Not responsible for noise, motion
and 8 bits (`sensor`, `burst`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import cv2
import numpy as np

from hil.scene import bands
from hil.scene.arrays import F32, f32
from hil.scene.light import Lamp, led, sun
from hil.scene.mount import LED_W_M2, band_of
from hil.scene.optics.response import Site, default_site, sun_ratio
from hil.scene.portrait import to_srgb
from hil.scene.stage import Presentation
from hil.scene.surface import SKIN_SOFT


@dataclass(frozen=True, slots=True)
class SensorKind:
    """A switched camera's sensor. `electrons` per W/m2 from a white surface at its first band, at gain 1."""

    full_well: float
    read_noise: float
    electrons: float
    hall_w_m2: float


SENSORS: Mapping[str, SensorKind] = MappingProxyType(
    {
        # 3.45 um pixels behind f/5, NIR-enhanced silicon.
        "nir": SensorKind(10_000.0, 6.0, 327.0, 2.2),
        # 5 um InGaAs; its well is deeper and its reading noisier.
        "swir": SensorKind(20_000.0, 45.0, 385.0, 0.6),
    }
)
BLACK_LEVEL_DN = 4.0
RGB_FULL_WELL_E = 9_000.0
RGB_READ_NOISE_E = 6.0
RGB_BLACK_DN = 3.0
# Reflection of an oily surface under a wide panel, seen as a share of a white diffuse one.
PANEL_SHINE = 0.020
# A retina's answer to light on the axis, against a white surface; water of the eye takes from it beyond 900 nm.
_RETRO: Mapping[str, float] = MappingProxyType({"850": 0.9, "940": 0.45, "970": 0.35, "1050": 0.35})
# Full sun against the full visible panel.
_SUN_OVER_PANEL = 60.0
_SUN_WEIGHTS: Mapping[str, tuple[float, ...]] = MappingProxyType({"nir": (0.6, 0.25, 0.15), "swir": (0.5, 0.3, 0.2)})
# Light scattered inside skin comes out this far away, mm; water ends its way sooner in the SWIR.
_SCATTER_MM: Mapping[str, float] = MappingProxyType({"nir": 1.1, "swir": 0.5})
_HIGHEST = 0.94
"""Share of the full well the brightest thing that matters may reach when the exposure is chosen."""


@dataclass(frozen=True, slots=True)
class Light:
    """State of all light that the rig can set.

    `white` is the visible panel, 0..1, `balance` its distribution from -1 (left half only) to 1 (right half only);
    `ambient_white` and `ambient_nir` the hall, 1 being lit without sun; `sun` the share of full sun from `sun_from`
    (azimuth to the viewer's right, elevation, degrees; behind the camera at 0). `led_power` is relative drive by LED
    or by band; what is not named gets 1.
    """

    white: float = 1.0
    balance: float = 0.0
    ambient_white: float = 0.30
    ambient_nir: float = 1.0
    led_power: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    sun: float = 0.0
    sun_from: tuple[float, float] = (50.0, 30.0)

    @property
    def key(self) -> tuple[object, ...]:
        """What distinguishes this state, hashable."""
        hall = (self.white, self.balance, self.ambient_white, self.ambient_nir)
        return (*hall, self.sun, *self.sun_from, *sorted(self.led_power.items()))

    def drive(self, led_name: str) -> float:
        """Relative drive of an LED, or of a pair named by its band."""
        return self.led_power.get(led_name, self.led_power.get(band_of(led_name), 1.0))

    @property
    def towards_sun(self) -> tuple[float, float, float]:
        """Unit vector to the sun, z towards the camera."""
        azimuth, elevation = np.radians(self.sun_from)
        flat = np.cos(elevation)
        return float(np.sin(azimuth) * flat), float(np.sin(elevation)), float(np.cos(azimuth) * flat)


def response(site: Site, band: str) -> float:
    """Electrons from a watt in this band against one in the camera's first band."""
    equal = sun_ratio(site)
    first = bands.of_camera(bands.camera_of(band))[0]
    return float(equal[first] / equal[bands.CHANNELS.index(band)])


def lit(presentation: Presentation, light: Light, led_name: str) -> F32:
    """Mean electrons that an LED ("850L"), or a pair ("850", half the power from each side), adds at gain 1."""
    mount, band = presentation.mount, band_of(led_name)
    camera = bands.camera_of(band)
    names = (led_name,) if led_name in mount.leds else (f"{led_name}L", f"{led_name}R")
    lamp = _patched(presentation, _leaning(presentation, _lamps(presentation, names), names))
    seen = _scattered(presentation, presentation.layers.planes[bands.CHANNELS.index(band)] * lamp.diffuse, camera)
    seen += lamp.shine
    if names == ("850C",):
        seen += presentation.layers.pupil * lamp.diffuse * np.float32(_RETRO[band])
    else:
        seen += presentation.layers.pupil * np.float32(0.004)
    seen += glints(presentation, [mount.leds[name] for name in names])
    watts = LED_W_M2[band] * light.drive(led_name) * float(np.mean([mount.power[name] for name in names]))
    return f32(seen * np.float32(watts * response(mount.site, band) * SENSORS[camera].electrons))


def _lamps(presentation: Presentation, names: tuple[str, ...]) -> Lamp:
    return led(presentation.ground, tuple(presentation.mount.leds[name] for name in names))


def _leaning(presentation: Presentation, lamp: Lamp, names: tuple[str, ...]) -> Lamp:
    """No beam is even, nor as even as its neighbour's."""
    right, up = np.mean([presentation.mount.tilt.get(name, (0.0, 0.0)) for name in names], axis=0)
    if right or up:
        lean = 1.0 + np.float32(right / 0.1) * presentation.ground.x + np.float32(up / 0.1) * presentation.ground.y
        lean = np.clip(lean, 0.2, None)
        return Lamp(lamp.diffuse * lean, lamp.shine * lean)
    return lamp


def ambient(presentation: Presentation, light: Light, camera: str) -> F32:
    """Mean electrons of the hall and the sun in a switched camera at gain 1."""
    kind, mount = SENSORS[camera], presentation.mount
    places = bands.of_camera(camera)
    weights = _SUN_WEIGHTS[camera]
    both = f32(sum(presentation.layers.planes[p] * np.float32(w) for p, w in zip(places, weights, strict=True)))
    hall = (presentation.light.dome + np.float32(0.4)) * np.float32(kind.hall_w_m2 * light.ambient_nir / 1.2)
    electrons = both * hall
    if light.sun > 0:
        rays = _patched(presentation, sun(presentation.ground, light.towards_sun), light.towards_sun[2])
        full = np.float32(sun_ratio(mount.site)[places[0]] * light.sun)
        electrons = electrons + (_scattered(presentation, both * rays.diffuse, camera) + rays.shine) * full
    return f32(electrons * np.float32(kind.electrons))


def visible_linear(presentation: Presentation, light: Light) -> F32:
    """Linear colour image, float32[h, w, 3] in BGR, 1 being a white surface under the full panel."""
    lamp = presentation.light
    left, right = light.white * (1.0 - light.balance) / 2, light.white * (1.0 + light.balance) / 2
    fall = np.float32(left) * lamp.left + np.float32(right) * lamp.right + np.float32(light.ambient_white) * lamp.dome
    shine = np.float32(PANEL_SHINE * light.white) * lamp.panel_shine
    reflectance = presentation.layers.reflectance[..., 2::-1]
    linear = reflectance * fall[..., None] + shine[..., None]
    if presentation.emission is not None:
        linear = linear + presentation.emission[..., ::-1]
    if light.sun > 0:
        rays = _patched(presentation, sun(presentation.ground, light.towards_sun), light.towards_sun[2])
        # White is balanced to the panel through this site's own filters: only the lamps' difference remains.
        tint = sun_ratio(default_site())[2::-1]
        full = f32(_SUN_OVER_PANEL * light.sun * tint / tint.mean())
        linear = linear + (reflectance * rays.diffuse[..., None] + rays.shine[..., None]) * full
    return np.ascontiguousarray(linear, dtype=np.float32)


def colour(linear: F32, exposure: float = 1.0) -> tuple[F32, F32]:
    """A colour image's mean and noise in DN, float32[h, w, 3] each, of linear light exposed so long."""
    linear = lens(linear * np.float32(exposure))
    electrons = np.clip(linear, 0.0, 1.0) * RGB_FULL_WELL_E
    spread = np.sqrt(electrons + RGB_READ_NOISE_E**2) / RGB_FULL_WELL_E
    mean = to_srgb(linear) * 252.0 + RGB_BLACK_DN
    slope = np.clip(1.055 / 2.4 * np.power(np.clip(linear, 0.004, 1.0), 1 / 2.4 - 1), 0.0, 8.0) * 252.0
    return np.ascontiguousarray(mean, np.float32), np.ascontiguousarray(spread * slope, np.float32)


def grey(electrons: F32, camera: str) -> tuple[F32, F32]:
    """A switched camera's mean and noise in DN of the electrons of one exposure."""
    kind = SENSORS[camera]
    electrons = np.clip(lens(electrons), 0.0, kind.full_well)
    scale = np.float32((255.0 - BLACK_LEVEL_DN) / kind.full_well)
    sigma = np.sqrt(electrons + np.float32(kind.read_noise**2)) * scale
    # A full well clips: it carries no shot noise any more.
    sigma = np.where(electrons >= kind.full_well, np.float32(0.0), sigma)
    return f32(electrons * scale + np.float32(BLACK_LEVEL_DN)), f32(sigma)


def gain_for(brightest: float, camera: str) -> float:
    """Exposure, as a share of the longest, at which so many electrons stay below the full well."""
    return float(np.clip(_HIGHEST * SENSORS[camera].full_well / max(brightest, 1.0), 0.01, 1.0))


def colour_exposure(linear: F32, presentation: Presentation) -> float:
    """Share of the usual exposure that keeps face and grey reference below the top; never more than the usual."""
    bright = linear.max(axis=2)
    face = bright[presentation.layers.solid > 0.5]
    top = float(np.percentile(face[::7], 96)) if face.size > 100 else 0.0
    patch = presentation.patch_box
    return float(min(1.0, 0.94 / max(top, 1e-6), 0.90 / max(float(bright[patch].mean()), 1e-6)))


def lens(image: F32) -> F32:
    """The blur of the lens."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.6), dtype=np.float32)


def glints(presentation: Presentation, places: list[tuple[float, float]]) -> F32 | np.float32:
    """Images of the lamps in the corneas: half their angle away on a ball of 7.8 mm."""
    eyes = presentation.layers.eyes_mm
    if not eyes:
        return np.float32(0.0)
    spots = np.zeros_like(presentation.layers.depth)
    focal = presentation.camera.focal
    for eye in eyes:
        u, v, deep = (float(value) for value in eye)
        for x, y in places:
            size = 3.9 * focal / deep / (deep / 1000.0)
            at = (u + x * size, v - y * size)
            _spot(spots, at, 0.45 * focal / deep, 2.4 / len(places))
    return f32(spots * np.minimum(presentation.eye_open, 1.0))


def _spot(image: F32, at: tuple[float, float], sigma: float, peak: float) -> None:
    x, y = round(at[0]), round(at[1])
    r = 4
    if not (r <= x < image.shape[1] - r and r <= y < image.shape[0] - r):
        return
    v, u = np.mgrid[y - r : y + r + 1, x - r : x + r + 1].astype(np.float32)
    image[y - r : y + r + 1, x - r : x + r + 1] += peak * np.exp(
        -0.5 * ((u - at[0]) ** 2 + (v - at[1]) ** 2) / max(sigma, 0.5) ** 2
    )


def _scattered(presentation: Presentation, image: F32, camera: str) -> F32:
    """The image with light that has wandered below soft surfaces."""
    sigma = _SCATTER_MM[camera] * presentation.camera.focal / presentation.middle_mm
    wandered = np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma, 0.3)), np.float32)
    share = np.minimum(presentation.layers.soft / np.float32(SKIN_SOFT), 1.0) * presentation.layers.solid
    return f32(image + share * np.float32(0.8) * (wandered - image))


def _patched(presentation: Presentation, lamp: Lamp, level: float = 1.0) -> Lamp:
    """The grey reference is trimmed so that it gets what a face gets on the axis at 0.6 m."""
    box = presentation.patch_box
    lamp.diffuse[box], lamp.shine[box] = max(level, 0.0), 0.0
    return lamp
