"""The passages of the tour, as data: who comes with which document, what the guard does, and what must come of it.

Nothing here runs anything. Expectations are of outcomes, never of scores: the cast supports no biometric claim.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.core.types import CheckName, OfficerAction, Outcome, Result, Topology
from appliance.evaluate.species import SPECIES, Species
from hil.scene import CAST, Light, Presentation, Traveller, attack, bona_fide
from hil.scene.flat import FLAT
from hil.sim.traveller import Behaviour, Place

EXPIRED = "2024-01-31"
VALID = "2034-06-30"
DARK = Light(white=0.03, ambient_white=0.02)
_AS_USUAL = Behaviour()
HOLDER, OTHER, SECOND, GUEST = CAST[0], CAST[3], CAST[1], CAST[4]


class Mishap(StrEnum):
    """What breaks: the light before the traveller comes, the camera while the face is being verified."""

    LIGHT_FAILED = "light failed"
    CAMERA_UNPLUGGED = "camera unplugged"


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come of a passage. `checks` names only those that matter; `inside` is None when nobody is referred.

    `releases` are the releases of (entry, exit) of a mantrap: the second observer counts them. `faults` must have been
    raised and must be gone at the end. `held` are checks that must have failed or be undetermined, and `suspected` is
    None where the guard may be told of a suspicion or of a capture that proves nothing.
    """

    outcome: Outcome
    releases: tuple[int, int]
    leaves: Place
    checks: Mapping[CheckName, Result] = field(default_factory=dict)
    inside: bool | None = None
    suspected: bool | None = False
    faults: frozenset[int] = frozenset()
    held: frozenset[CheckName] = frozenset()


@dataclass(frozen=True, slots=True)
class GuardDoes:
    """What the guard decides about the referred traveller, and says."""

    action: OfficerAction
    reason: str
    visual_check: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """One scripted passage. `shows` builds what the cameras see when it is needed.

    With `evidence` the guard looks at everything there is to see of the face: portrait, picture, every band, the map.
    """

    name: str
    title: str
    holder: Traveller
    shows: Callable[[], Presentation]
    expected: Expected
    expires: str = VALID
    behaviour: Behaviour = _AS_USUAL
    guard: GuardDoes | None = None
    mishap: Mishap | None = None
    evidence: bool = False


_REFUSED = Outcome.REFUSED_BY_OFFICER
_THROUGH, _BACK, _NOT_IN = (1, 1), (2, 0), (0, 0)
_NOT_THE_HOLDER = GuardDoes(OfficerAction.REFUSE, "Not the holder of the document.")

_REGULAR = (
    Passage(
        name="genuine",
        title="Holder with own document",
        holder=HOLDER,
        shows=lambda: bona_fide(HOLDER),
        expected=Expected(
            Outcome.ADMITTED,
            _THROUGH,
            Place.THROUGH,
            {CheckName.COMPARISON: Result.SUCCESSFUL, CheckName.LIVENESS: Result.SUCCESSFUL},
        ),
    ),
    Passage(
        name="different-person",
        title="Document of somebody else",
        holder=HOLDER,
        shows=lambda: bona_fide(OTHER),
        guard=_NOT_THE_HOLDER,
        expected=Expected(
            _REFUSED,
            _BACK,
            Place.AWAY,
            {CheckName.COMPARISON: Result.FAILED, CheckName.LIVENESS: Result.SUCCESSFUL},
            inside=True,
        ),
    ),
    Passage(
        name="guard-admits",
        title="Holder in the dark, guard admits",
        holder=SECOND,
        shows=lambda: bona_fide(SECOND),
        mishap=Mishap.LIGHT_FAILED,
        guard=GuardDoes(OfficerAction.ADMIT, "Compared at the lane, the face is bare.", visual_check=True),
        expected=Expected(
            Outcome.ADMITTED_BY_OFFICER,
            _THROUGH,
            Place.THROUGH,
            {CheckName.FACE_QUALITY: Result.UNDETERMINED},
            inside=True,
        ),
    ),
    Passage(
        name="guard-refuses",
        title="Document of somebody else, second traveller",
        holder=GUEST,
        shows=lambda: bona_fide(SECOND),
        guard=_NOT_THE_HOLDER,
        expected=Expected(_REFUSED, _BACK, Place.AWAY, {CheckName.COMPARISON: Result.FAILED}, inside=True),
    ),
    Passage(
        name="walks-away",
        title="Traveller does not come in",
        holder=GUEST,
        shows=lambda: bona_fide(GUEST),
        behaviour=Behaviour(enters=False),
        expected=Expected(Outcome.WALKED_AWAY, (1, 0), Place.AWAY),
    ),
    Passage(
        name="expired",
        title="Expired document",
        holder=GUEST,
        shows=lambda: bona_fide(GUEST),
        expires=EXPIRED,
        guard=GuardDoes(OfficerAction.REFUSE, "The document has expired."),
        expected=Expected(_REFUSED, _NOT_IN, Place.AWAY, {CheckName.DOCUMENT_VALIDITY: Result.FAILED}, inside=False),
    ),
    Passage(
        name="camera-unplugged",
        title="Camera unplugged in mid-passage",
        holder=HOLDER,
        shows=lambda: bona_fide(HOLDER),
        mishap=Mishap.CAMERA_UNPLUGGED,
        guard=GuardDoes(OfficerAction.REFUSE, "The lane has failed, please use the desk."),
        expected=Expected(
            _REFUSED,
            _BACK,
            Place.AWAY,
            {CheckName.PASSAGE: Result.ABORTED},
            inside=True,
            faults=frozenset({3001}),
        ),
    ),
)

_CERTAIN = ("print_dye", "screen_lcd", "resin_mask")
"""Species the lane must not only hold but suspect, whatever its bands."""


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


def chosen(names: tuple[str, ...]) -> tuple[Passage, ...]:
    """The passages of these names in the tour's order, all when none is named. Raises UnknownPassage."""
    known = {passage.name for passage in PASSAGES}
    if unknown := sorted(set(names) - known):
        raise UnknownPassage(
            f"no passage is called {', '.join(unknown)}; there are {', '.join(p.name for p in PASSAGES)}"
        )
    return tuple(passage for passage in PASSAGES if not names or passage.name in names)
