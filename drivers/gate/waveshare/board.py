"""The Waveshare relay board over a Modbus session. Which relay is which door is not its business (dry_contact)."""

from drivers.errors import DeviceRefused, IdentityMismatch, RemoteProtocolError
from drivers.gate.waveshare import protocol
from drivers.modbus.client import ModbusClient, frame_silence_s
from drivers.modbus.frames import ILLEGAL_ADDRESS, Read, Refusal, Reply, Request, Values
from drivers.ports import DeviceIdentity
from drivers.session import Session, Timing
from drivers.transport import Transport

ModbusSession = Session[Request, Reply]


def modbus_session(
    device: str, transport: Transport, baudrate: int, unit: int, timing: Timing | None = None
) -> ModbusSession:
    """A session that keeps the standard's silence and puts coil and input reads between equal requests."""
    client = ModbusClient((protocol.read_relays(unit), protocol.read_inputs(unit)))
    return Session(device, transport, client, timing=timing or Timing(quiet_s=frame_silence_s(baudrate)))


class WaveshareBoard:
    """`version` is the register value the board must report (200 is V2.00); None takes any plausible one."""

    relays = protocol.RELAYS
    inputs = protocol.INPUTS

    def __init__(self, session: ModbusSession, *, unit: int, version: int | None = None) -> None:
        self._session = session
        self._unit = unit
        self._version = version

    async def identify(self) -> DeviceIdentity:
        """Version and control modes. Raises IdentityMismatch when another board, or another protocol, answers."""
        device = self._session.device
        try:
            reply = await self._session.request(protocol.read_version(self._unit))
        except RemoteProtocolError as error:
            raise IdentityMismatch(
                device, f"not a Waveshare relay board at unit {self._unit}: {error.message}"
            ) from error
        if isinstance(reply, Refusal):
            raise IdentityMismatch(device, f"unit {self._unit} has no version register (0x8000): {reply.reason}")
        version = self._values(reply)[0]
        if self._version is not None and version != self._version:
            wanted = protocol.version_text(self._version)
            raise IdentityMismatch(
                device, f"unit {self._unit} is {protocol.version_text(version)}, {wanted} is configured"
            )
        if version == 0 or version == 0xFFFF:
            raise IdentityMismatch(device, f"unit {self._unit} gives no plausible version ({version:#06x})")
        await self._check_control_modes()
        return DeviceIdentity(
            model="Waveshare Modbus RTU Relay (D)",
            firmware=protocol.version_text(version),
            serial_number=None,
            verified_on_hardware=False,
        )

    async def _check_control_modes(self) -> None:
        reply = await self._session.request(protocol.read_control_modes(self._unit))
        if isinstance(reply, Refusal):
            # A board without mode registers cannot couple an input to a relay.
            if reply.code == ILLEGAL_ADDRESS:
                return
            raise DeviceRefused(self._session.device, f"reading control modes: {reply.reason}")
        linked = [number for number, mode in enumerate(self._values(reply)) if mode != protocol.MODE_NORMAL]
        if linked:
            raise IdentityMismatch(
                self._session.device,
                f"inputs {linked} drive relays by themselves; set holding registers 0x1000 to 0x1007 to 0 and restart",
            )

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """One flash-on command, urgent, never repeated."""
        await self._write(protocol.flash_on(self._unit, relay, tenths), expires_s)

    async def all_off(self) -> None:
        """All coils to zero in one frame, urgent."""
        await self._write(protocol.all_off(self._unit), 1.0)

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Coils 0 to 7."""
        return await self._read(protocol.read_relays(self._unit), urgent)

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """Discrete inputs 0 to 7."""
        return await self._read(protocol.read_inputs(self._unit), urgent)

    async def _write(self, request: Request, expires_s: float) -> None:
        reply = await self._session.request(request, urgent=True, expires_s=expires_s)
        if isinstance(reply, Refusal):
            raise DeviceRefused(self._session.device, f"{request}: {reply.reason}")

    async def _read(self, request: Read, urgent: bool) -> tuple[bool, ...]:
        reply = await self._session.request(request, urgent=urgent)
        return tuple(value == 1 for value in self._values(reply))

    def _values(self, reply: Reply) -> tuple[int, ...]:
        if not isinstance(reply, Values):
            raise DeviceRefused(self._session.device, f"refused a read: {reply}")
        return reply.values

    def close(self) -> None:
        """End the session."""
        self._session.close()
