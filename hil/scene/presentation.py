"""The scenes of the lane's tour and demo by name: a traveller's own face, a print, a screen, a mask, nobody.

A scene is computed once (below two seconds) and kept. Everything else there is: `compose`.
"""

from __future__ import annotations

from functools import lru_cache

from hil.scene.cast import Traveller
from hil.scene.compose import NOBODY, Scene, compose
from hil.scene.flat import FLAT
from hil.scene.stage import Presentation
from hil.scene.view import Pose

HELD = Pose(distance_m=0.55)
"""Where a photo or a tablet is held: near enough that the gate does not ask the smallest face to come closer."""


@lru_cache(maxsize=8)
def bona_fide(who: Traveller, pose: Pose = Pose()) -> Presentation:
    """A traveller's own face."""
    return compose(Scene(who, pose=pose))


@lru_cache(maxsize=1)
def empty_scene() -> Presentation:
    """Nobody there."""
    return compose(Scene(None, species=NOBODY))


@lru_cache(maxsize=8)
def attack(species: str, of: Traveller, worn_by: Traveller, pose: Pose | None = None) -> Presentation:
    """Any species of instrument that shows one traveller's face, presented by another: worn, or held up if flat."""
    usual = HELD if species in FLAT else Pose()
    return compose(Scene(worn_by, species=species, of=of, pose=pose or usual))


def _somebody_else(of: Traveller) -> Traveller:
    from hil.scene.cast import CAST

    return next(one for one in CAST if one.key != of.key)


def printed_photo(of: Traveller) -> Presentation:
    """A dye print of the holder's portrait on matt paper, held up. The dyes are clear in the NIR."""
    return attack("print_dye", of, _somebody_else(of))


def screen_replay(of: Traveller) -> Presentation:
    """A tablet that shows the holder's portrait: bright in the visible, nearly black in the NIR, one mirror spot."""
    return attack("screen_lcd", of, _somebody_else(of))


def printed_mask(of: Traveller, worn_by: Traveller, pose: Pose | None = None) -> Presentation:
    """A painted resin mask of the holder's face on another traveller."""
    return attack("resin_mask", of, worn_by, pose)
