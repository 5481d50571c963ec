"""A view judged as a whole: what is said, what is left open, and what no camera should deliver."""

import math

import numpy as np
import pytest

from appliance.core.types import Advice
from appliance.face.mask_detector import MaskFinding
from appliance.face.quality import Measure, assess, others
from appliance.face.quality.mesh import Lids
from appliance.face.quality.rules import OTHER_FACE_SHARE, RULES
from appliance.face.types import DetectedFace, Image
from tests.quality.drawn_face import covered, drawn_face

NEVER = {Measure.NO_HEAD_COVERINGS}


class Masks:
    """A detector of masks with a fixed answer that counts how often it was asked."""

    def __init__(self, masked: float, bare: float) -> None:
        self.finding, self.asked = MaskFinding(masked, bare), 0

    def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
        self.asked += 1
        return self.finding


class OpenEyes:
    """A mesh of somebody awake."""

    def look(self, image_bgr: Image, face: DetectedFace) -> Lids:
        return Lids(0.07, -0.05)


def moved_to(face: DetectedFace, x: float, y: float, scale: float = 1.0) -> DetectedFace:
    points = (face.landmarks * scale + (x, y)).astype(np.float32)
    x1, y1, x2, y2 = (side * scale for side in face.box)
    return DetectedFace((x1 + x, y1 + y, x2 + x, y2 + y), points, face.score)


def test_every_measure_is_performed_or_said_not_to_be_and_never_counts_as_good() -> None:
    image, face = drawn_face()
    report = assess(image, [face], Masks(0.1, 0.9), OpenEyes())
    for measure, found in report.measurements.items():
        assert (found.value is None) == (measure in NEVER), measure
    assert set(report.measurements) == set(Measure)
    assert report.figures.endswith("; not performed: no head coverings")
    without = assess(image, [face])
    assert without.measurements[Measure.MOUTH_VISIBLE].value is None
    assert "not performed: mouth occlusion, eyes open, " in without.figures


def test_every_measure_that_can_be_performed_has_one_instruction() -> None:
    assert {rule.measure for rule in RULES} == set(Measure) - NEVER
    assert all(len({rule.say for rule in RULES if rule.measure is measure}) <= 1 for measure in Measure)
    assert all(rule.source.startswith(("chosen", "measured", "the detector's")) for rule in RULES)


@pytest.mark.parametrize(
    ("drawn", "place", "said"),
    [
        (58.0, (0, 0), Advice.COME_CLOSER),
        (62.0, (0, 0), None),
        (90.0, (-250, 0), Advice.TO_THE_MIDDLE),
        (90.0, (0, 5000), Advice.TO_THE_MIDDLE),
        (200.0, (0, 0), Advice.STEP_BACK),
    ],
)
def test_where_the_face_is_comes_before_what_it_looks_like(
    drawn: float, place: tuple[int, int], said: Advice | None
) -> None:
    # Drawn on a larger picture and cut, as a camera would.
    image, face = drawn_face(drawn, (1640, 1480) if drawn > 150 else (640, 480))
    if drawn > 150:
        image, face = np.ascontiguousarray(image[500:980, 500:1140]), moved_to(face, -500, -500)
        face = DetectedFace((220.0, 60.0, 420.0, 460.0), face.landmarks, 0.9)
    assert assess(image, [moved_to(face, *place)]).advice is said


def test_a_head_held_askew_is_asked_upright_and_one_turned_away_to_look_straight() -> None:
    image, face = drawn_face()
    middle = face.landmarks.mean(axis=0)
    turn = math.radians(30)
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    askew = DetectedFace(face.box, ((face.landmarks - middle) @ spin.T + middle).astype(np.float32), 0.9)
    assert assess(image, [askew]).advice is Advice.HEAD_UPRIGHT
    aside = face.landmarks.copy()
    aside[2, 0] += 0.4 * face.inter_eye_distance
    assert assess(image, [DetectedFace(face.box, aside, 0.9)]).advice is Advice.LOOK_STRAIGHT


@pytest.mark.parametrize(("share", "said"), [(0.29, None), (0.31, Advice.ONE_AT_A_TIME), (1.0, Advice.ONE_AT_A_TIME)])
def test_a_second_face_counts_here_as_it_does_where_faces_are_counted(share: float, said: Advice | None) -> None:
    image, face = drawn_face()
    second = moved_to(face, 0, 0, math.sqrt(share))
    report = assess(image, [face, second])
    assert report.advice is said
    assert (others([face, second]) > 0) == (said is Advice.ONE_AT_A_TIME)
    assert 0 < OTHER_FACE_SHARE < 1


@pytest.mark.parametrize(
    ("masked", "bare", "value", "said"),
    [
        (0.9, 0.1, 10.0, Advice.UNCOVER_MOUTH),
        (0.6, 0.6, 50.0, None),
        (0.1, 0.9, 90.0, None),
        (0.4, 0.1, None, None),
        (0.0, 0.0, None, None),
    ],
)
def test_a_covered_mouth_is_what_the_detector_of_masks_says(
    masked: float, bare: float, value: float | None, said: Advice | None
) -> None:
    image, face = drawn_face()
    report = assess(image, [face], Masks(masked, bare))
    assert report.measurements[Measure.MOUTH_VISIBLE].value == (value and pytest.approx(value))
    assert report.advice is said


def test_a_mask_is_said_before_what_it_does_to_the_picture_and_not_looked_for_far_away() -> None:
    image, face = drawn_face()
    white = covered(image, face, "mouth", 1.0, (255, 255, 255))
    assert assess(white, [face]).advice in (Advice.TOO_BRIGHT, Advice.UNCOVER_FACE)
    assert assess(white, [face], Masks(0.9, 0.1)).advice is Advice.UNCOVER_MOUTH
    far, small = drawn_face(30)
    masks = Masks(0.9, 0.1)
    assert assess(far, [small], masks).advice is Advice.COME_CLOSER
    assert masks.asked == 0


def test_hostile_faces_are_no_faces() -> None:
    image, face = drawn_face()
    nothing = np.full((5, 2), 250, np.float32)
    for bad in (
        DetectedFace((0, 0, math.nan, 10), face.landmarks, 0.9),
        DetectedFace((0, 0, math.inf, 10), face.landmarks, 0.9),
        DetectedFace((10, 10, 0, 0), face.landmarks, 0.9),
        DetectedFace(face.box, nothing, 0.9),
        DetectedFace(face.box, np.full((5, 2), np.nan, np.float32), 0.9),
        DetectedFace(face.box, np.zeros((4, 2), np.float32), 0.9),
        DetectedFace(face.box, face.landmarks * np.float32(1e9), 0.9),
    ):
        report = assess(image, [bad])
        assert report.advice is Advice.STEP_INTO_VIEW
        assert report.measurements[Measure.SINGLE_FACE].value == 0.0
        assert assess(image, [bad, face]).advice is None, "a usable face beside it is judged"
    assert assess(image, []).advice is Advice.STEP_INTO_VIEW


def test_a_face_outside_the_picture_has_no_pixels_to_judge() -> None:
    image, face = drawn_face()
    report = assess(image, [moved_to(face, 3000, 3000)])
    assert report.advice is Advice.TO_THE_MIDDLE
    assert report.measurements[Measure.SHARPNESS].value is None


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((480, 640), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640, 3), np.float32),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((16, 20_000, 3), np.uint8),
    ],
    ids=["grey", "alpha", "floats", "1x1", "empty", "20,000 wide"],
)
def test_what_is_no_view_is_refused(array: np.ndarray) -> None:
    _, face = drawn_face()
    with pytest.raises(ValueError, match=r"a (picture|face image) "):
        assess(array, [face])


def test_one_colour_is_no_error_and_no_good_view() -> None:
    _, face = drawn_face()
    for level in (0, 128, 255):
        assert assess(np.full((480, 640, 3), level, np.uint8), [face]).advice is not None, level
