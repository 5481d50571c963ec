"""A whole person from traits: the parts, built once and kept."""

from __future__ import annotations

import numpy as np

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


def person(t: Traits) -> tuple[Part, ...]:
    """All parts of a person, farthest first where it matters little."""
    head = bare_head(t)
    parts = [shirt(t), neck(t, t.tone, t.flush), curtain(t), head, *ears(t, t.tone, t.flush), scalp(t, head.mesh)]
    return tuple(part for part in parts if part is not None)
