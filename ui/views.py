"""What the console's pages receive and send, beside the lane's own messages."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.control.client import LaneState
from appliance.control.messages import Advice, LaneSnapshot, OfficerAction, Step, WatchSnapshot

WATCHING = "Watching"
"""The phase of what has none: a post that only watches."""
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(_View):
    """Why a request was refused, in words for the officer."""

    detail: str


class Login(_View):
    """Name and password."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    password: Secret


class PasswordChange(_View):
    """The present password and the new one."""

    current: Secret
    new: Secret


class SessionView(_View):
    """Who is signed in; `officer` is None for nobody."""

    officer: str | None
    role: str = ""
    must_change: bool = False
    idle_ends: datetime | None = None
    shift_ends: datetime | None = None


class DecisionBody(_View):
    """An officer's decision about the referred traveller of a lane."""

    passage_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    action: OfficerAction
    reason: Reason
    visual_check: bool = False


class ServiceBody(_View):
    """Take a lane out of service, or back."""

    in_service: bool
    reason: Reason


class Answer(_View):
    """What the lane said to a request."""

    accepted: bool
    message: str


class LastKnown(_View):
    """What was last known of a lane that cannot be reached: nothing personal, but whether somebody was held."""

    lane_id: str
    at: datetime
    phase: str
    held: bool
    inside: bool
    simulated: bool


class LaneStatus(_View):
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


class Pulse(_View):
    """Sent every two seconds, so that the page notices a console that hangs."""

    kind: Literal["pulse"] = "pulse"
    at: datetime
    session_ends: datetime


class SignedOut(_View):
    """The session has ended; nothing follows."""

    kind: Literal["signed_out"] = "signed_out"


GuardEvent = Annotated[LaneStatus | Pulse | SignedOut, Field(discriminator="kind")]


class TravellerView(_View):
    """All a traveller display learns."""

    kind: Literal["traveller"] = "traveller"
    lane: str
    step: Step
    advice: Advice | None = None
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
    """The traveller's view; a lane that cannot be reached is out of service."""
    snapshot = state.snapshot
    if snapshot is None:
        return TravellerView(lane=lane, step=Step.OUT_OF_SERVICE, simulated=False, grade="")
    return TravellerView(
        lane=snapshot.lane_id,
        step=snapshot.step if state.reachable else Step.OUT_OF_SERVICE,
        advice=snapshot.advice if state.reachable else None,
        simulated=snapshot.simulated,
        grade=snapshot.pack.grade if snapshot.pack else "",
    )
