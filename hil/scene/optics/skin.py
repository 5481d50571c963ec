"""Skin as two layers: an epidermis that holds the melanin over a dermis with blood, water and fat.

Absorption comes from the physiology (`absorption`: Jacques 1998 and 2013, Prahl, Segelstein), Kubelka-Munk closes it.
What no physiology gives exactly, the constants below, was adjusted once so that the five class means of the NIST set
(Cooksey et al. 2017) agree; no single spectrum is in here. Type VI is not in that set: it is modelled.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike

from hil.scene.optics import absorption as of
from hil.scene.optics.grid import F32, WAVELENGTHS, f32
from hil.scene.optics.layers import film, infinite, through_surface

Amount = float | F32

# Scattering mu_s' in 1/cm as in Jacques 2013: amplitude at 500 nm, share of Rayleigh scattering, power of the rest.
# His mean of 20 studies of skin is 46; the share and the power are fitted.
_SCATTER, _RAYLEIGH, _MIE = 46.0, 0.56, 0.89
_THROWN_BACK = (
    0.46  # share of the diffuse light the surface keeps in; Fresnel gives 0.46 to 0.53 for indices 1.36 to 1.4
)
_BLOODLESS_SHARE = 0.48  # of Jacques' bloodless baseline, which was measured on rat and neonatal skin
_EPIDERMIS_WATER = 0.46  # share of water in the epidermis with its dry horny layer

# Melanosome fraction of the epidermis by ITA class I to VI; within the ranges of Jacques 2013 (light 1.3-6.3 %,
# moderate 11-16 %, dark 18-43 %). I to V fit the class means, VI goes on (modelled).
_MELANIN = (0.0192, 0.0280, 0.0425, 0.0690, 0.1120, 0.1900)


# How people of one class differ: standard deviation of the logarithm of each parameter.
_SPREAD = {
    "melanin": 0.12,
    "blood": 0.25,
    "water": 0.10,
    "fat": 0.25,
    "protein": 0.15,
    "scatter": 0.13,
    "epidermis_cm": 0.08,
}


@dataclass(frozen=True, slots=True)
class Skin:
    """Parameters of a piece of skin: numbers, or arrays that broadcast against each other.

    `melanin`: volume share of melanosomes in the epidermis. `blood`, `water`, `fat`: volume shares of the dermis.
    `oxygenation`: share of haemoglobin that carries oxygen. `protein`: dry share, relative to the fitted mean.
    `scatter`: relative to the mean of people. `epidermis_cm`: thickness.
    """

    melanin: Amount = 0.028
    blood: Amount = 0.009
    oxygenation: Amount = 0.75
    water: Amount = 0.67
    fat: Amount = 0.27
    protein: Amount = 0.30
    scatter: Amount = 1.0
    epidermis_cm: Amount = 0.008

    def __post_init__(self) -> None:
        """Refuse what is no share: a wrong unit must not look like skin."""
        for field in fields(self):
            value = np.asarray(getattr(self, field.name))
            if not np.isfinite(value).all() or (value < 0).any() or (field.name != "scatter" and (value > 1).any()):
                raise ValueError(f"{field.name} must be a share between 0 and 1, scatter positive; got {value}")


def reflectance(skin: Skin) -> F32:
    """Reflectance factor of the skin, surface included, float32[..., 261]."""

    def column(value: Amount) -> F32:
        return f32(value)[..., None]

    x = WAVELENGTHS / 500.0
    scattering = 0.75 * column(skin.scatter) * f32(_SCATTER * (_RAYLEIGH * x**-4.0 + (1 - _RAYLEIGH) * x**-_MIE))
    oxygenation, blood = column(skin.oxygenation), column(skin.blood)
    solid = _BLOODLESS_SHARE * of.BLOODLESS + column(skin.protein) * of.PROTEIN
    dermis = solid + column(skin.water) * of.WATER + column(skin.fat) * of.FAT
    dermis = dermis + blood * (oxygenation * of.BLOOD_OXYGENATED + (1.0 - oxygenation) * of.BLOOD_DEOXYGENATED)
    epidermis = solid + _EPIDERMIS_WATER * of.WATER + column(skin.melanin) * of.MELANOSOME
    below = infinite(f32(2.0 * dermis), scattering)
    inner = film(f32(2.0 * epidermis), scattering, column(skin.epidermis_cm), below)
    return through_surface(inner, inside=_THROWN_BACK)


def skin_table(melanin: ArrayLike, blood: ArrayLike, oxygenation: ArrayLike = 0.75, **others: ArrayLike) -> F32:
    """Spectra of arrays of parameters that broadcast against each other, float32[..., 261]; `others` as in `Skin`."""
    rest = {name: f32(value) for name, value in others.items()}
    return reflectance(Skin(f32(melanin), f32(blood), f32(oxygenation), **rest))


def of_tone(tone: ArrayLike) -> Skin:
    """The mean skin of a continuous ITA class, 1 (very light) to 6 (modelled type VI), clipped to that range."""
    place = np.clip(np.asarray(tone, dtype=np.float64), 1.0, 6.0)
    if not np.isfinite(place).all():
        raise ValueError("a tone is a number from 1 to 6")
    melanin = np.exp(np.interp(place, np.arange(1, 7), np.log(_MELANIN)))
    return Skin(melanin=float(melanin) if place.ndim == 0 else f32(melanin))


def vary(skin: Skin, rng: np.random.Generator) -> Skin:
    """One person of this mean: pigment, blood, oxygenation, water, fat, scattering and thickness of their own.

    The spread was set so that people of one class differ as in the NIST set (standard deviations by class).
    """
    drawn = {name: getattr(skin, name) * np.exp(rng.normal(0.0, sd)) for name, sd in _SPREAD.items()}
    oxygenation = np.clip(np.asarray(skin.oxygenation) + rng.normal(0.0, 0.07), 0.3, 0.98)
    shares = {name: np.minimum(value, 1.0) if name != "scatter" else value for name, value in drawn.items()}
    return replace(skin, oxygenation=_plain(oxygenation), **{name: _plain(value) for name, value in shares.items()})


def _plain(value: ArrayLike) -> Amount:
    array = f32(value)
    return float(array) if array.ndim == 0 else array
