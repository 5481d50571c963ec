"""Where the cameras look: image, grey reference, backdrop; and what they have seen of one presentation.

A presentation is a still. Ground truth (`species`) is for the rig's reports and data sets only; nothing of the
appliance may read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from hil.scene.arrays import F32
from hil.scene.light import Ground, Irradiance, ground_of, visible
from hil.scene.mount import Mount
from hil.scene.palette import material
from hil.scene.surface import ROOM_C
from hil.scene.view import Box, Camera, Layers, empty_layers

WIDTH, HEIGHT = 640, 480
FOCAL_PX = 900.0
EYE_POINT = (320.0, 222.0)
REFERENCE_PATCH = (24, 416, 40, 40)
"""x, y, width, height in pixels of the grey reference; nothing ever covers it."""
REFERENCE_REFLECTANCE = 0.50
REFERENCE_DISTANCE_M = 0.6
WALL_DISTANCE_M = 1.5


@dataclass(frozen=True, slots=True)
class Stage:
    """A picture's geometry: the camera, and the pixels (x, y, width, height) of the grey reference."""

    camera: Camera
    patch: tuple[int, int, int, int]

    @property
    def patch_width_mm(self) -> float:
        """How wide the grey reference is."""
        return self.patch[2] * REFERENCE_DISTANCE_M * 1000.0 / self.camera.focal

    @property
    def patch_box(self) -> Box:
        """The grey reference as slices."""
        x, y, w, h = self.patch
        return slice(y, y + h), slice(x, x + w)


CAMERA = Camera(WIDTH, HEIGHT, FOCAL_PX, EYE_POINT)
LANE = Stage(CAMERA, REFERENCE_PATCH)
"""The cameras of the simulated lane."""
CLOSE = Stage(Camera(384, 448, 800.0, (192.0, 186.0)), (10, 402, 36, 36))
"""The part of the picture a data set keeps: a face at 0.6 m with some 85 pixels between the eyes."""


@dataclass(frozen=True, slots=True, eq=False)
class Presentation:
    """A still scene before the cameras of a stage; treat its arrays as read-only.

    `emission` is visible light sent out (R, G, B; 1 is a white surface under the full panel).
    """

    species: str
    of: str | None
    worn_by: str | None
    stage: Stage
    mount: Mount
    layers: Layers
    emission: F32 | None
    light: Irradiance
    ground: Ground
    eye_open: F32
    middle_mm: float
    developed: dict[object, tuple[F32, F32]] = field(default_factory=dict)
    """Scratch space of the sensor: mean image and noise per state of the light."""
    collected: dict[object, F32] = field(default_factory=dict)
    """Likewise: electrons at gain 1 per source of light."""

    @property
    def camera(self) -> Camera:
        """The pinhole of the stage."""
        return self.stage.camera

    @property
    def patch_box(self) -> Box:
        """The grey reference as slices."""
        return self.stage.patch_box

    @property
    def reflectance(self) -> F32:
        """float32[h, w, channels], in the order of `bands.CHANNELS`."""
        return self.layers.reflectance

    @property
    def depth_m(self) -> F32:
        """Distance along the axis, metres."""
        return self.ground.z


@lru_cache(maxsize=16)
def _backdrop(stage: Stage, wall: tuple[float, ...]) -> Layers:
    camera = stage.camera
    layers = empty_layers(camera)
    layers.depth[:] = WALL_DISTANCE_M * 1000.0
    rows = np.linspace(1.08, 0.90, camera.height, dtype=np.float32)[:, None]
    grain = np.random.default_rng(4).standard_normal((camera.height, camera.width), dtype=np.float32)
    plaster = rows * (1.0 + 0.03 * cv2.GaussianBlur(grain, (0, 0), 4.0) * 8.0)
    # Panel joints: a blank wall would give a matcher nothing, and a real gate is not blank.
    for share in (0.15, 0.85):
        at = round(camera.width * share)
        plaster[:, at : at + 2] *= 0.80
    for plane, value in zip(layers.planes, wall, strict=False):
        plane[:] = np.float32(value) * plaster
    return layers


def backdrop(stage: Stage, mount: Mount) -> Layers:
    """The empty gate behind everybody; a copy."""
    return _backdrop(stage, tuple(float(v) for v in material("wall", mount.site))).copy()


def finish(
    layers: Layers,
    stage: Stage,
    mount: Mount,
    species: str,
    *,
    of: str | None = None,
    worn_by: str | None = None,
    emission: F32 | None = None,
) -> Presentation:
    """The presentation of finished layers: puts the grey reference in front and casts the visible light."""
    casts = layers.depth.copy()
    _put_reference(layers, stage)
    if emission is not None:
        emission[stage.patch_box] = 0.0
    ground = ground_of(layers, stage.camera, casts)
    light = visible(ground, mount.panels)
    # The patch is tilted towards the lamps and trimmed so that it gets what a face gets on the axis at 0.6 m.
    for lamp in (light.left, light.right, light.dome):
        lamp[stage.patch_box] = 1.0
    near = layers.solid > 0.5
    return Presentation(
        species=species,
        of=of,
        worn_by=worn_by,
        stage=stage,
        mount=mount,
        layers=layers,
        emission=emission,
        light=light,
        ground=ground,
        eye_open=np.asarray(cv2.dilate(layers.pupil, np.ones((5, 5), np.uint8)), np.float32),
        middle_mm=float(np.percentile(layers.depth[near][::9], 15)) if near.sum() > 500 else 600.0,
    )


def _put_reference(layers: Layers, stage: Stage) -> None:
    x, y, w, h = stage.patch
    frame = (slice(y - 3, y + h + 3), slice(x - 3, x + w + 3))
    for where, value in ((frame, 0.03), (stage.patch_box, REFERENCE_REFLECTANCE)):
        layers.planes[(slice(None), *where)] = 0.0
        layers.reflectance[where] = value
        layers.ao[where] = 1.0
        layers.heat[where] = ROOM_C + 1.0
        layers.depth[where] = REFERENCE_DISTANCE_M * 1000.0
        layers.normal[(slice(None), *where)] = np.array([0.0, 0.0, 1.0], np.float32)[:, None, None]
        layers.soft[where] = 0.0
        layers.coat[where] = 0.0
        layers.solid[where] = 0.0
