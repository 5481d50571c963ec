"""The rig's cameras through the appliance's own seam: pacing, numbers, light, faults."""

import asyncio
import contextlib
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from appliance.wire import Message
from drivers.camera.fresh import FreshCamera
from drivers.errors import (
    DeviceRefused,
    Disconnected,
    DriverError,
    NoResponse,
    PortBusy,
    RemoteProtocolError,
    StaleFrame,
)
from drivers.illumination.exposure_sync.driver import ExposureSyncIlluminator
from drivers.ports import Camera, Frame
from hil import devices
from hil.contracts.camera import CameraContract
from hil.rig import Rig
from hil.rig.rig import RigError
from hil.scene import HEIGHT, WIDTH, Light

Order = tuple[str | None, ...]


def opened(rig: Rig, name: str) -> Camera:
    camera = devices.camera(name, {"socket": str(rig.paths.socket), "camera": name})
    camera.open()
    return camera


def frames(camera: Camera, count: int) -> list[Frame]:
    return [camera.read(2.0) for _ in range(count)]


class Stage:
    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def expose(self, count: int) -> None:
        """It exposes when it is read."""

    def silence(self) -> None:
        pytest.skip("the rig's cameras expose when they are read, they cannot be silent")

    def unplug(self) -> None:
        self._rig.faults.unplug_camera("rgb")

    def plug(self) -> None:
        self._rig.faults.replug_camera("rgb")


class TestRigCamera(CameraContract):
    device = "camera.rig"
    max_age_s = 10.0

    def make(self, request: pytest.FixtureRequest) -> tuple[Camera, Stage]:
        rig = request.getfixturevalue("rig")
        return devices.camera("rgb", {"socket": str(rig.paths.socket), "camera": "rgb"}), Stage(rig)


def test_frames_are_paced_and_numbered(rig: Rig) -> None:
    camera = FreshCamera(opened(rig, "rgb"), time.monotonic, max_age_s=10.0)
    seen = frames(camera, 10)
    camera.close()
    assert [frame.sequence for frame in seen] == list(range(10))
    assert all(frame.image.shape == (HEIGHT, WIDTH, 3) for frame in seen)
    spans = np.diff([frame.stamp for frame in seen])
    assert spans.min() > 0.015, "exposures lie on the camera's own grid, whatever the caller does"
    assert rig.in_world(lambda world: world.cameras["rgb"].exposures) == 10


def test_nothing_is_exposed_when_nobody_reads(rig: Rig) -> None:
    camera = opened(rig, "nir")
    frames(camera, 2)
    exposures = rig.in_world(lambda world: world.cameras["nir"].exposures)
    threading.Event().wait(0.2)
    assert rig.in_world(lambda world: world.cameras["nir"].exposures) == exposures == 2
    camera.close()


def test_a_stream_opened_again_counts_from_zero(rig: Rig) -> None:
    camera = opened(rig, "nir")
    assert [frame.sequence for frame in frames(camera, 2)] == [0, 1]
    camera.close()
    with pytest.raises(Disconnected, match="not open"):
        camera.read(0.1)
    again = opened(rig, "nir")
    assert again.read(2.0).sequence == 0
    again.close()


async def capture(rig: Rig, order: Order) -> tuple[list[Frame], Order, list[int]]:
    """As a lane captures: camera open, counter zero, arm, read; then what the illuminator says it lit."""
    light = ExposureSyncIlluminator("illumination.nir", str(rig.paths.illumination("nir")))
    camera = opened(rig, "nir")
    try:
        await light.open()
        await light.zero()
        await light.arm(order)
        seen = await asyncio.to_thread(frames, camera, len(order))
        log = await light.log()
    finally:
        await light.close()
        camera.close()
    return seen, tuple(entry.led for entry in log), [entry.exposure for entry in log]


@pytest.mark.anyio
async def test_lit_leds_follow_the_order_through_the_real_driver(rig: Rig) -> None:
    order: Order = (None, "850L", "940R", None, "940L", "850C")
    seen, lit, exposures = await capture(rig, order)
    assert lit == order
    assert exposures == [frame.sequence for frame in seen], "camera and illuminator count the same exposures"
    levels = [(led, float(frame.image.mean())) for led, frame in zip(order, seen, strict=True)]
    assert max(level for led, level in levels if led is None) + 5 < min(level for led, level in levels if led)


@pytest.mark.anyio
async def test_a_dead_led_is_logged_as_lit_but_stays_dark(rig: Rig) -> None:
    rig.faults.dead_led("940L")
    order: Order = (None, "850L", "940L")
    seen, lit, _ = await capture(rig, order)
    assert lit == order
    dark, bright, dead = (float(frame.image.mean()) for frame in seen)
    assert bright > dark + 5
    assert abs(dead - dark) < 1
    with pytest.raises(ValueError, match="no LED"):
        rig.faults.dead_led("660L")
    with pytest.raises(ValueError, match="not on one illuminator"):
        rig.faults.swap_leds("850L", "1550L")


def test_light_goes_out(rig: Rig) -> None:
    camera = opened(rig, "rgb")
    before = camera.read(2.0).image.mean()
    rig.faults.light(Light(white=0.02, ambient_white=0.02))
    after = camera.read(2.0).image.mean()
    rig.faults.clear()
    again = camera.read(2.0).image.mean()
    camera.close()
    assert after < before / 2
    assert again == pytest.approx(before, abs=2)


def test_a_stuck_picture_comes_under_fresh_numbers_and_is_caught(rig: Rig) -> None:
    camera = opened(rig, "rgb")
    moving = camera.read(2.0)
    rig.faults.stick_frame("rgb")
    stuck = camera.read(2.0)
    assert stuck.sequence == moving.sequence + 1
    assert stuck.stamp > moving.stamp
    assert np.array_equal(stuck.image, moving.image)
    fresh = FreshCamera(camera, time.monotonic, max_age_s=10.0)
    fresh.read(2.0)
    with pytest.raises(StaleFrame, match="is the picture of"):
        fresh.read(2.0)
    camera.close()


def test_unplugged_in_mid_stream_and_plugged_in_again(rig: Rig) -> None:
    camera = opened(rig, "rgb")
    frames(camera, 2)
    rig.faults.unplug_camera("rgb")
    with pytest.raises(Disconnected):
        camera.read(1.0)
    with pytest.raises(Disconnected, match="unplugged"):
        camera.open()
    rig.faults.replug_camera("rgb")
    camera.open()
    assert camera.read(2.0).sequence == 0
    camera.close()


def test_a_camera_has_one_owner(rig: Rig) -> None:
    camera = opened(rig, "rgb")
    with pytest.raises(PortBusy, match="another program"):
        opened(rig, "rgb")
    camera.close()


def test_no_rig_no_camera(tmp_path: Path) -> None:
    camera = devices.camera("rgb", {"socket": str(tmp_path / "none.sock"), "camera": "rgb"})
    with pytest.raises(Disconnected, match="is it running"):
        camera.open()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"socket": "x", "camera": "thermal"}, "must be one of rgb, nir, swir"),
        ({"camera": "rgb"}, "must name the rig's socket"),
        ({"socket": "x", "camera": "rgb", "speed": 2}, "unknown options speed"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        devices.camera("rgb", options)


class FakeRig:
    """Says what a test wants it to say, to one client. `hold` delays all but the first answer."""

    def __init__(self, path: Path, *answers: bytes, hold: threading.Event | None = None, hang_up: bool = False) -> None:
        self.path = path
        self._hold = hold
        self._hang_up = hang_up
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._run, args=(answers,))
        self._thread.start()

    def _run(self, answers: tuple[bytes, ...]) -> None:
        connection, _ = self._listener.accept()
        # A client that gives up with bytes unread resets the connection.
        with connection, self._listener, contextlib.suppress(ConnectionResetError):
            for place, answer in enumerate(answers):
                connection.recv(4096)
                if place and self._hold is not None:
                    self._hold.wait(5)
                connection.sendall(answer)
            connection.settimeout(5)
            while not self._hang_up and connection.recv(4096):
                pass

    def __enter__(self) -> "FakeRig":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()


OPENED = Message({"model": "fake"}).encode()
SMALL = Message({"sequence": 0, "stamp": 1.0, "shape": [2, 2]}, (b"1234",)).encode()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Message({"sequence": 0, "stamp": 1.0, "shape": [2, 3]}, (b"1234",)).encode(), RemoteProtocolError),
        (Message({"sequence": 0, "stamp": 1.0, "shape": [-2, -2]}, (b"1234",)).encode(), RemoteProtocolError),
        (Message({"sequence": "none", "stamp": 1.0, "shape": [2, 2]}, (b"1234",)).encode(), RemoteProtocolError),
        (Message({"stamp": 1.0}).encode(), RemoteProtocolError),
        (Message({"error": "refused", "message": "no"}).encode(), DeviceRefused),
        (Message({"error": "whatever", "message": "no"}).encode(), RemoteProtocolError),
        (b"\x00\x00\x00\x02[]\x00\x00\x00\x00", Disconnected),
        (b"\xff\xff\xff\xff", Disconnected),
    ],
)
def test_a_rig_that_talks_nonsense(tmp_path: Path, answer: bytes, error: type[DriverError]) -> None:
    with FakeRig(tmp_path / "fake.sock", OPENED, answer) as fake:
        camera = devices.camera("rgb", {"socket": str(fake.path), "camera": "rgb"})
        camera.open()
        with pytest.raises(error):
            camera.read(1.0)
        camera.close()


def test_a_late_frame_is_delivered_to_the_next_call(tmp_path: Path) -> None:
    late = threading.Event()
    with FakeRig(tmp_path / "fake.sock", OPENED, SMALL, hold=late) as fake:
        camera = devices.camera("rgb", {"socket": str(fake.path), "camera": "rgb"})
        camera.open()
        with pytest.raises(NoResponse, match=r"within 0\.05 s"):
            camera.read(0.05)
        late.set()
        assert camera.read(2.0).sequence == 0
        camera.close()


def test_a_frame_cut_off_ends_the_stream(tmp_path: Path) -> None:
    with FakeRig(tmp_path / "fake.sock", OPENED, SMALL[:-2], hang_up=True) as fake:
        camera = devices.camera("rgb", {"socket": str(fake.path), "camera": "rgb"})
        camera.open()
        with pytest.raises(Disconnected, match="broke off"):
            camera.read(1.0)
        with pytest.raises(Disconnected, match="not open"):
            camera.read(1.0)


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RigError, match="choose a shorter one"), Rig(tmp_path / ("x" * 100)):
        pass
