"""Brings a database to the newest revision of its tree, or refuses and leaves it untouched.

Works from an installed wheel: the trees travel as packages and no ini file is read. Going back to an older release
means restoring a copy of the database; there are no downgrades, because a journal never loses what it holds.
"""

import os
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from migrations.engine import DatabaseRefused, durable_engine, read_only_engine

Progress = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, what is being done)."""

_one_at_a_time = threading.Lock()  # Alembic keeps its environment in module globals.


def upgrade(db_path: Path, tree: str, progress: Progress | None = None) -> str:
    """Create or migrate the database at `db_path` to the head of `tree` ("lane", "console"); return that revision.

    All steps run in one transaction: a failing migration leaves the database as it was. The file is made with mode
    0600, and one that grants more is tightened. The caller keeps other writers out.
    Raises `DatabaseRefused` for a damaged file, a foreign one, one of a newer release, or a failing step.
    """
    report = progress or _silent
    report(0, 0, f"checking {db_path.name}")
    current = revision_of(db_path, tree) if db_path.exists() else None
    script = ScriptDirectory.from_config(config_of(tree))
    head = script.get_current_head()
    if head is None:
        raise DatabaseRefused(f"no migrations are installed for {tree}: install the package again")
    _private(db_path)
    if current == head:
        return head
    steps = [step.revision for step in script.iterate_revisions(head, current or "base")][::-1]
    engine = durable_engine(db_path, foreign_keys=False)
    try:
        with engine.begin() as connection:
            for done, revision in enumerate(steps):
                report(done, len(steps), f"migrating {db_path.name} to revision {revision}")
                _apply(connection, tree, revision)
            _refuse_orphans(connection)
        report(len(steps), len(steps), f"{db_path.name} is at revision {head}")
    except DatabaseRefused:
        raise
    except Exception as error:
        raise DatabaseRefused(
            f"{db_path}: migration to {head} failed ({str(error).splitlines()[0]}). The database is unchanged; "
            "keep a copy of it and run the previous release until this is solved."
        ) from error
    finally:
        engine.dispose()
    return head


def revision_of(db_path: Path, tree: str) -> str | None:
    """Revision of an existing database, None for an empty one; opens it read-only and checks its integrity.

    Raises `DatabaseRefused` when the file is damaged, belongs to something else or comes from a newer release.
    """
    engine = read_only_engine(db_path)
    try:
        with closing(engine.connect()) as connection:
            found = [row[0] for row in connection.execute(text("PRAGMA quick_check(3)"))]
            if found != ["ok"]:
                raise _damaged(db_path, "; ".join(found))
            tables = set(connection.execute(text("SELECT name FROM sqlite_master WHERE type='table'")).scalars())
            if not tables:
                return None
            if "alembic_version" not in tables:
                raise DatabaseRefused(f"{db_path}: not a database of this project (no revision). Move it away.")
            revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except DBAPIError as error:
        raise _damaged(db_path, str(error.orig)) from error
    finally:
        engine.dispose()
    known = {step.revision for step in ScriptDirectory.from_config(config_of(tree)).walk_revisions()}
    if revision not in known:
        raise DatabaseRefused(
            f"{db_path}: revision {revision} is unknown to this release, which knows up to "
            f"{max(known, default='nothing')}. It was written by a newer release: install that one, "
            "or restore the copy taken before the update."
        )
    return str(revision)


def run_environment() -> None:
    """What the `env.py` of every tree does: run the wanted steps on the connection `upgrade` opened."""
    context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def _apply(connection: Connection, tree: str, revision: str) -> None:
    with _one_at_a_time:
        config = config_of(tree)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _refuse_orphans(connection: Connection) -> None:
    orphans = connection.execute(text("PRAGMA foreign_key_check")).all()
    if orphans:
        raise DatabaseRefused(
            f"the migration would leave {len(orphans)} rows without the row they refer to, first in {orphans[0][0]}; "
            "nothing was changed"
        )


def _silent(*_: object) -> None:
    pass


def config_of(tree: str) -> Config:
    """Where the revisions of a tree are."""
    config = Config()
    config.set_main_option("script_location", f"migrations:{tree}")
    return config


def _private(db_path: Path) -> None:
    # SQLite gives the log and shared-memory files the mode of the database file.
    descriptor = os.open(db_path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _damaged(db_path: Path, why: str) -> DatabaseRefused:
    return DatabaseRefused(
        f"{db_path}: the database is damaged ({why}). It was left as found: copy it for examination together with "
        "its -wal file, then move both away to start a new one, or restore a backup."
    )
