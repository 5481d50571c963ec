"""Figures on rows whose answer is known by hand, and their bounds against an independent way of computing them."""

import math

import numpy as np
import pytest
from evaluate_rows import attack, genuine
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from appliance.core.types import Result
from appliance.evaluate.figures import (
    Rate,
    attack_figures,
    bona_fide_figures,
    bounds,
    by_group,
    det,
    per_species,
    transfer,
)
from appliance.evaluate.outcome import Stated

ACCEPTED, FAILED, UNDETERMINED, SILENT = (
    Result.SUCCESSFUL,
    Result.FAILED,
    Result.UNDETERMINED,
    Result.NOT_PERFORMED,
)


@pytest.mark.parametrize(("n", "upper"), [(59, 0.0495), (299, 0.00997)])
def test_no_error_in_59_bounds_a_rate_at_5_percent_and_in_299_at_1(n: int, upper: float) -> None:
    assert bounds(0, n) == (0.0, pytest.approx(upper, rel=5e-3))
    assert bounds(n, n) == (pytest.approx(1 - upper, rel=5e-3), 1.0)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_are_where_the_binomial_tails_hold_exactly_5_percent(case: tuple[int, int]) -> None:
    errors, n = case
    lower, upper = bounds(errors, n)
    assert lower <= errors / n <= upper
    if errors < n:
        assert binom.cdf(errors, n, upper) == pytest.approx(0.05, abs=1e-9)
    if errors > 0:
        assert binom.sf(errors - 1, n, lower) == pytest.approx(0.05, abs=1e-9)


def test_nothing_observed_is_unknown_and_not_zero() -> None:
    assert Rate(0, 0).value is None
    assert (Rate(0, 0).lower, Rate(0, 0).upper) == (0.0, 1.0)


@pytest.mark.parametrize("case", [(3, 2), (-1, 2), (0, -1)])
def test_impossible_counts_are_refused(case: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="errors in"):
        bounds(*case)
    with pytest.raises(ValueError, match="errors in"):
        Rate(*case)


def test_an_attack_without_a_response_is_neither_accepted_nor_counted_as_refused() -> None:
    rows = [attack(result) for result in [ACCEPTED, FAILED, FAILED, UNDETERMINED, SILENT, SILENT]]
    found = attack_figures("paper_mask", rows)
    assert (found.apcer, found.undetermined, found.apnrr) == (Rate(1, 4), Rate(1, 4), Rate(2, 6))


def test_a_referred_traveller_is_shown_apart_from_a_refused_one() -> None:
    found = bona_fide_figures(
        [genuine(result) for result in [ACCEPTED] * 6 + [FAILED, UNDETERMINED, UNDETERMINED, SILENT]]
    )
    assert found.bpcer == Rate(1, 9)
    assert found.bpcer_referred == Rate(3, 9)
    assert found.bpnrr == Rate(1, 10)
    assert found.not_accepted == Rate(4, 10)


def test_the_worst_species_stands_first_and_what_is_unknown_before_it() -> None:
    rows = [attack(ACCEPTED, "latex_mask"), attack(FAILED, "latex_mask")]
    rows += [attack(FAILED, "print_dye")] * 9 + [attack(SILENT, "screen_lcd")] + [attack(FAILED, "paper_mask")]
    assert [found.species for found in per_species(rows)] == ["screen_lcd", "latex_mask", "paper_mask", "print_dye"]


def test_bona_fide_rows_are_no_attack_and_attacks_no_bona_fide() -> None:
    rows = [genuine(FAILED), attack(ACCEPTED)]
    assert [found.species for found in per_species(rows)] == ["paper_mask"]
    assert bona_fide_figures(rows).bpcer == Rate(1, 1)


def test_the_full_system_accepts_only_what_detector_and_matcher_accept() -> None:
    rows = [
        attack(ACCEPTED, compared=True),
        attack(ACCEPTED, compared=False),
        attack(FAILED, compared=True),
        attack(SILENT, compared=True),
        attack(ACCEPTED, compared=None),
    ]
    found = attack_figures("paper_mask", rows)
    assert (found.iapar, found.matched) == (Rate(1, 4), Rate(3, 4))
    assert attack_figures("paper_mask", [attack(ACCEPTED)]).iapar is None


def test_every_group_is_counted_by_itself() -> None:
    rows = [genuine(FAILED, groups={"fitzpatrick": "VI"}), genuine(ACCEPTED, groups={"fitzpatrick": "VI"})]
    rows += [genuine(ACCEPTED, groups={"fitzpatrick": "II", "glasses": "full_rim"})]
    found = by_group(rows)
    assert found["fitzpatrick"]["VI"].bpcer == Rate(1, 2)
    assert found["fitzpatrick"]["II"].bpcer == Rate(0, 1)
    assert list(found["glasses"]) == ["full_rim"]


def test_det_trades_one_error_for_the_other_and_stands_where_the_detector_stood() -> None:
    rng = np.random.default_rng(7)
    rows = [attack(ACCEPTED if s >= 0.5 else FAILED, score=float(s)) for s in rng.normal(0.3, 0.2, 200)]
    rows += [genuine(ACCEPTED if s >= 0.5 else FAILED, score=float(s)) for s in rng.normal(0.8, 0.15, 300)]
    curve = det(rows, "paper_mask")
    assert curve is not None
    assert (np.diff(curve.apcer) <= 0).all()
    assert (np.diff(curve.bpcer) >= 0).all()
    assert (curve.apcer[0], curve.bpcer[-1]) == (1.0, 1.0)
    apcer, bpcer = curve.at_threshold
    assert apcer == pytest.approx(attack_figures("paper_mask", [r for r in rows if not r.bona_fide]).apcer.value)
    assert bpcer == pytest.approx(bona_fide_figures(rows).bpcer_referred.value)


def test_what_another_check_refused_never_passes_however_low_the_threshold() -> None:
    rows = [attack(FAILED, score=0.9), attack(FAILED, score=0.1), genuine(ACCEPTED, score=0.8)]
    curve = det(rows, "paper_mask")
    assert curve is not None
    assert curve.apcer.max() == 0.5


def test_what_is_refused_at_exactly_its_threshold_was_refused_by_another_check() -> None:
    curve = det([attack(FAILED, score=0.5), genuine(ACCEPTED, score=0.8)], "paper_mask")
    assert curve is not None
    assert curve.apcer.max() == 0.0


def test_an_answer_without_a_score_is_no_pass_at_any_threshold() -> None:
    without = attack(UNDETERMINED).model_copy(update={"score": None, "threshold": None})
    curve = det([without, attack(FAILED, score=0.1), genuine(ACCEPTED, score=0.8)], "paper_mask")
    assert curve is not None
    assert curve.apcer.max() == 0.5
    assert det([without, genuine(ACCEPTED).model_copy(update={"score": None})], "paper_mask") is None


def test_det_needs_scores_of_both_sides() -> None:
    assert det([genuine(ACCEPTED)], "paper_mask") is None
    assert det([attack(SILENT), genuine(ACCEPTED)], "paper_mask") is None


@pytest.mark.parametrize(("refused", "held"), [(4, True), (6, True), (7, False)])
def test_a_threshold_carries_over_when_at_most_twice_the_stated_are_refused(refused: int, held: bool) -> None:
    stated = Stated(n=200, failed=4, undetermined=2, site="site-a")
    found = bona_fide_figures([genuine(FAILED)] * refused + [genuine(ACCEPTED)] * (100 - refused))
    answer = transfer(stated, found)
    assert answer is not None
    assert answer.held is held


def test_without_a_statement_there_is_no_transfer_to_judge() -> None:
    found = bona_fide_figures([genuine(ACCEPTED)])
    assert transfer(None, found) is None
    assert transfer(Stated(n=0, failed=0, undetermined=0, site="a"), found) is None
    assert transfer(Stated(n=3, failed=0, undetermined=0, site="a"), bona_fide_figures([genuine(SILENT)])) is None


def test_no_rate_is_nan() -> None:
    for errors, n in ((0, 1), (1, 1), (1, 2), (500, 1000)):
        assert all(math.isfinite(value) for value in bounds(errors, n))
