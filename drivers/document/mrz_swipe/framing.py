"""What every framing of a swipe reader has in common: what comes of it, and the shapes a zone may have.

No message here ever quotes what was read: the zone is personal data and opens the chip. Not here: waiting (driver).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

MOST_BYTES = 256
"""No zone with its frame is longer: 2 lines of 44 or 3 of 30."""
SHAPES = ((3, 30), (2, 36), (2, 44))
_LINE = re.compile(rb"[A-Z0-9<]+")


@dataclass(frozen=True, slots=True)
class ZoneRead:
    """A whole zone: lines as printed. They do not show when it is printed."""

    lines: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something was read and is no zone; `problem` says why, without quoting it."""

    problem: str


Event = ZoneRead | Flaw


class Framing(Protocol):
    """The host end of a reader's protocol, free of input, output and time.

    `name` says which. `ask_again_s` is how often `begin` goes out anew while nothing comes; None when once is enough.
    """

    name: str
    ask_again_s: float | None

    @property
    def noise(self) -> int:
        """Bytes outside of any frame so far."""
        ...

    def begin(self) -> bytes:
        """What makes the reader read the next document; empty for one that reads by itself."""
        ...

    def end(self) -> bytes:
        """What makes it stop."""
        ...

    def reset(self) -> None:
        """Forget what has come so far."""
        ...

    def receive(self, data: bytes) -> list[Event]:
        """Feed what came; what is whole now, in order."""
        ...

    def silence(self) -> Event | None:
        """The line fell silent inside a frame: what that makes of it."""
        ...

    @property
    def pending(self) -> bool:
        """True while part of a frame is in hand."""
        ...


def zone_of(lines: Sequence[bytes]) -> Event:
    """The zone these lines are, or what is wrong with them."""
    if not lines:
        return Flaw("nothing was read")
    if not all(_LINE.fullmatch(line) for line in lines):
        return Flaw("there are characters that no zone has")
    if (len(lines), len(lines[0])) not in SHAPES or len({len(line) for line in lines}) != 1:
        lengths = ", ".join(str(len(line)) for line in lines[:4])
        return Flaw(f"{len(lines)} line(s) of {lengths} characters are no zone")
    return ZoneRead(tuple(line.decode("ascii") for line in lines))
