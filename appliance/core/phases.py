"""The phases of a lane and the lane itself: what the state machine's state is made of. Nothing here decides anything.

One frozen dataclass per phase, so that data exists only where it is valid.
"""

from dataclasses import dataclass

from appliance.core.events import BlockRequested
from appliance.core.faults import Effect
from appliance.core.types import Check, Decision, Device, Door, DoorPosition, Outcome


@dataclass(frozen=True, slots=True)
class Starting:
    """Out of service until every critical device has reported. The first state."""


@dataclass(frozen=True, slots=True)
class OutOfService:
    """Doors secure, no new traveller. Left as soon as nothing stands against it."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Doors closed, lane empty, waiting for a document."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The document is being read, for the n-th time."""

    passage_id: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Entering:
    """Entry released; waiting for the traveller to step in."""

    passage_id: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Enclosing:
    """The traveller is in; waiting for the entry door to close."""

    passage_id: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Verifying:
    """Capture, comparison and liveness are under way. Both doors are closed.

    `checks` are those of the document; `retries` is how often an officer may still have it done again.
    """

    passage_id: str
    checks: tuple[Check, ...]
    retries: int = 0


@dataclass(frozen=True, slots=True)
class Admitting:
    """Exit released; waiting for the traveller to go through."""

    passage_id: str
    decision: Decision
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Leaving:
    """The traveller has gone through; waiting for the exit to close and the lane to be empty."""

    passage_id: str
    decision: Decision
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Referred:
    """Held for an officer: `inside` the lane, or still outside it because the document alone was enough.

    `escalated`: nobody did enough about it in time, so other stations show it too. `seen_by` and `held_by` name the
    officers who acknowledged it and who keeps the traveller, "" for nobody; whoever holds has seen.
    """

    passage_id: str
    decision: Decision
    inside: bool
    retries: int = 0
    escalated: bool = False
    seen_by: str = ""
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class Clearing:
    """The lane has to become empty and closed. An occupant is only ever let out the way he came.

    `released` tells that the entry was released for it. The passage itself has already ended.
    """

    passage_id: str | None
    released: bool


@dataclass(frozen=True, slots=True)
class Emergency:
    """Doors are released by wire; the software observes and never locks them again without an officer's reset."""


Phase = (
    Starting
    | OutOfService
    | Ready
    | Reading
    | Entering
    | Enclosing
    | Verifying
    | Admitting
    | Leaving
    | Referred
    | Clearing
    | Emergency
)


@dataclass(frozen=True, slots=True)
class Lane:
    """The whole state: sensor facts common to all phases, and the phase. `unlocked` holds the doors that a release
    may still leave open to a push: released, and since then neither seen to open and close nor expired. `blocked`: an
    officer lets no new passage start."""

    phase: Phase = Starting()
    reported: frozenset[Device] = frozenset()
    effects: frozenset[Effect] = frozenset()
    entry: DoorPosition = DoorPosition.UNKNOWN
    exit: DoorPosition = DoorPosition.UNKNOWN
    occupied: bool | None = None
    in_service: bool = True
    blocked: BlockRequested | None = None
    unlocked: frozenset[Door] = frozenset()
    opened: frozenset[Door] = frozenset()


def passage_of(phase: Phase) -> str | None:
    """The passage under way, if there is one."""
    return getattr(phase, "passage_id", None)


def clock_of(phase: Phase) -> str:
    """Name of the clock that runs in a phase: its own, of a referral one that says who cares for it."""
    match phase:
        case Referred(held_by=officer) if officer:
            return "Held"
        case Referred(seen_by=officer) if officer:
            return "Acknowledged"
        case _:
            return type(phase).__name__
