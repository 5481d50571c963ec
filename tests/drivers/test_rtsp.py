"""Network cameras: the contract on a camera on a loopback port, its faults, what must not leak, what must not hang.

A real camera joins when the file given by `--bench` names it as camera.rtsp.
"""

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.camera import rtsp
from drivers.camera.fresh import FreshCamera
from drivers.camera.rtsp import RtspCamera
from drivers.errors import DeviceRefused, Disconnected, DriverError, NoResponse, RemoteProtocolError, StaleFrame
from drivers.ports import Camera, Frame
from hil.contracts.camera import CameraContract
from hil.emulator.rtsp_server import Access, Fault, RtspServer
from hil.emulator.v4l2_device import coarse_noise

WIDTH, HEIGHT = SIZE = (320, 240)
USER, PASSWORD, WRONG = "guard", "se/cr:et@1%", "wrong-one"
PACE_S = 0.02
BLOCKS = 16


def numbered(number: int) -> NDArray[np.uint8]:
    """A picture that says its number in binary, one column of light or dark for each digit."""
    digits = np.array([255 * (number >> digit & 1) for digit in range(BLOCKS)], np.uint8)
    row = np.repeat(digits, WIDTH // BLOCKS)
    return np.repeat(np.broadcast_to(row, (HEIGHT, WIDTH))[:, :, None], 3, axis=2)


def number_in(image: NDArray[np.uint8]) -> int:
    """The number `numbered` has put into a picture."""
    columns = image.reshape(HEIGHT, BLOCKS, WIDTH // BLOCKS, 3).mean(axis=(0, 2, 3))
    return sum(1 << digit for digit in range(BLOCKS) if columns[digit] > 127)


class Stage:
    """A camera that sends 50 pictures a second, which say their number."""

    def __init__(self, *, draw: Callable[[int], NDArray[np.uint8]] = numbered, **options: Any) -> None:
        self.server = RtspServer(**{"size": SIZE, **options})
        self.sent_at: dict[int, float] = {}
        self._draw = draw
        self._ended = threading.Event()
        self._sent = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(PACE_S):
            image = self._draw(number)
            self.sent_at[number] = time.monotonic()
            if self.server.expose(image):
                number += 1
                with self._sent:
                    self._sent.notify_all()

    def sends(self, count: int) -> None:
        """Wait until it has sent so many more pictures."""
        goal = len(self.sent_at) + count
        with self._sent:
            assert self._sent.wait_for(lambda: len(self.sent_at) >= goal, 10.0)

    def expose(self, count: int) -> None:
        """It runs by itself."""

    def silence(self) -> None:
        self.server.fault = Fault.SILENT

    def unplug(self) -> None:
        self.server.unplug()

    def plug(self) -> None:
        self.server.plug()

    def end(self) -> None:
        self._ended.set()
        self.server.fault = Fault.NONE
        self.server.unplug()
        self._thread.join()
        self.server.close()


@contextlib.contextmanager
def staged(**options: Any) -> Iterator[Stage]:
    made = Stage(**options)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as made:
        yield made


@contextlib.contextmanager
def watching(stage: Stage, **options: Any) -> Iterator[RtspCamera]:
    camera = RtspCamera("camera", stage.server.url, **options)
    camera.open()
    try:
        yield camera
    finally:
        camera.close()


def drained(camera: Camera, within_s: float) -> float:
    """Read until the camera says what is wrong; the seconds that took when it does not say so itself."""
    begun = time.monotonic()
    while time.monotonic() - begun < within_s:
        with contextlib.suppress(NoResponse):
            camera.read(0.2)
    raise AssertionError("nothing was told in time")


class TestRtsp(CameraContract):
    device = "camera.rtsp"
    silent = (NoResponse, Disconnected)

    def make(self, request: pytest.FixtureRequest) -> tuple[Camera, Stage]:
        stage: Stage = request.getfixturevalue("noisy")
        return RtspCamera("camera", stage.server.url), stage

    @pytest.fixture
    def noisy(self) -> Iterator[Stage]:
        with staged(draw=lambda number: coarse_noise(number, *SIZE)) as made:
            yield made

    def real(self, options: dict[str, Any]) -> Camera:
        return RtspCamera("camera", **options)


# --- pictures ---------------------------------------------------------------------------------------------------


def test_the_pictures_are_those_that_were_sent_in_their_order(stage: Stage) -> None:
    with watching(stage) as camera:
        frames = [camera.read(2.0) for _ in range(10)]
    shown = [number_in(frame.image) for frame in frames]
    assert shown == list(range(shown[0], shown[0] + 10))
    assert [frame.sequence for frame in frames] == list(range(10))
    for number, frame in zip(shown, frames, strict=True):
        assert np.abs(numbered(number).astype(int) - frame.image).mean() < 3
        assert stage.sent_at[number] <= frame.stamp
    assert not RtspCamera.decides


def test_colours_are_in_the_order_of_the_port() -> None:
    blue = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    blue[..., 0] = 255
    with staged(draw=lambda _: blue) as stage, watching(stage) as camera:
        b, g, r = camera.read(2.0).image.mean(axis=(0, 1))
    assert b > 240
    assert max(g, r) < 15


def test_who_reads_late_gets_the_newest(stage: Stage) -> None:
    with watching(stage) as camera:
        first = number_in(camera.read(2.0).image)
        stage.sends(30)
        called = time.monotonic()
        frame = camera.read(2.0)
    assert number_in(frame.image) > first + 15
    assert called - frame.stamp < 0.3


def test_the_first_picture_after_opening_is_no_old_one(stage: Stage) -> None:
    """FFmpeg keeps what it needed to understand the stream; shown late, it would carry the stamp of a new one."""
    with watching(stage) as camera:
        frames = [camera.read(2.0) for _ in range(5)]
    ages = [frame.stamp - stage.sent_at[number_in(frame.image)] for frame in frames]
    assert max(ages) < 0.2


def test_latency_on_the_loopback(stage: Stage) -> None:
    """From before the picture is encoded until it is read. `-s` prints it."""
    with watching(stage) as camera:
        for _ in range(10):
            camera.read(2.0)
        taken = []
        for _ in range(100):
            number = number_in(camera.read(2.0).image)
            taken.append(1000 * (time.monotonic() - stage.sent_at[number]))
    print(f"\nlatency: median {statistics.median(taken):.1f} ms, max {max(taken):.1f} ms, n = {len(taken)}")
    assert statistics.median(taken) < 100


# --- faults of the stream ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("silence_s", "most"), [(1.0, 1.0), (0.4, 0.5)])
def test_silence_ends_the_stream_within_the_time_that_was_set(stage: Stage, silence_s: float, most: float) -> None:
    with watching(stage, silence_s=silence_s) as camera:
        camera.read(2.0)
        stage.silence()
        begun = time.monotonic()
        with pytest.raises(Disconnected, match=r"no picture for 0\.\d s"):
            drained(camera, 3.0)
        assert silence_s / 2 < time.monotonic() - begun < most + 0.3
        with pytest.raises(Disconnected):
            camera.read(0.1)


def test_a_read_may_be_shorter_than_the_silence(stage: Stage) -> None:
    with watching(stage, silence_s=5.0) as camera:
        camera.read(2.0)
        stage.silence()
        with contextlib.suppress(NoResponse):
            while True:  # until what was under way has come
                camera.read(0.2)
        told: list[type[Exception]] = []
        for _ in range(8):
            try:
                camera.read(0.05)
            except DriverError as error:
                told.append(type(error))
        assert len(told) >= 4
        assert set(told) == {NoResponse}
        stage.server.fault = Fault.NONE
        camera.read(2.0)


def test_a_cut_connection_is_told_within_a_second_and_opened_again(stage: Stage) -> None:
    with watching(stage) as camera:
        last = camera.read(2.0)
        begun = time.monotonic()
        stage.unplug()
        with pytest.raises(Disconnected, match="hung up"):
            drained(camera, 2.0)
        assert time.monotonic() - begun < 1.0
        stage.plug()
        camera.open()
        again = camera.read(2.0)
        assert again.sequence == 0
        assert number_in(again.image) > number_in(last.image)


@pytest.mark.parametrize("fault", [Fault.GARBAGE, Fault.REPEATED])
def test_what_is_no_new_picture_counts_as_silence(stage: Stage, fault: Fault) -> None:
    with watching(stage) as camera:
        camera.read(2.0)
        stage.server.fault = fault
        begun = time.monotonic()
        with pytest.raises(Disconnected):
            drained(camera, 3.0)
        assert time.monotonic() - begun < 1.3


def test_a_repeated_picture_is_dropped(stage: Stage) -> None:
    with watching(stage, silence_s=5.0) as camera:
        frames = [camera.read(2.0)]
        stage.server.fault = Fault.REPEATED
        stage.sends(10)
        stage.server.fault = Fault.NONE
        frames += [camera.read(2.0) for _ in range(20)]
    gaps = np.diff([number_in(frame.image) for frame in frames])
    assert max(gaps) >= 5
    assert [frame.sequence for frame in frames] == list(range(21))


def test_a_time_that_goes_backwards_ends_the_stream(stage: Stage) -> None:
    with watching(stage) as camera:
        camera.read(2.0)
        stage.server.fault = Fault.BACKWARDS
        with pytest.raises(RemoteProtocolError, match=r"went back by (9|10)\.\d+ s"):
            drained(camera, 2.0)


def test_a_frozen_picture_is_what_fresh_is_for(stage: Stage) -> None:
    fresh = FreshCamera(RtspCamera("camera", stage.server.url), time.monotonic)
    fresh.open()
    try:
        fresh.read(2.0)
        stage.server.fault = Fault.FROZEN
        with pytest.raises(StaleFrame, match="is the picture of frame"):
            drained(fresh, 2.0)
    finally:
        fresh.close()


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 200 OK\r\n\r\n" * 50, os.urandom(5000), b"$\0\xff\xff" + bytes(70_000)])
def test_a_burst_of_garbage_ends_in_an_error_or_is_passed_over(stage: Stage, garbage: bytes) -> None:
    with watching(stage) as camera:
        camera.read(2.0)
        stage.server.send(garbage)
        seen: list[Frame] = []
        with contextlib.suppress(Disconnected, RemoteProtocolError):
            seen.extend(camera.read(2.0) for _ in range(20))
        assert {frame.image.shape for frame in seen} <= {(HEIGHT, WIDTH, 3)}


def test_too_many_pixels_are_refused(stage: Stage) -> None:
    with pytest.raises(DeviceRefused, match="320 x 240, 76799 pixels are the most"):
        RtspCamera("camera", stage.server.url, largest_px=WIDTH * HEIGHT - 1).open()
    with watching(stage, largest_px=WIDTH * HEIGHT) as camera:
        camera.read(2.0)
        stage.server.size = (640, 480)
        with pytest.raises(RemoteProtocolError, match="more than 76800 pixels"):
            drained(camera, 2.0)


def test_no_thread_is_left(stage: Stage) -> None:
    before = set(threading.enumerate())
    camera = RtspCamera("camera", stage.server.url)
    for _ in range(2):
        camera.open()
        assert len(set(threading.enumerate()) - before) == 1
    stage.silence()
    camera.close()
    assert set(threading.enumerate()) == before


# --- opening ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault.ENDLESS, "user and password right"),
        (Fault.REFUSES, "user and password right"),
        (Fault.SILENT, "sends no picture"),
        (Fault.GARBAGE, "sends no picture"),
    ],
)
def test_a_camera_that_cannot_be_opened_is_told_in_time(
    stage: Stage, fault: Fault, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtsp, "OPEN_MS", 1000)
    stage.server.fault = fault
    begun = time.monotonic()
    with pytest.raises(Disconnected, match=message):
        RtspCamera("camera", stage.server.url).open()
    # Connecting, then the first picture, have a time of their own each.
    assert time.monotonic() - begun < 1.0 + 0.9 + 0.5
    stage.server.fault = Fault.NONE
    stage.server.unplug()
    stage.server.plug()
    with watching(stage) as camera:
        camera.read(2.0)


def test_nobody_there() -> None:
    with pytest.raises(Disconnected, match="cannot be opened"):
        RtspCamera("camera", "rtsp://127.0.0.1:9/none").open()


@pytest.mark.parametrize("scheme", ["Basic", "Digest"])
def test_user_and_password_open_it_and_are_shown_nowhere(scheme: str, capfd: pytest.CaptureFixture[str]) -> None:
    with staged(access=Access(USER, PASSWORD, scheme)) as stage:
        url = stage.server.url + "?key=hidden"
        camera = RtspCamera("camera", url, user=USER, password=PASSWORD)
        told = camera.open()
        camera.read(2.0)
        stage.unplug()
        with pytest.raises(DriverError) as cut:
            drained(camera, 2.0)
        camera.close()
        stage.plug()
        wrong = RtspCamera("camera", url, user=USER, password=WRONG)
        with pytest.raises(Disconnected, match="user and password right") as caught:
            wrong.open()
        chain = (caught.value.__cause__, caught.value.__context__)
        shown = f"{told} {camera!r} {cut.value!r} {caught.value!r} {chain} {capfd.readouterr()}"
        assert "127.0.0.1:" in shown
        for secret in (PASSWORD, "se%2Fcr", WRONG, USER, "hidden", "Basic "):
            assert secret not in shown


@pytest.mark.parametrize(
    "asked", [{"OPENCV_VIDEOIO_DEBUG": "1"}, {"OPENCV_LOG_LEVEL": "VERBOSE"}, {"OPENCV_FFMPEG_DEBUG": "1"}]
)
def test_not_even_a_debugging_process_prints_the_password(asked: dict[str, str]) -> None:
    program = (
        "import sys; from drivers.camera.rtsp import RtspCamera\n"
        "camera = RtspCamera('c', sys.argv[1], user='guard', password='SECRET')\n"
        "print(camera.open()); camera.read(2.0); camera.close()\n"
    )
    with staged(access=Access("guard", "SECRET", "Basic")) as stage:
        done = subprocess.run(
            [sys.executable, "-c", program, stage.server.url],
            env={**os.environ, "OPENCV_FFMPEG_LOGLEVEL": "-8", **asked},
            capture_output=True,
            text=True,
            timeout=15,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "DeviceIdentity" in done.stdout
    for secret in ("SECRET", "guard", "Basic "):
        assert secret not in done.stdout + done.stderr


def test_ffmpeg_told_to_print_what_it_sends_gets_no_password(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCV_FFMPEG_LOGLEVEL", "56")
    with pytest.raises(DeviceRefused, match="OPENCV_FFMPEG_LOGLEVEL"):
        RtspCamera("camera", stage.server.url, user=USER, password=PASSWORD).open()
    assert stage.server.requests == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://camera/1", "rtsp://"),
        ("file:///tmp/face.avi", "rtsp://"),
        ("/dev/video0", "rtsp://"),
        ("concat:rtsp://camera/1", "rtsp://"),
        ("rtsp://", "rtsp://"),
        ("rtsp://[camera/1", "rtsp://"),
        ("rtsp://camera:99999/1", "rtsp://"),
        ("rtsp://a:hidden@camera/1", "apart from the address"),
        ("rtsp://a:hid/den@camera/1", "rtsp://host"),
        ("rtsp://a:12/hidden@camera/1", "apart from the address"),
        ("rtsp://camera/1\r\nX: 1", "printable"),
        ("rtsp://camera/1 2", "printable"),
    ],
)
def test_addresses_that_are_no_camera(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        RtspCamera("camera", url)
    assert "hid" not in repr(caught.value.__context__) + str(caught.value).replace("which hide", "")


@pytest.mark.parametrize(
    "options", [{"password": "x"}, {"user": "a\r\nb"}, {"silence_s": 0.0}, {"silence_s": float("nan")}]
)
def test_settings_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"printable|seconds are taken"):
        RtspCamera("camera", "rtsp://camera/1", **options)


def test_the_server_outlives_hostile_clients(stage: Stage) -> None:
    port = int(stage.server.url.split(":")[2].split("/")[0])
    for hostile in (b"\xff" * 20_000, b"GET / HTTP/1.1\r\n\r\n", b"$\0\xff\xff", b""):
        with socket.create_connection(("127.0.0.1", port), 5.0) as client:
            client.settimeout(5.0)
            # It may have hung up before the last byte.
            with contextlib.suppress(OSError):
                client.sendall(hostile)
                client.shutdown(socket.SHUT_WR)
                answer = client.recv(100)
                assert answer[:12] in (b"", b"RTSP/1.0 400")
    with watching(stage) as camera:
        camera.read(2.0)
