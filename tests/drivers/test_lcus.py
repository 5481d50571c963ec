"""LCUS: frames, both forms of the status answer, the pause, ends owed by the host, a wrong or deaf board."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from drivers.errors import ContactDisagrees, DeviceRefused, Disconnected, IdentityMismatch, NoResponse
from drivers.gate import DryContactGate, DryContactWiring
from drivers.gate.bench import BENCH_ONLY, objection
from drivers.gate.lcus import protocol
from drivers.gate.lcus.board import LcusBoard as LcusClientBoard
from drivers.gate.lcus.board import lcus_board
from drivers.gate.lcus.protocol import Ask, LcusClient, LcusDevice, Query, Status, StatusError, StatusForm, Switch
from drivers.ports import Door, DoorPosition, Gate
from drivers.transport.null_modem import null_modem
from hil.contracts.gate import GateContract
from hil.emulator.lcus import LcusBoard
from hil.emulator.pty_line import PtyLine

pytestmark = pytest.mark.anyio
INPUTS = ("entry_closed", "exit_closed", "occupied", "passage", "out_of_service", "emergency")
BLIND = DryContactWiring(**dict.fromkeys((*INPUTS, "entry_mirror", "exit_mirror")))
# From public code, whole: channel 1 on and off (jarwyg/USB_RELAY, exmakhina/xm_tesmes), channel 2 (other drivers).
PUBLIC = {
    bytes.fromhex("A0 01 01 A2"): Switch(1, True),
    bytes.fromhex("A0 01 00 A1"): Switch(1, False),
    bytes.fromhex("A0 02 01 A3"): Switch(2, True),
    bytes.fromhex("A0 02 00 A2"): Switch(2, False),
}
# Computed by us from the same rule.
COMPUTED = {bytes.fromhex("A0 08 01 A9"): Switch(8, True), b"\xff": Query()}


def joined(board: LcusBoard, **options: Any) -> LcusClientBoard:
    near, far = null_modem("gate")
    far.answer_with(board.handle)
    return LcusClientBoard("gate", near, relays=board.bank.relays, **options)


def gate_on(board: LcusBoard) -> DryContactGate:
    return DryContactGate("gate", lambda: joined(board, pause_s=0.001), BLIND)


class TestContractRaw(GateContract):
    device = "gate.lcus"
    form = StatusForm.RAW
    slack_s = 0.25

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        board = LcusBoard(form=self.form, busy_s=0.002)
        if kind == "pty":
            return DryContactGate("gate", lcus_board("gate", plug(board).path, pause_s=0.006), BLIND)
        return DryContactGate("gate", lambda: joined(board, pause_s=0.006), BLIND)

    def real(self, options: dict[str, Any]) -> Gate:
        return DryContactGate("gate", lcus_board("gate", **options), BLIND)


class TestContractText(TestContractRaw):
    form = StatusForm.TEXT

    def real(self, options: dict[str, Any]) -> Gate:
        pytest.skip("a real board runs once; its form is found out")


# --- bytes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("frame", "command"), [*PUBLIC.items(), *COMPUTED.items()])
def test_frames_whole_byte_by_byte_and_after_garbage(frame: bytes, command: Switch | Query) -> None:
    assert protocol.encode_command(command) == frame
    assert LcusDevice().receive(frame) == (command,)
    device = LcusDevice()
    pieces = [device.receive(bytes((byte,))) for byte in frame]
    assert pieces == [()] * (len(frame) - 1) + [(command,)]
    assert LcusDevice().receive(b"\x00A\x13\xa0\x01" + frame + b"\x42") == (command,)


def test_a_wrong_sum_a_wrong_operation_and_a_missing_channel_are_dropped() -> None:
    for spoilt in ("A0 01 01 A1", "A0 01 02 A3", "A0 03 01 A4", "A0 00 01 A1", "A0 0F 01 B0"):
        assert LcusDevice(2).receive(bytes.fromhex(spoilt)) == ()


def test_a_clone_takes_channel_15_for_all() -> None:
    board = LcusBoard(all_channels=True)
    board.handle(bytes.fromhex("A0 0F 01 B0"))
    assert board.bank.coils() == (True, True)


# "CH1: ON" is as a public transcript shows it, the other lines are computed in its form.
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"\x01\x00", Status(StatusForm.RAW, (True, False))),
        (b"CH1: ON \r\nCH2: OFF\r\n", Status(StatusForm.TEXT, (True, False))),
        (b"CH1:OFF \r\nCH2:ON\r\n", Status(StatusForm.TEXT, (False, True))),
    ],
)
def test_both_forms_of_the_status_whole_and_byte_by_byte(answer: bytes, status: Status) -> None:
    client = LcusClient(2)
    client.send(Ask())
    assert client.receive(answer) == status
    client.send(Ask())
    pieces = [client.receive(bytes((byte,))) for byte in answer]
    assert pieces == [None] * (len(answer) - 1) + [status]


@pytest.mark.parametrize(
    "wrong", [b"\x02", b"\x01\x02", b"\x00\x00\x00", b"CH2: ON \r\n", b"CH1: MAYBE\r\n", b"hello", b"CH1:" + b" " * 20]
)
def test_what_is_no_status_is_refused(wrong: bytes) -> None:
    with pytest.raises(StatusError):
        protocol.decode_status(wrong, 2)


def test_a_board_does_not_change_its_form() -> None:
    client = LcusClient(2)
    client.send(Ask())
    assert client.receive(b"\x00\x00") is not None
    client.send(Ask())
    assert client.receive(protocol.encode_status(StatusForm.TEXT, (True, False))) is None
    assert "before as raw bytes" in (client.abandon() or "")


def test_nothing_is_taken_before_a_request_and_after_a_wrong_byte() -> None:
    client = LcusClient(2)
    assert client.receive(b"\x01\x01") is None
    client.send(Ask())
    assert client.receive(b"\x07") is None
    assert client.receive(b"\x00\x00") is None
    assert client.abandon() is not None


def test_a_request_splits_into_its_frames() -> None:
    sent = LcusClient(2).send(Ask((Switch(1, False), Switch(2, False))))
    assert protocol.split_frames(sent) == [bytes.fromhex("A0 01 00 A1"), bytes.fromhex("A0 02 00 A2"), b"\xff"]
    with pytest.raises(ValueError, match="channel 3"):
        LcusClient(2).send(Ask((Switch(3, True),)))


# --- identity -----------------------------------------------------------------------------------------------


async def test_identity_says_bench_only_and_how_it_answers() -> None:
    board = LcusBoard(form=StatusForm.TEXT)
    identity = await joined(board).identify()
    assert identity.model == "LCUS-2 (bench only)"
    assert identity.firmware == "not told; answers in text lines"
    assert not identity.verified_on_hardware
    assert board.frames == []
    assert LcusClientBoard.self_releasing is False
    assert objection("gate.lcus") is BENCH_ONLY["gate.lcus"]


@pytest.mark.parametrize("really", [1, 4, 8])
@pytest.mark.parametrize("form", StatusForm)
async def test_a_board_of_another_size_is_told_and_not_commanded(really: int, form: StatusForm) -> None:
    board = LcusBoard(relays=really, form=form)
    near, far = null_modem("gate")
    far.answer_with(board.handle)
    with pytest.raises(IdentityMismatch):
        await LcusClientBoard("gate", near, relays=2).identify()
    assert board.frames == []


async def test_states_too_many_that_come_late_are_told() -> None:
    near, far = null_modem("gate")

    def answer(data: bytes) -> bytes:
        asyncio.get_running_loop().call_later(0.005, far.emit, b"\0\0")
        return b"\0\0"

    far.answer_with(answer)
    with pytest.raises(IdentityMismatch, match="correct `relays`"):
        await LcusClientBoard("gate", near, relays=2).identify()


async def test_another_device_is_told_and_not_commanded() -> None:
    heard = bytearray()

    def echo(data: bytes) -> bytes:
        heard.extend(data)
        return data

    near, far = null_modem("gate")
    far.answer_with(echo)
    gate = DryContactGate("gate", lambda: LcusClientBoard("gate", near), BLIND)
    with pytest.raises(IdentityMismatch, match="no LCUS board"):
        await gate.open()
    assert bytes(heard) == b"\xff"


async def test_a_silent_board_says_what_that_means() -> None:
    near, _ = null_modem("gate")
    with pytest.raises(NoResponse, match="never answers FF"):
        await LcusClientBoard("gate", near).identify()


async def test_nothing_is_commanded_before_identify() -> None:
    board = LcusBoard()
    client = joined(board)
    for call in (client.pulse(0, 1, expires_s=0.25), client.all_off()):
        with pytest.raises(DeviceRefused, match="identify"):
            await call
    assert board.frames == []


# --- the pause and the relays -------------------------------------------------------------------------------


async def test_without_a_pause_a_busy_board_misses_what_follows() -> None:
    hasty = joined(LcusBoard(busy_s=0.01), pause_s=0.0)
    await hasty.identify()
    with pytest.raises(NoResponse):
        await hasty.all_off()
    patient = joined(LcusBoard(busy_s=0.01), pause_s=0.02)
    await patient.identify()
    await patient.all_off()
    hasty.close()
    patient.close()


async def test_open_puts_off_what_another_program_left_on_and_positions_are_unknown() -> None:
    board = LcusBoard()
    board.bank.switch(1, True)
    gate = gate_on(board)
    await gate.open()
    assert board.bank.coils() == (False, False)
    reading = await gate.read()
    assert (reading.entry, reading.exit) == (DoorPosition.UNKNOWN, DoorPosition.UNKNOWN)
    await gate.close()


async def test_a_channel_that_stays_on_is_an_error_and_one_that_never_comes_is_a_contact_fault() -> None:
    board = LcusBoard()
    gate = gate_on(board)
    await gate.open()
    board.deaf.add(1)
    with pytest.raises(ContactDisagrees):
        await gate.release(Door.ENTRY, 0.2)
    board.bank.switch(0, True)
    with pytest.raises(DeviceRefused, match=r"relays \[0\] are still on"):
        await gate.secure()
    await gate.close()


async def test_bad_pulses_are_refused_unsent() -> None:
    board = LcusBoard()
    client = joined(board)
    await client.identify()
    for relay, tenths in ((2, 1), (-1, 1), (0, 0)):
        with pytest.raises(ValueError, match=r"relay|tenths"):
            await client.pulse(relay, tenths, expires_s=0.25)
    assert board.frames == []
    client.close()


# --- ends owed ----------------------------------------------------------------------------------------------


class Alarm:
    """A sleep that ends when told; `asked` are the seconds."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._rings: list[asyncio.Event] = []

    async def __call__(self, seconds: float) -> None:
        if seconds < 0.05:
            return  # the board's pause
        ring = asyncio.Event()
        self.asked.append(seconds)
        self._rings.append(ring)
        await ring.wait()

    def ring(self, number: int) -> None:
        self._rings[number].set()


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_the_host_ends_a_pulse_and_a_later_one_has_its_own_end() -> None:
    board, alarm = LcusBoard(), Alarm()
    client = joined(board, sleep=alarm, pause_s=0.0)
    await client.identify()
    await client.pulse(0, 3, expires_s=0.25)
    await settled()
    assert alarm.asked == [pytest.approx(0.55), pytest.approx(0.3)]
    await client.pulse(0, 20, expires_s=0.25)
    await settled()
    for number in range(len(alarm.asked) - 1):
        alarm.ring(number)
    await settled()
    assert board.bank.coil(0)
    alarm.ring(len(alarm.asked) - 1)
    await settled()
    assert not board.bank.coil(0)
    assert board.frames == [bytes.fromhex(text) for text in ("A0 01 01 A2", "A0 01 01 A2", "A0 01 00 A1")]
    client.close()


async def test_an_end_the_board_did_not_follow_stays_owed_and_goes_before_the_next_reading() -> None:
    board, alarm = LcusBoard(), Alarm()
    client = joined(board, sleep=alarm, pause_s=0.0)
    await client.identify()
    await client.pulse(0, 3, expires_s=0.25)
    await settled()
    board.deaf.add(1)
    alarm.ring(len(alarm.asked) - 1)
    await settled()
    assert board.bank.coil(0)
    with pytest.raises(DeviceRefused, match="still on"):
        await client.read_relays()
    board.deaf.clear()
    assert await client.read_relays() == (False, False)
    sent = len(board.frames)
    await client.read_relays()
    assert len(board.frames) == sent
    client.close()


async def test_a_start_whose_answer_is_lost_is_ended_all_the_same_and_not_repeated() -> None:
    board, alarm = LcusBoard(), Alarm()
    near, far = null_modem("gate")
    silent = False

    def answer(data: bytes) -> bytes:
        reply = board.handle(data)
        return b"" if silent else reply

    far.answer_with(answer)
    client = LcusClientBoard("gate", near, sleep=alarm, pause_s=0.0)
    await client.identify()
    silent = True
    with pytest.raises(NoResponse):
        await client.pulse(1, 3, expires_s=0.25)
    assert board.bank.coil(1)
    silent = False
    await settled()
    alarm.ring(len(alarm.asked) - 1)
    await settled()
    assert await client.read_relays() == (False, False)
    assert board.frames.count(bytes.fromhex("A0 02 01 A3")) == 1
    client.close()


async def test_all_off_strikes_the_debt_off_and_close_sends_nothing() -> None:
    board, alarm = LcusBoard(), Alarm()
    client = joined(board, sleep=alarm, pause_s=0.0)
    await client.identify()
    await client.pulse(0, 3, expires_s=0.25)
    await client.all_off()
    sent = len(board.frames)
    alarm.ring(len(alarm.asked) - 1)
    await settled()
    assert len(board.frames) == sent
    await client.pulse(0, 3, expires_s=0.25)
    client.close()
    await settled()
    assert [task.get_name() for task in asyncio.all_tasks() if "off" in task.get_name()] == []
    assert len(board.frames) == sent + 1
    assert board.bank.coil(0), "a latching board keeps its relay: that is why it is for the bench only"


# --- the line -----------------------------------------------------------------------------------------------


async def test_unplugged_and_plugged_in_again(plug: Callable[..., PtyLine]) -> None:
    board = LcusBoard()
    line = plug(board)
    gate = DryContactGate("gate", lcus_board("gate", line.path), BLIND)
    await gate.open()
    await gate.release(Door.EXIT, 5.0)
    line.unplug()
    with pytest.raises(Disconnected):
        await gate.read()
    await gate.close()
    assert board.bank.coil(1)
    line.replug()
    await gate.open()
    assert not board.bank.coil(1)
    await gate.close()


async def test_garbage_between_readings_is_thrown_away() -> None:
    board = LcusBoard()
    near, far = null_modem("gate")
    far.answer_with(board.handle)
    gate = DryContactGate("gate", lambda: LcusClientBoard("gate", near, pause_s=0.001), BLIND)
    await gate.open()
    far.emit(b"\x01\x01\x01")
    await settled()
    assert (await gate.read()).released == frozenset()
    await gate.close()
