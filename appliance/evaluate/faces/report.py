"""One HTML file that stands by itself, and a few lines for a terminal: how often a matcher is wrong on these images.

Plain HTML and inline SVG, no script, nothing loaded from elsewhere, and no image of anybody.
"""

import math
from dataclasses import dataclass

from markupsafe import Markup

from appliance.evaluate.faces import plots
from appliance.evaluate.faces.figures import Operating, Share
from appliance.evaluate.faces.outcome import Outcome, Section
from appliance.evaluate.figures import percent
from appliance.evaluate.page import template

PROTOCOLS = {
    "pairs": "Listed pairs",
    "all": "All against all",
}
FACES = {
    "largest": "the largest face of an image counts",
    "central": "the face nearest the middle of an image counts",
    "single": "an image with several faces is a failure to acquire",
}
GOT = {
    "template": "gave a template",
    "missing": "file missing",
    "broken": "file broken, too large or refused",
    "no_face": "no face found",
    "several": "several faces",
    "too_small": "eyes too near together (small, or turned away)",
    "no_template": "no template of the face",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A section with its plots."""

    of: Section
    title: str
    points: tuple[Operating, ...]
    det: Markup | None
    spread: Markup | None


def render(outcome: Outcome) -> str:
    """The page."""
    page = template(
        "appliance.evaluate.faces",
        percent=percent,
        rate=rate,
        interval=interval,
        milliseconds=lambda ms: "not made" if ms is None else f"{ms:.1f}",
        thousands=lambda n: f"{n:,}".replace(",", "\u202f"),
    )
    header = outcome.header
    return page.render(
        header=header,
        acquisition=outcome.acquisition,
        sections=[_shown(section, outcome) for section in outcome.sections],
        face=FACES[header.face],
        got=GOT,
        whole=header.dataset_kind != "lfw" or not header.cut,
    )


def _shown(section: Section, outcome: Outcome) -> Shown:
    header, title = outcome.header, PROTOCOLS[section.protocol]
    words = f"{title}, {header.pack_id} on {header.dataset}"
    return Shown(
        of=section,
        title=title,
        points=(*section.points, section.given),
        det=plots.det_plot(section, f"Detection error trade-off. {words}"),
        spread=plots.spread_plot(section, header.metric, header.pack_threshold, f"Spread of scores. {words}"),
    )


def rate(value: float | None) -> str:
    """A rate as people read it: percent, with as many digits as a small one needs; unknown is not zero."""
    if value is None:
        return "unknown"
    digits = 2 if value == 0 or value >= 1e-3 else min(6, 1 - math.floor(math.log10(100 * value)))
    return percent(value, digits)


def interval(found: tuple[float, float] | None) -> str:
    """Two bounds as people read them."""
    return "says nothing" if found is None else f"{rate(found[0])} to {rate(found[1])}"


def in_words(outcome: Outcome) -> str:
    """The figures for a terminal, one line each."""
    header = outcome.header
    lines = [
        f"{header.pack_id} on {header.dataset}: {header.images} images, {header.subjects} people"
        + (", flip-averaged" if header.flip else "")
        + (", masks drawn on probes" if header.masked else "")
    ]
    for view in outcome.acquisition:
        lines.append(f"{view.view}: FTE {_counted(view.fte)}, FTA {_counted(view.fta)}, several {view.several}")
        if view.find_ms is not None and view.template_ms is not None:
            more = "" if view.mirror_ms is None else f", its mirror image {view.mirror_ms:.1f} ms"
            lines.append(f"  finding {view.find_ms:.1f} ms, template {view.template_ms:.1f} ms{more} (medians)")
    for section in outcome.sections:
        lines.append(
            f"{PROTOCOLS[section.protocol]}: {section.genuine} genuine, {section.impostors} impostor comparisons, "
            f"{section.subjects} people" + ("" if section.det.eer is None else f", EER {rate(section.det.eer)}")
        )
        if section.folds is not None:
            folds = section.folds
            lines.append(f"  accuracy {percent(folds.mean, 2)} ± {percent(folds.standard_error, 2)} (s.e.)")
        lines += [f"  {_point(point)}" for point in (*section.points, section.given)]
        if section.search is not None:
            lines.append(f"  1:N of {section.search.gallery}: rank 1 wrong {_counted(section.search.rank_one)}")
    return "\n".join(lines)


def _counted(share: Share) -> str:
    return f"{share.errors} of {share.n} ({rate(share.value)})"


def _point(point: Operating) -> str:
    name = "threshold of the pack" if point.target is None else f"FMR {point.target:g}"
    if point.threshold is None:
        return f"{name}: not supported by n"
    return (
        f"{name}: threshold {point.threshold:.4f}, FMR {rate(point.fmr.value)}, TAR {rate(point.tar.value)} "
        f"(Clopper-Pearson {interval(point.tar.clopper_pearson)}; bootstrap {interval(point.tar.bootstrap)})"
    )
