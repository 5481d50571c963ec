"""From the lane's state to what a console shows. Pure: state in, snapshot out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from appliance.control.looks import SetupView
from appliance.control.messages import (
    BlockView,
    CareView,
    DeviceView,
    DoorView,
    FaultView,
    LaneSnapshot,
    ModeView,
    PackView,
    PassageView,
    ReferralView,
)
from appliance.core import phases as ph
from appliance.core.commands import Ignored
from appliance.core.events import OfficerDecided
from appliance.core.faults import CATALOGUE, Effect
from appliance.core.passage import step
from appliance.core.policy import Policy
from appliance.core.referral import needs_visual_check, suspected_attack
from appliance.core.types import Advice, Claim, Door, OfficerAction, Step, Topology
from appliance.runtime.faults import ActiveFault
from appliance.runtime.passage_data import PassageData


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a snapshot is made of. `advice` is the verification's."""

    lane_id: str
    simulated: bool
    revision: int
    at: datetime
    policy: Policy
    lane: ph.Lane
    in_phase_s: float
    faults: tuple[ActiveFault, ...]
    released: frozenset[Door]
    passage: PassageData | None
    pack: dict[str, Any] | None
    journal_sequence: int
    evidence: str
    advice: Advice | None = None
    attended: bool = True
    claim: Claim = Claim.DOCUMENT
    setup: SetupView | None = None
    mode: ModeView | None = None
    devices: tuple[DeviceView, ...] = ()


_ASKED = {
    Claim.DOCUMENT: Step.PRESENT_DOCUMENT,
    Claim.CARD: Step.PRESENT_CARD,
    Claim.NOBODY: Step.LOOK_AT_CAMERA,
}
"""How the next one is asked who they are."""


def step_of(lane: ph.Lane, policy: Policy, *, attended: bool = True, claim: Claim = Claim.DOCUMENT) -> Step:
    """What the traveller is shown. Neutral: a suspicion looks like any other referral."""
    match lane.phase:
        case ph.Starting() | ph.OutOfService():
            return Step.OUT_OF_SERVICE
        case ph.Ready():
            closed = lane.blocked or lane.effects - {Effect.NOTICE}
            return Step.OUT_OF_SERVICE if closed else _ASKED[claim]
        case ph.Reading():
            return Step.READING_DOCUMENT if claim is Claim.DOCUMENT else Step.PLEASE_WAIT
        case ph.Entering():
            return Step.ENTER if policy.topology is Topology.MANTRAP else Step.LOOK_AT_CAMERA
        case ph.Enclosing():
            return Step.PLEASE_WAIT
        case ph.Verifying():
            return Step.LOOK_AT_CAMERA
        case ph.Admitting() | ph.Leaving():
            return Step.GO
        case ph.Referred() if not attended:
            return Step.NOT_VERIFIED
        case ph.Referred(inside=inside):
            return Step.OFFICER_COMES if inside else Step.SEE_OFFICER
        case ph.Clearing():
            return Step.GO_BACK if lane.occupied else Step.PLEASE_WAIT
        case ph.Emergency():
            return Step.EMERGENCY


def _advice(facts: Facts) -> Advice | None:
    """What helps now: with the document while it is read again, else before the cameras."""
    phase, passage = facts.lane.phase, facts.passage
    if not isinstance(phase, ph.Reading):
        return facts.advice
    return passage.advice if passage is not None and phase.attempt > 1 else None


def snapshot(facts: Facts) -> LaneSnapshot:
    """The lane as a console shows it."""
    lane, policy = facts.lane, facts.policy
    since = facts.at - timedelta(seconds=facts.in_phase_s)
    doors = list(Door) if policy.topology is Topology.MANTRAP else [Door.EXIT]
    positions = {Door.ENTRY: lane.entry, Door.EXIT: lane.exit}
    return LaneSnapshot(
        lane_id=facts.lane_id,
        revision=facts.revision,
        at=facts.at,
        simulated=facts.simulated,
        topology=policy.topology,
        phase=type(lane.phase).__name__,
        phase_since=since,
        phase_ends=_ends(facts),
        step=step_of(lane, policy, attended=facts.attended, claim=facts.claim),
        advice=_advice(facts),
        in_service=not isinstance(lane.phase, ph.Starting | ph.OutOfService | ph.Emergency),
        mode=facts.mode,
        devices=facts.devices,
        blocked=None if lane.blocked is None else BlockView(officer=lane.blocked.officer, reason=lane.blocked.reason),
        doors=tuple(DoorView(door=d, position=positions[d], released=d in facts.released) for d in doors),
        occupied=lane.occupied is not False,
        faults=tuple(_fault(fault) for fault in facts.faults),
        passage=_passage(facts),
        pack=PackView(**facts.pack) if facts.pack else None,
        journal_sequence=facts.journal_sequence,
        evidence_label=facts.evidence,
        closed_by_hand=not lane.in_service,
        setup=facts.setup,
    )


def _fault(fault: ActiveFault) -> FaultView:
    kind = CATALOGUE[fault.code]
    return FaultView(
        code=fault.code,
        title=kind.title,
        advice=f"{kind.advice} ({fault.detail})" if fault.detail else kind.advice,
        severity=kind.severity,
        device=fault.device,
        since=fault.since,
    )


def _ends(facts: Facts) -> datetime:
    left = facts.policy.timeout_of(facts.lane.phase) - facts.in_phase_s
    return facts.at + timedelta(seconds=left)


def _passage(facts: Facts) -> PassageView | None:
    data = facts.passage
    if data is None:
        return None
    return PassageView(
        passage_id=data.passage_id,
        started=data.started,
        document=data.document,
        enrolled_as=data.enrolled_as,
        irregularities=data.irregularities,
        checks=data.check_views(),
        earlier=data.attempt_views(),
        images=data.image_views(),
        referral=_referral(facts, data),
        outcome=data.outcome,
    )


def _care(officer: str, since: datetime | None) -> CareView | None:
    return CareView(officer=officer, since=since) if officer and since else None


def _referral(facts: Facts, data: PassageData) -> ReferralView | None:
    phase = facts.lane.phase
    if not isinstance(phase, ph.Referred):
        return None
    return ReferralView(
        since=data.referred_since or facts.at - timedelta(seconds=facts.in_phase_s),
        ends=_ends(facts),
        escalated=phase.escalated,
        inside=phase.inside,
        actions=tuple(action for action in OfficerAction if _acts_on(facts, phase.passage_id, action)),
        needs_visual_check=needs_visual_check(phase.decision),
        suspected_attack=suspected_attack(phase.decision),
        retries=phase.retries,
        seen=_care(phase.seen_by, data.seen_since),
        held=_care(phase.held_by, data.held_since),
    )


def _acts_on(facts: Facts, passage_id: str, action: OfficerAction) -> bool:
    """Asked of the machine itself, so that a console never offers what the lane would ignore."""
    decided = OfficerDecided(passage_id, action, True, "", "")
    _, commands = step(facts.lane, decided, facts.policy)
    return not any(isinstance(command, Ignored) for command in commands)
