"""The safety invariants, checked on every edge between reachable states of machine and interlock."""

import collections
from collections.abc import Callable

import pytest

from appliance.core import interlock, passage
from appliance.core.commands import EndPassage, RecordDecision, ReleaseEntry, ReleaseExit
from appliance.core.events import OfficerDecided, PhaseTimedOut, VerificationDone
from appliance.core.explore import VERIFICATIONS, Edge, explore
from appliance.core.faults import Effect
from appliance.core.phases import Clearing, Phase, passage_of
from appliance.core.policy import Policy
from appliance.core.types import Door, DoorPosition, OfficerAction, Result, Topology

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


INVARIANTS: tuple[Callable[[Edge, Policy], bool], ...] = (
    interlock_never_has_to_veto,
    exit_only_on_full_conjunction_or_officer,
    officer_overrides_liveness_only_after_a_look,
    never_both_doors,
    decision_is_recorded_before_the_exit_is_released,
    no_exit_under_a_stopping_fault,
    every_passage_ends_exactly_once,
    time_alone_releases_no_exit,
)


def violations(policy: Policy, stop_at_first: bool = False) -> tuple[collections.Counter[str], int, set[str]]:
    found: collections.Counter[str] = collections.Counter()
    edges, phases = 0, set()
    for edge in explore(policy):
        edges += 1
        phases.add(type(edge.before.phase).__name__)
        for invariant in INVARIANTS:
            if not invariant(edge, policy):
                found[f"{invariant.__name__}: {type(edge.before.phase).__name__} + {edge.label}"] += 1
                if stop_at_first:
                    return found, edges, phases
    return found, edges, phases


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_reachable_state_breaks_an_invariant(topology: Topology) -> None:
    policy = Policy(topology=topology)
    found, edges, phases = violations(policy)
    assert not found, found.most_common(5)
    assert edges > 100_000
    assert phases == set(policy.timeouts), "a phase that cannot be reached, or one without a time-out"


def _always(*_: object) -> bool:
    return True


@pytest.mark.parametrize("defect", ["_exit_may_open", "_entry_may_open", "needs_visual_check", "admits_anything"])
def test_the_search_finds_a_planted_defect(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if defect == "needs_visual_check":
        monkeypatch.setattr(passage, defect, lambda decision: False)
    elif defect == "admits_anything":
        honest = passage.decide

        def generous(checks, policy):  # type: ignore[no-untyped-def]
            return passage.Decision(honest(checks, policy).checks, admit=True)

        monkeypatch.setattr(passage, "decide", generous)
    else:
        monkeypatch.setattr(passage, defect, _always)
    found, _, _ = violations(Policy(topology=Topology.MANTRAP), stop_at_first=True)
    assert found


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_left_alone_every_state_comes_to_rest(topology: Topology) -> None:
    """With nobody acting, time alone leads to ready, out of service or starting; emergency waits for its reset."""
    policy = Policy(topology=topology)
    resting = {"Ready", "OutOfService", "Starting", "Emergency"}
    next_by_time: dict[object, object] = {}
    for edge in explore(policy):
        if isinstance(edge.event, PhaseTimedOut) and edge.event.phase == type(edge.before.phase).__name__:
            next_by_time[edge.before] = edge.after
    for state in next_by_time:
        lane, steps = state, 0
        while type(lane.phase).__name__ not in resting:  # type: ignore[attr-defined]
            lane, steps = next_by_time[lane], steps + 1
            assert steps < 8, f"never comes to rest from {state}"
