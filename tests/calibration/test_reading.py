"""What a burst says of its LEDs: every fault is named, and a burst that is well has none."""

from typing import Any

import numpy as np
import pytest
from calibration_lamps import LEDS, Lane

from appliance.liveness.burst import Exposure, GreyPatch
from appliance.liveness.reading import GRID, Reading, Trouble, read


def troubles(reading: Reading) -> list[Trouble]:
    return [finding.trouble for finding in reading.findings]


def seen(lane: Lane, patch: GreyPatch = Lane.PATCH, **changes: Any) -> Reading:
    return read("nir", lane.burst(**changes), patch, LEDS)


def test_a_lane_that_is_well() -> None:
    lane = Lane()
    reading = seen(lane)
    assert reading.findings == ()
    assert list(reading.leds) == list(LEDS)
    for led, found in reading.leds.items():
        assert found.level == pytest.approx(0.5 * lane.power[led], rel=0.03)
        assert found.pattern.shape == GRID
        # The reference lies in the cells around row 10 and column 1, and nothing else there is as bright.
        assert float(found.pattern[9:11, 1:2].max()) == pytest.approx(1.0, abs=0.1)
    assert float(reading.dark.mean()) == pytest.approx(4 + 0.5 * lane.ambient, rel=0.1)
    left, right = reading.leds["850L"].pattern, reading.leds["850R"].pattern
    assert left is not None
    assert right is not None
    assert left[:, 0].mean() > left[:, -1].mean()
    assert right[:, 0].mean() < right[:, -1].mean()


def test_a_shorter_exposure_reads_the_same() -> None:
    lane = Lane()
    whole, half = seen(lane), seen(lane, gain=0.5)
    assert half.findings == ()
    for led in LEDS:
        assert half.leds[led].level == pytest.approx(whole.leds[led].level, rel=0.02)


@pytest.mark.parametrize("missing", range(7))
def test_an_exposure_that_is_not_there_is_out_of_step(missing: int) -> None:
    exposures = Lane().burst()
    del exposures[missing]
    assert troubles(read("nir", exposures, Lane.PATCH, LEDS)) == [Trouble.OUT_OF_STEP]


def test_nothing_or_too_much_is_out_of_step() -> None:
    exposures = Lane().burst()
    assert troubles(read("nir", [], Lane.PATCH, LEDS)) == [Trouble.OUT_OF_STEP]
    assert troubles(read("nir", [*exposures, exposures[-1]], Lane.PATCH, LEDS)) == [Trouble.OUT_OF_STEP]
    assert troubles(read("nir", exposures, Lane.PATCH, (*LEDS, "850C"))) == [Trouble.OUT_OF_STEP]


@pytest.mark.parametrize("led", LEDS)
def test_a_dead_led_is_named(led: str) -> None:
    lane = Lane()
    lane.power[led] = 0.0
    reading = seen(lane)
    assert troubles(reading) == [Trouble.MISSING]
    assert led in reading.findings[0].words


def test_without_any_light_it_is_not_one_led() -> None:
    lane = Lane()
    lane.power = dict.fromkeys(LEDS, 0.0)
    assert seen(lane).findings[0].words.startswith("No LED answers")


@pytest.mark.parametrize("led", LEDS)
def test_an_led_that_never_goes_off_leaves_no_answer(led: str) -> None:
    assert troubles(seen(Lane(), stuck=led)) == [Trouble.MISSING]


@pytest.mark.parametrize("pair", [(0, 1), (0, 6), (2, 4)])
def test_one_picture_twice_is_a_stuck_camera(pair: tuple[int, int]) -> None:
    exposures = Lane().burst()
    one, other = (exposures[place] for place in pair)
    exposures[pair[1]] = Exposure("nir", other.led, one.image, other.sequence)
    assert troubles(read("nir", exposures, Lane.PATCH, LEDS)) == [Trouble.STUCK]


def test_overexposed_is_not_stuck() -> None:
    lane = Lane()
    lane.power["850L"] = lane.power["850R"] = 700.0
    reading = seen(lane)
    assert troubles(reading) == [Trouble.SATURATED]
    assert "850L" in reading.findings[0].words
    lane.ambient = 400.0
    assert Trouble.SATURATED in troubles(seen(lane))


def test_light_that_changes_between_dark_exposures_is_out_of_step() -> None:
    assert Trouble.OUT_OF_STEP in troubles(seen(Lane(), second_dark=30.0))


@pytest.mark.parametrize("patch", [(-1, 0, 20, 20), (300, 0, 40, 40), (0, 230, 20, 20), (10, 10, 4, 20)])
def test_a_reference_that_is_not_in_the_picture(patch: tuple[int, int, int, int]) -> None:
    assert troubles(seen(Lane(), GreyPatch(*patch))) == [Trouble.COVERED]


def test_a_reference_half_hidden_is_covered() -> None:
    exposures = Lane().burst()
    patch = Lane.PATCH
    for exposure in exposures:
        exposure.image[patch.y : patch.y + patch.height, patch.x : patch.x + patch.width // 2] //= 5
    assert troubles(read("nir", exposures, patch, LEDS)) == [Trouble.COVERED]


def test_any_image_a_camera_can_deliver_is_read_without_an_exception() -> None:
    chance = np.random.default_rng(1)
    for level in (0, 1, 128, 255):
        flat = [Exposure("nir", led, np.full((240, 320), level, np.uint8), place) for place, led in enumerate(order())]
        assert read("nir", flat, Lane.PATCH, LEDS).findings
    noise = [
        Exposure("nir", led, chance.integers(0, 256, (240, 320), np.uint8), place) for place, led in enumerate(order())
    ]
    assert read("nir", noise, Lane.PATCH, LEDS).findings


def order() -> list[str | None]:
    return [None, *LEDS, None]
