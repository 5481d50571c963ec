"""A z-buffer for grid meshes, in plain numpy.

Screen space: x to the right and y down in pixels (a pixel's centre is at its integer coordinate), depth in millimetres
away from the camera, nearest wins. Not responsible for colour or light: it answers which grid place a pixel sees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hil.scene.arrays import F32

_CHUNK = 400_000


def _edge(ax: F32, ay: F32, bx: F32, by: F32, px: F32, py: F32) -> F32:
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


def _corners(plane: F32) -> F32:
    """A grid's values at the corners of its triangles, float32[triangles, 3]."""
    a, b, c, d = (part.ravel() for part in (plane[:-1, :-1], plane[:-1, 1:], plane[1:, :-1], plane[1:, 1:]))
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


def _span(corners: F32) -> tuple[F32, F32]:
    """First and last pixel of each triangle along one axis."""
    a, b, c = corners.T
    return np.ceil(np.minimum(np.minimum(a, b), c)), np.floor(np.maximum(np.maximum(a, b), c))


def rasterise(points: F32, width: int, height: int, *, two_sided: bool = False) -> tuple[F32, F32]:
    """Which place of a grid each pixel sees.

    `points` is float32[rows, cols, 3] of (x px, y px, depth mm). Returns (place float32[height, width, 2] of
    fractional (row, col), depth float32[height, width], infinite where the mesh is absent). Faces whose winding turns
    them away from the camera are dropped unless `two_sided`.
    """
    rows, cols = points.shape[:2]
    x, y = _corners(points[..., 0]), _corners(points[..., 1])
    area = _edge(x[:, 0], y[:, 0], x[:, 1], y[:, 1], x[:, 2], y[:, 2])
    front = np.flatnonzero((np.abs(area) if two_sided else -area) > 1e-6)
    x, y, z = x[front], y[front], _corners(points[..., 2])[front]
    tri = _corners(np.arange(rows * cols, dtype=np.int32).reshape(rows, cols))[front]
    (left, right), (top, low) = _span(x), _span(y)
    keep = (right >= 0) & (left < width) & (low >= 0) & (top < height) & (right >= left) & (low >= top)
    depth = np.full(width * height, np.inf, dtype=np.float32)
    place = np.zeros((width * height, 2), dtype=np.float32)
    chosen = np.flatnonzero(keep)
    spanx = (right - left)[chosen].astype(np.int32) + 1
    spany = (low - top)[chosen].astype(np.int32) + 1
    sizes = np.maximum(spanx, spany)
    for size in np.unique(sizes):
        members = chosen[sizes == size]
        step = max(1, _CHUNK // int(size * size))
        for start in range(0, len(members), step):
            part = members[start : start + step]
            pixels, z_at, where = _cover(x[part], y[part], z[part], int(size))
            inside = (pixels[:, 0] >= 0) & (pixels[:, 0] < width) & (pixels[:, 1] >= 0) & (pixels[:, 1] < height)
            flat_pixel = pixels[inside, 1] * width + pixels[inside, 0]
            source = tri[part][where[inside, 0].astype(np.int32)]
            weights = where[inside, 1:]
            at_row = (source // cols * weights).sum(1)
            at_col = (source % cols * weights).sum(1)
            _keep_nearest(depth, place, flat_pixel, z_at[inside], np.stack([at_row, at_col], 1).astype(np.float32))
    return place.reshape(height, width, 2), depth.reshape(height, width)


def _cover(x: F32, y: F32, z: F32, size: int) -> tuple[NDArray[np.int64], F32, F32]:
    """Pixels under each small triangle: integer (x, y), depth, and (triangle, three barycentric weights)."""
    grid = np.arange(size, dtype=np.float32)
    px = _span(x)[0][:, None] + np.tile(grid, size)[None, :]
    py = _span(y)[0][:, None] + np.repeat(grid, size)[None, :]
    xs, ys = x[:, :, None], y[:, :, None]
    w0 = _edge(xs[:, 1], ys[:, 1], xs[:, 2], ys[:, 2], px, py)
    w1 = _edge(xs[:, 2], ys[:, 2], xs[:, 0], ys[:, 0], px, py)
    w2 = _edge(xs[:, 0], ys[:, 0], xs[:, 1], ys[:, 1], px, py)
    total = w0 + w1 + w2
    total = np.where(np.abs(total) < 1e-9, 1e-9, total)
    weights = np.stack([w0 / total, w1 / total, w2 / total], axis=2)
    hit = (weights[..., 0] >= -1e-5) & (weights[..., 1] >= -1e-5) & (weights[..., 2] >= -1e-5)
    which, spot = np.nonzero(hit)
    chosen = weights[which, spot]
    depth = (z[which] * chosen).sum(1).astype(np.float32)
    pixels = np.stack([px[which, spot], py[which, spot]], 1).astype(np.int64)
    return pixels, depth, np.concatenate([which[:, None].astype(np.float32), chosen], axis=1).astype(np.float32)


def _keep_nearest(depth: F32, place: F32, pixel: NDArray[np.int64], z: F32, at: F32) -> None:
    order = np.argsort(-z, kind="stable")
    pixel, z, at = pixel[order], z[order], at[order]
    nearer = z < depth[pixel]
    pixel, z, at = pixel[nearer], z[nearer], at[nearer]
    # Numpy keeps the last write of a repeated index, and the nearest comes last.
    depth[pixel] = z
    place[pixel] = at
