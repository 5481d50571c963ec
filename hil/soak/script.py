"""One schedule: who comes, how fast everything answers, and what goes wrong when. Drawn from a seed, kept as JSON.

Everything that happens follows from the script alone, so that a part of it can be left out and the rest runs again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from appliance.core.explore import DOCUMENTS, VERIFICATIONS
from appliance.core.faults import Effect
from appliance.core.types import Door, OfficerAction, Topology

TRAVELLERS = 3
_APART_S = 40.0
_SPAN_S = TRAVELLERS * _APART_S
_MOST_ACTS = 8


@dataclass(frozen=True, slots=True)
class Comer:
    """A traveller: when, with which document, what the cameras find, how long each step takes (s).

    `officer` is what an officer decides `officer_s` after a referral, "" for nothing.
    """

    at: float
    document: str
    verification: str
    read_s: float
    enter_s: float
    verify_s: float
    leave_s: float
    officer: str
    officer_s: float
    enters: bool = True
    goes_on: bool = True


@dataclass(frozen=True, slots=True)
class Act:
    """Something nobody asked for, at a time: `kind` says what, `value` which."""

    at: float
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Script:
    """A schedule. `lag_s` is how late contacts are read; `fails` are releases that are not carried out, by number."""

    topology: Topology
    lag_s: float
    comers: tuple[Comer, ...]
    acts: tuple[Act, ...]
    fails: tuple[int, ...] = ()

    def smaller(self) -> Iterator[Script]:
        """The script without one of its parts, each in turn."""
        for k in range(len(self.acts)):
            yield replace(self, acts=self.acts[:k] + self.acts[k + 1 :])
        for k in range(len(self.fails)):
            yield replace(self, fails=self.fails[:k] + self.fails[k + 1 :])
        for k in range(len(self.comers)):
            yield replace(self, comers=self.comers[:k] + self.comers[k + 1 :])

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"


class ScriptError(ValueError):
    """A file that is no script; the message says why."""


def parse(text: str) -> Script:
    """A script from its JSON. Raises ScriptError."""
    try:
        told = json.loads(text)
        return Script(
            topology=Topology(told["topology"]),
            lag_s=float(told["lag_s"]),
            comers=tuple(Comer(**one) for one in told["comers"]),
            acts=tuple(Act(**one) for one in told["acts"]),
            fails=tuple(int(number) for number in told["fails"]),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ScriptError(f"not a script of the soak: {error}") from error


OFFICER = tuple(f"{action.value} {how}" for action in OfficerAction for how in ("seen", "unseen"))
# What can be the matter, with how often it is drawn.
_EFFECTS = tuple(effect.value for effect in Effect)
_ACTS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("fault", 4, _EFFECTS),
    ("fault ends", 4, ("",)),
    ("officer", 5, (*OFFICER, "admit other")),
    ("verdict", 3, ("early", "other", "again")),
    ("push", 4, tuple(door.value for door in Door)),
    ("force", 1, tuple(door.value for door in Door)),
    ("stranger steps in", 1, ("",)),
    ("service", 1, ("on", "off")),
    ("block", 1, ("on", "off")),
    ("repeat", 3, ("",)),
    ("document", 2, tuple(DOCUMENTS)),
    ("counted", 1, ("",)),
)
_KINDS = [kind for kind, often, _ in _ACTS for _ in range(often)]
_VALUES = {kind: values for kind, _, values in _ACTS}


def draw(seed: int, number: int) -> Script:
    """The script of this number; the same every time."""
    rng = random.Random(f"{seed} {number}")
    comers = tuple(_comer(rng, place * _APART_S) for place in range(TRAVELLERS))
    acts = tuple(sorted((_act(rng) for _ in range(rng.randrange(_MOST_ACTS + 1))), key=lambda act: act.at))
    return Script(
        topology=rng.choice(list(Topology)),
        lag_s=rng.choice((0.0, 0.05, 0.3)),
        comers=comers,
        acts=acts,
        fails=tuple(number for number in range(9) if rng.random() < 0.05),
    )


def _comer(rng: random.Random, since: float) -> Comer:
    good = rng.random() < 0.5
    return Comer(
        at=round(since + rng.uniform(0.1, 20.0), 3),
        document="in order" if good or rng.random() < 0.6 else rng.choice(list(DOCUMENTS)),
        verification="all successful" if good else rng.choice(list(VERIFICATIONS)),
        read_s=round(rng.choice((0.5, 2.0, 20.0)) * rng.uniform(0.5, 1.5), 3),
        enter_s=round(rng.choice((0.5, 3.0, 9.0)) * rng.uniform(0.5, 1.5), 3),
        verify_s=round(rng.choice((1.0, 5.0, 25.0)) * rng.uniform(0.5, 1.5), 3),
        leave_s=round(rng.choice((0.5, 3.0, 9.0)) * rng.uniform(0.5, 1.5), 3),
        officer=rng.choice(("", *OFFICER)),
        officer_s=round(rng.choice((1.0, 8.0, 30.0)) * rng.uniform(0.5, 1.5), 3),
        enters=rng.random() < 0.92,
        goes_on=rng.random() < 0.92,
    )


def _act(rng: random.Random) -> Act:
    kind = rng.choice(_KINDS)
    return Act(round(rng.uniform(0.0, _SPAN_S), 3), kind, rng.choice(_VALUES[kind]))
