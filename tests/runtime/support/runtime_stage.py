"""A lane's loop with everything around it in the test's hands."""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any

from appliance.clock import ManualClock
from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core.explore import DOCUMENTS, face_checks
from appliance.core.faults import Effect
from appliance.core.phases import Lane
from appliance.core.policy import Policy
from appliance.core.types import Device, Door, DoorPosition, OfficerAction, Result, Topology
from appliance.runtime.faults import FaultRegister
from appliance.runtime.loop import LaneLoop
from appliance.store.chain import Head
from appliance.store.errors import StoreError
from appliance.store.records import Record, describe

TODAY = date(2026, 11, 23)


class HandTimers:
    """Timers that fire when the test says so. One that fired or was replaced can be fired late with `action`."""

    def __init__(self) -> None:
        self.armed: dict[str, tuple[float, Callable[[], None]]] = {}

    def arm(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        self.armed[name] = (seconds, action)

    def cancel_all(self) -> None:
        self.armed.clear()

    def fire(self, name: str) -> None:
        self.armed.pop(name)[1]()

    def action(self, name: str) -> Callable[[], None]:
        return self.armed[name][1]


class MemoryStore:
    """What the loop needs of a store. `failure` makes it fail, `open` (an event) holds every append back."""

    def __init__(self, log: list[Any]) -> None:
        self.log, self.kept, self.last_words = log, list[tuple[str, dict[str, Any]]](), list[Record]()
        self.failure: StoreError | None = None
        self.open = asyncio.Event()
        self.open.set()

    @property
    def head(self) -> Head:
        return Head(len(self.kept), "")

    async def append(self, records: list[Record]) -> int:
        described = [describe(record) for record in records]
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        self.kept += described
        self.log += [kind for kind, _ in described]
        return len(self.kept)

    async def append_last_words(self, records: list[Record]) -> int:
        self.last_words += records
        return len(self.kept)

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.kept]


class Stage:
    """Feeds a real `LaneLoop`; `log` holds the kinds of records kept and the commands dispatched, in order."""

    def __init__(self, store: Any = None, topology: Topology = Topology.MANTRAP) -> None:
        self.clock, self.timers, self.log = ManualClock(), HandTimers(), list[Any]()
        self.store = store if store is not None else MemoryStore(self.log)
        self.changes: list[tuple[Lane, Lane]] = []
        self.loop = LaneLoop(
            policy=Policy(topology=topology),
            clock=self.clock,
            timers=self.timers,
            store=self.store,
            pack_id=lambda: "pypi-dlib",
            simulated=True,
            dispatch=self.log.append,
            on_change=lambda before, after: self.changes.append((before, after)),
        )

    async def tell(self, *events: ev.Event) -> "Stage":
        for event in events:
            self.loop.post(event, "test")
            await self.loop.drain()
        return self

    async def ready(self) -> "Stage":
        await self.tell(*(ev.DeviceReported(device) for device in Device))
        await self.tell(*(ev.DoorMoved(door, DoorPosition.CLOSED) for door in Door), ev.OccupancyChanged(False))
        assert self.phase == "Ready"
        return self

    async def present(self) -> "Stage":
        return await self.tell(ev.DocumentPresented("p"), ev.DocumentRead("p", DOCUMENTS["in order"], TODAY))

    async def swing(self, door: Door) -> "Stage":
        return await self.tell(ev.DoorMoved(door, DoorPosition.OPEN), ev.DoorMoved(door, DoorPosition.CLOSED))

    async def walk_in(self) -> "Stage":
        await self.ready()
        await self.present()
        await self.tell(ev.DoorMoved(Door.ENTRY, DoorPosition.OPEN), ev.OccupancyChanged(True))
        await self.tell(ev.DoorMoved(Door.ENTRY, DoorPosition.CLOSED))
        assert self.phase == "Verifying"
        return self

    async def verified(self, **results: Result) -> "Stage":
        return await self.tell(ev.VerificationDone("p", face_checks(**results)))

    async def walk_out(self) -> "Stage":
        await self.tell(ev.DoorMoved(Door.EXIT, DoorPosition.OPEN), ev.PassageCounted(), ev.OccupancyChanged(False))
        return await self.tell(ev.DoorMoved(Door.EXIT, DoorPosition.CLOSED))

    async def ask(self, event: ev.Event) -> bool:
        asking = asyncio.create_task(self.loop.ask(event, "console"))
        await asyncio.sleep(0)
        await self.loop.drain()
        return await asking

    async def officer(self, action: OfficerAction, seen: bool = True, passage: str = "p") -> bool:
        return await self.ask(ev.OfficerDecided(passage, action, seen, "o.sipka", "seen by eye"))

    @property
    def phase(self) -> str:
        return type(self.loop.lane.phase).__name__

    @property
    def codes(self) -> tuple[int, ...]:
        return self.loop.faults.codes

    def did(self, kind: type) -> list[Any]:
        return [command for command in self.log if isinstance(command, kind)]

    def releases(self) -> list[cmd.Command]:
        return [command for command in self.log if isinstance(command, cmd.ReleaseEntry | cmd.ReleaseExit)]


class Heard:
    """The loop as an owner of a device sees it: what was posted, and real faults."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.posted: list[ev.Event] = []
        self.effects: list[frozenset[Effect]] = []
        self.faults = FaultRegister(clock or ManualClock(), self._changed)
        self.seen_faults: set[tuple[int, str]] = set()

    def post(self, event: ev.Event, source: str) -> None:
        self.posted.append(event)

    def _changed(self, effects: frozenset[Effect]) -> None:
        self.effects.append(effects)
        self.posted.append(ev.EffectsChanged(effects))
        self.seen_faults |= {(fault.code, fault.device) for fault in self.faults.active}


async def until(true: Callable[[], bool], what: str = "it") -> None:
    """Let the other tasks go on until something holds."""
    for _ in range(4000):
        if true():
            return
        await asyncio.sleep(0.0005)
    raise AssertionError(f"{what} never came")
