"""One contact: what it says once it has settled, and how often it has closed.

A contact bounces for 1 to 20 ms, a semiconductor output switches itself off for less than 1 ms to test its wires, and
a wire that works loose chatters. Samples come from polling, with the time they were asked for; nothing here waits.
Not here: two contacts that check each other (pair), what a contact means (table).
Sources: SICK S300, S3000 and outdoorScan3 operating instructions (OSSD tests of 300 to 650 us, every 40 to 240 ms).
"""

from dataclasses import dataclass

_ROUNDING_S = 1e-6
_CHATTER_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `hold_s`: how long samples must agree (at 50 Hz that is two of them; two at any rate).

    `stale_s`: the longest gap between samples after which what was known still counts. `discrepancy_s`: how long a
    pair may contradict itself, or a contact be unsettled, before that is a fault.
    """

    hold_s: float = 0.02
    stale_s: float = 0.25
    discrepancy_s: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.hold_s < self.discrepancy_s < self.stale_s < float("inf"):
            raise ValueError(
                f"hold_s {self.hold_s}, discrepancy_s {self.discrepancy_s} and stale_s {self.stale_s} must be"
                " greater than 0 and grow in this order"
            )


class Debounce:
    """The settled value of one contact; None while nothing is proved.

    A value is proved by two or more samples in a row that agree over `hold_s` or longer. It lapses after a gap of more
    than `stale_s`, when time goes back, and when the samples have not agreed on anything for `discrepancy_s`.
    """

    def __init__(self, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self.restart()

    def restart(self) -> None:
        """Forget everything."""
        self._settled: bool | None = None
        self._raw = False
        self._run_since = 0.0
        self._last: float | None = None
        self._proved_at = 0.0
        self._unproved = 0
        self.chatters = False
        """Whether the contact has not settled for too long, although it is polled."""

    @property
    def value(self) -> bool | None:
        """What the last sample left settled. Ask `stale` too when the poll may have stopped."""
        return self._settled

    def stale(self, now: float) -> bool:
        """Whether the last sample is too old, or later than `now`, to say anything."""
        return self._last is None or not self._last <= now <= self._last + self._timing.stale_s

    def sample(self, raw: bool, at: float) -> bool | None:
        """Take one sample of time `at`, seconds; gives the settled value."""
        if self.stale(at):
            self.restart()
            self._proved_at = at
        if self._last is None or raw is not self._raw:
            self._raw, self._run_since = raw, at
        self._unproved += 1
        self._last = at
        if at - self._run_since >= self._timing.hold_s - _ROUNDING_S:
            self._settled, self._proved_at, self._unproved, self.chatters = raw, at, 0, False
        elif self._unproved >= _CHATTER_SAMPLES and at - self._proved_at > self._timing.discrepancy_s:
            # The last proof is too old to hold against samples that keep contradicting it.
            self._settled, self.chatters = None, True
        return self._settled


class PulseCounter:
    """Counts closings of a contact. Bounce counts once; after a gap counting starts anew from what is found.

    `gaps` tells how often samples were missing for so long, or so confused, that a pulse may have gone uncounted.
    A pulse must last `hold_s` and two polls to be seen.
    """

    def __init__(self, timing: Timing | None = None) -> None:
        self._contact = Debounce(timing)
        self._before: bool | None = None
        self.count = 0
        self.gaps = 0

    def stale(self, now: float) -> bool:
        """Whether the last sample is too old, so that a pulse may be missed."""
        return self._contact.stale(now)

    def sample(self, raw: bool, at: float) -> int:
        """Take one sample of time `at`, seconds; gives the count so far."""
        if self._before is not None and self._contact.stale(at):
            self._before = None
            self.gaps += 1
        now = self._contact.sample(raw, at)
        if now is None and self._before is not None:
            self.gaps += 1
        self.count += now is True and self._before is False
        self._before = now
        return self.count
