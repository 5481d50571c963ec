"""What may be claimed of the matcher packs: figures of `appliance evaluate faces`, kept in the package and shown.

The thresholds of the catalogue are those of these files. Not responsible for measuring (`faces`) nor for what liveness
may claim (`claims`).
"""

import json
from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.table import Table

from appliance.evaluate.claims import ClaimsError
from appliance.evaluate.claims_text import between_markers
from appliance.models.catalogue import OperatingPoint

BEGIN, END = "<!-- faces:begin -->", "<!-- faces:end -->"
SHOWN = (1e-3, 1e-4)
NONE = "Nothing is claimed of any matcher.\n"
Interval = tuple[float, float]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Rate(_Read):
    """So many of so many; the interval (95 %) is of the bootstrap over people where it says something."""

    count: Annotated[int, Field(ge=0)]
    n: Annotated[int, Field(ge=0)]
    value: float | None
    clopper_pearson_95: Interval | None
    bootstrap_subjects_95: Interval | None

    @property
    def interval(self) -> Interval | None:
        """The one to quote: people recur among comparisons."""
        return self.bootstrap_subjects_95 or self.clopper_pearson_95


class Threshold(_Read):
    """What was seen at the threshold of a false match rate; None where n does not support it."""

    target_fmr: float
    threshold: float | None
    fmr: Rate | None = None
    tar: Rate | None = None


class Compared(_Read):
    """Figures of one protocol."""

    protocol: str
    n_genuine: int
    n_impostor: int
    n_subjects: int
    thresholds: tuple[Threshold, ...]


class Acquired(_Read):
    """Failures to acquire of one kind of template."""

    view: str
    fta: Rate


class FaceReport(_Read):
    """What `appliance evaluate faces --json` writes, as far as it is shown."""

    pack_id: str
    pack_title: str
    recogniser_sha256: str
    dataset: str
    dataset_digest: str
    images: int
    masked: bool
    mask_method: str | None
    flip: bool
    software_version: str
    date: str
    acquisition: tuple[Acquired, ...]
    protocols: tuple[Compared, ...]

    @property
    def every(self) -> Compared:
        """Every image against every other. Raises ClaimsError."""
        for one in self.protocols:
            if one.protocol == "all":
                return one
        raise ClaimsError(f"{self.pack_id} on {self.dataset}: no figures of all against all")

    def at(self, fmr: float) -> OperatingPoint:
        """The operating point of a false match rate. Raises ClaimsError."""
        for one in self.every.thresholds:
            if one.target_fmr == fmr and one.threshold is not None and one.tar is not None:
                return OperatingPoint(one.threshold, fmr, one.tar.value or 0.0)
        raise ClaimsError(f"{self.pack_id} on {self.dataset}: n does not support FMR {fmr:g}")


def shipped() -> list[FaceReport]:
    """The reports of the package. Raises ClaimsError."""
    return read(resources.files("appliance.evaluate").joinpath("published_faces"))


def read(folder: Traversable) -> list[FaceReport]:
    """Every report of a folder (a Path will do): bare before masked, the best first. Raises ClaimsError."""
    if not folder.is_dir():
        return []
    found = [_one(entry) for entry in folder.iterdir() if entry.name.endswith(".json")]
    return sorted(found, key=lambda one: (one.masked, one.dataset, -one.at(SHOWN[0]).tar, one.pack_id))


def _one(entry: Traversable) -> FaceReport:
    try:
        return FaceReport.model_validate(json.loads(entry.read_text(encoding="utf-8")))
    except ValidationError as error:
        problem = error.errors()[0]
        raise ClaimsError(f"{entry}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
    except (OSError, ValueError) as error:
        raise ClaimsError(f"{entry} cannot be read: {error}") from error


def _cells(one: FaceReport) -> tuple[str, ...]:
    every = one.every
    failed = sum(view.fta.count for view in one.acquisition)
    kind = "masks drawn on probes" if one.masked else "bare"
    at = {point.target_fmr: point for point in every.thresholds}
    return (
        one.pack_id,
        f"{one.dataset}, {kind}",
        f"{every.n_genuine:,} / {every.n_impostor / 1e6:.1f} M",
        *(_rate(at.get(fmr)) for fmr in SHOWN),
        f"{failed} of {one.images * len(one.acquisition):,}",
    )


def _rate(point: Threshold | None) -> str:
    if point is None or point.threshold is None or point.tar is None or point.tar.value is None:
        return "not supported by n"
    low, high = point.tar.interval or (float("nan"), float("nan"))
    return f"{100 * point.tar.value:.2f} % ({100 * low:.2f} to {100 * high:.2f}) at {point.threshold:.4f}"


_HEADS = ("pack", "photographs", "genuine / impostor", *(f"TAR at FMR {fmr:g}" for fmr in SHOWN), "no template")


def table(reports: Sequence[FaceReport]) -> Table:
    """One line a report, for a terminal."""
    shown = Table(*_HEADS, title="Matchers, on photographs; nothing is known of a border")
    for one in reports:
        shown.add_row(*_cells(one))
    return shown


def markdown(reports: Sequence[FaceReport]) -> str:
    """The table for a page."""
    if not reports:
        return NONE
    days = sorted({one.date[:10] for one in reports})
    lines = [f"| {' | '.join(_HEADS)} |", f"|{'---|' * len(_HEADS)}"]
    lines += [f"| {' | '.join(_cells(one))} |" for one in reports]
    when = " to ".join(dict.fromkeys((days[0], days[-1])))
    lines += ["", f"95 % intervals by bootstrap over people; all against all; {when}."]
    if masked := next((one.mask_method for one in reports if one.mask_method), None):
        lines.append(f"Masks: {masked}.")
    return "\n".join(lines) + "\n"


def update(page: str, reports: Sequence[FaceReport]) -> str:
    """The page with the table between its markers made anew. Raises ClaimsError when it has none."""
    return between_markers(page, BEGIN, END, markdown(reports))
