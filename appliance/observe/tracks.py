"""Follows faces from picture to picture by overlap, and says once per face that its lower half is covered. Pure.

A face that is lost for a while and comes back is a new one, with an alert of its own: nobody is recognised here.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from appliance.face.geometry import Box, overlap

SAME_FACE = 0.2
"""Intersection over union from which a face is the one of the picture before; people walk at five pictures a second."""
MOST_FACES = 16
"""Faces judged in one picture, the largest first: a wall of faces must not hold up the watch."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A face in one picture. `covered` is None when nothing can be said; `score` is the detector's own, 0 to 1."""

    box: Box
    covered: bool | None
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Votes:
    """How many of the last pictures must show a covered face, and how long a face may be out of sight, s."""

    hits: int = 5
    of: int = 8
    gone_s: float = 1.5


@dataclass(frozen=True, slots=True)
class Raised:
    """A face is covered in enough pictures; `score` is the mean of those that say so."""

    track: int
    box: Box
    score: float
    hits: int
    of: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A face that was `Raised` is out of sight."""

    track: int


@dataclass(slots=True)
class _Track:
    number: int
    box: Box
    seen_at: float
    votes: deque[tuple[bool, float]]
    raised: bool = False


class Tracks:
    """The faces of one camera."""

    def __init__(self, rule: Votes) -> None:
        self.rule = rule
        self._open: list[_Track] = []
        self._numbers = count(1)

    def step(self, now: float, faces: Sequence[Seen]) -> list[Raised | Ended]:
        """The faces of the next picture, the largest first; `now` in monotonic seconds."""
        told: list[Raised | Ended] = []
        for track, face in self._matched(now, faces[:MOST_FACES]):
            track.box, track.seen_at = face.box, now
            if face.covered is not None:
                track.votes.append((face.covered, face.score))
            scores = [score for covered, score in track.votes if covered]
            if not track.raised and len(scores) >= self.rule.hits:
                track.raised = True
                told.append(
                    Raised(track.number, face.box, sum(scores) / len(scores), len(scores), len(track.votes)),
                )
        return told + self._let_go(now - self.rule.gone_s)

    def end(self) -> list[Ended]:
        """Nothing can be seen any more."""
        return self._let_go(float("inf"))

    def _let_go(self, before: float) -> list[Ended]:
        gone = [track for track in self._open if track.seen_at < before]
        self._open = [track for track in self._open if track.seen_at >= before]
        return [Ended(track.number) for track in gone if track.raised]

    def _matched(self, now: float, faces: Sequence[Seen]) -> list[tuple[_Track, Seen]]:
        """Every face with its track, the nearest first; whoever is new gets one."""
        pairs = [
            (overlap(track.box, face.box), t, f) for t, track in enumerate(self._open) for f, face in enumerate(faces)
        ]
        found: dict[int, _Track] = {}
        taken: set[int] = set()
        for shared, t, f in sorted(pairs, reverse=True):
            if shared >= SAME_FACE and t not in taken and f not in found:
                taken.add(t)
                found[f] = self._open[t]
        for f, face in enumerate(faces):
            if f not in found:
                found[f] = _Track(next(self._numbers), face.box, now, deque(maxlen=self.rule.of))
                self._open.append(found[f])
        return [(found[f], face) for f, face in enumerate(faces)]
