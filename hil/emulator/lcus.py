"""An LCUS relay board at the wire: latching relays, a status answer in either form, deafness after a command, faults.

Written from public driver code; no real board has been compared with it. `LatchingRelays` is what this and the other
bench boards have behind their bytes. Safe to use from two threads. Not here: doors and people.
"""

import threading
import time
from collections.abc import Callable

from drivers.gate.lcus.protocol import ALL_CHANNELS, LcusDevice, StatusForm, Switch, encode_command, encode_status
from hil.emulator.contacts import WorkingContacts


class LatchingRelays(WorkingContacts):
    """Relays that keep their state until told otherwise, whoever has died. Numbers from 0."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._coils = [False] * count

    @property
    def relays(self) -> int:
        """Number of relays."""
        return len(self._coils)

    def switch(self, relay: int, on: bool) -> None:
        """What the firmware does on a command."""
        with self._lock:
            self._coils[relay] = on

    def coil(self, relay: int) -> bool:
        """What the firmware believes of a relay."""
        with self._lock:
            return self._coils[relay]

    def coils(self) -> tuple[bool, ...]:
        """What the firmware believes of all relays."""
        with self._lock:
            return tuple(self._coils)

    def reboot(self) -> None:
        """Power off and on: all relays off."""
        with self._lock:
            self._coils = [False] * len(self._coils)


class LcusBoard:
    """`busy_s`: seconds for which the board hears nothing after a command. `deaf`: channels (from 1) it ignores.

    `frames` are the commands it has heard, as bytes, the queries left out.
    """

    def __init__(
        self,
        *,
        relays: int = 2,
        form: StatusForm = StatusForm.RAW,
        all_channels: bool = False,
        busy_s: float = 0.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bank = LatchingRelays(relays)
        self.deaf: set[int] = set()
        self.frames: list[bytes] = []
        self._form = form
        self._all_channels = all_channels
        self._busy_s = busy_s
        self._monotonic = monotonic
        self._busy_until = float("-inf")
        self._device = LcusDevice(relays, all_channels=all_channels)
        self._lock = threading.Lock()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            sent = b""
            for byte in data:
                if self._monotonic() < self._busy_until:
                    continue
                for command in self._device.receive(bytes((byte,))):
                    if isinstance(command, Switch):
                        self._switch(command)
                    else:
                        sent += encode_status(self._form, self.bank.coils())
            return sent

    def _switch(self, command: Switch) -> None:
        self._busy_until = self._monotonic() + self._busy_s
        self.frames.append(encode_command(command))
        every = range(1, self.bank.relays + 1)
        for channel in every if command.channel == ALL_CHANNELS else (command.channel,):
            if channel not in self.deaf:
                self.bank.switch(channel - 1, command.on)

    def reboot(self) -> None:
        """Brown-out: all relays off, receive buffer empty."""
        with self._lock:
            self.bank.reboot()
            self._device = LcusDevice(self.bank.relays, all_channels=self._all_channels)
