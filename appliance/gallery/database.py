"""The file of a gallery: how it is made, opened, checked, locked and compacted.

Plain sqlite3 and no engine: VACUUM and checkpoints, on which deletion rests, run outside of any transaction. Durability
settings are those of `migrations.engine`, read back likewise. Not responsible for what the rows mean (`vault`).
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from appliance.gallery.errors import GalleryInUse, GalleryRefused

DATABASE = "gallery.db"
_LOCK = "gallery.lock"
_APPLICATION_ID = 0x53504741
SCHEMA_VERSION = 1
BUSY_SECONDS = 2.0

# secure_delete: freed bytes are overwritten with zeros. temp_store: VACUUM copies by way of a nameless file, so that
# memory stays bounded; what it holds is sealed, as is the log.
_SETTINGS = (
    ("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("temp_store", 1),
)  # fmt: skip

# A nonce met twice is refused by the database itself.
_SCHEMA = """
CREATE TABLE gallery (
    gallery_id TEXT PRIMARY KEY, created TEXT NOT NULL, nonce BLOB NOT NULL, key_check BLOB NOT NULL
) STRICT;
CREATE TABLE subjects (
    subject_id TEXT PRIMARY KEY, label TEXT NOT NULL UNIQUE, consent TEXT NOT NULL, valid_until TEXT NOT NULL,
    created TEXT NOT NULL, key_nonce BLOB NOT NULL UNIQUE, wrapped_key BLOB NOT NULL
) STRICT;
CREATE TABLE templates (
    template_id INTEGER PRIMARY KEY AUTOINCREMENT, subject_id TEXT NOT NULL REFERENCES subjects,
    pack_id TEXT NOT NULL, recogniser_sha256 TEXT NOT NULL, quality TEXT NOT NULL, created TEXT NOT NULL,
    nonce BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX templates_of ON templates (subject_id);
CREATE TABLE photos (
    photo_id INTEGER PRIMARY KEY AUTOINCREMENT, subject_id TEXT NOT NULL REFERENCES subjects,
    created TEXT NOT NULL, nonce BLOB NOT NULL UNIQUE, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX photos_of ON photos (subject_id);
CREATE TABLE deletions (seq INTEGER PRIMARY KEY AUTOINCREMENT, certificate TEXT NOT NULL) STRICT;
"""


class WriterLock:
    """Held by the one program that may write; the kernel lets go of it however the program ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises GalleryInUse."""
        self._descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise GalleryInUse(f"another program writes to the gallery {folder}. Wait for it and try again.") from error

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self._descriptor)


def create(folder: Path) -> sqlite3.Connection:
    """Make an empty gallery file, mode 0600. Raises GalleryRefused when there is one."""
    path = folder / DATABASE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The log beside it takes over the mode of the file.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        raise GalleryRefused(f"{path} exists; a gallery is never overwritten. Name another folder.") from error
    except OSError as error:
        raise GalleryRefused(f"cannot create {path}: {error.strerror}.") from error
    numbers = f"PRAGMA application_id={_APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION};"
    with refusals(path):
        connection = _connect(path)
        connection.executescript(f"BEGIN; {_SCHEMA} {numbers} COMMIT;")
    return connection


def connect(folder: Path, *, writable: bool) -> sqlite3.Connection:
    """Open the file of a gallery, whole and of this release. Raises GalleryRefused; nothing was changed then."""
    path = folder / DATABASE
    if not path.is_file():
        raise GalleryRefused(f"{path}: no such gallery. Make one with `appliance gallery init`.")
    with refusals(path):
        _check_header(path)
        connection = _connect(path)
        try:
            _check_schema(path, connection)
            if not writable:
                connection.execute("PRAGMA query_only=1")
        except BaseException:
            connection.close()
            raise
    return connection


def extent(folder: Path, now: datetime) -> tuple[int, int, str]:
    """How many are enrolled, how many of them are out of date, and when the next will be ("" for nobody).

    Needs no key. Raises GalleryRefused.
    """
    path, at = folder / DATABASE, now.isoformat()
    with refusals(path), closing(connect(folder, writable=False)) as connection:
        total, expired = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE datetime(valid_until) <= datetime(?)) FROM subjects", (at,)
        ).fetchone()
        (following,) = connection.execute(
            "SELECT min(datetime(valid_until)) FROM subjects WHERE datetime(valid_until) > datetime(?)", (at,)
        ).fetchone()
    return total, expired, following or ""


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """SQLite's errors as ours: busy as GalleryInUse, all others as GalleryRefused."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise GalleryRefused(f"{path}: the row contradicts what is stored ({error}); nothing was written.") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise GalleryInUse(f"{path} is held by another program ({error}). Wait and try again.") from error
        raise GalleryRefused(
            f"{path} cannot be used ({error}). Check the disk and the owner of the file; if it is damaged, keep a copy "
            "and enrol into a new gallery."
        ) from error


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All or nothing; the lock is taken at the start. Raises as `refusals` does."""
    with refusals(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if connection.in_transaction:  # SQLite has rolled back by itself after some failures
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


@contextmanager
def snapshot(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """Several reads of one state of the file."""
    with refusals(path):
        connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("COMMIT")


def compact(connection: sqlite3.Connection, path: Path) -> None:
    """Rewrite the file without free space and empty its log, so that no old page is left in either.

    Raises GalleryInUse when a reader holds an old state: what was deleted is deleted, but still lies in the log.
    """
    with refusals(path):
        for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            row = connection.execute(statement).fetchone()
            if row is not None and row[0] != 0:
                raise GalleryInUse(
                    f"{path}: a reader holds an old state open, so the log cannot be emptied. The keys are erased; "
                    "close the reader and run `appliance gallery expire`, which empties it too."
                )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        for name, value in _SETTINGS:
            connection.execute(f"PRAGMA {name}={value}")
            (found,) = connection.execute(f"PRAGMA {name}").fetchone()
            if found != value:
                raise GalleryRefused(
                    f"{path}: SQLite answers {name}={found} where {value} is needed. Use a local disk."
                )
    except BaseException:
        connection.close()
        raise
    return connection


def _check_header(path: Path) -> None:
    """Before SQLite opens it: opening for writing would make a valid database of an empty file."""
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise GalleryRefused(f"{path} is no gallery, or was cut short. Restore it, or enrol into a new folder.")
    if int.from_bytes(header[68:72], "big") != _APPLICATION_ID:
        raise GalleryRefused(f"{path} is a database of another program. Name the folder of a gallery.")


def _check_schema(path: Path, connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        raise GalleryRefused(
            f"{path} has schema {version}, this release reads {SCHEMA_VERSION}. Use the release for it."
        )
    found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    if found != ["ok"]:
        raise GalleryRefused(f"{path} is damaged ({'; '.join(found)[:200]}). Keep a copy and enrol into a new folder.")
