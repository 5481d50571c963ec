"""What a console shows, for every state a lane can be in."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from appliance.clock import ManualClock
from appliance.control.messages import LaneSnapshot
from appliance.core import commands as cmd
from appliance.core.decision import aborted, decide, document_checks
from appliance.core.events import OfficerDecided
from appliance.core.explore import DOCUMENTS, TODAY, face_checks
from appliance.core.faults import Effect
from appliance.core.passage import step
from appliance.core.phases import (
    Admitting,
    Clearing,
    Emergency,
    Enclosing,
    Entering,
    Lane,
    Leaving,
    OutOfService,
    Reading,
    Ready,
    Referred,
    Starting,
    Verifying,
)
from appliance.core.policy import Policy
from appliance.core.types import (
    Advice,
    Check,
    CheckName,
    Device,
    Door,
    DoorPosition,
    OfficerAction,
    Outcome,
    Result,
    Step,
    Topology,
)
from appliance.runtime.faults import ActiveFault
from appliance.runtime.passage_data import PassageData
from appliance.runtime.view import Facts, snapshot, step_of

CLOCK = ManualClock()


INSIDE, OUTSIDE = True, False
DECISIONS = (
    decide(document_checks(DOCUMENTS["in order"], TODAY) + face_checks(liveness=Result.FAILED), Policy()),
    decide(document_checks(DOCUMENTS["in order"], TODAY) + face_checks(comparison=Result.FAILED), Policy()),
    decide(document_checks(DOCUMENTS["expired"], TODAY), Policy()),
    decide(document_checks(DOCUMENTS["unreadable"], TODAY), Policy()),
    aborted((), "It took too long.", Policy()),
)


def referrals() -> Iterator[Lane]:
    """Every referral with every state of the lane around it, reachable or not."""
    positions = (DoorPosition.CLOSED, DoorPosition.OPEN)
    effects = (frozenset[Effect](), *(frozenset({effect}) for effect in Effect))
    unlocked = (frozenset[Door](), frozenset({Door.ENTRY}), frozenset({Door.EXIT}))
    for decision, inside, entry, way_out, occupied, standing, released in product(
        DECISIONS, (INSIDE, OUTSIDE), positions, positions, (True, False), effects, unlocked
    ):
        phase = Referred("p", decision, inside)
        yield Lane(phase, frozenset(Device), standing, entry, way_out, occupied, unlocked=released)


def shown(lane: Lane, topology: Topology = Topology.MANTRAP, **more: Any) -> LaneSnapshot:
    base = Facts(
        lane_id="E-07",
        evidence="nothing is known",
        simulated=True,
        revision=1,
        at=CLOCK.now(),
        policy=Policy(topology=topology),
        lane=lane,
        in_phase_s=3.0,
        faults=(),
        released=frozenset(),
        passage=PassageData("p", CLOCK.now()),
        pack=None,
        journal_sequence=5,
    )
    return snapshot(replace(base, **more))


@pytest.mark.parametrize("topology", Topology)
def test_the_actions_offered_are_those_the_lane_would_carry_out(topology: Topology) -> None:
    """ADMIT where it releases the exit, the others where they are not ignored; bare face first where that is asked."""
    policy = Policy(topology=topology)
    admitting = asked = 0
    for lane in referrals():
        passage = shown(lane, topology).passage
        assert passage is not None
        assert passage.referral is not None
        offered = passage.referral.actions
        assert (OfficerAction.REFUSE in offered, OfficerAction.SECOND_LINE in offered) == (True, True)
        for action in OfficerAction:
            _, commands = step(lane, OfficerDecided("p", action, True, "o.sipka", "seen"), policy)
            released = any(isinstance(command, cmd.ReleaseExit) for command in commands)
            ignored = any(isinstance(command, cmd.Ignored) for command in commands)
            assert released is (action is OfficerAction.ADMIT and action in offered)
            assert ignored is (action not in offered)
        if OfficerAction.ADMIT in offered:
            admitting += 1
            asked += passage.referral.needs_visual_check
            _, commands = step(lane, OfficerDecided("p", OfficerAction.ADMIT, False, "o.sipka", "seen"), policy)
            blind = any(isinstance(command, cmd.ReleaseExit) for command in commands)
            assert blind is not passage.referral.needs_visual_check
    assert 0 < asked < admitting


def test_a_suspected_attack_looks_to_the_traveller_like_any_other_referral() -> None:
    steps: dict[tuple[bool, bool], set[Step]] = {}
    for lane in referrals():
        snap = shown(lane)
        assert isinstance(lane.phase, Referred)
        assert snap.passage is not None
        assert snap.passage.referral is not None
        attack = lane.phase.decision is DECISIONS[0]
        assert snap.passage.referral.suspected_attack is attack
        steps.setdefault((lane.phase.inside, attack), set()).add(snap.step)
    assert steps[INSIDE, True] == steps[INSIDE, False] == {Step.OFFICER_COMES}
    assert steps[OUTSIDE, True] == steps[OUTSIDE, False] == {Step.SEE_OFFICER}


def test_where_nobody_watches_nobody_is_told_to_wait_for_an_officer() -> None:
    for lane in referrals():
        assert step_of(lane, Policy(), attended=False) is Step.NOT_VERIFIED


def test_every_phase_has_a_step_and_go_means_that_the_exit_was_released() -> None:
    gone = (DECISIONS[0], Outcome.ADMITTED)
    phases = (Starting(), OutOfService(), Ready(), Reading("p"), Entering("p", ()), Enclosing("p", ()))
    phases += (Verifying("p", ()), Admitting("p", *gone), Leaving("p", *gone), Referred("p", DECISIONS[0], INSIDE))
    phases += (Clearing("p", True), Emergency())  # type: ignore[assignment]
    assert {type(phase).__name__ for phase in phases} == set(Policy().timeouts) - {"Acknowledged", "Held"}
    for topology in Topology:
        steps = {type(phase): shown(Lane(phase), topology).step for phase in phases}
        assert {phase for phase, step in steps.items() if step is Step.GO} == {Admitting, Leaving}
        assert steps[Emergency] is Step.EMERGENCY
    assert shown(Lane(Clearing("p", True), occupied=True)).step is Step.GO_BACK


def test_only_a_lane_that_would_take_one_asks_for_a_document() -> None:
    for effect in Effect:
        step = shown(Lane(Ready(), effects=frozenset({effect}))).step
        assert step is (Step.PRESENT_DOCUMENT if effect is Effect.NOTICE else Step.OUT_OF_SERVICE)
    assert [shown(Lane(phase)).in_service for phase in (Starting(), OutOfService(), Ready())] == [False, False, True]


def test_failing_checks_come_first_and_worst_first() -> None:
    data = PassageData("p", CLOCK.now())
    order = (Result.SUCCESSFUL, Result.NOT_PERFORMED, Result.ABORTED, Result.UNDETERMINED, Result.FAILED)
    data.checks = tuple(Check(name, result, "r", "d") for name, result in zip(CheckName, order, strict=False))
    passage = shown(Lane(), passage=data).passage
    assert passage is not None
    assert [check.result for check in passage.checks] == [
        Result.FAILED,
        Result.UNDETERMINED,
        Result.ABORTED,
        Result.NOT_PERFORMED,
        Result.SUCCESSFUL,
    ]


def test_equal_results_keep_the_order_of_the_checks() -> None:
    data = PassageData("p", CLOCK.now(), checks=decide(face_checks(), Policy()).checks[:4])
    assert [view.name for view in data.check_views()] == [check.name for check in face_checks()]


def test_a_turnstile_shows_one_door_and_a_mantrap_two() -> None:
    assert [door.door for door in shown(Lane()).doors] == [Door.ENTRY, Door.EXIT]
    doors = shown(Lane(), Topology.TURNSTILE, released=frozenset({Door.EXIT})).doors
    assert [(door.door, door.released) for door in doors] == [(Door.EXIT, True)]


def test_a_fault_says_what_to_do_and_its_detail() -> None:
    fault = ActiveFault(1001, "gate", "no answer in 0.3 s", CLOCK.now())
    view = shown(Lane(), faults=(fault,)).faults[0]
    assert view.advice.endswith("(no answer in 0.3 s)")
    assert "cable" in view.advice


def test_the_end_of_a_phase_is_its_beginning_and_its_time_out() -> None:
    snap = shown(Lane(Ready()))
    assert snap.phase_ends is not None
    assert (snap.at - snap.phase_since).total_seconds() == 3.0
    assert (snap.phase_ends - snap.phase_since).total_seconds() == Policy().timeouts["Ready"]


def test_a_picture_shown_again_has_a_new_version() -> None:
    data = PassageData("p", CLOCK.now())
    data.show("live", b"a", "image/jpeg", label="Live", eyes=[1.0, 2.0, 3.0, 4.0])
    data.show("live", b"b", "image/jpeg", label="Live")
    view = data.image_views()[0]
    assert (view.channel, view.version, view.eyes) == ("live", 2, None)


def test_pictures_of_an_earlier_attempt_go_and_the_next_are_newer() -> None:
    data = PassageData("p", CLOCK.now(), referred_since=CLOCK.now())
    for channel in ("portrait", "rgb"):
        data.show(channel, b"a", "image/jpeg", label="first")
    data.again()
    assert (set(data.pictures), data.earlier) == ({"portrait", "rgb"}, []), "the first verification has none before it"
    data.checks = face_checks(comparison=Result.FAILED)
    data.again()
    assert set(data.pictures) == {"portrait"}
    assert data.checks == ()
    assert [view.checks[0].name for view in data.attempt_views()] == [CheckName.COMPARISON]
    data.show("rgb", b"b", "image/jpeg", label="second")
    assert data.pictures["rgb"].version == 2, "a console that has the first fetches the second"


def test_what_is_forgotten_stays_forgotten() -> None:
    """Pictures under way when the passage ends must not come back."""
    data = PassageData("p", CLOCK.now(), checks=face_checks(), outcome=Outcome.ADMITTED)
    data.show("portrait", b"a", "image/jpeg", label="Portrait")
    data.tell(["The portrait is blurred."])
    before = shown(Lane(), passage=data).passage
    assert before is not None
    assert before.irregularities == ("The portrait is blurred.",)
    data.forget()
    data.show("rgb", b"b", "image/jpeg", label="Live")
    data.tell(["The portrait is too dark."])
    passage = shown(Lane(), passage=data).passage
    assert passage is not None
    assert (passage.images, passage.document, data.pictures) == ((), None, {})
    assert passage.irregularities == ()
    assert (len(passage.checks), passage.outcome) == (4, Outcome.ADMITTED)


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        (Reading("p"), None),
        (Reading("p", attempt=2), Advice.LEAVE_IT_THERE),
        (Verifying("p", ()), Advice.COME_CLOSER),
    ],
)
def test_advice_is_of_what_is_under_way(phase: Reading | Verifying, told: Advice | None) -> None:
    passage = PassageData("p", CLOCK.now(), advice=Advice.LEAVE_IT_THERE)
    assert shown(Lane(phase), passage=passage, advice=Advice.COME_CLOSER).advice is told
