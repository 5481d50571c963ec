"""The cast of the rig: invented people who exist only as the traits in `cast.json`.

Any likeness to a person is chance. No biometric claim is made from them: they prove that the lane works, not how well
a matcher does (`castcheck` re-checks that the matchers tell them apart).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from hil.scene.traits import Traits, complete


@dataclass(frozen=True, slots=True)
class Traveller:
    """One invented person: `key` is a short unique name, `params` the traits that differ from the default."""

    key: str
    surname: str
    given_names: str
    sex: str
    date_of_birth: str
    document_number: str
    params: Mapping[str, float]
    own_materials: bool = False
    """Whether hair, eyes and clothes are of a batch of their own; the cast keeps the typical one."""

    @property
    def traits(self) -> Traits:
        """The complete set of traits."""
        return complete(self.params)

    def __hash__(self) -> int:
        return hash(self.key)


class UnknownTraveller(KeyError):
    """No traveller of the cast has this key."""

    def __str__(self) -> str:
        return str(self.args[0])


def load_cast(text: str) -> tuple[Traveller, ...]:
    """Travellers from the JSON of `cast.json`; ValueError on an unknown trait, a value out of range or a double key."""
    records: list[dict[str, Any]] = json.loads(text)
    cast = []
    for record in records:
        params = {str(name): float(value) for name, value in record.pop("params").items()}
        complete(params)
        cast.append(Traveller(params=MappingProxyType(params), **record))
    if len({one.key for one in cast}) != len(cast):
        raise ValueError("two travellers of the cast have the same key")
    return tuple(cast)


CAST: tuple[Traveller, ...] = load_cast(resources.files("hil.scene").joinpath("cast.json").read_text("utf-8"))


@lru_cache(maxsize=1)
def _by_key() -> dict[str, Traveller]:
    return {one.key: one for one in CAST}


def traveller(key: str) -> Traveller:
    """The traveller with this key. Raises UnknownTraveller naming those there are."""
    try:
        return _by_key()[key]
    except KeyError:
        raise UnknownTraveller(f"no traveller {key!r} in the cast; there are: {', '.join(_by_key())}") from None
