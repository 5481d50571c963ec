"""`python -m hil tour`: a rig, an appliance, a guard, and every passage in turn; exit code 0 if all was as expected.

Exit codes: 0 as expected, 1 a difference, 2 the tour could not be run. Nothing it starts outlives it.
"""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from appliance.clock import Clock, SystemClock
from appliance.control.client import LaneClient
from appliance.core.types import Claim, Topology
from appliance.models.manager import State, check_pack
from appliance.sites import Site
from hil.rig import Child, ChildFailed, Rig
from hil.rig.config import LaneSettings, RigPaths
from hil.rig.rig import RigError
from hil.scenarios.conductor import Conductor, TourError, differences
from hil.scenarios.passages import PASSAGES, TIMEOUTS, UnknownPassage, chosen, releases
from hil.scenarios.report import Line, table, write_json
from hil.scenarios.script import Passage, ScenarioError, read
from hil.scene import SWITCHED

AS_EXPECTED, DIFFERENT, NOT_RUN = 0, 1, 2
HURRY = 1.5
"""People and leaves are this much quicker than in life; the gate's electronics keep their own time."""
_JOURNAL_S = 60.0
_HERE = Path(__file__).parent
SCENARIOS = {
    (Site.UNATTENDED_POINT, Claim.DOCUMENT): _HERE / "unattended.yaml",
    (Site.OFFICE, Claim.CARD): _HERE / "office.yaml",
    (Site.OFFICE, Claim.NOBODY): _HERE / "walk_up.yaml",
}
"""The tours of sites that have one of their own."""


@dataclass(frozen=True, slots=True)
class Tour:
    """What to run. `keep` is a directory for everything the rig and the lane write; None for one that is removed.

    `browser`: the guard decides by clicks in a real Chromium. `scenario` is a file of passages in place of the tour's
    own. `shadow` names a second detector as `[liveness] shadow` does; what it said of each capture stands in the table.
    """

    pack: str = "auto"
    models_dir: Path = Path("var/models")
    topology: Topology = Topology.MANTRAP
    site: Site = Site.BORDER
    claim: Claim = Claim.DOCUMENT
    bands: tuple[str, ...] = SWITCHED
    shadow: str = ""
    only: tuple[str, ...] = ()
    browser: bool = False
    scenario: Path | None = None
    json: Path | None = None
    keep: Path | None = None
    seed: int = 1

    def passages(self) -> tuple[Passage, ...]:
        """What is to be run, in order. Raises UnknownPassage, ScenarioError."""
        return tuple(passage for passage in self._asked() if self.has(passage.needs))

    def lacking(self) -> tuple[Passage, ...]:
        """What cannot be run for want of weights."""
        return tuple(passage for passage in self._asked() if not self.has(passage.needs))

    def _asked(self) -> tuple[Passage, ...]:
        file = self.scenario or SCENARIOS.get((self.site, self.claim))
        return chosen(self.only, read(file) if file else PASSAGES)

    def has(self, weights: str) -> bool:
        """Whether weights of this name are installed; there are always none."""
        return not weights or check_pack(weights, self.models_dir).state is State.READY


def appliance_of(rig: Rig) -> Child:
    """The lane's controller for a rig, not yet started."""
    command = [sys.executable, "-m", "appliance", "run", "--config", str(rig.paths.config)]
    return Child("the appliance", command, rig.paths.directory / "appliance.log")


@contextlib.asynccontextmanager
async def console_of(control: Path, clock: Clock, *, guard: bool) -> AsyncIterator[LaneClient]:
    """A console at a control socket, kept connected inside the block."""
    client = LaneClient(control, console="tour", clock=clock, guard=guard)
    running = asyncio.create_task(client.run(), name="console")
    client.watch(guard)
    try:
        yield client
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Inside the block SIGINT, SIGTERM and SIGHUP cancel the running task, so that every `finally` is reached."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _passages(tour: Tour, rig: Rig, appliance: Child, tell: Callable[[str], None]) -> tuple[list[Line], str]:
    clock = SystemClock()
    lines: list[Line] = []
    guarded = tour.site is not Site.UNATTENDED_POINT
    async with contextlib.AsyncExitStack() as stack:
        # A guard who clicks watches by the page; this console then only looks on.
        client = await stack.enter_async_context(
            console_of(rig.paths.control, clock, guard=guarded and not tour.browser)
        )
        decide = None
        if tour.browser:
            from hil.scenarios.clicking import clicking  # brings Playwright with it

            tell("starting the guard console and a browser")
            state = rig.paths.directory / "console"
            decide = await stack.enter_async_context(clicking(rig.paths.control, state))
        conductor = Conductor(rig=rig, client=client, appliance=appliance, clock=clock, tell=tell, decide=decide)
        pack = (await conductor.ready()).pack
        for passage in tour.passages():
            line = await _line(conductor, passage, tour.topology)
            lines.append(line)
            if line.got.outcome is None:
                # Whoever is still in the lane would be in the way of everybody else.
                break
    return lines, f"{pack.pack_id} ({pack.grade})" if pack else "none"


async def _line(conductor: Conductor, passage: Passage, topology: Topology) -> Line:
    got = await conductor.run(passage)
    wrong = differences(passage, got, expected_releases=releases(passage.expected, topology))
    return Line(passage, got, tuple(wrong))


def _journal(paths: RigPaths, verb: str) -> subprocess.CompletedProcess[str]:
    """`appliance journal VERB` of the lane's journal. Raises subprocess.TimeoutExpired."""
    command = [sys.executable, "-m", "appliance", "journal", verb, "--state-dir", str(paths.state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=_JOURNAL_S, check=False)


def verify_journal(paths: RigPaths) -> tuple[bool, str]:
    """What `appliance journal verify` says of the lane's journal."""
    try:
        done = _journal(paths, "verify")
    except subprocess.TimeoutExpired:
        return False, f"the journal was not verified within {_JOURNAL_S:.0f} s"
    words = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return done.returncode == 0, words[0] if words else f"exit code {done.returncode}"


def shadows(paths: RigPaths) -> dict[str, str]:
    """What the second detector said of the last capture of each passage, by passage, as the journal has it."""
    records = [json.loads(line) for line in _journal(paths, "export").stdout.splitlines()]
    facts = [record["payload"] for record in records if record["kind"] == "liveness_shadow"]
    return {one["passage_id"]: one["result"] for one in facts}


async def _run(tour: Tour, directory: Path, console: Console) -> int:
    settings = LaneSettings(
        tour.topology, tour.pack, tour.models_dir, timeouts=TIMEOUTS, bands=tour.bands, site=tour.site, claim=tour.claim
    )
    if tour.shadow:
        settings = replace(settings, liveness={"shadow": tour.shadow})
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with ended_by_signals(), Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting the rig and the appliance", total=None)

        def tell(words: str) -> None:
            progress.update(task, description=words)

        with Rig(directory, settings, seed=tour.seed, speed=HURRY) as rig, appliance_of(rig) as appliance:
            lines, pack = await _passages(tour, rig, appliance, tell)
        tell("verifying the journal")
        intact, journal = await asyncio.to_thread(verify_journal, rig.paths)
        if tour.shadow:
            said = await asyncio.to_thread(shadows, rig.paths)
            lines = [replace(line, shadow=said.get(line.got.passage_id, "")) for line in lines]
    console.print(table(lines))
    for passage in tour.lacking():
        console.print(f"NOT RUN, it needs the weights {passage.needs}: {passage.title}")
    console.print(f"matcher {pack}; topology {tour.topology}; journal: {journal}")
    if tour.json is not None:
        write_json(tour.json, lines, pack=pack, topology=tour.topology, journal=journal)
    if len(lines) < len(tour.passages()):
        console.print("[bold red]The tour broke off: a passage did not end.[/]")
    return exit_code(lines, planned=len(tour.passages()), intact=intact)


class Judged(Protocol):
    """What has been found wrong with something that was run."""

    @property
    def wrong(self) -> Sequence[str]:
        """Differences, in words."""
        ...


def exit_code(lines: Sequence[Judged], *, planned: int, intact: bool) -> int:
    """0 only for a whole tour in which nothing differed, with an intact journal."""
    whole = 0 < len(lines) == planned
    return AS_EXPECTED if whole and intact and not any(line.wrong for line in lines) else DIFFERENT


def run(tour: Tour, console: Console | None = None) -> int:
    """Run the tour and return its exit code."""
    console = console or Console()
    with contextlib.ExitStack() as stack:
        try:
            directory = tour.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sallyport-tour-")))
            if tour.site is Site.OBSERVE:
                from hil.scenarios.watching import watch

                return asyncio.run(watch(tour, directory, console))
            tour.passages()
            return asyncio.run(_run(tour, directory, console))
        except (ChildFailed, RigError, ScenarioError, TourError, UnknownPassage) as error:
            console.print(f"[bold red]The tour could not be run:[/] {error}", highlight=False, markup=True)
            return NOT_RUN
        except asyncio.CancelledError:
            console.print("The tour was stopped.")
            return NOT_RUN
