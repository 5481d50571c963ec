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
from appliance.core.types import Advice, CheckName, Result
from appliance.face.mask_detector import MaskFinding
from appliance.face.quality.portrait import OLD, SMALL, TOO_SMALL
from appliance.face.types import Comparison, DetectedFace, FailureToAcquire, Image, Template
from appliance.liveness.assess import LivenessReport
from appliance.vision import matcher
from appliance.vision import operations as module
from appliance.vision.operations import Worker
from appliance.vision.worker import serve
from appliance.wire import Message, receive_blocking, send_blocking
from drivers.errors import Disconnected, PortBusy
from drivers.ports import DeviceIdentity, Frame

GREY = 90
ORDER = ("850L", None, "940R", "850R", "940L", None)
LEDS = ("850L", "850R", "940L", "940R")


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
    masked_threshold: float | None = None

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
        self.gain = 1.0

    def open(self) -> DeviceIdentity:
        if self.device in self.rig.failing:
            raise self.rig.failing[self.device]
        self.rig.open.append(self.device)
        self.rig.cameras[self.device] = self
        self.sequence = -1
        return DeviceIdentity(f"fake {self.device}", "1", None, False)

    def read(self, timeout_s: float) -> Frame:
        if self.device in self.rig.failing:
            raise self.rig.failing[self.device]
        self.sequence += 1
        colour = self.device == "camera.rgb" and not self.rig.grey
        shape = (480, 640, 3) if colour else (480, 640)
        with self.rig.drawing:
            noise = self.rig.noise.integers(0, 60, shape, np.uint8)
        stamp = SystemClock().monotonic() - self.rig.late_s
        light = (noise + GREY - 30) * (1.0 if self.device == "camera.rgb" else self.gain)
        return Frame(self.sequence, stamp, np.asarray(light, np.uint8))

    def set_exposure(self, gain: float) -> float:
        if self.device in self.rig.adjustable:
            self.gain = gain
        return self.gain

    def close(self) -> None:
        self.rig.open.remove(self.device)


class Rig:
    """Both ends of one worker."""

    def __init__(self) -> None:
        self.pack, self.open, self.failing = FakePack(), list[str](), dict[str, Exception]()
        self.noise, self.late_s, self.grey = np.random.default_rng(3), 0.0, False
        self.drawing = threading.Lock()
        self.adjustable: set[str] = set()
        self.cameras: dict[str, FakeCamera] = {}
        self.ours, theirs = socket.socketpair()
        self.ours.settimeout(10)
        self.worker = Worker()
        self.thread = threading.Thread(target=self._serve, args=(theirs,))
        self.thread.start()
        self.number = 0

    def _serve(self, theirs: socket.socket) -> None:
        with theirs:
            serve(theirs, self.worker)
            self.worker.end()

    def ask(self, op: str, *blobs: bytes, **fields: Any) -> Message:
        self.number += 1
        send_blocking(self.ours, Message({"id": self.number, "op": op, **fields}, blobs))
        reply = receive_blocking(self.ours)
        assert reply is not None
        assert reply.header.pop("id") == self.number
        return reply

    def error(self, op: str, *blobs: bytes, **fields: Any) -> tuple[str, str, str]:
        error = self.ask(op, *blobs, **fields).header["error"]
        return error["kind"], error["device"], error["message"]

    def enrol(self, shade: int = GREY, issued: str | None = None) -> Message:
        portrait = np.full((200, 150, 3), shade, np.uint8).tobytes()
        return self.ask("enrol", portrait, height=200, width=150, issued=issued, on="2026-11-28")

    def located(self) -> dict[str, Any]:
        """What a look found, without its figures."""
        found = self.ask("locate").header
        assert "not performed: " in found.pop("figures")
        return found

    def analysed(self) -> dict[str, tuple[str, str]]:
        reply = self.ask("analyse", logs=self.burst())
        return {check["name"]: (check["result"], check["reason"]) for check in reply.header["checks"]}

    def set_up(self, **settings: Any) -> Message:
        camera = {"kind": "rig", "reference": {"box": [0, 0, 40, 40], "reflectance": 0.5, "width_mm": 27}}
        cameras = {"rgb": camera, "nir": camera}
        more = {"models_dir": "models", "leds": {"nir": LEDS}, "drift": 0.2, "module": "fake_rig"}
        more |= {
            "band_set": "rgb+850+940",
            "detector": "",
            "shadow": "",
            "masks": "ignore",
            "accepted": [],
            "upper": "",
            "gallery": None,
        } | settings
        reply = self.ask("setup", pack="open-omz", cameras=cameras, **more)
        assert reply.header["pack"]["pack_id"] == "fake"
        opened = self.ask("cameras")
        assert set(opened.header["identities"]) == {"rgb", "nir"}
        return opened

    def burst(self, face: bool = True) -> dict[str, list[tuple[int, str | None]]]:
        """A burst, and what an illuminator that has just been set to zero would say of it."""
        first = self.cameras["camera.nir"].sequence + 1
        assert self.ask("burst", counts={"nir": len(ORDER)}, after=0.0, face=face).header == {}
        return {"nir": [(first + place, led) for place, led in enumerate(ORDER)]}


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig()
    fakes = ModuleType("fake_rig")
    fakes.camera = lambda device, options: FakeCamera(made, device)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_rig", fakes)
    monkeypatch.setattr(matcher, "load_pack", lambda pack_id, models_dir, accepted: made.pack)
    yield made
    made.ours.close()
    made.thread.join(10)
    assert not made.thread.is_alive()
    assert made.open == []


@pytest.fixture
def ready(rig: Rig) -> Rig:
    rig.set_up()
    return rig


def test_the_same_face_on_both_is_compared_and_the_figures_are_told(ready: Rig) -> None:
    enrolled = ready.enrol()
    assert (enrolled.header["problem"], len(enrolled.header["eyes"])) == ("", 4)
    assert cv2.imdecode(np.frombuffer(enrolled.blobs[0], np.uint8), cv2.IMREAD_COLOR).shape == (200, 150, 3)
    assert ready.located() == {"acceptable": True, "advice": None, "faces": 1}
    checks = ready.analysed()
    assert checks[CheckName.COMPARISON][0] == Result.SUCCESSFUL
    assert checks[CheckName.SINGLE_FACE][0] == checks[CheckName.FACE_QUALITY][0] == Result.SUCCESSFUL


def test_what_is_irregular_in_the_portrait_is_told_and_a_portrait_too_small_is_not_compared(ready: Rig) -> None:
    told = ready.enrol(issued="2016-11-27").header
    assert told["problem"] == ""
    assert {SMALL, OLD} <= set(told["irregularities"])
    assert OLD not in ready.enrol(issued="2016-11-28").header["irregularities"]
    assert OLD not in ready.enrol().header["irregularities"]
    ready.pack.portrait = [face(20, 20, 20)]
    told = ready.enrol().header
    assert (told["problem"], told["irregularities"][0]) == (TOO_SMALL, TOO_SMALL)
    assert ready.analysed()[CheckName.COMPARISON] == (Result.NOT_PERFORMED, TOO_SMALL)


def test_a_portrait_that_is_no_picture_of_a_face_is_refused_and_the_process_lives(ready: Rig) -> None:
    kind, _, words = ready.error("enrol", bytes(3), height=1, width=1, issued=None, on="2026-11-28")
    assert (kind, "at least 16 pixels" in words) == ("Refused", True)
    assert ready.analysed()[CheckName.COMPARISON][0] == Result.NOT_PERFORMED


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
    assert ready.located() == {"acceptable": True, "advice": None, "faces": 1}
    assert ready.analysed()[CheckName.SINGLE_FACE][0] == Result.SUCCESSFUL


def test_two_faces_in_view_fail_and_are_not_captured_willingly(ready: Rig) -> None:
    ready.pack.live = [face(), face(20, 120, 70)]
    ready.enrol()
    found = ready.located()
    assert found == {"acceptable": False, "advice": "one_at_a_time", "faces": 2}
    assert ready.analysed()[CheckName.SINGLE_FACE] == (Result.FAILED, "2 faces are in view.")


def test_a_medical_mask_is_asked_off_and_a_capture_behind_one_is_no_good_view(
    ready: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Masked:
        covered: bool | None = True

        def look(self, image: Image, face: DetectedFace) -> MaskFinding:
            return {True: MaskFinding(0.9, 0.1), False: MaskFinding(0.1, 0.9), None: MaskFinding(0, 0)}[self.covered]

    monkeypatch.setattr(matcher, "detector_for", lambda masks, _: Masked() if masks == "ask_to_remove" else None)
    ready.set_up(masks="ask_to_remove")
    ready.enrol()
    assert ready.located() == {"acceptable": False, "advice": "uncover_mouth", "faces": 1}
    assert ready.analysed()[CheckName.FACE_QUALITY] == (
        Result.UNDETERMINED,
        "Not good enough: Take the medical mask off.",
    )
    # No opinion of the network is no mask: the other checks judge the face as ever.
    for covered in (False, None):
        Masked.covered = covered
        assert ready.ask("locate").header["acceptable"]
        assert ready.analysed()[CheckName.FACE_QUALITY][0] == Result.SUCCESSFUL


def test_nobody_in_view_is_nothing_performed_and_nothing_passed(ready: Rig) -> None:
    ready.pack.live = []
    ready.enrol()
    assert ready.located() == {"acceptable": False, "advice": "step_into_view", "faces": 0}
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
    for op in ("analyse", "reading", "meter"):
        assert ready.error(op, logs={})[0] == "Refused"
    assert ready.error("more", counts={"nir": 1})[0] == "Refused"
    assert ready.analysed()[CheckName.COMPARISON][0] == Result.NOT_PERFORMED


def test_frames_the_illuminator_does_not_know_of_prove_nothing(ready: Rig) -> None:
    ready.enrol()
    ready.burst()
    reply = ready.ask("analyse", logs={"nir": [[1000, "850L"], [1001, None]]})
    liveness = next(check for check in reply.header["checks"] if check["name"] == CheckName.LIVENESS)
    assert liveness["result"] == Result.UNDETERMINED
    assert [finding["trouble"] for finding in reply.header["findings"]] == ["out_of_step"]
    for logs in ({}, {"nir": []}, {"swir": [[0, "1050L"]]}):
        assert [one["trouble"] for one in ready.ask("reading", logs=logs).header["findings"]] == ["out_of_step"]


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
    assert ready.ask("health").header == {}


def test_a_grey_camera_in_place_of_the_colour_one_is_told_and_the_process_lives(ready: Rig) -> None:
    ready.grey = True
    for op in ("health", "locate", "preview"):
        assert ready.error(op, locate=False)[:2] == ("RemoteProtocolError", "camera.rgb")
    ready.grey = False
    assert ready.ask("health").header == {}


def test_a_live_view_looks_for_eyes_only_when_it_is_asked_to(ready: Rig) -> None:
    with_eyes, without = (ready.ask("preview", locate=locate) for locate in (True, False))
    assert len(with_eyes.header["eyes"]) == 4
    assert without.header["eyes"] is None
    assert [reply.blobs[0][:2] for reply in (with_eyes, without)] == [b"\xff\xd8"] * 2


def test_a_stale_frame_names_the_camera_it_came_from(ready: Rig) -> None:
    ready.late_s = 1.0
    kind, device, message = ready.error("health")
    assert kind == "StaleFrame"
    assert device in ("camera.rgb", "camera.nir")
    assert "old" in message


# --- bursts -----------------------------------------------------------------------------------------------------


def test_frames_from_before_the_order_are_not_of_the_burst(ready: Rig) -> None:
    later = SystemClock().monotonic() + 0.05
    before = ready.cameras["camera.nir"].sequence
    ready.ask("burst", counts={"nir": 3}, after=later, face=False)
    shots = ready.worker._passage.shots
    assert shots is not None
    assert [frame.stamp >= later for frame in shots.frames["nir"]] == [True] * 3
    assert shots.frames["nir"][0].sequence > before + 1


def test_frames_that_came_late_are_fetched(ready: Rig) -> None:
    logs = ready.burst(face=False)
    ready.ask("more", counts={"nir": 2})
    shots = ready.worker._passage.shots
    assert shots is not None
    assert len(shots.frames["nir"]) == len(ORDER) + 2
    exposures = shots.exposures({"nir": dict(logs["nir"])})
    assert [exposure.led for exposure in exposures] == list(ORDER), "what the illuminator does not know is left out"


def test_the_visible_frame_is_from_the_middle_of_the_burst(ready: Rig) -> None:
    ready.burst(face=False)
    shots = ready.worker._passage.shots
    assert shots is not None
    assert shots.rgb is not None
    assert shots.frames["nir"][1].stamp < shots.rgb.stamp


def test_exposures_are_set_only_where_the_camera_can(rig: Rig) -> None:
    assert rig.set_up().header["adjustable"] == []
    assert rig.ask("expose", gains={"nir": 0.25}).header == {"gains": {"nir": 1.0}}
    rig.adjustable = {"camera.nir"}
    assert rig.ask("cameras").header["adjustable"] == ["nir"]
    assert rig.ask("expose", gains={"nir": 0.25}).header == {"gains": {"nir": 0.25}}
    assert rig.error("expose", gains={"swir": 1.0}) == ("Disconnected", "camera.swir", "the camera is not open")
    rig.burst(face=False)
    shots = rig.worker._passage.shots
    assert shots is not None
    assert shots.gains["nir"] == 0.25
    assert float(np.mean(shots.frames["nir"][0].image)) < 30


def test_a_look_sets_the_exposure_for_the_burst(rig: Rig) -> None:
    rig.adjustable = {"camera.nir"}
    rig.set_up()
    rig.ask("expose", gains={"nir": 0.25})
    logs = rig.burst(face=False)
    reply = rig.ask("meter", logs={"nir": logs["nir"][:2]}).header
    assert reply["changed"]
    assert reply["gains"]["nir"] == 1.0, "the picture is darker than it need be"
    logs = rig.burst(face=False)
    assert not rig.ask("meter", logs={"nir": logs["nir"][:2]}).header["changed"]


# --- judges -----------------------------------------------------------------------------------------------------


class FakeJudge:
    """Says of every capture what it was made to say."""

    def __init__(self, version: str, result: Result, advice: Advice | None = None) -> None:
        self.version, self.result, self.advice, self.judged = version, result, advice, 0

    def judge(self, capture: Any, landmarks: Any, *, masked: bool = False) -> LivenessReport:
        self.judged += 1
        assert {exposure.led for exposure in capture.exposures} == set(ORDER)
        figures = {"score": -1.5, "850/R level": 0.2}
        return LivenessReport(self.result, ("Why.",), advice=self.advice, figures=figures, detector=self.version)

    def draw(self, report: LivenessReport, shape: tuple[int, int]) -> None:
        assert report.detector == self.version


@pytest.fixture
def judged(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> tuple[Rig, dict[str, FakeJudge]]:
    judges = {"": FakeJudge("first", Result.SUCCESSFUL), "second": FakeJudge("second", Result.FAILED)}
    monkeypatch.setattr(module, "judge_of", lambda _, path, above: judges[str(path or "")])
    monkeypatch.setattr(module, "shadow_of", lambda _, name, models_dir: judges[name] if name else None)
    rig.set_up(shadow="second")
    rig.enrol()
    return rig, judges


def test_the_shadow_judges_the_same_capture_when_it_is_asked_and_decides_nothing(
    judged: tuple[Rig, dict[str, FakeJudge]],
) -> None:
    rig, judges = judged
    assert rig.ask("shadow").header == {"result": None}
    assert rig.analysed()[CheckName.LIVENESS][0] != Result.FAILED
    assert judges["second"].judged == 0, "not on the way to the decision"
    assert rig.ask("shadow").header == {
        "result": "failed",
        "detector": "second",
        "reasons": ["Why."],
        "species": None,
        "figures": {"score": -1.5},
        "decided": {"result": "successful", "detector": "first"},
    }
    assert rig.ask("stills").header["pictures"][-1]["channel"] == "940", "no map where nothing could be drawn"
    rig.pack.live = []
    rig.analysed()
    assert rig.ask("shadow").header == {"result": None}


def test_without_a_shadow_there_is_nothing_to_record(ready: Rig) -> None:
    ready.enrol()
    ready.analysed()
    assert ready.ask("shadow").header == {"result": None}


def test_what_the_judge_advises_is_told_once_the_view_itself_is_good(judged: tuple[Rig, dict[str, FakeJudge]]) -> None:
    rig, judges = judged
    judges[""].advice = Advice.TURN_FROM_SUN
    assert rig.ask("analyse", logs=rig.burst()).header["advice"] == "turn_from_sun"
    rig.pack.live = [face(x=-10)]
    assert rig.ask("analyse", logs=rig.burst()).header["advice"] == "to_the_middle"
    rig.pack.live = []
    assert rig.ask("analyse", logs=rig.burst()).header["advice"] == "step_into_view"


def test_light_that_is_wrong_makes_the_best_judge_worthless(judged: tuple[Rig, dict[str, FakeJudge]]) -> None:
    rig, _ = judged
    result, reason = rig.analysed()[CheckName.LIVENESS]
    assert result == Result.UNDETERMINED, "the noise of these cameras answers to no lamp"
    assert "answer" in reason or "differ" in reason


def test_a_detector_that_is_not_there_refuses_the_start(rig: Rig) -> None:
    more = {"models_dir": "models", "leds": {"nir": LEDS}, "drift": 0.2, "module": None, "band_set": "rgb+850+940"}
    more |= {"accepted": [], "masks": "ignore", "gallery": None, "upper": ""}
    for broken, said in (
        ({"detector": "/nowhere", "shadow": ""}, "there is no detector for the band set"),
        ({"detector": "", "shadow": "/nowhere"}, "there is no detector for the band set"),
        ({"detector": "", "shadow": "rgb-cue"}, "appliance models fetch rgb-cue"),
    ):
        kind, _, message = rig.error("setup", pack="open-omz", cameras={}, **more, **broken)
        assert (kind, said in message) == ("Refused", True), message


def test_nonsense_is_answered(rig: Rig) -> None:
    assert rig.error("unlock")[0] == "Unknown"
    assert rig.error("__init__")[0] == "Unknown"
    assert rig.error("health")[0] == "Refused"
    send_blocking(rig.ours, Message({}))
    reply = receive_blocking(rig.ours)
    assert reply is not None
    assert reply.header["error"]["kind"] == "Unknown"


def test_a_band_is_shown_with_its_figures_and_forgotten_with_the_burst(ready: Rig) -> None:
    look: dict[str, Any] = {"at": [0.5, 0.5], "fresh": True}
    logs = ready.burst(face=False)
    for channel in ("rgb", "850", "940", "dark.nir"):
        reply = ready.ask("look", logs=logs, channel=channel, **look)
        picture = cv2.imdecode(np.frombuffer(reply.blobs[0], np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture.shape == ((480, 640, 3) if channel == "rgb" else (480, 640))
        assert reply.header["figures"]["size"] == [640, 480]
    nothing = ready.ask("look", logs={"nir": []}, channel="850", **look)
    assert nothing.blobs == ()
    assert "No exposure of 850" in nothing.header["problem"]
    ready.ask("forget")
    assert ready.error("look", logs=logs, channel="rgb", **look)[0] == "Refused"


def test_the_best_sharpness_is_kept_from_burst_to_burst_until_it_is_to_begin_anew(ready: Rig) -> None:
    def best(fresh: bool) -> tuple[float, float]:
        reply = ready.ask("look", logs=ready.burst(face=False), channel="850", at=[0.5, 0.5], fresh=fresh)
        return reply.header["figures"]["sharpness"], reply.header["figures"]["best"]

    seen = [best(False) for _ in range(4)]
    assert [held for _, held in seen] == [max(found for found, _ in seen[: n + 1]) for n in range(4)]
    found, held = best(True)
    assert found == held


def test_every_camera_is_seen_to_go_on(ready: Rig) -> None:
    found = ready.ask("frames").header
    assert {name: one["holds"] for name, one in found.items()} == {"rgb": True, "nir": True}
    ready.failing["camera.nir"] = Disconnected("camera.nir", "unplugged")
    assert ready.error("frames") == ("Disconnected", "camera.nir", "unplugged")
