"""How a gate behind dry contacts is wired, and what its inputs say.

Not here: what a release does (dry_contact), how two contacts are compared (drivers.inputs).
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from drivers.inputs import InputTable, Kind, NamedInput, SafeState, SafeValues
from drivers.ports import Door, DoorPosition

Paired = int | tuple[int, int] | None
"""One contact, or the normally-closed and the normally-open contact of one device."""
_NO_INPUTS = ("entry_release", "exit_release", "active_low")


@dataclass(frozen=True, slots=True)
class DryContactWiring:
    """Relay and input numbers, from 0; None where nothing is wired. A turnstile has no entry door.

    Inputs read active when current flows, those in `active_low` when it does not: wire what must fail safe
    (emergency, out of service) as a closed loop listed there, so that a cut wire reads active. `entry_mirror` and
    `exit_mirror` are normally-closed contacts of the release relays: active while the relay is off.

    A `Paired` input may be two numbers instead: the contact that is closed at rest (door closed, nobody there, no
    emergency) and the one that is open then. What the two cannot both say is never taken for rest. `curtain` are the
    two switching outputs of a light curtain. `on_battery` and `battery_low` come from the UPS.
    """

    entry_release: int | None = 0
    exit_release: int = 1
    entry_closed: Paired = 0
    exit_closed: Paired = 1
    occupied: Paired = 2
    passage: int | None = 3
    out_of_service: Paired = 4
    emergency: Paired = 5
    entry_mirror: int | None = 6
    exit_mirror: int | None = 7
    curtain: tuple[int, int] | None = None
    on_battery: Paired = None
    battery_low: Paired = None
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
        wired = [getattr(self, one.name) for one in fields(self) if one.name not in _NO_INPUTS]
        return [number for one in wired for number in (one if isinstance(one, tuple) else (one,)) if number is not None]

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

    def pairs(self) -> Iterator[NamedInput]:
        """The inputs of two contacts."""
        for one in fields(self):
            wired = getattr(self, one.name)
            if isinstance(wired, tuple):
                yield NamedInput(one.name, Kind.OSSD if one.name == "curtain" else Kind.ANTIVALENT, wired)


class WiredInputs:
    """The newest reading of a gate's inputs, by name."""

    def __init__(self, wiring: DryContactWiring) -> None:
        self._wiring = wiring
        self._table = InputTable(list(wiring.pairs()))
        self._raw: tuple[bool, ...] = ()
        self._pairs = SafeValues(0.0, {}, {})

    def take(self, raw: tuple[bool, ...], at: float) -> None:
        """One poll of the board, asked for at `at`."""
        self._raw = raw
        self._pairs = self._table.take(raw, at)

    def on(self, number: int | None) -> bool:
        """Whether one contact is active; an unwired one never is."""
        return number is not None and self._raw[number] != (number in self._wiring.active_low)

    @property
    def settled(self) -> bool:
        """Whether every pair has been proved one way or the other since the last gap in the polls."""
        return SafeState.UNKNOWN not in self._pairs.states.values()

    def active(self, name: str, *, unknown: bool = False) -> bool:
        """Whether something is the case. A pair that contradicts itself says yes, one not yet proved `unknown`."""
        wired = getattr(self._wiring, name)
        if not isinstance(wired, tuple):
            return self.on(wired)
        state = self._pairs.states[name]
        return self._contradicts(name) or (unknown if state is SafeState.UNKNOWN else state is SafeState.TRIPPED)

    def _contradicts(self, name: str) -> bool:
        return any(fault.name == name for fault in self._pairs.discrepancies)

    def position(self, name: str) -> DoorPosition:
        """What a door's contact says; of a pair that contradicts itself, unknown."""
        wired = getattr(self._wiring, name)
        if wired is None:
            return DoorPosition.UNKNOWN
        if isinstance(wired, int):
            return DoorPosition.CLOSED if self.on(wired) else DoorPosition.OPEN
        state = self._pairs.states[name]
        if state is SafeState.UNKNOWN or self._contradicts(name):
            return DoorPosition.UNKNOWN
        return DoorPosition.CLOSED if state is SafeState.CLEAR else DoorPosition.OPEN

    @property
    def contradictions(self) -> tuple[str, ...]:
        """Pairs that cannot be true, in words."""
        return tuple(f"{one.name}: {one.fault}" for one in self._pairs.discrepancies)
