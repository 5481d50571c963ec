"""Modbus frames: the vendors' bytes, round trips, and no accepted corruption."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gate.waveshare import protocol as waveshare
from drivers.modbus.frames import (
    BIT_READS,
    FrameError,
    Function,
    Read,
    Refusal,
    Reply,
    Request,
    Values,
    WriteMultiple,
    WriteSingle,
    Written,
    crc16,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
    reply_length,
    request_length,
)

VENDOR_REQUESTS = [
    (WriteSingle(1, Function.WRITE_COIL, 0, 0xFF00), "01 05 00 00 FF 00 8C 3A"),
    (WriteSingle(1, Function.WRITE_COIL, 0, 0x0000), "01 05 00 00 00 00 CD CA"),
    (waveshare.flash_on(1, 0, 7), "01 05 02 00 00 07 8D B0"),
    (waveshare.read_relays(1), "01 01 00 00 00 08 3D CC"),
    (waveshare.read_inputs(1), "01 02 00 00 00 08 79 CC"),
    (WriteSingle(1, Function.WRITE_REGISTER, 1, 0x0100), "01 06 00 01 01 00 D9 9A"),
    (WriteSingle(1, Function.WRITE_REGISTER, 1, 0x0500), "01 06 00 01 05 00 DB 5A"),
    (WriteSingle(1, Function.WRITE_REGISTER, 1, 0x0602), "01 06 00 01 06 02 5A 6B"),
    (Read(1, Function.READ_HOLDING_REGISTERS, 1, 1), "01 03 00 01 00 01 D5 CA"),
    (Read(1, Function.READ_HOLDING_REGISTERS, 0x40, 9), "01 03 00 40 00 09 84 18"),
    (WriteMultiple(1, Function.WRITE_REGISTERS, 0x40, (1,)), "01 10 00 40 00 01 02 00 01 69 50"),
]


@pytest.mark.parametrize(("request_", "text"), VENDOR_REQUESTS)
def test_vendor_bytes_both_ways(request_: Request, text: str) -> None:
    frame = bytes.fromhex(text)
    assert encode_request(request_) == frame
    assert decode_request(frame) == request_
    assert request_length(frame) == len(frame)


def test_crc_of_the_catalogue() -> None:
    assert crc16(b"123456789") == 0x4B37


UNITS = st.integers(1, 255)
WORDS = st.integers(0, 0xFFFF)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    function = draw(st.sampled_from(Function))
    unit, address = draw(UNITS), draw(st.integers(0, 0xF000))
    if function in (Function.WRITE_COIL, Function.WRITE_REGISTER):
        return WriteSingle(unit, function, address, draw(WORDS))
    if function is Function.WRITE_COILS:
        return WriteMultiple(unit, function, address, tuple(draw(st.lists(st.integers(0, 1), min_size=1, max_size=40))))
    if function is Function.WRITE_REGISTERS:
        return WriteMultiple(unit, function, address, tuple(draw(st.lists(WORDS, min_size=1, max_size=20))))
    return Read(unit, function, address, draw(st.integers(1, 125)))


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Request, Reply]:
    request = draw(requests())
    if draw(st.booleans()):
        return request, Refusal(request.unit, request.function, draw(st.integers(1, 255)))
    if isinstance(request, Read):
        values = st.integers(0, 1) if request.function in BIT_READS else WORDS
        drawn = draw(st.lists(values, min_size=request.count, max_size=request.count))
        return request, Values(request.unit, request.function, tuple(drawn))
    echo = request.value if isinstance(request, WriteSingle) else len(request.values)
    return request, Written(request.unit, request.function, request.address, echo)


@given(requests())
def test_request_round_trip(request_: Request) -> None:
    assert decode_request(encode_request(request_)) == request_


@given(exchanges())
def test_reply_round_trip(exchange: tuple[Request, Reply]) -> None:
    request, reply = exchange
    frame = encode_reply(reply)
    assert decode_reply(request, frame) == reply
    assert isinstance(reply, Refusal) or len(frame) == reply_length(request)


@given(requests(), st.binary(max_size=300))
def test_hostile_bytes_only_ever_raise_frame_error(request_: Request, data: bytes) -> None:
    for decode in (decode_request, lambda frame: decode_reply(request_, frame)):
        try:
            decode(data)
        except FrameError:
            continue
        assert crc16(data) == 0


@given(exchanges(), exchanges())
def test_a_reply_to_another_request_is_not_taken(one: tuple[Request, Reply], other: tuple[Request, Reply]) -> None:
    request, reply = one[0], other[1]
    try:
        taken = decode_reply(request, encode_reply(reply))
    except FrameError:
        return
    assert taken.unit == reply.unit == request.unit
    assert taken.function == reply.function == request.function
    if isinstance(taken, Written):
        assert taken == reply
        assert taken.address == request.address


def test_no_one_or_two_flipped_bits_pass() -> None:
    flash, reply = waveshare.flash_on(1, 1, 10), encode_reply(Values(1, Function.READ_COILS, (0,) * 8))
    for frame, decode in (
        (encode_request(flash), decode_request),
        (reply, lambda data: decode_reply(waveshare.read_relays(1), data)),
    ):
        for flips in itertools.chain(
            itertools.combinations(range(8 * len(frame)), 1), itertools.combinations(range(8 * len(frame)), 2)
        ):
            spoilt = int.from_bytes(frame, "big") ^ sum(1 << bit for bit in flips)
            with pytest.raises(FrameError):
                decode(spoilt.to_bytes(len(frame), "big"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Read(1, Function.WRITE_COIL, 0, 1),
        lambda: Read(1, Function.READ_COILS, 0, 0),
        lambda: Read(1, Function.READ_HOLDING_REGISTERS, 0, 126),
        lambda: Read(1, Function.READ_COILS, 0xFFFF, 2),
        lambda: WriteSingle(1, Function.READ_COILS, 0, 0),
        lambda: WriteSingle(1, Function.WRITE_COIL, 0, 0x10000),
        lambda: WriteMultiple(1, Function.WRITE_COILS, 0, (2,)),
        lambda: WriteMultiple(1, Function.WRITE_REGISTERS, 0, ()),
        lambda: WriteMultiple(1, Function.WRITE_COIL, 0, (1,)),
        lambda: waveshare.flash_on(1, 8, 1),
        lambda: waveshare.flash_on(1, 0, 0),
    ],
)
def test_impossible_requests_cannot_be_made(make: Callable[[], Request]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 the words differ, the kind is what matters
        make()


def test_set_padding_bits_are_not_a_reply() -> None:
    request = Read(1, Function.READ_COILS, 0, 3)
    with pytest.raises(FrameError, match="padding"):
        decode_reply(request, encode_reply(Values(1, Function.READ_COILS, (0, 0, 0, 1))))


def test_refusals_have_words() -> None:
    assert Refusal(1, 5, 2).reason == "illegal data address (code 2)"
    assert Refusal(1, 5, 99).reason == "unknown exception (code 99)"
