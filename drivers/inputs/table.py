"""A board's inputs by name: the declared table turns the raw tuple of one poll into safe values and discrepancies.

Works on the input tuple of any board. Not here: polling, what the lane does about it (core), safety itself (wiring).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from drivers.inputs.debounce import Debounce, PulseCounter, Timing
from drivers.inputs.pair import ContactPair, PairKind, SafeState


class Kind(StrEnum):
    """How an input is wired."""

    LOOP = "loop"
    """One closed loop: current is clear. A cut wire trips; a short is not seen."""
    ANTIVALENT = "antivalent"
    """The normally-closed contact, then the normally-open one."""
    OSSD = "ossd"
    """Two switching outputs, both on when clear."""
    PULSES = "pulses"
    """One contact whose closings are counted."""


@dataclass(frozen=True, slots=True)
class NamedInput:
    """One row of the table. `numbers` are the board's inputs, from 0. `inverted` ones read False while current flows.

    `inverted` tells how the board reads. It must not be used to make a normally-open contact into a loop: a cut wire
    would then read clear.
    """

    name: str
    kind: Kind
    numbers: tuple[int, ...]
    inverted: bool = False

    def __post_init__(self) -> None:
        wanted = 2 if self.kind in (Kind.ANTIVALENT, Kind.OSSD) else 1
        if len(self.numbers) != wanted:
            raise ValueError(f"input {self.name!r}: {self.kind} takes {wanted} number(s), not {len(self.numbers)}")
        if min(self.numbers) < 0:
            raise ValueError(f"input {self.name!r}: numbers count from 0")


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A named input that cannot be true, and why."""

    name: str
    fault: str


@dataclass(frozen=True, slots=True)
class SafeValues:
    """All inputs at `at`, seconds. A discrepancy says what to mend; its input is never clear while it lasts.

    `counts` are closings since the table was made; `gaps` names counters that may have missed one.
    """

    at: float
    states: Mapping[str, SafeState]
    counts: Mapping[str, int]
    discrepancies: tuple[Discrepancy, ...] = ()
    gaps: Mapping[str, int] = field(default_factory=dict)

    def clear(self, *names: str) -> bool:
        """Whether all of these, at least one, are proved clear. Raises KeyError for a name not in the table."""
        return {self.states[name] for name in names} == {SafeState.CLEAR}


class _Loop:
    """One contact read as a safety input."""

    def __init__(self, timing: Timing) -> None:
        self._contact = Debounce(timing)

    @property
    def fault(self) -> str | None:
        return "the contact does not settle: loose wire" if self._contact.chatters else None

    def restart(self) -> None:
        self._contact.restart()

    def sample(self, raw: bool, at: float) -> None:
        self._contact.sample(raw, at)

    def state(self, now: float) -> SafeState:
        value = None if self._contact.stale(now) else self._contact.value
        if value is None:
            return SafeState.UNKNOWN
        return SafeState.CLEAR if value else SafeState.TRIPPED


_PAIRS = {Kind.ANTIVALENT: PairKind.ANTIVALENT, Kind.OSSD: PairKind.EQUIVALENT}


class InputTable:
    """The inputs of one board. Give it every poll with `take`; ask `values` for what holds now."""

    def __init__(self, inputs: Sequence[NamedInput], timing: Timing | None = None) -> None:
        timing = timing or Timing()
        names = [row.name for row in inputs]
        numbers = [number for row in inputs for number in row.numbers]
        for what, given in (("name", names), ("input number", [str(number) for number in numbers])):
            twice = sorted({item for item in given if given.count(item) > 1})
            if twice:
                raise ValueError(f"{what} {', '.join(twice)} is used twice")
        self._rows = tuple(inputs)
        self._needs = 1 + max(numbers, default=-1)
        self._loops = {row.name: _Loop(timing) for row in inputs if row.kind is Kind.LOOP}
        self._pairs = {row.name: ContactPair(_PAIRS[row.kind], timing) for row in inputs if row.kind in _PAIRS}
        self._counters = {row.name: PulseCounter(timing) for row in inputs if row.kind is Kind.PULSES}

    def check_against(self, inputs: int) -> None:
        """Raises ValueError when a number is not on a board with this many inputs."""
        for row in self._rows:
            wrong = [number for number in row.numbers if number >= inputs]
            if wrong:
                raise ValueError(f"input {row.name!r} {wrong}: the board has 0 to {inputs - 1}")

    def restart(self) -> None:
        """Forget states and faults (the officer's reset); counts stay."""
        for safety in self._safety().values():
            safety.restart()

    def _safety(self) -> "dict[str, _Loop | ContactPair]":
        return {**self._loops, **self._pairs}

    def take(self, raw: Sequence[bool], at: float) -> SafeValues:
        """One poll of the board, asked for at `at`, seconds. Raises ValueError when `raw` is too short."""
        if len(raw) < self._needs:
            raise ValueError(f"the board gave {len(raw)} inputs, the table needs {self._needs}")
        for row in self._rows:
            closed = [bool(raw[number]) != row.inverted for number in row.numbers]
            if row.name in self._pairs:
                self._pairs[row.name].sample(closed[0], closed[1], at)
            elif row.name in self._loops:
                self._loops[row.name].sample(closed[0], at)
            else:
                self._counters[row.name].sample(closed[0], at)
        return self.values(at)

    def values(self, now: float) -> SafeValues:
        """What holds at `now`, seconds: unknown, every one, when the last poll is older than `stale_s`."""
        safety = self._safety()
        return SafeValues(
            at=now,
            states={name: item.state(now) for name, item in safety.items()},
            counts={name: counter.count for name, counter in self._counters.items()},
            discrepancies=tuple(Discrepancy(name, item.fault) for name, item in safety.items() if item.fault),
            gaps={name: counter.gaps for name, counter in self._counters.items() if counter.gaps},
        )
