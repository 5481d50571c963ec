"""An exposure-sync controller of profile XS1: the firmware's logic, with the camera's line as a method call.

`exposure_started` stands for the interrupt of the exposure-active line and may come from another thread; the lock
stands for the firmware's interrupt mask. Not here: light and optics (scene).
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivers.illumination.exposure_sync import protocol
from drivers.illumination.exposure_sync.protocol import Capability, Line, LineReader, Refused

EXPOSURE_US, DELAY_US = 4000, 100
"""Longest exposure of the rig's switched cameras, and how long after its start the light goes on."""


def unit(serial_number: str, leds: tuple[str, ...]) -> Capability:
    """What a unit of the rig says of itself."""
    return Capability(
        model="Sallyport-Sync",
        firmware="1.0.0",
        serial_number=serial_number,
        leds=leds,
        longest_pulse_us=8000,
        highest_duty=250,
        longest_lease_ms=5000,
    )


NIR_UNIT = unit("RIG1", ("850L", "850R", "850C", "940L", "940R", "970L", "970R"))
SWIR_UNIT = unit("RIG2", ("1050L", "1050R", "1300L", "1300R", "1550L", "1550R"))


@dataclass(frozen=True, slots=True)
class Flash:
    """The light of one exposure: which LED, and for how much of the exposure."""

    led: str
    share: float


@dataclass(frozen=True, slots=True)
class _Entry:
    exposure: int
    digit: str
    at_us: int


class ExposureSyncController:
    """The firmware; time is `monotonic`, seconds.

    Faults behind its back, which its log knows nothing of: `dead` LEDs stay dark, `wired` says which LED hangs on the
    wire of another, and `stuck` lights in every exposure, whatever is ordered, the dark ones too.
    """

    def __init__(self, capability: Capability = NIR_UNIT, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.dead: set[str] = set()
        self.wired: Mapping[str, str] = {}
        self.stuck: str | None = None
        self._capability = capability
        self._monotonic = monotonic
        self._booted_at = monotonic()
        self._lock = threading.RLock()
        self._reader = LineReader()
        self._pulses_us: dict[str, int] = {}
        self._delay_us = 0
        self._next_exposure = 0
        self._order = ""
        self._log: list[_Entry] = []
        self._armed_until: float | None = None
        self._reset_pulses()
        self._rest_until = float("-inf")
        self._commands: dict[str, Callable[[tuple[str, ...]], tuple[str, ...]]] = {
            protocol.CAPABILITY: self._tell_capability,
            protocol.PULSE: self._set_pulse,
            protocol.ZERO: self._zero,
            protocol.ORDER: self._load,
            protocol.ARM: self._arm,
            protocol.STOP: self._stop,
            protocol.LOG: self._tell_log,
        }

    @property
    def leds(self) -> tuple[str, ...]:
        """What is fitted."""
        return self._capability.leds

    def exposure_started(self, exposure_us: float = EXPOSURE_US) -> Flash | None:
        """One exposure of this length begins: what lights it, None for dark; logged while an order runs."""
        with self._lock:
            now = self._monotonic()
            exposure = self._next_exposure
            self._next_exposure += 1
            led = self._ordered(exposure, now)
            if led is not None:
                # The one-shot of the LED driver: after a pulse it rests long enough to keep the duty.
                self._rest_until = now + self._pulses_us[led] * 1e-6 * 1000 / self._capability.highest_duty
            lit = self.stuck or self.wired.get(led or "", led)
            if lit is None or lit in self.dead:
                return None
            # The pulse ends with the exposure at the latest; it keeps the time set for the wire, not for the LED.
            lasts = max(0.0, min(self._pulses_us[led or lit], exposure_us - self._delay_us))
            return Flash(lit, lasts / exposure_us)

    def _ordered(self, exposure: int, now: float) -> str | None:
        if self._armed_until is None or len(self._log) >= len(self._order):
            return None
        digit = self._order[len(self._log)]
        if now > self._armed_until or now < self._rest_until:
            digit = protocol.DIGITS[0]
        self._log.append(_Entry(exposure, digit, self._microseconds(now)))
        return protocol.led_of(digit, self.leds)

    def _reset_pulses(self) -> None:
        self._pulses_us, self._delay_us = dict.fromkeys(self.leds, 1000), 0

    def reboot(self) -> None:
        """Power was lost: order, log, counter and pulse are gone."""
        with self._lock:
            self._booted_at = self._monotonic()
            self._reset_pulses()
            self._next_exposure = 0
            self._stop(())
            self._log = []
            self._reader.drop()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out. A line that does not fit its check is not answered."""
        with self._lock:
            lines, _ = self._reader.feed(data)
            return b"".join(self._answer(line) for line in lines)

    def _answer(self, line: Line) -> bytes:
        try:
            command = self._commands.get(line.command)
            if command is None:
                raise Refused("1")
            return protocol.encode(Line(line.command, command(line.arguments), line.tag))
        except Refused as refusal:
            return protocol.encode(Line(protocol.ERROR, (refusal.code,), line.tag))

    def _microseconds(self, now: float) -> int:
        return int((now - self._booted_at) * 1e6)

    def _milliseconds(self) -> str:
        return str(self._microseconds(self._monotonic()) // 1000)

    def _tell_capability(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        _numbers(arguments, 0)
        return self._capability.arguments()

    def _set_pulse(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        pulse, delay = _numbers(arguments[:2], 2)
        if not 1 <= pulse <= self._capability.longest_pulse_us or delay > 100_000:
            raise Refused("3")
        self._delay_us = delay
        self._pulses_us |= dict.fromkeys(self._places(arguments[2:]), pulse)
        return arguments

    def _places(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        """The LEDs a pulse is meant for: the one named by its place, all when none is."""
        if not arguments:
            return self.leds
        if len(arguments) > 1 or len(arguments[0]) != 1 or not protocol.DIGITS.count(arguments[0]):
            raise Refused("2")
        try:
            led = protocol.led_of(arguments[0], self.leds)
        except ValueError:
            raise Refused("3") from None
        if led is None:
            raise Refused("3")
        return (led,)

    def _zero(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        _numbers(arguments, 0)
        self._next_exposure = 0
        return ()

    def _load(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        if len(arguments) != 1 or len(arguments[0]) > protocol.LONGEST_ORDER:
            raise Refused("2")
        places = [protocol.DIGITS.find(digit) for digit in arguments[0]]
        if min(places) < 0:
            raise Refused("2")
        if max(places) > len(self.leds):
            raise Refused("3")
        self._armed_until = None
        self._order = arguments[0]
        self._log = []
        return arguments

    def _arm(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        (lease_ms,) = _numbers(arguments, 1)
        if not self._order:
            raise Refused("4")
        if not 1 <= lease_ms <= self._capability.longest_lease_ms:
            raise Refused("3")
        self._armed_until = self._monotonic() + lease_ms / 1000
        return (self._milliseconds(),)

    def _stop(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        _numbers(arguments, 0)
        self._armed_until = None
        self._order = ""
        return (self._milliseconds(),)

    def _tell_log(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        (start,) = _numbers(arguments, 1)
        page = self._log[start : start + protocol.LOG_LINES_PER_REPLY]
        entries = (f"{entry.exposure}.{entry.digit}.{entry.at_us}" for entry in page)
        return str(len(self._log)), str(start), *entries


def _numbers(arguments: tuple[str, ...], count: int) -> list[int]:
    """So many decimal arguments of at most nine digits. Raises Refused."""
    fits = len(arguments) == count and all(text.isascii() and text.isdigit() for text in arguments)
    if not fits or any(len(text) > 9 for text in arguments):
        raise Refused("2")
    return [int(text) for text in arguments]
