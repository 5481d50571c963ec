"""A gate behind dry contacts: release by a relay pulse, everything known by inputs. Works on any RelayBoard.

Fits mantraps and turnstiles that take a potential-free release contact of 100 ms or more. A release is one pulse
that the board ends; its effect is proved by the mirror contact of a forcibly guided relay (EN 50205), not by the
board's word. Not here: who may pass (core), retries (never), reconnecting (the owner closes and opens again).
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, fields

from drivers.errors import ContactDisagrees, DeviceRefused, Disconnected, DriverError
from drivers.gate.board import RelayBoard
from drivers.inputs.debounce import PulseCounter
from drivers.ports import DeviceIdentity, Door, DoorPosition, GateInputs

SHORTEST_RELEASE_S = 0.1
LONGEST_RELEASE_S = 5.0
_CONTACT_S = 0.1
_RELEASE_EXPIRES_S = 0.25
_READING_FRESH_S = 0.5


@dataclass(frozen=True, slots=True)
class DryContactWiring:
    """Relay and input numbers, from 0; None where nothing is wired. A turnstile has no entry door.

    Inputs read active when current flows, those in `active_low` when it does not: wire what must fail safe
    (emergency, out of service) as a closed loop listed there, so that a cut wire reads active. `entry_mirror` and
    `exit_mirror` are normally-closed contacts of the release relays: active while the relay is off.
    """

    entry_release: int | None = 0
    exit_release: int = 1
    entry_closed: int | None = 0
    exit_closed: int | None = 1
    occupied: int | None = 2
    passage: int | None = 3
    out_of_service: int | None = 4
    emergency: int | None = 5
    entry_mirror: int | None = 6
    exit_mirror: int | None = 7
    active_low: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if self.entry_release == self.exit_release:
            raise ValueError(f"relay {self.exit_release} cannot release both doors")
        if self.entry_release is None and (self.entry_closed is not None or self.entry_mirror is not None):
            raise ValueError("entry_closed and entry_mirror need an entry_release")
        wired = self.wired_inputs()
        if len(wired) != len(set(wired)):
            raise ValueError(f"an input is wired twice: {sorted(wired)}")
        if not self.active_low <= set(wired):
            raise ValueError(f"active_low names inputs that are not wired: {sorted(self.active_low - set(wired))}")

    def wired_inputs(self) -> list[int]:
        """Every input number in use."""
        names = [
            field.name for field in fields(self) if not field.name.endswith("_release") and field.name != "active_low"
        ]
        return [number for number in (getattr(self, name) for name in names) if number is not None]

    def check_against(self, relays: int, inputs: int) -> None:
        """Raises ValueError when a number is not on a board of this size."""
        for kind, numbers, count in (
            ("relay", [n for n in (self.entry_release, self.exit_release) if n is not None], relays),
            ("input", self.wired_inputs(), inputs),
        ):
            wrong = [number for number in numbers if not 0 <= number < count]
            if wrong:
                raise ValueError(f"{kind} {wrong}: the board has 0 to {count - 1}")

    def relay(self, door: Door) -> int | None:
        """The release relay of a door."""
        return self.entry_release if door is Door.ENTRY else self.exit_release

    def mirror(self, door: Door) -> int | None:
        """The mirror input of a door's release relay."""
        return self.entry_mirror if door is Door.ENTRY else self.exit_mirror

    def doors(self) -> tuple[Door, ...]:
        """The doors that can be released."""
        return tuple(door for door in Door if self.relay(door) is not None)


@dataclass(frozen=True, slots=True)
class _Contacts:
    """One look: `energised` by contact (mirror input, else coil), `split` where coil and mirror differ."""

    energised: frozenset[Door]
    split: frozenset[Door]
    at: float


class DryContactGate:
    """`ports.Gate` on a relay board. `connect` opens the port and gives a fresh board; it runs at every `open`."""

    def __init__(
        self,
        device: str,
        connect: Callable[[], RelayBoard],
        wiring: DryContactWiring,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device = device
        self._connect = connect
        self._wiring = wiring
        self._monotonic = monotonic
        self._board: RelayBoard | None = None
        self._pulse_ends: dict[Door, float] = {}
        self._disagrees_since: dict[Door, float] = {}
        self._contacts: _Contacts | None = None
        self._passage = PulseCounter()

    async def open(self) -> DeviceIdentity:
        """Open the port, prove the identity, put every output off and see the contacts follow."""
        await self.close()
        board = self._connect()
        try:
            self._wiring.check_against(board.relays, board.inputs)
            identity = await board.identify()
            self._forget()
            self._board = board
            await self.secure()
        except BaseException:
            self._board = None
            board.close()
            raise
        return identity

    def _forget(self) -> None:
        self._pulse_ends.clear()
        self._disagrees_since.clear()
        self._contacts = None
        self._passage = PulseCounter()

    def _opened(self) -> RelayBoard:
        if self._board is None:
            raise Disconnected(self._device, "the gate is not open")
        return self._board

    async def release(self, door: Door, duration_s: float) -> None:
        """One pulse of `duration_s`, cut to whole 100 ms, and the contact seen to follow within 100 ms.

        Raises ValueError outside 0.1 to 5 s, DeviceRefused while the other door is or may be released,
        ContactDisagrees when this or an earlier pulse had no true effect.
        """
        if not SHORTEST_RELEASE_S <= duration_s <= LONGEST_RELEASE_S:
            raise ValueError(f"a release lasts {SHORTEST_RELEASE_S} to {LONGEST_RELEASE_S} s, not {duration_s}")
        board, relay = self._opened(), self._wiring.relay(door)
        if relay is None:
            raise DeviceRefused(self._device, f"no {door} door is wired")
        tenths = int(duration_s * 10 + 1e-6)
        self._refuse_second_door(door)
        # Claimed before the first await, so that two callers cannot both find the gate free.
        self._pulse_ends[door] = self._monotonic() + _RELEASE_EXPIRES_S + tenths / 10 + _CONTACT_S
        if self._contacts is None or self._monotonic() - self._contacts.at > _READING_FRESH_S:
            await self._look(urgent=True)
            self._refuse_second_door(door)
        await board.pulse(relay, tenths, expires_s=_RELEASE_EXPIRES_S)
        self._pulse_ends[door] = self._monotonic() + tenths / 10 + _CONTACT_S
        await self._prove(
            lambda contacts: door in contacts.energised - contacts.split, f"the {door} relay did not close"
        )

    def _refuse_second_door(self, door: Door) -> None:
        for untrue in self._disagrees():
            raise ContactDisagrees(self._device, f"the contact of the {untrue} relay is not to be trusted; no release")
        now = self._monotonic()
        seen = self._contacts.energised | self._contacts.split if self._contacts else frozenset[Door]()
        for other in self._wiring.doors():
            if other is not door and (other in seen or now < self._pulse_ends.get(other, now)):
                raise DeviceRefused(self._device, f"the {other} door is still released; never both doors at once")

    async def _prove(self, holds: Callable[[_Contacts], bool], complaint: str) -> None:
        """Look until the contacts hold, for 100 ms; otherwise everything off and ContactDisagrees."""
        deadline = self._monotonic() + _CONTACT_S
        while True:
            contacts = await self._look(urgent=True)
            if holds(contacts):
                return
            if contacts.at >= deadline:
                break
            await asyncio.sleep(0.005)
        with contextlib.suppress(DriverError):
            await self._opened().all_off()
        raise ContactDisagrees(
            self._device, f"{complaint} within {_CONTACT_S:.1f} s: welded, broken or unwired contact"
        )

    async def secure(self) -> None:
        """Every output off and every contact seen off within 100 ms. Raises ContactDisagrees otherwise."""
        await self._opened().all_off()
        self._pulse_ends = dict.fromkeys(self._pulse_ends, self._monotonic())
        await self._prove(lambda contacts: not contacts.energised and not contacts.split, "a relay did not open")

    async def read(self) -> GateInputs:
        """Inputs first, relay states second; `at` is the moment the inputs were asked for."""
        board = self._opened()
        at = self._monotonic()
        inputs = await board.read_inputs()
        contacts = self._take(at, inputs, await board.read_relays())
        return self._reading(at, inputs, contacts)

    async def _look(self, *, urgent: bool) -> _Contacts:
        board = self._opened()
        at = self._monotonic()
        inputs = await board.read_inputs(urgent=urgent)
        return self._take(at, inputs, await board.read_relays(urgent=urgent))

    def _active(self, number: int | None, inputs: tuple[bool, ...]) -> bool:
        return number is not None and inputs[number] != (number in self._wiring.active_low)

    def _take(self, at: float, inputs: tuple[bool, ...], coils: tuple[bool, ...]) -> _Contacts:
        """Judge one pair of readings: contacts, disagreement, passages."""
        if self._contacts is not None and at < self._contacts.at:
            # A poll that a release overtook: its inputs are older than what was judged since.
            return self._contacts
        energised, split = set(), set()
        for door in self._wiring.doors():
            relay, mirror = self._wiring.relay(door), self._wiring.mirror(door)
            coil = relay is not None and coils[relay]
            contact = coil if mirror is None else not self._active(mirror, inputs)
            if contact:
                energised.add(door)
            if contact != coil:
                split.add(door)
                self._disagrees_since.setdefault(door, at)
            else:
                self._disagrees_since.pop(door, None)
        self._passage.sample(self._active(self._wiring.passage, inputs), at)
        self._contacts = _Contacts(frozenset(energised), frozenset(split), at)
        return self._contacts

    def _disagrees(self) -> frozenset[Door]:
        """Doors with coil and mirror at odds over two looks, or energised after their pulse should have ended."""
        if self._contacts is None:
            return frozenset()
        at = self._contacts.at
        split = {door for door, since in self._disagrees_since.items() if at - since > _CONTACT_S}
        never = float("-inf")
        lapsed = {door for door in self._contacts.energised if at > self._pulse_ends.get(door, never) + _CONTACT_S}
        return frozenset(split | lapsed)

    def _reading(self, at: float, inputs: tuple[bool, ...], contacts: _Contacts) -> GateInputs:
        wiring = self._wiring
        return GateInputs(
            entry=self._position(wiring.entry_closed, inputs),
            exit=self._position(wiring.exit_closed, inputs),
            occupied=self._active(wiring.occupied, inputs),
            passages=self._passage.count,
            out_of_service=self._active(wiring.out_of_service, inputs),
            emergency=self._active(wiring.emergency, inputs),
            released=contacts.energised,
            at=at,
            disagrees=self._disagrees(),
        )

    def _position(self, number: int | None, inputs: tuple[bool, ...]) -> DoorPosition:
        if number is None:
            return DoorPosition.UNKNOWN
        return DoorPosition.CLOSED if self._active(number, inputs) else DoorPosition.OPEN

    async def close(self) -> None:
        """Outputs off if the line still answers, port closed. Never raises."""
        board, self._board = self._board, None
        if board is None:
            return
        try:
            with contextlib.suppress(DriverError):
                await board.all_off()
        finally:
            board.close()
