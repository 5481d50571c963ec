"""Things with a shape of their own that people wear or that stand around: glasses, mask, scarf, hair, clothes, wall.

All in the wearer's head space (mm, y up, z towards the camera) but for the surroundings. Not responsible for attacks
(`instruments`).
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import griddata
from scipy.ndimage import gaussian_filter, maximum_filter

from hil.examiner import materials, places
from hil.examiner.head import Mould, Shape
from hil.examiner.person import Person
from hil.examiner.piece import Piece, join, noise, piece, sheet
from hil.examiner.spectra import Optics
from hil.examiner.tables import F64


def tube(path: F64, radius: F64 | float, colour: F64, *, closed: bool = False, rough: float = 0.3) -> Piece:
    """A round wire along points float64[n, 3]."""
    points = np.vstack([path, path[:1]]) if closed else path
    along = np.gradient(points, axis=0)
    if closed:
        along[0] = along[-1] = points[1] - points[-2]
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    side = np.cross(along, [0.0, 0.31, 0.95])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    turn = np.linspace(0.0, 2.0 * np.pi, 9)
    ring = side[:, None] * np.cos(turn)[None, :, None] + np.cross(along, side)[:, None] * np.sin(turn)[None, :, None]
    vertices = (points[:, None] + np.broadcast_to(radius, len(points))[:, None, None] * ring).reshape(-1, 3)
    return piece(vertices, sheet(len(points), 9), colour, rough=rough, gloss=0.6, normals=ring.reshape(-1, 3))


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """One spectacle lens: centre, axes to the right and up (unit), half size, radius of its front in mm.

    `clear` is what passes one way.
    """

    middle: F64
    right: F64
    up: F64
    half: tuple[float, float]
    radius: float
    clear: float

    def moved(self, rotation: F64, shift: F64) -> "Lens":
        """As `Piece.moved`."""
        return Lens(
            rotation @ self.middle + shift,
            rotation @ self.right,
            rotation @ self.up,
            self.half,
            self.radius,
            self.clear,
        )


def glasses(rng: np.random.Generator, shape: Shape, rig: Optics) -> tuple[Piece, list[Lens]]:
    """A frame on the nose, with its arms, and two lenses."""
    box = materials.usgs()
    name = str(
        rng.choice(["Plastic_ABS", "Painted_Aluminum", "Plastic_PVC", "Plastic_HDPE_GDS400"], p=[0.6, 0.2, 0.1, 0.1])
    )
    colour = rig.bands(box[name]) * rng.uniform(0.7, 1.0)
    half = (rng.uniform(23.0, 27.0), rng.uniform(16.0, 21.0))
    thick, squared = rng.uniform(0.7, 2.4), rng.uniform(2.0, 3.5)
    turn = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    parts, lenses = [], []
    front = float(shape.eyes[:, 2].mean()) + shape.eye_radius + rng.uniform(11.0, 14.0)
    height = float(shape.eyes[:, 1].mean()) - rng.uniform(0.0, 4.0)
    for sign, eye in zip((-1.0, 1.0), shape.eyes, strict=True):
        middle = np.array([eye[0] * 1.03, height, front])
        wrap = np.radians(6.0) * sign
        right, up = np.array([np.cos(wrap), 0.0, -np.sin(wrap)]), np.array([0.0, 0.99, 0.12])
        out = (np.abs(np.cos(turn)) ** squared + np.abs(np.sin(turn)) ** squared) ** (-1.0 / squared)
        rim = middle + (out * np.cos(turn))[:, None] * right * half[0] + (out * np.sin(turn))[:, None] * up * half[1]
        parts.append(tube(rim, thick, colour, closed=True))
        hinge = middle + sign * right * half[0] + up * half[1] * 0.4
        ear = np.array([sign * 79.0, height + 6.0, 2.0])
        bend = np.array([sign * 77.0, height + 5.0, front - 30.0])
        arm = np.array([(1 - s) ** 2 * hinge + 2 * s * (1 - s) * bend + s * s * ear for s in np.linspace(0, 1, 16)])
        parts.append(tube(arm, max(thick, 1.2), colour))
        lenses.append(Lens(middle, right, up, half, rng.uniform(90.0, 300.0), rng.uniform(0.93, 0.985)))
    inner = [lens.middle - sign * lens.right * half[0] for sign, lens in zip((-1.0, 1.0), lenses, strict=True)]
    s = np.linspace(0.0, 1.0, 12)[:, None]
    bridge = inner[0] * (1 - s) + inner[1] * s + np.array([0.0, 5.0, 3.0]) * np.sin(np.pi * s)
    parts.append(tube(bridge, thick, colour))
    return join(parts), lenses


def relief(model: Mould, shape: Shape, step_mm: float, *, x: tuple[float, float], y: tuple[float, float]) -> F64:
    """Height z of a face over a grid of its x and y: rows from top to bottom; beyond the face the nearest height."""
    front = (shape.normals[:, 2] > 0.0) & model.part["face"] & (model.canonical[:, 2] > 0.0)
    points = shape.vertices[front]
    xs, ys = np.arange(x[0], x[1] + step_mm, step_mm), np.arange(y[1], y[0] - step_mm, -step_mm)
    grid = np.meshgrid(xs, ys)
    inside = griddata(points[::3, :2], points[::3, 2], tuple(grid), method="linear")
    near = griddata(points[::9, :2], points[::9, 2], tuple(grid), method="nearest")
    return np.asarray(np.where(np.isfinite(inside), inside, near))


def medical_mask(rng: np.random.Generator, model: Mould, shape: Shape, rig: Optics) -> Piece:
    """A non-woven mask over mouth and nose, with pleats, and its bands around the ears."""
    step = 2.0
    x, y = (-74.0, 74.0), (-92.0, 14.0)
    height = relief(model, shape, step, x=x, y=y)
    under = maximum_filter(height, 5)
    height = np.maximum(gaussian_filter(under, 3.0) + 2.0, under + 1.0)
    rows, columns = height.shape
    xs, ys = np.meshgrid(np.linspace(*x, columns), np.linspace(y[1], y[0], rows))
    height += 0.7 * np.sign(np.sin(ys / 4.2)) * (np.abs(ys + 38.0) < 28.0)
    round_off = np.interp(np.abs(xs), [0.0, 30.0, 74.0], [0.0, 0.0, 22.0])
    ys = np.where(ys > -38.0, ys - round_off * (ys + 38.0) / 52.0, ys - 0.6 * round_off * (ys + 38.0) / 52.0)
    vertices = np.stack([xs.ravel(), ys.ravel(), height.ravel()], axis=1)
    fibre = materials.usgs()["Plastic_Tyvek"]
    tint = materials.surgical_tint(rng) if rng.random() < 0.7 else np.ones_like(fibre)
    colour = rig.bands(fibre * tint) * (1.0 + 0.03 * noise(rng, vertices, 1.5))[:, None]
    parts = [piece(vertices, sheet(rows, columns), colour, rough=0.95, temperature=31.0)]
    for sign in (-1.0, 1.0):
        for top, to in ((-8.0, 20.0), (-62.0, -25.0)):
            ends = np.array([[sign * 72.0, top, float(height[:, 0].mean())], [sign * 80.0, to, 0.0]])
            s = np.linspace(0.0, 1.0, 10)[:, None]
            parts.append(tube(ends[0] * (1 - s) + ends[1] * s + [sign * 3.0, 0, 0], 1.2, rig.bands(fibre), rough=0.9))
    return join(parts)


def scarf(rng: np.random.Generator, model: Mould, person: Person, rig: Optics) -> Piece:
    """A headscarf: a dome over hair and ears, closed under the chin, open before the face."""
    at, points = model.canonical, person.bare.vertices
    hem = np.hypot(at[:, 0] / 66.0, (at[:, 1] - 14.0) / 92.0)
    covered = (hem > 1.0) | (at[:, 2] < 25.0)
    middle = np.array([0.0, 30.0, 10.0])
    away = points - middle
    low = np.clip((at[:, 1] + 60.0) / -60.0, 0.0, 1.0)
    size = np.stack([88.0 + 0.0 * low, 128.0 + 0.0 * low, 104.0 + 0.0 * low], axis=1)
    dome = away / np.maximum(np.linalg.norm(away / size, axis=1, keepdims=True), 1e-6)
    longer = np.linalg.norm(dome, axis=1) > np.linalg.norm(away, axis=1)
    on_head = (at[:, 1] > -60.0) & (hem > 1.08)
    vertices = np.where((longer & on_head)[:, None], middle + dome, points)
    fold = 1.5 * noise(rng, at, (30.0, 9.0, 30.0)) + 0.6 * noise(rng, at, 6.0)
    vertices = vertices + person.bare.normals * (7.0 * places.step(0.98, 1.05, hem) + 6.0 * low + fold)[:, None]
    colour = materials.cloth(rng, rig) * (1.0 + 0.03 * noise(rng, at, 1.4))[:, None]
    triangles = model.triangles[covered[model.triangles].all(axis=1)]
    return piece(vertices, triangles, colour, rough=0.9, temperature=29.0)


def long_hair(rng: np.random.Generator, person: Person) -> Piece:
    """Hair that falls behind the ears to the shoulders."""
    rows, columns = 90, 160
    grid = np.meshgrid(np.linspace(0, 1, rows), np.linspace(-2.2, 2.2, columns), indexing="ij")
    down, turn = (np.tile(values.ravel(), 2) for values in grid)
    layer = np.repeat([0.0, 5.0], rows * columns)
    end = rng.uniform(-200.0, -90.0)
    width = np.interp(down, [0.0, 0.2, 0.45, 1.0], [62.0, 80.0, 90.0, rng.uniform(92.0, 112.0)])
    depth = np.interp(down, [0.0, 0.2, 0.5, 1.0], [70.0, 92.0, 98.0, 88.0])
    height = 105.0 + (end - 105.0) * down
    strands = noise(rng, np.stack([turn * 90.0 + layer * 20.0, height, layer], 1), (2.0, 45.0, 9.0))
    wave = noise(rng, np.stack([turn * 90.0, height, 0.0 * turn], 1), (16.0, 40.0, 9.0))
    out = 1.2 * strands + 3.0 * wave * down - layer
    vertices = np.stack([(width + out) * np.sin(turn), height, 2.0 - (depth + out) * np.cos(turn)], axis=1)
    colour = person.hair_colour * (1.0 + 0.22 * strands)[:, None]
    one = sheet(rows, columns)[:, [0, 2, 1]]
    return piece(vertices, np.concatenate([one, one + rows * columns]), colour, rough=0.5, temperature=27.0)


def torso(rng: np.random.Generator, rig: Optics, model: Mould, shape: Shape) -> Piece:
    """Clothes: over the shoulders of the head's mesh, and on downwards; the neck stays free."""
    at = model.canonical
    collar = -128.0 + rng.uniform(-8.0, 10.0) - 0.20 * np.clip(at[:, 2] - 20.0, 0.0, None)
    below = collar - at[:, 1]
    triangles = model.triangles[(below > 0.0)[model.triangles].all(axis=1)]
    colour = materials.cloth(rng, rig)
    fold = np.clip(1.2 * noise(rng, at, (12.0, 25.0, 12.0)), -1.0, 4.0)
    shoulders = shape.vertices + shape.normals * (3.5 + 3.0 * places.step(0.0, 25.0, below) + fold)[:, None]
    weave = (1.0 + 0.05 * noise(rng, at, 2.0))[:, None]
    parts = [piece(shoulders, triangles, colour * weave, rough=0.95, temperature=28.0)]
    rows, columns = 24, 60
    down, turn = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    width = np.interp(down, [0.0, 0.25, 1.0], [100.0, 195.0, 215.0])
    vertices = np.stack([width * np.sin(turn), -165.0 - 260.0 * down**1.3, -8.0 + width * 0.45 * np.cos(turn)], -1)
    vertices = vertices.reshape(-1, 3) + (2.5 * noise(rng, vertices.reshape(-1, 3), 25.0))[:, None]
    parts.append(piece(vertices, sheet(rows, columns), colour, rough=0.95, temperature=27.0))
    return join(parts)


def wall(rng: np.random.Generator, rig: Optics, depth_mm: float) -> Piece:
    """The background: a painted wall, a little uneven, far behind."""
    box = materials.usgs()
    paint = box[str(rng.choice(["Titanium_dioxide", "Painted_Aluminum", "Cardboard", "Plastic_Vinyl_GDS372_White"]))]
    size = 1400.0
    rows = columns = 48
    xs, ys = np.meshgrid(np.linspace(-size, size, columns), np.linspace(size, -size, rows))
    vertices = np.stack([xs.ravel(), ys.ravel(), np.full(xs.size, -depth_mm)], axis=1)
    uneven = 1.0 + 0.06 * noise(rng, vertices, 400.0) + 0.02 * noise(rng, vertices, 90.0)
    colour = rig.bands(paint) * rng.uniform(0.3, 1.0) * uneven[:, None]
    return piece(vertices, sheet(rows, columns), colour, rough=0.9, temperature=22.0)


def card(corner: tuple[float, float], size: tuple[float, float], depth_mm: float, reflectance: float) -> Piece:
    """The grey reference on the gate's frame: a flat card square to the camera, the same in every band."""
    x, y = corner
    vertices = np.array([[x + a * size[0], y - b * size[1], -depth_mm] for b in (0, 1) for a in (0, 1)], np.float64)
    return piece(vertices, sheet(2, 2), np.full(11, reflectance), rough=1.0, temperature=23.0)
