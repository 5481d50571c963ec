"""What a run found, as values, and the JSON file a threshold can cite as where it comes from."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from appliance.evaluate.faces.dataset import FaceRule
from appliance.evaluate.faces.figures import RESOLUTION, Det, Folds, OneToMany, Operating, Share
from appliance.evaluate.faces.scores import Ints
from appliance.face.types import Metric

FORMAT = 1
Protocol = Literal["pairs", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What was measured, with what, and how. `metric` says how to read a threshold."""

    pack_id: str
    pack_title: str
    grade: str
    recogniser_sha256: str
    metric: Metric
    pack_threshold: float
    pack_threshold_source: str
    dataset: str
    dataset_kind: str
    dataset_digest: str
    images: int
    subjects: int
    cut: bool
    notes: tuple[str, ...]
    face: FaceRule
    least_eyes_px: float
    flip: bool
    masked: bool
    mask_method: str | None
    seed: int
    genuine_per_person: int
    software_version: str
    date: str


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What came of the images of one view. `fte`: no image could be read. `fta`: of the rest, no template.

    `several`: images with more than one face, of which the rule took one (a failure only under the rule "single").
    Times are medians in milliseconds: finding faces, a template, a template of the mirror image.
    """

    view: str
    counts: dict[str, int]
    fte: Share
    fta: Share
    several: int
    find_ms: float | None
    template_ms: float | None
    mirror_ms: float | None


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group of people at one threshold: genuine comparisons within it, impostors both of it."""

    column: str
    value: str
    images: int
    subjects: int
    fmr: Share
    fnmr: Share
    worse: float | None


@dataclass(frozen=True, slots=True)
class GroupTable:
    """Every group of a column, worst first, at one threshold and what it is."""

    column: str
    threshold: float
    why: str
    lines: tuple[GroupLine, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Section:
    """Figures of one protocol. `points` at rates asked for; `given` at the pack's own threshold.

    `not_compared`: listed comparisons without a template on a side. `generalised_fnmr`: the share of genuine attempts
    that fail at the pack's threshold for whatever reason, failures to enrol and acquire among them.
    """

    protocol: Protocol
    genuine: int
    impostors: int
    subjects: int
    not_compared: int
    points: tuple[Operating, ...]
    given: Operating
    generalised_fnmr: float | None
    det: Det
    genuine_counts: Ints
    impostor_counts: Ints
    folds: Folds | None = None
    search: OneToMany | None = None
    groups: tuple[GroupTable, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A whole run."""

    header: Header
    acquisition: tuple[Acquisition, ...]
    sections: tuple[Section, ...]


def _share(share: Share) -> dict[str, object]:
    return {
        "count": share.errors,
        "n": share.n,
        "value": share.value,
        "clopper_pearson_95": share.clopper_pearson if share.n else None,
        "bootstrap_subjects_95": share.bootstrap,
    }


def _operating(point: Operating) -> dict[str, object]:
    if point.threshold is None:
        return {"target_fmr": point.target, "threshold": None, "why": "not supported by n"}
    return {
        "target_fmr": point.target,
        "threshold": round(point.threshold, 6),
        "resolution": RESOLUTION,
        "counted_from": "single scores" if point.exact else "histogram",
        "fmr": _share(point.fmr),
        "tar": _share(point.tar),
    }


def _section(section: Section) -> dict[str, object]:
    found: dict[str, object] = {
        "protocol": section.protocol,
        "n_genuine": section.genuine,
        "n_impostor": section.impostors,
        "n_subjects": section.subjects,
        "n_not_compared": section.not_compared,
        "eer": section.det.eer,
        "thresholds": [_operating(point) for point in section.points],
        "at_pack_threshold": _operating(section.given),
        "generalised_fnmr_at_pack_threshold": section.generalised_fnmr,
    }
    if section.folds is not None:
        found["k_folds"] = asdict(section.folds)
    if section.search is not None:
        found["one_to_many"] = {
            "gallery_images": section.search.gallery,
            "gallery_subjects": section.search.gallery_subjects,
            "rank_one_errors": _share(section.search.rank_one),
            "points": [
                {
                    "target_fpir": point.target,
                    "threshold": None if point.threshold is None else round(point.threshold, 6),
                    "fnir_rank_1": _share(point.fnir),
                    "fpir": _share(point.fpir),
                }
                for point in section.search.points
            ],
        }
    found["groups"] = [
        {
            "column": table.column,
            "threshold": round(table.threshold, 6),
            "why": table.why,
            "values": [
                {
                    "value": line.value,
                    "images": line.images,
                    "subjects": line.subjects,
                    "fmr": _share(line.fmr),
                    "fnmr": _share(line.fnmr),
                }
                for line in table.lines
            ],
        }
        for table in section.groups
    ]
    return found


def as_json(outcome: Outcome) -> str:
    """The run as JSON: the header's fields, acquisition, one entry a protocol."""
    found = {
        "format": FORMAT,
        **asdict(outcome.header),
        "acquisition": [
            {**asdict(view), "fte": _share(view.fte), "fta": _share(view.fta)} for view in outcome.acquisition
        ],
        "protocols": [_section(section) for section in outcome.sections],
    }
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, its folder made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
