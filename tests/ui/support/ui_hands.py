"""Time that a test turns by hand. Test only."""

import asyncio
from collections.abc import Callable

from appliance.clock import ManualClock


class Hands:
    """A manual clock, and a `sleep` that ends when the clock has been advanced far enough."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    async def sleep(self, seconds: float) -> None:
        entry = (self.clock.monotonic() + seconds, asyncio.Event())
        self._sleepers.append(entry)
        try:
            await entry[1].wait()
        finally:
            self._sleepers.remove(entry)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for deadline, event in self._sleepers:
            if deadline <= self.clock.monotonic() + 1e-9:
                event.set()

    def waiting(self) -> list[float]:
        """Seconds still to sleep, of everyone asleep."""
        return sorted(round(deadline - self.clock.monotonic(), 6) for deadline, _ in self._sleepers)


async def eventually(condition: Callable[[], object]) -> None:
    """Let the loop run until the condition holds; the sockets are real, so it takes a few rounds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is awaited lies beyond a socket
            await asyncio.sleep(0.002)
