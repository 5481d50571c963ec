"""The LED block of the Gate I/O profile v1 in the device: an order of bands, a one-shot that keeps the duty, a log.

Part of the reference emulator (gate_io). Not here: the Modbus end, and light (the rig asks what an exposure lit).
"""

import time
from collections.abc import Callable

from drivers.gate.gate_io import led
from drivers.gate.gate_io.led import Entry, Fitted, Table
from drivers.modbus.frames import ILLEGAL_ADDRESS, ILLEGAL_VALUE
from drivers.modbus.server import ModelRefusal

USUAL = Fitted(("850L", "850R", "940L", "940R", "970L", "970R"), 8000, 250, 5000)
EXPOSURE_US = 8000


class GateIoLeds:
    """`dead` bands stay dark although commanded and are logged dark: the log tells the current, not the command."""

    def __init__(self, fitted: Fitted = USUAL, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.fitted = fitted
        self.dead: set[int] = set()
        self._monotonic = monotonic
        self.restart()

    def restart(self) -> None:
        """The processor has restarted: order, log and number of exposures are gone."""
        self._booted_at = self._monotonic()
        self._next_frame = self._page = 0
        self._table: Table | None = None
        self._armed_until = self._rest_until = float("-inf")
        self._log: list[Entry] = []

    @property
    def total(self) -> int:
        """IR 31: entries since the last order."""
        return len(self._log)

    def exposure_started(self, exposure_us: int = EXPOSURE_US) -> str | None:
        """One exposure of this length begins: the LED that lights it, None for dark; logged while an order runs."""
        now = self._monotonic()
        frame, self._next_frame = self._next_frame, (self._next_frame + 1) & 0xFFFF
        table = self._table
        if table is None or len(self._log) >= len(table.bands):
            return None
        band = table.bands[len(self._log)]
        if now > self._armed_until or now < self._rest_until or band in self.dead:  # GIO-38, GIO-39, GIO-41
            band = 0
        if band:
            # GIO-38: after a pulse the one-shot rests long enough to keep the lower of the two duties.
            duty = min(table.duty, self.fitted.highest_duty)
            self._rest_until = now + table.pulse_us * 1e-6 * 1000 / duty
        at_us = round((now - self._booted_at) * 1e6)
        self._log.append(Entry(frame, band, at_us % led.CLOCK_US, min(exposure_us, 0xFFFF)))
        return self.fitted.leds[band - 1] if band else None

    def registers(self) -> dict[int, int]:
        """Input registers of the block."""
        start = self._page * led.ENTRIES_PER_PAGE
        shown = [word for entry in self._log[start : start + led.ENTRIES_PER_PAGE] for word in entry.words()]
        shown += [0] * (led.ENTRIES_PER_PAGE * led.ENTRY_WORDS - len(shown))
        return dict(enumerate(self.fitted.words(), led.FITTED)) | dict(enumerate(shown, led.RING))

    def write_word(self, address: int, value: int) -> None:
        """HR 64 and 65. Raises ModelRefusal."""
        if address == led.COMMAND and value == led.DARK:
            self._table = None
        elif address == led.COMMAND and value == led.ZERO:
            self._next_frame = 0
        elif address == led.PAGE and value < led.LONGEST_ORDER // led.ENTRIES_PER_PAGE:
            self._page = value
        else:
            raise ModelRefusal(ILLEGAL_VALUE if address in (led.COMMAND, led.PAGE) else ILLEGAL_ADDRESS)

    def write_block(self, address: int, words: tuple[int, ...]) -> None:
        """HR 32-63 (GIO-36, GIO-37). Raises ModelRefusal."""
        if address != led.TABLE:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        try:
            table = led.parse_table(words)
        except ValueError as error:
            raise ModelRefusal(ILLEGAL_VALUE) from error
        if (
            max(table.bands) > len(self.fitted.leds)
            or not 1 <= table.pulse_us <= self.fitted.longest_pulse_us
            or not 1 <= table.duty <= self.fitted.highest_duty
            or not 1 <= table.valid_ms <= self.fitted.longest_valid_ms
        ):
            raise ModelRefusal(ILLEGAL_VALUE)
        self._table, self._log, self._page = table, [], 0
        self._armed_until = self._monotonic() + table.valid_ms / 1000
