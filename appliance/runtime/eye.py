"""Owner of everything that sees: the vision process with its cameras, and the illuminators that belong to them.

They are opened, proven and recovered together, because a frame means nothing without the exposure log of the LED
that lit it. What is wrong with light and cameras is told as faults (`wellness`).
"""

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from appliance.clock import Clock
from appliance.core import events as ev
from appliance.core.types import Device
from appliance.liveness.plan import plan_burst
from appliance.runtime.loop import LaneLoop
from appliance.runtime.wellness import Wellness
from appliance.vision.client import VisionLost, VisionProcess, VisionRefused
from appliance.wire import Message
from drivers.errors import DriverError, StaleFrame
from drivers.ports import Illuminator

T = TypeVar("T")
Order = tuple[str | None, ...]
Logs = dict[str, list[tuple[int, str | None]]]
"""What the illuminators say they lit: by camera, (number of the exposure, LED)."""

RETRY_S = 0.5
HEALTH_S = 1.0
SETUP_S = 60.0
ANSWER_S = 3.0
RESTARTS, RESTART_WINDOW_S = 5, 60.0
LATE_FRAMES = 2
"""Times that frames are fetched after the burst: the first may have been exposed before the order was armed."""
METERING_LOOKS = 3

_log = logging.getLogger(__name__)


class StartRefused(Exception):
    """The lane cannot start at all: the matcher is missing or was tampered with. The message says what to do."""


class EyeOwner:
    """Vision process, cameras and illuminators of one lane. `leds` are those in use, `lights` the illuminators, both
    by camera."""

    def __init__(
        self,
        *,
        setup: dict[str, Any],
        leds: Mapping[str, tuple[str, ...]],
        lights: Mapping[str, Illuminator],
        wellness: Wellness,
        loop: LaneLoop,
        clock: Clock,
    ) -> None:
        self._setup, self._leds, self._lights, self._loop, self._clock = setup, leds, lights, loop, clock
        self._wellness = wellness
        self._process = VisionProcess()
        self._starts: deque[float] = deque(maxlen=RESTARTS)
        self._trouble = asyncio.Event()
        self._failure: VisionLost | DriverError | None = None
        self._reported = False
        self._adjustable: tuple[str, ...] = ()
        self._chance = secrets.SystemRandom()
        self.busy = False
        self.pack: dict[str, Any] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the vision child."""
        return self._process.pid

    @property
    def pack_id(self) -> str:
        """The matcher pack in use, "none" until it is loaded."""
        return str(self.pack["pack_id"]) if self.pack else "none"

    async def run(self) -> None:
        """Keep everything open; restart the child within its budget."""
        try:
            while True:
                try:
                    await self._open()
                    await self._stay_well()
                except VisionRefused as error:
                    raise StartRefused(str(error)) from error
                except VisionLost as error:
                    self._loop.faults.raise_fault(1004, "vision", str(error))
                    await self._process.stop()
                    self._process = VisionProcess()
                    await self._spend_a_restart()
                except DriverError as error:
                    self._blame(error)
                await asyncio.sleep(RETRY_S)
        finally:
            await asyncio.shield(self._close())

    async def _close(self) -> None:
        for light in self._lights.values():
            await light.close()
        await self._process.stop()

    async def _spend_a_restart(self) -> None:
        now = self._clock.monotonic()
        if len(self._starts) == RESTARTS and now - self._starts[0] < RESTART_WINDOW_S:
            _log.critical("vision restarted %d times within %.0f s; waiting", RESTARTS, RESTART_WINDOW_S)
            await asyncio.sleep(RESTART_WINDOW_S - (now - self._starts[0]))
        self._starts.append(self._clock.monotonic())

    async def _open(self) -> None:
        if self._process.pid is None:
            await self._process.start()
            reply = await self._process.ask("setup", within_s=SETUP_S, **self._setup)
            self.pack = reply.header["pack"]
            self._loop.faults.clear(1004, "vision")
        lit = dict(zip(self._lights, await _together(*(one.open() for one in self._lights.values())), strict=True))
        opened = (await self._process.ask("cameras", within_s=10.0)).header
        self._adjustable = tuple(opened["adjustable"])
        for camera, illuminator in lit.items():
            _log.info("illumination of %s: %s, firmware %s", camera, illuminator.model, illuminator.firmware)
            self._loop.faults.identified(f"illumination.{camera}", asdict(illuminator))
        for name, identity in opened["identities"].items():
            _log.info("camera %s: %s", name, identity["model"])
            self._loop.faults.identified(f"camera.{name}", identity)
        await self._process.ask(
            "compare_with", within_s=ANSWER_S, calibration=self._wellness.installed(opened["identities"], lit)
        )
        self._trouble.clear()
        self._failure = None
        await self.self_test()
        for camera in self._lights:
            self._loop.faults.clear(1002, f"illumination.{camera}")
        for camera in opened["identities"]:
            for code in (3001, 3002):
                self._loop.faults.clear(code, f"camera.{camera}")
        if not self._reported:
            self._reported = True
            for device in (Device.VISION, Device.ILLUMINATION):
                self._loop.post(ev.DeviceReported(device), "vision")

    async def _stay_well(self) -> None:
        """Ask for life signs until something is wrong; a passage under way is life sign enough.

        What failed for somebody else fails here too: whoever asked breaks off, and the fault that follows refers him.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEALTH_S):
                    await self._trouble.wait()
            self._trouble.clear()
            if self._failure is not None:
                raise self._failure
            if not self.busy:
                await self._process.ask("health", within_s=ANSWER_S)
                await _together(*(light.log() for light in self._lights.values()))

    def _blame(self, error: DriverError) -> None:
        if error.device.startswith("illumination"):
            self._loop.faults.raise_fault(1002, error.device, error.message)
        else:
            self._loop.faults.raise_fault(3002 if isinstance(error, StaleFrame) else 3001, error.device, error.message)

    # --- what others ask ----------------------------------------------------------------------------------------

    async def self_test(self) -> None:
        """Light every LED and see the grey reference answer as it did when it was calibrated; tell faults if not."""
        findings: list[dict[str, str]] = []
        await self._align()
        for _ in range(2):  # what is found is looked at again before the lane closes for it
            await self.longest()
            logs = await self.capture(face=False)
            findings = (await self.ask("reading", logs=logs)).header["findings"]
            if not findings:
                break
        self._wellness.tested(findings)

    async def ask(self, op: str, *, blobs: tuple[bytes, ...] = (), **fields: Any) -> Message:
        """One request to the vision process. A failure is the owner's at once, too."""
        try:
            return await self._process.ask(op, within_s=ANSWER_S, blobs=blobs, **fields)
        except (VisionLost, DriverError) as error:
            self._note(error)
            raise

    async def forget(self) -> None:
        """Have everything captured dropped; who is gone has nothing left to drop."""
        with contextlib.suppress(VisionLost, VisionRefused, DriverError):
            await self.ask("forget")

    async def meter(self) -> None:
        """Choose the exposures for what stands there: a dark and a lit look, again while it was overexposed."""
        orders = {camera: (None, self._leds[camera][0]) for camera in self._adjustable}
        for _ in range(METERING_LOOKS if orders else 0):
            logs = await self._burst(orders, face=False)
            if not (await self.ask("meter", logs=logs)).header["changed"]:
                return

    async def capture(self, *, face: bool) -> Logs:
        """One burst of all cameras at once, each in a fresh random order; the illuminators' logs."""
        return await self._burst({name: plan_burst(leds, self._chance) for name, leds in self._leds.items()}, face=face)

    async def _align(self) -> None:
        """From here on an illuminator's exposure count and its camera's frame count run together."""
        try:
            await _together(*(light.zero() for light in self._lights.values()))
        except DriverError as error:
            self._note(error)
            raise
        await self.ask("align", after=self._clock.monotonic())

    async def longest(self) -> None:
        """Expose as long as the configuration has it."""
        if self._adjustable:
            await self.ask("expose", gains=dict.fromkeys(self._adjustable, 1.0))

    async def _burst(self, orders: Mapping[str, Order], *, face: bool) -> Logs:
        try:
            after = self._clock.monotonic()
            await _together(*(self._lights[camera].arm(order) for camera, order in orders.items()))
            counts = {camera: len(order) for camera, order in orders.items()}
            await self.ask("burst", counts=counts, after=after, face=face)
            for _ in range(LATE_FRAMES):
                logs = await self._logs(orders)
                late = {camera: counts[camera] - len(logs[camera]) for camera in orders}
                if not any(late.values()):
                    break
                await self.ask("more", counts={camera: count for camera, count in late.items() if count > 0})
        except DriverError as error:
            self._note(error)
            raise
        return logs

    async def _logs(self, cameras: Mapping[str, Order]) -> Logs:
        logs = await _together(*(self._lights[camera].log() for camera in cameras))
        return {camera: [(line.exposure, line.led) for line in log] for camera, log in zip(cameras, logs, strict=True)}

    def _note(self, error: VisionLost | DriverError) -> None:
        self._failure = self._failure or error
        self._trouble.set()


async def _together(*work: Coroutine[Any, Any, T]) -> list[T]:
    """All at once; when something failed, what failed first in their order, once all have ended."""
    done = await asyncio.gather(*work, return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return [result for result in done if not isinstance(result, BaseException)]
