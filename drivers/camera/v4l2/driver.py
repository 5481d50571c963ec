"""A camera of the kernel's video interface. Untested on real hardware.

`sequence` is the kernel's own count since streaming began: a frame lost or broken on the way is a gap. `stamp` is the
kernel's: the start of the exposure where the driver says so (uvcvideo does); a stamp of the end of a frame is set back
by one frame period, the longest an exposure can have lasted; without a monotonic stamp it is the arrival, set back too.
Source: the kernel's userspace API for video (streaming I/O, memory mapping). Not here: freshness (fresh.py), which
exposure is right (vision).
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from drivers.camera.pump import Pump, opened
from drivers.camera.v4l2 import abi
from drivers.camera.v4l2.kernel import Kernel, Linux
from drivers.camera.v4l2.pixels import DEPTH, FORMATS, PictureBroken, decode
from drivers.camera.v4l2.stream import Picture, Stream
from drivers.errors import DeviceRefused, Disconnected, IdentityMismatch, RemoteProtocolError
from drivers.ports import DeviceIdentity, Frame

T = TypeVar("T")

_LOOK_S = 0.1
"""How often a silent camera is looked after: well within the second in which an unplugged one must be noticed."""
_BROKEN_IN_A_ROW = 10
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
        self._broken = self._in_a_row = 0
        self._stream: Stream | None = None
        self._pump: Pump[Picture] | None = None

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
        self._stream, self._broken, self._in_a_row = stream, 0, 0
        self._pump = Pump(self._device, partial(self._step, stream), stream.close)
        self._pump.start()
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

    def _step(self, stream: Stream) -> Picture | None:
        """One delivery of the kernel, on the pump's thread."""
        picture = stream.next(_LOOK_S)
        if picture is None:
            # A camera that is gone may be silent instead of broken; asking it who it is tells.
            stream.capability()
            return None
        if not picture.broken:
            self._in_a_row = 0
            return picture
        self._in_a_row += 1
        if self._in_a_row >= _BROKEN_IN_A_ROW:
            raise RemoteProtocolError(
                self._device,
                f"{self._in_a_row} broken frames in a row; check the cable, or the bandwidth of the bus",
            )
        return None

    def read(self, timeout_s: float) -> Frame:
        """The oldest unread frame of the last four. Raises NoResponse after `timeout_s`, Disconnected."""
        return Frame(*self.take(timeout_s, self._image))

    def _image(self, picture: Picture) -> NDArray[np.uint8]:
        return decode(picture.data, picture.pixel_format, self._width, self._height, picture.stride)

    def take(self, timeout_s: float, decode: Callable[[Picture], T]) -> tuple[int, float, T]:
        """As `read`, for what is no picture: sequence, stamp, and what `decode` makes of it (or PictureBroken)."""
        deadline = self._monotonic() + timeout_s
        while True:
            picture = opened(self._pump, self._device).take(deadline - self._monotonic())
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
        self._stream = None
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.stop()


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
