"""Lets only fresh frames through: a stuck, repeated or replayed picture must never be judged as a living face.

What is no picture at all (`ports.Frame`) is the camera's failure, and no detector ever sees it. Works on any
`ports.Camera`. Not here: whether the frame answers to the light (liveness).
"""

from collections.abc import Callable

import numpy as np

from drivers.errors import RemoteProtocolError, StaleFrame
from drivers.ports import Camera, DeviceIdentity, Frame

_CLOCK_SLACK_S = 0.005
_SAMPLE_ROWS = 8
_SIDES_PX = range(16, 8193)
"""Smaller shows nobody, and larger is no camera of a lane."""


class FreshCamera:
    """`ports.Camera` that raises StaleFrame for a frame that is old, from the future, repeated or backwards."""

    def __init__(
        self, camera: Camera, monotonic: Callable[[], float], max_age_s: float = 0.2, *, device: str = "camera"
    ) -> None:
        self._camera = camera
        self._monotonic = monotonic
        self._max_age_s = max_age_s
        self._device = device
        self._last: Frame | None = None

    def open(self) -> DeviceIdentity:
        """Open the camera; what was seen before counts no more."""
        self._last = None
        return self._camera.open()

    def read(self, timeout_s: float) -> Frame:
        """The next frame, at most `max_age_s` old.

        Raises StaleFrame, RemoteProtocolError for what is no picture, and what the camera raises.
        """
        frame = self._camera.read(timeout_s)
        if not _is_picture(frame):
            raise RemoteProtocolError(
                self._device, f"frame {frame.sequence} is no picture: {frame.image.shape} {frame.image.dtype}"
            )
        complaint = self._complaint(frame)
        if complaint is not None:
            raise StaleFrame(self._device, complaint)
        self._last = frame
        return frame

    def _complaint(self, frame: Frame) -> str | None:
        age = self._monotonic() - frame.stamp
        if age > self._max_age_s:
            return f"frame {frame.sequence} is {age:.3f} s old, {self._max_age_s} s are allowed"
        if age < -_CLOCK_SLACK_S:
            return f"frame {frame.sequence} is stamped {-age:.3f} s in the future"
        if self._last is None:
            return None
        if frame.sequence <= self._last.sequence:
            return f"frame {frame.sequence} came after {self._last.sequence}"
        if frame.stamp <= self._last.stamp:
            return f"frame {frame.sequence} is not later than the one before it"
        if _same_picture(frame, self._last):
            return f"frame {frame.sequence} is the picture of frame {self._last.sequence}"
        return None

    def set_exposure(self, gain: float) -> float:
        """As the camera does it."""
        return self._camera.set_exposure(gain)

    def close(self) -> None:
        """Close the camera."""
        self._last = None
        self._camera.close()


def _is_picture(frame: Frame) -> bool:
    image = frame.image
    layout = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    return layout and image.dtype == np.uint8 and all(side in _SIDES_PX for side in image.shape[:2])


def _same_picture(frame: Frame, last: Frame) -> bool:
    """Every pixel equal. A sensor's noise makes that impossible, except where every pixel is black or saturated."""
    if frame.image.shape != last.image.shape:
        return False
    # Two living frames differ within the first rows, so the whole picture is seldom compared.
    if not np.array_equal(frame.image[:_SAMPLE_ROWS], last.image[:_SAMPLE_ROWS]):
        return False
    if frame.image.min() == frame.image.max():
        return False
    return np.array_equal(frame.image, last.image)
