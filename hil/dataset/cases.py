"""What each presentation of a data set is: who, what, how, in which light; drawn from the seed and its id alone.

A presentation does not depend on how many others there are, so that a data set can be continued.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np

from appliance.evaluate.species import BONA_FIDE, SPECIES
from hil.scene.burst import Motion
from hil.scene.cast import Traveller
from hil.scene.exposure import Light
from hil.scene.flat import FLAT
from hil.scene.mount import Mount, draw_mount, drifted
from hil.scene.palette import seed_of
from hil.scene.population import beard_of, fitzpatrick, random_person
from hil.scene.view import Pose
from hil.scene.wearables import AMOUNTS, Wearables

Split = Literal["train", "site", "test"]
CONDITIONS: Mapping[str, str] = {
    "sun": "sun",
    "speed": "speed_m_s",
    "distance": "distance_m",
    "yaw": "yaw_deg",
    "make_up": "make_up",
    "medical_mask": "medical_mask",
    "led_drift": "led_drift",
}
"""Conditions that can be fixed, and their names in a record."""
_LIMITS = {"sun": (0.0, 1.0), "speed": (0.0, 1.0), "distance": (0.3, 1.5), "yaw": (0.0, 45.0), "led_drift": (0.0, 0.9)}
_PER_SUBJECT = 2


class PlanError(ValueError):
    """The data set that is asked for makes no sense; the message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a data set shall hold. `conditions` fix circumstances by name (`CONDITIONS`), else they are drawn."""

    name: str
    bona_fide: int
    per_species: int
    split: Split = "train"
    seed: int = 1
    sites: int = 8
    species: tuple[str, ...] = tuple(SPECIES)
    conditions: Mapping[str, float | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse unknown species and impossible circumstances."""
        if unknown := sorted(set(self.species) - set(SPECIES)):
            raise PlanError(f"unknown species {', '.join(unknown)}; there are {', '.join(SPECIES)}")
        if min(self.bona_fide, self.per_species) < 0 or self.sites < 1:
            raise PlanError("numbers of presentations are not negative, and there is at least one site")
        for name, value in self.conditions.items():
            _check(name, value)

    @property
    def subjects(self) -> int:
        """How many people there are: everybody comes twice."""
        return max(24, -(-self.bona_fide // _PER_SUBJECT))


@dataclass(frozen=True, slots=True)
class Case:
    """One presentation to render."""

    id: str
    species: str
    wearer: Traveller
    of: Traveller | None
    wearables: Wearables
    pose: Pose
    motion: Motion
    light: Light
    mount: Mount
    seed: int
    groups: Mapping[str, str]
    conditions: Mapping[str, float | str]


def ids(plan: Plan) -> Iterator[tuple[str, str, int]]:
    """Every presentation: (id, species, number), bona fide and attacks mixed so that a broken-off run is balanced.

    Fixed conditions stand in the id, so that one data set can hold the headline and every sweep.
    """
    under = "".join(f"-{name}-{value}" for name, value in sorted(plan.conditions.items()))
    counts = {BONA_FIDE: plan.bona_fide, **dict.fromkeys(plan.species, plan.per_species)}
    share = [(number / count, name, number) for name, count in counts.items() for number in range(count)]
    for _, name, number in sorted(share):
        yield f"{name}-{plan.split}-{plan.seed}{under}-{number:05d}", name, number


def case(plan: Plan, key: str, species: str, number: int) -> Case:
    """The presentation of this id."""
    rng = np.random.default_rng(seed_of("case", key))
    wearer, of = _people(plan, species, number, rng)
    fixed = plan.conditions
    wearables = _wearables(rng, wearer, species, fixed)
    site = int(rng.integers(plan.sites))
    drift = float(fixed.get("led_drift", 0.0))
    mount = _mount(plan.seed, plan.split, site)
    speed = float(fixed.get("speed", rng.uniform(0.0, 0.05)))
    pose = _pose(rng, fixed)
    light = _light(rng, float(fixed.get("sun", 0.0)))
    stated: dict[str, float | str] = {
        "sun": light.sun,
        "speed_m_s": round(speed, 4),
        "distance_m": round(pose.distance_m, 4),
        "yaw_deg": round(pose.yaw_deg, 2),
        "pitch_deg": round(pose.pitch_deg, 2),
        "led_drift": drift,
        "site": f"{plan.split}-{plan.seed}-{site}",
    }
    if "make_up" in fixed:
        stated["make_up"] = wearables.make_up
    if "medical_mask" in fixed:
        stated["medical_mask"] = "no" if wearables.medical_mask is None else "yes"
    if fixed:
        stated["sweep"] = CONDITIONS[next(iter(fixed))]
    return Case(
        id=key,
        species=species,
        wearer=wearer,
        of=of,
        wearables=wearables,
        pose=pose,
        motion=_motion(rng, speed),
        light=light,
        mount=drifted(mount, drift, rng) if drift else mount,
        seed=int(rng.integers(2**31)),
        groups=_groups(wearer, wearables),
        conditions=stated,
    )


def person(plan: Plan, number: int) -> Traveller:
    """One of the data set's people; types I to VI in turn."""
    key = f"{plan.split}{plan.seed}-{number:04d}"
    return random_person(np.random.default_rng(seed_of("person", key)), key, number % 6)


@lru_cache(maxsize=64)
def _mount(seed: int, split: str, site: int) -> Mount:
    return draw_mount(np.random.default_rng(seed_of("site", seed, split, site)))


def _people(plan: Plan, species: str, number: int, rng: np.random.Generator) -> tuple[Traveller, Traveller | None]:
    if species == BONA_FIDE:
        return person(plan, number % plan.subjects), None
    shown = (number + seed_of(species) % 6) % plan.subjects
    other = int(rng.integers(plan.subjects - 1))
    return person(plan, other + (other >= shown)), person(plan, shown)


def _wearables(rng: np.random.Generator, who: Traveller, species: str, fixed: Mapping[str, float | str]) -> Wearables:
    glasses = str(rng.choice(["frame_black", "frame_metal", "frame_tortoise"])) if rng.random() < 0.3 else None
    lens = str(rng.choice(["clear", "swir", "heat"], p=[0.7, 0.2, 0.1]))
    mask, scarf = rng.random(), rng.random()
    if species != BONA_FIDE:
        worn = glasses if species not in FLAT and rng.random() < 0.5 else None
        return Wearables(glasses=worn, lens=lens)
    chances = [0.55, 0.30, 0.15] if who.sex == "F" else [0.96, 0.03, 0.01]
    drawn = str(rng.choice(["none", "light", "full"], p=chances))
    chosen = str(fixed.get("make_up", drawn))
    most = 1.0 if "medical_mask" in fixed else 0.05
    return Wearables(
        glasses=glasses,
        lens=lens,
        medical_mask=str(rng.choice(["mask_white", "mask_blue"])) if mask < most else None,
        headscarf=f"headscarf_{rng.choice(['black', 'beige', 'blue'])}" if who.sex == "F" and scarf < 0.12 else None,
        make_up="full" if chosen == "full" else "light" if chosen == "light" else "none",
    )


def _groups(who: Traveller, wears: Wearables) -> dict[str, str]:
    return {
        "fitzpatrick": fitzpatrick(who),
        "sex": who.sex,
        "glasses": "none" if wears.glasses is None else wears.lens,
        "beard": beard_of(who),
        "make_up": wears.make_up,
        "medical_mask": "no" if wears.medical_mask is None else "yes",
        "headscarf": "no" if wears.headscarf is None else "yes",
    }


def _pose(rng: np.random.Generator, fixed: Mapping[str, float | str]) -> Pose:
    yaw, pitch, roll = rng.uniform(-10, 10), rng.uniform(-8, 8), rng.normal(0, 2.0)
    if "yaw" in fixed:
        yaw = float(fixed["yaw"]) * (1 if yaw > 0 else -1)
    return Pose(float(yaw), float(pitch), float(roll), float(fixed.get("distance", rng.uniform(0.5, 0.8))))


def _motion(rng: np.random.Generator, speed: float) -> Motion:
    """Mostly towards the camera, as people walk into a gate."""
    way = np.array([rng.normal(0, 0.25), rng.normal(0, 0.10), 1.0 if rng.random() < 0.85 else -0.4])
    right, up, near = way / np.linalg.norm(way) * speed
    return Motion(float(right), float(up), float(near))


def _light(rng: np.random.Generator, sun: float) -> Light:
    return Light(
        white=float(rng.uniform(0.5, 1.0)),
        balance=float(rng.uniform(-0.4, 0.4)),
        ambient_white=float(rng.uniform(0.1, 0.8)),
        ambient_nir=float(rng.uniform(0.3, 1.6)),
        sun=sun,
        sun_from=(float(rng.uniform(-70, 70)), float(rng.uniform(15, 55))),
    )


def _check(name: str, value: float | str) -> None:
    if name not in CONDITIONS:
        raise PlanError(f"unknown condition {name!r}; there are {', '.join(CONDITIONS)}")
    if name == "make_up":
        if value not in AMOUNTS:
            raise PlanError(f"make_up is one of {', '.join(AMOUNTS)}, not {value!r}")
        return
    if name == "medical_mask":
        if value != "yes":
            raise PlanError(f"medical_mask is fixed to yes, for bona fide presentations, not to {value!r}")
        return
    low, high = _LIMITS[name]
    if isinstance(value, str) or not low <= value <= high:
        raise PlanError(f"{name} lies between {low:g} and {high:g}, not at {value}")
