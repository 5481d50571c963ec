"""The detector: one per band set, a small file of numbers, and what it makes of the features of one capture.

Two checks, and both must pass: a classifier that knows attacks (logistic regression, so that every decision has its
largest contributions in words), and limits of skin that know none (so that a material nobody thought of fails closed).
Not responsible for learning the numbers (`learn`) nor for measuring (`cues`).
"""

from collections.abc import Mapping, Sequence
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
_MISSING_MOST = 0.25
"""Share of the figures that may be absent (by weight); more is no measurement."""


class DetectorError(Exception):
    """There is no detector for this band set, or its file is broken. The message says what to do."""


class _Numbers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Linear(_Numbers):
    """A logistic regression over standardised figures and their magnitudes: logit = bias + z.weights + |z|.magnitudes.

    `missing` replaces a figure that was not measured (in standard deviations of skin).
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    magnitudes: tuple[float, ...]
    bias: float

    @model_validator(mode="after")
    def _one_each(self) -> "Linear":
        if not len(self.names) == len(self.weights) == len(self.magnitudes):
            raise ValueError("names, weights and magnitudes differ in number")
        return self


class Skin(_Numbers):
    """Skin itself: principal directions of the figures of genuine faces; the distance is their root mean square.

    `directions` [k, n] whiten the standardised figures `names`.
    """

    names: tuple[str, ...]
    directions: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _one_each(self) -> "Skin":
        if any(len(row) != len(self.names) for row in self.directions):
            raise ValueError("a direction has not one number for each name")
        return self


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

    `bounds` are the widest each figure may lie apart, far outside of what genuine faces showed: beyond them the capture
    or the installation is at fault, or it is something that was never seen. `species` holds the mean of each species
    over the classifier's figures; it names what an attack is like, no more.
    """

    format: Literal["sallyport-detector-1"] = "sallyport-detector-1"
    version: str
    band_set: str
    kind: Literal["simulated", "measured"]
    learned_on: str
    mean: dict[str, float]
    scale: dict[str, Annotated[float, Field(gt=0.0)]]
    attack: Linear
    skin: Skin
    covering: Linear | None
    attack_zone: Zone
    skin_zone: Zone
    covering_limit: float = 0.0
    bounds: dict[str, tuple[float, float]] = {}
    species: dict[str, tuple[float, ...]] = {}

    @model_validator(mode="after")
    def _complete(self) -> "Detector":
        channels_of(self.band_set)
        used = {*self.attack.names, *self.skin.names, *(self.covering.names if self.covering else ()), *self.bounds}
        if not used <= set(self.mean) or set(self.mean) != set(self.scale):
            raise ValueError("a figure is used that has no mean and scale")
        return self

    def standardise(self, features: Features, names: Sequence[str]) -> F64:
        """float64[n]: figures in standard deviations of skin, clipped; NaN where not measured."""
        values = [(features.values.get(name, np.nan) - self.mean[name]) / self.scale[name] for name in names]
        return np.asarray(np.clip(np.array(values, np.float64), -CLIP, CLIP))

    def judge(self, features: Features) -> "Judgement":
        """What the features say. Never successful by default."""
        z = self.standardise(features, self.attack.names)
        covered = self._covered(features)
        if lacking := self._lacking(features, z) or ("" if covered else self._absurd(features)):
            return Judgement(Result.UNDETERMINED, float("nan"), float("nan"), (lacking,))
        filled = np.nan_to_num(z)
        shares = np.array(self.attack.weights) * filled + np.array(self.attack.magnitudes) * np.abs(filled)
        score = float(shares.sum() + self.attack.bias)
        distance = self.distance(features)
        results = (self.attack_zone.judge(score), self.skin_zone.judge(distance))
        if all(result is Result.SUCCESSFUL for result in results) and not covered:
            return Judgement(Result.SUCCESSFUL, score, distance, ())
        if covered:
            # A covering hides the skin it covers: the rest is judged when the traveller has taken it off.
            return Judgement(Result.UNDETERMINED, score, distance, (words.COVERED,), covered=True)
        worst = Result.FAILED if Result.FAILED in results else Result.UNDETERMINED
        reasons = words.reasons(self.attack.names, shares, z)
        if results[0] is Result.SUCCESSFUL:
            reasons = (words.UNLIKE_SKIN, *words.reasons(self.attack.names, np.abs(filled), z))
        return Judgement(worst, score, distance, reasons)

    def _lacking(self, features: Features, z: F64) -> str:
        """Why the capture cannot be judged, or nothing."""
        if features.missing:
            return f"The {features.missing[0]} cannot be measured: overexposed, covered or out of view."
        weight = np.abs(self.attack.weights) + np.abs(self.attack.magnitudes)
        absent = np.isnan(z)
        if float(weight[absent].sum()) > _MISSING_MOST * float(weight.sum()):
            names = [name for name, gone in zip(self.attack.names, absent, strict=True) if gone]
            return f"Too little could be measured; missing among others: {', '.join(names[:3])}."
        return ""

    def _absurd(self, features: Features) -> str:
        """The figure that lies furthest outside its bounds, in words, or nothing."""
        worst, words_for = 0.0, ""
        for name, (low, high) in self.bounds.items():
            value = features.values.get(name)
            if value is None or low <= value <= high:
                continue
            off = (value - self.mean[name]) / self.scale[name]
            if not abs(off) <= worst:
                worst, words_for = abs(off), words.describe(name, off)
        return words_for

    def distance(self, features: Features) -> float:
        """Root mean square distance from skin in standard deviations along the directions of `skin`."""
        z = np.nan_to_num(self.standardise(features, self.skin.names))
        return float(np.sqrt(np.mean(np.square(np.array(self.skin.directions) @ z))))

    def most_like(self, features: Features) -> str | None:
        """The species whose mean is nearest, by name; None when the detector knows none."""
        z = np.nan_to_num(self.standardise(features, self.attack.names))
        away = {name: float(np.linalg.norm(z - np.array(mean))) for name, mean in self.species.items()}
        return min(away, key=lambda name: away[name]) if away else None

    def _covered(self, features: Features) -> bool:
        if self.covering is None:
            return False
        return logit(self.covering, self.standardise(features, self.covering.names)) > self.covering_limit


def logit(linear: Linear, z: F64) -> float:
    """The logit of standardised figures; absent ones count as the mean of skin."""
    filled = np.nan_to_num(z)
    return float(filled @ np.array(linear.weights) + np.abs(filled) @ np.array(linear.magnitudes) + linear.bias)


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
            f"{', '.join(available()) or 'none'}. Learn one: appliance liveness learn DATASET --bands {band_set}"
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
