"""A whole person: the parts of a traveller, built once and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from hil.scene.arrays import F32
from hil.scene.cast import Traveller
from hil.scene.hair import curtain, ears, neck, scalp, shirt
from hil.scene.head import head_mesh, normals
from hil.scene.optics.response import Site
from hil.scene.paint import DETAIL, paint_head
from hil.scene.palette import DEFAULT_SITE, Palette
from hil.scene.surface import Part

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
    bare_head.cache_clear()
    parts_of.cache_clear()


@lru_cache(maxsize=8)
def palette_of(who: Traveller, site: Site = DEFAULT_SITE) -> Palette:
    """What a person reflects at a site."""
    return Palette(who.key, who.traits.tone, site, own=who.own_materials)


@lru_cache(maxsize=2)
def bare_head(who: Traveller, site: Site = DEFAULT_SITE, detail: int = DETAIL) -> Part:
    """The head alone, fully covering; treat as read-only."""
    mesh = _shape(who)
    texture = paint_head(who.traits, mesh, palette_of(who, site), detail)
    return Part(mesh, normals(mesh), texture, stride=stride_of(detail))


def hair_of(who: Traveller, site: Site = DEFAULT_SITE, detail: int = DETAIL) -> Part:
    """Scalp hair and beard."""
    part = scalp(who.traits, bare_head(who, site, detail).mesh, palette_of(who, site), detail)
    return Part(part.mesh, part.normal, part.texture, rough=part.rough, soft=part.soft, stride=stride_of(detail))


def stride_of(detail: int) -> int:
    """Step in which the mesh of a head of this detail is drawn."""
    return 1 if detail >= DETAIL else 2


@lru_cache(maxsize=3)
def parts_of(who: Traveller, site: Site = DEFAULT_SITE, detail: int = DETAIL) -> tuple[Part, ...]:
    """All parts of a traveller; the last few travellers are kept (about 70 MB each)."""
    t, palette = who.traits, palette_of(who, site)
    head = bare_head(who, site, detail)
    hair = hair_of(who, site, detail)
    parts = [shirt(t, palette), neck(t, palette), curtain(t, palette), head, *ears(t, palette), hair]
    return tuple(part for part in parts if part is not None)
