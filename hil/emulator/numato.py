"""A Numato USB relay module at the wire: latching relays, gpio pins, mirror contacts, faults.

Written from transcripts in public code; no real module has been compared with it. Safe to use from two threads.
Not here: doors and people (the rig sets pins and reads contacts).
"""

import threading
from collections.abc import Mapping

from drivers.gate.numato.protocol import NumatoServer
from hil.emulator.lcus import LatchingRelays


class NumatoModule:
    """`mirrors` maps a pin to the relay whose normally-closed contact feeds it.

    `knows_all`: whether it knows `relay readall` and `writeall`. `stuck`: relays that ignore a switching.
    """

    def __init__(
        self,
        *,
        relays: int = 8,
        pins: int = 8,
        version: str = "00000008",
        module_id: str = "DESK0001",
        knows_all: bool = True,
        mirrors: Mapping[int, int] | None = None,
    ) -> None:
        self.bank = LatchingRelays(relays)
        self.version = version
        self.module_id = module_id
        self.stuck: set[int] = set()
        self.heard: list[bytes] = []
        self._pins = [False] * pins
        self._mirrors = dict({6: 0, 7: 1} if mirrors is None else mirrors)
        self._knows_all = knows_all
        self._server = NumatoServer(self, knows_all=knows_all)
        self._lock = threading.RLock()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            self.heard.append(data)
            return self._server.receive(data)

    def set_pin(self, number: int, high: bool) -> None:
        """Drive a pin. Raises ValueError for one that a mirror contact drives."""
        if number in self._mirrors:
            raise ValueError(f"pin {number} is wired to the mirror contact of relay {self._mirrors[number]}")
        with self._lock:
            self._pins[number] = high

    def reboot(self) -> None:
        """Power off and on: all relays off, the line begun is forgotten."""
        with self._lock:
            self.bank.reboot()
            self._server = NumatoServer(self, knows_all=self._knows_all)

    # --- what the device end asks ---------------------------------------------------------------------------

    @property
    def relays(self) -> int:
        """Number of relays."""
        return self.bank.relays

    @property
    def pins(self) -> int:
        """Number of gpio pins."""
        return len(self._pins)

    def switch(self, relay: int, on: bool) -> None:
        """Switch a relay."""
        if relay not in self.stuck:
            self.bank.switch(relay, on)

    def relay(self, number: int) -> bool:
        """The state of a relay."""
        return self.bank.coil(number)

    def pin(self, number: int) -> bool:
        """The level of a pin."""
        if number in self._mirrors:
            return not self.bank.contact(self._mirrors[number])
        return self._pins[number]
