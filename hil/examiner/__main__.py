"""`python -m hil.examiner`: import the tables, render a data set, look at it."""

from pathlib import Path
from typing import Annotated

import typer

from appliance.evaluate.dataset import DatasetError
from hil.examiner import sheet as sheets
from hil.examiner.job import Job, run, wanted
from hil.examiner.plan import PlanError
from hil.examiner.tables import FOLDER, TableError, import_tables
from hil.examiner.tracer import TracerError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The path-traced examiner (simulated).")


@app.command("import")
def import_(source: Path, tables: Path = FOLDER) -> None:
    """Copy the measured tables and the head from anywhere under a folder; each is proven by its SHA-256."""
    try:
        for path in import_tables(source, tables):
            typer.echo(str(path))
    except TableError as error:
        _refuse(error)


def _refuse(error: Exception) -> None:
    typer.echo(str(error), err=True)
    raise typer.Exit(2)


def _conditions(asked: list[str]) -> dict[str, float]:
    found = {}
    for text in asked:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise PlanError(f"{text!r} is not a condition: NAME=NUMBER is wanted") from None
    return found


def _part(text: str) -> tuple[int, int]:
    k, _, n = text.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise PlanError(f"{text!r} is not a part: K/N is wanted, with K from 1 to N")
    return int(k) - 1, int(n)


@app.command()
def render(
    out: Path,
    bona_fide: int = 60,
    per_species: int = 59,
    seed: int = 7,
    species: Annotated[str, typer.Option(help="only these, with commas between")] = "",
    condition: Annotated[list[str] | None, typer.Option(help="e.g. sun=0.3, once for each")] = None,
    samples: Annotated[int, typer.Option(help="paths per pixel and light")] = 8,
    swir: bool = True,
    part: Annotated[str, typer.Option(help="K/N: only the Kth of N parts, for N processes side by side")] = "1/1",
) -> None:
    """Render a data set; called again it goes on where it stopped."""
    try:
        mine = _part(part)
        names = tuple(species.split(",")) if species else None
        job = Job(out, bona_fide, per_species, seed, names, _conditions(condition or []), swir, samples)
        todo = len(wanted(job, mine))
        count = sum(1 for _ in run(job, part=mine))
    except (PlanError, DatasetError, TableError, TracerError) as error:
        _refuse(error)
    else:
        typer.echo(f"{count} of {todo} presentations rendered into {out} (simulated)")


@app.command()
def sheet(dataset: Path, out: Path, per_species: int = 1, skip: int = 0) -> None:
    """A contact sheet: species down, channels across."""
    try:
        typer.echo(f"{sheets.contact_sheet(dataset, out, per_species, skip)} presentations on {out}")
    except (DatasetError, ValueError) as error:
        _refuse(error)


if __name__ == "__main__":
    app()
