"""Opening, enrolled rows, search, expiry and versions."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery_support import COSINE, DIMS, NEWER, noisy, put, template, unit

from appliance.clock import ManualClock
from appliance.face.types import Template, TemplatesNotComparable
from appliance.gallery import database
from appliance.gallery.crypto import create_key_file
from appliance.gallery.errors import (
    Ambiguous,
    ConsentMissing,
    EnrolmentRefused,
    GalleryInUse,
    GalleryRefused,
    KeyRefused,
    NoSuchSubject,
    SubjectExpired,
    TemplateRefused,
    TemplatesStale,
)
from appliance.gallery.store import Gallery
from appliance.gallery.types import Consent, Recogniser, SearchResult, Subject
from appliance.gallery.vault import NewTemplate

L2 = Recogniser("fake-l2", "c" * 64, "l2")


def test_files_are_private_and_a_gallery_is_never_overwritten(folder: Path, key_file: Path, clock: ManualClock) -> None:
    with Gallery.open(folder, key_file, clock, writable=True):
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(GalleryRefused, match="never overwritten"):
        Gallery.create(folder, key_file, clock)


def test_the_key_must_not_lie_beside_the_gallery(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(KeyRefused, match="own folder"):
        Gallery.create(tmp_path / "g", tmp_path / "g" / "k", clock)
    (tmp_path / "link").symlink_to(tmp_path / "g")
    with pytest.raises(KeyRefused, match="own folder"):
        Gallery.create(tmp_path / "g", tmp_path / "link" / "k", clock)
    assert not (tmp_path / "g").exists()


def test_the_wrong_key_opens_nothing(folder: Path, tmp_path: Path, clock: ManualClock) -> None:
    create_key_file(tmp_path / "other.key")
    with pytest.raises(KeyRefused, match="not the one of"):
        Gallery.open(folder, tmp_path / "other.key", clock)


def test_two_writers_are_kept_apart_and_a_reader_is_not(folder: Path, key_file: Path, clock: ManualClock) -> None:
    with Gallery.open(folder, key_file, clock, writable=True):
        with pytest.raises(GalleryInUse, match="another program writes"):
            Gallery.open(folder, key_file, clock, writable=True)
        Gallery.open(folder, key_file, clock).close()
    Gallery.open(folder, key_file, clock, writable=True).close()


def test_a_reader_cannot_write(folder: Path, key_file: Path, clock: ManualClock, consent: Consent) -> None:
    with (
        Gallery.open(folder, key_file, clock, recogniser=COSINE) as reader,
        pytest.raises(GalleryRefused, match="readonly"),
    ):
        put(reader, clock, consent, 1)


def test_damaged_foreign_and_newer_files_are_refused_and_left_alone(
    folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as gallery:
        for seed in range(40):
            put(gallery, clock, consent, seed)
        gallery.compact()
    path = folder / "gallery.db"
    whole = path.read_bytes()
    newer = bytearray(whole)
    newer[60:64] = (2).to_bytes(4, "big")
    foreign = bytearray(whole)
    foreign[68:72] = bytes(4)
    scribbled = bytearray(whole)
    scribbled[4096 * 4 : 4096 * 6] = b"\xff" * 8192
    cuts = [b"", whole[:50], whole[:4096], whole[: len(whole) // 2], whole[:-4096], b"no database" * 50]
    for bad in [*cuts, bytes(newer), bytes(foreign), bytes(scribbled)]:
        path.write_bytes(bad)
        with pytest.raises(GalleryRefused):
            Gallery.open(folder, key_file, clock, writable=True)
        assert path.read_bytes() == bad
    path.write_bytes(whole)
    with Gallery.open(folder, key_file, clock) as gallery:
        assert len(gallery.subjects()) == 40


def test_what_was_enrolled_comes_back(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    subject_id = put(gallery, clock, consent, 1, photo=b"x")
    found = gallery.find("card-1")
    assert found == gallery.find(subject_id) == gallery.subjects()[0]
    assert (found.consent, found.created) == (consent, clock.now())
    assert found.valid_until == clock.now() + timedelta(days=30)
    assert (found.template_count, found.photo_count) == (1, 1)
    for nobody in ("card-2", "0" * 32, ""):
        with pytest.raises(NoSuchSubject):
            gallery.find(nobody)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"label": " "}, "label"),
        ({"label": "a" * 201}, "label"),
        ({"label": "esc\x1b[2J"}, "label"),
        ({"label": "0123456789abcdef" * 2}, "looks? like"),
        ({"label": "card-1"}, "enrolled already"),
        ({"valid_until": datetime(2026, 11, 23, 12, 0, tzinfo=UTC)}, "not after now"),
        ({"valid_until": datetime(2030, 1, 1)}, "UTC"),  # noqa: DTZ001
        ({"valid_until": datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=2)))}, "UTC"),
        ({"consent": Consent("", datetime(2026, 1, 1, tzinfo=UTC), "v", "p")}, "recorded_by"),
        ({"consent": Consent("o", datetime(2026, 1, 1, tzinfo=UTC), "", "p")}, "text_version"),
        ({"consent": Consent("o", datetime(2026, 1, 1, tzinfo=UTC), "v", "")}, "purpose"),
        ({"consent": Consent("o", datetime(2027, 1, 1, tzinfo=UTC), "v", "p")}, "after now"),
        ({"templates": []}, "at least one template"),
        ({"photo": b""}, "kept photo"),
    ],
)
def test_an_incomplete_enrolment_writes_nothing(
    gallery: Gallery, clock: ManualClock, consent: Consent, change: dict[str, object], match: str
) -> None:
    put(gallery, clock, consent, 1)
    whole: dict[str, object] = {
        "label": "card-2",
        "consent": consent,
        "valid_until": clock.now() + timedelta(days=1),
        "templates": [(template(2), "good")],
    }
    with pytest.raises(EnrolmentRefused, match=match):
        gallery.add(**(whole | change))  # type: ignore[arg-type]
    assert [subject.label for subject in gallery.subjects()] == ["card-1"]


@pytest.mark.parametrize(
    "vector",
    [
        np.zeros(DIMS, np.float32),
        np.full(DIMS, np.nan, np.float32),
        np.full(DIMS, np.inf, np.float32),
        np.full(DIMS, 1e30, np.float32),
        np.full(DIMS, 1e-9, np.float32),
        np.zeros((1, DIMS), np.float32),
        np.ones(1, np.float32),
        np.ones(DIMS, np.int32),
    ],
    ids=["zero", "nan", "infinite", "huge", "tiny", "two-dimensional", "one value", "integers"],
)
def test_vectors_that_say_nothing_are_neither_enrolled_nor_searched(
    gallery: Gallery, clock: ManualClock, consent: Consent, vector: np.ndarray
) -> None:
    put(gallery, clock, consent, 1)
    bad = Template(COSINE.pack_id, COSINE.sha256, vector)
    with pytest.raises(TemplateRefused):
        gallery.replace_templates("card-1", [(bad, "good")])
    with pytest.raises(TemplateRefused):
        gallery.search(bad, threshold=-1.0)
    with pytest.raises(TemplateRefused):
        gallery.identify(bad, threshold=-1.0)
    assert gallery.find("card-1").template_count == 1


def test_search_gives_everybody_above_the_threshold_best_first(
    gallery: Gallery, clock: ManualClock, consent: Consent
) -> None:
    for seed in range(150):
        put(gallery, clock, consent, seed)
    found = gallery.search(noisy(7, 0.7), threshold=0.6)
    assert [one.label for one in found.candidates] == ["card-7"]
    assert found.candidates[0].score == pytest.approx(0.7, abs=1e-6)
    assert (found.compared, found.expired, found.stale) == (150, 0, 0)
    everybody = gallery.search(noisy(7, 0.7), threshold=-1.0, limit=1000).candidates
    probe = noisy(7, 0.7).vector.astype(np.float64)
    by_hand = sorted(((float(unit(s) @ probe), f"card-{s}") for s in range(150)), reverse=True)
    assert [one.label for one in everybody] == [label for _, label in by_hand]
    assert [one.score for one in everybody] == pytest.approx([score for score, _ in by_hand], abs=1e-6)
    assert len(gallery.search(noisy(7, 0.7), threshold=-1.0, limit=3).candidates) == 3
    assert gallery.search(noisy(7, 0.7), threshold=0.71).candidates == ()


def test_the_best_of_several_templates_counts_once(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    put(gallery, clock, consent, 1)
    gallery.replace_templates("card-1", [(template(1), "good"), (noisy(2, 0.9), "good")])
    found = gallery.search(template(2), threshold=-1.0).candidates
    assert [(one.label, round(one.score, 3)) for one in found] == [("card-1", 0.9)]
    assert np.array_equal(gallery.reference("card-1").vector, COSINE.vector(noisy(2, 0.9)))


def test_l2_distances_pass_up_to_the_threshold_on_vectors_as_they_are(
    folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=L2, writable=True) as gallery:
        for seed in range(20):
            put(gallery, clock, consent, seed)
        longer = Template(L2.pack_id, L2.sha256, (1.4 * unit(3)).astype(np.float32))
        found = gallery.search(longer, threshold=0.41).candidates
        assert [(one.label, round(one.score, 4)) for one in found] == [("card-3", 0.4)]
        assert gallery.search(longer, threshold=0.39).candidates == ()
        assert np.array_equal(gallery.reference("card-3").vector, unit(3))
        gallery.replace_templates("card-3", [(longer, "good")])
        assert np.array_equal(gallery.reference("card-3").vector, longer.vector)


def test_templates_are_not_replaced_by_none(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    put(gallery, clock, consent, 1)
    with pytest.raises(EnrolmentRefused, match="at least one template"):
        gallery.replace_templates("card-1", [])
    assert gallery.find("card-1").template_count == 1


@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), float("-inf")])
def test_a_threshold_must_be_a_number(gallery: Gallery, clock: ManualClock, consent: Consent, threshold: float) -> None:
    put(gallery, clock, consent, 1)
    with pytest.raises(ValueError, match="finite"):
        gallery.search(template(1), threshold=threshold)
    with pytest.raises(ValueError, match="finite"):
        gallery.identify(template(1), threshold=threshold)


def test_the_words_on_quality_may_be_many_and_not_without_end(
    gallery: Gallery, clock: ManualClock, consent: Consent
) -> None:
    whole = {"label": "card-1", "consent": consent, "valid_until": clock.now() + timedelta(days=1)}
    with pytest.raises(EnrolmentRefused, match="quality"):
        gallery.add(**whole, templates=[(template(1), "q" * 2001)])  # type: ignore[arg-type]
    gallery.add(**whole, templates=[(template(1), "q" * 2000)])  # type: ignore[arg-type]


def test_an_empty_gallery_finds_nobody(gallery: Gallery) -> None:
    found = gallery.search(template(1), threshold=-1.0)
    assert (found.candidates, found.compared) == ((), 0)
    assert gallery.identify(template(1), threshold=-1.0) is None


def test_a_reference_is_the_template_of_the_one_named(
    gallery: Gallery, folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    ids = [put(gallery, clock, consent, seed) for seed in (1, 2)]
    with Gallery.open(folder, key_file, clock, recogniser=COSINE) as lane:
        for who in ("card-2", ids[1]):
            found = lane.reference(who)
            assert (found.pack_id, found.recogniser_sha256) == (COSINE.pack_id, COSINE.sha256)
            assert found.vector == pytest.approx(unit(2), abs=1e-7)
        with pytest.raises(NoSuchSubject):
            lane.reference("card-3")
        gallery.delete(["card-2"], by="o", reason="left")
        with pytest.raises(NoSuchSubject):
            lane.reference("card-2")
    with Gallery.open(folder, key_file, clock) as nameless, pytest.raises(TemplatesNotComparable, match="recogniser"):
        nameless.reference("card-1")


def test_identify_names_one_nobody_or_refuses_to_choose(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    for seed in (1, 2):
        put(gallery, clock, consent, seed)
    found = gallery.identify(noisy(1, 0.8), threshold=0.7)
    assert found is not None
    assert (found.label, round(found.score, 6)) == ("card-1", 0.8)
    assert gallery.identify(noisy(1, 0.8), threshold=0.81) is None
    assert gallery.identify(template(3), threshold=0.7) is None
    with pytest.raises(Ambiguous):
        gallery.identify(template(1), threshold=-1.0)


def test_who_goes_between_the_search_and_the_answer_is_not_named(
    gallery: Gallery,
    folder: Path,
    key_file: Path,
    clock: ManualClock,
    consent: Consent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(gallery, clock, consent, 1)
    put(gallery, clock, consent, 2)
    with Gallery.open(folder, key_file, clock, recogniser=COSINE) as lane:
        search = lane.search

        def and_then(happens: Callable[[], object]) -> None:
            def found(*given: Any, **named: Any) -> SearchResult:
                result = search(*given, **named)
                happens()
                return result

            monkeypatch.setattr(lane, "search", found)

        and_then(lambda: gallery.delete(["card-1"], by="o", reason="left"))
        with pytest.raises(NoSuchSubject):
            lane.identify(template(1), threshold=0.5)
        and_then(lambda: clock.advance(30 * 86400))
        with pytest.raises(SubjectExpired):
            lane.identify(template(2), threshold=0.5)


def test_without_a_complete_consent_nobody_is_named(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    # As a fault of the writer would leave it: `add` refuses such a consent, and an edited one does not open.
    nothing = Consent("operator-7", consent.at, "", "door")
    subject = Subject("0" * 32, "card-1", nothing, clock.now() + timedelta(days=1), clock.now())
    with database.transaction(gallery._vault.connection, gallery._vault.path):
        gallery._vault.insert(subject, [NewTemplate(COSINE, unit(1), "good")], None, created=clock.now())
    with pytest.raises(ConsentMissing, match="text_version"):
        gallery.reference("card-1")
    with pytest.raises(ConsentMissing):
        gallery.identify(template(1), threshold=0.5)


def test_expiry_is_judged_at_the_search_and_not_before(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    put(gallery, clock, consent, 1)
    clock.advance(30 * 86400 - 1)
    assert gallery.search(template(1), threshold=0.5).candidates
    clock.advance(1)
    assert gallery.search(template(1), threshold=-1.0).candidates == ()
    assert gallery.identify(template(1), threshold=-1.0) is None
    with pytest.raises(SubjectExpired, match="card-1"):
        gallery.reference("card-1")
    assert [one.label for one in gallery.expired()] == ["card-1"]
    gallery.set_expiry("card-1", clock.now() + timedelta(days=1))
    assert gallery.search(template(1), threshold=0.5).candidates
    with pytest.raises(EnrolmentRefused, match="not after now"):
        gallery.set_expiry("card-1", clock.now())


def test_a_reader_sees_what_the_writer_did_before_its_next_search(
    gallery: Gallery, folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    put(gallery, clock, consent, 1)
    with Gallery.open(folder, key_file, clock, recogniser=COSINE) as reader:
        assert reader.search(template(1), threshold=0.5).candidates
        put(gallery, clock, consent, 2)
        assert reader.search(template(2), threshold=0.5).candidates
        gallery.set_expiry("card-1", clock.now() + timedelta(seconds=5))
        clock.advance(5)
        assert reader.search(template(1), threshold=0.5).candidates == ()
        assert gallery.delete(["card-2"], by="o", reason="left")[0].proven
        assert reader.search(template(2), threshold=0.5).candidates == ()


def test_another_recognisers_probe_is_refused_and_its_subjects_are_stale(
    gallery: Gallery, folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    put(gallery, clock, consent, 1)
    for other in (template(1, NEWER), template(1, L2)):
        with pytest.raises(TemplatesNotComparable, match="take the probe again"):
            gallery.search(other, threshold=-1.0)
        with pytest.raises(TemplatesNotComparable):
            gallery.identify(other, threshold=-1.0)
        with pytest.raises(TemplatesNotComparable):
            gallery.replace_templates("card-1", [(other, "good")])
    with pytest.raises(TemplatesNotComparable, match="values"):
        gallery.search(template(1, dims=DIMS * 2), threshold=-1.0)
    gallery.close()
    with Gallery.open(folder, key_file, clock, recogniser=NEWER, writable=True) as after:
        assert [one.label for one in after.stale()] == ["card-1"]
        with pytest.raises(TemplatesStale, match="reenrol"):
            after.identify(template(1, NEWER), threshold=-1.0)
        with pytest.raises(TemplatesStale, match="reenrol"):
            after.reference("card-1")
        put(after, clock, consent, 2)
        found = after.search(template(2, NEWER), threshold=0.5)
        assert ([one.label for one in found.candidates], found.stale) == (["card-2"], 1)


def test_the_templates_in_memory_are_zeros_after_close(
    folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as gallery:
        for seed in range(3):
            put(gallery, clock, consent, seed)
        gallery.search(template(1), threshold=0.5)
        vectors = gallery._matrix._vectors
        assert np.count_nonzero(vectors) == 3 * DIMS
        gallery.delete(["card-1"], by="o", reason="left")
        gallery.search(template(0), threshold=0.5)
        assert np.count_nonzero(vectors) == 2 * DIMS
    assert np.count_nonzero(vectors) == 0


def test_what_was_enrolled_survives_a_power_cut(
    folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as gallery:
        put(gallery, clock, consent, 1)
        copy = {path.name: path.read_bytes() for path in folder.iterdir()}  # as a power cut would leave it
    for name, data in copy.items():
        (folder / name).write_bytes(data)
    with Gallery.open(folder, key_file, clock, recogniser=COSINE) as gallery:
        assert gallery.search(template(1), threshold=0.5).candidates
        assert len(gallery.subjects()) == 1


def test_how_many_are_enrolled_and_out_of_date_is_told_without_the_key(
    folder: Path, gallery: Gallery, clock: ManualClock, consent: Consent
) -> None:
    assert database.extent(folder, clock.now()) == (0, 0, "")
    for person in (3, 1, 2):
        put(gallery, clock, consent, person)
        gallery.set_expiry(f"card-{person}", clock.now() + timedelta(days=person))
    total, expired, following = database.extent(folder, clock.now())
    assert (total, expired) == (3, 0)
    assert following[:10] == (clock.now() + timedelta(days=1)).date().isoformat()
    total, expired, following = database.extent(folder, clock.now() + timedelta(days=2, seconds=1))
    assert (total, expired) == (3, 2)
    assert following[:10] == (clock.now() + timedelta(days=3)).date().isoformat()
    with pytest.raises(GalleryRefused, match="no such gallery"):
        database.extent(folder / "none", clock.now())
