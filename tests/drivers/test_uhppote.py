"""UHPPOTE UT0311-L0x: messages, identity by serial number, interlock, lease, modes, relays, passages, the socket."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from drivers.errors import (
    ContactDisagrees,
    DeviceRefused,
    Disconnected,
    DriverError,
    IdentityMismatch,
    NoResponse,
    RemoteProtocolError,
)
from drivers.gate.uhppote import driver as host
from drivers.gate.uhppote import protocol
from drivers.gate.uhppote.driver import UhppoteGate, UhppoteWiring, open_uhppote_gate
from drivers.gate.uhppote.protocol import (
    Cards,
    Device,
    Done,
    DoorControl,
    FrameError,
    Function,
    Input,
    Mode,
    Reply,
    Request,
    Status,
    UhppoteClient,
)
from drivers.ports import Door, DoorPosition, Gate
from drivers.session import Timing
from drivers.transport import Transport
from drivers.transport.null_modem import Manipulator, null_modem
from drivers.transport.udp import UdpSocket
from hil.contracts.gate import GateContract
from hil.emulator.pty_line import PtyLine
from hil.emulator.uhppote import HOST_LEASE_S, UdpLine, UhppoteBoard

pytestmark = pytest.mark.anyio
SERIAL = 423187757
UNCHANGED: Manipulator = lambda data: [data]  # noqa: E731


def message(text: str) -> bytes:
    """The bytes that matter, filled up with zeros to a message."""
    return bytes.fromhex(text).ljust(64, b"\0")


# Requests and replies of the tests of uhppoted/uhppote-core, unless "computed" is said.
REQUESTS: list[tuple[Request, str]] = [
    (protocol.who_is_there(), "17 94"),
    (protocol.read_status(SERIAL), "17 20 00 00 2d 55 39 19"),
    (protocol.count_cards(SERIAL), "17 58 00 00 2d 55 39 19"),
    (protocol.open_door(SERIAL, 3), "17 40 00 00 2d 55 39 19 03"),
    (protocol.set_door(SERIAL, 4, Mode.NORMALLY_CLOSED, 5), "17 80 00 00 2d 55 39 19 04 02 05"),
    (protocol.get_door(SERIAL, 4), "17 82 00 00 2d 55 39 19 04"),
    (protocol.take_control(SERIAL), "17 a0 00 00 2d 55 39 19 55 aa aa 55 01"),
    (protocol.set_interlock(405419896, frozenset({1, 2})), "17 a2 00 00 78 37 2a 18 01"),  # computed: theirs has mode 8
]
VENDOR_STATUS = message(
    "17 20 00 00 2d 55 39 19 39 00 00 00 01 00 03 01 aa e8 5d 00 20 19 04 19 17 00 09 06 01 00 01 01"
    "00 00 01 01 09 14 37 02 11 00 00 00 21 00 00 00 2b 04 01 19 04 20 00 00 93 26 04 88 08 92 00 00"
)
VENDOR_DEVICE = message(
    "17 94 00 00 2d 55 39 19 c0 a8 00 00 ff ff ff 00 00 00 00 00 00 66 19 39 55 2d 08 92 20 18 08 16"
)
STATUS = Status(
    SERIAL,
    open=frozenset({1, 3, 4}),
    pressed=frozenset({3, 4}),
    relays=frozenset({3}),
    inputs=Input.FORCED_LOCK,
    error=9,
    event=57,
)
REPLIES: list[tuple[Request, Reply, bytes]] = [
    (protocol.who_is_there(), Device(SERIAL, "8.92", "20180816"), VENDOR_DEVICE),
    (protocol.read_status(SERIAL), STATUS, VENDOR_STATUS),
    (protocol.count_cards(SERIAL), Cards(SERIAL, 13), message("17 58 00 00 2d 55 39 19 0d")),
    (protocol.open_door(SERIAL, 3), Done(SERIAL, Function.OPEN_DOOR, True), message("17 40 00 00 2d 55 39 19 01")),
    (
        protocol.get_door(SERIAL, 4),
        DoorControl(SERIAL, Function.GET_DOOR, 4, 2, 5),
        message("17 82 00 00 2d 55 39 19 04 02 05"),
    ),
    (
        protocol.set_door(SERIAL, 4, Mode.NORMALLY_CLOSED, 5),
        DoorControl(SERIAL, Function.SET_DOOR, 4, 2, 5),
        message("17 80 00 00 2d 55 39 19 04 02 05"),
    ),
    (protocol.take_control(SERIAL), Done(SERIAL, Function.PC_CONTROL, True), message("17 a0 00 00 2d 55 39 19 01")),
    (
        protocol.set_interlock(405419896, frozenset({1, 2})),
        Done(405419896, Function.INTERLOCK, True),
        message("17 a2 00 00 78 37 2a 18 01"),
    ),
]


class TestUhppote(GateContract):
    device = "gate.uhppote"
    short_s = 1.0
    out_of_bounds = (0.0, -1.0, 0.99, 5.01, float("inf"), float("nan"))
    lines: ExitStack

    @pytest.fixture(autouse=True)
    def closing(self) -> Iterator[None]:
        with ExitStack() as self.lines:
            yield

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        board = UhppoteBoard(SERIAL)
        if kind == "pty":
            return open_uhppote_gate("gate", "127.0.0.1", SERIAL, port=self.lines.enter_context(UdpLine(board)).port)
        return in_memory(board)

    def real(self, options: dict[str, Any]) -> Gate:
        return open_uhppote_gate("gate", **options)


def in_memory(board: UhppoteBoard, *, homeward: Manipulator = UNCHANGED, **options: Any) -> UhppoteGate:
    def connect() -> Transport:
        near, far = null_modem("gate", homeward=homeward)
        far.answer_with(board.handle)
        return near

    return UhppoteGate("gate", connect, SERIAL, **options)


class Desk:
    """A board and its gate in memory; both live by one clock that can be put forward."""

    def __init__(self, wiring: UhppoteWiring | None = None, **options: Any) -> None:
        self.ahead = 0.0
        self.board = UhppoteBoard(SERIAL, monotonic=self.clock, **options)
        self.gate = in_memory(self.board, monotonic=self.clock, wiring=wiring)

    def clock(self) -> float:
        return asyncio.get_event_loop_policy().get_event_loop().time() + self.ahead

    def commands(self) -> list[Function]:
        harmless = {Function.DEVICE, Function.STATUS, Function.CARDS, Function.GET_DOOR}
        return [request.function for request in self.board.requests if request.function not in harmless]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    await made.gate.open()
    made.board.requests.clear()
    yield made
    await made.gate.close()


@pytest.fixture
def line() -> Iterator[UdpLine]:
    with UdpLine(UhppoteBoard(SERIAL)) as made:
        yield made


# --- messages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("request_", "text"), REQUESTS)
def test_requests_at_both_ends(request_: Request, text: str) -> None:
    assert protocol.encode_request(request_) == message(text)
    assert protocol.decode_request(message(text)) == request_


@pytest.mark.parametrize(("request_", "reply", "frame"), REPLIES)
def test_reply_whole_bytewise_and_among_garbage(request_: Request, reply: Reply, frame: bytes) -> None:
    assert len(frame) == 64
    assert protocol.decode_reply(protocol.encode_reply(reply)) == reply
    for before, after in ((b"", b""), (b"\x00\xff", b""), (b"\x17", b"\x17\x20"), (b"", frame[:-1])):
        for size in (1, 7, 200):
            client = UhppoteClient(request_.serial)
            client.send(request_)
            data = before + frame + after
            got = [client.receive(data[at : at + size]) for at in range(0, len(data), size)]
            assert [one for one in got if one is not None] == [reply]


@pytest.mark.parametrize(
    ("at", "value", "message_"),
    [(0, 0x19, "no message"), (1, 0x50, "not spoken"), (28, 2, "neither yes nor no"), (35, 0xFF, "neither yes nor no")],
)
def test_wrong_status(at: int, value: int, message_: str) -> None:
    frame = bytearray(VENDOR_STATUS)
    frame[at] = value
    with pytest.raises(FrameError, match=message_):
        protocol.decode_reply(bytes(frame))


@pytest.mark.parametrize("frame", [VENDOR_STATUS[:-1], VENDOR_STATUS + b"\0", b""])
def test_wrong_lengths(frame: bytes) -> None:
    for decode in (protocol.decode_reply, protocol.decode_request):
        with pytest.raises(FrameError, match="no message"):
            decode(frame)


def test_version_that_is_no_decimal() -> None:
    with pytest.raises(FrameError, match="decimal"):
        protocol.decode_reply(VENDOR_DEVICE[:26] + b"\x0a" + VENDOR_DEVICE[27:])


@pytest.mark.parametrize(
    ("request_", "frames", "reason"),
    [
        (protocol.read_status(1), [VENDOR_STATUS], "serial number 423187757 answered, 1 was asked"),
        (protocol.open_door(SERIAL, 1), [VENDOR_STATUS], "answered function 0x20, asked 0x40"),
        (protocol.get_door(SERIAL, 1), [message("17 82 00 00 2d 55 39 19 04 02 05")], "for door 4, asked for 1"),
        (protocol.open_door(SERIAL, 1), [message("17 40 00 00 2d 55 39 19 02")], "neither yes nor no"),
        (protocol.read_status(SERIAL), [VENDOR_STATUS * 2], "more than one message"),
        (protocol.read_status(SERIAL), [VENDOR_DEVICE + VENDOR_STATUS], "answered function 0x94"),
        (protocol.read_status(SERIAL), [VENDOR_DEVICE, VENDOR_STATUS], "answered function 0x94"),
        (protocol.read_status(SERIAL), [b"\x17" * 20], "20 bytes that are no message"),
    ],
)
def test_what_is_never_taken(request_: Request, frames: list[bytes], reason: str) -> None:
    client = UhppoteClient(SERIAL)
    client.send(request_)
    assert [client.receive(frame) for frame in frames] == [None] * len(frames)
    assert reason in (client.abandon() or "")


def test_requests_of_one_form_are_spaced() -> None:
    client = UhppoteClient(SERIAL)
    for request in (protocol.read_status(SERIAL), protocol.open_door(SERIAL, 1), protocol.count_cards(SERIAL)):
        client.send(request)
        assert client.spacer(request) not in (None, request)
        with pytest.raises(ValueError, match="spacer"):
            client.send(request)
    client.send(protocol.get_door(SERIAL, 1))
    assert client.spacer(protocol.get_door(SERIAL, 2)) is None
    client.send(protocol.open_door(SERIAL, 1))
    assert client.spacer(protocol.open_door(SERIAL, 2)) is not None
    assert client.unasked(b"\0" + VENDOR_STATUS)
    assert not client.unasked(VENDOR_STATUS[:-1])


def test_no_door_is_ever_set_to_stand_open() -> None:
    for door in range(-1, 7):
        for mode in range(256):
            for delay in (0, 1, 255, 256):
                try:
                    made = protocol.set_door(SERIAL, door, mode, delay)  # type: ignore[arg-type]
                except ValueError:
                    continue
                assert made.body[1] in (Mode.NORMALLY_CLOSED, Mode.CONTROLLED)
                assert door in (1, 2, 3, 4)
                assert delay in (1, 255)


@pytest.mark.parametrize("numbers", [(1, 3), (2, 2), (1, 5), (1, 2, 2), (1, 2, None, 5), (3, 4, 3, 2)])
def test_impossible_wirings(numbers: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="doors"):
        UhppoteWiring(*numbers)


@pytest.mark.parametrize(("serial", "lease_s"), [(0, 5), (1 << 32, 5), (1, 0), (1, 31)])
def test_impossible_gates(serial: int, lease_s: int) -> None:
    with pytest.raises(ValueError, match=r"serial number|lease_s is"):
        open_uhppote_gate("gate", "127.0.0.1", serial, lease_s=lease_s)


# --- opening ----------------------------------------------------------------------------------------------------


async def test_open_identifies_before_it_commands_and_leaves_doors_controlled() -> None:
    desk = Desk()
    desk.board.set_control(1, Mode.NORMALLY_OPEN, 60)
    identity = await desk.gate.open()
    assert (identity.serial_number, identity.firmware) == (str(SERIAL), "v8.92 20180816")
    assert identity.verified_on_hardware is False
    assert [request.function for request in desk.board.requests[:2]] == [Function.DEVICE, Function.CARDS]
    assert desk.commands()[:2] == [Function.PC_CONTROL, Function.INTERLOCK]
    assert desk.board.interlock == 1
    assert [desk.board.control(door) for door in (1, 2, 3)] == [(3, 5), (3, 5), (3, 5)]
    assert not desk.board.released(1)
    await desk.gate.close()
    assert [desk.board.control(door)[0] for door in (1, 2, 3)] == [2, 2, 3], "left locked"


async def test_doors_three_and_four() -> None:
    desk = Desk(UhppoteWiring(entry=4, exit=3))
    await desk.gate.open()
    await desk.gate.release(Door.ENTRY, 1.0)
    assert desk.board.interlock == 2
    assert desk.board.released(4)
    await desk.gate.close()


async def test_another_serial_number_is_another_board() -> None:
    desk = Desk()
    desk.board.serial = 405419896
    with pytest.raises(IdentityMismatch, match="405419896 answers, 423187757 is configured"):
        await desk.gate.open()
    assert desk.commands() == []


async def test_cards_on_the_board_are_refused() -> None:
    desk = Desk(cards=3)
    with pytest.raises(DeviceRefused, match="delete all cards"):
        await desk.gate.open()
    assert desk.commands() == []


@pytest.mark.parametrize(
    ("function", "message_"), [(Function.PC_CONTROL, "keeps control"), (Function.INTERLOCK, "interlock is not set")]
)
async def test_what_the_board_refuses_at_open(function: Function, message_: str) -> None:
    desk = Desk()
    desk.board.refuses.add(function)
    with pytest.raises(DeviceRefused, match=message_):
        await desk.gate.open()
    with pytest.raises(Disconnected):
        await desk.gate.read()


async def test_modes_that_do_not_take_are_read_back() -> None:
    desk = Desk(stuck_mode=True)
    desk.board.set_control(2, Mode.NORMALLY_CLOSED, 9)
    with pytest.raises(DeviceRefused, match="mode 3 and 5 s were set"):
        await desk.gate.open()


async def test_relay_welded_before_open() -> None:
    desk = Desk()
    desk.board.weld(2)
    with pytest.raises(ContactDisagrees, match="a relay stays on"):
        await desk.gate.open()
    assert desk.board.control(1)[0] == desk.board.control(2)[0] == Mode.NORMALLY_CLOSED


async def test_something_else_at_the_address() -> None:
    desk = Desk()
    desk.board.handle = lambda data: b"HTTP/1.1 400 Bad Request\r\n".ljust(64)  # type: ignore[method-assign]
    with pytest.raises(IdentityMismatch, match="no UT0311-L0x"):
        await desk.gate.open()


# --- releasing --------------------------------------------------------------------------------------------------


async def test_a_release_is_cut_to_whole_seconds_in_the_board(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 2.9)
    assert desk.board.control(2) == (Mode.CONTROLLED, 2)
    desk.ahead += 2.0
    assert not desk.board.released(2)
    desk.board.requests.clear()
    await desk.gate.release(Door.EXIT, 2.0)
    assert desk.commands() == [Function.OPEN_DOOR], "a delay that is right is not written again"


async def test_a_delay_changed_by_another_is_mended_before_a_release(desk: Desk) -> None:
    desk.board.set_control(2, Mode.CONTROLLED, 200)
    await desk.gate.release(Door.EXIT, 5.0)
    assert desk.board.control(2) == (Mode.CONTROLLED, 5)


async def test_a_mode_changed_by_another_is_no_release(desk: Desk) -> None:
    await desk.gate.read()
    desk.board.set_control(2, Mode.NORMALLY_CLOSED, 5)
    with pytest.raises(ContactDisagrees, match="another controller set it"):
        await desk.gate.release(Door.EXIT, 5.0)
    assert desk.commands() == []
    assert (await desk.gate.read()).disagrees == {Door.EXIT}
    await desk.gate.secure()
    assert (await desk.gate.read()).disagrees == frozenset()
    await desk.gate.release(Door.EXIT, 5.0)


async def test_a_mode_changed_by_another_is_read_within_two_polls(desk: Desk) -> None:
    desk.board.set_control(1, Mode.NORMALLY_CLOSED, 5)
    readings = [(await desk.gate.read()).disagrees for _ in range(2)]
    assert readings[-1] == {Door.ENTRY}


async def test_the_other_door_waits_for_a_release_and_for_an_open_door(desk: Desk) -> None:
    await desk.gate.release(Door.ENTRY, 1.0)
    with pytest.raises(DeviceRefused, match="never both doors at once"):
        await desk.gate.release(Door.EXIT, 1.0)
    desk.board.set_open(1, True)
    desk.ahead += 1.1
    with pytest.raises(DeviceRefused, match="entry door stands open; never both doors at once"):
        await desk.gate.release(Door.EXIT, 1.0)
    desk.board.set_open(1, False)
    await desk.gate.read()
    await desk.gate.release(Door.EXIT, 1.0)


async def test_what_the_board_refuses_leaves_the_other_door_free(desk: Desk) -> None:
    desk.board.refuses.add(Function.OPEN_DOOR)
    with pytest.raises(DeviceRefused, match="refuses to open the exit door"):
        await desk.gate.release(Door.EXIT, 5.0)
    desk.board.refuses.clear()
    await desk.gate.release(Door.ENTRY, 5.0)


async def test_a_release_that_was_not_commanded_leaves_the_other_door_free(desk: Desk) -> None:
    desk.board.stuck_mode = True
    with pytest.raises(DeviceRefused, match="mode 3 and 2 s were set"):
        await desk.gate.release(Door.EXIT, 2.0)
    assert Function.OPEN_DOOR not in desk.commands()
    await desk.gate.release(Door.ENTRY, 5.0)


@pytest.mark.parametrize("polls", [1, 2, 3])
async def test_polls_beside_secure_do_not_take_its_modes_for_anothers(desk: Desk, polls: int) -> None:
    seen: set[int] = set()
    answer = desk.board._answer

    def watched(request: Request) -> Reply | None:
        reply = answer(request)
        if isinstance(reply, DoorControl) and reply.function is Function.GET_DOOR:
            seen.add(reply.mode)
        return reply

    desk.board._answer = watched  # type: ignore[method-assign]
    results = await asyncio.gather(desk.gate.secure(), *(desk.gate.read() for _ in range(polls)))
    assert Mode.NORMALLY_CLOSED in seen, "no poll met a door while it was being locked"
    readings = [reading for reading in results if reading is not None]
    assert [reading.disagrees for reading in [*readings, await desk.gate.read()]] == [frozenset()] * (polls + 1)


async def test_the_boards_interlock_is_a_second_one() -> None:
    desk = Desk()
    await desk.gate.open()
    desk.gate._refuse_second_door = lambda door: None  # type: ignore[method-assign]
    await desk.gate.release(Door.ENTRY, 5.0)
    with pytest.raises(DeviceRefused, match="interlock"):
        await desk.gate.release(Door.EXIT, 5.0)
    await desk.gate.close()


async def test_a_relay_that_does_not_close(desk: Desk) -> None:
    desk.board.break_relay(2)
    with pytest.raises(ContactDisagrees, match="exit relay did not close"):
        await desk.gate.release(Door.EXIT, 5.0)


async def test_a_firmware_whose_lock_does_not_end_a_release_is_told() -> None:
    desk = Desk(drops=False)
    await desk.gate.open()
    await desk.gate.release(Door.EXIT, 5.0)
    with pytest.raises(ContactDisagrees, match="a relay stays on"):
        await desk.gate.secure()
    await desk.gate.close()


async def test_a_relay_on_beyond_its_release_disagrees(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 1.0)
    desk.board.weld(2)
    desk.ahead += 1.5
    assert (await desk.gate.read()).disagrees == frozenset()
    desk.ahead += host._GRAIN_S
    reading = await desk.gate.read()
    assert (reading.released, reading.disagrees) == ({Door.EXIT}, {Door.EXIT})
    with pytest.raises(ContactDisagrees, match="exit door is not as it was commanded"):
        await desk.gate.release(Door.ENTRY, 1.0)


async def test_a_relay_nobody_commanded_disagrees_at_once(desk: Desk) -> None:
    desk.board.weld(1)
    reading = await desk.gate.read()
    assert (reading.released, reading.disagrees) == ({Door.ENTRY}, {Door.ENTRY})


# --- inputs -------------------------------------------------------------------------------------------------------


async def test_fire_alarm_and_forced_lock(desk: Desk) -> None:
    desk.board.set_inputs(Input.FIRE_ALARM)
    reading = await desk.gate.read()
    assert (reading.emergency, reading.out_of_service) == (True, False)
    assert (reading.released, reading.disagrees) == (set(Door), frozenset())
    desk.board.set_inputs(Input.FORCED_LOCK)
    reading = await desk.gate.read()
    assert (reading.emergency, reading.out_of_service, reading.released) == (False, True, frozenset())
    with pytest.raises(DeviceRefused, match="forced lock"):
        await desk.gate.release(Door.EXIT, 1.0)
    desk.board.set_inputs(Input(0))
    desk.board.set_error(4)
    assert (await desk.gate.read()).out_of_service


async def test_door_contacts(desk: Desk) -> None:
    desk.board.set_open(2, True)
    reading = await desk.gate.read()
    assert (reading.entry, reading.exit, reading.occupied) == (DoorPosition.CLOSED, DoorPosition.OPEN, False)


async def test_an_exit_door_that_opens_within_a_release_and_closes_is_a_passage(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 1.0)
    desk.board.set_open(2, True)
    assert (await desk.gate.read()).passages == 0
    desk.ahead += 10.0
    desk.board.set_open(2, False)
    assert [(await desk.gate.read()).passages for _ in range(2)] == [1, 1]


async def test_an_exit_door_that_was_forced_is_no_passage(desk: Desk) -> None:
    await desk.gate.read()
    for is_open in (True, False):
        desk.board.set_open(2, is_open)
        await desk.gate.read()
    await desk.gate.release(Door.ENTRY, 1.0)
    for is_open in (True, False):
        desk.board.set_open(1, is_open)
        assert (await desk.gate.read()).passages == 0


async def test_spare_contacts_for_occupied_and_passage() -> None:
    desk = Desk(UhppoteWiring(occupied=3, passage=4))
    desk.board.set_open(4, True)
    await desk.gate.open()
    assert (await desk.gate.read()).passages == 0, "an acknowledge from before the opening"
    desk.board.set_open(4, False)
    await desk.gate.read()
    desk.board.set_open(4, True)
    desk.board.set_open(3, True)
    reading = await desk.gate.read()
    assert (reading.passages, reading.occupied) == (1, True)
    for is_open in (True, False):
        desk.board.set_open(2, is_open)
        assert (await desk.gate.read()).passages == 1
    await desk.gate.close()


# --- the host's lease ---------------------------------------------------------------------------------------------


async def test_reads_keep_control_and_a_dead_host_gives_it_to_the_cards(desk: Desk) -> None:
    desk.board.cards = 1
    for _ in range(4):
        desk.ahead += HOST_LEASE_S - 1
        assert not desk.board.swipe(1)
        await desk.gate.read()
    desk.ahead += HOST_LEASE_S + 1
    assert desk.board.swipe(1), "this is why a board with cards is refused at open"


async def test_control_is_taken_again_now_and_then(desk: Desk) -> None:
    await desk.gate.read()
    assert desk.commands() == []
    desk.ahead += host._CONTROL_EVERY_S + 1
    await desk.gate.read()
    await desk.gate.read()
    assert desk.commands() == [Function.PC_CONTROL]


# --- the line -----------------------------------------------------------------------------------------------------


def gate_on(line: UdpLine) -> UhppoteGate:
    return open_uhppote_gate("gate", "127.0.0.1", SERIAL, port=line.port)


async def test_unplugging_and_coming_back(line: UdpLine) -> None:
    gate = gate_on(line)
    await gate.open()
    await gate.release(Door.EXIT, 5.0)
    line.unplug()
    with pytest.raises(Disconnected, match="nothing listens at"):
        await gate.read()
    await gate.close()
    with pytest.raises(Disconnected):
        await gate.open()
    line.replug()
    await gate.open()
    assert (await gate.read()).released == frozenset()
    await gate.close()


async def test_silence_is_no_answer_and_no_release(line: UdpLine) -> None:
    gate = gate_on(line)
    await gate.open()
    line.silent = True
    with pytest.raises(NoResponse):
        await gate.read()
    with pytest.raises(NoResponse):
        await gate.release(Door.EXIT, 1.0)
    assert not any(line._board.released(door) for door in (1, 2))
    line.silent = False
    await gate.close()


async def test_a_release_whose_reply_is_lost_keeps_the_other_door_shut_and_is_not_repeated(line: UdpLine) -> None:
    gate = gate_on(line)
    await gate.open()
    line.garble = lambda reply: [] if reply[1] == Function.OPEN_DOOR else [reply]
    with pytest.raises(NoResponse):
        await gate.release(Door.EXIT, 5.0)
    with pytest.raises(DeviceRefused, match="never both doors at once"):
        await gate.release(Door.ENTRY, 5.0)
    assert [request.function for request in line._board.requests].count(Function.OPEN_DOOR) == 1
    await gate.close()


@pytest.mark.parametrize(
    "garble",
    [
        lambda reply: [reply, reply],
        lambda reply: [reply[:4] + b"\x01\0\0\0" + reply[8:]],
        lambda reply: [reply[:1] + b"\x58" + reply[2:]],
        lambda reply: [reply[:-1]],
        lambda reply: [reply + b"\0"],
        lambda reply: [b""],
    ],
)
async def test_hostile_datagrams_are_errors_and_no_release(
    line: UdpLine, garble: Callable[[bytes], list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_TIMING", Timing(reply_s=0.05, max_latency_s=0.1))
    gate = gate_on(line)
    await gate.open()
    line._board.requests.clear()
    line.garble = garble
    results = [await asyncio.gather(gate.read(), return_exceptions=True) for _ in range(2)]
    assert isinstance(results[-1][0], NoResponse | RemoteProtocolError)
    for door in Door:
        with pytest.raises(DriverError):
            await gate.release(door, 1.0)
    assert Function.OPEN_DOOR not in [request.function for request in line._board.requests]
    line.garble = None
    await gate.close()


async def test_datagrams_of_another_size_are_dropped_and_counted(line: UdpLine) -> None:
    udp = UdpSocket("127.0.0.1", line.port, device="gate", size=64)
    udp.open()
    line.garble = lambda reply: [b"noise", reply, bytes(65), b""]
    await udp.write(protocol.encode_request(protocol.who_is_there()))
    assert protocol.decode_reply(await udp.read(1.0)) == Device(SERIAL, "8.92", "20180816")
    await asyncio.sleep(0.02)
    assert (udp.discard(), udp.dropped) == (0, 3)
    line.send(bytes(64))
    await asyncio.sleep(0.02)
    assert udp.discard() == 64
    udp.close()
    udp.close()
    for call in (udp.write(b"x"), udp.read(0.1)):
        with pytest.raises(Disconnected):
            await call


async def test_a_stranger_is_not_heard(line: UdpLine) -> None:
    udp = UdpSocket("127.0.0.1", line.port, device="gate", size=64)
    udp.open()
    assert udp._socket is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(VENDOR_STATUS, udp._socket.getsockname())
    assert await udp.read(0.05) == b""
    udp.close()


@pytest.mark.parametrize(("address", "port"), [("gate.example", 60000), ("127.0.0.1", 0), ("127.0.0.1", 65536)])
def test_addresses_are_numbers(address: str, port: int) -> None:
    with pytest.raises(ValueError, match=r"port|address"):
        UdpSocket(address, port, device="gate", size=64)


async def test_a_socket_that_cannot_connect() -> None:
    with pytest.raises(Disconnected, match="cannot be reached"):
        UdpSocket("255.255.255.255", 60000, device="gate", size=64).open()
    with pytest.raises(Disconnected, match="is not open"):
        await UdpSocket("127.0.0.1", 60000, device="gate", size=64).write(b"x")


def test_the_line_leaves_no_thread() -> None:
    with UdpLine(UhppoteBoard(SERIAL)) as made:
        thread = made._thread
        assert thread is not None
        assert thread.is_alive()
    assert not thread.is_alive()
