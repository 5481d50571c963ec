"""Heads: invented identities of the measured parametric head (ICT-FaceKit, "light", MIT), fine enough to paint on.

Every head has the same vertices in the same order, so that "where on the face" is one set of canonical coordinates:
the mean head's, in mm, x to the image's right, y up, z towards the camera, its eyes at (+-32, 34, 92).
Not responsible for colour (`paint`).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity, vstack

from hil.examiner.piece import I32, smooth_normals
from hil.examiner.tables import F64, FOLDER, arrays

_PARTS = {"face": (0, 9229), "back": (9230, 11143), "mouth": (11144, 13225), "socket": (13226, 14033)}
_SCLERAS = ((21496, 22295), (23094, 23893))
_FINE_MM, _COARSE_MM = 1.7, 5.0
_SPREAD = 0.75
"""Modes are drawn narrower than measured: a product of a hundred of them reaches shapes nobody has."""


@dataclass(frozen=True, slots=True, eq=False)
class Mould:
    """What all heads share: canonical vertices, triangles, part of each vertex by name, and the eyeballs' places.

    `spread` makes fine vertices of the file's, `mean` and `modes` are the file's in mm; `eyes` float64[2, 3] centres
    and `eye_radius` mm on the mean head, `eye_vertices` the file's vertices that carry each.
    """

    canonical: F64
    triangles: I32
    part: dict[str, NDArray[np.bool_]]
    spread: csr_matrix
    mean: F64
    modes: F64
    eye_vertices: tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One head: vertices and normals of the mould's vertices, centres of the eyeballs (left in the image first)."""

    vertices: F64
    normals: F64
    eyes: F64
    eye_radius: float

    @property
    def middle(self) -> F64:
        """Between the eyes, on their surface."""
        return np.asarray(self.eyes.mean(axis=0) + np.array([0.0, 0.0, self.eye_radius]))


def _divided(spread: csr_matrix, triangles: I32, at: F64, limit: F64) -> tuple[csr_matrix, I32]:
    """Triangles with an edge longer than `limit` (by vertex) become four; new vertices lie on the old edges."""
    edges = np.sort(np.stack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]], 1), axis=2)
    length = np.linalg.norm(at[edges[..., 0]] - at[edges[..., 1]], axis=2)
    long = (length > limit[edges].mean(axis=2)).any(axis=1)
    pairs, number = np.unique(edges[long].reshape(-1, 2), axis=0, return_inverse=True)
    ab, bc, ca = (len(at) + number.reshape(-1, 3)).T
    a, b, c = triangles[long].T
    new = np.concatenate([np.stack(t, 1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    middle = 0.5 * (spread[pairs[:, 0]] + spread[pairs[:, 1]])
    return vstack([spread, middle]).tocsr(), np.concatenate([triangles[~long], new]).astype(np.int32)


@lru_cache(maxsize=1)
def mould(folder: Path = FOLDER, fine_mm: float = _FINE_MM) -> Mould:
    """The imported head, divided until it is fine enough where it faces the camera. Raises TableError."""
    data = arrays("ict_facekit_light.npz", folder)
    mean, modes = data["V"].astype(np.float64) * 10.0, data["ID"].astype(np.float64) * 10.0
    polygon, all_triangles = data["P"].astype(np.int64), data["F"].astype(np.int64)
    inside = {name: (polygon >= low) & (polygon <= high) for name, (low, high) in _PARTS.items()}
    chosen = all_triangles[np.any(list(inside.values()), axis=0)]
    used, numbers = np.unique(chosen, return_inverse=True)
    triangles: I32 = numbers.reshape(-1, 3).astype(np.int32)
    spread = identity(len(mean), format="csr")[used]
    tags = {name: np.isin(used, all_triangles[rows]).astype(np.float64) for name, rows in inside.items()}
    back = csr_matrix(np.stack([tags[name] for name in _PARTS], axis=1))
    for _ in range(3):
        at = np.asarray(spread @ mean)
        front = (at[:, 2] > 30.0) & (at[:, 1] > -110.0)
        tagged = back.toarray()
        limit = np.where(front & (tagged[:, 0] == 1.0), fine_mm, max(_COARSE_MM, fine_mm))
        back, _ = _divided(back, triangles, at, limit)
        spread, triangles = _divided(spread, triangles, at, limit)
    tagged = back.toarray()
    eyes = [np.unique(all_triangles[(polygon >= low) & (polygon <= high)]) for low, high in reversed(_SCLERAS)]
    part = {name: tagged[:, k] == 1.0 for k, name in enumerate(_PARTS)}
    return Mould(np.asarray(spread @ mean), triangles, part, spread, mean, modes, (eyes[0], eyes[1]))


def draw_shape(rng: np.random.Generator, model: Mould) -> Shape:
    """One invented identity."""
    weights = np.clip(rng.standard_normal(len(model.modes)) * _SPREAD, -2.0, 2.0)
    return shaped(model, model.mean + np.tensordot(weights, model.modes, axes=1))


def shaped(model: Mould, points: F64) -> Shape:
    """The head with the file's vertices at `points`."""
    balls = [points[index] for index in model.eye_vertices]
    middles = np.array([(ball.max(axis=0) + ball.min(axis=0)) / 2.0 for ball in balls])
    radius = float(np.mean([np.ptp(ball, axis=0).mean() / 2.0 for ball in balls]))
    vertices = np.asarray(model.spread @ points)
    return Shape(vertices, smooth_normals(vertices, model.triangles), middles, radius)


def displaced(model: Mould, shape: Shape, out_mm: F64) -> Shape:
    """The head with its skin moved out along its normals; creases it makes show, the mesh's own facets do not."""
    vertices = shape.vertices + shape.normals * out_mm[:, None]
    change = smooth_normals(vertices, model.triangles) - smooth_normals(shape.vertices, model.triangles)
    normals = shape.normals + change
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    return Shape(vertices, normals, shape.eyes, shape.eye_radius)
