"""A network camera (RTSP) through FFmpeg in OpenCV: to look on, never to decide.

It has no line that tells an exposure and no proof that it is live, so `decides` is False and no lane takes one.
`sequence` is our own count, `stamp` the arrival of the decoded picture with nothing taken off: how long the camera and
the network held it is not known. The stream's own time serves to drop repeated pictures and to notice one that goes
backwards, nothing else. Untested on real cameras. Not here: what is done with what is seen, reconnecting (the owner
opens again).
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import cv2
import numpy as np

from drivers.camera.pump import Pump, opened
from drivers.errors import DeviceRefused, Disconnected, DriverError, RemoteProtocolError
from drivers.ports import DeviceIdentity, Frame

OPEN_MS = 3000
"""How long FFmpeg may take to connect and find out what the stream is."""
LARGEST_PX = 4096 * 4096
# One connection, so that a packet cannot be lost; no sound, whose clock would move the pictures' time about; no
# counting of pictures to find their rate, which keeps twenty back and hands them out late.
_OPTIONS = "rtsp_transport;tcp|allowed_media_types;video|fpsprobesize;0"
_QUIET = -8
_VERBOSE = 40
_SHARE_OF_SILENCE = 0.9
_MOST_HELD = 300
_opening = threading.Lock()


class RtspCamera:
    """`url` is rtsp:// or rtsps://, without user and password: those are given apart, and appear nowhere else.

    No error, log line, repr or identity holds more of the address than its host and port, because many cameras take
    user and password in the path or the query too. `silence_s` without a new picture ends the stream; 1.0 suits five
    pictures a second and more. `largest_px` is the most pixels of a picture. rtsps:// hides the stream from listeners
    only: FFmpeg does not check the certificate.
    """

    decides = False
    """Whether a decision may rest on it."""

    def __init__(
        self,
        device: str,
        url: str,
        *,
        user: str = "",
        password: str = "",
        silence_s: float = 1.0,
        largest_px: int = LARGEST_PX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device = device
        self._scheme, self._host, self._rest = _taken_apart(url)
        if not (user + password).isprintable() or (password and not user):
            raise ValueError("user and password are printable, and a password needs a user")
        if not 0.1 <= silence_s <= 60.0:
            raise ValueError(f"silence_s is {silence_s}, 0.1 to 60 seconds are taken")
        self._known = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
        self._silence_s, self._largest_px = silence_s, largest_px
        self._monotonic = monotonic
        self._pump: Pump[Frame] | None = None

    def open(self) -> DeviceIdentity:
        """Connect and see pictures, which are thrown away until they come as they are taken.

        Raises Disconnected (no picture, nobody there, wrong user or password: FFmpeg does not tell the last two apart)
        and DeviceRefused.
        """
        self.close()
        capture = self._connected()
        width, height = (int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > self._largest_px:
            capture.release()
            raise DeviceRefused(
                self._device,
                f"its pictures are {width} x {height}, {self._largest_px} pixels are the most; set a smaller size",
            )
        stream = _Stream(self._device, self._shown(), capture, self._silence_s, self._largest_px, self._monotonic)
        # FFmpeg calls a stream open that has never sent a picture.
        if not stream.caught_up():
            capture.release()
            raise Disconnected(self._device, f"{self._shown()} answers, but sends no picture; is its encoder on?")
        self._pump = Pump(self._device, stream.step, capture.release)
        self._pump.start()
        return DeviceIdentity(f"RTSP {self._shown()}", "unknown", None, verified_on_hardware=False)

    def _shown(self) -> str:
        return f"{self._scheme}://{self._host}"

    def _connected(self) -> cv2.VideoCapture:
        if self._known and _talkative():
            raise DeviceRefused(
                self._device, "OPENCV_FFMPEG_LOGLEVEL would have FFmpeg print the password; unset it and start again"
            )
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
            OPEN_MS,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC,
            int(1000 * self._silence_s * _SHARE_OF_SILENCE),
            # Every thread of a decoder holds back one picture more; one decodes 4K.
            cv2.CAP_PROP_N_THREADS,
            1,
        ]
        address = f"{self._scheme}://{self._known}{self._host}{self._rest}"
        with _silenced():
            try:
                capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits)
            except cv2.error:
                # OpenCV's own words may hold the address.
                raise DriverError(
                    self._device, "OpenCV cannot open network streams; is FFmpeg in this build?"
                ) from None
        if not capture.isOpened():
            capture.release()
            raise Disconnected(
                self._device,
                f"{self._shown()} cannot be opened: is the address right, the camera on, user and password right?",
            )
        return capture

    def read(self, timeout_s: float) -> Frame:
        """The oldest unread frame of the newest four. Raises NoResponse after `timeout_s`, Disconnected when the stream
        was silent for `silence_s` or ended, RemoteProtocolError when its time went backwards.
        """
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


class _Stream:
    """What comes over one connection, until it is silent, too large or goes backwards."""

    def __init__(
        self,
        device: str,
        shown: str,
        capture: cv2.VideoCapture,
        silence_s: float,
        largest_px: int,
        monotonic: Callable[[], float],
    ) -> None:
        self._device, self._shown, self._capture = device, shown, capture
        self._silence_s, self._largest_px, self._monotonic = silence_s, largest_px, monotonic
        self._count = 0
        self._told_ms = float("-inf")
        self._last_at = monotonic()

    def caught_up(self) -> bool:
        """Throw away what FFmpeg has held back to understand the stream, which would be taken for new. False when no
        picture comes. It is done when pictures come no faster than they were taken.
        """
        until = self._monotonic() + OPEN_MS / 1000
        before_ms, before = float("-inf"), self._last_at
        for _ in range(_MOST_HELD):
            if not self._capture.grab():
                return False
            told_ms, self._last_at = self._capture.get(cv2.CAP_PROP_POS_MSEC), self._monotonic()
            if self._last_at - before >= (told_ms - before_ms) / 2000 or self._last_at > until:
                break
            before_ms, before = told_ms, self._last_at
        return True

    def step(self) -> Frame | None:
        """The next picture, or None for one that was repeated. Raises DriverError when the stream is over."""
        good, image = self._capture.read()
        now = self._monotonic()
        if not good or image is None:
            silent = now - self._last_at >= self._silence_s * _SHARE_OF_SILENCE / 2
            why = f"has sent no picture for {now - self._last_at:.1f} s" if silent else "has hung up"
            raise Disconnected(self._device, f"{self._shown} {why}; is it on, and the network whole?")
        if image.shape[0] * image.shape[1] > self._largest_px:
            raise RemoteProtocolError(self._device, f"a picture of more than {self._largest_px} pixels came")
        if not self._later(self._capture.get(cv2.CAP_PROP_POS_MSEC)):
            if now - self._last_at > self._silence_s * _SHARE_OF_SILENCE:
                raise Disconnected(self._device, f"{self._shown} only repeats a picture; restart the camera")
            return None
        self._last_at = now
        number, self._count = self._count, self._count + 1
        return Frame(number, now, np.asarray(image, dtype=np.uint8))

    def _later(self, told_ms: float) -> bool:
        # FFmpeg gives 0 for a picture without a time; such a stream is taken as it comes.
        if told_ms == 0.0:
            return True
        if told_ms < self._told_ms:
            back = (self._told_ms - told_ms) / 1000
            raise RemoteProtocolError(self._device, f"its pictures' time went back by {back:.3f} s; open it again")
        new = told_ms > self._told_ms
        self._told_ms = told_ms
        return new


def _taken_apart(url: str) -> tuple[str, str, str]:
    """Scheme, host with port, and what follows. Raises ValueError, which repeats nothing of the address."""
    parts = port = None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("rtsp", "rtsps") or not parts.hostname:
        raise ValueError("a network camera is rtsp://host[:port]/... or rtsps://host[:port]/...")
    # A password with a slash in it would end the host, so an @ anywhere is one too many.
    if "@" in url:
        raise ValueError("give user and password apart from the address, where they are not shown")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("an address is printable ASCII without blanks")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    host += f":{port}" if port else ""
    return parts.scheme, host, parts.path + (f"?{parts.query}" if parts.query else "")


def _talkative() -> bool:
    """Whether somebody asked FFmpeg to print what it sends. It is asked once a process, so later it is too late."""
    told = os.environ.get("OPENCV_FFMPEG_LOGLEVEL", str(_QUIET))
    try:
        return int(told) > _VERBOSE
    except ValueError:
        return False


@contextmanager
def _silenced() -> Iterator[None]:
    """FFmpeg told to be quiet and to use TCP, OpenCV quiet for the moment it has the address (it opens one at a time
    anyway). Both belong to the whole process; there is no other way to tell them.
    """
    with _opening:
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = _OPTIONS
        if not _talkative():
            os.environ["OPENCV_FFMPEG_LOGLEVEL"] = str(_QUIET)
        before = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(before)
