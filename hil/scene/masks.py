"""Worn instruments: masks over the face or a part of it, one person's face on another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from hil.scene.arrays import F32, f32
from hil.scene.cast import Traveller
from hil.scene.hair import curtain, ears, neck, scalp, shirt
from hil.scene.head import angles, mouth_line, normals, ramp
from hil.scene.optics.paint import SUBSTANCE, Variation, draw_variation, paint_bands
from hil.scene.optics.response import Site
from hil.scene.paint import noise, refine
from hil.scene.person import bare_head, hair_of, palette_of, stride_of
from hil.scene.portrait import picture_of
from hil.scene.shot import Shot
from hil.scene.surface import ALPHA, AO, GLOSS, HEAT, PUPIL, Part, blank, copied
from hil.scene.traits import TRAITS, Traits


@dataclass(frozen=True, slots=True)
class Stuff:
    """How a mask's material looks apart from its spectrum. `heat_c` is its surface when worn."""

    gloss: float
    rough: float
    soft: float
    grain: float
    heat_c: tuple[float, float]


STUFF: Mapping[str, Stuff] = MappingProxyType(
    {
        "paper_mask": Stuff(0.12, 0.5, 0.05, 0.01, (24.0, 27.0)),
        "fabric_mask": Stuff(0.0, 0.9, 0.12, 0.05, (28.0, 31.0)),
        "resin_mask": Stuff(0.6, 0.22, 0.03, 0.0, (23.5, 27.0)),
        "pla_mask": Stuff(0.45, 0.33, 0.03, 0.02, (23.5, 27.0)),
        "gypsum_mask": Stuff(0.05, 0.8, 0.02, 0.04, (23.0, 26.0)),
        "latex_mask": Stuff(0.45, 0.33, 0.10, 0.01, (28.0, 31.5)),
        "silicone_mask": Stuff(0.45, 0.28, 0.22, 0.01, (27.0, 31.0)),
        "silicone_tuned_mask": Stuff(0.45, 0.28, 0.22, 0.01, (27.0, 31.0)),
        "silicone_nose": Stuff(0.4, 0.28, 0.22, 0.01, (29.0, 32.0)),
        "silicone_lower_face": Stuff(0.4, 0.28, 0.22, 0.01, (29.0, 32.0)),
        "latex_half": Stuff(0.45, 0.33, 0.10, 0.01, (29.0, 32.0)),
    }
)
RIGID = ("resin_mask", "pla_mask", "gypsum_mask")
PARTIAL = ("silicone_nose", "silicone_lower_face", "latex_half")
_COLOURS = (
    *("tone", "flush", "blush", "freckles", "spots", "mottle", "gloss", "iris", "liner", "lip_red", "lip_dark", "seed"),
    *("hair_dark", "hair_red", "hair_grey", "beard_grey", "shirt"),
    *(name for name in TRAITS if name.startswith("pigment_")),
)
"""What a person has of skin, eyes and hair apart from their shape."""
_NOSE = tuple(name for name in TRAITS if name.startswith("nose"))
_LOWER = tuple(name for name in TRAITS if name.startswith(("chin", "jaw", "lip", "mouth", "cheek_full", "cupid")))
_UPPER = (*_NOSE, *(name for name in TRAITS if name.startswith(("brow", "forehead", "socket", "eye_hood", "eye_fold"))))


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """Everything a mask is made from."""

    species: str
    of: Traveller
    wearer: Traveller
    site: Site
    detail: int
    rng: np.random.Generator
    variation: Variation
    heat: float

    @property
    def stuff(self) -> Stuff:
        return STUFF[self.species]

    def paint(self, rgb: F32) -> F32:
        """What is painted, printed or cast in these colours, float32[..., channels]."""
        kind, ground = SUBSTANCE[self.species]
        return paint_bands(rgb, kind, ground, self.variation, self.site)

    def coloured(self, part: Part) -> Part:
        """A part of the holder in the mask's material."""
        texture, stuff = copied(part.texture), self.stuff
        texture[..., :AO] = self.paint(texture[..., :3])
        self.surface(texture)
        return replace(part, texture=texture, rough=stuff.rough, soft=stuff.soft)

    def surface(self, texture: F32, where: F32 | None = None) -> None:
        """Gloss, grain and warmth of the material, where it is."""
        stuff, shape = self.stuff, (texture.shape[0], texture.shape[1])
        share = np.float32(1.0) if where is None else where
        grain = 1.0 + stuff.grain * noise(self.rng, shape, (1.0, 1.0))
        texture[..., :AO] *= (1.0 + share * (grain - 1.0))[..., None]
        texture[..., GLOSS] += share * (np.float32(stuff.gloss) - texture[..., GLOSS])
        warm = self.heat + 0.5 * noise(self.rng, shape, (40.0, 40.0))
        texture[..., HEAT] += share * (warm - texture[..., HEAT])
        texture[..., PUPIL] *= 1.0 - share


def present(shot: Shot, species: str, of: Traveller, wearer: Traveller, rng: np.random.Generator) -> Traveller:
    """Draw the wearer and the mask; returns whose eyes are seen, where they are seen."""
    heat = float(rng.uniform(*STUFF[species].heat_c))
    job = _Job(species, of, wearer, shot.site, shot.detail, rng, draw_variation(rng), heat)
    if species in PARTIAL:
        return _partial(shot, job)
    behind = _fitted(wearer, of, soft=species not in RIGID and not species.startswith(("paper", "fabric")))
    if species == "paper_mask":
        _paper(shot, job, behind)
    elif species == "fabric_mask":
        _fabric(shot, job, behind)
    elif species in RIGID:
        _rigid(shot, job, behind)
    else:
        _over_head(shot, job, behind)
    return behind


def _fitted(wearer: Traveller, of: Traveller, *, soft: bool) -> Traveller:
    """The wearer inside the mask: eyes behind its holes; a soft mask is made to fit and shows colours only."""
    own = {name: wearer.traits[name] for name in _COLOURS}
    eye_x = float(np.clip(wearer.traits.eye_x + 0.3 * (of.traits.eye_x - wearer.traits.eye_x), 27.5, 36.0))
    params = {**of.params, **own} if soft else {**wearer.params, "eye_x": eye_x}
    return replace(wearer, key=f"{wearer.key}/behind/{of.key}", params=params)


# --- masks of the whole face ---------------------------------------------------------------------------------


def _wearer_behind(shot: Shot, job: _Job, who: Traveller, *, hair: bool) -> Part:
    """The wearer, the head a little smaller so that it stays inside; hair and beard pressed flat."""
    t, palette = who.traits, palette_of(who, job.site)
    face = bare_head(who, job.site, job.detail)
    inside = replace(face, mesh=f32(face.mesh * np.float32(0.965)))
    shot.draw(shirt(t, palette), neck(t, palette), curtain(t, palette) if hair else None, inside)
    if hair:
        shot.draw(*ears(t, palette), _without_beard(who, job, face.mesh))
    return face


def _without_beard(who: Traveller, job: _Job, mesh: F32) -> Part:
    t = Traits({**who.traits, "beard": 0.0, "goatee": 0.0, "moustache": 0.0})
    return replace(scalp(t, mesh, palette_of(who, job.site), job.detail), stride=stride_of(job.detail))


def _rigid(shot: Shot, job: _Job, behind: Traveller) -> None:
    _wearer_behind(shot, job, behind, hair=True)
    proud = float(job.rng.uniform(4.0, 8.0))
    side = float(job.rng.uniform(0.14, 0.30))
    head, hair = bare_head(job.of, job.site, job.detail), hair_of(job.of, job.site, job.detail)
    for part, holes in ((head, (1.15, 1.2)), (hair, None)):
        shell = _cut(job.coloured(part), job, side=side, holes=holes)
        mesh = shell.mesh.copy()
        mesh[..., 2] += proud
        normal = shell.normal
        if job.species == "pla_mask":
            # Layers of the print show as fine steps.
            step = f32(0.10 * np.sin(mesh[..., 1] * (2 * np.pi / 1.9)))
            normal = normal.copy()
            normal[..., 1] += step
        shot.draw(replace(shell, mesh=mesh, normal=normal), bias_mm=-16.0)


def _over_head(shot: Shot, job: _Job, behind: Traveller) -> None:
    _wearer_behind(shot, job, behind, hair=False)
    of, rng, t = job.of, job.rng, job.of.traits
    latex = job.species.startswith("latex")
    low = -t.chin_y - float(rng.uniform(28.0, 60.0))
    collar = neck(t, palette_of(of, job.site))
    collar = replace(collar, mesh=f32(collar.mesh + collar.normal * np.float32(3.5)), stride=1)
    collar = job.coloured(collar)
    down = np.linspace(-70.0, -230.0, collar.texture.shape[0], dtype=np.float32)[:, None]
    wave = 3.0 * np.sin(np.linspace(-9, 9, collar.texture.shape[1], dtype=np.float32))[None, :]
    collar.texture[..., ALPHA] = ramp(-1.0, 1.0, down - low - wave)
    collar.texture[..., AO] *= 1.0 - 0.35 * ramp(5.0, 0.0, np.abs(down - low - wave))
    shot.draw(replace(collar, turns=0.0), bias_mm=-8.0)
    head = job.coloured(bare_head(of, job.site, job.detail))
    folds = noise(rng, head.mesh.shape[:2], (3.0, 9.0)) * (0.5 if latex else 0.22)
    folds = folds + noise(rng, head.mesh.shape[:2], (12.0, 12.0)) * (0.9 if latex else 0.5)
    mesh = f32(head.mesh + head.normal * folds[..., None])
    mesh[..., 2] += 3.0
    head = replace(head, mesh=mesh, normal=normals(mesh))
    open_mouth = (0.85, 0.35) if rng.random() < 0.7 else None
    shot.draw(_cut(head, job, side=None, holes=(0.98, 0.85), mouth=open_mouth), bias_mm=-16.0)
    shot.draw(*(job.coloured(ear) for ear in ears(t, palette_of(of, job.site))))
    if rng.random() < 0.8:
        # A wig, punched hair: hair is hair in every band.
        wig = hair_of(of, job.site, job.detail)
        before = f32(wig.mesh + np.array([0.0, 0.0, 3.5], np.float32))
        shot.draw(replace(wig, mesh=before), bias_mm=-4.0)


def _fabric(shot: Shot, job: _Job, behind: Traveller) -> None:
    face = _wearer_behind(shot, job, behind, hair=False)
    collar = job.coloured(neck(job.of.traits, palette_of(job.of, job.site)))
    shot.draw(replace(collar, mesh=f32(collar.mesh + collar.normal * np.float32(3.0))), bias_mm=-6.0)
    mesh = f32(gaussian_filter(face.mesh, (4.0, 4.0, 0.0), mode="nearest"))
    mesh = f32(mesh + normals(mesh) * np.float32(3.0))
    head, hair = bare_head(job.of, job.site, job.detail), hair_of(job.of, job.site, job.detail)
    texture = copied(head.texture)
    # One picture: skin, hair and brows are all print.
    cover = hair.texture[..., ALPHA][..., None]
    texture[..., :3] += cover * (hair.texture[..., :3] - texture[..., :3])
    texture[..., :3] *= (0.35 + 0.65 * texture[..., AO])[..., None]
    texture[..., AO] = 1.0 - 0.06 * np.abs(noise(job.rng, texture.shape[:2], (6.0, 2.0)))
    printed = job.coloured(replace(head, mesh=mesh, normal=normals(mesh), texture=texture))
    cut = _cut(printed, replace(job, of=behind), side=None, holes=(1.1, 1.3))
    shot.draw(cut, bias_mm=-12.0)


def _paper(shot: Shot, job: _Job, behind: Traveller) -> None:
    """A picture of the holder, cut out and bent round the face."""
    t = behind.traits
    shot.draw(*_head_parts(behind, job))
    picture, px_per_mm = picture_of(job.of, job.site, job.detail)
    size = t.eye_x / job.of.traits.eye_x
    rows, cols = picture.shape[:2]
    half = (cols / px_per_mm / 2 * size, rows / px_per_mm / 2 * size)
    u, v = np.meshgrid(np.linspace(-1, 1, 61), np.linspace(1, -1, 61))
    turn = float(job.rng.uniform(0.55, 0.85)) / 70.0
    # Bent about an upright cylinder that just clears the nose; a crease down the middle now and then.
    along = u * half[0]
    x, z = np.sin(along * turn) / turn, (np.cos(along * turn) - 1.0) / turn + t.nose_out + 12.0
    z = z - float(job.rng.choice([0.0, 0.06])) * np.abs(x)
    mesh = f32(np.stack([x, v * half[1] - half[1] * 0.127, z], axis=2))
    texture = blank(rows, cols)
    texture[..., :AO] = job.paint(picture)
    job.surface(texture)
    y_mm = (np.linspace(1, -1, rows, dtype=np.float32)[:, None] - 0.127) * half[1]
    x_mm = np.linspace(-1, 1, cols, dtype=np.float32)[None, :] * half[0]
    o = job.of.traits
    low, high = -(o.chin_y + 6.0) * size, 72.0 * size
    oval = np.hypot(x_mm / ((o.face_width + 3.0) * size), (y_mm - (low + high) / 2) / ((high - low) / 2))
    hole = np.hypot((np.abs(x_mm) - t.eye_x) / (t.eye_half_width + 1.5), (y_mm - 0.5) / (t.eye_open * 0.6 + 2.0))
    texture[..., ALPHA] = ramp(1.01, 0.99, oval) * ramp(0.97, 1.03, hole)
    stuff = job.stuff
    shot.draw(Part(mesh, normals(mesh), texture, rough=stuff.rough, soft=stuff.soft), bias_mm=-12.0)


def _head_parts(who: Traveller, job: _Job) -> list[Part]:
    t, palette = who.traits, palette_of(who, job.site)
    face = bare_head(who, job.site, job.detail)
    parts = [shirt(t, palette), neck(t, palette), curtain(t, palette), face, *ears(t, palette)]
    return [part for part in (*parts, _without_beard(who, job, face.mesh)) if part is not None]


def _cut(
    part: Part,
    job: _Job,
    *,
    side: float | None,
    holes: tuple[float, float] | None,
    mouth: tuple[float, float] | None = None,
) -> Part:
    """Cut a mask out of a head: its sides (cosine of the angle where it ends), eye holes, a slit at the mouth."""
    t, texture = job.of.traits, copied(part.texture)
    place = refine(np.ascontiguousarray(part.mesh[..., :2]), job.detail)
    x, y = place[..., 0], place[..., 1]
    if side is not None:
        cols = part.mesh.shape[1]
        phi = np.interp(np.linspace(0, cols - 1, texture.shape[1]), np.arange(cols), angles()).astype(np.float32)
        edge = np.cos(phi)[None, :] + 0.02 * np.sin(y / 9.0)
        texture[..., ALPHA] *= ramp(side - 0.02, side + 0.02, edge) * ramp(-t.chin_y - 3.0, -t.chin_y - 1.0, y)
        texture[..., AO] *= 1.0 - 0.25 * ramp(side + 0.12, side, edge)
    front = (part.mesh[..., 2] > -40.0).astype(np.float32)
    facing = refine(front, job.detail)
    if holes is not None:
        eye = np.hypot(
            (np.abs(x) - t.eye_x) / (t.eye_half_width * holes[0] + 0.5),
            (y - 0.3) / (t.eye_open * 0.55 * holes[1] + 0.8),
        )
        texture[..., ALPHA] *= 1.0 - facing * ramp(1.05, 0.97, eye)
        texture[..., AO] *= 1.0 - 0.4 * facing * ramp(1.25, 1.02, eye)
    if mouth is not None:
        line = mouth_line(t)
        lips = np.hypot(x / (t.mouth_half_width * mouth[0]), (y - line) / ((t.lip_upper + t.lip_lower) * mouth[1]))
        texture[..., ALPHA] *= 1.0 - facing * ramp(1.06, 0.96, lips)
    return replace(part, texture=texture)


# --- masks of a part of the face ----------------------------------------------------------------------------


def _partial(shot: Shot, job: _Job) -> Traveller:
    """A nose, a lower face or half a face of the holder, glued onto the wearer and coloured to match the wearer."""
    upper = job.species == "latex_half" and job.rng.random() < 0.65
    lower = job.species == "silicone_lower_face" or (job.species == "latex_half" and not upper)
    names = _NOSE if job.species == "silicone_nose" else _LOWER if lower else _UPPER
    shaved = {"beard": 0.0, "goatee": 0.0, "moustache": 0.0} if lower else {}
    mixed = {**job.wearer.params, **{name: job.of.traits[name] for name in names}, **shaved}
    who = replace(job.wearer, key=f"{job.wearer.key}/as/{job.of.key}", params=mixed)
    palette, t = palette_of(who, job.site), who.traits
    bare = bare_head(who, job.site, job.detail)
    place = refine(np.ascontiguousarray(bare.mesh[..., :2]), job.detail)
    x, y = place[..., 0], place[..., 1]
    where = _region(job, t, x, y, upper=upper, lower=lower)
    where = f32(where * refine((bare.mesh[..., 2] > -60.0).astype(np.float32), job.detail))
    texture = copied(bare.texture)
    # The maker matches the wearer's colour by eye: near, not the same, and less mottled.
    rgb = np.stack([cv2.GaussianBlur(np.ascontiguousarray(texture[..., k]), (0, 0), 2.0) for k in range(3)], axis=-1)
    off = np.exp(job.rng.normal(0.0, 0.05, 3)).astype(np.float32) * np.float32(np.exp(job.rng.normal(0.0, 0.04)))
    made = job.paint(f32(0.6 * rgb + 0.4 * texture[..., :3]) * off)
    texture[..., :AO] += where[..., None] * (made - texture[..., :AO])
    job.surface(texture, where)
    wide = np.asarray(cv2.GaussianBlur(where, (0, 0), 1.3 * job.detail / 3), np.float32)
    seam = np.clip(4.0 * wide * (1.0 - wide), 0.0, 1.0)
    texture[..., AO] *= 1.0 - float(job.rng.uniform(0.10, 0.35)) * seam * (1.0 - where)
    small = np.asarray(cv2.resize(where, bare.mesh.shape[1::-1], interpolation=cv2.INTER_AREA), np.float32)
    mesh = f32(bare.mesh + bare.normal * (small * float(job.rng.uniform(0.8, 2.0)))[..., None])
    head = replace(bare, mesh=mesh, normal=normals(mesh), texture=texture)
    hair = replace(scalp(t, bare.mesh, palette, job.detail), stride=bare.stride)
    shot.draw(shirt(t, palette), neck(t, palette), curtain(t, palette), head, *ears(t, palette), hair)
    return who


def _region(job: _Job, t: Traits, x: F32, y: F32, *, upper: bool, lower: bool) -> F32:
    """Where the part lies on the face, 0..1."""
    ax = np.abs(x)
    rough = 1.2 * noise(job.rng, x.shape, (8.0, 8.0))
    if job.species == "silicone_nose":
        wide = np.interp(-y, [-6.0, t.nose_y * 0.4, t.nose_y, t.nose_y + 6.0], [7.0, 13.0, t.nose_width + 7.0, 12.0])
        return f32(ramp(1.2, -1.2, ax - wide + rough) * ramp(4.0, 1.0, y) * ramp(-t.nose_y - 6.5, -t.nose_y - 4.5, y))
    line = mouth_line(t)
    if lower:
        top = np.interp(ax, [0.0, t.nose_width + 3, 40.0, 66.0], [-t.nose_y - 5.0, -t.nose_y - 1.0, -30.0, -16.0])
        size = (t.mouth_half_width * 0.92, (t.lip_upper + t.lip_lower) * 0.42)
        lips = np.hypot(x / size[0], (y - line + 1.0) / size[1])
        return f32(ramp(1.0, -1.0, y - top + rough) * ramp(0.95, 1.08, lips))
    if not upper:
        raise ValueError(f"{job.species} is no part of a face")
    below = [-t.nose_y - 5.0, -t.nose_y - 3.0, -34.0, -26.0]
    bottom = np.interp(ax, [0.0, t.nose_width, t.nose_width + 8, 66.0], below)
    eye = np.hypot((ax - t.eye_x) / (t.eye_half_width + 1.0), (y - 0.3) / (t.eye_open * 0.55 + 1.0))
    inside = ramp(-1.0, 1.0, y - bottom + rough) * ramp(0.97, 1.05, eye) * ramp(t.hairline + 8.0, t.hairline + 2.0, y)
    return f32(inside)
