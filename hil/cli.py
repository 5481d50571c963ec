"""Commands of the rig. Each imports what it needs: help must not pay for a scene."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import cv2
import typer

from appliance.core.types import Claim, Topology
from appliance.liveness.channels import channels_of
from appliance.sites import Site
from hil.dataset.commands import dataset
from hil.heads import HEADS, Head
from hil.passport.commands import app as passport

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="The simulated rig: no real gate, no real traveller."
)

app.command()(dataset)
app.add_typer(passport, name="passport")

Pack = Annotated[str, typer.Option(help="Matcher pack: auto, open-omz or pypi-dlib.")]
Models = Annotated[Path, typer.Option(help="Folder of the installed weights.")]

Bands = Annotated[str, typer.Option(help="Installed bands, e.g. rgb+850+940+970+1050+1300+1550.")]
STANDARD = "rgb+850+940"
WHOLE = "rgb+850+940+970+1050+1300+1550"

HeadChoice = Annotated[Head, typer.Option("--head", help="Head of the cast; measured needs import-head.")]
Heads = Annotated[Path, typer.Option(help="Folder of the imported head.")]
HEAD_REFUSED = 2


def _installed(bands: str) -> tuple[str, ...]:
    """The switched bands of a band set."""
    try:
        found = tuple(channel.name for channel in channels_of(bands) if channel.switched)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--bands") from error
    if not found:
        raise typer.BadParameter("the lane needs a band that LEDs light", param_hint="--bands")
    return found


def _choose(head: Head, heads_dir: Path) -> None:
    from hil.scene.measured import HeadError, choose_head

    try:
        choose_head(head, heads_dir)
    except HeadError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(HEAD_REFUSED) from None


@app.callback()
def _rig() -> None:
    # The rig shares its machine with the lane it serves.
    cv2.setNumThreads(1)


@app.command()
def tour(
    pack: Pack = "auto",
    models_dir: Models = Path("var/models"),
    topology: Annotated[Topology, typer.Option(help="Which lane.")] = Topology.MANTRAP,
    site: Annotated[Site, typer.Option(help="What kind of place; all but a border are turnstiles.")] = Site.BORDER,
    walk_up: Annotated[
        bool, typer.Option("--walk-up", help="Office: nobody shows a card, faces are looked for in the gallery.")
    ] = False,
    bands: Bands = WHOLE,
    shadow: Annotated[
        str, typer.Option(help="A second detector that decides nothing: rgb-cue, a file, a folder.")
    ] = "",
    only: Annotated[list[str] | None, typer.Option(help="Only this passage; repeatable.")] = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="The guard decides by clicks, in a Chromium before the real console.")
    ] = False,
    scenario: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Passages of this YAML file instead.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the results here.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep logs, journal and documents in this directory.")] = None,
    seed: Annotated[int, typer.Option(help="Of noise and of people's pace.")] = 1,
    head: HeadChoice = Head.PROCEDURAL,
    heads_dir: Heads = HEADS,
) -> None:
    """Scripted passages without a person; exit code 1 on any difference from what is expected."""
    from hil.scenarios.tour import Tour, run

    _choose(head, heads_dir)
    chosen = Tour(
        pack=pack,
        models_dir=models_dir,
        topology=topology if site is Site.BORDER else Topology.TURNSTILE,
        site=site,
        claim=(Claim.NOBODY if walk_up else Claim.CARD) if site is Site.OFFICE else Claim.DOCUMENT,
        bands=_installed(bands),
        shadow=shadow,
        only=tuple(only or ()),
        browser=browser,
        scenario=scenario,
        json=json,
        keep=keep,
        seed=seed,
    )
    raise typer.Exit(run(chosen))


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Of the guard console, on this machine only.")] = 8080,
    state_dir: Annotated[Path, typer.Option(help="Journal, accounts, documents, logs.")] = Path("var/demo"),
    pack: Pack = "auto",
    models_dir: Models = Path("var/models"),
    topology: Annotated[Topology, typer.Option(help="Which lane.")] = Topology.MANTRAP,
    bands: Bands = STANDARD,
    head: HeadChoice = Head.PROCEDURAL,
    heads_dir: Heads = HEADS,
) -> None:
    """A simulated lane with its guard console; travellers come by themselves, or at a key. Stop with Ctrl-C."""
    from hil.demo import Demo, run

    _choose(head, heads_dir)
    raise typer.Exit(run(Demo(port, state_dir, pack, models_dir, topology, _installed(bands))))


@app.command()
def drill(
    dataset: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A data set with genuine faces.")],
    bands: Annotated[str, typer.Option(help="Band set, e.g. rgb+850+940.")] = "rgb+850+940",
    count: Annotated[int, typer.Option(min=1, help="Faulty bursts to try.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the faults.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    models_dir: Models = Path("var/models"),
    detectors: Annotated[Path | None, typer.Option(help="Folder of detectors; default: the shipped ones.")] = None,
) -> None:
    """Bursts with one fault each (missing, swapped, stuck); exit code 1 if any is accepted."""
    from hil.drill import report

    raise typer.Exit(
        report(
            dataset,
            bands,
            count=count,
            seed=seed,
            jobs=jobs,
            models_dir=models_dir,
            detectors=detectors,
            tell=typer.echo,
        )
    )


class Part(StrEnum):
    """What `bench` measures."""

    ALL = "all"
    CONSOLE = "console"
    PASSPORT = "passport"


@app.command()
def bench(
    part: Annotated[Part, typer.Argument(help="Everything, or one part alone.")] = Part.ALL,
    pack: Pack = "auto",
    models_dir: Models = Path("var/models"),
    bands: Bands = STANDARD,
    passages: Annotated[int, typer.Option(help="Genuine passages to measure.")] = 10,
    releases: Annotated[int, typer.Option(help="Decisions to measure down to the wire.")] = 200,
    rounds: Annotated[int, typer.Option(min=2, help="Passport: readings of each.")] = 20,
    markdown: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Passport: put the tables into this page (docs/passport.md)."),
    ] = None,
) -> None:
    """What controller, guard console and passport cost, beside their targets. Figures of this machine, now."""
    from appliance.evaluate.claims import ClaimsError
    from hil.bench import passport
    from hil.bench.report import run, run_console

    if part is Part.CONSOLE:
        run_console()
        return
    if part is Part.PASSPORT:
        try:
            passport.run(rounds, markdown)
        except ClaimsError as error:
            raise typer.BadParameter(str(error), param_hint="--markdown") from error
        return
    run(pack=pack, models_dir=models_dir, bands=_installed(bands), passages=passages, releases=releases)


@app.command()
def soak(
    sessions: Annotated[int, typer.Option(min=1, help="Travellers to send through.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of all schedules.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for schedules that went wrong.")] = Path("var/soak"),
    again: Annotated[
        Path | None, typer.Option("--replay", exists=True, dir_okay=False, help="Run one kept schedule instead.")
    ] = None,
) -> None:
    """Machine and interlock under random schedules in virtual time; exit code 1 if an invariant breaks."""
    from rich.console import Console

    from hil.soak import command

    console = Console(soft_wrap=True)
    raise typer.Exit(command.replay(again, console) if again else command.soak(sessions, seed, jobs, out, console))


@app.command()
def faults(
    only: Annotated[list[int] | None, typer.Option(help="Only this number of the menu; repeatable.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Injections of each gate fault.")] = 5,
    bench_file: Annotated[
        Path | None, typer.Option("--bench", exists=True, dir_okay=False, help="Bench file; simulated without.")
    ] = None,
    pack: Pack = "auto",
    models_dir: Models = Path("var/models"),
    decisions: Annotated[int, typer.Option(min=0, help="Decisions timed down to the door, at each baud rate.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the moments of injection.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder for JUnit, CSV and the page.")] = Path("var/faults"),
) -> None:
    """The fault menu: each fault injected, what was seen, a report; exit code 1 if anything is not as expected."""
    from rich.console import Console

    from hil import stand
    from hil.faults import command
    from hil.faults.run import Plan

    try:
        bench = stand.load(bench_file or stand.SIMULATED)
    except stand.BenchError as error:
        raise typer.BadParameter(str(error), param_hint="--bench") from error
    plan = Plan(bench, tuple(only or ()), repeats, seed, pack, models_dir, decisions)
    raise typer.Exit(command.faults(plan, out, Console(width=None if sys.stdout.isatty() else 160)))


@app.command()
def record(
    port: Annotated[str, typer.Argument(help="Serial port of the real device, by /dev/serial/by-path.")],
    out: Annotated[Path, typer.Argument(help="Transcript to write.")],
    baudrate: Annotated[int, typer.Option(help="Of the device.")] = 9600,
    parity: Annotated[str, typer.Option(help="N, E or O.")] = "N",
    link: Annotated[Path, typer.Option(help="Port for the controller, instead of the device's.")] = Path("var/tap.tty"),
) -> None:
    """Record what a controller and a real device say to each other: give the controller the link as its port."""
    import signal

    import serial

    from hil.transcript import Tap

    try:
        with out.open("x", encoding="ascii") as file, Tap(port, baudrate, link, file, parity=parity):
            typer.echo(f"Recording into {out}; the controller's port is {link}. Stop with Ctrl-C.")
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except (OSError, serial.SerialException) as error:
        typer.echo(f"{error}: a transcript is never overwritten; look at the port, or name another file", err=True)
        raise typer.Exit(2) from None


@app.command()
def pcsc(
    times: Annotated[int, typer.Option(min=1, help="Readings of each good document.")] = 5,
    apart: Annotated[bool, typer.Option("--apart", hidden=True)] = False,
) -> None:
    """Virtual passports through real PC/SC, pcscd and its virtual reader: `make pcsc`. Exit code 1 on any surprise."""
    from rich.console import Console

    from hil.pcsc.command import run

    raise typer.Exit(run(times, Console(width=None if sys.stdout.isatty() else 160), apart=apart))


@app.command("import-head")
def import_head(
    source: Annotated[Path, typer.Argument(metavar="FOLDER_OR_FILE", help="Where ict_facekit_light.npz lies.")],
    heads_dir: Heads = HEADS,
) -> None:
    """Import the measured head, an optional part that is not shipped; proven by its SHA-256."""
    from hil.scene.measured import HeadError
    from hil.scene.measured import import_head as bring

    try:
        path = bring(source, heads_dir)
    except HeadError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(HEAD_REFUSED) from None
    typer.echo(f"{path}: imported and proven. Use it: python -m hil tour --head measured")
