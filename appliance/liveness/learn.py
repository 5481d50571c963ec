"""Learning a detector from presentations: attacks teach the classifier, genuine faces alone set every threshold.

Needs scikit-learn (extra `learn`); what it makes is a file of numbers that the appliance judges by without it.
Not responsible for where presentations come from (`appliance.evaluate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from appliance.liveness.channels import band_set, channels_of
from appliance.liveness.cues import RATIOS, Features
from appliance.liveness.detector import CLIP, Detector, Linear, Skin, Zone, logit

F64 = NDArray[np.float64]

GENUINE, COVERED = "bona_fide", "covered"
"""Kinds of sample that are no attack: a bare face, and one under a medical mask or scarf."""
BPCER_STATED = 0.02
"""Share of genuine faces of the site that either threshold may refuse, both together."""
_SURE_FACTOR = 1.6
_REGULARISATION = 0.02
_KNOWN_SHARE = 0.6
_SHRINK = 0.15


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
    table = {name: np.array([f.values[name] for f in genuine if name in f.values]) for name in names}
    detector = Detector(
        version=version,
        band_set=band_set(channel.name for channel in channels_of(bands)),
        kind=kind,
        learned_on=learned_on,
        mean={name: round(float(np.median(values)), 5) for name, values in table.items()},
        scale={name: round(_spread(values), 6) for name, values in table.items()},
        attack=Linear(names=names, weights=(0.0,) * len(names), magnitudes=(0.0,) * len(names), bias=0.0),
        skin=Skin(names=(), directions=()),
        covering=None,
        attack_zone=Zone(accept=0.0, attack=0.0),
        skin_zone=Zone(accept=0.0, attack=0.0),
    )
    detector = detector.model_copy(update={"skin": _skin(detector, genuine, names)})
    covered = [sample.features for sample in samples if sample.kind == COVERED]
    if len(covered) >= 10:
        bare = [*genuine, *(sample.features for sample in attacks)]
        covering = _fit(detector, names, bare, covered, [1.0] * len(bare))
        limit = max(0.0, float(np.quantile([_logit(detector, covering, f) for f in genuine], 0.998)))
        detector = detector.model_copy(update={"covering": covering, "covering_limit": round(limit, 4)})
    held_out = _held_out(detector, names, genuine, attacks) if not site else None
    linear = _attack(detector, names, genuine, attacks)
    detector = detector.model_copy(update={"attack": linear})
    scores, distances = held_out or (
        [_logit(detector, linear, f) for f in site],
        [detector.distance(f) for f in site],
    )
    return detector.model_copy(
        update={
            "bounds": {name: _bounds(values) for name, values in table.items()},
            "species": _means(detector, attacks),
            "attack_zone": _zone(scores, bpcer * 0.6),
            "skin_zone": _zone(distances, bpcer * 0.4, sure=_SURE_FACTOR),
        }
    )


def _means(detector: Detector, attacks: Sequence[Sample]) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for kind in sorted({sample.kind for sample in attacks}):
        z = [detector.standardise(sample.features, detector.attack.names) for sample in attacks if sample.kind == kind]
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
    return max(float(high - low) / 2, 0.25 * float(values.std()), 1e-4)


def _logit(detector: Detector, linear: Linear, features: Features) -> float:
    return logit(linear, detector.standardise(features, linear.names))


def _attack(detector: Detector, names: Sequence[str], genuine: Sequence[Features], attacks: Sequence[Sample]) -> Linear:
    """Every species weighs the same, however many presentations of it there are."""
    count = {sample.kind: 0 for sample in attacks}
    for sample in attacks:
        count[sample.kind] += 1
    weights = [len(attacks) / len(count) / count[sample.kind] for sample in attacks]
    return _fit(detector, names, genuine, [sample.features for sample in attacks], [1.0] * len(genuine), weights)


def _fit(
    detector: Detector,
    names: Sequence[str],
    low: Sequence[Features],
    high: Sequence[Features],
    low_weights: Sequence[float],
    high_weights: Sequence[float] | None = None,
) -> Linear:
    from sklearn.linear_model import LogisticRegression  # the appliance judges without it

    z = np.nan_to_num(np.array([detector.standardise(f, names) for f in (*low, *high)]))
    target = np.array([0] * len(low) + [1] * len(high))
    weight = np.array([*low_weights, *(high_weights or [1.0] * len(high))])
    for label in (0, 1):
        weight[target == label] /= weight[target == label].sum() / len(target) * 2
    model = LogisticRegression(C=_REGULARISATION, max_iter=2000)
    model.fit(np.hstack([z, np.abs(z)]), target, sample_weight=weight)
    found = [round(float(value), 5) for value in model.coef_[0]]
    return Linear(
        names=tuple(names),
        weights=tuple(found[: len(names)]),
        magnitudes=tuple(found[len(names) :]),
        bias=round(float(model.intercept_[0]), 5),
    )


def _skin(detector: Detector, genuine: Sequence[Features], names: Sequence[str]) -> Skin:
    """Whitened directions of genuine faces over the figures that are ratios of bands: material, not shape or light."""
    material = tuple(name for name in names if name.split()[0] in _PAIRED and not name.endswith(("beside", "grain")))
    z = np.nan_to_num(np.array([detector.standardise(f, material) for f in genuine]))
    spread = np.cov(z.T)
    spread = (1 - _SHRINK) * spread + _SHRINK * np.eye(len(material)) * np.trace(spread) / len(material)
    values, vectors = np.linalg.eigh(spread)
    directions = (vectors / np.sqrt(values)).T
    return Skin(
        names=material,
        directions=tuple(tuple(round(float(value), 4) for value in row) for row in directions),
    )


def _held_out(
    detector: Detector, names: Sequence[str], genuine: Sequence[Features], attacks: Sequence[Sample]
) -> tuple[list[float], list[float]]:
    """Scores and distances of genuine samples by detectors that have not seen them."""
    scores, distances = [], []
    for fold in range(5):
        rest = [f for place, f in enumerate(genuine) if place % 5 != fold]
        linear = _attack(detector, names, rest, attacks)
        blind = detector.model_copy(update={"skin": _skin(detector, rest, names)})
        for place, features in enumerate(genuine):
            if place % 5 == fold:
                scores.append(_logit(detector, linear, features))
                distances.append(blind.distance(features))
    return scores, distances


def _zone(values: Sequence[float], share: float, sure: float = 1.0) -> Zone:
    """Accept up to the quantile that leaves `share` of the genuine above; sure of an attack only well beyond."""
    ordered = np.sort(np.array(values))
    accept = float(np.quantile(ordered, 1.0 - share))
    width = max(accept - float(np.median(ordered)), 1e-3)
    return Zone(accept=round(accept, 4), attack=round(accept + 0.5 * width * sure, 4))


__all__ = ["CLIP", "COVERED", "GENUINE", "NotEnough", "Sample", "learn", "names_for"]
