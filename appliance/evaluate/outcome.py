"""What became of each presentation: one row a presentation, as JSON lines, from which every figure is computed.

A file holds one run: its first line says what was tested on what (`RunHeader`), the others are `Outcome`. A report can
be made again from the files without running anything. Not responsible for judging (`run`) nor counting (`figures`).
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from appliance.core.types import Result
from appliance.evaluate.species import BONA_FIDE, VOCABULARY
from appliance.liveness.channels import channels_of

FORMAT: Final = "sallyport-outcomes-1"
COVERING: Final = "medical_mask"
"""The group that says whether a mask covers the lower face."""
Kind = Literal["simulated", "measured"]
Protocol = Literal["leave-one-species-out", "species-known", "shipped"]


class OutcomesError(Exception):
    """The rows cannot be used; the message names the file and says what is wrong with it."""


def covered(groups: Mapping[str, str]) -> bool:
    """Whether a mask covers the lower face: it has to come off before anything can be judged."""
    return groups.get(COVERING, "no") not in ("no", "none")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Stated(_Strict):
    """Bona fide presentations of the site the threshold comes from, not used to learn: the error rate it promises."""

    n: Annotated[int, Field(ge=0)]
    failed: Annotated[int, Field(ge=0)]
    undetermined: Annotated[int, Field(ge=0)]
    site: str

    @model_validator(mode="after")
    def _adds_up(self) -> "Stated":
        if self.failed + self.undetermined > self.n:
            raise ValueError("more errors than presentations")
        return self


class RunHeader(_Strict):
    """What was tested: a detector for one band set on one data set.

    `fold_bpcer` are the shares of bona fide presentations classified as attacks by the detector of each fold, by the
    species left out. `made_at` is UTC, ISO 8601.
    """

    format: Literal["sallyport-outcomes-1"] = FORMAT
    kind: Kind
    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    source: str
    band_set: str
    protocol: Protocol
    detector: str
    made_at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT")]
    train_set: str | None = None
    matcher: str | None = None
    stated: Stated | None = None
    fold_bpcer: dict[str, float] = {}

    @field_validator("band_set")
    @classmethod
    def _named(cls, name: str) -> str:
        channels_of(name)
        return name


class Outcome(_Strict):
    """One presentation and what became of it.

    `result`: SUCCESSFUL was taken for bona fide, FAILED for an attack, UNDETERMINED referred; NOT_PERFORMED is a
    non-response: no face found, or a capture nothing can be said of. `score` grows towards bona fide, `threshold` is
    what it was held against. `compared` is whether the matcher took the face for the one it should be, None when it was
    not asked. `shown` are features kept for plots.
    """

    record: str
    species: str
    subject: str
    result: Result
    reason: str = ""
    score: float | None = None
    threshold: float | None = None
    one_class: float | None = None
    seconds: float = 0.0
    compared: bool | None = None
    groups: dict[str, str] = {}
    conditions: dict[str, float | str] = {}
    shown: dict[str, float] = {}

    @field_validator("species")
    @classmethod
    def _known(cls, name: str) -> str:
        if name != BONA_FIDE and name not in VOCABULARY:
            raise ValueError(f"unknown species {name!r}")
        return name

    @field_validator("result")
    @classmethod
    def _possible(cls, result: Result) -> Result:
        if result is Result.ABORTED:
            raise ValueError("an evaluation knows no aborted presentation")
        return result

    @property
    def bona_fide(self) -> bool:
        """Whether this was a bona fide presentation."""
        return self.species == BONA_FIDE

    @property
    def covered(self) -> bool:
        """Whether a mask covered the lower face."""
        return covered(self.groups)

    @property
    def responded(self) -> bool:
        """Whether the detector gave an answer, be it that it cannot tell."""
        return self.result is not Result.NOT_PERFORMED

    @property
    def accepted(self) -> bool:
        """Whether it was taken for bona fide. Nothing but SUCCESSFUL is."""
        return self.result is Result.SUCCESSFUL


class Run(_Strict):
    """One file of rows."""

    header: RunHeader
    outcomes: tuple[Outcome, ...]


def write(path: Path, header: RunHeader, outcomes: Sequence[Outcome]) -> None:
    """Write one run; a file that is there is replaced as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        for row in (header, *outcomes):
            file.write(row.model_dump_json(exclude_defaults=row is not header) + "\n")
    part.replace(path)


def read(path: Path) -> Run:
    """Read one run. Raises OutcomesError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OutcomesError(f"{path} cannot be read: {error}") from error
    if not lines:
        raise OutcomesError(f"{path} is empty")
    header = _line(RunHeader, path, 1, lines[0])
    outcomes = [_line(Outcome, path, number, line) for number, line in enumerate(lines[1:], 2)]
    if len({row.record for row in outcomes}) != len(outcomes):
        raise OutcomesError(f"{path}: two rows of the same presentation")
    return Run(header=header, outcomes=tuple(outcomes))


_Row = TypeVar("_Row", RunHeader, Outcome)


def _line(kind: type[_Row], path: Path, number: int, line: str) -> _Row:
    try:
        return kind.model_validate(json.loads(line))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise OutcomesError(f"{path}, line {number}: {place}: {problem['msg']}") from error
    except ValueError as error:
        raise OutcomesError(f"{path}, line {number}: not JSON: {error}") from error


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """The values that are numbers; what is missing must not become a zero."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}
