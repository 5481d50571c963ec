"""Decoding of a burst: a made-up face of known reflectance, lit, moved and displaced, comes back as it was."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.core.types import Advice
from appliance.liveness.align import STILL, Movement, Pair, compare, growth, refined
from appliance.liveness.burst import Capture, CaptureLimits, CaptureUnusable, Exposure, GreyPatch
from appliance.liveness.channels import split_led
from appliance.liveness.cues import measure
from appliance.liveness.decode import decode
from appliance.liveness.face_frame import FaceUnusable, face_frame, regions
from appliance.liveness.follow import agreed

SIZE = (420, 384)
LANDMARKS = np.array([[152, 180], [232, 180], [192, 225], [162, 264], [222, 264]], np.float64)
PATCH = GreyPatch(10, 370, 40, 40, 0.5)
ORDER = ("850L", None, "940R", "850C", "940L", None, "850R")
REFLECTANCE = {"850": 0.58, "940": 0.50}
AMBIENT_DN = 30.0


def _features(shift: tuple[float, float], size: float = 1.0) -> NDArray[np.float32]:
    """Relative brightness of a made-up face: blobs for eyes, nose and mouth, the same in every band."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    x, y = x - np.float32(shift[0]), y - np.float32(shift[1])
    x, y = (x - 192) / np.float32(size) + 192, (y - 215) / np.float32(size) + 215
    oval = ((x - 192) / 75) ** 2 + ((y - 215) / 105) ** 2 < 1
    face = np.where(oval, np.float32(1.0), np.float32(0.45))
    for (px, py), (sx, sy), depth in (
        ((152, 180), (14, 6), 0.8),
        ((232, 180), (14, 6), 0.8),
        ((150, 158), (20, 4), 0.6),
        ((234, 158), (20, 4), 0.6),
        ((192, 232), (12, 4), 0.5),
        ((192, 264), (26, 4), 0.6),
    ):
        face = face * (1 - depth * np.exp(-0.5 * (((x - px) / sx) ** 2 + ((y - py) / sy) ** 2)))
    return np.asarray(face, np.float32)


def capture(
    *,
    velocity: tuple[float, float] = (0.0, 0.0),
    grows: float = 0.0,
    offset: tuple[float, float] = (0.0, 0.0),
    ambient: float = AMBIENT_DN,
    gain: float = 1.0,
    power: Callable[[str], float] = lambda _: 1.0,
    seed: int = 1,
) -> Capture:
    rng = np.random.default_rng(seed)
    visible = _features((0, 0))
    rgb = np.stack([visible * 120, visible * 140, visible * 190], axis=2)
    rgb[PATCH.y : PATCH.y + PATCH.height, PATCH.x : PATCH.x + PATCH.width] = 188
    exposures = []
    for number, led in enumerate(ORDER):
        t = number / 30
        face = _features((offset[0] + velocity[0] * t, offset[1] + velocity[1] * t), 1.0 + grows * t)
        light = face * np.float32(ambient * 0.6)
        patch = ambient * 0.5
        if led is not None:
            # Whoever comes nearer gets more of a lamp's light: inverse square.
            nearer = (1.0 + grows * t) ** 2
            light = light + face * np.float32(REFLECTANCE[split_led(led)[0]] * 200 * power(led) * nearer)
            patch += 0.5 * 200 * power(led)
        light[PATCH.y : PATCH.y + PATCH.height, PATCH.x : PATCH.x + PATCH.width] = patch
        image = np.clip(gain * light + rng.normal(0, 1.5, SIZE), 0, 255).astype(np.uint8)
        exposures.append(Exposure("nir", led, image, 10 + number, 5.0 + t, gain))
    return Capture(rgb.astype(np.uint8), tuple(exposures), {"rgb": PATCH, "nir": PATCH}, rgb_at_s=5.0)


def water(seen: Capture) -> float:
    return measure(decode(seen, LANDMARKS)).values["940/850 level"]


TRUE_WATER = float(np.log(0.50 / 0.58))


def test_the_reflectance_of_the_bands_comes_back() -> None:
    cube = decode(capture(), LANDMARKS)
    cheek = regions(cube.frame)["left cheek"]
    assert float(cube.bands["850"][cheek].mean()) == pytest.approx(0.58, rel=0.03)
    assert float(cube.bands["940"][cheek].mean()) == pytest.approx(0.50, rel=0.03)
    assert water(capture()) == pytest.approx(TRUE_WATER, abs=0.01)


@pytest.mark.parametrize("ambient", [0.0, 60.0, 130.0])
def test_ambient_light_drops_out(ambient: float) -> None:
    assert water(capture(ambient=ambient, gain=0.7)) == pytest.approx(TRUE_WATER, abs=0.02)


def test_drift_of_an_led_drops_out() -> None:
    drifted = capture(power=lambda led: 0.8 if led.startswith("940") else 1.0)
    assert water(drifted) == pytest.approx(TRUE_WATER, abs=0.01)


@pytest.mark.parametrize("velocity", [(60.0, 0.0), (-150.0, 40.0), (200.0, -100.0)])
def test_a_walking_face_is_followed(velocity: tuple[float, float]) -> None:
    cube = decode(capture(velocity=velocity, ambient=60.0), LANDMARKS)
    assert cube.figures["speed"] * 80 == pytest.approx(np.hypot(*velocity), rel=0.12)
    values = measure(cube).values
    assert values["940/850 level"] == pytest.approx(TRUE_WATER, abs=0.02)
    assert abs(values["940/850 highest"]) < 0.05


@pytest.mark.parametrize("grows", [-0.5, -0.08, 0.0, 0.04, 0.08, 0.3, 0.6])
def test_a_face_that_comes_closer_is_followed_and_its_light_with_it(grows: float) -> None:
    cube = decode(capture(grows=grows, ambient=60.0), LANDMARKS)
    assert cube.figures["growth"] == pytest.approx(grows, abs=0.01 + 0.1 * abs(grows))
    values = measure(cube).values
    assert values["940/850 level"] == pytest.approx(TRUE_WATER, abs=0.006 + 0.02 * abs(grows))
    assert abs(values["940/850 highest"]) < 0.06


def test_who_runs_towards_the_camera_is_not_measured_but_told() -> None:
    with pytest.raises(CaptureUnusable, match="moved") as told:
        decode(capture(grows=0.6), LANDMARKS, CaptureLimits(growth_most=0.4))
    assert told.value.advice is Advice.STAND_STILL


def test_a_camera_that_cannot_follow_asks_the_other_one() -> None:
    still = Movement(np.array([3.0, 0.0]), 0.1, 1.0)
    noisy = Movement(np.array([400.0, -90.0]), 9.0, 0.2)
    assert agreed([noisy, still], CaptureLimits()) is still
    with pytest.raises(CaptureUnusable, match="moved"):
        agreed([noisy], CaptureLimits())
    assert agreed([], CaptureLimits()) is STILL, "what nothing can be seen of is measured as it stands"


def _pair(rate: float, alike: float, seconds: float) -> Pair:
    """An exposure that lies 100 frame pixels a second off for a growth of one."""
    return Pair(np.array([100.0, -50.0]) * rate * seconds, rate * seconds, alike, seconds)


def test_what_is_left_of_the_movement_is_what_most_pairs_of_exposures_agree_upon() -> None:
    true = [_pair(0.1, 0.9, t) for t in (0.03, 0.1, -0.07, 0.2)]
    assert growth(true) == pytest.approx(0.1)
    assert refined(STILL, true).velocity == pytest.approx([10.0, -5.0])
    wrong = [_pair(1.5, 0.3, 0.1), _pair(-3.3, 0.2, 0.03)]
    assert growth(true + wrong) == pytest.approx(0.1, abs=0.01)
    assert refined(STILL, true + wrong).velocity == pytest.approx([10.0, -5.0], abs=0.5)
    for nothing in ([], [_pair(0.1, -1.0, 0.1)], [_pair(0.1, 0.9, 0.0)]):
        assert growth(nothing) == 0.0
        assert refined(STILL, nothing).velocity.tolist() == [0.0, 0.0]


def test_what_shows_no_edges_is_like_nothing() -> None:
    flat = np.zeros((176, 160), np.float32)
    pair = compare(flat, flat, 0.1)
    assert (pair.shift.tolist(), pair.size, pair.alike) == ([0.0, 0.0], 0.0, -1.0)


def test_a_displaced_camera_is_brought_back() -> None:
    cube = decode(capture(offset=(7.0, -4.0)), LANDMARKS)
    scale = cube.frame.scale
    found = (cube.figures["nir_offset_x"] / scale, cube.figures["nir_offset_y"] / scale)
    assert found == pytest.approx((7.0, -4.0), abs=0.7)


def test_running_is_not_measured_but_told() -> None:
    with pytest.raises(CaptureUnusable, match="moved") as told:
        decode(capture(velocity=(900.0, 300.0)), LANDMARKS)
    assert told.value.advice is Advice.STAND_STILL


def _changed(seen: Capture, change: Callable[[Exposure], Exposure | None]) -> Capture:
    kept = tuple(done for exposure in seen.exposures if (done := change(exposure)) is not None)
    return replace(seen, exposures=kept)


def _dead(led: str) -> Callable[[Exposure], Exposure]:
    dark = next(e.image for e in capture(seed=9).exposures if e.led is None)
    return lambda e: replace(e, image=dark) if e.led == led else e


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda c: _changed(c, lambda e: None if e.led == "940L" else e), "940L is missing"),
        (lambda c: _changed(c, lambda e: None if e.led is None else e), "dark exposures"),
        (lambda c: _changed(c, _dead("940R")), "940R is missing"),
        (lambda c: _changed(c, lambda e: replace(e, image=c.exposures[0].image)), "one and the same"),
        (lambda c: _changed(c, lambda e: replace(e, sequence=3)), "repeated or out of order"),
        (lambda c: _changed(c, lambda e: replace(e, led="850L" if e.led else None)), "lit twice"),
        (lambda c: replace(c, patches={"rgb": PATCH}), "no grey reference"),
        (lambda c: replace(c, patches={"rgb": PATCH, "nir": replace(PATCH, x=380)}), "not in view"),
        (lambda c: replace(c, rgb=c.rgb[:100]), "differ in size"),
        (lambda c: replace(c, rgb=c.rgb[..., 0]), "not an 8-bit colour"),
        (lambda c: replace(c, rgb=np.zeros_like(c.rgb)), "under- or overexposed"),
        (lambda c: _changed(c, lambda e: replace(e, image=np.minimum(e.image, 250) * 0 + 255)), "one and the same"),
        (lambda c: replace(c, planes={"depth": np.zeros((3, 3), np.float32)}), "does not have the size"),
    ],
)
def test_a_burst_that_contradicts_itself_is_not_measured(broken: Callable[[Capture], Capture], words: str) -> None:
    with pytest.raises(CaptureUnusable, match=words):
        decode(broken(capture()), LANDMARKS)


def test_too_much_sun_is_told_to_the_traveller() -> None:
    with pytest.raises(CaptureUnusable, match="Too much infrared light") as told:
        decode(capture(ambient=380.0), LANDMARKS)
    assert told.value.advice is Advice.TURN_FROM_SUN


def test_an_overexposed_region_is_flawed_not_measured() -> None:
    seen = _changed(
        capture(), lambda e: replace(e, image=cv2.rectangle(e.image.copy(), (120, 205), (175, 250), 255, -1))
    )
    found = measure(decode(seen, LANDMARKS))
    assert "left cheek" in found.missing


@pytest.mark.parametrize(
    ("landmarks", "words"),
    [
        (LANDMARKS * 0.3, "too small"),
        (np.add(LANDMARKS, [[0, 0], [0, 0], [40, 0], [0, 0], [0, 0]]), "turned away"),
        (LANDMARKS * np.nan, "missing"),
        (LANDMARKS[:4], "missing"),
        (LANDMARKS * [1.0, 0.1], "seen from the front"),
    ],
)
def test_a_face_that_cannot_be_placed_is_told(landmarks: NDArray[np.float64], words: str) -> None:
    with pytest.raises(FaceUnusable, match=words):
        face_frame(landmarks)


def test_regions_lie_inside_and_bare_ones_do_not_meet() -> None:
    found = regions(face_frame(LANDMARKS))
    assert all(mask.any() for mask in found.values())
    assert not (found["left cheek"] & found["nose"]).any()
    assert not (found["face"] & found["beside"]).any()
