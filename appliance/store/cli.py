"""`appliance journal`: verify, show and export a lane's journal. Reads only; works beside a running controller."""

import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Connection

from appliance.store.chain import Entry, Head
from appliance.store.errors import StoreRefused
from appliance.store.state_dir import DATABASE
from appliance.store.verify import Linked, read
from appliance.store.verify import verify as verify_database
from migrations.engine import DatabaseRefused, read_only_engine
from migrations.runner import revision_of

journal_app = typer.Typer(help="Verify, show and export the lane's journal.", no_args_is_help=True)

StateDir = Annotated[
    Path, typer.Option("--state-dir", envvar="SALLYPORT_STATE", help="Directory that holds the lane's database.")
]
DEFAULT_STATE = Path("var/lane")


def _head(value: str) -> Head:
    try:
        return Head.parse(value)
    except ValueError as error:
        raise typer.BadParameter("give SEQ:HASH as printed by an earlier verify") from error


@journal_app.command()
def verify(
    state_dir: StateDir = DEFAULT_STATE,
    expect_head: Annotated[
        Head | None,
        typer.Option(parser=_head, metavar="SEQ:HASH", help="A head noted elsewhere: shows a cut or rewritten chain."),
    ] = None,
) -> None:
    """Walk the whole chain. Exit 0: intact; 1: broken, with the first bad record; 2: the database cannot be read."""
    with _refusals(), _bar() as bar:
        task = bar.add_task("checking the file", total=None)

        def progress(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        report = verify_database(state_dir / DATABASE, expect=expect_head, progress=progress)
    if report.problem is not None:
        problem = report.problem
        typer.echo(f"BROKEN at record {problem.seq}: {problem.damage} - {_printable(problem.why)}", err=True)
        typer.echo(f"{report.records} records before it are intact. Keep a copy of {state_dir} as it is.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{report.records} records intact, head {report.head}")
    if expect_head is None:
        typer.echo("A cut tail cannot be seen from inside: note this head elsewhere and pass it to --expect-head.")


@journal_app.command()
def show(
    state_dir: StateDir = DEFAULT_STATE,
    last: Annotated[int, typer.Option(min=1, help="How many of the newest records.")] = 20,
    passage: Annotated[str | None, typer.Option(help="Only the records of this passage, all of them.")] = None,
) -> None:
    """Print records for a person to read, oldest first. What it prints is not verified."""
    with _refusals(), _reading(state_dir) as connection:
        records: Iterable[Linked]
        if passage is None:
            newest = connection.exec_driver_sql("SELECT max(seq) FROM journal").scalar() or 0
            connection.rollback()
            records = deque(read(connection, newest - last), maxlen=last)
        else:
            records = (record for record in read(connection) if _passage_of(record.entry) == passage)
        found = False
        for record in records:
            found, entry = True, record.entry
            typer.echo(f"{entry.seq:>8}  {_printable(f'{entry.wall}  {entry.kind:<20}  {entry.payload}')}")
    if passage is not None and not found:
        typer.echo(f"no record names passage {_printable(passage)}", err=True)
        raise typer.Exit(1)


@journal_app.command()
def export(state_dir: StateDir = DEFAULT_STATE) -> None:
    """Write every record to standard output as JSON lines, with its hashes, for another program to verify."""
    with _refusals(), _reading(state_dir) as connection:
        for record in read(connection):
            entry = record.entry
            line = {
                **entry._asdict(),
                "payload": _parsed(entry.payload),
                "prev_hash": record.prev_hash.hex(),
                "hash": record.hash.hex(),
            }
            sys.stdout.write(json.dumps(line, sort_keys=True) + "\n")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (StoreRefused, DatabaseRefused) as error:
        typer.echo(_printable(str(error)), err=True)
        raise typer.Exit(2) from error


@contextmanager
def _reading(state_dir: Path) -> Iterator[Connection]:
    path = state_dir / DATABASE
    if not path.exists():
        raise StoreRefused(f"{path}: no such database. Name the lane's directory with --state-dir.")
    if revision_of(path, "lane") is None:
        raise StoreRefused(f"{path}: nothing has been written yet.")
    engine = read_only_engine(path)
    try:
        with closing(engine.connect()) as connection:
            yield connection
    finally:
        engine.dispose()


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _parsed(payload: str) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def _passage_of(entry: Entry) -> object:
    payload = _parsed(entry.payload)
    return payload.get("passage_id") if isinstance(payload, dict) else None


def _printable(text: str) -> str:
    # A doctored database must not be able to steer the terminal of the person who examines it.
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
