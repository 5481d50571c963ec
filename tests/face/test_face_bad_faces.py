"""No face, two, or one on a shirt: on a photo, on a portrait and before the camera, with real packs and processes.

And live frames that are no pictures (docs/bad-input.md). The vision process says what is wrong, and lives.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import cv2
import insightface.data
import numpy as np
import psutil
import pytest

from appliance.face.packs import load_pack
from appliance.face.types import FacePack, Image
from appliance.gallery.enrol import acquire
from appliance.gallery.errors import EnrolmentRefused
from appliance.vision.client import VisionProcess, VisionRefused
from drivers.errors import RemoteProtocolError

pytestmark = pytest.mark.anyio

PACKS = [pytest.param("open-omz", marks=pytest.mark.measured), "pypi-dlib"]


def person(pack: FacePack, which: int, width_px: int) -> Image:
    """Somebody of the group picture with little around the face, whose box is so wide."""
    group = insightface.data.get_image("t1", use_cache=False)
    x1, y1, x2, y2 = pack.detect(group)[which].box
    margin = 0.3 * (x2 - x1)
    cut = group[max(0, int(y1 - margin)) : int(y2 + margin), int(x1 - margin) : int(x2 + margin)]
    factor = width_px / (x2 - x1)
    return np.asarray(cv2.resize(cut, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8)


def picture(*people: tuple[Image, int, int]) -> Image:
    """uint8[800, 800, 3]: people pasted on grey with their top left corner at (x, y)."""
    canvas = np.full((800, 800, 3), 127, np.uint8)
    for cut, x, y in people:
        canvas[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
    return canvas


def faces(pack: FacePack) -> dict[str, Image]:
    large, other = person(pack, 0, 220), person(pack, 1, 220)
    return {
        "one": picture((large, 200, 30)),
        "none": picture(),
        "two": picture((large, 20, 30), (other, 420, 30)),
        "shirt": picture((large, 200, 30), (person(pack, 1, 90), 260, 560)),
    }


@pytest.fixture(params=PACKS)
def pack(request: pytest.FixtureRequest, models_dir: Path) -> FacePack:
    return load_pack(request.param, models_dir)


@pytest.mark.parametrize(
    ("shown", "match"),
    [("none", "shows no faces"), ("two", "shows 2 faces"), ("shirt", "shows 2 faces"), ("1x1", "at least 16 pixels")],
)
def test_a_photo_without_exactly_one_face_enrols_nobody(pack: FacePack, shown: str, match: str) -> None:
    """However small the other is: whoever stands before the officer can take the shirt off."""
    view = (faces(pack) | {"1x1": np.zeros((1, 1, 3), np.uint8)})[shown]
    with pytest.raises(EnrolmentRefused, match=match):
        acquire(pack, cv2.imencode(".png", view)[1].tobytes())


CAMERA = '''
"""A camera that gives what lies in a file, with a pixel that changes from frame to frame."""
import numpy as np
from appliance.clock import SystemClock
from drivers.ports import DeviceIdentity, Frame

class Camera:
    def __init__(self, device, options):
        self.file, self.sequence = options[device], -1
    def open(self):
        return DeviceIdentity("file", "1", None, False)
    def read(self, timeout_s):
        self.sequence += 1
        image = np.load(self.file)
        if image.size:
            image.flat[0] = self.sequence % 250
        return Frame(self.sequence, SystemClock().monotonic(), image)
    def set_exposure(self, gain):
        return 1.0
    def close(self):
        pass

camera = Camera
'''


class Eye:
    """The vision process, real, with weights of this pack and a camera that shows what the test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.process = folder, VisionProcess()

    async def begin(self, pack_id: str, models: Path) -> None:
        await self.process.start()
        self.show(np.full((480, 640, 3), 127, np.uint8))
        np.save(self.folder / "nir.npy", np.full((480, 640), 127, np.uint8))
        options = {f"camera.{name}": str(self.folder / f"{name}.npy") for name in ("rgb", "nir")}
        camera = {"kind": "rig", "reference": {"box": [0, 0, 10, 10], "width_mm": 7}, "options": options}
        more = {"leds": {"nir": ["850L", "850R"]}, "drift": 0.2, "band_set": "rgb+850", "detector": "", "shadow": ""}
        more |= {"masks": "ignore", "accepted": [], "gallery": None, "module": "bad_camera"}
        await self.ask("setup", pack=pack_id, models_dir=str(models), cameras={"rgb": camera, "nir": camera}, **more)
        await self.ask("cameras")

    async def ask(self, op: str, *blobs: bytes, **fields: Any) -> dict[str, Any]:
        return (await self.process.ask(op, within_s=60.0, blobs=blobs, **fields)).header

    async def enrol(self, image: Image) -> dict[str, Any]:
        height, width = image.shape[:2]
        return await self.ask("enrol", image.tobytes(), height=height, width=width, issued=None, on="2026-11-28")

    def show(self, image: np.ndarray[Any, Any]) -> None:
        np.save(self.folder / "new.npy", image)
        (self.folder / "new.npy").replace(self.folder / "rgb.npy")

    @property
    def peak_mb(self) -> int:
        """VmHWM of the child."""
        assert self.process.pid is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


@pytest.fixture
async def eye(pack: FacePack, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Eye]:
    (tmp_path / "bad_camera.py").write_text(CAMERA)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    eye = Eye(tmp_path)
    await eye.begin(pack.pack_id, models_dir)
    before = eye.peak_mb
    yield eye
    assert eye.process.pid is not None
    assert psutil.Process(eye.process.pid).status() != psutil.STATUS_ZOMBIE
    assert eye.peak_mb - before < 500
    await eye.process.stop()


async def portraits(eye: Eye, shown: dict[str, Image]) -> None:
    noise = np.random.default_rng(1)
    for view, problem in [
        (shown["none"], "no face"),
        (shown["two"], "several faces"),
        (noise.integers(0, 256, (4096, 4096, 3), np.uint8), "no face"),
        (noise.integers(0, 256, (16, 4096, 3), np.uint8), "no face"),
    ]:
        told = await eye.enrol(view)
        assert problem in told["problem"]
        assert told["eyes"] is None or problem == "several faces"
    with pytest.raises(VisionRefused, match=r"no picture of a face: .* at least 16 pixels"):
        await eye.enrol(np.zeros((1, 1, 3), np.uint8))
    for name in ("one", "shirt"):
        told = await eye.enrol(shown[name])
        assert told["problem"] == ""
        assert max(told["eyes"][1::2]) < 400, "the face above, not the one on the shirt"
    grey = np.repeat(cv2.cvtColor(shown["one"], cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    assert (await eye.enrol(np.asarray(grey, np.uint8)))["problem"] == ""


async def live_frames(eye: Eye, shown: dict[str, Image]) -> None:
    for name, count in (("none", 0), ("two", 2), ("shirt", 1), ("one", 1)):
        eye.show(shown[name])
        found = await eye.ask("locate")
        assert (name, found["faces"]) == (name, count)
        assert count == 1 or not found["acceptable"]
    for bad in (
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((16, 20_000, 3), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640), np.uint16),
    ):
        eye.show(bad)
        with pytest.raises(RemoteProtocolError, match=r"camera\.rgb: frame \d+ is no picture"):
            await eye.ask("locate")
        with pytest.raises(RemoteProtocolError, match=r"camera\.rgb: frame \d+ is no picture"):
            await eye.ask("burst", counts={"nir": 2}, after=0.0, face=True)
    eye.show(shown["one"])
    await eye.ask("burst", counts={"nir": 2}, after=0.0, face=True)
    assert (await eye.ask("locate"))["faces"] == 1


async def test_bad_pictures_are_an_outcome_or_the_cameras_failure_and_the_vision_process_lives(
    eye: Eye, pack: FacePack
) -> None:
    shown = faces(pack)
    await portraits(eye, shown)
    await live_frames(eye, shown)
