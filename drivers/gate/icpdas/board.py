"""An ICP DAS M-7000 module on a Modbus line, with its host watchdog armed and proved.

The module times no pulse. The host switches the relay off; when the host dies or stops reading, the module's host
watchdog does, at most `watchdog_s` after the last request. Not here: that order of things (host_timed), which relay is
which door (dry_contact).
"""

import asyncio
import time
from collections.abc import Callable

from drivers.errors import DeviceRefused, IdentityMismatch, RemoteProtocolError
from drivers.gate import coils
from drivers.gate.host_timed import HostTimedBoard, Layout, Watchdog
from drivers.gate.icpdas import protocol
from drivers.gate.icpdas.protocol import M_7060, Addresses, Module
from drivers.gate.owed import Sleep
from drivers.modbus.frames import ILLEGAL_ADDRESS, Refusal
from drivers.modbus_unit import ModbusUnit, Spacers, on_serial_port
from drivers.ports import DeviceIdentity

SHORTEST_WATCHDOG_S = 0.8
LONGEST_WATCHDOG_S = 5.0
_PROOF_SHARE = 1.5


class IcpDasBoard(HostTimedBoard):
    """`watchdog_s` (0.8 to 5, steps of 0.1): how long a relay outlives its host. Read at least three times within it.

    With `prove_watchdog` the first `all_off` takes three times `watchdog_s`.
    """

    def __init__(
        self,
        unit: ModbusUnit,
        *,
        module: Module = M_7060,
        addresses: Addresses | None = None,
        watchdog_s: float = 1.0,
        prove_watchdog: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if not SHORTEST_WATCHDOG_S <= watchdog_s <= LONGEST_WATCHDOG_S:
            raise ValueError(f"watchdog_s is {SHORTEST_WATCHDOG_S} to {LONGEST_WATCHDOG_S}, not {watchdog_s}")
        self.restarted_before_open: bool | None = None
        self._module = module
        self._addresses = addresses or Addresses()
        self._watchdog_tenths = int(watchdog_s / protocol.WATCHDOG_STEP_S + 1e-6)
        timeout_s = self._watchdog_tenths * protocol.WATCHDOG_STEP_S
        super().__init__(
            unit,
            _layout(module, self._addresses),
            Watchdog(timeout_s, trips_within_s=_PROOF_SHARE * timeout_s),
            prove_watchdog=prove_watchdog,
            monotonic=monotonic,
            sleep=sleep,
        )

    async def _identify(self) -> DeviceIdentity:
        """Module name and firmware. Raises IdentityMismatch when another module, or another protocol, answers."""
        device, number = self._unit.device, self._unit.number
        try:
            words = await self._unit.read(coils.read_registers(number, protocol.MODULE_NAME, 2))
        except RemoteProtocolError as error:
            raise IdentityMismatch(device, f"no M-7000 module at unit {number}: {error.message}") from error
        except DeviceRefused as error:
            raise IdentityMismatch(device, f"unit {number} has no module name (40483): {error.message}") from error
        wanted = protocol.names(self._module.name >> 16, self._module.name & 0xFFFF)
        if (words[0], words[1]) not in wanted:
            raise IdentityMismatch(
                device, f"unit {number} calls itself {words[0]:04X} {words[1]:04X}, not {self._module.model}"
            )
        low, high = await self._unit.read(coils.read_registers(number, protocol.FIRMWARE, 2))
        return DeviceIdentity(
            model=f"ICP DAS {self._module.model}",
            firmware=f"{high:04X}{low:04X}",
            serial_number=None,
            verified_on_hardware=False,
        )

    async def _prepare(self) -> None:
        self.restarted_before_open = await self._flag(protocol.RESET_SINCE_READ)
        await self._ensure_off(protocol.SAFE_VALUE, "safe values")
        await self._ensure_off(self._addresses.power_on, "power-on values")

    async def _arm(self) -> None:
        await self._ensure_mode()
        read_time = coils.read_registers(self._unit.number, self._addresses.watchdog_time)
        wanted = (self._watchdog_tenths,)
        enabled = await self._flag(protocol.WATCHDOG_ENABLE)
        if await self._unit.read(read_time, urgent=True) != wanted:
            if enabled:
                await self._unit.write(coils.write_coil(self._unit.number, protocol.WATCHDOG_ENABLE, False))
                enabled = False
            request = protocol.write_watchdog_time(
                self._unit.number, self._addresses.watchdog_time, self._watchdog_tenths
            )
            await self._unit.write(request)
            if (read := await self._unit.read(read_time, urgent=True)) != wanted:
                raise DeviceRefused(self._unit.device, f"the watchdog's time reads {read}, {wanted} was written")
        if not enabled:
            await self._unit.write(coils.write_coil(self._unit.number, protocol.WATCHDOG_ENABLE, True))
            if not await self._flag(protocol.WATCHDOG_ENABLE):
                raise DeviceRefused(self._unit.device, "the host watchdog cannot be enabled")

    async def _ensure_mode(self) -> None:
        """Mode 0: an output command must not clear a time-out. A module without this setting knows no other mode."""
        reply = await self._unit.ask(coils.read_coils(self._unit.number, protocol.WATCHDOG_MODE), urgent=True)
        if isinstance(reply, Refusal) and reply.code == ILLEGAL_ADDRESS:
            return
        if await self._flag(protocol.WATCHDOG_MODE):
            await self._unit.write(coils.write_coil(self._unit.number, protocol.WATCHDOG_MODE, False))
            if await self._flag(protocol.WATCHDOG_MODE):
                raise DeviceRefused(self._unit.device, "the watchdog stays in a mode where outputs clear its time-out")

    async def _timed_out(self) -> bool:
        return await self._flag(protocol.WATCHDOG_TIMED_OUT)

    async def _clear_time_out(self) -> None:
        await self._unit.write(coils.write_coil(self._unit.number, protocol.WATCHDOG_TIMED_OUT, True))
        if await self._timed_out():
            raise DeviceRefused(self._unit.device, "the watchdog's time-out cannot be cleared")

    async def _why_lost(self, *, urgent: bool) -> str | None:
        if await self._flag(protocol.WATCHDOG_TIMED_OUT, urgent=urgent):
            return "the host watchdog has tripped and put the relays off; open again"
        if await self._flag(protocol.RESET_SINCE_READ, urgent=urgent):
            return "the module has restarted since it was last read, look at its supply; open again"
        return None

    async def _flag(self, address: int, *, urgent: bool = True) -> bool:
        return (await self._unit.read(coils.read_coils(self._unit.number, address), urgent=urgent))[0] == 1


def _layout(module: Module, addresses: Addresses) -> Layout:
    return Layout(module.relays, module.inputs, relays_at=0, inputs_at=addresses.inputs)


def spacers(unit: int, module: Module = M_7060, addresses: Addresses | None = None) -> Spacers:
    """Reads that may stand between two requests of one form."""
    return _layout(module, addresses or Addresses()).spacers(unit)


def icpdas_board(
    device: str,
    port: str,
    *,
    baudrate: int = 9600,
    unit: int = 1,
    module: Module = M_7060,
    addresses: Addresses | None = None,
    watchdog_s: float = 1.0,
    prove_watchdog: bool = True,
) -> Callable[[], IcpDasBoard]:
    """What opens the port and gives a fresh board; nothing is sent by that. Raises PortBusy, Disconnected."""

    def make(at: ModbusUnit) -> IcpDasBoard:
        return IcpDasBoard(at, module=module, addresses=addresses, watchdog_s=watchdog_s, prove_watchdog=prove_watchdog)

    return on_serial_port(device, port, baudrate, make, unit=unit, spacers=spacers(unit, module, addresses))
