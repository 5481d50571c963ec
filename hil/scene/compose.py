"""Putting a scene together: who stands there, wearing what, holding or wearing which instrument."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from appliance.evaluate.species import BONA_FIDE, SPECIES
from hil.scene import flat, masks
from hil.scene.cast import Traveller
from hil.scene.mount import DEFAULT_MOUNT, Mount
from hil.scene.paint import DETAIL
from hil.scene.shot import Shot
from hil.scene.stage import LANE, Presentation, Stage, backdrop, finish
from hil.scene.view import Pose, project, rotation
from hil.scene.wearables import PLAIN, Wearables, dress, put_on_glasses

NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene in words. `of` is whose face an instrument shows; `seed` makes the instrument one of its kind.

    `detail` is the fineness of paint and mesh: 3 as the cast is shown, 2 for data sets.
    """

    wearer: Traveller | None
    species: str = BONA_FIDE
    of: Traveller | None = None
    wearables: Wearables = PLAIN
    pose: Pose = field(default_factory=Pose)
    stage: Stage = LANE
    mount: Mount = DEFAULT_MOUNT
    seed: int = 1
    detail: int = DETAIL

    def __post_init__(self) -> None:
        """Refuse what nobody can wear."""
        if self.species not in (BONA_FIDE, NOBODY, *SPECIES):
            raise ValueError(f"unknown species {self.species!r}; there are {', '.join((BONA_FIDE, *SPECIES))}")
        if self.species in SPECIES and (self.of is None or self.wearer is None):
            raise ValueError(f"{self.species} shows one person's face and is presented by another")
        if self.species == NOBODY and self.wearer is not None:
            raise ValueError("where nobody is, nobody stands")
        if self.species == BONA_FIDE and (self.of is not None or self.wearer is None):
            raise ValueError("a bona fide presentation is somebody's own face")
        if self.of is not None and self.wearer is not None and self.of.key == self.wearer.key:
            raise ValueError("an instrument is presented by somebody else than whose face it shows")


def compose(scene: Scene) -> Presentation:
    """The presentation of a scene. About half a second for a data set's detail, one and a half for the cast's."""
    layers = backdrop(scene.stage, scene.mount)
    emission = None
    wearer = scene.wearer
    if wearer is None:
        return finish(layers, scene.stage, scene.mount, NOBODY)
    rng = np.random.default_rng(scene.seed)
    shot = Shot(layers, scene.pose, scene.stage.camera, scene.mount.site, scene.detail)
    if scene.of is None:
        dress(shot, wearer, scene.wearables)
        see_eyes(shot, wearer)
        return finish(layers, scene.stage, scene.mount, BONA_FIDE, of=wearer.key)
    eyes = wearer
    if scene.species in flat.FLAT:
        emission = flat.present(shot, scene.species, scene.of, wearer, rng)
    else:
        eyes = masks.present(shot, scene.species, scene.of, wearer, rng)
        put_on_glasses(shot, eyes, scene.wearables)
    see_eyes(shot, eyes)
    shown = {"of": scene.of.key, "worn_by": wearer.key}
    return finish(layers, scene.stage, scene.mount, scene.species, emission=emission, **shown)


def see_eyes(shot: Shot, who: Traveller) -> None:
    """Where the corneas are, for the images of the lamps in them."""
    eye_x = who.traits.eye_x
    points = np.array([[-eye_x, 0.5, 1.5], [eye_x, 0.5, 1.5]], np.float32)
    shot.layers.eyes_mm.extend(project(points, rotation(shot.pose), shot.pose, shot.camera))
