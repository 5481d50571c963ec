"""What may be done about a referred traveller, as far as the referral itself decides it. Pure questions, no transition.

What the lane around it must be like (doors, occupancy, faults) is asked in `passage.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from appliance.core.decision import may_proceed
from appliance.core.phases import Referred
from appliance.core.policy import Policy
from appliance.core.types import OF_DOCUMENT, Advice, Check, CheckName, Decision, OfficerAction, Result

REQUESTS: Mapping[OfficerAction, Advice | None] = MappingProxyType(
    {
        OfficerAction.RETRY: None,
        OfficerAction.ASK_MASK_OFF: Advice.UNCOVER_MOUTH,
        OfficerAction.ASK_GLASSES_OFF: Advice.GLASSES_OFF,
        OfficerAction.ASK_HAT_OFF: Advice.HAT_OFF,
    }
)
"""The actions that verify again, and what each asks of the traveller first."""


def admissible(phase: Referred) -> bool:
    """Whether an officer may admit at all: the traveller stands inside and the document itself was in order."""
    return phase.inside and not any(
        check.result in (Result.FAILED, Result.ABORTED) for check in phase.decision.checks if check.name in OF_DOCUMENT
    )


def needs_visual_check(decision: Decision) -> bool:
    """An officer who overrides liveness that did not succeed must have seen the bare face."""
    return decision.result_of(CheckName.LIVENESS) is not Result.SUCCESSFUL


def suspected_attack(decision: Decision) -> bool:
    """Whether the liveness check failed."""
    return decision.result_of(CheckName.LIVENESS) is Result.FAILED


def of_document(decision: Decision) -> tuple[Check, ...]:
    """The checks of the document, which a further verification keeps."""
    return tuple(check for check in decision.checks if check.name in OF_DOCUMENT)


def may_verify_again(phase: Referred, policy: Policy) -> bool:
    """Whether the traveller may be verified again.

    Never after a suspected attack, under any policy: the machine could then admit whom it has just suspected, and who
    attacks would learn by trying. There an officer looks, and decides.
    """
    return (
        phase.inside
        and phase.retries > 0
        and not suspected_attack(phase.decision)
        and may_proceed(of_document(phase.decision), policy)
    )
