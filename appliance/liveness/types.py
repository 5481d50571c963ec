"""What goes into the check and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Result


@dataclass(frozen=True, slots=True)
class Patch:
    """The grey reference in view: pixels (x, y, width, height) and its reflectance in every band.

    It stands at the distance of a face and gets the same light.
    """

    x: int
    y: int
    width: int
    height: int
    reflectance: float = 0.50


@dataclass(frozen=True, slots=True, eq=False)
class BandFrame:
    """One exposure of the NIR camera, uint8[H, W], linear. `band` is what the illuminator's log says, None for dark."""

    band: str | None
    image: NDArray[np.uint8]
    sequence: int


@dataclass(frozen=True, slots=True, eq=False)
class Burst:
    """RGB image (uint8[H, W, 3], BGR, sRGB encoded) and the NIR frames in order of exposure.

    The cameras are pixel-aligned in this first form: a pixel is the same place in every image.
    """

    rgb: NDArray[np.uint8]
    frames: tuple[BandFrame, ...]
    patch: Patch


@dataclass(frozen=True, slots=True)
class RegionReading:
    """One region: relative reflectance, ln(940/850) less what skin of this tone has, and what follows from it."""

    name: str
    result: Result
    reflectance: Mapping[str, float] = field(default_factory=dict)
    deviation: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LivenessReport:
    """The result with its reasons in words, worst first; `suspected_species` is a guess for the guard, no finding.

    FAILED is a suspected attack presentation; UNDETERMINED is a capture that proves nothing either way.
    """

    result: Result
    reasons: tuple[str, ...]
    regions: tuple[RegionReading, ...] = ()
    suspected_species: str | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    limits_version: str = ""
