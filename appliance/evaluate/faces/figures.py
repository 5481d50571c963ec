"""ISO/IEC 19795-1 figures from comparison scores: FMR, FNMR, DET, and thresholds at a false match rate.

Conventions where the standard leaves a choice:

- FMR and FNMR are over comparisons that took place. Images that gave no template are in FTE (no image could be read)
  and FTA (no face, several, too small, no template), and in the generalised rates beside.
- A threshold is the lowest one whose observed FMR is not above the one asked for. It is given only where the number of
  impostor comparisons supports the rate by the "rule of 3": no error in 3/p independent trials bounds p with 95 %.
- Intervals are two-sided, 95 %, and of two kinds. "Clopper-Pearson" takes every comparison as independent, which they
  are not where people or images recur: it is too narrow there. "Bootstrap" draws whole subjects with replacement
  (subsets bootstrap; Bolle, Ratha, Pankanti, Computer Vision and Image Understanding 93, 2004): a subject drawn w
  times has weight w in its genuine comparisons, and w times the other's weight in impostor ones. Without any error it
  says nothing, and is left out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.faces.scores import BINS, Floats, Ints, Scores, Searches, edges
from appliance.evaluate.figures import bounds
from appliance.face.types import Metric

TARGETS = (1e-2, 1e-3, 1e-4, 1e-5)
DRAWS = 1000
RULE_OF_3 = 3.0
RESOLUTION = 1e-4
_STEPS = 10_000
_SIDE = 0.975
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with both intervals; `bootstrap` None where it says nothing."""

    errors: int
    n: int
    bootstrap: tuple[float, float] | None = None

    @property
    def value(self) -> float | None:
        """The observed share."""
        return self.errors / self.n if self.n else None

    @property
    def clopper_pearson(self) -> tuple[float, float]:
        """Exact two-sided 95 % interval of independent trials."""
        return bounds(self.errors, self.n, _SIDE)


@dataclass(frozen=True, slots=True)
class Operating:
    """What happens at one threshold, in the metric's own sense (cosine at least, distance at most).

    `target`: the FMR asked for, None where the threshold was given. `threshold` None: not supported by n. `exact`:
    false matches were counted from single scores, not from whole bins of the histogram (then never too few).
    """

    target: float | None
    threshold: float | None
    fmr: Share
    tar: Share
    exact: bool


def supported(target: float, n: int) -> bool:
    """Whether n impostor comparisons can speak of this rate at all (rule of 3)."""
    return n * target >= RULE_OF_3


def shown(similarity: float, metric: Metric) -> float:
    """A threshold as the metric has it."""
    return similarity if metric == "cosine" else -similarity


def threshold_at(scores: Scores, target: float) -> tuple[float, bool] | None:
    """The lowest threshold (a similarity) with an observed FMR of at most `target`, and whether single scores gave it.

    It is a multiple of RESOLUTION, rounded towards refusing, so that it can be copied from a page and still holds what
    it promises. None when n does not support the target.
    """
    if not supported(target, scores.impostors):
        return None
    allowed = int(np.floor(target * scores.impostors + 1e-9))
    if allowed < len(scores.tail):
        return _above(float(scores.tail[allowed])), True
    from_above = np.cumsum(scores.counts[::-1])
    whole_bins = int(np.searchsorted(from_above, allowed, side="right"))
    return round(float(edges(scores.metric)[BINS - whole_bins]), 4), False


def _above(score: float) -> float:
    """The lowest multiple of RESOLUTION above a score that must not pass."""
    step = int(np.floor(score * _STEPS)) + 1
    return step / _STEPS if step / _STEPS > score else (step + 1) / _STEPS


def passing(scores: Scores, similarity: float) -> tuple[int, bool]:
    """Impostor comparisons at or above a threshold, and whether that is exact (else to the bin, never too few)."""
    kept = int(np.searchsorted(-scores.tail, -similarity, side="right"))
    if kept < len(scores.tail) or len(scores.tail) == scores.impostors:
        return kept, True
    place = int(np.searchsorted(edges(scores.metric), similarity, side="right")) - 1
    return int(scores.counts[max(place, 0) :].sum()), False


def operating(scores: Scores, similarity: float, target: float | None, rng: np.random.Generator | None) -> Operating:
    """Rates at a threshold; with `rng` the bootstrap intervals too."""
    false_matches, exact = passing(scores, similarity)
    accepted = scores.genuine >= similarity
    low, high = Bootstrap(scores, rng).intervals(similarity, exact) if rng is not None else (None, None)
    return Operating(
        target=target,
        threshold=shown(similarity, scores.metric),
        fmr=Share(false_matches, scores.impostors, low),
        tar=Share(int(accepted.sum()), len(scores.genuine), high),
        exact=exact,
    )


def at_targets(scores: Scores, seed: int) -> list[Operating]:
    """Operating points at every FMR of TARGETS."""
    found = []
    for target in TARGETS:
        place = threshold_at(scores, target)
        if place is None:
            nothing = Share(0, 0)
            found.append(Operating(target, None, nothing, nothing, exact=False))
        else:
            found.append(operating(scores, place[0], target, np.random.default_rng(seed)))
    return found


Interval = tuple[float, float] | None


class Bootstrap:
    """Draws of subjects, and what the rates would have been with them."""

    def __init__(self, scores: Scores, rng: np.random.Generator, draws: int = DRAWS) -> None:
        self._scores, self._rng, self._draws = scores, rng, draws

    def intervals(self, similarity: float, exact: bool) -> tuple[Interval, Interval]:
        """Percentile intervals of FMR and of TAR at a threshold."""
        s = self._scores
        if s.subjects < 2:
            return None, None
        ok = s.genuine >= similarity
        accepted = np.bincount(s.genuine_subject, ok, s.subjects)
        all_genuine = np.bincount(s.genuine_subject, minlength=s.subjects)
        high = s.tail >= similarity
        fmr, tar = [], []
        for start in range(0, self._draws, _AT_ONCE):
            count = min(_AT_ONCE, self._draws - start)
            weights = self._rng.multinomial(s.subjects, np.full(s.subjects, 1 / s.subjects), count).astype(np.float64)
            tar.append(_ratio(weights @ accepted, weights @ all_genuine))
            if exact and high.any():
                fmr.append(self._false_matches(weights, s.tail_subjects[high]))
        some = 0 < ok.sum() < len(ok)
        return _percentiles(fmr) if fmr else None, _percentiles(tar) if some else None

    def _false_matches(self, weights: Floats, matched: Ints) -> Floats:
        s = self._scores
        errors = np.array([(row[matched[:, 0]] * row[matched[:, 1]]).sum() for row in weights])
        if s.images is None:
            pairs = s.tail_subjects
            return _ratio(errors, np.array([(row[pairs[:, 0]] * row[pairs[:, 1]]).sum() for row in weights]))
        brought = weights * s.images
        both = (brought.sum(axis=1) ** 2 - (brought**2).sum(axis=1)) / 2
        # Ordered comparisons (a masked probe) count both ways round.
        once = (s.images.sum() ** 2 - (s.images**2).sum()) // 2
        return _ratio(errors, both * (s.impostors / once))


def _ratio(errors: Floats, of: Floats) -> Floats:
    return np.asarray(np.divide(errors, of, out=np.full(len(errors), np.nan), where=of > 0), np.float64)


def _percentiles(draws: list[Floats]) -> Interval:
    found = np.concatenate(draws)
    found = found[np.isfinite(found)]
    if not len(found):
        return None
    low, high = np.percentile(found, [100 * (1 - _SIDE), 100 * _SIDE])
    return float(low), float(high)


@dataclass(frozen=True, slots=True, eq=False)
class Det:
    """Both error rates at every edge of the histogram, float64[BINS + 1], and where they are equal."""

    fmr: Floats
    fnmr: Floats
    eer: float | None


def det(scores: Scores) -> Det:
    """The detection error trade-off, to the bin."""
    places = edges(scores.metric)
    above = np.concatenate([np.cumsum(scores.counts[::-1])[::-1], [0]])
    fmr = above / max(scores.impostors, 1)
    fnmr = np.searchsorted(np.sort(scores.genuine), places) / max(len(scores.genuine), 1)
    if not scores.impostors or not len(scores.genuine):
        return Det(fmr, fnmr, None)
    cross = int(np.argmin(np.abs(fmr - fnmr)))
    return Det(fmr, fnmr, float((fmr[cross] + fnmr[cross]) / 2))


@dataclass(frozen=True, slots=True)
class Identification:
    """1:N at one threshold. `fnir`: mated searches whose mate is not first or not at the threshold (rank 1, FNIR(N, 1,
    T)); `fpir`: searches of people who are not in the gallery with any candidate at the threshold.
    """

    target: float | None
    threshold: float | None
    fnir: Share
    fpir: Share


@dataclass(frozen=True, slots=True)
class OneToMany:
    """Leave-one-out: closed set (`rank_one` errors, no threshold) and open set at thresholds of a given FPIR."""

    gallery: int
    gallery_subjects: int
    rank_one: Share
    points: list[Identification]


FPIR_TARGETS = (1e-1, 1e-2, 1e-3)


def one_to_many(searches: Searches, metric: Metric, given: float, seed: int) -> OneToMany:
    """Figures of the searches. `given`: the threshold of the pack (a similarity), whose rates are shown too."""
    mated = np.isfinite(searches.mate)
    missed = mated & (searches.mate <= searches.other)
    points = []
    order = np.sort(searches.other[np.isfinite(searches.other)])[::-1]
    for target in FPIR_TARGETS:
        if not supported(target, len(order)):
            points.append(Identification(target, None, Share(0, 0), Share(0, 0)))
            continue
        place = _above(float(order[int(target * len(order) + 1e-9)]))
        points.append(_identified(searches, place, target, metric, seed))
    points.append(_identified(searches, given, None, metric, seed))
    rank_one = _share(missed, mated, searches.subject, seed)
    return OneToMany(searches.gallery, searches.gallery_subjects, rank_one, points)


def _identified(searches: Searches, place: float, target: float | None, metric: Metric, seed: int) -> Identification:
    mated, sought = np.isfinite(searches.mate), np.isfinite(searches.other)
    missed = mated & ((searches.mate <= searches.other) | (searches.mate < place))
    fnir = _share(missed, mated, searches.subject, seed)
    fpir = _share(sought & (searches.other >= place), sought, searches.subject, seed)
    return Identification(target, shown(place, metric), fnir, fpir)


def _share(errors: NDArray[np.bool_], of: NDArray[np.bool_], subject: Ints, seed: int) -> Share:
    """A share of searches, subjects drawn for the bootstrap (the gallery stays as it is)."""
    count, n = int(errors.sum()), int(of.sum())
    if not 0 < count < n:
        return Share(count, n)
    people = int(subject.max()) + 1
    wrong, all_ = np.bincount(subject, errors, people), np.bincount(subject, of, people)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(0, DRAWS, _AT_ONCE):
        weights = rng.multinomial(people, np.full(people, 1 / people), _AT_ONCE).astype(np.float64)
        draws.append(_ratio(weights @ wrong, weights @ all_))
    return Share(count, n, _percentiles(draws))


@dataclass(frozen=True, slots=True)
class Folds:
    """Accuracy of a k-fold protocol: mean over folds and its standard error (deviation over the root of k)."""

    accuracies: tuple[float, ...]
    mean: float
    standard_error: float
    not_compared: int


def k_folds(scores: Floats, same: NDArray[np.bool_], fold: Ints) -> Folds | None:
    """View 2 of LFW: on each fold, the threshold that is best on all others. float64[n], bool[n], int64[n].

    NaN: the pair could not be compared; it is judged to be different people. None with fewer than two folds that hold
    pairs of both kinds.
    """
    values = np.where(np.isnan(scores), -np.inf, scores)
    folds = [k for k in np.unique(fold) if len(np.unique(same[fold == k])) == 2]
    if len(folds) < 2:
        return None
    accuracies = []
    for k in folds:
        learn, test = (fold != k), (fold == k)
        place = _best_threshold(values[learn], same[learn])
        accuracies.append(float(((values[test] >= place) == same[test]).mean()))
    spread = float(np.std(accuracies, ddof=1) / np.sqrt(len(accuracies)))
    return Folds(tuple(accuracies), float(np.mean(accuracies)), spread, int(np.isnan(scores).sum()))


def _best_threshold(values: Floats, same: NDArray[np.bool_]) -> float:
    """Half-way between the two neighbouring scores that part genuine from impostor best."""
    order = np.argsort(-values, kind="stable")
    ranked, truth = values[order], same[order]
    right = np.concatenate([[0], np.cumsum(np.where(truth, 1, -1))])
    ends = np.concatenate([[True], ranked[1:] != ranked[:-1], [True]])
    best = int(np.argmax(np.where(ends, right, -len(values))))
    above = ranked[best - 1] if best > 0 else np.inf
    below = ranked[best] if best < len(ranked) else -np.inf
    return float((above + below) / 2) if np.isfinite(above) and np.isfinite(below) else float(above)
