"""Addresses and values of the Moxa ioLogik R1214, used by the driver and by the emulator.

Sources: [A] ioLogik R1200 Series User's Manual, edition 3.4 (system map, R1214 map, factory defaults); [B] public code
that sets an R1212's watchdog (function 06 to 0x7565 and 0x7564, then 0 to 0x7566). The safe values are holding
registers; coils 0x01DF to 0x01E4 reset pulse counts and must not be taken for them. Neither source gives the value of
the model number, the byte order of texts, or the finest step of the watchdog: see the driver for what is made of that.
"""

from drivers.gate.host_timed import Layout

LAYOUT = Layout(relays=6, inputs=6, relays_at=0x0140, inputs_at=0x0000)

# Coils, one for each relay. The pulses are square waves (1.5 s at least), not timed releases: they must stand still.
POWER_ON = 0x0160
PULSE = 0x0180
PULSE_POWER_ON = 0x01A0
PULSE_SAFE = 0x01C0

# Holding registers, one for each input or relay.
INPUT_MODE = 0x0000
INPUT_FILTER = 0x0020
SAFE_MODE = 0x01E0

# Holding registers of the system.
WATCHDOG_ENABLE = 0x7564
WATCHDOG_SECONDS = 0x7565
WATCHDOG_STATUS = 0x7566

# Input registers of the system, with their number of words.
MODEL = (0x7530, 1)
FIRMWARE = (0x7545, 2)
SERIAL = (0x754B, 6)
NAME = (0x7555, 10)

MODE_INPUT = 0
SAFE_OFF, SAFE_ON, SAFE_HOLD = 0, 1, 2
ENABLED = 1
NORMAL, TIMED_OUT = 0, 1
FILTER_STEP_S = 0.0001


def texts(words: tuple[int, ...]) -> tuple[str, str]:
    """The registers as text, the high byte of each first and the low byte first; what is not printable is left out."""
    high = b"".join(word.to_bytes(2, "big") for word in words)
    low = b"".join(word.to_bytes(2, "little") for word in words)
    return _printable(high), _printable(low)


def _printable(data: bytes) -> str:
    return "".join(chr(byte) for byte in data if 0x20 <= byte < 0x7F).strip()
