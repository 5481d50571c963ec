"""A measured floor as a file, and a depth camera of the kernel's video interface above it."""

import threading
import time
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

from drivers.camera.v4l2 import V4l2Camera
from drivers.camera.v4l2.pixels import DEPTH
from drivers.errors import Disconnected
from drivers.sensing import Area, Floor, OverheadDepth
from drivers.sensing.v4l2_depth import V4l2DepthSource
from hil.emulator.v4l2_device import NODE, Label, V4l2Device
from hil.sim.depth import OPTICS, Person, Room

pytestmark = pytest.mark.anyio

ONE = Person(-0.2, 0.1, 1.76, 0.4).solids()


@cache
def calibrated() -> Floor:
    room = Room(seed=7)
    return Floor.fit(OPTICS, [room.picture([]) for _ in range(8)])


def test_a_floor_that_was_kept_is_the_same_floor(tmp_path: Path) -> None:
    calibrated().save(tmp_path / "floor.npz", serial_number="D1")
    floor, serial_number = Floor.load(tmp_path / "floor.npz")
    picture = Room(seed=5).picture(ONE)
    assert serial_number == "D1"
    assert (floor.optics, floor.area, floor.mount_m) == (OPTICS, Area(), calibrated().mount_m)
    assert np.array_equal(floor.heights(picture).metres, calibrated().heights(picture).metres)
    assert floor.tilt_deg == pytest.approx(np.degrees(np.hypot(0.03, 0.02)), abs=0.2)


def broken_floor(change: dict[str, Any]) -> dict[str, Any]:
    with np.load(BytesIO(kept_floor())) as given:
        return {name: given[name] for name in given.files} | change


@cache
def kept_floor() -> bytes:
    with TemporaryDirectory() as folder:
        calibrated().save(Path(folder) / "floor.npz", serial_number=None)
        return (Path(folder) / "floor.npz").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": np.array("other")}, "its format is other, not sallyport-floor-1"),
        ({"offset": np.zeros((3, 3), np.float32)}, "no floor under a sensor"),
        ({"up": np.array([np.nan, 0, 1], np.float32)}, "no floor under a sensor"),
        ({"mount_m": np.array(-1.0)}, "no floor under a sensor"),
        ({"area": np.array([0.0, 0.1, 0.0, 0.1])}, "0.3 to 6 m"),
        ({"optics": np.array([320.0])}, "not a measured floor"),
        ({"offset": np.array([{"a": 1}], dtype=object)}, "allow_pickle"),
    ],
)
def test_a_file_that_is_no_floor_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "floor.npz", **broken_floor(change))
    with pytest.raises(ValueError, match=message):
        Floor.load(tmp_path / "floor.npz")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04garbage", None])
def test_bytes_that_are_no_floor_are_refused(tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "floor.npz").write_bytes(kept_floor()[:5000] if content is None else content)
    with pytest.raises(ValueError, match="not a measured floor"):
        Floor.load(tmp_path / "floor.npz")


async def test_a_depth_camera_of_the_kernel_is_a_source(tmp_path: Path) -> None:
    device = V4l2Device(Label(formats=("YUYV", DEPTH), sizes=((320, 240),)), monotonic=time.monotonic)
    camera = V4l2Camera(
        "presence", NODE, width=320, height=240, fps=30, pixel_format=DEPTH, kernel=device, sysfs=tmp_path
    )
    sensor = OverheadDepth("presence", V4l2DepthSource(camera, 320, 240), calibrated())
    room, stop = Room(seed=13), threading.Event()

    def expose() -> None:
        while not stop.is_set():
            device.expose((room.picture(ONE) * 1000).astype(np.uint16))

    stream = threading.Thread(target=expose)
    stream.start()
    try:
        await sensor.open()
        said = await sensor.read()
        for _ in range(10):
            if said.alone:
                break
            said = await sensor.read()
        assert said.persons == 1
        device.unplug()
        with pytest.raises(Disconnected):
            await drained(sensor)
    finally:
        stop.set()
        stream.join()
        await sensor.close()


async def drained(sensor: OverheadDepth) -> None:
    for _ in range(10):
        await sensor.read()
