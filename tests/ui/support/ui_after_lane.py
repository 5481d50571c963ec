"""A lane with a past: a real store written by hand, the real memory and the real control server. Test only."""

import asyncio
import random
from collections.abc import Coroutine
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from ui_fake_lane import LaneThread, idle

from appliance.clock import ManualClock, SystemClock
from appliance.config import LaneConfig
from appliance.control.messages import LaneSnapshot, OfficerRequest, Reply, ServiceRequest
from appliance.control.server import ControlServer
from appliance.core.types import Check, CheckName, OfficerAction, Outcome, Result, Topology
from appliance.runtime.faults import FaultRegister
from appliance.runtime.history import History
from appliance.store.lane_store import LaneStore
from appliance.store.records import DecisionMade, JournalRecord, PassageEnded, PassageStarted, Record

NAMES = tuple(CheckName)[:-1]
WHY = {
    CheckName.LIVENESS: (Result.FAILED, "Most like: Silicone mask. Unlike skin in water (970 / 850 nm), +4.1 sd."),
    CheckName.COMPARISON: (Result.UNDETERMINED, "The face changed during the capture."),
    CheckName.FACE_QUALITY: (Result.FAILED, "Not good enough: Look straight at the camera."),
    CheckName.DOCUMENT_VALIDITY: (Result.FAILED, "The document expired on 2026-03-01."),
    CheckName.DOCUMENT_AUTHENTICITY: (Result.UNDETERMINED, "The chip's authenticity could not be established."),
}


def config_of(base: Path, lane_id: str) -> LaneConfig:
    camera = {"kind": "rig", "reference": {"box": (0, 0, 10, 10), "width_mm": 7}}
    return LaneConfig.model_validate(
        {
            "lane_id": lane_id,
            "profile": "simulated",
            "state_dir": base / f"{lane_id}-state",
            "control_socket": base / f"{lane_id}.sock",
            "gate": {"port": "none"},
            "illumination": {"nir": {"port": "none", "bands": {"850": {}, "940": {}}}},
            "cameras": {"rgb": camera, "nir": camera},
            "document_reader": {"kind": "rig"},
            "trust": {"store": "none", "roots": ["0" * 64]},
            "simulation": {"module": "none"},
        }
    )


class Diary:
    """Writes a day of a lane into its store. `chance` makes the same day each time."""

    def __init__(self, config: LaneConfig, start: datetime, seed: int) -> None:
        self.clock, self.chance = ManualClock(start), random.Random(seed)
        self.store = LaneStore.open(config.state_dir, self.clock, boot_id=f"boot-{seed}")
        self.faults = FaultRegister(self.clock, lambda _: None)
        self.lane_id, self._number = config.lane_id, 0

    def write(self, *records: Record, after_s: float = 0.0) -> None:
        self.clock.advance(after_s)
        self.store.append(records)

    def passage(self, failing: CheckName | None = None, ends: tuple[Outcome, OfficerAction, str] | None = None) -> str:
        self._number += 1
        name = f"{self.lane_id.lower()}-{self._number:04}"
        steps = ("Ready", "Reading", "Entering", "Enclosing", "Verifying", "Leaving" if failing is None else "Referred")
        self.write(PassageStarted(name, Topology.MANTRAP, "open-omz", True))
        for before, after in pairwise(steps):
            self.write(_phase(before, after), after_s=self.chance.uniform(0.8, 4.5))
        checks = tuple(
            Check(one, *(WHY[one] if one is failing else (Result.SUCCESSFUL, "")), "figure 0.41") for one in NAMES
        )
        self.write(DecisionMade(name, failing is None, checks), after_s=0.4)
        outcome = Outcome.ADMITTED
        if ends is not None:
            outcome, action, why = ends
            admit = action is OfficerAction.ADMIT
            decided = DecisionMade(name, admit, checks, officer="k.moser", action=action, reason=why)
            self.write(decided, after_s=self.chance.uniform(5, 40))
        last = "Leaving" if failing is None else "Referred"
        self.write(PassageEnded(name, outcome), _phase(last, "Ready"), after_s=self.chance.uniform(1.5, 5))
        return name

    def tell_faults(self) -> None:
        self.write(*self.faults.take_unsaid())

    def day(self, hours: int, busiest: int = 9) -> None:
        """So many hours with up to `busiest` passages each, some of which went wrong; faults in between."""
        self.write(JournalRecord("lane_started", {"lane_id": self.lane_id, "simulated": True}))
        for device, model in (("gate", "Sallyport gate I/O, simulated"), ("camera.nir", "Simulated camera")):
            who = {"model": model, "firmware": "1.0", "serial_number": f"{self.lane_id}-1"}
            self.faults.identified(device, who)
        self.tell_faults()
        for hour in range(hours):
            begun = self.clock.now()
            for _ in range(self.chance.randint(2, busiest)):
                self._one_of_many()
                self.clock.advance(self.chance.uniform(20, 160))
            if hour % 4 == 2:
                self.faults.raise_fault(3008, "illumination.nir", "940 nm is 24 % below its calibration.")
                self.tell_faults()
                self.clock.advance(90)
                self.faults.clear(3008, "illumination.nir")
                self.tell_faults()
            self.clock.advance(max(0.0, 3600 - (self.clock.now() - begun).total_seconds()))

    def _one_of_many(self) -> None:
        admit = (Outcome.ADMITTED_BY_OFFICER, OfficerAction.ADMIT, "Same person, seen in person")
        refuse = (Outcome.REFUSED_BY_OFFICER, OfficerAction.REFUSE, "=Wears a mask")
        second = (Outcome.SECOND_LINE, OfficerAction.SECOND_LINE, "Document in doubt")
        happens = self.chance.random()
        if happens < 0.82:
            self.passage()
        elif happens < 0.87:
            self.passage(CheckName.COMPARISON, admit)
        elif happens < 0.90:
            self.passage(CheckName.FACE_QUALITY, admit)
        elif happens < 0.93:
            self.passage(CheckName.LIVENESS, refuse)
        elif happens < 0.97:
            self.passage(CheckName.DOCUMENT_VALIDITY, refuse)
        else:
            self.passage(CheckName.DOCUMENT_AUTHENTICITY, second)

    def close(self) -> None:
        self.store.close()


def _phase(before: str, after: str) -> JournalRecord:
    return JournalRecord("phase", {"from": before, "to": after})


class PastLane:
    """Serves a lane that rests and remembers; one per loop. `start` and `stop` run inside it."""

    def __init__(self, config: LaneConfig) -> None:
        self.config = config
        self.path = config.control_socket
        self._tasks: set[asyncio.Task[None]] = set()
        self.history: History
        self._running: asyncio.Task[None]

    def snapshot(self) -> LaneSnapshot:
        return idle(self.config.lane_id)

    def image(self, _passage_id: str, _channel: str) -> None:
        return None

    async def decide(self, request: OfficerRequest) -> Reply:
        return Reply(request_id=request.request_id, accepted=False, message="nobody is here")

    async def service(self, request: ServiceRequest) -> Reply:
        return Reply(request_id=request.request_id, accepted=False, message="nobody is here")

    async def start(self) -> None:
        self.history = History(self.config, SystemClock(), lambda: "open-omz", self._spawn)
        server = ControlServer(self.path, self, SystemClock(), lambda _: None, history=self.history.answer)
        self._running = asyncio.create_task(server.run())

    async def stop(self) -> None:
        for task in (self._running, *self._tasks):
            task.cancel()
        await asyncio.gather(self._running, *self._tasks, return_exceptions=True)
        self.history.close()

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def written(base: Path, lane_id: str, *, end: datetime, hours: int, seed: int, busiest: int = 9) -> LaneConfig:
    """The configuration of a lane whose store holds so many hours up to `end`."""
    config = config_of(base, lane_id)
    diary = Diary(config, end - timedelta(hours=hours), seed)
    diary.day(hours, busiest)
    diary.close()
    return config


def served(thread: LaneThread, config: LaneConfig) -> PastLane:
    """A lane with a past, served from the thread of the fake lanes."""
    lane = PastLane(config)
    thread.wait(lane.start())
    thread._lanes.append(lane)  # type: ignore[arg-type]  # stopped with the others
    return lane
