"""A mantrap or turnstile with dry contacts, as seen from its terminals: release inputs in, contacts out.

A closing release contact unlocks its door for one passage, at most `HOLD_S` (the passage wait of such gates, PERCo
ST-01 manual: 8 s). A contact that stays closed keeps the door unlocked: so a welded relay is as bad here as on site.
Emergency unlocks every door by wire, whatever the relays do. Not here: the relay board (hil.emulator), people.
"""

from typing import Protocol

from drivers.gate.wiring import DryContactWiring
from drivers.ports import Door
from hil.sim.door import Leaf

HOLD_S = 8.0
ACKNOWLEDGE_S = 0.3
TURNSTILE = DryContactWiring(entry_release=None, entry_closed=None, entry_mirror=None)


class Terminals(Protocol):
    """The relay board's side of the wires."""

    def contact(self, relay: int) -> bool:
        """Whether a working contact is closed."""
        ...

    def closings(self, relay: int) -> int:
        """How often it has closed since the start: a pulse shorter than a tick must not be lost."""
        ...

    def set_input(self, number: int, active: bool) -> None:
        """Let current flow into a digital input, or not."""
        ...


class _Bolt:
    """The lock of one leaf and its timer."""

    def __init__(self, closings: int) -> None:
        self.leaf = Leaf()
        self._closings = closings
        self._left_s = 0.0
        self._swung = False

    def tick(self, dt: float, *, leaf_dt: float, contact: bool, closings: int, by_wire: bool) -> None:
        self._left_s = max(0.0, self._left_s - dt)
        if closings != self._closings:
            self._closings, self._left_s, self._swung = closings, HOLD_S, False
        self.leaf.locked = not (by_wire or contact or self._left_s > 0)
        self.leaf.tick(leaf_dt)
        if not self.leaf.closed:
            self._swung = True
        elif self._swung:
            self._swung, self._left_s = False, 0.0
            self.leaf.locked = not (by_wire or contact)

    def secure(self) -> None:
        """The passage wait is cut short."""
        self._left_s = 0.0


class Gate:
    """Doors by `wiring`; what is occupied, out of service and so on comes from outside and is shown on the contacts."""

    def __init__(self, terminals: Terminals, wiring: DryContactWiring) -> None:
        self.occupied = False
        self.out_of_service = False
        self.emergency = False
        self.on_battery = False
        self.battery_low = False
        self.wiring = wiring
        self._terminals = terminals
        self._acknowledge_s = 0.0
        self._bolts = {door: _Bolt(terminals.closings(self._relay(door))) for door in wiring.doors()}
        self._show()

    def _relay(self, door: Door) -> int:
        relay = self.wiring.relay(door)
        assert relay is not None
        return relay

    @property
    def doors(self) -> tuple[Door, ...]:
        """The doors this gate has."""
        return tuple(self._bolts)

    def leaf(self, door: Door) -> Leaf:
        """The leaf of a door. Raises KeyError for one the gate has not."""
        return self._bolts[door].leaf

    def unlocked(self, door: Door) -> bool:
        """Whether a push would open the door now; False for one the gate has not."""
        return door in self._bolts and not self._bolts[door].leaf.locked

    def count_passage(self) -> None:
        """Somebody went through the exit: the acknowledge contact closes for a moment."""
        self._acknowledge_s = ACKNOWLEDGE_S

    def tick(self, dt: float, *, speed: float = 1.0) -> None:
        """Let `dt` seconds pass; leaves swing `speed` times as fast, timers never do."""
        for door, bolt in self._bolts.items():
            relay = self._relay(door)
            bolt.tick(
                dt,
                leaf_dt=dt * speed,
                contact=self._terminals.contact(relay),
                closings=self._terminals.closings(relay),
                by_wire=self.emergency,
            )
            if self.out_of_service:
                bolt.secure()
        self._acknowledge_s = max(0.0, self._acknowledge_s - dt)
        self._show()

    def _show(self) -> None:
        wiring = self.wiring
        for wired, active, at_rest in (
            (wiring.occupied, self.occupied, False),
            (wiring.passage, self._acknowledge_s > 0, False),
            (wiring.out_of_service, self.out_of_service, False),
            (wiring.emergency, self.emergency, False),
            (wiring.on_battery, self.on_battery, False),
            (wiring.battery_low, self.battery_low, False),
            (wiring.entry_closed, Door.ENTRY in self._bolts and self.leaf(Door.ENTRY).closed, True),
            (wiring.exit_closed, self.leaf(Door.EXIT).closed, True),
        ):
            if isinstance(wired, tuple):
                for number, closed in zip(wired, (active is at_rest, active is not at_rest), strict=True):
                    self._terminals.set_input(number, closed)
            elif wired is not None:
                self._terminals.set_input(wired, active != (wired in wiring.active_low))
