"""The matrix against scores computed one by one, and the approximate index beside it."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from gallery_support import COSINE, noisy, put, template, unit
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from appliance.clock import ManualClock
from appliance.face.types import Metric, TemplatesNotComparable
from appliance.gallery.errors import GalleryError
from appliance.gallery.index import Hnsw
from appliance.gallery.search import Matrix
from appliance.gallery.store import Gallery
from appliance.gallery.types import Consent
from appliance.gallery.vault import StoredVector

FAR = 10**18


def stored(number: int, vector: NDArray[np.float32], subject: str | None = None, until: int = FAR) -> StoredVector:
    name = subject or f"s{number}"
    return StoredVector(number, name, name.upper(), until, vector.copy())


def _by_hand(vectors: dict[int, NDArray[np.float32]], probe: NDArray[np.float32], metric: Metric) -> dict[str, float]:
    wide = probe.astype(np.float64)
    scores: dict[str, float] = {}
    for number, vector in vectors.items():
        v = vector.astype(np.float64)
        cosine = float(v @ wide / np.linalg.norm(v) / np.linalg.norm(wide))
        score = cosine if metric == "cosine" else float(np.linalg.norm(v - wide))
        name = f"s{number % 7}"
        better = max if metric == "cosine" else min
        scores[name] = better(score, scores.get(name, score))
    return scores


@settings(max_examples=60, deadline=None)
@given(
    metric=st.sampled_from(["cosine", "l2"]),
    count=st.integers(1, 40),
    dropped=st.sets(st.integers(0, 39)),
    again=st.integers(0, 10),
    threshold=st.floats(-0.5, 1.6),
    seed=st.integers(0, 10_000),
)
def test_search_agrees_with_scores_computed_one_by_one(
    metric: Metric, count: int, dropped: set[int], again: int, threshold: float, seed: int
) -> None:
    vectors = {n: unit(seed + n, 8) for n in range(count)}
    matrix = Matrix(metric)
    matrix.extend(stored(n, vector, f"s{n % 7}") for n, vector in vectors.items())
    gone = dropped & vectors.keys()
    matrix.drop(gone)
    for n in gone:
        del vectors[n]
    more = {100 + n: unit(seed + 500 + n, 8) for n in range(again)}
    matrix.extend(stored(n, vector, f"s{n % 7}") for n, vector in more.items())
    vectors |= more
    probe = unit(seed + 9999, 8)
    expected = _by_hand(vectors, probe, metric)
    passing = {s: v for s, v in expected.items() if (v >= threshold if metric == "cosine" else v <= threshold)}
    found = matrix.search(probe, threshold=threshold, limit=100, now_us=0)
    assert {subject: round(score, 9) for subject, score in found} == {s: round(v, 9) for s, v in passing.items()}
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=metric == "cosine")
    assert len(matrix) == len(vectors)


def test_a_score_exactly_at_the_threshold_passes() -> None:
    matrix = Matrix("cosine")
    matrix.extend([stored(1, np.array([1, 0], np.float32))])
    probe = np.array([0.6, 0.8], np.float32)
    ((_, score),) = matrix.search(probe, threshold=0.0, limit=1, now_us=0)
    assert matrix.search(probe, threshold=score, limit=1, now_us=0)
    assert not matrix.search(probe, threshold=np.nextafter(score, 2), limit=1, now_us=0)


def test_vectors_of_another_length_are_not_added() -> None:
    matrix = Matrix("cosine")
    matrix.extend([stored(1, unit(1, 8))])
    with pytest.raises(TemplatesNotComparable):
        matrix.extend([stored(2, unit(2, 16))])


def test_what_is_given_and_what_is_outgrown_is_wiped() -> None:
    matrix = Matrix("cosine")
    given_vector = stored(0, unit(0, 8))
    matrix.extend([given_vector])
    small = matrix._vectors
    matrix.extend(stored(n, unit(n, 8)) for n in range(1, 200))
    assert not given_vector.vector.any()
    assert matrix._vectors is not small
    assert not small.any()


class Proposes:
    """An index that proposes what it is told to."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = list(ids)

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None: ...

    def remove(self, template_id: int) -> None: ...

    def nearest(self, probe: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.array(self.ids, np.int64)

    def close(self) -> None: ...


def test_an_index_that_still_proposes_the_deleted_and_expired_adds_nobody() -> None:
    matrix = Matrix("cosine", Proposes([1, 2, 3, 777]))
    matrix.extend([stored(1, unit(1)), stored(2, unit(2), until=5), stored(3, unit(3)), stored(4, unit(4))])
    matrix.drop([1])
    found = matrix.search(unit(1), threshold=-1.0, limit=10, now_us=5)
    assert [subject for subject, _ in found] == ["s3"]


def test_an_index_that_proposes_nothing_finds_nobody() -> None:
    matrix = Matrix("cosine", Proposes([]))
    matrix.extend([stored(1, unit(1))])
    assert matrix.search(unit(1), threshold=-1.0, limit=10, now_us=0) == []


def test_without_usearch_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "usearch.index", None)
    with pytest.raises(GalleryError, match="pip install"):
        Hnsw("cosine")


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_the_hnsw_index_finds_what_the_exact_search_finds(metric: Metric) -> None:
    pytest.importorskip("usearch", reason="usearch is not installed (extra 'gallery')")
    exact, approximate = Matrix(metric), Matrix(metric, Hnsw(metric))
    for matrix in (exact, approximate):
        matrix.extend(stored(n, unit(n)) for n in range(3000))
        matrix.drop(range(0, 3000, 3))
    threshold = 0.65 if metric == "cosine" else 0.8
    found = 0
    for n in range(0, 300):
        probe = noisy(n, 0.7).vector
        expected = exact.search(probe, threshold=threshold, limit=5, now_us=0)
        assert (expected != []) == (n % 3 != 0)
        proposed = approximate.search(probe, threshold=threshold, limit=5, now_us=0)
        assert proposed in ([], expected)  # it may miss somebody, and never names another
        found += proposed != []
    assert found >= 190  # of 200; usearch builds with every core, so no two graphs are the same
    approximate.close()
    assert approximate.search(unit(1), threshold=-1.0, limit=1, now_us=0) == []


def test_a_gallery_with_the_index_honours_deletions_at_once(
    folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    pytest.importorskip("usearch", reason="usearch is not installed (extra 'gallery')")
    with (
        Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as writer,
        Gallery.open(folder, key_file, clock, recogniser=COSINE, index=Hnsw("cosine")) as reader,
    ):
        for seed in range(20):
            put(writer, clock, consent, seed)
        assert reader.search(template(7), threshold=0.5).candidates[0].label == "card-7"
        for days in (5, 6, 7):
            writer.set_expiry("card-9", clock.now() + timedelta(days=days))
            assert reader.search(template(9), threshold=0.5).candidates[0].label == "card-9"
        writer.delete(["card-7"], by="o", reason="left")
        assert reader.search(template(7), threshold=0.5).candidates == ()
        assert reader.search(template(8), threshold=0.5).candidates[0].label == "card-8"
