"""The drawn mask covers what it should, leaves the rest alone, and survives any landmarks."""

import numpy as np
import pytest

from appliance.face.masking import draw_mask
from appliance.face.types import FailureToAcquire

FACE = np.array([[80, 90], [120, 90], [100, 112], [84, 132], [116, 132]], np.float32)


def _image(height: int = 200, width: int = 200) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)


def _changed(image: np.ndarray, landmarks: np.ndarray, seed: int) -> np.ndarray:
    return (draw_mask(image, landmarks, np.random.default_rng(seed)) != image).any(axis=2)


@pytest.mark.parametrize("seed", range(12))
def test_nose_mouth_and_chin_are_covered_and_the_eyes_are_not(seed: int) -> None:
    image = _image()
    changed = _changed(image, FACE, seed)
    for x, y in (FACE[2], FACE[3], FACE[4], (100, 146)):
        assert changed[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean() > 0.8
    assert not changed[:96, 60:140].any()
    assert not changed[180:].any()
    assert 0.04 < changed.mean() < 0.25


def test_the_image_itself_is_left_alone_and_the_seed_decides() -> None:
    image = _image()
    kept = image.copy()
    one, same, other = (draw_mask(image, FACE, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(image, kept)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert (one.shape, one.dtype) == (image.shape, np.uint8)


def test_masks_come_in_many_colours() -> None:
    image = np.full((200, 200, 3), 118, np.uint8)
    means = [
        draw_mask(image, FACE, np.random.default_rng(seed))[118:128, 95:105].mean(axis=(0, 1)) for seed in range(30)
    ]
    assert np.ptp([mean.mean() for mean in means]) > 80


@pytest.mark.parametrize("angle", [-90, -30, 30, 90, 180])
def test_it_turns_with_the_face(angle: float) -> None:
    turn = np.deg2rad(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    landmarks = ((FACE - 100) @ matrix.T + 100).astype(np.float32)
    changed = _changed(_image(), landmarks, 3)
    for x, y in landmarks[2:]:
        assert changed[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean() > 0.8
    for x, y in landmarks[:2]:
        assert not changed[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].any()


def test_its_size_follows_the_face() -> None:
    small = _changed(_image(400, 400), FACE, 3).sum()
    large = _changed(_image(400, 400), FACE * 2, 3).sum()
    assert 3.4 < large / small < 4.6


@pytest.mark.parametrize(
    "landmarks",
    [
        np.full((5, 2), np.nan),
        np.full((5, 2), np.inf),
        np.full((5, 2), 50.0),
        np.zeros((4, 2)),
        FACE + 1e6,
        np.array([[80, 90], [82, 90], [81, 91], [80, 92], [82, 92]], float),
    ],
)
def test_landmarks_of_no_face_are_refused(landmarks: np.ndarray) -> None:
    with pytest.raises(FailureToAcquire):
        draw_mask(_image(), landmarks, np.random.default_rng(1))


@pytest.mark.parametrize("shift", [-5000.0, -150.0, 150.0, 15_000.0])
def test_a_face_outside_the_image_is_no_trouble(shift: float) -> None:
    assert draw_mask(_image(), FACE + shift, np.random.default_rng(1)).shape == (200, 200, 3)


@pytest.mark.parametrize("seed", range(20))
def test_any_five_points_give_a_mask_or_a_refusal(seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-300, 500, (5, 2))
    try:
        drawn = draw_mask(_image(), points, np.random.default_rng(seed))
    except FailureToAcquire:
        assert np.hypot(*(points[1] - points[0])) < 4
    else:
        assert drawn.shape == (200, 200, 3)


@pytest.mark.parametrize("image", [np.zeros((9, 9, 3), np.uint8), np.zeros((50, 50), np.uint8), np.zeros((50, 50, 3))])
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="face image"):
        draw_mask(image, FACE, np.random.default_rng(1))
