"""Which visible frame of a burst is compared: the one of the liveness check, unless another is clearly better. Pure.

The order is the house's own: fewest measures that fail, then the mean of those that matter to a recogniser. Another
frame cures blur, pose and light of a moment; never a cover, a second face, or a face that is somewhere else.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from appliance.face.geometry import overlap
from appliance.face.quality import Measure, others
from appliance.face.types import DetectedFace, Image
from appliance.vision.matcher import Seen

LEAST_OVERLAP = 0.5
"""Intersection over union with the face of the liveness check; chosen: within a burst a face hardly moves."""
CLEARLY = 3.0
"""By how much the mean, 0 to 100, has to be better; chosen: less is noise, and costs the recogniser a second run."""
MATTERS = (
    Measure.INTER_EYE,
    Measure.YAW,
    Measure.PITCH,
    Measure.ROLL,
    Measure.ILLUMINATION,
    Measure.DYNAMIC_RANGE,
    Measure.SHARPNESS,
    Measure.EYES_VISIBLE,
)
_LASTING = frozenset({Measure.SINGLE_FACE, Measure.MOUTH_VISIBLE, Measure.EYES_VISIBLE, Measure.FACE_VISIBLE})
"""What no better moment cures."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One visible frame: `faces`, the largest first; how good it is, None without a face; `took_s` of the detector."""

    image: Image
    faces: list[DetectedFace]
    seen: Seen | None
    took_s: float = 0.0

    @property
    def count(self) -> int:
        """Faces large enough to matter."""
        return 1 + others(self.faces) if self.faces else 0


def count(middle: View | None, views: Iterable[View]) -> int:
    """The most faces that were seen in any frame; none where the frame of the liveness check shows none."""
    most = max((view.count for view in views), default=0)
    return most if most > 1 or middle is None else middle.count


def better(middle: View, views: Iterable[View]) -> View | None:
    """The best of these views of the face in `middle`, which the liveness check judges; None when none is better."""
    if not _open(middle):
        return None
    found = min((view for view in views if _same_place(view, middle)), key=_rank, default=None)
    if found is None:
        return None
    (fails, worse), (failed, bad) = _rank(found), _rank(middle)
    return found if fails < failed or (fails == failed and worse <= bad - CLEARLY) else None


def _same_place(view: View, middle: View) -> bool:
    """Whether it is another frame, and its face open and where that of the liveness check is."""
    if view is middle or not _open(view):
        return False
    return overlap(view.faces[0].box, middle.faces[0].box) >= LEAST_OVERLAP


def _open(view: View) -> bool:
    """One face without any cover; a mask that is allowed is one, too."""
    if view.seen is None or view.seen.masked or view.count != 1:
        return False
    return not any(fault.measurement.measure in _LASTING for fault in view.seen.quality.failing)


def _rank(view: View) -> tuple[int, float]:
    """Less is better. What was not measured counts as the worst."""
    assert view.seen is not None
    quality = view.seen.quality
    return len(quality.failing), -float(np.mean([quality.measurements[one].value or 0.0 for one in MATTERS]))
