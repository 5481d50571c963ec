"""One measured quantity with all its values, and how it is said in words."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Measurement:
    """`values` in `unit`; `limit` is the highest allowed, None where nothing is demanded.

    Measurements of one `scale` are drawn on one axis, below each other.
    """

    test: str
    quantity: str
    unit: str
    values: tuple[float, ...]
    limit: float | None
    seed: int
    scale: str = ""

    @property
    def met(self) -> bool | None:
        """Whether no value is above the limit; None without a limit or a value."""
        return None if self.limit is None or not self.values else max(self.values) <= self.limit

    def percentile(self, share: float) -> float:
        """A percentile of the values."""
        return float(np.percentile(self.values, share))

    def words(self) -> str:
        """Median, 99th percentile, largest, number."""
        p50, p99, most = (self.percentile(50), self.percentile(99), max(self.values))
        return f"p50 {p50:.3f} {self.unit}, p99 {p99:.3f}, max {most:.3f} (n={len(self.values)})"


def bound(n: int) -> str:
    """The 95 % upper bound of a rate of which none was seen in `n`: three in n."""
    return f"{min(1.0, 3 / n):.1e}" if n else "none: nothing was run"
