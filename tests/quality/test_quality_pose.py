"""The pose of a head, from points whose pose is known and from photographs turned by a known angle."""

import itertools
import math

import numpy as np
import pytest

from appliance.face.quality.pose import _FACE_CM, five_point_pose


def seen_from(yaw: float, pitch: float, roll: float, *, px_per_cm: float = 12.0) -> np.ndarray:
    """The generic face turned by these angles (to its left, down, to its right shoulder) and seen from 80 cm."""
    y, p, r = (math.radians(angle) for angle in (yaw, pitch, roll))
    left = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    down = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    over = np.array([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]])
    points = _FACE_CM @ (over @ left @ down).T
    near = 80.0 / (80.0 - points[:, 2:])
    return (points[:, :2] * near * (px_per_cm, -px_per_cm) + (320, 240)).astype(np.float32)


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [*itertools.product((-30, 0, 30), (-20, 0, 20), (0,)), (0, 0, 25), (0, 0, -25)]
)
def test_five_points_give_back_the_pose_they_were_drawn_with(yaw: float, pitch: float, roll: float) -> None:
    found = five_point_pose(seen_from(yaw, pitch, roll))
    assert found is not None
    assert found.yaw == pytest.approx(yaw, abs=5)
    assert found.pitch == pytest.approx(pitch, abs=5)
    assert found.roll == pytest.approx(roll, abs=12 if yaw and pitch else 2)


def test_the_size_of_the_face_does_not_matter() -> None:
    small, large = (five_point_pose(seen_from(15, 5, 3, px_per_cm=scale)) for scale in (3.0, 60.0))
    assert small is not None
    assert large is not None
    assert (small.yaw, small.pitch, small.roll) == pytest.approx((large.yaw, large.pitch, large.roll), abs=0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_points_that_are_no_points_have_no_pose(bad: float) -> None:
    points = seen_from(0, 0, 0)
    points[2, 0] = bad
    assert five_point_pose(points) is None
    assert five_point_pose(np.zeros((5, 2), np.float32)) is None


def test_points_on_a_line_end_in_none_or_in_finite_angles() -> None:
    line = np.stack([np.linspace(0, 50, 5), np.zeros(5)], axis=1).astype(np.float32)
    found = five_point_pose(line)
    assert found is None or all(math.isfinite(angle) for angle in (found.yaw, found.pitch, found.roll))
