"""A scripted passage as data, and the YAML files passages are read from. Nothing here runs anything.

Expectations are of outcomes, never of scores: the cast supports no biometric claim.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from appliance.core.types import CheckName, OfficerAction, Outcome, Result
from appliance.evaluate.species import SPECIES
from hil.passport.faults import Fault, fault
from hil.scene import CAST, Presentation, Scene, Traveller, Wearables, attack, bona_fide, compose
from hil.sim.traveller import Behaviour, Place

VALID = "2034-06-30"
_AS_USUAL = Behaviour()
_PEOPLE = {traveller.key: traveller for traveller in CAST}


class Mishap(StrEnum):
    """What goes wrong: light that fails or somebody who comes along, the camera while the face is being verified."""

    SECOND_PERSON = "second person"
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
    Who `uncovers` takes the mask off when asked to. `needs` names weights without which the passage shows nothing.
    `wrong` is what is wrong with the passport.
    """

    name: str
    title: str
    holder: Traveller
    shows: Callable[[], Presentation]
    expected: Expected
    expires: str = VALID
    wrong: frozenset[Fault] = frozenset()
    behaviour: Behaviour = _AS_USUAL
    guard: GuardDoes | None = None
    mishap: Mishap | None = None
    evidence: bool = False
    uncovers: bool = False
    needs: str = ""


# --- files ----------------------------------------------------------------------------------------------------------


class ScenarioError(ValueError):
    """A file that holds no passages, or wrong ones; the message names the passage and what is wrong with it."""


def read(path: Path) -> tuple[Passage, ...]:
    """The passages of a file, in order. Raises ScenarioError."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScenarioError(f"{path}: {error}") from error
    if not isinstance(given, list) or not given:
        raise ScenarioError(f"{path}: a file of passages is a list of them")
    return tuple(_passage(path, number, one) for number, one in enumerate(given, 1))


def _passage(path: Path, number: int, given: Any) -> Passage:
    name = given.get("name") if isinstance(given, dict) else None
    try:
        if not isinstance(given, dict):
            raise ValueError("not a mapping")
        given = _only(given, Passage, "shows", "face")
        shows = looks_of(given.pop("face", given["holder"]))
        return Passage(
            **{
                **given,
                "holder": _person(given["holder"]),
                "shows": shows,
                "expected": _expected(given["expected"]),
                "wrong": frozenset(map(fault, given.get("wrong", ()))),
                "behaviour": Behaviour(**given.get("behaviour", {})),
                "guard": _guard(given.get("guard")),
                "mishap": Mishap(given["mishap"]) if "mishap" in given else None,
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        words = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ScenarioError(f"{path}, passage {number} ({name}): {words}") from error


def _only(given: dict[str, Any], kind: type, without: str, *more: str) -> dict[str, Any]:
    known = {field.name for field in fields(kind)} - {without} | set(more)
    if unknown := sorted(set(given) - known):
        raise ValueError(f"unknown keys {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return dict(given)


def _person(key: str) -> Traveller:
    if key not in _PEOPLE:
        raise ValueError(f"nobody is called {key}; there are {', '.join(_PEOPLE)}")
    return _PEOPLE[key]


def looks_of(face: Any) -> Callable[[], Presentation]:
    """Somebody's own face, `{person, wears}`, or `{species, of, bearer}`: an instrument with one's face on another."""
    if not isinstance(face, dict):
        person = _person(face)
        return lambda: bona_fide(person)
    if "person" in face:
        dressed = Scene(_person(face["person"]), wearables=Wearables(**face["wears"]))
        return lambda: compose(dressed)
    if face["species"] not in SPECIES:
        raise ValueError(f"no species is called {face['species']}; there are {', '.join(SPECIES)}")
    species, shown, wearer = face["species"], _person(face["of"]), _person(face["bearer"])
    return lambda: attack(species, shown, wearer)


def _guard(given: dict[str, Any] | None) -> GuardDoes | None:
    return None if given is None else GuardDoes(**{**given, "action": OfficerAction(given["action"])})


def _expected(given: dict[str, Any]) -> Expected:
    _only(given, Expected, "")
    checks = {CheckName(name): Result(result) for name, result in given.get("checks", {}).items()}
    entry, exit_ = given["releases"]
    rest = {name: given[name] for name in ("inside", "suspected") if name in given}
    return Expected(
        Outcome(given["outcome"]),
        (entry, exit_),
        Place(given["leaves"]),
        checks,
        faults=frozenset(given.get("faults", ())),
        held=frozenset(CheckName(name) for name in given.get("held", ())),
        **rest,
    )
