"""A camera of the kernel's video interface. Untested on real hardware.

`sequence` is the kernel's own count since streaming began: a frame lost or broken on the way is a gap. `stamp` is the
kernel's: the start of the exposure where the driver says so (uvcvideo does); a stamp of the end of a frame is set back
by one frame period, the longest an exposure can have lasted; without a monotonic stamp it is the arrival, set back too.
Source: the kernel's userspace API for video (streaming I/O, memory mapping). Not here: freshness (fresh.py), which
exposure is right (vision).
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from drivers.camera.v4l2 import abi
from drivers.camera.v4l2.kernel import Kernel, Linux
from drivers.camera.v4l2.pixels import DEPTH, FORMATS, PictureBroken, decode
from drivers.camera.v4l2.stream import Picture, Stream
from drivers.errors import DeviceRefused, Disconnected, DriverError, IdentityMismatch, NoResponse, RemoteProtocolError
from drivers.ports import DeviceIdentity, Frame

T = TypeVar("T")

_KEPT_PICTURES = 4
_LOOK_S = 0.1
"""How often a silent camera is looked after: well within the second in which an unplugged one must be noticed."""
_BROKEN_IN_A_ROW = 10
_JOIN_S = 2.0
_EXPOSURE_STEP_US = 100
_VIRTUAL = ("v4l2 loopback", "vivid", "vimc")
"""Kernel drivers that make pictures out of what a program gives them."""


class V4l2Camera:
    """`path` is a device node, best a /dev/v4l/by-path name; files and addresses are refused.

    `pixel_format` is one of FORMATS; None takes the first of them that the camera has. `exposure_us` is the longest
    exposure, set by hand together with a fixed gain; None leaves the camera's own, and `set_exposure` without effect.
    `usb_id` ("32e4:9230") and `serial_number` pin the one camera this may be.
    """

    def __init__(
        self,
        device: str,
        path: str,
        *,
        width: int,
        height: int,
        fps: float,
        pixel_format: str | None = None,
        exposure_us: int | None = None,
        usb_id: str | None = None,
        serial_number: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        kernel: Kernel | None = None,
        sysfs: Path = Path("/sys/class/video4linux"),
    ) -> None:
        self._device = device
        self._path = Path(path)
        # Recorded pictures must never stand in for a traveller, so only device nodes are cameras.
        if self._path.parts[:2] != ("/", "dev") or ".." in self._path.parts:
            raise ValueError(f"camera path {path} is not below /dev; a recording is no camera")
        if pixel_format is not None and pixel_format not in (*FORMATS, DEPTH):
            raise ValueError(f"pixel format {pixel_format!r} is not read; {', '.join(FORMATS)} are")
        self._width, self._height, self._fps = width, height, fps
        self._pixel_format = pixel_format
        self._exposure_us = exposure_us
        self._usb_id, self._serial_number = usb_id, serial_number
        self._monotonic = monotonic
        self._kernel = kernel or Linux()
        self._sysfs = sysfs
        self._pictures: deque[Picture] = deque(maxlen=_KEPT_PICTURES)
        self._change = threading.Condition()
        self._failure: DriverError | None = None
        self._broken = 0
        self._stream: Stream | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> DeviceIdentity:
        """Prove the camera, start streaming in the settings asked for. Raises DriverError."""
        self.close()
        stream = Stream(self._device, str(self._path), self._kernel, self._monotonic)
        try:
            identity = self._identity(stream.capability())
            stream.configure(self._width, self._height, self._fps, self._pixel_format)
            if self._exposure_us is not None:
                stream.expose_by_hand()
                self._set_exposure(stream, self._exposure_us)
            stream.start()
        except BaseException:
            stream.close()
            raise
        self._pictures.clear()
        self._failure, self._broken = None, 0
        self._stream = stream
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._pump, args=(stream, self._stopping), name=f"camera {self._device}", daemon=True
        )
        self._thread.start()
        return identity

    def _identity(self, told: abi.Capability) -> DeviceIdentity:
        driver = told.driver.decode("utf-8", "replace")
        if driver.lower() in _VIRTUAL:
            raise IdentityMismatch(
                self._device, f"{self._path} is made by a program (kernel driver {driver}); it is no camera"
            )
        usb = (self._sysfs / self._path.resolve().name / "device").resolve().parent
        serial_number = _text(usb / "serial")
        vendor, product = _text(usb / "idVendor"), _text(usb / "idProduct")
        for what, wanted, found in (
            ("usb_id", self._usb_id, f"{vendor}:{product}" if vendor and product else None),
            ("serial_number", self._serial_number, serial_number),
        ):
            if wanted is not None and wanted != found:
                raise IdentityMismatch(
                    self._device, f"{self._path} is {found or 'a camera without one'}, {what} {wanted} is configured"
                )
        major, minor, patch = told.version >> 16, told.version >> 8 & 0xFF, told.version & 0xFF
        return DeviceIdentity(
            model=told.card.decode("utf-8", "replace"),
            firmware=f"{_text(usb / 'bcdDevice') or 'unknown'}; {driver} {major}.{minor}.{patch}",
            serial_number=serial_number,
            verified_on_hardware=False,
        )

    # --- the thread: the kernel may block here as long as it likes -------------------------------------------

    def _pump(self, stream: Stream, stopping: threading.Event) -> None:
        broken = 0
        try:
            while not stopping.is_set():
                picture = stream.next(_LOOK_S)
                if picture is None:
                    # A camera that is gone may be silent instead of broken; asking it who it is tells.
                    stream.capability()
                    continue
                broken = broken + 1 if picture.broken else 0
                if broken >= _BROKEN_IN_A_ROW:
                    raise RemoteProtocolError(
                        self._device, f"{broken} broken frames in a row; check the cable, or the bandwidth of the bus"
                    )
                if not picture.broken:
                    self._tell(picture, stopping)
        except DriverError as error:
            self._tell(error, stopping)
        except Exception as bug:
            self._tell(DriverError(self._device, f"the camera thread has failed: {bug!r}"), stopping)
        finally:
            stream.close()

    def _tell(self, news: Picture | DriverError, stopping: threading.Event) -> None:
        with self._change:
            if stopping.is_set():
                return
            if isinstance(news, DriverError):
                self._failure = news
            else:
                self._pictures.append(news)
            self._change.notify_all()

    # --- the caller's side -----------------------------------------------------------------------------------

    def read(self, timeout_s: float) -> Frame:
        """The oldest unread frame of the last four. Raises NoResponse after `timeout_s`, Disconnected."""
        return Frame(*self.take(timeout_s, self._image))

    def _image(self, picture: Picture) -> NDArray[np.uint8]:
        return decode(picture.data, picture.pixel_format, self._width, self._height, picture.stride)

    def take(self, timeout_s: float, decode: Callable[[Picture], T]) -> tuple[int, float, T]:
        """As `read`, for what is no picture: sequence, stamp, and what `decode` makes of it (or PictureBroken)."""
        deadline = self._monotonic() + timeout_s
        while True:
            picture = self._next(deadline - self._monotonic(), timeout_s)
            try:
                decoded = decode(picture)
            except PictureBroken as broken:
                # Like a frame the kernel calls broken: a gap, and an error when it goes on.
                self._broken += 1
                if self._broken >= _BROKEN_IN_A_ROW:
                    raise RemoteProtocolError(
                        self._device, f"{self._broken} broken frames in a row: {broken}"
                    ) from broken
            else:
                self._broken = 0
                return picture.sequence, self._stamp(picture), decoded

    def _next(self, left_s: float, timeout_s: float) -> Picture:
        with self._change:
            if self._thread is None:
                raise Disconnected(self._device, "the camera is not open")
            self._change.wait_for(lambda: self._pictures or self._failure, max(0.0, left_s))
            if self._pictures:
                return self._pictures.popleft()
            if self._failure is not None:
                raise self._failure
        raise NoResponse(self._device, f"no new frame for {timeout_s} s; check the cable and the trigger line")

    def _stamp(self, picture: Picture) -> float:
        kind = picture.flags & abi.STAMP_KIND
        stamp = picture.stamp if kind == abi.STAMP_MONOTONIC else picture.arrived
        if kind != abi.STAMP_MONOTONIC or picture.flags & abi.STAMP_SOURCE != abi.STAMP_START_OF_EXPOSURE:
            stamp -= 1 / self._fps
        return stamp

    def set_exposure(self, gain: float) -> float:
        """Expose for this share of the longest exposure, from one of the next frames on; 1.0 where it is fixed."""
        if self._exposure_us is None:
            return 1.0
        stream = self._stream
        if stream is None:
            raise Disconnected(self._device, "the camera is not open")
        return min(1.0, self._set_exposure(stream, self._exposure_us * min(gain, 1.0)) / self._exposure_us)

    def _set_exposure(self, stream: Stream, exposure_us: float) -> int:
        """Microseconds in force. Never more than asked: the light is metered for the longest."""
        steps = max(1, int(exposure_us / _EXPOSURE_STEP_US + 1e-6))
        given = stream.set_control(abi.EXPOSURE_ABSOLUTE, steps)
        if given is None or given > steps:
            limit = "none" if given is None else f"{given * _EXPOSURE_STEP_US} us"
            raise DeviceRefused(
                self._device,
                f"does not take an exposure of {steps * _EXPOSURE_STEP_US} us (it gives {limit}); "
                "correct exposure_us, or leave it out",
            )
        return given * _EXPOSURE_STEP_US

    def close(self) -> None:
        """Stop streaming. Never raises; a thread stuck in the kernel is left to end by itself."""
        self._stopping.set()
        self._stream = None
        thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(RuntimeError):
                thread.join(_JOIN_S)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
