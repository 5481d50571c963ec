"""The sentences that lanes and the console's server send to guards, collected where they are made. Test only.

Tables are imported; what stands in code is read from its syntax tree, with samples where a sentence takes a value. Not
collected are errors of drivers and of files, which guards see as details in English.
"""

import ast
import json
import re
from collections.abc import Iterator
from importlib import resources
from itertools import product
from pathlib import Path

from appliance.core import phases
from appliance.core.faults import CATALOGUE
from appliance.core.types import ADVICE_WORDS
from appliance.evaluate.figures import percent
from appliance.evaluate.species import VOCABULARY
from appliance.liveness import words
from appliance.liveness.circumstances import CIRCUMSTANCES
from appliance.observe import alerts, post
from ui.proofs import CONFIRM, SECOND

ROOT = Path(__file__).parents[3]

SPOKEN = (
    *(f"appliance/core/{name}.py" for name in ("decision", "passage")),
    *(f"appliance/document/{name}.py" for name in ("mrz", "judge", "portrait")),
    *(f"appliance/vision/{name}.py" for name in ("verdict", "enrolled", "inference", "matcher")),
    "appliance/face/quality/portrait.py",
    *(
        f"appliance/liveness/{name}.py"
        for name in ("assess", "calibration", "decode", "detector", "face_frame", "reading")
    ),
    *(f"appliance/runtime/{name}.py" for name in ("claims", "evidence", "history", "installed", "lane", "presence")),
    *(f"appliance/runtime/{name}.py" for name in ("reader", "verification", "wellness")),
    *(
        f"appliance/runtime/{name}.py"
        for name in ("configured", "questions", "self_test", "setup", "standing", "thresholds")
    ),
    "appliance/proofs.py",
    *(f"appliance/vision/{name}.py" for name in ("focus", "steady")),
    *(f"appliance/control/{name}.py" for name in ("client", "server")),
    *(f"appliance/observe/{name}.py" for name in ("alerts", "post", "watcher")),
    *(
        f"ui/{name}.py"
        for name in (
            "accounts",
            "auth",
            "history",
            "lanes",
            "passkeys",
            "people",
            "proofs",
            "security",
            "setup",
            "staff",
        )
    ),
)
"""Modules whose sentences reach a guard."""

REFUSALS = frozenset(
    (
        "HTTPException",
        "LaneUnreachable",
        "PasskeyRefused",
        "PasswordRefused",
        "Reply",
        "StaffRefused",
        "_lost",
        "MissingLane",
    )
)
"""Calls whose strings do, in whatever form."""

ELSEWHERE = (
    "A calibration ",
    "No claim",
    "The battery is nearly empty; the lane has ended",
    "gallery.identify_threshold",
    "there is no detector for the band set",
    "{where} is not a detector",
    "{path}",
    "{source}",
    "{self._path",
    "{when} Run",
    "{one.lane}: {one.problem}",
    "{fault.device}: {CATALOGUE",
    "{name} {report.figures[name]}",
    "{json.dumps",
    "Not good enough:",
    "{which} answers",
    "{words} if that does not help",
)
"""What looks like a sentence and ends on a terminal, in a log or a file; and parts `_tables` has whole."""

_LEDS = ("LED 850", "LEDs 850, 940")
_CLAIMED = ("Measured: no species.",)
SAMPLES: dict[str, tuple[str, ...]] = {
    "what": ("document", "enrolment"),
    "door.value": ("entry", "exit"),
    "words": ("The chip was not read.",),
    "which": _LEDS,
    "_named(over)": _LEDS,
    "said": _CLAIMED,
    "NOTHING": _CLAIMED,
    "_known(lane)": _CLAIMED,
    "_known(lane, upper=True)": _CLAIMED,
    "most": (percent(0.12),),
    "word": ("Measured", "Simulated"),
    "kind": ("real", "simulated"),
    "name": ("document number",),
    "_title(report.suspected_species)": ("Resin mask",),
}


def collected() -> list[str]:
    """Every sentence once, sorted."""
    return sorted({*_tables(), *(sentence for path in SPOKEN for sentence in _in_code(ROOT / path))})


def _tables() -> Iterator[str]:
    for fault in CATALOGUE.values():
        yield from (fault.title, fault.advice, f"{fault.advice} (no answer)")
    yield from ADVICE_WORDS.values()
    yield from (one.title for one in VOCABULARY.values())
    yield from (one.words for one in CIRCUMSTANCES)
    yield from (words.COVERED, words.UNLIKE_SKIN, alerts.LOOKS, alerts.LIMIT, post.HANGS, post.NOTHING_MOVES)
    yield from (CONFIRM, SECOND)
    yield from ("No LED answers at the grey reference.", "Not good enough: Come closer. Stand still.")
    yield "LEDs differ from their calibration: 850 +9%."
    yield "Clean the lamps and the reference; if that does not help, calibrate anew."
    yield from (_spaced(phase.__name__) for phase in phases.Phase.__args__)
    for file in resources.files("appliance.liveness").joinpath("learned").iterdir():
        if file.name.endswith(".json"):
            yield from (words.describe(name, 2.0) for name in json.loads(file.read_text())["names"])


def _spaced(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r" \1", name).capitalize()


def _in_code(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    refusals = {
        id(part)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _called(call) in REFUSALS
        for argument in (
            *call.args,
            *(keyword.value for keyword in call.keywords if keyword.arg in ("message", "problem")),
        )
        for part in ast.walk(argument)
    }
    for node, form in _strings(tree):
        prose = " " in form.strip() and not form.startswith(ELSEWHERE)
        if prose and (id(node) in refusals or re.match(r"[A-Z{].*([.:?]$|[.:;?] )", form)):
            yield from _filled(node)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _strings(tree: ast.AST) -> Iterator[tuple[ast.Constant | ast.JoinedStr, str]]:
    """Strings that are neither documentation nor part of another one, with their source form."""
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    parts |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in parts:
            continue
        if isinstance(node, ast.JoinedStr):
            yield node, "".join(_form(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value


def _form(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"  # type: ignore[attr-defined]


def _filled(node: ast.Constant | ast.JoinedStr) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
        return
    choices = [
        (str(part.value),) if isinstance(part, ast.Constant) else SAMPLES.get(ast.unparse(part.value), ("7",))  # type: ignore[attr-defined]
        for part in node.values
    ]
    yield from ("".join(chosen) for chosen in product(*choices))
