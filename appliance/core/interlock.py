"""An independent veto over commands: the safety invariants, restated from sensor facts alone.

It shares no state and no helper with `passage.py`. It keeps its own picture of the doors from the same events and of
what was released from the commands that really went out. A veto is our bug, never an operating condition.
"""

from dataclasses import dataclass, replace

from appliance.core.commands import Command, Purpose, ReleaseEntry, ReleaseExit
from appliance.core.events import DoorMoved, EffectsChanged, Event, OccupancyChanged, ReleaseExpired
from appliance.core.faults import Effect
from appliance.core.policy import Policy
from appliance.core.types import CheckName, Decision, Door, DoorPosition, Result, Topology


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the interlock has seen. Everything starts as the unsafe case.

    `pending` are doors whose release may still be effective; `swung` those among them seen open since.
    `spent` is the passage whose automatic decision has already released the exit once.
    """

    entry: DoorPosition = DoorPosition.UNKNOWN
    exit: DoorPosition = DoorPosition.UNKNOWN
    occupied: bool | None = None
    effects: frozenset[Effect] = frozenset({Effect.OUT_OF_SERVICE})
    pending: frozenset[Door] = frozenset()
    swung: frozenset[Door] = frozenset()
    spent: str | None = None


def observe(view: Guarded, event: Event) -> Guarded:
    """The picture after an event."""
    match event:
        case DoorMoved(door, position):
            return _moved(view, door, position)
        case OccupancyChanged(occupied):
            return replace(view, occupied=occupied)
        case EffectsChanged(effects):
            return replace(view, effects=effects)
        case ReleaseExpired(door):
            return replace(view, pending=view.pending - {door}, swung=view.swung - {door})
        case _:
            return view


def _moved(view: Guarded, door: Door, position: DoorPosition) -> Guarded:
    view = replace(view, entry=position) if door is Door.ENTRY else replace(view, exit=position)
    if position is DoorPosition.OPEN:
        return replace(view, swung=view.swung | ({door} & view.pending))
    if position is DoorPosition.CLOSED and door in view.swung:
        return replace(view, pending=view.pending - {door}, swung=view.swung - {door})
    return view


def dispatched(view: Guarded, command: Command) -> Guarded:
    """The picture after a command went out."""
    match command:
        case ReleaseEntry():
            return replace(view, pending=view.pending | {Door.ENTRY}, swung=view.swung - {Door.ENTRY})
        case ReleaseExit(passage_id):
            pending, swung = view.pending | {Door.EXIT}, view.swung - {Door.EXIT}
            return replace(view, pending=pending, swung=swung, spent=passage_id)
        case _:
            return view


def veto(view: Guarded, command: Command, policy: Policy) -> str | None:
    """Why this command must not go out, or None when nothing stands against it."""
    match command:
        case ReleaseExit():
            return _against_exit(view, command, policy)
        case ReleaseEntry():
            return _against_entry(view, command, policy)
        case _:
            return None


def _against_exit(view: Guarded, command: ReleaseExit, policy: Policy) -> str | None:
    stopping = {Effect.OUT_OF_SERVICE, Effect.REFER_CURRENT, Effect.EMERGENCY_RELEASE}
    if view.effects & stopping:
        return "a fault stands against any release of the exit"
    if policy.topology is Topology.MANTRAP and (view.entry is not DoorPosition.CLOSED or Door.ENTRY in view.pending):
        return "both doors could be open: the entry is not known to be locked"
    if view.exit is not DoorPosition.CLOSED or Door.EXIT in view.pending:
        return "the exit is open or already released"
    if view.occupied is not True:
        return "nobody is in the lane"
    if command.officer is None:
        if view.spent == command.passage_id:
            return "this passage's decision has already released the exit"
        return None if _conjunction(command.decision, policy) else "the decision is not the full conjunction"
    liveness = [check.result for check in command.decision.checks if check.name is CheckName.LIVENESS]
    if liveness != [Result.SUCCESSFUL] and not command.visual_check:
        return "the officer has not seen the bare face"
    return None


def _conjunction(decision: Decision, policy: Policy) -> bool:
    results = {name: [c.result for c in decision.checks if c.name is name] for name in CheckName}
    mandatory = all(results[name] == [Result.SUCCESSFUL] for name in policy.mandatory)
    bad = {Result.FAILED, Result.ABORTED}
    return decision.admit and bool(policy.mandatory) and mandatory and not any(bad & set(r) for r in results.values())


def _against_entry(view: Guarded, command: ReleaseEntry, policy: Policy) -> str | None:
    if policy.topology is Topology.TURNSTILE:
        return "a turnstile has no entry door"
    if view.exit is not DoorPosition.CLOSED or Door.EXIT in view.pending:
        return "both doors could be open: the exit is not known to be locked"
    if command.purpose is Purpose.RETURN:
        return None
    if view.occupied is not False:
        return "somebody is already in the lane"
    if view.effects - {Effect.NOTICE}:
        return "a fault stands against letting anybody in"
    return None
