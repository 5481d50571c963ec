"""One HTML file that stands by itself: what a detector let through, whom it refused, and how sure that is.

Plain HTML and inline SVG, no script and nothing loaded from elsewhere. Simulated and measured runs never share a file.
Not responsible for counting (`figures`, `sensitivity`) nor drawing (`plots`).
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from markupsafe import Markup

from appliance.evaluate import plots
from appliance.evaluate.claims import Claims, claims_of
from appliance.evaluate.claims_text import GOOD, POOR, bands, bound, cell, mark, shares
from appliance.evaluate.figures import (
    AttackFigures,
    BonaFideFigures,
    Det,
    Transfer,
    at_most,
    between,
    bona_fide_figures,
    det,
    per_species,
    percent,
    transfer,
)
from appliance.evaluate.outcome import Outcome, OutcomesError, Run, RunHeader
from appliance.evaluate.page import template
from appliance.evaluate.sensitivity import BPCER_LIMIT, Line, Verdict, conditions, groups, headline
from appliance.evaluate.species import VOCABULARY, title

_CURVES = 6
_PICTURE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
_SYMBOLS = {Verdict.MET: "✔", Verdict.MISSED: "✖", Verdict.FEW: "○"}
_CLASSES = {"✔": "good", "●": "middling", "✖": "poor", "○": "unknown"}
PROTOCOLS = {
    "leave-one-species-out": "Each species was judged by a detector that had never seen that species.",
    "species-known": "All species of the training set were known to the detector.",
    "shipped": "The detector shipped with the package was tested as it is.",
}
NAMES = {
    "fitzpatrick": "Fitzpatrick skin type",
    "make_up": "make-up",
    "medical_mask": "medical mask",
    "sun": "sunlight (share of full sun)",
    "speed_m_s": "walking speed, m/s",
    "distance_m": "distance, m",
    "yaw_deg": "head turned, degrees",
    "led_drift": "LED drift (share of power)",
}


@dataclass(frozen=True, slots=True)
class Section:
    """Everything the page shows of one run."""

    header: RunHeader
    bands: str
    attacks: list[AttackFigures]
    bona_fide: BonaFideFigures
    transfer: Transfer | None
    folds: tuple[float, float] | None
    groups: list[Line]
    conditions: list[Line]
    intervals: Markup
    det: Markup | None
    separability: Markup | None
    axes: tuple[str, ...]
    reasons: list[tuple[str, int]]
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Picture:
    """An image inside the page."""

    name: str
    source: Markup


def render(runs: Sequence[Run], pictures: Sequence[Path] = ()) -> str:
    """The page. Raises OutcomesError when the runs cannot stand in one report, OSError when a picture is unreadable."""
    if not runs:
        raise OutcomesError("a report needs at least one run")
    kinds = {run.header.kind for run in runs}
    if len(kinds) > 1:
        raise OutcomesError("simulated and measured runs never share a report: make one of each")
    ordered = sorted(runs, key=lambda run: (run.header.dataset, run.header.protocol, len(run.header.band_set)))
    page = template(
        "appliance.evaluate",
        percent=percent,
        title=title,
        mark=mark,
        css=lambda symbol: _CLASSES[symbol],
        counts=shares,
        at_most=at_most,
        between=between,
        named=lambda name: NAMES.get(name, name.replace("_", " ")),
    )
    return page.render(
        kind=kinds.pop(),
        sections=[_section(run) for run in ordered],
        overview=_overview(ordered),
        pictures=[_picture(path) for path in pictures],
        symbols={verdict.value: symbol for verdict, symbol in _SYMBOLS.items()},
        protocols=PROTOCOLS,
        good=GOOD,
        poor=POOR,
        bpcer_limit=BPCER_LIMIT,
        bands=bands,
    )


@dataclass(frozen=True, slots=True)
class Overview:
    """Species by band set for one data set and protocol."""

    columns: list[Claims]
    species: list[str]
    cells: list[list[tuple[str, str]]]
    untested: list[str]


def _overview(runs: Sequence[Run]) -> list[Overview]:
    found = []
    for key in dict.fromkeys((run.header.dataset, run.header.protocol) for run in runs):
        mine = [run for run in runs if (run.header.dataset, run.header.protocol) == key]
        columns = [claims_of(run.header, run.outcomes) for run in mine]
        known = [name for name in VOCABULARY if any(name not in one.untested for one in columns)]
        known.sort(key=lambda name: [-bound(one, name) for one in reversed(columns)])
        cells = [[_styled(cell(one, name)) for one in columns] for name in known]
        found.append(Overview(columns, known, cells, [title(name) for name in VOCABULARY if name not in known]))
    return found


def _styled(words: str) -> tuple[str, str]:
    return _CLASSES[words[0]], words


def _section(run: Run) -> Section:
    header, rows = run.header, headline(run.outcomes)
    label = f"{header.kind.upper()}, {bands(header.band_set)}, data set {header.dataset}"
    attacks = per_species(rows)
    own = bona_fide_figures(rows)
    curves = [curve for found in attacks if (curve := det(rows, found.species)) is not None][:_CURVES]
    folds = tuple(header.fold_bpcer.values())
    names = next((tuple(row.shown) for row in rows if len(row.shown) == 2), ())
    return Section(
        header=header,
        bands=bands(header.band_set),
        attacks=attacks,
        bona_fide=own,
        transfer=transfer(header.stated, own),
        folds=(min(folds), max(folds)) if folds else None,
        groups=groups(run.outcomes),
        conditions=conditions(run.outcomes),
        intervals=plots.intervals(
            attacks, [mark(found.apcer) for found in attacks], GOOD, f"APCER per species with 95 % bounds. {label}"
        ),
        det=plots.det_plot(curves, f"DET curves of the worst species. {label}") if _worth(curves) else None,
        separability=plots.separability(rows, f"Skin against each species in two figures. {label}"),
        axes=names,
        reasons=_reasons(rows),
        milliseconds=1000.0 * median([row.seconds for row in rows] or [0.0]),
    )


def _worth(curves: Sequence[Det]) -> bool:
    """Whether there is anything to see: with no error at any threshold there is no trade-off."""
    return any((curve.apcer * curve.bpcer).any() for curve in curves)


def _reasons(rows: Sequence[Outcome]) -> list[tuple[str, int]]:
    """Why bona fide presentations were not accepted: the first sentence of each, the commonest first."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.bona_fide and not row.accepted:
            words = (
                row.reason.partition(". ")[0].partition(", +")[0].partition(", -")[0].rstrip(".") or "no reason given"
            )
            counts[words] = counts.get(words, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:8]


def _picture(path: Path) -> Picture:
    kind = _PICTURE_TYPES.get(path.suffix.lower())
    if kind is None:
        raise OutcomesError(f"{path} is no PNG or JPEG picture")
    # Safe: base64 holds no character that means anything in HTML.
    return Picture(path.stem, Markup(f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"))
