"""Walks the hash chain and says where it first breaks, and how.

Not responsible for what nobody can see from inside: a cut tail, or a chain rewritten whole. Both need a head kept
elsewhere (`expect`). Opens read-only and in short transactions, so the controller goes on writing meanwhile.
"""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from appliance.store.chain import EMPTY, GENESIS, Entry, Head, entry_hash
from appliance.store.derived import Comparison
from appliance.store.errors import StoreRefused
from appliance.store.records import DERIVING
from migrations.engine import DatabaseRefused, read_only_engine
from migrations.runner import Progress, revision_of

CHUNK = 2000
TAIL = 500
_BEFORE_ALL = -(2**63)
# Text is fetched as bytes: a damaged row may hold what does not decode, and must be reported, not crash the reader.
_ROWS = text(
    "SELECT seq, prev_hash, hash, CAST(wall AS BLOB), monotonic, CAST(boot_id AS BLOB), CAST(kind AS BLOB), "
    "CAST(payload AS BLOB) FROM journal WHERE seq > :after ORDER BY seq LIMIT :limit"
)


class Damage(StrEnum):
    """How a record breaks the chain."""

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    FORKED = "forked"
    TRUNCATED = "truncated"
    DERIVED = "derived tables differ"


@dataclass(frozen=True, slots=True)
class Problem:
    """The first bad sequence number and what is wrong there."""

    seq: int
    damage: Damage
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome of a walk: records found good, the last good head, and the first problem if any."""

    records: int
    head: Head
    problem: Problem | None


class Linked(NamedTuple):
    """A stored record with its links as found."""

    entry: Entry
    prev_hash: bytes
    hash: bytes


def verify(path: Path, *, expect: Head | None = None, progress: Progress | None = None) -> Report:
    """Check every record of a lane's database, the derived tables, and an earlier head kept elsewhere.

    Raises `StoreRefused` when the file is missing, damaged below the level of records, or of a newer release.
    """
    try:
        if not path.exists():
            raise StoreRefused(f"{path}: no such database. Name the lane's directory with --state-dir.")
        if revision_of(path, "lane") is None:
            return Report(0, EMPTY, _witnessed(EMPTY, expect))
    except DatabaseRefused as error:
        raise StoreRefused(str(error)) from error
    engine = read_only_engine(path)
    try:
        with closing(engine.connect()) as connection:
            return _walk(connection, expect, progress)
    finally:
        engine.dispose()


def check_tail(connection: Connection) -> None:
    """Check the newest records before a controller adds to them. Raises `StoreRefused`."""
    with connection.begin():
        newest = connection.scalar(text("SELECT max(seq) FROM journal")) or 0
        start = max(0, newest - TAIL)
        prev = (
            connection.scalar(text("SELECT hash FROM journal WHERE seq = :seq"), {"seq": start}) if start else GENESIS
        )
        head = Head(start, prev if isinstance(prev, bytes) else GENESIS)
        for row in _fetch(connection, start if start else _BEFORE_ALL, TAIL + 1):
            problem = _inspect(connection, head, row)
            if problem is not None:
                raise StoreRefused(
                    f"the journal is not intact at record {problem.seq} ({problem.damage}: {problem.why}). It was left "
                    "as found: run `appliance journal verify`, keep a copy, and move the state directory away to "
                    "start a new journal."
                )
            head = Head(row.entry.seq, row.hash)


def read(connection: Connection, after: int = 0) -> Iterator[Linked]:
    """Records after a sequence number, in order, in short transactions."""
    while True:
        with connection.begin():
            rows = _fetch(connection, after, CHUNK)
        yield from rows
        if len(rows) < CHUNK:
            return
        after = rows[-1].entry.seq


def _walk(connection: Connection, expect: Head | None, progress: Progress | None) -> Report:
    head, records, after = EMPTY, 0, _BEFORE_ALL
    tables = Comparison()
    while True:
        with connection.begin():
            rows = _fetch(connection, after, CHUNK)
            for row in rows:
                problem = _inspect(connection, head, row) or _contradiction(connection, tables, row.entry)
                if problem is not None:
                    return Report(records, head, problem)
                head = Head(row.entry.seq, row.hash)
                records += 1
                if expect is not None and head.seq == expect.seq and head.hash != expect.hash:
                    return Report(records, head, _witnessed(head, expect))
            done = len(rows) < CHUNK
            surplus = tables.surplus(connection) if done else None
            newest = connection.scalar(text("SELECT max(seq) FROM journal")) or 0
        if progress is not None:
            progress(records, newest, "verifying records")
        if done:
            problem = _witnessed(head, expect)
            if problem is None and surplus is not None:
                problem = Problem(head.seq, Damage.DERIVED, surplus)
            return Report(records, head, problem)
        after = rows[-1].entry.seq


def _fetch(connection: Connection, after: int, limit: int) -> list[Linked]:
    # What is not of its column's type becomes empty, which no hash agrees with.
    def raw(value: Any) -> bytes:
        return value if isinstance(value, bytes) else b""

    def decoded(value: Any) -> str:
        return raw(value).decode("utf-8", "replace")

    rows = connection.execute(_ROWS, {"after": after, "limit": limit})
    return [
        Linked(
            Entry(seq, decoded(wall), monotonic, decoded(boot), decoded(kind), decoded(payload)), raw(prev), raw(own)
        )
        for seq, prev, own, wall, monotonic, boot, kind, payload in rows
    ]


def _inspect(connection: Connection, head: Head, row: Linked) -> Problem | None:
    expected = head.seq + 1
    seq = row.entry.seq
    if seq < expected:
        return Problem(seq, Damage.INSERTED, f"record {seq} stands before the first record of the chain")
    if seq > expected:
        missing = f"record {expected}" if seq == expected + 1 else f"records {expected} to {seq - 1}"
        return Problem(expected, Damage.DELETED, f"{missing} missing, the next one present is {seq}")
    if row.prev_hash != head.hash:
        return _misplaced(connection, row)
    if not isinstance(row.entry.monotonic, float) or row.hash != entry_hash(head.hash, row.entry):
        return Problem(seq, Damage.EDITED, "its content does not give the hash stored with it")
    return None


def _misplaced(connection: Connection, row: Linked) -> Problem:
    seq, prev = row.entry.seq, row.prev_hash
    newest = connection.scalar(text("SELECT max(seq) FROM journal")) or 0
    # The number it was hashed under says where it belongs. Tried one by one, since that happens once, at the end.
    numbers = (number for number in range(1, 2 * newest + 2) if row.hash == _hash_as(number, row))
    original = next(numbers, None)
    if original is None:
        return Problem(seq, Damage.EDITED, "neither its link nor its content gives the hash stored with it")
    follows = 0 if prev == GENESIS else connection.scalar(text("SELECT seq FROM journal WHERE hash = :h"), {"h": prev})
    if original == seq and follows is None:
        return Problem(
            seq, Damage.EDITED, f"it was written after another record {seq - 1} than the one stored: that was replaced"
        )
    if original == seq:
        return Problem(seq, Damage.FORKED, f"it continues record {follows}, not {seq - 1}")
    if original > seq and follows is None:
        return Problem(seq, Damage.DELETED, f"what stood here is missing; it now holds what was record {original}")
    return Problem(seq, Damage.REORDERED, f"it holds what was record {original}")


def _hash_as(number: int, row: Linked) -> bytes:
    return entry_hash(row.prev_hash, row.entry._replace(seq=number))


def _contradiction(connection: Connection, tables: Comparison, entry: Entry) -> Problem | None:
    if entry.kind not in DERIVING:
        return None
    payload = json.loads(entry.payload)
    why = tables.differs(connection, seq=entry.seq, wall=entry.wall, kind=entry.kind, payload=payload)
    return None if why is None else Problem(entry.seq, Damage.DERIVED, why)


def _witnessed(head: Head, expect: Head | None) -> Problem | None:
    if expect is None:
        return None
    if head.seq < expect.seq:
        return Problem(head.seq + 1, Damage.TRUNCATED, f"the journal ends at {head.seq}; it once reached {expect.seq}")
    if head.seq == expect.seq and head.hash != expect.hash:
        return Problem(
            head.seq, Damage.FORKED, "the chain holds together but is not the one witnessed: it was rewritten"
        )
    return None
