"""How the error rates move with the person and with the circumstances, each line held against its target.

Not responsible for counting (`figures`). Targets are the project's own: BPCER of every group and under every condition
at most 5 %, of a group also at most twice the overall one, and no condition may make attacks pass more often.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from appliance.evaluate.figures import BonaFideFigures, Rate, bona_fide_figures, by_group, per_species, rate
from appliance.evaluate.outcome import COVERING, Outcome

BPCER_LIMIT = 0.05
OVERALL_FACTOR = 2.0
SWEEP = "sweep"
"""A condition of this name marks a presentation made to vary one circumstance; headline figures leave it out."""

_EDGES = {"distance_m": (0.5, 0.7, 0.9), "yaw_deg": (10.0, 15.0), "sun": (0.05, 0.2, 0.45), "speed_m_s": (0.05, 0.2)}
_SIZE_ONLY = {"yaw_deg"}
_EXACT = 6


class Verdict(StrEnum):
    """A line against its target."""

    MET = "met"
    MISSED = "missed"
    FEW = "too few to say"


@dataclass(frozen=True, slots=True)
class Line:
    """One group or condition with one value. `limit` is the highest BPCER that meets the target.

    `apcer` is over all species together and `worst` the worst species; both None without attack presentations.
    """

    name: str
    value: str
    bona_fide: BonaFideFigures
    limit: float
    verdict: Verdict
    apcer: Rate | None = None
    worst: tuple[str, Rate] | None = None
    more_pass: bool = False


def headline(rows: Iterable[Outcome]) -> list[Outcome]:
    """The rows the headline figures are made of.

    Outside of it are sweeps, and bona fide presentations under a medical mask, who are asked to take it off.
    """
    return [row for row in rows if SWEEP not in row.conditions and not (row.bona_fide and row.covered)]


def groups(rows: Sequence[Outcome]) -> list[Line]:
    """Every group of people in the headline, in the order of names and values; masks are a group of their own."""
    bare = headline(rows)
    overall = bona_fide_figures(bare).bpcer.value
    limit = BPCER_LIMIT if not overall else min(BPCER_LIMIT, OVERALL_FACTOR * overall)
    masked = by_group(row for row in rows if SWEEP not in row.conditions).get(COVERING, {})
    found = by_group(bare) | ({COVERING: masked} if masked else {})
    return [
        Line(name, value, figures, limit, _verdict(figures.bpcer, limit))
        for name, values in sorted(found.items())
        for value, figures in values.items()
    ]


def conditions(rows: Sequence[Outcome]) -> list[Line]:
    """Every condition that varies in the rows, numbers gathered into steps."""
    base = _apcer(headline(rows) or rows)
    rows = [row for row in rows if not (row.bona_fide and row.covered)]
    lines = []
    for name in sorted({name for row in rows for name in row.conditions} - {SWEEP}):
        having = [row for row in rows if name in row.conditions and _belongs(row, name)]
        steps = _steps(name, [row.conditions[name] for row in having])
        for label, values in steps if len(steps) > 1 else []:
            lines.append(_line(name, label, [row for row in having if row.conditions[name] in values], base))
    return lines


def _belongs(row: Outcome, name: str) -> bool:
    """A presentation of a sweep of one circumstance says nothing of another."""
    return row.conditions.get(SWEEP, name) == name


def _line(name: str, label: str, rows: list[Outcome], base: Rate) -> Line:
    figures = bona_fide_figures(rows)
    apcer = _apcer(rows)
    species = per_species(rows)
    return Line(
        name=name,
        value=label,
        bona_fide=figures,
        limit=BPCER_LIMIT,
        verdict=_verdict(figures.bpcer, BPCER_LIMIT),
        apcer=apcer if species else None,
        worst=(species[0].species, species[0].apcer) if species else None,
        more_pass=bool(species) and base.value is not None and apcer.lower > base.value,
    )


def _apcer(rows: Iterable[Outcome]) -> Rate:
    return rate([row for row in rows if not row.bona_fide and row.responded], lambda row: row.accepted)


def _verdict(found: Rate, limit: float) -> Verdict:
    # Where a single error is more than the limit allows, none or one of them says nothing.
    if found.n * limit < 1.0 and found.errors <= 1:
        return Verdict.FEW
    return Verdict.MISSED if found.errors > limit * found.n else Verdict.MET


def _steps(name: str, values: Sequence[float | str]) -> list[tuple[str, frozenset[float | str]]]:
    """Values as they are when they are few, else gathered between fixed edges (or at the quartiles)."""
    distinct = sorted(set(values), key=lambda value: (isinstance(value, str), value))
    numbers = [value for value in distinct if not isinstance(value, str)]
    if len(distinct) <= _EXACT or len(numbers) != len(distinct):
        return [(value if isinstance(value, str) else f"{value:g}", frozenset({value})) for value in distinct]
    measure = abs if name in _SIZE_ONLY else float
    ordered = sorted(measure(value) for value in values if not isinstance(value, str))
    quartiles = tuple(ordered[len(ordered) * part // 4] for part in (1, 2, 3))
    edges = (float("-inf"), *_EDGES.get(name, quartiles), float("inf"))
    steps = []
    for low, high in pairwise(edges):
        inside = frozenset[float | str](value for value in numbers if low <= measure(value) < high)
        if inside:
            steps.append((_between(low, high), inside))
    return steps


def _between(low: float, high: float) -> str:
    if low == float("-inf"):
        return f"below {high:g}"
    return f"{low:g} and more" if high == float("inf") else f"{low:g} to {high:g}"
