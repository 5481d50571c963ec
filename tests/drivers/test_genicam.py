"""GenICam cameras: the contract on a GigE Vision fake of Aravis, rules on its fake in the process, pure parts alone.

Simulated. A real one joins by `--bench` (camera.genicam: {camera_id: ..., width: ..., height: ..., fps: ...}).
"""

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from drivers.camera.genicam import GenicamCamera, aravis
from drivers.camera.genicam.aravis import NoAravis
from drivers.camera.genicam.driver import _image, _Shape
from drivers.errors import (
    DeviceRefused,
    Disconnected,
    IdentityMismatch,
    NoResponse,
    RemoteProtocolError,
)
from drivers.ports import Camera
from hil.contracts.camera import CameraContract
from hil.emulator.genicam_camera import READY, camera_id

WIDTH, HEIGHT = 512, 256
LOSSY = "arv-fake-gv-camera-0.8"
_SERIALS = itertools.count(1)


def library() -> aravis.Aravis:
    try:
        found = aravis.load()
    except NoAravis as missing:
        pytest.skip(str(missing))
    found.call("enable_interface", "Fake")
    return found


# --- over the wire ------------------------------------------------------------------------------------------


class Stage:
    """A fake camera in a process of its own."""

    def __init__(self) -> None:
        self.serial_number = f"T{os.getpid()}-{next(_SERIALS)}"
        self._process: subprocess.Popen[str] | None = None
        self.plug()

    def plug(self) -> None:
        command = [sys.executable, "-m", "hil.emulator.genicam_camera", self.serial_number]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == READY

    def write(self, register: int, value: int) -> None:
        """Change a register of the camera behind its user's back."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{register:x} {value:x}\n")
        self._process.stdin.flush()

    def expose(self, count: int) -> None:
        """It runs by itself."""

    def silence(self) -> None:
        process = self._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        # Whoever closes a frozen one waits for its answers, so it thaws once the silence has been seen.
        self._thaw = threading.Timer(1.2, process.send_signal, (signal.SIGCONT,))
        self._thaw.start()

    def unplug(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdout is not None
            assert process.stdin is not None
            process.stdout.close()
            process.stdin.close()


class TestGenicam(CameraContract):
    device = "camera.genicam"
    silent = (NoResponse, Disconnected)

    def make(self, request: pytest.FixtureRequest) -> tuple[Camera, Stage]:
        library()
        stage = Stage()
        return GenicamCamera(
            "camera", camera_id(stage.serial_number), width=WIDTH, height=HEIGHT, fps=25, exposure_us=8000
        ), stage

    def real(self, options: dict[str, Any]) -> Camera:
        return GenicamCamera("camera", **{"width": 640, "height": 480, "fps": 30.0} | options)


@pytest.fixture
def lossy() -> Iterator[str]:
    """The id of a camera whose network loses every 200th packet, about every third picture."""
    library()
    program = shutil.which(LOSSY)
    if program is None:
        pytest.skip(f"no {LOSSY} to lose packets: apt-get install aravis-tools")
    serial_number = f"L{os.getpid()}-{next(_SERIALS)}"
    process = subprocess.Popen([program, "-i", "127.0.0.1", "-s", serial_number, "-r", "5"], stdout=subprocess.DEVNULL)
    wanted, deadline = camera_id(serial_number), time.monotonic() + 5
    try:
        while wanted not in aravis.load().devices():
            assert time.monotonic() < deadline, f"{LOSSY} does not answer; is another fake camera running?"
        yield wanted
    finally:
        process.kill()
        process.wait()


def test_a_picture_with_a_lost_packet_is_a_gap_and_never_a_picture(lossy: str) -> None:
    camera = GenicamCamera("camera", lossy, width=WIDTH, height=HEIGHT, fps=25, exposure_us=8000)
    camera.open()
    try:
        frames = [camera.read(1.0) for _ in range(40)]
    finally:
        camera.close()
    steps = [after.sequence - before.sequence for before, after in itertools.pairwise(frames)]
    assert min(steps) == 1
    assert max(steps) > 1, "nothing was lost, so nothing was tested"
    # The fake paints a ramp that moves one pixel to the left from row to row; a hole shows an older picture's.
    for frame in frames:
        assert np.array_equal(frame.image[1:, :-1], frame.image[:-1, 1:]), f"frame {frame.sequence} has a hole"


# --- rules, on the fake inside the library --------------------------------------------------------------------


@pytest.fixture
def opened() -> Iterator[list[GenicamCamera]]:
    """Cameras to close when the test ends; without the second that looking for network cameras takes."""
    found = library()
    ctypes.CDLL(aravis.LIBRARY).arv_disable_interface(b"GigEVision")
    made: list[GenicamCamera] = []
    yield made
    for camera in made:
        camera.close()
    found.call("enable_interface", "GigEVision")


def fake(**options: Any) -> GenicamCamera:
    settings: dict[str, Any] = {"width": WIDTH, "height": HEIGHT, "fps": 50.0}
    return GenicamCamera("camera", "Fake_1", **settings | options)


def test_who_it_is_and_what_it_sends(opened: list[GenicamCamera]) -> None:
    opened.append(fake(serial_number="1"))
    told = opened[0].open()
    assert (told.model, told.serial_number, told.verified_on_hardware) == ("Aravis Fake", "1", False)
    frame = opened[0].read(1.0)
    assert frame.image.shape == (HEIGHT, WIDTH)
    assert frame.image.dtype == np.uint8
    assert np.ptp(frame.image) > 50


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pixel_format": "BGR8"}, "BGR8"),
        ({"exposure_us": 1}, "its shortest exposure is 10 us"),
        ({"exposure_line": "Line9"}, "Line"),
    ],
)
def test_what_it_cannot_do_is_refused_in_words(
    opened: list[GenicamCamera], options: dict[str, Any], message: str
) -> None:
    opened.append(fake(**options))
    with pytest.raises(DeviceRefused, match=message):
        opened[0].open()
    opened.append(fake())
    opened[1].open()


def test_another_camera_than_the_pinned_one(opened: list[GenicamCamera]) -> None:
    with pytest.raises(IdentityMismatch, match="it is 1, 77 is configured"):
        fake(serial_number="77").open()


def test_a_camera_that_does_not_answer_is_named_with_those_that_do(opened: list[GenicamCamera]) -> None:
    with pytest.raises(Disconnected, match=r"Nobody-1.*these do: .*Fake_1"):
        GenicamCamera("camera", "Nobody-1", width=WIDTH, height=HEIGHT, fps=25).open()


def test_incomplete_frames_are_gaps_and_an_error_when_they_go_on(
    opened: list[GenicamCamera], monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = itertools.chain([0, 4, 3, 0], itertools.repeat(3))
    real = aravis.Aravis.call

    def lossy(self: aravis.Aravis, name: str, *arguments: Any) -> Any:
        return next(statuses) if name == "buffer_get_status" else real(self, name, *arguments)

    monkeypatch.setattr(aravis.Aravis, "call", lossy)
    opened.append(fake())
    opened[0].open()
    assert [opened[0].read(1.0).sequence for _ in range(2)] == [0, 3]
    with pytest.raises(RemoteProtocolError, match=r"10 incomplete frames in a row \(missing packets\)"):
        opened[0].read(2.0)


def test_exposure_is_a_share_and_a_fixed_one_stays(opened: list[GenicamCamera]) -> None:
    opened.append(fake(exposure_us=8000))
    opened[0].open()
    assert [opened[0].set_exposure(gain) for gain in (0.5, 2.0, 0.25)] == [0.5, 1.0, 0.25]
    opened[0].close()
    with pytest.raises(Disconnected, match="not open"):
        opened[0].set_exposure(0.5)
    assert fake().set_exposure(0.5) == 1.0


@pytest.mark.parametrize("gain", [float("nan"), float("inf"), float("-inf"), -0.1])
@pytest.mark.parametrize("exposure_us", [8000, None])
def test_an_exposure_that_is_no_share_is_refused(
    opened: list[GenicamCamera], gain: float, exposure_us: int | None
) -> None:
    opened.append(fake(exposure_us=exposure_us))
    opened[0].open()
    with pytest.raises(DeviceRefused, match="times the longest is none"):
        opened[0].set_exposure(gain)
    opened[0].read(1.0)


@pytest.mark.parametrize("ids", [(7, 7), (7, 6), (7, 30000)])
def test_a_frame_id_that_cannot_follow_ends_the_stream(
    opened: list[GenicamCamera], monkeypatch: pytest.MonkeyPatch, ids: tuple[int, int]
) -> None:
    told = itertools.chain(ids, itertools.count(8))
    real = aravis.Aravis.call

    def strange(self: aravis.Aravis, name: str, *arguments: Any) -> Any:
        return next(told) if name == "buffer_get_frame_id" else real(self, name, *arguments)

    monkeypatch.setattr(aravis.Aravis, "call", strange)
    opened.append(fake())
    opened[0].open()
    assert opened[0].read(1.0).sequence == 0
    with pytest.raises(RemoteProtocolError, match=f"frame {ids[1]} came after frame 7"):
        opened[0].read(1.0)


def test_nothing_is_left_after_many_openings(opened: list[GenicamCamera]) -> None:
    opened.append(fake())
    opened[0].open()
    opened[0].read(1.0)
    opened[0].close()
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    tasks = len(os.listdir("/proc/self/task"))
    for _ in range(20):
        opened[0].open()
        opened[0].read(1.0)
    opened[0].close()
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) <= files + 2
    assert len(os.listdir("/proc/self/task")) <= tasks + 1, "Aravis' own threads, which Python does not count"


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> aravis.Aravis:
        raise NoAravis(f"libaravis cannot be loaded; {aravis.INSTALL}")

    monkeypatch.setattr(aravis, "load", missing)
    with pytest.raises(DeviceRefused, match=r"apt-get install libaravis-0\.8-0"):
        fake().open()
    with pytest.raises(ValueError, match="'Mono12' is not read"):
        fake(pixel_format="Mono12")


# --- pure parts ---------------------------------------------------------------------------------------------


def test_pictures_in_their_formats() -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    assert _image(red.ravel(), _Shape(4, 4, "RGB8"))[0, 0].tolist() == [0, 0, 200]
    assert _image(red.ravel(), _Shape(4, 4, "BGR8"))[0, 0].tolist() == [200, 0, 0]
    mosaic = np.zeros((8, 8), np.uint8)
    mosaic[0::2, 0::2] = 200  # the red places of an RGGB mosaic
    assert _image(mosaic.ravel(), _Shape(8, 8, "BayerRG8"))[4, 4].tolist() == [0, 0, 200]
