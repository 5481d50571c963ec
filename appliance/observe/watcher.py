"""One camera's thread: opens it, judges some of its pictures, tells what changed, opens it again when it is lost.

It tells through `tell`, from its own thread. Not here: what an alert becomes (post), what a picture is (the driver).
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from appliance.clock import Clock
from appliance.face.geometry import Box
from appliance.face.mask_detector import MaskFinding
from appliance.face.types import DetectedFace, Image
from appliance.observe.tracks import MOST_FACES, Ended, Raised, Seen, Tracks, Votes
from drivers.errors import Disconnected, DriverError, NoResponse
from drivers.ports import Camera, Frame

BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
STILL_S = 5.0
"""From when the same picture again and again, or none judged at all, is a lost link."""
SMALLEST_EYES_PX = 20.0
"""Smaller faces were left out where the detector of masks was measured (docs/masks.md): nothing is said of them."""
_OLDEST_S = 1.0
_READ_S = 0.5
_AROUND = 0.4
_PICTURE_PX = 320
_log = logging.getLogger(__name__)


class Judge(Protocol):
    """Finds faces and says which are covered."""

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        """Every face, the largest first."""
        ...

    def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
        """Whether a medical mask covers its lower half."""
        ...


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Pictures come."""

    camera: str


@dataclass(frozen=True, slots=True)
class LinkLost:
    """They do not, or not any more."""

    camera: str
    problem: str


@dataclass(frozen=True, slots=True)
class FaceCovered:
    """A track of this camera is to be shown; `picture` is the JPEG of the face with its surroundings."""

    camera: str
    raised: Raised
    picture: bytes


@dataclass(frozen=True, slots=True)
class FaceGone:
    """It is out of sight, and why."""

    camera: str
    track: int
    because: str


News = LinkUp | LinkLost | FaceCovered | FaceGone


class Watcher:
    """`wait` sleeps the given seconds and is True when the watch is over; `run` is the thread's body."""

    def __init__(
        self,
        name: str,
        camera: Camera,
        judge: Judge,
        clock: Clock,
        tell: Callable[[News], None],
        *,
        votes: Votes,
        rate: float,
        wait: Callable[[float], bool],
    ) -> None:
        self.name = name
        self._camera, self._judge, self._clock, self._tell = camera, judge, clock, tell
        self._wait = wait
        self._period_s = 1.0 / rate
        self._tracks = Tracks(votes)
        self._last: Frame | None = None
        self.judged_at = float("-inf")
        """When a new picture was last judged, monotonic seconds; read by others."""
        self.faces = 0
        """How many faces it had."""

    def run(self) -> None:
        """Watch until `wait` says that it is over."""
        attempt = 0
        while not self._wait(0.0):
            try:
                self._watch()
            except DriverError as error:
                problem = error.message
            except Exception:
                # A picture that our own code cannot take must not end the watch of this camera for good.
                _log.exception("camera %s: the watch has failed", self.name)
                problem = "the watch has failed; see the log"
            else:
                problem = "the watch is over"
            finally:
                self._camera.close()
            attempt = 0 if self._last is not None else attempt
            self._lose(problem)
            if self._wait(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]):
                return
            attempt += 1

    def _watch(self) -> None:
        """From opening until the watch is over. Raises DriverError."""
        self._camera.open()
        opened = self._clock.monotonic()
        while not self._wait(0.0):
            try:
                frame = self._camera.read(_READ_S)
            except NoResponse:
                frame = None
            now = self._clock.monotonic()
            if frame is not None and self._is_new(frame, now):
                first, self._last = self._last is None, frame
                if first:
                    self.judged_at = now
                    self._tell(LinkUp(self.name))
                self._judge_it(frame)
                self.judged_at = self._clock.monotonic()
            elif now - (self._last.stamp if self._last is not None else opened) > STILL_S:
                raise Disconnected(self.name, f"no new picture for {STILL_S:.0f} s; is the camera's picture frozen?")

    def _is_new(self, frame: Frame, now: float) -> bool:
        """Not a backlog, not too soon after the last one judged, and not the same picture: a stream whose picture
        stands still has good packets, and must not look alive.
        """
        if now - frame.stamp > _OLDEST_S:
            return False
        if self._last is None:
            return True
        return frame.stamp - self._last.stamp >= self._period_s and not np.array_equal(frame.image, self._last.image)

    def _judge_it(self, frame: Frame) -> None:
        image = frame.image
        seen = [self._seen(image, face) for face in self._judge.detect(image)[:MOST_FACES]]
        self.faces = len(seen)
        for one in self._tracks.step(frame.stamp, seen):
            match one:
                case Raised():
                    self._tell(FaceCovered(self.name, one, picture_of(image, one.box)))
                case Ended(track):
                    self._tell(FaceGone(self.name, track, "out of sight"))

    def _seen(self, image: Image, face: DetectedFace) -> Seen:
        if not face.inter_eye_distance >= SMALLEST_EYES_PX:
            return Seen(face.box, None)
        found = self._judge.look(image, face)
        return Seen(face.box, found.covered, found.masked)

    def _lose(self, problem: str) -> None:
        self._last = None
        for ended in self._tracks.end():
            self._tell(FaceGone(self.name, ended.track, "link lost"))
        self._tell(LinkLost(self.name, problem))


def picture_of(image: Image, box: Box) -> bytes:
    """The face with its surroundings as JPEG, no side above 320 pixels; empty when the box lies outside."""
    box = tuple(np.nan_to_num(box).tolist())
    width, height = box[2] - box[0], box[3] - box[1]
    x1, x2 = (round(np.clip(x, 0, image.shape[1])) for x in (box[0] - _AROUND * width, box[2] + _AROUND * width))
    y1, y2 = (round(np.clip(y, 0, image.shape[0])) for y in (box[1] - _AROUND * height, box[3] + _AROUND * height))
    cut = image[y1:y2, x1:x2]
    if cut.size == 0:
        return b""
    scale = min(1.0, _PICTURE_PX / max(cut.shape[:2]))
    size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
    return cv2.imencode(".jpg", cv2.resize(cut, size, interpolation=cv2.INTER_AREA))[1].tobytes()


def thread_of(watcher: Watcher) -> threading.Thread:
    """Its thread, not yet started. A daemon: native code that hangs in a stream must not hold up the end."""
    return threading.Thread(target=watcher.run, name=f"watch {watcher.name}", daemon=True)
