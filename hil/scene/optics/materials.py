"""Everything that is not skin: hair, eyes, cloth, surroundings, and what attack instruments are made of.

A material is a level (reflectance at a few wavelengths) and what absorbs in it; both mix as k/s of an opaque layer.
Levels follow USGS splib07 (paper, cotton, vinyl, gypsum, plastics; public domain), measured 3D prints and, for tissue
and hair, the physiology; medians agree with the batch in the README of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from hil.scene.optics import absorption as of
from hil.scene.optics.grid import F32, WAVELENGTHS, Points, bands, curve, edge, f32
from hil.scene.optics.layers import infinite, ratio_of


@dataclass(frozen=True, slots=True)
class Batch:
    """How one piece differs from the typical: `level` and `slope` (per µm) of its k/s as logarithms, `band` a factor.

    Two masks are never of one batch; a detector that knows the one must take the other.
    """

    level: float = 0.0
    slope: float = 0.0
    band: float = 1.0


TYPICAL = Batch()

# Absorbers by name; amounts in the table are k/s per unit of these.
_ABSORBERS: Mapping[str, F32] = MappingProxyType({
    "water": of.WATER,
    "blood": of.BLOOD_OXYGENATED,
    "protein": of.PROTEIN,
    "hydroxyl": of.HYDROXYL,
    "polymer": of.POLYMER,
    "pdms": of.PDMS,
    "pvc": of.PVC,
    "eumelanin": f32(np.exp(-(WAVELENGTHS - 650.0) / 140.0)),  # 1 at 650 nm
    "pheomelanin": f32(np.exp(-(WAVELENGTHS - 650.0) / 80.0)),
    "water imitation": bands([(985.0, 150.0, 1.0)]),  # an NIR dye put into silicone
    # Textile and plastic dyes, clear in the NIR.
    "black dye": f32(1.0 - edge(725.0, 70.0)),
    "red dye": f32(1.0 - edge(600.0, 40.0)),
    "green dye": f32(bands([(430.0, 120.0, 1.0), (660.0, 130.0, 1.0)])),
    "blue dye": f32(bands([(610.0, 170.0, 1.0), (400.0, 60.0, 0.4)])),
    "yellow dye": f32(1.0 - edge(500.0, 50.0)),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Recipe:
    level: Points
    amounts: tuple[tuple[str, float], ...] = ()


def _r(level: float | Points, **amounts: float) -> _Recipe:
    points: Points = ((400.0, level),) if isinstance(level, float) else level
    return _Recipe(points, tuple((name.replace("_", " "), amount) for name, amount in amounts.items()))


_KERATIN = {"protein": 0.06, "hydroxyl": 0.05}
_TISSUE = 0.13  # k/s of soft tissue per unit of water absorption

_TEXTILE_WHITE = ((400.0, 0.60), (450.0, 0.69), (700.0, 0.69), (850.0, 0.67), (1300.0, 0.65), (1700.0, 0.60))
_PP_WHITE = (
    (400.0, 0.66),
    (450.0, 0.70),
    (850.0, 0.665),
    (1050.0, 0.655),
    (1300.0, 0.63),
    (1550.0, 0.60),
    (1700.0, 0.58),
)
_RECIPES: Mapping[str, _Recipe] = MappingProxyType({
    # Hair: eumelanin in keratin; red hair holds pheomelanin.
    "hair_black": _r(0.55, eumelanin=12.0, **_KERATIN),
    "hair_brown": _r(0.58, eumelanin=3.4, **_KERATIN),
    "hair_blond": _r(0.62, eumelanin=0.30, **_KERATIN),
    "hair_red": _r(0.58, pheomelanin=0.65, eumelanin=0.20, **_KERATIN),
    "hair_grey": _r(0.55, eumelanin=0.06, **_KERATIN),
    "lash": _r(0.25, eumelanin=11.0, **_KERATIN),
    # Eye and mouth: wet tissue.
    "sclera": _r(((400.0, 0.50), (500.0, 0.56), (700.0, 0.61), (1700.0, 0.50)), water=_TISSUE, blood=0.0006),
    "pupil": _r(((400.0, 0.009), (650.0, 0.011), (800.0, 0.02), (1300.0, 0.015), (1700.0, 0.01))),
    "iris_brown": _r(0.38, eumelanin=2.4, water=_TISSUE),
    "iris_hazel": _r(0.38, pheomelanin=0.9, eumelanin=0.35, water=_TISSUE),
    "iris_green": _r(((400.0, 0.20), (550.0, 0.26), (650.0, 0.22), (800.0, 0.36)), yellow_dye=0.8, water=_TISSUE),
    "iris_blue": _r(((400.0, 0.40), (450.0, 0.37), (550.0, 0.25), (650.0, 0.17), (800.0, 0.36)), water=_TISSUE),
    "iris_grey": _r(((400.0, 0.30), (550.0, 0.28), (650.0, 0.26), (800.0, 0.36)), water=_TISSUE),
    "nostril": _r(((400.0, 0.10), (700.0, 0.12), (900.0, 0.14)), blood=0.03, water=0.5),
    "teeth": _r(((400.0, 0.42), (500.0, 0.58), (700.0, 0.66), (1300.0, 0.55), (1700.0, 0.48)), hydroxyl=0.05),
    # Surroundings and clothing.
    "wall": _r(((400.0, 0.49), (450.0, 0.54), (650.0, 0.52), (850.0, 0.46), (1700.0, 0.42)), hydroxyl=0.02),
    "cloth_dark": _r(0.42, black_dye=7.0, polymer=0.08, hydroxyl=0.04),
    "cloth_white": _r(_TEXTILE_WHITE, hydroxyl=0.045),
    "cloth_red": _r(0.56, red_dye=9.0, hydroxyl=0.045),
    "cloth_green": _r(0.53, green_dye=3.2, yellow_dye=0.6, hydroxyl=0.045),
    "cloth_blue": _r(0.55, blue_dye=3.4, hydroxyl=0.045),
    "headscarf_black": _r(0.52, black_dye=13.0, polymer=0.09),
    "headscarf_beige": _r(0.60, yellow_dye=0.35, red_dye=0.08, polymer=0.07),
    "headscarf_blue": _r(0.57, blue_dye=2.5, red_dye=0.3, polymer=0.08),
    "mask_white": _r(_PP_WHITE, polymer=0.06),
    "mask_blue": _r(_PP_WHITE, blue_dye=0.30, polymer=0.06),
    "frame_black": _r(0.045),
    "frame_tortoise": _r(0.35, eumelanin=2.5, yellow_dye=2.0, polymer=0.15),
    "frame_metal": _r(((400.0, 0.42), (700.0, 0.50), (1700.0, 0.62))),
    # What attack instruments are made of, unpainted.
    "paper": _r(((400.0, 0.62), (430.0, 0.86), (700.0, 0.82), (850.0, 0.78), (1300.0, 0.745), (1700.0, 0.69)),
                hydroxyl=0.012),
    "card": _r(((400.0, 0.60), (430.0, 0.76), (600.0, 0.72), (700.0, 0.66), (850.0, 0.58), (1300.0, 0.57),
                (1700.0, 0.54)), hydroxyl=0.020),
    "vinyl": _r(((400.0, 0.45), (430.0, 0.82), (600.0, 0.78), (850.0, 0.70), (1050.0, 0.675), (1300.0, 0.64),
                 (1550.0, 0.60), (1700.0, 0.56)), pvc=0.035),
    "cotton": _r(_TEXTILE_WHITE, hydroxyl=0.045),
    "polyester": _r(_TEXTILE_WHITE, polymer=0.08),
    "resin": _r(((400.0, 0.40), (450.0, 0.58), (600.0, 0.62), (850.0, 0.62), (1300.0, 0.60), (1700.0, 0.55)),
                polymer=0.09, hydroxyl=0.006),
    "pla": _r(((400.0, 0.55), (450.0, 0.66), (850.0, 0.68), (1300.0, 0.68), (1700.0, 0.64)),
              polymer=0.06, hydroxyl=0.006),
    "gypsum": _r(((400.0, 0.74), (450.0, 0.78), (850.0, 0.80), (1300.0, 0.76), (1700.0, 0.70)), hydroxyl=0.045),
    "latex": _r(((400.0, 0.35), (450.0, 0.52), (550.0, 0.60), (850.0, 0.63), (1300.0, 0.62), (1700.0, 0.56)),
                polymer=0.12, water=0.004),
    "silicone": _r(((400.0, 0.52), (450.0, 0.58), (700.0, 0.58), (850.0, 0.53), (1050.0, 0.50), (1300.0, 0.46),
                    (1550.0, 0.38), (1700.0, 0.36)), pdms=0.22),
    "silicone_tuned": _r(((400.0, 0.52), (450.0, 0.58), (700.0, 0.60), (850.0, 0.57), (1050.0, 0.53), (1300.0, 0.47),
                          (1550.0, 0.38), (1700.0, 0.36)), pdms=0.22, water_imitation=0.14),
    "lcd_glass": _r(((400.0, 0.035), (700.0, 0.035), (850.0, 0.040), (1700.0, 0.042))),
    "oled_glass": _r(((400.0, 0.040), (700.0, 0.045), (850.0, 0.050), (1700.0, 0.052))),
    "bezel": _r(((400.0, 0.025), (700.0, 0.03), (850.0, 0.06), (1700.0, 0.07))),
})  # fmt: skip

NAMES: tuple[str, ...] = tuple(_RECIPES)
"""Every material there is."""


def spectrum(name: str, batch: Batch = TYPICAL) -> F32:
    """Reflectance of a material, float32[261]. Raises KeyError for a name that is not in `NAMES`."""
    recipe = _RECIPES[name]
    tilt = batch.level + batch.slope * (WAVELENGTHS - 900.0) / 1000.0
    mixed = ratio_of(curve(recipe.level)) * np.exp(tilt)
    for absorber, amount in recipe.amounts:
        mixed = mixed + amount * batch.band * _ABSORBERS[absorber]
    return infinite(f32(mixed), f32(np.ones_like(mixed)))


def draw_batch(rng: np.random.Generator, spread: float = 1.0) -> Batch:
    """Another piece of the same kind; `spread` is how much more than usual pieces differ."""
    return Batch(
        level=float(rng.normal(0.0, 0.16 * spread)),
        slope=float(rng.normal(0.0, 0.12 * spread)),
        band=float(np.exp(rng.normal(0.0, 0.25 * spread))),
    )


def vary_material(name: str, rng: np.random.Generator) -> F32:
    """The spectrum of another piece of this material, float32[261]."""
    return spectrum(name, draw_batch(rng))
