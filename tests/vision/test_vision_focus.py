"""Focus and exposure figures, and whether a camera goes on: drawn pictures whose answer is known."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.control.looks import BandFigures
from appliance.liveness.burst import Capture, Exposure
from appliance.vision.focus import NothingToShow, Peak, box, figures, sharpness, view_of
from appliance.vision.steady import steady
from drivers.ports import Frame

U8 = NDArray[np.uint8]
SHAPE = (480, 640)
RNG = np.random.default_rng(5)


def chart(low: int = 40, high: int = 200, pitch: int = 8) -> U8:
    """A chequered chart with a little noise."""
    y, x = np.indices(SHAPE)
    squares = np.where((x // pitch + y // pitch) % 2, low, high).astype(np.float32)
    return np.asarray(np.clip(squares + RNG.normal(0, 1, SHAPE), 0, 255), np.uint8)


def blurred(image: U8, sigma: float) -> U8:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def capture(left: U8, right: U8 | None = None, dark: U8 | None = None) -> Capture:
    shots = {"850L": left, "850R": left if right is None else right, None: np.zeros(SHAPE, np.uint8)}
    if dark is not None:
        shots[None] = dark
    exposures = tuple(Exposure("nir", led, image, number) for number, (led, image) in enumerate(shots.items()))
    return Capture(cv2.cvtColor(left, cv2.COLOR_GRAY2BGR), exposures, {})


def told(taken: Capture, channel: str = "850", at: tuple[float, float] = (0.5, 0.5), peak: Peak | None = None) -> Any:
    found = figures(view_of(taken, channel), channel, at, peak or Peak())
    return BandFigures.model_validate(found)


def test_the_sharper_picture_has_the_higher_figure_and_more_light_changes_nothing() -> None:
    sharp = chart()
    values = [sharpness([blurred(sharp, sigma)])[0] for sigma in (0.5, 1.0, 2.0, 3.0, 4.0)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 5 * values[-1]
    brighter = np.asarray(blurred(sharp, 1.0) * 1.2, np.uint8)
    assert sharpness([brighter])[0] == pytest.approx(values[1], rel=0.05)


def test_the_best_is_held_until_another_window_or_channel_is_chosen() -> None:
    peak, sharp, soft = Peak(), capture(chart()), capture(blurred(chart(), 3.0))
    first = told(sharp, peak=peak)
    assert (first.best, first.advice) == (first.sharpness, ("sharpest",))
    after = told(soft, peak=peak)
    assert (after.best, after.advice) == (first.sharpness, ("turn_back",))
    elsewhere = told(soft, at=(0.2, 0.2), peak=peak)
    assert (elsewhere.best, elsewhere.advice) == (elsewhere.sharpness, ("sharpest",))
    assert told(soft, "rgb", at=(0.2, 0.2), peak=peak).advice == ("sharpest",)


def test_shares_of_the_histogram_are_those_of_the_window_alone() -> None:
    image = np.full(SHAPE, 130, np.uint8)
    x, y, w, h = box(SHAPE, (0.5, 0.5))
    image[:, :x] = 255  # beside the window: of no account
    image[y : y + h // 4, x : x + w] = 252
    image[y + h - h // 8 : y + h, x : x + w] = 10
    found = told(capture(image))
    assert found.window == (x, y, w, h)
    assert sum(found.levels) == pytest.approx(1.0, abs=1e-3)
    assert found.clipped == pytest.approx(0.25, abs=0.01)
    assert found.dark == pytest.approx(0.125, abs=0.01)
    assert found.levels[252 // 4] == pytest.approx(found.clipped, abs=1e-4)
    assert found.levels[130 // 4] == pytest.approx(1 - 0.375, abs=0.01)
    assert (found.brightest, found.advice[0]) == (252, "too_bright")


def test_the_side_that_clips_is_not_hidden_by_the_other() -> None:
    found = told(capture(chart(high=255), chart(high=120)))
    assert found.clipped == pytest.approx(0.5, abs=0.05)
    assert found.advice[0] == "too_bright"


@pytest.mark.parametrize(
    ("image", "advice"),
    [
        (chart(5, 30), ("too_dark", "sharpest")),
        (chart(60, 180), ("sharpest",)),
        (np.full(SHAPE, 60, np.uint8), ("no_detail",)),  # a wall, lit well enough for where it is
        (np.full(SHAPE, 4, np.uint8), ("too_dark", "no_detail")),  # the cap is on
        (np.full(SHAPE, 255, np.uint8), ("too_bright", "no_detail")),
    ],
)
def test_advice_of_a_band(image: U8, advice: tuple[str, ...]) -> None:
    assert told(capture(image)).advice == advice


def test_the_visible_picture_is_counted_as_face_quality_counts() -> None:
    found = told(capture(chart(100, 200)), "rgb")
    assert (found.clipped_from, found.dark_below, found.wanted) == (247, 26, None)
    # sRGB 200 is a linear luminance of 147, 100 is 32.
    assert found.brightest == pytest.approx(147, abs=6)
    assert found.advice == ("sharpest",)
    assert told(capture(chart(10, 60)), "rgb").advice[0] == "too_dark"


def test_a_dark_frame_has_no_focus_and_tells_of_light_from_outside() -> None:
    dim = told(capture(chart(), dark=np.full(SHAPE, 12, np.uint8)), "dark.nir")
    assert (dim.sharpness, dim.best, dim.wanted, dim.advice) == (None, None, None, ())
    assert dim.mean == pytest.approx(12)
    assert told(capture(chart(), dark=np.full(SHAPE, 180, np.uint8)), "dark.nir").advice == ("outside_light",)


@pytest.mark.parametrize("at", [(0.0, 0.0), (1.0, 1.0), (0.5, 0.5), (0.0, 1.0)])
@pytest.mark.parametrize("shape", [(480, 640), (16, 16), (1024, 1280)])
def test_the_window_never_leaves_the_picture(shape: tuple[int, int], at: tuple[float, float]) -> None:
    x, y, w, h = box(shape, at)
    assert x >= 0
    assert y >= 0
    assert x + w <= shape[1]
    assert y + h <= shape[0]
    assert min(w, h) >= 1


@pytest.mark.parametrize("channel", ["940", "dark.swir", "1550", "none"])
def test_a_channel_that_was_not_exposed_is_not_made_up(channel: str) -> None:
    with pytest.raises(NothingToShow, match=channel):
        view_of(capture(chart()), channel)


def test_what_is_shown_is_what_the_camera_gave() -> None:
    taken = capture(np.full(SHAPE, 40, np.uint8), np.full(SHAPE, 60, np.uint8))
    assert np.unique(view_of(taken, "850").shown).tolist() == [50]
    assert view_of(taken, "rgb").shown is taken.rgb


# --- a camera that goes on ------------------------------------------------------------------------------------------


def frames() -> list[Frame]:
    return [Frame(n, float(n), RNG.integers(90, 110, SHAPE, np.uint8)) for n in range(5)]


def test_frames_that_go_on_hold() -> None:
    found = steady(frames())
    assert found.holds
    assert found.seen == "5 frames, 0 lost between, mean level 100 DN"


def test_frames_that_do_not_are_found() -> None:
    back = [*frames()[:4], replace(frames()[4], sequence=2)]
    assert (steady(back).holds, "go back" in steady(back).seen) == (False, True)
    same = frames()
    same[3] = replace(same[3], image=same[2].image)
    assert (steady(same).holds, "repeats" in steady(same).seen) == (False, True)
    for level in (1, 254):
        flat = [replace(one, image=np.full(SHAPE, level, np.uint8)) for one in frames()]
        flat = [replace(one, image=one.image.copy()) for one in flat]
        for place, one in enumerate(flat):
            one.image[0, place] += 1
        assert not steady(flat).holds
    lost = [replace(one, sequence=one.sequence * 2) for one in frames()]
    assert "4 lost" in steady(lost).seen
