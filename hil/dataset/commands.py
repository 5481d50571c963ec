"""`python -m hil dataset OUT` and `python -m hil dataset sheet DATASET OUT.png`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from hil.dataset.cases import Plan

REFUSED = 2
SHEET = "sheet"


class SplitName(StrEnum):
    """What a data set is for."""

    TRAIN = "train"
    SITE = "site"
    TEST = "test"


def dataset(
    words: Annotated[
        list[str],
        typer.Argument(metavar="OUT | sheet DATASET PICTURE", help="Folder to make or continue; or sheet, to look."),
    ],
    name: Annotated[str, typer.Option(help="Name of the data set.")] = "twin",
    bona_fide: Annotated[int, typer.Option(help="Presentations of people's own faces.")] = 240,
    per_species: Annotated[int, typer.Option(help="Attack presentations of each species.")] = 20,
    species: Annotated[list[str] | None, typer.Option(help="Only this species; repeatable.")] = None,
    split: Annotated[SplitName, typer.Option(help="What it is for; no two splits share a person or a site.")] = (
        SplitName.TRAIN
    ),
    seed: Annotated[int, typer.Option(help="Of everything.")] = 1,
    sites: Annotated[int, typer.Option(help="Installations to draw from.")] = 8,
    swir: Annotated[bool, typer.Option("--swir/--no-swir", help="With a SWIR camera.")] = True,
    condition: Annotated[list[str] | None, typer.Option(help="Fix one, e.g. sun=0.3; repeatable.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 1,
    rows: Annotated[int, typer.Option(help="Of the sheet: presentations of each species.")] = 2,
) -> None:
    """Render simulated presentations into a data set; or put some of one on a contact sheet."""
    # Help must not pay for a scene.
    from appliance.evaluate.dataset import DatasetError
    from appliance.evaluate.species import SPECIES
    from hil.dataset.cases import Plan, PlanError

    try:
        if words[0] == SHEET and len(words) == 3:
            _sheet(Path(words[1]), Path(words[2]), rows)
        elif len(words) == 1:
            wanted = tuple(species) if species else tuple(SPECIES)
            fixed = _conditions(condition or [])
            plan = Plan(name, bona_fide, per_species, split.value, seed, sites, wanted, fixed)
            _make(Path(words[0]), plan, swir=swir, jobs=jobs)
        else:
            raise PlanError("one folder to make, or: sheet DATASET PICTURE")
    except (PlanError, DatasetError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from None


def _make(out: Path, plan: Plan, *, swir: bool, jobs: int) -> None:
    from hil.dataset.run import write

    columns = (TextColumn(plan.name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(plan.name, total=None)
        count = write(out, plan, swir=swir, jobs=jobs, progress=lambda n, of: bar.update(task, completed=n, total=of))
    typer.echo(f"{out}: {count} presentations added, all simulated")


def _sheet(folder: Path, out: Path, rows: int) -> None:
    from hil.dataset.sheet import contact_sheet

    typer.echo(f"{out}: {contact_sheet(folder, out, rows)} presentations, all simulated")


def _conditions(given: list[str]) -> dict[str, float | str]:
    from hil.dataset.cases import PlanError

    found: dict[str, float | str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign:
            raise PlanError(f"a condition is written name=value, not {text!r}")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    return found
