"""From figures to sentences a guard understands. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UNLIKE_SKIN = "The face as a whole lies outside the limits of skin; of no known kind."
COVERED = "A medical mask or scarf covers the lower face. It must be taken off for the check."

_MEANING = {
    "R/G": "colour (red to green)",
    "850/R": "infrared against red (850 nm / red)",
    "940/850": "water (940 / 850 nm)",
    "970/850": "water (970 / 850 nm)",
    "970/940": "water (970 / 940 nm)",
    "1050/850": "infrared (1050 / 850 nm)",
    "1300/1050": "water (1300 / 1050 nm)",
    "1550/1050": "water (1550 / 1050 nm)",
}
_STEPS = {
    "eye step": "Eyes and lids differ from what is around them",
    "cheek step": "The lower cheeks differ from the upper",
    "nose step": "The nose differs from what is beside it",
}
_SHOWN = 4
_LEAST_SHARE = 0.1


def reasons(names: Sequence[str], shares: NDArray[np.float64], z: NDArray[np.float64]) -> tuple[str, ...]:
    """The largest contributions towards "attack", in words, worst first; one sentence for each kind of figure."""
    found: list[str] = []
    total = float(shares[shares > 0].sum())
    for place in np.argsort(-shares):
        if shares[place] < _LEAST_SHARE * total / 2 or len(found) == _SHOWN:
            break
        sentence = describe(names[place], float(z[place]))
        if sentence not in found:
            found.append(sentence)
    return tuple(found)


def describe(name: str, z: float) -> str:
    """One figure in words; `z` in standard deviations of skin."""
    off = f"{z:+.1f} sd"
    subject, _, rest = name.partition(" ")
    if subject in _MEANING:
        meaning = _MEANING[subject]
        if rest == "for this colour":
            return f"Unlike skin of this colour in {meaning}, {off}."
        if rest == "level":
            return f"Unlike skin in {meaning}, {off}."
        if rest in ("lowest", "low", "high", "highest"):
            return f"Part of the face differs from the rest in {meaning}, {off}."
        if rest == "lamps":
            return f"Left and right lamps contradict each other in {meaning}: exchanged LEDs? {off}."
        if rest in ("spread", "grain", "sides"):
            return f"The face is uneven in {meaning}, {off}."
        if rest.endswith(" step"):
            return f"{_STEPS[rest]} in {meaning}, {off}."
        if rest == "neck":
            return f"The neck differs from the face in {meaning}, {off}."
        if rest == "edges":
            return f"There is an edge on the face in {meaning}, {off}."
        return f"{rest.capitalize()}: differs from the cheeks in {meaning}, {off}."
    if subject == "shape":
        return f"Light from left and right does not fall as on a head ({rest}), {off}."
    if subject == "eyes":
        return f"The pupils do not answer to light on the axis, {off}."
    if subject == "thermal":
        return f"Warmth is unlike a face ({rest}), {off}."
    if subject == "depth":
        return f"Relief is unlike a face ({rest}), {off}."
    if rest.endswith("contrast"):
        return f"{rest.split()[0].capitalize()} show unlike living ones at {subject}, {off}."
    if rest in ("detail", "likeness"):
        return f"Spots of the skin do not fade towards the infrared as they should ({rest}), {off}."
    return f"Brightness at {subject} is unlike skin ({rest}), {off}."
