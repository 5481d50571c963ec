"""The detector of medical masks: its geometry without weights, and what it says of drawn and real faces with them."""

from pathlib import Path

import cv2
import insightface.data
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.face.mask_detector import (
    MaskDetector,
    MaskFinding,
    _anchors,
    _cut,
    _overlap,
    detector_for,
    load_mask_detector,
)
from appliance.face.packs import load_pack
from appliance.face.types import DetectedFace
from appliance.models.manager import HashMismatch, ModelError


def face_at(x1: float, y1: float, x2: float, y2: float) -> DetectedFace:
    return DetectedFace((x1, y1, x2, y2), np.zeros((5, 2), np.float32), 1.0)


def test_anchors_are_those_of_the_published_network() -> None:
    anchors = _anchors()
    assert anchors.shape == (5972, 4)
    np.testing.assert_allclose(anchors[0], [0.5 / 33, 0.5 / 33, 0.04, 0.04], atol=1e-6)
    np.testing.assert_allclose(anchors[2][2:], [0.04 * 0.62**0.5, 0.04 / 0.62**0.5], atol=1e-6)
    np.testing.assert_allclose(anchors[-1][:2], [2.5 / 3, 2.5 / 3], atol=1e-6)


def test_the_view_is_the_face_with_its_surroundings_and_grey_outside() -> None:
    image = np.full((200, 300, 3), 10, np.uint8)
    view, box = _cut(image, face_at(0, 0, 100, 100))
    np.testing.assert_allclose(box, [0.4 / 1.8, 0.4 / 1.8, 1.4 / 1.8, 1.4 / 1.8], atol=1e-5)
    assert view.shape == (260, 260, 3)
    assert (view[0, 0] == 127).all()
    assert (view[130, 130] == 10).all()


@pytest.mark.parametrize("box", [(50, 50, 50, 50), (-1e6, -1e6, -1e6 + 5, -1e6 + 5), (0, 0, 1, 1)])
def test_impossible_faces_have_a_view(box: tuple[float, float, float, float]) -> None:
    assert _cut(np.zeros((1, 1, 3), np.uint8), face_at(*box))[0].shape == (260, 260, 3)


def test_overlap() -> None:
    boxes = np.array([[0, 0, 1, 1], [0.5, 0, 1.5, 1], [2, 2, 3, 3], [1, 1, 0, 0]], np.float32)
    np.testing.assert_allclose(_overlap(boxes, boxes[0]), [1, 1 / 3, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("masked", "bare", "covered"), [(0.9, 0.1, True), (0.1, 0.9, False), (0.4, 0.3, None), (0.0, 0.0, None)]
)
def test_below_the_threshold_there_is_no_opinion(masked: float, bare: float, covered: bool | None) -> None:
    assert MaskFinding(masked, bare).covered is covered


def test_without_weights_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nobody publishes it in this form; run: appliance models import FOLDER"):
        load_mask_detector(tmp_path)


def test_a_site_without_the_weights_goes_on_without_it_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert detector_for("ask_to_remove", tmp_path) is None
    assert "medical masks are not looked for" in caplog.text
    assert detector_for("ignore", tmp_path) is None
    (tmp_path / "face_mask_detection_260.onnx").write_bytes(b"another network")
    with pytest.raises(HashMismatch):
        detector_for("ask_to_remove", tmp_path)


@pytest.fixture(scope="module")
def detector(models_dir: Path) -> MaskDetector:
    return load_mask_detector(models_dir)


@pytest.fixture(scope="module")
def group() -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = insightface.data.get_image("t1", use_cache=False)
    return image


def masked(image: NDArray[np.uint8], face: DetectedFace) -> NDArray[np.uint8]:
    """A light blue patch from the nose to below the chin."""
    left, right = face.box[0], face.box[2]
    nose, chin = float(face.landmarks[2][1]), face.box[3]
    drawn = image.copy()
    outline = [(left, nose), ((left + right) / 2, nose - 8), (right, nose), (right - 12, chin), (left + 12, chin)]
    cv2.fillPoly(drawn, [np.array(outline, np.int32)], (205, 180, 150))
    return drawn


@pytest.mark.measured
def test_bare_faces_are_bare_and_a_patch_over_the_mouth_raises_the_doubt(
    detector: MaskDetector, group: NDArray[np.uint8], models_dir: Path
) -> None:
    # A flat patch is no mask to a network learnt from photographs; the real ones are below.
    faces = load_pack("open-omz", models_dir).detect(group)
    assert len(faces) == 6
    assert [detector.look(group, face).covered for face in faces] == [False] * 6
    for face in faces:
        assert detector.look(masked(group, face), face).masked > detector.look(group, face).masked


@pytest.mark.measured
def test_where_no_face_is_it_has_no_opinion(detector: MaskDetector) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    assert detector.look(noise, face_at(100, 100, 200, 200)).covered is None
    assert detector.look(np.zeros((1, 1, 3), np.uint8), face_at(0, 0, 1, 1)).covered is None


@pytest.mark.measured
def test_real_photographs_of_people_in_masks(detector: MaskDetector, shared: Path, models_dir: Path) -> None:
    pack, found = load_pack("open-omz", models_dir), []
    for path in sorted((shared / "data" / "faces" / "masked").glob("*.jpg"))[:60]:
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        faces = pack.detect(image)
        if faces and faces[0].inter_eye_distance >= 20:
            found.append(detector.look(image, faces[0]).covered)
    assert len(found) > 40
    assert sum(one is True for one in found) >= 0.95 * len(found)
