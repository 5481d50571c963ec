"""The writer of a lane's database: what `append` returned for is on the disk.

Synchronous and bound to the thread that opened it; `async_store` gives the event loop its own. Not responsible for
retrying: after a failed write nothing is known about the disk, so the handle refuses everything but one last record.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from appliance.clock import Clock
from appliance.store.chain import EMPTY, Entry, Head, entry_hash
from appliance.store.derived import derive
from appliance.store.errors import RecordRefused, StoreBroken, StoreFull, StoreRefused
from appliance.store.records import Record, canonical, describe, identifier
from appliance.store.state_dir import DATABASE, LaneLock, Reserve
from appliance.store.tables import journal, passages
from appliance.store.verify import check_tail
from migrations.engine import DatabaseRefused, durable_engine
from migrations.runner import Progress, upgrade

_HEAD = select(journal.c.seq, journal.c.hash).order_by(journal.c.seq.desc()).limit(1)


class Unfinished(NamedTuple):
    """A passage the last run left open; `started` is ISO 8601 UTC."""

    passage_id: str
    started: str


class LaneStore:
    """One lane's journal and derived tables. Open with `open`; use from that thread only."""

    def __init__(self, path: Path, *, clock: Clock, boot_id: str, reserve: Reserve, owned: ExitStack) -> None:
        """For `open` only."""
        self._path = path
        self._clock = clock
        self._boot_id = boot_id
        self._reserve = reserve
        self._owned = owned
        self._engine = durable_engine(path)
        self._connection: Connection | None = None
        self._head = EMPTY
        self._failure: StoreFull | StoreBroken | None = None
        self._last_words_spent = False

    @classmethod
    def open(cls, state_dir: Path, clock: Clock, *, boot_id: str, progress: Progress | None = None) -> Self:
        """Open or create the store in a directory: lock, integrity check, migration to head, check of the chain's end.

        Raises `StoreInUse`, `StoreRefused` (damaged, tampered, newer release; left untouched), `StoreFull`,
        `StoreBroken` (the file system refuses), `RecordRefused` (a boot id that is no identifier).
        """
        path = state_dir / DATABASE
        identifier(boot_id)
        with ExitStack() as owned:
            try:
                state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = LaneLock(state_dir)
                owned.callback(lock.release)
                reserve = Reserve(state_dir)
                upgrade(path, "lane", progress)
                store = cls(path, clock=clock, boot_id=boot_id, reserve=reserve, owned=owned)
                owned.callback(store._disconnect)
                store._connect()
                check_tail(store._connected())
            except DatabaseRefused as error:
                raise StoreRefused(str(error)) from error
            except DBAPIError as error:
                raise _failure(path, error) from error
            except OSError as error:
                raise StoreBroken(f"cannot use {state_dir}: {error.strerror}. Check the directory's owner.") from error
            store._owned = owned.pop_all()
            return store

    @property
    def head(self) -> Head:
        """The newest durable record."""
        return self._head

    def append(self, records: Sequence[Record]) -> int:
        """Write records with the rows derived from them in one transaction; return the last sequence number.

        Durable when it returns. Raises `RecordRefused` (nothing written, store usable) or `StoreFull` / `StoreBroken`,
        after which the same error meets every append until the store is opened again.
        """
        if self._failure is not None:
            raise type(self._failure)(f"the store stopped at an earlier error: {self._failure}")
        described = [describe(record) for record in records]
        try:
            self._head = self._write(described)
        except DBAPIError as error:
            if isinstance(error, IntegrityError):
                raise RecordRefused(f"the record contradicts what is stored: {error.orig}") from error
            self._failure = _failure(self._path, error)
        except StoreBroken as error:
            self._failure = error
        if self._failure is not None:
            self._disconnect()
            raise self._failure
        return self._head.seq

    def append_last_words(self, records: Sequence[Record]) -> int:
        """After a failure, once: free the reserve and try to write why the lane goes out of service.

        Works on a fresh connection and closes it again. Raises the earlier failure when there is none to write after,
        or a new one; either way the store stays refused until reopened, when the reserve is set aside anew.
        """
        if self._failure is None or self._last_words_spent:
            raise StoreBroken("last words are written once, after a failed append")
        self._last_words_spent = True
        described = [describe(record) for record in records]
        try:
            self._reserve.free()
            self._connect()
            self._head = self._write(described)
        except DBAPIError as error:
            raise _failure(self._path, error) from error
        except (OSError, DatabaseRefused) as error:
            raise StoreBroken(f"last words could not be written: {error}") from error
        finally:
            self._disconnect()
        return self._head.seq

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Passages without an end, oldest first: after a start the runtime ends them as aborted."""
        columns = select(passages.c.passage_id, passages.c.started).where(passages.c.ended.is_(None))
        with self._connected().begin():
            rows = self._connected().execute(columns.order_by(passages.c.started, passages.c.passage_id)).all()
        return tuple(Unfinished(*row) for row in rows)

    def newest(self, kind: str) -> dict[str, Any] | None:
        """What the newest record of a kind says; None when there is none."""
        query = select(journal.c.payload).where(journal.c.kind == kind).order_by(journal.c.seq.desc()).limit(1)
        with self._connected().begin():
            payload = self._connected().execute(query).scalar_one_or_none()
        return None if payload is None else json.loads(payload)

    def close(self) -> None:
        """Close the database and let the next controller in. May be called again."""
        self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, described: list[tuple[str, dict[str, Any]]]) -> Head:
        connection = self._connected()
        with connection.begin():
            head = Head(*(connection.execute(_HEAD).one_or_none() or EMPTY))
            if head != self._head and not self._last_words_spent:
                raise StoreBroken(f"{self._path}: another program wrote to the journal, its head is {head}")
            wall = self._clock.now()
            if wall.utcoffset() != timedelta(0):
                raise RecordRefused(f"records carry UTC, not {wall.isoformat()}")
            for kind, payload in described:
                head = self._insert(head, wall.isoformat(timespec="microseconds"), kind, payload)
        return head

    def _insert(self, head: Head, wall: str, kind: str, payload: dict[str, Any]) -> Head:
        monotonic = float(self._clock.monotonic())
        entry = Entry(head.seq + 1, wall, monotonic, self._boot_id, kind, canonical(payload))
        digest = entry_hash(head.hash, entry)
        self._connected().execute(journal.insert(), {**entry._asdict(), "prev_hash": head.hash, "hash": digest})
        derive(self._connected(), seq=entry.seq, wall=wall, kind=kind, payload=payload)
        return Head(entry.seq, digest)

    def _connect(self) -> None:
        self._connection = self._engine.connect()
        with self._connection.begin():
            self._head = Head(*(self._connection.execute(_HEAD).one_or_none() or EMPTY))

    def _connected(self) -> Connection:
        if self._connection is None:
            raise StoreBroken(f"{self._path} is closed")
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._engine.dispose()


def _failure(path: Path, error: DBAPIError) -> StoreFull | StoreBroken:
    code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(f"{path}: no room left ({error.orig}). Free space on that file system, then restart the lane.")
    return StoreBroken(
        f"{path}: writing failed ({error.orig}). Check the disk and that nothing else has the file open; "
        "then restart the lane."
    )
