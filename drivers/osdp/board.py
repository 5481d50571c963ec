"""The outputs and inputs of an OSDP device as a relay board. Which output is which door is dry_contact's business.

A release is OUT with control code 5: the device ends it by its own timer. Read back by OSTAT and, as the wiring has
it, by mirror contacts through ISTAT.
"""

from collections.abc import Callable
from typing import Any

from drivers.errors import IdentityMismatch, RemoteProtocolError
from drivers.osdp.panel import Panel, serial_line
from drivers.osdp.protocol import TIMED_OUTPUTS, Capability, Command, OutputCode
from drivers.osdp.values import LinkState, Nameplate
from drivers.ports import DeviceIdentity
from drivers.transport import Transport


class OsdpBoard:
    """`outputs` and `inputs` are what the device must report; `serial_number` pins the one device, None takes any
    that has the key.
    """

    def __init__(self, panel: Panel, *, outputs: int = 2, inputs: int = 8, serial_number: int | None = None) -> None:
        self.relays = outputs
        self.inputs = inputs
        self._panel = panel
        self._serial_number = serial_number

    async def identify(self) -> DeviceIdentity:
        """Open the line, have the key proved, compare the device with the configured. Changes no output.

        Raises IdentityMismatch, and what `Panel.secured` raises.
        """
        self._panel.start()
        plate = await self._panel.secured()
        self._check(plate)
        return identity_of(plate)

    def _check(self, plate: Nameplate) -> None:
        device = self._panel.device
        if self._serial_number is not None and plate.serial_number != self._serial_number:
            raise IdentityMismatch(device, f"it is {plate.serial_number:08X}, {self._serial_number:08X} is configured")
        level, outputs = plate.capability(Capability.OUTPUTS)
        if level not in TIMED_OUTPUTS:
            raise IdentityMismatch(
                device, f"it cannot time its outputs (level {level}, 3 or 4 is needed): a release would latch"
            )
        _, inputs = plate.capability(Capability.CONTACTS)
        if (outputs, inputs) != (self.relays, self.inputs):
            raise IdentityMismatch(
                device,
                f"it has {outputs} outputs and {inputs} inputs, {self.relays} and {self.inputs} are configured",
            )

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """One timed OUT, urgent, never repeated: not by us, and the library is kept from it."""
        await self._panel.output(relay, OutputCode.ON_FOR, tenths, expires_s=expires_s)

    async def all_off(self) -> None:
        """Every output permanently off, its timer aborted; one exchange each."""
        for relay in range(self.relays):
            await self._panel.output(relay, OutputCode.OFF)

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """OSTAT: what the device believes of its outputs."""
        return await self._states(Command.OSTAT, self.relays, urgent)

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """ISTAT: active inputs."""
        if not self.inputs:
            return ()
        return await self._states(Command.ISTAT, self.inputs, urgent)

    async def _states(self, code: Command, count: int, urgent: bool) -> tuple[bool, ...]:
        report = await self._panel.status(code, urgent=urgent)
        if len(report) != count or not set(report) <= {0, 1}:
            raise RemoteProtocolError(self._panel.device, f"{code.name} reports {report}, not {count} times 0 or 1")
        return tuple(map(bool, report))

    def close(self) -> None:
        """End the line."""
        self._panel.close()


def identity_of(plate: Nameplate) -> DeviceIdentity:
    """A nameplate as the ports give it."""
    major, minor, build = plate.firmware_version.to_bytes(3, "big")
    return DeviceIdentity(
        model=f"OSDP device {plate.vendor_code:06X}/{plate.model}",
        firmware=f"{major}.{minor}.{build}",
        serial_number=f"{plate.serial_number:08X}",
        verified_on_hardware=False,
    )


def osdp_board(
    device: str,
    line: str | Callable[[], Transport],
    *,
    key: bytes,
    baudrate: int = 9600,
    address: int = 1,
    outputs: int = 2,
    inputs: int = 8,
    serial_number: int | None = None,
    commissioning: bool = False,
    deliver: Callable[[dict[str, Any] | LinkState], None] | None = None,
) -> Callable[[], OsdpBoard]:
    """What gives a fresh board on serial port `line` (or on what opens a transport); it is opened by `identify`.

    `deliver` gets the reader's events when the device has one too (`ReaderEvents.put`). Raises KeyRefused.
    """
    connect = serial_line(device, line, baudrate) if isinstance(line, str) else line

    def make() -> OsdpBoard:
        panel = Panel(device, connect, key=key, address=address, commissioning=commissioning, deliver=deliver)
        return OsdpBoard(panel, outputs=outputs, inputs=inputs, serial_number=serial_number)

    return make
