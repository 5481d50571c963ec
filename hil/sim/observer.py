"""A second observer, independent of the appliance: what the relays really did and what the doors really allowed.

It sits on the relay board's terminals, keeps a log of every contact that closed or opened, and passes bytes through.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from drivers.ports import Door
from hil.emulator.waveshare import WaveshareBoard
from hil.sim.gate import Gate


@dataclass(frozen=True, slots=True)
class ContactMoved:
    """A working contact closed or opened, seconds of the monotonic clock."""

    relay: int
    closed: bool
    at: float


class Observer:
    """The relay board with a log. Bytes come from the line's thread, everything else from the rig's."""

    def __init__(self, board: WaveshareBoard, monotonic: Callable[[], float]) -> None:
        self.board = board
        self.both_unlocked = 0
        self.doors_opened = dict.fromkeys(Door, 0)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._log: list[ContactMoved] = []
        self._last = [False] * 8
        self._was_closed = dict.fromkeys(Door, True)

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out; what they did to the contacts is noted at once."""
        with self._lock:
            self._sample()
            reply = self.board.handle(data)
            self._sample()
            return reply

    def _sample(self) -> None:
        for relay, before in enumerate(self._last):
            now = self.board.contact(relay)
            if now != before:
                self._last[relay] = now
                self._log.append(ContactMoved(relay, now, self._monotonic()))

    def contact(self, relay: int) -> bool:
        """Whether a working contact is closed now."""
        with self._lock:
            self._sample()
            return self._last[relay]

    def closings(self, relay: int) -> int:
        """How often a working contact has closed since the start."""
        with self._lock:
            return sum(moved.relay == relay and moved.closed for moved in self._log)

    def set_input(self, number: int, active: bool) -> None:
        """Drive a digital input of the board."""
        self.board.set_input(number, active)

    def log(self) -> tuple[ContactMoved, ...]:
        """Everything so far, oldest first."""
        with self._lock:
            return tuple(self._log)

    def watch(self, gate: Gate) -> None:
        """After each tick: count doors that opened, and every tick in which more than one door was unlocked."""
        # An emergency unlocks all doors by wire, as it must; that is no breach of the interlock.
        if not gate.emergency and sum(gate.unlocked(door) for door in gate.doors) > 1:
            self.both_unlocked += 1
        for door in gate.doors:
            closed = gate.leaf(door).closed
            self.doors_opened[door] += self._was_closed[door] and not closed
            self._was_closed[door] = closed
