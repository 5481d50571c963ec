"""Only fresh frames pass, whatever the camera."""

from typing import Any

import numpy as np
import pytest

from drivers.camera.fresh import FreshCamera
from drivers.errors import NoResponse, RemoteProtocolError, StaleFrame
from drivers.ports import DeviceIdentity, Frame


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


def picture(seed: int) -> np.ndarray[Any, Any]:
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


def test_the_exposure_is_the_cameras_own() -> None:
    assert FreshCamera(Scripted(), lambda: 0.0).set_exposure(0.5) == 0.25


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((0, 640, 3), np.uint8),
        np.zeros((16, 20_000), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640), np.uint16),
        np.zeros((2, 480, 640, 3), np.uint8),
        np.zeros(640, np.uint8),
    ],
    ids=["1x1", "empty", "20,000 wide", "alpha", "16 bits", "animated", "a line"],
)
def test_what_is_no_picture_is_the_cameras_failure(image: np.ndarray[Any, Any]) -> None:
    good = Frame(1, 10.05, picture(1))
    camera = FreshCamera(Scripted(Frame(0, 10.0, image), good), lambda: 10.1, device="camera.rgb")
    with pytest.raises(RemoteProtocolError, match=r"camera\.rgb: frame 0 is no picture"):
        camera.read(1.0)
    assert camera.read(1.0) is good
