"""The upper half of a face, above a medical mask: the same figures, of the places a mask leaves free.

What lies below is not looked at, whether a mask is there or not: nothing is expected of cloth, and nothing is forgiven
because of it. A detector for these figures is one of its own, with limits of its own. Not responsible for telling
whether somebody wears a mask (`appliance.face.mask_detector`).
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from appliance.liveness import cues
from appliance.liveness.cues import Features
from appliance.liveness.decode import Cube
from appliance.liveness.face_frame import (
    EYE_DISTANCE,
    F32,
    HEIGHT,
    MIDDLE,
    WIDTH,
    Ellipses,
    FaceFrame,
    Mask,
    placed,
    regions,
)

# How far below the eyes is looked, in eye distances: a mask begins at 0.26 on the nose, and lower beside it.
_ASIDE, _LOWEST = (0.25, 0.6), (0.24, 0.34)
# Under the names of the places they stand for: what is beside the eyes for the cheeks, the bridge for the nose.
_ELLIPSES: Ellipses = MappingProxyType(
    {
        "left cheek": ((-0.66, 0.18, 0.14, 0.13, False),),
        "right cheek": ((0.66, 0.18, 0.14, 0.13, False),),
        "nose": ((0.0, 0.08, 0.11, 0.14, True),),
        "under the eyes": ((-0.46, 0.19, 0.20, 0.05, False), (0.46, 0.19, 0.20, 0.05, False)),
    }
)
_SAME = ("forehead", "left eye", "right eye", "eye openings", "brows")
_BESIDE = np.abs(np.arange(WIDTH) - MIDDLE[0]) / EYE_DISTANCE
_LAST_ROW = np.round(MIDDLE[1] + EYE_DISTANCE * np.interp(_BESIDE, _ASIDE, _LOWEST)).astype(int)
"""int[WIDTH]: the last row of each column that is looked at."""
_ROWS = np.arange(HEIGHT)[:, None]


def upper_regions(frame: FaceFrame) -> Mapping[str, Mask]:
    """The regions above a mask by the names of the whole face, bool[HEIGHT, WIDTH] each; those below are empty."""
    whole = regions(frame)
    nowhere = np.zeros_like(whole["face"])
    found = dict.fromkeys(whole, nowhere) | {name: whole[name] for name in _SAME} | placed(_ELLIPSES, frame.turn)
    return MappingProxyType(found | {"face": whole["face"] & (_ROWS <= _LAST_ROW)})


def measure(cube: Cube) -> Features:
    """All figures of the upper half that the cube allows."""
    return cues.measure(_without_lower_half(cube), upper_regions(cube.frame))


def _without_lower_half(cube: Cube) -> Cube:
    """Every picture goes on below as it ends above: figures that look around a pixel must not see what is there."""
    return replace(
        cube,
        bands={name: _cut(image) for name, image in cube.bands.items()},
        sides={name: (_cut(left), _cut(right)) for name, (left, right) in cube.sides.items()},
        axis=None if cube.axis is None else _cut(cube.axis),
        planes={name: _cut(image) for name, image in cube.planes.items()},
        flawed=cube.flawed & (_ROWS <= _LAST_ROW),
    )


def _cut(image: F32) -> F32:
    return np.asarray(image[np.minimum(_ROWS, _LAST_ROW), np.arange(WIDTH)], np.float32)
