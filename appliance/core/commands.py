"""What shall be done, in the imperative. The interlock may veto a command; the runtime carries it out."""

from dataclasses import dataclass
from enum import StrEnum

from appliance.core.types import Advice, Decision, Outcome


class Purpose(StrEnum):
    """Why the entry door is released: to let a traveller in, or the occupant back out."""

    ENTER = "enter"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """Read the document on the reader."""

    passage_id: str


@dataclass(frozen=True, slots=True)
class StartVerification:
    """Capture and compare; `ask` is what the traveller is asked to do first."""

    passage_id: str
    ask: Advice | None = None


@dataclass(frozen=True, slots=True)
class StopVerification:
    """Stop capturing; whatever still arrives is void."""

    passage_id: str


@dataclass(frozen=True, slots=True)
class RecordDecision:
    """Keep the verdict. `officer` is None for the automatic decision."""

    passage_id: str
    decision: Decision
    officer: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """Pulse the entry door. `passage_id` is None when an occupant of unknown origin is let back out."""

    passage_id: str | None
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class ReleaseExit:
    """Pulse the exit door, on the strength of a decision, or of an officer who overrides it."""

    passage_id: str
    decision: Decision
    officer: str | None = None
    visual_check: bool = False


@dataclass(frozen=True, slots=True)
class Secure:
    """Every release off."""


@dataclass(frozen=True, slots=True)
class EndPassage:
    """The passage is over: keep its outcome, forget its images and its document."""

    passage_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Nothing has happened for a while: prove that every device still works."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """The event has no meaning in this phase. A record, not an action."""

    phase: str
    event: str


Command = (
    ReadDocument
    | StartVerification
    | StopVerification
    | RecordDecision
    | ReleaseEntry
    | ReleaseExit
    | Secure
    | EndPassage
    | SelfTest
    | Ignored
)
