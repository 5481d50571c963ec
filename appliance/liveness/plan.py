"""In which order the exposures of a burst are lit."""

from collections.abc import Sequence
from typing import Protocol

_EACH = 2


class Draw(Protocol):
    """Where chance comes from: `random.SystemRandom` in production, a seeded `random.Random` in tests."""

    def shuffle(self, x: list[str | None], /) -> None:
        """Bring the list into random order."""
        ...


def plan_burst(bands: Sequence[str], draw: Draw) -> tuple[str | None, ...]:
    """Two dark exposures (None) and two of each band, in random order; a prepared video cannot know it in advance.

    Every order is equally likely (90 for two bands): orders may repeat by chance, and forbidding that would only make
    the next one easier to guess. Pairs show movement and changing light. Raises ValueError without bands or with one
    named twice.
    """
    if not bands or len(set(bands)) != len(bands):
        raise ValueError(f"a burst needs bands, each named once, not {list(bands)}")
    order: list[str | None] = [name for name in (None, *bands) for _ in range(_EACH)]
    draw.shuffle(order)
    return tuple(order)
