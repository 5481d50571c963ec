"""Numato: lines and echoes, torn writes, ends owed by the host, mirrors at gpio pins, a wrong or stuck module."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drivers.errors import ContactDisagrees, DeviceRefused, Disconnected, IdentityMismatch, RemoteProtocolError
from drivers.gate import DryContactGate, DryContactWiring
from drivers.gate.bench import BENCH_ONLY, objection
from drivers.gate.numato import protocol
from drivers.gate.numato.board import NumatoBoard, numato_board
from drivers.gate.numato.protocol import NumatoClient, NumatoServer
from drivers.gate.owed import OwedEnds
from drivers.ports import Door, DoorPosition, Gate
from drivers.session import Timing
from drivers.transport.null_modem import Manipulator, null_modem
from hil.contracts.gate import GateContract
from hil.emulator.numato import NumatoModule
from hil.emulator.pty_line import PtyLine

pytestmark = pytest.mark.anyio
QUICK = Timing(reply_s=0.05, max_latency_s=0.05)


def joined(module: NumatoModule, *, outward: Manipulator = lambda data: [data], **options: Any) -> NumatoBoard:
    near, far = null_modem("gate", outward=outward)
    far.answer_with(module.handle)
    options = {"relays": module.relays, "inputs": module.pins, "timing": QUICK, **options}
    return NumatoBoard("gate", near, **options)


def said(module: NumatoModule) -> list[bytes]:
    return [line for data in module.heard for line in data.split(b"\r") if line]


class TestContract(GateContract):
    device = "gate.numato"
    slack_s = 0.2

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        module = NumatoModule()
        if kind == "pty":
            return DryContactGate("gate", numato_board("gate", plug(module).path), DryContactWiring())
        return DryContactGate("gate", lambda: joined(module), DryContactWiring())

    def real(self, options: dict[str, Any]) -> Gate:
        return DryContactGate("gate", numato_board("gate", **options), DryContactWiring())


# --- lines --------------------------------------------------------------------------------------------------

# The first two exchanges are transcripts in public code; the rest is computed in their form.
EXCHANGES = [
    (protocol.read_gpio(0), b"gpio read 0\n\r1\n\r>", "1"),
    (protocol.READ_ALL, b"relay readall\n\r00\n\r>", "00"),
    (protocol.VERSION, b"ver\n\r00000008\n\r>", "00000008"),
    (protocol.switch(0, True), b"relay on 0\n\r>", ""),
    (protocol.switch(10, False), b"relay off A\n\r>", ""),
    (protocol.read_relay(31), b"relay read V\n\roff\n\r>", "off"),
]


@pytest.mark.parametrize(("command", "reply", "answer"), EXCHANGES)
def test_replies_whole_and_byte_by_byte(command: protocol.Command, reply: bytes, answer: str) -> None:
    client = NumatoClient()
    assert client.send(command) == command.text.encode() + b"\r"
    assert client.receive(reply) == answer
    client.send(command)
    pieces = [client.receive(bytes((byte,))) for byte in reply]
    assert pieces == [None] * (len(reply) - 1) + [answer]


@pytest.mark.parametrize(
    "reply",
    [b"relay on 1\n\r>", b"rlay on 0\n\r>", b"relay on 0\n\rerror\n\r>", b"xrelay on 0\n\r>", b"relay on 0>", b">"],
)
def test_a_spoilt_echo_is_no_reply(reply: bytes) -> None:
    client = NumatoClient()
    client.send(protocol.switch(0, True))
    assert client.receive(reply) is None
    assert client.receive(b"relay on 0\n\r>") is None
    assert client.abandon() is not None


def test_the_module_takes_lines_in_pieces_and_ignores_what_it_does_not_know() -> None:
    module = NumatoModule()
    for byte in b"relay on 2\r":
        module.handle(bytes((byte,)))
    assert module.bank.coil(2)
    for wrong in (
        b"relay on 8\r",
        b"relay on 1 \r",
        b"RELAY ON 1\r",
        b"relay on1\r",
        b"xrelay on 1\r",
        b"relay on 1\n",
    ):
        NumatoServer(module).receive(wrong)
    assert module.bank.coils() == (False, False, True, False, False, False, False, False)


def test_numbers_widths_and_words() -> None:
    with pytest.raises(ValueError, match="32"):
        protocol.switch(32, True)
    assert protocol.mask("05", 8) == 5
    assert protocol.mask("5", 4) == 5
    assert protocol.mask("0005", 16) == 5
    assert [protocol.mask(text, 4) for text in ("10", "005", "0G", "")] == [None] * 4
    assert [protocol.state(text) for text in ("on", "0", "ON", "")] == [True, False, None, None]


# --- identity -----------------------------------------------------------------------------------------------


async def test_identity_says_bench_only() -> None:
    module = NumatoModule()
    identity = await joined(module, module_id="DESK0001").identify()
    assert identity.model == "Numato 8-channel USB relay module (bench only)"
    assert (identity.firmware, identity.serial_number) == ("00000008", "DESK0001")
    assert not identity.verified_on_hardware
    assert said(module) == [b"ver", b"id get", b"relay readall"]
    assert NumatoBoard.self_releasing is False
    assert objection("gate.numato") is BENCH_ONLY["gate.numato"]


@pytest.mark.parametrize(
    ("module", "options", "complaint"),
    [
        (NumatoModule(relays=16), {"relays": 8}, "not those of 8 relays"),
        (NumatoModule(relays=2, knows_all=False), {"relays": 4}, "has no relay 3"),
        (NumatoModule(module_id="OTHER001"), {"module_id": "DESK0001"}, "'OTHER001', 'DESK0001' is configured"),
    ],
)
async def test_another_module_is_told_and_not_commanded(
    module: NumatoModule, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(IdentityMismatch, match=complaint):
        await joined(module, **options).identify()
    assert not any(line.startswith((b"relay on", b"relay off", b"relay writeall")) for line in said(module))


@pytest.mark.parametrize("answer", [b"OK>", b"\xff\x01\x00", b"ver\r\nwhat?"])
async def test_another_device_is_told_and_not_commanded(answer: bytes) -> None:
    heard = bytearray()

    def other(data: bytes) -> bytes:
        heard.extend(data)
        return answer

    near, far = null_modem("gate")
    far.answer_with(other)
    board = NumatoBoard("gate", near, timing=QUICK)
    with pytest.raises(IdentityMismatch, match="not a Numato module"):
        await board.identify()
    assert bytes(heard) == b"ver\rver\r"
    with pytest.raises(DeviceRefused, match="identify"):
        await board.all_off()
    with pytest.raises(DeviceRefused, match="identify"):
        await board.pulse(0, 1, expires_s=0.25)
    assert bytes(heard) == b"ver\rver\r"


async def test_left_overs_of_another_program_spoil_one_question_and_switch_nothing() -> None:
    module = NumatoModule()
    module.handle(b"relay on 0")
    board = joined(module)
    await board.identify()
    assert not module.bank.coil(0)
    board.close()


async def test_a_module_without_readall_is_read_relay_by_relay() -> None:
    module = NumatoModule(relays=2, pins=4, knows_all=False, mirrors={})
    module.bank.switch(1, True)
    board = joined(module)
    await board.identify()
    assert await board.read_relays() == (False, True)
    await board.all_off()
    assert await board.read_relays() == (False, False)
    board.close()


# --- relays and pins ----------------------------------------------------------------------------------------


async def test_mirrors_and_pins_make_a_gate() -> None:
    module = NumatoModule()
    module.set_pin(0, True)
    with pytest.raises(ValueError, match="mirror"):
        module.set_pin(6, True)
    gate = DryContactGate("gate", lambda: joined(module), DryContactWiring())
    await gate.open()
    reading = await gate.read()
    assert (reading.entry, reading.exit) == (DoorPosition.CLOSED, DoorPosition.OPEN)
    await gate.release(Door.ENTRY, 1.0)
    assert module.bank.contact(0)
    await gate.close()
    assert module.bank.coils() == (False,) * 8
    assert not any(line.startswith(b"relay writeall") for line in said(module))


@pytest.mark.parametrize("break_it", [lambda module: module.bank.break_coil(1), lambda module: module.stuck.add(1)])
async def test_a_relay_that_does_not_follow_is_a_contact_fault(break_it: Callable[[NumatoModule], None]) -> None:
    module = NumatoModule()
    gate = DryContactGate("gate", lambda: joined(module), DryContactWiring())
    await gate.open()
    break_it(module)
    with pytest.raises(ContactDisagrees, match="exit relay did not close"):
        await gate.release(Door.EXIT, 0.2)
    await gate.close()


async def test_a_relay_that_stays_on_is_an_error() -> None:
    module = NumatoModule()
    board = joined(module)
    await board.identify()
    module.bank.switch(5, True)
    module.stuck.add(5)
    with pytest.raises(DeviceRefused, match=r"relays \[5\] are still on"):
        await board.all_off()
    board.close()


async def test_bad_pulses_are_refused_unsent() -> None:
    module = NumatoModule()
    board = joined(module)
    await board.identify()
    for relay, tenths in ((8, 1), (-1, 1), (0, 0)):
        with pytest.raises(ValueError, match=r"relay|tenths"):
            await board.pulse(relay, tenths, expires_s=0.25)
    assert not any(line.startswith(b"relay on") for line in said(module))
    board.close()


async def test_no_pulse_slips_in_between_the_lines_of_all_off() -> None:
    module = NumatoModule()
    board = joined(module)
    await board.identify()
    securing = asyncio.ensure_future(board.all_off())
    await asyncio.sleep(0)
    with pytest.raises(DeviceRefused, match="being put off"):
        await board.pulse(0, 3, expires_s=0.25)
    await securing
    assert module.bank.coils() == (False,) * 8
    await board.pulse(0, 3, expires_s=0.25)
    board.close()


# --- ends owed ----------------------------------------------------------------------------------------------


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_the_host_ends_a_pulse_and_reads_it_back() -> None:
    module, rings = NumatoModule(), [asyncio.Event() for _ in range(2)]
    asked: list[float] = []

    async def alarm(seconds: float) -> None:
        asked.append(seconds)
        await rings[len(asked) - 1].wait()

    board = joined(module, sleep=alarm)
    await board.identify()
    await board.pulse(0, 3, expires_s=0.25)
    await settled()
    assert asked == [pytest.approx(0.55), pytest.approx(0.3)]
    rings[0].set()
    await settled()
    assert module.bank.coil(0), "the end owed before the start gave way to the one after it"
    rings[1].set()
    await settled()
    assert not module.bank.coil(0)
    assert said(module)[-2:] == [b"relay off 0", b"relay read 0"]
    board.close()


async def test_an_off_that_was_torn_stays_owed_until_the_module_says_off() -> None:
    module, ring = NumatoModule(), asyncio.Event()
    tear = False

    def outward(data: bytes) -> list[bytes]:
        if tear and data.startswith(b"relay off"):
            return [data.replace(b"off", b"of")]
        return [data]

    async def alarm(_: float) -> None:
        await ring.wait()

    board = joined(module, outward=outward, sleep=alarm)
    await board.identify()
    await board.pulse(3, 3, expires_s=0.25)
    await settled()
    tear = True
    ring.set()
    await settled()
    # This reading waits behind the first attempt; from the next on the debt comes first.
    assert (await board.read_relays())[3]
    with pytest.raises(RemoteProtocolError, match="relay off 3"):
        await board.read_relays()
    tear = False
    assert not any(await board.read_relays())
    assert not module.bank.coil(3)
    assert said(module).count(b"relay on 3") == 1
    board.close()


async def test_a_torn_start_is_not_repeated() -> None:
    module = NumatoModule()

    def outward(data: bytes) -> list[bytes]:
        return [data[:7]] if data.startswith(b"relay on") else [data]

    board = joined(module, outward=outward)
    await board.identify()
    with pytest.raises(RemoteProtocolError, match="no prompt"):
        await board.pulse(0, 1, expires_s=0.25)
    assert not module.bank.coil(0)
    board.close()


async def test_all_off_strikes_the_debt_off() -> None:
    module = NumatoModule()
    board = joined(module)
    await board.identify()
    await board.pulse(0, 1, expires_s=0.25)
    await board.all_off()
    before = len(module.heard)
    await asyncio.sleep(0.15)
    assert len(module.heard) == before
    board.close()


async def test_a_newer_debt_outlives_the_payment_of_an_older() -> None:
    paid: list[int] = []
    at_work, go_on = asyncio.Event(), asyncio.Event()

    async def switch_off(relay: int) -> None:
        if not paid:
            paid.append(-1)
            raise RemoteProtocolError("gate", "garbled")
        at_work.set()
        await go_on.wait()
        paid.append(relay)

    async def at_once(_: float) -> None:
        return

    ends = OwedEnds("gate", switch_off, at_once)
    ends.owe(4, 0.0)
    await settled()
    settling = asyncio.ensure_future(ends.settle())
    await at_work.wait()
    ends.owe(4, 0.0)
    go_on.set()
    await settling
    await settled()
    assert paid == [-1, 4, 4]
    ends.close()
    ends.owe(4, 0.0)
    await settled()
    assert paid == [-1, 4, 4]


async def test_a_close_sends_nothing() -> None:
    module = NumatoModule()
    board = joined(module)
    await board.identify()
    await board.pulse(0, 1, expires_s=0.25)
    before = len(module.heard)
    board.close()
    await settled()
    assert [task.get_name() for task in asyncio.all_tasks() if "off" in task.get_name()] == []
    assert len(module.heard) == before
    assert module.bank.coil(0), "a latching module keeps its relay: that is why it is for the bench only"


# --- the line -----------------------------------------------------------------------------------------------


async def test_unplugged_and_plugged_in_again(plug: Callable[..., PtyLine]) -> None:
    module = NumatoModule()
    line = plug(module)
    gate = DryContactGate("gate", numato_board("gate", line.path), DryContactWiring())
    await gate.open()
    await gate.release(Door.EXIT, 5.0)
    line.unplug()
    with pytest.raises(Disconnected):
        await gate.read()
    await gate.close()
    assert module.bank.coil(1)
    line.replug()
    await gate.open()
    assert not module.bank.coil(1)
    await gate.close()
