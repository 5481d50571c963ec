"""A whole person: the parts of a traveller, built once and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from hil.scene.arrays import F32
from hil.scene.cast import Traveller
from hil.scene.hair import ALPHA, Part, curtain, ears, neck, scalp, shirt
from hil.scene.head import head_mesh, normals
from hil.scene.paint import paint_head

Shape = Callable[[Traveller], F32]


def _procedural(who: Traveller) -> F32:
    return head_mesh(who.traits)


_shape: Shape = _procedural


def wear(shape: Shape | None) -> None:
    """Shape every head of the cast by another rule than `head_mesh`; None for that one again.

    What was rendered before keeps its shape where it is kept: choose first, then render.
    """
    global _shape
    _shape = shape or _procedural
    parts_of.cache_clear()


def bare_head(who: Traveller) -> Part:
    """The head alone, fully covering."""
    t, mesh = who.traits, _shape(who)
    layers = paint_head(t, mesh)
    cover = np.ones((*layers.shape[:2], 1), np.float32)
    texture = np.concatenate([layers, cover], axis=2)
    assert texture.shape[2] == ALPHA + 1
    return Part(mesh, normals(mesh), texture, 1.0)


@lru_cache(maxsize=3)
def parts_of(who: Traveller) -> tuple[Part, ...]:
    """All parts of a traveller; the last few travellers are kept (about 40 MB each)."""
    t = who.traits
    head = bare_head(who)
    parts = [shirt(t), neck(t, t.tone, t.flush), curtain(t), head, *ears(t, t.tone, t.flush), scalp(t, head.mesh)]
    return tuple(part for part in parts if part is not None)
