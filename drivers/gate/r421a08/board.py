"""An R421A08 relay board on a Modbus line. It has no inputs: a gate needs a second board for them (`SplitBoard`)."""

from collections.abc import Callable

from drivers.errors import DeviceRefused, IdentityMismatch, RemoteProtocolError
from drivers.gate.r421a08 import protocol
from drivers.modbus_unit import ModbusUnit, Spacers, on_serial_port
from drivers.ports import DeviceIdentity


class R421A08Board:
    """Pulses are cut down to whole seconds, so a gate's shortest release is one second."""

    relays = protocol.RELAYS
    inputs = 0

    def __init__(self, unit: ModbusUnit) -> None:
        self._unit = unit
        self._maybe_on: set[int] = set(range(protocol.RELAYS))

    async def identify(self) -> DeviceIdentity:
        """Eight registers that hold 0 or 1. Raises IdentityMismatch.

        That is all it tells: it has no name and no version, and nothing distinguishes it from a sister board.
        """
        device, number = self._unit.device, self._unit.number
        try:
            states = await self._unit.read(protocol.read_relays(number))
        except (DeviceRefused, RemoteProtocolError) as error:
            raise IdentityMismatch(device, f"no R421A08 relay board at unit {number}: {error.message}") from error
        if not set(states) <= {0, 1}:
            raise IdentityMismatch(device, f"unit {number} has registers {states}; an R421A08 holds 0 or 1 in each")
        return DeviceIdentity("R421A08 relay board", "not told", None, verified_on_hardware=False)

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """Energise for the whole seconds in `tenths`, never repeated. Raises ValueError below one second."""
        if tenths < 10:
            raise ValueError(f"{tenths / 10} s: the shortest pulse of an R421A08 is 1 s")
        request = protocol.pulse(self._unit.number, relay, tenths // 10)
        self._maybe_on.add(relay)
        await self._unit.write(request, expires_s=expires_s)

    async def all_off(self) -> None:
        """Off to each relay that was pulsed or reads on; to all eight the first time. Urgent."""
        states = await self.read_relays(urgent=True)
        for relay in sorted(self._maybe_on | {number for number, on in enumerate(states) if on}):
            await self._unit.write(protocol.off(self._unit.number, relay))
            self._maybe_on.discard(relay)

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """All eight."""
        return await self._unit.read_bits(protocol.read_relays(self._unit.number), urgent=urgent)

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:  # noqa: ARG002 - the port asks it so
        """None: it has no inputs."""
        return ()

    def close(self) -> None:
        """End the session."""
        self._unit.close()


def spacers(unit: int) -> Spacers:
    """It knows one read function: two lengths tell the replies apart."""
    return protocol.read_relays(unit), protocol.read_relays(unit, 4)


def r421a08_board(device: str, port: str, *, unit: int = 1) -> Callable[[], R421A08Board]:
    """What opens the port (9600 baud, fixed) and gives a fresh board; nothing is sent by that.

    Raises PortBusy, Disconnected.
    """
    return on_serial_port(device, port, protocol.BAUDRATE, R421A08Board, unit=unit, spacers=spacers(unit))
