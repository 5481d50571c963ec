"""A traveller: lays the document down, enters, stands before the camera, goes where a door lets him.

A traveller knows what a traveller sees: the reader's light, and which door gives way. Written as a script that
yields once per tick. Not here: what the cameras see of him (rig), tailgating and force.
"""

import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drivers.ports import Door
from hil.sim.gate import Gate
from hil.sim.reader import DocumentPlate

Script = Iterator[None]

_JITTER = 0.2
_LAYS_AGAIN_S = 4.0


class Place(StrEnum):
    """Where the traveller is."""

    OUTSIDE = "outside"
    INSIDE = "inside"
    AT_CAMERA = "at_camera"
    THROUGH = "through"
    AWAY = "away"


GONE = (Place.THROUGH, Place.AWAY)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How somebody behaves; delays in seconds, varied by a fifth either way.

    `takes_document_s`: after the reader is done (or, with `pulls_document`, after laying it down, reading or not).
    `enters` False: walks away instead of going in. `leaves` False: stays inside although the exit gives way.
    `patience_s`: how long outside, waiting for anything to happen.
    """

    approaches_s: float = 0.4
    takes_document_s: float = 0.6
    pulls_document: bool = False
    reacts_s: float = 0.4
    walks_s: float = 0.5
    enters: bool = True
    leaves: bool = True
    patience_s: float = 120.0


class Traveller:
    """One person in the lane. `place` is what others may know; `tick` moves him."""

    def __init__(
        self,
        gate: Gate,
        plate: DocumentPlate,
        document: Path | None,
        behaviour: Behaviour,
        rng: random.Random,
    ) -> None:
        self.place = Place.OUTSIDE
        self._gate = gate
        self._plate = plate
        self._document = document
        self._behaviour = behaviour
        self._rng = rng
        self._dt = 0.0
        self._sent_away = False
        self._script = self._live()

    @property
    def gone(self) -> bool:
        """Left for good, one way or the other."""
        return self.place in GONE

    def send_away(self) -> None:
        """Asked to go: whoever is outside goes; whoever is inside cannot."""
        self._sent_away = True

    def tick(self, dt: float) -> None:
        """Let `dt` seconds pass."""
        self._dt = dt
        next(self._script, None)

    # --- the script: every yield is one tick ----------------------------------------------------------------

    def _live(self) -> Script:
        yield from self._pause(self._behaviour.approaches_s)
        if Door.ENTRY not in self._gate.doors and self._behaviour.enters:
            self.place = Place.AT_CAMERA
        yield from self._show_document()
        if Door.ENTRY in self._gate.doors:
            yield from self._come_in()
        if self.place is not Place.OUTSIDE:
            yield from self._go_out()
        self._take_document()
        self.place = Place.AWAY if self.place is not Place.THROUGH else self.place

    def _show_document(self) -> Script:
        if self._document is None:
            return
        if self._behaviour.pulls_document:
            self._plate.place(self._document)
        else:
            yield from self._have_it_read(self._document)
        waited = 0.0
        while waited < self._behaviour.takes_document_s and not self._sent_away:
            # A second attempt at reading keeps the hand away from the document.
            kept_away = self._plate.reading and not self._behaviour.pulls_document
            waited = 0.0 if kept_away else waited + self._dt
            yield
        self._take_document()

    def _have_it_read(self, document: Path) -> Script:
        """Lay it down; while nothing happens, lift it and lay it down again, as people do."""
        done = self._plate.readings
        laid_down = self._rng.uniform(1 - _JITTER, 1 + _JITTER) * _LAYS_AGAIN_S
        left = self._behaviour.patience_s
        while self._plate.readings == done and left > 0 and not self._sent_away:
            self._plate.place(document)
            end = left - laid_down
            while self._plate.readings == done and (left > end or self._plate.reading) and not self._sent_away:
                yield
                left -= self._dt
            if self._plate.readings == done:
                self._plate.remove()
                yield from self._pause(self._behaviour.reacts_s)

    def _take_document(self) -> None:
        if self._document is not None and self._plate.document == self._document:
            self._plate.remove()

    def _come_in(self) -> Script:
        while self.place is Place.OUTSIDE:
            came = yield from self._until(lambda: self._gate.unlocked(Door.ENTRY))
            if not came or not self._behaviour.enters:
                return
            yield from self._pause(self._behaviour.reacts_s)
            yield from self._walk_through(Door.ENTRY, Place.INSIDE)
        yield from self._pause(self._behaviour.walks_s)
        self.place = Place.AT_CAMERA

    def _go_out(self) -> Script:
        """Wait before the camera until a door gives way. Where both do (emergency), he goes back as he came."""
        while self.place is Place.AT_CAMERA:
            if self._sent_away and Door.ENTRY not in self._gate.doors:
                self.place = Place.OUTSIDE
            elif self._gate.unlocked(Door.ENTRY):
                yield from self._leave_by(Door.ENTRY, Place.OUTSIDE)
            elif self._gate.unlocked(Door.EXIT) and self._behaviour.leaves:
                yield from self._leave_by(Door.EXIT, Place.THROUGH)
            else:
                yield

    def _leave_by(self, door: Door, beyond: Place) -> Script:
        yield from self._pause(self._behaviour.reacts_s)
        yield from self._walk_through(door, beyond)

    def _walk_through(self, door: Door, beyond: Place) -> Script:
        """Push, step through, let go. A door that stays shut is left alone again."""
        leaf = self._gate.leaf(door)
        leaf.pushed = True
        while not leaf.wide_open:
            if leaf.locked and leaf.closed:
                leaf.pushed = False
                return
            yield
        yield from self._pause(self._behaviour.walks_s)
        self.place = beyond
        if beyond is Place.THROUGH:
            self._gate.count_passage()
        leaf.pushed = False

    def _pause(self, seconds: float) -> Script:
        left = seconds * self._rng.uniform(1 - _JITTER, 1 + _JITTER)
        while left > 0:
            yield
            left -= self._dt

    def _until(self, holds: Callable[[], bool]) -> Generator[None, None, bool]:
        """Wait outside; False when patience ends or he was sent away first."""
        left = self._behaviour.patience_s
        while not holds():
            if self._sent_away or left <= 0:
                return False
            yield
            left -= self._dt
        return True
