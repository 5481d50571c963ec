"""Named one-shot timers over the event loop's monotonic clock. Re-arming a name replaces its timer."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timers(Protocol):
    """What the loop needs of time. Tests fire timers by hand."""

    def arm(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` once after `seconds`, unless re-armed or cancelled before."""
        ...

    def cancel_all(self) -> None:
        """Drop every timer."""
        ...


class LoopTimers:
    """Timers on the running asyncio loop."""

    def __init__(self) -> None:
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def arm(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        """See `Timers.arm`."""
        if name in self._handles:
            self._handles[name].cancel()
        self._handles[name] = asyncio.get_running_loop().call_later(seconds, self._fire, name, action)

    def _fire(self, name: str, action: Callable[[], None]) -> None:
        del self._handles[name]
        action()

    def cancel_all(self) -> None:
        """See `Timers.cancel_all`."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()
