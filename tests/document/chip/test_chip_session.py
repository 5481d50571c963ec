"""APDUs, and secure messaging: what it sends, and every way an answer can be wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.document.chip.apdu import LONGEST, SHORT, Command, Plain, Response
from appliance.document.chip.crypto import Keys, Suite, decrypt, encrypt, pad, unpad
from appliance.document.chip.sm import Session
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build, find, parse

_READ = Command(0x00, 0xB0, 0, 0, le=16)
_OK = b"\x90\x00"


def _pair(chips, suite: Suite = Suite.AES_128, *, largest: int = SHORT, **options):
    """A session and a chip that share keys."""
    keys = Keys.derive(suite, b"a shared secret")
    chip = chips.SmallChip(**options)
    chip.keys, chip.open, chip.current = keys, True, bytes(range(256)) * 300
    return Session(keys, largest=largest), chip


def _fault(action) -> DocumentFault:
    with pytest.raises(DocumentFault) as fault:
        action()
    return fault.value


# --- APDUs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "raw"),
    [
        (Command(0, 0xA4, 4, 12), "00A4040C"),
        (Command(0, 0xB0, 1, 2, le=4), "00B0010204"),
        (Command(0, 0xB0, 1, 2, le=256), "00B0010200"),
        (Command(0, 0xB0, 1, 2, le=257), "00B00102000101"),
        (Command(0, 0xB0, 1, 2, le=65536), "00B00102000000"),
        (Command(0, 0xA4, 2, 12, b"\x01\x1e"), "00A4020C02011E"),
        (Command(0, 0x88, 0, 0, b"12", 256), "0088000002313200"),
        (Command(0, 0x88, 0, 0, b"12", 300), "0088000000000231" + "32012C"),
        (Command(0, 0x88, 0, 0, bytes(256)), "00880000000100" + "00" * 256),
        (Command(0, 0x88, 0, 0, bytes(256), 65536), "00880000000100" + "00" * 256 + "0000"),
    ],
)
def test_the_bytes_of_a_command(command: Command, raw: str) -> None:
    assert command.encode().hex().upper() == raw


@pytest.mark.parametrize("raw", [b"", b"\x90", bytes(LONGEST + 3)])
def test_what_is_no_response_is_refused(raw: bytes) -> None:
    assert _fault(lambda: Response.decode(raw)).reason is Reason.CHIP_MALFORMED


def test_an_answer_in_parts_is_put_together(chips) -> None:
    exchange = Plain().transmit(_READ)
    response = chips.replay(
        exchange, ("00B0000010", "01026102"), ("00C0000002", "03046103"), ("00C0000003", "0506079000")
    )
    assert response == Response(bytes(range(1, 8)), 0x9000)


def test_a_wrong_length_is_corrected_once(chips) -> None:
    response = chips.replay(Plain().transmit(_READ), ("00B0000010", "6C04"), ("00B0000004", "010203049000"))
    assert response == Response(b"\1\2\3\4", 0x9000)
    response = chips.replay(Plain().transmit(_READ), ("00B0000010", "6C04"), ("00B0000004", "6C03"))
    assert response.sw == 0x6C03


def test_an_answer_in_parts_without_end_is_refused(chips) -> None:
    for answer in (b"x\x61\x00", bytes(65536) + b"\x61\x00"):
        fault = _fault(lambda answer=answer: chips.drive(Plain().transmit(_READ), lambda raw: answer))
        assert fault.reason is Reason.CHIP_MALFORMED


# --- both ways ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", Suite)
def test_every_suite_reads(chips, suite: Suite) -> None:
    session, chip = _pair(chips, suite)
    for wanted in (1, 15, 16, 17, session.chunk):
        response = chips.drive(session.transmit(Command(0x00, 0xB0, 0, 0, le=wanted)), chip.process)
        assert response == Response(chip.current[:wanted], 0x9000)


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("largest", [SHORT, 300, 1000, 32767, LONGEST])
def test_the_largest_chunk_just_fits(chips, suite: Suite, largest: int) -> None:
    session, chip = _pair(chips, suite, largest=largest)
    answers: list[bytes] = []
    chip.alter = lambda raw: answers.append(raw) or raw
    response = chips.drive(session.transmit(Command(0x00, 0xB0, 0, 0, le=session.chunk)), chip.process)
    assert response.data == chip.current[: session.chunk]
    assert len(answers[0]) - 2 * (largest == SHORT) <= max(largest, SHORT)
    assert largest - 2 * suite.block - 24 < session.chunk < largest


def test_the_chunks_that_readers_are_known_to_carry() -> None:
    assert Session(Keys.derive(Suite.TDES, b"")).chunk == 231
    assert Session(Keys.derive(Suite.AES_256, b"")).chunk == 223


def test_short_lengths_unless_more_is_announced() -> None:
    def sent(le: int, largest: int) -> bytes:
        return next(Session(Keys.derive(Suite.AES_128, b""), largest=largest).transmit(Command(0, 0xB0, 0, 0, le=le)))

    for le in (1, 223, 256):
        assert len(sent(le, SHORT)) == 19
    assert len(sent(223, 2000)) == 19
    assert sent(224, 2000)[4:5] == b"\0"
    assert sent(224, 2000)[-2:] == (2000).to_bytes(2, "big")


def test_data_is_in_do_87_or_for_odd_instructions_in_do_85() -> None:
    keys = Keys.derive(Suite.AES_128, b"")
    even = next(Session(keys).transmit(Command(0, 0xB0, 0, 0, b"data", 8)))
    odd = next(Session(keys).transmit(Command(0, 0xB1, 0, 0, b"data", 8)))
    assert [one.tag for one in parse(even[5:-1])] == [0x87, 0x97, 0x8E]
    assert [one.tag for one in parse(odd[5:-1])] == [0x85, 0x97, 0x8E]
    assert find(parse(even[5:-1]), 0x87).value[:1] == b"\1"
    assert len(find(parse(odd[5:-1]), 0x85).value) == 16


def test_a_long_command_is_extended(chips) -> None:
    session, chip = _pair(chips)
    response = chips.drive(session.transmit(Command(0x00, 0x88, 0, 0, bytes(600), 65536)), chip.process)
    assert response.data == b"signed" + bytes(600)


def test_a_command_after_a_refused_one_still_works(chips) -> None:
    session, chip = _pair(chips)
    refused = chips.drive(session.transmit(Command(0x00, 0xE0, 0, 0, le=8)), chip.process)
    assert refused == Response(b"", 0x6D00)
    assert chips.drive(session.transmit(_READ), chip.process).data == chip.current[:16]


# --- hostile answers ------------------------------------------------------------------------------------------------


def _flip(at: int):
    return lambda raw: raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]


def _dead(chips, alter, reason: Reason, **options) -> None:
    """The answer is refused for this reason, and the session says nothing more."""
    session, chip = _pair(chips, **options)
    chip.alter = alter
    assert _fault(lambda: chips.drive(session.transmit(_READ), chip.process)).reason is reason
    chip.alter = lambda raw: raw
    after = _fault(lambda: chips.drive(session.transmit(_READ), chip.process))
    assert after.reason is Reason.UNPROTECTED_RESPONSE
    assert session._keys is None
    assert chip.commands == 1


@pytest.mark.parametrize("sw", ["6700", "6988", "6987", "6982", "9000", "6A82", "6C10", "6110"])
def test_a_naked_status_word_ends_the_session(chips, sw: str) -> None:
    _dead(chips, lambda raw: bytes.fromhex(sw), Reason.UNPROTECTED_RESPONSE)


@pytest.mark.parametrize("suite", Suite)
def test_every_flipped_bit_is_noticed(chips, suite: Suite) -> None:
    session, chip = _pair(chips, suite)
    length = len(chip.process(next(session.transmit(_READ))))
    for at in range(length):
        session, chip = _pair(chips, suite)
        chip.alter = _flip(at)
        fault = _fault(lambda session=session, chip=chip: chips.drive(session.transmit(_READ), chip.process))
        assert fault.reason in (Reason.MAC_WRONG, Reason.UNPROTECTED_RESPONSE)


def test_a_flipped_mac(chips) -> None:
    _dead(chips, _flip(-3), Reason.MAC_WRONG)


def test_a_status_word_that_is_not_the_protected_one(chips) -> None:
    _dead(chips, lambda raw: raw[:-2] + b"\x62\x82", Reason.MAC_WRONG)


def test_an_answer_of_the_command_before(chips) -> None:
    session, chip = _pair(chips)
    answers: list[bytes] = []
    chip.alter = lambda raw: answers.append(raw) or raw
    chips.drive(session.transmit(_READ), chip.process)
    assert _fault(lambda: chips.drive(session.transmit(_READ), lambda raw: answers[0])).reason is Reason.MAC_WRONG


def test_data_outside_the_mac(chips) -> None:
    extra = build(0x81, b"plain")
    _dead(chips, lambda raw: extra + raw, Reason.UNPROTECTED_RESPONSE)
    _dead(chips, lambda raw: raw[:-2] + extra + raw[-2:], Reason.UNPROTECTED_RESPONSE)


def test_plain_data_in_place_of_an_answer(chips) -> None:
    _dead(chips, lambda raw: b"\x61\x09\x5f\x01" + _OK, Reason.UNPROTECTED_RESPONSE)
    _dead(chips, lambda raw: build(0x61, b"ab") + _OK, Reason.UNPROTECTED_RESPONSE)


@pytest.mark.parametrize("missing", [0x99, 0x8E])
def test_an_object_that_is_missing(chips, missing: int) -> None:
    def alter(raw: bytes) -> bytes:
        return b"".join(one.raw for one in parse(raw[:-2]) if one.tag != missing) + raw[-2:]

    _dead(chips, alter, Reason.UNPROTECTED_RESPONSE)


def test_without_its_data_object_the_mac_is_wrong(chips) -> None:
    _dead(chips, lambda raw: b"".join(one.raw for one in parse(raw[:-2])[1:]) + raw[-2:], Reason.MAC_WRONG)


def test_a_truncated_answer(chips) -> None:
    session, chip = _pair(chips)
    length = len(chip.process(next(session.transmit(_READ))))
    for end in range(length):
        session, chip = _pair(chips)
        chip.alter = lambda raw, end=end: raw[:end]
        fault = _fault(lambda session=session, chip=chip: chips.drive(session.transmit(_READ), chip.process))
        assert fault.reason in (Reason.UNPROTECTED_RESPONSE, Reason.CHIP_MALFORMED, Reason.MAC_WRONG)


def _forged(chips, body: bytes) -> bytes:
    """An answer to the first command of a session, by a chip that has the keys and writes nonsense."""
    _, chip = _pair(chips)
    chip.ssc = 2
    body += build(0x99, _OK)
    return body + build(0x8E, chip.checksum(body)) + _OK


@pytest.mark.parametrize(
    "content",
    [b"", b"\1", b"\1" + bytes(15), b"\1" + bytes(16), b"\2" + bytes(16), b"\1" + bytes(33)],
    ids=["empty", "indicator only", "no whole block", "no padding", "another indicator", "one byte more"],
)
def test_a_genuine_mac_over_nonsense(chips, content: bytes) -> None:
    raw = _forged(chips, build(0x87, content))
    _dead(chips, lambda _: raw, Reason.CHIP_MALFORMED)


def test_the_caller_that_gives_up_ends_the_session(chips) -> None:
    """A pulled card: the driver's error goes in at the exchange, and neither end knows the other's counter."""
    session, chip = _pair(chips)
    exchange = session.transmit(_READ)
    next(exchange)
    with pytest.raises(OSError, match="pulled"):
        exchange.throw(OSError("pulled"))
    assert _fault(lambda: chips.drive(session.transmit(_READ), chip.process)).reason is Reason.UNPROTECTED_RESPONSE


def test_keys_are_never_shown() -> None:
    keys = Keys.derive(Suite.AES_128, b"secret")
    assert keys.enc.hex() not in repr(keys)
    assert repr(keys.enc) not in repr(keys)


@given(data=st.binary(max_size=100), suite=st.sampled_from(Suite))
def test_padding_and_encryption_come_back(data: bytes, suite: Suite) -> None:
    keys = Keys.derive(suite, b"x")
    sealed = encrypt(suite, keys.enc, pad(data, suite.block))
    assert unpad(decrypt(suite, keys.enc, sealed)) == data


@given(answers=st.lists(st.binary(max_size=60), min_size=1, max_size=3), suite=st.sampled_from(Suite))
def test_only_document_faults_for_random_answers(answers: list[bytes], suite: Suite) -> None:
    session = Session(Keys.derive(suite, b"x"))
    for answer in answers:
        with pytest.raises(DocumentFault):
            _answer(session, answer)


def _answer(session: Session, answer: bytes) -> None:
    exchange = session.transmit(_READ)
    next(exchange)
    exchange.send(answer)
    raise AssertionError("a random answer was taken")
