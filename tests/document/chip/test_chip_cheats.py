"""Chips that cheat while they are opened, in PACE and in BAC: every one is refused, and for the right reason."""

import itertools

import pytest

from appliance.document.chip.access import OpenChip, Protocol, open_chip
from appliance.document.chip.apdu import Plain
from appliance.document.chip.bac import basic_access
from appliance.document.chip.parameters import STANDARD
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build, find, only

_BSI = "0.4.0.127.0.7.2.2.4"
_GM_128 = f"{_BSI}.2.2"


def _open(chips, chip, password=None, **options) -> OpenChip:
    return chips.drive(open_chip(password or chips.MRZ, **options), chip.process)


def _fault(chips, chip, password=None, **options) -> Reason:
    with pytest.raises(DocumentFault) as fault:
        _open(chips, chip, password, **options)
    return fault.value.reason


# --- chips that cheat in PACE ---------------------------------------------------------------------------------------


def _cheat(chips, step: int, forge, oid: str = _GM_128, group: int = 13) -> Reason:
    """A chip whose answer to the given GENERAL AUTHENTICATE (from 0) is forged from its command."""
    count = itertools.count()

    def plain(command):
        return forge(command) if command.ins == 0x86 and next(count) == step else None

    return _fault(chips, chips.locked(chips.pace_info(oid, group), group=group, plain=plain))


def _dynamic(*objects: bytes) -> bytes:
    return build(0x7C, b"".join(objects)) + b"\x90\x00"


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("group", [0, 13])
def test_our_own_key_sent_back(chips, step: int, group: int) -> None:
    def reflect(command):
        sent = find(only(command.data, 0x7C).children(), 0x7F + 2 * step)
        return _dynamic(build(sent.tag + 1, sent.value))

    oid = f"{_BSI}.1.2" if group == 0 else _GM_128
    assert _cheat(chips, step, reflect, oid, group) is Reason.CHIP_KEY_INVALID


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("key", [b"", b"\0", b"\4" + bytes(64), b"\4" + bytes(63) + b"\1", b"\2" + bytes(32)])
def test_a_point_off_the_curve(chips, step: int, key: bytes) -> None:
    tag = 0x80 + 2 * step
    assert _cheat(chips, step, lambda command: _dynamic(build(tag, key))) is Reason.CHIP_KEY_INVALID


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("key", [b"", b"\0", b"\1", b"\2", bytes(200)])
def test_an_integer_outside_the_group(chips, step: int, key: bytes) -> None:
    tag = 0x80 + 2 * step
    fault = _cheat(chips, step, lambda command: _dynamic(build(tag, key)), f"{_BSI}.1.2", 0)
    assert fault is Reason.CHIP_KEY_INVALID


def test_a_mapping_that_ends_at_infinity(chips) -> None:
    """A chip that knows the password can choose its key so that s * G + H is the point at infinity."""
    group = STANDARD[13]
    chip = chips.locked(chips.pace_info(_GM_128), random=lambda count: bytes(count - 1) + b"\5")
    ours = 3

    def plain(command):
        if command.ins == 0x86 and command.data[2:3] == b"\x81":
            point = group.multiply(-5 * pow(ours, -1, group.order), group.generator)
            return _dynamic(build(0x82, group.encode(point)))
        return None

    chip.plain = plain
    random = iter((ours.to_bytes(32, "big"),))
    assert _fault(chips, chip, random=lambda count: next(random)) is Reason.CHIP_KEY_INVALID


@pytest.mark.parametrize("step", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "answer",
    [
        b"\x90\x00",
        b"\x7c\x00\x90\x00",
        b"\x7c\x05\x80\x90\x00",
        b"\x30\x00\x90\x00",
        b"\x7c\x02\x99\x00\x90\x00",
        b"\x6a\x80",
    ],
)
def test_an_answer_that_is_none(chips, step: int, answer: bytes) -> None:
    assert _cheat(chips, step, lambda command: answer) is Reason.PACE_FAILED


@pytest.mark.parametrize("length", [0, 1, 8, 15, 17, 31, 33, 48])
def test_a_nonce_of_another_length(chips, length: int) -> None:
    assert _cheat(chips, 0, lambda command: _dynamic(build(0x80, bytes(length)))) is Reason.PACE_FAILED


def test_a_short_nonce_for_integrated_mapping(chips) -> None:
    fault = _cheat(chips, 0, lambda command: _dynamic(build(0x80, bytes(16))), f"{_BSI}.4.4")
    assert fault is Reason.PACE_FAILED


@pytest.mark.parametrize("token", [b"", bytes(8), bytes(16)])
def test_a_chip_that_does_not_know_the_password(chips, token: bytes) -> None:
    assert _cheat(chips, 3, lambda command: _dynamic(build(0x86, token))) is Reason.PACE_FAILED


def test_our_own_token_sent_back(chips) -> None:
    def reflect(command):
        return _dynamic(build(0x86, find(only(command.data, 0x7C).children(), 0x85).value))

    assert _cheat(chips, 3, reflect) is Reason.PACE_FAILED


def test_an_object_that_is_there_twice(chips) -> None:
    assert _cheat(chips, 0, lambda command: _dynamic(build(0x80, bytes(16)) * 2)) is Reason.PACE_FAILED


@pytest.mark.parametrize("sw", ["6300", "63C0", "63C2"])
def test_tries_that_are_left_are_a_wrong_password(chips, sw: str) -> None:
    assert _cheat(chips, 3, lambda command: bytes.fromhex(sw)) is Reason.ACCESS_DENIED


def test_a_warning_about_tries_does_not_keep_pace_from_starting(chips) -> None:
    chip = chips.locked(chips.pace_info(_GM_128))
    answer = chip.manage
    chip.manage = lambda command: answer(command) and b"\x63\xc2"
    assert _open(chips, chip).protocol is Protocol.PACE


def test_cam_without_its_data_or_with_nonsense(chips) -> None:
    for extra in (b"", build(0x8A, b""), build(0x8A, bytes(15)), build(0x8A, bytes(32))):
        chip = chips.locked(chips.pace_info(f"{_BSI}.6.2"))
        chip.static = 1

        def pace_token(objects, chip=chip, extra=extra):
            chip.keys, chip.ssc, chip.open = chip.agreed, 0, True
            return build(0x86, chip.token(chip.theirs)) + extra

        chip.pace_token = pace_token
        assert _fault(chips, chip) is Reason.PACE_FAILED


def test_cam_without_card_security(chips) -> None:
    chip = chips.locked(chips.pace_info(f"{_BSI}.6.2"))
    chip.static = 1
    assert _fault(chips, chip) is Reason.FILE_MISSING


def test_pace_then_no_application(chips) -> None:
    chip = chips.locked(chips.pace_info(_GM_128), plain=lambda command: b"\x6a\x82" if command.p1 == 4 else None)
    assert _fault(chips, chip) is Reason.CHIP_REFUSES


# --- chips that cheat in BAC ----------------------------------------------------------------------------------------


def _bac(chips, *answers: str) -> Reason:
    given = iter(answers)
    with pytest.raises(DocumentFault) as fault:
        chips.drive(basic_access(Plain(), chips.MRZ), lambda raw: bytes.fromhex(next(given)))
    return fault.value.reason


def test_a_challenge_that_is_none(chips) -> None:
    assert _bac(chips, "9000") is Reason.CHIP_MALFORMED
    assert _bac(chips, "00" * 7 + "9000") is Reason.CHIP_MALFORMED
    assert _bac(chips, "6A88") is Reason.NO_COMMON_PROTOCOL


@pytest.mark.parametrize("sw", ["6300", "63C1", "6982", "6988"])
def test_bac_denied(chips, sw: str) -> None:
    assert _bac(chips, "00" * 8 + "9000", sw) is Reason.ACCESS_DENIED


def test_bac_refused(chips) -> None:
    assert _bac(chips, "00" * 8 + "9000", "6A80") is Reason.CHIP_REFUSES


@pytest.mark.parametrize("answer", ["9000", "00" * 40 + "9000", "00" * 39 + "9000", "00" * 41 + "9000"])
def test_a_wrong_answer_to_bac(chips, answer: str) -> None:
    assert _bac(chips, "00" * 8 + "9000", answer) is Reason.MAC_WRONG


def test_bac_with_another_challenge_answered(chips) -> None:
    """The chip seals the right form, but not our challenge: a replay."""
    chip = chips.locked()
    answer = chip.external

    recorded: list[bytes] = []
    chip.external = lambda command: recorded.append(answer(command)) or recorded[-1]
    chip.random = lambda count: b"\1" * count
    _open(chips, chip)
    replayed = chips.locked(random=lambda count: b"\1" * count)
    replayed.external = lambda command: recorded[0]
    assert _fault(chips, replayed) is Reason.CHIP_MALFORMED
