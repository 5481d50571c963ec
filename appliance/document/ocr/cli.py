"""`appliance mrz`: read the zone off a picture, to try a camera or a scan. It opens no chip and decides nothing."""

import json
from pathlib import Path
from typing import Annotated

import typer

from appliance.clock import SystemClock
from appliance.document.mrz import MrzError, masked, parse

mrz_app = typer.Typer(help="Read the machine-readable zone off a picture.", no_args_is_help=True)

NOTHING_SURE, REFUSED = 1, 2
NOTE = "A proposal for opening the chip, never trusted over it: right check digits are no proof."


@mrz_app.callback()
def _group() -> None:
    """One command today; the name stays when others come."""


@mrz_app.command()
def read(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="PNG, JPEG, BMP, TIFF, WebP or PPM, page upright.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    unmask: Annotated[
        bool, typer.Option("--unmask", help="Show the zone: personal data that opens the document's chip.")
    ] = False,
) -> None:
    """Exit 0: read, all check digits right; 1: no zone to be seen, or a check digit is wrong; 2: no such picture."""
    from appliance.document.ocr import read as reader  # not at the top: it brings OpenCV with it

    try:
        with image.open("rb") as file:
            found = reader.read(reader.decode(file.read(reader.MAX_BYTES + 1)))
    except OSError as error:
        typer.echo(f"{image}: {error.strerror}", err=True)
        raise typer.Exit(REFUSED) from None
    except reader.ImageRefused as error:
        typer.echo(f"{image}: {error}", err=True)
        raise typer.Exit(REFUSED) from None
    if found is None:
        said: dict[str, object] = {"format": None, "check": "no zone was found", "note": NOTE}
    else:
        try:
            parse(found.lines, SystemClock().now().date())
            check = "right"
        except MrzError as error:
            check = str(error)
        said = {
            "format": found.format.name,
            "lines": list(found.lines if unmask else masked(found.lines)),
            "masked": not unmask,
            "confidence": round(found.confidence, 3),
            "check": check,
            "candidates_for_the_chip": len(found.access),
            "note": NOTE,
        }
    typer.echo(json.dumps(said) if as_json else _words(said))
    if said["check"] != "right":
        raise typer.Exit(NOTHING_SURE)


def _words(said: dict[str, object]) -> str:
    if said["format"] is None:
        return "No machine-readable zone was found: page upright, whole, sharp, 7 pixels a millimetre or more."
    lines = said["lines"]
    assert isinstance(lines, list)
    check = "All check digits are right." if said["check"] == "right" else str(said["check"])
    return "\n".join(
        (
            f"{said['format']}{' (masked, --unmask shows it)' if said['masked'] else ''}:",
            *(f"  {line}" for line in lines),
            f"{check} Candidates for the chip: {said['candidates_for_the_chip']}. Confidence {said['confidence']}.",
            NOTE,
        )
    )
