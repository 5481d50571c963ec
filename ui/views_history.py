"""What the pages about the past receive and send, beside the lane's own answers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from appliance.control.history import (
    MAX_ROWS,
    HourCounts,
    JournalQuestion,
    PassageRecord,
    PassagesQuestion,
    ReasonCount,
    StepTimes,
)
from appliance.control.messages import CheckName, Outcome, Result

Name = Annotated[str, StringConstraints(max_length=64)]
Words = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PassageFilter(_View):
    """Which passages; "" and None do not narrow. `lane` "" is every lane of this console."""

    lane: Name = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    outcome: Outcome | Literal["under_way", ""] = ""
    check: CheckName | Literal[""] = ""
    result: Result | Literal[""] = ""
    officer: Name = ""
    words: Words = ""

    def question(self, before: tuple[datetime, str] | None, limit: int) -> PassagesQuestion:
        """The same for a lane."""
        return PassagesQuestion(
            since=self.since,
            until=self.until,
            outcome=self.outcome or None,
            check=self.check or None,
            result=self.result or None,
            officer=self.officer or None,
            words=self.words,
            before=before,
            limit=limit,
        )


class PassagePageQuery(PassageFilter):
    """A page of passages: those before a passage that began at `before_time`."""

    before_time: AwareDatetime | None = None
    before_id: Name = ""
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 50

    @property
    def before(self) -> tuple[datetime, str] | None:
        """The cursor."""
        return None if self.before_time is None else (self.before_time, self.before_id)


class JournalQuery(_View):
    """A page of a lane's journal."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    kind: Name = ""
    passage_id: Name = ""
    words: Words = ""
    before: Annotated[int, Field(ge=1, le=2**53)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 50

    def question(self) -> JournalQuestion:
        """The same for a lane."""
        return JournalQuestion(**self.model_dump() | {"passage_id": self.passage_id or None})


class Window(_View):
    """A stretch of time."""

    since: AwareDatetime
    until: AwareDatetime


class StatisticsQuery(Window):
    """`lane` "" is every lane of this console."""

    lane: Name = ""


class VerifyBody(_View):
    """Begin a check of the chain, against an earlier head if there is one."""

    expect: Annotated[str, StringConstraints(pattern=r"^(\d{1,18}:[0-9a-f]{64})?$", strip_whitespace=True)] = ""


class MissingLane(_View):
    """A lane that gave no answer, and why: what it would have said is not on the page."""

    lane: str
    problem: str


class LanePassage(_View):
    """A passage and where it was."""

    lane: str
    passage: PassageRecord


class PassagePage(_View):
    """Passages of all lanes asked, newest first; `more` when others follow the last."""

    rows: tuple[LanePassage, ...]
    more: bool
    missing: tuple[MissingLane, ...]


RateName = Literal["suspected", "overruled", "overruled_face"]


Per = Literal["hour", "day"]


class RateView(_View):
    """`count` of `n` with both 95 % bounds (Clopper and Pearson); of all lanes or of the whole time where None."""

    name: RateName
    lane: str | None
    begins: datetime | None
    count: int
    n: int
    low: float
    high: float


class LaneStatistics(_View):
    """Counts of one lane."""

    lane: str
    hours: tuple[HourCounts, ...]
    reasons: tuple[ReasonCount, ...]
    steps: tuple[StepTimes, ...]


class StatisticsView(_View):
    """What the plots are drawn from; rates over time are per hour, in long windows per day (UTC)."""

    per: Per
    lanes: tuple[LaneStatistics, ...]
    rates: tuple[RateView, ...]
    missing: tuple[MissingLane, ...]
