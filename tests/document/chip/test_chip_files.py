"""Reading files: short and long, in the clear and in a session, and chips that lie about lengths or never end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.document.chip.apdu import SHORT, Plain
from appliance.document.chip.crypto import Keys, Suite
from appliance.document.chip.files import (
    File,
    largest_response,
    read_file,
    read_largest,
    select_application,
    select_master_file,
)
from appliance.document.chip.sm import Session
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build


def _content(file: File, length: int) -> bytes:
    """A file of so many bytes of content, no two pieces alike."""
    return build(file.tag, bytes((at * 7 + at // 251) % 256 for at in range(length)))


def _pair(chips, content: bytes, file: File, *, largest: int = SHORT, suite: Suite = Suite.AES_128, **options):
    keys = Keys.derive(suite, b"x")
    chip = chips.SmallChip(**options)
    chip.keys, chip.open, chip.directory = keys, True, "app"
    chip.files["app"][file.identifier] = content
    return Session(keys, largest=largest), chip


def _read(chips, content: bytes, file: File = File.DG2, **options) -> bytes:
    session, chip = _pair(chips, content, file, **options)
    return chips.drive(read_file(session, file), chip.process)


def _fault(action) -> Reason:
    with pytest.raises(DocumentFault) as fault:
        action()
    return fault.value.reason


@pytest.mark.parametrize("length", [0, 1, 2, 100, 126, 127, 128, 218, 219, 220, 223, 224, 255, 256, 5000])
def test_every_length_is_read_to_its_last_byte(chips, length: int) -> None:
    content = _content(File.COM, length)
    assert _read(chips, content, File.COM) == content
    assert _read(chips, content + b"trailing bytes", File.COM) == content


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("largest", [SHORT, 1000, 32000, 65536])
def test_beyond_32_kilobytes_the_odd_instruction_reads_on(chips, suite: Suite, largest: int) -> None:
    content = _content(File.DG2, 70_000)
    session, chip = _pair(chips, content, File.DG2, suite=suite, largest=largest)
    seen: list[bytes] = []
    chip.plain = lambda command: seen.append(command.ins)
    assert chips.drive(read_file(session, File.DG2), chip.process) == content
    assert {0xB0, 0xB1} <= set(seen)


def test_a_file_in_the_clear(chips) -> None:
    chip = chips.SmallChip()
    chip.files["mf"][0x011C] = content = _content(File.CARD_ACCESS, 700)
    assert chips.drive(read_file(Plain(), File.CARD_ACCESS), chip.process) == content


def test_it_never_asks_beyond_the_end(chips) -> None:
    content = _content(File.DG2, 20_328)
    session, chip = _pair(chips, content, File.DG2)

    def guard(command):
        if command.ins == 0xB0:
            assert (command.p1 << 8) + command.p2 + command.le <= len(content)
            assert command.le <= 223

    chip.plain = guard
    assert chips.drive(read_file(session, File.DG2), chip.process) == content
    assert chip.commands == 2 + -(-20_328 // 223)


@pytest.mark.parametrize("most", [64, 100, 128, 222])
def test_short_reads_are_put_together(chips, most: int) -> None:
    content = _content(File.DG2, 40_000)
    assert _read(chips, content, most_per_read=most) == content


def test_a_chip_that_dribbles_is_given_up(chips) -> None:
    """One byte at a time would hold a lane for an hour."""
    session, chip = _pair(chips, _content(File.DG2, 200_000), File.DG2, most_per_read=4)
    assert _fault(lambda: chips.drive(read_file(session, File.DG2), chip.process)) is Reason.CHIP_MALFORMED
    assert chip.commands < 4400


@pytest.mark.parametrize(
    ("file", "length"), [(File.SOD, 16 * 1024), (File.DG1, 256), (File.DG2, 256 * 1024), (File.DG14, 8 * 1024)]
)
def test_a_file_too_large_is_refused_before_it_is_read(chips, file: File, length: int) -> None:
    session, chip = _pair(chips, _content(file, length), file)
    assert _fault(lambda: chips.drive(read_file(session, file), chip.process)) is Reason.FILE_TOO_LARGE
    assert chip.commands <= 3


def test_a_file_of_just_the_largest_size_is_read(chips) -> None:
    content = _content(File.DG1, 253)
    assert len(content) == 256
    assert _read(chips, content, File.DG1) == content


def test_the_largest_portrait_is_read(chips) -> None:
    content = _content(File.DG2, 256 * 1024 - 5)
    assert _read(chips, content, largest=65536) == content


def test_an_endless_file_says_so_in_its_length(chips) -> None:
    assert _fault(lambda: _read(chips, bytes.fromhex("75847FFFFFFF") + bytes(400))) is Reason.FILE_TOO_LARGE


@pytest.mark.parametrize(
    "start",
    ["75", "7580", "758000000000", "7585010000000000", "75FF00000000", "", "7F", "7F61", "75820"],
)
def test_a_length_that_is_none(chips, start: str) -> None:
    content = bytes.fromhex(start + "0" * (len(start) % 2))
    fault = _fault(lambda: _read(chips, content))
    assert fault in (Reason.FILE_MALFORMED, Reason.CHIP_REFUSES)


def test_a_length_longer_than_the_file(chips) -> None:
    fault = _fault(lambda: _read(chips, bytes.fromhex("75820400") + bytes(500)))
    assert fault in (Reason.FILE_MALFORMED, Reason.CHIP_REFUSES)


def test_another_file_than_was_asked_for(chips) -> None:
    assert _fault(lambda: _read(chips, _content(File.DG14, 30), File.DG15)) is Reason.FILE_MALFORMED


def test_a_file_that_is_missing_or_refused(chips) -> None:
    session, chip = _pair(chips, b"", File.DG2)
    assert _fault(lambda: chips.drive(read_file(session, File.DG14), chip.process)) is Reason.FILE_MISSING
    chip.plain = lambda command: b"\x69\x82"
    assert _fault(lambda: chips.drive(read_file(session, File.DG2), chip.process)) is Reason.CHIP_REFUSES


def test_more_bytes_than_were_asked_for(chips) -> None:
    session, chip = _pair(chips, b"", File.DG2)
    chip.plain = lambda command: bytes.fromhex("758200FF") + bytes(30) + b"\x90\x00" if command.ins == 0xB0 else None
    assert _fault(lambda: chips.drive(read_file(session, File.DG2), chip.process)) is Reason.CHIP_MALFORMED


def test_nothing_for_what_was_asked(chips) -> None:
    """9000 without data, again and again."""
    session, chip = _pair(chips, _content(File.DG2, 1000), File.DG2)
    chip.plain = lambda command: b"\x90\x00" if command.ins == 0xB0 and command.p2 else None
    assert _fault(lambda: chips.drive(read_file(session, File.DG2), chip.process)) is Reason.FILE_MALFORMED


@pytest.mark.parametrize("most", [64, 100, 128, 200, 223])
@pytest.mark.parametrize("largest", [SHORT, 2000])
def test_a_chip_that_refuses_long_reads_in_its_session_is_asked_for_less(chips, most: int, largest: int) -> None:
    """A protected 6700 leaves the session alive; what was learnt holds for the files after it."""
    content = _content(File.DG2, 40_000)
    session, chip = _pair(chips, content, File.DG2, most_data=most, largest=largest)
    assert chips.drive(read_file(session, File.DG2), chip.process) == content
    refusals: list[bytes] = []
    chip.plain = lambda command: refusals.append(command.raw) if command.le and command.le > most else None
    assert chips.drive(read_file(session, File.DG2), chip.process) == content
    assert not refusals


@pytest.mark.parametrize("sw", [b"\x67\x00", b"\x6c\x10"])
def test_a_chip_that_sends_next_to_nothing_is_refused(chips, sw: bytes) -> None:
    session, chip = _pair(chips, _content(File.DG2, 1000), File.DG2)
    chip.plain = lambda command: sw if command.ins == 0xB0 and command.le > 4 else None
    assert _fault(lambda: chips.drive(read_file(session, File.DG2), chip.process)) is Reason.CHIP_REFUSES
    assert chip.commands < 10


def test_a_naked_6700_ends_the_session(chips) -> None:
    """gmrtd issue 457: a chip that answers a length it cannot send outside secure messaging."""
    session, chip = _pair(chips, _content(File.DG2, 1000), File.DG2)
    chip.alter = lambda raw: b"\x67\x00" if chip.commands == 3 else raw
    assert _fault(lambda: chips.drive(read_file(session, File.DG2), chip.process)) is Reason.UNPROTECTED_RESPONSE


def test_a_do_53_that_lies(chips) -> None:
    session, chip = _pair(chips, _content(File.DG2, 40_000), File.DG2)
    chip.plain = lambda command: b"\x53\x7f\x00\x90\x00" if command.ins == 0xB1 else None
    assert _fault(lambda: chips.drive(read_file(session, File.DG2), chip.process)) is Reason.CHIP_MALFORMED


# --- selecting ------------------------------------------------------------------------------------------------------


def test_select_carries_no_length_expected(chips) -> None:
    assert chips.replay(select_application(Plain()), ("00A4040C07A0000002471001", "9000")).ok


def test_the_master_file_is_selected_in_either_way(chips) -> None:
    chips.replay(select_master_file(Plain()), ("00A4000C", "9000"))
    chips.replay(select_master_file(Plain()), ("00A4000C", "6985"), ("00A4000C023F00", "9000"))
    chips.replay(select_master_file(Plain()), ("00A4000C", "6985"), ("00A4000C023F00", "6A82"))


# --- EF.ATR/INFO ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "largest"),
    [
        ("4303010203" + "7F660802020400" + "02022000", 0x2000),
        ("7F6609" + "02020400" + "0203010000", 65536),
        ("7F660A" + "02030FFFFF" + "02037FFFFF", 65536),
        ("7F6606" + "020110" + "020110", SHORT),
        ("7F6604" + "02020400", SHORT),
        ("7F6608" + "0202040004022000", SHORT),
        ("7F66FF", SHORT),
        ("4303010203", SHORT),
        ("", SHORT),
        ("7F6608020204000202200" + "0" + "7F660802020400" + "02022000", SHORT),
    ],
)
def test_what_a_chip_announces(chips, content: str, largest: int) -> None:
    assert largest_response(bytes.fromhex(content)) == largest
    chip = chips.SmallChip()
    chip.files["mf"][0x2F01] = bytes.fromhex(content)
    assert chips.drive(read_largest(Plain()), chip.process) == largest


def test_a_chip_without_the_file_announces_nothing(chips) -> None:
    assert chips.drive(read_largest(Plain()), chips.SmallChip().process) == SHORT
    chips.replay(read_largest(Plain()), ("00A4020C022F01", "9000"), ("00B0000000", "6982"))


@given(raw=st.binary(max_size=40))
def test_no_announcement_breaks_anything(raw: bytes) -> None:
    assert SHORT <= largest_response(raw) <= 65536


def test_extended_lengths_save_commands(chips) -> None:
    counts = {}
    for largest in (SHORT, 2000, 32000):
        session, chip = _pair(chips, _content(File.DG2, 20_328), File.DG2, largest=largest)
        chips.drive(read_file(session, File.DG2), chip.process)
        counts[largest] = chip.commands
    assert counts == {SHORT: 94, 2000: 13, 32000: 3}


def test_a_chip_that_was_asked_for_too_much_is_asked_for_less_in_a_new_session(chips) -> None:
    content = _content(File.DG2, 40_000)
    session, chip = _pair(chips, content, File.DG2, most_data=128)
    session.longest_read = 128
    assert chips.drive(read_file(session, File.DG2), chip.process) == content
