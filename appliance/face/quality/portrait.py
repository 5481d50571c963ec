"""The reference portrait of a document: what a guard should know before trusting a comparison with it.

Limits are for people, and looser than those for taking a new portrait. Only a portrait without one face of the least
size is not compared at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from appliance.face.quality.assess import assess, others
from appliance.face.quality.types import Measure, Measurement
from appliance.face.types import DetectedFace, Image

ADVISED_EYES_PX = 90.0
"""Least distance between the eyes of a stored portrait (ICAO TR Portrait Quality)."""
LEAST_EYES_PX = 24.0
"""Chosen: half of what the matcher's chip is drawn at. Below it nothing is compared and the guard does."""
MOST_YEARS = 10

NO_FACE = "There is no face on the document's portrait."
SEVERAL_FACES = "There are several faces on the document's portrait."
TOO_SMALL = "The face on the document's portrait is too small to be compared."
SMALL = f"The portrait is small: fewer than {ADVISED_EYES_PX:.0f} pixels between the eyes."
OLD = f"The document was issued more than {MOST_YEARS} years ago: the traveller may have changed."
IN_FUTURE = "The date of issue lies in the future: check the document."

# Chosen. 93.3 is 15 degrees and 97.0 is 10: a portrait is asked to be within 5 (yaw, pitch) and 8 (roll), and five
# points err by several degrees (docs/face-quality.md).
_LIMITS: tuple[tuple[Measure, float, str], ...] = (
    (Measure.IN_FRAME, 90.0, "The face in the portrait is cut off."),
    (Measure.SHARPNESS, 50.0, "The portrait is blurred."),
    (Measure.UNDER_EXPOSURE, 1.0, "The portrait is too dark."),
    (Measure.DYNAMIC_RANGE, 40.0, "The portrait is too dark."),
    (Measure.OVER_EXPOSURE, 10.0, "The portrait is over-exposed."),
    (Measure.ILLUMINATION, 25.0, "One side of the face in the portrait is in shadow."),
    (Measure.YAW, 93.3, "The head in the portrait is turned or tilted."),
    (Measure.PITCH, 82.1, "The head in the portrait is turned or tilted."),
    (Measure.ROLL, 97.0, "The head in the portrait is turned or tilted."),
    (Measure.EYES_VISIBLE, 20.0, "Part of the face in the portrait may be covered."),
    (Measure.FACE_VISIBLE, 60.0, "Part of the face in the portrait may be covered."),
)


@dataclass(frozen=True, slots=True)
class PortraitReport:
    """`irregularities` are sentences for the guard, most serious first, each once.

    `problem` says why nothing is compared with this portrait; empty when it can be.
    """

    problem: str
    irregularities: tuple[str, ...]
    measurements: Mapping[Measure, Measurement]


def assess_portrait(image_bgr: Image, faces: list[DetectedFace], *, issued: date | None, today: date) -> PortraitReport:
    """Judge the portrait of a document, (H, W, 3) uint8 BGR; `faces` largest first.

    `issued` is None where the document does not say; its age is then not judged. Raises ValueError for other arrays.
    """
    measurements = assess(image_bgr, faces).measurements
    eyes = measurements[Measure.INTER_EYE].native
    said = []
    if eyes is None:
        problem = NO_FACE
    elif others(faces):
        problem = SEVERAL_FACES
    else:
        problem = TOO_SMALL if eyes < LEAST_EYES_PX else ""
        said = [words for measure, least, words in _LIMITS if _below(measurements[measure], least)]
        said += [SMALL] if LEAST_EYES_PX <= eyes < ADVISED_EYES_PX else []
    told = dict.fromkeys(([problem] if problem else []) + said + _of_date(issued, today))
    return PortraitReport(problem, tuple(told), measurements)


def _below(found: Measurement, least: float) -> bool:
    return found.value is not None and found.value < least


def _of_date(issued: date | None, today: date) -> list[str]:
    if issued is None:
        return []
    if issued > today:
        return [IN_FUTURE]
    # As tuples: ten years after 29 February is a day that may not exist.
    limit = (issued.year + MOST_YEARS, issued.month, issued.day)
    return [OLD] if (today.year, today.month, today.day) > limit else []
