"""The state machine of a lane: `step(lane, event, policy) -> (lane, commands)`. All of it is in this file.

Its law: it does no I/O and reads no clock; time arrives as an event. It knows effects, never faults. Sensor facts live
in `Lane`, what belongs to a passage lives in the phase, and only where it is valid. A pair of phase and event that
is not written here changes nothing and leaves an `Ignored` record. `interlock.py` vetoes independently what this file
asks for, and the tests explore every reachable state of both together.
"""

from dataclasses import replace
from typing import assert_never

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
from appliance.core.events import (
    BlockRequested,
    DeviceReported,
    DocumentPresented,
    DocumentRead,
    DoorMoved,
    EffectsChanged,
    Event,
    OccupancyChanged,
    OfficerDecided,
    PassageCounted,
    PhaseTimedOut,
    ReleaseExpired,
    ReleaseFailed,
    ServiceRequested,
    VerificationDone,
)
from appliance.core.faults import Effect
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
    clock_of,
    passage_of,
)
from appliance.core.policy import Policy
from appliance.core.referral import REQUESTS, admissible, may_verify_again, needs_visual_check, of_document
from appliance.core.types import Decision, Device, Door, DoorPosition, OfficerAction, Outcome, Topology

Stepped = tuple[Lane, tuple[Command, ...]]

# --- questions ----------------------------------------------------------------------------------------------


def _closed(lane: Lane, policy: Policy) -> bool:
    entry_closed = policy.topology is Topology.TURNSTILE or lane.entry is DoorPosition.CLOSED
    return entry_closed and lane.exit is DoorPosition.CLOSED


def _empty(lane: Lane, policy: Policy) -> bool:
    # In front of a turnstile the next traveller may already be standing: only a cell has to be empty.
    return policy.topology is Topology.TURNSTILE or lane.occupied is False


def _stopped(lane: Lane) -> bool:
    return Effect.OUT_OF_SERVICE in lane.effects or not lane.in_service


def _exit_may_open(lane: Lane, policy: Policy) -> bool:
    return (
        lane.occupied is True
        and _closed(lane, policy)
        and not lane.unlocked
        and not lane.effects & {Effect.OUT_OF_SERVICE, Effect.REFER_CURRENT, Effect.EMERGENCY_RELEASE}
    )


def _entry_may_open(lane: Lane) -> bool:
    return lane.exit is DoorPosition.CLOSED and Door.EXIT not in lane.unlocked


# --- transitions several phases share -------------------------------------------------------------------------


def _rest(lane: Lane, policy: Policy, *commands: Command) -> Stepped:
    """Where the lane goes when no passage is under way."""
    if Effect.EMERGENCY_RELEASE in lane.effects:
        return replace(lane, phase=Emergency()), commands
    if lane.reported != frozenset(Device):
        return replace(lane, phase=Starting()), (*commands, Secure())
    if not _stopped(lane) and _closed(lane, policy) and lane.occupied is not None:
        if _empty(lane, policy) and not lane.unlocked:
            return replace(lane, phase=Ready()), commands
        return _clear(lane, policy, None, *commands)
    return replace(lane, phase=OutOfService()), (*commands, Secure())


def _refer(
    lane: Lane, passage_id: str, decision: Decision, *commands: Command, inside: bool = True, retries: int = 0
) -> Stepped:
    """No retries unless told: where the exit was released before, no machine releases it again (`interlock.spent`)."""
    held = Referred(passage_id, decision, inside, retries)
    return replace(lane, phase=held), (Secure(), *commands, RecordDecision(passage_id, decision))


def _clear(lane: Lane, policy: Policy, passage_id: str | None, *commands: Command) -> Stepped:
    """Empty the lane: release the entry for an occupant of the cell as soon as no other door may be open."""
    if _closed(lane, policy) and _empty(lane, policy) and not lane.unlocked:
        return _rest(replace(lane, phase=OutOfService()), policy, *commands)
    release = not _empty(lane, policy) and lane.occupied is True and _entry_may_open(lane)
    cleared = replace(lane, phase=Clearing(passage_id, release))
    if not release:
        return cleared, (*commands, Secure())
    return _released(cleared, Door.ENTRY), (*commands, ReleaseEntry(passage_id, Purpose.RETURN))


def _released(lane: Lane, door: Door) -> Lane:
    return replace(lane, unlocked=lane.unlocked | {door}, opened=lane.opened - {door})


def _admit(lane: Lane, policy: Policy, command: ReleaseExit, *commands: Command, retries: int) -> Stepped:
    outcome = Outcome.ADMITTED if command.officer is None else Outcome.ADMITTED_BY_OFFICER
    if not _exit_may_open(lane, policy):
        reason = "The exit could not be released: a door was open, or a fault stood against it."
        return _refer(lane, command.passage_id, aborted(command.decision.checks, reason, policy), retries=retries)
    admitting = replace(lane, phase=Admitting(command.passage_id, command.decision, outcome))
    return _released(admitting, Door.EXIT), (*commands, command)


def _broken_off(lane: Lane, policy: Policy, reason: str) -> Stepped:
    """A passage under way cannot go on: nobody inside means it is over, somebody inside means an officer comes."""
    match lane.phase:
        case Reading(passage_id=passage) | Entering(passage_id=passage):
            return _clear(lane, policy, passage, EndPassage(passage, Outcome.ABORTED))
        case Enclosing(passage, checks):
            return _refer(lane, passage, aborted(checks, reason, policy), retries=policy.retries)
        case Verifying(passage, checks, retries):
            return _refer(lane, passage, aborted(checks, reason, policy), StopVerification(passage), retries=retries)
        case Admitting(passage, decision):
            return _refer(lane, passage, aborted(decision.checks, reason, policy))
        case Starting() | OutOfService() | Ready() | Leaving() | Referred() | Clearing() | Emergency():
            return lane, ()
        case _:
            assert_never(lane.phase)


# --- facts: every phase keeps them, some phases act on them -----------------------------------------------------


def _with_door(lane: Lane, event: DoorMoved) -> Lane:
    """Update a door; an opening and closing since its release uses that release up."""
    seen = replace(lane, entry=event.position) if event.door is Door.ENTRY else replace(lane, exit=event.position)
    if event.door not in seen.unlocked:
        return seen
    if event.position is DoorPosition.OPEN:
        return replace(seen, opened=seen.opened | {event.door})
    if event.position is DoorPosition.CLOSED and event.door in seen.opened:
        return replace(seen, unlocked=seen.unlocked - {event.door}, opened=seen.opened - {event.door})
    return seen


def _facts(lane: Lane, event: Event) -> Lane | None:
    match event:
        case DeviceReported(device):
            return replace(lane, reported=lane.reported | {device})
        case EffectsChanged(effects):
            return replace(lane, effects=effects)
        case DoorMoved():
            return _with_door(lane, event)
        case OccupancyChanged(occupied):
            return replace(lane, occupied=occupied)
        case ReleaseExpired(door):
            return replace(lane, unlocked=lane.unlocked - {door}, opened=lane.opened - {door})
        case ServiceRequested(in_service):
            return replace(lane, in_service=in_service)
        case BlockRequested(blocked):
            return replace(lane, blocked=event if blocked else None)
        case _:
            return None


def _after_facts(lane: Lane, event: Event, policy: Policy) -> Stepped:
    """What a phase does when a fact about the lane has changed."""
    if Effect.EMERGENCY_RELEASE in lane.effects and not isinstance(lane.phase, Emergency):
        return _emergency(lane)
    if lane.effects & {Effect.OUT_OF_SERVICE, Effect.REFER_CURRENT}:
        broken = _broken_off(lane, policy, "A fault of the lane interrupted the passage.")
        if broken != (lane, ()):
            return broken
    match lane.phase:
        case Starting() | OutOfService():
            settled, commands = _rest(lane, policy)
            return (lane, ()) if settled == lane else (settled, commands)
        case Ready():
            healthy = not _stopped(lane) and _closed(lane, policy) and _empty(lane, policy)
            return (lane, ()) if healthy else _rest(lane, policy)
        case Entering(passage, checks) if lane.occupied:
            return _enclose(lane, policy, Enclosing(passage, checks))
        case Enclosing(passage, _) if not lane.occupied:
            return _clear(lane, policy, passage, EndPassage(passage, Outcome.WALKED_AWAY))
        case Enclosing():
            return _enclose(lane, policy, lane.phase)
        case Verifying(passage, _) if not lane.occupied:
            walked = (StopVerification(passage), EndPassage(passage, Outcome.WALKED_AWAY))
            return _clear(lane, policy, passage, *walked)
        case Verifying(passage, checks, retries) if not _closed(lane, policy):
            verdict = aborted(checks, "A door opened during the verification.", policy)
            return _refer(lane, passage, verdict, StopVerification(passage), retries=retries)
        case Leaving(passage, _, outcome) if _closed(lane, policy) and _empty(lane, policy):
            return _rest(replace(lane, phase=OutOfService()), policy, EndPassage(passage, outcome))
        case Clearing():
            return _keep_clearing(lane, policy, lane.phase)
        case Emergency() if isinstance(event, ServiceRequested) and event.in_service:
            return (lane, ()) if Effect.EMERGENCY_RELEASE in lane.effects else _rest(lane, policy)
        case _:
            return lane, ()


def _enclose(lane: Lane, policy: Policy, phase: Enclosing) -> Stepped:
    if not _closed(lane, policy) or lane.unlocked:
        return replace(lane, phase=phase), ()
    verifying = Verifying(phase.passage_id, phase.checks, policy.retries)
    return replace(lane, phase=verifying), (StartVerification(phase.passage_id),)


def _keep_clearing(lane: Lane, policy: Policy, phase: Clearing) -> Stepped:
    if _empty(lane, policy) and _closed(lane, policy) and not lane.unlocked:
        return _rest(replace(lane, phase=OutOfService()), policy)
    if not phase.released and not _empty(lane, policy) and _entry_may_open(lane):
        return _clear(lane, policy, phase.passage_id)
    return lane, ()


def _emergency(lane: Lane) -> Stepped:
    passage = passage_of(lane.phase)
    stop: tuple[Command, ...] = (StopVerification(passage),) if passage and isinstance(lane.phase, Verifying) else ()
    over = isinstance(lane.phase, Clearing) or passage is None
    ended = () if over or passage is None else (EndPassage(passage, Outcome.ABORTED),)
    return replace(lane, phase=Emergency()), (*stop, *ended)


# --- events of a passage ----------------------------------------------------------------------------------------


def _document(lane: Lane, event: DocumentRead, phase: Reading, policy: Policy) -> Stepped:
    passage = phase.passage_id
    if not event.document.readable and phase.attempt < policy.document_attempts:
        return replace(lane, phase=Reading(passage, phase.attempt + 1)), (ReadDocument(passage),)
    checks = document_checks(event.document, event.on)
    if not may_proceed(checks, policy):
        return _refer(lane, passage, decide(checks, policy), inside=False)
    if policy.topology is Topology.TURNSTILE:
        if not lane.occupied:
            return replace(lane, phase=Entering(passage, checks)), ()
        return _enclose(lane, policy, Enclosing(passage, checks))
    if Effect.BLOCK_ENTRY in lane.effects or not _entry_may_open(lane) or not _empty(lane, policy):
        return _clear(lane, policy, passage, EndPassage(passage, Outcome.ABORTED))
    entering = _released(replace(lane, phase=Entering(passage, checks)), Door.ENTRY)
    return entering, (ReleaseEntry(passage, Purpose.ENTER),)


def _verified(lane: Lane, event: VerificationDone, phase: Verifying, policy: Policy) -> Stepped:
    passage = phase.passage_id
    decision = decide(phase.checks + event.checks, policy)
    if not decision.admit:
        return _refer(lane, passage, decision, retries=phase.retries)
    release, record = ReleaseExit(passage, decision), RecordDecision(passage, decision)
    return _admit(lane, policy, release, record, retries=phase.retries)


def _officer(lane: Lane, event: OfficerDecided, phase: Referred, policy: Policy) -> Stepped | None:
    passage, decision = phase.passage_id, phase.decision
    record = RecordDecision(passage, decision, event.officer)
    match event.action:
        case OfficerAction.ADMIT:
            seen = event.visual_check or not needs_visual_check(decision)
            if not (admissible(phase) and seen and _exit_may_open(lane, policy)):
                return None
            release = ReleaseExit(passage, decision, event.officer, event.visual_check)
            return _admit(lane, policy, release, record, retries=phase.retries)
        case OfficerAction.REFUSE:
            return _clear(lane, policy, passage, record, EndPassage(passage, Outcome.REFUSED_BY_OFFICER))
        case OfficerAction.SECOND_LINE:
            return _clear(lane, policy, passage, record, EndPassage(passage, Outcome.SECOND_LINE))
        case OfficerAction.OPEN_ENTRY:
            mantrap = policy.topology is Topology.MANTRAP
            if not (mantrap and phase.inside and lane.occupied is True and _entry_may_open(lane)):
                return None
            return _clear(lane, policy, passage, record, EndPassage(passage, Outcome.LET_OUT_BY_OFFICER))
        case (
            OfficerAction.RETRY | OfficerAction.ASK_MASK_OFF | OfficerAction.ASK_GLASSES_OFF | OfficerAction.ASK_HAT_OFF
        ):
            # Doors and faults as for a release: the verification that follows may end in one.
            if not (may_verify_again(phase, policy) and _exit_may_open(lane, policy)):
                return None
            verifying = Verifying(passage, of_document(decision), phase.retries - 1)
            return replace(lane, phase=verifying), (record, StartVerification(passage, REQUESTS[event.action]))
        case OfficerAction.HOLD if not phase.held_by:
            held = replace(phase, seen_by=phase.seen_by or event.officer, held_by=event.officer)
            return replace(lane, phase=held), (record,)
        case OfficerAction.ACKNOWLEDGE if not phase.seen_by:
            return replace(lane, phase=replace(phase, seen_by=event.officer)), (record,)
        case OfficerAction.HOLD | OfficerAction.ACKNOWLEDGE:
            return None
        case _:
            assert_never(event.action)


def _timed_out(lane: Lane, policy: Policy) -> Stepped:
    """Every phase has a way on when its time is over; none of them leads through the exit."""
    match lane.phase:
        case Starting():
            return lane, (Secure(),)
        case OutOfService():
            # An occupant must not stay locked in while the lane is out of service.
            return _clear(lane, policy, None) if not _empty(lane, policy) else (lane, (Secure(),))
        case Ready():
            return lane, (SelfTest(),)
        case Reading(passage):
            return _refer(lane, passage, aborted((), "The document was not read in time.", policy), inside=False)
        case Entering(passage):
            return _clear(lane, policy, passage, Secure(), EndPassage(passage, Outcome.WALKED_AWAY))
        case Enclosing(passage):
            return _clear(lane, policy, passage, EndPassage(passage, Outcome.ABORTED))
        case Verifying() | Admitting():
            return _broken_off(lane, policy, "It took too long.")
        case Leaving(passage, _, outcome):
            # The traveller is gone; whoever or whatever is still here did not belong to this passage.
            return _clear(lane, policy, None, EndPassage(passage, outcome))
        case Referred(passage, escalated=True):
            return _clear(lane, policy, passage, EndPassage(passage, Outcome.UNATTENDED))
        case Referred():
            # Whoever saw or held it did not decide: from here on it is everybody's.
            return replace(lane, phase=replace(lane.phase, escalated=True, seen_by="", held_by="")), ()
        case Clearing():
            return replace(lane, phase=OutOfService()), (Secure(),)
        case Emergency():
            return lane, ()
        case _:
            assert_never(lane.phase)


def _matters(lane: Lane, event: Event, policy: Policy) -> Stepped | None:
    """The table of phase and event proper. None means: no meaning here."""
    match lane.phase, event:
        case Ready(), DocumentPresented(passage) if not (lane.blocked or lane.effects - {Effect.NOTICE}):
            return replace(lane, phase=Reading(passage)), (ReadDocument(passage),)
        case Reading(passage), DocumentRead(of) if of == passage:
            return _document(lane, event, lane.phase, policy)
        case Verifying(passage), VerificationDone(of) if of == passage:
            return _verified(lane, event, lane.phase, policy)
        case Admitting(passage, decision, outcome), PassageCounted():
            gone = replace(lane, phase=Leaving(passage, decision, outcome))
            return _after_facts(gone, event, policy)
        case ((Entering() | Admitting() | Clearing()), ReleaseFailed()):
            return _release_failed(lane, event.door, policy)
        case Referred(passage), OfficerDecided(of) if of == passage:
            return _officer(lane, event, lane.phase, policy)
        case phase, PhaseTimedOut(clock) if clock == clock_of(phase):
            return _timed_out(lane, policy)
        case _:
            return None


def _release_failed(lane: Lane, door: Door, policy: Policy) -> Stepped:
    if isinstance(lane.phase, Clearing):
        return replace(lane, phase=replace(lane.phase, released=False)), (Secure(),)
    return _broken_off(lane, policy, f"The {door.value} door could not be released.")


def step(lane: Lane, event: Event, policy: Policy) -> Stepped:
    """One event in, the next state and the commands out. Total: no event and no state raises."""
    seen = _facts(lane, event)
    if seen is not None:
        return _after_facts(seen, event, policy)
    stepped = _matters(lane, event, policy)
    if stepped is None:
        return lane, (Ignored(type(lane.phase).__name__, type(event).__name__),)
    return stepped
