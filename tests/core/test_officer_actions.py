"""What officers do about a referred traveller beside admitting and sending away, and what two of them do at once."""

from dataclasses import replace

import pytest

from appliance.core import events as ev
from appliance.core.commands import (
    Command,
    EndPassage,
    Ignored,
    Purpose,
    RecordDecision,
    ReleaseEntry,
    ReleaseExit,
    StartVerification,
)
from appliance.core.decision import aborted, decide, document_checks
from appliance.core.explore import DOCUMENTS, TODAY, face_checks
from appliance.core.faults import Effect
from appliance.core.passage import step
from appliance.core.phases import (
    Admitting,
    Clearing,
    Entering,
    Lane,
    Phase,
    Reading,
    Ready,
    Referred,
    Verifying,
    clock_of,
)
from appliance.core.policy import TIMEOUTS, Policy
from appliance.core.referral import REQUESTS
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
    Topology,
)

CLOSED, OPEN = DoorPosition.CLOSED, DoorPosition.OPEN
MANTRAP, TURNSTILE = Policy(), Policy(topology=Topology.TURNSTILE)
PAPERS = document_checks(DOCUMENTS["in order"], TODAY)
UNSURE = decide((*PAPERS, *face_checks(comparison=Result.UNDETERMINED)), MANTRAP)
ATTACK = decide((*PAPERS, *face_checks(liveness=Result.FAILED)), MANTRAP)
HELD = Referred("p", UNSURE, True, retries=2)
OUTSIDE = Referred("p", decide(document_checks(DOCUMENTS["expired"], TODAY), MANTRAP), False)
IGNORED = (Ignored("Referred", "OfficerDecided"),)


def lane(phase: Phase, **given: object) -> Lane:
    """A healthy lane in this phase, its doors closed, somebody inside."""
    return replace(Lane(phase, frozenset(Device), frozenset(), CLOSED, CLOSED, True), **given)  # type: ignore[arg-type]


def by(action: OfficerAction, officer: str = "ann", passage: str = "p") -> ev.OfficerDecided:
    return ev.OfficerDecided(passage, action, True, officer, "because")


def after(state: Lane, *events: ev.Event, policy: Policy = MANTRAP) -> tuple[Phase, tuple[Command, ...]]:
    """The phase, and the commands of the last event."""
    commands: tuple[Command, ...] = ()
    for event in events:
        state, commands = step(state, event, policy)
    return state.phase, commands


# --- verify again -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("action", "ask"), REQUESTS.items())
def test_a_retry_keeps_the_document_and_judges_the_face_afresh(action: OfficerAction, ask: Advice | None) -> None:
    record = RecordDecision("p", UNSURE, "ann")
    begun = (Verifying("p", PAPERS, 1), (record, StartVerification("p", ask)))
    assert after(lane(HELD), by(action)) == begun
    again = decide((*PAPERS, *face_checks()), MANTRAP)
    phase, commands = after(lane(HELD), by(action), ev.VerificationDone("p", face_checks()))
    assert phase == Admitting("p", again, Outcome.ADMITTED)
    assert commands == (RecordDecision("p", again), ReleaseExit("p", again)), "the verdict releases, not the officer"


@pytest.mark.parametrize("action", REQUESTS)
@pytest.mark.parametrize("policy", [MANTRAP, TURNSTILE])
def test_a_suspected_attack_is_not_tried_again_and_an_officer_decides(action: OfficerAction, policy: Policy) -> None:
    state = lane(Referred("p", ATTACK, True, retries=2))
    assert after(state, by(action), policy=policy) == (state.phase, IGNORED)
    assert isinstance(after(state, by(OfficerAction.ADMIT), policy=policy)[0], Admitting)


def test_an_attack_seen_at_the_second_attempt_ends_the_attempts() -> None:
    failed = ev.VerificationDone("p", face_checks(liveness=Result.FAILED))
    held, _ = after(lane(HELD), by(OfficerAction.RETRY), failed)
    assert held == Referred("p", ATTACK, True, retries=1)
    assert after(lane(held), by(OfficerAction.RETRY)) == (held, IGNORED)


def test_attempts_are_counted_down_and_then_refused() -> None:
    failed = ev.VerificationDone("p", face_checks(comparison=Result.UNDETERMINED))
    twice = (by(OfficerAction.RETRY), failed, by(OfficerAction.ASK_HAT_OFF), failed)
    held, _ = after(lane(HELD), *twice)
    assert held == replace(HELD, retries=0)
    assert after(lane(held), by(OfficerAction.RETRY)) == (held, IGNORED)
    assert Policy(retries=0).retries == 0
    none, _ = after(lane(Verifying("p", PAPERS, 0)), failed)
    assert after(lane(none), by(OfficerAction.RETRY))[1] == IGNORED


def test_a_verification_that_broke_off_may_be_done_again_once_nothing_stands_against_it() -> None:
    fault, over = (ev.EffectsChanged(frozenset(effects)) for effects in ((Effect.REFER_CURRENT,), ()))
    held, _ = after(lane(Verifying("p", PAPERS, 2)), fault)
    assert isinstance(held, Referred)
    broken = lane(held, effects=frozenset({Effect.REFER_CURRENT}))
    assert after(broken, by(OfficerAction.RETRY)) == (held, IGNORED)
    assert after(broken, over, by(OfficerAction.RETRY))[0] == Verifying("p", PAPERS, 1)
    late, _ = after(lane(Verifying("p", PAPERS, 1)), ev.PhaseTimedOut("Verifying"))
    assert after(lane(late), by(OfficerAction.RETRY))[0] == Verifying("p", PAPERS, 0)
    opened, _ = after(lane(Verifying("p", PAPERS, 1)), ev.DoorMoved(Door.ENTRY, OPEN))
    assert after(lane(opened, entry=OPEN), by(OfficerAction.RETRY)) == (opened, IGNORED)


@pytest.mark.parametrize("by_officer", [True, False])
def test_where_the_exit_was_released_once_nothing_is_verified_again(by_officer: bool) -> None:
    """The interlock would veto a second automatic release of one passage; the machine does not even ask."""
    held = replace(HELD, retries=2)
    start = by(OfficerAction.ADMIT) if by_officer else ev.VerificationDone("p", face_checks())
    phase = held if by_officer else Verifying("p", PAPERS, 2)
    stayed, _ = after(lane(phase), start, ev.PhaseTimedOut("Admitting"))
    assert isinstance(stayed, Referred)
    assert stayed.retries == 0
    assert after(lane(stayed), by(OfficerAction.RETRY)) == (stayed, IGNORED)


@pytest.mark.parametrize(
    "given",
    [
        {"entry": OPEN},
        {"exit": OPEN},
        {"exit": DoorPosition.UNKNOWN},
        {"occupied": False},
        {"occupied": None},
        {"unlocked": frozenset({Door.EXIT})},
        {"effects": frozenset({Effect.OUT_OF_SERVICE})},
        {"effects": frozenset({Effect.REFER_CURRENT})},
        {"phase": OUTSIDE},
        {"phase": replace(HELD, inside=False)},
    ],
)
def test_nothing_is_verified_again_in_a_lane_that_is_not_closed_and_sound(given: dict[str, object]) -> None:
    state = replace(lane(HELD), **given)  # type: ignore[arg-type]
    assert after(state, by(OfficerAction.RETRY)) == (state.phase, IGNORED)


def test_a_document_that_was_not_in_order_is_no_ground_for_a_retry() -> None:
    bad = (*PAPERS[:2], Check(CheckName.DOCUMENT_VALIDITY, Result.FAILED, "expired"))
    state = lane(Referred("p", decide((*bad, *face_checks()), MANTRAP), True, retries=2))
    assert after(state, by(OfficerAction.RETRY)) == (state.phase, IGNORED)


# --- back out ---------------------------------------------------------------------------------------------------


def test_the_entry_alone_lets_the_traveller_back_out_without_a_verdict() -> None:
    record = RecordDecision("p", UNSURE, "ann")
    out = (EndPassage("p", Outcome.LET_OUT_BY_OFFICER), ReleaseEntry("p", Purpose.RETURN))
    for state in (lane(HELD), lane(HELD, effects=frozenset({Effect.OUT_OF_SERVICE}))):
        assert after(state, by(OfficerAction.OPEN_ENTRY)) == (Clearing("p", True), (record, *out))


@pytest.mark.parametrize(
    "given",
    [
        {"exit": OPEN},
        {"unlocked": frozenset({Door.EXIT})},
        {"occupied": False},
        {"occupied": None},
        {"phase": OUTSIDE},
    ],
)
def test_the_entry_stays_locked_beside_another_door_and_for_nobody(given: dict[str, object]) -> None:
    state = replace(lane(HELD), **given)  # type: ignore[arg-type]
    assert after(state, by(OfficerAction.OPEN_ENTRY)) == (state.phase, IGNORED)


def test_a_turnstile_has_no_entry_to_open() -> None:
    assert after(lane(HELD), by(OfficerAction.OPEN_ENTRY), policy=TURNSTILE) == (HELD, IGNORED)


# --- acknowledge, hold, escalate --------------------------------------------------------------------------------


def test_a_referral_nobody_acknowledges_escalates_and_the_acknowledged_one_has_its_own_clock() -> None:
    escalated = replace(HELD, escalated=True)
    assert after(lane(HELD), ev.PhaseTimedOut("Referred")) == (escalated, ())
    seen, commands = after(lane(HELD), by(OfficerAction.ACKNOWLEDGE))
    assert (seen, commands) == (replace(HELD, seen_by="ann"), (RecordDecision("p", UNSURE, "ann"),))
    assert after(lane(seen), ev.PhaseTimedOut("Referred"))[0] == seen, "a clock that was stopped"
    assert after(lane(seen), ev.PhaseTimedOut("Acknowledged")) == (escalated, ()), "seen, and nothing done"
    second, _ = after(lane(escalated), by(OfficerAction.ACKNOWLEDGE, "bob"))
    assert second == replace(escalated, seen_by="bob")
    given_up, commands = after(lane(second), ev.PhaseTimedOut("Acknowledged"))
    assert given_up == Clearing("p", True)
    assert commands[0] == EndPassage("p", Outcome.UNATTENDED)


def test_a_hold_stops_the_clock_for_its_own_time_and_then_escalates() -> None:
    held, commands = after(lane(HELD), by(OfficerAction.HOLD))
    assert (held, commands) == (replace(HELD, seen_by="ann", held_by="ann"), (RecordDecision("p", UNSURE, "ann"),))
    for stopped in ("Referred", "Acknowledged"):
        assert after(lane(held), ev.PhaseTimedOut(stopped))[0] == held
    assert after(lane(held), ev.PhaseTimedOut("Held")) == (replace(HELD, escalated=True), ())
    last, _ = after(lane(replace(HELD, escalated=True)), by(OfficerAction.HOLD, "bob"))
    assert last == replace(HELD, escalated=True, seen_by="bob", held_by="bob")
    assert isinstance(after(lane(last), ev.PhaseTimedOut("Held"))[0], Clearing), "nobody is kept for ever"
    assert MANTRAP.timeout_of(held) == TIMEOUTS["Held"] > MANTRAP.timeout_of(replace(held, held_by="")) > 0
    assert clock_of(held) == "Held"


def test_who_saw_it_first_stays_named_beside_whoever_holds() -> None:
    phase, _ = after(lane(HELD), by(OfficerAction.ACKNOWLEDGE), by(OfficerAction.HOLD, "bob"))
    assert phase == replace(HELD, seen_by="ann", held_by="bob")


@pytest.mark.parametrize("action", [OfficerAction.ACKNOWLEDGE, OfficerAction.HOLD])
def test_of_two_officers_at_once_the_first_is_taken_and_the_second_is_told(action: OfficerAction) -> None:
    first, _ = after(lane(HELD), by(action))
    assert after(lane(first), by(action, "bob")) == (first, IGNORED), "nor does anybody prolong a hold"
    admitted, commands = after(lane(HELD), by(OfficerAction.ADMIT), by(OfficerAction.REFUSE, "bob"))
    assert isinstance(admitted, Admitting)
    assert commands == (Ignored("Admitting", "OfficerDecided"),)
    retried, commands = after(lane(HELD), by(OfficerAction.RETRY), by(OfficerAction.ADMIT, "bob"))
    assert isinstance(retried, Verifying)
    assert commands == (Ignored("Verifying", "OfficerDecided"),)


def test_a_hold_by_one_officer_locks_no_other_out() -> None:
    held, _ = after(lane(HELD), by(OfficerAction.HOLD))
    admitted, commands = after(lane(held), by(OfficerAction.ADMIT, "bob"))
    assert isinstance(admitted, Admitting)
    assert commands[0] == RecordDecision("p", UNSURE, "bob")
    assert after(lane(held), by(OfficerAction.OPEN_ENTRY, "bob"))[0] == Clearing("p", True)


@pytest.mark.parametrize("action", OfficerAction)
def test_an_action_for_another_passage_changes_nothing(action: OfficerAction) -> None:
    assert after(lane(HELD), by(action, passage="of before")) == (HELD, IGNORED)


@pytest.mark.parametrize("action", [action for action in OfficerAction if action is not OfficerAction.ADMIT])
@pytest.mark.parametrize("decision", [UNSURE, ATTACK, aborted(PAPERS, "It took too long.", MANTRAP)])
@pytest.mark.parametrize("policy", [MANTRAP, TURNSTILE])
def test_no_other_action_opens_the_exit(action: OfficerAction, decision: object, policy: Policy) -> None:
    state = lane(replace(HELD, decision=decision))  # type: ignore[arg-type]
    _, commands = after(state, by(action), policy=policy)
    assert not any(isinstance(command, ReleaseExit) for command in commands)


# --- block ------------------------------------------------------------------------------------------------------

BLOCK, UNBLOCK = ev.BlockRequested(True, "ann", "spill"), ev.BlockRequested(False, "bob", "dry")
PRESENTED = ev.DocumentPresented("q")


def test_a_blocked_lane_starts_no_passage_until_it_is_unblocked() -> None:
    ready = lane(Ready(), occupied=False)
    blocked, commands = step(ready, BLOCK, MANTRAP)
    assert (blocked, commands) == (replace(ready, blocked=BLOCK), ())
    assert after(blocked, PRESENTED) == (Ready(), (Ignored("Ready", "DocumentPresented"),))
    assert isinstance(after(blocked, UNBLOCK, PRESENTED)[0], Reading)
    assert step(blocked, UNBLOCK, MANTRAP)[0] == ready


@pytest.mark.parametrize(
    ("phase", "occupied"),
    [(Reading("p"), False), (Entering("p", PAPERS), False), (Verifying("p", PAPERS), True), (HELD, True)],
)
def test_a_block_leaves_the_present_passage_alone(phase: Phase, occupied: bool) -> None:
    state = lane(phase, occupied=occupied)
    assert step(state, BLOCK, MANTRAP) == (replace(state, blocked=BLOCK), ())
    read = ev.DocumentRead("p", DOCUMENTS["in order"], TODAY)
    going_on = {
        Reading: (read,),
        Entering: (ev.OccupancyChanged(True),),
        Verifying: (ev.VerificationDone("p", face_checks()),),
        Referred: (by(OfficerAction.ADMIT),),
    }[type(phase)]
    assert after(state, BLOCK, *going_on) == after(state, *going_on)


def test_a_block_is_no_service_and_service_no_block() -> None:
    blocked, _ = step(lane(Ready(), occupied=False), BLOCK, MANTRAP)
    out, _ = step(blocked, ev.ServiceRequested(False, "ann", "broken"), MANTRAP)
    back, _ = step(out, ev.ServiceRequested(True, "ann", "mended"), MANTRAP)
    assert (blocked.in_service, back.phase, back.blocked) == (True, Ready(), BLOCK)
