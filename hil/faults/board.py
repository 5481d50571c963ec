"""Faults that need no lane: a bouncing contact, a picture from above, an OSDP peripheral that is not to be trusted."""

from collections.abc import Awaitable, Callable

from hil.faults.observed import Observed

CASES: dict[str, Callable[[], Awaitable[Observed]]] = {}
