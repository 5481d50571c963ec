"""One view of the lane's camera: every measure that can be performed, and the one thing to say.

Not responsible for finding faces, nor for how often a traveller is told something.
"""

import math
from types import MappingProxyType
from typing import Protocol

import numpy as np

from appliance.core.types import Advice
from appliance.face.geometry import checked
from appliance.face.mask_detector import MaskFinding
from appliance.face.quality import measures
from appliance.face.quality.frame import frame
from appliance.face.quality.mesh import Lids
from appliance.face.quality.pose import five_point_pose
from appliance.face.quality.rules import OTHER_FACE_SHARE, RULES, WHERE, judge
from appliance.face.quality.types import Failing, Measure, Measurement, QualityReport
from appliance.face.types import DetectedFace, Image

MOST_SIDE_PX = 16_384
"""Beyond it OpenCV's warps refuse; no camera and no document delivers it."""
_FARTHEST_PX = 100_000.0
"""A detector that puts a face there has not found one."""


class LooksForMasks(Protocol):
    """`mask_detector.MaskDetector`, where a site runs it."""

    def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
        """Judge one face of an (H, W, 3) uint8 BGR image."""
        ...


class LooksAtLids(Protocol):
    """`mesh.FaceMesh`, where it is installed."""

    def look(self, image_bgr: Image, face: DetectedFace) -> Lids | None:
        """Judge one face of an (H, W, 3) uint8 BGR image."""
        ...


def others(faces: list[DetectedFace]) -> int:
    """How many faces besides the largest, which comes first, are large enough to matter."""
    return sum(face.area >= OTHER_FACE_SHARE * faces[0].area for face in faces[1:]) if faces else 0


def assess(
    image_bgr: Image, faces: list[DetectedFace], masks: LooksForMasks | None = None, mesh: LooksAtLids | None = None
) -> QualityReport:
    """Judge the largest face of an (H, W, 3) uint8 BGR image.

    `faces` is what the detector found, in any order; none at all is an outcome, not an error. `masks` and
    `mesh` are asked only about a face that is where it should be: they are the dearest. A measure whose model is absent
    or has no opinion stays without value. Raises ValueError for any other array.
    """
    image = checked(image_bgr)
    if max(image.shape[:2]) > MOST_SIDE_PX:
        raise ValueError(
            f"a picture has at most {MOST_SIDE_PX} pixels a side here, not {image.shape[:2]}: make it smaller"
        )
    usable = [face for face in faces if _usable(face)]
    found = {measure: Measurement(measure) for measure in Measure}
    found[Measure.SINGLE_FACE] = measures.single_face(usable)
    if not usable:
        missing = Failing(found[Measure.SINGLE_FACE], 0.0, Advice.STEP_INTO_VIEW)
        return QualityReport(MappingProxyType(found), (missing,))
    face = max(usable, key=lambda item: item.area)
    found.update({item.measure: item for item in _geometry(image, face)})
    shown = frame(image, face.landmarks)
    if shown is not None:
        found.update({item.measure: item for item in measures.of_pixels(shown)})
    if not judge(found, WHERE):
        if masks is not None:
            found[Measure.MOUTH_VISIBLE] = measures.mouth_visible(masks.look(image, face))
        if mesh is not None:
            found[Measure.EYES_OPEN] = measures.eyes_open(mesh.look(image, face))
    return QualityReport(MappingProxyType(found), judge(found, RULES))


def _geometry(image: Image, face: DetectedFace) -> list[Measurement]:
    """The measures that need no pixels."""
    height, width = image.shape[:2]
    pose = five_point_pose(face.landmarks)
    return [
        measures.in_frame(face, width, height),
        measures.inter_eye(face, None if pose is None else pose.yaw),
        measures.head_size(face, height),
        measures.angle(Measure.YAW, None if pose is None else pose.yaw),
        measures.angle(Measure.PITCH, None if pose is None else pose.pitch),
        measures.angle(Measure.ROLL, None if pose is None else pose.roll),
    ]


def _usable(face: DetectedFace) -> bool:
    """Whether there is anything to measure: a finite box with an area, five finite points that differ."""
    points = np.asarray(face.landmarks)
    return (
        all(math.isfinite(value) and abs(value) <= _FARTHEST_PX for value in face.box)
        and face.area >= 1.0
        and points.shape == (5, 2)
        and bool(np.all(np.isfinite(points)) and np.abs(points).max() <= _FARTHEST_PX)
        and face.inter_eye_distance >= 1.0
    )
