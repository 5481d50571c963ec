"""The Waveshare relay board on a Modbus line. Which relay is which door is not its business (dry_contact)."""

from collections.abc import Callable

from drivers.errors import DeviceRefused, IdentityMismatch, RemoteProtocolError
from drivers.gate.waveshare import protocol
from drivers.modbus.frames import ILLEGAL_ADDRESS, Refusal, Values
from drivers.modbus_unit import ModbusUnit, Spacers, on_serial_port
from drivers.ports import DeviceIdentity


class WaveshareBoard:
    """`version` is the register value the board must report (200 is V2.00); None takes any plausible one."""

    relays = protocol.RELAYS
    inputs = protocol.INPUTS

    def __init__(self, unit: ModbusUnit, *, version: int | None = None) -> None:
        self._unit = unit
        self._version = version

    async def identify(self) -> DeviceIdentity:
        """Version and control modes. Raises IdentityMismatch when another board, or another protocol, answers."""
        device, number = self._unit.device, self._unit.number
        try:
            reply = await self._unit.ask(protocol.read_version(number))
        except RemoteProtocolError as error:
            raise IdentityMismatch(device, f"not a Waveshare relay board at unit {number}: {error.message}") from error
        if not isinstance(reply, Values):
            reason = reply.reason if isinstance(reply, Refusal) else reply
            raise IdentityMismatch(device, f"unit {number} has no version register (0x8000): {reason}")
        version = reply.values[0]
        if self._version is not None and version != self._version:
            wanted = protocol.version_text(self._version)
            raise IdentityMismatch(device, f"unit {number} is {protocol.version_text(version)}, {wanted} is configured")
        if version == 0 or version == 0xFFFF:
            raise IdentityMismatch(device, f"unit {number} gives no plausible version ({version:#06x})")
        await self._check_control_modes()
        return DeviceIdentity(
            model="Waveshare Modbus RTU Relay (D)",
            firmware=protocol.version_text(version),
            serial_number=None,
            verified_on_hardware=False,
        )

    async def _check_control_modes(self) -> None:
        reply = await self._unit.ask(protocol.read_control_modes(self._unit.number))
        if not isinstance(reply, Values):
            # A board without mode registers cannot couple an input to a relay.
            if isinstance(reply, Refusal) and reply.code == ILLEGAL_ADDRESS:
                return
            reason = reply.reason if isinstance(reply, Refusal) else reply
            raise DeviceRefused(self._unit.device, f"reading control modes: {reason}")
        linked = [number for number, mode in enumerate(reply.values) if mode != protocol.MODE_NORMAL]
        if linked:
            raise IdentityMismatch(
                self._unit.device,
                f"inputs {linked} drive relays by themselves; set holding registers 0x1000 to 0x1007 to 0 and restart",
            )

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """One flash-on command, urgent, never repeated."""
        await self._unit.write(protocol.flash_on(self._unit.number, relay, tenths), expires_s=expires_s)

    async def all_off(self) -> None:
        """All coils to zero in one frame, urgent."""
        await self._unit.write(protocol.all_off(self._unit.number))

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Coils 0 to 7."""
        return await self._unit.read_bits(protocol.read_relays(self._unit.number), urgent=urgent)

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Discrete inputs 0 to 7."""
        return await self._unit.read_bits(protocol.read_inputs(self._unit.number), urgent=urgent)

    def close(self) -> None:
        """End the session."""
        self._unit.close()


def spacers(unit: int) -> Spacers:
    """Reads that may stand between two requests of one form."""
    return protocol.read_relays(unit), protocol.read_inputs(unit)


def waveshare_board(
    device: str, port: str, *, baudrate: int = 9600, unit: int = 1, version: int | None = None
) -> Callable[[], WaveshareBoard]:
    """What opens the port and gives a fresh board; nothing is sent by that. Raises PortBusy, Disconnected.

    `version` pins the firmware (200 is V2.00): any other answer is an IdentityMismatch. Above 57600 baud the board
    has been reported unstable; 9600 is its factory setting and takes 42 ms for one reading of the gate.
    """
    return on_serial_port(
        device,
        port,
        baudrate,
        lambda at: WaveshareBoard(at, version=version),
        unit=unit,
        spacers=spacers(unit),
    )
