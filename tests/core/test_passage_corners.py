"""The rows of the machine that no everyday story reaches: each phase under each interruption, and states of the doors
that only a fault brings about. The lane is put into its phase directly."""

from dataclasses import replace
from datetime import date

import pytest

from appliance.core import events as ev
from appliance.core.commands import (
    Command,
    EndPassage,
    Ignored,
    Purpose,
    ReadDocument,
    RecordDecision,
    ReleaseEntry,
    ReleaseExit,
    Secure,
    SelfTest,
    StartVerification,
    StopVerification,
)
from appliance.core.decision import aborted, decide, document_checks, may_proceed
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
    Phase,
    Reading,
    Ready,
    Referred,
    Starting,
    Verifying,
)
from appliance.core.policy import TIMEOUTS, Policy
from appliance.core.referral import admissible
from appliance.core.types import (
    Check,
    CheckName,
    Decision,
    Device,
    Document,
    Door,
    DoorPosition,
    OfficerAction,
    Outcome,
    Result,
    Topology,
)

CLOSED, OPEN, UNKNOWN = DoorPosition.CLOSED, DoorPosition.OPEN, DoorPosition.UNKNOWN
MANTRAP, TURNSTILE = Policy(), Policy(topology=Topology.TURNSTILE)
PAPERS = document_checks(DOCUMENTS["in order"], TODAY)
GOOD = decide((*PAPERS, *face_checks()), MANTRAP)
BAD = decide((*PAPERS, *face_checks(liveness=Result.FAILED)), MANTRAP)
OUT = ev.EffectsChanged(frozenset({Effect.OUT_OF_SERVICE}))


def lane(phase: Phase, *, occupied: bool | None = True, **given: object) -> Lane:
    """A healthy lane in this phase, its doors closed."""
    whole = Lane(phase, frozenset(Device), frozenset(), CLOSED, CLOSED, occupied)
    return replace(whole, **given)  # type: ignore[arg-type]


def after(state: Lane, event: ev.Event, policy: Policy = MANTRAP) -> tuple[Phase, tuple[Command, ...]]:
    stepped, commands = step(state, event, policy)
    return stepped.phase, commands


def broken(checks: tuple[Check, ...], reason: str, policy: Policy = MANTRAP) -> Decision:
    return aborted(checks, reason, policy)


INTERRUPTED = "A fault of the lane interrupted the passage."
LATE = "It took too long."


@pytest.mark.parametrize("effect", [Effect.OUT_OF_SERVICE, Effect.REFER_CURRENT])
def test_a_fault_breaks_every_passage_off_and_keeps_whoever_is_inside_for_an_officer(effect: Effect) -> None:
    fault = ev.EffectsChanged(frozenset({effect}))
    rest: Phase = OutOfService() if effect is Effect.OUT_OF_SERVICE else Ready()
    ended = EndPassage("p", Outcome.ABORTED)
    secure = (Secure(),) if effect is Effect.OUT_OF_SERVICE else ()
    for phase in (Reading("p"), Entering("p", PAPERS)):
        assert after(lane(phase, occupied=False), fault) == (rest, (ended, *secure))
    held = broken(PAPERS, INTERRUPTED)
    record = RecordDecision("p", held)
    waiting = (Referred("p", held, True, MANTRAP.retries), (Secure(), record))
    assert after(lane(Enclosing("p", PAPERS)), fault) == waiting
    stop = StopVerification("p")
    assert after(lane(Verifying("p", PAPERS)), fault) == (Referred("p", held, True), (Secure(), stop, record))
    admitting = lane(Admitting("p", GOOD, Outcome.ADMITTED))
    held = broken(GOOD.checks, INTERRUPTED)
    assert after(admitting, fault) == (Referred("p", held, True), (Secure(), RecordDecision("p", held)))


@pytest.mark.parametrize("effect", [Effect.NOTICE, Effect.BLOCK_ENTRY])
def test_a_notice_or_a_block_breaks_nothing_off(effect: Effect) -> None:
    fault = ev.EffectsChanged(frozenset({effect}))
    for phase in (
        Reading("p"),
        Entering("p", PAPERS),
        Verifying("p", PAPERS),
        Admitting("p", GOOD, Outcome.ADMITTED),
        Referred("p", BAD, True),
    ):
        state = lane(phase, occupied=not isinstance(phase, Reading | Entering))
        assert after(state, fault) == (phase, ())


def test_phases_without_a_passage_under_way_have_nothing_to_break_off() -> None:
    for phase in (
        Leaving("p", GOOD, Outcome.ADMITTED),
        Referred("p", BAD, True),
        Clearing("p", released=True),
    ):
        assert after(lane(phase, exit=OPEN), OUT) == (phase, ())
    assert after(lane(Starting(), reported=frozenset()), OUT) == (Starting(), ())
    assert after(lane(Ready(), occupied=False), OUT) == (OutOfService(), (Secure(),))


@pytest.mark.parametrize(
    ("phase", "stopped"),
    [
        (Starting(), ()),
        (Ready(), ()),
        (Reading("p"), (EndPassage("p", Outcome.ABORTED),)),
        (Entering("p", PAPERS), (EndPassage("p", Outcome.ABORTED),)),
        (Enclosing("p", PAPERS), (EndPassage("p", Outcome.ABORTED),)),
        (Verifying("p", PAPERS), (StopVerification("p"), EndPassage("p", Outcome.ABORTED))),
        (Admitting("p", GOOD, Outcome.ADMITTED), (EndPassage("p", Outcome.ABORTED),)),
        (Leaving("p", GOOD, Outcome.ADMITTED), (EndPassage("p", Outcome.ABORTED),)),
        (Referred("p", BAD, True), (EndPassage("p", Outcome.ABORTED),)),
        (Clearing("p", True), ()),
        (Clearing(None, True), ()),
    ],
)
def test_an_emergency_ends_what_is_under_way_and_locks_nothing(phase: Phase, stopped: tuple[Command, ...]) -> None:
    emergency = ev.EffectsChanged(frozenset({Effect.EMERGENCY_RELEASE}))
    assert after(lane(phase), emergency) == (Emergency(), stopped)


def test_no_way_to_rest_leads_past_an_emergency() -> None:
    """The effect stands and the phase does not know it: time must not bring such a lane to ready."""
    burning = lane(Referred("p", BAD, False, escalated=True), occupied=False)
    burning = replace(burning, effects=frozenset({Effect.EMERGENCY_RELEASE}))
    assert after(burning, ev.PhaseTimedOut("Referred")) == (Emergency(), (EndPassage("p", Outcome.UNATTENDED),))


def test_an_emergency_is_left_only_by_an_officer_and_only_once_it_is_over() -> None:
    over, lasting = lane(Emergency(), occupied=False), frozenset({Effect.EMERGENCY_RELEASE})
    in_service = ev.ServiceRequested(True, "ofc", "r")
    assert after(over, in_service) == (Ready(), ())
    assert after(replace(over, effects=lasting), in_service) == (Emergency(), ())
    assert after(over, ev.ServiceRequested(False, "ofc", "r")) == (Emergency(), ())
    assert after(over, ev.DoorMoved(Door.ENTRY, CLOSED)) == (Emergency(), ())
    assert after(over, ev.PhaseTimedOut("Emergency")) == (Emergency(), ())
    assert after(replace(over, reported=frozenset()), in_service) == (Starting(), (Secure(),))
    assert after(replace(over, exit=OPEN), in_service) == (OutOfService(), (Secure(),))
    occupied = replace(over, occupied=True)
    assert after(occupied, in_service) == (Clearing(None, True), (ReleaseEntry(None, Purpose.RETURN),))


TIMED_OUT = [
    (lane(Starting()), Starting(), (Secure(),)),
    (lane(OutOfService(), occupied=False), OutOfService(), (Secure(),)),
    (lane(OutOfService()), Clearing(None, True), (ReleaseEntry(None, Purpose.RETURN),)),
    (lane(Ready(), occupied=False), Ready(), (SelfTest(),)),
    (
        lane(Reading("p"), occupied=False),
        Referred("p", broken((), "The document was not read in time."), False),
        (Secure(), RecordDecision("p", broken((), "The document was not read in time."))),
    ),
    (
        lane(Entering("p", PAPERS), occupied=False),
        Ready(),
        (Secure(), EndPassage("p", Outcome.WALKED_AWAY)),
    ),
    (
        lane(Enclosing("p", PAPERS), entry=OPEN),
        Clearing("p", True),
        (EndPassage("p", Outcome.ABORTED), ReleaseEntry("p", Purpose.RETURN)),
    ),
    (
        lane(Verifying("p", PAPERS)),
        Referred("p", broken(PAPERS, LATE), True),
        (Secure(), StopVerification("p"), RecordDecision("p", broken(PAPERS, LATE))),
    ),
    (
        lane(Admitting("p", GOOD, Outcome.ADMITTED)),
        Referred("p", broken(GOOD.checks, LATE), True),
        (Secure(), RecordDecision("p", broken(GOOD.checks, LATE))),
    ),
    (
        lane(Leaving("p", GOOD, Outcome.ADMITTED)),
        Clearing(None, True),
        (EndPassage("p", Outcome.ADMITTED), ReleaseEntry(None, Purpose.RETURN)),
    ),
    (
        lane(Leaving("p", GOOD, Outcome.ADMITTED_BY_OFFICER), occupied=False, exit=OPEN),
        Clearing(None, False),
        (EndPassage("p", Outcome.ADMITTED_BY_OFFICER), Secure()),
    ),
    (lane(Referred("p", BAD, True)), Referred("p", BAD, True, escalated=True), ()),
    (
        lane(Referred("p", BAD, True, escalated=True)),
        Clearing("p", True),
        (EndPassage("p", Outcome.UNATTENDED), ReleaseEntry("p", Purpose.RETURN)),
    ),
    (
        lane(Referred("p", BAD, False, escalated=True), occupied=False),
        Ready(),
        (EndPassage("p", Outcome.UNATTENDED),),
    ),
    (lane(Clearing("p", True)), OutOfService(), (Secure(),)),
]


@pytest.mark.parametrize(("state", "phase", "commands"), TIMED_OUT)
def test_what_time_brings(state: Lane, phase: Phase, commands: tuple[Command, ...]) -> None:
    name = type(state.phase).__name__
    assert after(state, ev.PhaseTimedOut(name)) == (phase, commands)
    assert after(state, ev.PhaseTimedOut("another")) == (state.phase, (Ignored(name, "PhaseTimedOut"),))


def test_the_time_of_each_phase_is_the_policys() -> None:
    assert {name: MANTRAP.timeout_of(type(name, (), {})()) for name in TIMEOUTS} == dict(TIMEOUTS)
    with pytest.raises(KeyError):
        MANTRAP.timeout_of(object())


def test_a_release_that_cannot_be_given_ends_with_an_officer() -> None:
    """Verified with a door not closed: the machine itself refuses, whatever the interlock would say."""
    reason = "The exit could not be released: a door was open, or a fault stood against it."
    refused = broken(GOOD.checks, reason)
    verified = ev.VerificationDone("p", face_checks())
    for given in (
        {"entry": OPEN},
        {"exit": UNKNOWN},
        {"unlocked": frozenset({Door.ENTRY})},
        {"occupied": False},
        {"occupied": None},
        *({"effects": frozenset({effect})} for effect in (Effect.OUT_OF_SERVICE, Effect.REFER_CURRENT)),
        {"effects": frozenset({Effect.EMERGENCY_RELEASE})},
    ):
        state = lane(Verifying("p", PAPERS), **given)
        assert after(state, verified) == (
            Referred("p", refused, True),
            (Secure(), RecordDecision("p", refused)),
        ), given
    state, commands = step(lane(Verifying("p", PAPERS)), verified, MANTRAP)
    assert state.phase == Admitting("p", GOOD, Outcome.ADMITTED)
    assert commands == (RecordDecision("p", GOOD), ReleaseExit("p", GOOD))
    assert (state.unlocked, state.opened) == ({Door.EXIT}, frozenset())


def test_a_turnstile_looks_at_its_exit_only() -> None:
    verified = ev.VerificationDone("p", face_checks())
    state = lane(Verifying("p", PAPERS), entry=UNKNOWN)
    assert after(state, verified, TURNSTILE)[0] == Admitting("p", GOOD, Outcome.ADMITTED)
    assert isinstance(after(replace(state, exit=OPEN), verified, TURNSTILE)[0], Referred)


def test_an_officer_admits_once_everything_stands_right() -> None:
    admit = ev.OfficerDecided("p", OfficerAction.ADMIT, True, "ofc", "because")
    state = lane(Referred("p", BAD, True))
    release = ReleaseExit("p", BAD, "ofc", True)
    record = RecordDecision("p", BAD, "ofc")
    assert after(state, admit) == (Admitting("p", BAD, Outcome.ADMITTED_BY_OFFICER), (record, release))
    for wrong in (
        replace(state, entry=OPEN),
        replace(state, occupied=False),
        replace(state, phase=Referred("p", BAD, False)),
        replace(
            state,
            phase=Referred(
                "p", broken((*PAPERS[:2], Check(CheckName.DOCUMENT_VALIDITY, Result.FAILED, "")), "x"), True
            ),
        ),
    ):
        assert after(wrong, admit) == (wrong.phase, (Ignored("Referred", "OfficerDecided"),))
    elsewhere = ev.OfficerDecided("q", OfficerAction.ADMIT, True, "ofc", "because")
    assert after(state, elsewhere) == (state.phase, (Ignored("Referred", "OfficerDecided"),))


def test_an_officer_refuses_with_his_name_in_the_record() -> None:
    for action, outcome in (
        (OfficerAction.REFUSE, Outcome.REFUSED_BY_OFFICER),
        (OfficerAction.SECOND_LINE, Outcome.SECOND_LINE),
    ):
        decided = ev.OfficerDecided("p", action, False, "ofc", "because")
        back = (RecordDecision("p", BAD, "ofc"), EndPassage("p", outcome), ReleaseEntry("p", Purpose.RETURN))
        assert after(lane(Referred("p", BAD, True)), decided) == (Clearing("p", True), back)
        outside = lane(Referred("p", BAD, False), occupied=False)
        assert after(outside, decided) == (Ready(), back[:2])


def test_a_release_that_failed_is_told_and_kept_safe() -> None:
    def reason(door: Door) -> str:
        return f"The {door.value} door could not be released."

    failed = ev.ReleaseFailed(Door.EXIT)
    held = broken(GOOD.checks, reason(Door.EXIT))
    admitting = lane(Admitting("p", GOOD, Outcome.ADMITTED), unlocked=frozenset({Door.EXIT}))
    assert after(admitting, failed) == (Referred("p", held, True), (Secure(), RecordDecision("p", held)))
    entering = lane(Entering("p", PAPERS), occupied=False, unlocked=frozenset({Door.ENTRY}))
    assert after(entering, ev.ReleaseFailed(Door.ENTRY)) == (
        Clearing("p", False),
        (EndPassage("p", Outcome.ABORTED), Secure()),
    )
    assert after(lane(Clearing("p", True)), ev.ReleaseFailed(Door.ENTRY)) == (Clearing("p", False), (Secure(),))
    assert after(lane(Ready(), occupied=False), failed) == (Ready(), (Ignored("Ready", "ReleaseFailed"),))


def test_doors_and_occupancy_in_each_phase_of_a_passage() -> None:
    gone = ev.OccupancyChanged(False)
    walked = EndPassage("p", Outcome.WALKED_AWAY)
    assert after(lane(Enclosing("p", PAPERS), entry=OPEN), gone) == (Clearing("p", False), (walked, Secure()))
    assert after(lane(Verifying("p", PAPERS), entry=OPEN), gone) == (
        Clearing("p", False),
        (StopVerification("p"), walked, Secure()),
    )
    opened = broken(PAPERS, "A door opened during the verification.")
    assert after(lane(Verifying("p", PAPERS)), ev.DoorMoved(Door.ENTRY, OPEN)) == (
        Referred("p", opened, True),
        (Secure(), StopVerification("p"), RecordDecision("p", opened)),
    )
    assert after(lane(Verifying("p", PAPERS)), ev.DoorMoved(Door.ENTRY, CLOSED)) == (Verifying("p", PAPERS), ())
    waiting = lane(Enclosing("p", PAPERS), entry=OPEN)
    assert after(waiting, ev.DoorMoved(Door.ENTRY, OPEN)) == (Enclosing("p", PAPERS), ())
    begun = (Verifying("p", PAPERS, MANTRAP.retries), (StartVerification("p"),))
    assert after(waiting, ev.DoorMoved(Door.ENTRY, CLOSED)) == begun
    unlocked = replace(waiting, unlocked=frozenset({Door.ENTRY}))
    assert after(unlocked, ev.DoorMoved(Door.ENTRY, CLOSED)) == (Enclosing("p", PAPERS), ()), "not seen to open"
    stepped_in = lane(Entering("p", PAPERS), occupied=False, entry=OPEN)
    assert after(stepped_in, ev.OccupancyChanged(True)) == (Enclosing("p", PAPERS), ())
    assert after(stepped_in, ev.DoorMoved(Door.ENTRY, CLOSED)) == (Entering("p", PAPERS), ())
    leaving = lane(Leaving("p", GOOD, Outcome.ADMITTED), exit=OPEN)
    assert after(leaving, gone) == (Leaving("p", GOOD, Outcome.ADMITTED), ())
    assert after(leaving, ev.DoorMoved(Door.EXIT, CLOSED)) == (Leaving("p", GOOD, Outcome.ADMITTED), ())
    empty = replace(leaving, occupied=False)
    assert after(empty, ev.DoorMoved(Door.EXIT, CLOSED)) == (Ready(), (EndPassage("p", Outcome.ADMITTED),))


def test_a_traveller_counted_with_the_exit_already_shut_has_left() -> None:
    admitting = lane(Admitting("p", GOOD, Outcome.ADMITTED), occupied=False)
    assert after(admitting, ev.PassageCounted()) == (Ready(), (EndPassage("p", Outcome.ADMITTED),))
    assert after(replace(admitting, exit=OPEN), ev.PassageCounted()) == (Leaving("p", GOOD, Outcome.ADMITTED), ())


def test_the_lane_is_cleared_by_the_entry_as_soon_as_no_other_door_may_open() -> None:
    back = ReleaseEntry("p", Purpose.RETURN)
    waiting = lane(Clearing("p", False), exit=OPEN)
    assert after(waiting, ev.DoorMoved(Door.EXIT, OPEN)) == (Clearing("p", False), ())
    assert after(waiting, ev.DoorMoved(Door.EXIT, CLOSED)) == (Clearing("p", True), (back,))
    pending = lane(Clearing("p", False), unlocked=frozenset({Door.EXIT}))
    assert after(pending, ev.OccupancyChanged(True)) == (Clearing("p", False), ())
    assert after(pending, ev.ReleaseExpired(Door.EXIT)) == (Clearing("p", True), (back,))
    released = lane(Clearing("p", True))
    assert after(released, ev.OccupancyChanged(True)) == (Clearing("p", True), ()), "released once"
    assert after(released, ev.OccupancyChanged(False)) == (Ready(), ())
    swinging = replace(released, unlocked=frozenset({Door.ENTRY}))
    assert after(swinging, ev.OccupancyChanged(False)) == (Clearing("p", True), ())
    unknown = lane(Clearing("p", False), occupied=None)
    assert after(unknown, ev.DoorMoved(Door.EXIT, CLOSED)) == (Clearing("p", False), (Secure(),))


def test_ready_is_left_when_anything_is_not_as_it_should_be() -> None:
    ready = lane(Ready(), occupied=False)
    assert after(ready, ev.DoorMoved(Door.ENTRY, OPEN)) == (OutOfService(), (Secure(),))
    assert after(ready, ev.OccupancyChanged(True)) == (Clearing(None, True), (ReleaseEntry(None, Purpose.RETURN),))
    assert after(ready, ev.ServiceRequested(False, "ofc", "r")) == (OutOfService(), (Secure(),))
    assert after(ready, ev.OccupancyChanged(False)) == (Ready(), ())
    assert after(ready, ev.OccupancyChanged(True), TURNSTILE) == (Ready(), ())
    unlocked = lane(OutOfService(), occupied=False, unlocked=frozenset({Door.EXIT}))
    assert after(unlocked, ev.DoorMoved(Door.EXIT, CLOSED)) == (Clearing(None, False), (Secure(),))
    never_told = lane(OutOfService(), occupied=None)
    assert after(never_told, ev.DoorMoved(Door.EXIT, CLOSED)) == (OutOfService(), ())


def test_a_door_released_again_has_not_been_opened_since() -> None:
    state = lane(Clearing("p", False), exit=OPEN, opened=frozenset({Door.ENTRY}))
    released, commands = step(state, ev.DoorMoved(Door.EXIT, CLOSED), MANTRAP)
    assert commands == (ReleaseEntry("p", Purpose.RETURN),)
    assert (released.unlocked, released.opened) == ({Door.ENTRY}, frozenset())


def test_a_traveller_who_does_not_come_leaves_his_name_on_the_lane_until_it_is_closed() -> None:
    state = lane(Entering("p", PAPERS), occupied=False, unlocked=frozenset({Door.ENTRY}))
    walked = (Secure(), EndPassage("p", Outcome.WALKED_AWAY), Secure())
    assert after(state, ev.PhaseTimedOut("Entering")) == (Clearing("p", False), walked)


def test_a_door_uses_its_release_up_by_opening_and_closing() -> None:
    released = lane(Clearing("p", True), unlocked=frozenset(Door))
    opened, _ = step(released, ev.DoorMoved(Door.ENTRY, OPEN), MANTRAP)
    assert (opened.unlocked, opened.opened, opened.entry) == (frozenset(Door), {Door.ENTRY}, OPEN)
    unknown, _ = step(opened, ev.DoorMoved(Door.ENTRY, UNKNOWN), MANTRAP)
    assert (unknown.unlocked, unknown.opened) == (frozenset(Door), {Door.ENTRY})
    closed, _ = step(opened, ev.DoorMoved(Door.ENTRY, CLOSED), MANTRAP)
    assert (closed.unlocked, closed.opened, closed.entry) == ({Door.EXIT}, frozenset(), CLOSED)
    never_open, _ = step(released, ev.DoorMoved(Door.EXIT, CLOSED), MANTRAP)
    assert (never_open.unlocked, never_open.exit) == (frozenset(Door), CLOSED)
    expired, _ = step(opened, ev.ReleaseExpired(Door.ENTRY), MANTRAP)
    assert (expired.unlocked, expired.opened) == ({Door.EXIT}, frozenset())
    both, _ = step(opened, ev.DoorMoved(Door.EXIT, OPEN), MANTRAP)
    assert both.opened == frozenset(Door)


@pytest.mark.parametrize("topology", list(Topology))
def test_a_document_in_order_leads_on(topology: Topology) -> None:
    read = ev.DocumentRead("p", DOCUMENTS["in order"], TODAY)
    policy = Policy(topology=topology)
    if topology is Topology.TURNSTILE:
        assert after(lane(Reading("p"), occupied=False), read, policy) == (Entering("p", PAPERS), ())
        occupied = lane(Reading("p"))
        assert after(occupied, read, policy) == (Verifying("p", PAPERS, policy.retries), (StartVerification("p"),))
        assert after(replace(occupied, exit=OPEN), read, policy) == (Enclosing("p", PAPERS), ())
        return
    reading = lane(Reading("p"), occupied=False)
    state, commands = step(reading, read, policy)
    assert (state.phase, commands) == (Entering("p", PAPERS), (ReleaseEntry("p", Purpose.ENTER),))
    assert state.unlocked == {Door.ENTRY}
    ended = EndPassage("p", Outcome.ABORTED)
    blocked = replace(reading, effects=frozenset({Effect.BLOCK_ENTRY}))
    assert after(blocked, read, policy) == (Ready(), (ended,))
    assert after(replace(reading, exit=OPEN), read, policy) == (Clearing("p", False), (ended, Secure()))
    assert after(replace(reading, unlocked=frozenset({Door.EXIT})), read, policy) == (
        Clearing("p", False),
        (ended, Secure()),
    )
    somebody = after(replace(reading, occupied=True), read, policy)
    assert somebody == (Clearing("p", True), (ended, ReleaseEntry("p", Purpose.RETURN)))
    other = ev.DocumentRead("q", DOCUMENTS["in order"], TODAY)
    assert after(reading, other, policy) == (Reading("p"), (Ignored("Reading", "DocumentRead"),))


def test_an_unreadable_document_has_as_many_attempts_as_the_policy_gives() -> None:
    read = ev.DocumentRead("p", DOCUMENTS["unreadable"], TODAY)
    for attempts in (1, 3):
        policy, state, tries = Policy(document_attempts=attempts), lane(Reading("p"), occupied=False), 1
        while isinstance((stepped := step(state, read, policy))[0].phase, Reading):
            state, tries = stepped[0], tries + 1
            assert stepped == (lane(Reading("p", tries), occupied=False), (ReadDocument("p"),))
        assert tries == attempts
        assert stepped[0].phase == Referred("p", decide(document_checks(DOCUMENTS["unreadable"], TODAY), policy), False)


def told(**given: object) -> list[tuple[CheckName, Result, str]]:
    sound: dict[str, object] = {
        "readable": True,
        "checks_ok": True,
        "expires": TODAY,
        "chip_authentic": Result.SUCCESSFUL,
    }
    document = Document(**{**sound, **given})  # type: ignore[arg-type]
    return [(check.name, check.result, check.reason) for check in document_checks(document, TODAY)]


def test_what_the_document_says_in_words() -> None:
    read, authentic, valid = CheckName.DOCUMENT_READ, CheckName.DOCUMENT_AUTHENTICITY, CheckName.DOCUMENT_VALIDITY
    assert told() == [
        (read, Result.SUCCESSFUL, "The document was read and its check digits are right."),
        (authentic, Result.SUCCESSFUL, "The chip's data is authentic."),
        (valid, Result.SUCCESSFUL, f"The document is valid until {TODAY.isoformat()}."),
    ]
    assert told(readable=False) == [(read, Result.FAILED, "The document could not be read.")]
    assert told(readable=False, problem="It lies upside down.") == [(read, Result.FAILED, "It lies upside down.")]
    assert told(checks_ok=False)[0] == (read, Result.FAILED, "A check digit of the MRZ is wrong.")
    assert told(checks_ok=False, problem="Number.")[0] == (read, Result.FAILED, "Number.")
    assert told(expires=None)[2] == (valid, Result.UNDETERMINED, "The date of expiry could not be read.")
    assert told(expires=date(2020, 1, 2))[2] == (valid, Result.FAILED, "The document expired on 2020-01-02.")
    assert told(chip_authentic=Result.FAILED)[1] == (authentic, Result.FAILED, "The chip's data is not authentic.")
    assert told(chip_authentic=Result.NOT_PERFORMED)[1] == (authentic, Result.NOT_PERFORMED, "The chip was not read.")
    for result in (Result.UNDETERMINED, Result.ABORTED):
        unknown = (authentic, result, "The chip's authenticity could not be established.")
        assert told(chip_authentic=result)[1] == unknown


def test_a_document_goes_on_only_with_its_share_of_the_conjunction() -> None:
    assert may_proceed(PAPERS, MANTRAP)
    for result in Result:
        if result is not Result.SUCCESSFUL:
            assert not may_proceed((*PAPERS[:1], Check(PAPERS[1].name, result, ""), PAPERS[2]), MANTRAP)
    assert not may_proceed(PAPERS[1:], MANTRAP)
    lenient = Policy(mandatory=MANTRAP.mandatory - {CheckName.DOCUMENT_AUTHENTICITY})
    assert may_proceed((PAPERS[0], PAPERS[2]), lenient)
    assert not may_proceed((PAPERS[0], Check(PAPERS[1].name, Result.FAILED, ""), PAPERS[2]), lenient)


def test_an_absent_check_is_filled_in_with_words_and_an_aborted_passage_stays_aborted() -> None:
    decision = decide(PAPERS, MANTRAP)
    added = decision.checks[len(PAPERS) :]
    assert {check.name for check in added} == MANTRAP.mandatory - {check.name for check in PAPERS}
    assert all(check.reason == "This check was not performed." for check in added)
    late = broken((*PAPERS, *face_checks()), LATE)
    assert not late.admit
    assert late.result_of(CheckName.PASSAGE) is Result.ABORTED
    optional_aborted = (*PAPERS, *face_checks(), Check(CheckName.PASSAGE, Result.ABORTED, ""))
    assert not decide(optional_aborted, MANTRAP).admit
    assert decide((*PAPERS, *face_checks(), Check(CheckName.PASSAGE, Result.UNDETERMINED, "")), MANTRAP).admit


def test_an_officer_admits_no_document_that_failed_or_broke_off() -> None:
    for result, may in (
        (Result.SUCCESSFUL, True),
        (Result.UNDETERMINED, True),
        (Result.NOT_PERFORMED, True),
        (Result.FAILED, False),
        (Result.ABORTED, False),
    ):
        for name in (CheckName.DOCUMENT_READ, CheckName.DOCUMENT_AUTHENTICITY, CheckName.DOCUMENT_VALIDITY):
            decision = Decision((Check(name, result, ""),), admit=False)
            assert admissible(Referred("p", decision, True)) is may
            assert not admissible(Referred("p", decision, False))
    assert admissible(Referred("p", Decision((Check(CheckName.LIVENESS, Result.FAILED, ""),), admit=False), True))


def test_failing_checks_come_worst_first() -> None:
    order = (Result.FAILED, Result.UNDETERMINED, Result.ABORTED, Result.NOT_PERFORMED)
    checks = tuple(Check(CheckName.LIVENESS, result, "") for result in (*reversed(order), Result.SUCCESSFUL))
    assert tuple(check.result for check in Decision(checks, admit=False).failing) == order
    assert Decision((), admit=False).result_of(CheckName.LIVENESS) is Result.NOT_PERFORMED
