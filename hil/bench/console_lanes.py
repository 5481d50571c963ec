"""Lanes for the bench of the console, in a process of their own: real control servers, scripted snapshots, no devices.

Told on standard input what to do (`refer 7`, `release 7`), it answers each line on standard output with one of JSON. A
live picture is drawn anew 15 times a second while somebody is held; its JPEG carries the monotonic time of its making
(the clock that all processes of a machine share) in a comment, so that whoever paints it knows how old it is.
"""

import asyncio
import json
import random
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from appliance.clock import SystemClock
from appliance.control.messages import (
    BlockRequest,
    CheckView,
    DeviceView,
    DocumentView,
    DoorView,
    ImageView,
    LaneSnapshot,
    ModeView,
    OfficerRequest,
    PassageView,
    ReferralView,
    Reply,
    ServiceRequest,
)
from appliance.control.server import ControlServer
from appliance.core.types import CheckName, Door, DoorPosition, OfficerAction, Result, Step, Topology

FPS = 15.0
CHANGE_S = 1.0
"""Mean time between two changes of a lane in use: a passage of 20 s tells about as many times what has changed."""
MARK = b"at="
EYES = (250.0, 230.0, 390.0, 250.0)
STILLS = ("portrait", "rgb", "850", "940", "map")
_CYCLE = (
    ("Ready", Step.PRESENT_DOCUMENT),
    ("Reading", Step.READING_DOCUMENT),
    ("Entering", Step.ENTER),
    ("Enclosing", Step.PLEASE_WAIT),
    ("Verifying", Step.LOOK_AT_CAMERA),
    ("Admitting", Step.GO),
    ("Leaving", Step.GO),
)
_DEVICES = (
    DeviceView(name="camera.rgb", kind="camera", bands=("rgb",), state="well"),
    DeviceView(name="camera.nir", kind="camera", bands=("850", "940"), state="well"),
    DeviceView(name="illumination.nir", kind="illumination", bands=("850", "940"), state="well"),
    DeviceView(name="gate", kind="gate", state="well"),
    DeviceView(name="document_reader", kind="reader", state="well"),
)
_DOCUMENT = DocumentView(
    document_type="P",
    issuing_state="UTO",
    document_number="L898902C3",
    surname="ERIKSSON",
    given_names="ANNA MARIA",
    nationality="UTO",
    date_of_birth=None,
    sex="F",
    date_of_expiry=None,
)


def marked(jpeg: bytes, at: float) -> bytes:
    """A JPEG with a comment that says when it was made."""
    text = MARK + repr(at).encode()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + jpeg[2:]


def textured(seed: int) -> bytes:
    """JPEG of the size and weight of a camera's picture (640 x 480, quality 70); shows nobody."""
    noise = np.random.default_rng(seed).random((480, 640, 3))
    image = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2.0), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 70])[1].tobytes()


@dataclass(slots=True)
class Scripted:
    """One lane: what it says now, and the pictures of whoever it holds."""

    lane_id: str
    clock: SystemClock
    views: list[bytes]
    revision: int = 1
    place: int = 0
    passage: str = ""
    frame: bytes = b""
    frames: int = 0
    since: Any = None
    referred: Any = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def move(self, place: int) -> None:
        """Be in this place of the cycle from now on."""
        self.place, self.since = place % len(_CYCLE), self.clock.now()
        self.revision += 1

    def refer(self, passage: str) -> None:
        """Hold somebody."""
        self.passage, self.referred = passage, self.clock.now()
        self.revision += 1

    def draw(self) -> None:
        """The next live picture."""
        self.frames += 1
        self.frame = marked(self.views[self.frames % len(self.views)], self.clock.monotonic())
        self.revision += 1

    def snapshot(self) -> LaneSnapshot:
        """The lane as it is now."""
        phase, step = ("Referred", Step.OFFICER_COMES) if self.passage else _CYCLE[self.place]
        at = self.clock.now()
        return LaneSnapshot(
            lane_id=self.lane_id,
            revision=self.revision,
            at=at,
            simulated=True,
            topology=Topology.MANTRAP,
            phase=phase,
            phase_since=self.referred or self.since or at,
            phase_ends=None,
            step=step,
            in_service=True,
            mode=ModeView(name="high_security"),
            devices=_DEVICES,
            doors=tuple(DoorView(door=door, position=DoorPosition.CLOSED, released=False) for door in Door),
            occupied=phase not in ("Ready", "Reading"),
            faults=(),
            passage=self._passage() if self.passage else None,
            pack=None,
            journal_sequence=self.revision,
        )

    def _passage(self) -> PassageView:
        failed = CheckView(name=CheckName.LIVENESS, result=Result.FAILED, reason="A mask is suspected.")
        others = tuple(
            CheckView(name=n, result=Result.SUCCESSFUL, reason="") for n in CheckName if n is not failed.name
        )
        stills = [ImageView(channel=name, version=1, label="still", eyes=EYES) for name in STILLS]
        live = [ImageView(channel="live", version=self.frames, label="live picture", eyes=EYES)] if self.frame else []
        return PassageView(
            passage_id=self.passage,
            started=self.referred,
            document=_DOCUMENT,
            checks=(failed, *others),
            images=(*stills, *live),
            referral=ReferralView(
                since=self.referred,
                escalated=False,
                inside=True,
                actions=tuple(OfficerAction),
                needs_visual_check=True,
                suspected_attack=True,
            ),
            outcome=None,
        )

    def image(self, passage_id: str, channel: str) -> tuple[bytes, str] | None:
        """A picture of whoever is held."""
        if not self.passage or passage_id != self.passage:
            return None
        if channel == "live":
            return (self.frame, "image/jpeg") if self.frame else None
        return (self.views[STILLS.index(channel)], "image/jpeg") if channel in STILLS else None

    async def decide(self, request: OfficerRequest) -> Reply:
        """Nobody decides here."""
        return Reply(request_id=request.request_id, accepted=False, message="a lane of the bench")

    async def service(self, request: ServiceRequest) -> Reply:
        """Nor here."""
        return Reply(request_id=request.request_id, accepted=False, message="a lane of the bench")

    async def block(self, request: BlockRequest) -> Reply:
        """Nor here."""
        return Reply(request_id=request.request_id, accepted=False, message="a lane of the bench")


class Stand:
    """All lanes of the bench, each at a socket of its own in `folder`."""

    def __init__(self, folder: Path, count: int) -> None:
        clock = SystemClock()
        views = [textured(seed) for seed in range(8)]
        self.lanes = [Scripted(f"B-{n:02}", clock, views) for n in range(1, count + 1)]
        paths = [folder / f"lane-{n:02}.sock" for n in range(1, count + 1)]
        self.servers = [
            ControlServer(path, lane, clock, lambda _guards: None) for path, lane in zip(paths, self.lanes, strict=True)
        ]

    async def run(self) -> None:
        """Serve, change and obey until standard input ends."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(server.run()) for server in self.servers]
            tasks += [group.create_task(self._use(number)) for number in range(len(self.lanes))]
            tasks += [group.create_task(self._film(number)) for number in range(len(self.lanes))]
            await self._obey()
            for task in tasks:
                task.cancel()

    async def _use(self, number: int) -> None:
        lane, chance = self.lanes[number], random.Random(number)
        while True:
            await asyncio.sleep(chance.expovariate(1 / CHANGE_S))
            if not lane.passage:
                lane.move(lane.place + 1)
                self.servers[number].changed()

    async def _film(self, number: int) -> None:
        lane, loop = self.lanes[number], asyncio.get_running_loop()
        while True:
            await lane.changed.wait()
            due = loop.time()
            while lane.passage:
                lane.draw()
                self.servers[number].changed()
                due += 1 / FPS
                await asyncio.sleep(max(0.0, due - loop.time()))
            lane.changed.clear()

    async def _obey(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        self._say(ready=len(self.lanes))
        while words := (await reader.readline()).decode().split():
            number = int(words[1])
            lane = self.lanes[number]
            at = time.monotonic()
            if words[0] == "refer":
                lane.refer(f"passage-{lane.revision}-{number}")
                lane.changed.set()
            else:
                lane.passage, lane.frame, lane.referred = "", b"", None
                lane.move(0)
            self.servers[number].changed()
            self._say(at=at, lane=lane.lane_id)

    def _say(self, **words: object) -> None:
        print(json.dumps(words), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(Stand(Path(sys.argv[1]), int(sys.argv[2])).run())
