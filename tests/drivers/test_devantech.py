"""Devantech: single-byte commands, and the flaw that keeps it out: 9 of 256 bytes open."""

import pytest

from drivers.gate.bench import REFUSED, objection
from drivers.gate.devantech import protocol
from drivers.gate.devantech.protocol import (
    Command,
    DevantechDevice,
    Pulse,
    Read,
    SetMask,
    Switch,
    decode_reply,
    encode_command,
)
from hil.emulator.devantech import DevantechBoard

# Codes from public drivers and the vendor's table as they cite it; the pulse's time is computed by us.
CODES: dict[bytes, Command] = {
    b"\x38": Read(protocol.SERIAL),
    b"\x5a": Read(protocol.VERSION),
    b"\x5b": Read(protocol.STATES),
    b"\x5c\x05": SetMask(5),
    b"\x64": SetMask(0xFF),
    b"\x6e": SetMask(0),
    b"\x65": Switch(1, True),
    b"\x6c": Switch(8, True),
    b"\x6f": Switch(1, False),
    b"\x76": Switch(8, False),
    b"\x5e\x02\x00\x32": Pulse(2, 50),
}


@pytest.mark.parametrize(("code", "command"), CODES.items())
def test_commands_whole_byte_by_byte_and_after_garbage(code: bytes, command: Command) -> None:
    assert encode_command(command) == code
    assert DevantechDevice().receive(code) == (command,)
    device = DevantechDevice()
    pieces = [device.receive(bytes((byte,))) for byte in code]
    assert pieces == [()] * (len(code) - 1) + [(command,)]
    assert DevantechDevice().receive(b"\x00\xff\x20" + code) == (command,)


def test_an_argument_is_swallowed_and_a_model_without_pulses_takes_none() -> None:
    assert DevantechDevice().receive(b"\x5c\x6e\x65") == (SetMask(0x6E), Switch(1, True))
    assert DevantechDevice().receive(b"\x5e\x09\x00\x32") == ()
    assert DevantechDevice(pulses=False).receive(b"\x5e\x65") == (Switch(1, True),)


def test_the_board_answers_and_ends_its_own_pulse() -> None:
    now = 0.0
    board = DevantechBoard(monotonic=lambda: now)
    assert decode_reply(Read(protocol.VERSION), board.handle(b"\x5a")) == bytes((protocol.MODULE_RLY16, 1))
    assert decode_reply(Read(protocol.SERIAL), board.handle(b"\x38")) == b"00001234"
    with pytest.raises(ValueError, match="answer 0x5b"):
        decode_reply(Read(protocol.STATES), b"\x00\x00")
    board.handle(b"\x5e\x02\x00\x32\x6c")
    assert board.handle(b"\x5b") == b"\x82"
    now = 0.49
    assert board.handle(b"\x5b") == b"\x82"
    now = 0.5
    assert board.handle(b"\x5b") == b"\x80"
    board.handle(b"\x5e\x01\x00\x32\x65")
    now = 2.0
    assert board.handle(b"\x5b") == b"\x81", "a later command of its own outlives the pulse"
    board.reboot()
    assert board.states() == 0


def test_nine_of_all_bytes_open_and_one_wrong_bit_is_enough() -> None:
    opens = []
    for byte in range(256):
        board = DevantechBoard()
        board.handle(bytes((byte,)))
        if board.states():
            opens.append(byte)
    assert opens == list(range(0x64, 0x6D))
    assert [bit for bit in range(8) if protocol.ALL_OFF ^ 1 << bit in opens] == [1, 2, 3]


def test_the_kind_is_refused_with_its_figure() -> None:
    found = objection("gate.devantech")
    assert found is REFUSED["gate.devantech"]
    assert not found.has_driver
    assert "3 of 8 ways to invert 1 bit" in str(found)
