"""Questions about what is past, and their answers: all a console learns of a lane's journal, store and claims.

A console opens no database. Every answer is bounded (a page of rows, a window of time) and holds what was journalled:
results, reasons and officers, never a traveller's identity. What comes from the store is text as it was written,
because a journal outlives the words of the release that reads it.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from appliance.control.base import Id, WireModel
from appliance.control.messages import CheckName, FromConsole, FromLane, Outcome, Result
from appliance.control.setup import SelfTestQuestion, SelfTestState, SetupAnswer, SetupQuestion, SetupRequest

MAX_ROWS = 100
MAX_DAYS = 31
Words = Annotated[str, Field(max_length=100)]


class PassagesQuestion(WireModel):
    """Passages, newest first, that began before `before` (the cursor of the page before: time and id).

    `check` alone: it did not succeed. `result` alone: any check ended so. `words` are looked for in the reasons.
    """

    about: Literal["passages"] = "passages"
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    outcome: Outcome | Literal["under_way"] | None = None
    check: CheckName | None = None
    result: Result | None = None
    officer: Id | None = None
    words: Words = ""
    before: tuple[AwareDatetime, Id] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 50


class JournalQuestion(WireModel):
    """Journal records, newest first, with a number below `before`; `kind` is what their kind begins with."""

    about: Literal["journal"] = "journal"
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    kind: Annotated[str, Field(max_length=64)] = ""
    passage_id: Id | None = None
    words: Words = ""
    before: Annotated[int, Field(ge=1, le=2**62)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 50


class StatisticsQuestion(WireModel):
    """Counts of the passages that began in a window of at most `MAX_DAYS` days."""

    about: Literal["statistics"] = "statistics"
    since: AwareDatetime
    until: AwareDatetime


class DevicesQuestion(WireModel):
    """Faults and identities of the devices in a window of at most `MAX_DAYS` days."""

    about: Literal["devices"] = "devices"
    since: AwareDatetime
    until: AwareDatetime


class VersionsQuestion(WireModel):
    """What runs here."""

    about: Literal["versions"] = "versions"


class ClaimsQuestion(WireModel):
    """What the installed bands and the matcher have been measured against."""

    about: Literal["claims"] = "claims"


class VerifyQuestion(WireModel):
    """How the check of the hash chain stands; `start` begins one. `expect` is an earlier head, `SEQ:HASH`."""

    about: Literal["verify"] = "verify"
    start: bool = False
    expect: Annotated[str, Field(pattern=r"^(\d{1,18}:[0-9a-f]{64})?$")] = ""


Question = Annotated[
    PassagesQuestion
    | JournalQuestion
    | StatisticsQuestion
    | DevicesQuestion
    | VersionsQuestion
    | ClaimsQuestion
    | VerifyQuestion
    | SetupQuestion
    | SelfTestQuestion,
    Field(discriminator="about"),
]


class CheckRecord(WireModel):
    """One check as it was decided on."""

    name: str
    result: str
    reason: str
    detail: str


class DecisionRecord(WireModel):
    """One decision; the machine's has no officer. `sequence` is its record in the journal."""

    sequence: int
    decided: datetime
    admit: bool
    officer: str | None
    action: str | None
    reason: str | None
    checks: tuple[CheckRecord, ...]


class PassageRecord(WireModel):
    """One passage, whole; `ended` and `outcome` are None while it is under way."""

    passage_id: str
    started: datetime
    ended: datetime | None
    outcome: str | None
    topology: str
    pack_id: str
    simulated: bool
    decisions: tuple[DecisionRecord, ...]


class Passages(WireModel):
    """A page; `before` is the cursor of the next one, None at the end."""

    about: Literal["passages"] = "passages"
    rows: tuple[PassageRecord, ...]
    before: tuple[datetime, str] | None


class JournalLine(WireModel):
    """One record; `payload` is its canonical JSON, `hash` its place in the chain (hexadecimal), unverified."""

    sequence: int
    at: datetime
    kind: str
    payload: str
    hash: str


class Journal(WireModel):
    """A page; `before` is the cursor of the next one. A page may be short although more follows: scans are bounded."""

    about: Literal["journal"] = "journal"
    lines: tuple[JournalLine, ...]
    before: int | None


class HourCounts(WireModel):
    """Passages that began in one hour (UTC) and ended alike (`outcome` None: under way).

    `decided` got a decision of the machine; of these `judged` had their liveness judged, `suspected` failed it, and in
    `face_open` some check of the face did not succeed.
    """

    hour: datetime
    outcome: str | None
    passages: int
    decided: int
    judged: int
    suspected: int
    face_open: int


class ReasonCount(WireModel):
    """How often the machine did not admit for this."""

    check: str
    result: str
    reason: str
    count: int


class StepTimes(WireModel):
    """Seconds that a phase of a passage lasted, over `n` of them; "Passage" is the whole of it."""

    phase: str
    n: int
    p50: float
    p95: float
    longest: float


class Statistics(WireModel):
    """Counts alone: rates and their intervals are the reader's, who may have several lanes."""

    about: Literal["statistics"] = "statistics"
    hours: tuple[HourCounts, ...]
    reasons: tuple[ReasonCount, ...]
    steps: tuple[StepTimes, ...]


class FaultSpan(WireModel):
    """A fault from when it was raised; `cleared` None: active, or the window ends before. `by_restart`: the lane began
    anew, which forgets faults.
    """

    code: int
    title: str
    device: str
    detail: str
    raised: datetime
    cleared: datetime | None
    by_restart: bool


class DeviceRecord(WireModel):
    """Who answered at a device's place, from then on."""

    device: str
    model: str
    firmware: str
    serial_number: str
    verified_on_hardware: bool
    since: datetime


class Devices(WireModel):
    """Newest first; `truncated` when there was more than is told."""

    about: Literal["devices"] = "devices"
    identities: tuple[DeviceRecord, ...]
    faults: tuple[FaultSpan, ...]
    truncated: bool


class Component(WireModel):
    """Something that runs here; `sha256` of its file where it is one."""

    part: str
    name: str
    version: str
    sha256: str


class Versions(WireModel):
    """Software, models, detector and signed papers of the lane."""

    about: Literal["versions"] = "versions"
    components: tuple[Component, ...]


class SpeciesClaim(WireModel):
    """Attack presentations of one species: `accepted` of `n` passed. The bounds (95 %) are None when untested."""

    species: str
    title: str
    n: int
    accepted: int
    undetermined: int
    no_response: int
    lower: float | None
    upper: float | None


class BandClaim(WireModel):
    """One data set judged with the installed bands: species worst first, the untested behind."""

    kind: Literal["measured", "simulated"]
    dataset: str
    source: str
    protocol: str
    detector: str
    same_detector: bool
    made_on: str
    bona_fide_n: int
    bona_fide_failed: int
    bona_fide_upper: float
    species: tuple[SpeciesClaim, ...]


class FaceClaim(WireModel):
    """Figures of one matcher on one set of photographs at one false match rate; None where n does not support it."""

    pack_id: str
    title: str
    installed: bool
    dataset: str
    masked: bool
    genuine: int
    impostor: int
    fmr: float
    threshold: float | None
    tar: float | None
    tar_low: float | None
    tar_high: float | None


class ClaimsAnswer(WireModel):
    """What is claimed. `untested` are the species no data set has for these bands, in the words of the vocabulary."""

    about: Literal["claims"] = "claims"
    band_set: str
    simulated: bool
    label: str
    bands: tuple[BandClaim, ...]
    untested: tuple[str, ...]
    faces: tuple[FaceClaim, ...]


class VerifyState(WireModel):
    """The check of the chain: `intact` None until one has ended; `words` are what it said, to be kept elsewhere."""

    about: Literal["verify"] = "verify"
    running: bool
    started: datetime | None
    ended: datetime | None
    intact: bool | None
    words: str


Answer = Annotated[
    Passages | Journal | Statistics | Devices | Versions | ClaimsAnswer | VerifyState | SetupAnswer | SelfTestState,
    Field(discriminator="about"),
]


class HistoryRequest(WireModel):
    """Ask; answered by a `HistoryReply`."""

    kind: Literal["history"] = "history"
    request_id: Id
    question: Question


class HistoryReply(WireModel):
    """The answer, or in `problem` why there is none."""

    kind: Literal["history_reply"] = "history_reply"
    request_id: str
    answer: Answer | None = None
    problem: str = ""


ConsoleSays = Annotated[FromConsole | HistoryRequest | SetupRequest, Field(discriminator="kind")]
LaneSays = Annotated[FromLane | HistoryReply, Field(discriminator="kind")]
