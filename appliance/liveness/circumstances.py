"""Circumstances of a capture in which skin can look unlike itself: what was measured then suspects nobody.

Whoever would be refused under one of them is undetermined instead, with what the traveller can do about it; nobody is
accepted for it. Not responsible for captures that prove nothing at all (`decode` refuses those).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.core.types import Advice

EYES_M = 0.063
"""Mean distance between the pupils of adults."""
_NOMINAL_M = 0.6


@dataclass(frozen=True, slots=True)
class Circumstance:
    """One of them: the figure that tells it, from where on, and in words for the guard."""

    figure: str
    beyond: float
    words: str
    advice: Advice


CIRCUMSTANCES = (
    Circumstance("capture ambient", 0.5, "Much infrared light comes from outside.", Advice.TURN_FROM_SUN),
    Circumstance("capture movement", 0.1, "The face moved during the capture.", Advice.STAND_STILL),
    Circumstance("capture scale", 1.1, "The face is far away.", Advice.COME_CLOSER),
    Circumstance("capture turn", 0.17, "The face is turned.", Advice.LOOK_STRAIGHT),
)
"""Beyond what a lane asks of people: ambient as a share of the LEDs' light, m/s, frame pixels per camera pixel, and the
nose's distance from the middle in eye distances (about 15 degrees)."""


def measured(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures of a capture (`decode`) that tell circumstances; those that are unknown are absent."""
    found = {
        "capture ambient": max((value for name, value in figures.items() if name.endswith("_ambient")), default=None),
        "capture movement": ((figures["speed"] * EYES_M) ** 2 + (figures["growth"] * _NOMINAL_M) ** 2) ** 0.5
        if "speed" in figures
        else None,
        "capture scale": figures.get("scale"),
        "capture turn": abs(figures["turn"]) if "turn" in figures else None,
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def against(values: Mapping[str, float]) -> Circumstance | None:
    """The first circumstance that speaks against the capture; None when all is as the lane asks for."""
    return next((one for one in CIRCUMSTANCES if values.get(one.figure, 0.0) > one.beyond), None)
