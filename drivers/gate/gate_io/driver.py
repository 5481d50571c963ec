"""A gate on a Gate I/O unit: `ports.Gate` by the dry-contact driver, with the unit's own faults and count of passages.

Not here: interlock and proof of a release (dry_contact), leases and the heartbeat (board).
"""

import dataclasses
from collections.abc import Callable

from drivers.errors import Disconnected
from drivers.gate.dry_contact import DryContactGate
from drivers.gate.gate_io import protocol
from drivers.gate.gate_io.board import GateIoBoard, spacers
from drivers.gate.gate_io.protocol import Fault
from drivers.gate.wiring import DryContactWiring
from drivers.modbus_unit import ModbusUnit, on_serial_port
from drivers.ports import DeviceIdentity, Door, GateInputs

_CONTACTS = {
    Fault.CONTACT_A: frozenset({Door.ENTRY}),
    Fault.CONTACT_B: frozenset({Door.EXIT}),
    Fault.CONTACT_LOCK_SUPPLY: frozenset(Door),
}


class GateIoGate(DryContactGate):
    """`connect` opens the port and gives a fresh board. `wiring` says which of the profile's inputs are in use."""

    def __init__(self, device: str, connect: Callable[[], GateIoBoard], wiring: DryContactWiring | None = None) -> None:
        self._unit_board: GateIoBoard | None = None

        def connected() -> GateIoBoard:
            self._unit_board = connect()
            return self._unit_board

        super().__init__(device, connected, wiring or DryContactWiring())
        self._counted: int | None = None
        self._count = 0

    @property
    def faults(self) -> tuple[str, ...]:
        """What the unit complained of at the last reading, in words; empty when all is well."""
        board = self._unit_board
        return board.fault_words(board.status) if board is not None and board.status is not None else ()

    @property
    def supply_v(self) -> float | None:
        """The 24 V as last measured."""
        board = self._unit_board
        return board.status.supply_mv / 1000 if board is not None and board.status is not None else None

    def lend(self) -> ModbusUnit:
        """The unit of the open gate, for an illuminator on the same board. Raises Disconnected."""
        if self._board is None or self._unit_board is None:
            raise Disconnected(self._device, "the gate is not open")
        return self._unit_board.unit

    async def open(self) -> DeviceIdentity:
        """As DryContactGate.open; the count of passages begins anew."""
        identity = await super().open()
        self._counted, self._count = None, 0
        self._count_passages()
        return identity

    async def read(self) -> GateInputs:
        """As DryContactGate.read; passages as the unit counted them, contact faults of the unit in `disagrees`."""
        reading = await super().read()
        self._count_passages()
        board = self._unit_board
        if board is None or board.status is None:
            return reading
        doors = [doors for fault, doors in _CONTACTS.items() if fault in board.status.faults]
        disagrees = reading.disagrees.union(*doors) & frozenset(self._wiring.doors())
        return dataclasses.replace(reading, passages=self._count, disagrees=disagrees)

    def _count_passages(self) -> None:
        """The unit's counter is one word: add what it moved on since the last look."""
        status = self._unit_board.status if self._unit_board is not None else None
        if status is not None:
            if self._counted is not None:
                self._count += (status.passages - self._counted) & 0xFFFF
            self._counted = status.passages


def open_gate_io_gate(
    device: str,
    port: str,
    *,
    baudrate: int = protocol.BAUDRATE,
    parity: str = protocol.PARITY,
    unit: int = 1,
    key: str | bytes | None = None,
    serial: str | bytes | None = None,
    configuration_hash: int | None = None,
    wiring: DryContactWiring | None = None,
    watchdog_s: float = 0.5,
) -> GateIoGate:
    """A gate on a Gate I/O unit at serial port `port`, opened by the gate's `open`. `key`, `serial`: bytes, or hex."""
    key_bytes = bytes.fromhex(key) if isinstance(key, str) else key
    serial_bytes = bytes.fromhex(serial) if isinstance(serial, str) else serial
    if key_bytes is not None:
        protocol.check_key(key_bytes)

    def make(at: ModbusUnit) -> GateIoBoard:
        return GateIoBoard(
            at,
            key=key_bytes,
            serial=serial_bytes,
            configuration_hash=configuration_hash,
            wiring=wiring,
            watchdog_s=watchdog_s,
        )

    connect = on_serial_port(device, port, baudrate, make, unit=unit, spacers=spacers(unit), parity=parity)
    return GateIoGate(device, connect, wiring)
