"""The messages on the control socket, as pydantic models. This is the only part of the appliance a console knows.

A lane pushes a whole `LaneSnapshot` whenever anything in it changes (`revision` grows by one); images travel beside
it, on request, by (passage, channel). Nothing here is kept on disk by the console.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from appliance.control.base import Id, WireModel
from appliance.control.looks import SetupView

# Consoles may not import the core: they take these words from here.
from appliance.core.types import Advice as Advice
from appliance.core.types import CheckName as CheckName
from appliance.core.types import Door as Door
from appliance.core.types import DoorPosition as DoorPosition
from appliance.core.types import InspectionStep as InspectionStep
from appliance.core.types import OfficerAction as OfficerAction
from appliance.core.types import Outcome as Outcome
from appliance.core.types import Result as Result
from appliance.core.types import Step as Step
from appliance.core.types import Topology as Topology


class DoorView(WireModel):
    """One door: what its contact says and whether its release is energised."""

    door: Door
    position: DoorPosition
    released: bool


class FaultView(WireModel):
    """An active fault of the catalogue."""

    code: int
    title: str
    advice: str
    severity: Literal["notice", "degraded", "critical"]
    device: str
    since: datetime


class CheckView(WireModel):
    """One check of the decision, failing ones first."""

    name: CheckName
    result: Result
    reason: str
    detail: str = ""


class InspectionView(WireModel):
    """One step of the document's inspection; `reasons` are sentences, the gravest first, none where it is in order."""

    step: InspectionStep
    result: Result
    reasons: tuple[str, ...] = ()


class DocumentView(WireModel):
    """What the guard may read of the document while the passage lasts, and how its inspection went."""

    document_type: str
    issuing_state: str
    document_number: str
    surname: str
    given_names: str
    nationality: str
    date_of_birth: date | None
    sex: str
    date_of_expiry: date | None
    inspection: tuple[InspectionView, ...] = ()


class ImageView(WireModel):
    """An image that can be fetched: the channel ("portrait", "rgb", "850", "940", "map", "live") and its version.

    `eyes` are the pixel centres of both eyes (x, y of the image's left, then right), for showing faces at one scale.
    """

    channel: str
    version: int
    label: str
    eyes: tuple[float, float, float, float] | None = None


class CareView(WireModel):
    """The officer who has seen a referral or keeps its traveller, and since when."""

    officer: str
    since: datetime


class ReferralView(WireModel):
    """Why the traveller is held and what the officer may do.

    At `ends` the lane escalates it, or, escalated already, gives up and lets the traveller back out. `retries` is how
    often the traveller may still be verified again.
    """

    since: datetime
    ends: datetime | None = None
    escalated: bool
    inside: bool
    actions: tuple[OfficerAction, ...]
    needs_visual_check: bool
    suspected_attack: bool
    retries: int = 0
    seen: CareView | None = None
    held: CareView | None = None


class AttemptView(WireModel):
    """An earlier verification of the same passage, after which an officer had it done again."""

    decided: datetime
    checks: tuple[CheckView, ...]


class PassageView(WireModel):
    """The passage under way, or the last one until its data is forgotten.

    `irregularities` are sentences for the guard on the document's portrait; no traveller is shown them. `enrolled_as`
    is the gallery's label of whoever's card was read or whose face was found, "" where there is none.
    """

    passage_id: str
    started: datetime
    document: DocumentView | None
    irregularities: tuple[str, ...] = ()
    enrolled_as: str = ""
    checks: tuple[CheckView, ...]
    earlier: tuple[AttemptView, ...] = ()
    images: tuple[ImageView, ...]
    referral: ReferralView | None
    outcome: Outcome | None


class PackView(WireModel):
    """The face matcher in use; `grade` is shown on every screen."""

    pack_id: str
    title: str
    grade: Literal["production", "development grade"]
    metric: Literal["cosine", "l2"]
    threshold: float
    threshold_source: str


class DeviceView(WireModel):
    """A device of the lane and what is known of it: "unknown" until it has answered, and while what it is seen through
    does not.

    `name` is the device's in faults ("camera.nir"), `bands` what a camera sees or an illuminator lights; `severity` is
    that of its worst active fault, None without one.
    """

    name: str
    kind: Literal["camera", "illumination", "gate", "reader", "presence"]
    bands: tuple[str, ...] = ()
    state: Literal["unknown", "well", "fault"]
    severity: Literal["notice", "degraded", "critical"] | None = None


class ModeView(WireModel):
    """The operating mode (ICAO 9303-2 D.7), derived from the configuration and never set by itself.

    "high_security": every check is mandatory, a guard must watch, a medical mask comes off. `relaxed` says in sentences
    what is not so; then it is "high_convenience".
    """

    name: Literal["high_security", "high_convenience"]
    relaxed: tuple[str, ...] = ()


class BlockView(WireModel):
    """Who lets no new passage start in a lane, and why."""

    officer: str
    reason: str


class LaneSnapshot(WireModel):
    """Everything a console shows of one lane. `advice` is what the traveller can do better; `mode` is None and
    `devices` empty where the lane does not tell.

    `closed_by_hand`: somebody took it out of service; nothing but somebody brings it back.
    """

    kind: Literal["snapshot"] = "snapshot"
    lane_id: str
    revision: int
    at: datetime
    simulated: bool
    topology: Topology
    phase: str
    phase_since: datetime
    phase_ends: datetime | None
    step: Step
    advice: Advice | None = None
    in_service: bool
    mode: ModeView | None = None
    devices: tuple[DeviceView, ...] = ()
    blocked: BlockView | None = None
    doors: tuple[DoorView, ...]
    occupied: bool
    faults: tuple[FaultView, ...]
    passage: PassageView | None
    pack: PackView | None
    journal_sequence: int
    evidence_label: str = "Liveness: simulated bands; no attack species has been measured on this installation."
    closed_by_hand: bool = False
    setup: SetupView | None = None


class ObservedCameraView(WireModel):
    """A network camera that is watched. Its pictures are never shown as live: the link is what is known of it.

    `faces` were in the picture last judged; 0 unless the link is live.
    """

    name: str
    link: Literal["connecting", "live", "lost"]
    since: datetime
    problem: str = ""
    faces: int = 0


class AlertView(WireModel):
    """A face of which `hits` of `of` pictures say `words`; `score` 0 to 1 is the detector's. `ended` is None in view.

    Its still is the image ("face") of the alert's id, until the alert goes.
    """

    alert_id: Id
    camera: str
    raised: datetime
    ended: datetime | None
    because: str
    acknowledged_by: str
    score: float
    hits: int
    of: int
    words: str
    limit: str


class WatchSnapshot(WireModel):
    """Everything a console shows of a post that only watches. `missed` alerts found no room since the start."""

    kind: Literal["watch"] = "watch"
    lane_id: str
    revision: int
    at: datetime
    simulated: bool
    cameras: tuple[ObservedCameraView, ...]
    alerts: tuple[AlertView, ...]
    missed: int
    journal_sequence: int


class AcknowledgeRequest(WireModel):
    """An officer has seen an alert."""

    kind: Literal["acknowledge"] = "acknowledge"
    request_id: Id
    alert_id: Id
    officer: str = Field(min_length=1, max_length=64)


class OfficerRequest(WireModel):
    """An officer decides about the referred traveller. `reason` is mandatory and journalled with the officer's name.

    `second_officer` has confirmed it too, where the console's policy asks for one.
    """

    kind: Literal["decide"] = "decide"
    request_id: Id
    passage_id: Id
    action: OfficerAction
    officer: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=3, max_length=500)
    visual_check: bool = False
    second_officer: str = Field(default="", max_length=64)


class HandOverRequest(WireModel):
    """One officer leaves the station to another, with whoever is held. The lane journals it; nothing else changes."""

    kind: Literal["hand_over"] = "hand_over"
    request_id: Id
    officer: str = Field(min_length=1, max_length=64)
    successor: str = Field(min_length=1, max_length=64)
    note: str = Field(max_length=500)
    held: str = Field(default="", max_length=64)


class ServiceRequest(WireModel):
    """An officer takes the lane out of service, brings it back, or resets it after an emergency."""

    kind: Literal["service"] = "service"
    request_id: Id
    in_service: bool
    officer: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=3, max_length=500)


class BlockRequest(WireModel):
    """An officer lets no new passage start in the lane, or lets them start again; the present one goes on."""

    kind: Literal["block"] = "block"
    request_id: Id
    blocked: bool
    officer: str = Field(min_length=1, max_length=64)
    reason: str = Field(min_length=3, max_length=500)


class Reply(WireModel):
    """The lane's answer to a request. `accepted` False carries the reason in `message`."""

    kind: Literal["reply"] = "reply"
    request_id: str
    accepted: bool
    message: str = ""


class ImageRequest(WireModel):
    """Fetch an image of the current passage; answered by an `ImageReply` with one blob (JPEG or PNG)."""

    kind: Literal["image"] = "image"
    request_id: Id
    passage_id: Id
    channel: Id


class ImageReply(WireModel):
    """Header of an image; the bytes follow as the message's blob, empty when there is no such image (any more)."""

    kind: Literal["image_reply"] = "image_reply"
    request_id: str
    media_type: str


class Hello(WireModel):
    """First message of a console: `guard` True counts as a guard who watches the lane (heartbeat every 2 s)."""

    kind: Literal["hello"] = "hello"
    console: str
    guard: bool


class Heartbeat(WireModel):
    """A console is alive; `watching` tells whether a logged-in guard has the page open.

    The lane answers each heartbeat with its current snapshot (same revision if nothing changed), so that a lane that
    hangs with its socket open shows on the console within seconds.
    """

    kind: Literal["heartbeat"] = "heartbeat"
    watching: bool


FromConsole = Annotated[
    Hello
    | Heartbeat
    | OfficerRequest
    | ServiceRequest
    | BlockRequest
    | AcknowledgeRequest
    | HandOverRequest
    | ImageRequest,
    Field(discriminator="kind"),
]
FromLane = Annotated[LaneSnapshot | WatchSnapshot | Reply | ImageReply, Field(discriminator="kind")]
