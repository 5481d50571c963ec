"""Writes a report into a folder: junit.xml, measurements.csv, report.html (stands alone, no script)."""

import csv
import platform
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
from markupsafe import Markup

from appliance.clock import SystemClock
from appliance.evaluate.page import template
from appliance.evaluate.svg import FAINT, GRID, PALETTE, Drawing
from hil.report.measurements import Measurement
from hil.stand import Bench

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 560, 190, 46, 34, 22
_BINS = 40


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the report; `skipped` says why it was not run."""

    name: str
    seconds: float
    wrong: tuple[str, ...]
    skipped: str | None
    expected: str = ""
    note: str = ""

    @property
    def outcome(self) -> str:
        """In one word, for people."""
        return "not run" if self.skipped is not None else "wrong" if self.wrong else "as expected"


@dataclass(frozen=True, slots=True)
class Report:
    """What was run on which bench."""

    title: str
    bench: Bench
    seed: int
    cases: tuple[Case, ...]
    measurements: tuple[Measurement, ...]


def write(report: Report, folder: Path) -> Path:
    """Write the three files; the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    at = SystemClock().now()
    _junit(report, folder / "junit.xml", at)
    _csv(report, folder / "measurements.csv", at)
    page = folder / "report.html"
    plots = [
        (one, histogram(one, _end(one, report.measurements))) for one in report.measurements if len(one.values) > 1
    ]
    page.write_text(
        template("hil.report").render(
            report=report, plots=plots, at=f"{at:%Y-%m-%d %H:%M} UTC", version=version(), machine=machine()
        ),
        encoding="utf-8",
    )
    return page


def version() -> str:
    """The commit this was run from, or "unknown" outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def machine() -> str:
    """What it ran on, without a name."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _junit(report: Report, path: Path, at: datetime) -> None:
    wrong = sum(bool(case.wrong) for case in report.cases)
    left = sum(case.skipped is not None for case in report.cases)
    counts = {"tests": str(len(report.cases)), "failures": str(wrong), "skipped": str(left)}
    suite = Xml.Element("testsuite", {"name": report.title, "timestamp": at.isoformat(timespec="seconds"), **counts})
    properties = Xml.SubElement(suite, "properties")
    facts = {"bench": report.bench.name, "tier": report.bench.tier.name, "version": version(), "seed": str(report.seed)}
    for name, value in facts.items():
        Xml.SubElement(properties, "property", {"name": name, "value": value})
    for case in report.cases:
        element = Xml.SubElement(suite, "testcase", {"name": case.name, "time": f"{case.seconds:.3f}"})
        if case.skipped is not None:
            Xml.SubElement(element, "skipped", {"message": case.skipped})
        for words in case.wrong:
            Xml.SubElement(element, "failure", {"message": words})
    Xml.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _csv(report: Report, path: Path, at: datetime) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("utc", "bench", "test", "quantity", "unit", "value", "highest_allowed", "met", "n", "seed"))
        for one in report.measurements:
            for value in one.values:
                met = "" if one.limit is None else value <= one.limit
                limit = "" if one.limit is None else one.limit
                where = (at.isoformat(timespec="seconds"), report.bench.name, one.test, one.quantity, one.unit)
                rows.writerow((*where, f"{value:.6f}", limit, met, len(one.values), one.seed))


def _end(measured: Measurement, among: Sequence[Measurement]) -> float:
    """Where the axis ends: the same for all of one scale."""
    together = [one for one in among if one.scale == measured.scale] if measured.scale else [measured]
    return max(max(*one.values, one.limit or 0.0) for one in together) * 1.05 or 1.0


def _ticks(end: float) -> list[float]:
    """Round numbers from zero to the end of an axis, about five of them."""
    rough = end / 5
    size = 10.0 ** np.floor(np.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    return [float(step * number) for number in range(int(end / step) + 1)]


def histogram(measured: Measurement, end: float) -> Markup:
    """How often which value from 0 to `end` was seen, with median, 99th percentile and the limit."""
    values = np.asarray(measured.values, np.float64)
    counts, edges = np.histogram(values, bins=_BINS, range=(0.0, end))
    drawing = Drawing(_WIDTH, _HEIGHT, f"{measured.test}, {measured.quantity}: {measured.words()}")

    def x(value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 12) * value / end

    base, most = _HEIGHT - _BOTTOM, max(int(counts.max()), 1)
    for count in sorted({0, most // 2, most}):
        y = base - (base - _TOP) * count / most
        drawing.line(_LEFT, y, _WIDTH - 12, y, GRID)
        drawing.text(_LEFT - 6, y + 4, str(count), "end", FAINT, 11)
    for count, begin, stop in zip(counts, edges[:-1], edges[1:], strict=True):
        height = (base - _TOP) * count / most
        drawing.box(x(begin) + 0.5, base - height, max(x(stop) - x(begin) - 1, 1), height, PALETTE[0])
    for tick in _ticks(end):
        drawing.text(x(tick), base + 15, f"{tick:.3g}", "middle", FAINT, 11)
    drawing.text(_WIDTH - 12, base + 29, f"{measured.quantity}, {measured.unit}", "end", FAINT, 11)
    _marks(drawing, measured, x, base)
    return drawing.finish()


def _marks(drawing: Drawing, measured: Measurement, x: Callable[[float], float], base: float) -> None:
    marks: tuple[tuple[float | None, str, str], ...] = (
        (measured.percentile(50), "p50", "2 3"),
        (measured.percentile(99), "p99", "7 3"),
        (measured.limit, "limit", ""),
    )
    for place, (value, words, dash) in enumerate(marks):
        if value is not None:
            colour = PALETTE[1] if words == "limit" else FAINT
            drawing.line(x(value), _TOP - 4, x(value), base, colour, 1.5, dash)
            # Two marks close to each other are named on two lines.
            drawing.text(x(value), 9 + 9 * (place % 2), words, "middle", colour, 11)
