"""Passages as files: CSV for a spreadsheet, JSON in the result structure of BSI TR-03135.

From TR-03135-1 (version 2.5): the result words (3.5.2), how results are put together (5.9.1.5, the rule every section
repeats), what is logged in any case (6.3), the application domains of a transaction (6.2, table 6.1; part 3, 8.2.3).
The element names of its XML schemas are not used: this is the structure, not the schema. See docs/console.md.
"""

import csv
import io
from collections.abc import Iterable
from typing import Any

from appliance.control.history import CheckRecord, DecisionRecord, PassageRecord
from appliance.control.messages import CheckName

FORMAT = "sallyport-transactions-1"
STRUCTURE = "BSI TR-03135-1 v2.5, chapter 6; results 3.5.2"
CHECKS = tuple(str(name) for name in CheckName)
DOCUMENT = ("document_read", "document_authenticity", "document_validity")
FACE = ("single_face", "face_quality", "comparison", "liveness")
COLUMNS = (
    *("lane", "passage_id", "started", "ended", "seconds", "outcome", "topology", "pack_id", "simulated"),
    *("machine_admits", *CHECKS, "reasons", "officers"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def machine_decision(passage: PassageRecord) -> DecisionRecord | None:
    """The last decision the machine made."""
    return next((one for one in reversed(passage.decisions) if one.officer is None), None)


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV (RFC 4180). What a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def csv_row(lane: str, passage: PassageRecord) -> list[object]:
    """One passage under `COLUMNS`."""
    machine = machine_decision(passage)
    results = {check.name: check for check in machine.checks} if machine else {}
    officers = [f"{one.officer}: {one.action} ({one.reason})" for one in passage.decisions if one.officer is not None]
    return [
        lane,
        passage.passage_id,
        passage.started.isoformat(),
        passage.ended.isoformat() if passage.ended else "",
        _seconds(passage),
        passage.outcome or "under_way",
        passage.topology,
        passage.pack_id,
        passage.simulated,
        "" if machine is None else machine.admit,
        *(results[name].result if name in results else "" for name in CHECKS),
        "; ".join(f"{one.name}: {one.reason}" for one in results.values() if one.result != "successful" and one.reason),
        "; ".join(officers),
    ]


def transaction(lane: str, passage: PassageRecord) -> dict[str, Any]:
    """One passage as a transaction: identifiers, components, times, all results; nothing about the person."""
    machine = machine_decision(passage)
    results = machine.checks if machine else ()
    return {
        "transaction": {"id": passage.passage_id, "location": lane, "simulated": passage.simulated},
        "components": {"topology": passage.topology, "face_matcher": passage.pack_id},
        "timing": {
            "begun": passage.started.isoformat(),
            "ended": passage.ended.isoformat() if passage.ended else None,
            "decided": machine.decided.isoformat() if machine else None,
        },
        "doc-check": _domain(results, DOCUMENT),
        "bio-check": _domain(results, FACE),
        "app-specific-check": {
            **_domain(results, [one.name for one in results if one.name not in (*DOCUMENT, *FACE)]),
            "machine_admits": machine.admit if machine else None,
            "officers": [_officer(one) for one in passage.decisions if one.officer is not None],
            "outcome": passage.outcome,
        },
    }


def aggregated(results: Iterable[str]) -> str:
    """One result of many: failed, else aborted, else undetermined, else successful if any is, else not supported."""
    found = {_result(one) for one in results}
    for result in ("failed", "aborted", "undetermined", "successful"):
        if result in found:
            return result
    return "not supported"


def _result(word: str) -> str:
    # TR-03135 has no "not performed": a feature that is not there to be checked is "not supported".
    return "not supported" if word == "not_performed" else word


def _domain(results: Iterable[CheckRecord], names: Iterable[str]) -> dict[str, Any]:
    wanted = set(names)
    checks = [one for one in results if one.name in wanted]
    return {
        "result": aggregated(one.result for one in checks),
        "checks": [
            {"name": one.name, "result": _result(one.result), "reason": one.reason, "detail": one.detail}
            for one in checks
        ],
    }


def _officer(one: DecisionRecord) -> dict[str, object]:
    return {
        "officer": one.officer,
        "action": one.action,
        "admit": one.admit,
        "reason": one.reason,
        "at": one.decided.isoformat(),
    }


def _seconds(passage: PassageRecord) -> float | str:
    return "" if passage.ended is None else round((passage.ended - passage.started).total_seconds(), 3)


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
