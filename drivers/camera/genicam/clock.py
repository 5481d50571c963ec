"""A camera's own count and clock, made ours: frame ids without wrapping, device times on the monotonic clock. Pure."""

from collections import deque

_WINDOW = 64
_WINDOW_S = 60.0
_BLOCK_IDS = 0xFFFF
"""GigE Vision's block id is 16 bits wide and never 0 (1.2, 24.3: after 65535 comes 1); 0 is let pass there."""
_LONGEST_GAP = 1000


class CountBroken(Exception):
    """A frame id that cannot follow the one before it."""


class Counter:
    """Frame ids as a count that only grows."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._count = 0

    def count(self, frame_id: int) -> int:
        """The next number, 0 first. Raises CountBroken."""
        if self._last is not None:
            step = frame_id - self._last
            if step < 0 and self._last <= _BLOCK_IDS:
                step += _BLOCK_IDS + (frame_id == 0)
            if not 0 < step <= _LONGEST_GAP:
                # Not a gap, nor a frame to drop: Aravis has already dropped what came late or twice, so the camera has
                # begun anew, without our settings, or somebody sends old pictures. Opening it anew proves it again.
                raise CountBroken(f"frame {frame_id} came after frame {self._last}")
            self._count += step
        self._last = frame_id
        return self._count


class DeviceClock:
    """Maps device times (s) to monotonic ones by the shortest way a frame took lately: transport only ever adds.

    The window follows the drift between the clocks: 100 ppm are 0.2 ms over 64 frames at 30 per second, and never more
    than 6 ms, as no frame counts for longer than 60 s, however seldom they come.
    """

    def __init__(self) -> None:
        self._ways: deque[tuple[float, float]] = deque(maxlen=_WINDOW)
        self._last = float("-inf")

    def stamp(self, device_s: float, arrived: float) -> float:
        """When it was exposed, never later than it arrived; the arrival where the device tells no time."""
        if device_s <= 0 or device_s <= self._last:
            self._ways.clear()
            self._last = device_s
            return arrived
        self._last = device_s
        while self._ways and arrived - self._ways[0][0] > _WINDOW_S:
            self._ways.popleft()
        self._ways.append((arrived, arrived - device_s))
        return min(arrived, device_s + min(way for _, way in self._ways))
