"""Running one script: machine, interlock and timers against a world that keeps its own account of what is true.

The account shares nothing with the machine: which bolt is free to a push, who is inside, which passage was accepted.
A violation is a sentence; none is expected, ever.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core import interlock
from appliance.core.explore import DOCUMENTS, TODAY, VERIFICATIONS, face_checks, reported
from appliance.core.faults import Effect
from appliance.core.passage import step
from appliance.core.phases import Emergency, OutOfService, Ready, Starting, clock_of, passage_of
from appliance.core.policy import Policy
from appliance.core.types import CheckName, Door, DoorPosition, OfficerAction, Result, Topology
from hil.soak.script import Act, Comer, Script

SWING_S = 1.2
"""From a push until the leaf has shut again."""
_ACTUATION_S = 0.1
_END_S, _SETTLED_S = 1_200.0, 60.0
"""When a script is over (an officer may hold somebody twice), and how long after the last step of anybody the lane
must have come to rest."""
_STOPPING = {Effect.OUT_OF_SERVICE, Effect.REFER_CURRENT, Effect.EMERGENCY_RELEASE}


@dataclass(slots=True)
class Told:
    """What came of a script: violations in words, and how often what happened."""

    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Door:
    """One leaf as it really is: free to a push until `until`, or until it has been open and shut again.

    `opened` is when it was last pushed open.
    """

    until: float = -1.0
    open: bool = False
    opened: float = -1.0


class Session:
    """A lane for one script."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._policy = Policy(topology=script.topology)
        self._lane, self._view = reported(), interlock.Guarded(effects=frozenset())
        self._now, self._number = 0.0, 0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._timers: dict[str, int] = {}
        names = (Door.EXIT,) if script.topology is Topology.TURNSTILE else tuple(Door)
        self._doors = {door: _Door() for door in names}
        self._effects: frozenset[Effect] = frozenset()
        self._inside, self._stepped_at = False, 0.0
        self._comer: Comer | None = None
        self._asked: str | None = None
        self._accepted: set[str] = set()
        self._admitted_by_officer: dict[str, bool] = {}
        self._documents: dict[str, str] = {}
        self._suspected: set[str] = set()
        self._blocked = False
        self._released: set[tuple[str, str | None]] = set()
        self._releases = 0
        self._last: ev.Event | None = None
        self.told = Told()

    def run(self) -> Told:
        """Everything until nothing more happens."""
        for door in self._doors:
            self._deliver(ev.DoorMoved(door, DoorPosition.CLOSED))
        self._deliver(ev.OccupancyChanged(False))
        for comer in self._script.comers:
            self._at(comer.at, lambda comer=comer: self._arrive(comer))  # type: ignore[misc]
        for act in self._script.acts:
            self._at(act.at, lambda act=act: self._happen(act))  # type: ignore[misc]
        while self._heap and self._heap[0][0] < _END_S:
            self._now, _, action = heapq.heappop(self._heap)
            action()
        resting = isinstance(self._lane.phase, Ready | OutOfService | Starting | Emergency)
        # Whoever stays inside is offered the way out again and again.
        if not resting and not self._inside and self._now > self._stepped_at + _SETTLED_S:
            self._wrong(f"the lane never came to rest: {type(self._lane.phase).__name__}")
        return self.told

    def _at(self, when: float, action: Callable[[], None]) -> int:
        self._number += 1
        heapq.heappush(self._heap, (when, self._number, action))
        return self._number

    def _soon(self, after: float, action: Callable[[], None]) -> None:
        self._at(self._now + after, action)

    def _post(self, after: float, event: ev.Event) -> None:
        self._soon(after, lambda: self._deliver(event))

    def _wrong(self, words: str) -> None:
        self.told.violations.append(f"{self._now:.3f} s: {words}")

    # --- the controller: what the loop does -------------------------------------------------------------------

    def _deliver(self, event: ev.Event) -> None:
        before = self._lane
        self._lane, commands = step(before, event, self._policy)
        self._view = interlock.observe(self._view, event)
        self.told.counts["events"] += 1
        for command in commands:
            if (reason := interlock.veto(self._view, command, self._policy)) is not None:
                self._wrong(f"the interlock had to veto {type(command).__name__}: {reason}")
                continue
            self._view = interlock.dispatched(self._view, command)
            self._carry_out(command)
        if self._lane.phase != before.phase or isinstance(event, ev.PhaseTimedOut):
            clock = clock_of(self._lane.phase)
            self._arm("phase", self._policy.timeout_of(self._lane.phase), ev.PhaseTimedOut(clock))

    def _arm(self, name: str, after: float, event: ev.Event) -> None:
        """A timer that is armed anew forgets what it was armed for."""

        def due() -> None:
            if self._timers.get(name) == number:
                self._deliver(event)

        number = self._timers[name] = self._at(self._now + after, due)

    def _carry_out(self, command: cmd.Command) -> None:
        match command:
            case cmd.ReadDocument(passage):
                if self._blocked and passage not in self._documents:
                    self._wrong(f"{passage} began although an officer blocks the lane")
                comer = self._comer
                kind = comer.document if comer is not None else "unreadable"
                self._documents[passage] = kind
                self._post(comer.read_s if comer else 1.0, ev.DocumentRead(passage, DOCUMENTS[kind], TODAY))
            case cmd.StartVerification(passage):
                if passage in self._suspected:
                    self._wrong(f"{passage} was verified again after a suspected attack")
                self._asked = passage
                self._soon(self._comer.verify_s if self._comer else 1.0, lambda: self._verified(passage))
            case cmd.StopVerification():
                self._asked = None
            case cmd.ReleaseEntry():
                self._release(Door.ENTRY)
                self._soon(self._pace("enter_s"), self._use_entry)
            case cmd.ReleaseExit():
                self._judge(command)
                self._release(Door.EXIT)
                if self._comer is None or self._comer.goes_on:
                    self._soon(self._pace("leave_s"), lambda: self._push(Door.EXIT))
            case cmd.RecordDecision(passage, decision, None) if not decision.admit and self._comer is not None:
                self.told.counts["referred"] += 1
                if officer := self._comer.officer:
                    self._soon(self._comer.officer_s, lambda: self._decide(officer, passage))
            case cmd.EndPassage(_, outcome):
                self.told.counts[outcome.value] += 1
            case _:
                pass

    def _pace(self, name: str) -> float:
        return float(getattr(self._comer, name)) if self._comer is not None else 1.0

    # --- what is true -----------------------------------------------------------------------------------------

    def _judge(self, release: cmd.ReleaseExit) -> None:
        """An exit may open for whom this world has accepted, once, with nothing against it."""
        passage = release.passage_id
        if release.officer is None and passage not in self._accepted:
            self._wrong(f"the exit was released for {passage}, whom nobody accepted")
        if release.officer is not None and passage not in self._admitted_by_officer:
            self._wrong(f"the exit was released in the name of an officer who did not admit {passage}")
        live = [check.result for check in release.decision.checks if check.name is CheckName.LIVENESS]
        if release.officer is not None and live != [Result.SUCCESSFUL] and not self._admitted_by_officer.get(passage):
            self._wrong("an officer overrode the liveness check without having looked")
        if self._documents.get(passage) != "in order":
            self._wrong("the exit was released for a document that is not in order")
        if (passage, release.officer) in self._released:
            self._wrong(f"one decision released the exit twice for {passage}")
        if self._effects & _STOPPING:
            self._wrong("the exit was released although a fault stands against it")
        self._released.add((passage, release.officer))
        self.told.counts["exits released"] += 1

    def _release(self, door: Door) -> None:
        self._releases += 1
        hold = self._policy.release_s + self._policy.release_hold_s
        self._arm(f"release.{door}", hold, ev.ReleaseExpired(door))
        if self._releases - 1 in self._script.fails:
            self._post(_ACTUATION_S, ev.ReleaseFailed(door))
            return
        self._doors[door].until = self._now + _ACTUATION_S + self._policy.release_hold_s
        if Effect.EMERGENCY_RELEASE in self._effects:
            return
        for other in (leaf for name, leaf in self._doors.items() if name is not door):
            if other.until > self._now:
                self._wrong("both doors were free to a push")
            # What was forced open this moment cannot be known yet.
            if other.open and self._now > other.opened + self._script.lag_s:
                self._wrong(f"the {door.value} was released while the other door stood open")

    def _push(self, door: Door) -> None:
        leaf = self._doors[door]
        by_wire = Effect.EMERGENCY_RELEASE in self._effects
        if not (leaf.until > self._now or by_wire) or leaf.open:
            return
        self._open(door)
        if door is Door.EXIT and self._inside:
            self._post(self._script.lag_s, ev.PassageCounted())
            self._step(inside=False)

    def _open(self, door: Door) -> None:
        self._doors[door].open, self._doors[door].opened = True, self._now
        self._sense(ev.DoorMoved(door, DoorPosition.OPEN))

        def shut() -> None:
            leaf = self._doors[door]
            leaf.open, leaf.until = False, -1.0
            self._sense(ev.DoorMoved(door, DoorPosition.CLOSED))

        self._soon(SWING_S, shut)

    def _step(self, *, inside: bool) -> None:
        if inside != self._inside:
            self._inside, self._stepped_at = inside, self._now
            self._sense(ev.OccupancyChanged(inside))

    def _sense(self, event: ev.Event) -> None:
        """Contacts tell the truth, a little late."""
        self._last = event
        self._post(self._script.lag_s, event)

    # --- people and mishaps -----------------------------------------------------------------------------------

    def _arrive(self, comer: Comer) -> None:
        self._comer = comer
        self._deliver(ev.DocumentPresented(f"passage at {comer.at}"))
        if self._script.topology is Topology.TURNSTILE and comer.enters:
            self._soon(comer.enter_s, lambda: self._step(inside=True))

    def _use_entry(self) -> None:
        """Who is inside leaves by it, who is outside comes in, if they will."""
        leaf = self._doors[Door.ENTRY]
        willing = self._inside or (self._comer is not None and self._comer.enters)
        if willing and leaf.until > self._now and not leaf.open:
            self._open(Door.ENTRY)
            self._step(inside=not self._inside)

    def _verified(self, passage: str) -> None:
        kind = self._comer.verification if self._comer is not None else "nothing performed"
        if kind == "all successful" and self._asked == passage:
            self._accepted.add(passage)
        if kind == "liveness failed" and self._asked == passage:
            self._suspected.add(passage)
        self._deliver(ev.VerificationDone(passage, VERIFICATIONS[kind]))

    def _happen(self, act: Act) -> None:
        self.told.counts[act.kind] += 1
        current = passage_of(self._lane.phase)
        match act.kind:
            case "fault" | "fault ends":
                self._effects = frozenset({Effect(act.value)}) if act.kind == "fault" else frozenset()
                self._deliver(ev.EffectsChanged(self._effects))
            case "officer":
                self._decide(act.value, current)
            case "verdict" if act.value != "early" or self._asked is None:
                # A verdict of nobody's asking: of another passage, before its time, or once more.
                of = "other" if act.value == "other" or current in self._accepted else current or "other"
                self._deliver(ev.VerificationDone(of if self._asked is None else "other", face_checks()))
            case "push" if Door(act.value) in self._doors:
                self._push(Door(act.value))
            case "force" if Door(act.value) in self._doors and not self._doors[Door(act.value)].open:
                self._open(Door(act.value))
            case "stranger steps in":
                self._step(inside=True)
            case "service":
                self._deliver(ev.ServiceRequested(act.value == "on", "officer", "reason"))
            case "block":
                self._blocked = act.value == "on"
                self._deliver(ev.BlockRequested(self._blocked, "officer", "reason"))
            case "repeat" if self._last is not None:
                self._deliver(self._last)
            case "document":
                self._deliver(ev.DocumentPresented(f"passage at {act.at}"))
            case "counted":
                self._deliver(ev.PassageCounted())
            case _:
                pass

    def _decide(self, value: str, current: str | None) -> None:
        action, how = value.rsplit(" ", 1)
        passage = current if current is not None and how != "other" else "other"
        if OfficerAction(action) is OfficerAction.ADMIT and passage != "other":
            self._admitted_by_officer[passage] = how == "seen"
            # Who was admitted and did not go may be admitted again, by a decision of its own.
            self._released.discard((passage, "officer"))
        self._deliver(ev.OfficerDecided(passage, OfficerAction(action), how == "seen", "officer", "reason"))


def violations(script: Script) -> list[str]:
    """What is wrong with a run of this script."""
    return Session(script).run().violations


def shrink(script: Script) -> Script:
    """The smallest script found that still goes wrong: parts are left out one by one as long as it does."""
    while (smaller := next((one for one in script.smaller() if violations(one)), None)) is not None:
        script = smaller
    return script
