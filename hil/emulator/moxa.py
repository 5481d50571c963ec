"""A Moxa ioLogik R1214 at the wire: relays, inputs, safe values, host watchdog in seconds, faults.

Written from the manual, see drivers/gate/moxa/protocol.py; no real module has been compared with it. What no source
tells (does a request feed the watchdog, is a store refused, does a restart keep the watchdog's settings, the byte order
of texts) can be set either way. Safe to use from two threads. Not here: doors and people.
"""

import time
from collections.abc import Callable, Mapping

from drivers.gate.coils import COIL_OFF, COIL_ON
from drivers.gate.moxa import protocol
from drivers.gate.moxa.protocol import LAYOUT
from drivers.modbus.frames import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Function, Read, Request, WriteMultiple, WriteSingle
from drivers.modbus.server import ModelRefusal
from hil.emulator.watched_module import WatchedModule

_COILS = (LAYOUT.relays_at, protocol.POWER_ON, protocol.PULSE, protocol.PULSE_POWER_ON, protocol.PULSE_SAFE)
_FACTORY_FILTER = 1000
_FACTORY_SECONDS = 10


class MoxaModule(WatchedModule):
    """As delivered: watchdog off and 10 s, filters 100 ms, relays held at a trip.

    `stuck` are coils or registers that acknowledge a write and keep their value. `lag_s`: how much later than its time
    the watchdog trips. `swapped`: texts with the low byte first. `keeps_watchdog`: a restart keeps its settings.
    """

    def __init__(
        self,
        *,
        unit: int = 1,
        baudrate: int = 9600,
        name: str = "ioLogik R1214",
        swapped: bool = False,
        mirrors: Mapping[int, int] | None = None,
        fed_by_requests: bool = True,
        trips: bool = True,
        lag_s: float = 0.0,
        stuck: frozenset[int] = frozenset(),
        keeps_watchdog: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stuck = stuck
        self.keeps_watchdog = keeps_watchdog
        self._lag_s = lag_s
        self._bits = dict.fromkeys((base + relay for base in _COILS for relay in range(LAYOUT.relays)), False)
        self._registers = self._as_delivered()
        self._system = _system(name, "little" if swapped else "big")
        super().__init__(
            unit=unit,
            baudrate=baudrate,
            inputs=LAYOUT.inputs,
            mirrors={4: 0, 5: 1} if mirrors is None else mirrors,
            fed_by_requests=fed_by_requests,
            trips=trips,
            monotonic=monotonic,
        )

    def _as_delivered(self) -> dict[int, int]:
        registers = {protocol.INPUT_MODE + number: protocol.MODE_INPUT for number in range(LAYOUT.inputs)}
        registers |= {protocol.INPUT_FILTER + number: _FACTORY_FILTER for number in range(LAYOUT.inputs)}
        registers |= {protocol.SAFE_MODE + relay: protocol.SAFE_HOLD for relay in range(LAYOUT.relays)}
        return registers | {
            protocol.WATCHDOG_ENABLE: 0,
            protocol.WATCHDOG_SECONDS: _FACTORY_SECONDS,
            protocol.WATCHDOG_STATUS: protocol.NORMAL,
        }

    # --- the watchdog ---------------------------------------------------------------------------------------

    def _timeout_s(self) -> float | None:
        if self._registers[protocol.WATCHDOG_ENABLE] != protocol.ENABLED:
            return None
        return self._registers[protocol.WATCHDOG_SECONDS] + self._lag_s

    def _trip(self) -> None:
        if self._has_tripped():
            return
        for relay in range(LAYOUT.relays):
            safe = self._registers[protocol.SAFE_MODE + relay]
            if safe != protocol.SAFE_HOLD:
                self._bits[LAYOUT.relays_at + relay] = safe == protocol.SAFE_ON
        self._registers[protocol.WATCHDOG_STATUS] = protocol.TIMED_OUT

    def _has_tripped(self) -> bool:
        return self._registers[protocol.WATCHDOG_STATUS] == protocol.TIMED_OUT

    # --- what the rig sees and does -------------------------------------------------------------------------

    def coil(self, relay: int) -> bool:
        """What the firmware believes of a relay."""
        return self.bit(LAYOUT.relays_at + relay)

    def bit(self, address: int) -> bool:
        """A coil, as it is now."""
        with self._lock:
            self._tick()
            return self._bits[address]

    def set_bit(self, address: int, value: bool) -> None:
        """Change a coil behind the controller's back."""
        with self._lock:
            self._bits[address] = value

    def register(self, address: int) -> int:
        """A holding register, as it is now."""
        with self._lock:
            self._tick()
            return self._registers[address]

    def set_register(self, address: int, value: int) -> None:
        """Change a holding register behind the controller's back."""
        with self._lock:
            self._registers[address] = value

    def reboot(self) -> None:
        """Brown-out: relays to their power-on values; nothing tells of it."""
        with self._lock:
            for relay in range(LAYOUT.relays):
                self._bits[LAYOUT.relays_at + relay] = self._bits[protocol.POWER_ON + relay]
            self._registers[protocol.WATCHDOG_STATUS] = protocol.NORMAL
            if not self.keeps_watchdog:
                self._registers[protocol.WATCHDOG_ENABLE] = 0
            self._feed()

    # --- what the Modbus server asks ------------------------------------------------------------------------

    def read(self, request: Read) -> tuple[int, ...]:
        """Values of a read. Raises ModelRefusal."""
        span = range(request.address, request.address + request.count)
        if request.function is Function.READ_DISCRETE_INPUTS:
            return tuple(self._read_input(number - LAYOUT.inputs_at) for number in span)
        tables: dict[Function, Mapping[int, int]] = {
            Function.READ_COILS: self._bits,
            Function.READ_HOLDING_REGISTERS: self._registers,
            Function.READ_INPUT_REGISTERS: self._system,
        }
        table = tables[request.function]
        if any(address not in table for address in span):
            raise ModelRefusal(ILLEGAL_ADDRESS)
        return tuple(int(table[address]) for address in span)

    def write(self, request: Request) -> None:
        """Carry a write out. Raises ModelRefusal."""
        self.writes.append(request)
        if isinstance(request, WriteSingle):
            values: tuple[int, ...] = (request.value,)
            if request.function is Function.WRITE_COIL:
                if request.value not in (COIL_ON, COIL_OFF):
                    raise ModelRefusal(ILLEGAL_VALUE)
                values = (int(request.value == COIL_ON),)
        elif isinstance(request, WriteMultiple):
            values = request.values
        else:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        bits = request.function in (Function.WRITE_COIL, Function.WRITE_COILS)
        for address, value in enumerate(values, request.address):
            self._store(address, value, bits=bits)

    def _store(self, address: int, value: int, *, bits: bool) -> None:
        if address not in (self._bits if bits else self._registers):
            raise ModelRefusal(ILLEGAL_ADDRESS)
        relays = range(LAYOUT.relays_at, LAYOUT.relays_at + LAYOUT.relays)
        # In safe status the outputs take no command until it is cleared.
        if address in self.stuck or (bits and address in relays and self._has_tripped()):
            return
        if bits:
            self._bits[address] = bool(value)
            return
        self._registers[address] = value
        if address in (protocol.WATCHDOG_ENABLE, protocol.WATCHDOG_STATUS):
            self._feed()


def _system(name: str, order: str) -> dict[int, int]:
    """Input registers: texts, and numbers that are made up."""
    registers = {protocol.MODEL[0]: 0x1214, protocol.FIRMWARE[0]: 0x0304, protocol.FIRMWARE[0] + 1: 0x0000}
    for (address, words), text in ((protocol.NAME, name), (protocol.SERIAL, "TAIAB1234567")):
        data = text.encode("ascii").ljust(2 * words, b"\0")[: 2 * words]
        for word in range(words):
            pair = data[2 * word : 2 * word + 2]
            registers[address + word] = int.from_bytes(pair if order == "big" else pair[::-1], "big")
    return registers
