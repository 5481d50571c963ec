"""A whole person: the parts of a traveller, built once and kept."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from hil.scene.cast import Traveller
from hil.scene.hair import ALPHA, Part, curtain, ears, neck, scalp, shirt
from hil.scene.head import head_mesh, normals
from hil.scene.paint import paint_head
from hil.scene.traits import Traits


def bare_head(t: Traits) -> Part:
    """The head alone, fully covering."""
    mesh = head_mesh(t)
    layers = paint_head(t, mesh)
    cover = np.ones((*layers.shape[:2], 1), np.float32)
    texture = np.concatenate([layers, cover], axis=2)
    assert texture.shape[2] == ALPHA + 1
    return Part(mesh, normals(mesh), texture, 1.0)


@lru_cache(maxsize=3)
def parts_of(who: Traveller) -> tuple[Part, ...]:
    """All parts of a traveller; the last few travellers are kept (about 40 MB each)."""
    t = who.traits
    head = bare_head(t)
    parts = [shirt(t), neck(t, t.tone, t.flush), curtain(t), head, *ears(t, t.tone, t.flush), scalp(t, head.mesh)]
    return tuple(part for part in parts if part is not None)
