"""Frames: what metering, motion, noise and eight bits leave of the light."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.examiner import camera
from hil.examiner.camera import FULL_WELL, Mount

SIZE = (48, 40)
RNG = np.random.default_rng(1)
STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def flat(value: float) -> np.ndarray:
    return np.full((SIZE[1], SIZE[0]), value)


@given(st.floats(1.0, 1e7))
def test_metering_never_saturates_within_reach_and_never_exceeds_the_longest(level):
    gain = camera.metered([flat(level), flat(level / 2)])
    assert 1 / 64 <= gain <= 1.0
    if level * gain > FULL_WELL:
        assert gain == 1 / 64
    if gain < 1.0:
        assert level * gain > 0.7 * FULL_WELL or level * gain <= camera._TOP * FULL_WELL


def test_lit_minus_dark_is_the_led_whatever_the_exposure():
    ambient, led = flat(4000.0), flat(9000.0)
    gain = camera.metered([ambient + led])
    one = np.ones_like(led)
    lit = camera.digitised("nir", ambient + led, gain, RNG, one).astype(float)
    dark = camera.digitised("nir", ambient, gain, RNG, one).astype(float)
    electrons = (lit - dark) / gain * FULL_WELL / 255.0
    assert electrons.mean() == pytest.approx(9000.0, rel=0.02)


def test_noise_is_that_of_the_light_and_grows_slower_than_it():
    one = flat(1.0)
    little = camera.digitised("nir", flat(2000.0), 1.0, RNG, one).astype(float)
    much = camera.digitised("nir", flat(8000.0), 1.0, RNG, one).astype(float)
    assert 0.8 < little.std() * FULL_WELL / 255.0 / np.sqrt(2000.0) < 1.4
    assert little.std() / little.mean() > much.std() / much.mean()


def test_more_light_than_the_well_holds_is_white_and_none_is_black():
    one = flat(1.0)
    assert (camera.digitised("swir", flat(1e6), 1.0, RNG, one) == 255).all()
    assert camera.digitised("nir", flat(0.0), 1.0, RNG, one).max() <= 2


def test_who_walks_towards_the_camera_grows_and_gets_more_light():
    warp, closer = camera.walked((0.0, 0.0, 0.3), 0.2, 600.0, 700.0, SIZE)
    assert warp[0, 0] == pytest.approx(600.0 / 540.0)
    assert closer == pytest.approx((600.0 / 540.0) ** 2)
    assert warp @ [SIZE[0] / 2, SIZE[1] / 2, 1.0] == pytest.approx([SIZE[0] / 2, SIZE[1] / 2])


def test_who_walks_sideways_moves_by_the_lens_and_the_background_stays():
    image = flat(1.0)
    image[:, 20:28] = 10.0
    alpha = np.zeros_like(image)
    alpha[:, 20:28] = 1.0
    parted = camera.layers(image, alpha)
    warp, closer = camera.walked((0.05, 0.0, 0.0), 0.1, 600.0, 700.0, SIZE)
    moved = camera.shown(parted, warp, STILL, SIZE)
    assert closer == 1.0
    assert np.argmax(moved[20] > 5.0) == 20 + round(5.0 * 700.0 / 600.0)
    assert moved[20, 20] == pytest.approx(1.0, abs=0.01), "what the person hid is filled from around"
    assert moved[:, :15] == pytest.approx(1.0)
    assert moved[:, -10:] == pytest.approx(1.0)


def test_warps_follow_each_other():
    shift = np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 0.0]])
    double = np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    assert camera.combined(shift, double) @ [1.0, 1.0, 1.0] == pytest.approx([8.0, 2.0])


def test_a_camera_beside_the_other_sees_near_things_displaced_more():
    mount = Mount((2.0, -1.0), 1.0, 12.0)
    near, card = (mount.warp(SIZE, 700.0, distance)[:, 2] for distance in (500.0, 600.0))
    assert card == pytest.approx([2.0, -1.0])
    assert near[0] - card[0] == pytest.approx(700.0 * 12.0 * (1 / 500.0 - 1 / 600.0))


def test_the_visible_image_is_exposed_for_the_face_but_keeps_the_card():
    radiance = np.full((*SIZE[::-1], 3), 0.02)
    face = flat(0.0).astype(bool)
    face[10:30, 10:30] = True
    radiance[face] = 0.1
    radiance[:8, :8] = 2.0
    image = camera.photographed(radiance, face, radiance[:8, :8], RNG)
    assert image.dtype == np.uint8
    assert np.median(image[2:6, 2:6]) < 252
    bright = camera.photographed(radiance, face, radiance[20:22, 20:22], RNG)
    assert bright[face].mean() > image[face].mean() + 30


def test_light_wanders_in_soft_surfaces_only():
    image = np.zeros((40, 48, 3))
    image[:, :24] = 1.0
    scale = np.full(1, 1.1)
    hard = camera.softened(image, flat(0.0), scale, 2.0)
    soft = camera.softened(image, flat(1.5), scale, 2.0)
    assert np.array_equal(hard, image)
    assert 0.2 < soft[20, 24, 0] < 0.5
    assert soft.mean() == pytest.approx(image.mean(), abs=0.01)
