"""Learning a detector from presentations: attacks teach the classifier, genuine faces alone set every threshold.

Needs scikit-learn (extra `learn`); what it makes is a file of numbers that the appliance judges by without it.
Not responsible for where presentations come from (`appliance.evaluate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from appliance.liveness.channels import channels_of
from appliance.liveness.cues import RATIOS, Features
from appliance.liveness.detector import Detector, Linear, Zone

F64 = NDArray[np.float64]

GENUINE, COVERED = "bona_fide", "covered"
"""Kinds of sample that are no attack: a bare face, and one under a medical mask or scarf."""
BPCER_STATED = 0.02
"""Share of genuine faces of the site that either threshold may refuse, both together."""
_SURE = 0.2
"""Undetermined reaches so far beyond the threshold, as a share of its distance from the median of the genuine."""
_REGULARISATION = 0.02
_KNOWN_SHARE = 0.6
_ALWAYS = 0.995
_SHRINK = 0.05
_FOLDS = 5
_COVERED_LEAST = 10
_UNCERTAINTY = {"thermal": 0.3, "depth": 1.0}
"""What a rig cannot know better than, whatever genuine faces of one kind of rig show: degrees, millimetres."""
_UNCERTAIN_RATIO, _UNCERTAIN_COLOUR, _UNCERTAIN = 0.012, 0.03, 0.05
"""Likewise of logarithms: two bands lit by LEDs side by side, flat to a per cent (docs/bands-and-calibration.md); a
band against the visible, which is lit from elsewhere; and of everything else."""


class NotEnough(Exception):
    """Too few presentations to learn from; the message says of what and how many are needed."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Features of one presentation and what it was: GENUINE, COVERED or the name of a PAI species."""

    features: Features
    kind: str


def names_for(band_set_name: str, samples: Sequence[Sample]) -> tuple[str, ...]:
    """Figures that this band set offers and that most genuine samples have, in alphabetical order."""
    bands = {channel.name for channel in channels_of(band_set_name)}
    known: dict[str, int] = {}
    genuine = [sample for sample in samples if sample.kind == GENUINE]
    for sample in genuine:
        for name in sample.features.values:
            known[name] = known.get(name, 0) + 1
    often = (name for name, count in known.items() if count >= _KNOWN_SHARE * len(genuine))
    return tuple(sorted(name for name in often if _needs(name) <= bands))


_PAIRED = {f"{top}/{under}": {top, under} for top, under in RATIOS}


def _needs(name: str) -> set[str]:
    """Channels a figure is made of."""
    subject = name.split()[0]
    if subject in ("shape", "eyes"):
        return {"850"} | ({"940"} if name == "shape agreement" else set())
    if subject == "850/G":
        return {"850", "G"}
    return _PAIRED.get(subject, {subject})


def learn(
    samples: Sequence[Sample],
    bands: str,
    *,
    version: str,
    kind: Literal["simulated", "measured"],
    learned_on: str,
    site: Sequence[Features] = (),
    bpcer: float = BPCER_STATED,
) -> Detector:
    """A detector of one band set.

    Thresholds come from `site`, genuine captures of the place where it will work; without any, from the genuine
    samples themselves by five-fold cross-validation. Raises NotEnough.
    """
    genuine = [sample.features for sample in samples if sample.kind == GENUINE]
    attacks = [sample for sample in samples if sample.kind not in (GENUINE, COVERED)]
    if len(genuine) < 30 or len({sample.kind for sample in attacks}) < 2:
        raise NotEnough(f"{len(genuine)} genuine presentations and {len(attacks)} attacks; 30 and two species at least")
    names = names_for(bands, samples)
    detector = _of_skin(genuine, names).model_copy(
        update={"version": version, "band_set": bands, "kind": kind, "learned_on": learned_on}
    )
    covered = [sample.features for sample in samples if sample.kind == COVERED]
    if len(covered) >= _COVERED_LEAST:
        covering = _fit(detector, [*genuine, *(sample.features for sample in attacks)], covered)
        limit = float(np.quantile([covering.logit(_design(detector, f)) for f in genuine], 0.998))
        detector = detector.model_copy(update={"covering": covering, "covering_limit": round(max(0.0, limit), 4)})
    held_out = _scores(detector.model_copy(update={"attack": (attack := _attack(detector, genuine, attacks))}), site)
    if not site:
        held_out = _held_out(names, genuine, attacks)
    return detector.model_copy(
        update={
            "attack": attack,
            "species": _means(detector, attacks),
            "attack_zone": _zone([score for score, _ in held_out], bpcer * 0.6),
            "skin_zone": _zone([distance for _, distance in held_out], bpcer * 0.4),
        }
    )


def _uncertainty(name: str) -> float:
    """How well a calibrated rig knows a figure, in its own unit."""
    subject = name.split()[0]
    if subject in _PAIRED:
        return _UNCERTAIN_COLOUR if _PAIRED[subject] & {"R", "G", "B"} else _UNCERTAIN_RATIO
    return _UNCERTAINTY.get(subject, _UNCERTAIN)


def _of_skin(genuine: Sequence[Features], names: tuple[str, ...]) -> Detector:
    """What genuine faces alone teach: mean, scale, bounds and directions."""
    known = [np.array([f.values[name] for f in genuine if name in f.values]) for name in names]
    unsure = np.array([_uncertainty(name) for name in names])
    scale = np.hypot([_spread(values) for values in known], unsure)
    bare = Detector(
        version="",
        band_set="rgb",
        kind="simulated",
        learned_on="",
        names=names,
        mean=tuple(round(float(np.median(values)), 5) for values in known),
        scale=tuple(round(float(value), 6) for value in scale),
        bounds=tuple(_bounds(values) for values in known),
        always=tuple(name for name, values in zip(names, known, strict=True) if len(values) >= _ALWAYS * len(genuine)),
        directions=(),
        attack=Linear(weights=(0.0,) * len(names), magnitudes=(0.0,) * len(names), bias=0.0),
        attack_zone=Zone(accept=0.0, attack=0.0),
        skin_zone=Zone(accept=0.0, attack=0.0),
        covering=None,
    )
    z = np.nan_to_num(np.array([bare.standardise(f) for f in genuine]))
    spread = np.cov(z.T) + np.diag(np.square(unsure / scale))
    spread = (1 - _SHRINK) * spread + _SHRINK * np.eye(len(names)) * np.trace(spread) / len(names)
    values, vectors = np.linalg.eigh(spread)
    directions = (vectors / np.sqrt(values)).T
    return bare.model_copy(
        update={"directions": tuple(tuple(round(float(value), 4) for value in row) for row in directions)}
    )


def _design(detector: Detector, features: Features) -> F64:
    return detector.design(detector.standardise(features))


def _scores(detector: Detector, several: Sequence[Features]) -> list[tuple[float, float]]:
    designs = [_design(detector, features) for features in several]
    return [(detector.attack.logit(design), detector.distance(design)) for design in designs]


def _means(detector: Detector, attacks: Sequence[Sample]) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for kind in sorted({sample.kind for sample in attacks}):
        z = [detector.standardise(sample.features) for sample in attacks if sample.kind == kind]
        found[kind] = tuple(round(float(value), 3) for value in np.nan_to_num(np.array(z)).mean(axis=0))
    return found


def _bounds(values: F64) -> tuple[float, float]:
    """The range of the genuine, widened by its own width on either side."""
    low, high = float(values.min()), float(values.max())
    width = max(high - low, 6 * _spread(values))
    return round(low - width, 4), round(high + width, 4)


def _spread(values: F64) -> float:
    """Robust standard deviation, never zero."""
    low, high = np.quantile(values, (0.16, 0.84))
    return max(float(high - low) / 2, 0.6 * float(values.std()), 1e-4)


def _attack(detector: Detector, genuine: Sequence[Features], attacks: Sequence[Sample]) -> Linear:
    """Every species weighs the same, however many presentations of it there are."""
    count = {sample.kind: 0 for sample in attacks}
    for sample in attacks:
        count[sample.kind] += 1
    weights = [1.0 / count[sample.kind] for sample in attacks]
    return _fit(detector, genuine, [sample.features for sample in attacks], weights)


def _fit(
    detector: Detector, low: Sequence[Features], high: Sequence[Features], high_weights: Sequence[float] = ()
) -> Linear:
    """Logistic regression of `high` against `low`; both sides weigh the same."""
    from sklearn.linear_model import LogisticRegression  # the appliance judges without it

    x = np.array([_design(detector, f) for f in (*low, *high)])
    target = np.array([0] * len(low) + [1] * len(high))
    weight = np.array([1.0] * len(low) + [*(high_weights or [1.0] * len(high))])
    for label in (0, 1):
        weight[target == label] /= weight[target == label].sum() / len(target) * 2
    model = LogisticRegression(C=_REGULARISATION, solver="newton-cholesky")
    model.fit(np.hstack([x, np.abs(x)]), target, sample_weight=weight)
    found = [round(float(value), 5) for value in model.coef_[0]]
    width = x.shape[1]
    return Linear(
        weights=tuple(found[:width]), magnitudes=tuple(found[width:]), bias=round(float(model.intercept_[0]), 5)
    )


def _held_out(
    names: tuple[str, ...], genuine: Sequence[Features], attacks: Sequence[Sample]
) -> list[tuple[float, float]]:
    """Score and distance of each genuine sample by a detector that has not seen it."""
    found: list[tuple[float, float]] = []
    for fold in range(_FOLDS):
        rest = [f for place, f in enumerate(genuine) if place % _FOLDS != fold]
        blind = _of_skin(rest, names)
        blind = blind.model_copy(update={"attack": _attack(blind, rest, attacks)})
        found += _scores(blind, genuine[fold::_FOLDS])
    return found


def _zone(values: Sequence[float], share: float) -> Zone:
    """Accept up to the quantile that leaves `share` of the genuine above; sure of an attack only beyond it."""
    ordered = np.sort(np.array(values))
    accept = float(np.quantile(ordered, 1.0 - share))
    width = max(accept - float(np.median(ordered)), 1e-3)
    return Zone(accept=round(accept, 4), attack=round(accept + _SURE * width, 4))


__all__ = ["COVERED", "GENUINE", "NotEnough", "Sample", "learn", "names_for"]
