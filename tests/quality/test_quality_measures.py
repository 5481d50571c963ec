"""The pixel measures fall when the picture is spoilt, on a drawn face and, with weights, on photographs."""

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.core.types import Advice
from appliance.face.quality import Measure, assess
from appliance.face.quality.frame import frame, luminance
from appliance.face.types import DetectedFace, Image
from tests.quality.drawn_face import blurred, covered, drawn_face, lit, lit_from_the_right, moved

Spoil = Callable[[Image, DetectedFace, float], Image]
STILL, BLACK, COVERED = Advice.STAND_STILL, (15, 15, 15), (0, 0.5, 0.8, 1.0)


def half_covered(image: Image, face: DetectedFace, share: float) -> Image:
    """A blue cloth over that share of the face, from below."""
    x1, y1, x2, y2 = (int(side) for side in face.box)
    patched = image.copy()
    patched[int(y2 - share * (y2 - y1)) :, x1:x2] = (160, 90, 40)
    return patched


SPOILT: list[tuple[str, Measure, Spoil, tuple[float, ...], Advice]] = [
    ("blurred", Measure.SHARPNESS, lambda i, f, s: blurred(i, s * f.inter_eye_distance), (0, 0.02, 0.05, 0.1), STILL),
    ("moved across", Measure.SHARPNESS, lambda i, f, s: moved(i, int(s)), (1, 11, 25, 61), STILL),
    ("moved down", Measure.SHARPNESS, lambda i, f, s: moved(i, int(s), down=True), (1, 11, 25, 61), STILL),
    ("dark", Measure.UNDER_EXPOSURE, lambda i, f, s: lit(i, s), (1.0, 0.2, 0.1, 0.02), Advice.TOO_DARK),
    ("flat", Measure.DYNAMIC_RANGE, lambda i, f, s: lit(i, s), (1.0, 0.2, 0.05, 0.01), Advice.TOO_DARK),
    ("bright", Measure.OVER_EXPOSURE, lambda i, f, s: lit(i, s), (1.0, 2.0, 3.0, 5.0), Advice.TOO_BRIGHT),
    ("side light", Measure.ILLUMINATION, lit_from_the_right, (0.0, 0.5, 0.8, 0.97), Advice.TURN_FROM_SUN),
    ("dark glasses", Measure.EYES_VISIBLE, lambda i, f, s: covered(i, f, "eyes", s, BLACK), COVERED, Advice.SHOW_EYES),
    ("eyes covered", Measure.EYES_VISIBLE, lambda i, f, s: covered(i, f, "eyes", s), COVERED, Advice.SHOW_EYES),
    ("half covered", Measure.FACE_VISIBLE, half_covered, (0.0, 0.2, 0.4, 0.5), Advice.UNCOVER_FACE),
]  # fmt: skip


def value(image: Image, face: DetectedFace, measure: Measure) -> float:
    found = assess(image, [face]).measurements[measure].value
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("measure", "spoil", "steps", "say"), [row[1:] for row in SPOILT], ids=[row[0] for row in SPOILT]
)
def test_a_measure_falls_step_by_step_until_its_instruction_is_given(
    measure: Measure, spoil: Spoil, steps: tuple[float, ...], say: Advice
) -> None:
    image, face = drawn_face()
    reports = [assess(spoil(image, face, step), [face]) for step in steps]
    values = [number for report in reports if (number := report.measurements[measure].value) is not None]
    assert len(values) == len(steps)
    assert all(later < earlier + 0.5 for earlier, later in itertools.pairwise(values)), values
    assert values[-1] < values[0] - 20
    assert say not in [failing.say for failing in reports[0].failing]
    assert say in [failing.say for failing in reports[-1].failing]


def test_a_good_face_has_nothing_to_be_told() -> None:
    image, face = drawn_face()
    report = assess(image, [face])
    assert report.advice is None, report.figures


@pytest.mark.parametrize("eyes_px", [70, 140, 400])
def test_a_finer_picture_of_the_same_face_is_judged_alike(eyes_px: int) -> None:
    size = (640 * eyes_px // 90, 480 * eyes_px // 90)
    seen, face = assess_drawn(90, (640, 480)), assess_drawn(eyes_px, size)
    for measure in (Measure.UNDER_EXPOSURE, Measure.DYNAMIC_RANGE, Measure.ILLUMINATION, Measure.FACE_VISIBLE):
        assert face[measure] == pytest.approx(seen[measure], abs=12), measure
    assert face[Measure.SHARPNESS] > 90


def assess_drawn(eyes_px: int, size: tuple[int, int]) -> dict[Measure, float]:
    image, face = drawn_face(eyes_px, size)
    return {m: item.value for m, item in assess(image, [face]).measurements.items() if item.value is not None}


def test_dimming_alone_does_not_look_like_blur() -> None:
    image, face = drawn_face()
    assert value(lit(image, 0.15), face, Measure.SHARPNESS) > 90


@pytest.mark.parametrize(
    ("degrees", "wanted"), [(0.0, 100.0), (30.0, 75.0), (-30.0, 75.0), (60.0, 25.0), (90.0, 0.0), (150.0, 0.0)]
)
def test_an_angle_counts_by_its_squared_cosine_and_nothing_is_good_behind(degrees: float, wanted: float) -> None:
    from appliance.face.quality.measures import angle

    assert angle(Measure.YAW, degrees).value == pytest.approx(wanted, abs=1e-6)
    assert angle(Measure.YAW, None).value is None


@pytest.mark.parametrize(("pixels", "wanted"), [(70.0, 50.0), (90.0, 73.1), (50.0, 26.9)])
def test_the_eye_distance_counts_as_in_the_reference_implementation(pixels: float, wanted: float) -> None:
    from appliance.face.quality.measures import inter_eye

    _, face = drawn_face(pixels)
    assert inter_eye(face, 0.0).value == pytest.approx(wanted, abs=0.1)
    turned = inter_eye(face, 60.0).native
    assert turned == pytest.approx(2 * pixels, rel=1e-3)


def test_luminance_is_linear_light() -> None:
    row = np.array([[[0, 0, 0], [255, 255, 255], [188, 188, 188], [0, 255, 0]]], np.uint8)
    # 188 is half the light of 255 in sRGB; green is worth 0.7152 of white (IEC 61966-2-1).
    assert luminance(row).tolist() == [[0, 255, 128, 182]]


def test_the_frame_puts_the_eyes_where_they_belong() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    _, face = drawn_face()
    for x, y in face.landmarks[:2]:
        cv2.circle(image, (round(float(x)), round(float(y))), 3, (255, 255, 255), -1)
    shown = frame(image, face.landmarks)
    assert shown is not None
    found = np.argwhere(shown.luminance > 100).mean(axis=0)
    assert found == pytest.approx((272 - 216, 307.5 - 168), abs=3)


def test_what_lies_outside_the_picture_is_not_taken_for_a_dark_face() -> None:
    image, face = drawn_face()
    cut = np.ascontiguousarray(image[: int(face.landmarks[2, 1])])
    report = assess(cut, [face])
    assert report.advice is Advice.TO_THE_MIDDLE
    assert report.measurements[Measure.UNDER_EXPOSURE].value == pytest.approx(
        value(image, face, Measure.UNDER_EXPOSURE), abs=10
    )


def photographs(shared: Path) -> Iterator[tuple[Image, DetectedFace]]:
    from appliance.face.open_omz import YuNet

    find = YuNet((shared / "models/open/face_detection_yunet_2026may.onnx").read_bytes()).find
    files = sorted((shared / "data/faces/lfw").rglob("*.jpg"))[
        :: len(list((shared / "data/faces/lfw").rglob("*.jpg"))) // 24
    ]
    for file in files:
        image = np.asarray(cv2.imread(str(file)), np.uint8)
        image = np.asarray(cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
        faces = find(image)
        yield image, min(faces, key=lambda face: math.dist(face.landmarks[2], (250.0, 250.0)))


@pytest.mark.measured
def test_measures_fall_on_photographs_too(shared: Path) -> None:
    seen = list(photographs(shared))
    assert len(seen) >= 24
    for name, measure, spoil, steps, _ in SPOILT:
        table = [[value(spoil(image, face, step), face, measure) for step in steps] for image, face in seen]
        medians = np.median(np.array(table), axis=0)
        assert all(b <= a + 0.5 for a, b in itertools.pairwise(medians)), (name, medians)
        assert medians[-1] < medians[0] - 20, (name, medians)
