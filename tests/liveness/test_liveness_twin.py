"""The shipped detector on the cast and its impostors, as the lane's cameras see them. Simulated; no rate follows."""

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.core.types import Result
from appliance.liveness.assess import LivenessReport, assess
from appliance.liveness.burst import Capture, Exposure, GreyPatch
from appliance.liveness.channels import CHANNELS
from appliance.liveness.detector import load
from appliance.liveness.plan import plan_burst
from appliance.liveness.skin_map import skin_map
from hil.scene import CAST, REFERENCE_PATCH, REFERENCE_REFLECTANCE, Light, Presentation, Sensor, bona_fide, traveller
from hil.scene.compose import Scene, compose
from hil.scene.stage import LANE

pytestmark = pytest.mark.rig

BANDS = ("850", "940")
LEDS = (*(led for band in BANDS for led in CHANNELS[band].leds), "850C")
PATCH = GreyPatch(*REFERENCE_PATCH, reflectance=REFERENCE_REFLECTANCE, width_mm=LANE.patch_width_mm)
LANDMARKS = np.array([[272, 222], [368, 222], [320, 272], [282, 326], [358, 326]], np.float64)


def capture(presentation: Presentation, seed: int = 1) -> Capture:
    rng = np.random.default_rng(seed)
    sensor, light = Sensor(rng), Light()
    gain = sensor.meter(presentation, light)
    order = plan_burst(LEDS, np.random.default_rng(seed))
    exposures = [
        Exposure("nir", led, sensor.nir(presentation, light, led, gain=gain), number, number / 30, gain)
        for number, led in enumerate(order)
    ]
    return Capture(sensor.rgb(presentation, light), tuple(exposures), {"rgb": PATCH, "nir": PATCH})


def landmarks(who: str) -> NDArray[np.float64]:
    """Where the traits put eyes, nose and mouth of a frontal head at 0.6 m: no matcher is needed here."""
    t = traveller(who).traits
    mm = np.array([(-t.eye_x, 0), (t.eye_x, 0), (0, -t.nose_y + 9), (-24, -66), (24, -66)], np.float64)
    return np.array([320.0, 222.0]) + mm * [1.0, -1.0] * (900.0 / 600.0)


@lru_cache(maxsize=32)
def judged(species: str, wearer: str, of: str | None = None) -> LivenessReport:
    who = traveller(wearer)
    scene = bona_fide(who) if of is None else compose(Scene(who, species, traveller(of)))
    return assess(capture(scene), landmarks(of or wearer), load("rgb+850+940"))


def test_the_cast_is_hardly_ever_taken_for_an_attack() -> None:
    results = [judged("bona_fide", one.key).result for one in CAST]
    assert Result.FAILED not in results
    assert results.count(Result.SUCCESSFUL) >= len(CAST) - 2


@pytest.mark.parametrize(
    "species",
    [
        *("print_dye", "print_toner", "print_vinyl", "screen_lcd", "screen_oled"),
        *("paper_mask", "fabric_mask", "resin_mask", "pla_mask", "gypsum_mask", "latex_mask", "silicone_mask"),
    ],
)
def test_a_whole_face_of_another_material_does_not_pass(species: str) -> None:
    assert judged(species, "amara", "bjorn").result is not Result.SUCCESSFUL


def test_the_guard_is_told_what_it_looks_like() -> None:
    report = judged("screen_lcd", "amara", "bjorn")
    assert report.result is Result.FAILED
    assert report.suspected_species in ("screen_lcd", "screen_oled")
    assert report.reasons


def test_the_map_marks_a_mask_and_not_skin() -> None:
    detector = load("rgb+850+940")
    shape = (480, 640)

    def marked(report: LivenessReport) -> float:
        assert report.cube is not None
        drawn = skin_map(report.cube, detector, shape)
        assert drawn.shape == shape
        return float((drawn[200:330, 260:380] > 128).mean())

    assert marked(judged("screen_lcd", "amara", "bjorn")) > 0.8
    assert marked(judged("bona_fide", "bjorn")) < 0.3


def test_a_capture_of_other_bands_is_not_judged() -> None:
    seen = capture(bona_fide(CAST[1]))
    without = Capture(seen.rgb, tuple(e for e in seen.exposures if "940" not in (e.led or "")), seen.patches)
    report = assess(without, landmarks(CAST[1].key), load("rgb+850+940"))
    assert report.result is Result.UNDETERMINED
    assert "needs rgb+850+940" in report.reasons[0]
