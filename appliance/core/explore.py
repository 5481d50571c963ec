"""Every reachable state of the machine together with its interlock, by breadth-first search over a finite alphabet.

The tests prove the safety invariants on what this yields, and the transition table in the docs is printed from it.
It is not part of a running lane.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from appliance.core import events as ev
from appliance.core import interlock
from appliance.core.commands import Command, Ignored
from appliance.core.faults import Effect
from appliance.core.passage import step
from appliance.core.phases import Clearing, Lane, passage_of
from appliance.core.policy import Policy
from appliance.core.types import (
    Check,
    CheckName,
    Device,
    Document,
    Door,
    DoorPosition,
    OfficerAction,
    Result,
    Topology,
)

PASSAGE = "p"
TODAY = date(2026, 11, 23)
DOCUMENTS = {
    "in order": Document(readable=True, checks_ok=True, expires=date(2030, 1, 1), chip_authentic=Result.SUCCESSFUL),
    "expired": Document(readable=True, checks_ok=True, expires=date(2020, 1, 1), chip_authentic=Result.SUCCESSFUL),
    "unreadable": Document(readable=False, checks_ok=False, expires=None, chip_authentic=Result.NOT_PERFORMED),
}
_FACE = (CheckName.SINGLE_FACE, CheckName.FACE_QUALITY, CheckName.COMPARISON, CheckName.LIVENESS)


def face_checks(**results: Result) -> tuple[Check, ...]:
    """The checks of a verification, successful but for those named."""
    return tuple(Check(name, results.get(name.value, Result.SUCCESSFUL), "explored") for name in _FACE)


VERIFICATIONS = {
    "all successful": face_checks(),
    "liveness failed": face_checks(liveness=Result.FAILED),
    "liveness undetermined": face_checks(liveness=Result.UNDETERMINED),
    "comparison failed": face_checks(comparison=Result.FAILED),
    "liveness absent": face_checks()[:3],
    "nothing performed": (),
}
EFFECTS = (frozenset[Effect](), *(frozenset({effect}) for effect in Effect))


def alphabet(policy: Policy) -> dict[str, ev.Event]:
    """The events that can make a difference, by label."""
    doors = [Door.EXIT] if policy.topology is Topology.TURNSTILE else list(Door)
    letters: dict[str, ev.Event] = {}
    for effects in EFFECTS:
        letters[f"EffectsChanged({', '.join(effects) or 'none'})"] = ev.EffectsChanged(effects)
    for door in doors:
        for position in (DoorPosition.CLOSED, DoorPosition.OPEN):
            letters[f"DoorMoved({door}, {position})"] = ev.DoorMoved(door, position)
        letters[f"ReleaseExpired({door})"] = ev.ReleaseExpired(door)
        letters[f"ReleaseFailed({door})"] = ev.ReleaseFailed(door)
    for occupied in (True, False):
        letters[f"OccupancyChanged({occupied})"] = ev.OccupancyChanged(occupied)
    letters["PassageCounted"] = ev.PassageCounted()
    letters["DocumentPresented"] = ev.DocumentPresented(PASSAGE)
    for label, document in DOCUMENTS.items():
        letters[f"DocumentRead({label})"] = ev.DocumentRead(PASSAGE, document, TODAY)
    for label, checks in VERIFICATIONS.items():
        letters[f"VerificationDone({label})"] = ev.VerificationDone(PASSAGE, checks)
    letters["VerificationDone(of another passage)"] = ev.VerificationDone("other", face_checks())
    for action in OfficerAction:
        letters[f"OfficerDecided({action})"] = ev.OfficerDecided(PASSAGE, action, True, "officer", "reason")
    blind = ev.OfficerDecided(PASSAGE, OfficerAction.ADMIT, False, "officer", "reason")
    letters["OfficerDecided(admit, bare face not seen)"] = blind
    letters["OfficerDecided(of another passage)"] = ev.OfficerDecided(
        "other", OfficerAction.ADMIT, True, "officer", "reason"
    )
    for wanted in (True, False):
        letters[f"ServiceRequested({wanted})"] = ev.ServiceRequested(wanted, "officer", "reason")
    for wanted in (True, False):
        letters[f"BlockRequested({wanted})"] = ev.BlockRequested(wanted, "officer", "reason")
    for name in policy.timeouts:
        letters[f"PhaseTimedOut({name})"] = ev.PhaseTimedOut(name)
    return letters


@dataclass(frozen=True, slots=True)
class Edge:
    """One step: what stood before it (`view` has already observed the event), and what came of it."""

    before: Lane
    view: interlock.Guarded
    label: str
    event: ev.Event
    after: Lane
    commands: tuple[Command, ...]


def reported() -> Lane:
    """All devices have reported, nothing else is known: where the search begins."""
    return Lane(reported=frozenset(Device))


def explore(policy: Policy) -> Iterator[Edge]:
    """All edges between reachable states, each once. All passages share one id: the next one has spent nothing.

    An officer's block is forgotten once a passage is under way, where it has no meaning; a test shows that it has none.
    """
    start = (reported(), interlock.Guarded(effects=frozenset()))
    seen, queue, letters = {start}, deque([start]), alphabet(policy)
    while queue:
        lane, view = queue.popleft()
        for label, event in letters.items():
            after, commands = step(lane, event, policy)
            watched = interlock.observe(view, event)
            yield Edge(lane, watched, label, event, after, commands)
            for command in commands:
                watched = interlock.dispatched(watched, command)
            going_on = passage_of(after.phase) is not None and not isinstance(after.phase, Clearing)
            if after == lane and watched == view:
                continue
            known = (replace(after, blocked=None), watched) if going_on else (after, replace(watched, spent=None))
            if known not in seen:
                seen.add(known)
                queue.append(known)


def table(policy: Policy) -> list[tuple[str, str, str, str]]:
    """The transition table: rows of (phase, event, commands, next phase), sorted; events without meaning left out."""
    rows = set()
    for edge in explore(policy):
        before, after = type(edge.before.phase).__name__, type(edge.after.phase).__name__
        names = [type(command).__name__ for command in edge.commands]
        if (edge.before.phase == edge.after.phase and not names) or names == [Ignored.__name__]:
            continue
        rows.add((before, edge.label, ", ".join(names), after))
    return sorted(rows)
