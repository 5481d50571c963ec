"""A camera's own count and clock, made ours: frame ids without wrapping, device times on the monotonic clock. Pure."""

from collections import deque

_WINDOW = 64
_BLOCK_IDS = 0xFFFF
"""GigE Vision's block id is 16 bits wide and never 0 (1.2, 24.3: after 65535 comes 1)."""
_LONGEST_GAP = 1000


class Counter:
    """Frame ids as a count that only grows. One that goes back, or leaps, begins a count of its own."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._count = -1

    def count(self, frame_id: int) -> int:
        """The next number."""
        last, self._last = self._last, frame_id
        step = 1
        if last is not None:
            wide = max(last, frame_id) > _BLOCK_IDS
            step = frame_id - last if wide or frame_id > last else (frame_id - last) % _BLOCK_IDS
            if not 0 < step <= _LONGEST_GAP:
                # The camera has begun anew, or counts strangely: at least one frame is missing, how many nobody knows.
                step = 2
        self._count += step
        return self._count


class DeviceClock:
    """Maps device times (s) to monotonic ones by the shortest way a frame took lately: transport only ever adds.

    The window follows the drift between the clocks (some 100 ppm: 0.2 ms over 64 frames at 30 per second).
    """

    def __init__(self) -> None:
        self._ways: deque[float] = deque(maxlen=_WINDOW)
        self._last = float("-inf")

    def stamp(self, device_s: float, arrived: float) -> float:
        """When it was exposed, never later than it arrived; the arrival where the device tells no time."""
        if device_s <= 0 or device_s <= self._last:
            self._ways.clear()
            self._last = device_s
            return arrived
        self._last = device_s
        self._ways.append(arrived - device_s)
        return min(arrived, device_s + min(self._ways))
