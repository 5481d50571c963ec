"""Addresses and values of the ICP DAS M-7000 modules, used by the driver and by the emulator.

Sources, addresses there counted from 1: [A] M-7000 Address Mapping rev 1.11 (outputs, safe value, 00260, 00261, 00270,
00273); [B] tM-R5, tM-AD4P2C2 and tM-AD5 quick start guides (name, firmware, 40489, the same flags); [C] M-7065 user
manual 2.0 (inputs 10001, power-on value 00161); [D] EX-9060-M manual, a module of another maker with the M-7060's
map (frames for 00270 and 40489). The page for the M-7060 itself has not been read: what only a sibling's
page gives is in `Addresses`, to be set by whoever has it.
"""

from dataclasses import dataclass

from drivers.gate.coils import write_register
from drivers.modbus.frames import WriteSingle

SAFE_VALUE = 0x0080
WATCHDOG_MODE = 0x0103
WATCHDOG_ENABLE = 0x0104
WATCHDOG_TIMED_OUT = 0x010D
RESET_SINCE_READ = 0x0110
FIRMWARE = 0x01E0
MODULE_NAME = 0x01E2

LONGEST_WATCHDOG = 0xFF
WATCHDOG_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class Module:
    """`name` is registers 40483 and 40484, the high word first as in 00 70 60 00."""

    model: str
    name: int
    relays: int
    inputs: int


M_7060 = Module("M-7060", 0x00706000, relays=4, inputs=4)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses the sources disagree on, or give for a sibling only. Check them against the module's own page.

    `inputs` (function 02): 0x0000 by [C] and [D], 0x0020 by [A] for the M-7002. `power_on`: 0x00A0 by [B], [C] and
    [D], 0x00C0 by [A] for the M-7002. `watchdog_time` (tenths of a second): 0x01E8 by [B] and [D]; not in [A].
    """

    inputs: int = 0x0000
    power_on: int = 0x00A0
    watchdog_time: int = 0x01E8


def write_watchdog_time(unit: int, address: int, tenths: int) -> WriteSingle:
    """Silence of the host, in tenths of a second, after which the outputs take their safe values."""
    if not 1 <= tenths <= LONGEST_WATCHDOG:
        raise ValueError(f"{tenths} tenths: the watchdog takes 1 to {LONGEST_WATCHDOG}")
    return write_register(unit, address, tenths)


def names(high: int, low: int) -> frozenset[tuple[int, int]]:
    """The name as two registers. [B] gives the low word first, [D] the high word; either order is taken."""
    return frozenset({(low, high), (high, low)})
