"""MRZ readers: frames whole, byte by byte, among garbage and broken; the driver over null modem and pseudo-terminal."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.document.mrz_swipe import idbox, rte_native, text
from drivers.document.mrz_swipe.driver import SwipeReader
from drivers.document.mrz_swipe.framing import Event, Flaw, Framing, ZoneRead, zone_of
from drivers.document.mrz_swipe.idbox import Idbox, Message
from drivers.document.mrz_swipe.rte_native import Check, RteNative
from drivers.document.mrz_swipe.text import TextLines, TriggerDevice
from drivers.errors import DocumentUnreadable, IdentityMismatch
from drivers.transport.null_modem import null_modem
from hil.contracts.mrz_reader import CARD, OTHER, PASSPORT, SMALL, MrzReaderContract, Slot, waiting
from hil.emulator.mrz_swipe import IdboxSlot, RteSwipe, SwipeEmulator, TextReader
from hil.mrz.zone import drawn

pytestmark = pytest.mark.anyio
SIZES = (PASSPORT, SMALL, CARD)
# RTE6701-OEM manual page 26: two lines stand below an empty first; length and check byte as assumed (97 = 0x61).
RTE_PASSPORT = b"\x01\x61\x00OU\x02 \r" + PASSPORT[0].encode() + b"\r" + PASSPORT[1].encode() + b"\r\x03"


def framings() -> list[tuple[Framing, bytes]]:
    """A host end each, and what a passport looks like on its line."""
    return [
        (RteNative(), rte_native.encode(PASSPORT)),
        (Idbox(), idbox.zone_message(PASSPORT)),
        (Idbox(inquire=True), idbox.zone_message(PASSPORT)),
        (TextLines(), text.encode(PASSPORT)),
        (TextLines(), text.encode(PASSPORT, line_end=b"\r\n")),
        (TextLines(framed=True), text.encode(PASSPORT, framed=True)),
        (TextLines(framed=True), text.encode(PASSPORT, framed=True, line_end=b"\n", last_end=False)),
        (TextLines(trigger=True), text.encode(PASSPORT)),
    ]


@pytest.mark.parametrize(("framing", "sent"), framings())
def test_a_zone_whole_byte_by_byte_and_twice(framing: Framing, sent: bytes) -> None:
    assert framing.receive(sent) == [ZoneRead(PASSPORT)]
    framing.silence()
    if isinstance(framing, Idbox):
        framing.receive(idbox.encode(Message(idbox.INQUIRE)))
    pieces = [event for byte in sent for event in framing.receive(bytes((byte,)))]
    assert pieces == [ZoneRead(PASSPORT)]
    assert framing.silence() is None
    assert framing.noise == 0


@pytest.mark.parametrize(("framing", "sent"), framings())
def test_what_is_cut_off_ends_with_silence_and_never_as_a_zone(framing: Framing, sent: bytes) -> None:
    # The last line end of text without a frame may be missing: Honeywell sends none.
    for cut in range(1, len(sent) - 2):
        framing.reset()
        assert framing.receive(sent[:cut]) == []
        assert framing.pending == (cut > 0)
        ended = framing.silence()
        assert isinstance(ended, Flaw)
        assert not framing.pending
    assert framing.receive(sent) == [ZoneRead(PASSPORT)]


@pytest.mark.parametrize(("framing", "sent"), framings())
def test_a_zone_is_found_after_garbage_and_silence(framing: Framing, sent: bytes) -> None:
    framing.receive(b"\x00\xff\x01\x01OU" + b"z" * 300)
    framing.silence()
    assert framing.receive(sent) == [ZoneRead(PASSPORT)]


@given(st.binary(max_size=600), st.integers(0, 7), st.lists(st.integers(1, 50), max_size=30))
def test_no_bytes_break_a_framing_or_make_it_keep_them(data: bytes, which: int, cuts: list[int]) -> None:
    framing, sent = framings()[which]
    for cut in cuts:
        for event in framing.receive(data[:cut]):
            assert isinstance(event, Flaw) or zone_of([line.encode() for line in event.lines]) == event
        data = data[cut:]
    framing.receive(data)
    framing.silence()
    assert not framing.pending
    framing.reset()
    assert framing.receive(sent)[-1:] == [ZoneRead(PASSPORT)]


@given(st.integers(0, 9999), st.sampled_from(["TD1", "TD2", "TD3"]), st.sampled_from(list(Check)))
def test_rte_blocks_of_every_size_come_back(seed: int, size: str, check: Check) -> None:
    lines = drawn(random.Random(seed), size)
    assert RteNative(check=check).receive(rte_native.encode(lines, check=check)) == [ZoneRead(lines)]


def test_the_rte_block_is_laid_out_as_in_the_manual() -> None:
    check = 0
    for byte in RTE_PASSPORT[1:]:
        check ^= byte
    assert rte_native.encode(PASSPORT) == RTE_PASSPORT + bytes((check,))
    card = rte_native.encode(SMALL)
    assert SMALL[0].encode() + b"________\r" in card
    assert len(card) == len(rte_native.encode(PASSPORT))


def test_one_wrong_bit_of_an_rte_block_is_never_a_zone() -> None:
    sent = rte_native.encode(PASSPORT)
    for place in range(len(sent)):
        for bit in range(8):
            wrong = bytearray(sent)
            wrong[place] ^= 1 << bit
            host = RteNative()
            events: list[Event] = [*host.receive(bytes(wrong))]
            ended = host.silence()
            assert not any(isinstance(event, ZoneRead) for event in events), (place, bit)
            assert events or ended is not None or host.noise, (place, bit)


def test_a_wrong_check_byte_says_which_would_fit() -> None:
    (flaw,) = RteNative().receive(rte_native.encode(PASSPORT, check=Check.SUM_AFTER_SOH))
    assert isinstance(flaw, Flaw)
    assert "sum_after_soh" in flaw.problem
    spoilt = rte_native.encode(PASSPORT).replace(b"ERIKSSON", b"ERIKSSOM")
    (flaw,) = RteNative().receive(spoilt)
    assert isinstance(flaw, Flaw)
    assert flaw.problem == "the check byte is wrong"


def test_both_ways_of_counting_an_rte_block_are_taken_and_no_other() -> None:
    sent = rte_native.encode(PASSPORT)
    for counted, fine in ((len(sent) - 3, True), (len(sent), True), (len(sent) - 1, False), (len(sent) + 1, False)):
        block = sent[:1] + bytes((counted & 0x7F, counted >> 7)) + sent[3:-1]
        (event,) = RteNative().receive(block + bytes((Check.XOR_AFTER_SOH.of(block),)))
        assert isinstance(event, ZoneRead) == fine


def test_idbox_messages_as_in_the_command_set() -> None:
    assert Idbox(inquire=True).begin() == bytes.fromhex("49 00 00")
    assert Idbox().begin() == bytes.fromhex("43 00 01 00 43 00 01 01")
    assert idbox.zone_message(CARD)[:3] == bytes.fromhex("49 00 5D")
    assert Idbox().receive(bytes.fromhex("43 00 01 01")) == []


def test_an_inquiry_gives_a_document_once_until_it_is_taken_out() -> None:
    host = Idbox(inquire=True)
    empty = idbox.encode(Message(idbox.INQUIRE))
    assert host.receive(empty) == []
    assert host.receive(idbox.zone_message(PASSPORT)) == [ZoneRead(PASSPORT)]
    assert host.receive(idbox.zone_message(PASSPORT) * 3) == []
    host.reset()
    assert host.receive(idbox.zone_message(PASSPORT)) == []
    assert host.receive(idbox.zone_message(CARD)) == [ZoneRead(CARD)]
    assert host.receive(empty + idbox.zone_message(CARD)) == [ZoneRead(CARD)]


def test_the_trigger_is_found_among_other_commands() -> None:
    imager = TriggerDevice()
    for sent, reading in ((b"\x16M\rocrena1!", False), (b"\x16", False), (b"T\r", True), (b"xx\x16U\r", False)):
        imager.receive(sent)
        assert imager.reading == reading


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([], "nothing was read"),
        ([b"A" * 44], "no zone"),
        ([b"A" * 44, b"A" * 43], "no zone"),
        ([b"A" * 30, b"A" * 30], "no zone"),
        ([b"A" * 44] * 3, "no zone"),
        ([b"a" * 44] * 2, "characters"),
        ([b"A" * 43 + b"\xc4"] * 2, "characters"),
        ([b"A" * 43 + b" "] * 2, "characters"),
    ],
)
def test_what_has_not_the_shape_of_a_zone_is_a_flaw(lines: list[bytes], problem: str) -> None:
    event = zone_of(lines)
    assert isinstance(event, Flaw)
    assert problem in event.problem


def test_a_zone_does_not_show_when_it_is_printed() -> None:
    assert "ERIKSSON" not in repr(ZoneRead(PASSPORT))


async def test_what_answers_and_is_no_idbox_is_refused() -> None:
    near, far = null_modem("reader")
    far.answer_with(lambda data: b"\x15ERROR\r" if data else b"")
    with pytest.raises(IdentityMismatch, match="no Elyctis IDBOX"):
        await SwipeReader("reader", lambda: near, Idbox()).open()


async def test_an_idbox_tells_who_it_is_and_its_arming_is_renewed() -> None:
    box = IdboxSlot()
    slot = Slot(box, "null modem", lambda _: None)
    framing = Idbox()
    framing.ask_again_s = 0.01
    reader = slot.reader(framing)
    identity = await reader.open()
    assert (identity.model, identity.firmware, identity.serial_number) == ("IDBOX One 1.0", "1.7", "EMU0001")
    task = await waiting(reader)
    box.armed = False  # it was reset without our seeing it
    await slot.swipe(OTHER)
    assert await task == OTHER
    await reader.close()


async def test_inquiring_until_a_document_is_in_the_slot() -> None:
    box = IdboxSlot()
    slot = Slot(box, "null modem", lambda _: None)
    framing = Idbox(inquire=True)
    framing.ask_again_s = 0.005
    reader = slot.reader(framing)
    await reader.open()
    task = await waiting(reader)
    box.swipe(PASSPORT)
    assert await task == PASSPORT
    task = await waiting(reader)
    box.swipe(CARD)
    assert await task == CARD
    task = await waiting(reader)
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert not done, "the document that stayed in the slot was given again"
    task.cancel()
    await asyncio.wait({task})
    await reader.close()


async def test_a_box_that_keeps_its_last_zone_does_not_give_it_to_the_next_traveller() -> None:
    box = IdboxSlot(keeps=True)
    slot = Slot(box, "null modem", lambda _: None)
    framing = Idbox(inquire=True)
    framing.ask_again_s = 0.005
    reader = slot.reader(framing)
    await reader.open()
    task = await waiting(reader)
    box.swipe(PASSPORT)
    assert await task == PASSPORT
    box.remove()
    task = await waiting(reader)
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert not done
    box.swipe(CARD)
    assert await task == CARD
    await reader.close()


async def test_the_newest_of_two_zones_in_one_go_is_given_and_a_flaw_behind_it_counts() -> None:
    slot = Slot(TextReader(), "null modem", lambda _: None)
    reader = slot.reader(TextLines())
    await reader.open()
    task = await waiting(reader)
    slot.send(text.encode(PASSPORT) + text.encode(OTHER))
    assert await task == OTHER
    slot = Slot(TextReader(framed=True), "null modem", lambda _: None)
    reader = slot.reader(TextLines(framed=True))
    await reader.open()
    task = await waiting(reader)
    slot.send(text.encode(PASSPORT, framed=True) + b"\x02A\r\x03")
    with pytest.raises(DocumentUnreadable, match="no zone"):
        await task


class TestRteSwipe(MrzReaderContract):
    device = "mrz.rte6701"

    def emulator(self) -> SwipeEmulator:
        return RteSwipe()

    def framing(self) -> Framing:
        return RteNative()


class TestIdboxContinuous(MrzReaderContract):
    device = "mrz.idbox"

    def emulator(self) -> SwipeEmulator:
        return IdboxSlot()

    def framing(self) -> Framing:
        return Idbox()


class TestImager(MrzReaderContract):
    device = "mrz.imager"

    def emulator(self) -> SwipeEmulator:
        return TextReader(trigger=True, last_end=False)

    def framing(self) -> Framing:
        return TextLines(trigger=True)


class TestFramedText(MrzReaderContract):
    device = "mrz.text"

    def emulator(self) -> SwipeEmulator:
        return TextReader(framed=True)

    def framing(self) -> Framing:
        return TextLines(framed=True)
