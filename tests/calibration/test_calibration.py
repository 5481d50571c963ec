"""Calibrations: kept whole or not at all, and every single fault of the light is noticed against them."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from calibration_lamps import LEDS, Lane
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.liveness import calibration as module
from appliance.liveness.calibration import (
    Calibration,
    CalibrationError,
    CameraCalibration,
    Identity,
    age_finding,
    alike,
    compare,
    load,
    mean_leds,
    save,
)
from appliance.liveness.reading import Finding, Trouble, read

PULSES = dict.fromkeys(LEDS, 4000)
WHO = Identity(model="m", firmware="1", serial_number="1")
DRIFT = 0.2
MADE = datetime(2026, 11, 1, tzinfo=UTC)


def measured(lane: Lane, pulses: dict[str, int] = PULSES) -> CameraCalibration:
    looks = [read("nir", lane.burst(), Lane.PATCH, LEDS) for _ in range(3)]
    assert not any(look.findings for look in looks)
    return CameraCalibration(
        camera=WHO,
        illuminator=WHO,
        reference=(20, 190, 24, 24),
        dark_dn=5.0,
        dark_noise_dn=1.2,
        leds=mean_leds(looks, pulses),
    )


STORED = measured(Lane())


def found(lane: Lane) -> list[Finding]:
    """All that a test of the lane would say."""
    reading = read("nir", lane.burst(), Lane.PATCH, LEDS)
    return list(reading.findings) or list(compare(STORED, reading, DRIFT))


def troubles(lane: Lane) -> list[Trouble]:
    return [finding.trouble for finding in found(lane)]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_in_a_lane_that_has_not_changed(seed: int) -> None:
    lane = Lane(seed)
    assert troubles(lane) == []
    lane.somebody = True
    assert troubles(lane) == [], "who stands there hides nothing that is compared"


def test_what_is_stored_is_what_was_seen() -> None:
    one = STORED.leds["940L"]
    assert one.level_dn == pytest.approx(60.0, abs=0.5)
    assert one.noise_dn == pytest.approx(1.2 * (1 + 1 / 2) ** 0.5, rel=0.2), "of one exposure less the mean of two"
    assert (len(one.pattern), len(one.pattern[0])) == (12, 16)
    with pytest.raises(CalibrationError, match="two looks"):
        mean_leds([read("nir", Lane().burst(), Lane.PATCH, LEDS)], PULSES)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.82, 1.18),
    st.lists(st.floats(-0.01, 0.01), min_size=len(LEDS), max_size=len(LEDS)),
    st.floats(0, 60),
)
def test_lamps_that_warm_up_together_are_no_fault(
    seed: int, together: float, apart: list[float], ambient: float
) -> None:
    lane = Lane(seed)
    lane.ambient = ambient
    lane.power = {led: power * (together + off) for (led, power), off in zip(lane.power.items(), apart, strict=True)}
    assert troubles(lane) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(LEDS), st.floats(0.25, 0.45), st.booleans())
def test_one_lamp_that_drifts_too_far_is_found(seed: int, led: str, by: float, brighter: bool) -> None:
    lane = Lane(seed)
    lane.power[led] *= 1 + by if brighter else 1 - by
    [finding] = found(lane)
    assert finding.trouble in (Trouble.DRIFT, Trouble.SWAPPED)
    assert led in finding.words


SINGLE_FAULTS: dict[str, Callable[[Lane], None]] = {
    **{f"dead {led}": (lambda lane, led=led: lane.power.update({led: 0.0})) for led in LEDS},  # type: ignore[misc]
    **{
        f"{one} for {other}": (lambda lane, one=one, other=other: lane.wired.update({one: other, other: one}))  # type: ignore[misc]
        for one, other in combinations(LEDS, 2)
    },
    **{
        f"always {led}": (lambda lane, led=led: lane.wired.update(dict.fromkeys(LEDS, led)))  # type: ignore[misc]
        for led in LEDS
    },
}


@pytest.mark.parametrize("name", SINGLE_FAULTS)
@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.9, 1.1), st.floats(0, 60))
def test_no_single_fault_passes_in_any_light(name: str, seed: int, together: float, ambient: float) -> None:
    lane = Lane(seed)
    lane.ambient = ambient
    lane.power = {led: power * together for led, power in lane.power.items()}
    SINGLE_FAULTS[name](lane)
    assert troubles(lane), name


@pytest.mark.parametrize("pair", list(combinations(LEDS, 2)), ids="-".join)
@pytest.mark.parametrize("somebody", [False, True], ids=["empty lane", "somebody in view"])
def test_an_exchange_is_called_one_with_both_names(pair: tuple[str, str], somebody: bool) -> None:
    lane = Lane(7)
    lane.somebody = somebody
    lane.wired = {pair[0]: pair[1], pair[1]: pair[0]}
    [finding] = found(lane)
    assert finding.trouble is Trouble.SWAPPED
    assert all(led in finding.words for led in pair)


def test_lamps_of_one_power_are_told_apart_by_where_their_light_lies_and_what_cannot_be_is_named() -> None:
    lane = Lane()
    lane.power = dict.fromkeys(LEDS, 120.0)
    equal = measured(lane)
    assert all(one[-1] == other[-1] for one, other in alike(equal.leds)), "left and right are never alike"
    for one, other in (("850L", "850R"), ("850L", "940L")):
        for lane.somebody in (False, True):
            lane.wired = {one: other, other: one}
            reading = read("nir", lane.burst(), Lane.PATCH, LEDS)
            [finding] = compare(equal, reading, DRIFT)
            assert (finding.trouble, one in finding.words, other in finding.words) == (Trouble.SWAPPED, True, True)
    twin = equal.leds | {"850R": equal.leds["850L"]}
    assert ("850L", "850R") in alike(twin)


def test_a_pulse_belongs_to_the_wire_and_not_to_the_lamp() -> None:
    """850L has half the time of the others: lamps that change places bring their power, not their time."""
    pulses = PULSES | {"850L": 2000}
    lane = Lane()
    lane.power["850L"] /= 2
    stored = measured(lane, pulses)
    lane = Lane(3)
    lane.power |= {"850L": 120.0 / 2, "940L": 180.0}
    lane.wired = {}
    # What 850L's wire now lights is the lamp of 940L for half the time, and the other way round.
    shapes = lane.shape
    lane.shape = lambda led: shapes({"850L": "940L", "940L": "850L"}.get(led, led))  # type: ignore[method-assign]
    reading = read("nir", lane.burst(), Lane.PATCH, LEDS)
    [finding] = compare(stored, reading, 0.9)
    assert finding.trouble is Trouble.SWAPPED


def test_something_new_in_the_lane_is_no_exchange() -> None:
    lane = Lane(5)
    lane._scene[40:160, 200:300] = 0.9
    assert troubles(lane) == []


def test_an_led_that_was_never_calibrated() -> None:
    less = STORED.model_copy(update={"leds": {led: one for led, one in STORED.leds.items() if led != "970L"}})
    reading = read("nir", Lane().burst(), Lane.PATCH, LEDS)
    [finding] = compare(less, reading, DRIFT)
    assert (finding.trouble, "970L" in finding.words) == (Trouble.UNCALIBRATED, True)


# --- the file ---------------------------------------------------------------------------------------------------


def calibration() -> Calibration:
    return Calibration(made=MADE, lane_id="E-07", simulated=True, band_set="rgb+850", cameras={"nir": STORED})


@pytest.mark.parametrize(("days", "said"), [(0, None), (29.9, None), (30.1, "30 days old"), (-2, "-2 days old")])
def test_age(days: float, said: str | None) -> None:
    finding = age_finding(calibration(), MADE + timedelta(days=days), 30)
    assert (finding is None) is (said is None)
    assert finding is None or (said or "") in finding.words


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "calibration.json"
    save(path, calibration())
    assert load(path) == calibration()
    assert os.listdir(path.parent) == ["calibration.json"]


def test_a_write_that_breaks_off_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calibration.json"
    save(path, calibration())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(CalibrationError, match="No space left"):
        save(path, calibration().model_copy(update={"lane_id": "E-08"}))
    assert load(path).lane_id == "E-07"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"format": "sallyport-calibration-1"}, "format"),
        ({"made": "2026-11-01T00:00:00"}, "made"),
        ({"extra": 1}, "extra"),
        ({"cameras": {}}, "cameras"),
        ({"level_dn": float("nan")}, "level_dn"),
        ({"level_dn": -1}, "level_dn"),
        ({"pattern": [[1.0]]}, "pattern"),
        ({"pattern": [[float("inf")] * 16] * 12}, "pattern"),
    ],
)
def test_a_file_that_is_no_calibration_says_where(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    path = tmp_path / "calibration.json"
    raw = json.loads(calibration().model_dump_json())
    target = raw["cameras"]["nir"]["leds"]["850L"] if place in ("level_dn", "pattern") else raw
    target.update(change)
    path.write_text(json.dumps(raw))
    with pytest.raises(CalibrationError, match=place):
        load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_what_is_not_even_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match=r"appliance calibrate|cannot be read"):
        load(path)
    with pytest.raises(CalibrationError, match="does not exist"):
        load(tmp_path / "none.json")
