"""The LED block of the Gate I/O profile v1, both ends: what is fitted, the order table, the log of exposures.

Source: docs/gate-io-profile-v1.md, GIO-35 to GIO-42. Not here: asking for it (illuminator) and lighting (emulator).
"""

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor

from drivers.modbus.frames import Function, Read, WriteMultiple, WriteSingle

FITTED = 44
"""IR 44-62: longest pulse (us), highest duty (thousandths), longest validity (ms), 0, then bands 1 to 15."""
FITTED_WORDS = 19
RING = 64
TABLE = 32
TABLE_WORDS = 32
COMMAND = 64
PAGE = 65
DARK, ZERO = 0, 1

MOST_BANDS = 15
LONGEST_ORDER = 64
ENTRIES_PER_PAGE = 16
ENTRY_WORDS = 4
CLOCK_US = 1 << 28
"""The log's microseconds begin anew here (268 s)."""
_SLOTS = 16
_CHECK = 15
_NAME = re.compile(r"([0-9]{3,4})([A-Z])")


def _band_word(name: str) -> int:
    match = _NAME.fullmatch(name)
    if match is None or int(match[1]) > 0x7FF:
        raise ValueError(f"an LED is named by nanometres (to 2047) and a side (850L), not {name!r}")
    return (ord(match[2]) - ord("@")) << 11 | int(match[1])


def _band_name(word: int) -> str:
    side = word >> 11
    if not 1 <= side <= 26 or word & 0x7FF < 100:
        raise ValueError(f"{word:04X} names no LED")
    return f"{word & 0x7FF}{chr(ord('@') + side)}"


@dataclass(frozen=True, slots=True)
class Fitted:
    """What the unit can light, and its limits: microseconds, thousandths, milliseconds."""

    leds: tuple[str, ...]
    longest_pulse_us: int
    highest_duty: int
    longest_valid_ms: int

    def words(self) -> tuple[int, ...]:
        """As IR 44-62."""
        if len(self.leds) > MOST_BANDS:
            raise ValueError(f"{len(self.leds)} LEDs: a unit has at most {MOST_BANDS}")
        bands = tuple(_band_word(name) for name in self.leds)
        empty = (0,) * (MOST_BANDS - len(bands))
        return (self.longest_pulse_us, self.highest_duty, self.longest_valid_ms, 0, *bands, *empty)


def parse_fitted(words: tuple[int, ...]) -> Fitted:
    """Raises ValueError unless there are 1 to 15 unlike LEDs, without a gap."""
    bands = words[4:]
    count = next((at for at, word in enumerate(bands) if word == 0), len(bands))
    leds = tuple(_band_name(word) for word in bands[:count])
    if not leds or any(bands[count:]) or len(set(leds)) != len(leds):
        raise ValueError(f"1 to {MOST_BANDS} unlike LEDs without a gap are expected, not {', '.join(leds) or 'none'}")
    return Fitted(leds, *words[:3])


@dataclass(frozen=True, slots=True)
class Table:
    """HR 32-63. `bands`: one per exposure, 0 dark, n the n-th LED fitted. Microseconds, thousandths, milliseconds."""

    bands: tuple[int, ...]
    pulse_us: int
    delay_us: int
    duty: int
    valid_ms: int

    def words(self) -> tuple[int, ...]:
        """As the one block: settings, reserve of zeros, complement, order (first exposure in the highest four bits)."""
        if not 1 <= len(self.bands) <= LONGEST_ORDER:
            raise ValueError(f"an order has 1 to {LONGEST_ORDER} exposures, not {len(self.bands)}")
        packed = [0] * _SLOTS
        for at, band in enumerate(self.bands):
            packed[at // 4] |= band << 12 - at % 4 * 4
        head = (len(self.bands), self.pulse_us, self.delay_us, self.duty, self.valid_ms)
        reserve = (0,) * (_CHECK - len(head))
        return (*head, *reserve, reduce(xor, (*head, *packed)) ^ 0xFFFF, *packed)


def parse_table(words: tuple[int, ...]) -> Table:
    """The device end. Raises ValueError for a wrong length, complement, reserve or order."""
    if len(words) != TABLE_WORDS or reduce(xor, words) != 0xFFFF:
        raise ValueError("length or complement does not fit")
    if any(words[5:_CHECK]) or not 1 <= words[0] <= LONGEST_ORDER:
        raise ValueError("reserve or order length does not fit")
    packed = words[_CHECK + 1 :]
    bands = tuple(packed[at // 4] >> 12 - at % 4 * 4 & 0xF for at in range(words[0]))
    return Table(bands, *words[1:5])


@dataclass(frozen=True, slots=True)
class Entry:
    """One exposure in the log: its number, the band really lit, start and length in microseconds.

    `exposure_us` is 0 while the exposure lasts, and 65535 for that and longer.
    """

    frame: int
    band: int
    at_us: int
    exposure_us: int

    def words(self) -> tuple[int, ...]:
        """Four words: frame, band and time (4 + 28 bits), exposure."""
        at_us = self.at_us % CLOCK_US
        return (self.frame, self.band << 12 | at_us >> 16, at_us & 0xFFFF, self.exposure_us)


def parse_entries(words: tuple[int, ...]) -> tuple[Entry, ...]:
    """Whole entries of a page."""
    return tuple(
        Entry(words[at], words[at + 1] >> 12, (words[at + 1] & 0xFFF) << 16 | words[at + 2], words[at + 3])
        for at in range(0, len(words), ENTRY_WORDS)
    )


def read_fitted(unit: int) -> Read:
    """IR 44-62."""
    return Read(unit, Function.READ_INPUT_REGISTERS, FITTED, FITTED_WORDS)


def read_page(unit: int, entries: int) -> Read:
    """The first so many entries of the page chosen."""
    return Read(unit, Function.READ_INPUT_REGISTERS, RING, entries * ENTRY_WORDS)


def write_table(unit: int, table: Table) -> WriteMultiple:
    """HR 32-63: clears the log and arms."""
    return WriteMultiple(unit, Function.WRITE_REGISTERS, TABLE, table.words())


def command(unit: int, what: int) -> WriteSingle:
    """HR 64: DARK or ZERO."""
    return WriteSingle(unit, Function.WRITE_REGISTER, COMMAND, what)


def choose_page(unit: int, page: int) -> WriteSingle:
    """HR 65: which sixteen entries IR 64-127 show."""
    return WriteSingle(unit, Function.WRITE_REGISTER, PAGE, page)
