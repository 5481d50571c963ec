"""The only place that reads a clock.

Deadlines use monotonic seconds, records use wall time; both are injected, so a test turns the hands itself.
"""

import time
from datetime import UTC, date, datetime
from typing import Protocol


class Clock(Protocol):
    """Two hands: one for logic, one for records."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start, never going back."""
        ...

    def now(self) -> datetime:
        """Wall time, UTC, for records only."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def monotonic(self) -> float:
        """Seconds of the system-wide monotonic clock."""
        return time.monotonic()

    def now(self) -> datetime:
        """Wall time, UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock for tests and replay: it moves only when told."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)) -> None:
        self._wall = start
        self._monotonic = 0.0

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._monotonic

    def now(self) -> datetime:
        """Start plus the seconds advanced."""
        return self._wall

    def advance(self, seconds: float) -> None:
        """Move both hands forward."""
        from datetime import timedelta

        if seconds < 0:
            raise ValueError("time only goes forward")
        self._monotonic += seconds
        self._wall += timedelta(seconds=seconds)


def today(clock: Clock) -> date:
    """The calendar day of a record (UTC)."""
    return clock.now().date()
