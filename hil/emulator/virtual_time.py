"""Time that moves only when told, for drivers and emulators that take `monotonic` and `sleep`.

Not here: the silences a Modbus session keeps, which are real unless its `Timing` has none.
"""

import asyncio
import heapq
import itertools
from collections.abc import Coroutine
from typing import Any

_TURNS = 100
_LIMIT = 1000


class Clock:
    """Call it for the time in seconds; `run` moves it from sleeper to sleeper until a call has returned."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Return once the time has moved so far."""
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._count), woken))
        await woken

    async def settle(self) -> None:
        """Let everything happen that needs no time; an exchange over the null modem takes a few turns."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Move on, waking who is due on the way."""
        end = self.now + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._wake()
            await self.settle()
        self.now = end

    def _wake(self) -> None:
        at, _, woken = heapq.heappop(self._sleepers)
        self.now = max(self.now, at)
        if not woken.done():
            woken.set_result(None)

    async def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        """What the call gives, however long it sleeps. Raises AssertionError when it never returns."""
        task = asyncio.ensure_future(call)
        for _ in range(_LIMIT):
            await self.settle()
            if task.done():
                return await task
            if self._sleepers:
                self._wake()
        raise AssertionError("the call never returned")
