"""Who moves, stands in the sun, far away or turned is told so, and never under suspicion for it; nor accepted."""

import numpy as np
import pytest

from appliance.core.types import Advice, Result
from appliance.liveness.circumstances import CIRCUMSTANCES, against, measured
from appliance.liveness.cues import Features
from appliance.liveness.detector import Detector
from appliance.liveness.learn import GENUINE, Sample, learn

NAMES = ("940/850 level", "940/850 nose", "R/G level")


def drawn(rng: np.random.Generator, dry: float = 0.0, **capture: float) -> Features:
    values = dict(zip(NAMES, (np.array([-0.12, 0.0, 0.5]) + 0.02 * rng.standard_normal(3)).tolist(), strict=True))
    values["940/850 level"] += dry
    return Features({**values, **{f"capture {name}": value for name, value in capture.items()}})


@pytest.fixture(scope="module")
def learned() -> Detector:
    rng = np.random.default_rng(1)
    samples = [Sample(drawn(rng), GENUINE) for _ in range(200)]
    samples += [Sample(drawn(rng, 0.2), name) for name in ("resin_mask", "print_dye") for _ in range(30)]
    return learn(samples, "rgb+850+940", version="1", kind="simulated", learned_on="x")


@pytest.mark.parametrize("one", CIRCUMSTANCES, ids=lambda one: one.figure)
def test_a_suspicion_under_a_circumstance_is_advice(learned: Detector, one) -> None:
    rng = np.random.default_rng(2)
    name = one.figure.removeprefix("capture ")
    plain = learned.judge(drawn(rng, 0.2, **{name: 0.9 * one.beyond}))
    assert (plain.result, plain.advice) == (Result.FAILED, None)
    excused = learned.judge(drawn(rng, 0.2, **{name: 1.1 * one.beyond}))
    assert (excused.result, excused.advice) == (Result.UNDETERMINED, one.advice)
    assert excused.reasons[0] == one.words
    assert len(excused.reasons) > 1, "what was suspicious is told all the same"


def test_a_circumstance_changes_no_success_and_makes_none(learned: Detector) -> None:
    rng = np.random.default_rng(3)
    hard = {"ambient": 2.0, "movement": 0.3, "scale": 1.4, "turn": 0.25}
    genuine = [learned.judge(drawn(rng, **hard)).result for _ in range(50)]
    assert genuine.count(Result.SUCCESSFUL) >= 43
    assert Result.FAILED not in genuine
    assert all(learned.judge(drawn(rng, 0.2, **hard)).result is Result.UNDETERMINED for _ in range(50))


def test_no_detector_learns_from_a_circumstance(learned: Detector) -> None:
    rng = np.random.default_rng(4)
    samples = [Sample(drawn(rng, movement=rng.uniform(0, 0.05)), GENUINE) for _ in range(60)]
    samples += [Sample(drawn(rng, 0.2, movement=0.04), name) for name in ("resin_mask", "print_dye") for _ in range(20)]
    found = learn(samples, "rgb+850+940", version="1", kind="simulated", learned_on="x")
    assert set(found.names) == set(NAMES)


def test_what_a_burst_tells_of_its_circumstances() -> None:
    figures = {"scale": 1.2, "turn": -0.2, "growth": 0.0, "speed": 2.0, "nir_ambient": 0.1, "swir_ambient": 0.7}
    found = measured(figures)
    assert found == pytest.approx(
        {"capture ambient": 0.7, "capture movement": 0.126, "capture scale": 1.2, "capture turn": 0.2}
    )
    walking = measured({"growth": 0.25, "speed": 0.0})
    assert walking["capture movement"] == pytest.approx(0.15)
    assert against(walking).advice is Advice.STAND_STILL
    assert measured({}) == {}
    assert against({}) is None
