"""What a unit of the Gate I/O profile v1 measures, and the faults it finds: inputs, contacts, supply, doors.

Part of the reference emulator (gate_io), which tells it what is commanded. Not here: leases, hosts, registers.
"""

from drivers.gate.gate_io import protocol
from drivers.gate.gate_io.protocol import Configuration, Fault, Input, Relay

_LOCK_TRIP_MA = 2000
_NEVER = float("-inf")
ALL_QUIET = sum(1 << number for number in (0, 1, 2, 4, 6, 8, 9))
"""Inputs of a lane at rest: doors and enclosure closed, loops whole, cell empty, in service."""

RELAYS = {1: Relay.DOOR_A, 2: Relay.DOOR_B}
CLOSED = {1: Input.DOOR_A_CLOSED, 2: Input.DOOR_B_CLOSED}
_CONTACT_FAULTS = dict(zip(Relay, (Fault.CONTACT_A, Fault.CONTACT_B, Fault.CONTACT_LOCK_SUPPLY), strict=True))
_FORCED = {1: Fault.FORCED_A, 2: Fault.FORCED_B}
_HELD = {1: Fault.HELD_A, 2: Fault.HELD_B}
_PAIR_FAULTS = {Input.EMERGENCY_REST: Fault.PAIR_EMERGENCY, Input.FIRE_REST: Fault.PAIR_FIRE}


class GateIoWatch:
    """`welded`, `broken` and `cut_mirrors` are what the rig has spoilt. Times are the caller's, in seconds."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.raw = self.inputs = ALL_QUIET & configuration.fitted
        self.passages = 0
        self.supply_mv, self.lock_ma, self.tenths_c = 24_000, 0, 250
        self.welded: set[Relay] = set()
        self.broken: set[Relay] = set()
        self.cut_mirrors: set[Relay] = set()
        self._changed_at: dict[Input, float] = {}
        self.restart()

    def restart(self) -> None:
        """What a restart forgets: faults and what led to them (GIO-14)."""
        self.faults = Fault(0)
        self._split_since: dict[Relay, float] = {}
        self._pair_since: dict[Input, float] = {}
        self._lease_ends = dict.fromkeys(RELAYS, _NEVER)
        self._open_by_lease: dict[int, bool] = {}

    # --- contacts and inputs --------------------------------------------------------------------------------

    def set_input(self, number: Input, current: bool, now: float) -> None:
        """Current flows in an input, or not, from now on."""
        if current != bool(self.raw >> number & 1):
            self.raw ^= 1 << number
            self._changed_at[number] = now

    def contact(self, relay: Relay, coil: bool) -> bool:
        """Whether the working contact is closed."""
        return relay in self.welded or (coil and relay not in self.broken)

    def mirror(self, relay: Relay, coil: bool) -> bool:
        """Whether current flows in the mirror: only while the working contact is open (EN 50205)."""
        return not self.contact(relay, coil) and relay not in self.cut_mirrors

    def alarm(self) -> bool:
        """Emergency or fire."""
        return any(protocol.alarm(self.inputs, self.configuration, rest) for rest in protocol.PAIRS)

    def door_open(self, door: int) -> bool:
        """What the door's own contact says; a door without one is not known to be open."""
        return self.configuration.has(CLOSED[door]) and not self._bit(CLOSED[door])

    def lease_ended(self, door: int, at: float) -> None:
        """From now on counts the time in which the door may be open."""
        self._lease_ends[door] = at

    def _bit(self, number: Input) -> bool:
        return bool(self.inputs >> number & 1)

    # --- time -----------------------------------------------------------------------------------------------

    def deadlines(self) -> list[float]:
        """Instants at which something here falls due."""
        due = [at + protocol.DEBOUNCE_S for at in self._changed_at.values()]
        due += [since + protocol.CONTACT_S for since in (*self._split_since.values(), *self._pair_since.values())]
        return due + [self._in_time_until(door) for door in RELAYS]

    def _in_time_until(self, door: int) -> float:
        return self._lease_ends[door] + self.configuration.held_limit_ms / 1000

    def tick(self, now: float, coils: dict[Relay, bool], leased: int) -> None:
        """Debounce, then judge everything. `leased` is a door code, 0 for none."""
        self._debounce(now)
        lasting = self.faults & protocol.CONTACT_FAULTS | self._contact_faults(now, coils)
        self.faults = lasting | self._measured() | self._pair_faults(now) | self._door_faults(now, leased)

    def _debounce(self, now: float) -> None:
        """GIO-15: an input counts once it has not changed for 20 ms."""
        for number, at in list(self._changed_at.items()):
            if now >= at + protocol.DEBOUNCE_S:
                del self._changed_at[number]
                before = self._bit(number)
                self.inputs = self.inputs & ~(1 << number) | self.raw & 1 << number
                self.passages += number is Input.PASSAGE and self._bit(number) and not before

    def _contact_faults(self, now: float, coils: dict[Relay, bool]) -> Fault:
        """GIO-14: a mirror that has contradicted its command for 100 ms."""
        faults = Fault(0)
        for relay, coil in coils.items():
            if self.mirror(relay, coil) != coil:
                self._split_since.pop(relay, None)
            elif now >= self._split_since.setdefault(relay, now) + protocol.CONTACT_S:
                faults |= _CONTACT_FAULTS[relay]
        return faults

    def _measured(self) -> Fault:
        """GIO-13."""
        faults = Fault(0)
        if not protocol.LOWEST_SUPPLY_MV <= self.supply_mv <= protocol.HIGHEST_SUPPLY_MV:
            faults |= Fault.SUPPLY
        if self.lock_ma > _LOCK_TRIP_MA:
            faults |= Fault.LOCK_CURRENT
        if not protocol.COLDEST_TENTHS <= self.tenths_c <= protocol.HOTTEST_TENTHS:
            faults |= Fault.TEMPERATURE
        if self.configuration.has(Input.ENCLOSURE_CLOSED) and not self._bit(Input.ENCLOSURE_CLOSED):
            faults |= Fault.TAMPER
        return faults

    def _pair_faults(self, now: float) -> Fault:
        """GIO-16: two equal inputs of a pair for 100 ms."""
        faults = Fault(0)
        for first, second in protocol.PAIRS.items():
            if not self.configuration.pairs >> first & 1 or self._bit(first) != self._bit(second):
                self._pair_since.pop(first, None)
            elif now >= self._pair_since.setdefault(first, now) + protocol.CONTACT_S:
                faults |= _PAIR_FAULTS[first]
        return faults

    def _door_faults(self, now: float, leased: int) -> Fault:
        """GIO-24: opened without a lease, open too long after one, both open. Not while an alarm frees the doors."""
        faults = Fault(0)
        if self.alarm():
            self._open_by_lease.clear()
            return faults
        for door in RELAYS:
            in_time = leased == door or now < self._in_time_until(door)
            if not self.door_open(door):
                self._open_by_lease.pop(door, None)
            elif not self._open_by_lease.setdefault(door, in_time):
                faults |= _FORCED[door]
            elif not in_time:
                faults |= _HELD[door]
        if all(self.door_open(door) for door in RELAYS):
            faults |= Fault.BOTH_OPEN
        return faults
