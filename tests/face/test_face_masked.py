"""References for faces in medical masks: made of the bare image, judged by a threshold of their own, never mixed up."""

from pathlib import Path

import insightface.data
import numpy as np
import pytest

from appliance.face.geometry import overlap
from appliance.face.masked import MaskedReference, compare_masked, found_again, masked_reference, masked_sha256
from appliance.face.masking import draw_mask
from appliance.face.packs import load_pack
from appliance.face.types import (
    Comparison,
    DetectedFace,
    FacePack,
    FailureToAcquire,
    Image,
    Template,
    TemplatesNotComparable,
)

LANDMARKS = np.array([[40, 40], [80, 40], [60, 62], [46, 84], [74, 84]], np.float32)
FACE = DetectedFace((20.0, 10.0, 100.0, 118.0), LANDMARKS, 0.9)
NAN = float("nan")


class Pack:
    """The vector is the mean colour of the upper and of the lower half."""

    pack_id, title, grade, metric, threshold, threshold_source = "p", "p", "production", "cosine", 0.5, "x"
    masked_threshold: float | None = 0.9

    def __init__(self, *, loses: bool = False, elsewhere: bool = False) -> None:
        self._loses, self._elsewhere, self.seen = loses, elsewhere, 0

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        self.seen += 1
        if self._loses:
            return []
        return [DetectedFace((0.0, 0.0, 9.0, 9.0), LANDMARKS, 0.9)] if self._elsewhere else [FACE]

    def embed(self, image_bgr: Image, face: DetectedFace) -> Template:
        halves = image_bgr[20:60, 40:80], image_bgr[70:100, 40:80]
        vector = np.concatenate([half.mean(axis=(0, 1)) for half in halves]).astype(np.float32)
        return Template("p", "sha", vector)

    def compare(self, a: Template, b: Template) -> Comparison:
        if a.recogniser_sha256 != b.recogniser_sha256:
            raise TemplatesNotComparable("of another recogniser")
        score = float(a.vector @ b.vector / np.linalg.norm(a.vector) / np.linalg.norm(b.vector))
        return Comparison(score, self.threshold, "cosine", score >= self.threshold)


def reference_of(pack: FacePack, image: Image, face: DetectedFace) -> MaskedReference:
    return masked_reference(pack, image, face, pack.embed(image, face))


def picture() -> Image:
    rng = np.random.default_rng(3)
    return rng.integers(0, 255, (128, 120, 3), np.uint8)


def test_a_reference_is_the_same_every_time_and_no_template_for_bare_faces() -> None:
    pack, image = Pack(), picture()
    one, again = (reference_of(pack, image, FACE).template for _ in range(2))
    assert np.array_equal(one.vector, again.vector)
    assert one.recogniser_sha256 == masked_sha256("sha")
    with pytest.raises(TemplatesNotComparable):
        pack.compare(one, pack.embed(image, FACE))


def test_the_masks_own_threshold_judges() -> None:
    pack, image = Pack(), picture()
    reference = reference_of(pack, image, FACE)
    probe = pack.embed(draw_mask(image, LANDMARKS, np.random.default_rng(9)), FACE)
    found = compare_masked(pack, reference, probe)
    assert found.threshold == 0.9
    assert found.accepted is (found.score >= 0.9)
    pack.masked_threshold = found.score + 1e-6
    assert not compare_masked(pack, reference, probe).accepted
    pack.masked_threshold = None
    with pytest.raises(ValueError, match="no threshold for masked faces"):
        compare_masked(pack, reference, probe)


def test_a_probe_of_another_recogniser_is_not_compared() -> None:
    pack, image = Pack(), picture()
    with pytest.raises(TemplatesNotComparable):
        compare_masked(pack, reference_of(pack, image, FACE), Template("p", "other", np.ones(6, np.float32)))


@pytest.mark.parametrize("pack", [Pack(loses=True), Pack(elsewhere=True)], ids=["nobody", "somebody else"])
def test_without_a_face_under_the_mask_there_is_no_reference(pack: Pack) -> None:
    assert found_again(pack, picture(), FACE) is None
    with pytest.raises(FailureToAcquire, match="no face is found under a drawn mask"):
        reference_of(pack, picture(), FACE)


def test_overlap_of_boxes_and_of_what_is_none() -> None:
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 1, 1), (2, 2, 3, 3)) == 0.0
    for nothing in ((0.0,) * 4, (3.0, 3.0, 1.0, 1.0), (NAN, 0.0, 1.0, 1.0), (0.0, 0.0, float("inf"), 1.0)):
        assert overlap(nothing, (0.0, 0.0, 2.0, 2.0)) == 0.0
        assert overlap((0.0, 0.0, 2.0, 2.0), nothing) == 0.0


@pytest.mark.measured
def test_people_are_told_apart_behind_drawn_masks(models_dir: Path) -> None:
    pack = load_pack("open-omz", models_dir)
    image: Image = insightface.data.get_image("t1", use_cache=False)
    faces = pack.detect(image)
    probes, references = [], []
    for number, face in enumerate(faces):
        worn = draw_mask(image, face.landmarks, np.random.default_rng(50 + number))
        again = found_again(pack, worn, face)
        if again is None:
            continue
        probes.append(pack.embed(worn, again))
        references.append(reference_of(pack, image, face))
    accepted = np.array([[compare_masked(pack, r, p).accepted for p in probes] for r in references])
    assert len(probes) >= 4
    assert accepted.diagonal().sum() >= len(probes) - 1
    assert not (accepted & ~np.eye(len(probes), dtype=bool)).any()
