"""The best of several visible frames is compared, and nobody profits who swaps in between them."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from appliance.camera_config import CamerasConfig
from appliance.clock import SystemClock
from appliance.core.types import CheckName, Result
from appliance.face.mask_detector import MaskFinding
from appliance.face.quality import Measure
from appliance.face.quality.mesh import Lids
from appliance.face.types import Comparison, DetectedFace, FailureToAcquire, Image, Template
from appliance.liveness.assess import LivenessReport
from appliance.vision.cameras import Cameras, Shots
from appliance.vision.inference import CHANGED
from appliance.vision.matcher import Matcher, Reference
from appliance.vision.operations import Setup, Worker
from appliance.wire import Message
from drivers.ports import DeviceIdentity, Frame
from tests.quality.drawn_face import blurred, drawn_face

SHARP, FACE = drawn_face()
BLURRED, SOFT = blurred(SHARP, 10.0), blurred(SHARP, 8.0)
"""The one fails, the other passes, both for their sharpness."""
HOLDER, OTHER = 10, 200
"""Who somebody is to the fake recogniser."""


def shifted(pixels: float) -> DetectedFace:
    x1, y1, x2, y2 = FACE.box
    marks = (FACE.landmarks + np.array([pixels, 0.0])).astype(np.float32)
    return DetectedFace((x1 + pixels, y1, x2 + pixels, y2), marks, 0.9)


class Scene:
    """One visible frame: its pixels, who is found in it and where, whether a mask is worn and the eyes are shut."""

    def __init__(
        self,
        pixels: Image,
        *,
        who: int | None = HOLDER,
        faces: tuple[DetectedFace, ...] = (FACE,),
        masked: bool = False,
        shut: bool = False,
    ) -> None:
        self.image, self.who, self.faces, self.masked = pixels.copy(), who, list(faces), masked
        self.shut = shut


class Pack:
    """Knows the scenes by their pictures. Template: [who, number of the scene], who alone is compared."""

    pack_id, title, grade, metric, threshold, threshold_source = "fake", "Fake", "production", "cosine", 0.5, "nowhere"
    masked_threshold: float | None = None

    def __init__(self, scenes: list[Scene]) -> None:
        self.scenes, self.embedded = scenes, list[int]()
        self.compared: list[int] = []

    def number(self, image: Image) -> int:
        return next(number for number, scene in enumerate(self.scenes) if scene.image is image)

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        return self.scenes[self.number(image_bgr)].faces

    def embed(self, image_bgr: Image, face: DetectedFace) -> Template:
        number = self.number(image_bgr)
        self.embedded.append(number)
        who = self.scenes[number].who
        if who is None:
            raise FailureToAcquire("too blurred")
        return Template("fake", "0", np.array([who, number], np.float32))

    def compare(self, a: Template, b: Template) -> Comparison:
        self.compared.append(int(b.vector[1]))
        return Comparison(0.9, 0.5, "cosine", bool(a.vector[0] == b.vector[0]))


class Masks:
    def __init__(self, pack: Pack) -> None:
        self.pack, self.looks = pack, list[int]()

    def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
        number = self.pack.number(image_bgr)
        self.looks.append(number)
        return MaskFinding(0.9, 0.1) if self.pack.scenes[number].masked else MaskFinding(0.1, 0.9)


class Mesh:
    def __init__(self, pack: Pack) -> None:
        self.pack, self.looks = pack, list[int]()

    def look(self, image_bgr: Image, face: DetectedFace) -> Lids:
        number = self.pack.number(image_bgr)
        self.looks.append(number)
        return Lids(0.0, 0.03) if self.pack.scenes[number].shut else Lids(0.1, -0.03)


class Judge:
    """Remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[Image, DetectedFace]] = []

    def judge(self, capture: Any, face: DetectedFace, *, masked: bool = False) -> LivenessReport:
        self.shown.append((capture.rgb, face))
        return LivenessReport(Result.SUCCESSFUL, ())


class Lane:
    """A worker whose burst brings these scenes; the middle one is what the liveness check judges."""

    def __init__(self, *scenes: Scene, middle: int = 1, masks: bool = False, allow: bool = False) -> None:
        self.pack, self.judge, self.middle = Pack(list(scenes)), Judge(), middle
        self.masks = Masks(self.pack) if masks else None
        self.worker = Worker()
        self.mesh = Mesh(self.pack)
        self.worker._matcher = Matcher(
            self.pack,  # type: ignore[arg-type]
            self.masks,  # type: ignore[arg-type]
            None,
            allow=allow,
            mesh=self.mesh,  # type: ignore[arg-type]
        )
        self.worker._setup = Setup({}, {}, 0.2, self.judge, None)  # type: ignore[arg-type]
        self.worker._cameras = SimpleNamespace(burst=self._burst, end=lambda: None)  # type: ignore[assignment]
        self.worker._passage.reference = Reference(Template("fake", "0", np.array([HOLDER, -1], np.float32)))

    def _burst(self, counts: Mapping[str, int], after: float, on_rgb: Callable[[Frame, bool], None]) -> Shots:
        frames = [Frame(number, 0.1 * number, scene.image) for number, scene in enumerate(self.pack.scenes)]
        for frame in frames:
            on_rgb(frame, frame.sequence == self.middle)
        return Shots(rgb=frames[self.middle])

    def checks(self) -> dict[str, Result]:
        """The results; that liveness judged the middle frame and its own face holds in every test."""
        try:
            self.worker.burst(Message({"counts": {"nir": 6}, "after": 0.0, "face": True}))
            self.reply = self.worker.analyse(Message({"logs": {}})).header
        finally:
            self.worker.end()
        middle = self.pack.scenes[self.middle]
        if middle.faces:
            ((image, face),) = self.judge.shown
            assert image is middle.image
            assert face is middle.faces[0]
        return {check["name"]: Result(check["result"]) for check in self.reply["checks"]}

    def reason(self, name: CheckName) -> str:
        return next(str(check["reason"]) for check in self.reply["checks"] if check["name"] == name)


@pytest.mark.parametrize("place", [0, 2])
def test_a_sharp_frame_is_compared_instead_of_a_blurred_middle_one(place: int) -> None:
    scenes = [Scene(BLURRED), Scene(BLURRED), Scene(BLURRED)]
    scenes[place] = Scene(SHARP)
    lane = Lane(*scenes)
    assert set(lane.checks().values()) == {Result.SUCCESSFUL}
    assert lane.pack.compared == [place, place], "with the middle one, then with the reference"
    assert lane.reply["advice"] is None


def test_the_sharper_of_two_frames_that_both_pass_wins_by_the_mean_of_its_measures() -> None:
    lane = Lane(Scene(SHARP), Scene(SOFT), Scene(SOFT))
    assert lane.checks()[CheckName.FACE_QUALITY] == Result.SUCCESSFUL
    assert lane.worker._passage.middle is not None
    assert lane.worker._passage.middle.seen is not None
    assert lane.worker._passage.middle.seen.quality.advice is None
    assert lane.pack.compared[-1] == 0


def test_a_middle_frame_that_is_as_good_is_kept_and_costs_one_template() -> None:
    lane = Lane(Scene(SHARP), Scene(SHARP), Scene(SHARP))
    assert set(lane.checks().values()) == {Result.SUCCESSFUL}
    assert lane.pack.embedded == [1]


def test_one_frame_only_still_works() -> None:
    lane = Lane(Scene(SHARP), middle=0)
    assert set(lane.checks().values()) == {Result.SUCCESSFUL}
    assert lane.reply["inference_s"] > 0
    poor = Lane(Scene(BLURRED), middle=0).checks()
    assert (poor[CheckName.FACE_QUALITY], poor[CheckName.COMPARISON]) == (Result.UNDETERMINED, Result.SUCCESSFUL)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_another_face_in_any_frame_fails_single_face(place: int) -> None:
    scenes = [Scene(SHARP), Scene(SHARP), Scene(SHARP)]
    scenes[place] = Scene(SHARP, faces=(FACE, shifted(200)))
    lane = Lane(*scenes)
    assert lane.checks()[CheckName.SINGLE_FACE] == Result.FAILED
    assert lane.reason(CheckName.SINGLE_FACE) == "2 faces are in view."


def test_no_faces_in_other_frames_stand_in_for_none_in_the_middle_one() -> None:
    checks = Lane(Scene(SHARP), Scene(SHARP, faces=()), Scene(SHARP)).checks()
    assert checks[CheckName.SINGLE_FACE] == Result.UNDETERMINED
    assert {checks[name] for name in (CheckName.COMPARISON, CheckName.LIVENESS)} == {Result.NOT_PERFORMED}
    crowd = Scene(SHARP, faces=(FACE, shifted(200)))
    assert Lane(crowd, Scene(SHARP, faces=()), Scene(SHARP)).checks()[CheckName.SINGLE_FACE] == Result.FAILED


def test_a_frame_without_a_face_beside_the_middle_one_changes_nothing() -> None:
    lane = Lane(Scene(SHARP, faces=()), Scene(SHARP), Scene(SHARP, faces=()))
    assert set(lane.checks().values()) == {Result.SUCCESSFUL}
    assert lane.pack.compared == [1]


def test_a_face_elsewhere_is_not_compared_however_good() -> None:
    lane = Lane(Scene(SHARP, who=HOLDER, faces=(shifted(120),)), Scene(BLURRED, who=OTHER), Scene(BLURRED, who=OTHER))
    checks = lane.checks()
    assert (checks[CheckName.COMPARISON], checks[CheckName.FACE_QUALITY]) == (Result.FAILED, Result.UNDETERMINED)
    assert lane.pack.compared == [1]


@pytest.mark.parametrize("who", [HOLDER, OTHER])
def test_a_face_swapped_in_at_the_same_place_is_not_compared_nor_is_the_one_before_it(who: int) -> None:
    other = OTHER if who == HOLDER else HOLDER
    lane = Lane(Scene(SHARP, who=who), Scene(BLURRED, who=other), Scene(BLURRED, who=other))
    assert lane.checks()[CheckName.COMPARISON] == Result.NOT_PERFORMED
    assert lane.reason(CheckName.COMPARISON) == CHANGED
    assert lane.pack.compared == [0], "only with the middle one"


def test_without_a_template_of_the_middle_frame_nothing_is_compared() -> None:
    lane = Lane(Scene(SHARP), Scene(BLURRED, who=None), Scene(SHARP))
    assert lane.checks()[CheckName.COMPARISON] == Result.NOT_PERFORMED
    lane = Lane(Scene(SHARP, who=None), Scene(BLURRED), Scene(BLURRED))
    checks = lane.checks()
    assert (checks[CheckName.COMPARISON], checks[CheckName.FACE_QUALITY]) == (Result.SUCCESSFUL, Result.UNDETERMINED)


@pytest.mark.parametrize("allow", [False, True])
def test_a_mask_in_the_middle_frame_stays_a_mask(allow: bool) -> None:
    lane = Lane(Scene(SHARP), Scene(BLURRED, masked=True), Scene(SHARP), masks=True, allow=allow)
    assert lane.checks()[CheckName.FACE_QUALITY] == Result.UNDETERMINED
    assert lane.pack.embedded == [1]


@pytest.mark.parametrize("allow", [False, True])
def test_the_mask_of_a_better_frame_is_found_before_it_is_compared(allow: bool) -> None:
    lane = Lane(Scene(SHARP, masked=True), Scene(BLURRED), Scene(BLURRED), masks=True, allow=allow)
    assert lane.checks()[CheckName.FACE_QUALITY] == Result.UNDETERMINED
    assert lane.masks is not None
    assert (lane.masks.looks, lane.pack.embedded) == ([1, 0], [1])
    bare = Lane(Scene(SHARP), Scene(BLURRED), Scene(BLURRED), masks=True, allow=allow)
    assert set(bare.checks().values()) == {Result.SUCCESSFUL}
    assert bare.worker._passage.seen is not None
    assert bare.worker._passage.seen.quality.measurements[Measure.MOUTH_VISIBLE].value == pytest.approx(90)


def test_a_blink_in_the_middle_is_cured_by_eyes_that_are_open_only() -> None:
    lane = Lane(Scene(SHARP), Scene(SHARP, shut=True), Scene(SHARP, shut=True))
    assert set(lane.checks().values()) == {Result.SUCCESSFUL}
    assert (lane.mesh.looks, lane.pack.compared) == ([1, 0], [0, 0])
    lane = Lane(Scene(SHARP, shut=True), Scene(SHARP, shut=True), Scene(SHARP, shut=True))
    assert lane.checks()[CheckName.FACE_QUALITY] == Result.UNDETERMINED
    lane = Lane(Scene(SHARP, shut=True), Scene(SOFT), Scene(SOFT))
    assert lane.checks()[CheckName.FACE_QUALITY] == Result.SUCCESSFUL
    assert (lane.mesh.looks, lane.pack.compared) == ([1, 0], [1]), "a sharper one with its eyes shut is none"


def test_what_breaks_the_detector_in_a_further_frame_gives_no_checks() -> None:
    lane = Lane(Scene(SHARP), Scene(SHARP), Scene(np.zeros((4, 4), np.uint8)))
    with pytest.raises(ValueError, match="is \\(H, W, 3\\)"):
        lane.checks()


# --- when the frames are taken ------------------------------------------------------------------------------------


class Camera:
    """Delivers a frame once `ready` says so; tells `moved` of it."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self.stage, self.name, self.noise = stage, name, np.random.default_rng(5)

    def open(self) -> DeviceIdentity:
        return DeviceIdentity(self.name, "1", None, False)

    def read(self, timeout_s: float) -> Frame:
        stage = self.stage
        with stage.moved:
            assert stage.moved.wait_for(lambda: stage.may(self.name, dict(stage.taken)), 10), f"{self.name} hangs"
            number = stage.taken[self.name]
            stage.taken[self.name] += 1
            stage.moved.notify_all()
        shape = (20, 20, 3) if self.name == "camera.rgb" else (20, 20)
        return Frame(number, SystemClock().monotonic(), self.noise.integers(0, 255, shape, np.uint8))

    def set_exposure(self, gain: float) -> float:
        return gain

    def close(self) -> None:
        pass


class Stage:
    """Two cameras whose frames come in an order that `may` decides, from how many each has delivered."""

    def __init__(self) -> None:
        self.moved, self.taken = threading.Condition(), {"camera.rgb": 0, "camera.nir": 0}
        self.may: Callable[[str, dict[str, int]], bool] = lambda name, taken: True
        camera = {"kind": "rig", "reference": {"box": [0, 0, 4, 4], "reflectance": 0.5, "width_mm": 27}}
        config = CamerasConfig.model_validate({"rgb": camera, "nir": camera})
        self.cameras = Cameras(config, "fake_stage", SystemClock())
        self.seen: list[tuple[int, bool]] = []
        self.at_middle: Callable[[], object] = lambda: None

    def burst(self, *, face: bool) -> Shots:
        def look(frame: Frame, middle: bool) -> None:
            self.seen.append((frame.sequence, middle))
            if middle:
                self.at_middle()

        return self.cameras.burst({"nir": 6}, 0.0, look if face else None)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made, fakes = Stage(), ModuleType("fake_stage")
    fakes.camera = lambda device, options: Camera(made, device)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_stage", fakes)
    made.cameras.open()
    yield made
    made.cameras.end()


def test_three_visible_frames_come_before_the_last_of_the_others(stage: Stage) -> None:
    least = {1: 1, 3: 2, 4: 3}

    def may(name: str, taken: dict[str, int]) -> bool:
        # Deadlocks unless each visible frame is asked for at the latest when its share of the others is there.
        return name == "camera.rgb" or taken["camera.rgb"] >= least.get(taken["camera.nir"], 0)

    stage.may = may
    shots = stage.burst(face=True)
    assert stage.seen == [(0, False), (1, True), (2, False)]
    assert shots.rgb is not None
    assert (shots.rgb.sequence, len(shots.frames["nir"])) == (1, 6)


def test_no_further_frame_is_waited_for_once_the_others_are_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, others = stage.cameras._readers.submit, threading.Event()

    def submitted(work: Callable[..., Any], *camera: Any) -> Any:
        def done() -> Any:
            try:
                return work(*camera)
            finally:
                if camera:
                    others.set()

        return submit(done)

    monkeypatch.setattr(stage.cameras._readers, "submit", submitted)
    stage.at_middle = lambda: others.wait(10)
    shots = stage.burst(face=True)
    (middle,) = [number for number, is_middle in stage.seen if is_middle]
    assert stage.seen[-1] == (middle, True), "none after it"
    assert shots.rgb is not None
    assert shots.rgb.sequence == middle


def test_a_burst_without_a_face_takes_the_middle_frame_only(stage: Stage) -> None:
    shots = stage.burst(face=False)
    assert shots.rgb is not None
    assert (stage.taken["camera.rgb"], shots.rgb.sequence) == (1, 0)
