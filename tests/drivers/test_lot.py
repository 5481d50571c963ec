"""The LOT turnstile: frames, what can never be written, counters as proof, wrong units, settings, unplugging."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from drivers.errors import (
    ContactDisagrees,
    DeviceRefused,
    Disconnected,
    IdentityMismatch,
    NoResponse,
    RemoteProtocolError,
)
from drivers.gate.lot import driver as host
from drivers.gate.lot import protocol
from drivers.gate.lot.driver import LotGate, open_lot_gate
from drivers.gate.lot.protocol import Mode, Status, Way
from drivers.modbus import identification
from drivers.modbus.client import ModbusClient
from drivers.modbus.frames import (
    FrameError,
    Function,
    Read,
    Refusal,
    Values,
    WriteMultiple,
    Written,
    encode_reply,
    encode_request,
    seal,
)
from drivers.modbus.identification import (
    PRODUCT,
    REVISION,
    VENDOR,
    Identification,
    IdentificationClient,
    ReadIdentification,
)
from drivers.ports import Door, DoorPosition, Gate
from drivers.transport import Transport
from drivers.transport.null_modem import null_modem
from hil.contracts.gate import GateContract
from hil.emulator.lot import IDENTITY, LotTurnstile
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio

# Addresses, functions and values are those of the vendor's SDK, the checks are computed here.
PERMIT_ENTRY = bytes.fromhex("01 10 00 40 00 01 02 00 01 69 50")
READ_STATUS = bytes.fromhex("01 03 00 40 00 09 84 18")
# The body is what the vendor's own emulator sends for its name, odd read code and count included; computed check.
VENDORS_NAME = seal(bytes.fromhex("01 2B 0E 00 01 FF 01 03 00 07") + b"Lot LTD")
OURS = seal(bytes.fromhex("01 2B 0E 01 01 FF 01 01 00 07") + b"Lot LTD")
FULL = Status(0, 1, 2, 3, 0x00010002, 0xFFFF0000, 4)


class TestLot(GateContract):
    device = "gate.lot"
    doors = (Door.EXIT,)
    short_s = 1.0
    out_of_bounds = (0.0, -1.0, 0.99, 5.01, float("inf"), float("nan"))

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        turnstile = LotTurnstile()
        return open_lot_gate("gate", plug(turnstile).path) if kind == "pty" else in_memory(turnstile)

    def real(self, options: dict[str, Any]) -> Gate:
        return open_lot_gate("gate", **options)


def in_memory(turnstile: LotTurnstile, **options: Any) -> LotGate:
    def connect() -> Transport:
        near, far = null_modem("gate")
        far.answer_with(turnstile.handle)
        return near

    return LotGate("gate", connect, **options)


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead


class Desk:
    """A turnstile and its gate in memory; both live by one clock that can be put forward."""

    def __init__(self, **options: Any) -> None:
        self.clock = Clock()
        self.turnstile = LotTurnstile(monotonic=self.clock, passages=(7, 9))
        self.gate = in_memory(self.turnstile, monotonic=self.clock, **options)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made = Desk()
    await made.gate.open()
    yield made
    await made.gate.close()


# --- frames -----------------------------------------------------------------------------------------------------


def test_frames() -> None:
    assert encode_request(protocol.permit_one(1, Way.ENTRY)) == PERMIT_ENTRY
    assert encode_request(protocol.read_status(1)) == READ_STATUS
    assert protocol.cancel(2, Way.EXIT) == WriteMultiple(2, Function.WRITE_REGISTERS, 0x41, (0,))
    assert identification.encode_request(ReadIdentification(1, VENDOR)) == seal(bytes.fromhex("01 2B 0E 01 00"))


def test_status_both_ends() -> None:
    words = protocol.encode_status(FULL)
    assert words == (0, 1, 2, 3, 2, 1, 0, 0xFFFF, 4)
    assert protocol.decode_status(words) == FULL
    assert (FULL.permits(Way.ENTRY), FULL.permits(Way.EXIT)) == (0, 1)
    assert (FULL.passages(Way.ENTRY), FULL.passages(Way.EXIT)) == (0x10002, 0xFFFF0000)


def test_no_input_writes_free_passage_or_a_second_permit() -> None:
    for register in (*range(0x30, 0x60), protocol.DEMO, protocol.MODE, *range(0x3010, 0x3013)):
        for value in (*range(-1, 300), 0xFFFE, protocol.FREE, 0x10000):
            try:
                request = protocol.write(1, register, value)
            except ValueError:
                continue
            assert (register, value) in {(way, count) for way in Way for count in (0, 1)} | {
                (protocol.DEMO, 0),
                (protocol.ACCUMULATE, 0),
            } or (register in (protocol.TIME_TO_START, protocol.TIME_TO_FINISH) and 1 <= value <= 255)
            assert request.values == (value,)
    for way in Way:
        with pytest.raises(ValueError, match="0xffff is never written"):
            protocol.write(1, way, protocol.FREE)
        assert protocol.permit_one(1, way).values == (1,)


@pytest.mark.parametrize("frame", [VENDORS_NAME, OURS])
def test_identification_whole_bytewise_and_among_garbage(frame: bytes) -> None:
    request = ReadIdentification(1, VENDOR)
    for before, after in ((b"", b""), (b"\x00\xff\x01", b"\x01"), (frame[:9], b""), (b"\x01\x2b\x0e", frame[:-1])):
        data = before + frame + after
        for size in (1, 2, len(data)):
            client = IdentificationClient()
            client.send(request)
            got = [client.receive(data[at : at + size]) for at in range(0, len(data), size)]
            assert [one for one in got if one is not None] == [Identification(1, {VENDOR: "Lot LTD"}, more=True)]


def test_identification_encoded_and_refused() -> None:
    assert identification.encode_identification(Identification(1, {VENDOR: "Lot LTD"}, more=True)) == OURS
    last = identification.encode_identification(Identification(1, {PRODUCT: "Eco", REVISION: "1"}))
    assert last == seal(bytes.fromhex("01 2B 0E 01 01 00 00 02 01 03 45 63 6F 02 01 31"))
    refusal = Refusal(1, identification.ENCAPSULATED, 2)
    assert identification.decode_identification(ReadIdentification(1, VENDOR), encode_reply(refusal)) == refusal
    with pytest.raises(ValueError, match="do not fit a frame"):
        identification.encode_identification(Identification(1, {VENDOR: "x" * 250}))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (OURS[:-1] + b"\x00", "check"),
        (seal(b"\x02" + OURS[1:-2]), "unit 2 answered"),
        (seal(b"\x01\x2b\x0d" + OURS[3:-2]), "answered function"),
        (seal(OURS[:-3]), "do not fill"),
        (seal(OURS[:-2] + b"\x01"), "do not fill"),
        (seal(OURS[:-2] + b"\x00\x01x"), "do not fill"),
        (seal(OURS[:8] + b"\x01" + OURS[9:-2]), r"holds objects \[1\], 0 was asked"),
    ],
)
def test_wrong_identifications(frame: bytes, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        identification.decode_identification(ReadIdentification(1, VENDOR), frame)


def test_two_units_of_one_number_are_no_identity() -> None:
    client = IdentificationClient()
    client.send(ReadIdentification(1, VENDOR))
    assert client.receive(OURS + OURS) is None
    assert client.abandon() == "more than one unit identified itself: two of one number, or a late reply"
    assert client.unasked(b"\x00" + OURS)
    assert not client.unasked(OURS[:-1])


def test_identification_requests_are_judged() -> None:
    frame = identification.encode_request(ReadIdentification(1, PRODUCT))
    assert identification.decode_request(frame) == ReadIdentification(1, PRODUCT)
    for wrong in (frame[:-1] + b"\x00", frame + b"\x00", seal(b"\x01\x2b\x0e\x04\x00"), seal(b"\x01\x2b\x0e\x01\x03")):
        with pytest.raises(FrameError):
            identification.decode_request(wrong)
    for unit, number in ((0, 0), (1, 3)):
        with pytest.raises(ValueError, match=r"broadcast|basic"):
            ReadIdentification(unit, number)


def test_turnstile_answers_in_pieces_and_refuses_what_it_has_not() -> None:
    turnstile = LotTurnstile(monotonic=lambda: 0.0)
    got = [turnstile.handle(bytes((byte,))) for byte in READ_STATUS]
    assert got[:-1] == [b""] * 7
    assert got[-1] == encode_reply(Values(1, Function.READ_HOLDING_REGISTERS, (0,) * 9))
    got = [turnstile.handle(bytes((byte,))) for byte in identification.encode_request(ReadIdentification(1, REVISION))]
    assert got[-1] == identification.encode_identification(Identification(1, {REVISION: "ver1"}))
    assert turnstile.handle(seal(b"\x01\x2b\x0e\x04\x00")) == encode_reply(Refusal(1, 0x2B, 3))
    assert turnstile.handle(encode_request(Read(1, Function.READ_HOLDING_REGISTERS, 0x50, 1))) == encode_reply(
        Refusal(1, 3, 2)
    )
    assert turnstile.handle(encode_request(Read(1, Function.READ_COILS, 0, 1))) == encode_reply(Refusal(1, 1, 1))


def test_a_late_reply_cannot_fit() -> None:
    client = ModbusClient(protocol.spacers(1))
    client.send(protocol.read_status(1))
    assert client.spacer(protocol.read_status(1)) == protocol.read_mode(1)
    assert client.spacer(protocol.read_mode(1)) is None
    client.send(protocol.read_mode(1))
    late = encode_reply(Values(1, Function.READ_HOLDING_REGISTERS, (1,) * 9))
    assert client.receive(late) is None
    client.send(protocol.cancel(1, Way.EXIT))
    assert client.spacer(protocol.permit_one(1, Way.EXIT)) is not None
    assert client.receive(encode_reply(Written(1, Function.WRITE_REGISTERS, 0x40, 1))) is None


# --- opening ----------------------------------------------------------------------------------------------------


async def test_open_tells_who_forbids_and_proves(desk: Desk) -> None:
    turnstile = desk.turnstile
    await desk.gate.close()
    turnstile.force(Way.ENTRY, protocol.FREE)
    turnstile.force(Way.EXIT, 3)
    for register, value in ((protocol.DEMO, 1), (protocol.ACCUMULATE, 1), (protocol.TIME_TO_FINISH, 60)):
        turnstile.set_register(register, value)
    turnstile.writes.clear()
    identity = await desk.gate.open()
    assert turnstile.writes[:2] == [protocol.cancel(1, Way.EXIT), protocol.cancel(1, Way.ENTRY)]
    assert (identity.model, identity.firmware, identity.verified_on_hardware) == ("Lot LTD Expert", "ver1", False)
    assert [turnstile.register(number) for number in (0x40, 0x41, 0x0666, 0x3010, 0x3011, 0x3012)] == [0, 0, 0, 0, 5, 5]
    reading = await desk.gate.read()
    assert (reading.passages, reading.disagrees, reading.released) == (0, frozenset(), frozenset())
    assert (reading.entry, reading.exit) == (DoorPosition.UNKNOWN, DoorPosition.UNKNOWN)


async def test_settings_that_are_right_are_not_written_again(desk: Desk) -> None:
    desk.turnstile.writes.clear()
    await desk.gate.open()
    assert {write.address for write in desk.turnstile.writes} <= set(Way)


@pytest.mark.parametrize(
    ("identity", "options", "message"),
    [
        (IDENTITY | {VENDOR: "Lock Ltd"}, {}, "made by 'Lock Ltd', not by 'Lot'"),
        (IDENTITY | {PRODUCT: "Eco"}, {"product": "Expert"}, "is 'Eco', Expert is configured"),
        (IDENTITY | {PRODUCT: ""}, {}, "some product is configured"),
        ({PRODUCT: "Expert"}, {}, "does not say who it is"),
    ],
)
async def test_wrong_turnstile(identity: dict[int, str], options: dict[str, Any], message: str) -> None:
    turnstile = LotTurnstile(identity=identity)
    turnstile.force(Way.EXIT, 1)
    with pytest.raises(IdentityMismatch, match=message):
        await in_memory(turnstile, **options).open()
    assert turnstile.writes == []
    assert turnstile.open_for(Way.EXIT), "nothing may be commanded on a unit that is not ours"


async def test_another_board_on_the_port(plug: Callable[..., PtyLine]) -> None:
    board = WaveshareBoard(baudrate=protocol.BAUDRATE)
    board._switch(3, True)
    with pytest.raises(IdentityMismatch, match="illegal function"):
        await open_lot_gate("gate", plug(board).path).open()
    assert board.coil(3)


async def test_something_else_on_the_port_and_nothing(plug: Callable[..., PtyLine]) -> None:
    class Modem:
        reply = b"\r\nERROR\r\n"

        def handle(self, data: bytes) -> bytes:
            return self.reply

    modem = Modem()
    gate = open_lot_gate("gate", plug(modem).path)
    with pytest.raises(IdentityMismatch, match="no turnstile at unit 1"):
        await gate.open()
    modem.reply = b""
    with pytest.raises(NoResponse):
        await gate.open()


@pytest.mark.parametrize(
    ("register", "message"), [(protocol.DEMO, "demonstration"), (protocol.ACCUMULATE, "0x3010"), (0x3012, "0x3010")]
)
async def test_a_setting_that_does_not_take_is_refused(register: int, message: str) -> None:
    turnstile = LotTurnstile(settings={register: 2}, stuck=frozenset({register}))
    gate = in_memory(turnstile)
    with pytest.raises(DeviceRefused, match=message):
        await gate.open()
    with pytest.raises(Disconnected):
        await gate.read()


async def test_a_permit_that_is_not_taken_back_is_refused_at_open() -> None:
    turnstile = LotTurnstile(stuck=frozenset({Way.ENTRY}))
    turnstile.force(Way.ENTRY, protocol.FREE)
    with pytest.raises(ContactDisagrees, match="not taken back"):
        await in_memory(turnstile).open()


@pytest.mark.parametrize("lease_s", [0, 31])
def test_leases_out_of_bounds(lease_s: int) -> None:
    with pytest.raises(ValueError, match="lease_s"):
        in_memory(LotTurnstile(), lease_s=lease_s)


# --- releasing ----------------------------------------------------------------------------------------------------


async def test_one_passage_is_permitted_counted_and_over(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 5.0)
    assert (await desk.gate.read()).released == {Door.EXIT}
    assert desk.turnstile.push(Way.EXIT)
    assert not desk.turnstile.push(Way.EXIT)
    reading = await desk.gate.read()
    assert (reading.passages, reading.released, reading.disagrees) == (1, frozenset(), frozenset())
    await desk.gate.release(Door.EXIT, 5.0)
    assert desk.turnstile.push(Way.EXIT)
    assert (await desk.gate.read()).passages == 2


async def test_a_release_is_cut_to_whole_seconds_in_the_turnstile(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 2.9)
    assert desk.turnstile.register(protocol.TIME_TO_START) == 2
    desk.clock.ahead += 2.1
    assert not desk.turnstile.push(Way.EXIT)
    reading = await desk.gate.read()
    assert (reading.released, reading.disagrees) == (frozenset(), frozenset())


async def test_the_turnstile_ends_a_release_of_a_dead_host(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 5.0)
    desk.clock.ahead += 5.0
    assert not desk.turnstile.open_for(Way.EXIT)


async def test_close_takes_a_permit_back(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 5.0)
    await desk.gate.close()
    assert not desk.turnstile.open_for(Way.EXIT)


async def test_a_passage_begun_in_the_last_second_of_the_lease_is_permitted(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 5.0)
    desk.clock.ahead += 5.0 + 5.0
    desk.turnstile.count(Way.EXIT)
    reading = await desk.gate.read()
    assert (reading.passages, reading.disagrees) == (1, frozenset())


async def test_no_second_permit_on_one_that_outlasts_its_time(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 1.0)
    desk.turnstile.force(Way.EXIT, 1)
    desk.clock.ahead += 1.5
    desk.turnstile.writes.clear()
    with pytest.raises(DeviceRefused, match="already permitted"):
        await desk.gate.release(Door.EXIT, 1.0)
    assert desk.turnstile.writes == []


async def test_the_way_out_may_be_the_turnstiles_entry() -> None:
    desk = Desk(way=Way.ENTRY)
    await desk.gate.open()
    await desk.gate.release(Door.EXIT, 1.0)
    assert (desk.turnstile.open_for(Way.ENTRY), desk.turnstile.open_for(Way.EXIT)) == (True, False)
    desk.turnstile.push(Way.ENTRY)
    assert (await desk.gate.read()).passages == 1
    await desk.gate.close()


async def test_a_second_permit_is_refused_while_one_stands(desk: Desk) -> None:
    results = await asyncio.gather(*(desk.gate.release(Door.EXIT, 5.0) for _ in range(2)), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), DeviceRefused]
    with pytest.raises(DeviceRefused, match="already permitted"):
        await desk.gate.release(Door.EXIT, 5.0)
    assert sum(write == protocol.permit_one(1, Way.EXIT) for write in desk.turnstile.writes) == 1
    assert [desk.turnstile.push(Way.EXIT) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("mode", [Mode.BLOCKED, Mode.ANTI_PANIC, 7])
async def test_no_permit_outside_the_normal_mode(desk: Desk, mode: int) -> None:
    desk.turnstile.set_register(protocol.MODE, mode)
    with pytest.raises(DeviceRefused, match=f"mode {int(mode)}"):
        await desk.gate.release(Door.EXIT, 5.0)
    assert desk.turnstile.register(Way.EXIT) == 0


async def test_settings_lost_by_a_restart_are_mended_before_a_permit(desk: Desk) -> None:
    desk.turnstile.set_register(protocol.ACCUMULATE, 1)
    desk.turnstile.set_register(protocol.TIME_TO_FINISH, 99)
    await desk.gate.release(Door.EXIT, 5.0)
    assert [desk.turnstile.register(number) for number in range(0x3010, 0x3013)] == [0, 5, 5]


async def test_a_permit_that_does_not_show_is_taken_back(desk: Desk) -> None:
    desk.turnstile.stuck = frozenset({Way.EXIT})
    with pytest.raises(ContactDisagrees, match="does not show it"):
        await desk.gate.release(Door.EXIT, 5.0)
    assert desk.turnstile.writes[-2:] == [protocol.cancel(1, Way.EXIT), protocol.cancel(1, Way.ENTRY)]


async def test_a_release_whose_reply_is_lost_is_neither_repeated_nor_forgotten(plug: Callable[..., PtyLine]) -> None:
    turnstile = LotTurnstile()
    line = plug(turnstile)
    gate = open_lot_gate("gate", line.path)
    await gate.open()
    line.garble = lambda data: b"" if data[1] == Function.WRITE_REGISTERS else data
    with pytest.raises(NoResponse):
        await gate.release(Door.EXIT, 5.0)
    line.garble = None
    with pytest.raises(DeviceRefused, match="already permitted"):
        await gate.release(Door.EXIT, 5.0)
    assert sum(write == protocol.permit_one(1, Way.EXIT) for write in turnstile.writes) == 1
    assert turnstile.push(Way.EXIT)
    reading = await gate.read()
    assert (reading.passages, reading.disagrees) == (1, frozenset())
    await gate.close()


# --- what contradicts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "by", "passages"),
    [(Way.EXIT, 1, 1), (Way.EXIT, -1, 0), (Way.EXIT, -9, 0), (Way.ENTRY, 1, 0), (Way.EXIT, 1000, 1000)],
)
async def test_counters_that_move_without_a_permit_disagree(desk: Desk, way: Way, by: int, passages: int) -> None:
    desk.turnstile.count(way, by)
    for _ in range(2):
        reading = await desk.gate.read()
        assert (reading.disagrees, reading.passages) == ({Door.EXIT}, passages)
    with pytest.raises(ContactDisagrees, match="no release before secure"):
        await desk.gate.release(Door.EXIT, 5.0)
    assert desk.turnstile.register(Way.EXIT) == 0
    await desk.gate.secure()
    assert (await desk.gate.read()).disagrees == frozenset()
    await desk.gate.release(Door.EXIT, 5.0)


async def test_two_passages_on_one_permit_disagree(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 5.0)
    desk.turnstile.push(Way.EXIT)
    desk.turnstile.count(Way.EXIT)
    reading = await desk.gate.read()
    assert (reading.disagrees, reading.passages) == ({Door.EXIT}, 2)


async def test_a_passage_that_had_begun_when_secured_is_permitted_and_a_later_one_is_not(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 5.0)
    await desk.gate.secure()
    desk.clock.ahead += 2.0
    desk.turnstile.count(Way.EXIT)
    reading = await desk.gate.read()
    assert (reading.disagrees, reading.passages) == (frozenset(), 1)
    desk.turnstile.count(Way.EXIT)
    assert (await desk.gate.read()).disagrees == {Door.EXIT}


async def test_a_passage_long_after_the_lease_is_not_permitted(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 1.0)
    desk.clock.ahead += 1.0 + 5.0 + 3.0
    desk.turnstile.count(Way.EXIT)
    assert (await desk.gate.read()).disagrees == {Door.EXIT}


async def test_the_counter_may_overflow() -> None:
    desk = Desk()
    desk.turnstile.count(Way.EXIT, -10)
    assert desk.turnstile.register(0x46) == desk.turnstile.register(0x47) == 0xFFFF
    await desk.gate.open()
    await desk.gate.release(Door.EXIT, 5.0)
    desk.turnstile.push(Way.EXIT)
    reading = await desk.gate.read()
    assert (reading.passages, reading.disagrees) == (1, frozenset())
    await desk.gate.close()


@pytest.mark.parametrize(("way", "permits"), [(Way.EXIT, 1), (Way.EXIT, 2), (Way.EXIT, 0xFFFF), (Way.ENTRY, 1)])
async def test_a_permit_nobody_asked_for_disagrees(desk: Desk, way: Way, permits: int) -> None:
    await desk.gate.read()
    desk.turnstile.force(way, permits)
    reading = await desk.gate.read()
    assert (reading.released, reading.disagrees) == ({Door.EXIT}, {Door.EXIT})
    await desk.gate.secure()
    assert not desk.turnstile.open_for(way)


async def test_a_permit_that_does_not_lapse_disagrees(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 1.0)
    desk.turnstile.force(Way.EXIT, 1)
    desk.clock.ahead += 1.5
    assert (await desk.gate.read()).disagrees == frozenset()
    desk.clock.ahead += host._GRAIN_S
    assert (await desk.gate.read()).disagrees == {Door.EXIT}


async def test_a_restart_shows_by_its_counter(desk: Desk) -> None:
    await desk.gate.release(Door.EXIT, 5.0)
    desk.turnstile.reboot()
    reading = await desk.gate.read()
    assert (reading.released, reading.disagrees, reading.passages) == (frozenset(), {Door.EXIT}, 0)


async def test_modes_errors_and_objects_are_read(desk: Desk) -> None:
    def seen() -> tuple[bool, bool, bool]:
        return reading.out_of_service, reading.emergency, reading.occupied

    desk.turnstile.set_register(protocol.MODE, Mode.BLOCKED)
    reading = await desk.gate.read()
    assert seen() == (True, False, False)
    desk.turnstile.set_register(protocol.MODE, Mode.ANTI_PANIC)
    desk.turnstile.set_object(Way.ENTRY, 2)
    reading = await desk.gate.read()
    assert seen() == (False, True, True)
    desk.turnstile.set_register(protocol.MODE, Mode.NORMAL)
    desk.turnstile.set_object(Way.ENTRY, 0)
    desk.turnstile.set_errors(1)
    reading = await desk.gate.read()
    assert seen() == (True, False, False)
    desk.turnstile.set_errors(0)
    reading = await desk.gate.read()
    assert seen() == (False, False, False)


# --- the line -------------------------------------------------------------------------------------------------------


async def test_unplugging_and_coming_back(plug: Callable[..., PtyLine]) -> None:
    turnstile = LotTurnstile()
    line = plug(turnstile)
    gate = open_lot_gate("gate", line.path)
    await gate.open()
    await gate.release(Door.EXIT, 5.0)
    line.unplug()
    with pytest.raises(Disconnected):
        await gate.read()
    line.replug()
    await gate.open()
    assert not turnstile.open_for(Way.EXIT)
    assert (await gate.read()).released == frozenset()
    await gate.close()


async def test_garbage_on_the_line_is_an_error_and_no_release(plug: Callable[..., PtyLine]) -> None:
    turnstile = LotTurnstile()
    line = plug(turnstile)
    gate = open_lot_gate("gate", line.path)
    await gate.open()
    line.garble = lambda data: bytes(byte ^ 0x10 for byte in data)
    with pytest.raises(RemoteProtocolError):
        await gate.read()
    with pytest.raises((NoResponse, RemoteProtocolError)):
        await gate.release(Door.EXIT, 1.0)
    assert not turnstile.open_for(Way.EXIT)
    line.garble = None
    await gate.close()
