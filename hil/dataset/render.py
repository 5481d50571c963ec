"""From a case to the pictures and the record of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.dataset import ExposureRecord, Header, PatchRecord, Record
from appliance.evaluate.species import BONA_FIDE
from hil.dataset.cases import Case, Plan, case
from hil.scene import bands
from hil.scene.burst import plan_of, take
from hil.scene.compose import Scene, compose
from hil.scene.planes import depth, thermal
from hil.scene.stage import CLOSE, REFERENCE_REFLECTANCE

DETAIL = 2
STAGE = CLOSE
VERSION = "twin-1"


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """What `appliance.evaluate.dataset.Writer.add` takes."""

    record: Record
    rgb: NDArray[np.uint8]
    frames: Mapping[str, NDArray[np.uint8]]
    planes: Mapping[str, NDArray[np.float32]]


def header(plan: Plan, *, swir: bool) -> Header:
    """What the data set says of itself."""
    cameras = cameras_of(swir=swir)
    names = [name for camera in ("rgb", *cameras) for name in channels_of(camera)]
    patch = PatchRecord(box=STAGE.patch, reflectance=REFERENCE_REFLECTANCE, width_mm=STAGE.patch_width_mm)
    return Header(
        name=plan.name,
        kind="simulated",
        source=f"Sallyport {VERSION} (hil.scene), seed {plan.seed}",
        channels=(*names, "thermal", "depth"),
        patches=dict.fromkeys(("rgb", *cameras), patch),
    )


def cameras_of(*, swir: bool) -> tuple[str, ...]:
    """Switched cameras of a data set."""
    return ("nir", "swir") if swir else ("nir",)


def channels_of(camera: str) -> tuple[str, ...]:
    """Names of a camera's channels."""
    return tuple(bands.CHANNELS[place] for place in bands.of_camera(camera))


def render(plan: Plan, key: str, species: str, number: int, *, swir: bool) -> Rendered:
    """One presentation, from its id to its pictures."""
    drawn = case(plan, key, species, number)
    scene = Scene(
        drawn.wearer,
        species=drawn.species,
        of=drawn.of,
        wearables=drawn.wearables,
        pose=drawn.pose,
        stage=STAGE,
        mount=drawn.mount,
        seed=drawn.seed,
        detail=DETAIL,
    )
    presentation = compose(scene)
    rng = np.random.default_rng(drawn.seed)
    order = plan_of(cameras_of(swir=swir), rng)
    taken = take(presentation, drawn.light, order, motion=drawn.motion, rng=rng)
    shutters = tuple(
        ExposureRecord(camera=s.camera, led=s.led, sequence=s.sequence, at_s=s.at_s, gain=round(s.gain, 6))
        for s in taken.shutters
    )
    planes = {"thermal": thermal(presentation, rng), "depth": depth(presentation, rng)}
    return Rendered(_record(plan, drawn, shutters, taken.rgb_at_s), taken.rgb, taken.frames, planes)


def _record(plan: Plan, drawn: Case, shutters: tuple[ExposureRecord, ...], rgb_at_s: float) -> Record:
    return Record(
        id=drawn.id,
        species=drawn.species,
        subject=drawn.wearer.key,
        instrument_of=drawn.of.key if drawn.of is not None and drawn.species != BONA_FIDE else None,
        split=plan.split,
        groups=dict(drawn.groups),
        conditions=dict(drawn.conditions),
        exposures=shutters,
        rgb_at_s=rgb_at_s,
    )
