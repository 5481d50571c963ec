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
from appliance.liveness.detector import Detector, Kernel, Trend, Zone, quadratic

F64 = NDArray[np.float64]

GENUINE, COVERED = "bona_fide", "covered"
"""Kinds of sample that are no attack: a bare face, and one under a medical mask or scarf."""
BPCER_STATED, REFERRED_STATED = 0.01, 0.06
"""Share of genuine faces of the site that all checks together may take for attacks, and may not accept at most."""
_PENALTY, _WIDTH = 3.0, 0.6
"""Of the support vector machines: C, and gamma times the number of figures."""
_SHARES = (0.6, 0.2, 0.2)
"""How the three checks divide these shares: classifier, face, parts."""
_COLOUR = ("G level", "R/G level", "850/R level", "850 level")
"""What tells how much pigment and blood a face has."""
_TRENDS = tuple(f"{ratio} level" for ratio in ("940/850", "970/850", "970/940", "1300/1050", "1550/1050"))
_EMPHASIS = 2.0
"""How much more a standard deviation from a trend counts than one of any other figure."""
_RIG = ("lamps", "shape slope", "shape least slope", "shape agreement")
_REACH, _NEAR_REACH = 1.0, 0.25
"""How far beyond the genuine the bounds of a figure lie, in widths of their range. Those that tell an exchanged lamp
lie closer: nobody's face moves them. So do those that tell water: the driest of the genuine wears heavy make-up."""
_BREACHED = 0.05
"""Share of the attacks of an unseen species beyond whose scores the classifier's threshold looks."""
_KNOWN_SHARE = 0.6
_ALWAYS = 0.995
_COVERABLE = " neck"
"""Never required, however often it was seen: beards, collars and headscarves hide it."""
_SHRINK = 0.05
_FOLDS = 5
_COVERED_LEAST = 10
_UNCERTAINTY = {"thermal": 0.3, "depth": 1.0}
"""What a rig cannot know better than, whatever genuine faces of one kind of rig show: degrees, millimetres."""
_UNCERTAIN_RATIO, _UNCERTAIN_STEP, _UNCERTAIN_COLOUR, _UNCERTAIN = 0.012, 0.005, 0.03, 0.05
"""Likewise of logarithms: two bands lit by LEDs side by side, flat to a per cent (docs/bands-and-calibration.md); the
same within a centimetre, where the field is flatter still; a band against the visible, which is lit from elsewhere; and
of everything else."""
_NEAR = (" step", " edges", " grain")
"""Figures that compare what lies within a centimetre."""


class NotEnough(Exception):
    """Too few presentations to learn from; the message says of what and how many are needed."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Features of one presentation and what it was: GENUINE, COVERED or the name of a PAI species."""

    features: Features
    kind: str


_ZONES = ("attack_zone", "skin_zone", "part_zone")


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
    if subject.startswith("850/G"):
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
    referred: float = REFERRED_STATED,
) -> Detector:
    """A detector of one band set. `bpcer` is stated to be taken for attacks, `referred` is that or undetermined.

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
        limit = float(np.quantile([covering.score(_known(detector, f)) for f in genuine], 0.998))
        detector = detector.model_copy(update={"covering": covering, "covering_limit": round(max(0.0, limit), 4)})
    held_out = _values(detector.model_copy(update={"attack": (attack := _attack(detector, genuine, attacks))}), site)
    if not site:
        held_out = _held_out(names, genuine, attacks)
    zones = {
        zone: _zone(values, bpcer * share, referred * share)
        for zone, values, share in zip(_ZONES, zip(*held_out, strict=True), _SHARES, strict=True)
    }
    detector = detector.model_copy(update={"attack": attack, "species": _means(detector, attacks), **zones})
    unseen = _unseen(detector, genuine, attacks)
    return detector.model_copy(update={"attack_zone": _placed(detector.attack_zone, unseen)})


def _uncertainty(name: str) -> float:
    """How well a calibrated rig knows a figure, in its own unit."""
    subject = name.split()[0]
    if subject in _PAIRED:
        if _PAIRED[subject] & {"R", "G", "B"}:
            return _UNCERTAIN_COLOUR
        return _UNCERTAIN_STEP if name.endswith(_NEAR) else _UNCERTAIN_RATIO
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
        bounds=tuple(_bounds(name, values) for name, values in zip(names, known, strict=True)),
        always=tuple(
            name
            for name, values in zip(names, known, strict=True)
            if len(values) >= _ALWAYS * len(genuine) and not name.endswith(_COVERABLE)
        ),
        trends=(),
        directions=(),
        attack=Kernel(gamma=1.0, importance=(1.0,) * len(names), support=(), weights=(), bias=0.0),
        attack_zone=Zone(accept=0.0, attack=0.0),
        skin_zone=Zone(accept=0.0, attack=0.0),
        part_zone=Zone(accept=0.0, attack=0.0),
        covering=None,
    )
    bare = bare.model_copy(
        update={"trends": _trends(names, np.array([_known(bare, f) for f in genuine]), unsure / scale)}
    )
    z = np.array([_known(bare, f) for f in genuine])
    unknown = np.append(unsure / scale, np.zeros(len(bare.trends)))
    spread = np.cov(z.T) + np.diag(np.square(unknown))
    spread = (1 - _SHRINK) * spread + _SHRINK * np.eye(len(spread)) * np.trace(spread) / len(spread)
    values, vectors = np.linalg.eigh(spread)
    directions = (vectors / np.sqrt(values)).T
    return bare.model_copy(
        update={"directions": tuple(tuple(round(float(value), 4) for value in row) for row in directions)}
    )


def _trends(names: tuple[str, ...], z: F64, unsure: F64) -> tuple[Trend, ...]:
    """How the figures that tell water follow the colour of genuine faces; no better known than the rig knows them."""
    found = []
    for name in (name for name in _TRENDS if name in names):
        by = tuple(colour for colour in _COLOUR if colour in names)
        terms = quadratic(z[:, [names.index(colour) for colour in by]])
        target = z[:, names.index(name)]
        # Ridge: a few genuine faces do not tell fifteen numbers.
        weights = np.linalg.solve(terms.T @ terms + np.eye(terms.shape[1]), terms.T @ target)
        spread = round(float(np.hypot((target - terms @ weights).std(), unsure[names.index(name)])), 4)
        found.append(Trend(name=name, by=by, weights=tuple(round(float(w), 4) for w in weights), spread=spread))
    return tuple(found)


def _known(detector: Detector, features: Features) -> F64:
    """Standardised figures; what was not measured counts as mean skin, as the detector itself has it."""
    return np.asarray(np.nan_to_num(detector.standardise(features)))


def _values(detector: Detector, several: Sequence[Features]) -> list[tuple[float, float, float]]:
    """What the three zones judge: score, distance and how far a part lies apart."""
    known = [_known(detector, features) for features in several]
    return [(detector.attack.score(z), detector.distance(z), detector.apart(z)) for z in known]


def _means(detector: Detector, attacks: Sequence[Sample]) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for kind in sorted({sample.kind for sample in attacks}):
        z = [detector.standardise(sample.features) for sample in attacks if sample.kind == kind]
        found[kind] = tuple(round(float(value), 3) for value in np.nan_to_num(np.array(z)).mean(axis=0))
    return found


def _bounds(name: str, values: F64) -> tuple[float, float]:
    """The range of the genuine, widened on either side; a slope of light never changes its sign."""
    low, high = float(values.min()), float(values.max())
    near = name.endswith(_RIG) or name in _TRENDS
    width = max(high - low, 6 * _spread(values)) * (_NEAR_REACH if near else _REACH)
    bounds = round(low - width, 4), round(high + width, 4)
    return (bounds[0], min(bounds[1], 0.0)) if name.endswith(_RIG) and high < 0 else bounds


def _spread(values: F64) -> float:
    """Robust standard deviation, never zero."""
    low, high = np.quantile(values, (0.16, 0.84))
    return max(float(high - low) / 2, 0.6 * float(values.std()), 1e-4)


def _attack(detector: Detector, genuine: Sequence[Features], attacks: Sequence[Sample]) -> Kernel:
    """Every species weighs the same, however many presentations of it there are."""
    count = {sample.kind: 0 for sample in attacks}
    for sample in attacks:
        count[sample.kind] += 1
    weights = [1.0 / count[sample.kind] for sample in attacks]
    return _fit(detector, genuine, [sample.features for sample in attacks], weights)


def _fit(
    detector: Detector, low: Sequence[Features], high: Sequence[Features], high_weights: Sequence[float] = ()
) -> Kernel:
    """A support vector machine, `high` against `low`; both sides weigh the same."""
    from sklearn.svm import SVC  # the appliance judges without it

    importance = np.array([1.0] * len(detector.names) + [_EMPHASIS] * len(detector.trends))
    x = np.array([_known(detector, f) for f in (*low, *high)]) * importance
    target = np.array([0] * len(low) + [1] * len(high))
    weight = np.array([1.0] * len(low) + [*(high_weights or [1.0] * len(high))])
    for label in (0, 1):
        weight[target == label] /= weight[target == label].sum() / len(target) * 2
    model = SVC(C=_PENALTY, gamma=_WIDTH / x.shape[1])
    model.fit(x, target, sample_weight=weight)
    return Kernel(
        gamma=round(float(model.gamma), 6),
        importance=tuple(float(value) for value in importance),
        support=tuple(tuple(round(float(v), 2) for v in row) for row in model.support_vectors_ / importance),
        weights=tuple(round(float(value), 5) for value in model.dual_coef_[0]),
        bias=round(float(model.intercept_[0]), 5),
    )


def _held_out(
    names: tuple[str, ...], genuine: Sequence[Features], attacks: Sequence[Sample]
) -> list[tuple[float, float, float]]:
    """What the zones judge of each genuine sample, by a detector that has not seen it."""
    found: list[tuple[float, float, float]] = []
    for fold in range(_FOLDS):
        rest = [f for place, f in enumerate(genuine) if place % _FOLDS != fold]
        blind = _of_skin(rest, names)
        blind = blind.model_copy(update={"attack": _attack(blind, rest, attacks)})
        found += _values(blind, genuine[fold::_FOLDS])
    return found


def _unseen(detector: Detector, genuine: Sequence[Features], attacks: Sequence[Sample]) -> list[float]:
    """Scores of the attacks that the limits of skin leave, each species by a classifier that has not seen it."""
    found: list[float] = []
    for kind in sorted({sample.kind for sample in attacks}):
        blind = _attack(detector, genuine, [sample for sample in attacks if sample.kind != kind])
        known = [_known(detector, sample.features) for sample in attacks if sample.kind == kind]
        found += [blind.score(z) for z in known if detector.within_limits(z)]
    return found


def _placed(zone: Zone, attacks: Sequence[float]) -> Zone:
    """The classifier's zone, placed by what attacks of unseen species reach (`attacks`, their scores).

    Where they leave a gap beyond the genuine, both limits stand in the middle of it, for another cabinet moves the
    genuine. Where they do not, as many of the genuine are undetermined as the attacks demand, and the zone allows; and
    suspected is only who lies beyond the usual attack, for heavy make-up and another cabinet come near the others.
    """
    if not attacks:  # the limits of skin leave none
        return Zone(accept=zone.attack, attack=zone.attack)
    breached, usual = (float(value) for value in np.quantile(np.array(attacks), (_BREACHED, 0.5)))
    if breached > zone.attack:
        middle = round((zone.attack + breached) / 2, 4)
        return Zone(accept=middle, attack=middle)
    return Zone(accept=round(max(zone.accept, breached), 4), attack=round(max(zone.attack, usual), 4))


def _zone(values: Sequence[float], share: float, unsure: float) -> Zone:
    """Accept what all but `unsure` of the genuine reach; sure of an attack beyond all but `share` of them."""
    accept, attack = (float(v) for v in np.quantile(np.array(values), (1.0 - unsure, 1.0 - share)))
    return Zone(accept=round(accept, 4), attack=round(attack, 4))


__all__ = ["COVERED", "GENUINE", "NotEnough", "Sample", "learn", "names_for"]
