"""Skin as measured on 100 persons, and what melanin and blood on top of the measured mean do to it, place by place.

Type VI is not among the measured; it is type V with more melanin and is labelled "modelled". Not responsible for
where on a face skin is darker or redder (`paint`).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from hil.examiner.spectra import NM, resample
from hil.examiner.tables import F64, FOLDER, columns, rows

TYPES: Final = ("I", "II", "III", "IV", "V", "VI")
_CLASS = {
    "I very light": ("I",),
    "II light": ("I", "II"),
    "III intermediate": ("III",),
    "IV tan": ("IV",),
    "V brown": ("V", "VI"),
}
"""ITA class of a measured person (Chardon) and the Fitzpatrick types it stands for; "light" is parted by its ITA."""
_LIGHT_ITA_DEG = 48.0

# Molar extinction of haemoglobin, half oxygenated, 1/(cm M) (S. Prahl's compilation, omlc.org).
_BLOOD_NM = (400, 420, 435, 450, 480, 500, 520, 542, 560, 577, 590, 600, 620, 650, 700, 760, 800, 850, 940, 1000)
_BLOOD = (250e3, 440e3, 330e3, 83e3, 21e3, 21e3, 27e3, 50e3, 43e3, 47e3, 22e3, 9e3, 4e3, 2.1e3, 1e3, 1.1e3, 790, 870)
_BLOOD_END = (950, 600)


def melanin_line() -> F64:
    """What melanin takes relative to 550 nm: it absorbs with the power -3.46 (Jacques 2013), and shields itself."""
    line = (NM / 550.0) ** -3.46
    return line / (0.75 + 0.25 * line)


def blood_line() -> F64:
    """Absorption of blood relative to 550 nm; beyond 1000 nm it is the water the spectra already hold."""
    line = np.interp(NM, _BLOOD_NM, (*_BLOOD, *_BLOOD_END), right=0.0)
    # Light that blood absorbs strongly does not get deep: the Soret band saturates.
    line = line / float(np.interp(550.0, NM, line))
    return line / (1.0 + 0.5 * line)


@dataclass(frozen=True, slots=True)
class Skin:
    """One person's skin: Fitzpatrick type, spectrum on the grid, whether it is "measured" or "modelled"."""

    fitzpatrick: str
    spectrum: F64
    origin: str
    person: str


@lru_cache(maxsize=2)
def _measured(folder: Path) -> dict[str, tuple[tuple[str, F64], ...]]:
    """Spectra by Fitzpatrick type, with the number of the person."""
    table = columns("nist_skin_100_full_3nm.csv", folder)
    found: dict[str, list[tuple[str, F64]]] = {name: [] for name in TYPES}
    for row in rows("nist_skin_100_bands.csv", folder):
        types = _CLASS[row["ITA_class"]]
        if len(types) == 2 and types[0] == "I":
            types = ("I",) if float(row["ITA_deg"]) > _LIGHT_ITA_DEG else ("II",)
        for name in types:
            found[name].append((row["subject"], resample(table["nm"], table[f"s{row['subject']}"])))
    return {name: tuple(persons) for name, persons in found.items()}


def draw_skin(rng: np.random.Generator, fitzpatrick: str, folder: Path = FOLDER) -> Skin:
    """The facial skin of an invented person of a Fitzpatrick type: a measured arm, a little more blood and sun.

    Raises ValueError for an unknown type, TableError without the tables.
    """
    if fitzpatrick not in TYPES:
        raise ValueError(f"unknown Fitzpatrick type {fitzpatrick!r}; there are {', '.join(TYPES)}")
    persons = _measured(folder)[fitzpatrick]
    person, spectrum = persons[int(rng.integers(len(persons)))]
    melanin = rng.normal(0.03, 0.03)
    if fitzpatrick == "VI":
        melanin += rng.uniform(0.45, 0.95)
    blood = np.clip(rng.normal(0.10, 0.05), 0.0, 0.25)
    spectrum = spectrum * np.exp(-melanin * melanin_line() - blood * blood_line())
    # From person to person the face is drier or moister than the arm: the water bands breathe a little.
    spectrum = spectrum * np.exp(rng.normal(0.0, 0.25) * _WATERY * np.minimum(np.log(spectrum / spectrum[_DRY]), 0.0))
    origin = "modelled" if fitzpatrick == "VI" else "measured"
    return Skin(fitzpatrick, np.clip(spectrum * rng.normal(1.0, 0.015), 0.005, 0.95), origin, person)


_DRY = int(np.argmin(np.abs(NM - 1080.0)))
_WATERY = 0.15 * (NM > 900.0)
