"""Cameras of the kernel's video interface (V4L2) by OpenCV. Untested on real hardware.

OpenCV tells no V4L2 sequence number: `sequence` is our own count, so frames lost inside the kernel show only as a
jump of the stamp. `stamp` is the V4L2 buffer time (CAP_PROP_POS_MSEC) when it is monotonic, else the arrival.
Not here: freshness (fresh.py), which exposure is right (vision).
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from drivers.errors import DeviceRefused, Disconnected, DriverError, NoResponse
from drivers.ports import DeviceIdentity, Frame

_KEPT_FRAMES = 4
_PLAUSIBLE_AGE_S = 1.0
_JOIN_S = 2.0
# V4L2 counts exposure_time_absolute in steps of 100 us; 1 is V4L2_EXPOSURE_MANUAL.
_EXPOSURE_STEP_US = 100
_EXPOSURE_BY_HAND = 1


class OpenCvCamera:
    """`path` is a device node, best a /dev/v4l/by-path name; files and addresses are refused.

    `fourcc` asks for a pixel format ("MJPG", "YUYV", "GREY"); None leaves the device's own. `exposure_us` is the
    longest exposure, set by hand; None leaves the device's own, and `set_exposure` without effect.
    """

    def __init__(
        self,
        device: str,
        path: str,
        *,
        width: int,
        height: int,
        fps: float,
        fourcc: str | None = None,
        exposure_us: int | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device = device
        self._path = Path(path)
        self._size = (width, height)
        self._fps = fps
        self._fourcc = fourcc
        self._exposure_us = exposure_us
        self._wanted_us: int | None = None
        self._monotonic = monotonic
        self._check_path()
        self._frames: deque[Frame] = deque(maxlen=_KEPT_FRAMES)
        self._change = threading.Condition()
        self._failure: DriverError | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def _check_path(self) -> None:
        """Recorded pictures must never stand in for a traveller, so only device nodes are cameras."""
        if self._path.parts[:2] != ("/", "dev") or ".." in self._path.parts:
            raise ValueError(f"camera path {self._path} is not below /dev; a recording is no camera")

    def _capture(self) -> cv2.VideoCapture:
        """The seam for tests: what OpenCV opens."""
        return cv2.VideoCapture(str(self._path), cv2.CAP_V4L2)

    def open(self) -> DeviceIdentity:
        """Start streaming in the settings asked for. Raises Disconnected, DeviceRefused."""
        self.close()
        if not self._path.exists():
            raise Disconnected(self._device, f"{self._path} does not exist; plug the camera in or correct its path")
        capture = self._capture()
        if not capture.isOpened():
            capture.release()
            raise Disconnected(self._device, f"{self._path} cannot be opened as a camera; is another program using it?")
        try:
            self._configure(capture)
        except DriverError:
            capture.release()
            raise
        self._frames.clear()
        self._failure = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._pump, args=(capture, self._stopping), name=f"camera {self._device}", daemon=True
        )
        self._thread.start()
        return DeviceIdentity(model=self._model(), firmware="unknown", serial_number=None, verified_on_hardware=False)

    def _configure(self, capture: cv2.VideoCapture) -> None:
        width, height = self._size
        if self._fourcc is not None:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*self._fourcc))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_FPS, self._fps)
        # Fewer buffers in the kernel, fewer frames of the past after a stall.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)
        given = (round(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        if given != self._size:
            raise DeviceRefused(
                self._device, f"asked for {width}x{height}, gives {given[0]}x{given[1]}; choose a size it has"
            )
        if self._exposure_us is not None:
            capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _EXPOSURE_BY_HAND)
            if not capture.set(cv2.CAP_PROP_EXPOSURE, _steps(self._exposure_us)):
                raise DeviceRefused(
                    self._device, f"does not take an exposure of {self._exposure_us} us; leave exposure_us out"
                )

    def _model(self) -> str:
        name = Path("/sys/class/video4linux") / self._path.resolve().name / "name"
        try:
            return name.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return "unknown"

    # --- the thread: the only place where OpenCV may block -------------------------------------------------

    def _pump(self, capture: cv2.VideoCapture, stopping: threading.Event) -> None:
        try:
            self._stream(capture, stopping)
        except DriverError as failure:
            self._fail(failure, stopping)
        except cv2.error as error:
            self._fail(Disconnected(self._device, f"{self._path}: {error}"), stopping)
        finally:
            capture.release()

    def _stream(self, capture: cv2.VideoCapture, stopping: threading.Event) -> None:
        sequence, last_stamp = 0, float("-inf")
        while not stopping.is_set():
            wanted, self._wanted_us = self._wanted_us, None
            if wanted is not None and not capture.set(cv2.CAP_PROP_EXPOSURE, _steps(wanted)):
                raise DeviceRefused(self._device, f"does not take an exposure of {wanted} us")
            good, image = capture.read()
            now = self._monotonic()
            # OpenCV has returned success with the old picture after an unplug (opencv issue 14044).
            if not self._path.exists():
                raise Disconnected(self._device, f"{self._path} was unplugged")
            if not good or image is None:
                raise Disconnected(self._device, f"{self._path} stopped giving frames")
            stamp = self._stamp(capture, now)
            if stamp > last_stamp:
                self._deliver(Frame(sequence, stamp, np.asarray(image, dtype=np.uint8)), stopping)
                sequence, last_stamp = sequence + 1, stamp

    def _stamp(self, capture: cv2.VideoCapture, now: float) -> float:
        told = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        # Some drivers stamp with the wall clock, or not at all; then the arrival is the nearest truth.
        return told if 0 <= now - told <= _PLAUSIBLE_AGE_S else now

    def _deliver(self, frame: Frame, stopping: threading.Event) -> None:
        with self._change:
            if not stopping.is_set():
                self._frames.append(frame)
                self._change.notify_all()

    def _fail(self, failure: DriverError, stopping: threading.Event) -> None:
        with self._change:
            if not stopping.is_set():
                self._failure = failure
                self._change.notify_all()

    # --- the caller's side ----------------------------------------------------------------------------------

    def read(self, timeout_s: float) -> Frame:
        """The oldest unread frame of the last four. Raises NoResponse after `timeout_s`, Disconnected."""
        with self._change:
            if self._thread is None:
                raise Disconnected(self._device, "the camera is not open")
            self._change.wait_for(lambda: self._frames or self._failure, timeout_s)
            if self._frames:
                return self._frames.popleft()
            if self._failure is not None:
                raise self._failure
        if not self._path.exists():
            raise Disconnected(self._device, f"{self._path} was unplugged")
        raise NoResponse(self._device, f"no new frame for {timeout_s} s; check the cable and the trigger line")

    def set_exposure(self, gain: float) -> float:
        """Expose for this share of the longest exposure, from one of the next frames on; 1.0 where it is fixed."""
        if self._exposure_us is None:
            return 1.0
        steps = max(1, round(self._exposure_us * min(gain, 1.0) / _EXPOSURE_STEP_US))
        # OpenCV's capture is not to be touched by two threads: the one that reads sets it, too.
        self._wanted_us = steps * _EXPOSURE_STEP_US
        return min(1.0, self._wanted_us / self._exposure_us)

    def close(self) -> None:
        """Stop streaming. Never raises; a thread stuck in the kernel is left to end by itself."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(RuntimeError):
                thread.join(_JOIN_S)


def _steps(exposure_us: int) -> float:
    return max(1, round(exposure_us / _EXPOSURE_STEP_US))
