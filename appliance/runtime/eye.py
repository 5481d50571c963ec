"""Owner of everything that sees: the vision process with its cameras, and the illumination that belongs to them.

They are opened, proven and recovered together, because a frame means nothing without the exposure log of the LED
that lit it.
"""

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from typing import Any

from appliance.clock import Clock
from appliance.core import events as ev
from appliance.core.types import Device
from appliance.liveness.plan import plan_burst
from appliance.runtime.loop import LaneLoop
from appliance.vision.client import VisionLost, VisionProcess, VisionRefused
from appliance.wire import Message
from drivers.errors import DriverError, StaleFrame
from drivers.ports import Illuminator

RETRY_S = 0.5
HEALTH_S = 1.0
SETUP_S = 60.0
ANSWER_S = 3.0
RESTARTS, RESTART_WINDOW_S = 5, 60.0
SPARE_FRAMES = 1
"""NIR frames captured beyond the order: one may still have been in the driver's buffer when the order was armed."""

_log = logging.getLogger(__name__)


class StartRefused(Exception):
    """The lane cannot start at all: the matcher is missing or was tampered with. The message says what to do."""


class EyeOwner:
    """Vision process, cameras and illuminator of one lane."""

    def __init__(
        self, *, setup: dict[str, Any], bands: tuple[str, ...], illuminator: Illuminator, loop: LaneLoop, clock: Clock
    ) -> None:
        self._setup, self.bands, self._light, self._loop, self._clock = setup, bands, illuminator, loop, clock
        self._process = VisionProcess()
        self._starts: deque[float] = deque(maxlen=RESTARTS)
        self._trouble = asyncio.Event()
        self._failure: VisionLost | DriverError | None = None
        self._reported = False
        self.busy = False
        self.pack: dict[str, Any] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the vision child."""
        return self._process.pid

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
        await self._light.close()
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
        lit = await self._light.open()
        _log.info("illumination: %s, firmware %s", lit.model, lit.firmware)
        cameras = await self._process.ask("cameras", within_s=10.0)
        for name, identity in cameras.header["identities"].items():
            _log.info("camera %s: %s", name, identity["model"])
        # From here on the illuminator's exposure count and the camera's frame count run together.
        await self._light.zero()
        self._trouble.clear()
        self._failure = None
        await self.self_test()
        for code, device in ((1002, "illumination"), (3001, "camera.rgb"), (3001, "camera.nir"), (3002, "camera.rgb")):
            self._loop.faults.clear(code, device)
        self._loop.faults.clear(3002, "camera.nir")
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
                await self._light.log()

    def _blame(self, error: DriverError) -> None:
        if error.device == "illumination":
            self._loop.faults.raise_fault(1002, "illumination", error.message)
        else:
            self._loop.faults.raise_fault(3002 if isinstance(error, StaleFrame) else 3001, error.device, error.message)

    async def self_test(self) -> None:
        """Light every band once and see the grey reference answer; if it does not, that is fault 3003."""
        log, _ = await self.capture(face=False)
        problem: str = (await self.ask("response", log=log)).header["problem"]
        self._loop.faults.set(3003, "illumination", bool(problem), problem)

    async def ask(self, op: str, *, blobs: tuple[bytes, ...] = (), **fields: Any) -> Message:
        """One request to the vision process. A failure is the owner's at once, too."""
        try:
            return await self._process.ask(op, within_s=ANSWER_S, blobs=blobs, **fields)
        except (VisionLost, DriverError) as error:
            self._note(error)
            raise

    async def capture(self, *, face: bool) -> tuple[list[tuple[int, str | None]], Message]:
        """One burst in a fresh random order: the illuminator's log, and the worker's answer to the burst."""
        order = plan_burst(self.bands, secrets.SystemRandom())
        try:
            await self._light.arm(order)
            burst = await self.ask("burst", count=len(order) + SPARE_FRAMES, face=face)
            log = await self._light.log()
        except DriverError as error:
            self._note(error)
            raise
        return [(line.exposure, line.band) for line in log], burst

    def _note(self, error: VisionLost | DriverError) -> None:
        self._failure = self._failure or error
        self._trouble.set()
