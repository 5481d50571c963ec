"""`appliance evaluate` and `appliance claims`."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from appliance.clock import SystemClock
from appliance.evaluate.faces.cli import faces
from appliance.evaluate.progress import bar

if TYPE_CHECKING:
    from appliance.evaluate.dataset import Dataset
    from appliance.evaluate.outcome import Protocol, Run
    from appliance.evaluate.run import Question
    from appliance.evaluate.system import System
    from appliance.face.types import FacePack

evaluate_app = typer.Typer(no_args_is_help=True, help="ISO/IEC 30107-3 and 19795-1 figures over data sets.")
evaluate_app.command()(faces)

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A data set.")]
Models = Annotated[Path, typer.Option("--models-dir", envvar="SALLYPORT_MODELS", help="Folder the weights lie in.")]
Sheet = Annotated[
    list[Path] | None, typer.Option("--picture", exists=True, help="A contact sheet (PNG or JPEG) for the report.")
]
Upper = Annotated[bool, typer.Option("--upper", help="The check of the upper half of the face, above a medical mask.")]
REFUSED = 1
_NOTES = 20


@contextmanager
def _in_words() -> Iterator[None]:
    """What somebody can put right is one sentence and exit 1; anything else stays an exception."""
    from appliance.evaluate.claims import ClaimsError
    from appliance.evaluate.dataset import DatasetError
    from appliance.evaluate.outcome import OutcomesError
    from appliance.evaluate.run import CannotEvaluate
    from appliance.evaluate.system import CannotLearn
    from appliance.models.manager import ModelError

    try:
        yield
    except (ClaimsError, DatasetError, OutcomesError, CannotEvaluate, CannotLearn, ModelError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from error


@evaluate_app.command()
def liveness(
    dataset: Folder,
    train: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Data set to learn from.")] = None,
    bands: Annotated[
        list[str] | None, typer.Option(help="Band set, e.g. rgb+850+940. Default: all standard ones.")
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Test the detector of the package, learn nothing.")
    ] = False,
    leave_out: Annotated[
        bool,
        typer.Option("--leave-one-species-out/--species-known", help="Whether each species is new to its detector."),
    ] = True,
    report: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the HTML report here.")] = None,
    claims: Annotated[Path | None, typer.Option(file_okay=False, help="Write claims into this folder.")] = None,
    outcomes: Annotated[Path | None, typer.Option(file_okay=False, help="Keep every row in this folder.")] = None,
    matcher: Annotated[bool, typer.Option("--matcher", help="Compare faces too, for IAPAR.")] = False,
    picture: Sheet = None,
    upper: Upper = False,
    models: Models = Path("var/models"),
    cache: Annotated[Path, typer.Option(help="Where measured figures are kept.")] = Path("var/evaluate"),
) -> None:
    """Figures of the liveness check on a data set: APCER per species, BPCER, non-responses, with bounds."""
    from appliance.evaluate.run import CannotEvaluate, Question, standard_sets
    from appliance.face.packs import AUTO, load_pack

    with _in_words():
        test, system = _opened(dataset, upper=upper)
        taught = _opened(train, upper=upper)[0] if train is not None else None
        protocol: Protocol = "shipped" if shipped else "leave-one-species-out" if leave_out else "species-known"
        if not (asked := bands or standard_sets(test)):
            raise CannotEvaluate(f"{dataset} has no channels")
        questions = [Question(test, taught, protocol, name) for name in asked]
        runs = _answer(questions, system, load_pack(AUTO, models), cache, matcher=matcher)
        _keep(runs, outcomes, claims)
        _print(runs)
        if report is not None:
            _report(runs, report, picture or [])


@evaluate_app.command()
def learn(
    train: Folder,
    out: Annotated[Path, typer.Argument(file_okay=False, help="Folder for the detectors, one file a band set.")],
    bands: Annotated[
        list[str] | None, typer.Option(help="Band set, e.g. rgb+850+940. Default: all standard ones.")
    ] = None,
    upper: Upper = False,
    models: Models = Path("var/models"),
    cache: Annotated[Path, typer.Option(help="Where measured figures are kept.")] = Path("var/evaluate"),
) -> None:
    """Learn detectors from a data set: attacks teach the classifier, bona fide presentations set the thresholds."""
    from appliance.evaluate.extraction import Extraction
    from appliance.evaluate.run import CannotEvaluate, Evaluation, standard_sets
    from appliance.face.packs import AUTO, load_pack

    with _in_words(), bar() as step:
        data, system = _opened(train, upper=upper)
        pack, clock = load_pack(AUTO, models), SystemClock()
        if not (asked := bands or standard_sets(data)):
            raise CannotEvaluate(f"{train} has no channels")
        evaluation = Evaluation(system, Extraction(system, pack, cache, clock), clock, step)
        out.mkdir(parents=True, exist_ok=True)
        for name in asked:
            path = out / f"{name}.json"
            path.write_text(evaluation.learn(data, name).written(), encoding="utf-8")
            typer.echo(f"wrote {path}")


def _opened(folder: Path, *, upper: bool) -> "tuple[Dataset, System]":
    """A data set and the check it is for. Raises DatasetError."""
    from appliance.evaluate.dataset import Dataset, above_masks
    from appliance.evaluate.subject import Liveness, UpperFace

    return (above_masks(Dataset(folder)), UpperFace()) if upper else (Dataset(folder), Liveness())


def _answer(
    questions: "list[Question]", system: "System", pack: "FacePack", cache: Path, *, matcher: bool
) -> "list[Run]":
    from appliance.evaluate.extraction import Extraction
    from appliance.evaluate.outcome import Run
    from appliance.evaluate.run import Evaluation, check

    clock = SystemClock()
    for question in questions:
        check(question)
    with bar() as step:
        compared = _compared(questions[0].test, pack, step) if matcher else None
        evaluation = Evaluation(system, Extraction(system, pack, cache, clock), clock, step)
        runs = []
        for question in questions:
            header, rows = evaluation.run(question, compared, pack.pack_id if matcher else None)
            runs.append(Run(header=header, outcomes=tuple(rows)))
    return runs


def _compared(dataset: "Dataset", pack: "FacePack", step: Callable[[str, int, int], None]) -> dict[str, bool]:
    from appliance.evaluate.matching import compare_all
    from appliance.evaluate.run import under_test

    return compare_all(pack, dataset, under_test(dataset), lambda done, of: step("comparing faces", done, of))


def _keep(runs: "list[Run]", outcomes: Path | None, claims: Path | None) -> None:
    from appliance.evaluate.claims import claims_of, publish
    from appliance.evaluate.outcome import write

    for run in runs:
        if outcomes is not None:
            path = outcomes / f"{run.header.dataset}-{run.header.protocol}-{run.header.band_set}.jsonl"
            write(path, run.header, run.outcomes)
            typer.echo(f"wrote {path}")
        if claims is not None:
            typer.echo(f"wrote {publish(claims_of(run.header, run.outcomes), claims)}")


def _print(runs: "list[Run]") -> None:
    from appliance.evaluate.claims import claims_of
    from appliance.evaluate.claims_text import markdown

    typer.echo(markdown([claims_of(run.header, run.outcomes) for run in runs]))


def _report(runs: "list[Run]", path: Path, pictures: list[Path]) -> None:
    from appliance.evaluate.report import render

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(runs, pictures), encoding="utf-8")
    typer.echo(f"wrote {path}")


@evaluate_app.command("report")
def report_again(
    outcomes: Annotated[list[Path], typer.Argument(exists=True, help="Files of rows, or folders of them.")],
    report: Annotated[Path, typer.Option(dir_okay=False, help="Write the HTML report here.")],
    picture: Sheet = None,
) -> None:
    """Make the report again from kept rows, without running anything."""
    from appliance.evaluate.outcome import read

    with _in_words():
        paths = [found for path in outcomes for found in (sorted(path.glob("*.jsonl")) if path.is_dir() else [path])]
        _report([read(path) for path in paths], report, picture or [])


@evaluate_app.command("import")
def import_set(
    kind: Annotated[str, typer.Argument(help="wmca, hq-wmca, casia-surf or folders")],
    source: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The set as its publisher delivers it.")],
    out: Annotated[Path, typer.Argument(file_okay=False, help="A new folder for the data set.")],
    name: Annotated[str, typer.Option(help="Name in the data set's header.")] = "",
    words: Annotated[str, typer.Option("--source", help="Rig and laboratory, for the header.")] = "",
    protocol: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The publisher's list of parts (train, dev, eval).")
    ] = None,
    channels: Annotated[str, typer.Option(help="Planes of a stack, e.g. grey,850,940,-")] = "",
    simulated: Annotated[bool, typer.Option("--simulated", help="The images were rendered, not recorded.")] = False,
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave broken presentations out, and say so.")
    ] = False,
) -> None:
    """Take in a set somebody else recorded, as a data set of ours."""
    from appliance.evaluate.loaders.common import CannotImport, Options
    from appliance.evaluate.loaders.registry import take_in

    options = Options(
        kind="simulated" if simulated else "measured",
        name=name,
        source=words,
        protocol=protocol,
        channels=tuple(part.strip() for part in channels.split(",") if part.strip()),
        skip_broken=skip_broken,
    )
    try:
        with bar() as step:
            count, notes = take_in(kind, source, out, options, lambda done: step("taking in", done, done))
    except (CannotImport, OSError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from error
    for note in notes[:_NOTES]:
        typer.echo(note, err=True)
    if len(notes) > _NOTES:
        typer.echo(f"and {len(notes) - _NOTES} more like these", err=True)
    typer.echo(f"{out}: {count} presentations, {len(notes)} left out or incomplete")


@evaluate_app.command()
def masks(
    masked: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Photographs of people in masks.")],
    bare: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Photographs of people without.")],
    models_dir: Models = Path("var/models"),
) -> None:
    """Count what the detector of medical masks says of masked and of bare faces."""
    from appliance.evaluate.masks import count
    from appliance.face.mask_detector import load_mask_detector
    from appliance.face.packs import AUTO, load_pack

    with _in_words():
        detector = load_mask_detector(models_dir)
        pack = load_pack(AUTO, models_dir)
    for folder, right in ((masked, "masked"), (bare, "bare")):
        with bar() as step:
            found = count(folder, pack, detector, partial(step, right))
        wrong = "bare" if right == "masked" else "masked"
        typer.echo(f"{right}: {found.share(getattr(found, right))} called {right}")
        typer.echo(f"  {found.share(getattr(found, wrong))} called {wrong}; no opinion of {found.no_opinion}")
        typer.echo(f"  left out: {found.no_face} without a face, {found.small} too small, {found.broken} broken")


def claims(
    bands: Annotated[list[str] | None, typer.Option(help="Only these band sets.")] = None,
    faces_: Annotated[bool, typer.Option("--faces", help="Of the matchers, not the liveness check.")] = False,
    upper: Upper = False,
    format_: Annotated[str, typer.Option("--format", help="table, markdown or json")] = "table",
    folder: Annotated[
        Path | None, typer.Option("--from", exists=True, file_okay=False, help="Claims of a laboratory, not ours.")
    ] = None,
    update: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Make the table in this page anew.")
    ] = None,
) -> None:
    """What may be claimed of each band set, worst species first; or of each matcher. What is simulated says so."""
    from appliance.evaluate import claims as published
    from appliance.evaluate import claims_text, face_claims

    with _in_words():
        if faces_:
            reports = face_claims.read(folder) if folder is not None else face_claims.shipped()
            _show(reports, face_claims, format_, update)
            return
        ours = published.shipped_upper if upper else published.shipped
        found = published.read(folder) if folder is not None else ours()
        shown = [one for one in found if not bands or one.band_set in bands]
        if absent := sorted(set(bands or ()) - {one.band_set for one in shown}):
            raise published.ClaimsError(f"nothing is claimed of {', '.join(absent)}: every species is untested with it")
        _show(shown, claims_text, format_, update)


def _show(shown: Sequence[Any], text: ModuleType, format_: str, update: Path | None) -> None:
    """In the words of a module with `table`, `markdown`, `update` and `NONE`."""
    from appliance.evaluate.claims import ClaimsError

    if update is not None:
        update.write_text(text.update(update.read_text(encoding="utf-8"), shown), encoding="utf-8")
        typer.echo(f"{update}: {len(shown)} claims")
    elif format_ == "markdown":
        typer.echo(text.markdown(shown), nl=False)
    elif format_ == "json":
        typer.echo(json.dumps([one.model_dump(mode="json") for one in shown], indent=1))
    elif format_ == "table":
        table = text.table(shown) if shown else text.NONE.strip()
        Console(width=None if sys.stdout.isatty() else 160).print(table)
    else:
        raise ClaimsError(f"{format_!r} is no format; there are table, markdown and json")
