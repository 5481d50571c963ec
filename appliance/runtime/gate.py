"""Owner of the gate: keeps it open, polls it, turns changes into events, carries out releases."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict

from appliance.core import events as ev
from appliance.core.types import Device, Door, DoorPosition
from appliance.runtime.loop import LaneLoop
from drivers import ports
from drivers.errors import ContactDisagrees, DeviceRefused, Disconnected, DriverError, IdentityMismatch

RECONNECT_S = 0.5
BAD_READINGS, BAD_WITHIN_S = 3, 10.0
"""So many failed readings in so many seconds lose the gate: a little noise on the line is no reason to stop a lane."""

_log = logging.getLogger(__name__)


class GateOwner:
    """One gate. Its orders are carried out one after another; one that fails is told to the core, never repeated."""

    def __init__(
        self,
        gate: ports.Gate,
        loop: LaneLoop,
        *,
        poll_s: float,
        release_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate, self._loop, self._poll_s, self._release_s = gate, loop, poll_s, release_s
        self._monotonic = monotonic
        self._seen: ports.GateInputs | None = None
        self._reported = False
        self._orders: asyncio.Queue[Door | None] = asyncio.Queue()
        self.released: frozenset[Door] = frozenset()

    async def run(self) -> None:
        """Connect, poll, reconnect; outputs are switched off when cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry_out(), name="gate-orders")
                group.create_task(self._watch(), name="gate-watch")
        finally:
            await asyncio.shield(self._gate.close())

    async def _watch(self) -> None:
        while True:
            try:
                await self._connected()
            except DriverError as error:
                self._lost(error)
                await self._gate.close()
            await asyncio.sleep(RECONNECT_S)

    async def _connected(self) -> None:
        identity = await self._gate.open()
        _log.info("gate: %s, firmware %s", identity.model, identity.firmware)
        self._loop.faults.identified("gate", asdict(identity))
        bad: deque[float] = deque(maxlen=BAD_READINGS)
        while True:
            try:
                self._take(await self._gate.read())
            except Disconnected:
                raise
            except DriverError as error:
                bad.append(self._monotonic())
                _log.warning("a gate reading failed: %s", error)
                if len(bad) == BAD_READINGS and bad[-1] - bad[0] < BAD_WITHIN_S:
                    raise
            # Spaced from the end of a reading: a slow line gets fewer readings, never a queue of them.
            await asyncio.sleep(self._poll_s)

    def _take(self, inputs: ports.GateInputs) -> None:
        loop, seen = self._loop, self._seen
        self._seen = inputs
        self.released = frozenset(Door(door) for door in inputs.released)
        # Before the doors: those an emergency opens are not forced.
        loop.faults.set(2003, "gate", inputs.emergency)
        for door, now, before in (
            (Door.ENTRY, inputs.entry, seen.entry if seen else None),
            (Door.EXIT, inputs.exit, seen.exit if seen else None),
        ):
            if now != before:
                loop.post(ev.DoorMoved(door, DoorPosition(now)), "gate")
        if seen is not None and inputs.passages > seen.passages:
            loop.post(ev.PassageCounted(), "gate")
        if seen is None or inputs.occupied != seen.occupied:
            loop.post(ev.OccupancyChanged(inputs.occupied), "gate")
        for code in (1001, 1006):
            loop.faults.clear(code, "gate")
        if inputs.disagrees:
            loop.faults.raise_fault(2001, "gate", "a release contact does not follow its relay")
        loop.faults.set(2002, "gate", inputs.out_of_service)
        loop.faults.set(2006, "gate", bool(inputs.contradictions), "; ".join(inputs.contradictions))
        loop.faults.set(6001, "gate", inputs.on_battery or inputs.battery_low)
        loop.faults.set(6002, "gate", inputs.battery_low)
        if not self._reported:
            self._reported = True
            loop.post(ev.DeviceReported(Device.GATE), "gate")

    def _lost(self, error: DriverError) -> None:
        self._blame(error)
        if self._seen is not None:
            self._seen = None
            for door in Door:
                self._loop.post(ev.DoorMoved(door, DoorPosition.UNKNOWN), "gate")

    def _blame(self, error: DriverError) -> None:
        # A contact that disagrees stays a fault until an officer resets the lane: a welded relay heals by no reading.
        codes = {ContactDisagrees: 2001, IdentityMismatch: 1006}
        self._loop.faults.raise_fault(codes.get(type(error), 1001), "gate", str(error))

    def order_release(self, door: Door) -> None:
        """Pulse a door, after the orders before it."""
        self._orders.put_nowait(door)

    def order_secure(self) -> None:
        """Every output off, after the orders before it."""
        self._orders.put_nowait(None)

    async def reset(self) -> None:
        """An officer's reset: prove every contact off and clear the contact fault."""
        try:
            await self._gate.secure()
        except DriverError as error:
            self._blame(error)
        else:
            self._loop.faults.clear(2001, "gate")

    async def prove(self) -> ports.GateInputs:
        """Every output off, proved by its contact, and the inputs then. Raises DriverError, told as a fault, too."""
        try:
            await self._gate.secure()
            return await self._gate.read()
        except DriverError as error:
            self._blame(error)
            raise

    async def _carry_out(self) -> None:
        while True:
            door = await self._orders.get()
            try:
                if door is None:
                    await self._gate.secure()
                else:
                    await self._gate.release(ports.Door(door), self._release_s)
            except DriverError as error:
                # A gate that refuses a release has answered: the passage breaks off, the lane is well.
                if door is not None and isinstance(error, DeviceRefused):
                    _log.warning("release of the %s refused: %s", door, error)
                else:
                    self._blame(error)
                if door is not None:
                    self._loop.post(ev.ReleaseFailed(door), "gate")
