"""The Waveshare Modbus RTU Relay (D) at the wire: relays with timed pulses, inputs, mirror contacts, faults.

Written from the vendor's protocol text; no real board has been compared with it. Safe to use from two threads
(the line's and the rig's). Not here: doors and people (the rig sets inputs and reads contacts).
"""

import time
from collections.abc import Callable, Mapping

from drivers.gate.waveshare import protocol
from drivers.modbus.client import frame_silence_s
from drivers.modbus.frames import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Function, Read, Request, WriteMultiple, WriteSingle
from drivers.modbus.server import ModbusServer, ModelRefusal
from hil.emulator.contacts import WorkingContacts

_FOREVER = float("inf")
_OFF = float("-inf")


class WaveshareBoard(WorkingContacts):
    """`mirrors` maps an input to the relay whose normally-closed contact feeds it. Time is `monotonic`, in seconds."""

    def __init__(
        self,
        *,
        unit: int = 1,
        baudrate: int = 9600,
        version: int = 200,
        control_modes: tuple[int, ...] | None = (0,) * protocol.INPUTS,
        mirrors: Mapping[int, int] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._version = version
        self._control_modes = control_modes
        self._mirrors = dict({6: 0, 7: 1} if mirrors is None else mirrors)
        self._monotonic = monotonic
        self._on_until = [_OFF] * protocol.RELAYS
        self._inputs = [False] * protocol.INPUTS
        self._last_byte = _OFF
        self._server = ModbusServer(unit, self, frame_silence_s(baudrate))

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            now = self._monotonic()
            quiet, self._last_byte = now - self._last_byte, now
            return self._server.receive(data, quiet)

    # --- what the rig sees and does -------------------------------------------------------------------------

    def set_input(self, number: int, active: bool) -> None:
        """Drive an input. Raises ValueError for one that a mirror contact drives."""
        if number in self._mirrors:
            raise ValueError(f"input {number} is wired to the mirror contact of relay {self._mirrors[number]}")
        with self._lock:
            self._inputs[number] = active

    def coil(self, relay: int) -> bool:
        """What the firmware believes of a relay."""
        with self._lock:
            return self._on_until[relay] > self._monotonic()

    def reboot(self) -> None:
        """Brown-out: all relays off, running pulses forgotten, receive buffer empty."""
        with self._lock:
            self._on_until = [_OFF] * protocol.RELAYS
            self._server = ModbusServer(self._server.unit, self, self._server.frame_silence_s)

    # --- what the Modbus server asks ------------------------------------------------------------------------

    def read(self, request: Read) -> tuple[int, ...]:
        """Values of a read. Raises ModelRefusal."""
        span = range(request.address, request.address + request.count)
        if request.function is Function.READ_COILS and span.stop <= protocol.RELAYS:
            return tuple(int(self.coil(number)) for number in span)
        if request.function is Function.READ_DISCRETE_INPUTS and span.stop <= protocol.INPUTS:
            return tuple(int(self._input(number)) for number in span)
        if request.function is Function.READ_HOLDING_REGISTERS:
            return tuple(self._register(number) for number in span)
        raise ModelRefusal(ILLEGAL_ADDRESS)

    def _input(self, number: int) -> bool:
        if number in self._mirrors:
            return not self.contact(self._mirrors[number])
        return self._inputs[number]

    def _register(self, number: int) -> int:
        modes = self._control_modes
        if modes is not None and 0 <= number - protocol.CONTROL_MODE < len(modes):
            return modes[number - protocol.CONTROL_MODE]
        if number == protocol.UNIT_ADDRESS:
            return self._server.unit
        if number == protocol.VERSION:
            return self._version
        raise ModelRefusal(ILLEGAL_ADDRESS)

    def write(self, request: Request) -> None:
        """Carry a write out. Raises ModelRefusal."""
        if isinstance(request, WriteMultiple) and request.function is Function.WRITE_COILS:
            if request.address + len(request.values) > protocol.RELAYS:
                raise ModelRefusal(ILLEGAL_ADDRESS)
            for relay, value in enumerate(request.values, request.address):
                self._switch(relay, bool(value))
        elif isinstance(request, WriteSingle) and request.function is Function.WRITE_COIL:
            self._write_coil(request.address, request.value)
        else:
            raise ModelRefusal(ILLEGAL_ADDRESS)

    def _write_coil(self, address: int, value: int) -> None:
        if protocol.FLASH_ON <= address < protocol.FLASH_ON + protocol.RELAYS:
            self._flash(address - protocol.FLASH_ON, value)
            return
        if address == protocol.ALL_COILS:
            relays = range(protocol.RELAYS)
        elif address < protocol.RELAYS:
            relays = range(address, address + 1)
        else:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        if value not in (protocol.COIL_ON, protocol.COIL_OFF, protocol.COIL_TOGGLE):
            raise ModelRefusal(ILLEGAL_VALUE)
        for relay in relays:
            on = not self.coil(relay) if value == protocol.COIL_TOGGLE else value == protocol.COIL_ON
            self._switch(relay, on)

    def _switch(self, relay: int, on: bool) -> None:
        self._on_until[relay] = _FOREVER if on else _OFF

    def _flash(self, relay: int, tenths: int) -> None:
        if not 1 <= tenths <= protocol.LONGEST_FLASH:
            raise ModelRefusal(ILLEGAL_VALUE)
        self._on_until[relay] = self._monotonic() + tenths / 10
