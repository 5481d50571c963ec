"""`appliance document`: one document read and proven by hand, and which chip readers there are.

Exit code 0 for a genuine document, 1 for any other, 2 when it could not be tried at all.
"""

import asyncio
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from appliance.clock import SystemClock, today

if TYPE_CHECKING:
    from appliance.document.chip.passwords import Password
    from appliance.document.inspection import Inspection
    from appliance.document.rules import Rules
    from appliance.document.trust.anchors import Anchors
    from drivers.ports import DocumentReader

document_app = typer.Typer(no_args_is_help=True, help="One document by hand: read its chip, prove it genuine.")

_FOLDER = Path("var/trust")
_GENUINE, _NOT, _UNTRIED = 0, 1, 2


@document_app.command("readers")
def readers() -> None:
    """Chip readers that PC/SC knows."""
    from drivers.document import pcsc
    from drivers.errors import DriverError

    try:
        names = pcsc.readers(pcsc.scard())
    except DriverError as error:
        raise _untried(error.message) from None
    for name in names or ["none: is one plugged in, and does pcscd know its driver (libccid)?"]:
        typer.echo(name)


@document_app.command("read")
def read(
    reader: Annotated[str, typer.Option(help="Beginning of the chip reader's name (appliance document readers).")] = "",
    simulation: Annotated[
        str, typer.Option(help="MODULE:FOLDER of a simulated one, e.g. hil.plate:var/passport.")
    ] = "",
    mrz: Annotated[list[str] | None, typer.Option(help="A line of the printed zone; once for each line.")] = None,
    can: Annotated[str, typer.Option(help="The six digits of a card access number, in place of the zone.")] = "",
    store: Annotated[Path, typer.Option(envvar="SALLYPORT_TRUST", help="Folder of the trust store.")] = _FOLDER,
    allow_sha1: Annotated[bool, typer.Option("--allow-sha1", help="Believe signatures over SHA-1.")] = False,
    no_extended: Annotated[bool, typer.Option("--no-extended", help="Short APDUs only.")] = False,
    unmask: Annotated[bool, typer.Option("--unmask", help="Show what the document says of its holder.")] = False,
    save_portrait: Annotated[Path | None, typer.Option(help="Write the chip's portrait to this file.")] = None,
    told: Annotated[bool, typer.Option("--json", help="For a program.")] = False,
) -> None:
    """Read a document's chip, prove it, and say what was found; nothing of it is kept unless you ask for it."""
    from appliance.document.reasons import DocumentFault
    from appliance.document.rules import Rules
    from appliance.document.trust.anchors import Anchors
    from appliance.document.trust.store import load
    from appliance.runtime import document_report
    from drivers.errors import DriverError

    if bool(reader) == bool(simulation):
        raise typer.BadParameter("name either --reader or --simulation")
    try:
        anchors = load(store).anchors
    except DocumentFault as fault:
        typer.echo(f"{fault.detail}\nThe document is read all the same; its issuer will be unknown.", err=True)
        anchors = Anchors(())
    try:
        password = _password(can)
        device = _simulated(simulation) if simulation else _pcsc(reader, tuple(mrz or ()))
        rules = Rules(types=frozenset("PIAC"), allow_sha1=allow_sha1, extended=not no_extended)
        inspection = asyncio.run(_inspected(device, anchors, rules, tuple(mrz or ()), password))
    except DocumentFault as fault:
        raise _untried(fault.detail) from None
    except DriverError as error:
        raise _untried(str(error)) from None
    if told:
        typer.echo(document_report.as_json(inspection, unmask=unmask, simulated=bool(simulation)))
    else:
        document_report.show(inspection, Console(), unmask=unmask, simulated=bool(simulation))
    if save_portrait is not None:
        _save(inspection, save_portrait)
    raise typer.Exit(_GENUINE if document_report.action_of(inspection) is None else _NOT)


def _untried(words: str) -> typer.Exit:
    typer.echo(words, err=True)
    return typer.Exit(_UNTRIED)


def _password(can: str) -> "Password | None":
    from appliance.document.chip.passwords import can_password

    return can_password(can) if can else None


def _pcsc(name: str, zone: tuple[str, ...]) -> "DocumentReader":
    from drivers.document import pcsc
    from drivers.document.reader import TypedZone, ZoneAndChip

    return ZoneAndChip(TypedZone(zone), pcsc.PcscChip("reader", name, pcsc.scard()))


def _simulated(given: str) -> "DocumentReader":
    module, _, folder = given.partition(":")
    try:
        return cast("DocumentReader", importlib.import_module(module).document_on(Path(folder)))
    except (ImportError, AttributeError, ValueError) as error:
        raise _untried(f"--simulation {given}: {error}; e.g. hil.plate:var/passport") from None


async def _inspected(
    device: "DocumentReader", anchors: "Anchors", rules: "Rules", zone: tuple[str, ...], password: "Password | None"
) -> "Inspection":
    from appliance.document.inspector import inspect
    from appliance.document.judge import judge
    from appliance.runtime.documents import carry

    await device.open()
    try:
        zone = zone or (() if password is not None else await device.zone())
        talk = inspect(zone, today(SystemClock()), anchors, rules, password=password)
        judged = (await judge(await carry(talk, device))).inspection
        assert judged is not None  # a document that was inspected
        return judged
    finally:
        await device.disconnect()
        await device.close()


def _save(inspection: "Inspection", path: Path) -> None:
    if not inspection.portrait:
        typer.echo("There is no portrait to save.", err=True)
        return
    try:
        with path.open("xb") as file:
            file.write(inspection.portrait)
    except OSError as error:
        raise _untried(f"{path}: {error.strerror}; name a file that does not exist yet") from None
    typer.echo(f"portrait: {path}")
