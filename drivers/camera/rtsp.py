"""A network camera (RTSP) through FFmpeg in OpenCV: to look on, never to decide.

It has no line that tells an exposure and no proof that it is live, so `decides` is False and no lane takes one.
`sequence` is our own count, `stamp` the arrival. Untested on real cameras. Not here: what is done with what is seen.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import quote, urlsplit, urlunsplit

import cv2
import numpy as np

from drivers.camera.pump import Pump, opened
from drivers.errors import DeviceRefused, Disconnected, RemoteProtocolError
from drivers.ports import DeviceIdentity, Frame

OPEN_MS, READ_MS = 3000, 900
"""How long the camera may take to begin, and between two frames."""
_LARGEST_PX = 4096 * 4096
# One connection, so that a packet cannot be lost; FFmpeg's own words would hold the address with its password.
_OPTIONS = "rtsp_transport;tcp|loglevel;quiet"


class RtspCamera:
    """`url` is rtsp:// or rtsps://, without user and password: those are given apart, and appear nowhere else."""

    decides = False
    """Whether a decision may rest on it."""

    def __init__(
        self,
        device: str,
        url: str,
        *,
        user: str = "",
        password: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("rtsp", "rtsps") or not parts.hostname:
            raise ValueError("a network camera is rtsp://... or rtsps://...")
        if parts.username or parts.password:
            raise ValueError("give user and password apart from the address, where they are not shown")
        self._device, self._url = device, url
        self._user, self._password = user, password
        self._monotonic = monotonic
        self._pump: Pump[Frame] | None = None
        self._count = 0

    def _address(self) -> str:
        parts = urlsplit(self._url)
        known = f"{quote(self._user, safe='')}:{quote(self._password, safe='')}@" if self._user else ""
        return urlunsplit(parts._replace(netloc=known + parts.netloc))

    def open(self) -> DeviceIdentity:
        """Connect and see the first picture. Raises Disconnected, DeviceRefused."""
        self.close()
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", _OPTIONS)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
        capture = cv2.VideoCapture(self._address(), cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            capture.release()
            raise Disconnected(
                self._device,
                f"{self._url} cannot be opened: is the address right, the camera on, user and password right?",
            )
        size = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if size > _LARGEST_PX:
            capture.release()
            raise DeviceRefused(self._device, f"its pictures have {size:.0f} pixels, {_LARGEST_PX} are the most")
        self._count = 0
        self._pump = Pump(self._device, partial(self._step, capture), capture.release)
        self._pump.start()
        return DeviceIdentity(f"RTSP {self._url}", "unknown", None, verified_on_hardware=False)

    def _step(self, capture: cv2.VideoCapture) -> Frame:
        good, image = capture.read()
        if not good or image is None:
            raise Disconnected(self._device, f"{self._url} has sent no picture for {READ_MS} ms, or hung up")
        if image.size > 3 * _LARGEST_PX:
            raise RemoteProtocolError(self._device, "a picture larger than agreed came")
        number, self._count = self._count, self._count + 1
        return Frame(number, self._monotonic(), np.asarray(image, dtype=np.uint8))

    def read(self, timeout_s: float) -> Frame:
        """The oldest unread frame of the newest few. Raises NoResponse after `timeout_s`, Disconnected."""
        return opened(self._pump, self._device).take(timeout_s)

    def set_exposure(self, gain: float) -> float:  # noqa: ARG002 - a network camera exposes as it likes
        """Always 1.0."""
        opened(self._pump, self._device)
        return 1.0

    def close(self) -> None:
        """Hang up. Never raises."""
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.stop()
