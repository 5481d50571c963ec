"""Cameras of the kernel's video interface: the driver on an emulated camera.

Simulated: the emulated camera keeps the kernel's rules but is no kernel. A real one joins by `--bench` (camera.v4l2).
"""

import contextlib
import ctypes
import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.camera.v4l2 import V4l2Camera, abi
from drivers.errors import (
    DeviceRefused,
    Disconnected,
    DriverError,
    IdentityMismatch,
    NoResponse,
    PortBusy,
    RemoteProtocolError,
)
from drivers.ports import Camera
from hil.contracts.camera import CameraContract
from hil.emulator.v4l2_device import NODE, Label, V4l2Device, coarse_noise, usb_camera_in

WIDTH, HEIGHT = 64, 48


def camera_on(device: V4l2Device, **options: Any) -> V4l2Camera:
    return V4l2Camera(
        "camera",
        NODE,
        kernel=device,
        **{"width": WIDTH, "height": HEIGHT, "fps": 30.0, "sysfs": Path("/none")} | options,
    )


@pytest.fixture
def device() -> V4l2Device:
    return V4l2Device(monotonic=time.monotonic)


@pytest.fixture
def cameras() -> Iterator[list[V4l2Camera]]:
    """Cameras to close when the test ends."""
    made: list[V4l2Camera] = []
    yield made
    for camera in made:
        camera.close()


class Stage:
    def __init__(self, device: V4l2Device) -> None:
        self._device = device
        self._number = 0
        self.plug, self.unplug = device.plug, device.unplug

    def expose(self, count: int) -> None:
        for _ in range(count):
            self._number += 1
            assert self._device.expose(coarse_noise(self._number))

    def silence(self) -> None:
        """Nothing is exposed unless it is asked for."""


class TestV4l2(CameraContract):
    device = "camera.v4l2"

    def make(self, request: pytest.FixtureRequest) -> tuple[Camera, Stage]:
        device = V4l2Device(monotonic=time.monotonic)
        return camera_on(device, exposure_us=8000), Stage(device)

    def real(self, options: dict[str, Any]) -> Camera:
        return V4l2Camera("camera", **{"width": 640, "height": 480, "fps": 30.0} | options)


# --- opening ------------------------------------------------------------------------------------------------


def test_raw_is_preferred_and_everything_is_given_back(device: V4l2Device, cameras: list[V4l2Camera]) -> None:
    cameras.append(camera_on(device))
    told = cameras[0].open()
    assert (told.model, told.firmware) == ("Simulated UVC camera", "unknown; uvcvideo 6.1.0")
    device.expose(coarse_noise(5))
    frame = cameras[0].read(1.0)
    assert np.abs(frame.image.astype(int) - coarse_noise(5)).max() <= 4
    assert device.mapped == 4
    cameras[0].close()
    assert (device.mapped, device.streaming, device.open(NODE)) == (0, False, 700)


def test_a_grey_camera_gives_one_channel(cameras: list[V4l2Camera]) -> None:
    device = V4l2Device(Label(formats=("YUYV", "GREY"), padding=8), monotonic=time.monotonic)
    cameras.append(camera_on(device))
    cameras[0].open()
    device.expose(coarse_noise(6)[..., 0])
    assert np.array_equal(cameras[0].read(1.0).image, coarse_noise(6)[..., 0])


@pytest.mark.parametrize(
    ("label", "options", "error", "message"),
    [
        (Label(), {"width": 1280, "height": 720}, DeviceRefused, "asked for 1280x720 YUYV, gives 64x48 YUYV"),
        (Label(formats=("H264", "NV12")), {}, DeviceRefused, "it offers H264, NV12"),
        (Label(formats=("MJPG",)), {"pixel_format": "GREY"}, DeviceRefused, "has no format GREY; it offers MJPG"),
        (Label(), {"fps": 90.0}, DeviceRefused, "asked for 90 frames per second, gives 60.00"),
        (Label(driver=b"v4l2 loopback"), {}, IdentityMismatch, "made by a program"),
        (Label(metadata_node=True), {}, Disconnected, "gives no pictures; a camera has several nodes"),
        (Label(controls=()), {"exposure_us": 8000}, DeviceRefused, "set by hand"),
        (Label(exposure_steps=(100, 200)), {"exposure_us": 5000}, DeviceRefused, "does not take an exposure of 5000"),
    ],
)
def test_a_camera_that_is_not_what_is_configured(
    label: Label, options: dict[str, Any], error: type[DriverError], message: str
) -> None:
    device = V4l2Device(label, monotonic=time.monotonic)
    with pytest.raises(error, match=message):
        camera_on(device, **options).open()
    assert device.mapped == 0
    device.open(NODE)


@pytest.mark.parametrize(
    ("request_number", "number", "error", "message"),
    [
        (abi.QUERYCAP, errno.ENOTTY, Disconnected, "is no camera"),
        (abi.S_FMT, errno.EBUSY, PortBusy, "in use by another program"),
        (abi.REQBUFS, errno.ENOMEM, DeviceRefused, "asking for buffers"),
        (abi.QUERYBUF, errno.EINVAL, DeviceRefused, "asking for a buffer"),
        (abi.STREAMON, errno.ENOSPC, DeviceRefused, "no bandwidth left"),
        (abi.STREAMON, errno.EIO, Disconnected, "unplugged"),
        (abi.ENUM_FMT, errno.EIO, Disconnected, "unplugged"),
    ],
)
def test_a_refused_call_is_named_and_nothing_stays_open(
    device: V4l2Device, request_number: int, number: int, error: type[DriverError], message: str
) -> None:
    device.refuse[request_number] = number
    camera = camera_on(device)
    with pytest.raises(error, match=message):
        camera.open()
    assert device.mapped == 0
    device.refuse.clear()
    camera.open()
    camera.close()


def test_the_one_camera_may_be_pinned(device: V4l2Device, tmp_path: Path, cameras: list[V4l2Camera]) -> None:
    sysfs = usb_camera_in(tmp_path, idVendor="32e4", idProduct="9230", serial="A17", bcdDevice="0102")
    right = {"sysfs": sysfs, "usb_id": "32e4:9230", "serial_number": "A17"}
    cameras.append(camera_on(device, **right))
    told = cameras[0].open()
    assert (told.serial_number, told.firmware) == ("A17", "0102; uvcvideo 6.1.0")
    cameras[0].close()
    for wrong, message in (
        ({"usb_id": "1234:5678"}, "is 32e4:9230, usb_id 1234:5678"),
        ({"serial_number": "B"}, "A17"),
    ):
        with pytest.raises(IdentityMismatch, match=message):
            camera_on(device, **(right | wrong)).open()
    with pytest.raises(IdentityMismatch, match="a camera without one, usb_id"):
        camera_on(device, usb_id="32e4:9230").open()


@pytest.mark.parametrize("path", ["face.avi", "/tmp/face.avi", "http://host/face", "/dev/../tmp/face.avi", "0", ""])
def test_recordings_are_no_cameras(path: str) -> None:
    with pytest.raises(ValueError, match="a recording is no camera"):
        V4l2Camera("camera", path, width=640, height=480, fps=30)


def test_a_format_it_cannot_read() -> None:
    with pytest.raises(ValueError, match="'H264' is not read; GREY, YUYV, MJPG are"):
        V4l2Camera("camera", NODE, width=640, height=480, fps=30, pixel_format="H264")


def test_nodes_of_this_machine_that_are_no_cameras() -> None:
    # The real kernel answers here.
    with pytest.raises(Disconnected, match="does not exist; plug the camera in"):
        V4l2Camera("camera", "/dev/video-none", width=640, height=480, fps=30).open()
    with pytest.raises(Disconnected, match="is no camera"):
        V4l2Camera("camera", "/dev/null", width=640, height=480, fps=30).open()


# --- frames -------------------------------------------------------------------------------------------------


def test_lost_and_broken_frames_are_gaps(device: V4l2Device, cameras: list[V4l2Camera]) -> None:
    cameras.append(camera_on(device, pixel_format="MJPG"))
    cameras[0].open()
    device.expose(coarse_noise(0))
    device.expose(coarse_noise(1), flags=abi.BUFFER_ERROR)
    assert cameras[0].read(1.0).sequence == 0
    device.expose(coarse_noise(2), cut=300)
    device.expose(coarse_noise(3), cut=0)
    device.expose(coarse_noise(4))
    assert cameras[0].read(1.0).sequence == 4


@pytest.mark.parametrize(("flags", "cut"), [(abi.BUFFER_ERROR, None), (0, 0), (0, 300)])
def test_nothing_but_broken_frames_is_an_error(
    device: V4l2Device, cameras: list[V4l2Camera], flags: int, cut: int | None
) -> None:
    cameras.append(camera_on(device, pixel_format="MJPG"))
    cameras[0].open()
    with pytest.raises(RemoteProtocolError, match="10 broken frames in a row"):
        read_on(cameras[0], lambda number: device.expose(coarse_noise(number), flags=flags, cut=cut))


def read_on(camera: Camera, expose: Callable[[int], object]) -> None:
    """Read until the camera says more than that it is silent."""
    for number in range(40):
        expose(number)
        with contextlib.suppress(NoResponse):
            camera.read(0.05)


def test_who_reads_late_gets_the_newest_and_sees_the_gap(device: V4l2Device, cameras: list[V4l2Camera]) -> None:
    cameras.append(camera_on(device))
    cameras[0].open()
    for number in range(12):
        while not device.expose(coarse_noise(number)):
            assert device.exposures < 100_000
    until(lambda: not device._session.filled)  # type: ignore[union-attr]
    numbers = [cameras[0].read(1.0).sequence for _ in range(4)]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == device.exposures - 1
    with pytest.raises(NoResponse):
        cameras[0].read(0.05)


def until(holds: Any) -> None:
    deadline = time.monotonic() + 3.0
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("flags", "back_s"),
    [
        (abi.STAMP_MONOTONIC | abi.STAMP_START_OF_EXPOSURE, 0.0),
        (abi.STAMP_MONOTONIC, 1 / 30),
        (0x4000 | abi.STAMP_START_OF_EXPOSURE, 1 / 30),
        (0, 1 / 30),
    ],
)
def test_a_stamp_is_the_start_of_the_exposure(cameras: list[V4l2Camera], flags: int, back_s: float) -> None:
    device = V4l2Device(Label(stamp_flags=flags), monotonic=lambda: 50.25)
    cameras.append(camera_on(device, monotonic=lambda: 50.25 if flags & abi.STAMP_MONOTONIC else 60.25))
    cameras[0].open()
    device.expose(coarse_noise(0))
    expected = (50.25 if flags & abi.STAMP_MONOTONIC else 60.25) - back_s
    assert cameras[0].read(1.0).stamp == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("change", [{"index": 9}, {"bytesused": 10**6}])
def test_a_buffer_that_cannot_be_is_an_error(
    device: V4l2Device, cameras: list[V4l2Camera], change: dict[str, int]
) -> None:
    cameras.append(camera_on(device))
    cameras[0].open()
    original = device.ioctl

    def lying(fd: int, request: int, argument: ctypes.Structure) -> None:
        original(fd, request, argument)
        if request == abi.DQBUF:
            for name, value in change.items():
                setattr(argument, name, value)

    device.ioctl = lying  # type: ignore[method-assign]
    device.expose(coarse_noise(0))
    with pytest.raises(RemoteProtocolError, match="the kernel gave buffer"):
        cameras[0].read(1.0)


def test_no_thread_is_left(device: V4l2Device) -> None:
    before = threading.active_count()
    camera = camera_on(device)
    for _ in range(20):
        camera.open()
    camera.close()
    assert threading.active_count() == before


# --- exposure -----------------------------------------------------------------------------------------------


def test_exposure_is_set_by_hand_and_never_longer_than_asked(device: V4l2Device, cameras: list[V4l2Camera]) -> None:
    cameras.append(camera_on(device, exposure_us=4000))
    cameras[0].open()
    assert device.controls == {
        abi.EXPOSURE_AUTO: abi.EXPOSURE_MANUAL,
        abi.EXPOSURE_ABSOLUTE: 40,
        abi.AUTO_GAIN: 0,
        abi.AUTO_WHITE_BALANCE: 0,
    }
    assert [cameras[0].set_exposure(gain) for gain in (0.5, 2.0, 0.26, 0.279)] == [0.5, 1.0, 0.25, 0.275]
    # Shorter than the camera can: it would give 300 us.
    with pytest.raises(DeviceRefused, match="exposure of 100 us"):
        cameras[0].set_exposure(0.001)
    cameras[0].close()
    with pytest.raises(Disconnected, match="not open"):
        cameras[0].set_exposure(0.5)


def test_a_camera_plugged_in_anew_gets_its_settings_again(device: V4l2Device, cameras: list[V4l2Camera]) -> None:
    cameras.append(camera_on(device, exposure_us=4000))
    cameras[0].open()
    device.unplug()
    device.plug()
    cameras[0].open()
    assert device.controls[abi.EXPOSURE_ABSOLUTE] == 40


def test_a_fixed_exposure_stays_what_it_is(device: V4l2Device, cameras: list[V4l2Camera]) -> None:
    cameras.append(camera_on(device))
    cameras[0].open()
    assert cameras[0].set_exposure(0.25) == 1.0
    assert device.controls == {}
