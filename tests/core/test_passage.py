"""The stories of a lane, one by one; what must hold everywhere stands in test_every_reachable_state.py."""

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
    StartVerification,
)
from appliance.core.decision import aborted, decide, document_checks, may_proceed
from appliance.core.explore import DOCUMENTS, face_checks
from appliance.core.faults import CATALOGUE, Effect, effects_of
from appliance.core.passage import step
from appliance.core.phases import Lane, Ready, Referred, Starting
from appliance.core.policy import Policy
from appliance.core.referral import admissible, needs_visual_check
from appliance.core.types import (
    OF_DOCUMENT,
    CheckName,
    Claim,
    Device,
    Document,
    Door,
    DoorPosition,
    OfficerAction,
    Outcome,
    Result,
    Topology,
)

TODAY = date(2026, 11, 23)
CLOSED, OPEN = DoorPosition.CLOSED, DoorPosition.OPEN


class Story:
    """Feeds events and keeps all commands."""

    def __init__(self, topology: Topology = Topology.MANTRAP) -> None:
        self.policy, self.lane, self.commands = Policy(topology=topology), Lane(), list[Command]()
        for device in Device:
            self.tell(ev.DeviceReported(device))
        for door in Door:
            self.tell(ev.DoorMoved(door, CLOSED))
        self.tell(ev.OccupancyChanged(False))
        assert isinstance(self.lane.phase, Ready)

    def tell(self, *events: ev.Event) -> "Story":
        for event in events:
            self.lane, commands = step(self.lane, event, self.policy)
            self.commands += commands
        return self

    def swing(self, door: Door) -> "Story":
        return self.tell(ev.DoorMoved(door, OPEN), ev.DoorMoved(door, CLOSED))

    def walk_in(self) -> "Story":
        self.tell(ev.DocumentPresented("p"), ev.DocumentRead("p", DOCUMENTS["in order"], TODAY))
        self.tell(ev.DoorMoved(Door.ENTRY, OPEN), ev.OccupancyChanged(True), ev.DoorMoved(Door.ENTRY, CLOSED))
        assert self.phase == "Verifying"
        return self

    def walk_out(self) -> "Story":
        self.tell(ev.DoorMoved(Door.EXIT, OPEN), ev.PassageCounted(), ev.OccupancyChanged(False))
        return self.tell(ev.DoorMoved(Door.EXIT, CLOSED))

    def held(self, **results: Result) -> "Story":
        self.walk_in().tell(ev.VerificationDone("p", face_checks(**results)))
        assert self.phase == "Referred"
        return self

    def officer(self, action: OfficerAction, seen: bool = True) -> "Story":
        return self.tell(ev.OfficerDecided("p", action, seen, "ofc", "because"))

    @property
    def phase(self) -> str:
        return type(self.lane.phase).__name__

    @property
    def outcome(self) -> Outcome | None:
        return next((c.outcome for c in self.commands if isinstance(c, EndPassage)), None)

    def did(self, kind: type) -> int:
        return sum(isinstance(command, kind) for command in self.commands)


def test_genuine_holder_is_admitted_and_the_lane_is_ready_again() -> None:
    story = Story().walk_in().tell(ev.VerificationDone("p", face_checks())).walk_out()
    kinds = [type(command) for command in story.commands if not isinstance(command, Ignored)]
    assert kinds[-6:] == [ReadDocument, ReleaseEntry, StartVerification, RecordDecision, ReleaseExit, EndPassage]
    assert (story.phase, story.outcome) == ("Ready", Outcome.ADMITTED)


def test_turnstile_has_no_entry_to_release() -> None:
    story = Story(Topology.TURNSTILE)
    story.tell(ev.OccupancyChanged(True), ev.DocumentPresented("p"), ev.DocumentRead("p", DOCUMENTS["in order"], TODAY))
    assert story.phase == "Verifying"
    story.tell(ev.VerificationDone("p", face_checks())).walk_out()
    assert (story.phase, story.outcome, story.did(ReleaseEntry)) == ("Ready", Outcome.ADMITTED, 0)


@pytest.mark.parametrize("result", [r for r in Result if r is not Result.SUCCESSFUL])
@pytest.mark.parametrize("check", ["single_face", "face_quality", "comparison", "liveness"])
def test_nothing_but_success_ever_releases_the_exit(check: str, result: Result) -> None:
    story = Story().held(**{check: result})
    assert story.did(ReleaseExit) == 0
    assert story.lane.phase.decision.failing[0].name == check  # type: ignore[union-attr]


def test_suspected_attack_is_held_and_admitted_only_after_the_officer_has_looked() -> None:
    story = Story().held(liveness=Result.FAILED)
    story.officer(OfficerAction.ADMIT, seen=False)
    assert (story.phase, story.did(ReleaseExit)) == ("Referred", 0)
    story.officer(OfficerAction.ADMIT, seen=True).walk_out()
    assert (story.phase, story.outcome) == ("Ready", Outcome.ADMITTED_BY_OFFICER)


@pytest.mark.parametrize(
    ("action", "outcome"),
    [(OfficerAction.REFUSE, Outcome.REFUSED_BY_OFFICER), (OfficerAction.SECOND_LINE, Outcome.SECOND_LINE)],
)
def test_a_refused_traveller_leaves_the_way_he_came(action: OfficerAction, outcome: Outcome) -> None:
    story = Story().held(comparison=Result.FAILED).officer(action)
    assert story.commands[-1] == ReleaseEntry("p", Purpose.RETURN)
    assert (story.phase, story.outcome, story.did(ReleaseExit)) == ("Clearing", outcome, 0)
    story.tell(ev.DoorMoved(Door.ENTRY, OPEN), ev.OccupancyChanged(False), ev.DoorMoved(Door.ENTRY, CLOSED))
    assert story.phase == "Ready"


def test_refused_right_after_a_failed_release_waits_until_the_exit_is_surely_locked() -> None:
    story = Story().walk_in().tell(ev.VerificationDone("p", face_checks()), ev.ReleaseFailed(Door.EXIT))
    story.officer(OfficerAction.REFUSE)
    assert (story.phase, story.did(ReleaseEntry)) == ("Clearing", 1)
    story.tell(ev.ReleaseExpired(Door.EXIT))
    assert story.commands[-1] == ReleaseEntry("p", Purpose.RETURN)


def test_traveller_who_never_enters_gives_the_lane_back() -> None:
    story = Story().tell(ev.DocumentPresented("p"), ev.DocumentRead("p", DOCUMENTS["in order"], TODAY))
    story.tell(ev.PhaseTimedOut("Entering"))
    assert story.phase == "Clearing", "the entry may still be unlocked"
    story.tell(ev.ReleaseExpired(Door.ENTRY))
    assert (story.phase, story.outcome) == ("Ready", Outcome.WALKED_AWAY)


def test_expired_document_is_referred_outside_and_no_officer_can_admit_it_here() -> None:
    story = Story().tell(ev.DocumentPresented("p"), ev.DocumentRead("p", DOCUMENTS["expired"], TODAY))
    assert isinstance(story.lane.phase, Referred)
    assert not story.lane.phase.inside
    assert not admissible(story.lane.phase)
    story.officer(OfficerAction.ADMIT)
    assert (story.phase, story.did(ReleaseEntry), story.did(ReleaseExit)) == ("Referred", 0, 0)
    story.officer(OfficerAction.SECOND_LINE)
    assert (story.phase, story.outcome) == ("Ready", Outcome.SECOND_LINE)


def test_unreadable_document_is_tried_again_then_referred() -> None:
    story = Story().tell(ev.DocumentPresented("p"), ev.DocumentRead("p", DOCUMENTS["unreadable"], TODAY))
    assert (story.phase, story.did(ReadDocument)) == ("Reading", 2)
    story.tell(ev.DocumentRead("p", DOCUMENTS["unreadable"], TODAY))
    assert story.phase == "Referred"


def test_fault_in_mid_passage_holds_the_traveller_and_nothing_opens() -> None:
    story = Story().walk_in().tell(ev.EffectsChanged(frozenset({Effect.OUT_OF_SERVICE})))
    assert (story.phase, story.did(ReleaseExit)) == ("Referred", 0)
    late = story.tell(ev.VerificationDone("p", face_checks()))
    assert (late.phase, late.did(ReleaseExit)) == ("Referred", 0)
    story.officer(OfficerAction.ADMIT)
    assert story.did(ReleaseExit) == 0, "no release while the fault stands"
    story.tell(ev.EffectsChanged(frozenset())).officer(OfficerAction.ADMIT, seen=True)
    assert story.did(ReleaseExit) == 1


def test_unattended_referral_escalates_then_lets_the_traveller_back_out() -> None:
    story = Story().held(liveness=Result.UNDETERMINED).tell(ev.PhaseTimedOut("Referred"))
    assert isinstance(story.lane.phase, Referred)
    assert story.lane.phase.escalated
    story.tell(ev.PhaseTimedOut("Referred"))
    assert (story.phase, story.outcome, story.did(ReleaseExit)) == ("Clearing", Outcome.UNATTENDED, 0)


def test_emergency_ends_the_passage_and_waits_for_an_officer() -> None:
    story = Story().walk_in().tell(ev.EffectsChanged(frozenset({Effect.EMERGENCY_RELEASE})))
    assert (story.phase, story.outcome) == ("Emergency", Outcome.ABORTED)
    story.tell(ev.EffectsChanged(frozenset()), ev.OccupancyChanged(False))
    assert story.phase == "Emergency"
    story.tell(ev.ServiceRequested(True, "ofc", "cleared"))
    assert story.phase == "Ready"


def test_notices_do_not_stop_a_lane_but_a_block_keeps_travellers_out() -> None:
    story = Story().tell(ev.EffectsChanged(frozenset({Effect.NOTICE})), ev.DocumentPresented("p"))
    assert story.phase == "Reading"
    blocked = Story().tell(ev.EffectsChanged(frozenset({Effect.BLOCK_ENTRY})), ev.DocumentPresented("p"))
    assert isinstance(blocked.commands[-1], Ignored)


def test_starts_unknown_and_stays_so_until_every_device_has_reported() -> None:
    lane, policy = Lane(), Policy()
    for event in (*(ev.DoorMoved(d, CLOSED) for d in Door), ev.OccupancyChanged(False)):
        lane, _ = step(lane, event, policy)
    for device in list(Device)[:-1]:
        lane, _ = step(lane, ev.DeviceReported(device), policy)
        assert isinstance(lane.phase, Starting)
        lane, _ = step(lane, ev.PhaseTimedOut("Starting"), policy)
    lane, _ = step(lane, ev.DeviceReported(list(Device)[-1]), policy)
    assert isinstance(lane.phase, Ready)


def test_an_unwritten_pair_changes_nothing_and_is_recorded() -> None:
    story = Story()
    before = story.lane
    story.tell(ev.VerificationDone("p", face_checks()))
    assert story.lane == before
    assert story.commands[-1] == Ignored("Ready", "VerificationDone")


@pytest.mark.parametrize("missing", sorted(Policy().mandatory))
def test_a_check_that_is_absent_was_not_performed(missing: CheckName) -> None:
    checks = (*document_checks(DOCUMENTS["in order"], TODAY), *face_checks())
    assert decide(checks, Policy()).admit
    decision = decide(tuple(c for c in checks if c.name is not missing), Policy())
    assert not decision.admit
    assert decision.result_of(missing) is Result.NOT_PERFORMED


def test_a_check_given_twice_does_not_pass() -> None:
    checks = (*document_checks(DOCUMENTS["in order"], TODAY), *face_checks())
    assert not decide((*checks, checks[0]), Policy()).admit


def test_a_failed_check_counts_even_where_it_is_not_mandatory() -> None:
    optional = Policy(mandatory=Policy().mandatory - {CheckName.DOCUMENT_AUTHENTICITY})
    document = Document(readable=True, checks_ok=True, expires=date(2030, 1, 1), chip_authentic=Result.NOT_PERFORMED)
    assert decide((*document_checks(document, TODAY), *face_checks()), optional).admit
    forged = Document(readable=True, checks_ok=True, expires=date(2030, 1, 1), chip_authentic=Result.FAILED)
    assert not decide((*document_checks(forged, TODAY), *face_checks()), optional).admit


def test_what_was_found_on_the_chip_is_said_and_an_unread_document_never_succeeds() -> None:
    forged = Document(True, True, date(2030, 1, 1), Result.FAILED, chip_problem="Its hash is wrong.", code="hash")
    check = document_checks(forged, TODAY)[1]
    assert (check.result, check.reason, check.detail) == (Result.FAILED, "Its hash is wrong.", "hash")
    gone = Document(False, False, None, Result.NOT_PERFORMED, "It was taken away.", unread=Result.ABORTED, code="lost")
    (read,) = document_checks(gone, TODAY)
    assert (read.result, read.reason, read.detail) == (Result.ABORTED, "It was taken away.", "lost")
    (lied,) = document_checks(replace(gone, unread=Result.SUCCESSFUL), TODAY)
    assert lied.result is Result.FAILED


def test_an_aborted_decision_keeps_one_reason_only() -> None:
    once = aborted(face_checks(), "first", Policy())
    twice = aborted(once.checks, "second", Policy())
    assert [c.reason for c in twice.checks if c.name is CheckName.PASSAGE] == ["second"]
    assert needs_visual_check(aborted((), "x", Policy()))


@pytest.mark.parametrize(("expires", "result"), [(TODAY, Result.SUCCESSFUL), (date(2026, 11, 22), Result.FAILED)])
def test_a_document_is_valid_to_the_end_of_its_last_day(expires: date, result: Result) -> None:
    document = Document(readable=True, checks_ok=True, expires=expires, chip_authentic=Result.SUCCESSFUL)
    assert document_checks(document, TODAY)[2].result is result


def test_every_fault_has_effects_and_a_code_of_its_family() -> None:
    assert all(kind.effects and kind.advice and kind.code == code for code, kind in CATALOGUE.items())
    assert effects_of([1005, 5001]) == {Effect.BLOCK_ENTRY, Effect.OUT_OF_SERVICE}
    with pytest.raises(KeyError):
        effects_of([7777])


def test_a_card_is_as_good_as_the_enrolment_behind_it() -> None:
    card = Document(True, True, TODAY, Result.NOT_PERFORMED, claim=Claim.CARD)
    office = Policy(mandatory=Policy().mandatory - {CheckName.DOCUMENT_AUTHENTICITY})
    checks = document_checks(card, TODAY)
    assert [check.name for check in checks] == [CheckName.DOCUMENT_READ, CheckName.DOCUMENT_VALIDITY]
    assert may_proceed(checks, office)
    assert decide((*checks, *face_checks()), office).admit
    unknown = document_checks(replace(card, checks_ok=False, problem="Nobody has it."), TODAY)
    assert [(check.result, check.reason) for check in unknown] == [(Result.FAILED, "Nobody has it.")]
    past = document_checks(replace(card, expires=date(2026, 1, 1)), TODAY)
    assert not may_proceed(past, office)
    assert past[1].reason == "The enrolment expired on 2026-01-01."
    assert not may_proceed(document_checks(replace(card, expires=None), TODAY), office)


def test_who_says_nothing_passes_no_policy_that_asks_for_a_document() -> None:
    nobody = document_checks(Document(True, True, None, Result.NOT_PERFORMED, claim=Claim.NOBODY), TODAY)
    assert nobody == ()
    assert not may_proceed(nobody, Policy())
    assert not decide((*nobody, *face_checks()), Policy()).admit
    by_face = Policy(mandatory=Policy().mandatory - OF_DOCUMENT)
    assert may_proceed(nobody, by_face)
    assert decide(face_checks(), by_face).admit
    assert not decide(face_checks(comparison=Result.NOT_PERFORMED), by_face).admit
