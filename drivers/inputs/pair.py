"""Two contacts of one device that check each other.

Antivalent: a normally-closed and a normally-open contact, exactly one closed (door contact, mat, emergency stop).
Equivalent: two switching outputs that are on together (the OSSDs of a light curtain). Clear only when both say so.
Not here: safety itself. The certified safety relay acts by wire; this reads its auxiliary contacts and reports.
What no pair can show: two faults at once, and a dead wire whose state at rest is also its state when cut, until the
device trips for the first time; then it reads as a discrepancy, never as clear.
"""

from enum import Enum, StrEnum

from drivers.inputs.debounce import Debounce, Timing


class SafeState(StrEnum):
    """What a safety input says; anything but CLEAR stops."""

    CLEAR = "clear"
    TRIPPED = "tripped"
    UNKNOWN = "unknown"


class PairKind(Enum):
    """The two contacts (closed is True) when clear and when tripped."""

    ANTIVALENT = ((True, False), (False, True))
    """First the normally-closed contact, second the normally-open one."""
    EQUIVALENT = ((True, True), (False, False))


class ContactPair:
    """Two contacts as one safe state and, when they contradict each other, a fault.

    While they contradict each other the state is tripped already; after `discrepancy_s` it is a fault, which lasts
    until the pair has been seen tripped and then clear, as a safety relay demands it, or until `restart`.
    """

    def __init__(self, kind: PairKind, timing: Timing | None = None) -> None:
        self._clear, self._tripped = kind.value
        self._timing = timing or Timing()
        self._contacts = (Debounce(self._timing), Debounce(self._timing))
        # Each contact may settle at another moment; clear needs both in the same polls.
        self._both = Debounce(self._timing)
        self.restart()

    def restart(self) -> None:
        """Forget everything, a fault too: for the officer's reset, after the wires have been mended."""
        for contact in (*self._contacts, self._both):
            contact.restart()
        self.fault: str | None = None
        """What is wrong with the wires; None when nothing is."""
        self._contradicts_since: float | None = None
        self._tripped_since_fault = False
        self._state = SafeState.UNKNOWN

    def state(self, now: float) -> SafeState:
        """The state at time `now`, seconds: unknown when the last sample is older than `stale_s`."""
        return SafeState.UNKNOWN if self._contacts[0].stale(now) else self._state

    def sample(self, first: bool, second: bool, at: float) -> SafeState:
        """Take one sample of both contacts, of time `at`, seconds."""
        if self._contacts[0].stale(at):
            self._contradicts_since = None
        settled = tuple(contact.sample(raw, at) for contact, raw in zip(self._contacts, (first, second), strict=True))
        both = self._both.sample((first, second) == self._clear, at)
        self._time_contradiction((first, second), at)
        if any(contact.chatters for contact in self._contacts):
            self._fail("a contact does not settle: loose wire, or polled in step with the device's test pulses")
        self._mend(settled)
        if None in settled:
            self._state = SafeState.UNKNOWN
        elif settled == self._clear and both and self.fault is None:
            self._state = SafeState.CLEAR
        else:
            self._state = SafeState.TRIPPED
        return self._state

    def _time_contradiction(self, raw: tuple[bool, bool], at: float) -> None:
        # Raw samples, so that the fault is known `discrepancy_s` after the wire was cut, not `hold_s` later.
        if raw in (self._clear, self._tripped):
            self._contradicts_since = None
            return
        if self._contradicts_since is None:
            self._contradicts_since = at
        if at - self._contradicts_since >= self._timing.discrepancy_s - 1e-6:
            on = sum(raw)
            seen = ("neither contact is", "one contact alone is", "both contacts are")[on]
            self._fail(f"{seen} closed for more than {self._timing.discrepancy_s:.1f} s: wire cut or short")

    def _fail(self, fault: str) -> None:
        self.fault = fault
        self._tripped_since_fault = False

    def _mend(self, settled: tuple[bool | None, ...]) -> None:
        if self.fault is None or self._contradicts_since is not None or None in settled:
            return
        if settled == self._tripped:
            self._tripped_since_fault = True
        elif settled == self._clear and self._tripped_since_fault:
            self.fault = None
