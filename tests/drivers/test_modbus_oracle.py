"""pymodbus as the independent oracle: its server against our client, its client against our server, on a terminal."""

import asyncio
import random
from collections.abc import Callable

import pytest
from pymodbus.client import AsyncModbusSerialClient
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.gate.waveshare import protocol
from drivers.modbus.client import ModbusClient
from drivers.modbus.frames import Function, Read, Refusal, Reply, Request, Values, WriteMultiple, WriteSingle, Written
from drivers.session import Session, Timing
from drivers.transport.serial_port import SerialPort
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio
BAUD = 115200


class Crossed:
    """Joins two pseudo-terminals: what one controller writes the other reads."""

    def __init__(self) -> None:
        self.other: PtyLine | None = None

    def handle(self, data: bytes) -> bytes:
        if self.other is not None:
            self.other.send(data)
        return b""


def crossed(plug: Callable[..., PtyLine]) -> tuple[str, str]:
    one, two = Crossed(), Crossed()
    first, second = plug(one, "first"), plug(two, "second")
    one.other, two.other = second, first
    return first.path, second.path


async def test_our_client_against_its_server(plug: Callable[..., PtyLine]) -> None:
    ours, its = crossed(plug)
    coils = [bool(0xA5 >> bit & 1) for bit in range(16)]
    inputs = [bool(0x3C >> bit & 1) for bit in range(16)]
    device = SimDevice(
        1,
        (
            [SimData(0, values=coils, datatype=DataType.BITS)],
            [SimData(0, values=inputs, datatype=DataType.BITS)],
            [SimData(0, values=[7, 0xFFFF, 3], datatype=DataType.REGISTERS)],
            [SimData(0, values=[11, 12], datatype=DataType.REGISTERS)],
        ),
    )
    server = ModbusSerialServer(device, port=its, baudrate=BAUD)
    serving = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0.1)
    port = SerialPort(ours, BAUD, device="oracle")
    port.open()
    client = ModbusClient((protocol.read_relays(1), protocol.read_inputs(1)))
    session: Session[Request, Reply] = Session("oracle", port, client, timing=Timing(reply_s=2.0, quiet_s=0.002))
    expected: list[tuple[Request, Reply]] = [
        (Read(1, Function.READ_COILS, 0, 8), Values(1, Function.READ_COILS, (1, 0, 1, 0, 0, 1, 0, 1))),
        (Read(1, Function.READ_DISCRETE_INPUTS, 2, 3), Values(1, Function.READ_DISCRETE_INPUTS, (1, 1, 1))),
        (Read(1, Function.READ_HOLDING_REGISTERS, 0, 3), Values(1, Function.READ_HOLDING_REGISTERS, (7, 0xFFFF, 3))),
        (Read(1, Function.READ_INPUT_REGISTERS, 1, 1), Values(1, Function.READ_INPUT_REGISTERS, (12,))),
        (WriteSingle(1, Function.WRITE_COIL, 1, 0xFF00), Written(1, Function.WRITE_COIL, 1, 0xFF00)),
        (WriteSingle(1, Function.WRITE_REGISTER, 2, 0xBEEF), Written(1, Function.WRITE_REGISTER, 2, 0xBEEF)),
        (WriteMultiple(1, Function.WRITE_COILS, 2, (0, 1)), Written(1, Function.WRITE_COILS, 2, 2)),
        (WriteMultiple(1, Function.WRITE_REGISTERS, 0, (1, 2)), Written(1, Function.WRITE_REGISTERS, 0, 2)),
        (Read(1, Function.READ_COILS, 0, 8), Values(1, Function.READ_COILS, (1, 1, 0, 1, 0, 1, 0, 1))),
        (Read(1, Function.READ_HOLDING_REGISTERS, 0, 3), Values(1, Function.READ_HOLDING_REGISTERS, (1, 2, 0xBEEF))),
        (Read(1, Function.READ_INPUT_REGISTERS, 500, 1), Refusal(1, Function.READ_INPUT_REGISTERS, 2)),
    ]
    try:
        for request, reply in expected:
            assert await session.request(request) == reply
    finally:
        session.close()
        await server.shutdown()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_its_client_against_our_server(plug: Callable[..., PtyLine]) -> None:
    board = WaveshareBoard(baudrate=BAUD)
    client = AsyncModbusSerialClient(plug(board).path, baudrate=BAUD, timeout=2, retries=0)
    assert await client.connect()
    chance = random.Random(7)
    try:
        for _ in range(10):
            wanted = [chance.random() < 0.5 for _ in range(8)]
            for number in range(6):
                board.set_input(number, wanted[number])
            await client.write_coils(0, wanted, device_id=1)
            assert (await client.read_coils(0, count=8, device_id=1)).bits == wanted
            seen = (await client.read_discrete_inputs(0, count=8, device_id=1)).bits
            assert seen == [*wanted[:6], not wanted[0], not wanted[1]]
        await client.write_coil(3, not wanted[3], device_id=1)
        assert board.coil(3) is not wanted[3]
        assert (await client.read_holding_registers(0x8000, count=1, device_id=1)).registers == [200]
        assert (await client.read_holding_registers(0x9000, count=1, device_id=1)).exception_code == 2
        assert (await client.write_register(0x1000, 1, device_id=1)).exception_code == 2
        assert (await client.read_input_registers(0, count=1, device_id=1)).exception_code == 2
    finally:
        client.close()
