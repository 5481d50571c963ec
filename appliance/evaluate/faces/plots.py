"""The report's two plots: the detection error trade-off on logarithmic axes, and how the scores are spread."""

import math

import numpy as np
from markupsafe import Markup

from appliance.evaluate.faces.figures import Operating, shown
from appliance.evaluate.faces.outcome import Section
from appliance.evaluate.faces.scores import BINS, Floats, Ints, edges
from appliance.evaluate.svg import DASHES, FAINT, GRID, INK, MARKS, PALETTE, Axis, Drawing
from appliance.face.types import Metric

_COARSE = 100
_APART = 0.5


def _log(value: float) -> float:
    return math.log10(value)


def _decades(low: float) -> list[float]:
    """1, 0.1, ... down to the last decade at or below `low`."""
    return [10.0**-k for k in range(max(1, math.ceil(-math.log10(low) - 1e-9)) + 1)]


def det_plot(section: Section, words: str) -> Markup | None:
    """FNMR over FMR, both logarithmic, with a mark at each threshold of the table. None without comparisons."""
    if not section.genuine or not section.impostors:
        return None
    across, up = (_decades(1 / n) for n in (section.impostors, section.genuine))
    drawing = Drawing(860, 470, words)
    x, y = Axis(across[-1], 1.0, 76, 560, _log), Axis(up[-1], 1.0, 420, 20, _log)
    for tick in across:
        drawing.line(x(tick), 20, x(tick), 420, GRID)
        drawing.text(x(tick), 437, f"{tick:g}", "middle", FAINT)
    for tick in up:
        drawing.line(76, y(tick), 560, y(tick), GRID)
        drawing.text(70, y(tick) + 4, f"{tick:g}", "end", FAINT)
    drawing.line(76, 420, 560, 420)
    drawing.line(76, 20, 76, 420)
    drawing.text(318, 460, "FMR", "middle")
    drawing.sideways(22, 220, "FNMR")
    curve = [(x(a), y(b)) for a, b in zip(section.det.fmr.tolist(), section.det.fnmr.tolist(), strict=True) if a and b]
    drawing.path(_thin(curve), PALETTE[0])
    given = [(point, f"FMR {point.target:g}") for point in section.points if point.threshold is not None]
    for place, (point, name) in enumerate([*given, (section.given, "threshold of the pack")]):
        _mark(drawing, (x, y), place, point, name)
    return drawing.finish()


def _mark(drawing: Drawing, axes: tuple[Axis, Axis], place: int, point: Operating, name: str) -> None:
    colour, kind = PALETTE[(place + 1) % len(PALETTE)], MARKS[place % len(MARKS)]
    fmr, fnmr = point.fmr.value, None if point.tar.value is None else 1 - point.tar.value
    level = 40 + 22 * place
    drawing.mark(590, level - 4, kind, colour, 5)
    drawing.text(606, level, f"{name}: at {point.threshold:.4f}")
    if fmr is not None and fnmr is not None:
        drawing.mark(axes[0](fmr), axes[1](fnmr), kind, colour, 6)


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without points that do not move; the last one stays."""
    kept: list[tuple[float, float]] = []
    for point in points:
        if not kept or abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) > _APART:
            kept.append(point)
    return [*kept, *points[-1:]]


def spread_plot(section: Section, metric: Metric, threshold: float, words: str) -> Markup | None:
    """Shares of genuine and impostor scores by score, the share logarithmic. None without comparisons."""
    if not section.genuine or not section.impostors:
        return None
    drawing = Drawing(860, 360, words)
    places = sorted(shown(value, metric) for value in (float(edges(metric)[0]), float(edges(metric)[-1])))
    ticks = _decades(1 / section.impostors)
    x, y = Axis(places[0], places[1], 76, 700), Axis(ticks[-1], 1.0, 310, 20, _log)
    for tick in ticks:
        drawing.line(76, y(tick), 700, y(tick), GRID)
        drawing.text(70, y(tick) + 4, f"{tick:g}", "end", FAINT)
    for value in np.linspace(places[0], places[1], 9).tolist():
        drawing.line(x(value), 20, x(value), 310, GRID)
        drawing.text(x(value), 327, f"{value:g}", "middle", FAINT)
    drawing.line(76, 310, 700, 310)
    for place, (name, counts) in enumerate(
        (("impostor", section.impostor_counts), ("genuine", section.genuine_counts))
    ):
        colour, dash = PALETTE[1 - place], DASHES[1 - place]
        steps = [(x(shown(at, metric)), y(max(share, ticks[-1]))) for at, share in _steps(counts, edges(metric))]
        drawing.path(steps, colour, 2, dash)
        drawing.line(716, 40 + 22 * place, 750, 40 + 22 * place, colour, 2, dash)
        drawing.text(758, 44 + 22 * place, name)
    drawing.line(x(threshold), 20, x(threshold), 310, INK, 1.5, "3 3")
    drawing.text(716, 92, "┊ threshold", size=12)
    drawing.text(716, 108, f"of the pack, {threshold:.3f}", size=12)
    drawing.text(388, 350, "comparison score" if metric == "cosine" else "distance", "middle")
    drawing.sideways(22, 165, "share of comparisons")
    return drawing.finish()


def _steps(counts: Ints, places: Floats) -> list[tuple[float, float]]:
    """A histogram as stairs: coarser bins, shares of the whole."""
    coarse = counts.reshape(_COARSE, BINS // _COARSE).sum(axis=1) / max(int(counts.sum()), 1)
    ends = places[:: BINS // _COARSE]
    return [(float(end), float(share)) for k, share in enumerate(coarse) for end in (ends[k], ends[k + 1])]
