"""A piece: triangles with everything about their surface at the vertices; a scene is some pieces joined into one mesh.

One mesh with one material keeps the tracer's kernels the same for every presentation. Millimetres, degrees Celsius.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from hil.examiner.spectra import BANDS
from hil.examiner.tables import F64

I32 = NDArray[np.int32]
_BY_VERTEX = ("vertices", "normals", "colour", "rough", "gloss", "temperature", "soft", "retro")


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Vertices float64[n, 3], normals float64[n, 3], triangles int32[m, 3] and, one value a vertex:

    `colour` float64[n, 11] reflectance by band, `rough` (1: matt), `gloss` (share of a clear coat),
    `temperature`, `soft` (how far light wanders under the surface, mm), `retro` (what returns to a light on axis).
    """

    vertices: F64
    normals: F64
    triangles: I32
    colour: F64
    rough: F64
    gloss: F64
    temperature: F64
    soft: F64
    retro: F64

    def moved(self, rotation: F64, shift: F64) -> "Piece":
        """Turned about the origin, then shifted."""
        return replace(self, vertices=self.vertices @ rotation.T + shift, normals=self.normals @ rotation.T)


def piece(
    vertices: F64,
    triangles: I32,
    colour: F64,
    *,
    normals: F64 | None = None,
    rough: F64 | float = 0.6,
    gloss: F64 | float = 0.0,
    temperature: F64 | float = 23.0,
    soft: F64 | float = 0.0,
    retro: F64 | float = 0.0,
) -> Piece:
    """A piece from values for every vertex or for all of them."""
    n = len(vertices)

    def full(values: F64 | float) -> F64:
        return np.broadcast_to(np.asarray(values, np.float64), (n,)).copy()

    return Piece(
        np.asarray(vertices, np.float64),
        smooth_normals(vertices, triangles) if normals is None else normals,
        np.asarray(triangles, np.int32),
        np.clip(np.broadcast_to(colour, (n, len(BANDS))), 0.0, 0.98).copy(),
        np.clip(full(rough), 0.05, 1.0),
        np.clip(full(gloss), 0.0, 1.0),
        full(temperature),
        full(soft),
        full(retro),
    )


def smooth_normals(vertices: F64, triangles: I32) -> F64:
    """Unit normals at the vertices, weighted by the area of the triangles around."""
    corner = vertices[triangles]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(face[:, k], 3), minlength=len(vertices)) for k in range(3)], axis=1
    )
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9))


def join(pieces: Sequence[Piece]) -> Piece:
    """All pieces as one."""
    starts = np.cumsum([0, *(len(part.vertices) for part in pieces)])
    triangles = [part.triangles + start for part, start in zip(pieces, starts, strict=False)]
    together = {name: np.concatenate([getattr(part, name) for part in pieces]) for name in _BY_VERTEX}
    return Piece(triangles=np.concatenate(triangles).astype(np.int32), **together)


def cut(whole: Piece, keep: NDArray[np.bool_]) -> Piece:
    """Only the triangles all of whose vertices are kept; vertices nobody uses are dropped."""
    triangles = whole.triangles[keep[whole.triangles].all(axis=1)]
    used, renumbered = np.unique(triangles, return_inverse=True)
    kept = {name: getattr(whole, name)[used] for name in _BY_VERTEX}
    return Piece(triangles=renumbered.reshape(triangles.shape).astype(np.int32), **kept)


def sheet(rows: int, columns: int) -> I32:
    """Triangles of a grid of rows x columns vertices, counted row by row."""
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)


def noise(rng: np.random.Generator, points: F64, size: float | tuple[float, float, float]) -> F64:
    """Smooth noise at points float64[n, 3], mean 0 and deviation about 1; `size` in mm is that of its blobs."""
    grid = rng.standard_normal((24, 24, 24))
    place = points.T / np.broadcast_to(size, (3,))[:, None] + rng.uniform(0.0, 24.0, 3)[:, None]
    return np.asarray(map_coordinates(grid, place, order=1, mode="grid-wrap")) * 1.5
