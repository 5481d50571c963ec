"""The interlock on its own: it must hold even against a machine gone wrong."""

import pytest

from appliance.core import events as ev
from appliance.core import interlock
from appliance.core.commands import Command, Purpose, ReleaseEntry, ReleaseExit, Secure
from appliance.core.decision import decide, document_checks
from appliance.core.explore import DOCUMENTS, TODAY, face_checks
from appliance.core.faults import Effect
from appliance.core.policy import Policy
from appliance.core.types import Check, CheckName, Decision, Door, DoorPosition, Result, Topology

CLOSED, OPEN = DoorPosition.CLOSED, DoorPosition.OPEN

GOOD = decide((*document_checks(DOCUMENTS["in order"], TODAY), *face_checks()), Policy())


def guarded(*events: ev.Event) -> interlock.Guarded:
    view = interlock.Guarded()
    shut = (ev.DoorMoved(Door.ENTRY, CLOSED), ev.DoorMoved(Door.EXIT, CLOSED))
    for event in (ev.EffectsChanged(frozenset()), *shut, ev.OccupancyChanged(True), *events):
        view = interlock.observe(view, event)
    return view


def forged(*, without: CheckName | None = None, result: Result | None = None) -> ReleaseExit:
    checks = tuple(
        Check(c.name, result if c.name is without and result else c.result, "")
        for c in GOOD.checks
        if not (c.name is without and result is None)
    )
    return ReleaseExit("p", type(GOOD)(checks, admit=True))


def test_the_interlock_lets_the_right_release_through_once() -> None:
    release = ReleaseExit("p", GOOD)
    assert interlock.veto(guarded(), release, Policy()) is None
    again = interlock.observe(interlock.dispatched(guarded(), release), ev.ReleaseExpired(Door.EXIT))
    assert "already" in (interlock.veto(again, release, Policy()) or "")


@pytest.mark.parametrize("name", sorted(Policy().mandatory))
@pytest.mark.parametrize("result", [None, *(r for r in Result if r is not Result.SUCCESSFUL)])
def test_the_interlock_recomputes_the_conjunction(name: CheckName, result: Result | None) -> None:
    assert interlock.veto(guarded(), forged(without=name, result=result), Policy())


@pytest.mark.parametrize(
    "event",
    [
        ev.DoorMoved(Door.ENTRY, OPEN),
        ev.DoorMoved(Door.ENTRY, DoorPosition.UNKNOWN),
        ev.DoorMoved(Door.EXIT, OPEN),
        ev.OccupancyChanged(False),
        ev.EffectsChanged(frozenset({Effect.OUT_OF_SERVICE})),
        ev.EffectsChanged(frozenset({Effect.REFER_CURRENT})),
        ev.EffectsChanged(frozenset({Effect.EMERGENCY_RELEASE})),
    ],
)
def test_the_interlock_vetoes_the_exit(event: ev.Event) -> None:
    assert interlock.veto(guarded(event), ReleaseExit("p", GOOD), Policy())


def test_the_interlock_starts_with_everything_forbidden() -> None:
    assert interlock.veto(interlock.Guarded(), ReleaseExit("p", GOOD), Policy())
    assert interlock.veto(interlock.Guarded(), ReleaseEntry(None, Purpose.RETURN), Policy())


def test_one_door_at_a_time_until_it_swung_or_expired() -> None:
    released = interlock.dispatched(guarded(), ReleaseEntry("p", Purpose.RETURN))
    assert interlock.veto(released, ReleaseExit("p", GOOD), Policy())
    expired = interlock.observe(released, ev.ReleaseExpired(Door.ENTRY))
    assert interlock.veto(expired, ReleaseExit("p", GOOD), Policy()) is None
    opened = interlock.observe(released, ev.DoorMoved(Door.ENTRY, OPEN))
    closed = interlock.observe(opened, ev.DoorMoved(Door.ENTRY, CLOSED))
    assert interlock.veto(closed, ReleaseExit("p", GOOD), Policy()) is None


def refused(view: interlock.Guarded, command: Command, policy: Policy | None = None) -> str:
    """The reason of a veto; empty when there is none."""
    return interlock.veto(view, command, policy or Policy()) or ""


def test_each_veto_says_what_stands_against_it() -> None:
    exit_, enter = ReleaseExit("p", GOOD), ReleaseEntry("p", Purpose.ENTER)
    stopped = guarded(ev.EffectsChanged(frozenset({Effect.OUT_OF_SERVICE})))
    exit_open = guarded(ev.DoorMoved(Door.EXIT, OPEN))
    spent = interlock.observe(interlock.dispatched(guarded(), exit_), ev.ReleaseExpired(Door.EXIT))
    unseen = ReleaseExit("p", Decision((), admit=False), "ofc", False)
    empty = ev.OccupancyChanged(False)
    blocked = guarded(empty, ev.EffectsChanged(frozenset({Effect.BLOCK_ENTRY})))
    assert refused(stopped, exit_) == "a fault stands against any release of the exit"
    assert refused(guarded(ev.DoorMoved(Door.ENTRY, OPEN)), exit_) == (
        "both doors could be open: the entry is not known to be locked"
    )
    assert refused(exit_open, exit_) == "the exit is open or already released"
    assert refused(guarded(empty), exit_) == "nobody is in the lane"
    assert refused(spent, exit_) == "this passage's decision has already released the exit"
    assert refused(guarded(), ReleaseExit("p", Decision(GOOD.checks, admit=False))) == (
        "the decision is not the full conjunction"
    )
    assert refused(guarded(), unseen) == "the officer has not seen the bare face"
    assert refused(exit_open, enter) == "both doors could be open: the exit is not known to be locked"
    assert refused(guarded(), enter) == "somebody is already in the lane"
    assert refused(blocked, enter) == "a fault stands against letting anybody in"
    assert refused(guarded(), enter, Policy(topology=Topology.TURNSTILE)) == "a turnstile has no entry door"


@pytest.mark.parametrize("effect", [effect for effect in Effect if effect is not Effect.NOTICE])
def test_no_new_traveller_under_a_fault_but_a_notice_stops_nobody(effect: Effect) -> None:
    enter, empty = ReleaseEntry("p", Purpose.ENTER), ev.OccupancyChanged(False)
    assert not refused(guarded(empty), enter)
    assert not refused(guarded(empty, ev.EffectsChanged(frozenset({Effect.NOTICE}))), enter)
    assert "letting anybody in" in refused(guarded(empty, ev.EffectsChanged(frozenset({effect, Effect.NOTICE}))), enter)


def test_the_way_back_is_open_to_whoever_stands_inside_even_under_a_fault() -> None:
    back = ReleaseEntry("p", Purpose.RETURN)
    assert not refused(guarded(ev.EffectsChanged(frozenset(Effect))), back)
    assert "the exit is not known" in refused(guarded(ev.DoorMoved(Door.EXIT, DoorPosition.UNKNOWN)), back)
    assert "the exit is not known" in refused(interlock.dispatched(guarded(), ReleaseExit("p", GOOD)), back)


def test_a_turnstile_has_no_entry_and_asks_for_none() -> None:
    turnstile = Policy(topology=Topology.TURNSTILE)
    assert "no entry door" in refused(guarded(ev.OccupancyChanged(False)), ReleaseEntry("p", Purpose.ENTER), turnstile)
    assert "no entry door" in refused(guarded(), ReleaseEntry("p", Purpose.RETURN), turnstile)
    assert not refused(guarded(ev.DoorMoved(Door.ENTRY, DoorPosition.UNKNOWN)), ReleaseExit("p", GOOD), turnstile)


def test_occupancy_that_was_never_told_is_neither_empty_nor_occupied() -> None:
    view = interlock.Guarded(entry=CLOSED, exit=CLOSED, effects=frozenset())
    assert "nobody is in the lane" in refused(view, ReleaseExit("p", GOOD))
    assert "somebody is already" in refused(view, ReleaseEntry("p", Purpose.ENTER))


def test_the_conjunction_needs_mandatory_checks_and_no_failed_one_beside_them() -> None:
    nothing_asked = Policy(mandatory=frozenset())
    assert "conjunction" in refused(guarded(), ReleaseExit("p", Decision((), admit=True)), nothing_asked)
    optional = Policy(mandatory=Policy().mandatory - {CheckName.DOCUMENT_AUTHENTICITY})
    for result, vetoed in (
        (Result.FAILED, True),
        (Result.ABORTED, True),
        (Result.UNDETERMINED, False),
        (Result.NOT_PERFORMED, False),
    ):
        release = forged(without=CheckName.DOCUMENT_AUTHENTICITY, result=result)
        assert bool(refused(guarded(), release, optional)) is vetoed, result
    twice = Decision((*GOOD.checks, GOOD.checks[0]), admit=True)
    assert "conjunction" in refused(guarded(), ReleaseExit("p", twice))


def test_an_officer_must_have_seen_the_face_unless_liveness_alone_was_well() -> None:
    def by_officer(liveness: tuple[Result, ...], *, seen: bool) -> str:
        checks = tuple(Check(CheckName.LIVENESS, result, "") for result in liveness)
        return refused(guarded(), ReleaseExit("p", Decision(checks, admit=False), "ofc", seen))

    assert not by_officer((Result.SUCCESSFUL,), seen=False)
    for liveness in ((), (Result.FAILED,), (Result.UNDETERMINED,), (Result.SUCCESSFUL, Result.FAILED)):
        assert "bare face" in by_officer(liveness, seen=False)
        assert not by_officer(liveness, seen=True)


def test_an_officer_may_release_again_what_a_machine_may_not() -> None:
    release = ReleaseExit("p", GOOD)
    spent = interlock.observe(interlock.dispatched(guarded(), release), ev.ReleaseExpired(Door.EXIT))
    assert "already released the exit" in refused(spent, release)
    assert not refused(spent, ReleaseExit("p", GOOD, "ofc", True))
    assert not refused(spent, ReleaseExit("q", GOOD)), "another passage has a release of its own"


def test_a_door_is_pending_until_it_was_open_and_shut_again_or_expired() -> None:
    view = interlock.dispatched(guarded(), ReleaseExit("p", GOOD))
    assert view.pending == {Door.EXIT}
    shut = interlock.observe(view, ev.DoorMoved(Door.EXIT, CLOSED))
    assert shut.pending == {Door.EXIT}, "never seen open: the release may still be effective"
    opened = interlock.observe(view, ev.DoorMoved(Door.EXIT, OPEN))
    assert (opened.pending, opened.swung) == ({Door.EXIT}, {Door.EXIT})
    lost = interlock.observe(opened, ev.DoorMoved(Door.EXIT, DoorPosition.UNKNOWN))
    assert (lost.pending, lost.swung, lost.exit) == ({Door.EXIT}, {Door.EXIT}, DoorPosition.UNKNOWN)
    used = interlock.observe(opened, ev.DoorMoved(Door.EXIT, CLOSED))
    assert (used.pending, used.swung) == (frozenset(), frozenset())
    expired = interlock.observe(opened, ev.ReleaseExpired(Door.EXIT))
    assert (expired.pending, expired.swung, expired.exit) == (frozenset(), frozenset(), OPEN)


def test_a_door_that_swings_without_a_release_is_not_pending() -> None:
    view = interlock.observe(guarded(), ev.DoorMoved(Door.ENTRY, OPEN))
    assert (view.pending, view.swung, view.entry, view.exit) == (frozenset(), frozenset(), OPEN, CLOSED)


def test_a_second_release_forgets_the_swing_of_the_first() -> None:
    for release, door in ((ReleaseEntry("p", Purpose.RETURN), Door.ENTRY), (ReleaseExit("p", GOOD), Door.EXIT)):
        opened = interlock.observe(interlock.dispatched(guarded(), release), ev.DoorMoved(door, OPEN))
        again = interlock.dispatched(opened, release)
        assert (again.pending, again.swung) == ({door}, frozenset())
        both = interlock.dispatched(
            again, ReleaseExit("q", GOOD) if door is Door.ENTRY else ReleaseEntry("q", Purpose.RETURN)
        )
        assert both.pending == frozenset(Door)
        one = interlock.observe(both, ev.ReleaseExpired(door))
        assert one.pending == frozenset(Door) - {door}


def test_commands_and_events_without_a_bearing_leave_the_picture_alone() -> None:
    view = guarded()
    assert interlock.dispatched(view, Secure()) == view
    assert interlock.observe(view, ev.PassageCounted()) == view
    assert not refused(interlock.Guarded(), Secure())
