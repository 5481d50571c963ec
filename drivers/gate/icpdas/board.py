"""An ICP DAS M-7000 module on a Modbus line, with its host watchdog armed and proved.

The module times no pulse. The host switches the relay off; when the host dies or stops reading, the module's host
watchdog does, at most `watchdog_s` after the last request. Not here: which relay is which door (dry_contact).
"""

import asyncio
import time
from collections.abc import Callable

from drivers.errors import DeviceRefused, Disconnected, IdentityMismatch, NoResponse, RemoteProtocolError
from drivers.gate.icpdas import protocol
from drivers.gate.icpdas.protocol import M_7060, Addresses, Module
from drivers.gate.owed import OwedEnds, Sleep
from drivers.modbus.frames import ILLEGAL_ADDRESS, Refusal
from drivers.modbus_unit import ModbusUnit, Spacers, on_serial_port
from drivers.ports import DeviceIdentity

SHORTEST_WATCHDOG_S = 0.8
LONGEST_WATCHDOG_S = 5.0
_CHECK_EVERY_S = 0.5
_PROOF_SHARE = 1.5
_FEEDS_PER_TIMEOUT = 4


class IcpDasBoard:
    """`watchdog_s` (0.8 to 5, steps of 0.1): how long a relay outlives its host. Read at least three times within it.

    `prove_watchdog` lets the first `all_off` take three times `watchdog_s` to see that requests feed the watchdog and
    that silence trips it. Turn it off only where a commissioning test has shown both on this module.
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
        self.relays = module.relays
        self.inputs = module.inputs
        self.restarted_before_open: bool | None = None
        self.timed_out_before_open: bool | None = None
        self._unit = unit
        self._module = module
        self._addresses = addresses or Addresses()
        self._watchdog_tenths = int(watchdog_s / protocol.WATCHDOG_STEP_S + 1e-6)
        self._prove_watchdog = prove_watchdog
        self._monotonic = monotonic
        self._sleep = sleep
        self._identified = self._armed = False
        self._lost: str | None = None
        self._checked_at = float("-inf")
        self._ends = OwedEnds(unit.device, self._switch_off, sleep)

    # --- identity -------------------------------------------------------------------------------------------

    async def identify(self) -> DeviceIdentity:
        """Module name and firmware. Raises IdentityMismatch when another module, or another protocol, answers."""
        device, number = self._unit.device, self._unit.number
        try:
            words = await self._unit.read(protocol.read_registers(number, protocol.MODULE_NAME, 2))
        except RemoteProtocolError as error:
            raise IdentityMismatch(device, f"no M-7000 module at unit {number}: {error.message}") from error
        except DeviceRefused as error:
            raise IdentityMismatch(device, f"unit {number} has no module name (40483): {error.message}") from error
        wanted = protocol.names(self._module.name >> 16, self._module.name & 0xFFFF)
        if (words[0], words[1]) not in wanted:
            raise IdentityMismatch(
                device, f"unit {number} calls itself {words[0]:04X} {words[1]:04X}, not {self._module.model}"
            )
        low, high = await self._unit.read(protocol.read_registers(number, protocol.FIRMWARE, 2))
        self._identified = True
        return DeviceIdentity(
            model=f"ICP DAS {self._module.model}",
            firmware=f"{high:04X}{low:04X}",
            serial_number=None,
            verified_on_hardware=False,
        )

    # --- outputs --------------------------------------------------------------------------------------------

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """Energise one relay; the host ends it after `tenths` of 100 ms, the watchdog if the host cannot.

        Raises Disconnected, with nothing energised, when the module has restarted or its watchdog has tripped.
        """
        if not 0 <= relay < self.relays:
            raise ValueError(f"relay {relay}: the module has 0 to {self.relays - 1}")
        if tenths < 1:
            raise ValueError(f"{tenths} tenths: a pulse takes 1 or more")
        if not self._armed:
            raise DeviceRefused(self._unit.device, "the watchdog is not armed; all_off comes before any pulse")
        due = self._monotonic() + expires_s
        await self._check_flags(urgent=True)
        left = due - self._monotonic()
        if left <= 0:
            raise NoResponse(self._unit.device, "the flags took too long; the relay was not switched")
        # The end is owed before the start is sent: a start whose reply is lost may have happened.
        self._ends.owe(relay, expires_s + tenths / 10)
        try:
            await self._unit.write(protocol.switch(self._unit.number, relay, True), expires_s=left)
        finally:
            # Owed anew whatever came back: an all_off that went first has struck the debt off.
            self._ends.owe(relay, tenths / 10)

    async def _switch_off(self, relay: int) -> None:
        await self._unit.write(protocol.switch(self._unit.number, relay, False))

    async def all_off(self) -> None:
        """All relays off in one frame. The first call also sets safe values, arms the watchdog and proves it."""
        if not self._identified:
            raise DeviceRefused(self._unit.device, "identify comes before any command")
        if not self._armed:
            await self._prepare()
        await self._unit.write(protocol.write_coils_off(self._unit.number, 0, self.relays))
        self._ends.strike_off()
        if not self._armed:
            await self._arm()
            self._armed = True

    # --- watchdog -------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        """Safe and power-on values off, then an old time-out cleared: it would make the module ignore outputs."""
        self.restarted_before_open = await self._flag(protocol.RESET_SINCE_READ)
        await self._ensure_off(protocol.SAFE_VALUE, "safe values")
        await self._ensure_off(self._addresses.power_on, "power-on values")
        self.timed_out_before_open = await self._flag(protocol.WATCHDOG_TIMED_OUT)
        if self.timed_out_before_open:
            await self._clear_time_out()

    async def _ensure_off(self, address: int, what: str) -> None:
        read = protocol.read_coils(self._unit.number, address, self.relays)
        if any(await self._unit.read(read, urgent=True)):
            # Written only when it differs: the module keeps these in a memory that wears.
            await self._unit.write(protocol.write_coils_off(self._unit.number, address, self.relays))
            if any(await self._unit.read(read, urgent=True)):
                raise DeviceRefused(self._unit.device, f"the {what} of the relays cannot be set to off")

    async def _clear_time_out(self) -> None:
        await self._unit.write(protocol.write_coil(self._unit.number, protocol.WATCHDOG_TIMED_OUT, True))
        if await self._flag(protocol.WATCHDOG_TIMED_OUT):
            raise DeviceRefused(self._unit.device, "the watchdog's time-out cannot be cleared")

    async def _arm(self) -> None:
        await self._ensure_mode()
        read_time = protocol.read_registers(self._unit.number, self._addresses.watchdog_time)
        wanted = (self._watchdog_tenths,)
        enabled = await self._flag(protocol.WATCHDOG_ENABLE)
        if await self._unit.read(read_time, urgent=True) != wanted:
            if enabled:
                await self._unit.write(protocol.write_coil(self._unit.number, protocol.WATCHDOG_ENABLE, False))
                enabled = False
            request = protocol.write_watchdog_time(
                self._unit.number, self._addresses.watchdog_time, self._watchdog_tenths
            )
            await self._unit.write(request)
            if (read := await self._unit.read(read_time, urgent=True)) != wanted:
                raise DeviceRefused(self._unit.device, f"the watchdog's time reads {read}, {wanted} was written")
        if not enabled:
            await self._unit.write(protocol.write_coil(self._unit.number, protocol.WATCHDOG_ENABLE, True))
            if not await self._flag(protocol.WATCHDOG_ENABLE):
                raise DeviceRefused(self._unit.device, "the host watchdog cannot be enabled")
        if self._prove_watchdog:
            await self._prove()

    async def _ensure_mode(self) -> None:
        """Mode 0: an output command must not clear a time-out. A module without this setting knows no other mode."""
        reply = await self._unit.ask(protocol.read_coils(self._unit.number, protocol.WATCHDOG_MODE), urgent=True)
        if isinstance(reply, Refusal) and reply.code == ILLEGAL_ADDRESS:
            return
        if await self._flag(protocol.WATCHDOG_MODE):
            await self._unit.write(protocol.write_coil(self._unit.number, protocol.WATCHDOG_MODE, False))
            if await self._flag(protocol.WATCHDOG_MODE):
                raise DeviceRefused(self._unit.device, "the watchdog stays in a mode where outputs clear its time-out")

    async def _prove(self) -> None:
        """Requests must feed the watchdog and silence must trip it; no source says so for this protocol."""
        timeout_s = self._watchdog_tenths * protocol.WATCHDOG_STEP_S
        for _ in range(int(_PROOF_SHARE * _FEEDS_PER_TIMEOUT)):
            await self._sleep(timeout_s / _FEEDS_PER_TIMEOUT)
            if await self._flag(protocol.WATCHDOG_TIMED_OUT):
                raise DeviceRefused(self._unit.device, "the watchdog trips although requests arrive; it cannot be fed")
        await self._sleep(_PROOF_SHARE * timeout_s)
        if not await self._flag(protocol.WATCHDOG_TIMED_OUT):
            raise DeviceRefused(
                self._unit.device, f"the watchdog did not trip after {_PROOF_SHARE * timeout_s:.1f} s of silence"
            )
        await self._clear_time_out()

    async def _check_flags(self, *, urgent: bool = False) -> None:
        """Raises Disconnected when the watchdog tripped or the module restarted since the last look; it stays so."""
        self._refuse_lost()
        if await self._flag(protocol.WATCHDOG_TIMED_OUT, urgent=urgent):
            self._lost = "the host watchdog has tripped and put the relays off; open again"
        elif await self._flag(protocol.RESET_SINCE_READ, urgent=urgent):
            self._lost = "the module has restarted since it was last read, look at its supply; open again"
        self._refuse_lost()
        self._checked_at = self._monotonic()

    def _refuse_lost(self) -> None:
        if self._lost is not None:
            raise Disconnected(self._unit.device, self._lost)

    # --- readings -------------------------------------------------------------------------------------------

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Output coils. Every 0.5 s a call that is not urgent also reads the flags. Feeds the watchdog."""
        self._refuse_lost()
        await self._ends.settle()
        if self._armed and not urgent and self._monotonic() - self._checked_at >= _CHECK_EVERY_S:
            await self._check_flags()
        return await self._unit.read_bits(protocol.read_coils(self._unit.number, 0, self.relays), urgent=urgent)

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Digital inputs. Feeds the watchdog."""
        self._refuse_lost()
        await self._ends.settle()
        request = protocol.read_inputs(self._unit.number, self._addresses.inputs, self.inputs)
        return await self._unit.read_bits(request, urgent=urgent)

    async def _flag(self, address: int, *, urgent: bool = True) -> bool:
        return (await self._unit.read(protocol.read_coils(self._unit.number, address), urgent=urgent))[0] == 1

    def close(self) -> None:
        """End the session. A relay still energised is left to the watchdog."""
        self._ends.close()
        self._unit.close()


def spacers(unit: int, module: Module = M_7060, addresses: Addresses | None = None) -> Spacers:
    """Reads that may stand between two requests of one form."""
    inputs = (addresses or Addresses()).inputs
    return protocol.read_coils(unit, 0, module.relays), protocol.read_inputs(unit, inputs, module.inputs)


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
