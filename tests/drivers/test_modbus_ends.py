"""The strict client and the server: what they take whole, in pieces, among garbage, and what they never take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.gate.waveshare import protocol
from drivers.modbus.client import ModbusClient, frame_silence_s
from drivers.modbus.frames import (
    Function,
    Read,
    Refusal,
    Reply,
    Request,
    Values,
    WriteMultiple,
    WriteSingle,
    Written,
    encode_reply,
    encode_request,
    seal,
)
from drivers.modbus.server import ModbusServer
from hil.emulator.waveshare import WaveshareBoard

COILS, INPUTS = protocol.read_relays(1), protocol.read_inputs(1)
EXCHANGES: list[tuple[Request, Reply, str]] = [
    (COILS, Values(1, Function.READ_COILS, (1, 0, 0, 0, 0, 0, 0, 0)), "01 01 01 01 90 48"),
    (protocol.flash_on(1, 0, 7), Written(1, Function.WRITE_COIL, 0x0200, 7), "01 05 02 00 00 07 8D B0"),
    (protocol.read_version(1), Values(1, Function.READ_HOLDING_REGISTERS, (200,)), "01 03 02 00 C8 B9 D2"),
    (protocol.all_off(1), Written(1, Function.WRITE_COILS, 0, 8), "01 0F 00 00 00 08 54 0D"),
    (protocol.read_control_modes(1), Refusal(1, 3, 2), "01 83 02 C0 F1"),
]


def client() -> ModbusClient:
    return ModbusClient((COILS, INPUTS))


@pytest.mark.parametrize(("request_", "reply", "text"), EXCHANGES)
def test_reply_whole_bytewise_and_among_garbage(request_: Request, reply: Reply, text: str) -> None:
    frame = bytes.fromhex(text)
    assert encode_reply(reply) == frame
    for before, after in (
        (b"", b""),
        (b"\x00\xff", b""),
        (b"\x01", b"\x01"),
        (frame[:3], frame[:-1]),
        (frame[:-1], b""),
    ):
        for size in (1, 2, len(before + frame + after)):
            end = client()
            end.send(request_)
            data = before + frame + after
            got = [end.receive(data[at : at + size]) for at in range(0, len(data), size)]
            assert [one for one in got if one is not None] == [reply]


@pytest.mark.parametrize(
    ("request_", "wrong"),
    [
        (COILS, Values(2, Function.READ_COILS, (1,) * 8)),
        (COILS, Values(1, Function.READ_DISCRETE_INPUTS, (1,) * 8)),
        (COILS, Values(1, Function.READ_COILS, (1,) * 16)),
        (COILS, Refusal(1, 2, 1)),
        (protocol.flash_on(1, 0, 7), Written(1, Function.WRITE_COIL, 0x0201, 7)),
        (protocol.flash_on(1, 0, 7), Written(1, Function.WRITE_COIL, 0x0200, 8)),
        (protocol.flash_on(1, 0, 7), Written(1, Function.WRITE_REGISTER, 0x0200, 7)),
        (protocol.all_off(1), Written(1, Function.WRITE_COILS, 0, 7)),
    ],
)
def test_a_valid_frame_that_does_not_fit_is_rejected_and_told(request_: Request, wrong: Reply) -> None:
    end = client()
    end.send(request_)
    assert end.receive(encode_reply(wrong)) is None
    end.silence()
    assert not end.pending
    assert end.abandon() is not None


def test_byte_count_that_lies_is_rejected() -> None:
    end = client()
    end.send(COILS)
    assert end.receive(seal(bytes((1, 1, 2, 0xFF)))) is None
    assert end.abandon() == "byte count does not fit the length"


OTHER = encode_reply(Values(1, Function.READ_DISCRETE_INPUTS, (1,) * 8))
RIGHT = encode_reply(Values(1, Function.READ_COILS, (0,) * 8))


@pytest.mark.parametrize("pieces", [(OTHER, RIGHT), (OTHER + RIGHT,), (RIGHT + RIGHT,), (RIGHT + OTHER,)])
@pytest.mark.parametrize("silence", [False, True])
def test_of_two_frames_none_is_taken(pieces: tuple[bytes, ...], silence: bool) -> None:
    """One of them is late, doubled or another controller's, and nothing says which."""
    end = client()
    end.send(COILS)
    for piece in pieces:
        assert end.receive(piece) is None
        if silence:
            end.silence()
    assert end.abandon() is not None


@pytest.mark.parametrize("noise", [b"", b"\x00", b"\xff\xff", RIGHT[:-1], b"\x01\x03\xff" + bytes(20)])
def test_noise_is_no_frame(noise: bytes) -> None:
    end = client()
    assert not end.unasked(noise)
    assert end.unasked(noise + RIGHT)
    assert end.unasked(encode_reply(Refusal(9, 3, 2)) + noise)
    end.send(COILS)
    assert end.receive(noise + RIGHT) is not None


def test_silence_alone_leaves_no_complaint() -> None:
    end = client()
    end.send(COILS)
    end.silence()
    assert end.abandon() is None
    assert end.receive(encode_reply(Values(1, Function.READ_COILS, (0,) * 8))) is None


def test_no_two_consecutive_requests_of_one_form() -> None:
    for repeated in (COILS, INPUTS, protocol.flash_on(1, 0, 1), protocol.read_version(1)):
        end = client()
        end.send(repeated)
        with pytest.raises(ValueError, match="spacer"):
            end.send(repeated)
        spacer = end.spacer(repeated)
        assert spacer in (COILS, INPUTS)
        end.send(spacer)
        assert end.spacer(repeated) is None


def test_never_a_broadcast() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        client().send(WriteSingle(0, Function.WRITE_COIL, 0, 0xFF00))


def test_spacers_must_differ() -> None:
    with pytest.raises(ValueError, match="differ in function"):
        ModbusClient((COILS, COILS))


@given(st.lists(st.binary(max_size=64), max_size=20))
def test_random_noise_is_never_a_release_echo(chunks: list[bytes]) -> None:
    end = client()
    wanted = protocol.flash_on(1, 1, 10)
    end.send(wanted)
    for chunk in chunks:
        reply = end.receive(chunk)
        assert reply is None or encode_request(wanted) in b"".join(chunks)
        end.silence()


def test_frame_silence_of_the_standard() -> None:
    assert frame_silence_s(9600) == pytest.approx(0.00401, abs=1e-5)
    assert frame_silence_s(115200) == 0.00175


# --- server ---------------------------------------------------------------------------------------------------


class Recorder:
    def __init__(self) -> None:
        self.written: list[Request] = []

    def read(self, request: Read) -> tuple[int, ...]:
        return (1,) * request.count

    def write(self, request: Request) -> None:
        self.written.append(request)


def server() -> tuple[ModbusServer, Recorder]:
    model = Recorder()
    return ModbusServer(1, model, 0.004), model


def test_server_answers_whole_and_bytewise() -> None:
    end, model = server()
    request = WriteMultiple(1, Function.WRITE_REGISTERS, 0x40, (1, 2))
    frame = encode_request(request)
    reply = encode_reply(Written(1, Function.WRITE_REGISTERS, 0x40, 2))
    assert end.receive(frame, 1.0) == reply
    assert b"".join(end.receive(bytes((byte,)), 0.001) for byte in frame) == reply
    assert model.written == [request, request]


def test_server_drops_what_silence_has_torn() -> None:
    end, model = server()
    frame = encode_request(protocol.flash_on(1, 0, 7))
    assert end.receive(frame[:5], 1.0) == b""
    assert end.receive(frame[5:], 0.004) == b""
    assert model.written == []
    assert end.receive(frame, 0.004) == frame


def test_server_carries_nothing_out_behind_garbage_without_silence() -> None:
    frame = encode_request(protocol.flash_on(1, 0, 7))
    check_spoilt_line(b"\x13\x37" + frame, frame)
    check_spoilt_line(frame[:-1] + b"\x00", frame)


def check_spoilt_line(noise: bytes, frame: bytes) -> None:
    end, model = server()
    assert end.receive(noise, 1.0) == b""
    assert end.receive(frame, 0.001) == b""
    assert model.written == []
    assert end.receive(frame, 0.005) == frame


def test_server_refuses_foreign_functions_and_values() -> None:
    end, _ = server()
    assert end.receive(seal(bytes((1, 0x2B, 0x0E, 1, 0))), 1.0) == encode_reply(Refusal(1, 0x2B, 1))
    assert end.receive(seal(bytes((1, 1, 0, 0, 0, 0))), 1.0) == encode_reply(Refusal(1, 1, 3))


def test_server_leaves_other_units_alone_and_obeys_broadcasts_silently() -> None:
    end, model = server()
    assert end.receive(encode_request(WriteSingle(2, Function.WRITE_COIL, 0, 0xFF00)), 1.0) == b""
    assert model.written == []
    everyone = WriteSingle(0, Function.WRITE_COIL, 0, 0)
    assert end.receive(encode_request(everyone), 1.0) == b""
    assert model.written == [everyone]


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.sampled_from([0.0, 1.0])), max_size=15))
def test_hostile_bytes_do_not_break_the_server(chunks: list[tuple[bytes, float]]) -> None:
    board = WaveshareBoard(monotonic=lambda: 0.0)
    end = ModbusServer(1, board, 0.004)
    for chunk, quiet in chunks:
        end.receive(chunk, quiet)
    frame = encode_request(protocol.flash_on(1, 0, 7))
    assert end.receive(frame, 1.0) == frame
    assert board.contact(0)
