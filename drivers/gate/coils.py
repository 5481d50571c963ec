"""Requests of modules whose relays and settings are coils, inputs are discrete inputs and the rest are registers.

Not here: any address (each module's protocol).
"""

from drivers.modbus.frames import Function, Read, WriteMultiple, WriteSingle

COIL_ON = 0xFF00
COIL_OFF = 0x0000


def write_coil(unit: int, address: int, on: bool) -> WriteSingle:
    """One coil, relay or setting."""
    return WriteSingle(unit, Function.WRITE_COIL, address, COIL_ON if on else COIL_OFF)


def write_coils_off(unit: int, address: int, count: int) -> WriteMultiple:
    """`count` coils from `address` to zero, in one frame."""
    return WriteMultiple(unit, Function.WRITE_COILS, address, (0,) * count)


def read_coils(unit: int, address: int, count: int = 1) -> Read:
    """Coils, or flags that are read like coils."""
    return Read(unit, Function.READ_COILS, address, count)


def read_inputs(unit: int, address: int, count: int) -> Read:
    """Digital inputs."""
    return Read(unit, Function.READ_DISCRETE_INPUTS, address, count)


def read_registers(unit: int, address: int, count: int = 1) -> Read:
    """Holding registers."""
    return Read(unit, Function.READ_HOLDING_REGISTERS, address, count)


def write_register(unit: int, address: int, value: int) -> WriteSingle:
    """One holding register."""
    return WriteSingle(unit, Function.WRITE_REGISTER, address, value)


def read_input_registers(unit: int, address: int, count: int = 1) -> Read:
    """Registers that cannot be written."""
    return Read(unit, Function.READ_INPUT_REGISTERS, address, count)


def write_registers(unit: int, address: int, values: tuple[int, ...]) -> WriteMultiple:
    """Holding registers from `address`, in one frame."""
    return WriteMultiple(unit, Function.WRITE_REGISTERS, address, values)
