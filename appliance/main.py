"""The command line: run | check-config | devices | selftest | calibrate | floor | models | gallery | journal | ..."""

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from appliance import commissioning, devices, realtime
from appliance.clock import SystemClock
from appliance.config import ConfigError, LaneConfig, load
from appliance.control.messages import LaneSnapshot
from appliance.core.types import Topology
from appliance.document.ocr.cli import mrz_app
from appliance.document.trust.cli import trust_app
from appliance.evaluate.cli import claims, evaluate_app
from appliance.gallery.cli import gallery_app
from appliance.models.cli import models_app
from appliance.runtime import evidence
from appliance.runtime.document_cli import document_app
from appliance.store.cli import journal_app

if TYPE_CHECKING:
    from appliance.observe.config import ObserveConfig

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="The controller of one e-gate lane.")
app.add_typer(models_app, name="models", help="Weights of the face matchers: list, fetch, import, check.")
app.add_typer(evaluate_app, name="evaluate", help="ISO/IEC 30107-3 and 19795-1 figures: liveness, faces, masks.")
app.command("claims")(claims)
app.add_typer(gallery_app, name="gallery", help="Enrolled templates: enrol, search, expire, delete provably.")
app.add_typer(document_app, name="document", help="One document by hand: read its chip, prove it genuine.")
app.add_typer(trust_app, name="trust", help="Issuers of passports this lane trusts: import, list, show, verify.")
app.add_typer(journal_app, name="journal", help="The lane's journal: verify, show, export.")
app.add_typer(mrz_app, name="mrz", help="The machine-readable zone, read off a picture.")

Config = Annotated[Path, typer.Option("--config", "-c", help="The lane's TOML file.")]
NO_ANSWER, CONFIG_WRONG, CANNOT_START, BROKEN = 1, 2, 3, 70


def _read(path: Path) -> LaneConfig:
    try:
        return load(path)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(CONFIG_WRONG) from None


def _config(path: Path) -> LaneConfig:
    """As read, and whole: nothing a lane needs is missing or unsigned."""
    lane = _read(path)
    try:
        devices.gate(lane)  # opens nothing: relays and inputs are checked where they are known
        devices.presence(lane)
        evidence.check(lane)
        commissioning.check(lane, SystemClock().now().date())
        return lane
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(CONFIG_WRONG) from None


def _post(path: Path) -> "ObserveConfig | None":
    """The configuration of a post that only watches; None when the file is a lane's."""
    from appliance.observe.config import load_post, observes

    try:
        return load_post(path) if observes(path) else None
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(CONFIG_WRONG) from None


@app.command("check-config")
def check_config(config: Config) -> None:
    """Check a lane's configuration and say what it would run."""
    if (post := _post(config)) is not None:
        names = ", ".join(camera.name for camera in post.observe.cameras)
        typer.echo(f"{config}: right. Post {post.lane_id} watches {names}, profile {post.profile}; nothing moves here.")
        return
    lane = _config(config)
    policy = lane.core_policy()
    typer.echo(f"{config}: right. Lane {lane.lane_id}, {lane.topology}, profile {lane.profile}.")
    typer.echo(f"Mandatory checks: {', '.join(sorted(policy.mandatory))}.")
    signed = commissioning.check(lane, SystemClock().now().date())
    for door, behaviour in signed.doors.items() if signed is not None else ():
        typer.echo(f"The {door} {behaviour.power_loss} without power and {behaviour.fire} in a fire, as signed.")
    if signed is None:
        typer.echo("Not commissioned: nobody has signed what its doors do without power and in a fire.")
    if lane.simulated:
        typer.echo("This lane runs on simulated devices: it must never guard a border.")


@app.command("devices")
def list_devices(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Ask who answers at this lane's ports.")] = None,
) -> None:
    """List what is plugged in; with a configuration, ask every device who it is. Nothing is moved or lit."""
    from appliance import probe

    console = Console(width=None if sys.stdout.isatty() else 160)
    here = Table("port", "what", "serial number", title="plugged in")
    for one in probe.plugged():
        here.add_row(one.path, one.what, one.serial_number or "")
    console.print(here if here.row_count else "No serial port and no camera is plugged in.")
    if config is None:
        return
    told = Table("device", Column("port", overflow="fold"), Column("model", overflow="fold"), title=str(config))
    told.add_column("firmware")
    told.add_column("verified on hardware")
    lane = _config(config)
    answers = [*asyncio.run(probe.ask(lane)), *probe.cameras(lane)]
    for answer in answers:
        who = answer.identity
        words = (who.model, who.firmware, "yes" if who.verified_on_hardware else "no") if who else (answer.trouble,)
        told.add_row(answer.device, answer.port, *words)
    console.print(told)
    if any(answer.identity is None and answer.trouble != probe.NOT_OPENED for answer in answers):
        raise typer.Exit(NO_ANSWER)


@app.command("selftest")
def self_test(
    config: Config,
    release: Annotated[bool, typer.Option(help="Pulse the release of every door.")] = True,
    watch: Annotated[float, typer.Option(min=0, max=600, help="Seconds to watch the sensors while you work them.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, touch nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Nobody stands in the lane: do not ask.")] = False,
) -> None:
    """Prove relays, LEDs, cameras and sensors of a lane that is empty and not running; exit code 1 if any fails."""
    from appliance import selftest

    lane = _config(config)
    if dry_run:
        typer.echo("\n".join(f"would {words}" for words in selftest.plan(lane, release=release, watch_s=watch)))
        return
    if release and not yes:
        typer.confirm("The doors will be released for a moment. Is the lane empty?", abort=True)
    raise typer.Exit(asyncio.run(_self_test(lane, release=release, watch_s=watch)))


async def _self_test(lane: LaneConfig, *, release: bool, watch_s: float) -> int:
    from appliance import selftest

    console = Console(width=None if sys.stdout.isatty() else 160)
    failed = 0
    async for proof in selftest.prove(lane, SystemClock(), release=release, watch_s=watch_s):
        failed += not proof.holds
        mark = "[green]holds[/] " if proof.holds else "[bold red]FAILS[/] "
        console.print(f"{mark} {proof.part}: {proof.what} - {proof.seen}", highlight=False)
    if lane.simulated:
        typer.echo("Proved on simulated devices.")
    typer.echo("Everything holds." if not failed else f"{failed} of the above fail.")
    return NO_ANSWER if failed else 0


@app.command("commissioning")
def print_commissioning() -> None:
    """Print a commissioning file to fill in: what each door does without power and in a fire, signed by two people."""
    typer.echo(commissioning.TEMPLATE, nl=False)


@app.command()
def run(
    config: Config,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every detail.")] = False,
) -> None:
    """Run one lane until it is stopped (Ctrl-C or SIGTERM). Outputs are switched off on the way out."""
    post = _post(config)
    lane = _config(config) if post is None else None
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-8s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if post is not None:
        from appliance.observe.command import command

        raise typer.Exit(asyncio.run(command(post, lambda words: typer.echo(words, err=True))))
    assert lane is not None
    raise typer.Exit(asyncio.run(_run(lane)))


async def _run(lane: LaneConfig) -> int:
    # Imported here: a command that only prints something must not pay for all of this.
    from appliance.control.server import SocketBusy
    from appliance.runtime.eye import StartRefused
    from appliance.runtime.lane import BatteryEmpty, run_lane
    from appliance.store.errors import StoreError

    clock = SystemClock()
    begun = clock.monotonic()
    if lane.realtime is not None:
        try:
            realtime.claim(lane.realtime.priority)
        except realtime.NotAllowed as error:
            typer.echo(str(error), err=True)
            return CANNOT_START

    def ready(snapshot: LaneSnapshot) -> None:
        pack = f"matcher {snapshot.pack.pack_id} ({snapshot.pack.grade})" if snapshot.pack else "no matcher"
        typer.echo(f"Lane {snapshot.lane_id} is ready after {clock.monotonic() - begun:.1f} s, {pack}.")

    running = asyncio.current_task()
    assert running is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await run_lane(lane, clock, ready)
    except asyncio.CancelledError:
        typer.echo(f"Lane {lane.lane_id} stopped; all outputs are off.")
        return 0
    except (StoreError, ConfigError) as error:
        typer.echo(str(error), err=True)
        return CANNOT_START
    except BaseExceptionGroup as group:
        ended, rest = group.split(BatteryEmpty)
        expected, other = rest.split((StartRefused, SocketBusy, ConfigError)) if rest is not None else (None, None)
        for leaf in _leaves(ended) + _leaves(expected):
            typer.echo(str(leaf), err=True)
        if other is None:
            return CANNOT_START if expected is not None else 0
        logging.getLogger(__name__).critical("the lane broke down; all outputs are off", exc_info=other)
        return BROKEN
    return 0


def _leaves(group: BaseException | None) -> list[BaseException]:
    if isinstance(group, BaseExceptionGroup):
        return [leaf for inner in group.exceptions for leaf in _leaves(inner)]
    return [group] if group else []


@app.command()
def calibrate(
    config: Config,
    looks: Annotated[int, typer.Option(min=2, max=200, help="Bursts to measure.")] = 8,
    field: Annotated[bool, typer.Option("--field", help="An even target fills the view: measure flat fields.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Compare with the stored one; exit code 1 on drift.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure and print, write nothing.")] = False,
) -> None:
    """Measure cameras and LEDs of an empty lane that is not running, and keep what was found."""
    from appliance.runtime.calibrate_command import calibrate as measured

    lane = _config(config)
    raise typer.Exit(asyncio.run(measured(lane, looks=looks, field=field, check=check, dry_run=dry_run)))


@app.command()
def floor(
    config: Config,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure and print, write nothing.")] = False,
) -> None:
    """Measure the empty floor under the presence sensor of a lane that is not running, and keep it."""
    from appliance.runtime.floor_command import measure_floor

    raise typer.Exit(asyncio.run(measure_floor(_read(config), dry_run=dry_run)))


@app.command()
def transitions(
    topology: Annotated[Topology, typer.Option(help="Which lane.")] = Topology.MANTRAP,
    output: Annotated[Path | None, typer.Option(help="Write the page of the docs here instead of printing.")] = None,
) -> None:
    """Print the whole transition table of the state machine, found by exploring every reachable state."""
    from appliance.core.diagram import page
    from appliance.core.explore import table
    from appliance.core.policy import Policy

    console = Console(stderr=True)
    with console.status("exploring every reachable state ..."):
        rows = table(Policy(topology=topology))
    if output is not None:
        output.write_text(page(topology, rows), encoding="utf-8")
        typer.echo(f"{output}: {len(rows)} transitions")
        return
    shown = Table("phase", "event", "commands", "next phase")
    for row in rows:
        shown.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 200).print(shown)
