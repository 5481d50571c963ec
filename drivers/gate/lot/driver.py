"""A LOT turnstile as a gate: one permit for one passage, timed by the turnstile, proved by its own counter.

A turnstile has one door here, the exit; the opposite direction is kept shut and watched. The permit register tells
what the turnstile intends, the counter what happened; no contact says that the rotor is locked. Not here: who may
pass (core), retries (never), reconnecting (the owner closes and opens again).
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from drivers.errors import (
    ContactDisagrees,
    DeviceRefused,
    Disconnected,
    DriverError,
    IdentityMismatch,
    NoResponse,
    RemoteProtocolError,
)
from drivers.gate.lot import protocol
from drivers.gate.lot.protocol import Mode, Status, Way
from drivers.modbus.client import frame_silence_s
from drivers.modbus.frames import Refusal
from drivers.modbus.identification import (
    PRODUCT,
    REVISION,
    VENDOR,
    Identification,
    IdentificationClient,
    ReadIdentification,
)
from drivers.modbus_unit import ModbusUnit
from drivers.ports import DeviceIdentity, Door, DoorPosition, GateInputs
from drivers.session import Session, Timing
from drivers.transport import Transport
from drivers.transport.serial_port import SerialPort

SHORTEST_RELEASE_S = 1.0
LONGEST_LEASE_S = 30
_RELEASE_EXPIRES_S = 0.25
_PROOF_S = 0.1
# The turnstile counts whole seconds; where in a second it begins is not known.
_GRAIN_S = 1.0
_REPLY_S = 0.25


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of the status and when it was asked for."""

    status: Status
    at: float


class LotGate:
    """`ports.Gate` on a turnstile. `connect` gives an open transport and runs at every `open`.

    `way` is the direction that leads out of the lane. `lease_s` (1 to 30): the longest release, and the time the
    turnstile gives a passage that has begun. `maker` is how the maker's name begins, `product` pins the product.
    """

    def __init__(
        self,
        device: str,
        connect: Callable[[], Transport],
        *,
        unit: int = 1,
        way: Way = Way.EXIT,
        lease_s: int = 5,
        maker: str = "Lot",
        product: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 1 <= lease_s <= LONGEST_LEASE_S:
            raise ValueError(f"lease_s is 1 to {LONGEST_LEASE_S}, not {lease_s}")
        self._device = device
        self._connect = connect
        self._number = unit
        self._way = way
        self._lease_s = lease_s
        self._maker = maker
        self._product = product
        self._monotonic = monotonic
        self._unit: ModbusUnit | None = None
        self._look: _Look | None = None
        self._releasing = False
        self._permit_end = float("-inf")
        self._granted: deque[float] = deque()
        self._passages = 0
        self._untrue: str | None = None

    # --- opening --------------------------------------------------------------------------------------------

    async def open(self) -> DeviceIdentity:
        """Open the port, prove the identity, take permits back, forbid what could grant one, read counters."""
        await self.close()
        transport = self._connect()
        try:
            timing = Timing(reply_s=_REPLY_S, quiet_s=frame_silence_s(protocol.BAUDRATE))
            identity = await self._identify(transport, timing)
            self._forget()
            self._unit = ModbusUnit(
                self._device,
                transport,
                protocol.BAUDRATE,
                number=self._number,
                spacers=protocol.spacers(self._number),
                timing=timing,
            )
            await self._prepare(self._unit)
            await self.secure()
        except BaseException:
            self._unit = None
            transport.close()
            raise
        return identity

    def _forget(self) -> None:
        self._look = None
        self._releasing = False
        self._permit_end = float("-inf")
        self._granted.clear()
        self._passages = 0
        self._untrue = None

    def _opened(self) -> ModbusUnit:
        if self._unit is None:
            raise Disconnected(self._device, "the turnstile is not open")
        return self._unit

    async def _identify(self, transport: Transport, timing: Timing) -> DeviceIdentity:
        """Maker, product and version. Raises IdentityMismatch when another unit, or another protocol, answers."""
        session = Session[ReadIdentification, Identification | Refusal](
            self._device, transport, IdentificationClient(), timing=timing
        )
        texts = []
        for number in (VENDOR, PRODUCT, REVISION):
            try:
                reply = await session.request(ReadIdentification(self._number, number))
            except RemoteProtocolError as error:
                raise IdentityMismatch(self._device, f"no turnstile at unit {self._number}: {error.message}") from error
            if isinstance(reply, Refusal):
                raise IdentityMismatch(
                    self._device, f"unit {self._number} does not say who it is (FC 2Bh): {reply.reason}"
                )
            texts.append(reply.objects[number].strip())
        maker, product, version = texts
        if not maker.casefold().startswith(self._maker.casefold()):
            raise IdentityMismatch(self._device, f"unit {self._number} is made by {maker!r}, not by {self._maker!r}")
        if not product or (self._product is not None and product != self._product):
            raise IdentityMismatch(
                self._device, f"unit {self._number} is {product!r}, {self._product or 'some product'} is configured"
            )
        return DeviceIdentity(f"{maker} {product}", version or "unknown", None, verified_on_hardware=False)

    async def _prepare(self, unit: ModbusUnit) -> None:
        """Permits back first; then no demonstration, no adding up, and the passage times, each read back."""
        await self._cancel(unit)
        demo = protocol.read_demo(unit.number)
        if await unit.read(demo) != (0,):
            await unit.write(protocol.write(unit.number, protocol.DEMO, 0))
            if (found := await unit.read(demo)) != (0,):
                raise DeviceRefused(self._device, f"the demonstration mode (0x0666) stays at {found[0]}; switch it off")
        await self._settle(unit, self._lease_s)

    async def _settle(self, unit: ModbusUnit, seconds: int, *, urgent: bool = False) -> None:
        """Bring 0x3010 to 0x3012 to (0, seconds, lease), writing only what differs, and read them back."""
        wanted = (0, seconds, self._lease_s)
        read = protocol.read_settings(unit.number)
        found = await unit.read(read, urgent=urgent)
        if found == wanted:
            return
        for register, (before, after) in enumerate(zip(found, wanted, strict=True), protocol.ACCUMULATE):
            if before != after:
                await unit.write(protocol.write(unit.number, register, after))
        if (found := await unit.read(read, urgent=urgent)) != wanted:
            raise DeviceRefused(self._device, f"registers 0x3010 to 0x3012 read {found}, {wanted} was written")

    # --- releasing ------------------------------------------------------------------------------------------

    async def release(self, door: Door, duration_s: float) -> None:
        """Permit one passage to be begun within `duration_s`, cut to whole seconds, and see the permit stand.

        Raises ValueError outside 1 s to the lease, DeviceRefused while a permit stands or may stand, or the turnstile
        is not in its normal mode; ContactDisagrees when the permit or a counter contradicts what was commanded.
        """
        if not SHORTEST_RELEASE_S <= duration_s <= self._lease_s:
            raise ValueError(f"a release lasts {SHORTEST_RELEASE_S} to {self._lease_s} s, not {duration_s}")
        unit = self._opened()
        if door is not Door.EXIT:
            raise DeviceRefused(self._device, f"a turnstile has no {door} door")
        if self._releasing or self._monotonic() < self._permit_end:
            raise DeviceRefused(self._device, "a passage is already permitted; one at a time")
        # Claimed before the first await, so that two callers cannot both find the turnstile shut.
        self._releasing = True
        try:
            await self._permit(unit, int(duration_s + 1e-6))
        finally:
            self._releasing = False

    async def _permit(self, unit: ModbusUnit, seconds: int) -> None:
        due = self._monotonic() + _RELEASE_EXPIRES_S
        before = await self._read_status(urgent=True)
        self._refuse_untrue()
        if before.permits(self._way):
            raise DeviceRefused(self._device, "a passage is already permitted; one at a time")
        mode = (await unit.read(protocol.read_mode(unit.number), urgent=True))[0]
        if mode != Mode.NORMAL:
            raise DeviceRefused(self._device, f"the turnstile is in mode {mode} (1 blocked, 2 anti-panic), not normal")
        await self._settle(unit, seconds, urgent=True)
        left = due - self._monotonic()
        if left <= 0:
            raise NoResponse(self._device, "the checks took too long; no passage was permitted")
        # Owed from before the command is sent: one whose reply is lost may have been taken.
        self._owe(left + seconds)
        await unit.write(protocol.permit_one(unit.number, self._way), expires_s=left)
        self._permit_end = self._monotonic() + seconds
        counted = before.passages(self._way)
        await self._prove(
            lambda status: status.permits(self._way) == 1 or status.passages(self._way) != counted,
            "the turnstile acknowledged a permit and does not show it",
        )

    def _owe(self, after_s: float) -> None:
        """One passage may come until the permit lapses, plus the time for one that has begun."""
        self._permit_end = self._monotonic() + after_s
        self._granted.append(self._permit_end + self._lease_s + 2 * _GRAIN_S)

    def _refuse_untrue(self) -> None:
        if self._untrue is not None:
            raise ContactDisagrees(self._device, f"{self._untrue}; no release before secure() has cleared it")

    async def _prove(self, holds: Callable[[Status], bool], complaint: str) -> None:
        """Look until the status holds, for 100 ms; otherwise permits back and ContactDisagrees."""
        deadline = self._monotonic() + _PROOF_S
        while True:
            asked = self._monotonic()
            if holds(await self._read_status(urgent=True)):
                return
            if asked >= deadline:
                break
            await asyncio.sleep(0.005)
        with contextlib.suppress(DriverError):
            await self._cancel(self._opened())
        raise ContactDisagrees(self._device, f"{complaint} within {_PROOF_S:.1f} s")

    async def secure(self) -> None:
        """Permits of both directions taken back and seen gone. Raises ContactDisagrees otherwise.

        A passage that has begun is let finish by the turnstile; it is still counted as permitted.
        """
        await self._cancel(self._opened())
        await self._prove(
            lambda status: status.permits(self._way) == 0 == status.permits(self._way.other),
            "a permit was not taken back",
        )
        self._permit_end = float("-inf")
        self._untrue = None

    async def _cancel(self, unit: ModbusUnit) -> None:
        """The way out first. Each direction is one frame: the SDK never writes two registers at once."""
        await unit.write(protocol.cancel(unit.number, self._way))
        await unit.write(protocol.cancel(unit.number, self._way.other))

    # --- reading --------------------------------------------------------------------------------------------

    async def read(self) -> GateInputs:
        """Status first, mode second; `at` is the moment the status was asked for."""
        unit = self._opened()
        at = self._monotonic()
        status = await self._read_status()
        mode = (await unit.read(protocol.read_mode(unit.number)))[0]
        return GateInputs(
            entry=DoorPosition.UNKNOWN,
            exit=DoorPosition.UNKNOWN,
            occupied=bool(status.entry_object or status.exit_object),
            passages=self._passages,
            out_of_service=mode not in (Mode.NORMAL, Mode.ANTI_PANIC) or status.errors != 0,
            emergency=mode == Mode.ANTI_PANIC,
            released=frozenset({Door.EXIT}) if status.entry_permits or status.exit_permits else frozenset(),
            at=at,
            disagrees=frozenset({Door.EXIT}) if self._untrue is not None else frozenset(),
        )

    async def _read_status(self, *, urgent: bool = False) -> Status:
        unit = self._opened()
        at = self._monotonic()
        status = protocol.decode_status(await unit.read(protocol.read_status(unit.number), urgent=urgent))
        if self._look is not None and at < self._look.at:
            # A poll that a release overtook: what was judged since is newer.
            return self._look.status
        previous, self._look = self._look, _Look(status, at)
        self._judge_permits(status, at)
        if previous is not None:
            self._judge_counters(previous.status, status, at)
        return status

    def _judge_permits(self, status: Status, at: float) -> None:
        permits = status.permits(self._way)
        if permits > 1:
            self._doubt(f"{permits:#x} passages are permitted, never more than one was asked for")
        elif permits and at > self._permit_end + _GRAIN_S:
            self._doubt("a passage is permitted that nobody asked for, or that should have lapsed")
        elif not permits and not self._releasing:
            self._permit_end = min(self._permit_end, at)
        if status.permits(self._way.other):
            self._doubt(f"{status.permits(self._way.other):#x} passages are permitted in the wrong direction")

    def _judge_counters(self, before: Status, status: Status, at: float) -> None:
        while self._granted and at > self._granted[0]:
            self._granted.popleft()
        moved = (status.passages(self._way) - before.passages(self._way)) % protocol.COUNTS
        if moved >= protocol.COUNTS // 2:
            self._doubt("the passage counter went backwards; did the turnstile restart?")
            return
        if moved > len(self._granted):
            self._doubt(f"{moved} passages were counted, {len(self._granted)} permitted")
        self._passages += moved
        for _ in range(min(moved, len(self._granted))):
            self._granted.popleft()
        if status.passages(self._way.other) != before.passages(self._way.other):
            self._doubt("the counter of the wrong direction moved")

    def _doubt(self, reason: str) -> None:
        """The first reason stays until secure() or open()."""
        self._untrue = self._untrue or reason

    async def close(self) -> None:
        """Permits taken back if the line still answers, port closed. Never raises."""
        unit, self._unit = self._unit, None
        if unit is None:
            return
        try:
            with contextlib.suppress(DriverError):
                await self._cancel(unit)
        finally:
            unit.close()


def open_lot_gate(
    device: str,
    port: str,
    *,
    unit: int = 1,
    way: str = "exit",
    lease_s: int = 5,
    maker: str = "Lot",
    product: str | None = None,
) -> LotGate:
    """A gate on a LOT turnstile at serial port `port`; `way` ("entry" or "exit") is the turnstile's own direction
    that leads out of the lane. The port is opened by the gate's `open`. Raises ValueError.
    """

    def connect() -> Transport:
        serial = SerialPort(port, protocol.BAUDRATE, device=device)
        serial.open()
        return serial

    return LotGate(device, connect, unit=unit, way=Way[way.upper()], lease_s=lease_s, maker=maker, product=product)
