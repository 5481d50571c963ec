"""GenICam cameras: the contract on a GigE Vision fake of Aravis, rules on its fake in the process, pure parts alone.

Simulated. A real one joins by `--bench` (camera.genicam: {camera_id: ..., width: ..., height: ..., fps: ...}).
"""

import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.genicam import GenicamCamera, aravis
from drivers.camera.genicam.aravis import NoAravis
from drivers.camera.genicam.clock import Counter, DeviceClock
from drivers.camera.genicam.driver import _image, _Shape
from drivers.errors import DeviceRefused, Disconnected, IdentityMismatch, NoResponse, RemoteProtocolError
from drivers.ports import Camera
from hil.contracts.camera import CameraContract
from hil.emulator.genicam_camera import READY, camera_id

WIDTH, HEIGHT = 512, 256
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
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == READY

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
            process.stdout.close()


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


# --- rules, on the fake inside the library --------------------------------------------------------------------


@pytest.fixture
def opened() -> Iterator[list[GenicamCamera]]:
    """Cameras to close when the test ends."""
    library()
    made: list[GenicamCamera] = []
    yield made
    for camera in made:
        camera.close()


def fake(**options: Any) -> GenicamCamera:
    settings: dict[str, Any] = {"width": WIDTH, "height": HEIGHT, "fps": 50.0}
    return GenicamCamera("camera", "Fake_1", **settings | options)


def test_who_it_is_and_what_it_sends(opened: list[GenicamCamera]) -> None:
    opened.append(fake(serial_number="1"))
    told = opened[0].open()
    assert (told.model, told.serial_number, told.verified_on_hardware) == ("Aravis Fake", "1", False)
    frame = opened[0].read(1.0)
    assert (frame.image.shape, frame.image.dtype) == ((HEIGHT, WIDTH), np.uint8)
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


def test_nothing_is_left_after_many_openings(opened: list[GenicamCamera]) -> None:
    opened.append(fake())
    opened[0].open()
    opened[0].read(1.0)
    opened[0].close()
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        opened[0].open()
        opened[0].read(1.0)
    opened[0].close()
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) <= files + 2


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> aravis.Aravis:
        raise NoAravis(f"libaravis cannot be loaded; {aravis.INSTALL}")

    monkeypatch.setattr(aravis, "load", missing)
    with pytest.raises(DeviceRefused, match=r"apt-get install libaravis-0\.8-0"):
        fake().open()
    with pytest.raises(ValueError, match="'Mono12' is not read"):
        fake(pixel_format="Mono12")


# --- pure parts ---------------------------------------------------------------------------------------------


def test_frame_ids_are_counted_across_their_end() -> None:
    counter = Counter()
    assert [counter.count(one) for one in (65533, 65534, 65535, 1, 3)] == [0, 1, 2, 3, 5]
    wide = Counter()
    assert [wide.count(one) for one in (70000, 70001, 70003)] == [0, 1, 3]


@pytest.mark.parametrize("ids", [(9, 9), (9, 5), (9, 30000), (5_000_000_000, 1), (70000, 69999)])
def test_a_count_that_leaps_or_goes_back_is_a_gap(ids: tuple[int, int]) -> None:
    counter = Counter()
    assert [counter.count(one) for one in ids] == [0, 2]


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=30))
def test_whatever_the_ids_the_count_grows(ids: list[int]) -> None:
    counter = Counter()
    numbers = [counter.count(one) for one in ids]
    assert all(a < b for a, b in itertools.pairwise(numbers))


def test_a_device_clock_is_mapped_by_its_fastest_frames_and_followed_as_it_drifts() -> None:
    clock, rng = DeviceClock(), np.random.default_rng(4)
    worst = 0.0
    for number in range(2000):
        true = 100.0 + number / 30
        device = 7.0 + (true - 100.0) * 1.0001
        arrived = true + 0.004 + rng.exponential(0.003)
        stamp = clock.stamp(device, arrived)
        assert stamp <= arrived
        if number > 64:
            worst = max(worst, abs(stamp - true - 0.004))
    assert worst < 0.001


def test_a_device_without_a_clock_counts_from_the_arrival() -> None:
    clock = DeviceClock()
    assert [clock.stamp(0.0, at) for at in (1.0, 1.1)] == [1.0, 1.1]
    clock.stamp(5.0, 2.0)
    assert clock.stamp(4.0, 2.1) == 2.1, "a clock that goes back tells nothing"


def test_pictures_in_their_formats() -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 200
    assert _image(red.ravel(), _Shape(4, 4, "RGB8"))[0, 0].tolist() == [0, 0, 200]
    assert _image(red.ravel(), _Shape(4, 4, "BGR8"))[0, 0].tolist() == [200, 0, 0]
    mosaic = np.zeros((8, 8), np.uint8)
    mosaic[0::2, 0::2] = 200  # the red places of an RGGB mosaic
    assert _image(mosaic.ravel(), _Shape(8, 8, "BayerRG8"))[4, 4].tolist() == [0, 0, 200]
