"""Quality, verdicts and pictures: pure, table by table."""

from typing import Any

import cv2
import numpy as np
import pytest

from appliance.core.types import ADVICE_WORDS, Advice, CheckName, Result
from appliance.face.types import Comparison, DetectedFace
from appliance.liveness.assess import LivenessReport
from appliance.liveness.burst import Capture, Exposure, GreyPatch
from appliance.liveness.reading import Finding, Trouble
from appliance.vision import stills, verdict
from appliance.vision.quality import Quality, measure, others


def face(x: float = 200, y: float = 120, eyes: float = 80, nose: float = 0.5) -> DetectedFace:
    """`nose` is where between the eyes the nose tip is: 0.5 is straight on."""
    left, right = np.array([x + eyes / 2, y + eyes / 2]), np.array([x + 1.5 * eyes, y + eyes / 2])
    tip = left + (right - left) * nose + (0, eyes / 2)
    mouth = np.array([0, eyes])
    marks = np.array([left, right, tip, left + mouth, right + mouth], np.float32)
    return DetectedFace((x, y, x + 2 * eyes, y + 2 * eyes), marks, 0.9)


def view(level: int = 120, contrast: int = 40) -> Any:
    noise = np.random.default_rng(1).integers(-contrast, contrast + 1, (480, 640, 3))
    return np.clip(noise + level, 0, 255).astype(np.uint8)


def test_a_good_view_is_good() -> None:
    quality = measure(view(), face())
    assert quality.advice is None
    assert "eyes 80 px apart" in quality.figures


@pytest.mark.parametrize(
    ("image", "found", "advice"),
    [
        (view(), face(eyes=59), Advice.COME_CLOSER),
        (view(), face(nose=0.9), Advice.LOOK_STRAIGHT),
        (view(), face(nose=0.1), Advice.LOOK_STRAIGHT),
        (view(20, 15), face(), Advice.TOO_DARK),
        (view(250, 40), face(), Advice.TOO_BRIGHT),
        (view(120, 0), face(), Advice.STAND_STILL),
        (view(), face(x=-10), Advice.TO_THE_MIDDLE),
        (view(), face(x=500), Advice.TO_THE_MIDDLE),
        (view(), face(y=330), Advice.TO_THE_MIDDLE),
        (view(), face(x=900, y=900), Advice.TO_THE_MIDDLE),
    ],
)
def test_the_one_thing_that_is_wrong(image: Any, found: DetectedFace, advice: Advice) -> None:
    assert measure(image, found).advice is advice


def test_all_advice_has_words() -> None:
    assert set(ADVICE_WORDS) == set(Advice)


def test_landmarks_on_one_point_do_not_divide_by_zero() -> None:
    squeezed = DetectedFace((200, 120, 300, 220), np.full((5, 2), 250, np.float32), 0.9)
    assert measure(view(), squeezed).advice is Advice.COME_CLOSER


def test_other_faces_count_from_a_share_of_the_largest() -> None:
    def sized(side: float) -> DetectedFace:
        return DetectedFace((0, 0, side, side), np.zeros((5, 2), np.float32), 0.9)

    assert others([]) == 0
    assert others([sized(100)]) == 0
    assert others([sized(100), sized(54)]) == 0
    assert others([sized(100), sized(55), sized(99)]) == 2


@pytest.mark.parametrize(
    ("faces", "result"), [(0, Result.UNDETERMINED), (1, Result.SUCCESSFUL), (2, Result.FAILED), (9, Result.FAILED)]
)
def test_only_one_face_is_one_face(faces: int, result: Result) -> None:
    check = verdict.single_face(faces)
    assert (check.name, check.result) == (CheckName.SINGLE_FACE, result)


def test_quality_and_comparison_pass_only_what_passed() -> None:
    assert verdict.face_quality(None).result is Result.NOT_PERFORMED
    assert verdict.face_quality(Quality(None, "f")).result is Result.SUCCESSFUL
    poor = verdict.face_quality(Quality(Advice.COME_CLOSER, "f"))
    assert (poor.result, "Come closer." in poor.reason) == (Result.UNDETERMINED, True)
    assert verdict.comparison("why not").result is Result.NOT_PERFORMED
    assert verdict.comparison(Comparison(0.6, 0.5, "cosine", True)).result is Result.SUCCESSFUL
    refused = verdict.comparison(Comparison(0.62, 0.55, "l2", False))
    assert (refused.result, refused.detail) == (Result.FAILED, "l2 0.620, threshold 0.550")


@pytest.mark.parametrize("result", [Result.SUCCESSFUL, Result.FAILED, Result.UNDETERMINED])
def test_liveness_is_what_was_reported_with_its_worst_reason_and_a_text_that_fits(result: Result) -> None:
    reasons = tuple(f"Region {number} is unlike skin." for number in range(30))
    check = verdict.liveness(LivenessReport(result, reasons, suspected_species="resin_mask", detector="v1"))
    assert (check.name, check.result) == (CheckName.LIVENESS, result)
    assert "Region 0 is unlike skin." in check.reason
    assert "Most like: Resin mask." in check.reason
    assert check.detail == "detector v1"
    assert len(check.reason) < 500


@pytest.mark.parametrize("result", [Result.SUCCESSFUL, Result.UNDETERMINED, Result.FAILED])
def test_light_that_is_not_as_it_should_be_proves_nothing_either_way(result: Result) -> None:
    finding = Finding(Trouble.SWAPPED, "nir", "LEDs 850L and 940L have changed places.")
    check = verdict.liveness(LivenessReport(result, ()), [finding])
    assert (check.result, check.reason) == (Result.UNDETERMINED, finding.words)
    assert verdict.liveness(None, [finding]).result is Result.NOT_PERFORMED


def test_no_face_is_no_liveness_and_a_report_without_reasons_still_says_something() -> None:
    assert verdict.liveness(None).result is Result.NOT_PERFORMED
    assert verdict.liveness(LivenessReport(Result.SUCCESSFUL, ())).reason


def burst(*frames: tuple[str | None, int], camera: str = "nir") -> Capture:
    """Frames of one level each, with a brighter square in the lit ones."""
    made = []
    for number, (led, level) in enumerate(frames):
        image = np.full((48, 64), level, np.uint8)
        if led is not None:
            image[10:20, 10:20] += 50
        made.append(Exposure(camera, led, image, number))
    patches = {name: GreyPatch(0, 0, 4, 4) for name in ("rgb", camera)}
    return Capture(np.full((48, 64, 3), (10, 120, 230), np.uint8), tuple(made), patches)


def decoded(picture: stills.Picture) -> Any:
    return cv2.imdecode(np.frombuffer(picture.data, np.uint8), cv2.IMREAD_COLOR).astype(int)


def test_each_band_is_shown_less_the_dark() -> None:
    lit = burst(("940L", 60), ("850L", 60), (None, 60), ("940R", 60))
    found = {picture.channel: picture for picture in stills.pictures(lit, None)}
    assert list(found) == ["rgb", "850", "940"]
    lit = decoded(found["850"])
    assert lit[15, 15, 0] > 200
    assert lit[40, 50, 0] < 10, "what shone before the light went on is gone"
    assert np.abs(decoded(found["rgb"]) - (10, 120, 230)).max() < 12


def test_a_burst_without_dark_or_brighter_in_the_dark_is_still_a_picture() -> None:
    assert len(stills.pictures(burst(("850C", 60)), None)) == 2
    black = {p.channel: p for p in stills.pictures(burst(("850L", 10), (None, 200)), None)}
    assert decoded(black["850"]).max() < 10
    assert [p.channel for p in stills.pictures(burst((None, 5)), None)] == ["rgb"]
    assert [p.channel for p in stills.pictures(burst(), None)] == ["rgb"]


def test_the_eyes_are_told_left_in_the_picture_first() -> None:
    assert stills.eyes(face()) == [240.0, 160.0, 320.0, 160.0]


def test_what_is_no_picture_is_no_picture() -> None:
    for encode in (stills.jpeg, stills.png):
        with pytest.raises((ValueError, cv2.error)):
            encode(np.zeros((0, 0, 3), np.uint8))
