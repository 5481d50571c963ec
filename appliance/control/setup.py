"""What a maintainer asks of a lane: to test itself, to show what its cameras see, and how it is set up.

Nothing here changes a setting: thresholds, time-outs and devices stand in the lane's configuration file, and each
answer names the key. Nothing here moves a door.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from appliance.control.base import Id, WireModel
from appliance.control.messages import Result

LookId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{8,64}$")]
"""Chosen by the page that looks."""
Channel = Annotated[str, Field(pattern=r"^(rgb|dark\.(nir|swir)|[0-9]{3,4})$")]
"""The visible picture, the dark frame of a switched camera, or a band."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class SelfTestOrder(WireModel):
    """Test every device, but release no door."""

    do: Literal["self_test"] = "self_test"


class LookOrder(WireModel):
    """Show a channel from now on, and measure a window the size of a face whose middle lies `at` (shares across, down).

    Again with the same id: look at something else, two minutes anew.
    """

    do: Literal["look"] = "look"
    look_id: LookId
    channel: Channel
    at: tuple[Share, Share] = (0.5, 0.5)


class StopOrder(WireModel):
    """End the look of this id, or the self-test when it names none."""

    do: Literal["stop"] = "stop"
    look_id: LookId | None = None


class SetupRequest(WireModel):
    """A maintainer's order, granted only while the lane was taken out of service by hand and is empty."""

    kind: Literal["setup"] = "setup"
    request_id: Id
    officer: str = Field(min_length=1, max_length=64)
    order: Annotated[SelfTestOrder | LookOrder | StopOrder, Field(discriminator="do")]


class SelfTestQuestion(WireModel):
    """How the last self-test went, or goes."""

    about: Literal["self_test"] = "self_test"


class SetupQuestion(WireModel):
    """How this lane is set up."""

    about: Literal["setup"] = "setup"


class Proof(WireModel):
    """One thing that was tried, in the five result words, and what was seen."""

    part: str
    what: str
    result: Result
    seen: str


class SelfTestState(WireModel):
    """The proofs of the last self-test, in order; `officer` is empty before the first."""

    about: Literal["self_test"] = "self_test"
    officer: str
    started: datetime | None
    ended: datetime | None
    words: str
    proofs: tuple[Proof, ...]


class LastFault(WireModel):
    """The newest fault of a device since the lane was started."""

    code: int
    title: str
    detail: str
    since: datetime
    active: bool


class ConfiguredDevice(WireModel):
    """A device of the configuration: `key` is its section, `at` where it is reached.

    `link` is "up" when it has answered and no fault of its own stands; "unknown" before it ever has. Who it is, is None
    where nobody has told yet.
    """

    device: str
    key: str
    kind: str
    at: str
    simulated: bool
    link: Literal["up", "lost", "unknown"]
    model: str | None
    firmware: str | None
    serial_number: str | None
    verified_on_hardware: bool
    fault: LastFault | None


class Setting(WireModel):
    """A value of the configuration. `given` tells whether the file says so, or it is the value of the release."""

    key: str
    value: str
    given: bool
    words: str


class Evidence(WireModel):
    """Figures a matcher's threshold rests on: of `n` comparisons of different people, at the stated false match rate.

    `tar` is the share of `genuine` comparisons accepted at it, with its interval (95 %).
    """

    dataset: str
    date: str
    report: str
    software: str
    n: int
    genuine: int
    people: int
    tar: float | None
    tar_low: float | None
    tar_high: float | None


class MatcherThreshold(WireModel):
    """A threshold of the face comparison. `fmr` None: no false match rate is stated, and the words say why."""

    title: str
    key: str
    metric: str
    threshold: float
    fmr: float | None
    in_use: bool
    words: str
    evidence: Evidence | None


class DetectorLimit(WireModel):
    """A limit of the liveness check: up to `accept` like skin, above `attack` not, undetermined between."""

    name: str
    accept: float
    attack: float


class DetectorEvidence(WireModel):
    """Claims of one data set for these bands; `worst` is the species of which most may pass (upper bound, 95 %)."""

    kind: Literal["measured", "simulated"]
    same_detector: bool
    dataset: str
    made_on: str
    bona_fide_n: int
    bona_fide_failed: int
    species_tested: int
    attacks: int
    worst: str
    worst_upper: float | None


class DetectorThresholds(WireModel):
    """The liveness detector in use. `problem` says why there is none."""

    title: str
    key: str
    version: str
    sha256: str
    kind: str
    learned_on: str
    limits: tuple[DetectorLimit, ...]
    evidence: tuple[DetectorEvidence, ...]
    problem: str


class QualityLimit(WireModel):
    """A limit of the face image quality, 0 (bad) to 100 (good), and what it rests on. Part of the release."""

    measure: str
    least: float
    words: str


class CheckRule(WireModel):
    """Whether a check must succeed here, and in words what decides that."""

    name: str
    mandatory: bool
    words: str


class Kept(WireModel):
    """Something that could be kept, and what becomes of it here; `now` is what lies there, as far as it is known."""

    what: str
    where: str
    until: str
    now: str


class SetupAnswer(WireModel):
    """The whole set-up as the lane runs it. `trust` says in words what the authenticity of documents rests on here."""

    about: Literal["setup"] = "setup"
    lane_id: str
    simulated: bool
    site: str
    topology: str
    bands: tuple[str, ...]
    channels: tuple[str, ...]
    devices: tuple[ConfiguredDevice, ...]
    matcher: tuple[MatcherThreshold, ...]
    detectors: tuple[DetectorThresholds, ...]
    quality: tuple[QualityLimit, ...]
    checks: tuple[CheckRule, ...]
    timeouts: tuple[Setting, ...]
    settings: tuple[Setting, ...]
    trust: tuple[str, ...]
    retention: tuple[Kept, ...]
