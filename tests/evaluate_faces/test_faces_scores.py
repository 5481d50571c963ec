"""All against all, against the slow and obvious way."""

import subprocess
import sys
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest

from appliance.evaluate.faces import scores
from appliance.evaluate.faces.scores import BINS, TooManyScores, all_against_all, edges, of_pairs, prepared
from appliance.face.types import Metric

METRICS: list[Metric] = ["cosine", "l2"]


def _drawn(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    subject = np.sort(rng.integers(0, 7, 40))
    _, subject = np.unique(subject, return_inverse=True)
    vectors = rng.normal(size=(7, 16))[subject] + 0.8 * rng.normal(size=(40, 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), subject.astype(np.int64)


def _alike(a: np.ndarray, b: np.ndarray, metric: Metric) -> float:
    a, b = a.astype(float), b.astype(float)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b) if metric == "cosine" else -np.linalg.norm(a - b))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("block", [7, 40, 1000])
def test_every_unordered_pair_once(monkeypatch: pytest.MonkeyPatch, metric: Metric, block: int) -> None:
    monkeypatch.setattr(scores, "BLOCK", block)
    vectors, subject = _drawn()
    found, searches = all_against_all(prepared(vectors, None, metric), subject, metric)
    pairs = {(i, j): _alike(vectors[i], vectors[j], metric) for i, j in combinations(range(40), 2)}
    genuine = sorted(value for (i, j), value in pairs.items() if subject[i] == subject[j])
    impostor = sorted((value for (i, j), value in pairs.items() if subject[i] != subject[j]), reverse=True)
    assert sorted(found.genuine) == pytest.approx(genuine, abs=1e-9)
    assert found.tail == pytest.approx(impostor, abs=1e-9)
    assert found.counts.tolist() == np.histogram(found.tail, edges(metric))[0].tolist()
    assert found.complete
    for row, (mate, other) in enumerate(zip(searches.mate, searches.other, strict=True)):
        own = [pairs[min(row, k), max(row, k)] for k in range(40) if k != row and subject[k] == subject[row]]
        foreign = [pairs[min(row, k), max(row, k)] for k in range(40) if subject[k] != subject[row]]
        assert mate == pytest.approx(max(own, default=-np.inf))
        assert other == pytest.approx(max(foreign))
    for value, (a, b) in zip(found.tail, found.tail_subjects, strict=True):
        assert any(
            value == pytest.approx(score) and {subject[i], subject[j]} == {a, b} for (i, j), score in pairs.items()
        )


@pytest.mark.parametrize("block", [7, 1000])
def test_probes_of_another_kind_are_compared_both_ways_round(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(scores, "BLOCK", block)
    vectors, subject = _drawn()
    probes = _drawn(4)[0]
    found, searches = all_against_all(
        prepared(vectors, None, "cosine"), subject, "cosine", probe=prepared(probes, None, "cosine")
    )
    pairs = {(i, j): _alike(probes[i], vectors[j], "cosine") for i, j in permutations(range(40), 2)}
    genuine = [value for (i, j), value in pairs.items() if subject[i] == subject[j]]
    impostor = [value for (i, j), value in pairs.items() if subject[i] != subject[j]]
    assert sorted(found.genuine) == pytest.approx(sorted(genuine))
    assert sorted(found.tail) == pytest.approx(sorted(impostor))
    best = [max(pairs[i, j] for j in range(40) if subject[j] != subject[i]) for i in range(40)]
    assert searches.other == pytest.approx(best)


def test_a_short_tail_holds_the_highest_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "BLOCK", 9)
    vectors, subject = _drawn()
    whole, _ = all_against_all(prepared(vectors, None, "cosine"), subject, "cosine")
    short, _ = all_against_all(prepared(vectors, None, "cosine"), subject, "cosine", tail=25)
    assert short.tail.tolist() == whole.tail[:25].tolist()
    assert short.tail_subjects.shape == (25, 2)
    assert (short.impostors, short.complete) == (whole.impostors, False)
    assert short.counts.tolist() == whole.counts.tolist()


def test_few_people_do_not_stand_for_everybody() -> None:
    subject = np.array([0] * 20 + [1] * 3, np.int64)
    vectors = prepared(np.random.default_rng(1).normal(size=(23, 8)).astype(np.float32), None, "cosine")
    found, _ = all_against_all(vectors, subject, "cosine", genuine_each=45)
    assert np.bincount(found.genuine_subject).tolist() == [45, 3]
    both, _ = all_against_all(vectors, subject, "cosine", genuine_each=45, probe=vectors)
    assert np.bincount(both.genuine_subject).tolist() == [90, 6]
    every, _ = all_against_all(vectors, subject, "cosine", genuine_each=0)
    assert np.bincount(every.genuine_subject).tolist() == [190, 3]


def test_people_need_not_stand_together() -> None:
    vectors, subject = _drawn()
    mixed = np.random.default_rng(0).permutation(40)
    one, _ = all_against_all(prepared(vectors, None, "cosine"), subject, "cosine", genuine_each=3)
    other, _ = all_against_all(prepared(vectors[mixed], None, "cosine"), subject[mixed], "cosine", genuine_each=3)
    assert np.bincount(one.genuine_subject).tolist() == np.bincount(other.genuine_subject).tolist()
    assert one.counts.tolist() == other.counts.tolist()


def test_too_many_genuine_scores_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "MOST_GENUINE", 10)
    vectors, subject = _drawn()
    with pytest.raises(TooManyScores, match="--genuine-per-person"):
        all_against_all(prepared(vectors, None, "cosine"), subject, "cosine")


def test_a_flipped_template_is_the_mean_of_two_unit_vectors() -> None:
    a, b = np.array([[3.0, 0.0]], np.float32), np.array([[0.0, 5.0]], np.float32)
    assert prepared(a, b, "cosine")[0] == pytest.approx([np.sqrt(0.5)] * 2)
    assert prepared(a, b, "l2")[0] == pytest.approx([1.5, 2.5])


def test_values_at_the_ends_of_the_range_are_counted() -> None:
    found = of_pairs(np.array([1.0, -1.0, 1.0]), np.zeros(3, bool), np.array([[0, 1], [0, 2], [1, 2]]), "cosine")
    assert (found.counts[0], found.counts[BINS - 1]) == (1, 2)
    assert found.tail.tolist() == [1.0, 1.0, -1.0]


_AS_LARGE_AS_LFW = """
import resource, time
import numpy as np
from appliance.evaluate.faces.scores import all_against_all, prepared
rng = np.random.default_rng(0)
_, subject = np.unique(rng.integers(0, 4281, 7701), return_inverse=True)
vectors = prepared(rng.normal(size=(7701, 256)).astype(np.float32), None, "cosine")
began = time.monotonic()
found, _ = all_against_all(vectors, subject, "cosine", genuine_each=45)
print(found.impostors, time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.timeout(120)
def test_thirty_million_comparisons_take_a_minute_and_a_gigabyte_at_most() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _AS_LARGE_AS_LFW], cwd=root, capture_output=True, text=True, timeout=110, check=True
    )
    comparisons, seconds, megabytes = (float(word) for word in done.stdout.split())
    assert comparisons > 29e6
    assert seconds < 60
    assert megabytes < 1000
