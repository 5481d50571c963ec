"""One unit on a Modbus-RTU line: reads give values, writes are acknowledged, a refusal is an error.

What every Modbus driver shares above the session. Not here: addresses and their meaning (each driver's protocol).
"""

from collections.abc import Callable
from typing import TypeVar

from drivers.errors import DeviceRefused
from drivers.modbus.client import ModbusClient, frame_silence_s
from drivers.modbus.frames import Read, Refusal, Reply, Request, Values
from drivers.session import Session, Timing
from drivers.transport import Transport
from drivers.transport.serial_port import SerialPort

Spacers = tuple[Read, Read]
DriverT = TypeVar("DriverT")


class ModbusUnit:
    """`spacers` are two harmless reads of different functions that this unit answers (see drivers/README.md)."""

    def __init__(
        self,
        device: str,
        transport: Transport,
        baudrate: int,
        *,
        number: int,
        spacers: Spacers,
        timing: Timing | None = None,
    ) -> None:
        self.device = device
        self.number = number
        self._session: Session[Request, Reply] = Session(
            device, transport, ModbusClient(spacers), timing=timing or Timing(quiet_s=frame_silence_s(baudrate))
        )

    async def ask(self, request: Request, *, urgent: bool = False, expires_s: float = 1.0) -> Reply:
        """The reply as it came, a Refusal too. Raises as `Session.request` does."""
        return await self._session.request(request, urgent=urgent, expires_s=expires_s)

    async def read(self, request: Read, *, urgent: bool = False) -> tuple[int, ...]:
        """The values. Raises DeviceRefused besides."""
        reply = await self.ask(request, urgent=urgent)
        if not isinstance(reply, Values):
            raise self._refused(request, reply)
        return reply.values

    async def read_bits(self, request: Read, *, urgent: bool = False) -> tuple[bool, ...]:
        """The values of coils or inputs."""
        return tuple(value == 1 for value in await self.read(request, urgent=urgent))

    async def write(self, request: Request, *, expires_s: float = 1.0) -> None:
        """Urgent, and never sent later than `expires_s`. Raises DeviceRefused besides."""
        reply = await self.ask(request, urgent=True, expires_s=expires_s)
        if isinstance(reply, Refusal):
            raise self._refused(request, reply)

    def _refused(self, request: Request, reply: Reply) -> DeviceRefused:
        reason = reply.reason if isinstance(reply, Refusal) else f"no values but {reply}"
        return DeviceRefused(self.device, f"{request}: {reason}")

    def close(self) -> None:
        """End the session and give the port up. Never raises."""
        self._session.close()


def on_serial_port(
    device: str,
    port: str,
    baudrate: int,
    make: Callable[[ModbusUnit], DriverT],
    *,
    unit: int,
    spacers: Spacers,
    parity: str = "N",
) -> Callable[[], DriverT]:
    """What opens the port and makes a fresh driver; nothing is sent by that. Raises PortBusy, Disconnected."""

    def connect() -> DriverT:
        serial = SerialPort(port, baudrate, device=device, parity=parity)
        serial.open()
        return make(ModbusUnit(device, serial, baudrate, number=unit, spacers=spacers))

    return connect
