"""Addresses and values of the Waveshare Modbus RTU Relay (D), used by the driver and by the emulator.

Source: Waveshare's wiki pages "Modbus RTU Relay (D)" and "Modbus RTU IO 8CH", development protocol V2.
"""

from drivers.modbus.frames import Function, Read, WriteMultiple, WriteSingle

RELAYS = 8
INPUTS = 8

ALL_COILS = 0x00FF
FLASH_ON = 0x0200
FLASH_OFF = 0x0400
CONTROL_MODE = 0x1000
UNIT_ADDRESS = 0x4000
VERSION = 0x8000

COIL_ON = 0xFF00
COIL_OFF = 0x0000
COIL_TOGGLE = 0x5500
LONGEST_FLASH = 0x7FFF
MODE_NORMAL = 0


def flash_on(unit: int, relay: int, tenths: int) -> WriteSingle:
    """Energise a relay for `tenths` of 100 ms, ended by the board even when the host has died."""
    if not 0 <= relay < RELAYS:
        raise ValueError(f"relay {relay}: the board has 0 to {RELAYS - 1}")
    if not 1 <= tenths <= LONGEST_FLASH:
        raise ValueError(f"{tenths} tenths: a pulse takes 1 to {LONGEST_FLASH}")
    return WriteSingle(unit, Function.WRITE_COIL, FLASH_ON + relay, tenths)


def all_off(unit: int) -> WriteMultiple:
    """De-energise all relays in one frame."""
    return WriteMultiple(unit, Function.WRITE_COILS, 0, (0,) * RELAYS)


def read_relays(unit: int) -> Read:
    """The state of all relays, as the firmware sees it."""
    return Read(unit, Function.READ_COILS, 0, RELAYS)


def read_inputs(unit: int) -> Read:
    """All digital inputs."""
    return Read(unit, Function.READ_DISCRETE_INPUTS, 0, INPUTS)


def read_control_modes(unit: int) -> Read:
    """What each input does to the relay of its number; all must be MODE_NORMAL, or a wire could open a door."""
    return Read(unit, Function.READ_HOLDING_REGISTERS, CONTROL_MODE, INPUTS)


def read_version(unit: int) -> Read:
    """The firmware version in hundredths: 200 is V2.00."""
    return Read(unit, Function.READ_HOLDING_REGISTERS, VERSION, 1)


def version_text(version: int) -> str:
    """The version register in the vendor's writing."""
    return f"V{version // 100}.{version % 100:02d}"
