"""A clock whose wall hand leaps when told, while the monotonic one goes on."""

from datetime import UTC, datetime, timedelta

from appliance.clock import SystemClock


class LeapingClock(SystemClock):
    """The clocks of this machine, the wall clock off by what was leapt."""

    def __init__(self) -> None:
        self._off = timedelta()

    def leap(self, seconds: float) -> None:
        """Move the wall clock."""
        self._off += timedelta(seconds=seconds)

    def now(self) -> datetime:
        """Wall time, UTC, as this clock has it."""
        return super().now().astimezone(UTC) + self._off
