"""Rates, thresholds and intervals, against numbers worked out by hand or the slow way."""

from itertools import combinations

import numpy as np
import pytest

from appliance.evaluate.faces import figures
from appliance.evaluate.faces.figures import (
    Bootstrap,
    Share,
    at_targets,
    det,
    k_folds,
    one_to_many,
    operating,
    passing,
    supported,
    threshold_at,
)
from appliance.evaluate.faces.scores import Scores, Searches, all_against_all, of_pairs, prepared


def _scores(genuine: list[float], impostor: list[float], metric: str = "cosine") -> Scores:
    values = np.array([*genuine, *impostor])
    same = np.arange(len(values)) < len(genuine)
    subjects = np.array([[k, k] for k in range(len(genuine))] + [[k, k + 1] for k in range(len(impostor))])
    return of_pairs(values, same, subjects, metric)  # type: ignore[arg-type]


def test_the_threshold_is_the_lowest_that_keeps_the_rate() -> None:
    scores = _scores([0.9], [k / 1000 for k in range(1000)])
    place, exact = threshold_at(scores, 0.01) or (0.0, False)
    assert exact
    assert place == pytest.approx(0.9891)
    assert passing(scores, place) == (10, True)
    assert passing(scores, 0.989) == (11, True)


@pytest.mark.parametrize("score", [0.29, 0.425, 0.1, -0.3, 0.57, 1e-4, 0.0, -1e-4])
def test_a_score_on_the_grid_does_not_pass_its_own_threshold(score: float) -> None:
    place, _ = threshold_at(_scores([0.9], [score] * 300), 0.01) or (0.0, False)
    assert score < place <= score + 1.5e-4
    assert round(place, 4) == place


def test_equal_scores_at_the_threshold_are_all_kept_out() -> None:
    scores = _scores([0.9], [0.5] * 20 + [0.1] * 980)
    place, _ = threshold_at(scores, 0.01) or (0.0, False)
    assert 0.5 < place < 0.51
    assert passing(scores, place)[0] == 0


def test_a_rate_needs_three_times_as_many_comparisons() -> None:
    assert supported(1e-3, 3000)
    assert not supported(1e-3, 2999)
    assert not supported(1e-3, 0)
    points = at_targets(_scores([0.9] * 5, list(np.linspace(0, 0.5, 3000))), seed=1)
    assert [point.threshold is not None for point in points] == [True, True, False, False]
    assert points[2].tar.value is None


def test_a_threshold_from_the_histogram_is_never_too_low() -> None:
    rng = np.random.default_rng(2)
    vectors = prepared(rng.normal(size=(300, 12)).astype(np.float32), None, "cosine")
    subject = np.arange(300)
    whole, _ = all_against_all(vectors, subject, "cosine")
    short, _ = all_against_all(vectors, subject, "cosine", tail=20)
    exact, coarse = threshold_at(whole, 0.01), threshold_at(short, 0.01)
    assert exact is not None
    assert coarse is not None
    assert (exact[1], coarse[1]) == (True, False)
    assert exact[0] - 1e-9 <= coarse[0] <= exact[0] + 1.0001e-4
    assert passing(whole, coarse[0])[0] <= 0.01 * whole.impostors
    assert passing(short, coarse[0]) == (passing(whole, coarse[0])[0], False)
    inside_bin, known = passing(short, coarse[0] + 0.5e-4)
    assert not known
    assert inside_bin >= passing(whole, coarse[0] + 0.5e-4)[0]
    assert passing(short, float(short.tail[5])) == (6, True)


def test_a_distance_threshold_has_its_own_sign() -> None:
    scores = _scores([-0.3, -0.7], [-0.5 - k / 1000 for k in range(300)], "l2")
    place, _ = threshold_at(scores, 0.01) or (0.0, False)
    point = operating(scores, place, 0.01, None)
    assert point.threshold == pytest.approx(0.5029)
    assert (point.fmr.errors, point.tar.errors, point.tar.n) == (3, 1, 2)


def test_the_interval_is_that_of_the_tables() -> None:
    # Clopper and Pearson, two-sided 95 %: none in 10, one in 10.
    assert Share(0, 10).clopper_pearson == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert Share(1, 10).clopper_pearson == pytest.approx((0.0025, 0.4450), abs=1e-4)
    assert Share(0, 0).value is None
    assert Share(0, 0).clopper_pearson == (0.0, 1.0)


def test_drawn_subjects_weigh_impostor_pairs_by_both() -> None:
    rng = np.random.default_rng(4)
    subject = np.repeat(np.arange(5), [3, 1, 2, 4, 2])
    vectors = prepared(rng.normal(size=(12, 4)).astype(np.float32), None, "cosine")
    for probe, times in ((None, 1), (vectors, 2)):
        scores, _ = all_against_all(vectors, subject, "cosine", probe=probe)
        matched = scores.tail_subjects[scores.tail >= 0.3]
        weights = np.array([[2.0, 0, 1, 1, 1], [1, 1, 1, 1, 1]])
        found = Bootstrap(scores, rng)._false_matches(weights, matched)
        for row, weight in zip(found, weights, strict=True):
            above = of = 0.0
            for i, j in combinations(range(12), 2):
                if subject[i] != subject[j]:
                    both = times * weight[subject[i]] * weight[subject[j]]
                    of += both
                    above += both * (vectors[i] @ vectors[j] >= 0.3)
            assert row == pytest.approx(above / of)


def test_the_bootstrap_sees_that_people_recur() -> None:
    # Forty people with 25 comparisons each, four of whom never match: far fewer than 1000 independent trials.
    subject = np.repeat(np.arange(40), 25)
    genuine = np.where(subject < 4, 0.1, 0.9)
    impostor = np.linspace(-0.5, 0.2, 400)
    values = np.concatenate([genuine, impostor])
    pairs = np.concatenate([np.stack([subject, subject], 1), np.random.default_rng(0).integers(0, 40, (400, 2))])
    scores = of_pairs(values, np.arange(len(values)) < 1000, pairs, "cosine")
    point = operating(scores, 0.15, None, np.random.default_rng(1))
    exact, drawn = point.tar.clopper_pearson, point.tar.bootstrap
    assert drawn is not None
    assert exact == pytest.approx((0.880, 0.918), abs=2e-3)
    # Four in forty: the binomial of 40 gives 0.9 with a deviation of 0.047.
    assert drawn == pytest.approx((0.80, 0.98), abs=0.03)
    assert point.fmr.bootstrap is not None
    again = operating(scores, 0.15, None, np.random.default_rng(1))
    assert again == point


def test_without_an_error_the_bootstrap_says_nothing() -> None:
    point = operating(_scores([0.9, 0.8], [0.1, 0.2]), 0.5, None, np.random.default_rng(1))
    assert (point.fmr.bootstrap, point.tar.bootstrap) == (None, None)
    assert point.fmr.clopper_pearson[1] > 0.8


def test_det_and_equal_errors() -> None:
    scores = _scores([0.1, 0.5, 0.6, 0.7], [0.55, 0.3, 0.2, 0.0])
    found = det(scores)
    assert (found.fmr[0], found.fmr[-1], found.fnmr[0], found.fnmr[-1]) == (1.0, 0.0, 0.0, 1.0)
    assert np.all(np.diff(found.fmr) <= 0)
    assert np.all(np.diff(found.fnmr) >= 0)
    assert found.eer == pytest.approx(0.25)
    assert det(_scores([], [0.1])).eer is None


def test_searches_worked_out_by_hand() -> None:
    none = -np.inf
    searches = Searches(
        mate=np.array([0.9, 0.4, 0.8, none]),
        other=np.array([0.2, 0.5, 0.3, 0.6]),
        subject=np.array([0, 0, 1, 2]),
        gallery=3,
        gallery_subjects=3,
    )
    found = one_to_many(searches, "cosine", given=0.55, seed=1)
    assert (found.rank_one.errors, found.rank_one.n) == (1, 3)
    given = found.points[-1]
    assert (given.fnir.errors, given.fnir.n, given.fpir.errors, given.fpir.n) == (1, 3, 1, 4)
    assert all(point.threshold is None for point in found.points[:-1])
    strict = one_to_many(searches, "cosine", given=0.85, seed=1).points[-1]
    assert (strict.fnir.errors, strict.fpir.errors) == (2, 0)


def test_open_set_thresholds_follow_the_best_foreign_scores() -> None:
    n = 1000
    searches = Searches(np.full(n, 0.95), np.arange(n) / n, np.arange(n), n - 1, n)
    points = one_to_many(searches, "cosine", given=0.5, seed=1).points
    assert [point.threshold for point in points[:2]] == pytest.approx([0.8991, 0.9891])
    assert [point.fpir.errors for point in points[:2]] == [100, 10]
    assert points[1].fnir.errors == n
    assert points[2].threshold is None


def test_each_fold_is_judged_at_the_threshold_of_the_others() -> None:
    scores = np.array([0.9, 0.1, 0.8, 0.2, 0.3, 0.25])
    same = np.array([True, False, True, False, True, False])
    found = k_folds(scores, same, np.array([1, 1, 2, 2, 3, 3]))
    assert found is not None
    # Folds 2 and 3 part at 0.275, 1 and 3 at 0.275 too, 1 and 2 at 0.5, where fold 3's genuine pair is missed.
    assert found.accuracies == (1.0, 1.0, 0.5)
    assert found.mean == pytest.approx(5 / 6)
    assert found.standard_error == pytest.approx(np.std([1, 1, 0.5], ddof=1) / np.sqrt(3))


def test_a_pair_without_a_template_is_judged_to_differ() -> None:
    scores = np.array([np.nan, 0.1, 0.8, np.nan, 0.8, 0.1])
    same = np.array([True, False, True, False, True, False])
    found = k_folds(scores, same, np.array([1, 1, 2, 2, 3, 3]))
    assert found is not None
    assert found.accuracies == (0.5, 1.0, 1.0)
    assert found.not_compared == 2
    assert k_folds(scores, same, np.zeros(6, int)) is None


def test_the_draws_are_as_many_as_stated() -> None:
    assert figures.DRAWS % figures._AT_ONCE == 0
    assert figures.DRAWS == 1000
