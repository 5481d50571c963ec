"""People by the thousand, invented: for data sets, never for the cast.

Balanced over the Fitzpatrick types; sex, hair, beard and age go together as they usually do, and no further.
"""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from hil.scene.cast import Traveller
from hil.scene.traits import TRAITS

FITZPATRICK = ("I", "II", "III", "IV", "V", "VI")
_SPREAD = 0.20
_FACE = (
    *("face_width", "jaw_width", "chin_width", "chin_y", "chin_out", "cheekbone", "cheek_full", "forehead_slope"),
    *("crown_y", "eye_x", "eye_half_width", "eye_open", "eye_tilt", "eye_hood", "eye_fold", "socket", "brow_ridge"),
    *("iris_size", "bags", "brow_y", "brow_thick", "brow_inner", "brow_outer", "brow_arch", "brow_tilt"),
    *("brow_density", "nose_y", "nose_width", "nose_out", "nose_bridge", "nose_bridge_out", "nose_hump", "nose_tip"),
    *("nostril", "mouth_y", "mouth_half_width", "lip_upper", "lip_lower", "lip_out", "lip_corner", "cupid", "flush"),
    *("blush", "mottle", "gloss", "fold", "relief", "hairline", "ear", "ear_out", "hair_part"),
    *(name for name in TRAITS if name.startswith(("pigment_", "shape_"))),
)


def random_person(rng: np.random.Generator, key: str, group: int | None = None) -> Traveller:
    """An invented person; `group` 0 to 5 fixes the Fitzpatrick type, else it is drawn."""
    group = int(rng.integers(6)) if group is None else group
    man = bool(rng.random() < 0.5)
    params = {name: _drawn(rng, name) for name in _FACE}
    params["tone"] = float(max(group + 1 + rng.uniform(-0.5, 0.8 if group == 5 else 0.5), 1.0))
    params["seed"] = float(rng.integers(1, 9999))
    params["shirt"] = float(rng.integers(5))
    params["collar"] = float(rng.uniform(10.0, 70.0)) if rng.random() < 0.4 else 0.0
    params |= _hair(rng, group, man) | _age(rng) | (_man(rng) if man else _woman(rng))
    params = {name: float(np.clip(value, *TRAITS[name][:2])) for name, value in params.items()}
    return Traveller(
        key=key,
        surname="Specimen",
        given_names=key.title(),
        sex="M" if man else "F",
        date_of_birth="1990-01-01",
        document_number="X00000000",
        params=MappingProxyType(params),
        own_materials=True,
    )


def fitzpatrick(who: Traveller) -> str:
    """The type after the tone."""
    return FITZPATRICK[int(np.clip(round(who.traits.tone), 1, 6)) - 1]


def beard_of(who: Traveller) -> str:
    """How the face is grown, in a word."""
    t = who.traits
    if t.beard >= 0.75:
        return "full"
    if t.beard >= 0.2:
        return "short"
    return "partial" if max(t.goatee, t.moustache) >= 0.3 else "none"


def _drawn(rng: np.random.Generator, name: str) -> float:
    low, high, usual = TRAITS[name]
    return float(np.clip(usual + rng.normal(0.0, _SPREAD) * (high - low), low, high))


def _hair(rng: np.random.Generator, group: int, man: bool) -> dict[str, float]:
    dark = (
        float(rng.choice([rng.uniform(0.0, 0.5), rng.uniform(0.5, 1.0)])) if group < 2 else float(rng.uniform(0.75, 1))
    )
    bald = man and rng.random() < 0.12
    return {
        "hair_dark": dark,
        "hair_red": float(rng.beta(0.6, 3.0)) if group < 2 else 0.05,
        "hair": 0.0 if bald else float(rng.uniform(0.8, 1.0)),
        "hair_volume": float(rng.uniform(3.0, 16.0 if man else 24.0)),
        "hair_curl": float(rng.uniform(0.5, 1.0)) if group >= 4 else float(rng.beta(1.0, 2.5)),
        "iris": float(rng.uniform(0.0, 4.0)) if group < 2 else float(rng.beta(1.0, 4.0)),
        "freckles": float(rng.beta(0.5, 2.0)) if group < 2 else 0.0,
        "fringe": float(rng.uniform(0.4, 1.0)) if rng.random() < 0.15 else 0.0,
        "lip_dark": float(rng.uniform(0.05, 0.3) + 0.08 * group),
    }


def _age(rng: np.random.Generator) -> dict[str, float]:
    old = float(rng.beta(1.2, 2.5))
    grey = float(np.clip(rng.normal(old * 1.3 - 0.35, 0.2), 0.0, 1.0))
    return {
        "hair_grey": grey,
        "beard_grey": grey,
        "furrows": old * float(rng.uniform(0.2, 1.0)),
        "crow": old * float(rng.uniform(0.3, 1.0)),
        "fold": old * float(rng.uniform(0.4, 1.0)),
        "bags": old * float(rng.uniform(0.2, 0.9)),
        "spots": float(rng.beta(1.0, 2.5)),
        "recede": old * float(rng.uniform(0.0, 24.0)),
    }


def _man(rng: np.random.Generator) -> dict[str, float]:
    style = rng.random()
    grown = {"beard": 0.0, "goatee": 0.0, "moustache": 0.0}
    if style < 0.32:
        grown = {"beard": float(rng.uniform(0.75, 1.0)), "goatee": 0.0, "moustache": float(rng.uniform(0.7, 1.0))}
    elif style < 0.50:
        grown = {"beard": float(rng.uniform(0.25, 0.6)), "goatee": 0.0, "moustache": float(rng.uniform(0.3, 0.6))}
    elif style < 0.62:
        grown = {"beard": 0.0, "goatee": float(rng.uniform(0.5, 1.0)), "moustache": float(rng.uniform(0.4, 1.0))}
    return {**grown, "brow_ridge": float(rng.uniform(1.5, 4.5)), "liner": 0.05, "lip_red": float(rng.uniform(0.0, 0.2))}


def _woman(rng: np.random.Generator) -> dict[str, float]:
    return {
        "hair_length": float(rng.choice([0.0, rng.uniform(40.0, 180.0)], p=[0.25, 0.75])),
        "brow_ridge": float(rng.uniform(0.0, 1.8)),
        "liner": float(rng.beta(1.2, 2.0)),
        "lip_red": float(rng.beta(1.2, 1.6)),
        "shadow": float(rng.beta(0.7, 3.0)),
        "recede": 0.0,
    }
