"""Quality, verdicts and pictures: pure, table by table."""

from typing import Any

import cv2
import numpy as np
import pytest

from appliance.core.types import ADVICE_WORDS, Advice, CheckName, Result
from appliance.face.quality import assess
from appliance.face.types import Comparison, DetectedFace
from appliance.liveness.assess import LivenessReport
from appliance.liveness.burst import Capture, Exposure, GreyPatch
from appliance.liveness.reading import Finding, Trouble
from appliance.vision import stills, verdict
from tests.quality.drawn_face import blurred, drawn_face


def test_all_advice_has_words() -> None:
    assert set(ADVICE_WORDS) == set(Advice)


@pytest.mark.parametrize(
    ("faces", "result"), [(0, Result.UNDETERMINED), (1, Result.SUCCESSFUL), (2, Result.FAILED), (9, Result.FAILED)]
)
def test_only_one_face_is_one_face(faces: int, result: Result) -> None:
    check = verdict.single_face(faces)
    assert (check.name, check.result) == (CheckName.SINGLE_FACE, result)


def test_quality_and_comparison_pass_only_what_passed() -> None:
    assert verdict.face_quality(None).result is Result.NOT_PERFORMED
    image, found = drawn_face()
    good = verdict.face_quality(assess(image, [found]))
    assert good.result is Result.SUCCESSFUL
    assert "eyes apart 73 (90 px)" in good.detail
    assert "not performed: mouth occlusion, eyes open, no head coverings" in good.detail
    poor = verdict.face_quality(assess(blurred(image, 40.0), [DetectedFace(found.box, found.landmarks / 2, 0.9)]))
    assert poor.result is Result.UNDETERMINED
    assert poor.reason.startswith("Not good enough: Come closer. ")
    assert poor.detail.startswith("eyes apart 22 (45 px) (!), ")
    assert len(poor.reason) < 200
    assert verdict.comparison("why not", "x").result is Result.NOT_PERFORMED
    assert verdict.comparison(Comparison(0.6, 0.5, "cosine", True), "x").result is Result.SUCCESSFUL
    refused = verdict.comparison(Comparison(0.62, 0.55, "l2", False), "x")
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
    assert stills.eyes(drawn_face()[1]) == [275.0, 204.0, 365.0, 204.0]


def test_what_is_no_picture_is_no_picture() -> None:
    for encode in (stills.jpeg, stills.png):
        with pytest.raises((ValueError, cv2.error)):
            encode(np.zeros((0, 0, 3), np.uint8))
