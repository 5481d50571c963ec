"""The safety invariants, checked on every edge between reachable states of machine and interlock."""

import collections
import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from appliance.core import interlock, passage
from appliance.core.commands import (
    EndPassage,
    Ignored,
    Purpose,
    RecordDecision,
    ReleaseEntry,
    ReleaseExit,
    StartVerification,
)
from appliance.core.events import BlockRequested, OfficerDecided, PhaseTimedOut, VerificationDone
from appliance.core.explore import VERIFICATIONS, Edge, explore
from appliance.core.faults import Effect
from appliance.core.passage import step
from appliance.core.phases import (
    Admitting,
    Clearing,
    Lane,
    Leaving,
    Phase,
    Reading,
    Ready,
    Referred,
    Verifying,
    clock_of,
    passage_of,
)
from appliance.core.policy import TIMEOUTS, Policy
from appliance.core.types import CheckName, Door, DoorPosition, OfficerAction, Outcome, Result, Topology

TOPOLOGIES = tuple(Topology)


def under_way(phase: Phase) -> str | None:
    return None if isinstance(phase, Clearing) else passage_of(phase)


def exits(edge: Edge) -> list[ReleaseExit]:
    return [command for command in edge.commands if isinstance(command, ReleaseExit)]


def interlock_never_has_to_veto(edge: Edge, policy: Policy) -> bool:
    view = edge.view
    for command in edge.commands:
        if interlock.veto(view, command, policy):
            return False
        view = interlock.dispatched(view, command)
    return True


def exit_only_on_full_conjunction_or_officer(edge: Edge, policy: Policy) -> bool:
    for release in exits(edge):
        if isinstance(edge.event, VerificationDone):
            if edge.event.checks != VERIFICATIONS["all successful"] or release.officer is not None:
                return False
            if {c.name for c in release.decision.checks if c.result is Result.SUCCESSFUL} < policy.mandatory:
                return False
        elif not (isinstance(edge.event, OfficerDecided) and edge.event.action is OfficerAction.ADMIT):
            return False
    return True


def officer_overrides_liveness_only_after_a_look(edge: Edge, policy: Policy) -> bool:
    return all(
        release.officer is None
        or release.visual_check
        or all(c.result is Result.SUCCESSFUL for c in release.decision.checks if c.name.value == "liveness")
        for release in exits(edge)
    )


def never_both_doors(edge: Edge, policy: Policy) -> bool:
    if edge.after.unlocked == frozenset(Door):
        return False
    for command in edge.commands:
        shut = policy.topology is Topology.TURNSTILE or edge.after.entry is DoorPosition.CLOSED
        if isinstance(command, ReleaseExit) and not shut:
            return False
        if isinstance(command, ReleaseEntry) and edge.after.exit is not DoorPosition.CLOSED:
            return False
    return True


def decision_is_recorded_before_the_exit_is_released(edge: Edge, policy: Policy) -> bool:
    names = [type(command) for command in edge.commands]
    return ReleaseExit not in names or RecordDecision in names[: names.index(ReleaseExit)]


def no_exit_under_a_stopping_fault(edge: Edge, policy: Policy) -> bool:
    stopping = {Effect.OUT_OF_SERVICE, Effect.REFER_CURRENT, Effect.EMERGENCY_RELEASE}
    return not (exits(edge) and edge.after.effects & stopping)


def every_passage_ends_exactly_once(edge: Edge, policy: Policy) -> bool:
    ended = sum(isinstance(command, EndPassage) for command in edge.commands)
    over = under_way(edge.before.phase) is not None and under_way(edge.after.phase) is None
    return ended == (1 if over else 0)


def time_alone_releases_no_exit(edge: Edge, policy: Policy) -> bool:
    return not (isinstance(edge.event, PhaseTimedOut) and exits(edge))


def only_admit_and_a_verdict_lead_through_the_exit(edge: Edge, policy: Policy) -> bool:
    """No other action of an officer releases it, nor leads to a phase in which it is released."""
    other = isinstance(edge.event, OfficerDecided) and edge.event.action is not OfficerAction.ADMIT
    went_on = edge.after.phase != edge.before.phase
    return not (other and (exits(edge) or (went_on and isinstance(edge.after.phase, Admitting | Leaving))))


def a_suspected_attack_is_never_verified_again(edge: Edge, policy: Policy) -> bool:
    before = edge.before.phase
    again = isinstance(before, Referred) and any(isinstance(one, StartVerification) for one in edge.commands)
    return not again or before.decision.result_of(CheckName.LIVENESS) is not Result.FAILED


def verifications_of_a_passage_are_numbered(edge: Edge, policy: Policy) -> bool:
    """Each one an officer orders leaves one less; the first is the machine's."""
    if not any(isinstance(command, StartVerification) for command in edge.commands):
        return True
    after = edge.after.phase
    assert isinstance(after, Verifying)
    left = edge.before.phase.retries - 1 if isinstance(edge.before.phase, Referred) else policy.retries
    return after.retries == left >= 0


def the_entry_is_released_backwards_for_whoever_is_inside(edge: Edge, policy: Policy) -> bool:
    if not (isinstance(edge.event, OfficerDecided) and edge.event.action is OfficerAction.OPEN_ENTRY):
        return True
    releases = [command for command in edge.commands if isinstance(command, ReleaseEntry)]
    ended = [command.outcome for command in edge.commands if isinstance(command, EndPassage)]
    if isinstance(edge.commands[0], Ignored):
        return edge.after == edge.before
    let_out = [Outcome.LET_OUT_BY_OFFICER]
    return ended == let_out and [one.purpose for one in releases] == [Purpose.RETURN] and policy.topology == "mantrap"


def blocked_lanes_start_nothing(edge: Edge, policy: Policy) -> bool:
    return not (edge.before.blocked and isinstance(edge.before.phase, Ready) and isinstance(edge.after.phase, Reading))


INVARIANTS: tuple[Callable[[Edge, Policy], bool], ...] = (
    interlock_never_has_to_veto,
    exit_only_on_full_conjunction_or_officer,
    officer_overrides_liveness_only_after_a_look,
    never_both_doors,
    decision_is_recorded_before_the_exit_is_released,
    no_exit_under_a_stopping_fault,
    every_passage_ends_exactly_once,
    time_alone_releases_no_exit,
    only_admit_and_a_verdict_lead_through_the_exit,
    a_suspected_attack_is_never_verified_again,
    verifications_of_a_passage_are_numbered,
    the_entry_is_released_backwards_for_whoever_is_inside,
    blocked_lanes_start_nothing,
)


@dataclass
class Searched:
    """What one walk over all edges brings: broken invariants, edges, clocks, and where time alone leads."""

    found: collections.Counter[str] = field(default_factory=collections.Counter)
    edges: int = 0
    clocks: set[str] = field(default_factory=set)
    by_time: dict[Lane, Lane] = field(default_factory=dict)


def search(policy: Policy, stop_at_first: bool = False) -> Searched:
    told = Searched()
    for edge in explore(policy):
        told.edges += 1
        clock = clock_of(edge.before.phase)
        told.clocks.add(clock)
        if isinstance(edge.event, PhaseTimedOut) and edge.event.phase == clock:
            told.by_time[edge.before] = edge.after
        if edge.after is edge.before and all(isinstance(command, Ignored) for command in edge.commands):
            continue  # nothing changed and nothing was asked for
        for invariant in INVARIANTS:
            if not invariant(edge, policy):
                told.found[f"{invariant.__name__}: {type(edge.before.phase).__name__} + {edge.label}"] += 1
                if stop_at_first:
                    return told
    return told


@functools.cache
def searched(topology: Topology) -> Searched:
    """One retry is as good as two: the counter only ever goes down."""
    return search(Policy(topology=topology, retries=1))


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_reachable_state_breaks_an_invariant(topology: Topology) -> None:
    told = searched(topology)
    assert not told.found, told.found.most_common(5)
    assert told.edges > 500_000
    assert told.clocks == set(TIMEOUTS), "a phase that cannot be reached, or one without a time-out"


def _always(*_: object) -> bool:
    return True


def _generously_referred(lane, passage_id, decision, *commands, inside=True, retries=0):  # type: ignore[no-untyped-def]
    """As the machine refers, but for the one thing: also where the exit was released before, it may verify again."""
    held = Referred(passage_id, decision, inside, retries or 1)
    return replace(lane, phase=held), (*commands, RecordDecision(passage_id, decision))


DEFECTS = {
    "needs_visual_check": lambda decision: False,
    "may_verify_again": lambda phase, policy: phase.inside and phase.retries > 0,
    "_refer": _generously_referred,
}


@pytest.mark.parametrize("defect", [*DEFECTS, "_exit_may_open", "_entry_may_open", "admits_anything"])
def test_the_search_finds_a_planted_defect(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if defect in DEFECTS:
        monkeypatch.setattr(passage, defect, DEFECTS[defect])
    elif defect == "admits_anything":
        honest = passage.decide

        def generous(checks, policy):  # type: ignore[no-untyped-def]
            return passage.Decision(honest(checks, policy).checks, admit=True)

        monkeypatch.setattr(passage, "decide", generous)
    else:
        monkeypatch.setattr(passage, defect, _always)
    assert search(Policy(topology=Topology.MANTRAP, retries=1), stop_at_first=True).found


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_left_alone_every_state_comes_to_rest(topology: Topology) -> None:
    """With nobody acting, time alone leads to ready, out of service or starting; emergency waits for its reset."""
    resting = {"Ready", "OutOfService", "Starting", "Emergency"}
    next_by_time = searched(topology).by_time
    for state in next_by_time:
        lane, steps = state, 0
        while type(lane.phase).__name__ not in resting:
            lane, steps = next_by_time[lane], steps + 1
            assert steps < 8, f"never comes to rest from {state}"


def test_a_block_has_no_meaning_but_at_the_start_of_a_passage() -> None:
    """The search forgets a block while a passage is under way: here it makes no difference in any state."""
    policy = Policy(topology=Topology.TURNSTILE, retries=1)
    block = BlockRequested(True, "officer", "reason")
    begun = 0
    for edge in explore(policy):
        if edge.before.blocked or isinstance(edge.event, BlockRequested):
            continue
        after, commands = step(replace(edge.before, blocked=block), edge.event, policy)
        if isinstance(edge.after.phase, Reading) and isinstance(edge.before.phase, Ready):
            begun += 1
            assert commands == (Ignored("Ready", "DocumentPresented"),)
        else:
            assert (after, commands) == (replace(edge.after, blocked=block), edge.commands), edge
    assert begun
