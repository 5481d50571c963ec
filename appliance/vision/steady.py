"""Whether a camera goes on: a few frames in a row, their numbers, times and light. Pure; no face is looked for."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivers.ports import Frame

FRAMES = 5
_DARKEST_DN, _BRIGHTEST_DN = 3.0, 252.0


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Whether the frames hold as those of a camera, and in words what was seen."""

    holds: bool
    seen: str


def steady(frames: Sequence[Frame]) -> Steadiness:
    """Numbers and times go forward, no two neighbours are the same picture, and they are neither black nor white."""
    pairs = list(itertools.pairwise(frames))
    forward = all(a.sequence < b.sequence and a.stamp < b.stamp for a, b in pairs)
    alive = not any(np.array_equal(a.image, b.image) for a, b in pairs)
    level = float(np.mean([frame.image.mean() for frame in frames]))
    lost = frames[-1].sequence - frames[0].sequence - (len(frames) - 1)
    seen = f"{len(frames)} frames, {lost} lost between, mean level {level:.0f} DN"
    if not forward:
        seen += "; numbers or times go back"
    if not alive:
        seen += "; it repeats its pictures"
    return Steadiness(forward and alive and _DARKEST_DN < level < _BRIGHTEST_DN, seen)
