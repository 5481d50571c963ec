"""OSDP on a line: the secure channel enforced, releases sent once, losses noticed and mended, reader events."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import (
    ContactDisagrees,
    DeviceRefused,
    Disconnected,
    DriverError,
    IdentityMismatch,
    NoResponse,
    PortBusy,
    RemoteProtocolError,
)
from drivers.gate import DryContactGate, DryContactWiring
from drivers.osdp import protocol
from drivers.osdp.board import OsdpBoard, osdp_board
from drivers.osdp.keys import KeyStore
from drivers.osdp.panel import Panel, commission, serial_line
from drivers.osdp.protocol import Block, Command, Frame, OutputCode, Reply
from drivers.osdp.reader import CardFormat, CardRead, KeysPressed, LocalStatus, OsdpReader, ReaderEvents
from drivers.ports import Door, DoorPosition, Gate
from drivers.transport import Transport
from drivers.transport.null_modem import null_modem
from hil.contracts.gate import GateContract
from hil.emulator.osdp_pd import KEY, Label, OsdpDevice, without_secure_channel
from hil.emulator.pty_line import PtyLine

pytest.importorskip("osdp_sys", reason="the extra `osdp` is not installed")
pytestmark = pytest.mark.anyio

OTHER_KEY = bytes.fromhex("0F1571C947D9E8590CB7ADD6AF7F6798")


def joined(device: OsdpDevice) -> Callable[[], Transport]:
    def connect() -> Transport:
        near, far = null_modem("gate")
        far.answer_with(device.handle)
        return near

    return connect


def board_on(device: OsdpDevice, **options: Any) -> OsdpBoard:
    return osdp_board("gate", joined(device), **{"key": KEY} | options)()


@pytest.fixture
async def boards() -> AsyncIterator[list[OsdpBoard]]:
    """Boards to close when the test ends."""
    made: list[OsdpBoard] = []
    yield made
    for board in made:
        board.close()


@pytest.fixture
async def open_board(boards: list[OsdpBoard], plug: Callable[..., PtyLine]) -> tuple[OsdpBoard, OsdpDevice, PtyLine]:
    """A board in a secure channel on a pseudo-terminal, all off."""
    device = OsdpDevice()
    line = plug(device)
    board = osdp_board("gate", line.path, key=KEY)()
    boards.append(board)
    await board.identify()
    return board, device, line


async def until(holds: Callable[[], bool], limit_s: float) -> float:
    """Wait until it holds; the seconds that took. Fails after `limit_s`."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < limit_s, f"not within {limit_s} s"
        await asyncio.sleep(0.005)
    return time.monotonic() - begun


def panel_of(board: OsdpBoard) -> Panel:
    return board._panel


def releases(device: OsdpDevice) -> list[tuple[int, int, int]]:
    return [done for done in device.done if done[1] != OutputCode.OFF]


class TestContract(GateContract):
    device = "gate.osdp"
    short_s = 0.6
    slack_s = 0.25

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        device = OsdpDevice()
        line = plug(device).path if kind == "pty" else joined(device)
        return DryContactGate("gate", osdp_board("gate", line, key=KEY), DryContactWiring())

    def real(self, options: dict[str, Any]) -> Gate:
        settings = dict(options)
        keys, port = KeyStore(Path(settings.pop("keys"))), settings.pop("port")
        connect = osdp_board("gate", port, key=keys.key("gate"), **settings)
        return DryContactGate("gate", connect, DryContactWiring())


# --- who answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "edit", "why"),
    [
        (lambda: OsdpDevice(key=OTHER_KEY), None, "another key"),
        (lambda: OsdpDevice(key=None), None, "no key yet"),
        (lambda: OsdpDevice(key=None, offers_default=True), None, "SCBK-D"),
        (lambda: OsdpDevice(has_channel=False), None, "in the clear only"),
        (OsdpDevice, without_secure_channel, "capabilities were changed"),
        (lambda: OsdpDevice(output_level=2), None, "would latch"),
        (lambda: OsdpDevice(outputs=4), None, "4 outputs and 8 inputs, 2 and 8 are configured"),
        (lambda: OsdpDevice(inputs=0), None, "0 inputs"),
    ],
)
async def test_a_wrong_device_is_never_commanded(
    device: Callable[[], OsdpDevice], edit: Any, why: str, boards: list[OsdpBoard], plug: Callable[..., PtyLine]
) -> None:
    emulated = device()
    emulated.edit = edit
    board = osdp_board("gate", plug(emulated).path, key=KEY)()
    boards.append(board)
    with pytest.raises(IdentityMismatch, match=why):
        await board.identify()
    if not panel_of(board).state.secure:
        with pytest.raises(IdentityMismatch, match=why):
            await board.pulse(0, 10, expires_s=1.0)
    assert emulated.done == []
    assert Command.OUT not in emulated.asked
    assert Command.KEYSET not in emulated.asked


async def test_a_pinned_serial_number(boards: list[OsdpBoard]) -> None:
    boards.append(board_on(OsdpDevice(), serial_number=0x1234))
    with pytest.raises(IdentityMismatch, match="00C0FFEE, 00001234 is configured"):
        await boards[0].identify()
    boards.append(board_on(OsdpDevice(), serial_number=0x00C0FFEE))
    identity = await boards[1].identify()
    assert (identity.serial_number, identity.firmware) == ("00C0FFEE", "3.2.1")


class Babbler:
    """Answers everything with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def handle(self, data: bytes) -> bytes:
        return self.answer


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (b"", NoResponse, "silent at address 1; check power"),
        (bytes.fromhex("01 03 02 00 00 b8 44"), RemoteProtocolError, "not OSDP"),
        (
            Frame(5, 0, Reply.PDID, bytes(12), reply=True).encode(),
            NoResponse,
            r"address 1 is silent, but \[5\] answers",
        ),
    ],
)
async def test_silence_and_strangers_are_told_apart(
    answer: bytes, error: type[DriverError], why: str, plug: Callable[..., PtyLine]
) -> None:
    panel = Panel("gate", serial_line("gate", plug(Babbler(answer)).path, 9600), key=KEY)
    panel.start()
    try:
        with pytest.raises(error, match=why):
            await panel.secured(1.6)
    finally:
        panel.close()


async def test_a_flood_neither_hangs_nor_fools_the_panel(plug: Callable[..., PtyLine]) -> None:
    flood = bytes(number * 7 & 0xFF for number in range(4000))
    panel = Panel("gate", serial_line("gate", plug(Babbler(flood)).path, 9600), key=KEY)
    panel.start()
    with pytest.raises(DriverError):
        await panel.secured(1.0)
    begun = time.monotonic()
    panel.close()
    assert time.monotonic() - begun < 0.5


async def test_a_port_in_use_and_a_port_that_is_not_there(plug: Callable[..., PtyLine], tmp_path: Path) -> None:
    line = plug(OsdpDevice())
    first, second = osdp_board("gate", line.path, key=KEY)(), osdp_board("gate", line.path, key=KEY)()
    missing = osdp_board("gate", str(tmp_path / "none"), key=KEY)()
    try:
        await first.identify()
        with pytest.raises(PortBusy):
            await second.identify()
        with pytest.raises(Disconnected, match="does not exist"):
            await missing.identify()
    finally:
        for board in (first, second, missing):
            board.close()


# --- commissioning ------------------------------------------------------------------------------------------


async def test_commissioning_sets_the_key_and_only_then_the_device_is_used(plug: Callable[..., PtyLine]) -> None:
    device = OsdpDevice(key=None)
    line = plug(device)
    plate = await commission("gate", serial_line("gate", line.path, 9600), key=OTHER_KEY)
    assert plate.serial_number == 0x00C0FFEE
    assert device.key == OTHER_KEY
    board = osdp_board("gate", line.path, key=OTHER_KEY)()
    try:
        await board.identify()
        await board.all_off()
    finally:
        board.close()


async def test_commissioning_releases_nothing(boards: list[OsdpBoard]) -> None:
    device = OsdpDevice(key=None)
    board = board_on(device, commissioning=True)
    boards.append(board)
    await board.identify()
    for call in (board.pulse(0, 10, expires_s=1.0), board.all_off(), board.read_inputs(), board.read_relays()):
        with pytest.raises(DeviceRefused, match="commissioning"):
            await call
    assert device.done == []


async def test_commissioning_a_device_with_a_foreign_key_fails(boards: list[OsdpBoard]) -> None:
    device = OsdpDevice(key=OTHER_KEY)
    with pytest.raises(IdentityMismatch, match="neither this key nor SCBK-D"):
        await commission("gate", joined(device), key=KEY)
    assert device.key == OTHER_KEY
    assert device.done == []


# --- outputs and inputs -------------------------------------------------------------------------------------


async def test_a_release_is_timed_by_the_device_and_outlives_the_host(
    open_board: tuple[OsdpBoard, OsdpDevice, PtyLine],
) -> None:
    board, device, _ = open_board
    await board.pulse(1, 3, expires_s=0.25)
    assert device.done == [(1, OutputCode.ON_FOR, 3)]
    assert await board.read_relays() == (False, True)
    board.close()
    assert device.contact(1)
    await until(lambda: not device.contact(1), 0.6)


async def test_inputs_and_doors_are_read(plug: Callable[..., PtyLine]) -> None:
    device = OsdpDevice()
    gate = DryContactGate("gate", osdp_board("gate", plug(device).path, key=KEY), DryContactWiring())
    await gate.open()
    try:
        device.set_input(0, True)
        device.set_input(2, True)
        reading = await gate.read()
        assert (reading.entry, reading.exit, reading.occupied) == (DoorPosition.CLOSED, DoorPosition.OPEN, True)
        device.weld(0)
        with pytest.raises(ContactDisagrees):
            await gate.secure()
        device.repair()
        await gate.secure()
        device.break_coil(1)
        with pytest.raises(ContactDisagrees, match="did not close"):
            await gate.release(Door.EXIT, 1.0)
        assert not device.coil(1)
        device.repair()
        await gate.secure()
        device.latch(1)
        await gate.read()
        await asyncio.sleep(0.12)
        assert (await gate.read()).disagrees == {Door.EXIT}
    finally:
        await gate.close()


async def test_a_refused_output_is_an_error_and_the_line_mends(
    open_board: tuple[OsdpBoard, OsdpDevice, PtyLine],
) -> None:
    board, device, _ = open_board
    device.refuse_outputs = True
    with pytest.raises(DeviceRefused, match="OUT"):
        await board.pulse(0, 10, expires_s=0.25)
    assert device.done == []
    device.refuse_outputs = False
    await until(lambda: panel_of(board).state.secure, 3.0)
    await board.all_off()


@pytest.mark.parametrize("report", [b"\x00\x02", b"\x00", b"\x00\x00\x00"])
async def test_a_report_of_wrong_form_is_refused(report: bytes, boards: list[OsdpBoard]) -> None:
    device = OsdpDevice()
    original = device._carry_out
    device._carry_out = lambda code, data: (  # type: ignore[method-assign]
        (Reply.OSTATR, report) if code == Command.OSTAT else original(code, data)
    )
    boards.append(board_on(device))
    await boards[0].identify()
    with pytest.raises(RemoteProtocolError, match="OSTAT"):
        await boards[0].read_relays()


async def test_tenths_out_of_bounds(boards: list[OsdpBoard]) -> None:
    device = OsdpDevice()
    boards.append(board_on(device))
    await boards[0].identify()
    for tenths in (0, -1, 256, 0x105):
        with pytest.raises(ValueError, match="a pulse takes 1 to 255"):
            await boards[0].pulse(0, tenths, expires_s=1.0)
    assert device.done == []


# --- releases are sent once ---------------------------------------------------------------------------------


async def test_a_release_whose_answer_is_lost_is_not_sent_again(
    open_board: tuple[OsdpBoard, OsdpDevice, PtyLine],
) -> None:
    board, device, _ = open_board
    device.edit = lambda frame: None if device.done else frame.encode()
    begun = time.monotonic()
    with pytest.raises(NoResponse, match="not known, it is not repeated"):
        await board.pulse(0, 5, expires_s=0.25)
    # Before the library would have repeated it.
    assert time.monotonic() - begun < 0.9
    device.edit = None
    await until(lambda: panel_of(board).state.secure, 3.0)
    await asyncio.sleep(1.2)
    assert device.done == [(0, OutputCode.ON_FOR, 5)]
    assert device.asked.count(Command.OUT) == 1


async def test_a_release_that_did_not_arrive_does_not_arrive_later(
    open_board: tuple[OsdpBoard, OsdpDevice, PtyLine],
) -> None:
    board, device, _ = open_board
    lost: list[Frame] = []

    def swallow(frame: Frame) -> bytes | None:
        if frame.code == Command.OUT:
            lost.append(frame)
            return None
        return frame.encode()

    device.edit_in = swallow
    with pytest.raises(NoResponse):
        await board.pulse(0, 5, expires_s=0.25)
    device.edit_in = None
    await until(lambda: panel_of(board).state.secure, 3.0)
    await asyncio.sleep(1.2)
    assert (len(lost), device.done) == (1, [])


async def test_a_release_that_would_be_late_is_dropped_unsent(
    open_board: tuple[OsdpBoard, OsdpDevice, PtyLine],
) -> None:
    board, device, line = open_board
    line.silent = True
    # The library now waits for the answer to a poll and has the release in its queue.
    await asyncio.sleep(0.15)
    begun = time.monotonic()
    with pytest.raises(NoResponse):
        await board.pulse(0, 5, expires_s=0.25)
    assert time.monotonic() - begun < 0.5
    line.silent = False
    await until(lambda: panel_of(board).state.secure, 3.0)
    await asyncio.sleep(1.5)
    assert await board.read_relays() == (False, False)
    assert device.done == []
    assert Command.OUT not in device.asked


async def test_a_release_nobody_waits_for_any_more_does_not_leave(
    open_board: tuple[OsdpBoard, OsdpDevice, PtyLine],
) -> None:
    board, device, line = open_board
    line.silent = True
    await asyncio.sleep(0.15)
    asking = asyncio.create_task(board.pulse(0, 5, expires_s=3.0))
    await asyncio.sleep(0.05)
    asking.cancel()
    line.silent = False
    await asyncio.sleep(1.5)
    assert panel_of(board).state.secure
    assert device.done == []


# --- losses -------------------------------------------------------------------------------------------------


async def test_silence_is_noticed_and_the_channel_comes_back(open_board: tuple[OsdpBoard, OsdpDevice, PtyLine]) -> None:
    board, device, line = open_board
    panel = panel_of(board)
    line.silent = True
    assert await until(lambda: not panel.state.secure, 2.0) > 0.5
    assert isinstance(panel.state.error, NoResponse)
    with pytest.raises(NoResponse):
        await board.read_inputs()
    await asyncio.sleep(1.0)
    line.silent = False
    await until(lambda: panel.state.secure, 3.0)
    await board.read_inputs()
    assert device.done == []


# The second is in the length: the frame that was promised never ends.
@pytest.mark.parametrize("at", [-3, 4])
@pytest.mark.parametrize("direction", ["in", "out"])
async def test_one_flipped_bit_costs_no_more_than_three_seconds(
    direction: str, at: int, open_board: tuple[OsdpBoard, OsdpDevice, PtyLine]
) -> None:
    board, _, line = open_board
    spoilt = 0

    def spoil(data: bytes) -> bytes:
        nonlocal spoilt
        if spoilt:
            return data
        spoilt += 1
        spoiled = bytearray(data)
        spoiled[at] ^= 0x04
        return bytes(spoiled)

    if direction == "in":
        line.garble_in = spoil
    else:
        line.garble = spoil
    await until(lambda: spoilt > 0, 1.0)

    async def works() -> bool:
        try:
            await board.read_inputs()
        except DriverError:
            return False
        return True

    begun = time.monotonic()
    while not await works():
        assert time.monotonic() - begun < 3.0
        await asyncio.sleep(0.02)


async def test_the_offline_trap_is_left_while_the_device_stays_wrong_and_when_it_is_right_again(
    boards: list[OsdpBoard], plug: Callable[..., PtyLine]
) -> None:
    device = OsdpDevice()
    board = osdp_board("gate", plug(device).path, key=KEY)()
    boards.append(board)
    await board.identify()
    device.key = OTHER_KEY
    device.reboot()
    panel = panel_of(board)
    await until(lambda: isinstance(panel.state.error, IdentityMismatch), 2.0)
    attempts = device.asked.count(Command.CHLNG)
    await until(lambda: device.asked.count(Command.CHLNG) > attempts, 2.0)
    assert isinstance(panel.state.error, IdentityMismatch)
    device.key = KEY
    await until(lambda: panel.state.secure, 3.0)


async def test_a_reboot_of_the_device_is_mended(open_board: tuple[OsdpBoard, OsdpDevice, PtyLine]) -> None:
    board, device, _ = open_board
    panel = panel_of(board)
    device.reboot()
    await until(lambda: not panel.state.secure, 2.0)
    await until(lambda: panel.state.secure, 3.0)
    await board.read_inputs()


async def test_another_device_with_the_same_key_is_not_used(open_board: tuple[OsdpBoard, OsdpDevice, PtyLine]) -> None:
    board, device, _ = open_board
    panel = panel_of(board)
    device.label = Label(serial_number=2)
    device.reboot()
    await until(lambda: isinstance(panel.state.error, IdentityMismatch), 3.0)
    for _ in range(20):
        await asyncio.sleep(0.02)
        with pytest.raises(DriverError):
            await board.read_inputs()
    assert {Command.ISTAT, Command.OUT}.isdisjoint(device.asked)


async def test_unplugged_is_the_end_and_open_begins_anew(plug: Callable[..., PtyLine]) -> None:
    device = OsdpDevice()
    line = plug(device)
    gate = DryContactGate("gate", osdp_board("gate", line.path, key=KEY), DryContactWiring())
    await gate.open()
    line.unplug()
    with pytest.raises(DriverError):
        await gate.read()
    await asyncio.sleep(0.05)
    with pytest.raises(Disconnected, match="unplugged"):
        await gate.read()
    line.replug()
    await gate.open()
    await gate.release(Door.EXIT, 0.2)
    await gate.close()
    with pytest.raises(Disconnected):
        await gate.read()


# --- somebody else on the wire ------------------------------------------------------------------------------


def forged(frame: Frame, block: bytes, code: Reply, data: bytes) -> bytes:
    return Frame(frame.address, frame.sequence, code, data, block, reply=True).encode()


CARD = b"\x00\x01\x1a\x00\xde\xad\xbe\xc0"


@pytest.mark.parametrize("block", [b"", bytes((2, Block.CRYPTOGRAM)), bytes((3, Block.INITIAL_MAC, 1))])
async def test_a_forged_card_is_not_believed(block: bytes, plug: Callable[..., PtyLine]) -> None:
    """A forged answer with the block type of a handshake: libosdp 3.2.9 alone takes it, see test_osdp_rules."""
    device = OsdpDevice()
    reader = OsdpReader("reader", plug(device).path, key=KEY)
    await reader.open()
    device.edit = lambda frame: forged(frame, block, Reply.RAW, CARD) if frame.sealed else frame.encode()
    try:
        with pytest.raises(RemoteProtocolError, match="without proof"):
            await asyncio.wait_for(reader.next(), 2.0)
        device.edit = None
        device.present_card(b"\x12\x34\x56\x40", 26)
        async with asyncio.timeout(3.0):
            assert await reader.next() == CardRead(0, CardFormat.WIEGAND, 26, b"\x12\x34\x56\x40")
    finally:
        await reader.close()


async def test_a_forged_output_report_is_not_believed(open_board: tuple[OsdpBoard, OsdpDevice, PtyLine]) -> None:
    board, device, _ = open_board
    handshake = bytes((2, Block.CRYPTOGRAM))
    device.edit = lambda frame: (
        forged(frame, handshake, Reply.OSTATR, b"\x01\x01") if frame.code == Reply.OSTATR else frame.encode()
    )
    with pytest.raises(RemoteProtocolError, match="without proof"):
        await board.read_relays()


async def test_recorded_answers_are_of_no_use(open_board: tuple[OsdpBoard, OsdpDevice, PtyLine]) -> None:
    board, device, _ = open_board
    recorded: list[Frame] = []

    def record(frame: Frame) -> bytes:
        if frame.code == Reply.OSTATR:
            recorded.append(frame)
        return frame.encode()

    device.edit = record
    assert await board.read_relays() == (False, False)
    await board.pulse(0, 50, expires_s=0.25)
    old = recorded[0]

    def replay(frame: Frame) -> bytes:
        if frame.code != Reply.OSTATR:
            return frame.encode()
        return Frame(old.address, frame.sequence, old.code, old.data, old.block, reply=True).encode()

    device.edit = replay
    with pytest.raises(DriverError):
        await board.read_relays()


async def test_noise_between_frames_costs_nothing(open_board: tuple[OsdpBoard, OsdpDevice, PtyLine]) -> None:
    board, _, line = open_board
    line.garble = lambda data: b"\x00\x42\xff" + data + b"\x13\x37"
    for _ in range(5):
        assert await board.read_relays() == (False, False)
    assert panel_of(board).state.secure


# --- reader -------------------------------------------------------------------------------------------------


async def test_cards_keys_and_tamper_arrive_as_values(plug: Callable[..., PtyLine]) -> None:
    device = OsdpDevice()
    reader = OsdpReader("reader", plug(device).path, key=KEY)
    with pytest.raises(Disconnected):
        await reader.next()
    identity = await reader.open()
    assert identity.serial_number == "00C0FFEE"
    assert reader.trouble is None
    try:
        device.present_card(b"\x12\x34\x56\x40", 26)
        device.press(b"12\x7f9\x0d\x07")
        device.tamper(True)
        device.present_card(b"\xff", 8, form=0)
        events = [await asyncio.wait_for(reader.next(), 2.0) for _ in range(4)]
    finally:
        await reader.close()
    assert events == [
        CardRead(0, CardFormat.WIEGAND, 26, b"\x12\x34\x56\x40"),
        KeysPressed(0, "12*9#\ufffd"),
        LocalStatus(tampered=True, power_failed=False),
        CardRead(0, CardFormat.UNSPECIFIED, 8, b"\xff"),
    ]
    assert isinstance(reader.trouble, Disconnected)


async def test_a_loss_is_told_once_and_reading_goes_on(plug: Callable[..., PtyLine]) -> None:
    device = OsdpDevice()
    line = plug(device)
    reader = OsdpReader("reader", line.path, key=KEY)
    await reader.open()
    try:
        line.silent = True
        begun = time.monotonic()
        with pytest.raises(NoResponse, match="silent"):
            await asyncio.wait_for(reader.next(), 2.0)
        assert time.monotonic() - begun < 2.0
        assert isinstance(reader.trouble, NoResponse)
        line.silent = False
        await until(lambda: reader.trouble is None, 3.0)
        device.press(b"5")
        assert await asyncio.wait_for(reader.next(), 2.0) == KeysPressed(0, "5")
    finally:
        await reader.close()


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x09\x08\x00\xff",  # no such format
        b"\x00\x01\x00\x00",  # no bits
        b"\x00\x01\x20\x00\xff",  # 32 bits promised, 8 there
        b"\x00\x01\xff\xff\xff",
        b"\x00",
    ],
)
async def test_a_card_of_wrong_form_is_an_error_and_no_card(data: bytes, plug: Callable[..., PtyLine]) -> None:
    device = OsdpDevice()
    reader = OsdpReader("reader", plug(device).path, key=KEY)
    await reader.open()
    try:
        device.report(Reply.RAW, data)
        with pytest.raises(RemoteProtocolError):
            await asyncio.wait_for(reader.next(), 2.0)
    finally:
        await reader.close()


async def test_a_device_without_reader_is_no_reader() -> None:
    with pytest.raises(IdentityMismatch, match="no reader"):
        await OsdpReader("reader", joined(OsdpDevice(readers=0)), key=KEY).open()


async def test_a_device_with_both_gives_its_cards_beside_the_gate(plug: Callable[..., PtyLine]) -> None:
    device, events = OsdpDevice(), ReaderEvents("gate")
    gate = DryContactGate(
        "gate", osdp_board("gate", plug(device).path, key=KEY, deliver=events.put), DryContactWiring()
    )
    await gate.open()
    try:
        await gate.release(Door.EXIT, 1.0)
        device.press(b"7")
        assert await asyncio.wait_for(events.next(), 2.0) == KeysPressed(0, "7")
        assert (await gate.read()).released == {Door.EXIT}
    finally:
        await gate.close()


# --- the library's own device side --------------------------------------------------------------------------


class LibraryDevice:
    """libosdp as the device: an oracle for the handshake, OUT and card reads; it has no ISTAT and OSTAT to give."""

    def __init__(self) -> None:
        import osdp_sys

        self.commands: list[dict[str, Any]] = []
        self.incoming = self.outgoing = b""
        self.id = 1
        self._lib = osdp_sys
        osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)
        info = {"name": "x", "address": 1, "flags": osdp_sys.FLAG_ENFORCE_SECURE, "scbk": KEY, "channel": self}
        numbers = dict.fromkeys(("version", "model", "vendor_code", "serial_number", "firmware_version"), 3)
        levels = ((protocol.Capability.OUTPUTS, 4, 2), (protocol.Capability.READERS, 1, 1))
        self._device = osdp_sys.PeripheralDevice(
            info | numbers,
            capabilities=[
                {"function_code": int(code), "compliance_level": level, "num_items": count}
                for code, level, count in levels
            ],
        )
        self._device.set_command_callback(self._carry_out)

    def _carry_out(self, command: dict[str, Any]) -> tuple[int, None]:
        self.commands.append(command)
        return 0, None

    def read(self, count: int) -> bytes:
        data, self.incoming = self.incoming[:count], self.incoming[count:]
        return data

    def write(self, data: bytes) -> int:
        self.outgoing += bytes(data)
        return len(data)

    def flush(self) -> None: ...

    def card(self, data: bytes, bits: int) -> None:
        lib = self._lib
        event = {"event": lib.EVENT_CARDREAD, "reader_no": 0, "direction": 0, "format": lib.CARD_FMT_RAW_WIEGAND}
        self._device.submit_event(event | {"length": bits, "data": data})

    def handle(self, data: bytes) -> bytes:
        self.incoming += data
        for _ in range(4):
            self._device.refresh()
        said, self.outgoing = self.outgoing, b""
        return said


async def test_against_the_librarys_own_device_side(boards: list[OsdpBoard], plug: Callable[..., PtyLine]) -> None:
    device, events = LibraryDevice(), ReaderEvents("gate")
    board = osdp_board("gate", plug(device).path, key=KEY, inputs=0, deliver=events.put)()
    boards.append(board)
    await board.identify()
    await board.all_off()
    await board.pulse(1, 7, expires_s=0.25)
    sent = [(command["output_no"], command["control_code"], command["timer_count"]) for command in device.commands]
    assert sent == [(0, 1, 0), (1, 1, 0), (1, 5, 7)]
    device.card(b"\xab\xcd\xef\x80", 26)
    assert await asyncio.wait_for(events.next(), 2.0) == CardRead(0, CardFormat.WIEGAND, 26, b"\xab\xcd\xef\x80")
