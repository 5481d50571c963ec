"""A module that times no pulse: the host ends it, and the module's host watchdog ends what a dead host cannot.

Kept here for every such module: nothing is commanded before identity; the watchdog is armed and proved before the
first pulse; an end is owed before its start is sent; a module that has tripped or restarted gets no pulse and stays
lost until it is opened again. Not here: addresses and settings (each module's board), which relay is which door.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from drivers.errors import DeviceRefused, Disconnected, NoResponse
from drivers.gate import coils
from drivers.gate.owed import OwedEnds, Sleep
from drivers.modbus.frames import WriteSingle
from drivers.modbus_unit import ModbusUnit, Spacers
from drivers.ports import DeviceIdentity

CHECK_EVERY_S = 0.5
_FEEDS_PER_TIMEOUT = 4
_FEEDS = 6


@dataclass(frozen=True, slots=True)
class Layout:
    """How many relays and inputs there are, and the coil and the discrete input they begin at."""

    relays: int
    inputs: int
    relays_at: int
    inputs_at: int

    def spacers(self, unit: int) -> Spacers:
        """Reads that may stand between two requests of one form."""
        return (
            coils.read_coils(unit, self.relays_at, self.relays),
            coils.read_inputs(unit, self.inputs_at, self.inputs),
        )


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Seconds. `timeout_s` is what is set; `trips_within_s` the silence after which it must have tripped."""

    timeout_s: float
    trips_within_s: float


class HostTimedBoard(ABC):
    """`prove_watchdog` lets the first `all_off` see that requests feed the watchdog and that silence trips it.

    Turn it off only where a commissioning test has shown both on this module.
    """

    def __init__(
        self,
        unit: ModbusUnit,
        layout: Layout,
        watchdog: Watchdog,
        *,
        prove_watchdog: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.relays = layout.relays
        self.inputs = layout.inputs
        self.timed_out_before_open: bool | None = None
        self._unit = unit
        self._layout = layout
        self._watchdog = watchdog
        self._prove_watchdog = prove_watchdog
        self._monotonic = monotonic
        self._sleep = sleep
        self._identified = self._armed = False
        self._lost: str | None = None
        self._checked_at = float("-inf")
        self._ends = OwedEnds(unit.device, self._switch_off, sleep)

    # --- what each module says in its own words -------------------------------------------------------------

    async def identify(self) -> DeviceIdentity:
        """Prove that this is the configured module. Raises IdentityMismatch, with nothing changed."""
        identity = await self._identify()
        self._identified = True
        return identity

    @abstractmethod
    async def _identify(self) -> DeviceIdentity: ...

    @abstractmethod
    async def _prepare(self) -> None:
        """What the relays do at silence and at power-on set to off; before the first `off` is sent."""

    @abstractmethod
    async def _arm(self) -> None:
        """The watchdog's time set and the watchdog on, each read back."""

    @abstractmethod
    async def _timed_out(self) -> bool:
        """Whether the watchdog has tripped and was not cleared."""

    @abstractmethod
    async def _clear_time_out(self) -> None:
        """Clear it and see it cleared. Raises DeviceRefused."""

    @abstractmethod
    async def _why_lost(self, *, urgent: bool) -> str | None:
        """What makes the module untrustworthy since the last look, in words for the log; None while all is well."""

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
        await self._check(urgent=True)
        left = due - self._monotonic()
        if left <= 0:
            raise NoResponse(self._unit.device, "the flags took too long; the relay was not switched")
        # The end is owed before the start is sent: a start whose reply is lost may have happened.
        self._ends.owe(relay, expires_s + tenths / 10)
        try:
            await self._unit.write(self._switch(relay, True), expires_s=left)
        finally:
            # Owed anew whatever came back: an all_off that went first has struck the debt off.
            self._ends.owe(relay, tenths / 10)

    def _switch(self, relay: int, on: bool) -> WriteSingle:
        return coils.write_coil(self._unit.number, self._layout.relays_at + relay, on)

    async def _switch_off(self, relay: int) -> None:
        await self._unit.write(self._switch(relay, False))

    async def all_off(self) -> None:
        """All relays off in one frame. The first call also sets safe values, arms the watchdog and proves it."""
        if not self._identified:
            raise DeviceRefused(self._unit.device, "identify comes before any command")
        if not self._armed:
            await self._prepare()
            # A trip of an earlier host makes the module ignore outputs until it is cleared.
            self.timed_out_before_open = await self._timed_out()
            if self.timed_out_before_open:
                await self._clear_time_out()
        await self._unit.write(coils.write_coils_off(self._unit.number, self._layout.relays_at, self.relays))
        self._ends.strike_off()
        if not self._armed:
            await self._arm()
            if self._prove_watchdog:
                await self._prove()
            self._armed = True

    async def _ensure_off(self, address: int, what: str) -> None:
        """The coils of all relays from `address` off, read back. Raises DeviceRefused."""
        read = coils.read_coils(self._unit.number, address, self.relays)
        if any(await self._unit.read(read, urgent=True)):
            # Written only when it differs: the module keeps these in a memory that wears.
            await self._unit.write(coils.write_coils_off(self._unit.number, address, self.relays))
            if any(await self._unit.read(read, urgent=True)):
                raise DeviceRefused(self._unit.device, f"the {what} of the relays cannot be set to off")

    # --- watchdog -------------------------------------------------------------------------------------------

    async def _prove(self) -> None:
        """Requests must feed the watchdog and silence must trip it; no source says so for this protocol."""
        timeout_s, silence_s = self._watchdog.timeout_s, self._watchdog.trips_within_s
        for _ in range(_FEEDS):
            await self._sleep(timeout_s / _FEEDS_PER_TIMEOUT)
            if await self._timed_out():
                raise DeviceRefused(self._unit.device, "the watchdog trips although requests arrive; it cannot be fed")
        await self._sleep(silence_s)
        if not await self._timed_out():
            raise DeviceRefused(self._unit.device, f"the watchdog did not trip after {silence_s:.1f} s of silence")
        await self._clear_time_out()

    async def _check(self, *, urgent: bool = False) -> None:
        """Raises Disconnected when the module is lost since the last look; it stays so."""
        self._refuse_lost()
        reason = await self._why_lost(urgent=urgent)
        if reason is not None:
            # Never reset by a look that began earlier: a flag may be told only once.
            self._lost = reason
        self._refuse_lost()
        self._checked_at = self._monotonic()

    def _refuse_lost(self) -> None:
        if self._lost is not None:
            raise Disconnected(self._unit.device, self._lost)

    # --- readings -------------------------------------------------------------------------------------------

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Output coils. Every 0.5 s a call that is not urgent also looks at the module's state. Feeds the watchdog."""
        self._refuse_lost()
        await self._ends.settle()
        if self._armed and not urgent and self._monotonic() - self._checked_at >= CHECK_EVERY_S:
            await self._check()
        request = coils.read_coils(self._unit.number, self._layout.relays_at, self.relays)
        return await self._unit.read_bits(request, urgent=urgent)

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Digital inputs. Feeds the watchdog."""
        self._refuse_lost()
        await self._ends.settle()
        request = coils.read_inputs(self._unit.number, self._layout.inputs_at, self.inputs)
        return await self._unit.read_bits(request, urgent=urgent)

    def close(self) -> None:
        """End the session. A relay still energised is left to the watchdog."""
        self._ends.close()
        self._unit.close()
