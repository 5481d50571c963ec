"""The document reader as traveller and lane meet it: a glass plate, a document on it, a reading that takes time.

Not here: what stands in the document (its folder), and the socket (rig).
"""

from pathlib import Path

ZONE_S = 0.4
"""How long a zone takes to be read."""


class DocumentPlate:
    """`document` is the folder of the document on the glass, if any. A document pulled off ends its reading.

    `placements`, `readings` and `broken_off` count what has happened since the start.
    """

    def __init__(self) -> None:
        self.document: Path | None = None
        self.placements = 0
        self.readings = 0
        self.broken_off = 0
        self._left_s: float | None = None

    @property
    def reading(self) -> bool:
        """A reading is under way: the zone under the glass, then the chip for as long as the lane talks to it."""
        return self._left_s is not None

    @property
    def zone_read(self) -> bool:
        """The zone of the document that is being read lies in the reader's memory."""
        return self._left_s is not None and self._left_s <= 0

    def place(self, document: Path) -> None:
        """Lay a document on the glass."""
        self.document = document
        self.placements += 1

    def remove(self) -> None:
        """Take it off, in the middle of a reading or not."""
        self.document = None
        if self._left_s is not None:
            self._left_s = None
            self.broken_off += 1

    def begin(self) -> None:
        """Start reading what lies there. Raises ValueError when nothing does."""
        if self.document is None:
            raise ValueError("no document lies on the reader")
        self._left_s = ZONE_S

    def finish(self) -> None:
        """The lane is done with it."""
        if self._left_s is not None:
            self._left_s = None
            self.readings += 1

    def tick(self, dt: float) -> None:
        """Let `dt` seconds pass."""
        if self._left_s is not None:
            self._left_s -= dt
