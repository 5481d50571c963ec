"""What has happened, in the past tense. Source and monotonic stamp travel in the runtime's envelope, not here:
the machine must not be able to reason about them, and its states stay finite."""

from dataclasses import dataclass
from datetime import date

from appliance.core.faults import Effect
from appliance.core.types import Check, Device, Document, Door, DoorPosition, OfficerAction


@dataclass(frozen=True, slots=True)
class DeviceReported:
    """A critical device has opened and proved its identity."""

    device: Device


@dataclass(frozen=True, slots=True)
class EffectsChanged:
    """The union of the effects of all active faults is now this."""

    effects: frozenset[Effect]


@dataclass(frozen=True, slots=True)
class DoorMoved:
    """A door's contact reads differently."""

    door: Door
    position: DoorPosition


@dataclass(frozen=True, slots=True)
class OccupancyChanged:
    """Somebody is now in front of the camera (turnstile) or in the cell (mantrap), or no longer."""

    occupied: bool


@dataclass(frozen=True, slots=True)
class PassageCounted:
    """The gate acknowledged one completed passage through the exit."""


@dataclass(frozen=True, slots=True)
class ReleaseExpired:
    """The longest time the gate may stay unlocked after a release of this door is over."""

    door: Door


@dataclass(frozen=True, slots=True)
class ReleaseFailed:
    """A release was not carried out, or its contact did not follow."""

    door: Door


@dataclass(frozen=True, slots=True)
class DocumentPresented:
    """A document lies on the reader; the passage starts under this id."""

    passage_id: str


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """The reader is done with the document, readable or not. `on` is the day it was read."""

    passage_id: str
    document: Document
    on: date


@dataclass(frozen=True, slots=True)
class VerificationDone:
    """The vision process delivered its checks for this passage."""

    passage_id: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class OfficerDecided:
    """An officer decided about the referred traveller. `visual_check`: the officer has seen the bare face.

    `second_officer` has confirmed it, where the console's policy asks for one; "" for nobody.
    """

    passage_id: str
    action: OfficerAction
    visual_check: bool
    officer: str
    reason: str
    second_officer: str = ""


@dataclass(frozen=True, slots=True)
class ServiceRequested:
    """An officer takes the lane out of service or puts it back; the latter also resets after an emergency."""

    in_service: bool
    officer: str
    reason: str


@dataclass(frozen=True, slots=True)
class BlockRequested:
    """An officer lets no new passage start here, or lets them start again; the present one goes on."""

    blocked: bool
    officer: str
    reason: str


@dataclass(frozen=True, slots=True)
class PhaseTimedOut:
    """The clock of this name (`phases.clock_of`) has run as long as its policy allows."""

    phase: str


Event = (
    DeviceReported
    | EffectsChanged
    | DoorMoved
    | OccupancyChanged
    | PassageCounted
    | ReleaseExpired
    | ReleaseFailed
    | DocumentPresented
    | DocumentRead
    | VerificationDone
    | OfficerDecided
    | ServiceRequested
    | BlockRequested
    | PhaseTimedOut
)
