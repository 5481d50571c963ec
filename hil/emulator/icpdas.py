"""An ICP DAS M-7000 module at the wire: relays, inputs, safe values, host watchdog, reset flag, faults.

Written from address tables, see drivers/gate/icpdas/protocol.py; no real module has been compared with it. What no
source tells (does a request feed the watchdog, does silence trip it, is a store refused) can be set either way.
Safe to use from two threads. Not here: doors and people.
"""

import time
from collections.abc import Callable, Mapping

from drivers.gate import coils
from drivers.gate.icpdas import protocol
from drivers.gate.icpdas.protocol import M_7060, Addresses, Module
from drivers.modbus.frames import ILLEGAL_ADDRESS, ILLEGAL_VALUE, Function, Read, Request, WriteMultiple, WriteSingle
from drivers.modbus.server import ModelRefusal
from hil.emulator.watched_module import WatchedModule


class IcpDasModule(WatchedModule):
    """`stuck` are coils or registers that acknowledge a write and keep their value. `has_mode`: 00260 exists."""

    def __init__(
        self,
        *,
        unit: int = 1,
        baudrate: int = 9600,
        module: Module = M_7060,
        addresses: Addresses | None = None,
        name: tuple[int, int] | None = None,
        mirrors: Mapping[int, int] | None = None,
        fed_by_requests: bool = True,
        trips: bool = True,
        stuck: frozenset[int] = frozenset(),
        has_mode: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stuck = stuck
        self._module = module
        self._addresses = addresses or Addresses()
        self._name = name or (module.name & 0xFFFF, module.name >> 16)
        self._bits = dict.fromkeys(self._bit_addresses(has_mode), False)
        self._bits[protocol.RESET_SINCE_READ] = True
        self._watchdog_tenths = 0
        super().__init__(
            unit=unit,
            baudrate=baudrate,
            inputs=module.inputs,
            mirrors={2: 0, 3: 1} if mirrors is None else mirrors,
            fed_by_requests=fed_by_requests,
            trips=trips,
            monotonic=monotonic,
        )

    def _bit_addresses(self, has_mode: bool) -> list[int]:
        flags = [protocol.WATCHDOG_ENABLE, protocol.WATCHDOG_TIMED_OUT, protocol.RESET_SINCE_READ]
        blocks = (0, protocol.SAFE_VALUE, self._addresses.power_on)
        relays = [base + relay for base in blocks for relay in range(self._module.relays)]
        return flags + relays + ([protocol.WATCHDOG_MODE] if has_mode else [])

    # --- the watchdog ---------------------------------------------------------------------------------------

    def _timeout_s(self) -> float | None:
        return self._watchdog_tenths * protocol.WATCHDOG_STEP_S if self._bits[protocol.WATCHDOG_ENABLE] else None

    def _trip(self) -> None:
        if not self._bits[protocol.WATCHDOG_TIMED_OUT]:
            for relay in range(self._module.relays):
                self._bits[relay] = self._bits[protocol.SAFE_VALUE + relay]
        self._bits[protocol.WATCHDOG_TIMED_OUT] = True

    def _has_tripped(self) -> bool:
        return self._bits[protocol.WATCHDOG_TIMED_OUT]

    # --- what the rig sees and does -------------------------------------------------------------------------

    def bit(self, address: int) -> bool:
        """A coil or flag, without the side effect of reading it over the line."""
        with self._lock:
            self._tick()
            return self._bits[address]

    def set_bit(self, address: int, value: bool) -> None:
        """Change a coil or flag behind the controller's back."""
        with self._lock:
            self._bits[address] = value

    def coil(self, relay: int) -> bool:
        """What the firmware believes of a relay."""
        return self.bit(relay)

    def reboot(self) -> None:
        """Brown-out: relays to their power-on values, reset flag set, settings kept."""
        with self._lock:
            for relay in range(self._module.relays):
                self._bits[relay] = self._bits[self._addresses.power_on + relay]
            self._bits[protocol.RESET_SINCE_READ] = True
            self._bits[protocol.WATCHDOG_TIMED_OUT] = False
            self._feed()

    # --- what the Modbus server asks ------------------------------------------------------------------------

    def read(self, request: Read) -> tuple[int, ...]:
        """Values of a read. Raises ModelRefusal."""
        span = range(request.address, request.address + request.count)
        if request.function is Function.READ_COILS:
            return tuple(self._read_bit(number) for number in span)
        if request.function is Function.READ_DISCRETE_INPUTS:
            return tuple(self._read_input(number - self._addresses.inputs) for number in span)
        if request.function is Function.READ_HOLDING_REGISTERS:
            return tuple(self._read_register(number) for number in span)
        raise ModelRefusal(ILLEGAL_ADDRESS)

    def _read_bit(self, address: int) -> int:
        if address not in self._bits:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        value = self._bits[address]
        if address == protocol.RESET_SINCE_READ:
            self._bits[address] = False
        return int(value)

    def _read_register(self, address: int) -> int:
        registers = {
            protocol.FIRMWARE: 0x0105,
            protocol.FIRMWARE + 1: 0x00B1,
            protocol.MODULE_NAME: self._name[0],
            protocol.MODULE_NAME + 1: self._name[1],
            self._addresses.watchdog_time: self._watchdog_tenths,
        }
        if address not in registers:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        return registers[address]

    def write(self, request: Request) -> None:
        """Carry a write out. Raises ModelRefusal."""
        self.writes.append(request)
        if isinstance(request, WriteMultiple) and request.function is Function.WRITE_COILS:
            for address, value in enumerate(request.values, request.address):
                self._write_bit(address, bool(value))
        elif isinstance(request, WriteSingle) and request.function is Function.WRITE_COIL:
            if request.value not in (coils.COIL_ON, coils.COIL_OFF):
                raise ModelRefusal(ILLEGAL_VALUE)
            self._write_bit(request.address, request.value == coils.COIL_ON)
        elif isinstance(request, WriteSingle) and request.address == self._addresses.watchdog_time:
            if request.value > protocol.LONGEST_WATCHDOG:
                raise ModelRefusal(ILLEGAL_VALUE)
            if request.address not in self.stuck:
                self._watchdog_tenths = request.value
        else:
            raise ModelRefusal(ILLEGAL_ADDRESS)

    def _write_bit(self, address: int, value: bool) -> None:
        if address not in self._bits or address == protocol.RESET_SINCE_READ:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        ignored = address < self._module.relays and self._bits[protocol.WATCHDOG_TIMED_OUT]
        if address in self.stuck or ignored:
            return
        if address == protocol.WATCHDOG_TIMED_OUT:
            # Writing 1 clears it and lets the watchdog run afresh.
            self._bits[address] = False if value else self._bits[address]
            self._feed()
        else:
            if address == protocol.WATCHDOG_ENABLE and value:
                self._feed()
            self._bits[address] = value
