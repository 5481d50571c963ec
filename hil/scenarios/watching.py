"""`python -m hil tour --site observe`: a network camera on a loopback port, a post that watches it, a guard.

The faces are rendered; that alerts come and go as scripted says nothing of how often they would at a real place.
"""

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from appliance.clock import Clock, SystemClock
from appliance.control.client import LaneClient
from appliance.control.messages import AcknowledgeRequest, AlertView, WatchSnapshot
from hil.emulator.rtsp_server import Fault, RtspServer
from hil.rig import Child
from hil.rig.config import RigPaths
from hil.scenarios.conductor import TourError
from hil.scenarios.script import ScenarioError, looks_of
from hil.scenarios.tour import DIFFERENT, Tour, console_of, ended_by_signals, exit_code, verify_journal
from hil.scene import HEIGHT, WIDTH, Light, Presentation, Sensor, empty_scene

SCENES = Path(__file__).parent / "observe.yaml"
CAMERA = "hall"
PATIENCE_S = 40.0
"""Longer than a post waits between two attempts to connect."""
STAYS_S = 3.0
"""How long a scene lasts beyond what is expected, for what must not come."""
_PERIOD_S = 0.1
_OUT_OF_VIEW_S = 15.0
NEEDS = "medical-mask"


class Mishap(StrEnum):
    """What the camera does while somebody is in view."""

    UNPLUGGED = "unplugged"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Expected:
    """How many alerts are raised, and why they are cleared."""

    raised: int
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Who stands on the left and on the right of the picture, and what must come of it."""

    name: str
    title: str
    shows: tuple[Callable[[], Presentation], ...]
    expected: Expected
    mishap: Mishap | None = None

    @property
    def faces(self) -> int:
        """How many people stand there."""
        return sum(show is not empty_scene for show in self.shows)


@dataclass(slots=True)
class Line:
    """One scene and everything about it that was not as expected."""

    scene: Scene
    raised: int = 0
    ends: tuple[str, ...] = ()
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def read(path: Path) -> tuple[Scene, ...]:
    """The scenes of a file, in order. Raises ScenarioError."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(given, list) or not given:
            raise ScenarioError(f"{path}: a file of scenes is a list of them")
        return tuple(_scene(one) for one in given)
    except ScenarioError:
        raise
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ScenarioError(f"{path}: {error!r}") from error


def _scene(given: Mapping[str, Any]) -> Scene:
    left, right = given["shows"]
    shows = tuple(empty_scene if one is None else looks_of(one) for one in (left, right))
    mishap = Mishap(given["mishap"]) if "mishap" in given else None
    return Scene(**{**given, "shows": shows, "expected": Expected(**given["expected"]), "mishap": mishap})


class Hall:
    """The camera and what is before it: ten pictures a second of two places, each with its own noise."""

    def __init__(self, seed: int) -> None:
        self.server = RtspServer(size=(WIDTH, HEIGHT // 2))
        self._sensor, self._light = Sensor(np.random.default_rng(seed)), Light()
        self._empty = empty_scene()
        self._shown: tuple[Presentation, ...] = (self._empty, self._empty)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hall")

    def __enter__(self) -> "Hall":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.server.unplug()
        self._thread.join()
        self.server.close()

    def show(self, *places: Presentation) -> None:
        """These stand there now; nobody when none are given."""
        self._shown = places or (self._empty, self._empty)

    def _run(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            self.server.expose(self._picture())

    def _picture(self) -> NDArray[np.uint8]:
        """Both places side by side at half their size: some fifty pixels between the eyes."""
        whole = np.hstack([self._sensor.rgb(place, self._light) for place in self._shown])
        return np.asarray(cv2.resize(whole, (WIDTH, HEIGHT // 2), interpolation=cv2.INTER_AREA), np.uint8)


class Watched:
    """One post, seen by a guard. What never comes is a TourError."""

    def __init__(self, hall: Hall, client: LaneClient, post: Child, clock: Clock) -> None:
        self._hall, self._client, self._post, self._clock = hall, client, post, clock
        self._seen: dict[str, AlertView] = {}

    async def until(self, what: str, holds: Callable[[WatchSnapshot], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait for a snapshot that is so."""
        deadline, changed = self._clock.monotonic() + patience_s, asyncio.Event()
        with self._client.changes(changed):
            while self._clock.monotonic() < deadline:
                changed.clear()
                self._post.check()
                seen = self._client.state.watch if self._client.state.reachable else None
                if seen is not None:
                    self._seen |= {alert.alert_id: alert for alert in seen.alerts}
                    if holds(seen):
                        return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), 0.2)
        raise TourError(f"{what}: it never came so far; last: {self._client.state}")

    async def run(self, scene: Scene) -> Line:
        """Show it, wait for what must come and for what must not, clear up."""
        begun = self._clock.monotonic()
        line, self._seen = Line(scene), {}
        places = await asyncio.to_thread(lambda: [show() for show in scene.shows])
        await self.until("the link", live)
        self._hall.show(*places)
        try:
            await self._happens(scene, line)
        except TourError as error:
            line.wrong.append(str(error))
        finally:
            self._hall.server.fault = Fault.NONE
            self._hall.server.plug()
            self._hall.show()
        await self._clear_up(line)
        # After a mishap whoever is still there is raised a second time.
        line.raised = len(self._seen) - (scene.expected.raised if scene.mishap is not None else 0)
        line.ends = tuple(sorted({alert.because for alert in self._seen.values()}))
        line.wrong += _differences(line)
        line.seconds = self._clock.monotonic() - begun
        return line

    async def _happens(self, scene: Scene, line: Line) -> None:
        want = scene.expected.raised
        await self.until("the alerts", lambda seen: in_view(seen) >= want)
        await self.until("the faces", lambda seen: seen.cameras[0].faces == scene.faces)
        await self._stays()
        if scene.mishap is None:
            return
        await self._still_of(next(iter(self._seen)), line)
        if scene.mishap is Mishap.UNPLUGGED:
            self._hall.server.unplug()
        else:
            self._hall.server.fault = Fault.FROZEN
        await self.until("the link is lost", lambda seen: not live(seen) and in_view(seen) == 0)
        self._hall.server.fault = Fault.NONE
        self._hall.server.plug()
        # Whoever is still there is a new face to a post that could not see.
        await self.until("the link is back", lambda seen: live(seen) and in_view(seen) == want)

    async def _still_of(self, alert_id: str, line: Line) -> None:
        data, media = await self._client.image(alert_id, "face")
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if media == "image/jpeg" else None
        if image is None:
            line.wrong.append("the alert has no still")

    async def _stays(self) -> None:
        deadline = self._clock.monotonic() + STAYS_S
        await self.until("time", lambda _: self._clock.monotonic() >= deadline)

    async def _clear_up(self, line: Line) -> None:
        """Everybody is gone, and the guard acknowledges: then there must be nothing left."""
        await self.until("out of view", lambda seen: live(seen) and in_view(seen) == 0, _OUT_OF_VIEW_S + PATIENCE_S)
        for alert_id in list(self._seen):
            request = AcknowledgeRequest(request_id=f"tour-{alert_id}", alert_id=alert_id, officer="tour")
            reply = await self._client.acknowledge(request)
            if not reply.accepted:
                line.wrong.append(f"not acknowledged: {reply.message}")
        await self.until("nothing is left", lambda seen: not seen.alerts)


def live(seen: WatchSnapshot) -> bool:
    """Whether the camera is seen."""
    return all(camera.link == "live" for camera in seen.cameras)


def in_view(seen: WatchSnapshot) -> int:
    """How many alerts are of faces in view."""
    return sum(alert.ended is None for alert in seen.alerts)


def _differences(line: Line) -> list[str]:
    want, wrong = line.scene.expected, []
    if line.raised != want.raised:
        wrong.append(f"{line.raised} alerts raised, {want.raised} expected")
    if want.ends and want.ends not in line.ends:
        wrong.append(f"cleared because of {', '.join(line.ends) or 'nothing'}, expected: {want.ends}")
    return wrong


@contextlib.contextmanager
def post_of(tour: Tour, url: str, paths: RigPaths) -> Iterator[Child]:
    """The appliance, watching one camera."""
    text = f"""site = "observe"
lane_id = "{CAMERA}"
profile = "simulated"
state_dir = {json.dumps(str(paths.state))}
control_socket = {json.dumps(str(paths.control))}
[observe]
pack = "{tour.pack}"
models_dir = {json.dumps(str(tour.models_dir))}
[[observe.cameras]]
name = "{CAMERA}"
url = "{url}"
"""
    paths.directory.mkdir(parents=True, exist_ok=True)
    paths.config.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "appliance", "run", "--config", str(paths.config)]
    with Child("the post", command, paths.directory / "appliance.log") as child:
        yield child


async def watch(tour: Tour, directory: Path, console: Console) -> int:
    """Run the scenes; 0 as expected, 1 a difference. Raises ScenarioError, TourError, ChildFailed."""
    scenes = chosen(tour)
    if not tour.has(NEEDS):
        console.print(f"NOT RUN, it needs the weights {NEEDS}: the whole tour of a place that only watches")
        return DIFFERENT
    paths, clock, lines = RigPaths(directory), SystemClock(), []
    with ended_by_signals(), Hall(tour.seed) as hall, post_of(tour, hall.server.url, paths) as post:
        async with console_of(paths.control, clock, guard=True) as client:
            watched = Watched(hall, client, post, clock)
            for scene in scenes:
                lines.append(await watched.run(scene))
                console.print(f"{'✗' if lines[-1].wrong else '✓'} {scene.title}", highlight=False)
    intact, journal = await asyncio.to_thread(verify_journal, paths)
    console.print(_table(lines))
    console.print(f"journal: {journal}", highlight=False)
    if tour.json is not None:
        tour.json.write_text(json.dumps(_record(lines, journal), indent=1) + "\n", encoding="utf-8")
    return exit_code(lines, planned=len(scenes), intact=intact)


def chosen(tour: Tour) -> tuple[Scene, ...]:
    """The scenes to run. Raises ScenarioError."""
    scenes = read(tour.scenario or SCENES)
    if unknown := sorted(set(tour.only) - {scene.name for scene in scenes}):
        raise ScenarioError(f"no scene is called {', '.join(unknown)}")
    return tuple(scene for scene in scenes if not tour.only or scene.name in tour.only)


def _table(lines: list[Line]) -> Table:
    table = Table(title="Tour of a place that only watches", show_lines=True)
    for heading in ("scene", "expected", "got", "seconds"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left", overflow="fold")
    for line in lines:
        want = line.scene.expected
        got = f"{line.raised} raised; {', '.join(line.ends)}" + "".join(f"\n✗ {wrong}" for wrong in line.wrong)
        table.add_row(line.scene.title, f"{want.raised} raised; {want.ends}", got, f"{line.seconds:.1f}")
    return table


def _record(lines: list[Line], journal: str) -> dict[str, Any]:
    scenes = [
        {"name": one.scene.name, "raised": one.raised, "ends": one.ends, "wrong": one.wrong, "seconds": one.seconds}
        for one in lines
    ]
    passed = bool(lines) and not any(line.wrong for line in lines)
    return {"site": "observe", "journal": journal, "passed": passed, "scenes": scenes}
