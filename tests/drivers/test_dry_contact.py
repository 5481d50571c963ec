"""The dry-contact gate when things go wrong: welded and broken relays, wrong boards, reboots, noise, unplugging."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from drivers.errors import (
    ContactDisagrees,
    DeviceRefused,
    Disconnected,
    DriverError,
    NoResponse,
    PortBusy,
    RemoteProtocolError,
)
from drivers.gate import DryContactGate, DryContactWiring, open_waveshare_gate
from drivers.gate.waveshare.board import WaveshareBoard as BoardClient
from drivers.gate.waveshare.board import spacers
from drivers.modbus_unit import ModbusUnit
from drivers.ports import Door, DoorPosition
from drivers.transport.null_modem import null_modem
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio
BAUD = 57600
TURNSTILE = DryContactWiring(
    entry_release=None, entry_closed=None, entry_mirror=None, exit_release=1, occupied=None, active_low=frozenset({5})
)


class Bench:
    """A gate on an emulated board on a pseudo-terminal."""

    def __init__(self, plug: Callable[..., PtyLine], board: WaveshareBoard, wiring: DryContactWiring) -> None:
        self.board = board
        self.line = plug(board)
        self.gate: DryContactGate = self.another(wiring)

    def another(self, wiring: DryContactWiring | None = None, version: int | None = None) -> DryContactGate:
        return open_waveshare_gate("gate", self.line.path, baudrate=BAUD, wiring=wiring, version=version)


@pytest.fixture
async def bench(plug: Callable[..., PtyLine]) -> AsyncIterator[Bench]:
    made = Bench(plug, WaveshareBoard(baudrate=BAUD), DryContactWiring())
    yield made
    await made.gate.close()


async def test_inputs_come_through_one_by_one(bench: Bench) -> None:
    await bench.gate.open()
    reading = await bench.gate.read()
    assert (reading.entry, reading.exit) == (DoorPosition.OPEN, DoorPosition.OPEN)
    assert (reading.occupied, reading.out_of_service, reading.emergency) == (False, False, False)
    for number, field, value in (
        (0, "entry", DoorPosition.CLOSED),
        (1, "exit", DoorPosition.CLOSED),
        (2, "occupied", True),
        (4, "out_of_service", True),
        (5, "emergency", True),
    ):
        bench.board.set_input(number, True)
        now = await bench.gate.read()
        assert getattr(now, field) == value
        assert replace(now, at=0.0) == replace(reading, at=0.0, **{field: value})
        reading = now


async def settled(gate: DryContactGate) -> int:
    """The passages once the acknowledge contact has been seen the same for 20 ms and more."""
    for _ in range(3):
        reading = await gate.read()
        await asyncio.sleep(0.015)
    return reading.passages


async def test_passages_are_rising_edges_since_open(bench: Bench) -> None:
    bench.board.set_input(3, True)
    await bench.gate.open()
    assert await settled(bench.gate) == 0
    for expected in (1, 2):
        bench.board.set_input(3, False)
        await settled(bench.gate)
        bench.board.set_input(3, True)
        assert await settled(bench.gate) == expected
    await bench.gate.open()
    assert await settled(bench.gate) == 0


async def test_a_bouncing_acknowledge_contact_is_one_passage(bench: Bench) -> None:
    await bench.gate.open()
    assert await settled(bench.gate) == 0
    for closed in (True, False, True, False, True):
        bench.board.set_input(3, closed)
        await bench.gate.read()
    assert await settled(bench.gate) == 1


async def test_a_passage_during_the_proof_of_a_release_is_counted_once(bench: Bench) -> None:
    await bench.gate.open()
    await settled(bench.gate)
    bench.board.set_input(3, True)
    await asyncio.gather(bench.gate.read(), bench.gate.release(Door.EXIT, 0.1), bench.gate.read())
    assert await settled(bench.gate) == 1


async def test_relay_that_does_not_close(bench: Bench) -> None:
    await bench.gate.open()
    bench.board.break_coil(1)
    with pytest.raises(ContactDisagrees, match="exit relay did not close"):
        await bench.gate.release(Door.EXIT, 5.0)
    assert not bench.board.coil(1)


async def test_relay_welded_after_a_release_blocks_the_other_door(bench: Bench) -> None:
    await bench.gate.open()
    await bench.gate.release(Door.EXIT, 0.1)
    bench.board.weld(1)
    await asyncio.sleep(0.45)
    await bench.gate.read()
    await asyncio.sleep(0.15)
    reading = await bench.gate.read()
    assert reading.released == {Door.EXIT}
    assert reading.disagrees == {Door.EXIT}
    for door in Door:
        with pytest.raises(ContactDisagrees, match="not to be trusted"):
            await bench.gate.release(door, 0.1)
    with pytest.raises(ContactDisagrees, match="did not open"):
        await bench.gate.secure()
    assert not bench.board.contact(0)


async def test_relay_welded_before_open(bench: Bench) -> None:
    bench.board.weld(0)
    with pytest.raises(ContactDisagrees):
        await bench.gate.open()
    bench.board.repair()
    await bench.gate.open()


async def test_relay_that_drops_out_during_a_release_disagrees(bench: Bench) -> None:
    await bench.gate.open()
    await bench.gate.release(Door.EXIT, 5.0)
    bench.board.break_coil(1)
    await bench.gate.read()
    await asyncio.sleep(0.12)
    reading = await bench.gate.read()
    assert reading.released == frozenset()
    assert reading.disagrees == {Door.EXIT}


async def test_welded_relay_seen_before_it_counts_as_welded_keeps_the_other_door_shut() -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.001
        return now[0]

    board = WaveshareBoard(monotonic=lambda: now[0])
    gate = DryContactGate("gate", lambda: joined(board), DryContactWiring(), clock)
    await gate.open()
    await gate.release(Door.EXIT, 0.1)
    pulse_ended = now[0] + 0.2
    board.weld(1)
    now[0] = pulse_ended
    reading = await gate.read()
    assert (reading.released, reading.disagrees) == ({Door.EXIT}, frozenset())
    with pytest.raises(DeviceRefused, match="never both doors"):
        await gate.release(Door.ENTRY, 0.1)
    assert not board.contact(0)
    await gate.close()


async def test_a_host_that_was_held_up_does_not_call_the_contact_broken() -> None:
    now = [0.0]

    class HeldUp(BoardClient):
        async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
            await super().pulse(relay, tenths, expires_s=expires_s)
            held_up[0] = relay == 1

        async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
            if held_up[0]:
                now[0] += 3.0
                held_up[0] = False
            return await super().read_inputs(urgent=urgent)

    def clock() -> float:
        now[0] += 0.001
        return now[0]

    def connect() -> BoardClient:
        near, far = null_modem("gate")
        far.answer_with(board.handle)
        return HeldUp(ModbusUnit("gate", near, BAUD, number=1, spacers=spacers(1)))

    held_up = [False]
    board = WaveshareBoard(monotonic=lambda: now[0])
    gate = DryContactGate("gate", connect, DryContactWiring(), clock)
    await gate.open()
    # The look that was asked for in time comes back too late, and finds the pulse over.
    with pytest.raises(NoResponse, match="nobody looked"):
        await gate.release(Door.EXIT, 0.5)
    assert not (await gate.read()).disagrees
    await gate.release(Door.ENTRY, 0.5)
    await gate.close()


def joined(board: WaveshareBoard) -> BoardClient:
    near, far = null_modem("gate")
    far.answer_with(board.handle)
    return BoardClient(ModbusUnit("gate", near, BAUD, number=1, spacers=spacers(1)))


async def test_poll_overtaken_by_a_release_does_not_count_a_passage_twice() -> None:
    class Slow(BoardClient):
        gate_open = asyncio.Event()

        async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
            if not urgent:
                await self.gate_open.wait()
            return await super().read_relays(urgent=urgent)

    def connect() -> BoardClient:
        near, far = null_modem("gate")
        far.answer_with(board.handle)
        return Slow(ModbusUnit("gate", near, BAUD, number=1, spacers=spacers(1)))

    board = WaveshareBoard(baudrate=BAUD)
    gate = DryContactGate("gate", connect, DryContactWiring())
    await gate.open()
    Slow.gate_open.set()
    assert await settled(gate) == 0
    Slow.gate_open.clear()
    poll = asyncio.create_task(gate.read())
    await asyncio.sleep(0.02)
    board.set_input(3, True)
    await gate.release(Door.EXIT, 0.3)
    Slow.gate_open.set()
    assert (await poll).released == {Door.EXIT}
    assert await settled(gate) == 1
    await gate.close()


async def test_welded_contact_does_not_prove_a_pulse_the_board_forgot(bench: Bench) -> None:
    await bench.gate.open()
    handle = bench.board.handle

    def forget_and_weld(data: bytes) -> bytes:
        reply = handle(data)
        if data[1] == 5:
            bench.board.reboot()
            bench.board.weld(1)
        return reply

    bench.board.handle = forget_and_weld
    with pytest.raises(ContactDisagrees, match="did not close"):
        await bench.gate.release(Door.EXIT, 1.0)


async def test_board_that_keeps_a_coil_on_is_not_secure(bench: Bench) -> None:
    await bench.gate.open()
    handle = bench.board.handle
    bench.board.break_coil(0)

    def echo_without_effect(data: bytes) -> bytes:
        reply = handle(data)
        bench.board._switch(0, True)
        return reply

    bench.board.handle = echo_without_effect
    with pytest.raises(ContactDisagrees, match="did not open"):
        await bench.gate.secure()


async def test_relay_switched_by_someone_else_disagrees(bench: Bench) -> None:
    await bench.gate.open()
    bench.board._switch(0, True)
    reading = await bench.gate.read()
    assert reading.released == reading.disagrees == {Door.ENTRY}
    with pytest.raises(ContactDisagrees):
        await bench.gate.release(Door.EXIT, 0.1)
    await bench.gate.secure()
    assert (await bench.gate.read()).disagrees == frozenset()


async def test_board_that_reboots_during_a_release(bench: Bench) -> None:
    await bench.gate.open()
    await bench.gate.release(Door.EXIT, 1.0)
    bench.board.reboot()
    reading = await bench.gate.read()
    assert reading.released == frozenset()
    with pytest.raises(DeviceRefused):
        await bench.gate.release(Door.ENTRY, 0.1)
    await bench.gate.secure()
    await bench.gate.release(Door.ENTRY, 0.1)


async def test_board_that_reboots_before_the_proof(bench: Bench) -> None:
    await bench.gate.open()
    await bench.gate.read()
    handle = bench.board.handle

    def reboot_after_flash(data: bytes) -> bytes:
        reply = handle(data)
        if data[1] == 5:
            bench.board.reboot()
        return reply

    bench.board.handle = reboot_after_flash
    with pytest.raises(ContactDisagrees):
        await bench.gate.release(Door.EXIT, 1.0)


async def test_garbage_on_the_line_is_an_error_and_no_release(bench: Bench) -> None:
    await bench.gate.open()
    bench.line.garble = lambda data: bytes(byte ^ 0x10 for byte in data)
    with pytest.raises(RemoteProtocolError):
        await bench.gate.read()
    with pytest.raises(NoResponse, match="nothing was sent"):
        await bench.gate.release(Door.EXIT, 0.5)
    assert not bench.board.contact(1)
    bench.line.garble = None
    await bench.gate.read()


async def test_noise_between_frames_does_no_harm(bench: Bench) -> None:
    await bench.gate.open()
    for _ in range(5):
        bench.line.send(b"\x00\xff\x01\x05\x00")
        await bench.gate.read()


async def test_release_whose_reply_is_lost_is_not_repeated_and_keeps_the_other_door_shut(bench: Bench) -> None:
    await bench.gate.open()
    await bench.gate.read()
    bench.line.silent = True
    with pytest.raises(NoResponse):
        await bench.gate.release(Door.EXIT, 0.4)
    bench.line.silent = False
    with pytest.raises(DeviceRefused, match="exit door is still released"):
        await bench.gate.release(Door.ENTRY, 0.1)
    assert not bench.board.contact(0)


async def test_unplug_in_mid_exchange_then_back(bench: Bench) -> None:
    await bench.gate.open()
    bench.line.silent = True
    waiting = asyncio.create_task(bench.gate.read())
    await asyncio.sleep(0.02)
    bench.line.unplug()
    with pytest.raises(Disconnected, match="unplugged"):
        await waiting
    with pytest.raises(Disconnected):
        await bench.gate.release(Door.EXIT, 0.1)
    with pytest.raises(Disconnected, match="does not exist"):
        await bench.gate.open()
    bench.line.silent = False
    bench.line.replug()
    await bench.gate.open()
    await bench.gate.release(Door.EXIT, 0.1)


async def test_second_controller_on_the_port(bench: Bench) -> None:
    await bench.gate.open()
    intruder = bench.another()
    with pytest.raises(PortBusy):
        await intruder.open()
    await intruder.close()
    await bench.gate.release(Door.EXIT, 0.1)


async def test_turnstile_has_no_entry_door_and_reads_a_cut_wire_as_emergency(plug: Callable[..., PtyLine]) -> None:
    board = WaveshareBoard(baudrate=BAUD, mirrors={7: 1})
    gate = open_waveshare_gate("gate", plug(board).path, baudrate=BAUD, wiring=TURNSTILE)
    await gate.open()
    reading = await gate.read()
    assert reading.entry is DoorPosition.UNKNOWN
    assert reading.emergency
    board.set_input(5, True)
    assert not (await gate.read()).emergency
    with pytest.raises(DeviceRefused, match="no entry door"):
        await gate.release(Door.ENTRY, 0.1)
    await gate.release(Door.EXIT, 0.1)
    await gate.close()


async def test_without_mirrors_the_coil_is_all_there_is(plug: Callable[..., PtyLine]) -> None:
    board = WaveshareBoard(baudrate=BAUD, mirrors={})
    wiring = DryContactWiring(entry_mirror=None, exit_mirror=None)
    gate = open_waveshare_gate("gate", plug(board).path, baudrate=BAUD, wiring=wiring)
    await gate.open()
    await gate.release(Door.EXIT, 0.1)
    assert (await gate.read()).released == {Door.EXIT}
    await gate.close()


async def test_pulse_is_cut_to_whole_tenths_never_longer(bench: Bench) -> None:
    await bench.gate.open()
    now = [0.0]
    bench.board._monotonic = lambda: now[0]
    await bench.gate.release(Door.EXIT, 0.29)
    now[0] = 0.19
    assert bench.board.contact(1)
    now[0] = 0.2
    assert not bench.board.contact(1)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: DryContactWiring(entry_release=1),
        lambda: DryContactWiring(entry_release=None),
        lambda: DryContactWiring(occupied=1),
        lambda: DryContactWiring(passage=None, active_low=frozenset({3})),
        lambda: DryContactWiring(exit_release=8).check_against(8, 8),
        lambda: DryContactWiring(occupied=-1).check_against(8, 8),
    ],
)
def test_impossible_wirings(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"relay|wired|entry_release|input"):
        wrong()


async def test_wiring_beyond_the_board_stops_the_open(bench: Bench) -> None:
    gate = bench.another(DryContactWiring(exit_release=9))
    with pytest.raises(ValueError, match="the board has 0 to 7"):
        await gate.open()
    await bench.gate.open()


async def test_close_on_a_dead_line_raises_nothing(bench: Bench) -> None:
    await bench.gate.open()
    bench.line.unplug()
    await bench.gate.close()
    with pytest.raises(DriverError):
        await bench.gate.read()
