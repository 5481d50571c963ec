"""How often somebody may try to sign in. In memory: a restart forgets it, and a restart is not in a guesser's hands."""

from collections import deque

from appliance.clock import Clock

_MOST_KEYS = 1024


class LoginLimiter:
    """At most `attempts` tries per key within `window_s` seconds; a success clears the key."""

    def __init__(self, clock: Clock, *, attempts: int = 5, window_s: float = 300.0) -> None:
        self._clock = clock
        self._attempts = attempts
        self._window_s = window_s
        self._tries: dict[str, deque[float]] = {}

    def take(self, key: str) -> float:
        """Count one try. 0 when it may go ahead, else the seconds to wait. Counted before the slow hash, so that
        many tries at once do not slip through together.
        """
        now = self._clock.monotonic()
        self._forget(now)
        tries = self._tries.setdefault(key, deque())
        if len(tries) >= self._attempts:
            return tries[0] + self._window_s - now
        tries.append(now)
        return 0.0

    def clear(self, key: str) -> None:
        """A success: forget the tries of this key."""
        self._tries.pop(key, None)

    def _forget(self, now: float) -> None:
        for key in list(self._tries):
            tries = self._tries[key]
            while tries and tries[0] + self._window_s <= now:
                tries.popleft()
            if not tries:
                del self._tries[key]
        while len(self._tries) >= _MOST_KEYS:
            self._tries.pop(next(iter(self._tries)))
