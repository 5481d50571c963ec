"""The matcher with a real gallery: cards, searches, medical masks, and everything the gallery refuses."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.clock import ManualClock
from appliance.core.types import Advice
from appliance.face.masked import MaskedReference, masked_sha256
from appliance.face.quality.types import Failing, Measure, Measurement, QualityReport
from appliance.face.types import Comparison, DetectedFace, Image, Template
from appliance.gallery.enrol import recogniser_of
from appliance.gallery.errors import GalleryError
from appliance.gallery.store import Gallery
from appliance.gallery.types import Consent
from appliance.models.catalogue import OPEN_OMZ
from appliance.models.manager import ModelError
from appliance.vision import matcher as module
from appliance.vision.enrolled import Enrolled
from appliance.vision.matcher import Matcher, Reference

SHA = OPEN_OMZ.template_sha256
BARE, MASKED = np.eye(4, dtype=np.float32)[:2]


class Pack:
    """Compares vectors; stands in for open-omz."""

    pack_id, title, grade, metric, threshold, threshold_source = OPEN_OMZ.pack_id, "p", "production", "cosine", 0.4, "x"
    masked_threshold: float | None = 0.6

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        return []

    def embed(self, image_bgr: Image, face: DetectedFace) -> Template:
        return template(BARE)

    def compare(self, a: Template, b: Template) -> Comparison:
        assert a.recogniser_sha256 == b.recogniser_sha256
        score = float(a.vector @ b.vector / np.linalg.norm(a.vector) / np.linalg.norm(b.vector))
        return Comparison(score, self.threshold, "cosine", score >= self.threshold)


def template(vector: Any, *, for_masks: bool = False) -> Template:
    return Template(OPEN_OMZ.pack_id, masked_sha256(SHA) if for_masks else SHA, np.asarray(vector, np.float32))


def at(score: float, axis: Any = BARE) -> Template:
    """A probe that scores this against an axis."""
    return template(score * axis + np.sqrt(1 - score**2) * np.eye(4)[3])


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def lane(tmp_path: Path, clock: ManualClock) -> Callable[..., Matcher]:
    folder, key = tmp_path / "gallery", tmp_path / "gallery.key"
    Gallery.create(folder, key, clock)
    consent = Consent("operator", clock.now(), "1", "door")
    with Gallery.open(folder, key, clock, recogniser=recogniser_of(OPEN_OMZ.pack_id), writable=True) as gallery:
        both = [(template(BARE), "q"), (template(BARE + MASKED, for_masks=True), "q")]
        until = clock.now() + timedelta(days=2)
        gallery.add(label="card-1", consent=consent, valid_until=until, templates=both)
        early = [(template(np.eye(4)[2]), "q")]
        gallery.add(label="card-2", consent=consent, valid_until=until, templates=early)

    def make(*, threshold: float | None = 0.5, allow: bool = False) -> Matcher:
        given = {"folder": str(folder), "key": str(key), "identify_threshold": threshold}
        return Matcher(Pack(), None, Enrolled.open(given, Pack(), clock), allow=allow)

    return make


def test_a_card_is_compared_with_its_owner_by_the_threshold_of_the_pack(lane: Callable[..., Matcher]) -> None:
    matcher = lane()
    reference, found = matcher.card("card-1")
    assert found.valid_until is not None
    assert reference.problem == ""
    for score, accepted in ((0.41, True), (0.39, False)):
        matched = matcher.match(reference, at(score), masked=False)
        assert isinstance(matched.comparison, Comparison)
        assert (matched.comparison.accepted, matched.comparison.threshold, matched.label) == (accepted, 0.4, "")
    matcher.close()


@pytest.mark.parametrize(("card", "days", "said"), [("card-9", 0, "Nobody is enrolled"), ("card-1", 3, "has expired")])
def test_who_is_not_enrolled_has_no_reference(
    lane: Callable[..., Matcher], clock: ManualClock, card: str, days: int, said: str
) -> None:
    clock.advance(days * 86_400)
    matcher = lane()
    reference, _ = matcher.card(card)
    assert said in reference.problem
    assert matcher.match(reference, at(1.0), masked=False).comparison == reference.problem


def test_a_search_names_one_or_nobody(lane: Callable[..., Matcher], clock: ManualClock) -> None:
    matcher = lane()
    everybody = matcher.everybody()
    found = matcher.match(everybody, at(0.51), masked=False)
    assert isinstance(found.comparison, Comparison)
    assert (found.comparison.accepted, found.label) == (True, "card-1")
    nobody = matcher.match(everybody, at(0.49), masked=False)
    assert isinstance(nobody.comparison, Comparison)
    assert (nobody.comparison.accepted, nobody.label) == (False, "")
    both = matcher.match(everybody, template(BARE + np.eye(4)[2]), masked=False)
    assert both.comparison == "More than one enrolled person looks like this."
    clock.advance(3 * 86_400)
    late = matcher.match(everybody, at(1.0), masked=False)
    assert isinstance(late.comparison, Comparison)
    assert not late.comparison.accepted


def test_a_search_without_or_below_a_threshold_is_refused(lane: Callable[..., Matcher]) -> None:
    matcher = lane(threshold=None)
    assert "No threshold" in str(matcher.match(matcher.everybody(), at(1.0), masked=False).comparison)
    with pytest.raises(ValueError, match=r"more lenient than 0\.4"):
        lane(threshold=0.3)


def test_a_mask_has_a_reference_and_a_threshold_of_its_own(lane: Callable[..., Matcher]) -> None:
    matcher = lane(allow=True)
    reference, _ = matcher.card("card-1")
    assert isinstance(reference.for_masks, MaskedReference)
    probe = template(BARE + MASKED)
    matched = matcher.match(reference, probe, masked=True)
    assert isinstance(matched.comparison, Comparison)
    assert (matched.comparison.threshold, matched.comparison.accepted) == (0.6, True)
    assert matched.against == "the enrolled template, with a medical mask on"
    # 0.5 against this reference: enough for bare faces, not for masked ones.
    weak = matcher.match(reference, template(BARE + np.eye(4)[3]), masked=True)
    assert isinstance(weak.comparison, Comparison)
    assert 0.4 < weak.comparison.score < 0.6
    assert not weak.comparison.accepted


def test_nobody_in_a_mask_is_searched_for_or_compared_without_a_reference_for_it(lane: Callable[..., Matcher]) -> None:
    matcher = lane(allow=True)
    assert "searched for" in str(matcher.match(matcher.everybody(), at(1.0), masked=True).comparison)
    enrolled_before, _ = matcher.card("card-2")
    matched = matcher.match(enrolled_before, template(np.eye(4)[2]), masked=True)
    assert matched.comparison == "There is no reference for a face in a medical mask."


@pytest.mark.parametrize("allow", [True, False])
def test_a_mask_that_is_allowed_is_no_fault_of_the_view(monkeypatch: pytest.MonkeyPatch, allow: bool) -> None:
    def masked(*_: object) -> QualityReport:
        worst_first = (Advice.UNCOVER_MOUTH, Advice.UNCOVER_FACE, Advice.TOO_DARK)
        return QualityReport({}, tuple(Failing(Measurement(Measure.SHARPNESS, 1.0), 50.0, say) for say in worst_first))

    monkeypatch.setattr(module, "assess", masked)
    seen = Matcher(Pack(), None, None, allow=allow).look(np.zeros((9, 9, 3), np.uint8), [])
    assert seen.masked is allow
    # What else is wrong stays wrong.
    assert seen.quality.advice is (Advice.TOO_DARK if allow else Advice.UNCOVER_MOUTH)


def test_what_cannot_allow_masks_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    pack = Pack()
    monkeypatch.setattr(module, "load_pack", lambda *_: pack)
    header = {"models_dir": "x", "pack": "open-omz", "accepted": [], "masks": "allow", "gallery": None}
    monkeypatch.setattr(module, "detector_for", lambda *_: None)
    with pytest.raises(ModelError, match="needs the detector of masks"):
        Matcher.load(header, ManualClock())
    monkeypatch.setattr(module, "detector_for", lambda *_: object())
    pack.masked_threshold = None
    with pytest.raises(ModelError, match="no threshold for masked faces"):
        Matcher.load(header, ManualClock())


def test_a_lane_without_a_gallery_knows_nobody() -> None:
    matcher = Matcher(Pack(), None, None, allow=False)
    for ask in (lambda: matcher.card("card-1"), matcher.everybody):
        with pytest.raises(ValueError, match="no gallery"):
            ask()
    assert matcher.match(Reference(), at(1.0), masked=False).comparison == "The document's portrait was not enrolled."


def test_a_gallery_that_is_not_there_refuses_the_start(tmp_path: Path, clock: ManualClock) -> None:
    given = {"folder": str(tmp_path / "no"), "key": str(tmp_path / "no.key"), "identify_threshold": None}
    with pytest.raises(GalleryError):
        Enrolled.open(given, Pack(), clock)
