"""`python -m hil demo`: a simulated lane with its guard console, and travellers who come by themselves or at a key.

The traveller after the next waits for the guard: nobody comes while somebody is referred, and nobody before a guard
has signed in. Nothing it starts outlives it.
"""

import asyncio
import contextlib
import itertools
import socket
import subprocess
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from appliance.clock import SystemClock
from appliance.control.client import LaneClient
from appliance.control.messages import LaneSnapshot, PassageView
from appliance.core.types import Step, Topology
from appliance.evaluate.species import SPECIES, Species
from hil.passport.faults import Fault
from hil.passport.folder import document_below
from hil.rig import Child, ChildFailed, Rig
from hil.rig.config import LaneSettings
from hil.rig.rig import RigError
from hil.scenarios.passages import EXPIRED
from hil.scenarios.script import VALID
from hil.scenarios.tour import NOT_RUN, appliance_of, console_of, ended_by_signals
from hil.scene import (
    CAST,
    NIR,
    Presentation,
    Traveller,
    attack,
    bona_fide,
    printed_mask,
    printed_photo,
    screen_replay,
)
from hil.sim.traveller import GONE

HOST = "127.0.0.1"
GAP_S = 5.0
"""Between one traveller and the next."""
START_S = 60.0
TIMEOUTS = {"Referred": 120.0, "Ready": 120.0}
"""Longer than a real lane's: whoever looks at the demo shall have time to read."""
_LOOK_S = 0.25
_GONE_LOOKS = 40


@dataclass(frozen=True, slots=True)
class Demo:
    """What to run."""

    port: int = 8080
    state_dir: Path = Path("var/demo")
    pack: str = "auto"
    models_dir: Path = Path("var/models")
    topology: Topology = Topology.MANTRAP
    bands: tuple[str, ...] = NIR


@dataclass(frozen=True, slots=True)
class Case:
    """Somebody who may come. `shows` gets the holder of the document and somebody else."""

    key: str
    title: str
    shows: Callable[[Traveller, Traveller], Presentation]
    expires: str = VALID
    wrong: frozenset[Fault] = frozenset()


CASES = (
    Case("g", "genuine holder", lambda holder, _: bona_fide(holder)),
    Case("m", "3D-printed mask", printed_mask),
    Case("o", "other person", lambda _, other: bona_fide(other)),
    Case("p", "printed photo", lambda holder, _: printed_photo(holder)),
    Case("s", "screen replay", lambda holder, _: screen_replay(holder)),
    Case("e", "expired document", lambda holder, _: bona_fide(holder), EXPIRED),
    Case("c", "cloned passport", lambda holder, _: bona_fide(holder), wrong=frozenset({Fault.CLONE_CHIP})),
    Case("f", "forged passport", lambda holder, _: bona_fide(holder), wrong=frozenset({Fault.DG2_ALTERED})),
)


def attacker(species: Species) -> Case:
    """An attack of this species, worn or held by somebody else than the holder."""
    return Case("n", species.title, lambda holder, other: attack(species.name, holder, other))


MENU = (
    "  ".join(f"[{case.key}] {case.title}" for case in CASES)
    + "\n[n] the next species of attack  [l] break or repair a lamp  [u] unplug or replug the camera"
    + "\n[x] emergency on or off  [a] travellers by themselves on or off  [q] quit"
)


class PortTaken(Exception):
    """The console's port cannot be had; the message says what to do."""


def check_port(port: int) -> None:
    """Raises PortTaken when something else listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(
                f"port {port} is taken ({error.strerror}); stop what listens there, or use --port with another number"
            ) from error


class Director:
    """Sends travellers, one after the other, when the lane takes them."""

    def __init__(self, rig: Rig, client: LaneClient, console: Console) -> None:
        self._rig, self._client, self._console = rig, client, console
        self._wanted: asyncio.Queue[Case] = asyncio.Queue()
        self._cases = itertools.cycle(CASES)
        self._cast = itertools.cycle(range(len(CAST)))
        self._by_itself = True
        self._species = itertools.cycle(SPECIES.values())
        self._unplugged = self._emergency = self._broken = False
        self.quit = asyncio.Event()

    def press(self, key: str) -> None:
        """What a key does."""
        case = next((case for case in CASES if case.key == key), None)
        if case is not None:
            self._wanted.put_nowait(case)
            self._say(f"next: {case.title}")
        elif key == "n":
            self._wanted.put_nowait(attacker(next(self._species)))
            self._say("next: an attack")
        elif key == "l":
            self._broken = not self._broken
            lamp = self._rig.settings.leds["nir"][-1]
            self._rig.faults.dead_led(lamp, self._broken)
            self._say(f"lamp {lamp} {'broken; the lane notices within a minute' if self._broken else 'repaired'}")
        elif key == "a":
            self._by_itself = not self._by_itself
            self._say(f"travellers come by themselves: {'yes' if self._by_itself else 'no'}")
        elif key == "u":
            self._unplugged = not self._unplugged
            act = self._rig.faults.unplug_camera if self._unplugged else self._rig.faults.replug_camera
            act("rgb")
            self._say(f"camera {'un' if self._unplugged else 're'}plugged")
        elif key == "x":
            self._emergency = not self._emergency
            self._rig.faults.emergency(self._emergency)
            self._say(f"emergency {'on' if self._emergency else 'off; the guard puts the lane back in service'}")
        elif key == "q":
            self.quit.set()

    def _say(self, words: str) -> None:
        self._console.print(f"  {words}", highlight=False)

    async def direct(self) -> None:
        """Send travellers for ever."""
        told: str | None = None
        while True:
            waiting = self._why_wait(self._client.state.snapshot if self._client.state.reachable else None)
            if waiting and waiting != told:
                self._say(waiting)
            told = waiting
            if waiting is not None:
                await asyncio.sleep(_LOOK_S)
            elif (case := await self._next()) is not None:
                await self._send(case)

    def _why_wait(self, seen: LaneSnapshot | None) -> str | None:
        """None when the next may come; otherwise what keeps him, empty when it passes by itself."""
        if seen is None:
            return "the lane does not answer"
        if any(fault.code == 1005 for fault in seen.faults):
            return "no guard watches: sign in at the console, then travellers come"
        if seen.step in (Step.OUT_OF_SERVICE, Step.EMERGENCY):
            return ", ".join(["the lane takes nobody", *(fault.title for fault in seen.faults)])
        return None if seen.step is Step.PRESENT_DOCUMENT else ""

    async def _next(self) -> Case | None:
        """Who comes next: the one asked for, else, after a while, the next in turn; None where nobody is to come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GAP_S):
                return await self._wanted.get()
        return next(self._cases) if self._by_itself else None

    async def _send(self, case: Case) -> None:
        place = next(self._cast)
        holder, other = CAST[place], CAST[(place + 2) % len(CAST)]
        documents = self._rig.paths.directory / "documents"
        folder = await asyncio.to_thread(document_below, documents, holder, case.expires, case.wrong)
        presentation = await asyncio.to_thread(case.shows, holder, other)
        seen = self._client.state.snapshot
        old = seen.passage.passage_id if seen and seen.passage else None
        self._say(f"comes: {case.title} ({holder.given_names} {holder.surname})")
        await asyncio.to_thread(self._rig.present, presentation, folder)
        await self._gone(old)

    async def _gone(self, old: str | None) -> None:
        """Until the traveller has left and his passage is over; once it is, he is asked to go."""
        referred = False
        patience = _GONE_LOOKS
        while patience > 0:
            gone = self._rig.place in GONE
            patience -= gone
            view = self._passage(old)
            if view is not None and view.referral is not None and not referred:
                referred = True
                self._say("referred: the guard decides at the console")
            if view is not None and view.outcome is not None:
                self._rig.send_away()
                if gone:
                    self._say(f"ended: {view.outcome.replace('_', ' ')}")
                    return
            await asyncio.sleep(_LOOK_S)

    def _passage(self, old: str | None) -> PassageView | None:
        seen = self._client.state.snapshot
        view = seen.passage if seen is not None else None
        return None if view is None or view.passage_id == old else view


@contextlib.contextmanager
def keys(press: Callable[[str], None]) -> Iterator[None]:
    """Inside the block single keys of the terminal, where there is one, go to `press`."""
    if not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()
    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, lambda: press(sys.stdin.read(1).lower()))
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _guard_console(demo: Demo, rig: Rig) -> Child:
    command = [sys.executable, "-m", "ui", "--socket", str(rig.paths.control)]
    command += ["--state-dir", str(rig.paths.directory / "console"), "--host", HOST, "--port", str(demo.port)]
    return Child("the guard console", command, None)


def _calibrate(rig: Rig) -> None:
    """Measure the lamps as they are now, before the lane starts. Raises ChildFailed."""
    command = [sys.executable, "-m", "appliance", "calibrate", "--looks", "4", "--config", str(rig.paths.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)
    if done.returncode != 0:
        raise ChildFailed(f"the lane could not be calibrated: {done.stderr.strip()}")


async def _started(client: LaneClient, appliance: Child, console: Console) -> None:
    """Until the lane has its matcher. Raises ChildFailed when it ends, or takes too long."""
    deadline = SystemClock().monotonic() + START_S
    with console.status("starting the lane ...") as status:
        while True:
            appliance.check()
            seen = client.state.snapshot
            if seen is not None and seen.pack is not None:
                break
            if SystemClock().monotonic() > deadline:
                raise ChildFailed(f"the appliance did not start within {START_S:.0f} s; see {appliance.log}")
            status.update(f"starting the lane ... {seen.phase if seen else ''}")
            await asyncio.sleep(_LOOK_S)
    console.print(f"Lane {seen.lane_id}, matcher {seen.pack.title} ({seen.pack.grade}). Log: {appliance.log}")


async def _run(demo: Demo, console: Console) -> None:
    calibration = demo.state_dir.resolve() / "calibration.json"
    settings = LaneSettings(demo.topology, demo.pack, demo.models_dir, TIMEOUTS, demo.bands, calibration)
    with ended_by_signals(), Rig(demo.state_dir, settings) as rig:
        with console.status("calibrating the lamps ..."):
            await asyncio.to_thread(_calibrate, rig)
        with appliance_of(rig) as appliance:
            async with console_of(rig.paths.control, SystemClock(), guard=False) as client:
                await _started(client, appliance, console)
                director = Director(rig, client, console)
                with _guard_console(demo, rig) as guard_console, keys(director.press):
                    console.print(MENU if sys.stdin.isatty() else "Stop with Ctrl-C.", highlight=False, markup=False)
                    await _until_quit(director, appliance, guard_console)


async def _until_quit(director: Director, *children: Child) -> None:
    directing = asyncio.create_task(director.direct(), name="director")
    try:
        while not director.quit.is_set():
            for child in children:
                child.check()
            if directing.done():
                await directing
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2 * _LOOK_S):
                    await director.quit.wait()
    finally:
        directing.cancel()
        await asyncio.gather(directing, return_exceptions=True)


def run(demo: Demo, console: Console | None = None) -> int:
    """Run until stopped and return the exit code."""
    console = console or Console()
    try:
        check_port(demo.port)
        asyncio.run(_run(demo, console))
    except (ChildFailed, PortTaken, RigError) as error:
        console.print(f"The demo could not go on: {error}", highlight=False, markup=False)
        return NOT_RUN
    except asyncio.CancelledError:
        pass
    console.print("The demo has ended; nothing is left running.")
    return 0
