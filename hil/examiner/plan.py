"""What happens at one presentation: who, what they wear, the instrument, where they stand, the light.

Everything follows from the data set's seed and the presentation's id. Not responsible for geometry or images.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from appliance.evaluate.species import BONA_FIDE, SPECIES, Cover
from hil.examiner.person import Traits
from hil.examiner.skin import TYPES

CONDITIONS: Final = {
    "sun": (0.0, 1.0),
    "speed_m_s": (0.0, 1.0),
    "distance_m": (0.40, 1.20),
    "yaw_deg": (-40.0, 40.0),
    "pitch_deg": (-30.0, 30.0),
    "led_drift": (0.0, 0.5),
    "make_up": (0.0, 2.0),
    "medical_mask": (0.0, 1.0),
}
"""What can be asked for, with its range; `make_up` is 0 none, 1 light, 2 full."""
_MAKE_UP = ("none", "light", "full")


class PlanError(Exception):
    """The job cannot be done as asked; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One presentation before anything is rendered. Angles in degrees, distance mm, velocity m/s (x, y, z).

    `swept` are the circumstances that were asked for; a medical mask is none of them, for it makes a group of people.
    """

    id: str
    species: str
    seed: int
    subject: str
    wearer: Traits
    instrument_of: str | None
    victim: Traits | None
    glasses: bool
    headscarf: bool
    medical_mask: bool
    distance_mm: float
    angles: tuple[float, float, float]
    offset_mm: tuple[float, float]
    velocity: tuple[float, float, float]
    sun: float
    sun_from: tuple[float, float, float]
    indoor: float
    led_drift: float
    swept: Mapping[str, float]

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator for one purpose of this presentation: adding a draw elsewhere changes nothing here."""
        return generator(self.seed, f"{self.id} {purpose}")

    def groups(self) -> dict[str, str]:
        """As `dataset.Record` wants them."""
        hidden = self.species != BONA_FIDE and SPECIES[self.species].cover is Cover.FULL
        return {
            "fitzpatrick": self.wearer.fitzpatrick,
            "skin": "modelled" if self.wearer.fitzpatrick == "VI" else "measured",
            "glasses": "worn" if self.glasses else "none",
            "beard": "none" if hidden else self.wearer.beard,
            "make_up": "none" if hidden else self.wearer.make_up,
            "medical_mask": "yes" if self.medical_mask else "no",
            "headscarf": "yes" if self.headscarf else "no",
        }

    def conditions(self) -> dict[str, float | str]:
        """As `dataset.Record` wants them; of a sweep, the circumstance that was fixed stands under `sweep`."""
        return {
            **self.swept,
            **({"sweep": next(iter(self.swept))} if self.swept else {}),
            "sun": self.sun,
            "speed_m_s": round(float(np.linalg.norm(self.velocity)), 3),
            "distance_m": round(self.distance_mm / 1000.0, 3),
            "yaw_deg": round(self.angles[0], 1),
            "pitch_deg": round(self.angles[1], 1),
            "led_drift": self.led_drift,
        }


def generator(seed: int, words: str) -> np.random.Generator:
    """A generator from a seed and a text."""
    digest = hashlib.sha256(f"{seed} {words}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def ids(
    bona_fide: int, per_species: int, species: tuple[str, ...], asked: Mapping[str, float]
) -> list[tuple[str, str, int]]:
    """Id, species and number of every presentation, species taking turns so that a broken-off run holds them all.

    The conditions that were `asked` for stand in the id, so that one data set can hold the headline and every sweep.
    """
    under = "".join(f"-{name}-{value:g}" for name, value in sorted(asked.items()))
    counts = {BONA_FIDE: bona_fide, **dict.fromkeys(species, per_species)}
    lines = [((k + 0.5) / n, f"{name}{under}-{k:04d}", name, k) for name, n in counts.items() for k in range(n)]
    return [(id_, name, k) for _, id_, name, k in sorted(lines)]


def draw_plan(id_: str, species: str, number: int, seed: int, asked: Mapping[str, float]) -> Plan:
    """Draw a presentation. Raises PlanError for a species or a condition that does not exist or is out of range."""
    check(species, asked)
    rng = generator(seed, f"{id_} plan")
    genuine = species == BONA_FIDE
    wearer = _traits(rng, TYPES[number % len(TYPES)], plain=not genuine)
    make_up = asked.get("make_up")
    if make_up is not None and genuine:
        wearer = Traits(wearer.fitzpatrick, "none" if make_up else wearer.beard, _MAKE_UP[round(make_up)], wearer.hair)
    victim = None if genuine else _traits(rng, _like(rng, number % len(TYPES)), plain=False)
    mask = bool(asked.get("medical_mask", 0.0)) and genuine
    scarf = genuine and wearer.beard == "none" and rng.random() < 0.10
    sun = asked.get("sun", 0.0)
    azimuth, height = np.radians(rng.uniform(-75.0, 75.0)), np.radians(rng.uniform(15.0, 50.0))
    towards = (np.sin(azimuth) * np.cos(height), np.sin(height), np.cos(azimuth) * np.cos(height))
    speed = asked.get("speed_m_s", float(rng.uniform(0.0, 0.05)))
    way = rng.normal(0.0, [0.55, 0.25, 0.6])
    way[2] = abs(way[2])
    velocity = speed * way / max(float(np.linalg.norm(way)), 1e-6)
    angles = (
        asked.get("yaw_deg", float(rng.uniform(-10.0, 10.0))),
        asked.get("pitch_deg", float(rng.uniform(-10.0, 10.0))),
        float(rng.normal(0.0, 2.5)),
    )
    return Plan(
        id=id_,
        species=species,
        seed=seed,
        subject=f"x{seed}-{id_}",
        wearer=wearer,
        instrument_of=None if genuine else f"x{seed}-{id_}-victim",
        victim=victim,
        glasses=(genuine or SPECIES[species].cover is Cover.PARTIAL) and rng.random() < (0.25 if genuine else 0.1),
        headscarf=scarf,
        medical_mask=mask,
        distance_mm=1000.0 * asked.get("distance_m", float(rng.uniform(0.5, 0.75))),
        angles=angles,
        offset_mm=(float(rng.normal(0.0, 7.0)), float(rng.normal(-4.0, 7.0))),
        velocity=(float(velocity[0]), float(velocity[1]), float(velocity[2])),
        sun=sun,
        sun_from=(float(towards[0]), float(towards[1]), float(towards[2])),
        indoor=float(np.exp(rng.uniform(np.log(0.0015), np.log(0.015)))),
        led_drift=asked.get("led_drift", 0.0),
        swept={name: value for name, value in asked.items() if name != "medical_mask"},
    )


def check(species: str, asked: Mapping[str, float]) -> None:
    """Raises PlanError for a species or a condition that does not exist or is out of range."""
    if species != BONA_FIDE and species not in SPECIES:
        raise PlanError(f"unknown species {species!r}; there are {BONA_FIDE}, {', '.join(SPECIES)}")
    for name, value in asked.items():
        if name not in CONDITIONS:
            raise PlanError(f"unknown condition {name!r}; there are {', '.join(CONDITIONS)}")
        low, high = CONDITIONS[name]
        if not low <= value <= high:
            raise PlanError(f"{name}={value:g} is out of range: {low:g} to {high:g}")


def _like(rng: np.random.Generator, own: int) -> str:
    """A victim's type: mostly near the wearer's own, for who chooses a face chooses one that fits the neck."""
    near = int(np.clip(own + rng.integers(-1, 2), 0, len(TYPES) - 1))
    return TYPES[near if rng.random() < 0.8 else int(rng.integers(len(TYPES)))]


def _traits(rng: np.random.Generator, fitzpatrick: str, *, plain: bool) -> Traits:
    """`plain`: somebody a mask fits on."""
    hair = str(rng.choice(["short", "full", "long", "bald"], p=[0.42, 0.22, 0.26, 0.10]))
    beard, make_up = "none", "none"
    if hair != "long":
        beard = str(rng.choice(["none", "stubble", "full"], p=[0.5, 0.25, 0.25]))
    if beard == "none":
        make_up = str(rng.choice(_MAKE_UP, p=[0.66, 0.24, 0.10]))
    if plain:
        return Traits(fitzpatrick, "none", "none", "short" if hair == "full" else hair)
    return Traits(fitzpatrick, beard, make_up, hair)
