"""A UHPPOTE UT0311-L0x access controller as a gate with two doors: releases of whole seconds, timed by the board.

The board has no authentication and its messages no check: an isolated VLAN only. The host takes control from the
board's own list of cards for as long as it is heard (30 s); the board must hold no cards, because it opens to them
once the host has died. Not here: who may pass (core), retries (never), reconnecting (the owner closes and opens).
"""

import asyncio
import contextlib
import time
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
from drivers.gate.uhppote import protocol
from drivers.gate.uhppote.protocol import (
    Cards,
    Device,
    Done,
    DoorControl,
    Input,
    Mode,
    Reply,
    Request,
    Status,
    UhppoteClient,
)
from drivers.ports import DeviceIdentity, Door, DoorPosition, GateInputs
from drivers.session import Session, Timing
from drivers.transport import Transport
from drivers.transport.udp import UdpSocket

SHORTEST_RELEASE_S = 1.0
LONGEST_LEASE_S = 30
_RELEASE_EXPIRES_S = 0.25
_READING_FRESH_S = 0.5
_PROOF_S = 0.3
# The board counts whole seconds; where in a second it begins is not known.
_GRAIN_S = 1.0
_CONTROL_EVERY_S = 20.0
_TIMING = Timing(reply_s=0.3, max_latency_s=0.8)


@dataclass(frozen=True, slots=True)
class UhppoteWiring:
    """Doors of the board, from 1. `occupied` and `passage` are door contacts of spare doors, closed circuit inactive.

    Without `passage`, a passage is the exit door seen to open within a release and to close again.
    """

    entry: int = 1
    exit: int = 2
    occupied: int | None = None
    passage: int | None = None

    def __post_init__(self) -> None:
        protocol.set_interlock(0, self.pair)
        wired = [door for door in (self.entry, self.exit, self.occupied, self.passage) if door is not None]
        if len(wired) != len(set(wired)) or not all(1 <= door <= protocol.DOORS for door in wired):
            raise ValueError(f"doors {wired}: each of 1 to {protocol.DOORS} once")

    @property
    def pair(self) -> frozenset[int]:
        """The two doors that are interlocked."""
        return frozenset({self.entry, self.exit})

    def number(self, door: Door) -> int:
        """The board's door for a door of the lane."""
        return self.entry if door is Door.ENTRY else self.exit

    def doors(self, numbers: frozenset[int]) -> frozenset[Door]:
        """The doors of the lane among doors of the board."""
        return frozenset(door for door in Door if self.number(door) in numbers)


class UhppoteGate:
    """`ports.Gate` on one board. `connect` gives an open transport and runs at every `open`.

    `serial` is the identity: a reply from another number is never taken. `lease_s` (1 to 30): the longest release.
    """

    def __init__(
        self,
        device: str,
        connect: Callable[[], Transport],
        serial: int,
        *,
        wiring: UhppoteWiring | None = None,
        lease_s: int = 5,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 1 <= lease_s <= LONGEST_LEASE_S:
            raise ValueError(f"lease_s is 1 to {LONGEST_LEASE_S}, not {lease_s}")
        if not 0 < serial < 1 << 32:
            raise ValueError(f"serial number {serial}: the one printed on the board is wanted")
        self._device = device
        self._connect = connect
        self._serial = serial
        self._wiring = wiring or UhppoteWiring()
        self._lease_s = lease_s
        self._monotonic = monotonic
        self._session: Session[Request, Reply] | None = None
        self._forget()

    def _forget(self) -> None:
        self._ends: dict[Door, float] = {}
        self._seen: Status | None = None
        self._seen_at = float("-inf")
        self._control_at = float("-inf")
        self._changing = 0
        self._checked = Door.EXIT
        self._strayed: frozenset[Door] = frozenset()
        self._leaving = False
        self._passages = 0

    # --- opening --------------------------------------------------------------------------------------------

    async def open(self) -> DeviceIdentity:
        """Prove the serial number and that no cards are stored; take control, interlock, lock and see it locked."""
        await self.close()
        transport = self._connect()
        try:
            client = UhppoteClient(self._serial)
            session = Session[Request, Reply](self._device, transport, client, timing=_TIMING)
            identity = await self._identify(session)
            self._forget()
            self._session = session
            await self._take_control()
            await self._command(protocol.set_interlock(self._serial, self._wiring.pair), "the interlock is not set")
            await self.secure()
        except BaseException:
            self._session = None
            transport.close()
            raise
        return identity

    def _opened(self) -> Session[Request, Reply]:
        if self._session is None:
            raise Disconnected(self._device, "the board is not open")
        return self._session

    async def _identify(self, session: Session[Request, Reply]) -> DeviceIdentity:
        try:
            found = await session.request(protocol.who_is_there())
        except RemoteProtocolError as error:
            raise IdentityMismatch(self._device, f"no UT0311-L0x at this address: {error.message}") from error
        if not isinstance(found, Device) or found.serial != self._serial:
            raise IdentityMismatch(self._device, f"serial number {found.serial} answers, {self._serial} is configured")
        cards = await session.request(protocol.count_cards(self._serial))
        if not isinstance(cards, Cards) or cards.count:
            raise DeviceRefused(
                self._device, f"{cards} are stored; the board opens to them when the host is silent: delete all cards"
            )
        return DeviceIdentity(
            model="UHPPOTE UT0311-L0x",
            firmware=f"v{found.version} {found.date}",
            serial_number=str(found.serial),
            verified_on_hardware=False,
        )

    async def _take_control(self) -> None:
        """Sent again now and then: whether the board keeps it over a restart is not known."""
        await self._command(protocol.take_control(self._serial), "the board keeps control for itself")
        self._control_at = self._monotonic()

    async def _command(self, request: Request, complaint: str, *, expires_s: float = 1.0) -> None:
        reply = await self._opened().request(request, urgent=True, expires_s=expires_s)
        if not isinstance(reply, Done) or not reply.succeeded:
            raise DeviceRefused(self._device, complaint)

    # --- doors ----------------------------------------------------------------------------------------------

    async def _set_door(self, door: Door, mode: Mode, delay_s: int) -> None:
        """Mode and delay of a door, the echo compared. Raises DeviceRefused."""
        request = protocol.set_door(self._serial, self._wiring.number(door), mode, delay_s)
        reply = await self._opened().request(request, urgent=True)
        self._compare(door, reply, mode, delay_s)

    async def _read_door(self, door: Door, *, urgent: bool = True) -> DoorControl:
        reply = await self._opened().request(protocol.get_door(self._serial, self._wiring.number(door)), urgent=urgent)
        if not isinstance(reply, DoorControl):
            raise RemoteProtocolError(self._device, f"{reply} does not tell the mode of a door")
        return reply

    def _compare(self, door: Door, reply: Reply, mode: Mode, delay_s: int) -> None:
        if not isinstance(reply, DoorControl) or (reply.mode, reply.delay_s) != (mode, delay_s):
            raise DeviceRefused(self._device, f"the {door} door is {reply}, mode {mode} and {delay_s} s were set")

    async def secure(self) -> None:
        """Both doors locked (mode "normally closed") and seen locked, then controlled again and still locked.

        The protocol has no command that ends a release. Raises ContactDisagrees when a relay stays on.
        """
        self._changing += 1
        try:
            for door in Door:
                await self._set_door(door, Mode.NORMALLY_CLOSED, self._lease_s)
            locked = "a relay stays on"
            await self._prove(lambda status: not self._relays(status), locked)
            now = self._monotonic()
            self._ends = dict.fromkeys(self._ends, now)
            for door in Door:
                await self._set_door(door, Mode.CONTROLLED, self._lease_s)
                self._compare(door, await self._read_door(door), Mode.CONTROLLED, self._lease_s)
            await self._prove(lambda status: not self._relays(status), locked)
            self._strayed = frozenset()
        finally:
            self._changing -= 1

    def _relays(self, status: Status) -> frozenset[Door]:
        return self._wiring.doors(status.relays)

    async def _prove(self, holds: Callable[[Status], bool], complaint: str) -> None:
        deadline = self._monotonic() + _PROOF_S
        while True:
            asked = self._monotonic()
            if holds(await self._look(urgent=True)):
                return
            if asked >= deadline:
                break
            await asyncio.sleep(0.01)
        raise ContactDisagrees(self._device, f"{complaint} within {_PROOF_S:.1f} s: welded, or held by the board")

    # --- releasing ------------------------------------------------------------------------------------------

    async def release(self, door: Door, duration_s: float) -> None:
        """Release one door for `duration_s`, cut to whole seconds, and see its relay close.

        Raises ValueError outside 1 s to the lease, DeviceRefused while the other door is or may be released, open, or
        the board says no; ContactDisagrees when a relay or a mode contradicts what was commanded.
        """
        if not SHORTEST_RELEASE_S <= duration_s <= self._lease_s:
            raise ValueError(f"a release lasts {SHORTEST_RELEASE_S} to {self._lease_s} s, not {duration_s}")
        self._opened()
        seconds = int(duration_s + 1e-6)
        self._refuse_second_door(door)
        # Claimed before the first await, so that two callers cannot both find the gate free.
        before = self._ends.get(door)
        self._ends[door] = self._monotonic() + _RELEASE_EXPIRES_S + self._lease_s
        try:
            left = await self._prepare(door, seconds)
        except BaseException:
            # Nothing was commanded: the claim is given back, or the other door would wait for nothing.
            self._ends[door] = before if before is not None else self._monotonic()
            raise
        # Owed from before the command is sent: one whose reply is lost may have been taken.
        self._ends[door] = self._monotonic() + left + seconds
        refused = f"the board refuses to open the {door} door: interlock or forced lock"
        try:
            await self._command(protocol.open_door(self._serial, self._wiring.number(door)), refused, expires_s=left)
        except DeviceRefused:
            self._ends[door] = self._monotonic()
            raise
        self._ends[door] = self._monotonic() + seconds
        try:
            await self._prove(lambda status: door in self._relays(status), f"the {door} relay did not close")
        except ContactDisagrees:
            with contextlib.suppress(DriverError):
                await self.secure()
            raise

    async def _prepare(self, door: Door, seconds: int) -> float:
        """Fresh status, right mode, right delay; the seconds left in which the command may still be sent."""
        due = self._monotonic() + _RELEASE_EXPIRES_S
        if self._monotonic() - self._seen_at > _READING_FRESH_S:
            await self._look(urgent=True)
            self._refuse_second_door(door)
        found = await self._read_door(door)
        if found.mode != Mode.CONTROLLED:
            self._strayed |= {door}
            raise ContactDisagrees(self._device, f"the {door} door is in mode {found.mode}: another controller set it")
        if found.delay_s != seconds:
            await self._set_door(door, Mode.CONTROLLED, seconds)
            self._compare(door, await self._read_door(door), Mode.CONTROLLED, seconds)
        left = due - self._monotonic()
        if left <= 0:
            raise NoResponse(self._device, "the checks took too long; no door was released")
        return left

    def _refuse_second_door(self, door: Door) -> None:
        for untrue in self._disagrees():
            raise ContactDisagrees(self._device, f"the {untrue} door is not as it was commanded; no release")
        now = self._monotonic()
        # An old status proves nothing; there is a fresh one before any command.
        seen = self._seen if now - self._seen_at <= _READING_FRESH_S else None
        if seen is not None and Input.FORCED_LOCK in seen.inputs:
            raise DeviceRefused(self._device, "the board's forced lock is active")
        other = Door.EXIT if door is Door.ENTRY else Door.ENTRY
        if now < self._ends.get(other, now) or (seen is not None and other in self._relays(seen)):
            raise DeviceRefused(self._device, f"the {other} door is still released; never both doors at once")
        if seen is not None and self._wiring.number(other) in seen.open:
            raise DeviceRefused(self._device, f"the {other} door stands open; never both doors at once")

    # --- reading --------------------------------------------------------------------------------------------

    async def read(self) -> GateInputs:
        """Status, then the mode of one door in turn; `at` is the moment the status was asked for.

        Every request renews the host's 30 s of control.
        """
        if self._monotonic() - self._control_at > _CONTROL_EVERY_S:
            await self._take_control()
        at = self._monotonic()
        status = await self._look()
        self._checked = Door.ENTRY if self._checked is Door.EXIT else Door.EXIT
        control = await self._read_door(self._checked, urgent=False)
        if control.mode != Mode.CONTROLLED and not self._changing:
            self._strayed |= {self._checked}
        return GateInputs(
            entry=self._position(self._wiring.entry, status),
            exit=self._position(self._wiring.exit, status),
            occupied=self._wiring.occupied in status.open,
            passages=self._passages,
            out_of_service=Input.FORCED_LOCK in status.inputs or status.error != 0,
            emergency=Input.FIRE_ALARM in status.inputs,
            released=self._relays(status),
            at=at,
            disagrees=self._disagrees(),
        )

    def _position(self, number: int, status: Status) -> DoorPosition:
        return DoorPosition.OPEN if number in status.open else DoorPosition.CLOSED

    async def _look(self, *, urgent: bool = False) -> Status:
        session = self._opened()
        at = self._monotonic()
        status = await session.request(protocol.read_status(self._serial), urgent=urgent)
        if not isinstance(status, Status):
            raise RemoteProtocolError(self._device, f"{status} is no status")
        if self._seen is not None and at < self._seen_at:
            # A poll that a release overtook: what was judged since is newer.
            return self._seen
        if self._seen is not None:
            self._count(self._seen, status, at)
        self._seen, self._seen_at = status, at
        return status

    def _count(self, before: Status, status: Status, at: float) -> None:
        """Passages, by the acknowledge contact if there is one, otherwise by the exit door."""
        opened = status.open - before.open
        if self._wiring.passage is not None:
            self._passages += self._wiring.passage in opened
            return
        released = Door.EXIT in self._relays(status) or at <= self._ends.get(Door.EXIT, float("-inf")) + _GRAIN_S
        if self._wiring.exit in opened:
            self._leaving = released
        elif self._leaving and self._wiring.exit in before.open - status.open:
            self._leaving = False
            self._passages += 1

    def _disagrees(self) -> frozenset[Door]:
        """Doors whose mode another has changed, or whose relay is on beyond its release without a fire alarm."""
        seen = self._seen
        if seen is None or Input.FIRE_ALARM in seen.inputs:
            return self._strayed
        never = float("-inf")
        on = self._relays(seen)
        return self._strayed | {door for door in on if self._seen_at > self._ends.get(door, never) + _GRAIN_S}

    async def close(self) -> None:
        """Both doors left locked if the line still answers, socket closed. Never raises."""
        session, self._session = self._session, None
        if session is None:
            return
        try:
            with contextlib.suppress(DriverError):
                for door in Door:
                    number = self._wiring.number(door)
                    lock = protocol.set_door(self._serial, number, Mode.NORMALLY_CLOSED, self._lease_s)
                    await session.request(lock, urgent=True)
        finally:
            session.close()


def open_uhppote_gate(
    device: str,
    host: str,
    serial: int,
    *,
    port: int = protocol.PORT,
    wiring: UhppoteWiring | None = None,
    lease_s: int = 5,
) -> UhppoteGate:
    """A gate on the board with this serial number at an IP address; the socket is opened by the gate's `open`."""

    def connect() -> Transport:
        udp = UdpSocket(host, port, device=device, size=protocol.SIZE)
        udp.open()
        return udp

    return UhppoteGate(device, connect, serial, wiring=wiring, lease_s=lease_s)
