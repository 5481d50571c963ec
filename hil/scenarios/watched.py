"""A whole lane on a rig with a guard at its console: waits for what must come, decides, counts what the gate did.

For faults and hostile worlds; the scripted passages themselves are the conductor's.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from appliance.clock import SystemClock
from appliance.control.client import LaneClient
from appliance.control.messages import LaneSnapshot, OfficerAction, OfficerRequest, Reply
from drivers.ports import Door
from hil.rig import Child, Rig
from hil.rig.faults import RELAYS
from hil.scenarios.conductor import Conductor, TourError, differences
from hil.scenarios.passages import PASSAGES
from hil.scenarios.script import GuardDoes
from hil.scenarios.tour import console_of
from hil.scene import Presentation, empty_scene
from hil.sim.traveller import Behaviour, Place

PATIENCE_S = 25.0
GENUINE = next(passage for passage in PASSAGES if passage.name == "genuine")
SENT_TO_THE_DESK = replace(GENUINE, guard=GuardDoes(OfficerAction.REFUSE, "The lane has failed, please use the desk."))
"""A genuine holder whom the guard refuses if he is referred at all."""


class WatchedLane:
    """One controller on a rig, seen and served by a guard. Everything that never comes is a TourError."""

    def __init__(self, rig: Rig, client: LaneClient, appliance: Child) -> None:
        self.rig, self.client, self.appliance = rig, client, appliance
        self.clock = SystemClock()
        self.conductor = Conductor(rig=rig, client=client, appliance=appliance, clock=self.clock, tell=lambda _: None)
        self.seen_faults: set[int] = set()
        self._numbers = itertools.count()

    async def until(self, holds: Callable[[LaneSnapshot], bool], patience_s: float = PATIENCE_S) -> LaneSnapshot:
        """The first snapshot that is so."""
        deadline, changed = self.clock.monotonic() + patience_s, asyncio.Event()
        with self.client.changes(changed):
            while self.clock.monotonic() < deadline:
                changed.clear()
                seen = self.client.state.snapshot if self.client.state.reachable else None
                if seen is not None:
                    self.seen_faults |= {fault.code for fault in seen.faults}
                    if holds(seen):
                        return seen
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), 0.2)
        raise TourError(f"it never came so far; last: {self.client.state}")

    async def fault(self, *codes: int) -> LaneSnapshot:
        """The first snapshot with one of these faults."""
        return await self.until(lambda seen: bool(set(codes) & {fault.code for fault in seen.faults}))

    async def comes(self, document: Path, looks: Presentation, behaviour: Behaviour | None = None) -> None:
        """Somebody arrives, once the lane takes him."""
        await self.conductor.ready()
        await asyncio.to_thread(self.rig.present, looks, document, behaviour)

    async def is_inside(self, document: Path) -> None:
        """Somebody stands inside and the cameras find no face, so that the verification lasts."""
        await self.comes(document, empty_scene())
        await self.until(lambda seen: seen.phase == "Verifying")

    async def referred(self) -> LaneSnapshot:
        """An officer is asked."""
        return await self.until(lambda seen: seen.passage is not None and seen.passage.referral is not None)

    async def decides(self, action: OfficerAction) -> Reply:
        """The officer's decision about whoever is in the lane."""
        seen = self.client.state.snapshot
        if seen is None or seen.passage is None:
            raise TourError("there is nobody to decide about")
        request = OfficerRequest(
            request_id=f"watched-{next(self._numbers)}",
            passage_id=seen.passage.passage_id,
            action=action,
            officer="tour",
            reason="Something is wrong with the lane.",
            visual_check=True,
        )
        return await self.client.decide(request)

    async def goes(self, place: Place) -> None:
        """The traveller has left this way."""
        await self.until(lambda _: self.rig.place is place)

    async def is_sent_back(self) -> None:
        """Whoever stands inside is referred, refused and gone, and the lane is ready again."""
        await self.referred()
        await self.decides(OfficerAction.REFUSE)
        await self.goes(Place.AWAY)
        await self.conductor.ready()

    async def admits_the_next(self) -> None:
        """A genuine traveller passes as if nothing had been. Raises TourError."""
        got = await self.conductor.run(GENUINE)
        if wrong := differences(GENUINE, got, expected_releases=(1, 1)):
            raise TourError(f"the next traveller: {'; '.join(wrong)}")

    def openings(self) -> tuple[int, int]:
        """Releases of the entry and of the exit so far, as the second observer counted them. Raises TourError."""
        observer = self.rig.observer
        if observer.both_unlocked:
            raise TourError("both doors were unlocked at once")
        return observer.closings(RELAYS[Door.ENTRY]), observer.closings(RELAYS[Door.EXIT])


def since(before: tuple[int, int], now: tuple[int, int]) -> tuple[int, int]:
    """Releases of entry and exit between two counts."""
    return now[0] - before[0], now[1] - before[1]


@contextlib.asynccontextmanager
async def guarded(rig: Rig, appliance: Child) -> AsyncIterator[WatchedLane]:
    """The lane of a rig with a guard at its console."""
    async with console_of(rig.paths.control, SystemClock(), guard=True) as client:
        yield WatchedLane(rig, client, appliance)
