"""LEDs one by one, pupils, shadows, sun, metering: what the lamps must do to a scene."""

from dataclasses import replace

import numpy as np
import pytest

from hil.scene import SWITCHED, Light, Pose, Sensor, UnknownBand, attack, bona_fide, compose, draw_mount, traveller
from hil.scene.compose import Scene
from hil.scene.exposure import SENSORS, lit, response
from hil.scene.light import shadow
from hil.scene.mount import DEFAULT_MOUNT, LED_W_M2, drifted
from hil.scene.sensor import meter
from hil.scene.stage import CLOSE

HOLDER, OTHER = traveller("ines"), traveller("jomo")
LEFT_CHEEK, RIGHT_CHEEK = np.s_[258:274, 262:278], np.s_[258:274, 362:378]


@pytest.fixture(scope="module")
def face():
    return bona_fide(HOLDER)


@pytest.fixture
def sensor():
    return Sensor(np.random.default_rng(3))


def mean(frame, box):
    return float(frame[box].astype(float).mean())


@pytest.mark.parametrize("band", SWITCHED)
def test_each_side_lights_its_own_cheek_more(face, band):
    left, right = lit(face, Light(), f"{band}L"), lit(face, Light(), f"{band}R")
    assert mean(left, LEFT_CHEEK) / mean(right, LEFT_CHEEK) > 1.1
    assert mean(right, RIGHT_CHEEK) / mean(left, RIGHT_CHEEK) > 1.1


def test_a_pair_is_half_of_each_side(face):
    pair = lit(face, Light(), "940")
    sides = (lit(face, Light(), "940L") + lit(face, Light(), "940R")) / 2
    assert mean(pair, LEFT_CHEEK) == pytest.approx(mean(sides, LEFT_CHEEK), rel=0.02)


def eyes(face):
    for u, v, _ in face.layers.eyes_mm:
        yield np.s_[round(v) - 1 : round(v) + 2, round(u) - 1 : round(u) + 2]


def test_pupils_are_bright_on_the_axis_and_dark_beside_it():
    # The images of the lamps in the corneas are left out: they are bright in both.
    face = bona_fide(HOLDER)
    face.layers.eyes_mm.clear()
    pupil = face.layers.pupil > 0.8
    assert 10 < pupil.sum() < 120
    beside, on_axis = lit(face, Light(), "850L")[pupil], lit(face, Light(), "850C")[pupil]
    cheek = mean(lit(face, Light(), "850C"), LEFT_CHEEK)
    assert np.median(on_axis) > cheek
    assert np.median(beside) < 0.45 * cheek


def test_lamps_are_mirrored_in_corneas_and_move_with_the_lamp(face):
    bright = bona_fide(HOLDER, Pose(roll_deg=0.01))
    for box in eyes(bright):
        left, right = (lit(bright, Light(), name)[box] for name in ("850L", "850R"))
        assert left.max() > 0.25 * SENSORS["nir"].full_well
        assert left[:, 0].sum() > right[:, 0].sum()


@pytest.mark.parametrize("species", ["print_dye", "screen_lcd"])
def test_a_flat_picture_has_no_pupils(species):
    scene = attack(species, HOLDER, OTHER, Pose(distance_m=0.55))
    assert scene.layers.pupil.max() < 0.1


def test_the_nose_throws_a_shadow_away_from_the_sun(face):
    beside = {"left": np.s_[240:290, 280:306], "right": np.s_[240:290, 334:360]}
    for azimuth, dark, light in ((60.0, "left", "right"), (-60.0, "right", "left")):
        sun = Light(sun=0.3, sun_from=(azimuth, 10.0))
        shade = shadow(face.ground, tuple(50 * v for v in (*sun.towards_sun[:2], -sun.towards_sun[2])))
        assert shade[beside[dark]].min() < 0.3
        assert shade[beside[dark]].mean() + 0.1 < shade[beside[light]].mean()


def test_the_jaw_throws_the_lamps_shadow_on_the_neck(face):
    left, right = shadow(face.ground, (-0.11, 0.04, 0.0)), shadow(face.ground, (0.11, 0.04, 0.0))
    half = np.s_[380:440, 200:320], np.s_[380:440, 320:440]
    assert left[half[1]].mean() < left[half[0]].mean()
    assert right[half[0]].mean() < right[half[1]].mean()


def test_swir_shows_skin_dark_and_paper_bright(sensor):
    scene = bona_fide(HOLDER)
    print_ = attack("print_dye", HOLDER, OTHER, Pose(distance_m=0.6))
    dark = mean(sensor.swir(scene, Light(), None), LEFT_CHEEK)
    skin = {b: mean(sensor.swir(scene, Light(), b), LEFT_CHEEK) - dark for b in ("1050", "1550")}
    paper = {b: mean(sensor.swir(print_, Light(), b), LEFT_CHEEK) - dark for b in ("1050", "1550")}

    def relative(signal):
        watts = {b: LED_W_M2[b] * response(DEFAULT_MOUNT.site, b) for b in signal}
        return (signal["1550"] / watts["1550"]) / (signal["1050"] / watts["1050"])

    assert relative(skin) == pytest.approx(0.20, abs=0.06)
    assert relative(paper) > 0.75


def test_a_band_belongs_to_its_camera(sensor, face):
    for camera, led in ((sensor.nir, "1550L"), (sensor.swir, "850L"), (sensor.nir, "850X"), (sensor.nir, "940C")):
        with pytest.raises(UnknownBand):
            camera(face, Light(), led)


def test_sun_floods_the_dark_frame_and_metering_makes_room(sensor, face):
    bright = Light(sun=0.6, sun_from=(20.0, 30.0))
    for camera in ("nir", "swir"):
        take = sensor.nir if camera == "nir" else sensor.swir
        led = "850L" if camera == "nir" else "1050L"
        gain = meter(face, bright, camera)
        assert gain < 0.7 < meter(face, Light(), camera)
        assert np.percentile(take(face, bright, led)[100:380, 230:410], 90) > 240
        metered = take(face, bright, led, gain=gain)
        assert (metered[LEFT_CHEEK] < 250).mean() > 0.97
        assert mean(metered, face.patch_box) < 245
        signal = metered.astype(float) - take(face, bright, None, gain=gain)
        assert mean(signal, LEFT_CHEEK) > 12


def test_sun_falls_on_face_and_reference_alike(sensor):
    scene = bona_fide(HOLDER)
    from_front = Light(sun=0.1, sun_from=(0.0, 0.0), ambient_nir=0.0)
    dark = sensor.nir(scene, from_front, None).astype(float) - 4
    on_axis = lit(scene, Light(), "850C")
    from_sun, from_led = (mean(v, LEFT_CHEEK) / mean(v, scene.patch_box) for v in (dark, on_axis))
    assert from_sun == pytest.approx(from_led, rel=0.15)
    beside = sensor.nir(scene, Light(sun=0.1, sun_from=(80.0, 10.0), ambient_nir=0.0), None).astype(float) - 4
    assert mean(beside, RIGHT_CHEEK) > 2 * mean(beside, LEFT_CHEEK)


def test_colour_exposure_follows_the_sun_down_only(sensor, face):
    usual, sunny = sensor.rgb(face, Light()), sensor.rgb(face, Light(sun=0.5, sun_from=(10.0, 20.0)))
    assert np.percentile(sunny[LEFT_CHEEK], 50) < 250
    assert mean(sunny, face.patch_box) < 245
    dim = sensor.rgb(face, Light(white=0.05, ambient_white=0.02))
    assert mean(dim, LEFT_CHEEK) < 0.5 * mean(usual, LEFT_CHEEK)


def test_share_of_the_pulse_is_share_of_the_light(sensor, face):
    dark = mean(sensor.nir(face, Light(), None), LEFT_CHEEK)
    whole = mean(sensor.nir(face, Light(), "850L"), LEFT_CHEEK) - dark
    part = mean(sensor.nir(face, Light(), "850L", share=0.25), LEFT_CHEEK) - dark
    assert part / whole == pytest.approx(0.25, abs=0.03)


def test_drift_changes_face_and_reference_alike():
    rng = np.random.default_rng(5)
    mount = draw_mount(rng)
    later = drifted(mount, 0.3, rng)
    before, after = (compose(Scene(HOLDER, stage=CLOSE, mount=m, detail=2)) for m in (mount, later))
    one, other = lit(before, Light(), "850L"), lit(after, Light(), "850L")
    change = other / np.maximum(one, 1.0)
    assert change[200:220, 150:160].mean() == pytest.approx(float(change[before.patch_box].mean()), rel=0.01)
    assert abs(float(change[before.patch_box].mean()) - 1) > 0.005


def test_sites_differ_but_not_much():
    rng = np.random.default_rng(8)
    mounts = [draw_mount(rng) for _ in range(6)]
    seen = [
        compose(Scene(HOLDER, stage=CLOSE, mount=m, detail=2)).reflectance[240:250, 130:140].mean((0, 1))
        for m in mounts
    ]
    spread = np.std(seen, axis=0) / np.mean(seen, axis=0)
    assert (spread[3:] > 0.0005).all()
    assert (spread[3:6] < 0.05).all()


def test_light_is_its_own_key():
    assert Light().key != replace(Light(), sun=0.1).key
    assert Light().drive("850L") == 1.0
    assert Light(led_power={"850": 0.5}).drive("850L") == 0.5
    assert Light(led_power={"850": 0.5, "850L": 0.2}).drive("850L") == 0.2
