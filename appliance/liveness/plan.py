"""In which order the exposures of a burst are lit, and how long that takes."""

from collections.abc import Sequence
from typing import Protocol

DARK = 2
"""Dark exposures of a burst: two, so that changing light from outside shows."""
LONGEST_MS = 300.0
"""A burst of one camera takes no longer than this unless the site says so: within it a face hardly moves."""


class Draw(Protocol):
    """Where chance comes from: `random.SystemRandom` in production, a seeded `random.Random` in tests."""

    def shuffle(self, x: list[str | None], /) -> None:
        """Bring the list into random order."""
        ...


def plan_burst(leds: Sequence[str], draw: Draw) -> tuple[str | None, ...]:
    """Two dark exposures (None) and one of each LED, in random order; a prepared video cannot know it in advance.

    Every order is equally likely: orders may repeat by chance, and forbidding that would only make the next one easier
    to guess. Raises ValueError without LEDs or with one named twice.
    """
    if not leds or len(set(leds)) != len(leds):
        raise ValueError(f"a burst needs LEDs, each named once, not {list(leds)}")
    order: list[str | None] = [None] * DARK + list(leds)
    draw.shuffle(order)
    return tuple(order)


def burst_ms(leds: Sequence[str], fps: float) -> float:
    """How long the burst of one camera takes, ms."""
    return (DARK + len(leds)) * 1000.0 / fps
