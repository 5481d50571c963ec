"""One leaf with its lock and its contact. Not here: when it is unlocked (gate) and who pushes (traveller)."""

OPENS_S = 0.6
CLOSES_S = 0.8


class Leaf:
    """A leaf that swings while pushed and closes by itself when let go. `opening` goes from 0 (shut) to 1."""

    def __init__(self) -> None:
        self.locked = True
        self.pushed = False
        self.opening = 0.0

    @property
    def closed(self) -> bool:
        """What the door contact says: shut to the last millimetre."""
        return self.opening == 0.0

    @property
    def wide_open(self) -> bool:
        """Open far enough to walk through."""
        return self.opening == 1.0

    def tick(self, dt: float) -> None:
        """Let `dt` seconds pass. The bolt holds only a leaf that is shut: one ajar can be pushed open again."""
        if self.pushed and not (self.locked and self.closed):
            self.opening = min(1.0, self.opening + dt / OPENS_S)
        else:
            self.opening = max(0.0, self.opening - dt / CLOSES_S)
