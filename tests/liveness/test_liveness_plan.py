"""The order of a burst is complete, and nobody can tell it in advance."""

import random
from collections import Counter

import pytest

from appliance.liveness.bands import REQUIRED
from appliance.liveness.plan import plan_burst


@pytest.mark.parametrize("bands", [("850",), ("850", "940"), ("850", "940", "970")])
def test_two_dark_and_two_of_each(bands: tuple[str, ...]) -> None:
    for seed in range(50):
        plan = plan_burst(bands, random.Random(seed))
        assert Counter(plan) == {None: 2, **dict.fromkeys(bands, 2)}


def test_every_order_comes_up_and_none_is_preferred() -> None:
    draw = random.Random(7)
    counts = Counter(plan_burst(("850", "940"), draw) for _ in range(9000))
    assert len(counts) == 90
    assert max(counts.values()) < 160


def test_same_chance_same_plan_and_system_chance_fits() -> None:
    assert plan_burst(("850",), random.Random(3)) == plan_burst(("850",), random.Random(3))
    assert len(plan_burst(("850", "940"), random.SystemRandom())) == 6


@pytest.mark.parametrize("bands", [(), ("850", "850")])
def test_refused(bands: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="each named once"):
        plan_burst(bands, random.Random(1))


def test_required_bands_are_those_of_the_sources() -> None:
    assert [(band.name, band.wavelength_nm) for band in REQUIRED] == [("850", 850), ("940", 940)]
    assert all(0 < low < high < 1 for low, high in (band.skin for band in REQUIRED))
