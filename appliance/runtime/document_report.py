"""An inspection as a person reads it: steps with symbols, what was found, what the chip is; the holder hidden.

Not responsible for inspecting. Names, numbers and dates of the holder are shown only where that is asked for.
"""

import json
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from appliance.core.types import InspectionStep, Result
from appliance.document.inspection import Inspection
from appliance.document.reasons import VERDICTS, Action, worst

SYMBOLS = {
    Result.SUCCESSFUL: ("✓", "green"),
    Result.FAILED: ("✕", "red"),
    Result.UNDETERMINED: ("?", "yellow"),
    Result.NOT_PERFORMED: ("–", "bright_black"),
    Result.ABORTED: ("■", "magenta"),
}
"""Symbol and colour of each result value (ICAO 9303-2, tables C-2 and C-3)."""
NAMES = {
    InspectionStep.MRZ: "printed zone",
    InspectionStep.ACCESS: "access to the chip",
    InspectionStep.READING: "reading of the chip",
    InspectionStep.PASSIVE_AUTHENTICATION: "signature of the issuer",
    InspectionStep.CLONE_DETECTION: "original chip, no copy",
    InspectionStep.CONSISTENCY: "chip and print agree",
    InspectionStep.PORTRAIT: "portrait",
}
ACTIONS = {
    None: "genuine: every step in order",
    Action.RETRY: "read it again, then refer",
    Action.CANNOT_VERIFY: "refer: cannot be verified",
    Action.NOT_ADMISSIBLE: "refer: not admissible",
    Action.SUSPECTED_CLONE: "refer: suspected clone",
    Action.SUSPECTED_FORGERY: "refer: suspected forgery",
}


def action_of(inspection: Inspection) -> Action | None:
    """What this document leads to; None only where every step was successful."""
    gravest = worst(inspection.reasons())
    if gravest is not None:
        return VERDICTS[gravest].action
    whole = all(inspection.result(step) is Result.SUCCESSFUL for step in InspectionStep)
    return None if whole else Action.CANNOT_VERIFY


def show(inspection: Inspection, console: Console, *, unmask: bool, simulated: bool) -> None:
    """Print it."""
    title = "document, SIMULATED" if simulated else "document"
    table = Table("", "step", "result", "found", title=title, title_justify="left")
    for step in InspectionStep:
        result = inspection.result(step)
        symbol, colour = SYMBOLS[result]
        words = "\n".join(VERDICTS[each].words for each in inspection.reasons(step))
        table.add_row(f"[{colour}]{symbol}[/]", NAMES[step], result.replace("_", " "), words)
    console.print(table)
    for each in inspection.found:
        console.print(f"  {each.reason}  [dim]{each.detail}[/]" if each.detail else f"  {each.reason}")
    facts = Table.grid(padding=(0, 2))
    for name, value in (*inspection.facts.items(), *_holder(inspection, unmask)):
        facts.add_row(f"[dim]{name}[/]", value)
    console.print(facts)
    console.print(f"[bold]{ACTIONS[action_of(inspection)]}[/]")


def _holder(inspection: Inspection, unmask: bool) -> Iterator[tuple[str, str]]:
    mrz = inspection.mrz or inspection.printed
    if mrz is None:
        return
    yield "type and issuer", f"{mrz.document_type} {mrz.issuing_state}"
    fields = {
        "number": mrz.document_number,
        "name": f"{mrz.surname}, {mrz.given_names}",
        "nationality": mrz.nationality,
        "born": str(mrz.date_of_birth or "unknown"),
        "sex": mrz.sex,
    }
    for name, value in fields.items():
        yield name, value if unmask else "•" * 8
    yield "expires", str(mrz.date_of_expiry or "unknown")
    if inspection.issued is not None:
        yield "issued", str(inspection.issued)
    if inspection.portrait:
        yield "portrait", f"{len(inspection.portrait)} bytes"


def as_json(inspection: Inspection, *, unmask: bool, simulated: bool) -> str:
    """The same for a program."""
    action = action_of(inspection)
    told = {
        "simulated": simulated,
        "genuine": action is None,
        "action": action,
        "steps": {step: inspection.result(step) for step in InspectionStep},
        "found": [{"reason": each.reason, "detail": each.detail} for each in inspection.found],
        "facts": dict(inspection.facts),
        "holder": dict(_holder(inspection, unmask)),
    }
    return json.dumps(told, indent=2, ensure_ascii=False)
