"""What pcscd's virtual reader and the chip say to each other, on a pair of sockets and on loopback."""

import socket
import struct
import threading
from contextlib import ExitStack

import pytest

from hil.passport.chip import ATR
from hil.passport.faults import Fault
from hil.passport.misbehaviour import CardRemoved
from hil.passport.vpcd import Deframer, Slot, frame, listen, serve

POWER_OFF, POWER_ON, RESET, GET_ATR = b"\x00", b"\x01", b"\x02", b"\x04"
SELECT = bytes.fromhex("00A4040C07A0000002471001")


def test_the_atr_is_well_formed():
    checked = 0
    for octet in ATR[1:]:
        checked ^= octet
    assert (checked, len(ATR), ATR[1] & 0x0F) == (0, 14, 8)


def test_frames_come_in_any_pieces():
    messages = [b"\x04", SELECT, bytes(300)]
    stream = b"".join(map(frame, messages))
    for size in (1, 2, 3, 7, len(stream)):
        deframer = Deframer()
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert [one for piece in pieces for one in deframer.feed(piece)] == messages
    assert list(Deframer().feed(b"\x00")) == []
    assert list(Deframer().feed(b"\x00\x00\x00\x01\x04")) == [b"", b"\x04"]


def test_control_codes_and_commands(make):
    slot = Slot(make().chip())
    assert slot.answer(GET_ATR) == ATR
    assert slot.answer(SELECT) == b"\x90\x00"
    assert len(slot.answer(bytes.fromhex("0084000008"))) == 10
    for code in (POWER_OFF, POWER_ON, RESET):
        assert slot.answer(code) is None
        # Laid down again: the application is no longer selected.
        assert slot.answer(bytes.fromhex("0084000008")) == b"\x69\x85"
        slot.answer(SELECT)
    assert Slot(None).answer(GET_ATR) == ATR
    assert Slot(None).answer(SELECT) == b"\x6f\x00"
    pulled = Slot(make(Fault.CARD_PULLED).chip())
    assert [pulled.answer(SELECT) for _ in range(14)] == [b"\x90\x00"] * 14
    with pytest.raises(CardRemoved):
        pulled.answer(SELECT)


class Reader:
    """vpcd's end of a connection."""

    def __init__(self, connection):
        self._connection, self._deframer = connection, Deframer()
        connection.settimeout(5)

    def ask(self, message):
        self._connection.sendall(struct.pack(">H", len(message)) + message)
        while data := self._connection.recv(100):
            for reply in self._deframer.feed(data):
                return reply
        return None


def test_a_card_that_is_pulled_hangs_up(make):
    chip = make(Fault.CARD_PULLED).chip()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=lambda: (Slot(chip).serve(theirs, threading.Event()), theirs.close()))
        thread.start()
        reader = Reader(ours)
        assert [reader.ask(SELECT) for _ in range(15)] == [b"\x90\x00"] * 14 + [None]
        thread.join()


def test_both_slots_on_loopback(make):
    with ExitStack() as stack:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
        servers = listen(stack, free if free < 65535 else free - 1)
        assert [one.getsockname()[0] for one in servers] == ["127.0.0.1"] * 2
        said = []

        def talk():
            for _ in range(2):
                with ExitStack() as ends:
                    first, second = (
                        Reader(ends.enter_context(socket.create_connection(one.getsockname()))) for one in servers
                    )
                    said.append((first.ask(GET_ATR), second.ask(GET_ATR), first.ask(SELECT), second.ask(SELECT)))

        serve(make().chip(), servers, talk)
    assert said == [(ATR, ATR, b"\x90\x00", b"\x6f\x00")] * 2
