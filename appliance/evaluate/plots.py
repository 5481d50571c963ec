"""The report's plots: APCER per species with its bounds, DET curves, and how far skin and species lie apart."""

from collections.abc import Sequence

from markupsafe import Markup
from scipy.special import ndtri

from appliance.evaluate.figures import AttackFigures, Det, percent
from appliance.evaluate.outcome import Outcome
from appliance.evaluate.species import title
from appliance.evaluate.svg import DASHES, FAINT, GRID, INK, MARKS, PALETTE, Axis, Drawing

_LOOK = {"✔": ("#0b7a3e", "circle"), "●": ("#a86400", "diamond"), "✖": ("#b3261e", "cross")}
_ROW = 24


def intervals(figures: Sequence[AttackFigures], marks: Sequence[str], limit: float, words: str) -> Markup:
    """One line a species: the observed APCER and its two bounds, over the limit."""
    height = 44 + _ROW * len(figures)
    drawing = Drawing(860, height, words)
    x = Axis(0.0, 1.0, 260, 760)
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        drawing.line(x(share), 20, x(share), height - 18, GRID)
        drawing.text(x(share), height - 4, percent(share, 0), "middle", FAINT)
    drawing.line(x(limit), 14, x(limit), height - 18, INK, 1, "3 3")
    drawing.text(x(limit) + 4, 12, percent(limit, 0), colour=INK)
    for place, (found, symbol) in enumerate(zip(figures, marks, strict=True)):
        y = 36 + _ROW * place
        colour, kind = _LOOK[symbol]
        rate = found.apcer
        drawing.text(250, y + 4, title(found.species), "end")
        drawing.line(x(rate.lower), y, x(rate.upper), y, colour, 2)
        for end in (rate.lower, rate.upper):
            drawing.line(x(end), y - 5, x(end), y + 5, colour, 2)
        if rate.value is not None:
            drawing.mark(x(rate.value), y, kind, colour, 5.5)
        drawing.text(768, y + 4, f"{rate.errors} of {rate.n}", colour=FAINT)
    return drawing.finish()


_DET_LOW, _DET_HIGH = 0.003, 0.97
_DET_TICKS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)


def det_plot(curves: Sequence[Det], words: str) -> Markup:
    """DET curves on normal deviate scales; the mark on each is where the detector stood."""
    drawing = Drawing(860, 470, words)

    def deviate(value: float) -> float:
        return float(ndtri(value))

    x = Axis(_DET_LOW, _DET_HIGH, 70, 520, deviate)
    y = Axis(_DET_LOW, _DET_HIGH, 420, 20, deviate)
    for tick in _DET_TICKS:
        label = f"{tick * 100:g}"
        drawing.line(x(tick), 20, x(tick), 420, GRID)
        drawing.line(70, y(tick), 520, y(tick), GRID)
        drawing.text(x(tick), 437, label, "middle", FAINT)
        drawing.text(64, y(tick) + 4, label, "end", FAINT)
    drawing.line(70, 420, 520, 420)
    drawing.line(70, 20, 70, 420)
    drawing.text(295, 460, "APCER of the species, %", "middle")
    drawing.sideways(22, 220, "BPCER incl. referred, %")
    for place, curve in enumerate(curves):
        look = place % len(PALETTE)
        colour, dash, kind = PALETTE[look], DASHES[look], MARKS[look]
        points = [(x(float(a)), y(float(b))) for a, b in zip(curve.apcer, curve.bpcer, strict=True)]
        drawing.path(_thin(points), colour, 2, dash)
        apcer, bpcer = curve.at_threshold
        drawing.mark(x(apcer), y(bpcer), kind, colour, 6)
        level = 40 + 22 * place
        drawing.line(545, level - 4, 585, level - 4, colour, 2, dash)
        drawing.mark(565, level - 4, kind, colour, 5)
        drawing.text(594, level, title(curve.species))
    return drawing.finish()


def _thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without points that do not move: a curve of thousands of presentations stays a small file."""
    kept: list[tuple[float, float]] = []
    for point in points:
        if not kept or abs(point[0] - kept[-1][0]) + abs(point[1] - kept[-1][1]) > 0.4:
            kept.append(point)
    return kept


_PANEL, _GAP, _COLUMNS = 190, 22, 4


def separability(rows: Sequence[Outcome], words: str) -> Markup | None:
    """A panel a species: its presentations over those of skin, in the two figures that separate best. None without.

    A presentation that passed has a ring around it.
    """
    names = next((tuple(row.shown) for row in rows if len(row.shown) == 2), None)
    if names is None:
        return None
    seen = [row for row in rows if all(name in row.shown for name in names)]
    skin = [row for row in seen if row.bona_fide][:400]
    species = sorted({row.species for row in seen if not row.bona_fide}, key=title)
    if not skin or not species:
        return None
    lows, highs = zip(*(_span([row.shown[name] for row in seen]) for name in names), strict=True)
    lines = -(-len(species) // _COLUMNS)
    drawing = Drawing(60 + _COLUMNS * (_PANEL + _GAP), 60 + lines * (_PANEL + _GAP + 16), words)
    for place, name in enumerate(species):
        left = 50 + (place % _COLUMNS) * (_PANEL + _GAP)
        top = 24 + (place // _COLUMNS) * (_PANEL + _GAP + 16)
        x = Axis(lows[0], highs[0], left, left + _PANEL)
        y = Axis(lows[1], highs[1], top + _PANEL, top)
        drawing.box(left, top, _PANEL, _PANEL, "#f6f7f9")
        drawing.text(left, top - 6, title(name), size=11.5)
        drawing.dots([(x(row.shown[names[0]]), y(row.shown[names[1]])) for row in skin], "#8a8f98", 2, 0.45)
        for row in (row for row in seen if row.species == name):
            at = x(row.shown[names[0]]), y(row.shown[names[1]])
            drawing.mark(*at, "plus", PALETTE[1], 3.2)
            if row.accepted:
                drawing.mark(*at, "ring", INK, 5.5)
        for share in (0.0, 1.0):
            across, up = (low + share * (high - low) for low, high in zip(lows, highs, strict=True))
            drawing.text(x(across), top + _PANEL + 13, f"{across:.2f}", "end" if share else "start", FAINT, 10)
            if place % _COLUMNS == 0:
                drawing.text(left - 4, y(up) + (9 if share else 0), f"{up:.2f}", "end", FAINT, 10)
    return drawing.finish()


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The range of all but the outermost values, so that one outlier does not press the rest into a corner."""
    ordered = sorted(values)
    cut = len(ordered) // 200
    low, high = ordered[cut], ordered[-1 - cut]
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin
