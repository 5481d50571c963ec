"""What a site's LEDs and cameras make of a spectrum: one number per channel; and how much sun they collect.

A site is one installation: its LEDs lie off their nominal wavelength, its filters and its sensor are of one batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hil.scene.optics.grid import F32, WAVELENGTHS, bands, curve, f32

CHANNELS: tuple[str, ...] = ("R", "G", "B", "850", "940", "970", "1050", "1300", "1550")
"""Order of the last axis of everything observed."""

CAMERAS: tuple[str, ...] = ("rgb", "rgb", "rgb", "nir", "nir", "nir", "swir", "swir", "swir")
"""Which camera takes each channel."""

# Visible filters: centre and full width at half maximum in nm; LEDs likewise (as in `appliance.liveness.channels`).
_VISIBLE = ((650.0, 60.0), (550.0, 60.0), (450.0, 60.0))
_LEDS = ((850.0, 35.0), (940.0, 40.0), (970.0, 40.0), (1050.0, 50.0), (1300.0, 80.0), (1550.0, 100.0))

# Quantum efficiency: silicon with enhanced NIR response after Hamamatsu S10420, InGaAs after Sony IMX992 (vendors'
# data sheets, digitised to a few points).
_SILICON = curve([
    (400, 0.68), (450, 0.74), (550, 0.77), (650, 0.76), (700, 0.74), (750, 0.70), (800, 0.64), (850, 0.57), (900, 0.47),
    (950, 0.35), (1000, 0.21), (1050, 0.088), (1100, 0.026), (1150, 0.005), (1200, 0.0),
])  # fmt: skip
_INGAAS = curve([
    (400, 0.61), (450, 0.82), (500, 0.88), (650, 0.78), (800, 0.80), (1000, 0.92), (1200, 0.98), (1300, 0.99),
    (1400, 0.97), (1500, 0.93), (1550, 0.90), (1600, 0.81), (1650, 0.75), (1700, 0.46),
])  # fmt: skip

# Global horizontal sunlight at air mass 1.5, W/m2/nm: the shape of ASTM G173-03 at a few points.
SUN: F32 = curve([
    (400, 1.11), (420, 1.12), (440, 1.35), (460, 1.53), (480, 1.62), (520, 1.52), (560, 1.47), (600, 1.48), (640, 1.43),
    (680, 1.40), (700, 1.28), (715, 1.25), (720, 0.99), (730, 1.15), (740, 1.22), (755, 1.25), (760, 0.27), (765, 0.90),
    (780, 1.16), (800, 1.07), (820, 0.86), (840, 1.02), (860, 0.99), (880, 0.94), (900, 0.74), (920, 0.74), (932, 0.30),
    (950, 0.33), (960, 0.42), (980, 0.60), (1000, 0.735), (1050, 0.655), (1080, 0.60), (1100, 0.49), (1120, 0.14),
    (1140, 0.25), (1160, 0.29), (1180, 0.44), (1240, 0.46), (1280, 0.42), (1300, 0.35), (1320, 0.26), (1340, 0.17),
    (1360, 0.0), (1400, 0.0), (1420, 0.008), (1440, 0.04), (1460, 0.085), (1480, 0.06), (1500, 0.25), (1560, 0.266),
    (1600, 0.24), (1660, 0.22), (1700, 0.20),
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Site:
    """One installation. Shifts in nm, widths relative to nominal, in the order of `CHANNELS`.

    `efficiency_slope` tilts the quantum efficiency of the rgb, nir and swir camera, relative change per 100 nm.
    `leak` is the share of the NIR that the visible camera's infrared filter lets pass.
    """

    shifts_nm: tuple[float, ...] = (0.0,) * 9
    widths: tuple[float, ...] = (1.0,) * 9
    efficiency_slope: tuple[float, float, float] = (0.0, 0.0, 0.0)
    leak: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a site whose tuples do not fit the channels."""
        if len(self.shifts_nm) != len(CHANNELS) or len(self.widths) != len(CHANNELS):
            raise ValueError(f"a site has one shift and one width for each of {', '.join(CHANNELS)}")
        if min(self.widths) <= 0 or not 0 <= self.leak < 1:
            raise ValueError("widths are positive and the leak is a share")


def default_site() -> Site:
    """Every part as its data sheet says."""
    return Site()


def draw_site(rng: np.random.Generator) -> Site:
    """Another installation within the tolerances of data sheets (LED centre +-6 nm, SWIR +-12 nm, filters +-8 nm).

    Colour filters differ from one make of camera to the next by more: +-14 nm, and half as wide again.
    """
    limits = np.array([14.0, 14.0, 14.0, 6.0, 6.0, 6.0, 8.0, 12.0, 12.0])
    shifts = rng.uniform(-limits, limits)
    widths = rng.uniform(0.85, [1.5] * 3 + [1.2] * (len(CHANNELS) - 3))
    slope = rng.uniform(-0.06, 0.06, 3)
    return Site(
        tuple(float(v) for v in shifts),
        tuple(float(v) for v in widths),
        (float(slope[0]), float(slope[1]), float(slope[2])),
        float(rng.uniform(0.0, 0.01)),
    )


def observe(spectra: F32, site: Site) -> F32:
    """Reflectance of the spectra in the site's channels, lit by its LEDs (visible: by white light), float32[..., 9]."""
    return f32(np.asarray(spectra, dtype=np.float32) @ weights(site))


def observe_sun(spectra: F32, site: Site) -> F32:
    """Reflectance under sunlight as each channel's camera sees it, float32[..., 9].

    A switched camera has one filter for all its bands, so that its channels are equal here.
    """
    return f32(np.asarray(spectra, dtype=np.float32) @ _sun_weights(site))


def sun_ratio(site: Site) -> F32:
    """Full sun in the units of LED irradiance, W/m2, float32[9].

    A camera makes as many electrons from this LED irradiance of the channel as from full sun through its filter, on a
    surface that reflects both alike. For the visible channels it is the sunlight within the filter itself.
    """
    return _equivalent(site).copy()


def _camera(site: Site, channel: int) -> F32:
    """Electrons per joule (relative): quantum efficiency times wavelength, tilted as the site's batch is."""
    which = ("rgb", "nir", "swir").index(CAMERAS[channel])
    efficiency = _INGAAS if which == 2 else _SILICON
    tilt = 1.0 + site.efficiency_slope[which] * (WAVELENGTHS - (550.0, 900.0, 1300.0)[which]) / 100.0
    return f32(efficiency * np.maximum(tilt, 0.05) * WAVELENGTHS / 1000.0)


def _filter(site: Site, channel: int) -> F32:
    """Transmission before the camera: a colour filter, a band pass of the NIR, a long pass of the SWIR."""
    camera = CAMERAS[channel]
    if camera == "rgb":
        centre, width = _VISIBLE[channel]
        passed = bands([(centre + site.shifts_nm[channel], width * site.widths[channel], 1.0)])
        return f32(passed + site.leak * ((WAVELENGTHS > 750) & (WAVELENGTHS < 1000)))
    if camera == "nir":
        return curve([(795, 0.0), (810, 0.92), (990, 0.92), (1005, 0.0)])
    return curve([(985, 0.0), (1005, 0.92), (1600, 0.92), (1625, 0.0)])


def _led(site: Site, channel: int) -> F32:
    """Spectrum of the channel's light, of unit power: an LED, or a white lamp for the visible."""
    if CAMERAS[channel] == "rgb":
        return curve([(400, 0.4), (450, 1.0), (480, 0.75), (550, 1.0), (600, 1.0), (650, 0.8), (700, 0.4), (780, 0.05)])
    centre, width = _LEDS[channel - 3]
    shape = bands([(centre + site.shifts_nm[channel], width * site.widths[channel], 1.0)])
    return f32(shape / shape.sum())


@lru_cache(maxsize=64)
def weights(site: Site) -> F32:
    """What each wavelength counts in each channel under its own light, float32[261, 9]; every column sums to 1."""
    rows = [_camera(site, c) * _filter(site, c) * _led(site, c) for c in range(len(CHANNELS))]
    return f32(np.stack([row / row.sum() for row in rows], axis=-1))


@lru_cache(maxsize=64)
def _sun_weights(site: Site) -> F32:
    rows = [_camera(site, c) * _filter(site, c) * SUN for c in range(len(CHANNELS))]
    return f32(np.stack([row / row.sum() for row in rows], axis=-1))


@lru_cache(maxsize=64)
def _equivalent(site: Site) -> F32:
    step = float(WAVELENGTHS[1] - WAVELENGTHS[0])
    out = []
    for c in range(len(CHANNELS)):
        through = _camera(site, c) * _filter(site, c)
        if CAMERAS[c] == "rgb":
            out.append(float((_filter(site, c) * SUN).sum()) * step)
        else:
            out.append(float((through * SUN).sum() * step / (through * _led(site, c)).sum()))
    return f32(out)
