"""The spectral world of the twin: skin, materials, paint, and what a site's LEDs and cameras make of them.

Everything here is simulated. Nothing here knows of shapes, images or time.
"""

from hil.scene.optics.grid import WAVELENGTHS
from hil.scene.optics.makeup import make_up, make_up_bands
from hil.scene.optics.materials import NAMES, Batch, draw_batch, spectrum, vary_material
from hil.scene.optics.paint import KINDS, PLAIN, SUBSTANCE, Variation, draw_variation, paint_bands, paint_spectra
from hil.scene.optics.response import (
    CAMERAS,
    CHANNELS,
    Site,
    default_site,
    draw_site,
    observe,
    observe_sun,
    sun_ratio,
)
from hil.scene.optics.skin import Skin, of_tone, reflectance, skin_table, vary

__all__ = [
    "CAMERAS",
    "CHANNELS",
    "KINDS",
    "NAMES",
    "PLAIN",
    "SUBSTANCE",
    "WAVELENGTHS",
    "Batch",
    "Site",
    "Skin",
    "Variation",
    "default_site",
    "draw_batch",
    "draw_site",
    "draw_variation",
    "make_up",
    "make_up_bands",
    "observe",
    "observe_sun",
    "of_tone",
    "paint_bands",
    "paint_spectra",
    "reflectance",
    "skin_table",
    "spectrum",
    "sun_ratio",
    "vary",
    "vary_material",
]
