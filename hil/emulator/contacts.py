"""The working contacts of a board's relays: they follow their coils until they weld or break.

Mixed into the emulators of relay boards. Not here: what energises a coil, and mirror contacts (each board's inputs).
"""

import threading


class WorkingContacts:
    """Safe to use from two threads (the line's and the rig's)."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._welded: set[int] = set()
        self._open_circuit: set[int] = set()

    def coil(self, relay: int) -> bool:
        """What the firmware believes of a relay."""
        raise NotImplementedError

    def contact(self, relay: int) -> bool:
        """Whether the working contact is really closed: this is what moves a door."""
        with self._lock:
            return relay in self._welded or (self.coil(relay) and relay not in self._open_circuit)

    def weld(self, relay: int) -> None:
        """From now on the working contact stays closed."""
        with self._lock:
            self._welded.add(relay)

    def break_coil(self, relay: int) -> None:
        """From now on the coil has no effect."""
        with self._lock:
            self._open_circuit.add(relay)

    def repair(self) -> None:
        """Replace all broken relays."""
        with self._lock:
            self._welded.clear()
            self._open_circuit.clear()
