"""Movement during a burst, and cameras that stand beside each other."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from hil.scene import Light, Scene, compose, draw_mount, traveller
from hil.scene.burst import FRAME_S, STILL, Motion, plan_of, take
from hil.scene.mount import DEFAULT_MOUNT, Offset
from hil.scene.stage import CLOSE

ORDER = {"nir": [None, "850L", "850R", "850L", "850R", "850L", "850R", "850L", None]}
FACE = np.s_[110:330, 100:290]


def shown(mount=DEFAULT_MOUNT):
    return compose(Scene(traveller("ines"), stage=CLOSE, mount=mount, detail=2))


@pytest.fixture(scope="module")
def there():
    return shown()


def burst(presentation, motion=STILL, seed=4):
    return take(presentation, Light(), ORDER, motion=motion, rng=np.random.default_rng(seed))


def moved(one, other):
    """Whole pixels by which the face lies further in `other`."""
    match = cv2.matchTemplate(other, np.ascontiguousarray(one[FACE]), cv2.TM_CCOEFF_NORMED)
    y, x = np.unravel_index(int(match.argmax()), match.shape)
    return int(x) - FACE[1].start, int(y) - FACE[0].start


def test_who_stands_still_stays(there):
    frames = burst(there).frames["nir"]
    assert moved(frames[1], frames[7]) == (0, 0)


def test_who_walks_sideways_moves_by_focal_length_over_distance(there):
    frames = burst(there, Motion(right=0.1)).frames["nir"]
    expected = 100.0 * 6 * FRAME_S * 800.0 / there.middle_mm
    x, y = moved(frames[1], frames[7])
    assert x == pytest.approx(expected, abs=1.5)
    assert abs(y) <= 1


def test_who_comes_nearer_grows_and_brightens(there):
    frames = burst(there, Motion(near=0.3)).frames["nir"].astype(np.float32)
    widths = [(image[200, 60:330] > 40).sum() for image in (frames[1], frames[7])]
    assert widths[1] > widths[0] + 6
    assert frames[7][225:235, 140:150].mean() > 1.08 * frames[1][225:235, 140:150].mean()


def test_wall_and_reference_do_not_move(there):
    frames = burst(there, Motion(right=0.3, near=0.3)).frames["nir"].astype(np.float32)
    assert np.abs(frames[1][20:60, 5:40].mean() - frames[7][20:60, 5:40].mean()) < 1.0
    y, x = there.patch_box
    inner = (slice(y.start + 5, y.stop - 5), slice(x.start + 5, x.stop - 5))
    assert frames[1][inner].mean() == pytest.approx(frames[7][inner].mean(), abs=1.0)


def test_a_displaced_camera_sees_it_displaced(there):
    beside = shown(replace(DEFAULT_MOUNT, nir=Offset(error_px=(5.0, -3.0))))
    assert moved(burst(there).frames["nir"][1], burst(beside).frames["nir"][1]) == (5, -3)


def test_parallax_grows_with_nearness():
    aside = replace(DEFAULT_MOUNT, nir=Offset(beside_mm=(30.0, 0.0)))
    near = replace(Scene(traveller("ines"), stage=CLOSE, mount=aside, detail=2))
    shifts = []
    for distance in (0.5, 0.6):
        pose = replace(near.pose, distance_m=distance)
        one, other = compose(replace(near, pose=pose)), compose(replace(near, pose=pose, mount=DEFAULT_MOUNT))
        shifts.append(moved(burst(other).frames["nir"][1], burst(one).frames["nir"][1])[0])
    assert shifts[0] - shifts[1] == pytest.approx(-800 * 30 * (1 / 500 - 1 / 600), abs=2.5)


def test_the_visible_picture_blurs_when_one_walks_sideways(there):
    def sharpness(taken):
        return cv2.Laplacian(taken.rgb[FACE][..., 1].astype(np.float32), cv2.CV_32F).var()

    assert sharpness(burst(there, Motion(right=0.5))) < 0.9 * sharpness(burst(there))


def test_times_run_on_and_every_exposure_is_there(there):
    rng = np.random.default_rng(9)
    order = plan_of(("nir", "swir"), rng)
    taken = take(there, Light(), order, rng=rng)
    for camera, leds in order.items():
        own = [s for s in taken.shutters if s.camera == camera]
        assert [s.led for s in own] == leds
        assert np.allclose(np.diff([s.at_s for s in own]), FRAME_S, atol=1e-5)
        assert own[-1].at_s < 0.3
        assert taken.frames[camera].shape == (len(leds), 448, 384)
        assert len({s.gain for s in own}) == 1
    assert 0.0 < taken.rgb_at_s < 0.3


def test_same_seed_same_burst_other_seed_other_noise():
    presentation = shown(draw_mount(np.random.default_rng(1)))
    one, same, other = (burst(presentation, seed=seed).frames["nir"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).mean() > 0.3
