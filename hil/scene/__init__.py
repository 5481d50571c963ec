"""The multispectral scene of the simulated rig and its cast of invented travellers.

What stands before the camera (`bona_fide`, `printed_photo`, `screen_replay`, `printed_mask`, `empty_scene`), what a
camera makes of it (`Sensor`, `Light`), and the passports of the cast (`render_portrait`, `make_document`).
"""

from hil.scene.bands import CHANNELS, NIR
from hil.scene.cast import CAST, Traveller, UnknownTraveller, traveller
from hil.scene.document import document_below, make_document
from hil.scene.portrait import render_portrait
from hil.scene.presentation import (
    HEIGHT,
    REFERENCE_PATCH,
    REFERENCE_REFLECTANCE,
    WIDTH,
    Presentation,
    bona_fide,
    empty_scene,
    printed_mask,
    printed_photo,
    screen_replay,
)
from hil.scene.sensor import Light, Sensor, UnknownBand
from hil.scene.view import Pose

__all__ = [
    "CAST",
    "CHANNELS",
    "HEIGHT",
    "NIR",
    "REFERENCE_PATCH",
    "REFERENCE_REFLECTANCE",
    "WIDTH",
    "Light",
    "Pose",
    "Presentation",
    "Sensor",
    "Traveller",
    "UnknownBand",
    "UnknownTraveller",
    "bona_fide",
    "document_below",
    "empty_scene",
    "make_document",
    "printed_mask",
    "printed_photo",
    "render_portrait",
    "screen_replay",
    "traveller",
]
