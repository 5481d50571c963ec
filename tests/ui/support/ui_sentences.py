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
from typing import get_args

from appliance.core import phases
from appliance.core.faults import CATALOGUE
from appliance.core.types import ADVICE_WORDS
from appliance.document.reasons import VERDICTS
from appliance.evaluate.figures import percent
from appliance.evaluate.outcome import Protocol
from appliance.evaluate.species import VOCABULARY
from appliance.liveness import words
from appliance.liveness.circumstances import CIRCUMSTANCES
from appliance.models.catalogue import PACKS
from appliance.observe import alerts, post
from appliance.runtime import configured, thresholds
from drivers.ports import DoorPosition
from ui.proofs import CONFIRM, SECOND

ROOT = Path(__file__).parents[3]

SPOKEN = (
    *(f"appliance/core/{name}.py" for name in ("decision", "passage")),
    "appliance/document/judge.py",
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

TOLD = frozenset(
    (
        "appliance/proofs.py",
        "appliance/vision/steady.py",
        *(f"appliance/runtime/{name}.py" for name in ("configured", "self_test", "thresholds")),
    )
)
"""Modules of which nearly everything reaches a page: all their strings of several words, whatever they begin with."""

WORDS = frozenset(("Proof", "_holds", "_lost"))
"""Calls whose strings do, single words too."""

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
    "; ",
    "{seconds} s",
    "{identity.model}",
    "{band.dataset}",
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
    "door": ("entry", "exit"),
    "position": tuple(DoorPosition),
    "persons": ("7", "unknown"),
    "left": ("yes", "no", "unknown"),
    "until": ("", "; the next expires 2026-03-01"),
    "config.band_set": ("rgb+850+940",),
    "', masks drawn on' if report.masked else ''": (", masks drawn on",),
    "pack.grade": tuple({pack.grade for pack in PACKS.values()}),
    "pack.caution": tuple(pack.caution for pack in PACKS.values()),
    "pack.title": tuple(pack.title for pack in PACKS.values()),
}


def collected() -> list[str]:
    """Every sentence once, sorted."""
    return sorted({*_tables(), *(sentence for path in SPOKEN for sentence in _in_code(ROOT / path))})


def _tables() -> Iterator[str]:
    for fault in CATALOGUE.values():
        yield from (fault.title, fault.advice, f"{fault.advice} (no answer)")
    yield from ADVICE_WORDS.values()
    yield from (verdict.words for verdict in VERDICTS.values())
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
            learned = json.loads(file.read_text())
            yield from (words.describe(name, 2.0) for name in learned["names"])
            yield from (learned["version"], learned["learned_on"])
    yield from (f"examiner-8, {protocol}" for protocol in get_args(Protocol))
    yield from (words for limit in thresholds.quality() for words in (limit.measure, limit.words))
    yield from (
        configured.NONE,
        *configured.WORDS.values(),
        *configured.TRUST_WORDS.values(),
        *thresholds.LIMITS.values(),
        *(p.caution for p in PACKS.values()),
    )
    yield from ("unknown", *(pack.grade for pack in PACKS.values()))
    yield "5 frames, 0 lost between, mean level 100 DN; numbers or times go back; it repeats its pictures"
    yield from ("camera.nir: Camera lost. No frame came.", "camera.nir: Camera lost.")


def _spaced(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r" \1", name).capitalize()


def _in_code(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    refusals, single = (
        _arguments(tree, REFUSALS, ("message", "problem")),
        _arguments(tree, WORDS, ("part", "what", "seen")),
    )
    told = str(path.relative_to(ROOT)) in TOLD
    for node, form in _strings(tree):
        if form.startswith(ELSEWHERE):
            continue
        prose = told or id(node) in refusals or re.match(r"[A-Z{].*([.:?]$|[.:;?] )", form) is not None
        if id(node) in single or (prose and " " in form.strip()):
            yield from _filled(node)


def _arguments(tree: ast.AST, calls: frozenset[str], names: tuple[str, ...]) -> set[int]:
    """Everything within the arguments of some calls, those by place and those of some names; no key of a mapping."""
    keys = {id(part.slice) for part in ast.walk(tree) if isinstance(part, ast.Subscript)}
    found = {
        id(part)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and _called(call) in calls
        for argument in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in names))
        for part in ast.walk(argument)
    }
    return found - keys


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
