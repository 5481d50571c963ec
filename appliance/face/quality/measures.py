"""The pixel measures: from the standard frame to native figures, and from those to 0..100.

Formulas and constants of the measures that say "as OFIQ" are those of BSI OFIQ (`OFIQlib/modules/measures`, commits
028f590 and 8233597, and `data/ofiq_config.jaxn`), written anew. The surrogates and their constants are ours;
docs/face-quality.md says what they were set on. Not responsible for limits and words (`rules`).
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face.mask_detector import MaskFinding
from appliance.face.quality.frame import (
    EYE_APART,
    MATCHER_EYES_PX,
    Frame,
    cheeks,
    eye_zones,
    face_mask,
    sure_skin,
)
from appliance.face.quality.mesh import Lids
from appliance.face.quality.types import Measure, Measurement
from appliance.face.types import DetectedFace, Image

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

DARK, LIGHT = 26, 247
"""Linear luminance below which a pixel is dark, and from which on it is clipped, as OFIQ."""
_LEAST_PIXELS = 400
"""A face of which less is inside the image is not measured."""

# Surrogates: (value 50, width of the sigmoid). Set on LFW, see docs/face-quality.md.
_SHARP = (0.3, 0.07)
_USUAL_DETAIL = (0.0805, 0.1199)
"""Across and down: medians of 1,000 images of LFW."""
_SEEN = (1.0, 0.25)
_EYE_DARK, _EYE_FLAT = 0.30, 0.06
_SKIN_COLOUR, _SKIN_LIGHT = 25.0, 45.0
"""How far from the skin's median, in CIELAB, a pixel may lie and still be skin."""


def sigmoid(x: float, middle: float, width: float) -> float:
    """0..1; overflow cannot happen within what it is asked."""
    return 1.0 / (1.0 + math.exp(min(700.0, (middle - x) / width)))


def scaled(measure: Measure, native: float, value: float) -> Measurement:
    """A measurement with its value kept within 0..100; not performed when the figure is not finite."""
    if not (math.isfinite(native) and math.isfinite(value)):
        return Measurement(measure)
    return Measurement(measure, min(100.0, max(0.0, value)), native)


def single_face(faces: list[DetectedFace]) -> Measurement:
    """0x4C: 100 (1 - root of second over first area); 0 without a face."""
    areas = sorted((face.area for face in faces if math.isfinite(face.area)), reverse=True)
    if not areas or areas[0] <= 0.0:
        return Measurement(Measure.SINGLE_FACE, 0.0, 1.0)
    ratio = math.sqrt(areas[1] / areas[0]) if len(areas) > 1 else 0.0
    return scaled(Measure.SINGLE_FACE, ratio, 100.0 * (1.0 - ratio))


def in_frame(face: DetectedFace, width: int, height: int) -> Measurement:
    """Share of the detector's box inside the image. Ours: OFIQ's crop measures 0x54 to 0x57 are for portraits."""
    x1, y1, x2, y2 = face.box
    seen = max(0.0, min(x2, width) - max(x1, 0.0)) * max(0.0, min(y2, height) - max(y1, 0.0))
    return (
        scaled(Measure.IN_FRAME, seen / face.area, 100.0 * seen / face.area)
        if face.area > 0
        else Measurement(Measure.IN_FRAME, 0.0, 0.0)
    )


def inter_eye(face: DetectedFace, yaw: float | None) -> Measurement:
    """0x52: pixels between the eyes over cos(yaw); sigmoid with centre 70 and width 20."""
    distance = face.inter_eye_distance / max(0.2, math.cos(math.radians(yaw or 0.0)))
    return scaled(Measure.INTER_EYE, distance, 100.0 * sigmoid(distance, 70.0, 20.0))


def head_size(face: DetectedFace, height: int) -> Measurement:
    """0x53: T (eyes to chin) over image height, best at 0.45; T is 1.726 times eyes to mouth in the generic face."""
    eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
    share = 1.726 * float(np.hypot(*(mouth - eyes))) / height
    return scaled(Measure.HEAD_SIZE, share, 200.0 * (1.0 - sigmoid(abs(share - 0.45), 0.0, 0.05)))


def angle(measure: Measure, degrees: float | None) -> Measurement:
    """0x58 to 0x5A: 100 cos^2; nothing is left from 90 degrees on."""
    if degrees is None:
        return Measurement(measure)
    return scaled(measure, degrees, 100.0 * math.cos(math.radians(min(90.0, abs(degrees)))) ** 2)


def of_pixels(shown: Frame) -> list[Measurement]:
    """Every measure that looks at pixels. Not performed, all of them, when hardly any of the face is in the image."""
    face = face_mask() & shown.inside
    if int(face.sum()) < _LEAST_PIXELS:
        return []
    grey = np.asarray(cv2.cvtColor(shown.colour, cv2.COLOR_BGR2GRAY), np.float32)
    counts = np.bincount(shown.luminance[face], minlength=256)
    share = counts / counts.sum()
    dark, light = float(share[:DARK].sum()), float(share[LIGHT:].sum())
    entropy = float(-(share[share > 0] * np.log2(share[share > 0])).sum())
    return [
        scaled(Measure.UNDER_EXPOSURE, dark, 120.0 * (0.832 - sigmoid(dark, 0.92, 0.05))),
        scaled(Measure.OVER_EXPOSURE, light, round(1.0 / (light + 0.01))),
        scaled(Measure.DYNAMIC_RANGE, entropy, 12.5 * entropy),
        illumination(shown),
        sharpness(grey, face),
        eyes_visible(grey, shown.inside),
        face_visible(shown.colour, face),
    ]


def illumination(shown: Frame) -> Measurement:
    """0x43, a surrogate: mean luminance of the darker over the lighter cheek.

    The standard's intersection of histograms is 0 as soon as they part, long before a matcher minds.
    """
    if not all(shown.inside[zone].all() for zone in cheeks()):
        return Measurement(Measure.ILLUMINATION)
    low, high = sorted(float(shown.luminance[zone].mean()) + 1.0 for zone in cheeks())
    return scaled(Measure.ILLUMINATION, low / high, 100.0 * low / high)


def sharpness(grey: Floats, face: Mask) -> Measurement:
    """0x49, a surrogate: fine detail over the spread of the face, at the matcher's resolution, along its worse axis.

    Native: root mean square of the second difference across and down, each over what is usual for a face; 1 is usual.
    Movement blurs along one axis only, so the worse one counts. Dividing by the spread keeps dark and flat pictures
    from looking blurred. A face smaller than the matcher's is enlarged and so less sharp: it is, for the matcher.
    """
    side = round(grey.shape[0] * MATCHER_EYES_PX / EYE_APART)
    small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    inner = cv2.erode(cv2.resize(face.astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST), np.ones((3, 3)))
    chosen = inner > 0
    if not chosen.any():
        return Measurement(Measure.SHARPNESS)
    # Sensor noise lives in single pixels; a small blur first leaves lashes and brows and takes most of it.
    calm = cv2.GaussianBlur(small, (0, 0), 0.7)
    spread = max(1.0, float(small[chosen].std()))
    axes = (cv2.Sobel(calm, cv2.CV_32F, 2, 0, ksize=1), cv2.Sobel(calm, cv2.CV_32F, 0, 2, ksize=1))
    detail = [float(np.sqrt(np.mean(axis[chosen] ** 2))) / spread for axis in axes]
    native = min(found / usual for found, usual in zip(detail, _USUAL_DETAIL, strict=True))
    return scaled(Measure.SHARPNESS, native, 100.0 * sigmoid(native, *_SHARP))


def mouth_visible(finding: MaskFinding) -> Measurement:
    """0x50, a surrogate: the bare face's share of both scores; not performed where the network has no opinion."""
    if finding.covered is None:
        return Measurement(Measure.MOUTH_VISIBLE)
    share = finding.bare / (finding.bare + finding.masked)
    return scaled(Measure.MOUTH_VISIBLE, share, 100.0 * share)


def eyes_open(found: Lids | None) -> Measurement:
    """0x4D: opening of the lids over T, sigmoid 0.02/0.01. Native: how low the lid hangs, which OFIQ does not ask."""
    if found is None:
        return Measurement(Measure.EYES_OPEN)
    return scaled(Measure.EYES_OPEN, found.drop, 100.0 * sigmoid(found.opening, 0.02, 0.01))


def eyes_visible(grey: Floats, inside: Mask) -> Measurement:
    """0x4F, a surrogate: eye zones neither much darker than the cheeks (sunglasses) nor without detail (covered).

    Native: the smaller of both, each over its limit; 1 is on the limit.
    """
    if not all(inside[zone].all() for zone in (*eye_zones(), *cheeks())):
        return Measurement(Measure.EYES_VISIBLE)
    skin = max(1.0, *(float(np.median(grey[zone])) for zone in cheeks()))
    light = max(float(np.median(grey[zone])) for zone in eye_zones()) / skin
    detail = min(float(grey[zone].std()) / max(1.0, float(grey[zone].mean())) for zone in eye_zones())
    seen = min(light / _EYE_DARK, detail / _EYE_FLAT)
    return scaled(Measure.EYES_VISIBLE, seen, 100.0 * sigmoid(seen, *_SEEN))


def face_visible(colour: Image, face: Mask) -> Measurement:
    """0x51, a surrogate: share of the face in the colour of the skin between the eyes. Hands may pass for skin.

    Not the face's own median: more than half of it covered, the cover would be the skin.
    """
    quarter = (face.shape[1] // 4, face.shape[0] // 4)
    small = cv2.resize(colour, quarter, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255.0)
    chosen, sure = (
        cv2.resize(zone.astype(np.uint8), quarter, interpolation=cv2.INTER_NEAREST) > 0
        for zone in (face, sure_skin() & face)
    )
    if not sure.any():
        return Measurement(Measure.FACE_VISIBLE)
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2LAB), np.float32)
    away = lab[chosen] - np.median(lab[sure], axis=0)
    skin = (np.hypot(away[:, 1], away[:, 2]) < _SKIN_COLOUR) & (np.abs(away[:, 0]) < _SKIN_LIGHT)
    share = float(skin.mean())
    return scaled(Measure.FACE_VISIBLE, share, 100.0 * share)
