"""Opening a chip: the choice of protocol, what follows a failure, and chips that cheat while they are opened."""

import itertools

import pytest

from appliance.document.chip.access import OpenChip, Protocol, check_not_downgraded, open_chip, strongest
from appliance.document.chip.crypto import Suite
from appliance.document.chip.files import File, read_file
from appliance.document.chip.pace import verify_cam
from appliance.document.chip.parameters import STANDARD, StaticKey
from appliance.document.chip.passwords import can_password, mrz_password
from appliance.document.chip.protocols import PACE, Agreement, Mapping, oid_bytes
from appliance.document.chip.security_infos import SecurityInfos
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build

_OTHER = mrz_password("L898902C<", "690806", "940624")
_CAN = can_password("123456")
_BSI = "0.4.0.127.0.7.2.2.4"
_GM_128, _GM_256 = f"{_BSI}.2.2", f"{_BSI}.2.4"


def _open(chips, chip, password=None, **options) -> OpenChip:
    return chips.drive(open_chip(password or chips.MRZ, **options), chip.process)


def _fault(chips, chip, password=None, **options) -> Reason:
    with pytest.raises(DocumentFault) as fault:
        _open(chips, chip, password, **options)
    return fault.value.reason


def _offer(*infos: bytes) -> SecurityInfos:
    return SecurityInfos.parse(build(0x31, b"".join(infos)))


# --- the choice -----------------------------------------------------------------------------------------------------


def test_pace_where_it_is_offered(chips) -> None:
    chip = chips.locked(chips.pace_info(_GM_128))
    opened = _open(chips, chip)
    assert opened.protocol is Protocol.PACE
    assert opened.pace.raw == chips.pace_info(_GM_128)
    assert opened.session.suite is Suite.AES_128
    assert not opened.fell_back
    assert chips.drive(read_file(opened.session, File.COM), chip.process) == chips.COM


def test_bac_where_no_pace_is_offered(chips) -> None:
    chip = chips.locked()
    opened = _open(chips, chip)
    assert (opened.protocol, opened.card_access, opened.pace) == (Protocol.BAC, None, None)
    assert chips.drive(read_file(opened.session, File.COM), chip.process) == chips.COM


def test_bac_where_card_access_holds_other_infos_only(chips) -> None:
    other = build(0x30, build(0x06, oid_bytes("0.4.0.127.0.7.2.2.2")) + build(0x02, b"\1"))
    opened = _open(chips, chips.locked(other))
    assert opened.protocol is Protocol.BAC
    assert opened.card_access.infos == (other,)


def test_the_access_number_opens_pace_and_never_bac(chips) -> None:
    assert _open(chips, chips.locked(chips.pace_info(_GM_128), password=_CAN), _CAN).protocol is Protocol.PACE
    assert _fault(chips, chips.locked(), _CAN) is Reason.NO_COMMON_PROTOCOL


def test_pace_nobody_knows_is_no_reason_for_bac(chips) -> None:
    chip = chips.locked(
        chips.pace_info(_GM_128, parameter=19),
        chips.pace_info(_GM_128, version=1),
        chips.pace_info(f"{_BSI}.1.2", parameter=13),
    )
    assert _fault(chips, chip) is Reason.NO_COMMON_PROTOCOL


def test_card_access_that_may_not_be_read_means_bac(chips) -> None:
    """Malaysia: 6283 on selecting EF.CardAccess."""
    chip = chips.locked(plain=lambda command: b"\x62\x83" if command.data == b"\x01\x1c" else None)
    assert _open(chips, chip).protocol is Protocol.BAC


@pytest.mark.parametrize("content", [b"\x31\x03\x30\x01\x00", b"\x31\x05\x30\x03\x06\x05\x00", b"\x30\x02\x05\x00"])
def test_a_broken_card_access_is_not_taken_for_none(chips, content: bytes) -> None:
    chip = chips.locked()
    chip.files["mf"][0x011C] = content
    assert _fault(chips, chip) is Reason.FILE_MALFORMED


def test_a_chip_of_another_kind(chips) -> None:
    chip = chips.locked(plain=lambda command: b"\x6a\x82")
    assert _fault(chips, chip) is Reason.NO_COMMON_PROTOCOL


def test_the_master_file_may_refuse_to_be_selected(chips) -> None:
    def refuse(command):
        return b"\x69\x85" if command.raw[1:3] == b"\xa4\x00" else None

    chip = chips.locked(chips.pace_info(_GM_128), plain=refuse)
    assert _open(chips, chip).protocol is Protocol.PACE


def test_the_reader_that_carries_extended_lengths_asks_for_them(chips) -> None:
    chip = chips.locked(chips.pace_info(_GM_128))
    chip.files["mf"][0x2F01] = bytes.fromhex("7F66080202040002022000")
    assert _open(chips, chip, extended=True).session.largest == 0x2000
    chip = chips.locked(chips.pace_info(_GM_128))
    chip.files["mf"][0x2F01] = bytes.fromhex("7F66080202040002022000")
    assert _open(chips, chip).session.largest == 256


@pytest.mark.parametrize(
    ("offered", "best"),
    [
        ([(f"{_BSI}.2.1", 13), (_GM_128, 13)], (_GM_128, 13)),
        ([(_GM_256, 12), (_GM_256, 17)], (_GM_256, 17)),
        ([(_GM_256, 10), (_GM_128, 12)], (_GM_128, 12)),
        ([(f"{_BSI}.4.2", 13), (_GM_128, 13)], (_GM_128, 13)),
        ([(_GM_128, 13), (f"{_BSI}.6.2", 13)], (f"{_BSI}.6.2", 13)),
        ([(f"{_BSI}.6.2", 13), (_GM_256, 16)], (_GM_256, 16)),
        ([(f"{_BSI}.1.2", 2), (_GM_128, 10)], (_GM_128, 10)),
        ([(f"{_BSI}.1.2", 0), (f"{_BSI}.1.1", 2)], (f"{_BSI}.1.1", 2)),
    ],
)
def test_the_strongest_suite_is_taken_whatever_the_order(chips, offered, best) -> None:
    for order in itertools.permutations(offered):
        suite = strongest(_offer(*(chips.pace_info(oid, parameter) for oid, parameter in order)))
        assert (suite.info.oid, suite.parameter_id) == best


def test_integrated_mapping_is_not_chosen_where_it_is_not_defined(chips) -> None:
    with pytest.raises(DocumentFault) as fault:
        strongest(_offer(chips.pace_info(f"{_BSI}.4.2", 10)))
    assert fault.value.reason is Reason.NO_COMMON_PROTOCOL


# --- every suite, end to end ----------------------------------------------------------------------------------------

_SUITES = [
    (oid, parameter)
    for oid, protocol in PACE.items()
    for parameter in STANDARD
    if (parameter <= 2) is (protocol.agreement is Agreement.DH)
    and not (protocol.mapping is Mapping.IM and parameter == 10)
    and (protocol.suite is Suite.AES_192 or parameter in (0, 13, 14))  # every group once, every cipher three times
]


@pytest.mark.parametrize(("oid", "parameter"), _SUITES)
def test_every_suite_opens_and_reads(chips, oid: str, parameter: int) -> None:
    chip = chips.locked(chips.pace_info(oid, parameter), group=parameter)
    chip.static = 0xC0DE
    chip.files["mf"][0x011D] = build(0x30, b"card security")
    opened = _open(chips, chip)
    assert opened.pace.oid == oid
    assert chips.drive(read_file(opened.session, File.COM), chip.process) == chips.COM
    if PACE[oid].mapping is Mapping.CAM:
        group = STANDARD[parameter]
        key = group.encode(group.multiply(0xC0DE, group.generator))
        verify_cam(opened.cam, StaticKey(group, key))
        assert opened.card_security == build(0x30, b"card security")
        for other in (StaticKey(group, group.encode(group.generator)), StaticKey(STANDARD[12], b"")):
            with pytest.raises(DocumentFault) as fault:
                verify_cam(opened.cam, other)
            assert fault.value.reason is Reason.CAM_FAILED
    else:
        assert opened.cam is None


# --- what follows a failure -----------------------------------------------------------------------------------------


def _no_pace(command):
    return b"\x6f\x00" if command.ins == 0x86 else None


def test_the_wrong_mrz_is_denied_by_either_protocol(chips) -> None:
    assert _fault(chips, chips.locked(chips.pace_info(_GM_128)), _OTHER) is Reason.ACCESS_DENIED
    assert _fault(chips, chips.locked(), _OTHER) is Reason.ACCESS_DENIED


def test_a_denied_chip_saw_one_protocol_only(chips) -> None:
    seen: list[int] = []
    chip = chips.locked(chips.pace_info(_GM_128), plain=lambda command: seen.append(command.ins))
    _fault(chips, chip, _OTHER)
    assert 0x86 in seen
    assert not {0x84, 0x82} & set(seen)


def test_broken_pace_is_tried_twice_and_then_given_up(chips) -> None:
    for failures in (0, 1, 2, 3):
        chip = chips.locked(chips.pace_info(_GM_128), plain=_no_pace)
        assert _fault(chips, chip, pace_failures=failures) is Reason.PACE_FAILED
        assert (chip.commands > 4) is (failures < 2)


def test_bac_follows_broken_pace_by_policy_only_and_says_so(chips) -> None:
    for failures in (0, 1):
        chip = chips.locked(chips.pace_info(_GM_128), plain=_no_pace)
        assert _fault(chips, chip, pace_failures=failures, allow_bac_fallback=True) is Reason.PACE_FAILED
    opened = _open(
        chips, chips.locked(chips.pace_info(_GM_128), plain=_no_pace), pace_failures=2, allow_bac_fallback=True
    )
    assert (opened.protocol, opened.fell_back) == (Protocol.BAC, True)


def test_no_fallback_where_the_policy_allows_it_and_pace_works(chips) -> None:
    opened = _open(chips, chips.locked(chips.pace_info(_GM_128)), allow_bac_fallback=True)
    assert (opened.protocol, opened.fell_back) == (Protocol.PACE, False)


def test_a_chip_with_pace_only_refuses_bac(chips) -> None:
    """Germany: BAC answers 6A88."""
    chip = chips.locked(plain=lambda command: b"\x6a\x88" if command.ins == 0x84 else None)
    assert _fault(chips, chip) is Reason.NO_COMMON_PROTOCOL


# --- the downgrade check --------------------------------------------------------------------------------------------


def _dg14(*infos: bytes) -> SecurityInfos:
    return SecurityInfos.parse_dg14(build(0x6E, build(0x31, b"".join(infos))))


def _downgraded(opened: OpenChip, dg14: SecurityInfos | None) -> bool:
    try:
        check_not_downgraded(opened, dg14)
    except DocumentFault as fault:
        return fault.reason is Reason.ACCESS_DOWNGRADED
    return False


def test_what_was_offered_must_be_signed(chips) -> None:
    opened = _open(chips, chips.locked(chips.pace_info(_GM_128)))
    assert not _downgraded(opened, _dg14(chips.pace_info(_GM_128)))
    assert not _downgraded(opened, _dg14(chips.pace_info(_GM_256), chips.pace_info(_GM_128)))
    assert _downgraded(opened, _dg14(chips.pace_info(_GM_256)))
    assert _downgraded(opened, _dg14(chips.pace_info(_GM_128, parameter=12)))
    assert _downgraded(opened, None)


def test_a_hidden_card_access_is_noticed(chips) -> None:
    opened = _open(chips, chips.locked())
    assert _downgraded(opened, _dg14(chips.pace_info(_GM_128)))
    assert not _downgraded(opened, _dg14())
    assert not _downgraded(opened, None)


def test_a_fallback_by_policy_is_no_downgrade_but_a_forged_offer_is(chips) -> None:
    chip = chips.locked(chips.pace_info(_GM_128), plain=_no_pace)
    opened = _open(chips, chip, pace_failures=2, allow_bac_fallback=True)
    assert not _downgraded(opened, _dg14(chips.pace_info(_GM_128)))
    assert _downgraded(opened, _dg14(chips.pace_info(_GM_256)))


# --- passwords ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        ("", "690806", "940623"),
        ("L898902C", "69080", "940623"),
        ("l898902c", "690806", "940623"),
        ("L898902C", "690806", "94O623"),
        ("L898902C" * 3, "690806", "940623"),
        ("L8989\n", "690806", "940623"),
    ],
)
def test_what_is_no_mrz_opens_nothing_and_is_not_quoted(fields) -> None:
    with pytest.raises(DocumentFault) as fault:
        mrz_password(*fields)
    assert fault.value.reason is Reason.MRZ_UNREADABLE
    assert "L89" not in str(fault.value)


@pytest.mark.parametrize(
    "digits", ["", "12345", "1234567", "12345a", "12345\n", "\u0661\u0662\u0663\u0664\u0665\u0666"]
)
def test_what_is_no_access_number(digits: str) -> None:
    with pytest.raises(DocumentFault):
        can_password(digits)


def test_a_password_is_never_shown() -> None:
    assert "123456" not in repr(_CAN)
    assert repr(_OTHER.secret) not in repr(_OTHER)


def test_fillers_of_the_number_are_no_matter() -> None:
    assert mrz_password("L898902C", "690806", "940623") == mrz_password("L898902C<", "690806", "940623")
