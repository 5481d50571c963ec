"""Owner of the presence sensor: is the traveller alone, has somebody left something, does the sensor see at all?

The count advises the decision and is part of the check "one person, one face"; it is no safety device. Not here: how
persons are counted (drivers.sensing).
"""

import asyncio
import contextlib
import logging
from dataclasses import asdict, replace

from appliance.clock import Clock
from appliance.core import phases as ph
from appliance.core.types import Check, CheckName, Result
from appliance.runtime.loop import LaneLoop
from drivers.errors import DriverError
from drivers.ports import Presence, PresenceSensor

RECONNECT_S = 0.5
IDLE_LOOK_S = 0.5
"""How often an empty lane is looked at; while somebody is in it, every frame is."""
PROOF_S = 1.0
"""How old the reading may be that proves a traveller alone."""
PATIENCE_S = 2.0
"""How long a decision waits for such a reading."""
BLIND_S = 10.0
STRAY_LOOKS = 3
LOST, LEFT_BEHIND, BLIND = 1007, 2005, 3012
_SOURCE = "presence"
_log = logging.getLogger(__name__)


class PresenceOwner:
    """One sensor. `begin` when a verification begins, `judged` when its checks are there."""

    def __init__(self, sensor: PresenceSensor, loop: LaneLoop, clock: Clock) -> None:
        self._sensor, self._loop, self._clock = sensor, loop, clock
        self._news = asyncio.Condition()
        self._certain_at = clock.monotonic()
        self._alone: Presence | None = None
        self._objection: str | None = None
        self._doubt = ""
        self._strays = 0
        self._said: Presence | None = None

    async def run(self) -> None:
        """Open, read, reconnect."""
        try:
            while True:
                try:
                    identity = await self._sensor.open()
                    _log.info("presence sensor: %s, firmware %s", identity.model, identity.firmware)
                    self._loop.faults.identified(_SOURCE, asdict(identity))
                    self._certain_at = self._clock.monotonic()
                    self._loop.faults.clear(LOST, _SOURCE)
                    await self._read()
                except DriverError as error:
                    self._alone = None
                    self._loop.faults.raise_fault(LOST, _SOURCE, str(error))
                    await self._sensor.close()
                await asyncio.sleep(RECONNECT_S)
        finally:
            await asyncio.shield(self._sensor.close())

    async def _read(self) -> None:
        while True:
            said = await self._sensor.read()
            self._take(said)
            async with self._news:
                self._news.notify_all()
            if self._empty:
                await asyncio.sleep(IDLE_LOOK_S)

    @property
    def _empty(self) -> bool:
        return isinstance(self._loop.lane.phase, ph.Ready | ph.OutOfService) and self._loop.lane.occupied is False

    def _take(self, said: Presence) -> None:
        self._said, self._doubt = said, said.reason
        if said.persons is None:
            blind = self._empty and self._clock.monotonic() - self._certain_at > BLIND_S
            if blind:
                self._loop.faults.raise_fault(BLIND, _SOURCE, said.reason)
            return
        self._certain_at = self._clock.monotonic()
        self._loop.faults.clear(BLIND, _SOURCE)
        self._alone = said if said.alone else None
        if said.persons > 1:
            self._objection = f"The sensor overhead counts {said.persons} persons."
        elif said.persons and said.left_object:
            self._objection = "Something stands in the lane that nobody holds."
        if self._empty:
            self._look_for_strays(said)

    def _look_for_strays(self, said: Presence) -> None:
        """Nobody should be here. One look is not enough: who has just left may still be in the picture."""
        self._strays = self._strays + 1 if said.persons else 0
        if self._strays >= STRAY_LOOKS:
            self._loop.faults.raise_fault(LEFT_BEHIND, _SOURCE, f"{said.persons} in the lane that should be empty")
        elif said.persons == 0 and said.left_object is not None:
            self._loop.faults.set(LEFT_BEHIND, _SOURCE, said.left_object, "something was left in the lane")

    @property
    def somebody(self) -> bool:
        """Whether somebody stands in a lane that should be empty, for certain."""
        return self._strays >= STRAY_LOOKS

    async def fresh(self) -> Presence | None:
        """The next reading; None when none comes."""
        before = self._said
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S), self._news:
                await self._news.wait_for(lambda: self._said is not before)
                return self._said
        return None

    def begin(self) -> None:
        """From now on whoever is seen beside the traveller counts against him."""
        self._alone, self._objection = None, None

    async def judged(self, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        """The checks, with what the sensor has seen since `begin` in the one of a single face."""
        if all(check.name is not CheckName.SINGLE_FACE for check in checks):
            return checks
        found = await self._verdict()
        return tuple(_worse(check, *found) if check.name is CheckName.SINGLE_FACE else check for check in checks)

    async def _verdict(self) -> tuple[Result, str]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S), self._news:
                await self._news.wait_for(lambda: self._objection is not None or self._proved())
        if self._objection is not None:
            return Result.FAILED, self._objection
        if self._proved():
            return Result.SUCCESSFUL, ""
        why = self._doubt or "it sees nobody"
        return Result.UNDETERMINED, f"The sensor overhead cannot tell that one person is alone: {why}."

    def _proved(self) -> bool:
        return self._alone is not None and self._clock.monotonic() - self._alone.at <= PROOF_S


def _worse(check: Check, result: Result, reason: str) -> Check:
    """One person, one face: both must hold, and what failed is told before what is open."""
    order = (Result.SUCCESSFUL, Result.UNDETERMINED, Result.FAILED)
    if result is Result.SUCCESSFUL or (check.result in order and order.index(check.result) > order.index(result)):
        return check
    if check.result is Result.SUCCESSFUL:
        return replace(check, result=result, reason=reason)
    return replace(check, result=max(check.result, result, key=order.index), reason=f"{check.reason} {reason}")
