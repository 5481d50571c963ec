"""What the console's pages receive and send, beside the lane's own messages."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.control.client import LaneState
from appliance.control.messages import Advice, LaneSnapshot, OfficerAction, Step, WatchSnapshot
from ui.languages import languages_of
from ui.roles import May

WATCHING = "Watching"
"""The phase of what has none: a post that only watches."""
_STARTING = "Starting"
_RESTING = frozenset({_STARTING, "OutOfService", "Ready", "Emergency"})
"""Phases of a lane without a passage."""
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Credential = Annotated[str, StringConstraints(min_length=2, max_length=8000)]
"""A `PublicKeyCredential` as JSON text."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^\w[\w .'-]*$")]
"""Of a new account: it stands in journals, so nothing that looks like something else."""


class View(BaseModel):
    """What a page sends or receives: nothing beyond its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(View):
    """Why a request was refused, in words for the officer."""

    detail: str


class Login(View):
    """Name and password."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    password: Secret


class PasswordChange(View):
    """The present password and the new one; `name` is what the first account shall be called by its owner."""

    current: Secret
    new: Secret
    name: Name | None = None


class SessionView(View):
    """Who is signed in; `officer` is None for nobody. `may` says what to show; the console asks again each time.

    `since` is when this officer came to the station; after `watch_s` the page asks for relief. `may_rename` marks the
    first account until its owner has named it. `second_officer` is needed never, to "override" or for each "release".
    `provider` is what the site calls its identity provider. `escalations_only`: this is a second station.
    """

    officer: str | None
    role: str = ""
    must_change: bool = False
    idle_ends: datetime | None = None
    shift_ends: datetime | None = None
    may: tuple[May, ...] = ()
    since: datetime | None = None
    watch_s: float = 0.0
    may_rename: bool = False
    second_officer: str = "never"
    provider: str = ""
    escalations_only: bool = False


class Proof(View):
    """A password, or a passkey's signature, that shows who is there. `name` goes with the password of another."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""
    password: Secret | None = None
    credential: Credential | None = None


class DecisionBody(View):
    """An officer's decision about the referred traveller of a lane, with the proofs a release may take."""

    passage_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    action: OfficerAction
    reason: Reason
    visual_check: bool = False
    proof: Proof | None = None
    second: Proof | None = None


class ServiceBody(View):
    """Take a lane out of service, or back."""

    in_service: bool
    reason: Reason


class BlockBody(View):
    """Let no new passage start, or let them start again."""

    blocked: bool
    reason: Reason


class Answer(View):
    """What the lane said to a request."""

    accepted: bool
    message: str


class LastKnown(View):
    """What was last known of a lane that cannot be reached: nothing personal, but whether somebody was held."""

    lane_id: str
    at: datetime
    phase: str
    held: bool
    inside: bool
    simulated: bool


class LaneStatus(View):
    """One lane as the console sees it. `snapshot` is None unless the lane is reachable: stale data looks like fresh.

    `watch` stands in its place for a post that only watches.
    """

    kind: Literal["lane"] = "lane"
    lane: str
    reachable: bool
    since: datetime
    problem: str
    snapshot: LaneSnapshot | None
    watch: WatchSnapshot | None = None
    last: LastKnown | None


class Pulse(View):
    """Sent every two seconds, so that the page notices a console that hangs."""

    kind: Literal["pulse"] = "pulse"
    at: datetime
    session_ends: datetime


class SignedOut(View):
    """The session has ended; nothing follows."""

    kind: Literal["signed_out"] = "signed_out"


GuardEvent = Annotated[LaneStatus | Pulse | SignedOut, Field(discriminator="kind")]


class TravellerView(View):
    """All a traveller display learns: of a document the languages of its state and nothing else.

    `connected` is False while the console has no contact with the lane, `attending` True while a passage lasts.
    """

    kind: Literal["traveller"] = "traveller"
    lane: str
    connected: bool
    step: Step
    advice: Advice | None = None
    attending: bool = False
    languages: tuple[str, ...] = ()
    simulated: bool
    grade: str


def lane_status(lane: str, state: LaneState) -> LaneStatus:
    """The guard's view of a lane's state."""
    snapshot = state.snapshot
    last = None
    if snapshot is not None:
        referral = snapshot.passage.referral if snapshot.passage else None
        last = LastKnown(
            lane_id=snapshot.lane_id,
            at=snapshot.at,
            phase=snapshot.phase,
            held=referral is not None,
            inside=snapshot.occupied or (referral is not None and referral.inside),
            simulated=snapshot.simulated,
        )
    elif (watch := state.watch) is not None:
        last = LastKnown(
            lane_id=watch.lane_id, at=watch.at, phase=WATCHING, held=False, inside=False, simulated=watch.simulated
        )
    return LaneStatus(
        lane=lane,
        reachable=state.reachable,
        since=state.since,
        problem=state.problem,
        snapshot=snapshot if state.reachable else None,
        watch=state.watch if state.reachable else None,
        last=None if state.reachable else last,
    )


def traveller_view(lane: str, state: LaneState) -> TravellerView:
    """The traveller's view; a lane that cannot be reached is out of service and nothing is known of its traveller."""
    snapshot = state.snapshot
    if snapshot is None:
        return TravellerView(lane=lane, connected=False, step=Step.OUT_OF_SERVICE, simulated=False, grade="")
    grade = snapshot.pack.grade if snapshot.pack else ""
    if not state.reachable:
        return TravellerView(
            lane=snapshot.lane_id,
            connected=False,
            step=Step.OUT_OF_SERVICE,
            simulated=snapshot.simulated,
            grade=grade,
        )
    document = snapshot.passage.document if snapshot.passage else None
    return TravellerView(
        lane=snapshot.lane_id,
        connected=True,
        # Somebody may have been inside when it stopped: "closed, use another lane" would be no help.
        step=Step.PLEASE_WAIT if snapshot.phase == _STARTING else snapshot.step,
        advice=snapshot.advice,
        attending=snapshot.phase not in _RESTING,
        languages=languages_of(document.issuing_state) if document else (),
        simulated=snapshot.simulated,
        grade=grade,
    )
