"""A Devantech USB-RLY board at the wire. There is no driver: it shows why (drivers/gate/bench.py).

Written from public code; no real board has been compared with it. Safe to use from two threads.
"""

import threading
import time
from collections.abc import Callable

from drivers.gate.devantech import protocol
from drivers.gate.devantech.protocol import Command, DevantechDevice, Pulse, Read, SetMask, Switch
from hil.emulator.lcus import LatchingRelays


class DevantechBoard:
    """`pulses`: whether the model knows 5E. Time is `monotonic`, in seconds."""

    def __init__(
        self,
        *,
        module: int = protocol.MODULE_RLY16,
        version: int = 1,
        serial_number: bytes = b"00001234",
        pulses: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bank = LatchingRelays(protocol.RELAYS)
        self._answers = {protocol.SERIAL: serial_number, protocol.VERSION: bytes((module, version))}
        self._pulses = pulses
        self._monotonic = monotonic
        self._off_at: dict[int, float] = {}
        self._device = DevantechDevice(pulses=pulses)
        self._lock = threading.RLock()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            self.states()
            return b"".join(self._carry_out(command) for command in self._device.receive(data))

    def states(self) -> int:
        """What the firmware believes, bit 0 is relay 1."""
        with self._lock:
            for relay, at in list(self._off_at.items()):
                if at <= self._monotonic():
                    self._switch(relay, False)
            return sum(on << relay for relay, on in enumerate(self.bank.coils()))

    def _switch(self, relay: int, on: bool) -> None:
        self._off_at.pop(relay, None)
        self.bank.switch(relay, on)

    def _carry_out(self, command: Command) -> bytes:
        match command:
            case SetMask(mask=mask):
                for relay in range(protocol.RELAYS):
                    self._switch(relay, bool(mask >> relay & 1))
            case Switch(relay=relay, on=on):
                self._switch(relay - 1, on)
            case Pulse(relay=relay, hundredths=hundredths):
                self._switch(relay - 1, True)
                self._off_at[relay - 1] = self._monotonic() + hundredths / 100
            case Read(what=protocol.STATES):
                return bytes((self.states(),))
            case Read(what=what):
                return self._answers[what]
        return b""

    def reboot(self) -> None:
        """Power off and on: all relays off, receive buffer empty."""
        with self._lock:
            self._off_at.clear()
            self.bank.reboot()
            self._device = DevantechDevice(pulses=self._pulses)
