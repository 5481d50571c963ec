"""The detector: one per band set, a small file of numbers, and what it makes of the features of one capture.

Two checks, and both must pass: a classifier that knows attacks (logistic regression, so that every decision has its
largest contributions in words), and limits of skin that know none (so that a material nobody thought of fails closed).
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

from appliance.core.types import Result
from appliance.liveness import words
from appliance.liveness.channels import channels_of
from appliance.liveness.cues import Features

F64 = NDArray[np.float64]

CLIP = 6.0
"""Standard deviations of skin beyond which a figure says no more."""
DIRECTED_CLIP = 8.0
_MISSING_MOST = 0.15
"""Share of the figures that may be absent; more is no measurement."""


class DetectorError(Exception):
    """There is no detector for this band set, or its file is broken. The message says what to do."""


class _Numbers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Linear(_Numbers):
    """A logistic regression over a design x and its magnitudes: logit = bias + x.weights + |x|.magnitudes."""

    weights: tuple[float, ...]
    magnitudes: tuple[float, ...]
    bias: float

    def logit(self, x: F64) -> float:
        """The logit of a design; higher is more like what was learned as 1."""
        return float(x @ np.array(self.weights) + np.abs(x) @ np.array(self.magnitudes) + self.bias)


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

    `directions` [k, n] are combinations of figures in which genuine faces all have spread 1: where skin hardly varies,
    a small deviation weighs much. The design of a capture is its n standardised figures and its k places along the
    directions. `bounds` are the widest each figure may lie apart, far outside of what genuine faces showed: beyond them
    the capture or the installation is at fault, or it is something that was never seen. `always` are the figures that
    every genuine capture had: without one of them nothing is judged. `species` holds the mean of each species over the
    figures; it names what an attack is like, no more.
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
    directions: tuple[tuple[float, ...], ...]
    attack: Linear
    attack_zone: Zone
    skin_zone: Zone
    covering: Linear | None
    covering_limit: float = 0.0
    species: dict[str, tuple[float, ...]] = {}

    @model_validator(mode="after")
    def _complete(self) -> "Detector":
        channels_of(self.band_set)
        count = len(self.names)
        if {len(self.mean), len(self.scale), len(self.bounds)} != {count}:
            raise ValueError("names, mean, scale and bounds differ in number")
        if any(len(row) != count for row in (*self.directions, *self.species.values())):
            raise ValueError("a direction or species has not one number for each name")
        for linear in (self.attack, *((self.covering,) if self.covering else ())):
            if not len(linear.weights) == len(linear.magnitudes) == count + len(self.directions):
                raise ValueError("a regression has not one weight for each figure and direction")
        return self

    def standardise(self, features: Features) -> F64:
        """float64[n]: figures in standard deviations of skin, clipped; NaN where not measured."""
        values = np.array([features.values.get(name, np.nan) for name in self.names], np.float64)
        return np.asarray(np.clip((values - _array(self.mean)) / _array(self.scale), -CLIP, CLIP))

    def design(self, z: F64) -> F64:
        """float64[n + k] of standardised figures; what was not measured counts as the mean of skin."""
        filled = np.nan_to_num(z)
        return np.concatenate([filled, np.clip(_matrix(self.directions) @ filled, -DIRECTED_CLIP, DIRECTED_CLIP)])

    def distance(self, design: F64) -> float:
        """Root mean square distance from skin along the directions, standard deviations."""
        along = design[len(self.names) :]
        return float(np.sqrt(np.mean(np.square(along)))) if along.size else 0.0

    def judge(self, features: Features) -> "Judgement":
        """What the features say. Never successful by default."""
        z = self.standardise(features)
        if lacking := self._lacking(features, z):
            return Judgement(Result.UNDETERMINED, float("nan"), float("nan"), (lacking,))
        design = self.design(z)
        score, distance = self.attack.logit(design), self.distance(design)
        if self.covering is not None and self.covering.logit(design) > self.covering_limit:
            # A covering hides the skin it covers: the rest is judged when the traveller has taken it off.
            return Judgement(Result.UNDETERMINED, score, distance, (words.COVERED,), covered=True)
        results = [self.attack_zone.judge(score), self.skin_zone.judge(distance)]
        absurd = self._absurd(features)
        if absurd:
            results.append(Result.UNDETERMINED)
        if all(result is Result.SUCCESSFUL for result in results):
            return Judgement(Result.SUCCESSFUL, score, distance, ())
        worst = Result.FAILED if Result.FAILED in results else Result.UNDETERMINED
        reasons = words.reasons(self.names, self._shares(design), z)
        if results[1] is Result.FAILED and results[0] is not Result.FAILED:
            reasons = (words.UNLIKE_SKIN, *reasons)
        if absurd and absurd not in reasons:
            reasons = (absurd, *reasons)
        return Judgement(worst, score, distance, reasons)

    def _shares(self, design: F64) -> F64:
        """float64[n]: how much each figure contributes to the classifier's logit, directly and by the directions."""
        count = len(self.names)
        slope = np.array(self.attack.weights) + np.array(self.attack.magnitudes) * np.sign(design)
        filled = design[:count]
        return np.asarray(slope[:count] * filled + (slope[count:] @ _matrix(self.directions)) * filled)

    def _lacking(self, features: Features, z: F64) -> str:
        """Why the capture cannot be judged, or nothing."""
        if features.missing:
            return f"The {features.missing[0]} cannot be measured: overexposed, covered or out of view."
        absent = [name for name, value in zip(self.names, z, strict=True) if np.isnan(value)]
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


@lru_cache(maxsize=64)
def _array(numbers: tuple[float, ...]) -> F64:
    return np.array(numbers, np.float64)


@lru_cache(maxsize=16)
def _matrix(rows: tuple[tuple[float, ...], ...]) -> F64:
    return np.array(rows, np.float64).reshape(len(rows), -1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """`score` is the classifier's logit (higher is more like an attack), `distance` the distance from skin."""

    result: Result
    score: float
    distance: float
    reasons: tuple[str, ...]
    covered: bool = False


def parse(text: str | bytes, where: str) -> Detector:
    """A detector from its JSON. Raises DetectorError naming `where`."""
    try:
        return Detector.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise DetectorError(f"{where} is not a detector: {place}: {problem['msg']}") from error


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
