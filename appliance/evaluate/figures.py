"""ISO/IEC 30107-3 figures from rows of outcomes.

Terms and formulas are those of ISO/IEC 30107-3, "Metrics for PAD subsystem evaluation" (classification and
non-response metrics) and "Metrics for full-system evaluation". Conventions where the standard leaves a choice:

- A non-response (no face found, capture unusable) is counted in APNRR or BPNRR and in no classification rate: it was
  never accepted, and it does not make APCER look better by adding to n.
- UNDETERMINED is an answer. An attack that gets it is not accepted. A bona fide presentation that gets it is referred:
  it is not in BPCER (classified as an attack) but in "BPCER incl. referred".
- Rates carry exact bounds, each of which holds with 95 % confidence by itself (as in the "rule of 3"; ISO/IEC 19795-1):
  no error in 59 presentations bounds a rate at 5 %, none in 299 at 1 %. Both bounds together hold with 90 %.
- A rate over no presentations is unknown and bounded by 0 and 1.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from appliance.core.types import Result
from appliance.evaluate.outcome import Outcome, Stated

LEVEL = 0.95


def bounds(errors: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Exact bounds of a proportion after Clopper and Pearson (Biometrika 26, 1934), each at `level`.

    Raises ValueError when there are more errors than presentations.
    """
    if not 0 <= errors <= n:
        raise ValueError(f"{errors} errors in {n} presentations")
    if n == 0:
        return 0.0, 1.0
    tail = 1.0 - level
    lower = 0.0 if errors == 0 else float(betaincinv(errors, n - errors + 1, tail))
    upper = 1.0 if errors == n else float(betaincinv(errors + 1, n - errors, 1.0 - tail))
    return lower, upper


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many."""

    errors: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.n:
            raise ValueError(f"{self.errors} errors in {self.n} presentations")

    @property
    def value(self) -> float | None:
        """The observed rate; None when nothing was observed."""
        return self.errors / self.n if self.n else None

    @property
    def lower(self) -> float:
        """Lower 95 % bound."""
        return bounds(self.errors, self.n)[0]

    @property
    def upper(self) -> float:
        """Upper 95 % bound."""
        return bounds(self.errors, self.n)[1]


def percent(value: float | None, digits: int = 1) -> str:
    """A rate as people read it (the space does not break); unknown is not zero."""
    return "unknown" if value is None else f"{100.0 * value:.{digits}f}\u00a0%"


def at_most(found: Rate) -> str:
    """The upper bound as people read it, rounded away from the promise."""
    return percent(min(1.0, math.ceil(1000.0 * found.upper) / 1000.0))


def between(found: Rate) -> str:
    """Both bounds as people read them, rounded outwards."""
    return f"{percent(math.floor(1000.0 * found.lower) / 1000.0)} to {at_most(found)}"


def rate(rows: Iterable[Outcome], is_error: Callable[[Outcome], bool]) -> Rate:
    """The share of rows that are errors."""
    errors = [is_error(row) for row in rows]
    return Rate(sum(errors), len(errors))


@dataclass(frozen=True, slots=True)
class AttackFigures:
    """One PAI species, or several together under `species`.

    `apcer`: attack presentations classified as bona fide, of those that got an answer (APCER of a PAI species).
    `apnrr`: attack presentations without a response, of all. `undetermined`: referred, of those that got an answer.
    `iapar`: impostor attack presentations accepted by detector and matcher together, of all that were compared (full
    system); `matched` the same without the detector. Both are None without a matcher.
    """

    species: str
    apcer: Rate
    undetermined: Rate
    apnrr: Rate
    iapar: Rate | None
    matched: Rate | None


@dataclass(frozen=True, slots=True)
class BonaFideFigures:
    """Bona fide presentations.

    `bpcer`: classified as an attack, of those that got an answer. `bpcer_referred`: that or undetermined. `bpnrr`:
    without a response, of all. `not_accepted`: whatever the reason, of all: what travellers meet.
    """

    bpcer: Rate
    bpcer_referred: Rate
    bpnrr: Rate
    not_accepted: Rate


def attack_figures(species: str, rows: Sequence[Outcome]) -> AttackFigures:
    """Figures of attack presentations."""
    answered = [row for row in rows if row.responded]
    compared = [row for row in rows if row.compared is not None]
    return AttackFigures(
        species=species,
        apcer=rate(answered, lambda row: row.accepted),
        undetermined=rate(answered, lambda row: row.result is Result.UNDETERMINED),
        apnrr=rate(rows, lambda row: not row.responded),
        iapar=rate(compared, lambda row: row.accepted and row.compared is True) if compared else None,
        matched=rate(compared, lambda row: row.compared is True) if compared else None,
    )


def bona_fide_figures(rows: Iterable[Outcome]) -> BonaFideFigures:
    """Figures of the bona fide presentations among the rows."""
    own = [row for row in rows if row.bona_fide]
    answered = [row for row in own if row.responded]
    return BonaFideFigures(
        bpcer=rate(answered, lambda row: row.result is Result.FAILED),
        bpcer_referred=rate(answered, lambda row: not row.accepted),
        bpnrr=rate(own, lambda row: not row.responded),
        not_accepted=rate(own, lambda row: not row.accepted),
    )


def per_species(rows: Iterable[Outcome]) -> list[AttackFigures]:
    """Figures of every PAI species among the rows, worst first.

    ISO/IEC 30107-3 has APCER reported per PAI species and forbids to average over them: the worst one counts.
    """
    by_species: dict[str, list[Outcome]] = defaultdict(list)
    for row in rows:
        if not row.bona_fide:
            by_species[row.species].append(row)
    return sorted((attack_figures(name, found) for name, found in by_species.items()), key=worst_first)


def worst_first(figures: AttackFigures) -> tuple[float, float, str]:
    """Sorting key: observed APCER, then upper bound, both falling. What is unknown stands first."""
    value = figures.apcer.value
    return (-2.0 if value is None else -value, -figures.apcer.upper, figures.species)


def by_group(rows: Iterable[Outcome]) -> dict[str, dict[str, BonaFideFigures]]:
    """Bona fide figures by every value of every group, e.g. by_group(rows)["fitzpatrick"]["VI"]."""
    own = [row for row in rows if row.bona_fide]
    names = sorted({name for row in own for name in row.groups})
    return {
        name: {
            value: bona_fide_figures(row for row in own if row.groups.get(name) == value)
            for value in sorted({row.groups[name] for row in own if name in row.groups})
        }
        for name in names
    }


@dataclass(frozen=True, slots=True, eq=False)
class Det:
    """Detection error trade-off of one PAI species: both error rates as the threshold moves, float64[k].

    `shift` is added to every threshold; at 0 stands the detector as it was. Here an undetermined bona fide presentation
    counts as an error, as there is one threshold only.
    """

    species: str
    shift: NDArray[np.float64]
    apcer: NDArray[np.float64]
    bpcer: NDArray[np.float64]

    @property
    def at_threshold(self) -> tuple[float, float]:
        """APCER and BPCER incl. referred where the detector stood."""
        place = int(np.argmin(np.abs(self.shift)))
        return float(self.apcer[place]), float(self.bpcer[place])


def det(rows: Sequence[Outcome], species: str) -> Det | None:
    """The curve of one species, from the presentations with an answer; None when a side of it is missing.

    A presentation refused although its score would have passed, or without a score, was refused by another check; so it
    is wherever the threshold stands.
    """
    attacks = _margins([row for row in rows if row.responded and row.species == species])
    genuine = _margins([row for row in rows if row.responded and row.bona_fide])
    finite = np.concatenate([attacks, genuine])
    finite = finite[np.isfinite(finite)]
    if not len(attacks) or not len(genuine) or not len(finite):
        return None
    shifts = np.unique(np.concatenate([finite, [0.0], np.nextafter(finite, np.inf)]))
    return Det(
        species=species,
        shift=shifts,
        apcer=np.asarray([(attacks >= shift).mean() for shift in shifts], dtype=np.float64),
        bpcer=np.asarray([(genuine < shift).mean() for shift in shifts], dtype=np.float64),
    )


def _margins(rows: Sequence[Outcome]) -> NDArray[np.float64]:
    """How far each score is above its threshold; minus infinity for what another check refused."""
    margins = []
    for row in rows:
        known = row.score is not None and row.threshold is not None
        margin = row.score - row.threshold if known else -np.inf  # type: ignore[operator]
        margins.append(-np.inf if margin >= 0.0 and not row.accepted else margin)
    return np.asarray(margins, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Whether a threshold carries over: BPCER stated where it was set, and found elsewhere.

    `held`: found is at most twice stated. When nothing was refused where the threshold was set, its upper bound stands
    for what was stated.
    """

    stated: Rate
    found: Rate
    held: bool


def transfer(stated: Stated | None, found: BonaFideFigures) -> Transfer | None:
    """Compare; None when either side has no presentation. Undetermined counts on both sides."""
    if stated is None or not stated.n or not found.bpcer_referred.n:
        return None
    promised = Rate(stated.failed + stated.undetermined, stated.n)
    limit = 2.0 * (promised.value or promised.upper)
    return Transfer(promised, found.bpcer_referred, (found.bpcer_referred.value or 0.0) <= limit)
