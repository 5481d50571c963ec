"""Rows made by hand or drawn with a seed. Test only."""

from itertools import count

import numpy as np

from appliance.core.types import Result
from appliance.evaluate.outcome import Outcome, RunHeader, Stated
from appliance.evaluate.species import BONA_FIDE, SPECIES

_numbers = count()
THRESHOLD = 0.5


def attack(
    result: Result, species: str = "paper_mask", *, score: float | None = None, compared: bool | None = None
) -> Outcome:
    return _row(result, species, score=score, compared=compared)


def genuine(
    result: Result,
    *,
    score: float | None = None,
    groups: dict[str, str] | None = None,
    conditions: dict[str, float | str] | None = None,
) -> Outcome:
    return _row(result, BONA_FIDE, score=score, groups=groups or {}, conditions=conditions or {})


def _row(result: Result, species: str, *, score: float | None, **more: object) -> Outcome:
    if score is None and result is not Result.NOT_PERFORMED:
        score = {Result.SUCCESSFUL: 0.9, Result.UNDETERMINED: 0.45}.get(result, 0.1)
    return Outcome.model_validate(
        {
            "record": f"r{next(_numbers):05}",
            "species": species,
            "subject": "s01",
            "result": result,
            "score": score,
            "threshold": None if score is None else THRESHOLD,
            **more,
        }
    )


def header(band_set: str = "rgb+850+940", **changes: object) -> RunHeader:
    return RunHeader.model_validate(
        {
            "kind": "simulated",
            "dataset": "drawn-1",
            "source": "seeded draws of the tests",
            "band_set": band_set,
            "protocol": "leave-one-species-out",
            "detector": "toy 1",
            "made_at": "2026-11-28T12:00:00+00:00",
            "train_set": "drawn-0",
            "stated": Stated(n=200, failed=4, undetermined=3, site="drawn-0"),
            **changes,
        }
    )


STRENGTH = {"rgb": 0.5, "rgb+850": 1.2, "rgb+850+940": 2.2, "rgb+850+940+1050+1300+1550": 4.0}
_HARD = {"silicone_tuned_mask": 0.45, "silicone_nose": 0.5, "paper_mask": 0.7}


def drawn(band_set: str, *, seed: int = 3, per_species: int = 60, bona_fide: int = 300) -> list[Outcome]:
    """A run as a detector of that strength might give it; some attacks are harder than others."""
    rng = np.random.default_rng([seed, len(band_set)])
    rows = [_drawn(rng, BONA_FIDE, 2.0, index) for index in range(bona_fide)]
    for species in SPECIES:
        middle = 2.0 - STRENGTH[band_set] * 2.0 * _HARD.get(species, 1.0)
        rows += [_drawn(rng, species, middle, index) for index in range(per_species)]
    return rows


def _drawn(rng: np.random.Generator, species: str, middle: float, index: int) -> Outcome:
    sun = float(rng.choice([0.0, 0.3, 0.6], p=[0.8, 0.1, 0.1]))
    margin = float(rng.normal(middle - (sun if species == BONA_FIDE else 0.0), 0.9))
    score = 1.0 / (1.0 + np.exp(-margin))
    if rng.random() < 0.01:
        result = Result.NOT_PERFORMED
    else:
        result = Result.SUCCESSFUL if score >= 0.5 else Result.UNDETERMINED if score > 0.4 else Result.FAILED
    skin = rng.choice(["I", "II", "III", "IV", "V", "VI"])
    answered = result is not Result.NOT_PERFORMED
    return Outcome(
        record=f"{species}-{index:04}",
        species=species,
        subject=f"s{index % 40:02}",
        result=result,
        reason="" if result is Result.SUCCESSFUL else "No face was found." if not answered else "Water is missing.",
        score=float(score) if answered else None,
        threshold=0.5 if answered else None,
        seconds=0.05,
        groups={"fitzpatrick": str(skin), "glasses": str(rng.choice(["none", "full_rim"], p=[0.8, 0.2]))},
        conditions={"sun": sun, "distance_m": float(rng.uniform(0.45, 0.95))},
        shown={"water": float(margin * 0.1 - 0.1), "tone": float(rng.normal(0.0, 0.2))} if answered else {},
    )
