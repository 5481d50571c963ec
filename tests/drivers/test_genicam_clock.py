"""A GenICam camera's frame ids and clock, alone; every time is given, none is waited for."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.genicam.clock import CountBroken, Counter, DeviceClock

SLOW = 1 - 100e-6
"""A camera's clock, 100 ppm slow."""
TRANSPORT_S = 0.004


def test_frame_ids_are_counted_across_their_end() -> None:
    counter = Counter()
    assert [counter.count(one) for one in (65533, 65534, 65535, 1, 3)] == [0, 1, 2, 3, 5]
    wide = Counter()
    assert [wide.count(one) for one in (70000, 70001, 70003)] == [0, 1, 3]


def test_a_camera_that_counts_0_after_its_end_is_counted_too() -> None:
    counter = Counter()
    assert [counter.count(one) for one in (65534, 65535, 0, 1)] == [0, 1, 2, 3]


@pytest.mark.parametrize("ids", [(9, 9), (9, 5), (9, 30000), (9, 0), (5_000_000_000, 1), (70000, 69999)])
def test_a_count_that_repeats_goes_back_or_leaps_is_an_error(ids: tuple[int, int]) -> None:
    counter = Counter()
    assert counter.count(ids[0]) == 0
    with pytest.raises(CountBroken, match=f"frame {ids[1]} came after frame {ids[0]}"):
        counter.count(ids[1])
    assert counter.count(ids[0] + 1) == 1, "a broken id leaves no trace"


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(65500, 65535) | st.integers(0, 40), min_size=1, max_size=30))
def test_whatever_the_ids_the_count_grows_by_no_more_than_1000(ids: list[int]) -> None:
    counter, numbers = Counter(), [-1]
    for one in ids:
        try:
            numbers.append(counter.count(one))
        except CountBroken:
            continue
    assert all(0 < after - before <= 1000 for before, after in itertools.pairwise(numbers))


def test_a_device_clock_is_mapped_by_its_fastest_frames_and_followed_as_it_drifts() -> None:
    clock, rng = DeviceClock(), np.random.default_rng(4)
    worst = 0.0
    for number in range(2000):
        true = 100.0 + number / 30
        device = 7.0 + (true - 100.0) * 1.0001
        arrived = true + 0.004 + rng.exponential(0.003)
        stamp = clock.stamp(device, arrived)
        assert stamp <= arrived
        if number > 64:
            worst = max(worst, abs(stamp - true - 0.004))
    assert worst < 0.001


def test_a_device_without_a_clock_counts_from_the_arrival() -> None:
    clock = DeviceClock()
    assert [clock.stamp(0.0, at) for at in (1.0, 1.1)] == [1.0, 1.1]
    clock.stamp(5.0, 2.0)
    assert clock.stamp(4.0, 2.1) == 2.1, "a clock that goes back tells nothing"


@given(st.lists(st.tuples(st.floats(-1, 1e10), st.floats(0, 100)), min_size=1, max_size=100))
def test_whatever_a_device_clock_says_stamps_neither_go_back_nor_lie_in_the_future(
    steps: list[tuple[float, float]],
) -> None:
    clock, arrived, last = DeviceClock(), 0.0, float("-inf")
    for device, way in steps:
        arrived += way
        stamp = clock.stamp(device, arrived)
        assert last - 1e-5 <= stamp <= arrived, "1e-5: what a float of 1e10 s cannot tell"
        last = stamp


def stamped(clock: DeviceClock, exposed: float, latency_s: float = 0.0) -> float:
    """How much older than the exposure and the shortest transport the stamp of a frame is."""
    return exposed + TRANSPORT_S - clock.stamp(7.0 + exposed * SLOW, exposed + TRANSPORT_S + latency_s)


@pytest.mark.parametrize("pause_s", [61.0, 8 * 3600.0, 30 * 86400.0])
def test_after_a_pause_a_slow_clock_costs_no_more_than_the_first_frames_latency(pause_s: float) -> None:
    clock = DeviceClock()
    for number in range(64):
        stamped(clock, number / 30)
    assert stamped(clock, 63 / 30 + pause_s, latency_s=0.005) == pytest.approx(-0.005)
    assert stamped(clock, 64 / 30 + pause_s) == pytest.approx(0.0)


@pytest.mark.parametrize("period_s", [1 / 30, 1.0, 10.0, 59.0])
def test_however_seldom_frames_come_a_slow_clock_makes_them_6_ms_too_old_at_most(period_s: float) -> None:
    clock = DeviceClock()
    errors = [stamped(clock, number * period_s) for number in range(200)]
    assert min(errors) > -1e-9
    assert max(errors) < 0.0061


def test_frames_within_the_minute_still_lean_on_the_fastest() -> None:
    clock = DeviceClock()
    stamped(clock, 0.0)
    assert stamped(clock, 50.0, latency_s=0.2) == pytest.approx(50 * 100e-6), "its arrival alone would be 0.2 s late"
