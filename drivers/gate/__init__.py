"""Gates: what a lane releases its doors with. Each kind names its bytes in a protocol module of its own."""

from drivers.gate.dry_contact import DryContactGate
from drivers.gate.waveshare.board import waveshare_board
from drivers.gate.wiring import DryContactWiring

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
    """A gate on a Waveshare Modbus RTU Relay (D) at serial port `port`; the port is opened by the gate's `open`."""
    connect = waveshare_board(device, port, baudrate=baudrate, unit=unit, version=version)
    return DryContactGate(device, connect, wiring or DryContactWiring())
