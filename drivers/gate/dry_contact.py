"""A gate behind dry contacts: release by a relay pulse, everything known by inputs. Works on any RelayBoard.

Fits mantraps and turnstiles that take a potential-free release contact of 100 ms or more. A release is one pulse
that the board ends; its effect is proved by the mirror contact of a forcibly guided relay (EN 50205), not by the
board's word. Not here: who may pass (core), retries (never), reconnecting (the owner closes and opens again).
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from drivers.errors import ContactDisagrees, DeviceRefused, Disconnected, DriverError, NoResponse
from drivers.gate.board import RelayBoard
from drivers.gate.wiring import DryContactWiring, WiredInputs
from drivers.inputs.debounce import PulseCounter
from drivers.ports import DeviceIdentity, Door, GateInputs

SHORTEST_RELEASE_S = 0.1
LONGEST_RELEASE_S = 5.0
_CONTACT_S = 0.1
_RELEASE_EXPIRES_S = 0.25
_READING_FRESH_S = 0.5
_SETTLED_S = 0.2


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
        self._inputs = WiredInputs(wiring)
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
            await self._settle()
        except BaseException:
            self._board = None
            board.close()
            raise
        return identity

    async def _settle(self) -> None:
        """Two contacts are proved by two polls or more: the first reading must not call them unknown."""
        deadline = self._monotonic() + _SETTLED_S
        while not self._inputs.settled and self._monotonic() < deadline:
            await asyncio.sleep(0.01)
            await self._look(urgent=False)

    def _forget(self) -> None:
        self._pulse_ends.clear()
        self._disagrees_since.clear()
        self._contacts = None
        self._inputs = WiredInputs(self._wiring)
        self._passage = PulseCounter()

    def _opened(self) -> RelayBoard:
        if self._board is None:
            raise Disconnected(self._device, "the gate is not open")
        return self._board

    async def release(self, door: Door, duration_s: float) -> None:
        """One pulse of `duration_s`, cut to whole 100 ms, and the contact seen to follow within 100 ms.

        Raises ValueError outside 0.1 to 5 s, DeviceRefused while the other door is or may be released,
        ContactDisagrees when this or an earlier pulse had no true effect, NoResponse when nobody could look in time.
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
        """Look until the contacts hold, for 100 ms; otherwise everything off and ContactDisagrees.

        NoResponse when the host was held up for so long that nobody looked, and what is seen then proves nothing.
        """
        deadline, looked = self._monotonic() + _CONTACT_S, False
        while True:
            contacts = await self._look(urgent=True)
            if holds(contacts):
                return
            looked = looked or self._monotonic() < deadline
            if contacts.at >= deadline:
                break
            await asyncio.sleep(0.005)
        with contextlib.suppress(DriverError):
            await self._opened().all_off()
        if not looked and not contacts.energised and not contacts.split:
            raise NoResponse(
                self._device, f"nobody looked at the contact within {_CONTACT_S:.1f} s: this machine is overloaded"
            )
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
        return self._reading(at, contacts)

    async def _look(self, *, urgent: bool) -> _Contacts:
        board = self._opened()
        at = self._monotonic()
        inputs = await board.read_inputs(urgent=urgent)
        return self._take(at, inputs, await board.read_relays(urgent=urgent))

    def _take(self, at: float, inputs: tuple[bool, ...], coils: tuple[bool, ...]) -> _Contacts:
        """Judge one pair of readings: contacts, disagreement, passages."""
        if self._contacts is not None and at < self._contacts.at:
            # A poll that a release overtook: its inputs are older than what was judged since.
            return self._contacts
        self._inputs.take(inputs, at)
        energised, split = set(), set()
        for door in self._wiring.doors():
            relay, mirror = self._wiring.relay(door), self._wiring.mirror(door)
            coil = relay is not None and coils[relay]
            contact = coil if mirror is None else not self._inputs.on(mirror)
            if contact:
                energised.add(door)
            if contact != coil:
                split.add(door)
                self._disagrees_since.setdefault(door, at)
            else:
                self._disagrees_since.pop(door, None)
        self._passage.sample(self._inputs.on(self._wiring.passage), at)
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

    def _reading(self, at: float, contacts: _Contacts) -> GateInputs:
        wired = self._inputs
        return GateInputs(
            entry=wired.position("entry_closed"),
            exit=wired.position("exit_closed"),
            occupied=wired.active("occupied", unknown=True) or wired.active("curtain", unknown=True),
            passages=self._passage.count,
            out_of_service=wired.active("out_of_service"),
            emergency=wired.active("emergency"),
            released=contacts.energised,
            at=at,
            disagrees=self._disagrees(),
            contradictions=wired.contradictions,
            on_battery=wired.active("on_battery"),
            battery_low=wired.active("battery_low"),
        )

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
