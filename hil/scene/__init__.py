"""The multispectral scene of the simulated rig and its cast of invented travellers.

What stands before the camera (`bona_fide`, `printed_photo`, `screen_replay`, `printed_mask`, `empty_scene`), what a
camera makes of it (`Sensor`, `Light`), and the portraits of the cast (`render_portrait`).
"""

from hil.scene.bands import CHANNELS, NIR, SWITCHED
from hil.scene.cast import CAST, Traveller, UnknownTraveller, traveller
from hil.scene.compose import Scene, compose
from hil.scene.exposure import Light
from hil.scene.mount import DEFAULT_MOUNT, Mount, draw_mount
from hil.scene.portrait import render_portrait
from hil.scene.presentation import attack, bona_fide, empty_scene, printed_mask, printed_photo, screen_replay
from hil.scene.sensor import Sensor, UnknownBand
from hil.scene.stage import (
    HEIGHT,
    REFERENCE_PATCH,
    REFERENCE_REFLECTANCE,
    WIDTH,
    Presentation,
)
from hil.scene.view import Pose
from hil.scene.wearables import Wearables

__all__ = [
    "CAST",
    "CHANNELS",
    "DEFAULT_MOUNT",
    "HEIGHT",
    "NIR",
    "REFERENCE_PATCH",
    "REFERENCE_REFLECTANCE",
    "SWITCHED",
    "WIDTH",
    "Light",
    "Mount",
    "Pose",
    "Presentation",
    "Scene",
    "Sensor",
    "Traveller",
    "UnknownBand",
    "UnknownTraveller",
    "Wearables",
    "attack",
    "bona_fide",
    "compose",
    "draw_mount",
    "empty_scene",
    "printed_mask",
    "printed_photo",
    "render_portrait",
    "screen_replay",
    "traveller",
]
