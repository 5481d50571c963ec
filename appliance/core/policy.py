"""Thresholds and time-outs of a lane as one versioned value. It holds numbers and switches; it decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from appliance.core.phases import Phase, clock_of
from appliance.core.types import MANDATORY, CheckName, Topology

POLICY_VERSION = 1

TIMEOUTS: Mapping[str, float] = MappingProxyType(
    {
        "Starting": 60.0,
        "OutOfService": 30.0,
        "Ready": 60.0,
        "Reading": 15.0,
        "Entering": 12.0,
        "Enclosing": 10.0,
        "Verifying": 20.0,
        "Admitting": 12.0,
        "Leaving": 10.0,
        "Referred": 20.0,
        "Acknowledged": 60.0,
        "Held": 300.0,
        "Clearing": 15.0,
        "Emergency": 30.0,
    }
)
"""Seconds each phase may last before it is told so; what it then does stands in `passage.py`.

A referral has three: until somebody acknowledges it, from then on, and while an officer holds the traveller.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """How this lane behaves.

    `mandatory` are the checks that must all be SUCCESSFUL. `release_s` is the pulse the gate gets;
    `release_hold_s` is how long the gate may stay unlocked after it (its own passage wait): until then, or until the
    door was seen to open and close, the other door is not released. `retries` is how often officers may have one
    passage verified again: each is a further chance for whoever is not the holder.
    """

    topology: Topology = Topology.MANTRAP
    mandatory: frozenset[CheckName] = MANDATORY
    timeouts: Mapping[str, float] = field(default_factory=lambda: TIMEOUTS)
    document_attempts: int = 2
    retries: int = 2
    release_s: float = 0.5
    release_hold_s: float = 8.0
    version: int = POLICY_VERSION

    def timeout_of(self, phase: Phase) -> float:
        """Seconds the phase may last as it is. Raises KeyError for a clock without a time: there is none such."""
        return self.timeouts[clock_of(phase)]
