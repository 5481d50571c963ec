"""Presence by one overhead depth sensor, whatever its make: frames from an injected source, judged against the floor.

A judgement counts after `agree` fresh frames in a row have given it; an old, repeated or poor frame is undetermined.
Not here: how a make of sensor delivers frames (the source), shapes (heads), what follows from the count (core).
Advises only: a person-protecting device is the curtain or mat behind its safety relay.
"""

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from drivers.errors import Disconnected, DriverError, IdentityMismatch, RemoteProtocolError
from drivers.ports import DepthFrame, DeviceIdentity, Presence
from drivers.sensing.floor import Floor, Heights
from drivers.sensing.heads import Scene, Thing, look

LEAST_MEASURED = 0.75
_MOST_SUNK = 0.05
_CLOCK_SLACK_S = 0.005
_STAYS_WITHIN_M = 0.08
_BESIDE_M = 0.6
_STAYS_S = 2.0


class DepthSource(Protocol):
    """A depth sensor of some make. All calls raise DriverError."""

    async def open(self) -> DeviceIdentity:
        """Start streaming and tell who answered."""
        ...

    async def frame(self) -> DepthFrame:
        """The next frame. Raises NoResponse when none comes, Disconnected when unplugged."""
        ...

    async def close(self) -> None:
        """Stop streaming. Never raises."""
        ...


class OverheadDepth:
    """`ports.PresenceSensor` on a depth source. `serial_number` pins the one sensor the floor was measured with."""

    def __init__(
        self,
        device: str,
        source: DepthSource,
        floor: Floor,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        serial_number: str | None = None,
        agree: int = 3,
        left_after_s: float = 1.0,
        max_age_s: float = 0.3,
    ) -> None:
        if agree < 1 or not 0 < left_after_s < math.inf or not 0 < max_age_s <= 1:
            raise ValueError("agree must be 1 or more, left_after_s greater than 0 and max_age_s at most 1 s")
        self._device = device
        self._source = source
        self._floor = floor
        self._monotonic = monotonic
        self._serial_number = serial_number
        self._agree = agree
        self._left_after_s = left_after_s
        self._max_age_s = max_age_s
        self._is_open = False
        self._forget()

    def _forget(self) -> None:
        self._last: DepthFrame | None = None
        self._recent: deque[int | None] = deque(maxlen=self._agree)
        self._left_since: tuple[bool, float] | None = None
        self._standing: list[tuple[Thing, float]] = []

    async def open(self) -> DeviceIdentity:
        """Open the source and see from one frame that it is the sensor the floor was measured with."""
        await self.close()
        try:
            identity = await self._source.open()
            if self._serial_number is not None and identity.serial_number != self._serial_number:
                raise IdentityMismatch(
                    self._device,
                    f"sensor {identity.serial_number} answers, the floor was measured with {self._serial_number}",
                )
            frame = await self._source.frame()
            wanted = (self._floor.optics.height, self._floor.optics.width)
            if frame.metres.shape != wanted:
                raise IdentityMismatch(
                    self._device, f"frames of shape {frame.metres.shape}, the floor was measured with {wanted}"
                )
            self._check_form(frame)
            if self._floor.heights(frame.metres).sunk > _MOST_SUNK:
                raise IdentityMismatch(self._device, "the floor is not where it was measured; measure it again")
        except BaseException:
            await self._source.close()
            raise
        self._forget()
        self._is_open = True
        return identity

    async def close(self) -> None:
        """Stop the source. Never raises."""
        if self._is_open:
            self._is_open = False
            with contextlib.suppress(DriverError):
                await self._source.close()

    async def read(self) -> Presence:
        """Judge the next frame. Raises DriverError when the sensor is lost, silent or of another form."""
        if not self._is_open:
            raise Disconnected(self._device, "the sensor is not open")
        frame = await self._source.frame()
        self._check_form(frame)
        complaint = self._complaint(frame)
        if complaint:
            self._doubt()
            return Presence(None, None, frame.stamp, 0.0, complaint)
        self._last = frame
        # Milliseconds of arithmetic: beside the loop that serves the doors, not in it.
        heights, scene = await asyncio.to_thread(self._see, frame)
        complaint = _unfit(heights)
        if complaint:
            self._doubt()
            return Presence(None, None, frame.stamp, heights.measured, complaint)
        return self._judge(scene, frame.stamp, heights.measured)

    def _see(self, frame: DepthFrame) -> tuple[Heights, Scene]:
        heights = self._floor.heights(frame.metres)
        return heights, look(heights.metres)

    def _check_form(self, frame: DepthFrame) -> None:
        optics = self._floor.optics
        if frame.metres.dtype != np.float32 or frame.metres.shape != (optics.height, optics.width):
            raise RemoteProtocolError(
                self._device, f"a frame of {frame.metres.dtype} {frame.metres.shape}: not float32 metres as calibrated"
            )

    def _complaint(self, frame: DepthFrame) -> str:
        age = self._monotonic() - frame.stamp
        if not -_CLOCK_SLACK_S <= age <= self._max_age_s:
            return f"frame {frame.sequence} is {age:.3f} s old, {self._max_age_s} s are allowed"
        last = self._last
        if last is None:
            return ""
        if frame.sequence <= last.sequence or frame.stamp <= last.stamp:
            return f"frame {frame.sequence} came after {last.sequence}: repeated or out of order"
        # The noise of a living sensor never gives one picture twice.
        if np.array_equal(frame.metres, last.metres, equal_nan=True):
            return f"frame {frame.sequence} is the picture of frame {last.sequence}: the sensor is stuck"
        return ""

    def _doubt(self) -> None:
        self._recent.clear()
        self._left_since = None
        self._standing = []

    def _judge(self, scene: Scene, at: float, measured: float) -> Presence:
        self._recent.append(scene.persons)
        persons, reason = scene.persons, scene.reason
        if len(self._recent) < self._agree or any(seen != persons for seen in self._recent):
            persons, reason = None, reason or "the last frames do not agree"
        stays = self._stays(scene, at)
        if scene.persons == 0:
            left = self._left(bool(scene.things), at)
        else:
            self._left_since = None
            left = True if stays else None
        return Presence(persons, left, at, measured, reason)

    def _left(self, there: bool, at: float) -> bool | None:
        """Whether something lies there with nobody about, once it has been so for `left_after_s`."""
        if self._left_since is None or self._left_since[0] is not there:
            self._left_since = (there, at)
        return there if at - self._left_since[1] >= self._left_after_s else None

    def _stays(self, scene: Scene, at: float) -> bool:
        """Whether a thing has stood still for `_STAYS_S` and nobody is near it."""
        before, self._standing = self._standing, []
        for thing in scene.things:
            # The first sighting stays the place to measure from, so that slow pushing is not standing still.
            same = [seen for seen in before if math.hypot(thing.x - seen[0].x, thing.y - seen[0].y) < _STAYS_WITHIN_M]
            self._standing.append(min(same, key=lambda seen: seen[1], default=(thing, at)))
        return any(
            at - since >= _STAYS_S and all(math.hypot(thing.x - x, thing.y - y) > _BESIDE_M for x, y, _ in scene.heads)
            for thing, since in self._standing
        )


def _unfit(heights: Heights) -> str:
    """Why this picture says nothing, or nothing."""
    if heights.measured < LEAST_MEASURED:
        return f"only {heights.measured:.0%} of the area gives an echo: blinded, covered or too dark"
    if heights.sunk > _MOST_SUNK:
        return "the floor is not where it was measured: the sensor has moved"
    return "no echo from a place as large as a head" if heights.hole else ""
