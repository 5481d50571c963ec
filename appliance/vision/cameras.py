"""The cameras of a lane, read side by side: a burst takes as long as the slowest camera, not as all together.

Not responsible for what a frame shows, nor for which LED lit it (the illuminator's log says that).
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np

from appliance import devices
from appliance.camera_config import CamerasConfig
from appliance.clock import Clock
from appliance.liveness.burst import Exposure
from drivers.camera.fresh import FreshCamera
from drivers.errors import Disconnected, DriverError, RemoteProtocolError
from drivers.ports import DeviceIdentity, Frame

FRAME_TIMEOUT_S = 0.5
_RGB_EARLIER_S = 0.05
"""How much older than the middle of the burst the visible frame may be."""
_MIDDLE = 1 / 2
_LOOKS = (1 / 6, _MIDDLE, 2 / 3)
"""When visible frames are asked for, as shares of the burst: the last early enough not to lengthen it, with a visible
camera at least half as fast as the others."""
_SETTLING = 2
"""Frames after a change of the exposure that may still have the old one."""
Log = Mapping[int, str | None]
"""The illuminator's log of one burst: number of the exposure, and the LED that lit it."""


@dataclass
class Shots:
    """What a burst has brought so far: frames of the switched cameras, and the visible one from its middle.

    `starts` are the numbers of the frames that the illuminators count as exposure 0.
    """

    frames: dict[str, list[Frame]] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)
    rgb: Frame | None = None

    def exposures(self, logs: Mapping[str, Log]) -> tuple[Exposure, ...]:
        """Frames of which the illuminator knows what lit them; what it does not know of proves nothing."""
        return tuple(
            Exposure(name, logs[name][number], _mono(frame), number, frame.stamp, self.gains[name])
            for name, frames in self.frames.items()
            for frame in frames
            if (number := frame.sequence - self.starts[name]) in logs.get(name, {})
        )


def _mono(frame: Frame) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    # A grey camera behind OpenCV delivers its one channel three times.
    return frame.image if frame.image.ndim == 2 else np.ascontiguousarray(frame.image[..., 0])


class Cameras:
    """All cameras of the configuration. Blocking; every method raises DriverError of the camera concerned."""

    def __init__(self, config: CamerasConfig, module: str | None, clock: Clock) -> None:
        self._config, self._module, self._clock = config, module, clock
        self._open: dict[str, FreshCamera] = {}
        self._gains: dict[str, float] = {}
        self._starts: dict[str, int] = {}
        self._readers = ThreadPoolExecutor(len(config.all), thread_name_prefix="camera")

    def open(self) -> dict[str, DeviceIdentity]:
        """Open all of them anew. Raises ConfigError, too."""
        self.close()
        identities = {}
        for name, config in self._config.all.items():
            device = f"camera.{name}"
            fresh = FreshCamera(devices.camera(device, config, self._module), self._clock.monotonic, device=device)
            identities[name] = fresh.open()
            self._open[name] = fresh
            self._gains[name], self._starts[name] = 1.0, 0
        return identities

    def close(self) -> None:
        """Close them. Never raises."""
        while self._open:
            self._open.popitem()[1].close()

    def end(self) -> None:
        """Close them for good."""
        self.close()
        self._readers.shutdown()

    @property
    def names(self) -> tuple[str, ...]:
        """Every camera of the lane."""
        return tuple(self._config.all)

    @property
    def switched(self) -> tuple[str, ...]:
        """Cameras that see by the light of LEDs."""
        return tuple(name for name in self._config.all if name != "rgb")

    def read(self, name: str) -> Frame:
        """The next frame of one camera."""
        if name not in self._open:
            raise Disconnected(f"camera.{name}", "the camera is not open")
        frame = self._open[name].read(FRAME_TIMEOUT_S)
        if name == "rgb" and frame.image.ndim != 3:
            raise RemoteProtocolError("camera.rgb", "its pictures are grey; a colour camera is needed here")
        return frame

    def alive(self) -> None:
        """One fresh frame of each proves all."""
        _all(self._readers.submit(self.read, name) for name in self._config.all)

    def align(self, after: float) -> None:
        """The illuminators were set to zero at `after`: the first frame since then is their exposure 0."""

        def first(name: str) -> None:
            self._starts[name] = self._since(name, after).sequence

        _all(self._readers.submit(first, name) for name in self.switched)

    def _since(self, name: str, after: float) -> Frame:
        """The next frame that was not exposed before `after`: a driver hands out what it has kept."""
        while (frame := self.read(name)).stamp < after:
            pass
        return frame

    def expose(self, gains: Mapping[str, float]) -> dict[str, float]:
        """Set the exposures, as shares of the longest; what is in force then."""
        for name, gain in gains.items():
            if name not in self._open:
                raise Disconnected(f"camera.{name}", "the camera is not open")
            before = self._gains[name]
            if gain != before:
                self._gains[name] = self._open[name].set_exposure(gain)
            for _ in range(_SETTLING if self._gains[name] != before else 0):
                self.read(name)
        return {name: self._gains[name] for name in gains}

    def burst(
        self, counts: Mapping[str, int], after: float, on_rgb: Callable[[Frame, bool], None] | None = None
    ) -> Shots:
        """So many frames of each switched camera, none exposed before `after`, and one of the visible one.

        That one is taken half-way through: there the face has moved least against all others. `on_rgb` gets it as soon
        as it is there, told True, and a further visible frame before and after it, told False, while others still come.
        """
        shots = Shots(starts=dict(self._starts), gains=dict(self._gains))
        reached = {share: threading.Event() for share in (_LOOKS if on_rgb is not None else (_MIDDLE,))}

        def switched(name: str, count: int) -> list[Frame]:
            frames = shots.frames.setdefault(name, [])
            try:
                while len(frames) < count:
                    frames.append(self._since(name, after))
                    for share, event in reached.items():
                        if len(frames) >= share * count:
                            event.set()
            finally:
                for event in reached.values():
                    event.set()
            return frames

        def visible() -> None:
            for share, event in reached.items():
                event.wait()
                if share != _MIDDLE and all(len(shots.frames[name]) >= count for name, count in counts.items()):
                    continue
                frame = self._since("rgb", max(after, self._clock.monotonic() - _RGB_EARLIER_S))
                if share == _MIDDLE:
                    shots.rgb = frame
                if on_rgb is not None:
                    on_rgb(frame, share == _MIDDLE)

        # In this order in the log, whichever comes first.
        shots.frames = {name: [] for name in counts}
        seen = self._readers.submit(visible)
        _all([*(self._readers.submit(switched, name, count) for name, count in counts.items()), seen])
        return shots

    def more(self, shots: Shots, counts: Mapping[str, int]) -> None:
        """Further frames of a burst that was read a moment too early."""
        for name, count in counts.items():
            shots.frames[name] += [self.read(name) for _ in range(count)]


def _all(futures: object) -> None:
    """Wait for all of them; then raise what the first of them raised."""
    waiting: list[Future[object]] = list(futures)  # type: ignore[call-overload]
    wait(waiting)
    for future in waiting:
        error = future.exception()
        if isinstance(error, DriverError):
            raise error
    for future in waiting:
        future.result()
