"""A KMtronic relay board at the wire. There is no driver: it shows why (drivers/gate/bench.py).

Written from public code; no real board has been compared with it. Safe to use from two threads.
"""

import threading

from drivers.gate.kmtronic.protocol import RELAYS, KmtronicDevice, Switch, encode_reply
from hil.emulator.lcus import LatchingRelays


class KmtronicBoard:
    """Takes whatever fits three bytes and keeps it."""

    def __init__(self, *, relays: int = RELAYS) -> None:
        self.bank = LatchingRelays(relays)
        self._device = KmtronicDevice(relays)
        self._lock = threading.Lock()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            sent = b""
            for command in self._device.receive(data):
                if isinstance(command, Switch):
                    self.bank.switch(command.relay - 1, command.on)
                sent += encode_reply(command, self.bank.coils())
            return sent

    def reboot(self) -> None:
        """Power off and on: all relays off, receive buffer empty."""
        with self._lock:
            self.bank.reboot()
            self._device = KmtronicDevice(self.bank.relays)
