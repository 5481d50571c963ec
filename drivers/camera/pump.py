"""The thread that takes what a camera delivers, and keeps the newest: a camera must never wait for whoever reads it.

Not here: what a delivery is (the driver), freshness (fresh).
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from drivers.errors import Disconnected, DriverError, NoResponse

T = TypeVar("T")

_KEPT = 4
_JOIN_S = 2.0


class Pump(Generic[T]):
    """`step` waits a moment and gives a delivery or None; what it raises ends the stream. `end` frees the camera.

    Both run on the thread, `end` always and last. `start` begins it, `stop` asks it to end.
    """

    def __init__(self, device: str, step: Callable[[], T | None], end: Callable[[], None]) -> None:
        self._device = device
        self._step, self._end = step, end
        self._kept: deque[T] = deque(maxlen=_KEPT)
        self._failure: DriverError | None = None
        self._change = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {device}", daemon=True)

    def start(self) -> None:
        """Begin. Once only."""
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                delivery = self._step()
                if delivery is not None:
                    self._tell(delivery)
        except DriverError as error:
            self._tell(error)
        except Exception as bug:
            self._tell(DriverError(self._device, f"the camera thread has failed: {bug!r}"))
        finally:
            self._end()

    def _tell(self, news: T | DriverError) -> None:
        with self._change:
            if self._stopping.is_set():
                return
            if isinstance(news, DriverError):
                self._failure = news
            else:
                self._kept.append(news)
            self._change.notify_all()

    def take(self, timeout_s: float) -> T:
        """The oldest delivery kept. Raises NoResponse after `timeout_s`, and what ended the stream."""
        with self._change:
            self._change.wait_for(lambda: self._kept or self._failure, max(0.0, timeout_s))
            if self._kept:
                return self._kept.popleft()
            if self._failure is not None:
                raise type(self._failure)(self._failure.device, self._failure.message)
        raise NoResponse(self._device, "no new frame in the time allowed; check the cable and the trigger line")

    def stop(self) -> None:
        """Ask it to end and wait a moment. Never raises; a thread stuck in a driver is left to end by itself."""
        self._stopping.set()
        with contextlib.suppress(RuntimeError):
            self._thread.join(_JOIN_S)


def opened(pump: "Pump[T] | None", device: str) -> "Pump[T]":
    """The pump of an open camera. Raises Disconnected."""
    if pump is None:
        raise Disconnected(device, "the camera is not open")
    return pump
