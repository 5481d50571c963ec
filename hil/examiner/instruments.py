"""Presentation attack instruments: what one person wears or holds to look like another.

Each function gives pieces in the wearer's head space, or a flat one to be held before the face. The look is that of
the victim in the visible, reached with the instrument's own materials. Not responsible for the wearer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, maximum_filter

from hil.examiner import materials, places
from hil.examiner.head import Mould
from hil.examiner.person import Person
from hil.examiner.piece import Piece, cut, noise, piece, sheet, smooth_normals
from hil.examiner.spectra import Optics
from hil.examiner.tables import F64
from hil.examiner.wear import relief


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A frontal photograph of the victim: `look` float64[H, W, 3] as reflectance, BGR; `focal_px`, its `distance_mm`.

    The victim's eyes are in the middle of it.
    """

    look: F64
    focal_px: float
    distance_mm: float

    def at(self, x: F64, y: F64, z: F64 | float) -> F64:
        """Its colours at points before the camera, relative to the middle of the eyes, float64[n, 3]."""
        height, width = self.look.shape[:2]
        scale = self.focal_px / (self.distance_mm - z)
        place = [height / 2.0 - 0.5 - y * scale, width / 2.0 - 0.5 + x * scale]
        return np.stack([map_coordinates(self.look[..., k], place, order=1, mode="nearest") for k in range(3)], -1)


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """`worn` moves with the head, `held` stands upright at the face's distance, its middle at the origin.

    `glow` float64[n, 3] is what the vertices of `held` emit (a white sheet under the panel has 1).
    """

    worn: list[Piece] = field(default_factory=list)
    held: Piece | None = None
    glow: F64 | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything an instrument is made from."""

    species: str
    rng: np.random.Generator
    model: Mould
    wearer: Person
    victim: Person
    rig: Optics
    picture: Callable[[], Picture]


def build(case: Case) -> Instrument:
    """The instrument of a species. Raises KeyError for a species the examiner does not know."""
    return _BUILDERS[case.species](case)


def _grid(width: float, height: float, step: float) -> tuple[F64, F64, NDArray[np.int32]]:
    xs = np.linspace(-width / 2.0, width / 2.0, int(width / step) + 1)
    ys = np.linspace(height / 2.0, -height / 2.0, int(height / step) + 1)
    x, y = np.meshgrid(xs, ys)
    return x.ravel(), y.ravel(), sheet(len(ys), len(xs))


def _print(case: Case) -> Instrument:
    """A life-size print, held flat or a little bent."""
    rng, vinyl = case.rng, case.species == "print_vinyl"
    width, height = rng.uniform(175.0, 215.0), rng.uniform(240.0, 290.0)
    x, y, triangles = _grid(width, height, 1.1)
    bend = rng.uniform(0.0, 1.0) / 700.0
    z = -0.5 * bend * x**2 + 1.2 * noise(rng, np.stack([x, y, 0 * x], 1), 90.0)
    vertices = np.stack([x, y, z], axis=1)
    look = case.picture().at(x / 1.02, y / 1.02 + rng.uniform(-20.0, 0.0), 0.0)
    colour = materials.recipe(case.species, rng, case.rig).colour(np.clip(look * rng.uniform(0.92, 1.05), 0.01, 0.9))
    colour *= 1.0 + 0.012 * rng.standard_normal((len(x), 1))
    rough, gloss = (0.35, 1.0) if vinyl else (0.85, 0.05)
    return Instrument(held=piece(vertices, triangles, colour, rough=rough, gloss=gloss, temperature=24.5))


def _screen(case: Case) -> Instrument:
    """A tablet: dark and glossy whatever it shows; the picture is its own light."""
    rng = case.rng
    width, height = rng.uniform(150.0, 185.0), rng.uniform(205.0, 245.0)
    x, y, triangles = _grid(width, height, 1.1)
    look = case.picture().at(x * 1.05, y * 1.05 - rng.uniform(0.0, 15.0), 0.0)
    edge = np.maximum(np.abs(x) - width / 2.0 + 8.0, np.abs(y) - height / 2.0 + 8.0) > 0.0
    lcd = case.species == "screen_lcd"
    # Polarisers do not work in the near infrared: the reflector behind an LCD shows through a little.
    deep = np.array([0.0, 0.0, 0.0, *([rng.uniform(0.02, 0.12) if lcd else 0.0] * 8)])
    colour = np.where(edge[:, None], 0.02, rng.uniform(0.02, 0.05) + deep)
    glow = np.where(edge[:, None], 0.0, look / max(np.percentile(look, 97), 1e-3) * rng.uniform(0.45, 1.1))
    held = piece(
        np.stack([x, y, 0.0 * x], axis=1),
        triangles,
        colour,
        rough=rng.uniform(0.25, 0.4),
        gloss=1.0,
        temperature=rng.uniform(29.0, 36.0),
    )
    return Instrument(held=held, glow=glow)


def _draped(case: Case) -> Instrument:
    """Paper folded, or cloth stretched, roughly to the face, the photograph on it, holes for the eyes."""
    rng, paper = case.rng, case.species == "paper_mask"
    step, x, y = 1.2, (-76.0, 76.0), (-100.0, 108.0)
    own = case.victim.bare.middle
    height = gaussian_filter(relief(case.model, case.victim.bare, step, x=x, y=y), (9.0 if paper else 3.5) / step)
    under = maximum_filter(relief(case.model, case.wearer.bare, step, x=x, y=y), 5)
    rows, columns = height.shape
    xs, ys = np.meshgrid(np.linspace(*x, columns), np.linspace(y[1], y[0], rows))
    front = np.hypot(xs / 60.0, (ys - 10.0) / 85.0) < 1.0
    height += float(np.percentile((under - height)[front], 90)) + rng.uniform(1.0, 4.0)
    height = np.maximum(gaussian_filter(np.maximum(height, under + 1.5), 2.5 / step), under + 1.0)
    points = np.stack([xs.ravel(), ys.ravel(), height.ravel()], axis=1)
    crease = noise(rng, points, (60.0, 60.0, 60.0)) if paper else noise(rng, points, (14.0, 30.0, 30.0))
    points[:, 2] += 0.9 * crease
    look = case.picture().at(xs.ravel() - own[0], ys.ravel() - own[1], np.zeros(xs.size))
    colour = materials.recipe(case.species, rng, case.rig).colour(np.clip(look, 0.01, 0.9))
    colour *= 1.0 + (0.012 if paper else 0.05) * rng.standard_normal((len(points), 1))
    made = piece(points, sheet(rows, columns), colour, rough=0.85 if paper else 1.0, temperature=27.5)
    oval = np.hypot(points[:, 0] / 73.0, (points[:, 1] - 6.0) / 101.0) < 1.0
    hole = rng.uniform(1.0, 1.35)
    for eye in case.wearer.bare.eyes:
        oval &= np.hypot((points[:, 0] - eye[0]) / 15.0, (points[:, 1] - eye[1]) / 8.0) > hole
    return Instrument([cut(made, oval)])


def _aligned(case: Case) -> F64:
    """The victim's vertices with the eyes where the wearer's are."""
    return np.asarray(case.victim.bare.vertices + case.wearer.bare.middle - case.victim.bare.middle)


_RIGID = {"resin_mask": (0.32, 0.5, 0.0), "pla_mask": (0.5, 0.25, 0.10), "gypsum_mask": (0.95, 0.0, 0.06)}
"""Roughness, clear coat, and how coarse the surface is in mm."""


def _rigid(case: Case) -> Instrument:
    """A shell of the victim's face, some mm before the wearer's, with holes for the eyes."""
    rng, at = case.rng, case.model.canonical
    rough, gloss, grain = _RIGID[case.species]
    vertices = _aligned(case)
    under = case.wearer.bare.vertices
    front = places.face_oval(at) > 0.5
    gap = float(np.percentile((under - vertices)[front, 2], 92)) + rng.uniform(4.0, 8.0)
    vertices = vertices + np.array([0.0, 0.0, gap])
    vertices[:, 2] = np.maximum(vertices[:, 2], np.where(front, under[:, 2] + 1.5, vertices[:, 2]))
    lines = np.sin(at[:, 1] * 2.0 * np.pi / 1.4) if case.species == "pla_mask" else rng.standard_normal(len(at))
    normals = smooth_normals(vertices, case.model.triangles)
    vertices = vertices + normals * (grain * lines)[:, None]
    colour = _painted(case, case.victim.colour[:, :3])
    made = piece(vertices, case.model.triangles, colour, rough=rough, gloss=gloss, temperature=rng.uniform(25.0, 28.0))
    keep = case.model.part["face"] & (places.face_oval(at, rng.uniform(0.94, 1.04)) > 0.5)
    keep &= places.eye_ring(at) > rng.uniform(1.1, 1.5)
    return Instrument([cut(made, keep)])


def _painted(case: Case, look: F64) -> F64:
    """A look float64[n, 3] painted by hand: uneven, and a little off."""
    rng = case.rng
    off = np.clip(1.0 + rng.normal(0.0, 0.04, 3) + rng.normal(0.0, 0.05), 0.8, 1.2)
    uneven = 1.0 + 0.04 * noise(rng, case.model.canonical, 10.0) + 0.02 * noise(rng, case.model.canonical, 2.0)
    return materials.recipe(case.species, rng, case.rig).colour(np.clip(look * off * uneven[:, None], 0.008, 0.9))


_ELASTIC = {"latex": (0.42, 0.25, 0.4), "silicone": (0.5, 0.12, 1.5)}
"""Roughness, clear coat, and how far light wanders in it, mm."""


def _close(case: Case) -> Instrument:
    """A mask of latex or silicone close on the skin: between the two faces, to the hairline and under the chin."""
    rng, at = case.rng, case.model.canonical
    keep = (places.hair_height(at, 0.0) < -1.0) & (at[:, 1] > rng.uniform(-150.0, -105.0))
    if rng.random() < 0.4:
        keep &= (places.face_oval(at, 1.08) > 0.5) & (places.ears(at) < 0.5)
    keep &= (places.eye_ring(at) > rng.uniform(1.02, 1.25)) & (case.model.part["face"] | case.model.part["back"])
    like = rng.uniform(0.5, 0.85) * places.step(2.0, 3.2, places.eye_ring(at))
    return _elastic(case, keep, like, rng.uniform(1.0, 2.5) * np.ones(len(at)), case.victim.colour[:, :3])


def _elastic(case: Case, keep: NDArray[np.bool_], like: F64, thick: F64, look: F64) -> Instrument:
    """A film over the wearer's skin, `thick` mm, that goes `like` (0 to 1) of the way out to the victim's shape."""
    rough, gloss, soft = _ELASTIC["latex" if "latex" in case.species else "silicone"]
    bare = case.wearer.bare
    out = ((_aligned(case) - bare.vertices) * bare.normals).sum(axis=1)
    out = thick + like * np.clip(out, 0.0, 9.0)
    vertices = bare.vertices + bare.normals * out[:, None]
    normals = bare.normals + smooth_normals(vertices, case.model.triangles)
    normals -= smooth_normals(bare.vertices, case.model.triangles)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    made = piece(
        vertices,
        case.model.triangles,
        _painted(case, look),
        normals=normals,
        rough=rough + case.rng.uniform(-0.08, 0.12),
        gloss=gloss * case.rng.uniform(0.3, 1.5),
        temperature=case.rng.uniform(28.0, 31.0),
        soft=soft,
    )
    return Instrument([cut(made, keep)])


def _part(case: Case) -> Instrument:
    """A piece of silicone over a part of the wearer's face, thinning out at its edge, matched to the wearer."""
    at = case.model.canonical
    over = places.nose(at) if case.species == "silicone_nose" else places.lower_face(at)
    keep = (over > 0.05) & case.model.part["face"]
    most = case.rng.uniform(1.5, 3.0) if case.species == "silicone_nose" else case.rng.uniform(1.5, 3.5)
    like = over * case.rng.uniform(0.3, 0.8)
    return _elastic(case, keep, like, 0.15 + most * np.sqrt(over), case.wearer.colour[:, :3])


def _half(case: Case) -> Instrument:
    """A latex mask of half the face: the upper, the lower or one side."""
    at, which = case.model.canonical, int(case.rng.integers(3))
    side = 1.0 if case.rng.random() < 0.5 else -1.0
    inside = (at[:, 1] + 6.0, -6.0 - at[:, 1], side * at[:, 0])[which]
    over = places.step(0.0, 3.0, inside) * places.face_oval(at, 1.04)
    keep = (over > 0.05) & case.model.part["face"] & (places.eye_ring(at) > case.rng.uniform(1.05, 1.3))
    thick = case.rng.uniform(0.8, 2.0) * places.step(0.0, 0.4, over) + 0.3
    return _elastic(case, keep, 0.6 * over, thick, case.victim.colour[:, :3])


_BUILDERS: dict[str, Callable[[Case], Instrument]] = {
    **dict.fromkeys(("print_dye", "print_toner", "print_vinyl"), _print),
    **dict.fromkeys(("screen_lcd", "screen_oled"), _screen),
    **dict.fromkeys(("paper_mask", "fabric_mask"), _draped),
    **dict.fromkeys(_RIGID, _rigid),
    **dict.fromkeys(("latex_mask", "silicone_mask", "silicone_tuned_mask"), _close),
    **dict.fromkeys(("silicone_nose", "silicone_lower_face"), _part),
    "latex_half": _half,
}
