"""The reducer: event in, step, interlock, journal, dispatch. It alone owns the lane's state.

Journal before act: a command that lets anybody in or out goes out only after its record is durable. If the journal
fails, the lane goes out of service and only what makes it safer still happens.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from appliance.clock import Clock
from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core import interlock
from appliance.core.faults import Effect
from appliance.core.passage import step
from appliance.core.phases import Emergency, Lane, clock_of
from appliance.core.policy import Policy
from appliance.core.types import Door, DoorPosition
from appliance.runtime import records
from appliance.runtime.faults import FaultRegister
from appliance.runtime.timers import Timers
from appliance.store.async_store import AsyncStore
from appliance.store.errors import RecordRefused, StoreError
from appliance.store.records import JournalRecord, Record

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Posted:
    """An event with its source and monotonic stamp; `timer` names the timer it came from, which may be void by now."""

    event: ev.Event
    source: str
    at: float
    timer: str | None = None
    done: "asyncio.Future[bool] | None" = field(default=None, compare=False)


def _safer(command: cmd.Command) -> bool:
    """Whether a command may go out although it could not be journalled: it opens nothing forward."""
    match command:
        case cmd.ReleaseExit() | cmd.ReadDocument() | cmd.StartVerification():
            return False
        case cmd.ReleaseEntry(_, purpose):
            return purpose is cmd.Purpose.RETURN
        case _:
            return True


def _released(command: cmd.Command) -> Door | None:
    match command:
        case cmd.ReleaseEntry():
            return Door.ENTRY
        case cmd.ReleaseExit():
            return Door.EXIT
        case _:
            return None


class LaneLoop:
    """Feeds the pure machine. `dispatch` must not block; `on_change` is called after every handled event."""

    def __init__(
        self,
        *,
        policy: Policy,
        clock: Clock,
        timers: Timers,
        store: AsyncStore,
        pack_id: Callable[[], str],
        simulated: bool,
        dispatch: Callable[[cmd.Command], None],
        on_change: Callable[[Lane, Lane], None],
    ) -> None:
        self.policy, self._clock, self._timers, self._store = policy, clock, timers, store
        self._pack_id, self._simulated = pack_id, simulated
        self._dispatch, self._on_change = dispatch, on_change
        self._queue: asyncio.Queue[Posted] = asyncio.Queue()
        self._lane, self._guarded = Lane(), interlock.Guarded()
        self._due: dict[str, Posted] = {}
        self.phase_since = self.stepped_at = clock.monotonic()
        self.faults = FaultRegister(clock, self._effects_changed)
        self.post(ev.EffectsChanged(frozenset()), "start")

    @property
    def lane(self) -> Lane:
        """The state now."""
        return self._lane

    def resume_emergency(self) -> None:
        """Start where an emergency was last left, before `run`: only an officer ends it, no restart does."""
        self._lane = replace(self._lane, phase=Emergency())

    def resume_block(self, officer: str, reason: str) -> None:
        """Start blocked as this officer left the lane, before `run`: a restart lets nobody in against an officer."""
        self._lane = replace(self._lane, blocked=ev.BlockRequested(True, officer, reason))

    def post(self, event: ev.Event, source: str) -> None:
        """Queue an event."""
        self._queue.put_nowait(Posted(event, source, self._clock.monotonic()))

    async def ask(self, event: ev.Event, source: str) -> bool:
        """Queue an event and wait until it was handled: False when it had no meaning, or could not be kept."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(Posted(event, source, self._clock.monotonic(), done=done))
        return await done

    async def run(self) -> None:
        """Handle events until cancelled."""
        self._arm()
        while True:
            await self.handle(await self._queue.get())

    async def drain(self) -> None:
        """Handle what is queued and return (start-up, shutdown and tests)."""
        while not self._queue.empty():
            await self.handle(self._queue.get_nowait())

    async def handle(self, posted: Posted) -> None:
        """One event, whole: nothing of it is dispatched before all of it is durable."""
        if posted.timer is not None and self._due.get(posted.timer) is not posted:
            return  # re-armed since: it speaks of a phase or of a release that is over
        event, before = posted.event, self._lane
        self._lane, commands = step(before, event, self.policy)
        self.stepped_at = self._clock.monotonic()
        self._guarded = interlock.observe(self._guarded, event)
        allowed = self._passed(commands)
        kept = await self._keep(self._records(posted, before, allowed))
        acted = tuple(command for command in allowed if kept or _safer(command))
        for command in acted:
            self._guarded = interlock.dispatched(self._guarded, command)
            if not isinstance(command, cmd.Ignored):
                self._dispatch(command)
            self._hold(command)
        self._tell_unreleased(commands)
        if self._lane.phase != before.phase or isinstance(event, ev.PhaseTimedOut):
            self._arm()
        self._watch_doors(event, before)
        self._on_change(before, self._lane)
        if posted.done is not None and not posted.done.done():
            meaningful = not any(isinstance(command, cmd.Ignored) for command in commands)
            posted.done.set_result(meaningful and kept and len(acted) == len(commands))

    def _passed(self, commands: tuple[cmd.Command, ...]) -> list[cmd.Command]:
        view, passed = self._guarded, []
        for command in commands:
            reason = interlock.veto(view, command, self.policy)
            if reason is not None:
                self.faults.raise_fault(9001, "interlock", f"{type(command).__name__} vetoed: {reason}")
                continue
            view = interlock.dispatched(view, command)
            passed.append(command)
        return passed

    def _records(self, posted: Posted, before: Lane, commands: list[cmd.Command]) -> list[Record]:
        return [
            records.of_event(posted.event, posted.source),
            *records.of_commands(
                commands,
                posted.event,
                topology=self.policy.topology,
                pack_id=self._pack_id(),
                simulated=self._simulated,
            ),
            *records.of_transition(before, self._lane),
            *self.faults.take_unsaid(),
        ]

    async def _keep(self, kept: list[Record]) -> bool:
        try:
            await self._store.append(kept)
        except RecordRefused as error:
            self.faults.raise_fault(9001, "journal", str(error))
            return False
        except StoreError as error:
            if 5001 not in self.faults.codes:
                self.faults.raise_fault(5001, "store", str(error))
                await self._last_words(str(error))
            return False
        return True

    async def _last_words(self, why: str) -> None:
        try:
            await self._store.append_last_words([JournalRecord("journal_lost", {"why": why[:500]})])
        except StoreError as error:
            _log.critical("not even the last words could be written: %s", error)

    def _hold(self, command: cmd.Command) -> None:
        door = _released(command)
        if door is not None:
            seconds = self.policy.release_s + self.policy.release_hold_s
            self._schedule(f"release.{door}", ev.ReleaseExpired(door), seconds)

    def _tell_unreleased(self, commands: tuple[cmd.Command, ...]) -> None:
        """The machine takes a door for unlocked that was not released after all: it would never clear the lane."""
        for door in {_released(command) for command in commands} - {None, *self._guarded.pending}:
            assert door is not None
            self.post(ev.ReleaseExpired(door), "loop")

    def _arm(self) -> None:
        self.phase_since = self._clock.monotonic()
        timed_out = ev.PhaseTimedOut(clock_of(self._lane.phase))
        self._schedule("phase", timed_out, self.policy.timeout_of(self._lane.phase))

    def _schedule(self, name: str, event: ev.Event, seconds: float) -> None:
        posted = self._due[name] = Posted(event, "timer", self._clock.monotonic(), timer=name)
        self._timers.arm(name, seconds, lambda: self._queue.put_nowait(posted))

    def _watch_doors(self, event: ev.Event, before: Lane) -> None:
        """A door that opens although nothing released it was forced; one still open when a phase ends was held."""
        match event:
            case ev.DoorMoved(door, DoorPosition.CLOSED):
                self.faults.clear(2004, f"gate.{door}")
            case _ if isinstance(before.phase, Emergency):
                pass
            case ev.DoorMoved(door, DoorPosition.OPEN) if door not in before.unlocked:
                position = before.entry if door is Door.ENTRY else before.exit
                if position is not DoorPosition.UNKNOWN:
                    self.faults.raise_fault(2004, f"gate.{door}")
            case ev.PhaseTimedOut():
                for door, position in ((Door.ENTRY, before.entry), (Door.EXIT, before.exit)):
                    if position is DoorPosition.OPEN:
                        self.faults.raise_fault(2004, f"gate.{door}")
            case _:
                pass

    def _effects_changed(self, effects: frozenset[Effect]) -> None:
        self.post(ev.EffectsChanged(effects), "faults")
