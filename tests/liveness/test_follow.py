"""Following a face: what lamps of two sides make of its edges must not move it, and all cameras see it in one place."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.liveness.burst import LIMITS, Capture, CaptureUnusable, Exposure, GreyPatch
from appliance.liveness.channels import split_led
from appliance.liveness.face_frame import face_frame
from appliance.liveness.follow import Course, Watched, follow

SIZE = (420, 384)
LANDMARKS = np.array([[152, 180], [232, 180], [192, 225], [162, 264], [222, 264]], np.float64)
FRAME = face_frame(LANDMARKS)
NIR = ("850L", "940R", "850C", "940L", "970R", "850R", "970L")
SWIR = ("1050R", "1300L", "1550R", "1050L", "1300R", "1550L")


def face(led: str, at: tuple[float, float], size: float = 1.0) -> NDArray[np.uint8]:
    """A made-up face under one lamp: eyes, brows and mouth stay where they are, the shadow of the nose does not."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    x, y = (x - at[0] - 192) / size + 192, (y - at[1] - 215) / size + 215
    lit = np.where(((x - 192) / 75) ** 2 + ((y - 215) / 105) ** 2 < 1, 1.0, 0.4)
    shadow = {"L": 20.0, "R": -20.0, "C": 0.0}[split_led(led)[1]]
    for px, py, sx, sy, depth in (
        (152, 180, 14, 6, 0.8),
        (232, 180, 14, 6, 0.8),
        (150, 158, 20, 4, 0.6),
        (234, 158, 20, 4, 0.6),
        (192, 264, 26, 4, 0.6),
        (192 + shadow, 225, 9, 26, 0.85),
    ):
        lit = lit * (1 - depth * np.exp(-0.5 * (((x - px) / sx) ** 2 + ((y - py) / sy) ** 2)))
    towards = np.clip(1 - (x - 192) / 260 * np.sign(shadow), 0.2, 2.0)
    noise = np.random.default_rng(list(led.encode())).normal(0, 1.5, SIZE)
    return np.clip(110 * lit * towards + noise, 0, 255).astype(np.uint8)


def burst(
    camera: str, leds: Sequence[str], velocity: tuple[float, float], offset: tuple[float, float], size: float = 1.0
) -> dict[str, Exposure]:
    def at(t: float) -> tuple[float, float]:
        return offset[0] + velocity[0] * t, offset[1] + velocity[1] * t

    return {led: Exposure(camera, led, face(led, at(k / 30), size), 10 + k, 5.0 + k / 30) for k, led in enumerate(leds)}


def followed(*cameras: dict[str, Exposure]) -> Course:
    rgb = cv2.cvtColor(face("850C", (0.0, 0.0)), cv2.COLOR_GRAY2BGR)
    exposures = tuple(e for lit in cameras for e in lit.values())
    names = sorted({e.camera for e in exposures})
    capture = Capture(rgb, exposures, {name: GreyPatch(0, 0, 10, 10) for name in names}, rgb_at_s=5.0)
    watched = [Watched(name, lit, shows=True) for name, lit in zip(names, cameras, strict=True)]
    return follow(capture, FRAME, watched, LIMITS)


@pytest.mark.parametrize("velocity", [(0.0, 0.0), (25.0, -10.0), (-60.0, 15.0), (120.0, 0.0)])
def test_shadows_of_two_lamps_do_not_move_a_face(velocity: tuple[float, float]) -> None:
    track = followed(burst("nir", NIR, velocity, (0.0, 0.0))).tracks["nir"]
    assert track.moved.velocity / FRAME.scale == pytest.approx(velocity, abs=1.5), "a third of a pixel in the burst"


@pytest.mark.parametrize(("offset", "size"), [((0.0, 0.0), 1.0), ((9.0, -5.0), 1.01), ((-4.0, 6.0), 0.985)])
def test_two_cameras_are_laid_over_each_other(offset: tuple[float, float], size: float) -> None:
    velocity = (30.0, 5.0)
    near = burst("nir", NIR, velocity, (2.0, 1.0))
    course = followed(near, burst("swir", SWIR, velocity, (2.0 + offset[0], 1.0 + offset[1]), size))
    one, other = course.tracks["nir"], course.tracks["swir"]
    apart = other.matrix(FRAME.matrix, 5.0), one.matrix(FRAME.matrix, 5.0)
    # The middle of the face, where each camera sees it when the picture is taken.
    first, second = np.array([194.0, 216.0, 1.0]), np.array([194.0 + offset[0], 216.0 + offset[1], 1.0])
    assert apart[0] @ second == pytest.approx(apart[1] @ first, abs=0.35)
    assert other.larger == pytest.approx(size - 1.0, abs=0.003)


def test_a_camera_that_shows_nothing_goes_along_with_the_other_one() -> None:
    near = burst("nir", NIR, (60.0, 0.0), (0.0, 0.0))
    blank = {led: Exposure("swir", led, np.full(SIZE, 8, np.uint8), 10 + k, 5.0 + k / 30) for k, led in enumerate(SWIR)}
    course = followed(near, blank)
    assert course.tracks["swir"].moved.velocity == pytest.approx(course.tracks["nir"].moved.velocity)
    assert course.tracks["swir"].larger == 0.0


def test_where_nothing_shows_nothing_is_followed() -> None:
    blank = {led: Exposure("nir", led, np.full(SIZE, 8, np.uint8), 10 + k, 5.0 + k / 30) for k, led in enumerate(NIR)}
    course = followed(blank)
    assert (course.speed, course.growth) == (0.0, 0.0)


def test_running_is_told() -> None:
    with pytest.raises(CaptureUnusable, match="moved"):
        followed(burst("nir", NIR, (1500.0, 0.0), (0.0, 0.0)))
