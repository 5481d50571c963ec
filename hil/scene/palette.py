"""What one person's skin, hair, eyes and clothes reflect in the channels of one site.

Not responsible for where anything lies (`paint`, `hair`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import ArrayLike

from hil.scene.arrays import F32, f32
from hil.scene.optics.materials import draw_batch, spectrum
from hil.scene.optics.response import Site, default_site, observe
from hil.scene.optics.skin import Skin, of_tone, skin_table, vary
from hil.scene.traits import Traits

_TONES = np.arange(1.0, 8.01, 0.25)
"""Skin of the table: tones beyond 6 are spots on the darkest skin."""
_BLOOD = np.arange(-1.0, 1.41, 0.2)
_BLOOD_MOST = 1.2
_DYE = np.array([0.05, 0.34, 0.30] + [0.0] * 6, np.float32)
"""Redness beyond any blood is lip dye: it absorbs only where one sees it."""


def seed_of(*words: object) -> int:
    """A seed from words, the same in every run."""
    return int.from_bytes(hashlib.sha256(" ".join(map(str, words)).encode()).digest()[:8], "big")


@lru_cache(maxsize=512)
def material(name: str, site: Site) -> F32:
    """Reflectance of a typical material, float32[channels]; treat as read-only. Raises KeyError."""
    return observe(spectrum(name), site)


class Palette:
    """Reflectances of one person at one site. `own` gives hair, eyes and clothes their own batch of material."""

    def __init__(self, key: str, tone: float, site: Site, *, own: bool = False) -> None:
        self.site = site
        # Whoever wears somebody's nose keeps the own skin ("a/as/b").
        key = key.split("/")[0]
        self._key, self._own = key, own
        mean = of_tone(tone)
        # Pigment and blood are traits of the person already; the rest is drawn.
        drawn = vary(mean, np.random.default_rng(seed_of("skin", key)))
        self._skin = replace(drawn, melanin=mean.melanin, blood=mean.blood)
        self._table = _skin_planes(self._skin, site)
        self._materials: dict[str, F32] = {}

    def skin(self, tone: ArrayLike, blood: ArrayLike) -> F32:
        """Skin of this person, float32[..., channels].

        `tone` is a continuous ITA class (1 very light to 6, modelled type VI). `blood` is relative to the mean: 0 is
        usual, 1 a strong flush, negative is pallor; from 1.2 upwards it is lip dye.
        """
        shape = np.broadcast_shapes(np.shape(tone), np.shape(blood))
        wide = shape if len(shape) == 2 else (1, int(np.prod(shape, dtype=int)))
        tones, bloods = (np.ascontiguousarray(np.broadcast_to(f32(v), shape)).reshape(wide) for v in (tone, blood))
        row = (tones - np.float32(_TONES[0])) * np.float32(1 / 0.25)
        column = (np.minimum(bloods, np.float32(_BLOOD_MOST)) - np.float32(_BLOOD[0])) * np.float32(1 / 0.2)
        planes = np.empty((len(_DYE), *wide), np.float32)
        for plane, table in zip(planes, self._table, strict=True):
            cv2.remap(table, column, row, cv2.INTER_LINEAR, dst=plane, borderMode=cv2.BORDER_REPLICATE)
        dye = np.maximum(bloods - np.float32(_BLOOD_MOST), 0.0)
        if dye.any():
            planes *= np.exp(-dye[None] * _DYE[:, None, None])
        return np.moveaxis(planes.reshape(-1, *shape), 0, -1)

    def material(self, name: str) -> F32:
        """Reflectance of a material, float32[channels]. Raises KeyError."""
        if not self._own:
            return material(name, self.site)
        if name not in self._materials:
            # Hair differs by thickness, care and what is in it: more than one roll of plastic from the next.
            spread = 2.0 if name.startswith("hair") else 1.0
            batch = draw_batch(np.random.default_rng(seed_of("batch", name, self._key)), spread)
            self._materials[name] = observe(spectrum(name, batch), self.site)
        return self._materials[name]

    def mix(self, parts: Mapping[str, float]) -> F32:
        """Weighted mean of materials, float32[channels]; the weights are normalised."""
        total = sum(parts.values())
        return f32(sum(self.material(name) * np.float32(share / total) for name, share in parts.items()))

    def hair(self, t: Traits, grey: float) -> F32:
        """Reflectance of hair, float32[channels]."""
        dark = t.hair_dark
        base = self.mix(
            {
                "hair_black": max(0.0, dark * 2 - 1) + 1e-6,
                "hair_brown": 1 - abs(dark * 2 - 1),
                "hair_blond": max(0.0, 1 - dark * 2),
            }
        )
        base = base * (1 - t.hair_red) + self.material("hair_red") * t.hair_red * (0.35 + 0.65 * (1 - dark))
        return f32(base * (1 - grey) + self.material("hair_grey") * grey)


def _skin_planes(skin: Skin, site: Site) -> F32:
    """Reflectance by tone (rows) and blood (columns), float32[channels, tones, bloods]."""
    beyond = np.maximum(_TONES - 6.0, 0.0)
    # The person's own skin differs from the mean of its class by the same factor at every tone.
    melanin = of_tone(_TONES).melanin * np.exp(0.45 * beyond)
    blood = np.asarray(skin.blood) * 4.0**_BLOOD
    spectra = skin_table(
        np.minimum(melanin, 0.9)[:, None],
        np.minimum(blood, 0.6)[None, :],
        skin.oxygenation,
        water=skin.water,
        fat=skin.fat,
        protein=skin.protein,
        scatter=skin.scatter,
        epidermis_cm=skin.epidermis_cm,
    )
    return np.ascontiguousarray(np.moveaxis(observe(spectra, site), -1, 0))


DEFAULT_SITE = default_site()
