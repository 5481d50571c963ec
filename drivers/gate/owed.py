"""Switchings off that the host owes because the board times no pulse itself.

An end is owed before its start is sent and struck off only when the board has been seen to carry it out. A failed one
stays owed: the next reading sends it before anything else. Not here: what is sent (the board), and any promise
beyond the life of this process: when that ends, only a watchdog of the board's own, if it has one, does it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from drivers.errors import DriverError

Sleep = Callable[[float], Awaitable[None]]


class OwedEnds:
    """`switch_off` puts one relay off and raises DriverError unless the board then says that it is."""

    def __init__(self, device: str, switch_off: Callable[[int], Awaitable[None]], sleep: Sleep = asyncio.sleep) -> None:
        self._device = device
        self._switch_off = switch_off
        self._sleep = sleep
        self._ends: dict[int, asyncio.Task[None]] = {}
        self._closed = False

    def owe(self, relay: int, after_s: float) -> None:
        """Put `relay` off after so many seconds. A later call for the same relay takes the place of the earlier."""
        if self._closed:
            return
        previous = self._ends.pop(relay, None)
        if previous is not None:
            previous.cancel()
        self._ends[relay] = asyncio.create_task(self._end(relay, after_s), name=f"{self._device} off {relay}")

    async def _end(self, relay: int, after_s: float) -> None:
        await self._sleep(after_s)
        with contextlib.suppress(DriverError):
            await self._pay(relay, asyncio.current_task())

    async def _pay(self, relay: int, owed: asyncio.Task[None] | None) -> None:
        await self._switch_off(relay)
        # A newer pulse of the same relay has its own end.
        if self._ends.get(relay) is owed:
            del self._ends[relay]

    async def settle(self) -> None:
        """Send each end that was due and failed. Raises DriverError."""
        for relay, owed in list(self._ends.items()):
            if owed.done():
                await self._pay(relay, owed)

    def strike_off(self) -> None:
        """Nothing is owed any more: every relay has been seen off."""
        for task in self._ends.values():
            task.cancel()
        self._ends.clear()

    def close(self) -> None:
        """Nothing can be sent any more. Never raises."""
        self._closed = True
        self.strike_off()
