"""What is held against a lane's devices when it is tested, by `appliance selftest` and by a running lane alike. Pure.

Not responsible for opening devices nor for getting them to answer: that differs between the two.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from drivers.ports import Door, DoorPosition, GateInputs, Presence

LOOKS = 3
"""Bursts in which every LED must answer."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was tried: whether it holds (None: that cannot be told), and what was seen."""

    part: str
    what: str
    holds: bool | None
    seen: str


def at_rest(doors: Sequence[Door], inputs: GateInputs) -> Iterator[Proof]:
    """The gate of an empty lane, every output off."""
    for door in doors:
        position = inputs.entry if door is Door.ENTRY else inputs.exit
        yield Proof("gate", f"{door} door closed", position is DoorPosition.CLOSED, f"its contact says {position}")
    for what, wrong in (
        ("lane empty", inputs.occupied),
        ("its own controller in service", inputs.out_of_service),
        ("no emergency", inputs.emergency),
        ("contacts follow their relays", bool(inputs.disagrees)),
    ):
        yield Proof("gate", what, not wrong, "no" if wrong else "yes")


def of_leds(
    camera: str, leds: Sequence[str], levels: Mapping[str, Sequence[float]], findings: Sequence[str]
) -> Iterator[Proof]:
    """The LEDs of one camera by lit minus dark at the grey reference, DN in each of `LOOKS` bursts; what was found."""
    part = f"LEDs of the {camera} camera"
    for led in leds:
        seen = levels.get(led, ())
        words = f"lit minus dark {np.mean(seen):.1f} DN (n={len(seen)})" if seen else "not measured"
        named = any(led in finding for finding in findings)
        yield Proof(part, led, len(seen) == LOOKS and not named, words)
    for finding in findings:
        yield Proof(part, "burst", False, finding)


def of_presence(said: Presence) -> Proof:
    """The sensor above an empty lane sees its floor, nobody and nothing."""
    persons = "unknown" if said.persons is None else said.persons
    left = {None: "unknown", True: "yes", False: "no"}[said.left_object]
    seen = f"persons {persons}, something left: {left}, {said.measured * 100:.0f} % of the area seen"
    unsure = said.persons is None or said.left_object is None
    empty = (said.persons, said.left_object) == (0, False)
    return Proof("presence", "lane empty", None if unsure else empty, seen)
