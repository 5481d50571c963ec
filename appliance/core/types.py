"""Words of the house as types. Nothing here decides anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType


class Result(StrEnum):
    """The five result values of ICAO 9303-2 appendix C / BSI TR-03135. Only SUCCESSFUL ever passes."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    UNDETERMINED = "undetermined"
    NOT_PERFORMED = "not_performed"
    ABORTED = "aborted"


class Door(StrEnum):
    """A leaf of the lane; a turnstile has only an exit."""

    ENTRY = "entry"
    EXIT = "exit"


class DoorPosition(StrEnum):
    """What the door's own contact says; never inferred from a command."""

    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "unknown"


class Topology(StrEnum):
    """How the lane is built."""

    MANTRAP = "mantrap"
    TURNSTILE = "turnstile"


class Device(StrEnum):
    """The devices a lane cannot work without; each must report before the lane leaves Starting."""

    GATE = "gate"
    ILLUMINATION = "illumination"
    VISION = "vision"
    DOCUMENT_READER = "document_reader"
    STORE = "store"


class CheckName(StrEnum):
    """The checks a decision is made of, in the order a guard reads them when all are well."""

    DOCUMENT_READ = "document_read"
    DOCUMENT_AUTHENTICITY = "document_authenticity"
    DOCUMENT_VALIDITY = "document_validity"
    SINGLE_FACE = "single_face"
    FACE_QUALITY = "face_quality"
    COMPARISON = "comparison"
    LIVENESS = "liveness"
    PASSAGE = "passage"


MANDATORY = frozenset(CheckName) - {CheckName.PASSAGE}
"""Checks that must all succeed. PASSAGE only ever says that the passage itself broke off."""

OF_DOCUMENT = frozenset({CheckName.DOCUMENT_READ, CheckName.DOCUMENT_AUTHENTICITY, CheckName.DOCUMENT_VALIDITY})
"""Checks of the document alone, before any face is looked at."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its result. `reason` is a sentence for the guard; `detail` holds figures, never identity."""

    name: CheckName
    result: Result
    reason: str
    detail: str = ""


class Claim(StrEnum):
    """How somebody says who they are: a travel document, a card with an enrolment behind it, or not at all."""

    DOCUMENT = "document"
    CARD = "card"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Document:
    """The claim of a passage as far as the core needs it: facts, no name and no number (data minimisation).

    Behind a card, `expires` is the day the enrolment ends. One that is not `readable` is asked for again; `unread` is
    the result of a reading that ends so, or with checks that are not ok. `problem` and `chip_problem` are sentences for
    the guard on the reading and on the authenticity, `code` is the gravest reason's (`appliance.document.reasons`).
    """

    readable: bool
    checks_ok: bool
    expires: date | None
    chip_authentic: Result
    problem: str = ""
    claim: Claim = Claim.DOCUMENT
    unread: Result = Result.FAILED
    chip_problem: str = ""
    code: str = ""


class InspectionStep(StrEnum):
    """The steps of a document's inspection, in their order (ICAO 9303-11)."""

    MRZ = "mrz"
    ACCESS = "access"
    READING = "reading"
    PASSIVE_AUTHENTICATION = "passive_authentication"
    CLONE_DETECTION = "clone_detection"
    CONSISTENCY = "consistency"
    PORTRAIT = "portrait"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict over one passage: every mandatory check with its result. `admit` is the full conjunction."""

    checks: tuple[Check, ...]
    admit: bool

    @property
    def failing(self) -> tuple[Check, ...]:
        """Checks that kept the traveller from passing: failed first, then the open ones."""
        order = {Result.FAILED: 0, Result.UNDETERMINED: 1, Result.ABORTED: 2, Result.NOT_PERFORMED: 3}
        open_checks = [check for check in self.checks if check.result is not Result.SUCCESSFUL]
        return tuple(sorted(open_checks, key=lambda check: order[check.result]))

    def result_of(self, name: CheckName) -> Result:
        """Result of one check; NOT_PERFORMED when it is not part of the decision."""
        return next((check.result for check in self.checks if check.name is name), Result.NOT_PERFORMED)


class OfficerAction(StrEnum):
    """What an officer may do about a referred traveller. Only ADMIT ever releases the exit.

    RETRY and the three requests verify the traveller inside once more. HOLD keeps the traveller for a while,
    OPEN_ENTRY lets one back out without a verdict, ACKNOWLEDGE says that the referral was seen.
    """

    ADMIT = "admit"
    REFUSE = "refuse"
    SECOND_LINE = "second_line"
    RETRY = "retry"
    ASK_MASK_OFF = "ask_mask_off"
    ASK_GLASSES_OFF = "ask_glasses_off"
    ASK_HAT_OFF = "ask_hat_off"
    HOLD = "hold"
    OPEN_ENTRY = "open_entry"
    ACKNOWLEDGE = "acknowledge"


class Outcome(StrEnum):
    """How a passage ended. LET_OUT_BY_OFFICER is no verdict: back out, neither refused nor sent on."""

    ADMITTED = "admitted"
    ADMITTED_BY_OFFICER = "admitted_by_officer"
    REFUSED_BY_OFFICER = "refused_by_officer"
    SECOND_LINE = "second_line"
    LET_OUT_BY_OFFICER = "let_out_by_officer"
    WALKED_AWAY = "walked_away"
    UNATTENDED = "unattended"
    ABORTED = "aborted"


class Step(StrEnum):
    """What the traveller display shows: one pictogram each. Neutral by design: it never names a suspicion."""

    PLEASE_WAIT = "please_wait"
    PRESENT_DOCUMENT = "present_document"
    PRESENT_CARD = "present_card"
    READING_DOCUMENT = "reading_document"
    ENTER = "enter"
    LOOK_AT_CAMERA = "look_at_camera"
    OFFICER_COMES = "officer_comes"
    GO = "go"
    GO_BACK = "go_back"
    SEE_OFFICER = "see_officer"
    NOT_VERIFIED = "not_verified"
    OUT_OF_SERVICE = "out_of_service"
    EMERGENCY = "emergency"


class Advice(StrEnum):
    """What a traveller can do better: before the cameras, and with a document that is read again. Neutral, too."""

    STEP_INTO_VIEW = "step_into_view"
    TO_THE_MIDDLE = "to_the_middle"
    COME_CLOSER = "come_closer"
    STEP_BACK = "step_back"
    LOOK_STRAIGHT = "look_straight"
    HEAD_UPRIGHT = "head_upright"
    STAND_STILL = "stand_still"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    TURN_FROM_SUN = "turn_from_sun"
    SHOW_EYES = "show_eyes"
    OPEN_EYES = "open_eyes"
    UNCOVER_FACE = "uncover_face"
    UNCOVER_MOUTH = "uncover_mouth"
    GLASSES_OFF = "glasses_off"
    HAT_OFF = "hat_off"
    ONE_AT_A_TIME = "one_at_a_time"
    LAY_DOWN_AGAIN = "lay_down_again"
    LEAVE_IT_THERE = "leave_it_there"


ADVICE_WORDS: Mapping[Advice, str] = MappingProxyType(
    {
        Advice.STEP_INTO_VIEW: "Step into view.",
        Advice.TO_THE_MIDDLE: "Move to the middle of the picture.",
        Advice.COME_CLOSER: "Come closer.",
        Advice.STEP_BACK: "Step back.",
        Advice.LOOK_STRAIGHT: "Look straight at the camera.",
        Advice.HEAD_UPRIGHT: "Hold the head upright.",
        Advice.STAND_STILL: "Stand still.",
        Advice.TOO_DARK: "It is too dark to see the face.",
        Advice.TOO_BRIGHT: "It is too bright to see the face.",
        Advice.TURN_FROM_SUN: "Too much sun: turn away from it.",
        Advice.SHOW_EYES: "Uncover the eyes, without glasses.",
        Advice.OPEN_EYES: "Open the eyes.",
        Advice.UNCOVER_FACE: "Uncover the face.",
        Advice.UNCOVER_MOUTH: "Take the medical mask off.",
        Advice.GLASSES_OFF: "Take the glasses off.",
        Advice.HAT_OFF: "Take the hat off.",
        Advice.ONE_AT_A_TIME: "One traveller at a time.",
        Advice.LAY_DOWN_AGAIN: "Lay the passport down again, flat, photo page down.",
        Advice.LEAVE_IT_THERE: "Leave the passport on the reader.",
    }
)
"""The same for a guard, in words."""
