"""What instruments are made of: substrates, pigments and dyes, and how an artist or a printer matches skin with them.

Every figure comes from a measured table or is marked modelled in the README. An instrument's look is matched in the
visible only, as a forger can; what its materials do beyond is their own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from hil.examiner.spectra import NM, Optics, bell, resample, scattering_layer, table_spectra, yule_nielsen
from hil.examiner.tables import F64, columns, rows

_USGS, _POLYMERS = "usgs_materials_full_5nm.csv", "polymer_water_absorption_full_5nm.csv"
_WHITES = ("Zinc_oxide", "Lead_White")
_REDS = ("Cadmium_red", "Vermillion", "Nat.Madder", "Alizarin")
_YELLOWS = ("Brilliant(Hansa)", "Cadmium_yellow", "Naples_yellow", "Cadmium_orange_0")
_DARKS = ("Bone_black", "Natural_umber", "Burnt_umber")
_OTHERS = (
    *("Paper_Cotton_Bond", "Plastic_Vinyl_GDS372_White", "Cotton_Fabric", "Plastic_Tyvek", "Terrycloth"),
    *("Plastic_HDPE_GDS385", "Plastic_LDPE_GDS404", "Plastic_LDPE_GDS406", "Plastic_HDPE_GDS400", "Plastic_PVC"),
    *("Gypsum_HS333.1B", "Gypsum_HS333.2B", "Gypsum_HS333.3B", "Polyester_Webbing", "Polyester_Pile_GDS435"),
    *("Nylon_Fabric_GDS433", "Nylon_Fabric_GDS431", "Nylon_Fabric_GDS432", "Cardboard", "Painted_Aluminum"),
    *("Plastic_ABS", "Plastic_Tarp_GDS340", "Titanium_dioxide", "Talc"),
)


@lru_cache(maxsize=1)
def usgs() -> dict[str, F64]:
    """The measured pigments, plastics and cloths by the first words of their names."""
    return table_spectra(_USGS, (*_WHITES, *_REDS, *_YELLOWS, *_DARKS, *_OTHERS))


@lru_cache(maxsize=1)
def polymers() -> dict[str, F64]:
    """Absorption coefficients in 1/cm; gaps in the tables are bridged."""
    table = columns(_POLYMERS)
    return {
        short: resample(table["nm"], table[title])
        for short, title in (
            ("PDMS", "PDMS_Sylgard10:1 (Zhang2020)"),
            ("PMMA", "PMMA (Zhang2020 Tomson)"),
            ("PVC", "PVC (Zhang2020)"),
            ("water", "Water (Segelstein1981)"),
        )
    }


@lru_cache(maxsize=1)
def _printed_pla() -> tuple[F64, ...]:
    """Measured 3-D prints: lit by LEDs, relative to a white tile; held flat below the first LED."""
    found = []
    for row in rows("plasticscanner_3dprint_led_rel_to_calibration.csv"):
        if row["PlasticType"] == "PLA":
            leds = sorted((float(name[2:]), float(value)) for name, value in row.items() if name.startswith("nm"))
            found.append(np.interp(NM, *np.array(leds).T))
    return tuple(found)


def _projected(shares: F64) -> F64:
    """The nearest point of the simplex (shares not negative, summing to 1), row by row."""
    ordered = -np.sort(-shares, axis=1)
    above = (np.cumsum(ordered, axis=1) - 1.0) / np.arange(1, shares.shape[1] + 1)
    last = (ordered > above).sum(axis=1) - 1
    return np.asarray(np.maximum(shares - above[np.arange(len(shares)), last][:, None], 0.0))


def matched(primaries: F64, target: F64, n: float) -> F64:
    """Shares of primaries float64[k, 11] that look most like visible targets float64[m, 3]; each row sums to 1."""
    if len(target) > 2000:
        low, high = target.min(axis=0) - 1e-3, target.max(axis=0) + 1e-3
        axes = [np.linspace(low[k] ** 0.5 if low[k] > 0 else 0.0, high[k] ** 0.5, 10) for k in range(3)]
        nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) ** 2
        table = matched(primaries, nodes, n).reshape(10, 10, 10, -1)
        return np.asarray(RegularGridInterpolator(axes, table)(np.sqrt(np.clip(target, low.clip(0), high))))
    basis = np.clip(primaries[:, :3], 1e-4, None) ** (1.0 / n)
    wanted = np.clip(target, 1e-4, None) ** (1.0 / n)
    shares = np.full((len(target), len(primaries)), 1.0 / len(primaries))
    pull = 1.0 / np.linalg.norm(basis, 2) ** 2
    momentum, before = shares, shares
    for turn in range(400):
        shares = _projected(momentum - pull * (momentum @ basis - wanted) @ basis.T)
        momentum, before = shares + turn / (turn + 3.0) * (shares - before), shares
    return shares


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one specimen is coloured: `primaries` float64[k, 11] mixed by dots (`n`), over `body` where they thin out.

    `opaque` float64[11] is the share of the paint in each band, the rest is the body seen through it.
    """

    primaries: F64
    body: F64
    opaque: F64
    n: float

    def colour(self, look: F64) -> F64:
        """Reflectance float64[m, 11] of a specimen that should look like float64[m, 3]."""
        vivid = np.clip((look - (1.0 - self.opaque[:3]) * self.body[:3]) / self.opaque[:3], 0.0, 1.0)
        paint = yule_nielsen(matched(self.primaries, vivid, self.n), self.primaries, self.n)
        return np.asarray(self.opaque * paint + (1.0 - self.opaque) * self.body)


def _dye(centre: float, fwhm: float, density: float) -> F64:
    """Transmittance of a dye, out and in again: dark in its line, clear in the infrared (modelled)."""
    return 10.0 ** (-density * bell(centre, fwhm))


def _inks(rng: np.random.Generator, paper: F64, carbon: float) -> F64:
    """Primaries of a halftone: paper, yellow, red (yellow and magenta), a dark; `carbon` is the black in the dark."""
    strength = rng.uniform(0.9, 1.3)
    yellow = _dye(rng.uniform(425, 445), 95.0, 1.1 * strength)
    magenta = _dye(rng.uniform(535, 552), 90.0, 1.1 * strength)
    cyan = _dye(rng.uniform(620, 645), 125.0, 1.2 * strength)
    black = 1.0 - carbon * (1.0 - 0.03 * (NM / 550.0) ** 0.5)
    return np.array([paper, paper * yellow, paper * yellow * magenta, paper * yellow * magenta * cyan * black])


def _pigments(rng: np.random.Generator) -> F64:
    """An artist's box: a white, a red, a yellow and a dark."""
    box = usgs()
    picked = [box[str(rng.choice(names))] for names in (_WHITES, _REDS, _YELLOWS, _DARKS)]
    return np.array([np.clip(1.08 * picked[0], 0, 0.95), *picked[1:], box["Bone_black"] + 0.012])


def _filled(absorbed: F64, rng: np.random.Generator, scatter: tuple[float, float]) -> F64:
    """A clear polymer with a white filler whose scattering falls slowly with the wavelength."""
    return scattering_layer(absorbed, rng.uniform(*scatter) * (NM / 850.0) ** -rng.uniform(0.4, 1.0))


def _clear_to(rig: Optics, visible: float, at_1550: float) -> F64:
    """Share of a film that still covers, from `visible` at 550 nm to `at_1550`."""
    return rig.bands(np.interp(NM, [400.0, 700.0, 1550.0], [visible, visible, at_1550]))


def recipe(species: str, rng: np.random.Generator, rig: Optics) -> Recipe:
    """One specimen's colouring, by species of mask or print. Raises KeyError for a species that is not coloured so."""
    body, primaries, opaque, n = _MAKERS[species](rng)
    return Recipe(rig.bands(primaries), rig.bands(body), _clear_to(rig, *opaque), n)


_Made = tuple[F64, F64, tuple[float, float], float]


def _printed(sheet: str, carbon: tuple[float, float]) -> Callable[[np.random.Generator], _Made]:
    def make(rng: np.random.Generator) -> _Made:
        paper = usgs()[sheet] * rng.uniform(0.93, 1.05)
        return paper, _inks(rng, paper, rng.uniform(*carbon)), (1.0, 1.0), rng.uniform(1.6, 2.6)

    return make


def _paper_mask(rng: np.random.Generator) -> _Made:
    paper = usgs()["Paper_Cotton_Bond"] * rng.uniform(0.9, 1.05)
    return paper, _inks(rng, paper, rng.uniform(0.0, 0.9)), (1.0, 1.0), rng.uniform(1.6, 2.6)


def _fabric(rng: np.random.Generator) -> _Made:
    cloth = usgs()[str(rng.choice(["Cotton_Fabric", "Terrycloth", "Plastic_Tarp_GDS340"]))]
    grey = np.where(NM < 700.0, max(float(cloth[NM < 700.0].max()), 0.6), cloth)
    return grey, _inks(rng, grey, rng.uniform(0.0, 0.5)), (1.0, 1.0), rng.uniform(1.5, 2.5)


def _gypsum(rng: np.random.Generator) -> _Made:
    body = usgs()[f"Gypsum_HS333.{rng.integers(1, 4)}B"] * rng.uniform(0.72, 0.95)
    inked = np.vstack([_inks(rng, body, rng.uniform(0.2, 0.9)), _pigments(rng)[3:4]])
    return body, inked, (1.0, rng.uniform(0.8, 1.0)), rng.uniform(1.5, 2.2)


def _resin(rng: np.random.Generator) -> _Made:
    body = _filled(polymers()["PMMA"] + rng.uniform(0.1, 0.6), rng, (15.0, 45.0))
    return body, _pigments(rng), (0.97, rng.uniform(0.55, 0.9)), rng.uniform(1.4, 2.4)


def _pla(rng: np.random.Generator) -> _Made:
    prints = _printed_pla()
    body = np.clip(prints[int(rng.integers(len(prints)))] * rng.uniform(0.9, 1.3), 0.1, 0.92)
    return body, _pigments(rng), (0.96, rng.uniform(0.55, 0.9)), rng.uniform(1.4, 2.4)


def _latex(rng: np.random.Generator) -> _Made:
    names = ("Plastic_HDPE_GDS385", "Plastic_LDPE_GDS404", "Plastic_LDPE_GDS406", "Plastic_HDPE_GDS400", "Plastic_PVC")
    body = usgs()[str(rng.choice(names))]
    return body, _pigments(rng), (rng.uniform(0.85, 0.97), rng.uniform(0.45, 0.8)), rng.uniform(1.4, 2.4)


def _silicone(rng: np.random.Generator, tuned: float = 0.0) -> _Made:
    absorbed = polymers()["PDMS"] + rng.uniform(0.2, 0.5) + tuned * _water_like(rng)
    body = _filled(absorbed, rng, (12.0, 22.0))
    paint = _pigments(rng)
    # Pigments are stirred into the rubber: its own absorption shows between their grains.
    return body, paint * (0.5 + 0.5 * (body / body[_AT_700])), (rng.uniform(0.92, 0.98), rng.uniform(0.4, 0.65)), 2.0


def _water_like(rng: np.random.Generator) -> F64:
    """A dye that imitates water where a maker of masks can look, at 900 to 1000 nm, and some water held by a gel."""
    dye = rng.uniform(0.25, 0.95) * bell(968.0, rng.uniform(75.0, 100.0))
    return np.asarray(dye + rng.uniform(0.0, 0.06) * polymers()["water"])


def _tuned(rng: np.random.Generator) -> _Made:
    return _silicone(rng, tuned=1.0)


_AT_700 = int(np.argmin(np.abs(NM - 700.0)))
_MAKERS: dict[str, Callable[[np.random.Generator], _Made]] = {
    "print_dye": _printed("Paper_Cotton_Bond", (0.0, 0.15)),
    "print_toner": _printed("Paper_Cotton_Bond", (0.9, 1.0)),
    "print_vinyl": _printed("Plastic_Vinyl_GDS372_White", (0.3, 0.9)),
    "paper_mask": _paper_mask,
    "fabric_mask": _fabric,
    "resin_mask": _resin,
    "pla_mask": _pla,
    "gypsum_mask": _gypsum,
    "latex_mask": _latex,
    "latex_half": _latex,
    "silicone_mask": _silicone,
    "silicone_nose": _silicone,
    "silicone_lower_face": _silicone,
    "silicone_tuned_mask": _tuned,
}
"""By species: the body, its primaries, how the paint covers (visible, 1550 nm), the Yule-Nielsen factor."""


def cloth_tint(rng: np.random.Generator, strongest: float = 0.6) -> F64:
    """What a textile's dyes let pass; most are clear in the infrared, a few hold carbon and are dark there too."""
    lines = (bell(450.0, 110.0), bell(545.0, 110.0), bell(640.0, 110.0))
    density = sum(d * line for d, line in zip(rng.uniform(0.0, strongest, 3), lines, strict=True))
    tint = 10.0 ** -(density + rng.uniform(0.0, 1.1))
    reach = 120.0 if rng.random() < 0.7 else 2500.0
    clear = np.clip((NM - 690.0) / reach, 0.0, 1.0)
    return np.asarray(tint + (1.0 - tint) * clear)


def cloth(rng: np.random.Generator, rig: Optics) -> F64:
    """A garment's or a headscarf's reflectance: a measured cloth, dyed in the visible."""
    base = usgs()[str(rng.choice(["Cotton_Fabric", "Polyester_Webbing", "Nylon_Fabric_GDS433", "Terrycloth"]))]
    fibre = np.where(NM < 780.0, max(0.5, float(base[NM > 780.0].max())), base)
    return rig.bands(fibre * cloth_tint(rng))


def surgical_tint(rng: np.random.Generator) -> F64:
    """The pale blue or green of a medical mask."""
    return np.asarray(10.0 ** -(rng.uniform(0.15, 0.4) * bell(rng.uniform(610.0, 660.0), 150.0)))
