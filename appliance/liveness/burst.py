"""What goes into the check: everything one passage exposed, as the cameras delivered it; and when it proves nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Advice

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


class CaptureUnusable(Exception):
    """The burst proves nothing. The message is a sentence for the guard, `advice` what the traveller can do."""

    def __init__(self, message: str, advice: Advice | None = None) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """When a burst holds. Levels in digital numbers of 255 (DN)."""

    dark_frames: int = 2
    # irlume (open, measured): above about 170 of 255 of ambient infrared every genuine face was refused.
    dark_highest: float = 170.0
    dark_difference: float = 0.06
    dark_difference_dn: float = 3.0
    lit_least: float = 6.0
    saturated_from: int = 250
    saturated_share: float = 0.10
    patch_spread: float = 0.25
    patch_least_px: int = 8
    sides_ratio: float = 2.5
    visible_least: float = 0.02
    visible_most: float = 0.97
    # A face that moves faster than this (eye distances a second) is blurred within one exposure.
    speed_most: float = 9.0
    # The same towards the camera or away from it, as growth in a second.
    growth_most: float = 1.3
    trusted_least: float = 0.5
    # Skin reflects 0.2 and more at any distance, a screen 0.05.
    followed_from: float = 0.12


LIMITS = CaptureLimits()
