"""The worker's own work, in this process: requests over a socket pair, a matcher and cameras that are fakes."""

import socket
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

from appliance.clock import SystemClock
from appliance.core.types import CheckName, Result
from appliance.face.types import Comparison, DetectedFace, FailureToAcquire, Image, Template
from appliance.vision import worker as module
from appliance.vision.worker import Worker, serve
from appliance.wire import Message, receive_blocking, send_blocking
from drivers.errors import Disconnected, PortBusy
from drivers.ports import DeviceIdentity, Frame

GREY = 90


def face(x: float = 200, y: float = 120, eyes: float = 80) -> DetectedFace:
    """A frontal face whose left eye in the picture is at (x + eyes / 2, y + eyes / 2)."""
    left, right = (x + eyes / 2, y + eyes / 2), (x + 1.5 * eyes, y + eyes / 2)
    nose = (x + eyes, y + eyes)
    marks = np.array(
        [left, right, nose, (x + 0.6 * eyes, y + 1.5 * eyes), (x + 1.4 * eyes, y + 1.5 * eyes)], np.float32
    )
    return DetectedFace((x, y, x + 2 * eyes, y + 2 * eyes), marks, 0.9)


class FakePack:
    """Finds the faces it was told for pictures of this height; a template is what colour the picture has."""

    pack_id, title, grade, metric, threshold, threshold_source = "fake", "Fake", "production", "cosine", 0.5, "nowhere"

    def __init__(self) -> None:
        self.portrait: list[DetectedFace] = [face(20, 20, 30)]
        self.live: list[DetectedFace] = [face()]
        self.fails = False

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        return self.portrait if image_bgr.shape[0] == 200 else self.live

    def embed(self, image_bgr: Image, found: DetectedFace) -> Template:
        if self.fails:
            raise FailureToAcquire("too blurred")
        return Template("fake", "0", np.array([image_bgr[..., 0].mean()], np.float32))

    def compare(self, a: Template, b: Template) -> Comparison:
        near = abs(float(a.vector[0] - b.vector[0])) < 20
        return Comparison(0.9 if near else 0.1, 0.5, "cosine", near)


class FakeCamera:
    def __init__(self, rig: "Rig", device: str) -> None:
        self.rig, self.device, self.sequence = rig, device, -1

    def open(self) -> DeviceIdentity:
        if self.device in self.rig.failing:
            raise self.rig.failing[self.device]
        self.rig.open.append(self.device)
        self.sequence = -1
        return DeviceIdentity(f"fake {self.device}", "1", None, False)

    def read(self, timeout_s: float) -> Frame:
        if self.device in self.rig.failing:
            raise self.rig.failing[self.device]
        self.sequence += 1
        shape = (480, 640, 3) if self.device == "camera.rgb" else (480, 640)
        noise = self.rig.noise.integers(0, 60, shape, np.uint8)
        stamp = SystemClock().monotonic() - self.rig.late_s
        return Frame(self.sequence, stamp, np.asarray(noise + GREY - 30, np.uint8))

    def close(self) -> None:
        self.rig.open.remove(self.device)


class Rig:
    """Both ends of one worker."""

    def __init__(self) -> None:
        self.pack, self.open, self.failing = FakePack(), list[str](), dict[str, Exception]()
        self.noise, self.late_s = np.random.default_rng(3), 0.0
        self.ours, theirs = socket.socketpair()
        self.ours.settimeout(10)
        self.worker = Worker()
        self.thread = threading.Thread(target=self._serve, args=(theirs,))
        self.thread.start()
        self.number = 0

    def _serve(self, theirs: socket.socket) -> None:
        with theirs:
            serve(theirs, self.worker)
            self.worker.close()

    def ask(self, op: str, *blobs: bytes, **fields: Any) -> Message:
        self.number += 1
        send_blocking(self.ours, Message({"id": self.number, "op": op, **fields}, blobs))
        reply = receive_blocking(self.ours)
        assert reply is not None
        assert reply.header.pop("id") == self.number
        return reply

    def error(self, op: str, **fields: Any) -> tuple[str, str, str]:
        error = self.ask(op, **fields).header["error"]
        return error["kind"], error["device"], error["message"]

    def enrol(self, shade: int = GREY) -> Message:
        return self.ask("enrol", np.full((200, 150, 3), shade, np.uint8).tobytes(), height=200, width=150)

    def analysed(self) -> dict[str, tuple[str, str]]:
        sequences = self.ask("burst", count=4, face=True).header["sequences"]
        bands = ["850", "940", None, "850"]
        reply = self.ask("analyse", log=list(zip(sequences, bands, strict=True)))
        return {check["name"]: (check["result"], check["reason"]) for check in reply.header["checks"]}


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig()
    fakes = ModuleType("fake_rig")
    fakes.camera = lambda device, options: FakeCamera(made, device)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_rig", fakes)
    monkeypatch.setattr(module, "load_pack", lambda pack_id, models_dir: made.pack)
    yield made
    made.ours.close()
    made.thread.join(10)
    assert not made.thread.is_alive()
    made.worker._helper.shutdown()
    assert made.open == []


@pytest.fixture
def ready(rig: Rig) -> Rig:
    cameras = {"rgb": {"kind": "rig"}, "nir": {"kind": "rig"}}
    patch = {"reference_patch": [0, 0, 40, 40], "reference_reflectance": 0.5}
    reply = rig.ask("setup", pack="open-omz", models_dir="models", cameras=cameras, module="fake_rig", **patch)
    assert reply.header["pack"]["pack_id"] == "fake"
    assert set(rig.ask("cameras").header["identities"]) == {"rgb", "nir"}
    return rig


def test_the_same_face_on_both_is_compared_and_the_figures_are_told(ready: Rig) -> None:
    enrolled = ready.enrol()
    assert (enrolled.header["problem"], len(enrolled.header["eyes"])) == ("", 4)
    assert cv2.imdecode(np.frombuffer(enrolled.blobs[0], np.uint8), cv2.IMREAD_COLOR).shape == (200, 150, 3)
    assert ready.ask("locate").header == {"acceptable": True, "advice": "", "faces": 1}
    checks = ready.analysed()
    assert checks[CheckName.COMPARISON][0] == Result.SUCCESSFUL
    assert checks[CheckName.SINGLE_FACE][0] == checks[CheckName.FACE_QUALITY][0] == Result.SUCCESSFUL


def test_plain_noise_is_never_a_living_face(ready: Rig) -> None:
    ready.enrol()
    assert ready.analysed()[CheckName.LIVENESS][0] in (Result.FAILED, Result.UNDETERMINED)


def test_another_face_does_not_match(ready: Rig) -> None:
    ready.enrol(shade=200)
    assert ready.analysed()[CheckName.COMPARISON][0] == Result.FAILED


def test_without_an_enrolled_portrait_there_is_no_comparison_and_no_pass(ready: Rig) -> None:
    result, reason = ready.analysed()[CheckName.COMPARISON]
    assert (result, "not enrolled" in reason) == (Result.NOT_PERFORMED, True)


@pytest.mark.parametrize(
    ("portrait", "said"), [([], "no face"), ([face(20, 20, 30), face(80, 80, 28)], "several faces")]
)
def test_a_portrait_with_no_face_or_several_is_no_reference(
    ready: Rig, portrait: list[DetectedFace], said: str
) -> None:
    ready.pack.portrait = portrait
    assert said in ready.enrol().header["problem"]
    assert ready.analysed()[CheckName.COMPARISON][0] == Result.NOT_PERFORMED


def test_a_small_face_far_behind_counts_neither_on_the_portrait_nor_in_view(ready: Rig) -> None:
    ready.pack.portrait = [face(20, 20, 30), face(100, 10, 8)]
    ready.pack.live = [face(), face(10, 10, 30)]
    assert ready.enrol().header["problem"] == ""
    assert ready.ask("locate").header == {"acceptable": True, "advice": "", "faces": 1}
    assert ready.analysed()[CheckName.SINGLE_FACE][0] == Result.SUCCESSFUL


def test_two_faces_in_view_fail_and_are_not_captured_willingly(ready: Rig) -> None:
    ready.pack.live = [face(), face(20, 120, 70)]
    ready.enrol()
    found = ready.ask("locate").header
    assert (found["acceptable"], found["faces"]) == (False, 2)
    assert ready.analysed()[CheckName.SINGLE_FACE] == (Result.FAILED, "2 faces are in view.")


def test_nobody_in_view_is_nothing_performed_and_nothing_passed(ready: Rig) -> None:
    ready.pack.live = []
    ready.enrol()
    assert ready.ask("locate").header == {"acceptable": False, "advice": "Step into view.", "faces": 0}
    results = {name: result for name, (result, _) in ready.analysed().items()}
    assert results[CheckName.SINGLE_FACE] == Result.UNDETERMINED
    assert {results[name] for name in (CheckName.FACE_QUALITY, CheckName.COMPARISON, CheckName.LIVENESS)} == {
        Result.NOT_PERFORMED
    }


def test_a_face_no_template_can_be_made_of_is_not_compared(ready: Rig) -> None:
    ready.enrol()
    ready.pack.fails = True
    result, reason = ready.analysed()[CheckName.COMPARISON]
    assert (result, "too blurred" in reason) == (Result.NOT_PERFORMED, True)


def test_the_face_of_the_capture_before_is_not_compared_again(ready: Rig) -> None:
    ready.enrol()
    assert ready.analysed()[CheckName.COMPARISON][0] == Result.SUCCESSFUL
    ready.pack.live = []
    assert ready.analysed()[CheckName.COMPARISON][0] == Result.NOT_PERFORMED


def test_what_is_forgotten_is_gone(ready: Rig) -> None:
    ready.enrol()
    ready.analysed()
    assert ready.ask("stills").header["pictures"]
    ready.ask("forget")
    assert ready.error("stills") == ("Refused", "vision", "nothing was captured")
    assert ready.error("analyse", log=[])[0] == "Refused"
    assert ready.analysed()[CheckName.COMPARISON][0] == Result.NOT_PERFORMED


def test_frames_the_illuminator_does_not_know_of_prove_nothing(ready: Rig) -> None:
    ready.enrol()
    ready.ask("burst", count=4, face=True)
    reply = ready.ask("analyse", log=[[1000, "850"], [1001, None]])
    liveness = next(check for check in reply.header["checks"] if check["name"] == CheckName.LIVENESS)
    assert liveness["result"] == Result.UNDETERMINED
    assert ready.ask("response", log=[]).header["problem"]


def test_the_pictures_are_what_they_say(ready: Rig) -> None:
    ready.enrol()
    ready.analysed()
    reply = ready.ask("stills")
    assert len(reply.blobs) == len(reply.header["pictures"])
    channels = [picture["channel"] for picture in reply.header["pictures"]]
    assert channels[:3] == ["rgb", "850", "940"]
    for picture, blob in zip(reply.header["pictures"], reply.blobs, strict=True):
        magic = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG"}[picture["media_type"]]
        assert blob.startswith(magic)
        assert cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_COLOR).shape == (480, 640, 3)


@pytest.mark.parametrize("device", ["camera.rgb", "camera.nir"])
def test_trouble_with_a_camera_names_the_camera(ready: Rig, device: str) -> None:
    ready.failing[device] = Disconnected(device, "unplugged")
    assert ready.error("health") == ("Disconnected", device, "unplugged")
    ready.failing[device] = PortBusy(device, "busy")
    assert ready.error("cameras") == ("PortBusy", device, "busy")
    del ready.failing[device]
    ready.ask("cameras")
    assert ready.ask("health").header == {"nir_sequence": 0}


def test_a_stale_frame_names_the_camera_it_came_from(ready: Rig) -> None:
    ready.late_s = 1.0
    kind, device, message = ready.error("health")
    assert (kind, device) == ("StaleFrame", "camera.rgb")
    assert "old" in message


def test_nonsense_is_answered(rig: Rig) -> None:
    assert rig.error("unlock")[0] == "Unknown"
    assert rig.error("__init__")[0] == "Unknown"
    assert rig.error("health")[0] == "Refused"
    send_blocking(rig.ours, Message({}))
    reply = receive_blocking(rig.ours)
    assert reply is not None
    assert reply.header["error"]["kind"] == "Unknown"
