"""Registers and commands of the R421A08 relay boards, used by the driver and by the emulator.

Sources: Erriez/R421A08-rs485-8ch-relay-board (commands, 9600 baud, address by six switches, two functions only) and
mikee47's R421A.h. Relay n is register n, from 1; a command is the upper byte, seconds the lower. Function 06 switches,
function 03 reads 1 for on and 0 for off: written and read values do not match. The makers call on "open".
"""

from drivers.modbus.frames import Function, Read, WriteSingle

RELAYS = 8
FIRST = 1
ON, OFF, TOGGLE, LATCH, MOMENTARY, DELAY = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
LONGEST_S = 255
BAUDRATE = 9600


def _write(unit: int, relay: int, command: int, seconds: int = 0) -> WriteSingle:
    if not 0 <= relay < RELAYS:
        raise ValueError(f"relay {relay}: the board has 0 to {RELAYS - 1}")
    return WriteSingle(unit, Function.WRITE_REGISTER, FIRST + relay, command << 8 | seconds)


def pulse(unit: int, relay: int, seconds: int) -> WriteSingle:
    """Energise a relay for whole seconds; the board ends it ("delay")."""
    if not 1 <= seconds <= LONGEST_S:
        raise ValueError(f"{seconds} s: this board times 1 to {LONGEST_S} whole seconds")
    return _write(unit, relay, DELAY, seconds)


def off(unit: int, relay: int) -> WriteSingle:
    """De-energise a relay and end its pulse."""
    return _write(unit, relay, OFF)


def read_relays(unit: int, count: int = RELAYS) -> Read:
    """The state of the first `count` relays, as the firmware sees it."""
    return Read(unit, Function.READ_HOLDING_REGISTERS, FIRST, count)
