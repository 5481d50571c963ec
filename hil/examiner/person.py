"""A person of the examiner's: shape, skin, hair, eyes and what they wear on the face as colour, all drawn from a seed.

Colour is by vertex of the head's mould. Not responsible for things with a shape of their own (`wear`).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hil.examiner import places
from hil.examiner.head import Mould, Shape, displaced, draw_shape
from hil.examiner.materials import matched
from hil.examiner.piece import Piece, join, noise, piece, sheet
from hil.examiner.skin import Skin, blood_line, draw_skin, melanin_line
from hil.examiner.spectra import NM, Optics, resample, scattering_layer, table_spectra, yule_nielsen
from hil.examiner.tables import F64, columns


@dataclass(frozen=True, slots=True)
class Traits:
    """What figures are broken down by, and what is drawn beside it."""

    fitzpatrick: str
    beard: str = "none"
    make_up: str = "none"
    hair: str = "short"


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A head with its surface: `colour` float64[n, 11], `rough`, `gloss`, `temperature` by vertex; `eyes` apart.

    `bare` is the shape without hair and beard, `shape` with them; `hair_colour` float64[11].
    """

    name: str
    traits: Traits
    skin: Skin
    bare: Shape
    shape: Shape
    colour: F64
    rough: F64
    gloss: F64
    temperature: F64
    hair_colour: F64
    eyes: Piece

    def head(self, model: Mould) -> Piece:
        """Head and eyes, without anything worn."""
        soft = np.where(places.hair_height(model.canonical, 0.0) > 0.0, 0.0, 1.0)
        return piece(
            self.shape.vertices,
            model.triangles,
            self.colour,
            normals=self.shape.normals,
            rough=self.rough,
            gloss=self.gloss,
            temperature=self.temperature,
            soft=soft,
        )


def draw_person(name: str, rng: np.random.Generator, traits: Traits, model: Mould, rig: Optics) -> Person:
    """Everything about one person, from the generator alone."""
    at = model.canonical
    bare = draw_shape(rng, model)
    skin = draw_skin(rng, traits.fitzpatrick)
    hair = draw_hair(rng, traits, rig)
    colour = _complexion(rng, at, skin, traits, rig)
    rough = 0.46 + 0.03 * noise(rng, at, 8.0) - rng.uniform(0.0, 0.14) * _oily(at)
    cover, out = _hair_cover(rng, at, traits)
    colour += cover[:, None] * (hair * (1.0 + 0.18 * noise(rng, at, (0.9, 5.0, 5.0)))[:, None] - colour)
    shape = displaced(model, bare, out)
    inside = model.part["mouth"] | model.part["socket"]
    colour[inside] *= 0.35
    temperature = 33.6 - 2.2 * places.spot(at, 0.0, 5.0, 16.0, 22.0) + 0.8 * places.spot(at, 0, 80, 50, 25)
    temperature += rng.normal(0.0, 0.4) - 1.0 * places.ears(at) - 5.0 * np.clip(out / 8.0, 0.0, 1.0)
    gloss = (0.04 + rng.uniform(0.0, 0.15) * _oily(at) + 0.15 * places.lips(at)) * (1.0 - cover)
    eyes = draw_eyes(rng, bare, traits.fitzpatrick in ("I", "II"), rig)
    return Person(name, traits, skin, bare, shape, colour, rough + 0.15 * cover, gloss, temperature, hair, eyes)


def _oily(at: F64) -> F64:
    return places.spot(at, 0.0, 20.0, 16.0, 34.0) + 0.7 * places.spot(at, 0.0, 80.0, 40.0, 18.0)


def _complexion(rng: np.random.Generator, at: F64, skin: Skin, traits: Traits, rig: Optics) -> F64:
    """Skin without hair: the measured spectrum, and more or less melanin and blood by place."""
    dark = ("I", "II", "III", "IV", "V", "VI").index(traits.fitzpatrick) / 5.0
    melanin = 0.035 * noise(rng, at, 24.0) + 0.02 * noise(rng, at, 5.0) + 0.015 * noise(rng, at, 1.6)
    melanin += 0.10 * (0.4 + dark) * places.step(2.0, 1.2, places.eye_ring(at)) - 0.04 * places.neck(at)
    if dark < 0.5 and rng.random() < 0.3:
        freckled = places.spot(at, 30.0, 10.0, 30.0, 18.0) + places.spot(at, 0.0, 12.0, 18.0, 14.0)
        melanin += 0.35 * freckled * places.step(1.1, 1.9, noise(rng, at, 2.4))
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(-60, 60), rng.uniform(-80, 80)
        melanin += 0.9 * np.exp(-(((at[:, 0] - x) ** 2 + (at[:, 1] - y) ** 2) / 3.0)) * (at[:, 2] > 50.0)
    ruddy = rng.uniform(0.0, 0.09)
    blood = 0.02 * noise(rng, at, 9.0) + ruddy * places.spot(at, 38.0, 2.0, 16.0, 16.0) - 0.03 * places.neck(at)
    blood += (0.03 + ruddy) * places.spot(at, 0.0, 2.0, 13.0, 11.0) + 0.05 * places.ears(at)
    red = places.lips(at) * (1.0 + 0.08 * noise(rng, at, (1.0, 6.0, 6.0)))
    melanin += red * (0.05 + 0.22 * dark)
    blood += red * rng.uniform(0.35, 0.6)
    base, of_melanin, of_blood = rig.bands(np.stack([skin.spectrum, melanin_line(), blood_line()]))
    colour = base * np.exp(-melanin[:, None] * of_melanin - blood[:, None] * of_blood)
    if traits.make_up != "none":
        colour = _made_up(rng, at, colour, traits.make_up, rig)
    return np.asarray(colour)


@lru_cache(maxsize=1)
def _cosmetics() -> dict[str, F64]:
    names = ("Titanium_dioxide", "Yellow_ochre", "Venetian_red", "Burnt_umber", "Nat.Madder", "Bone_black", "Talc")
    return table_spectra("usgs_materials_full_5nm.csv", names)


def _made_up(rng: np.random.Generator, at: F64, colour: F64, amount: str, rig: Optics) -> F64:
    """A film of pigments over the skin: mixed with it like dots of it, and the clearer the longer the wavelength."""
    paint = {name: rig.bands(spectrum) for name, spectrum in _cosmetics().items()}
    thick = rng.uniform(0.1, 0.3) if amount == "light" else rng.uniform(0.45, 0.75)
    light = np.array([paint[name] for name in ("Titanium_dioxide", "Yellow_ochre", "Venetian_red", "Talc")])
    target = np.median(colour[:, :3], axis=0) * rng.uniform(0.95, 1.08)
    box = np.vstack([light, paint["Burnt_umber"]])
    foundation = yule_nielsen(matched(box, target[None], 2.0), box, 2.0)[0]
    clearer = rig.bands((NM / 550.0) ** -rng.uniform(1.0, 1.8))
    away = 1.0 - places.step(1.3, 1.0, places.eye_ring(at)) - places.lips(at)
    cover = thick * places.face_oval(at, 1.05) * away * (1.0 + 0.1 * noise(rng, at, 6.0))
    colour = _film(colour, foundation, cover, clearer)
    lip = 0.7 * paint["Nat.Madder"] + 0.3 * paint["Titanium_dioxide"] * rng.uniform(0.2, 1.0)
    colour = _film(colour, lip, places.lips(at) * min(1.0, 1.3 * thick), clearer)
    shade = 0.6 * paint["Bone_black"] + 0.4 * rng.uniform(0.2, 1.0) * paint["Burnt_umber"] + 0.05
    lid = places.step(2.0, 1.3, places.eye_ring(at)) * (at[:, 1] > places.EYE_Y)
    return _film(colour, shade, lid * thick * 0.7, clearer)


def _film(under: F64, film: F64, cover: F64, clearer: F64) -> F64:
    share = np.clip(cover, 0.0, 1.0)[:, None] * np.clip(clearer, 0.0, 1.2)
    share = np.clip(share, 0.0, 1.0)
    return np.asarray(((1.0 - share) * np.sqrt(under) + share * np.sqrt(film)) ** 2)


def draw_hair(rng: np.random.Generator, traits: Traits, rig: Optics) -> F64:
    """Hair: keratin that scatters, melanin and a little water that absorb."""
    fair = {"I": (6.0, 60.0), "II": (10.0, 120.0), "III": (50.0, 150.0)}.get(traits.fitzpatrick, (90.0, 200.0))
    melanin = np.exp(rng.uniform(np.log(fair[0]), np.log(fair[1])))
    if rng.random() < 0.06:
        melanin *= 0.08
    table = columns("polymer_water_absorption_full_5nm.csv")
    water = resample(table["nm"], table["Water (Segelstein1981)"])
    absorbed = melanin * (NM / 550.0) ** -3.46 + 0.15 * water + 0.25
    return rig.bands(0.85 * scattering_layer(absorbed, np.full_like(NM, rng.uniform(40.0, 60.0))))


def _hair_cover(rng: np.random.Generator, at: F64, traits: Traits) -> tuple[F64, F64]:
    """How much hair hides the skin, and how far it stands out in mm, by vertex."""
    strands = noise(rng, at, (0.8, 4.0, 4.0))
    recede = rng.uniform(0.0, 6.0) if traits.hair != "bald" else 60.0
    above = places.hair_height(at, recede)
    scalp = places.step(-1.0, 3.0, above + 1.2 * strands) * (1.0 - places.ears(at))
    length = {"bald": 0.0, "short": rng.uniform(3.0, 8.0), "full": rng.uniform(9.0, 17.0)}.get(traits.hair, 10.0)
    out = scalp * places.step(0.0, 22.0, above) * length * (1.0 + 0.12 * noise(rng, at, 12.0)) + scalp * 0.35 * strands
    if traits.hair == "bald":
        scalp, out = scalp * 0.0, out * 0.0
    brow = places.brows(at, rng.uniform(3.2, 5.0), rng.uniform(-1.5, 1.0))
    brow = np.clip(brow * rng.uniform(0.75, 0.95) * (0.85 + 0.25 * strands), 0.0, 0.95)
    cover = np.maximum.reduce([scalp, brow, 0.75 * places.lashes(at)])
    out = out + 0.5 * brow
    if traits.beard != "none":
        grown = places.beard(at) * (1.0 - places.ears(at))
        dense = rng.uniform(0.12, 0.35) if traits.beard == "stubble" else rng.uniform(0.75, 0.92)
        speckle = noise(rng, at, 1.2 if traits.beard == "stubble" else (1.0, 3.0, 1.0))
        cover = np.maximum(cover, grown * np.clip(dense * (1.0 + 0.4 * speckle), 0.0, 0.95))
        if traits.beard == "full":
            low = places.step(-30.0, -85.0, at[:, 1])
            out = np.maximum(out, grown**2 * (0.6 + low * rng.uniform(3.0, 11.0)) * (1 + 0.15 * speckle))
    return cover, out


def draw_eyes(rng: np.random.Generator, shape: Shape, fair: bool, rig: Optics) -> Piece:
    """Two eyeballs that look at the camera: white, iris, pupil; wet, and the pupils send light back."""
    rings, around = 46, 48
    polar = np.linspace(0.0, 1.0, rings) ** 1.3 * np.radians(80.0)
    turn = np.linspace(0.0, 2.0 * np.pi, around)
    polar_grid, turn_grid = (grid.ravel() for grid in np.meshgrid(polar, turn, indexing="ij"))
    unit = np.stack(
        [np.sin(polar_grid) * np.cos(turn_grid), np.sin(polar_grid) * np.sin(turn_grid), np.cos(polar_grid)], axis=1
    )
    r = shape.eye_radius
    off = np.sin(polar_grid) * r
    iris, pupil = rng.uniform(5.6, 6.3), rng.uniform(1.5, 2.7)
    white = np.clip(rig.bands(0.52 - 0.12 * np.exp(-(((NM - 440.0) / 60.0) ** 2))), 0, 1) * _wet(rig)
    blue = rng.random() < 0.5 and fair
    tint = np.array([0.22, 0.16, 0.09]) if blue else np.array([0.025, 0.04, 0.075]) * rng.uniform(0.6, 1.8)
    ring = np.concatenate([tint, np.full(8, 0.26)]) * _wet(rig)
    fibres = 1.0 + 0.2 * np.interp(turn_grid, np.linspace(0, 2 * np.pi, 60), rng.standard_normal(60))
    colour = np.where(
        (off > iris)[:, None], white, ring * fibres[:, None] * np.where(off > iris - 0.7, 0.5, 1.0)[:, None]
    )
    colour = np.where((off < pupil)[:, None], 0.01, colour)
    vein = 1.0 - 0.10 * np.clip(off - 9.0, 0.0, 4.0) / 4.0
    colour[:, :2] *= vein[:, None]
    balls = []
    for middle in shape.eyes:
        balls.append(
            piece(
                middle + unit * (r - 0.15),
                sheet(rings, around)[:, [0, 2, 1]],
                colour,
                normals=unit,
                rough=0.3,
                gloss=1.0,
                temperature=34.5,
                retro=np.where(off < pupil, 1.0, 0.0),
            )
        )
    return join(balls)


def _wet(rig: Optics) -> F64:
    """What the water in the eye takes away, by band."""
    table = columns("polymer_water_absorption_full_5nm.csv")
    return rig.bands(np.exp(-0.22 * resample(table["nm"], table["Water (Segelstein1981)"])))
