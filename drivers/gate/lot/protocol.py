"""Registers of the LOT turnstiles Expert, Eco and Porta, used by the driver and by the emulator.

Source: lotltd/TurnstileModbusSDK (uController.pas, uController.h, uController.cpp, uCommonDevice.pas): 115200 8N1,
FC 03, FC 10h, FC 2Bh/0Eh, times in whole seconds, low word of a counter first. The SDK's register description is a
.doc nobody here could read; what follows is what its code does. Not here: time, and what a passage is worth (driver).
"""

from dataclasses import dataclass
from enum import IntEnum

from drivers.modbus.frames import Function, Read, WriteMultiple
from drivers.modbus_unit import Spacers

BAUDRATE = 115200


class Way(IntEnum):
    """The two directions of a turnstile; the value is the register of its permits."""

    ENTRY = 0x40
    EXIT = 0x41

    @property
    def other(self) -> "Way":
        """The opposite direction."""
        return Way.EXIT if self is Way.ENTRY else Way.ENTRY


STATUS = 0x40
STATUS_WORDS = 9
DEMO = 0x0666
MODE = 0x3000
ACCUMULATE = 0x3010
TIME_TO_START = 0x3011
TIME_TO_FINISH = 0x3012
FREE = 0xFFFF
COUNTS = 1 << 32
LONGEST_TIME_S = 255


class Mode(IntEnum):
    """Register 0x3000."""

    NORMAL = 0
    BLOCKED = 1
    ANTI_PANIC = 2


@dataclass(frozen=True, slots=True)
class Status:
    """One reading of 0x40 to 0x48: permits left, what stands in the way (0 nothing), passages, error register."""

    entry_permits: int
    exit_permits: int
    entry_object: int
    exit_object: int
    entry_passages: int
    exit_passages: int
    errors: int

    def permits(self, way: Way) -> int:
        """Permits left in a direction; 0xFFFF is free passage."""
        return self.entry_permits if way is Way.ENTRY else self.exit_permits

    def passages(self, way: Way) -> int:
        """Passages ever made in a direction, 32 bits."""
        return self.entry_passages if way is Way.ENTRY else self.exit_passages


def decode_status(words: tuple[int, ...]) -> Status:
    """The registers as values (host end)."""
    entry, leave, entry_object, exit_object, entry_low, entry_high, exit_low, exit_high, errors = words
    counts = (entry_high << 16 | entry_low, exit_high << 16 | exit_low)
    return Status(entry, leave, entry_object, exit_object, *counts, errors)


def encode_status(status: Status) -> tuple[int, ...]:
    """The values as registers (device end)."""
    counts = (status.entry_passages, status.exit_passages)
    halves = [half for count in counts for half in (count & 0xFFFF, count >> 16 & 0xFFFF)]
    heads = (status.entry_permits, status.exit_permits, status.entry_object, status.exit_object)
    return (*heads, *halves, status.errors)


# --- requests -------------------------------------------------------------------------------------------------


def read_status(unit: int) -> Read:
    """Everything of 0x40 to 0x48 in one frame, so that the halves of a counter belong together."""
    return Read(unit, Function.READ_HOLDING_REGISTERS, STATUS, STATUS_WORDS)


def read_mode(unit: int) -> Read:
    """Normal, blocked or anti-panic."""
    return Read(unit, Function.READ_HOLDING_REGISTERS, MODE, 1)


def read_settings(unit: int) -> Read:
    """Accumulation, seconds to begin a passage after a permit, seconds to finish one that began."""
    return Read(unit, Function.READ_HOLDING_REGISTERS, ACCUMULATE, 3)


def read_demo(unit: int) -> Read:
    """The demonstration mode, in which the turnstile moves by itself."""
    return Read(unit, Function.READ_HOLDING_REGISTERS, DEMO, 1)


def spacers(unit: int) -> Spacers:
    """Reads of different length: a turnstile knows one read function only."""
    return read_status(unit), read_mode(unit)


def permit_one(unit: int, way: Way) -> WriteMultiple:
    """Permit exactly one passage; there is no other number to ask for."""
    return write(unit, way, 1)


def cancel(unit: int, way: Way) -> WriteMultiple:
    """Take every permit of a direction back."""
    return write(unit, way, 0)


_TIMES = range(1, LONGEST_TIME_S + 1)
_ALLOWED: dict[int, range] = {
    Way.ENTRY: range(2),
    Way.EXIT: range(2),
    DEMO: range(1),
    ACCUMULATE: range(1),
    TIME_TO_START: _TIMES,
    TIME_TO_FINISH: _TIMES,
}


def write(unit: int, register: int, value: int) -> WriteMultiple:
    """One register by FC 10h. Raises ValueError for anything but what is listed here.

    Free passage, a second permit, adding permits up, demonstrating and changing the mode cannot be put on the line.
    """
    allowed = _ALLOWED.get(register)
    if allowed is None or value not in allowed:
        raise ValueError(f"{value:#06x} is never written to register {register:#06x}")
    return WriteMultiple(unit, Function.WRITE_REGISTERS, register, (value,))
