"""Cameras: the contract on OpenCV's own decoder in place of V4L2, the device-node rule, freshness.

A real camera joins when SALLYPORT_CAMERA names its device node. The rig's simulated camera has its own tests.
"""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera.fresh import FreshCamera
from drivers.camera.opencv import OpenCvCamera
from drivers.errors import DeviceRefused, Disconnected, NoResponse, StaleFrame
from drivers.ports import Camera, DeviceIdentity, Frame

WIDTH, HEIGHT = 64, 48
REAL = os.environ.get("SALLYPORT_CAMERA")
KINDS = ["opencv", "fresh opencv", *(["real"] if REAL else [])]


class FileCamera(OpenCvCamera):
    """OpenCV on a recording, paced by the test: what the production class refuses to open."""

    paced: threading.Semaphore | None = None

    def _check_path(self) -> None:
        return

    def _capture(self) -> cv2.VideoCapture:
        return Paced(str(self._path), self.paced)  # type: ignore[return-value]


class Paced:
    """A recording that gives one frame per permit, as a sensor gives one per exposure."""

    def __init__(self, path: str, permits: threading.Semaphore | None) -> None:
        self._file = cv2.VideoCapture(path, cv2.CAP_OPENCV_MJPEG)
        self._permits = permits
        self.isOpened, self.get = self._file.isOpened, self._file.get
        self.set, self.release = self._file.set, self._file.release

    def read(self) -> tuple[bool, object]:
        if self._permits is not None:
            self._permits.acquire(timeout=0.3)
        return self._file.read()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "frames.avi"
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter.fourcc(*"MJPG"), 30, (WIDTH, HEIGHT))
    chance = np.random.default_rng(1)
    for _ in range(12):
        writer.write(chance.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    writer.release()
    return path


def file_camera(path: Path, permits: threading.Semaphore | None = None) -> FileCamera:
    camera = FileCamera("camera", str(path), width=WIDTH, height=HEIGHT, fps=30)
    camera.paced = permits
    return camera


@pytest.fixture(params=KINDS)
def camera(request: pytest.FixtureRequest, recording: Path) -> Iterator[Camera]:
    permits = threading.Semaphore(4)
    made: Camera
    if request.param == "real":
        made = OpenCvCamera("camera", str(REAL), width=640, height=480, fps=30)
    else:
        made = file_camera(recording, permits)
    if request.param == "fresh opencv":
        made = FreshCamera(made, time.monotonic)
    yield made
    permits.release(20)
    made.close()


def test_frames_count_up_and_move_forward_in_time(camera: Camera) -> None:
    assert not camera.open().verified_on_hardware
    frames = [camera.read(2.0) for _ in range(4)]
    assert [frame.sequence for frame in frames] == [0, 1, 2, 3]
    stamps = [frame.stamp for frame in frames]
    assert stamps == sorted(set(stamps))
    assert all(frame.image.dtype == np.uint8 and frame.image.ndim in (2, 3) for frame in frames)


def test_closing_twice_and_reading_closed(camera: Camera) -> None:
    camera.open()
    for _ in range(4):
        camera.read(2.0)
    camera.close()
    camera.close()
    with pytest.raises(Disconnected, match="not open"):
        camera.read(0.1)


def test_silent_camera_is_no_response_within_the_time(recording: Path) -> None:
    permits = threading.Semaphore(1)
    camera = file_camera(recording, permits)
    camera.open()
    camera.read(2.0)
    with pytest.raises(NoResponse, match="no new frame"):
        camera.read(0.05)
    permits.release(20)
    camera.close()


def test_slow_reader_gets_the_newest_frames_and_the_end_is_a_disconnect(recording: Path) -> None:
    camera = file_camera(recording)
    camera.open()
    camera._thread.join(5)  # type: ignore[union-attr]
    assert [camera.read(2.0).sequence for _ in range(4)] == [8, 9, 10, 11]
    for _ in range(2):
        with pytest.raises(Disconnected, match="stopped giving frames"):
            camera.read(2.0)
    camera.close()


def test_unplug_is_seen_although_opencv_goes_on(recording: Path) -> None:
    permits = threading.Semaphore(1)
    camera = file_camera(recording, permits)
    camera.open()
    camera.read(2.0)
    recording.unlink()
    permits.release()
    with pytest.raises(Disconnected, match="unplugged"):
        camera.read(2.0)
    camera.close()


def test_a_frame_with_the_stamp_of_the_last_is_not_a_new_frame(recording: Path) -> None:
    camera = FileCamera("camera", str(recording), width=WIDTH, height=HEIGHT, fps=30, monotonic=lambda: 50.0)
    camera.open()
    assert camera.read(2.0).stamp == 50.0
    with pytest.raises(Disconnected, match="stopped"):
        camera.read(2.0)
    camera.close()


def test_other_size_than_asked_for(recording: Path) -> None:
    camera = FileCamera("camera", str(recording), width=1280, height=720, fps=30)
    with pytest.raises(DeviceRefused, match="asked for 1280x720, gives 64x48"):
        camera.open()


def test_missing_camera() -> None:
    with pytest.raises(Disconnected, match="does not exist; plug the camera in"):
        OpenCvCamera("camera", "/dev/video-none", width=640, height=480, fps=30).open()


def test_node_that_is_no_camera() -> None:
    with pytest.raises(Disconnected, match="cannot be opened as a camera"):
        OpenCvCamera("camera", "/dev/null", width=640, height=480, fps=30).open()


@pytest.mark.parametrize("path", ["face.avi", "/tmp/face.avi", "http://host/face", "/dev/../tmp/face.avi", "0", ""])
def test_recordings_are_no_cameras(path: str) -> None:
    with pytest.raises(ValueError, match="a recording is no camera"):
        OpenCvCamera("camera", path, width=640, height=480, fps=30)


# --- exposure ----------------------------------------------------------------------------------------------------


class Settable(FileCamera):
    """A recording whose exposure can be set; `asked` are the values of V4L2, `refuses` the ones not taken."""

    def __init__(self, path: Path, permits: threading.Semaphore, exposure_us: int | None) -> None:
        super().__init__("camera", str(path), width=WIDTH, height=HEIGHT, fps=30, exposure_us=exposure_us)
        self.paced, self.asked, self.refuses = permits, list[tuple[int, float]](), set[float]()

    def _capture(self) -> cv2.VideoCapture:
        made = super()._capture()

        def put(name: int, value: float) -> bool:
            self.asked.append((name, value))
            return value not in self.refuses

        made.set = put  # type: ignore[method-assign]
        return made


def test_exposure_is_set_by_hand_and_shortened_between_two_frames(recording: Path) -> None:
    permits = threading.Semaphore(1)
    camera = Settable(recording, permits, exposure_us=4000)
    camera.open()
    camera.read(2.0)
    assert (cv2.CAP_PROP_AUTO_EXPOSURE, 1) in camera.asked
    assert (cv2.CAP_PROP_EXPOSURE, 40) in camera.asked
    assert [camera.set_exposure(gain) for gain in (0.5, 2.0, 0.001, 0.26)] == [0.5, 1.0, 0.025, 0.25]
    permits.release(3)
    for _ in range(3):
        camera.read(2.0)
    assert camera.asked[-1] == (cv2.CAP_PROP_EXPOSURE, 10)
    permits.release(20)
    camera.close()


def test_a_camera_that_does_not_take_its_exposure_is_refused(recording: Path) -> None:
    permits = threading.Semaphore(1)
    camera = Settable(recording, permits, exposure_us=4000)
    camera.refuses = {40}
    with pytest.raises(DeviceRefused, match="exposure of 4000 us"):
        camera.open()
    camera.refuses = {20}
    camera.open()
    camera.read(2.0)
    assert camera.set_exposure(0.5) == 0.5
    permits.release(2)
    camera._thread.join(5)  # type: ignore[union-attr]
    while camera._frames:
        camera.read(2.0)
    with pytest.raises(DeviceRefused, match="exposure of 2000 us"):
        camera.read(2.0)
    camera.close()


def test_a_fixed_exposure_stays_what_it_is(recording: Path) -> None:
    camera = Settable(recording, threading.Semaphore(1), exposure_us=None)
    camera.open()
    assert camera.set_exposure(0.25) == 1.0
    assert all(name != cv2.CAP_PROP_EXPOSURE for name, _ in camera.asked)
    camera.close()
    assert FreshCamera(Scripted(), lambda: 0.0).set_exposure(0.5) == 0.25


# --- freshness ---------------------------------------------------------------------------------------------------


class Scripted:
    """A camera that gives what the test put in."""

    def __init__(self, *frames: Frame) -> None:
        self.frames = list(frames)
        self.opened = 0

    def open(self) -> DeviceIdentity:
        self.opened += 1
        return DeviceIdentity("scripted", "1", None, verified_on_hardware=False)

    def read(self, timeout_s: float) -> Frame:
        if not self.frames:
            raise NoResponse("camera", "nothing left")
        return self.frames.pop(0)

    def set_exposure(self, gain: float) -> float:
        return gain / 2

    def close(self) -> None:
        self.opened -= 1


def picture(seed: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).integers(0, 255, (20, 20, 3), dtype=np.uint8)


def test_fresh_frames_pass_untouched() -> None:
    frames = [Frame(number, 10.0 + number / 30, picture(number)) for number in range(3)]
    camera = FreshCamera(Scripted(*frames), lambda: 10.1)
    assert [camera.read(1.0) for _ in range(3)] == frames


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        (Frame(1, 9.79, picture(2)), "0.310 s old"),
        (Frame(1, 10.2, picture(2)), "in the future"),
        (Frame(0, 10.05, picture(2)), "came after 0"),
        (Frame(1, 10.0, picture(2)), "not later"),
        (Frame(1, 10.05, picture(1)), "is the picture of frame 0"),
    ],
)
def test_frames_that_are_not_fresh(second: Frame, complaint: str) -> None:
    good = Frame(2, 10.08, picture(3))
    camera = FreshCamera(Scripted(Frame(0, 10.0, picture(1)), second, good), lambda: 10.1)
    camera.read(1.0)
    with pytest.raises(StaleFrame, match=complaint):
        camera.read(1.0)
    assert camera.read(1.0) is good


def test_two_black_frames_are_no_repetition_but_two_nearly_black_ones_are() -> None:
    black = np.zeros((20, 20), np.uint8)
    noisy = black.copy()
    noisy[15, 3] = 1
    frames = [Frame(number, 10.0 + number / 100, image) for number, image in enumerate([black, black, noisy, noisy])]
    camera = FreshCamera(Scripted(*frames), lambda: 10.1)
    for _ in range(3):
        camera.read(1.0)
    with pytest.raises(StaleFrame, match="picture of frame 2"):
        camera.read(1.0)


def test_age_limit_is_a_setting_and_reopening_forgets() -> None:
    first = Frame(5, 10.0, picture(1))
    inner = Scripted(first, first)
    camera = FreshCamera(inner, lambda: 10.5, max_age_s=1.0)
    camera.read(1.0)
    camera.close()
    camera.open()
    assert camera.read(1.0) is first
    with pytest.raises(NoResponse):
        camera.read(1.0)
