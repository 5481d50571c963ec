"""The session: no late reply is ever taken, urgent requests overtake, a stale release is dropped unsent."""

import asyncio

import pytest

from drivers.errors import Disconnected, DriverError, NoResponse, RemoteProtocolError
from drivers.gate.waveshare import protocol
from drivers.modbus.client import ModbusClient
from drivers.modbus.frames import Function, Read, Reply, Request, Values, decode_request, encode_reply, encode_request
from drivers.session import Session, Timing
from drivers.transport.null_modem import NullModemEnd, null_modem
from hil.emulator.waveshare import WaveshareBoard

COILS, INPUTS = protocol.read_relays(1), protocol.read_inputs(1)
FLASH = protocol.flash_on(1, 0, 10)
TIMING = Timing(reply_s=0.03, max_latency_s=0.1, quiet_s=0.001, gap_s=0.01)

pytestmark = pytest.mark.anyio


class Line:
    """A session on a null modem whose far end is scripted: replies are held back until the test lets them go."""

    def __init__(self, timing: Timing = TIMING) -> None:
        near, self.far = null_modem("gate")
        self.seen: list[Request] = []
        self.held: list[bytes] = []
        self.hold = False
        self.board = WaveshareBoard()
        self.far.on_bytes = self.arrive
        self.near: NullModemEnd = near
        self.session: Session[Request, Reply] = Session("gate", near, ModbusClient((COILS, INPUTS)), timing=timing)

    def arrive(self, data: bytes) -> None:
        self.seen.append(decode_request(data))
        reply = self.board.handle(data)
        if self.hold:
            self.held.append(reply)
        else:
            self.far.emit(reply)

    def let_go(self) -> None:
        for reply in self.held:
            self.far.emit(reply)
        self.held.clear()


def bits(function: Function, *on: int) -> Values:
    return Values(1, function, tuple(int(number in on) for number in range(8)))


async def test_one_request_one_reply() -> None:
    line = Line()
    line.board.set_input(2, True)
    assert await line.session.request(INPUTS) == bits(Function.READ_DISCRETE_INPUTS, 2, 6, 7)
    assert line.session.noise == 0


async def test_late_reply_within_the_quarantine_is_drained() -> None:
    line = Line()
    line.hold = True
    with pytest.raises(NoResponse):
        await line.session.request(INPUTS)
    line.board.set_input(2, True)
    line.hold = False
    asyncio.get_running_loop().call_later(0.02, line.let_go)
    assert await line.session.request(INPUTS) == bits(Function.READ_DISCRETE_INPUTS, 2, 6, 7)
    assert line.session.noise == 6


async def test_late_reply_beyond_any_latency_is_not_taken_for_the_next_answer() -> None:
    """pymodbus 3.16.1 hands the old answer to the next question here; the value read would be the stale one."""
    line = Line()
    line.hold = True
    with pytest.raises(NoResponse):
        await line.session.request(INPUTS)
    stale = line.held.pop()
    await asyncio.sleep(TIMING.max_latency_s)
    line.board.set_input(2, True)
    line.hold = False
    original = line.arrive

    def stale_first(data: bytes) -> None:
        if stale not in sent:
            sent.append(stale)
            line.far.emit(stale)
        original(data)

    sent: list[bytes] = []
    line.far.on_bytes = stale_first
    with pytest.raises(RemoteProtocolError, match="more than one frame"):
        await line.session.request(INPUTS)
    assert sent == [stale]
    assert line.seen[-1] == COILS, "the spacer met it; the request itself was never sent"
    assert await line.session.request(INPUTS) == bits(Function.READ_DISCRETE_INPUTS, 2, 6, 7)


async def test_a_frame_between_two_requests_fails_the_next_one_and_drains_the_line() -> None:
    """The reply before it may have been a doubled, older one: its sender has to know, by the next request at least."""
    line = Line()
    await line.session.request(INPUTS)
    line.far.emit(line.board.handle(encode_request(INPUTS)))
    await asyncio.sleep(0)
    with pytest.raises(RemoteProtocolError, match="nobody asked for"):
        await line.session.request(COILS)
    assert line.seen == [INPUTS], "nothing was sent"
    assert await line.session.request(COILS) == bits(Function.READ_COILS)


async def test_noise_between_two_requests_is_counted_and_disturbs_nobody() -> None:
    line = Line()
    await line.session.request(INPUTS)
    line.far.emit(b"\x00\xff")
    await asyncio.sleep(0)
    assert await line.session.request(COILS) == bits(Function.READ_COILS)
    assert line.session.noise == 2


async def test_equal_requests_get_a_harmless_read_between() -> None:
    line = Line()
    for _ in range(3):
        await line.session.request(FLASH)
    assert line.seen == [FLASH, COILS, FLASH, COILS, FLASH]


async def test_urgent_overtakes_what_waits_but_not_what_runs() -> None:
    line = Line()
    line.hold = True
    polls = [asyncio.create_task(line.session.request(request)) for request in (COILS, INPUTS, COILS, INPUTS)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    release = asyncio.create_task(line.session.request(FLASH, urgent=True))
    await asyncio.sleep(0)
    line.hold = False
    line.let_go()
    await asyncio.gather(release, *polls)
    assert line.seen[:3] == [COILS, FLASH, INPUTS]


async def test_a_release_that_had_to_wait_too_long_is_never_sent() -> None:
    line = Line(Timing(reply_s=0.03, max_latency_s=60.0))
    line.hold = True
    with pytest.raises(NoResponse, match="silent"):
        await line.session.request(COILS)
    line.hold = False
    began = asyncio.get_running_loop().time()
    with pytest.raises(NoResponse, match="nothing was sent"):
        await line.session.request(FLASH, urgent=True, expires_s=0.02)
    assert asyncio.get_running_loop().time() - began < 30, "the caller learns it without waiting the quarantine out"
    assert FLASH not in line.seen


async def test_a_release_behind_a_slow_poll_expires_unsent() -> None:
    line = Line()
    line.hold = True
    poll = asyncio.create_task(line.session.request(COILS))
    await asyncio.sleep(0)
    release = asyncio.create_task(line.session.request(FLASH, urgent=True, expires_s=0.005))
    await asyncio.sleep(0.015)
    line.let_go()
    await poll
    with pytest.raises(NoResponse, match="nothing was sent"):
        await release
    assert line.seen == [COILS]


async def test_nothing_is_sent_twice() -> None:
    line = Line()
    line.hold = True
    with pytest.raises(NoResponse):
        await line.session.request(FLASH)
    assert line.seen == [FLASH]


async def test_cancelled_request_quarantines_the_line() -> None:
    line = Line()
    line.hold = True
    task = asyncio.create_task(line.session.request(INPUTS))
    await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    line.hold = False
    began = asyncio.get_running_loop().time()
    asyncio.get_running_loop().call_later(0.05, line.let_go)
    await line.session.request(INPUTS)
    assert asyncio.get_running_loop().time() - began > 0.08
    assert line.session.noise == 6


async def test_cancelled_waiter_passes_its_turn_on() -> None:
    line = Line()
    line.hold = True
    running = asyncio.create_task(line.session.request(COILS))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(line.session.request(INPUTS)) for _ in range(2)]
    await asyncio.sleep(0.002)
    waiting[0].cancel()
    line.hold = False
    line.let_go()
    await running
    assert await waiting[1] == bits(Function.READ_DISCRETE_INPUTS, 6, 7)


async def test_wrong_answers_are_named() -> None:
    line = Line()
    line.far.answer_with(lambda _: encode_reply(Values(2, Function.READ_COILS, (1,) * 8)))
    with pytest.raises(RemoteProtocolError, match="unit 2 answered, unit 1 was asked"):
        await line.session.request(COILS)


async def test_garbage_is_named_and_survived() -> None:
    line = Line()
    line.far.answer_with(lambda _: b"\xde\xad\xbe\xef")
    with pytest.raises(RemoteProtocolError, match="de ad be ef"):
        await line.session.request(COILS)
    line.far.on_bytes = line.arrive
    assert await line.session.request(COILS) == bits(Function.READ_COILS)


async def test_split_garbled_and_delayed_by_the_wire() -> None:
    near, far = null_modem(
        "gate", homeward=lambda data: [b"\x00", *(data[at : at + 1] for at in range(len(data))), b"\xff"]
    )
    board = WaveshareBoard()
    far.answer_with(board.handle)
    session: Session[Request, Reply] = Session("gate", near, ModbusClient((COILS, INPUTS)), timing=TIMING)
    for request in (COILS, INPUTS, FLASH, COILS):
        await session.request(request)
    assert board.contact(0)


async def test_a_line_that_never_falls_silent_is_given_up() -> None:
    line = Line(Timing(reply_s=0.01, max_latency_s=0.02, quiet_s=0.01, gap_s=0.005))
    line.hold = True

    async def babble() -> None:
        while True:
            line.far.emit(b"\x55")
            await asyncio.sleep(0.003)

    babbler = asyncio.create_task(babble())
    with pytest.raises(RemoteProtocolError):
        await line.session.request(COILS)
    with pytest.raises(RemoteProtocolError, match="second controller"):
        await line.session.request(COILS)
    babbler.cancel()


async def test_a_lost_line_ends_the_session_for_everyone() -> None:
    line = Line()
    line.hold = True
    waiting = [asyncio.create_task(line.session.request(request)) for request in (COILS, INPUTS, FLASH)]
    await asyncio.sleep(0.002)
    line.far.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [Disconnected] * 3
    assert line.seen == [COILS]
    with pytest.raises(Disconnected):
        await line.session.request(COILS)


async def test_close_ends_a_running_request() -> None:
    line = Line()
    line.hold = True
    task = asyncio.create_task(line.session.request(COILS))
    await asyncio.sleep(0.002)
    line.session.close()
    with pytest.raises(DriverError, match="closed"):
        await task


async def test_silence_is_kept_between_frames() -> None:
    line = Line(Timing(reply_s=0.1, max_latency_s=0.1, quiet_s=0.02))
    began = asyncio.get_running_loop().time()
    for request in (COILS, INPUTS, COILS):
        await line.session.request(request)
    assert asyncio.get_running_loop().time() - began >= 0.038


async def test_first_request_goes_out_inside_the_call() -> None:
    line = Line()
    written: list[bytes] = []
    line.near._manipulator = lambda data: written.append(data) or [data]
    coroutine = line.session.request(FLASH, urgent=True)
    coroutine.send(None)
    assert written == [encode_request(FLASH)]
    coroutine.close()


async def test_reads_of_other_sizes_share_the_rule() -> None:
    line = Line()
    wide = Read(1, Function.READ_COILS, 0, 4)
    await line.session.request(COILS)
    await line.session.request(wide)
    assert line.seen == [COILS, INPUTS, wide]
