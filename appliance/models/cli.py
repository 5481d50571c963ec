"""`appliance models`: what is there, fetch, import, check."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Column, Table

from appliance.clock import SystemClock
from appliance.models import manager
from appliance.models.catalogue import CUES, PACKS, CueRecord, ModelFile, PackRecord, Weights
from appliance.models.manager import State

models_app = typer.Typer(no_args_is_help=True, help="Weights of matcher and cues: list, fetch, import, check.")

_COLOURS = {State.READY: "green", State.MISSING: "yellow", State.HASH_MISMATCH: "bold red"}

Folder = Annotated[
    Path,
    typer.Option("--dir", envvar="SALLYPORT_MODELS", help="Folder the weights lie in."),
]
_DEFAULT = Path("var/models")


def _fail(error: Exception) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(1)


def _grade(pack: Weights) -> str:
    grade = pack.grade if isinstance(pack, PackRecord) else "optional cue, never admits"
    return grade if pack.commercial_use else f"{grade}\n[bold]non-commercial[/]"


def _threshold(pack: Weights) -> str:
    if isinstance(pack, PackRecord):
        sign = ">=" if pack.metric == "cosine" else "<="
        return f"{pack.metric} {sign} {pack.threshold} (FMR {pack.default.fmr:g})"
    return f"suspects >= {pack.threshold}" if isinstance(pack, CueRecord) else ""


@models_app.command("list")
def list_packs(folder: Folder = _DEFAULT) -> None:
    """Every matcher pack and cue with its grade, licence and state."""
    table = Table("pack", "grade", "licence", "threshold", Column("state", no_wrap=True))
    checks = manager.verify(folder)
    for check in checks:
        pack = check.pack
        state = f"[{_COLOURS[check.state]}]{check.state.value}[/]"
        name = f"{pack.pack_id}\n[dim]{pack.title}[/]"
        table.add_row(name, _grade(pack), pack.licences, _threshold(pack), state)
    Console().print(table)
    for check in checks:
        if check.state is not State.READY:
            typer.echo(manager.advice(check))
    for record in (*PACKS.values(), *CUES.values()):
        typer.echo(f"{record.pack_id}: {record.caution}")


@models_app.command()
def fetch(
    pack: Annotated[str, typer.Argument(help=f"One of: {', '.join((*PACKS, *CUES))}")],
    folder: Folder = _DEFAULT,
) -> None:
    """Download the weights of a pack or cue, proven by SHA-256."""
    # urllib brings a good part of the start-up time and only this command needs it.
    from appliance.models.http import open_https

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks = {file.name: bars.add_task(file.name, total=file.size, visible=False) for file in _files(pack)}

        def show(name: str, done: int, total: int) -> None:
            bars.update(tasks[name], completed=done, total=total, visible=True)

        try:
            written = manager.fetch(pack, folder, opener=open_https, progress=show, clock=SystemClock())
        except (manager.ModelError, OSError) as error:
            raise _fail(error) from error
    typer.echo("\n".join(f"wrote {path}" for path in written) or f"{pack} is complete in {folder}")


def _files(pack_id: str) -> tuple[ModelFile, ...]:
    known: dict[str, Weights] = {**PACKS, **CUES}
    return known[pack_id].files if pack_id in known else ()


@models_app.command("import")
def import_folder(
    source: Annotated[Path, typer.Argument(help="Folder to search, with everything below it.")],
    folder: Folder = _DEFAULT,
) -> None:
    """Take the weights from a folder; files are recognised by SHA-256, whatever they are called."""
    try:
        written = manager.import_from(source, folder)
    except (manager.ModelError, OSError) as error:
        raise _fail(error) from error
    typer.echo("\n".join(f"wrote {path}" for path in written))
    for check in manager.verify(folder):
        typer.echo(f"{check.pack.pack_id}: {check.state.value}")


@models_app.command("check")
def check_packs(folder: Folder = _DEFAULT) -> None:
    """Prove every hash, load every pack that is ready, and let it tell the people of a photograph apart."""
    checks = manager.verify(folder)
    ready = [check.pack for check in checks if check.state is State.READY and isinstance(check.pack, PackRecord)]
    problems = [manager.advice(check) for check in checks if check.state is not State.READY]
    mismatch = any(check.state is State.HASH_MISMATCH for check in checks)
    failed = [pack.pack_id for pack in ready if not _selftest(pack, folder)]
    typer.echo("\n".join(problems), err=True, nl=bool(problems))
    if mismatch or failed or not ready:
        raise typer.Exit(1)


def _selftest(pack: PackRecord, folder: Path) -> bool:
    # The native libraries take a second to load and only this command needs them.
    from appliance.face.packs import load_pack
    from appliance.face.selftest import selftest

    result = selftest(load_pack(pack.pack_id, folder, (pack.pack_id,)))  # looked at here, in use nowhere
    verdict = "tells people apart" if result.passed else "DOES NOT tell people apart: do not use this installation"
    typer.echo(
        f"{pack.pack_id}: {verdict} ({len(result.genuine)} people; genuine scores "
        f"{_span([c.score for c in result.genuine])}, impostor {_span([c.score for c in result.impostor])}, "
        f"threshold {pack.threshold} {pack.metric})"
    )
    return result.passed


def _span(scores: list[float]) -> str:
    return f"{min(scores):.3f}..{max(scores):.3f}" if scores else "none"
