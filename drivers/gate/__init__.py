"""Gates. `open_waveshare_gate` gives the first one: dry contacts on a Waveshare relay board."""

from collections.abc import Callable

from drivers.gate.dry_contact import DryContactGate, DryContactWiring
from drivers.gate.waveshare.board import WaveshareBoard, modbus_session
from drivers.transport.serial_port import SerialPort

__all__ = ["DryContactGate", "DryContactWiring", "open_waveshare_gate", "waveshare_board"]


def open_waveshare_gate(
    device: str,
    port: str,
    *,
    baudrate: int = 9600,
    unit: int = 1,
    wiring: DryContactWiring | None = None,
    version: int | None = None,
) -> DryContactGate:
    """A gate on a Waveshare Modbus RTU Relay (D) at serial port `port`; the port is opened by the gate's `open`.

    `version` pins the firmware (200 is V2.00): any other answer is an IdentityMismatch. Above 57600 baud the board
    has been reported unstable; 9600 is its factory setting and takes 42 ms for one reading of the gate.
    """

    connect = waveshare_board(device, port, baudrate=baudrate, unit=unit, version=version)
    return DryContactGate(device, connect, wiring or DryContactWiring())


def waveshare_board(
    device: str, port: str, *, baudrate: int = 9600, unit: int = 1, version: int | None = None
) -> Callable[[], WaveshareBoard]:
    """What opens the port and gives a fresh board; nothing is sent by that. Raises PortBusy, Disconnected."""

    def connect() -> WaveshareBoard:
        serial = SerialPort(port, baudrate, device=device)
        serial.open()
        return WaveshareBoard(modbus_session(device, serial, baudrate, unit), unit=unit, version=version)

    return connect
