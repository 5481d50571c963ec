"""`appliance evaluate faces`. Heavy imports wait until it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.clock import SystemClock
from appliance.evaluate.progress import bar

if TYPE_CHECKING:
    from appliance.evaluate.faces.outcome import Outcome

REFUSED = 1
INTERRUPTED = 130


class ProtocolName(StrEnum):
    """What is compared: the pairs of the list, or each image with each other one."""

    PAIRS = "pairs"
    ALL = "all"


class FaceName(StrEnum):
    """Which face of an image counts."""

    LARGEST = "largest"
    CENTRAL = "central"
    SINGLE = "single"


Source = Annotated[Path, typer.Argument(exists=True, help="LFW folder, folder of people, or CSV of pairs.")]
Out = Annotated[Path, typer.Option("--out", file_okay=False, help="Run folder: templates are kept here.")]
Models = Annotated[Path, typer.Option("--models-dir", envvar="SALLYPORT_MODELS", help="Folder the weights lie in.")]
Page = Annotated[Path | None, typer.Option(dir_okay=False, help="Write the HTML report here.")]
Json = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write figures and thresholds here.")]
Labels = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="CSV: path and groupings.")]
Root = Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Where the paths of a CSV start.")]
Limit = Annotated[int, typer.Option(min=0, help="At most so many images; 0 is all.")]
Eyes = Annotated[float, typer.Option("--least-eyes-px", min=1, help="Eyes nearer together are too small a face.")]
Each = Annotated[int, typer.Option("--genuine-per-person", min=0, help="Most genuine comparisons a person; 0: all.")]


def faces(
    dataset: Source,
    out: Out,
    pack: Annotated[str, typer.Option(help="Matcher pack. Default: the best one installed.")] = "",
    models: Models = Path("var/models"),
    report: Page = None,
    json_: Json = None,
    labels: Labels = None,
    root: Root = None,
    protocol: Annotated[ProtocolName | None, typer.Option(help="Default: all the data set allows.")] = None,
    limit: Limit = 0,
    masked: Annotated[bool, typer.Option("--masked", help="Draw a medical mask on every probe.")] = False,
    flip: Annotated[bool, typer.Option("--flip", help="Average each template with its mirror image's.")] = False,
    face: Annotated[FaceName | None, typer.Option(help="Default: central for LFW, else largest.")] = None,
    least_eyes: Eyes = 20.0,
    per_person: Each = 45,
    seed: Annotated[int, typer.Option(help="For masks and for drawing subjects.")] = 1,
    accept_non_commercial: Annotated[
        list[str] | None, typer.Option(help="A pack whose licence forbids commercial use, and whose use here is none.")
    ] = None,
) -> None:
    """False match and non-match rates of a matcher on images, with thresholds and intervals (ISO/IEC 19795-1)."""
    from appliance.evaluate.faces.loaders import load
    from appliance.evaluate.faces.run import Options, run
    from appliance.face.packs import AUTO, load_pack

    options = Options(
        protocol=protocol.value if protocol else None,
        masked=masked,
        flip=flip,
        face=face.value if face else None,
        least_eyes_px=least_eyes,
        genuine_per_person=per_person,
        seed=seed,
    )
    with _in_words(out):
        found = load(dataset, labels, root)
        found = found.limited(limit) if limit else found
        matcher = load_pack(pack or AUTO, models, accept_non_commercial or ())
        with bar() as step:
            outcome = run(matcher, found, out, options, SystemClock(), step)
        _keep(outcome, report, json_)


def _keep(outcome: "Outcome", report: Path | None, json_: Path | None) -> None:
    from appliance.evaluate.faces.outcome import as_json, write
    from appliance.evaluate.faces.report import in_words, render

    typer.echo(in_words(outcome))
    if json_ is not None:
        write(json_, as_json(outcome))
        typer.echo(f"wrote {json_}")
    if report is not None:
        write(report, render(outcome))
        typer.echo(f"wrote {report}")


@contextmanager
def _in_words(out: Path) -> Iterator[None]:
    """What somebody can put right is one sentence and exit 1; breaking off loses nothing."""
    from appliance.evaluate.faces.dataset import DatasetError
    from appliance.evaluate.faces.run import CannotMeasure
    from appliance.evaluate.faces.scores import TooManyScores
    from appliance.evaluate.faces.templates import RunFolderError
    from appliance.face.types import TemplatesNotComparable
    from appliance.models.manager import ModelError

    known = (DatasetError, CannotMeasure, TooManyScores, RunFolderError, TemplatesNotComparable, ModelError, OSError)
    try:
        yield
    except known as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from error
    except KeyboardInterrupt as error:
        typer.echo(f"broken off; the same command goes on from what {out} holds", err=True)
        raise typer.Exit(INTERRUPTED) from error
