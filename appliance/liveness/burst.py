"""What goes into the check: everything one passage exposed, as the cameras delivered it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class GreyPatch:
    """The grey reference in view of one camera: pixels (x, y, width, height), and its reflectance in every band.

    It stands at the distance of a face and gets the same light. `width_mm` is how wide the box is on the reference
    itself: it tells how far away a face is, and so what its brightness means. None: not known.
    """

    x: int
    y: int
    width: int
    height: int
    reflectance: float = 0.50
    width_mm: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """One exposure of a switched camera, uint8[H, W], linear.

    `led` is what the illuminator's log says ("850L"), None for dark; `at_s` the monotonic start of the exposure;
    `gain` the exposure time relative to the camera's longest (1.0), chosen before the burst so that nothing saturates.
    """

    camera: str
    led: str | None
    image: U8
    sequence: int
    at_s: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """One burst: the visible image (uint8[H, W, 3], BGR, sRGB encoded), the switched exposures in order, the planes.

    `planes` are unlit channels by name, float32[H, W]: "thermal" in degrees Celsius, "depth" in metres. `patches` is
    the grey reference by camera ("rgb", "nir", "swir"); a camera without one cannot be calibrated. Cameras may be
    displaced against each other by some pixels; all images have the same size and nearly the same scale.
    """

    rgb: U8
    exposures: tuple[Exposure, ...]
    patches: Mapping[str, GreyPatch]
    planes: Mapping[str, NDArray[np.float32]] = field(default_factory=lambda: MappingProxyType({}))
    rgb_at_s: float = 0.0
