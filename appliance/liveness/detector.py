"""The detector: one per band set, a small file of numbers, and what it makes of the features of one capture.

Three checks, and all must pass: a classifier that knows attacks (a support vector machine, so that every decision has
its largest contributions in words), and two limits of skin that know none (so that a material nobody thought of fails
closed): of the face as a whole, and of each part of it against its surroundings, where false parts end.
Not responsible for learning the numbers (`learn`) nor for measuring (`cues`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.core.types import Advice, Result
from appliance.liveness import circumstances, words
from appliance.liveness.channels import channels_of
from appliance.liveness.cues import Features

F64 = NDArray[np.float64]

CLIP = 6.0
"""Standard deviations of skin beyond which a figure says no more."""
DIRECTED_CLIP = 8.0
PARTS = ("940/850 nose", "940/850 nose step", "940/850 cheek step", "1550/1050 nose", "1550/1050 nose step")
"""Figures that hardly vary on skin, because the same light falls on both sides, and that dry false parts raise."""
_WAY = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Where on the way from mean skin to a capture the slope of the classifier is taken."""
_MISSING_MOST = 0.15
"""Share of the figures that may be absent; more is no measurement."""


class DetectorError(Exception):
    """There is no detector for this band set, or its file is broken. The message says what to do."""


class _Numbers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kernel(_Numbers):
    """A support vector machine over n standardised figures: bias + sum of weights * exp(-gamma |z - support|^2).

    `importance` is what a difference of 1 counts in each figure. Far from everything it has seen the machine says
    nothing but its bias: what lies there is for the limits of skin.
    """

    gamma: Annotated[float, Field(gt=0.0)]
    importance: tuple[float, ...]
    support: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    bias: float

    @model_validator(mode="after")
    def _complete(self) -> "Kernel":
        if len(self.support) != len(self.weights):
            raise ValueError("there is not one weight for each support vector")
        return self

    def score(self, z: F64) -> float:
        """Higher is more like what was learned as 1."""
        return float(self._near(z)[1].sum()) + self.bias

    def shares(self, z: F64) -> F64:
        """float64[n]: how much each figure moves the score on the way from mean skin; they add up to the way's sum."""
        found = np.zeros_like(z)
        for place in _WAY:
            away, near = self._near(place * z)
            found -= 2.0 * self.gamma * (near @ away)
        return np.asarray(found * _array(self.importance) * z / len(_WAY))

    def _near(self, z: F64) -> tuple[F64, F64]:
        """(z - support) by importance [m, n], and each support vector's part of the score [m]."""
        away = (z - _matrix(self.support)) * _array(self.importance)
        return away, _array(self.weights) * np.exp(-self.gamma * np.einsum("ij,ij->i", away, away))


class Trend(_Numbers):
    """What a figure is on genuine faces of one colour: a quadratic in the standardised `by`, sd `spread`.

    Pigment dims 850 nm more than 940: what is dry for light skin is usual for dark skin. So the water that a face holds
    is judged against that of faces of its own colour.
    """

    name: str
    by: tuple[str, ...]
    weights: tuple[float, ...]
    spread: Annotated[float, Field(gt=0.0)]

    @property
    def label(self) -> str:
        """Name of what is left of the figure."""
        return f"{self.name.split()[0]} for this colour"

    def left(self, z: Mapping[str, float]) -> float:
        """How far the figure lies from its usual value, sd; NaN when something is not measured."""
        by = np.array([z[name] for name in self.by])
        return float((z[self.name] - quadratic(by[None])[0] @ _array(self.weights)) / self.spread)


def quadratic(z: F64) -> F64:
    """float64[m, k(k + 3) / 2 + 1] of float64[m, k]: one, every figure, every product of two."""
    products = [z[:, i] * z[:, j] for i in range(z.shape[1]) for j in range(i, z.shape[1])]
    return np.stack([np.ones(len(z)), *z.T, *products], axis=1)


class Zone(_Numbers):
    """Up to `accept` skin-like, above `attack` not skin, undetermined between."""

    accept: float
    attack: float

    def judge(self, value: float) -> Result:
        """The result of a value; a value that is no number is UNDETERMINED."""
        if value <= self.accept:
            return Result.SUCCESSFUL
        return Result.FAILED if value > self.attack else Result.UNDETERMINED


class Detector(_Numbers):
    """Everything learned. `mean` and `scale` are of genuine faces: a figure of 2 lies two standard deviations off.

    `trends` add what is left of some figures when the colour of the face is known: n figures and trends in all.
    `directions` [k, n] are combinations of them in which genuine faces all have spread 1: where skin hardly varies,
    a small deviation weighs much. `bounds` are the widest each figure may lie apart, far outside of what genuine faces
    showed: beyond them the capture or the installation is at fault, or it is something that was never seen. `always`
    are the figures that every genuine capture had: without one of them nothing is judged; any other that is not
    measured counts as mean skin. `species` holds the mean of each species over the figures; it names what an attack is
    like, no more.
    """

    format: Literal["sallyport-detector-1"] = "sallyport-detector-1"
    version: str
    band_set: str
    kind: Literal["simulated", "measured"]
    learned_on: str
    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[Annotated[float, Field(gt=0.0)], ...]
    bounds: tuple[tuple[float, float], ...]
    always: tuple[str, ...]
    trends: tuple[Trend, ...]
    directions: tuple[tuple[float, ...], ...]
    attack: Kernel
    attack_zone: Zone
    skin_zone: Zone
    part_zone: Zone
    covering: Kernel | None
    covering_limit: float = 0.0
    species: dict[str, tuple[float, ...]] = {}

    @model_validator(mode="after")
    def _complete(self) -> "Detector":
        channels_of(self.band_set)
        if {len(self.mean), len(self.scale), len(self.bounds)} != {len(self.names)}:
            raise ValueError("names, mean, scale and bounds differ in number")
        if unknown := {name for trend in self.trends for name in (trend.name, *trend.by)} - set(self.names):
            raise ValueError(f"a trend is made of unknown figures: {', '.join(sorted(unknown))}")
        count = len(self.labels)
        if any(len(row) != count for row in (*self.directions, *self.species.values())):
            raise ValueError("a direction or species has not one number for each name")
        kernels = (self.attack, *((self.covering,) if self.covering else ()))
        if any(len(row) != count for kernel in kernels for row in (kernel.importance, *kernel.support)):
            raise ValueError("a support vector has not one number for each name")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the figures, then of the trends."""
        return (*self.names, *(trend.label for trend in self.trends))

    def standardise(self, features: Features) -> F64:
        """float64[n]: figures and trends in standard deviations of skin, clipped; NaN where not measured."""
        values = np.array([features.values.get(name, np.nan) for name in self.names], np.float64)
        z = np.clip((values - _array(self.mean)) / _array(self.scale), -CLIP, CLIP)
        by_name = dict(zip(self.names, z.tolist(), strict=True))
        return np.append(z, np.clip([trend.left(by_name) for trend in self.trends], -CLIP, CLIP))

    def distance(self, z: F64) -> float:
        """Root mean square distance from skin along the directions, standard deviations."""
        along = np.clip(_matrix(self.directions) @ z, -DIRECTED_CLIP, DIRECTED_CLIP)
        return float(np.sqrt(np.mean(np.square(along)))) if along.size else 0.0

    def apart(self, z: F64) -> float:
        """How much less water than what is beside it the driest part of the face holds, sd; 0 where no part is known.

        Upwards only: hair and a red nose lie on the other side, and what imitates skin holds less water than it.
        """
        return max((float(z[place]) for place, name in enumerate(self.names) if name in PARTS), default=0.0)

    def within_limits(self, z: F64) -> bool:
        """Whether face and parts lie within the limits of skin, whatever the classifier says."""
        checks = (self.skin_zone.judge(self.distance(z)), self.part_zone.judge(self.apart(z)))
        return all(result is Result.SUCCESSFUL for result in checks)

    def judge(self, features: Features) -> "Judgement":
        """What the features say. Never successful by default."""
        measured = self.standardise(features)
        hard = circumstances.against(features.values)
        why, advice = ((hard.words,), hard.advice) if hard else ((), None)
        if lacking := self._lacking(features, measured):
            return Judgement(Result.UNDETERMINED, float("nan"), float("nan"), (*why, lacking), advice=advice)
        z = np.nan_to_num(measured)
        score, distance = self.attack.score(z), self.distance(z)
        if self.covering is not None and self.covering.score(z) > self.covering_limit:
            # A covering hides the skin it covers: the rest is judged when the traveller has taken it off.
            return Judgement(Result.UNDETERMINED, score, distance, (words.COVERED,), Advice.UNCOVER_FACE, covered=True)
        results = [self.attack_zone.judge(score), self.skin_zone.judge(distance), self.part_zone.judge(self.apart(z))]
        absurd = self._absurd(features)
        if absurd:
            results.append(Result.UNDETERMINED)
        if all(result is Result.SUCCESSFUL for result in results):
            return Judgement(Result.SUCCESSFUL, score, distance, ())
        worst = Result.FAILED if Result.FAILED in results and hard is None else Result.UNDETERMINED
        reasons = words.reasons(self.labels, self.attack.shares(z), measured)
        if results[1] is Result.FAILED and results[0] is not Result.FAILED:
            reasons = (words.UNLIKE_SKIN, *reasons)
        if results[2] is not Result.SUCCESSFUL:
            reasons = _first(self._driest(z), reasons)
        if absurd:
            reasons = _first(absurd, reasons)
        return Judgement(worst, score, distance, (*why, *reasons), advice)

    def _driest(self, z: F64) -> str:
        """The part that `apart` speaks of, in words."""
        off, name = max((float(z[place]), name) for place, name in enumerate(self.names) if name in PARTS)
        return words.describe(name, off)

    def _lacking(self, features: Features, z: F64) -> str:
        """Why the capture cannot be judged, or nothing."""
        if features.missing:
            return f"The {features.missing[0]} cannot be measured: overexposed, covered or out of view."
        absent = [name for name, value in zip(self.names, z, strict=False) if np.isnan(value)]
        if needed := [name for name in absent if name in self.always]:
            return f"Not measured: {needed[0]}. A band or light is missing."
        if len(absent) > _MISSING_MOST * len(self.names):
            return f"Too little could be measured; missing among others: {', '.join(absent[:3])}."
        return ""

    def _absurd(self, features: Features) -> str:
        """The figure that lies furthest outside its bounds, in words, or nothing."""
        worst, words_for = 0.0, ""
        for name, mean, scale, (low, high) in zip(self.names, self.mean, self.scale, self.bounds, strict=True):
            value = features.values.get(name)
            if value is None or low <= value <= high:
                continue
            off = (value - mean) / scale
            if not abs(off) <= worst:
                worst, words_for = abs(off), words.describe(name, off)
        return words_for

    def most_like(self, features: Features) -> str | None:
        """The species whose mean is nearest, by name; None when the detector knows none."""
        z = np.nan_to_num(self.standardise(features))
        away = {name: float(np.linalg.norm(z - np.array(mean))) for name, mean in self.species.items()}
        return min(away, key=lambda name: away[name]) if away else None


def _first(reason: str, reasons: tuple[str, ...]) -> tuple[str, ...]:
    return (reason, *(other for other in reasons if other != reason))


@lru_cache(maxsize=64)
def _array(numbers: tuple[float, ...]) -> F64:
    return np.array(numbers, np.float64)


@lru_cache(maxsize=16)
def _matrix(rows: tuple[tuple[float, ...], ...]) -> F64:
    return np.array(rows, np.float64).reshape(len(rows), -1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`score` is the classifier's (higher is more like an attack), `distance` the distance from skin.

    `advice` is what the traveller can do for a better capture.
    """

    result: Result
    score: float
    distance: float
    reasons: tuple[str, ...]
    advice: Advice | None = None
    covered: bool = False


def parse(text: str | bytes, where: str) -> Detector:
    """A detector from its JSON. Raises DetectorError naming `where`."""
    try:
        return Detector.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise DetectorError(f"{where} is not a detector: {place}: {problem['msg']}") from error


UPPER = Path(str(resources.files("appliance.liveness").joinpath("learned", "upper")))
"""Detectors of the upper half of a face (`upper`), one file for each band set."""


@lru_cache(maxsize=8)
def load(band_set: str, folder: Path | None = None) -> Detector:
    """The detector of a band set, from `folder` or as shipped. Raises DetectorError: without one nothing passes."""
    shipped = resources.files("appliance.liveness").joinpath("learned")
    source = (folder if folder is not None else shipped).joinpath(f"{band_set}.json")
    try:
        text = source.read_text("utf-8")
    except OSError as error:
        raise DetectorError(
            f"there is no detector for the band set {band_set} ({error.strerror}). Shipped are: "
            f"{', '.join(available()) or 'none'}. Learn one: appliance evaluate learn DATASET FOLDER --bands {band_set}"
        ) from error
    found = parse(text, str(source))
    if found.band_set != band_set:
        raise DetectorError(f"{source} is for the band set {found.band_set}, not {band_set}")
    return found


def available() -> tuple[str, ...]:
    """Band sets with a shipped detector, fewest bands first."""
    folder = resources.files("appliance.liveness").joinpath("learned")
    names = [entry.name.removesuffix(".json") for entry in folder.iterdir()] if folder.is_dir() else []
    return tuple(sorted((name for name in names if name.startswith("rgb")), key=lambda name: (name.count("+"), name)))


def figures_of(features: Features, judgement: Judgement) -> Mapping[str, float]:
    """Figures for the journal: no image and no identity."""
    return {
        "score": round(judgement.score, 3),
        "distance": round(judgement.distance, 3),
        **{name: round(value, 3) for name, value in {**features.capture, **features.values}.items()},
    }
