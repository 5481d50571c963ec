"""What may be written to the journal, and its one canonical form.

Routine logs hold no MRZ, no visual zone and no image (ICAO 9303-2 appendix C.5); this module is the gate for that:
keys that name identity and bulky numeric data are refused, text that reads like a machine-readable zone is struck out.
It cannot recognise a name typed by an officer into a reason; the console says so beside the field.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from appliance.core.types import Check, OfficerAction, Outcome, Result, Topology
from appliance.store.errors import RecordRefused

PASSAGE_STARTED = "passage_started"
DECISION_MADE = "decision_made"
PASSAGE_ENDED = "passage_ended"
DERIVING = frozenset({PASSAGE_STARTED, DECISION_MADE, PASSAGE_ENDED})
"""Kinds from which rows of other tables are derived; written only through their own record types."""

STRUCK_OUT = "[struck out: reads like a machine-readable zone]"
MAX_TEXT = 2000
MAX_ITEMS = 64
MAX_BYTES = 65536
MAX_DEPTH = 8

_KIND = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_IDENTITY = frozenset(
    {"mrz", "mrz_lines", "viz", "dg1", "dg2", "surname", "given_names", "first_name", "last_name", "full_name"}
    | {"holder_name", "date_of_birth", "birth_date", "document_number", "passport_number", "personal_number"}
    | {"image", "images", "portrait", "photo", "pixels", "template", "embedding"}
)
_TOKEN = re.compile(r"[A-Z0-9<]{28,}", re.IGNORECASE)
_DATES_AND_SEX = re.compile(r"\d{7}[MFX<]\d{7}", re.IGNORECASE)
_NEVER_PASSING = {Result.FAILED, Result.ABORTED}
_SAFE_INTEGER = 2**53 - 1  # beyond it other readers of JSON lose digits

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """Any fact worth keeping: an event, a command, a fault. `kind` is lower case with underscores or dots."""

    kind: str
    payload: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PassageStarted:
    """A traveller's attempt began."""

    passage_id: str
    topology: Topology
    pack_id: str
    simulated: bool


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """A verdict. The machine's has no officer; an officer's has officer, action and reason, all three."""

    passage_id: str
    admit: bool
    checks: tuple[Check, ...]
    officer: str | None = None
    action: OfficerAction | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PassageEnded:
    """The attempt is over."""

    passage_id: str
    outcome: Outcome


Record = JournalRecord | PassageStarted | DecisionMade | PassageEnded


def describe(record: Record) -> tuple[str, dict[str, Json]]:
    """Kind and checked payload of a record. Raises `RecordRefused`."""
    match record:
        case JournalRecord():
            if not _KIND.fullmatch(record.kind) or record.kind in DERIVING:
                raise RecordRefused(f"{record.kind!r} is no kind for a plain journal record")
            return record.kind, _payload(record.payload)
        case PassageStarted():
            return PASSAGE_STARTED, _payload(
                {
                    "passage_id": identifier(record.passage_id),
                    "topology": record.topology,
                    "pack_id": record.pack_id,
                    "simulated": record.simulated,
                }
            )
        case DecisionMade():
            return DECISION_MADE, _payload(_decision(record))
        case PassageEnded():
            return PASSAGE_ENDED, _payload({"passage_id": record.passage_id, "outcome": record.outcome})
        case _:
            assert_never(record)


def canonical(value: Json) -> str:
    """The one text of a value: ASCII JSON, keys sorted, no spaces, floats in their shortest round-trip form."""
    return _ENCODER.encode(value)


def _decision(record: DecisionMade) -> dict[str, object]:
    given = [part is not None for part in (record.officer, record.action, record.reason)]
    if any(given) and not all(given):
        raise RecordRefused("an officer's decision needs officer, action and reason")
    if len({check.name for check in record.checks}) != len(record.checks):
        raise RecordRefused("a decision names each check once")
    if record.action is not None and record.admit != (record.action is OfficerAction.ADMIT):
        raise RecordRefused(f"action {record.action} contradicts admit={record.admit}")
    # Which checks are mandatory is the policy's; that a failed or empty decision admits nobody holds under any policy.
    results = {check.result for check in record.checks}
    if record.admit and record.action is None and (Result.SUCCESSFUL not in results or results & _NEVER_PASSING):
        raise RecordRefused("the machine admits nobody without a successful check or beside a failed one")
    return {
        "passage_id": record.passage_id,
        "admit": record.admit,
        "checks": [
            {"name": check.name, "result": check.result, "reason": check.reason, "detail": check.detail}
            for check in record.checks
        ],
        "officer": record.officer,
        "action": record.action,
        "reason": record.reason,
    }


def identifier(text: str) -> str:
    """The text itself when it may serve as an id (1 to 64 letters, digits, _.:-). Raises `RecordRefused`."""
    if not _KEY.fullmatch(text):
        raise RecordRefused(f"{text!r} is no id: letters, digits and _.:- only, at most 64")
    return text


def _payload(payload: Mapping[str, object]) -> dict[str, Json]:
    checked = _mapping(payload, 0)
    size = len(canonical(checked))
    if size > MAX_BYTES:
        raise RecordRefused(f"payload of {size} bytes; at most {MAX_BYTES} are journalled")
    return checked


def _mapping(mapping: Mapping[str, object], depth: int) -> dict[str, Json]:
    for key in mapping:
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise RecordRefused(f"{key!r} is no payload key: letters, digits and _.:- only, at most 64")
        if key.lower() in _IDENTITY:
            raise RecordRefused(f"{key!r} names identity or an image, which the journal never holds")
    return {key: _value(value, depth + 1) for key, value in mapping.items()}


def _value(value: object, depth: int) -> Json:
    if depth > MAX_DEPTH:
        raise RecordRefused(f"payload nested deeper than {MAX_DEPTH}")
    match value:
        case None | bool():
            return value
        case int():
            if abs(value) > _SAFE_INTEGER:
                raise RecordRefused(f"integer {value} does not survive every JSON reader; write it as text")
            return int(value)
        case float():
            if not math.isfinite(value):
                raise RecordRefused(f"{value} has no JSON form; write null and say why")
            return float(value)
        case str():
            return _text(value)
        case Mapping():
            return _mapping(value, depth)
        case list() | tuple():
            return _items(value, depth)
        case _:
            raise RecordRefused(f"{type(value).__name__} in a payload: only JSON values are journalled")


def _items(items: Sequence[object], depth: int) -> list[Json]:
    if len(items) > MAX_ITEMS:
        raise RecordRefused(f"list of {len(items)}; at most {MAX_ITEMS}: templates and images are not journalled")
    return [_value(item, depth + 1) for item in items]


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise RecordRefused(f"text of {len(text)} characters; at most {MAX_TEXT} are journalled")
    return _TOKEN.sub(lambda token: STRUCK_OUT if _reads_like_mrz(token[0]) else token[0], str(text))


def _reads_like_mrz(token: str) -> bool:
    return "<" in token or _DATES_AND_SEX.search(token) is not None
