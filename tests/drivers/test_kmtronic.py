"""KMtronic: frames, and the flaw that keeps it out: one wrong bit opens."""

import pytest

from drivers.gate.bench import REFUSED, objection
from drivers.gate.kmtronic.protocol import (
    Command,
    KmtronicDevice,
    ReadAll,
    ReadRelay,
    Switch,
    decode_reply,
    encode_command,
    encode_reply,
)
from hil.emulator.kmtronic import KmtronicBoard

# From public code (guiott/KMT_RS485, the vendor's Arduino example): switch, status of one, status of all.
PUBLIC: dict[bytes, Command] = {
    bytes.fromhex("FF 01 01"): Switch(1, True),
    bytes.fromhex("FF 01 00"): Switch(1, False),
    bytes.fromhex("FF 02 03"): ReadRelay(2),
    bytes.fromhex("FF 09 00"): ReadAll(),
}


@pytest.mark.parametrize(("frame", "command"), PUBLIC.items())
def test_frames_whole_byte_by_byte_and_after_garbage(frame: bytes, command: Command) -> None:
    assert encode_command(command) == frame
    assert KmtronicDevice().receive(frame) == (command,)
    device = KmtronicDevice()
    pieces = [device.receive(bytes((byte,))) for byte in frame]
    assert pieces == [(), (), (command,)]
    assert KmtronicDevice().receive(b"\x00\x13\xff\x55\x55" + frame) == (command,)
    assert KmtronicDevice().receive(b"\xff" + frame) == (command,)


def test_what_is_neither_relay_nor_operation_is_dropped() -> None:
    for wrong in ("FF 00 01", "FF 0A 01", "FF 01 02", "FE 01 01"):
        assert KmtronicDevice().receive(bytes.fromhex(wrong)) == ()
    assert KmtronicDevice(4).receive(bytes.fromhex("FF 05 01")) == ()


def test_replies_and_what_is_none() -> None:
    board = KmtronicBoard(relays=4)
    board.handle(encode_command(Switch(2, True)))
    for command, states in (
        (ReadRelay(2), (True,)),
        (ReadRelay(1), (False,)),
        (ReadAll(), (False, True, False, False)),
    ):
        assert decode_reply(command, board.handle(encode_command(command)), 4) == states
    assert encode_reply(Switch(1, True), (True,)) == b""
    for wrong in (b"", b"\xff\x01\x00", b"\xff\x02\x02", b"\xff\x02\x01\x00"):
        with pytest.raises(ValueError, match="no reply"):
            decode_reply(ReadRelay(2), wrong, 4)


def test_one_wrong_bit_opens_and_a_dead_host_leaves_it_open() -> None:
    board = KmtronicBoard()
    off = encode_command(Switch(1, False))
    board.handle(bytes((off[0], off[1], off[2] ^ 0x01)))
    assert board.bank.contact(0)
    assert KmtronicBoard().handle(off) == b""
    board.reboot()
    assert not board.bank.contact(0)


def test_the_kind_is_refused_with_its_figure() -> None:
    found = objection("gate.kmtronic")
    assert found is REFUSED["gate.kmtronic"]
    assert not found.has_driver
    assert "1 of 24 ways to invert 1 bit" in str(found)
