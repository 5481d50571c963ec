"""A surface and what lies on it: the layers of a texture, and a part of the scene.

A texture is float32[rows, columns, LAYERS]: reflectance in every channel of `bands.CHANNELS`, then the layers named
here. Each layer is contiguous in memory, because pixels are looked up layer by layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hil.scene import bands
from hil.scene.arrays import F32

AO = len(bands.CHANNELS)
"""How much of the sky a texel sees, 0..1."""
GLOSS = AO + 1
"""Strength of the surface reflection; 1 is a smooth dielectric (4 % at normal incidence)."""
PUPIL = AO + 2
"""Share of a texel that sends light back to where it came from: the retina behind an open pupil."""
HEAT = AO + 3
"""Temperature, degrees Celsius."""
ALPHA = AO + 4
"""Coverage, 0..1; last, so that everything before it is blended by it."""
LAYERS = ALPHA + 1

ROOM_C = 22.0
SKIN_ROUGH, SKIN_SOFT = 0.28, 0.22


@dataclass(frozen=True, slots=True)
class Part:
    """One surface: points and normals float32[r, c, 3] in head space, mm, and its texture.

    `turns` is how far it follows the head's rotation, 1 wholly, 0 not at all. `rough` is the GGX roughness of its
    reflection, `soft` how far light carries past the terminator (scattered below the surface), and `stride` the step
    in which the mesh is drawn.
    """

    mesh: F32
    normal: F32
    texture: F32
    turns: float = 1.0
    rough: float = SKIN_ROUGH
    soft: float = SKIN_SOFT
    stride: int = 1


def blank(rows: int, columns: int) -> F32:
    """A texture of nothing: black, matt, at room temperature, fully covering."""
    texture = np.moveaxis(np.zeros((LAYERS, rows, columns), np.float32), 0, -1)
    texture[..., AO] = 1.0
    texture[..., HEAT] = ROOM_C
    texture[..., ALPHA] = 1.0
    return texture


def copied(texture: F32) -> F32:
    """A copy that keeps every layer contiguous."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(texture, -1, 0)).copy(), 0, -1)
