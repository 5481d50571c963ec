"""The packs on real weights: known vectors, insightface's own flow, people told apart, oracles where there are any."""

from pathlib import Path

import cv2
import insightface.data
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.face.packs import load_pack
from appliance.face.selftest import selftest
from appliance.face.types import DetectedFace, FacePack, FailureToAcquire, TemplatesNotComparable
from appliance.models.catalogue import OPEN_OMZ
from appliance.models.manager import LicenceNotAccepted, PackMissing

PUBLISHED = ("open-omz", "open-mobileface", "scrfd-omz")
PACK_PARAMS = [*(pytest.param(name, marks=pytest.mark.measured) for name in PUBLISHED), "pypi-dlib"]

# First twelve values of the unit vector for `pattern()`: any change of channel order, template, interpolation or
# arithmetic precision (bf16 differs by about 2e-3) moves them.
GOLDEN = {
    "open-omz": ".04102 .03931 -.06644 .00365 .08037 .04732 -.05364 -.03428 -.06093 .05050 .04525 .00936",
    "scrfd-omz": ".04102 .03931 -.06644 .00365 .08037 .04732 -.05364 -.03428 -.06093 .05050 .04525 .00936",
    "open-mobileface": "-.10276 -.04211 -.09091 .08686 .04360 -.03211 .02447 .00116 -.03798 -.05815 -.07022 .02170",
    "pypi-dlib": ".00842 .05391 .03812 -.02055 -.05902 -.03366 -.03534 -.02477 .11119 -.03316 .14306 -.02458",
}


def golden(pack_id: str) -> list[float]:
    return [float(value) for value in GOLDEN[pack_id].split()]


def pattern() -> NDArray[np.uint8]:
    y, x = np.mgrid[0:240, 0:320].astype(np.float64)
    planes = 128 + 90 * np.sin(x / 23) * np.cos(y / 31), 110 + 80 * np.cos(x / 17 + y / 29), 140 + 100 * np.sin(y / 19)
    return np.stack(planes, axis=-1).astype(np.uint8)


def face_on_pattern() -> DetectedFace:
    landmarks = np.array([[120, 90], [180, 92], [151, 125], [127, 158], [175, 160]], dtype=np.float32)
    return DetectedFace((95.0, 55.0, 205.0, 185.0), landmarks, 1.0)


@pytest.fixture(scope="module")
def group() -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = insightface.data.get_image("t1", use_cache=False)
    return image


@pytest.fixture(scope="module", params=PACK_PARAMS)
def pack(request: pytest.FixtureRequest, models_dir: Path) -> FacePack:
    return load_pack(request.param, models_dir, accepted=[request.param])


def test_known_vector(pack: FacePack) -> None:
    vector = pack.embed(pattern(), face_on_pattern()).vector
    np.testing.assert_allclose(vector[:12] / np.linalg.norm(vector), golden(pack.pack_id), atol=5e-4)


def test_channel_order_matters_to_the_known_vector(pack: FacePack) -> None:
    swapped = pack.embed(np.ascontiguousarray(pattern()[:, :, ::-1]), face_on_pattern()).vector
    assert np.abs(swapped[:12] / np.linalg.norm(swapped) - golden(pack.pack_id)).max() > 1e-2


def test_tells_people_apart(pack: FacePack) -> None:
    result = selftest(pack)
    assert result.passed, result


def test_same_as_insightface_flow(pack: FacePack, group: NDArray[np.uint8]) -> None:
    faces = pack.detect(group)
    flow = pack.analyser.get(group)  # type: ignore[attr-defined]
    assert len(flow) == len(faces) >= 4
    for face, item in zip(faces, flow, strict=True):
        np.testing.assert_allclose(item.bbox, face.box, atol=1e-3)
        np.testing.assert_array_equal(item.embedding, pack.embed(group, face).vector)


def test_largest_face_first_and_landmarks_in_order(pack: FacePack, group: NDArray[np.uint8]) -> None:
    faces = pack.detect(group)
    assert [f.area for f in faces] == sorted((f.area for f in faces), reverse=True)
    for face in faces:
        left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]
        assert left_eye[1] + right_eye[1] < 2 * nose[1] < left_mouth[1] + right_mouth[1]


def test_max_num_keeps_the_largest(pack: FacePack, group: NDArray[np.uint8]) -> None:
    (only,) = pack.analyser.get(group, max_num=1)  # type: ignore[attr-defined]
    np.testing.assert_allclose(only.bbox, pack.detect(group)[0].box, atol=1e-3)


def test_no_face_in_noise_flat_or_tiny_images(pack: FacePack) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (200, 260, 3), dtype=np.uint8)
    for image in (noise, np.full((480, 640, 3), 127, np.uint8), np.zeros((16, 16, 3), np.uint8)):
        assert pack.detect(image) == []


def test_face_cut_by_the_edge_does_not_break(pack: FacePack, group: NDArray[np.uint8]) -> None:
    x1, y1, x2, y2 = (int(v) for v in pack.detect(group)[0].box)
    half = np.ascontiguousarray(group[y1 - 20 : y2 + 20, (x1 + x2) // 2 - 10 : x2 + 60])
    for face in pack.detect(half):
        assert pack.embed(half, face).vector.any()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((48, 48), np.uint8),
        np.zeros((48, 48, 4), np.uint8),
        np.zeros((48, 48, 3), np.float32),
        np.zeros((0, 48, 3), np.uint8),
        np.zeros((8, 640, 3), np.uint8),
    ],
)
def test_wrong_images_are_refused(pack: FacePack, image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="a face image"):
        pack.detect(image)
    with pytest.raises(ValueError, match="a face image"):
        pack.embed(image, face_on_pattern())


def test_face_outside_the_image_is_a_failure_to_acquire(pack: FacePack) -> None:
    face = face_on_pattern()
    away = DetectedFace((5000.0, 5000.0, 5100.0, 5100.0), face.landmarks + 5000, 1.0)
    nowhere = DetectedFace((np.nan, np.nan, np.nan, np.nan), np.full((5, 2), np.nan, np.float32), 1.0)
    for bad in (away, nowhere):
        with pytest.raises(FailureToAcquire):
            pack.embed(pattern(), bad)


def test_view_that_is_not_contiguous(pack: FacePack, group: NDArray[np.uint8]) -> None:
    view = np.repeat(group, 2, axis=1)[:, ::2]
    assert [f.box for f in pack.detect(view)] == [f.box for f in pack.detect(group)]


def test_a_non_commercial_pack_is_refused_unless_it_is_accepted_by_name(tmp_path: Path) -> None:
    with pytest.raises(LicenceNotAccepted, match=r"non-commercial use only .* accept_non_commercial = \["):
        load_pack("scrfd-omz", tmp_path, accepted=["open-omz"])
    with pytest.raises(PackMissing, match=r"det_500m\.onnx"):
        load_pack("scrfd-omz", tmp_path, accepted=["scrfd-omz"])


@pytest.mark.measured
def test_packs_do_not_compare_with_each_other(models_dir: Path) -> None:
    omz, dlib = load_pack("open-omz", models_dir), load_pack("pypi-dlib", models_dir)
    a, b = (pack.embed(pattern(), face_on_pattern()) for pack in (omz, dlib))
    for pack, first, second in ((omz, a, b), (dlib, a, b), (dlib, a, a), (omz, b, a)):
        with pytest.raises(TemplatesNotComparable, match="take the probe and the reference again"):
            pack.compare(first, second)


@pytest.mark.measured
def test_yunet_agrees_with_opencv(models_dir: Path, group: NDArray[np.uint8]) -> None:
    frame = np.asarray(cv2.resize(group, (640, 448)), dtype=np.uint8)
    path = models_dir / OPEN_OMZ.file("detector").name
    oracle = cv2.FaceDetectorYN.create(str(path), "", (640, 448), 0.6, 0.3, 5000)
    rows = sorted(oracle.detect(frame)[1], key=lambda row: -row[2] * row[3])
    faces = load_pack("open-omz", models_dir).detect(frame)
    assert len(faces) == len(rows) == 6
    for face, row in zip(faces, rows, strict=True):
        np.testing.assert_allclose(face.box, [row[0], row[1], row[0] + row[2], row[1] + row[3]], atol=0.05)
        np.testing.assert_allclose(face.landmarks.ravel(), row[4:14], atol=0.05)
        assert face.score == pytest.approx(row[14], abs=1e-3)


@pytest.mark.measured
def test_sizes_that_are_no_multiple_of_32(models_dir: Path, group: NDArray[np.uint8]) -> None:
    pack = load_pack("open-omz", models_dir)
    whole, odd = (
        sorted(pack.detect(np.asarray(cv2.resize(group, size), dtype=np.uint8)), key=lambda face: face.box[0])
        for size in ((640, 443), (611, 423))
    )
    assert len(whole) == len(odd) == 6
    for a, b in zip(whole, odd, strict=True):
        np.testing.assert_allclose(a.landmarks * (611 / 640), b.landmarks, atol=3.0)
