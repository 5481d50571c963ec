"""Passages, decisions and checks, derived from journal records: written with them, and compared with them later."""

from typing import Any

from sqlalchemy import Connection, func, select, update

from appliance.store.errors import RecordRefused
from appliance.store.records import DECISION_MADE, PASSAGE_ENDED, PASSAGE_STARTED
from appliance.store.tables import checks, decisions, passages


def derive(connection: Connection, *, seq: int, wall: str, kind: str, payload: dict[str, Any]) -> None:
    """Write the rows that follow from one record. Raises `RecordRefused` when it does not fit its passage."""
    if kind == PASSAGE_STARTED:
        connection.execute(passages.insert(), {**payload, "started": wall})
    elif kind == DECISION_MADE:
        _require_open(connection, payload["passage_id"])
        connection.execute(decisions.insert(), _decision_row(seq, wall, payload))
        if payload["checks"]:
            connection.execute(checks.insert(), _check_rows(seq, payload))
    elif kind == PASSAGE_ENDED:
        _require_open(connection, payload["passage_id"])
        of_passage = passages.c.passage_id == payload["passage_id"]
        connection.execute(update(passages).where(of_passage), {"ended": wall, "outcome": payload["outcome"]})


class Comparison:
    """Compares the derived tables with the journal while a verifier walks it in order."""

    def __init__(self) -> None:
        self._counts = {"passages": 0, "ended passages": 0, "decisions": 0, "checks": 0}

    def differs(self, connection: Connection, *, seq: int, wall: str, kind: str, payload: dict[str, Any]) -> str | None:
        """What in the tables contradicts this record, or None."""
        if kind == DECISION_MADE:
            self._counts["decisions"] += 1
            self._counts["checks"] += len(payload["checks"])
            row = connection.execute(select(decisions).where(decisions.c.decision_id == seq)).mappings().one_or_none()
            if row is None or dict(row) != _decision_row(seq, wall, payload):
                return f"decision {seq} in the table is not the one journalled"
            found = connection.execute(select(checks).where(checks.c.decision_id == seq)).mappings()
            if {row["name"]: dict(row) for row in found} != {row["name"]: row for row in _check_rows(seq, payload)}:
                return f"the checks of decision {seq} in the table are not those journalled"
            return None
        if kind == PASSAGE_STARTED:
            self._counts["passages"] += 1
            wanted = {**payload, "started": wall}
        else:
            self._counts["ended passages"] += 1
            wanted = {**payload, "ended": wall}
        of_passage = passages.c.passage_id == payload["passage_id"]
        row = connection.execute(select(passages).where(of_passage)).mappings().one_or_none()
        if row is None or any(row[name] != value for name, value in wanted.items()):
            return f"passage {payload['passage_id']} in the table is not the one journalled"
        return None

    def surplus(self, connection: Connection) -> str | None:
        """Rows that no record accounts for, or None. Call in the transaction that read the journal's end."""
        found = {
            "passages": connection.scalar(select(func.count()).select_from(passages)),
            "ended passages": connection.scalar(select(func.count(passages.c.ended))),
            "decisions": connection.scalar(select(func.count()).select_from(decisions)),
            "checks": connection.scalar(select(func.count()).select_from(checks)),
        }
        different = [
            f"{found[what]} {what}, {count} journalled" for what, count in self._counts.items() if found[what] != count
        ]
        return "; ".join(different) or None


def _require_open(connection: Connection, passage_id: str) -> None:
    row = connection.execute(select(passages.c.ended).where(passages.c.passage_id == passage_id)).one_or_none()
    if row is None:
        raise RecordRefused(f"passage {passage_id} was never started")
    if row.ended is not None:
        raise RecordRefused(f"passage {passage_id} has ended")


def _decision_row(seq: int, wall: str, payload: dict[str, Any]) -> dict[str, Any]:
    row = {key: value for key, value in payload.items() if key != "checks"}
    return {**row, "decision_id": seq, "decided": wall}


def _check_rows(seq: int, payload: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**check, "decision_id": seq} for check in payload["checks"]]
