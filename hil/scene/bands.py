"""The channels of the scene, in the order of the last axis of every reflectance array.

Not responsible for what anything reflects (`optics`, `palette`) nor for light and sensor.
"""

from __future__ import annotations

from hil.scene.optics import response

CHANNELS: tuple[str, ...] = response.CHANNELS
_CAMERAS = response.CAMERAS
VISIBLE: tuple[str, ...] = CHANNELS[:3]
NIR: tuple[str, ...] = ("850", "940")
"""Bands the simulated lane is fitted with by default."""
SWITCHED: tuple[str, ...] = CHANNELS[3:]
"""Every band that has LEDs of its own."""


def of_camera(camera: str) -> tuple[int, ...]:
    """Places of a camera's channels ("rgb", "nir", "swir")."""
    return tuple(place for place, name in enumerate(_CAMERAS) if name == camera)


def camera_of(band: str) -> str:
    """The camera that takes a channel. Raises ValueError for an unknown one."""
    return _CAMERAS[CHANNELS.index(band)]
