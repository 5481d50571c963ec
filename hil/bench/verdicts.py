"""Every fault a virtual passport can have, and what the reader makes of it: lines for a terminal and docs/passport.md.

Not responsible for judging (`appliance.document`) nor for the faults (`hil.passport.faults`): both are only asked.
"""

from collections.abc import Iterable, Iterator
from datetime import date

from appliance.document.inspection import Inspection
from appliance.document.inspector import inspect
from appliance.document.judge import judge
from appliance.document.reasons import VERDICTS, Reason
from appliance.document.rules import Rules
from appliance.document.trust.anchors import Anchors
from appliance.runtime.document_report import ACTIONS, NAMES, SYMBOLS, action_of
from appliance.runtime.documents import carry
from hil.passport.faults import FAULTS, Fault
from hil.passport.personalise import make_passport
from hil.plate import PassportReader
from hil.scene import CAST, render_portrait

FAULT_COLUMNS = ("fault", "what is wrong", "found", "step", "result", "what happens")
REASON_COLUMNS = ("reason", "step", "result", "what happens", "what the guard reads")
Cells = tuple[str, ...]


async def inspected(fault: Fault, anchors: Anchors, on: date) -> Inspection:
    """A passport with this fault, read through the lane's own carrier and judged; its silence takes 12 s."""
    document = make_passport(CAST[0], render_portrait(CAST[0]), faults=(fault,))
    inspection = await carry(inspect(document.printed, on, anchors, Rules()), PassportReader(document))
    judged = (await judge(inspection)).inspection
    assert judged is not None
    return judged


def of_fault(fault: Fault, inspection: Inspection) -> Cells:
    """What was found of it, the gravest first, whose step and result are told; FAULT_COLUMNS."""
    reasons = inspection.reasons()
    step, result = _gravest(reasons)
    return fault, FAULTS[fault].words, ", ".join(reasons), step, result, ACTIONS[action_of(inspection)]


def _gravest(reasons: tuple[Reason, ...]) -> tuple[str, str]:
    return _judgement(reasons[0]) if reasons else ("", "✓ successful")


def _judgement(reason: Reason) -> tuple[str, str]:
    verdict = VERDICTS[reason]
    return NAMES[verdict.step], f"{SYMBOLS[verdict.result][0]} {verdict.result.replace('_', ' ')}"


def of_reasons() -> Iterator[Cells]:
    """What each reason means; REASON_COLUMNS."""
    for reason, verdict in VERDICTS.items():
        yield reason, *_judgement(reason), ACTIONS[verdict.action], verdict.words


def line(cells: Iterable[str]) -> str:
    """One line of a table in Markdown; what stands first is a word of the program's."""
    first, *rest = cells
    return f"| `{first}` | {' | '.join(rest)} |"


def markdown(columns: Cells, rows: Iterable[Cells]) -> str:
    """A table in Markdown."""
    head = f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|\n"
    return head + "".join(f"{line(cells)}\n" for cells in rows)


def markers(name: str) -> tuple[str, str]:
    """The lines of a page between which a table stands."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
