"""The tour's table and its JSON. Nothing here judges."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from rich.table import Table
from rich.text import Text

from hil.scenarios.conductor import Got
from hil.scenarios.script import Passage

_LONGEST_REASON = 140


@dataclass(frozen=True, slots=True)
class Line:
    """One passage of the tour and everything about it that was not as expected; what a second detector said."""

    passage: Passage
    got: Got
    wrong: tuple[str, ...]
    shadow: str = ""


def _expected(passage: Passage) -> str:
    want = passage.expected
    return _sentence(
        outcome=str(want.outcome),
        inside=want.inside,
        suspected=bool(want.suspected),
        checks={name: str(result) for name, result in want.checks.items()} | dict.fromkeys(want.held, "held"),
        faults=sorted(want.faults),
    )


def _got(line: Line) -> str:
    got, want = line.got, line.passage.expected
    return _sentence(
        outcome=str(got.outcome or "no end"),
        inside=got.inside,
        suspected=got.suspected,
        checks={name: got.checks.get(name, ("absent", ""))[0] for name in (*want.checks, *want.held)},
        faults=sorted(got.faults),
    )


def _sentence(*, outcome: str, inside: bool | None, suspected: bool, checks: dict[Any, str], faults: list[int]) -> str:
    parts = [] if inside is None else ["referred inside" if inside else "referred outside"]
    parts += ["suspected attack"] if suspected else []
    parts += [f"{name} {result}" for name, result in checks.items()]
    parts += [f"fault {code}" for code in faults]
    return "; ".join([*parts, outcome]).replace("_", " ")


def table(lines: Sequence[Line]) -> Table:
    """The passages as a table for people."""
    shown = Table(title="Tour of the simulated lane", show_lines=True)
    for heading in ("passage", "expected", "got", "reasons", "seconds"):
        shown.add_column(heading, justify="right" if heading == "seconds" else "left", overflow="fold")
    for line in lines:
        reasons = "\n".join(shorten(reason.replace("_", " "), _LONGEST_REASON) for reason in line.got.reasons())
        got = Text(_got(line), style="red" if line.wrong else "green")
        for wrong in line.wrong:
            got.append(f"\n✗ {wrong}", style="bold red")
        if line.shadow:
            got.append(f"\nin the shadow: {line.shadow}", style="dim")
        mark = "✗" if line.wrong else "✓"
        title = f"{mark} {line.passage.title}"
        shown.add_row(title, _expected(line.passage), got, reasons, f"{line.got.seconds:.1f}")
    return shown


def write_json(path: Path, lines: Sequence[Line], *, pack: str, topology: str, journal: str) -> None:
    """The passages as JSON for programs."""
    record = {
        "pack": pack,
        "topology": topology,
        "journal": journal,
        "passed": bool(lines) and not any(line.wrong for line in lines),
        "passages": [
            {
                "name": line.passage.name,
                "expected": _expected(line.passage),
                "got": _got(line),
                "reasons": line.got.reasons(),
                "wrong": list(line.wrong),
                "shadow": line.shadow,
                "seconds": round(line.got.seconds, 2),
            }
            for line in lines
        ],
    }
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
