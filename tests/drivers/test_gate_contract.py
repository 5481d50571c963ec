"""The gate suite on the relay boards behind dry contacts."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.gate import DryContactGate, DryContactWiring, open_waveshare_gate
from drivers.gate.waveshare.board import WaveshareBoard as WaveshareClient
from drivers.gate.waveshare.board import spacers
from drivers.modbus_unit import ModbusUnit
from drivers.ports import Gate
from drivers.transport.null_modem import null_modem
from hil.contracts.gate import GateContract
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio
BAUD = 57600


class TestWaveshare(GateContract):
    device = "gate.waveshare"

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        board = WaveshareBoard(baudrate=BAUD)
        if kind == "pty":
            return open_waveshare_gate("gate", plug(board).path, baudrate=BAUD)

        def connect() -> WaveshareClient:
            near, far = null_modem("gate")
            far.answer_with(board.handle)
            return WaveshareClient(ModbusUnit("gate", near, BAUD, number=1, spacers=spacers(1)))

        return DryContactGate("gate", connect, DryContactWiring())

    def real(self, options: dict[str, Any]) -> Gate:
        return open_waveshare_gate("gate", **options)
