"""Network cameras: the contract on a camera on a loopback port, what must not leak, what must not hang."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from drivers.camera.rtsp import RtspCamera
from drivers.errors import Disconnected, NoResponse
from drivers.ports import Camera
from hil.contracts.camera import CameraContract
from hil.emulator.rtp_jpeg import packets, picture
from hil.emulator.rtsp_camera import RtspCameraServer
from hil.emulator.v4l2_device import coarse_noise

SIZE = (320, 240)
PASSWORD = "se/cr:et@1"


class Stage:
    """A camera that sends 25 pictures a second."""

    def __init__(self, **options: Any) -> None:
        self.server = RtspCameraServer(size=SIZE, **options)
        self.sent = 0
        self._silent = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.04):
            if not self._silent.is_set() and self.server.expose(coarse_noise(self.sent, *SIZE)):
                self.sent += 1

    def expose(self, count: int) -> None:
        """It runs by itself."""

    def silence(self) -> None:
        self._silent.set()

    def unplug(self) -> None:
        self.server.unplug()

    def plug(self) -> None:
        self.server.plug()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self.server.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.end()


class TestRtsp(CameraContract):
    device = "camera.rtsp"
    silent = (NoResponse, Disconnected)

    def make(self, request: pytest.FixtureRequest) -> tuple[Camera, Stage]:
        stage: Stage = request.getfixturevalue("stage")
        return RtspCamera("camera", stage.server.url), stage

    def real(self, options: dict[str, Any]) -> Camera:
        return RtspCamera("camera", **options)


def test_the_pictures_are_those_that_were_sent_in_their_order(stage: Stage) -> None:
    camera = RtspCamera("camera", stage.server.url)
    camera.open()
    try:
        frames = [camera.read(2.0) for _ in range(5)]
    finally:
        camera.close()
    sent = [coarse_noise(number, *SIZE).astype(int) for number in range(stage.sent)]
    shown = [int(np.argmin([np.abs(one - frame.image).mean() for one in sent])) for frame in frames]
    assert all(np.abs(sent[number] - frame.image).mean() < 15 for number, frame in zip(shown, frames, strict=True))
    assert shown == list(range(shown[0], shown[0] + 5))
    assert not camera.decides


def test_who_reads_late_gets_the_newest(stage: Stage) -> None:
    camera = RtspCamera("camera", stage.server.url)
    camera.open()
    try:
        camera.read(2.0)
        threading.Event().wait(0.6)
        assert camera.read(2.0).sequence > 5
    finally:
        camera.close()


def test_user_and_password_open_it_and_are_shown_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    stage = Stage(user="guard", password=PASSWORD)
    try:
        camera = RtspCamera("camera", stage.server.url, user="guard", password=PASSWORD)
        told = camera.open()
        camera.read(2.0)
        camera.close()
        wrong = RtspCamera("camera", stage.server.url, user="guard", password="wrong-one")
        with pytest.raises(Disconnected, match="user and password right") as caught:
            wrong.open()
        shown = f"{told} {camera!r} {caught.value} {capfd.readouterr()}"
        for secret in (PASSWORD, "se%2Fcr", "wrong-one", "guard:"):
            assert secret not in shown
    finally:
        stage.end()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://camera/1", "rtsp://"),
        ("file:///tmp/face.avi", "rtsp://"),
        ("/dev/video0", "rtsp://"),
        ("rtsp://", "rtsp://"),
        ("rtsp://a:b@camera/1", "apart from the address"),
    ],
)
def test_addresses_that_are_no_camera(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RtspCamera("camera", url)


def test_nobody_there() -> None:
    with pytest.raises(Disconnected, match="cannot be opened"):
        RtspCamera("camera", "rtsp://127.0.0.1:9/none").open()


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 200 OK\r\n\r\n" * 50, os.urandom(5000), b"$\0\xff\xff" + bytes(70_000)])
def test_garbage_on_the_line_ends_in_an_error_or_is_passed_over(stage: Stage, garbage: bytes) -> None:
    camera = RtspCamera("camera", stage.server.url)
    camera.open()
    try:
        camera.read(2.0)
        stage.server.send(garbage)
        for _ in range(8):
            try:
                assert camera.read(2.0).image.shape == (240, 320, 3)
            except Disconnected:
                break
    finally:
        camera.close()


def test_packets_are_those_of_the_standard() -> None:
    image = coarse_noise(3, 64, 48)
    jpeg = picture(image)
    parts = packets(jpeg, width=64, height=48, sequence=65535, stamp=90_000)
    assert [int.from_bytes(part[2:4], "big") for part in parts] == [(65535 + n) & 0xFFFF for n in range(len(parts))]
    first = parts[0]
    assert first[0] == 0x80
    assert first[1] & 0x7F == 26
    assert int.from_bytes(first[4:8], "big") == 90_000
    assert first[12:20] == bytes((0, 0, 0, 0, 1, 255, 8, 6))
    assert first[20:24] == bytes((0, 0, 0, 128)), "two quantisation tables of 64"
    assert [bool(part[1] & 0x80) for part in parts] == [False] * (len(parts) - 1) + [True]
    with pytest.raises(ValueError, match="multiples of 16"):
        picture(np.zeros((50, 64, 3), np.uint8))
