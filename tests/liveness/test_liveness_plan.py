"""The order of a burst is complete, and nobody can tell it in advance."""

import random
from collections import Counter

import pytest

from appliance.liveness.channels import CHANNELS
from appliance.liveness.plan import LONGEST_MS, burst_ms, plan_burst

NIR = ("850L", "850R", "850C", "940L", "940R", "970L", "970R")


@pytest.mark.parametrize("leds", [("850L",), ("850L", "850R"), NIR])
def test_two_dark_and_one_of_each(leds: tuple[str, ...]) -> None:
    for seed in range(50):
        assert Counter(plan_burst(leds, random.Random(seed))) == {None: 2, **dict.fromkeys(leds, 1)}


def test_every_order_comes_up_and_none_is_preferred() -> None:
    draw = random.Random(7)
    counts = Counter(plan_burst(("850L", "850R", "940L"), draw) for _ in range(6000))
    assert len(counts) == 60
    assert max(counts.values()) < 160


def test_same_chance_same_plan_and_system_chance_fits() -> None:
    assert plan_burst(NIR, random.Random(3)) == plan_burst(NIR, random.Random(3))
    assert len(plan_burst(NIR, random.SystemRandom())) == 9


@pytest.mark.parametrize("leds", [(), ("850L", "850L")])
def test_refused(leds: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="each named once"):
        plan_burst(leds, random.Random(1))


def test_every_band_of_a_camera_fits_the_time_at_thirty_frames() -> None:
    for camera, most in (("nir", 9), ("swir", 8)):
        leds = [led for channel in CHANNELS.values() if channel.camera == camera for led in channel.leds]
        assert burst_ms([*leds, "850C"] if camera == "nir" else leds, 30) == pytest.approx(most * 1000 / 30)
    assert burst_ms(NIR, 30) <= LONGEST_MS < burst_ms((*NIR, "1050L"), 30)
    assert burst_ms(NIR, 120) == 75.0
