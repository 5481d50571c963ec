"""What kind of place a lane stands at, and what follows from that. Configuration, not code: the machine is the same.

`border`: a chip's portrait, doors, a guard. `unattended_point`: a shop, a payment terminal; nobody watches, so whatever
is not proved is refused, and a release is an authorisation for somebody else's device. `office`: a turnstile.
`observe` is no lane at all: network cameras are watched (`appliance.observe`), and nothing there moves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from appliance.core.types import Topology

REFUSED_AFTER_S = 1.0
"""Nobody comes to a point without a guard: who is not verified is told so at once."""


class Site(StrEnum):
    """Where a lane stands."""

    BORDER = "border"
    OFFICE = "office"
    UNATTENDED_POINT = "unattended_point"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True)
class Kind:
    """`guarded` None leaves it to the site; `doors` False means a release is an authorisation."""

    guarded: bool | None
    doors: bool
    topologies: tuple[Topology, ...]


KINDS = {
    Site.BORDER: Kind(None, True, tuple(Topology)),
    Site.OFFICE: Kind(None, True, (Topology.TURNSTILE,)),
    Site.UNATTENDED_POINT: Kind(False, False, (Topology.TURNSTILE,)),
    Site.OBSERVE: Kind(None, False, ()),
}


def problems(site: Site, topology: Topology, gate: str, *, guarded: bool) -> Iterator[str]:
    """What cannot be at such a site, in words."""
    if site is Site.OBSERVE:
        yield "site: an observe site is no lane and moves nothing; it is started with `appliance run` alone"
        return
    kind = KINDS[site]
    if topology not in kind.topologies:
        yield f'topology: an {site} lane is a "{" or ".join(kind.topologies)}"'
    if kind.doors is (gate == "authorisation"):
        needed = "a gate of doors" if kind.doors else 'kind = "authorisation"'
        yield f"gate.kind: an {site} lane has {needed}, not {gate}"
    if kind.guarded is not None and guarded is not kind.guarded:
        yield f"policy.require_guard: nobody watches an {site}; set it to false"
