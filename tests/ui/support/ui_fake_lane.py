"""A lane for the console's tests: real Unix socket, real framing, scripted snapshots, drawn pictures. Test only."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import BaseModel
from ui_document import document

from appliance.clock import SystemClock
from appliance.control.history import HistoryReply
from appliance.control.messages import (
    AlertView,
    CheckView,
    DeviceView,
    DoorView,
    FaultView,
    ImageReply,
    ImageView,
    LaneSnapshot,
    ModeView,
    ObservedCameraView,
    PackView,
    PassageView,
    ReferralView,
    Reply,
    WatchSnapshot,
)
from appliance.wire import Message, receive

EYES = {
    "portrait": (110.0, 150.0, 210.0, 150.0),
    "rgb": (250.0, 230.0, 390.0, 250.0),
    "850": (250.0, 230.0, 390.0, 250.0),
    "940": (250.0, 230.0, 390.0, 250.0),
    "map": (250.0, 230.0, 390.0, 250.0),
    "live": (250.0, 230.0, 390.0, 250.0),
}
LABELS = {
    "portrait": "from the reader",
    "rgb": "at the capture",
    "850": "lit minus dark",
    "940": "lit minus dark",
    "map": "unlike skin, by pixel",
    "live": "live picture",
}
SHADES = {
    "portrait": ((196, 186, 170), (150, 176, 214)),
    "rgb": ((70, 60, 52), (126, 152, 196)),
    "850": ((40, 40, 40), (190, 190, 190)),
    "940": ((32, 32, 32), (96, 96, 96)),
    "map": ((0, 0, 0), (150, 150, 150)),
    "live": ((70, 60, 52), (120, 146, 190)),
}


def picture(channel: str, step: int = 0) -> tuple[bytes, str]:
    """A drawing of a head (circles on a gradient), eyes where EYES says. No person."""
    width, height = (320, 400) if channel == "portrait" else (640, 560)
    ground, skin = SHADES[channel]
    ramp = np.linspace(0.75, 1.15, height)[:, None, None]
    image = np.clip(np.full((height, width, 3), ground, np.float64) * ramp, 0, 255).astype(np.uint8)
    lx, ly, rx, ry = EYES[channel]
    span = float(np.hypot(rx - lx, ry - ly))
    angle = float(np.degrees(np.arctan2(ry - ly, rx - lx)))
    middle = (int((lx + rx) / 2 - span * 0.06), int((ly + ry) / 2 + span * 0.45))
    cv2.ellipse(image, middle, (int(span * 1.0), int(span * 1.35)), angle, 0, 360, skin, -1, cv2.LINE_AA)
    if channel == "map":
        spots = cv2.GaussianBlur(np.random.default_rng(7).random((height, width)), (0, 0), 14)
        spots = cv2.normalize(spots, None, 60, 255, cv2.NORM_MINMAX).astype(np.uint8)
        head = cv2.ellipse(
            np.zeros((height, width), np.uint8), middle, (int(span), int(span * 1.35)), angle, 0, 360, 255, -1
        )
        image = np.where(head[..., None] > 0, spots[..., None], image).repeat(1, axis=2).astype(np.uint8)
    for x, y in ((lx, ly), (rx, ry)):
        cv2.circle(image, (int(x), int(y)), int(span * 0.13), (30, 30, 30), -1, cv2.LINE_AA)
    mouth = (middle[0], middle[1] + int(span * 0.55))
    cv2.ellipse(image, mouth, (int(span * 0.35), int(span * 0.1)), angle, 0, 180, (60, 60, 60), 4, cv2.LINE_AA)
    if channel == "live":
        cv2.circle(image, (60 + 12 * (step % 8), 60), 18, (200, 200, 200), -1, cv2.LINE_AA)
    kind = ".png" if channel == "map" else ".jpg"
    ok, data = cv2.imencode(kind, image)
    assert ok
    return data.tobytes(), "image/png" if kind == ".png" else "image/jpeg"


BANDS = ("850", "940")
DEVICES = (
    DeviceView(name="camera.rgb", kind="camera", bands=("rgb",), state="well"),
    DeviceView(name="camera.nir", kind="camera", bands=BANDS, state="well"),
    DeviceView(name="illumination.nir", kind="illumination", bands=BANDS, state="well"),
    DeviceView(name="gate", kind="gate", state="well"),
    DeviceView(name="document_reader", kind="reader", state="well"),
)


def standing(**states: str) -> tuple[DeviceView, ...]:
    """The devices of a lane, all well but those named: `gate="critical"`, `document_reader="unknown"`."""

    def as_told(device: DeviceView) -> DeviceView:
        said = states.get(device.name.replace(".", "_"), "well")
        severity = None if said in ("well", "unknown") else said
        return DeviceView(**{**device.model_dump(), "state": "fault" if severity else said, "severity": severity})

    return tuple(as_told(device) for device in DEVICES)


def now() -> datetime:
    """Wall time for what the pages show; nothing is decided by it."""
    return SystemClock().now()


def idle(lane_id: str = "E-07", **changes: Any) -> LaneSnapshot:
    """A lane ready for the next traveller."""
    at = now()
    base: dict[str, Any] = {
        "lane_id": lane_id,
        "revision": 1,
        "at": at,
        "simulated": True,
        "topology": "mantrap",
        "phase": "Ready",
        "phase_since": at - timedelta(seconds=42),
        "phase_ends": None,
        "step": "present_document",
        "in_service": True,
        "mode": ModeView(name="high_security"),
        "devices": DEVICES,
        "doors": (
            DoorView(door="entry", position="closed", released=False),
            DoorView(door="exit", position="closed", released=False),
        ),
        "occupied": False,
        "faults": (),
        "passage": None,
        "pack": PackView(
            pack_id="pypi-dlib",
            title="pypi-dlib",
            grade="development grade",
            metric="l2",
            threshold=0.6,
            threshold_source="LFW, FMR 1e-3",
        ),
        "journal_sequence": 17,
    }
    return LaneSnapshot.model_validate(base | changes)


CHECKS = (
    CheckView(
        name="liveness",
        result="failed",
        reason="The face does not reflect infrared like skin: a mask is suspected.",
        detail="940/850 nm ratio 0.93, skin 0.41 to 0.62",
    ),
    CheckView(name="comparison", result="undetermined", reason="The score is too close to the threshold."),
    CheckView(name="document_read", result="successful", reason=""),
    CheckView(name="document_authenticity", result="successful", reason=""),
    CheckView(name="document_validity", result="successful", reason=""),
    CheckView(name="single_face", result="not_performed", reason="This check was not performed."),
    CheckView(name="face_quality", result="aborted", reason="The camera stopped during the capture."),
)


def passage(passage_id: str = "p-1", *, referral: dict[str, Any] | None = None, **changes: Any) -> PassageView:
    """A referred passage with all five results, unless told otherwise."""
    at = now()
    details: dict[str, Any] = {
        "since": at - timedelta(seconds=5),
        "escalated": False,
        "inside": True,
        "actions": ("admit", "refuse", "second_line"),
        "needs_visual_check": True,
        "suspected_attack": True,
    }
    base: dict[str, Any] = {
        "passage_id": passage_id,
        "started": at - timedelta(seconds=20),
        "document": document(),
        "checks": CHECKS,
        "images": tuple(
            ImageView(channel=channel, version=1, label=LABELS[channel], eyes=EYES[channel])
            for channel in ("portrait", "rgb", "850", "940", "map", "live")
        ),
        "referral": ReferralView.model_validate(details | (referral or {})),
        "outcome": None,
    }
    return PassageView.model_validate(base | changes)


def held(lane_id: str = "E-07", passage_id: str = "p-1", *, revision: int = 2, **changes: Any) -> LaneSnapshot:
    """A lane that holds a suspected mask between its doors."""
    return idle(
        lane_id,
        revision=revision,
        phase="Referred",
        step="officer_comes",
        occupied=True,
        passage=passage(passage_id, **changes),
    )


def filmed(snapshot: LaneSnapshot) -> LaneSnapshot:
    """The same a moment later: a newer live picture, and nothing else."""
    assert snapshot.passage is not None
    images = tuple(
        image.model_copy(update={"version": image.version + 1}) if image.channel == "live" else image
        for image in snapshot.passage.images
    )
    changes = {"revision": snapshot.revision + 1, "passage": snapshot.passage.model_copy(update={"images": images})}
    return snapshot.model_copy(update=changes)


def watching(*alerts: dict[str, Any], link: str = "live", missed: int = 0, revision: int = 1) -> WatchSnapshot:
    """A post that only watches one camera; every alert is the changes to one of its own."""
    at = now()
    base = {
        "alert_id": "hall-1",
        "camera": "hall",
        "raised": at,
        "ended": None,
        "because": "",
        "acknowledged_by": "",
        "score": 0.91,
        "hits": 5,
        "of": 6,
        "words": "Lower face covered, as by a medical mask.",
        "limit": "Colour only: cannot tell skin from resin or silicone in visible light; not tested.",
    }
    camera = ObservedCameraView(name="hall", link=link, since=at, problem="has hung up" if link == "lost" else "")
    return WatchSnapshot(
        lane_id="H-01",
        revision=revision,
        at=at,
        simulated=True,
        cameras=(camera,),
        alerts=tuple(AlertView.model_validate(base | one) for one in alerts),
        missed=missed,
        journal_sequence=3,
    )


FAULT = FaultView(
    code=3002,
    title="NIR 940 nm illumination does not answer",
    advice="Check the cable of illuminator 2, then return the lane to service.",
    severity="degraded",
    device="illumination",
    since=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
)


class FakeLane:
    """Serves one socket inside a running loop. `requests` keeps what consoles sent; `answer` decides replies."""

    def __init__(self, path: Path, snapshot: LaneSnapshot | WatchSnapshot) -> None:
        self.path = path
        self.snapshot = snapshot
        self.requests: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], tuple[bool, str] | None] = lambda _request: (True, "")
        self.tells: dict[str, BaseModel] = {}
        """Answers to questions, by what they are about; others are never answered."""
        self.silent = False
        self.no_past = ""  # why questions about the past have no answer; without it they get none at all
        self.after: Callable[[dict[str, Any]], LaneSnapshot | WatchSnapshot] | None = None
        self.served = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    async def stop(self) -> None:
        """Cut every connection and stop listening."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        self._server = None
        self.path.unlink(missing_ok=True)

    @property
    def listening(self) -> bool:
        return self._server is not None

    def show(self, snapshot: LaneSnapshot | WatchSnapshot) -> None:
        self.snapshot = snapshot
        for writer in self._writers:
            self._say(writer, snapshot.model_dump(mode="json"))

    def heard(self, kind: str) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["kind"] == kind]

    def _say(self, writer: asyncio.StreamWriter, header: dict[str, Any], *blobs: bytes) -> None:
        if not self.silent and not writer.is_closing():
            writer.write(Message(header, blobs).encode())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self._say(writer, self.snapshot.model_dump(mode="json"))
        try:
            while (message := await receive(reader)) is not None:
                self.requests.append(message.header)
                self._react(writer, message.header)
        except (asyncio.CancelledError, OSError):
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _react(self, writer: asyncio.StreamWriter, request: dict[str, Any]) -> None:
        if request["kind"] == "heartbeat":
            self._say(writer, self.snapshot.model_dump(mode="json"))
        elif request["kind"] == "history" and (told := self.tells.get(request["question"]["about"])) is not None:
            found = HistoryReply(request_id=request["request_id"], answer=told)
            self._say(writer, found.model_dump(mode="json"))
        elif request["kind"] in ("decide", "service", "block", "acknowledge", "hand_over", "setup"):
            answer = self.answer(request)
            if answer is None:
                return
            accepted, text = answer
            reply = Reply(request_id=request["request_id"], accepted=accepted, message=text)
            self._say(writer, reply.model_dump(mode="json"))
            if accepted and self.after is not None:
                self.show(self.after(request))
        elif request["kind"] == "history" and self.no_past:
            reply = HistoryReply(request_id=request["request_id"], problem=self.no_past)
            self._say(writer, reply.model_dump(mode="json"))
        elif request["kind"] == "image":
            self.served += 1
            data, media = self._picture(request["passage_id"], request["channel"])
            header = ImageReply(request_id=request["request_id"], media_type=media)
            self._say(writer, header.model_dump(mode="json"), *([data] if data else []))

    def _picture(self, passage_id: str, channel: str) -> tuple[bytes, str]:
        setup = getattr(self.snapshot, "setup", None)
        if setup is not None and setup.look is not None and setup.look.look_id == passage_id:
            return picture("850", self.served)
        if isinstance(self.snapshot, WatchSnapshot):
            known = channel == "face" and passage_id in {alert.alert_id for alert in self.snapshot.alerts}
            return picture("rgb") if known else (b"", "")
        current = self.snapshot.passage
        known = current is not None and current.passage_id == passage_id and channel in EYES
        return picture(channel, self.served) if known else (b"", "")


class LaneThread:
    """Fake lanes in a loop of their own, for tests whose main thread drives a browser."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-lanes")
        self._thread.start()
        self._lanes: list[FakeLane] = []

    def lane(self, path: Path, snapshot: LaneSnapshot | WatchSnapshot) -> FakeLane:
        lane = FakeLane(path, snapshot)
        self._lanes.append(lane)
        self.wait(lane.start())
        return lane

    def wait(self, work: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(10)

    def do(self, work: Callable[[], None]) -> None:
        """Run a call (`lane.show`) on the lanes' loop."""

        async def inside() -> None:
            work()

        self.wait(inside())

    def close(self) -> None:
        for lane in self._lanes:
            self.wait(lane.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
