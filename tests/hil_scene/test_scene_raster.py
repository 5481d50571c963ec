"""The z-buffer."""

import numpy as np
import pytest

from hil.scene.raster import rasterise


def quad(x0, y0, x1, y1, depth, n=4):
    xs, ys = np.meshgrid(np.linspace(x0, x1, n), np.linspace(y0, y1, n))
    return np.stack([xs, ys, np.full_like(xs, depth)], axis=2).astype(np.float32)


@pytest.mark.parametrize("n", [2, 5, 40])
def test_a_quad_covers_its_pixels_once(n):
    place, depth = rasterise(quad(3.5, 2.5, 13.5, 9.5, 100.0, n), 20, 15)
    inside = np.zeros((15, 20), bool)
    inside[3:10, 4:14] = True
    np.testing.assert_array_equal(np.isfinite(depth), inside)
    assert depth[inside] == pytest.approx(100.0)
    assert place[6, 4, 1] == pytest.approx((4 - 3.5) / 10 * (n - 1), abs=1e-3)
    assert place[3, 8, 0] == pytest.approx((3 - 2.5) / 7 * (n - 1), abs=1e-3)


def test_the_nearest_wins():
    far, near = quad(0, 0, 10, 10, 200.0), quad(2, 2, 6, 6, 50.0)
    both = np.concatenate([far, near], axis=1)
    # Columns 3..4 join the two sheets by a slope that runs from one to the other.
    _, depth = rasterise(both, 12, 12, two_sided=True)
    assert depth[4, 4] == pytest.approx(50.0)
    assert depth[9, 1] == pytest.approx(200.0)


def test_a_back_side_is_dropped_unless_wanted():
    turned = quad(0, 0, 10, 10, 1.0)[:, ::-1]
    assert not np.isfinite(rasterise(turned, 12, 12)[1]).any()
    assert np.isfinite(rasterise(turned, 12, 12, two_sided=True)[1]).any()


def test_what_lies_outside_the_frame_is_cut():
    _, depth = rasterise(quad(-50, -50, 50, 50, 1.0, 30), 8, 6)
    assert np.isfinite(depth).all()
    assert not np.isfinite(rasterise(quad(100, 100, 120, 120, 1.0), 8, 6)[1]).any()
