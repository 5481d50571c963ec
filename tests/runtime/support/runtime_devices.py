"""Devices of a lane in the test's hands: what they answer is set, what they are told is kept."""

import asyncio
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import cv2
import numpy as np

from appliance.clock import ManualClock
from appliance.core.explore import face_checks
from appliance.vision.client import VisionLost
from appliance.wire import Message
from drivers import ports
from drivers.ports import DeviceIdentity, LitExposure
from hil.passport.passport import Passport
from hil.passport.personalise import Options, make_passport
from hil.plate import PassportReader
from hil.rig.trust import import_trust
from hil.scene import CAST

IDENTITY = DeviceIdentity("fake", "1", None, False)
PORTRAIT = cv2.imencode(".jpg", np.full((60, 40, 3), 90, np.uint8))[1].tobytes()
_KEPT = TemporaryDirectory(prefix="utopia-")


@cache
def in_order() -> Passport:
    """A passport of Utopia with nothing wrong; the day of issue is told."""
    return make_passport(CAST[0], PORTRAIT, options=Options(date_of_issue="2024-07-01"))


@cache
def utopia() -> Path:
    """A trust store that believes Utopia on the day of a `ManualClock`."""
    folder = Path(_KEPT.name)
    import_trust(folder / "store", folder / "files", ManualClock().now())
    return folder / "store"


PACK = {"pack_id": "fake", "title": "Fake", "grade": "development grade", "metric": "l2", "threshold": 0.5}


class HandGate:
    """Reads what `inputs` says."""

    def __init__(self) -> None:
        closed = ports.DoorPosition.CLOSED
        self.inputs = ports.GateInputs(closed, closed, False, 0, False, False, frozenset(), 0.0)
        self.log: list[str] = []

    def set(self, **changes: Any) -> None:
        self.inputs = replace(self.inputs, **changes)

    async def open(self) -> DeviceIdentity:
        return IDENTITY

    async def read(self) -> ports.GateInputs:
        return self.inputs

    async def release(self, door: ports.Door, duration_s: float) -> None:
        self.log.append(door.value)

    async def secure(self) -> None:
        self.log.append("secure")

    async def close(self) -> None:
        self.log.append("close")


class HandLight:
    """`failing` is raised by whatever is asked of it next, again and again. `late` hides so many entries of each log
    the first time it is read."""

    def __init__(self) -> None:
        self.late = 0
        self.failing: Exception | None = None
        self.log_of: tuple[LitExposure, ...] = ()
        self.done: list[str] = []
        self.unread = 0
        self.leds = ("850L", "850R")

    def _do(self, what: str) -> None:
        self.done.append(what)
        if self.failing is not None:
            raise self.failing

    async def open(self) -> DeviceIdentity:
        self._do("open")
        return IDENTITY

    async def zero(self) -> None:
        self._do("zero")

    async def arm(self, order: tuple[str | None, ...]) -> None:
        self._do("arm")
        self.log_of = tuple(LitExposure(number, led, number) for number, led in enumerate(order))
        self.unread = self.late

    async def log(self) -> tuple[LitExposure, ...]:
        self._do("log")
        unread, self.unread = self.unread, 0
        return self.log_of[: len(self.log_of) - unread]

    async def dark(self) -> None:
        self._do("dark")

    async def close(self) -> None:
        self.done.append("close")


class HandReader(PassportReader):
    def __init__(self) -> None:
        self.laid: asyncio.Queue[None] = asyncio.Queue()
        super().__init__(in_order())

    async def open(self) -> DeviceIdentity:
        return IDENTITY

    async def presented(self) -> None:
        await self.laid.get()


class HandVision:
    """In place of `VisionProcess`. `answers` and `failing` are of the class: a new process finds them as they are."""

    started: ClassVar[list["HandVision"]] = []
    failing: ClassVar[dict[str, Exception]] = {}
    answers: ClassVar[dict[str, Any]] = {}
    held: ClassVar[dict[str, asyncio.Event]] = {}

    def __init__(self) -> None:
        self.pid: int | None = None
        self.asked: list[str] = []
        self.told: list[tuple[str, dict[str, Any]]] = []

    @classmethod
    def fresh(cls) -> type["HandVision"]:
        checks = [{"name": c.name, "result": c.result, "reason": "r", "detail": ""} for c in face_checks()]
        timings = {
            "captured_at": 0.0,
            "found": "",
            "inference_s": 0.1,
            "liveness_s": 0.1,
            "advice": None,
            "findings": [],
        }
        identities = {name: {"model": name, "firmware": "1", "serial_number": None} for name in ("rgb", "nir")}
        cls.started, cls.failing, cls.held = [], {}, {}
        cls.answers = {
            "setup": Message({"pack": PACK | {"threshold_source": "nowhere"}}),
            "cameras": Message({"identities": identities, "adjustable": []}),
            "reading": Message({"findings": [], "levels": {}}),
            "meter": Message({"gains": {"nir": 0.5}, "changed": False}),
            "enrol": Message(
                {"problem": "", "irregularities": ["The portrait is blurred."], "eyes": [1.0, 2.0, 3.0, 4.0]},
                (b"portrait",),
            ),
            "locate": Message({"acceptable": True, "advice": None, "faces": 1, "figures": ""}),
            "analyse": Message({"checks": checks} | timings),
            "stills": Message(
                {"pictures": [{"channel": "rgb", "label": "Live", "media_type": "image/jpeg"}], "eyes": None},
                (b"rgb",),
            ),
            "preview": Message({"eyes": None}, (b"live",)),
        }
        return cls

    async def start(self) -> None:
        self.pid = 4000 + len(self.started)
        self.started.append(self)

    async def ask(self, op: str, *, within_s: float, blobs: tuple[bytes, ...] = (), **fields: Any) -> Message:
        if self.pid is None:
            raise VisionLost("not running")
        self.asked.append(op)
        self.told.append((op, fields))
        await asyncio.sleep(0)
        if op in self.held:
            await self.held[op].wait()
        if op in self.failing:
            raise self.failing[op]
        return self.answers.get(op, Message({}))

    async def stop(self) -> None:
        self.asked.append("stop")
