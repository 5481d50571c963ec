"""The passages of the tour: those of tour.yaml, and an attack of every species. Nothing here runs anything."""

from collections.abc import Mapping
from pathlib import Path

from appliance.core.types import CheckName, OfficerAction, Outcome, Result, Topology
from appliance.evaluate.species import SPECIES, Species
from hil.scenarios.script import Expected, GuardDoes, Passage, read
from hil.scene import CAST, Light, attack
from hil.scene.flat import FLAT
from hil.sim.depth import Person
from hil.sim.traveller import Place

EXPIRED = "2024-01-31"
COMPANION = Person(0.35, -0.05, 1.65).solids()
"""Who comes in beside the holder, as the sensor overhead sees him."""
DARK = Light(white=0.03, ambient_white=0.02)
HOLDER, OTHER = CAST[0], CAST[3]

_REFUSED = Outcome.REFUSED_BY_OFFICER
_BACK = (2, 0)

TOUR = Path(__file__).parent / "tour.yaml"
_REGULAR = read(TOUR)

_CERTAIN = ("print_dye", "screen_lcd")
"""Species the lane must not only hold but suspect, whatever its bands.

A resin mask in rgb+850+940 is held and not always suspected: undetermined in 2 of 6 tours.
"""


def _attack(species: Species) -> Passage:
    """An instrument of this species, with the holder's face, on or before somebody else."""
    certain = species.name in _CERTAIN
    what = "Something is held before the camera." if species.name in FLAT else "The traveller wears a mask."
    action = OfficerAction.SECOND_LINE if species.name.startswith("screen") else OfficerAction.REFUSE
    return Passage(
        name=species.name,
        title=f"Attack: {species.title}",
        holder=HOLDER,
        shows=lambda: attack(species.name, HOLDER, OTHER),
        guard=GuardDoes(action, what),
        evidence=True,
        expected=Expected(
            Outcome.SECOND_LINE if action is OfficerAction.SECOND_LINE else _REFUSED,
            _BACK,
            Place.AWAY,
            {CheckName.LIVENESS: Result.FAILED} if certain else {},
            inside=True,
            suspected=True if certain else None,
            held=frozenset({CheckName.LIVENESS}),
        ),
    )


ATTACKS = tuple(_attack(species) for species in SPECIES.values())
PASSAGES = (*_REGULAR, *ATTACKS)

TIMEOUTS: Mapping[str, float] = {"Entering": 6.0, "Ready": 600.0}
"""Shorter than a real lane's, where the tour has to wait for one; the self-test must not fall into a passage."""


def releases(expected: Expected, topology: Topology) -> tuple[int, int]:
    """Releases of (entry, exit) in this kind of lane: a turnstile has no entry to release."""
    return expected.releases if topology is Topology.MANTRAP else (0, expected.releases[1])


class UnknownPassage(ValueError):
    """The tour has no such passage."""


def chosen(names: tuple[str, ...], among: tuple[Passage, ...] = PASSAGES) -> tuple[Passage, ...]:
    """The passages of these names in their order, all when none is named. Raises UnknownPassage."""
    known = {passage.name for passage in among}
    if unknown := sorted(set(names) - known):
        raise UnknownPassage(f"no passage is called {', '.join(unknown)}; there are {', '.join(p.name for p in among)}")
    return tuple(passage for passage in among if not names or passage.name in names)
