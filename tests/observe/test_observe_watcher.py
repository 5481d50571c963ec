"""One camera's watch: what it tells, when it connects again, and what it never takes for a new picture."""

from collections.abc import Iterable

import cv2
import numpy as np
import pytest
from observe_stage import BARE, MASKED, NOBODY, Act, PictureJudge, ScriptedCamera, Waits, face, picture

from appliance.clock import ManualClock
from appliance.face.mask_detector import MaskFinding
from appliance.face.types import DetectedFace, Image
from appliance.observe.tracks import Votes
from appliance.observe.watcher import BACKOFF_S, FaceCovered, FaceGone, LinkLost, LinkUp, News, Watcher, picture_of
from drivers.errors import DeviceRefused, Disconnected, DriverError

GONE = Disconnected("hall", "has hung up")


class Watch:
    """A watcher with a scripted camera, run to the end of its scripts."""

    def __init__(self, *scripts: Iterable[Act] | DriverError, judge: object | None = None, **camera: object) -> None:
        self.clock = ManualClock()
        self.camera = ScriptedCamera(self.clock, list(scripts), **camera)  # type: ignore[arg-type]
        self.waits = Waits(self.clock, lambda: not self.camera.scripts and not self.camera._acts)
        self.told: list[News] = []
        self.watcher = Watcher(
            "hall",
            self.camera,
            judge or PictureJudge(),  # type: ignore[arg-type]
            self.clock,
            self.told.append,
            votes=Votes(hits=3, of=5, gone_s=1.0),
            rate=5.0,
            wait=self.waits,
        )
        self.watcher.run()

    def kinds(self) -> list[str]:
        return [type(one).__name__ for one in self.told]


def test_a_mask_is_told_with_a_still_and_its_end() -> None:
    watch = Watch([MASKED] * 6 + [NOBODY] * 6)
    up, covered, gone, over = watch.told
    assert up == LinkUp("hall")
    assert isinstance(covered, FaceCovered)
    assert (covered.camera, covered.raised.hits, covered.raised.of) == ("hall", 3, 3)
    assert covered.raised.score == pytest.approx(0.9)
    still = cv2.imdecode(np.frombuffer(covered.picture, np.uint8), cv2.IMREAD_COLOR)
    assert still is not None
    assert gone == FaceGone("hall", covered.raised.track, "out of sight")
    assert isinstance(over, LinkLost)


def test_bare_faces_and_nobody_tell_nothing_but_are_counted() -> None:
    watch = Watch([NOBODY, *[BARE] * 20])
    assert watch.kinds() == ["LinkUp", "LinkLost"]
    assert watch.watcher.faces == 1


def test_a_face_too_small_for_the_detectors_figures_is_not_judged() -> None:
    class Far(PictureJudge):
        def detect(self, image_bgr: Image) -> list[DetectedFace]:
            return [face(eyes=0.49)]

        def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
            raise AssertionError("19.6 pixels between the eyes are too few")

    watch = Watch([MASKED] * 10, judge=Far())
    assert watch.kinds() == ["LinkUp", "LinkLost"]
    assert watch.watcher.faces == 1


def test_a_lost_link_ends_what_is_in_view_before_it_is_told() -> None:
    watch = Watch([MASKED] * 4 + [GONE], [MASKED] * 4)
    assert watch.kinds() == [
        "LinkUp",
        "FaceCovered",
        "FaceGone",
        "LinkLost",
        "LinkUp",
        "FaceCovered",
        "FaceGone",
        "LinkLost",
    ]
    assert watch.told[2] == FaceGone("hall", 1, "link lost")
    assert watch.told[3] == LinkLost("hall", "has hung up")
    again = watch.told[5]
    assert isinstance(again, FaceCovered)
    assert again.raised.track == 2, "nobody is recognised: who is still there is new"


def test_it_connects_again_ever_more_slowly_and_begins_anew_after_a_picture() -> None:
    refused = DeviceRefused("hall", "too large")
    watch = Watch(*[refused] * 7, [NOBODY, GONE], GONE, [NOBODY])
    assert watch.waits.asked == [*BACKOFF_S, BACKOFF_S[-1], BACKOFF_S[-1], BACKOFF_S[0], BACKOFF_S[1], BACKOFF_S[0]]
    assert watch.camera.opened == watch.camera.closed == 10


def test_a_picture_that_stands_still_is_a_lost_link_and_is_judged_once() -> None:
    class Counting(PictureJudge):
        looks = 0

        def detect(self, image_bgr: Image) -> list[DetectedFace]:
            Counting.looks += 1
            return super().detect(image_bgr)

    watch = Watch([MASKED] * 25, judge=Counting(), same=True)
    assert watch.kinds() == ["LinkUp", "LinkLost"]
    assert Counting.looks == 1
    lost = watch.told[1]
    assert isinstance(lost, LinkLost)
    assert "frozen" in lost.problem


def test_silence_that_no_driver_tells_is_a_lost_link() -> None:
    watch = Watch([BARE, *[None] * 30])
    assert watch.kinds() == ["LinkUp", "LinkLost"]
    assert watch.watcher.judged_at == 0.25


def test_pictures_that_come_late_are_not_judged() -> None:
    watch = Watch([MASKED] * 30, age_s=1.5)
    assert watch.kinds() == ["LinkLost"]


def test_no_more_pictures_are_judged_than_was_asked_for() -> None:
    class Counting(PictureJudge):
        looks = 0

        def detect(self, image_bgr: Image) -> list[DetectedFace]:
            Counting.looks += 1
            return super().detect(image_bgr)

    Watch([BARE] * 100, judge=Counting(), period_s=0.0625)
    assert Counting.looks == 25


@pytest.mark.parametrize("broken", ["detect", "look"])
def test_a_bug_of_ours_ends_one_connection_and_not_the_watch(broken: str, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(PictureJudge):
        calls = 0

        def detect(self, image_bgr: Image) -> list[DetectedFace]:
            Broken.calls += 1
            if broken == "detect" and Broken.calls == 2:
                raise RuntimeError("bug")
            return super().detect(image_bgr)

        def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
            if broken == "look" and Broken.calls == 2:
                raise RuntimeError("bug")
            return super().look(image_bgr, face)

    watch = Watch([MASKED] * 5, [MASKED] * 5, judge=Broken())
    assert watch.kinds()[:3] == ["LinkUp", "LinkLost", "LinkUp"]
    assert "FaceCovered" in watch.kinds()
    assert watch.told[1] == LinkLost("hall", "the watch has failed; see the log")
    assert "the watch has failed" in caplog.text


@pytest.mark.parametrize(
    "box", [(500, 500, 600, 600), (-90, -90, -50, -50), (5, 5, 5, 5), (-1e9, -1e9, 1e9, 1e9), (float("nan"),) * 4]
)
def test_a_still_of_any_box_is_a_picture_or_nothing(box: tuple[float, float, float, float]) -> None:
    data = picture_of(picture(MASKED), box)
    assert data == b"" or cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None


def test_a_still_is_small() -> None:
    data = picture_of(np.zeros((2000, 3000, 3), np.uint8), (0, 0, 3000, 2000))
    still = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert still is not None
    assert max(still.shape) == 320
