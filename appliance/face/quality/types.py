"""Names and values of quality: the measures with their identifiers, and what was found. Nothing is computed.

Identifiers are the registered ones of ISO/IEC 29794-5:2025 as listed in BSI OFIQ, `ofiq_structs.h` (commit 28893f1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from appliance.core.types import Advice


class Measure(StrEnum):
    """What a gate asks of a view; the standard's names, except where it has none (`in_frame`)."""

    SINGLE_FACE = "single_face_present"
    IN_FRAME = "in_frame"
    INTER_EYE = "inter_eye_distance"
    HEAD_SIZE = "head_size"
    YAW = "head_pose_yaw"
    PITCH = "head_pose_pitch"
    ROLL = "head_pose_roll"
    MOUTH_VISIBLE = "mouth_occlusion_prevention"
    UNDER_EXPOSURE = "under_exposure_prevention"
    OVER_EXPOSURE = "over_exposure_prevention"
    DYNAMIC_RANGE = "dynamic_range"
    ILLUMINATION = "illumination_uniformity"
    SHARPNESS = "sharpness"
    EYES_VISIBLE = "eyes_visible"
    FACE_VISIBLE = "face_occlusion_prevention"
    EYES_OPEN = "eyes_open"
    NO_HEAD_COVERINGS = "no_head_coverings"


@dataclass(frozen=True, slots=True)
class Spec:
    """What is known of a measure: identifier (None: ours), unit of the native figure, whose formula it is.

    `surrogate`: the standard's own method needs a model that is not here, so another figure stands in; its values are
    not comparable with those of OFIQ.
    """

    identifier: int | None
    unit: str
    method: str
    surrogate: bool = False


SPECS: Mapping[Measure, Spec] = MappingProxyType(
    {
        Measure.SINGLE_FACE: Spec(0x4C, "ratio", "as OFIQ: root of second over first area"),
        Measure.IN_FRAME: Spec(None, "share", "part of the detector's box inside the image"),
        Measure.INTER_EYE: Spec(0x52, "px", "as OFIQ: distance over cos(yaw), sigmoid 70/20"),
        Measure.HEAD_SIZE: Spec(0x53, "share", "as OFIQ, T from eyes and mouth instead of the chin"),
        Measure.YAW: Spec(0x58, "deg", "as OFIQ: cos^2; pose from five points"),
        Measure.PITCH: Spec(0x59, "deg", "as OFIQ: cos^2; pose from five points"),
        Measure.ROLL: Spec(0x5A, "deg", "as OFIQ: cos^2; pose from five points"),
        Measure.MOUTH_VISIBLE: Spec(0x50, "share", "detector of medical masks, where installed", surrogate=True),
        Measure.UNDER_EXPOSURE: Spec(0x46, "share", "as OFIQ: luminance 0..25 within the face"),
        Measure.OVER_EXPOSURE: Spec(0x47, "share", "as OFIQ: luminance 247..255 within the face"),
        Measure.DYNAMIC_RANGE: Spec(0x48, "bit", "as OFIQ: entropy of the luminance of the face, x 12.5"),
        Measure.ILLUMINATION: Spec(0x43, "ratio", "luminance of the darker cheek over the lighter", surrogate=True),
        Measure.SHARPNESS: Spec(0x49, "ratio", "fine detail against all detail at the matcher's scale", surrogate=True),
        Measure.EYES_VISIBLE: Spec(0x4F, "ratio", "light and detail of the eye zones against the skin", surrogate=True),
        Measure.FACE_VISIBLE: Spec(0x51, "share", "face in the colour of its own skin", surrogate=True),
        Measure.EYES_OPEN: Spec(0x4D, "share", "as OFIQ, of the eye more open; face mesh, where installed"),
        Measure.NO_HEAD_COVERINGS: Spec(0x5C, "", "needs face parsing; no such model here"),
    }
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measure: `value` 0 (bad) to 100 (good) and its `native` figure; both None when it was not performed."""

    measure: Measure
    value: float | None = None
    native: float | None = None

    @property
    def spec(self) -> Spec:
        """Identifier, unit and method."""
        return SPECS[self.measure]


@dataclass(frozen=True, slots=True)
class Failing:
    """A measure below its limit, and the one thing to say about it."""

    measurement: Measurement
    least: float
    say: Advice


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Every measure, performed or not; `failing` in order of usefulness, the first to be said first."""

    measurements: Mapping[Measure, Measurement]
    failing: tuple[Failing, ...]

    @property
    def advice(self) -> Advice | None:
        """The single most useful instruction; None for a good view."""
        return self.failing[0].say if self.failing else None

    @property
    def figures(self) -> str:
        """For the record, in words: each value of 100, those below their limit first, and what was not performed."""
        bad = list(dict.fromkeys(failing.measurement.measure for failing in self.failing))
        good = [m for m, found in self.measurements.items() if found.value is not None and m not in bad]
        told = ", ".join(_figure(self.measurements[m], bad=m in bad) for m in (*bad, *good))
        absent = ", ".join(_name(m) for m, found in self.measurements.items() if found.value is None)
        return f"{told}; not performed: {absent}" if absent else told


def _name(measure: Measure) -> str:
    return "eyes apart" if measure is Measure.INTER_EYE else measure.replace("_prevention", "").replace("_", " ")


def _figure(found: Measurement, *, bad: bool) -> str:
    native = f" ({found.native:.0f} {found.spec.unit})" if found.spec.unit in ("px", "deg") else ""
    return f"{_name(found.measure)} {found.value:.0f}{native}{' (!)' if bad else ''}"
