"""Turns a plan into a presentation on disk, and a job into a data set; a broken-off job goes on where it stopped."""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.dataset import Dataset, ExposureRecord, Header, PatchRecord, Record, Writer
from appliance.evaluate.species import SPECIES
from hil.examiner import camera as cameras
from hil.examiner.plan import Plan, check, draw_plan, ids
from hil.examiner.rig import GREY, NIR_LEDS, PATCH_PX, SWIR_LEDS, VIEW, Rig, draw_rig
from hil.examiner.stage import Seen, perform

SOURCE = "hil.examiner 1, Mitsuba 3, path traced (simulated)"
_SIZE = (VIEW.width, VIEW.height)


@dataclass(frozen=True, slots=True)
class Job:
    """What to render. `species` None: all of them."""

    folder: Path
    bona_fide: int = 60
    per_species: int = 59
    seed: int = 7
    species: tuple[str, ...] | None = None
    conditions: Mapping[str, float] = field(default_factory=dict)
    swir: bool = True
    samples: int = 6


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One presentation as it is stored."""

    record: Record
    rgb: NDArray[np.uint8]
    frames: dict[str, NDArray[np.uint8]]
    planes: dict[str, NDArray[np.float32]]


def header(job: Job, rig: Rig) -> Header:
    """What the data set says of itself."""
    used = ("rgb", "nir", *(("swir",) if job.swir else ()))
    bands = ("B", "G", "R", "850", "940", "970", *(("1050", "1300", "1550") if job.swir else ()), "thermal", "depth")
    return Header(
        name=f"examiner-{job.seed}",
        kind="simulated",
        source=SOURCE,
        channels=bands,
        patches={name: _patch(rig, name) for name in used},
    )


def _patch(rig: Rig, camera: str) -> PatchRecord:
    box = rig.patch(camera)
    return PatchRecord(box=box, reflectance=GREY, width_mm=round(box[2] * cameras.PATCH_DISTANCE_MM / VIEW.focal_px, 2))


def shoot(plan: Plan, rig: Rig, seen: Seen) -> Shot:
    """Frames of one passage from what the tracer saw."""
    rng = plan.rng("burst")
    frames: dict[str, NDArray[np.uint8]] = {}
    lines: list[ExposureRecord] = []
    for camera, names in (("nir", NIR_LEDS), ("swir", SWIR_LEDS)):
        if not set(names) & set(seen.leds):
            continue
        stack, taken = _burst(camera, names, plan, rig, seen, rng)
        frames[camera] = stack
        lines += taken
    at_s = float(rng.uniform(0.0, 0.25))
    rgb = _visible(plan, seen, at_s, rng)
    record = Record(
        id=plan.id,
        species=plan.species,
        subject=plan.subject,
        instrument_of=plan.instrument_of,
        split="test",
        groups=plan.groups(),
        conditions=plan.conditions(),
        exposures=tuple(lines),
        rgb_at_s=round(at_s, 4),
    )
    return Shot(record, rgb, frames, _planes(seen, rng))


def _burst(
    camera: str, names: tuple[str, ...], plan: Plan, rig: Rig, seen: Seen, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], list[ExposureRecord]]:
    """All exposures of one camera, two dark ones among them, in an order drawn for this passage."""
    ambient = seen.ambient[camera]
    bands = sorted({name[:-1] for name in names})
    gains = {
        band: cameras.metered([ambient + image for name, image in seen.leds.items() if name[:-1] == band])
        for band in bands
    }
    parted = {name: cameras.layers(seen.leds[name], seen.near) for name in names}
    parted["dark"] = cameras.layers(ambient, seen.near)
    mount = rig.mounts[camera]
    far = mount.warp(_SIZE, VIEW.focal_px, cameras.PATCH_DISTANCE_MM)
    near = mount.warp(_SIZE, VIEW.focal_px, plan.distance_mm)
    order = [str(name) for name in rng.permutation(["dark", "dark", *names])]
    start = float(rng.uniform(0.0, cameras.FRAME_S))
    images, lines = [], []
    for k, name in enumerate(order):
        at_s = start + k * cameras.FRAME_S
        way, closer = cameras.walked(plan.velocity, at_s, plan.distance_mm, VIEW.focal_px, _SIZE)
        to = cameras.combined(way, near)
        electrons = cameras.shown(parted["dark"], to, far, _SIZE)
        gain = max(gains.values())
        if name != "dark":
            gain = gains[name[:-1]]
            lit = parted[name]
            electrons = electrons + cameras.shown(cameras.Layers(lit.near * closer, lit.alpha, lit.far), to, far, _SIZE)
        images.append(cameras.digitised(camera, electrons, gain, rng, rig.uneven[camera]))
        led = None if name == "dark" else name
        lines.append(ExposureRecord(camera=camera, led=led, sequence=k, at_s=round(at_s, 5), gain=round(gain, 5)))
    return np.stack(images), lines


def _visible(plan: Plan, seen: Seen, at_s: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    way, _ = cameras.walked(plan.velocity, at_s, plan.distance_mm, VIEW.focal_px, _SIZE)
    still = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    alpha = np.repeat(seen.near[..., None], 3, axis=2)
    image = cameras.shown(cameras.layers(seen.rgb, alpha), way, still, _SIZE)
    ys, xs = np.mgrid[0 : VIEW.height, 0 : VIEW.width]
    reach = 70.0 * VIEW.focal_px / plan.distance_mm
    face = np.hypot(xs - VIEW.width / 2, ys - VIEW.height / 2) < reach
    x, y, width, height = PATCH_PX
    return cameras.photographed(image, face, seen.rgb[y : y + height, x : x + width], rng)


def _planes(seen: Seen, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Depth in metres (0: nothing within reach) and temperature in degrees, with their sensors' noise."""
    depth = seen.planes.depth / 1000.0
    depth = np.where(depth < 4.0, depth + rng.normal(0.0, 0.0025, depth.shape), 0.0)
    warm = cv2.GaussianBlur(seen.planes.temperature, (0, 0), 1.8) + rng.normal(0.0, 0.3)
    warm = warm + rng.normal(0.0, 0.08, warm.shape)
    return {"depth": depth.astype(np.float32), "thermal": warm.astype(np.float32)}


def one(id_: str, species: str, number: int, job: Job, rig: Rig) -> Shot:
    """Render one presentation of a job; the same id of the same job is the same picture."""
    plan = draw_plan(id_, species, number, job.seed, job.conditions)
    return shoot(plan, rig, perform(plan, rig, swir=job.swir, samples=job.samples))


def wanted(job: Job, part: tuple[int, int] = (0, 1)) -> list[tuple[str, str, int]]:
    """What a job, or this `part` (k of n) of it, still has to render; parts never share a presentation.

    Raises PlanError, and DatasetError when the folder holds something else.
    """
    species = job.species if job.species is not None else tuple(SPECIES)
    for name in species:
        check(name, job.conditions)
    check("bona_fide", job.conditions)
    done: set[str] = set()
    if (job.folder / "index.jsonl").exists():
        done = {record.id for record in Dataset(job.folder).records}
    all_of_it = ids(job.bona_fide, job.per_species, species, job.conditions)
    return [line for line in all_of_it[part[0] :: part[1]] if line[0] not in done]


def run(job: Job, *, part: tuple[int, int] = (0, 1), out: TextIO = sys.stderr) -> Iterator[str]:
    """Render what is wanted, or this `part` (k of n) of it; yields the id of each presentation once it is stored."""
    rig = draw_rig(job.seed)
    todo = wanted(job, part)
    begun = time.monotonic()
    with Writer(job.folder, header(job, rig)) as writer:
        for k, (id_, species, number) in enumerate(todo, 1):
            shot = one(id_, species, number, job, rig)
            writer.add(shot.record, shot.rgb, shot.frames, shot.planes)
            each = (time.monotonic() - begun) / k
            left = each * (len(todo) - k) / 60.0
            print(f"{k}/{len(todo)} {id_}  {each:.1f} s each, {left:.0f} min left", file=out, flush=True)
            yield id_
