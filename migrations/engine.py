"""How every database of the project is opened: the same durability settings, read back before anything is written.

Not responsible for schemas (`migrations.runner`) or for keeping a second process out (the owner of the database).
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

BUSY_SECONDS = 1.0
"""How long a statement waits for another connection's lock before it fails."""

_DURABLE = (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1))


class DatabaseRefused(Exception):
    """The database cannot be used as it is. The message says why and what to do; the file was left as found."""


def durable_engine(path: Path, *, foreign_keys: bool = True) -> Engine:
    """Engine for the one writer of a database: write-ahead log, synchronous=FULL, foreign keys enforced.

    Every connection sets these and reads them back, since SQLite ignores a setting it cannot honour without an error
    (a write-ahead log needs shared memory, which network file systems lack). Transactions begin IMMEDIATE, so a lock
    conflict shows before work is done. `foreign_keys` False is for migrations that rebuild tables.
    Raises `DatabaseRefused` on connect when a setting does not hold. A connection stays in the thread that made it.
    """
    wanted = [(name, int(foreign_keys) if name == "foreign_keys" else value) for name, value in _DURABLE]

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            for name, value in wanted:
                connection.execute(f"PRAGMA {name}={value}")
                (found,) = connection.execute(f"PRAGMA {name}").fetchone()
                if found != value:
                    raise DatabaseRefused(
                        f"{path}: SQLite answers {name}={found} where {value} is needed for durability. "
                        "Put the state directory on a local file system."
                    )
        except BaseException:
            connection.close()
            raise
        return connection

    return _engine(connect, "BEGIN IMMEDIATE")


def read_only_engine(path: Path) -> Engine:
    """Engine that cannot write, for readers beside the writer. Raises `sqlite3.OperationalError` without a file."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    return _engine(lambda: sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS), "BEGIN")


def _engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    # The driver's own transaction control commits before some statements; explicit BEGIN keeps a migration atomic.
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    def begin_explicitly(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "begin", begin_explicitly)
    return engine
