"""A scripted camera, a judge that reads the picture, and a wait that turns the clock by hand. Test only."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from appliance.clock import ManualClock
from appliance.face.mask_detector import MaskFinding
from appliance.face.types import DetectedFace, Image
from appliance.observe.config import ObserveConfig
from drivers.errors import DriverError, NoResponse
from drivers.ports import DeviceIdentity, Frame

SIZE = (120, 160)
EYES = np.array([[10, 20], [50, 20], [30, 40], [15, 60], [45, 60]], np.float32)


def face(x: float = 10.0, *, eyes: float = 1.0) -> DetectedFace:
    """A face 60 wide and 80 high whose left side is at x; `eyes` scales the distance of its eyes, 40 px."""
    return DetectedFace((x, 10.0, x + 60.0, 90.0), EYES * np.float32(eyes), 0.9)


class PictureJudge:
    """Sees one face, covered where the first pixel is light; none where it is black."""

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        return [] if image_bgr[0, 0, 0] == 0 else [face()]

    def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
        masked = image_bgr[0, 0, 0] > 127
        return MaskFinding(0.9 if masked else 0.1, 0.1 if masked else 0.9)


def picture(first: int, number: int = 0) -> Image:
    """A picture whose first pixel is for the judge, and whose rest is like no other."""
    image = np.full((*SIZE, 3), number % 251, np.uint8)
    image[0, 0] = first
    image[0, 1] = (number // 251) % 251
    return image


MASKED, BARE, NOBODY = 255, 100, 0

Act = int | DriverError | Exception | None
"""What the next read gives: a picture's first pixel, an error, or nothing in time."""


@dataclass
class ScriptedCamera:
    """Each opening takes the next script; a script is what its reads give, `period_s` apart."""

    clock: ManualClock
    scripts: list[Iterable[Act] | DriverError]
    period_s: float = 0.25
    age_s: float = 0.0
    opened: int = 0
    closed: int = 0
    numbers: int = 0
    _acts: list[Act] = field(default_factory=list)
    same: bool = False

    def open(self) -> DeviceIdentity:
        self.opened += 1
        script = self.scripts.pop(0)
        if isinstance(script, DriverError):
            raise script
        self._acts = list(script)
        return DeviceIdentity("scripted", "0", None, verified_on_hardware=False)

    def read(self, timeout_s: float) -> Frame:
        self.clock.advance(self.period_s)
        act = self._acts.pop(0)
        if isinstance(act, Exception):
            raise act
        if act is None:
            raise NoResponse("camera", "nothing")
        self.numbers += 0 if self.same else 1
        return Frame(self.numbers, self.clock.monotonic() - self.age_s, picture(act, self.numbers))

    def set_exposure(self, gain: float) -> float:
        return 1.0

    def close(self) -> None:
        self.closed += 1
        self._acts = []


@dataclass
class Waits:
    """`wait` for a watcher: keeps the seconds it was asked for, and is over when `until` says so."""

    clock: ManualClock
    until: Callable[[], bool]
    asked: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> bool:
        if seconds > 0:
            self.asked.append(seconds)
            self.clock.advance(seconds)
        return self.until()


def config_of(folder, url: str = "rtsp://127.0.0.1:9/stream", **more: object) -> ObserveConfig:  # type: ignore[no-untyped-def]
    """A post with one camera."""
    return ObserveConfig.model_validate(
        {
            "site": "observe",
            "lane_id": "hall-1",
            "profile": "simulated",
            "state_dir": folder / "state",
            "control_socket": folder / "hall.sock",
            "observe": {"cameras": [{"name": "hall", "url": url}], **more},
        }
    )
