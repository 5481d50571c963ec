"""An R421A08 relay board at the wire: eight relays in registers 1 to 8, delays in whole seconds, faults.

Written from public code, see drivers/gate/r421a08/protocol.py; no real board has been compared with it. How a real one
answers a function it does not know is not documented: here it refuses. Safe to use from two threads.
"""

import threading
import time
from collections.abc import Callable

from drivers.gate.r421a08 import protocol
from drivers.modbus.client import frame_silence_s
from drivers.modbus.frames import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Function, Read, Request, WriteSingle
from drivers.modbus.server import ModbusServer, ModelRefusal

_FOREVER, _OFF = float("inf"), float("-inf")
_MOMENTARY_S = 1.0


class R421A08:
    """Time is `monotonic`, in seconds. `first` is a value other than 0 and 1 that register 1 shall show."""

    def __init__(
        self, *, unit: int = 1, first: int | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.writes: list[Request] = []
        self._first = first
        self._monotonic = monotonic
        self._on_until = [_OFF] * protocol.RELAYS
        self._last_byte = _OFF
        self._server = ModbusServer(unit, self, frame_silence_s(protocol.BAUDRATE))
        self._lock = threading.RLock()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            now = self._monotonic()
            quiet, self._last_byte = now - self._last_byte, now
            return self._server.receive(data, quiet)

    def coil(self, relay: int) -> bool:
        """Whether a relay is energised."""
        with self._lock:
            return self._on_until[relay] > self._monotonic()

    def switch(self, relay: int, on: bool) -> None:
        """Behind the controller's back."""
        with self._lock:
            self._on_until[relay] = _FOREVER if on else _OFF

    def read(self, request: Read) -> tuple[int, ...]:
        """Values of a read. Raises ModelRefusal."""
        if request.function is not Function.READ_HOLDING_REGISTERS:
            raise ModelRefusal(ILLEGAL_FUNCTION)
        numbers = range(request.address - protocol.FIRST, request.address - protocol.FIRST + request.count)
        if numbers.start < 0 or numbers.stop > protocol.RELAYS:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        values = [int(self.coil(number)) for number in numbers]
        if self._first is not None and 0 in numbers:
            values[0] = self._first
        return tuple(values)

    def write(self, request: Request) -> None:
        """Carry a write out. Raises ModelRefusal."""
        self.writes.append(request)
        if not isinstance(request, WriteSingle) or request.function is not Function.WRITE_REGISTER:
            raise ModelRefusal(ILLEGAL_FUNCTION)
        relay, command, seconds = request.address - protocol.FIRST, request.value >> 8, request.value & 0xFF
        if not 0 <= relay < protocol.RELAYS:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        match command:
            case protocol.ON:
                self.switch(relay, True)
            case protocol.OFF:
                self.switch(relay, False)
            case protocol.TOGGLE:
                self.switch(relay, not self.coil(relay))
            case protocol.LATCH:
                for number in range(protocol.RELAYS):
                    self.switch(number, number == relay)
            case protocol.MOMENTARY:
                self._on_until[relay] = self._monotonic() + _MOMENTARY_S
            case protocol.DELAY:
                self._on_until[relay] = self._monotonic() + seconds
            case _:
                raise ModelRefusal(ILLEGAL_VALUE)
