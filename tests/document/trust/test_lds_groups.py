"""The small files of the chip: what they hold, and one kind of error for everything else."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trust_pki import Signer, make_key

from appliance.document.lds import groups
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build

TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<7408122F1204159UTO<<<<<<<<<<<6ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<D231458907UTO7408122F1204159<<<<<<<6"


def dg1(text: bytes) -> bytes:
    return build(0x61, build(0x5F1F, text))


def malformed(parse: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(DocumentFault) as caught:
        parse(data)
    assert caught.value.reason is Reason.FILE_MALFORMED


@pytest.mark.parametrize(("text", "shape"), [(TD3, (44, 44)), (TD2, (36, 36)), (TD1, (30, 30, 30))])
def test_dg1_is_the_lines_of_its_zone(text: str, shape: tuple[int, ...]) -> None:
    lines = groups.mrz_lines(dg1(text.encode()))
    assert tuple(map(len, lines)) == shape
    assert "".join(lines) == text


@pytest.mark.parametrize(
    "data",
    [
        dg1(TD3[:-1].encode()),
        dg1(TD3.lower().encode()),
        dg1(TD3.replace("<", "\n").encode()),
        dg1(b"\xff" * 88),
        dg1("\u0661".encode() * 44),
        dg1(b""),
        build(0x61, build(0x5F1E, TD3.encode())),
        build(0x61, build(0x5F1F, TD3.encode()) * 2),
        build(0x62, build(0x5F1F, TD3.encode())),
        dg1(TD3.encode()) + b"\x00",
        b"",
    ],
)
def test_anything_else_is_no_dg1(data: bytes) -> None:
    malformed(groups.mrz_lines, data)


def test_com_says_versions_and_tags() -> None:
    com = build(0x60, build(0x5F01, b"0107") + build(0x5F36, b"040000") + build(0x5C, b"\x61\x75"))
    assert groups.common(com) == groups.Common("0107", "040000", (0x61, 0x75))
    malformed(groups.common, build(0x60, build(0x5F01, b"0107") + build(0x5C, b"\x61\x75")))
    malformed(groups.common, com[:-1])


@pytest.mark.parametrize(
    ("value", "expected"), [(b"20240229", date(2024, 2, 29)), (bytes.fromhex("20240229"), date(2024, 2, 29))]
)
def test_dg12_may_say_when_it_was_issued(value: bytes, expected: date) -> None:
    assert groups.date_of_issue(build(0x6C, build(0x5C, b"\x5f\x26") + build(0x5F26, value))) == expected


def test_dg12_without_a_date_has_none() -> None:
    assert groups.date_of_issue(build(0x6C, build(0x5C, b"\x5f\x19") + build(0x5F19, b"X"))) is None


@pytest.mark.parametrize("value", [b"20230229", b"2024022", b"2024-2-2", b"", bytes.fromhex("2024022a"), b"\xb2" * 8])
def test_dg12_with_no_date_where_one_should_be_is_malformed(value: bytes) -> None:
    malformed(groups.date_of_issue, build(0x6C, build(0x5F26, value)))


def info(oid: str, more: str = "020101") -> bytes:
    return build(0x30, build(0x06, bytes.fromhex(oid)) + bytes.fromhex(more))


CHIP_AUTHENTICATION = info("04007f00070202030202", "020102")
ACTIVE_AUTHENTICATION = "678108010105"
PLAIN = "060a04007f000701010401"


def test_dg14_lists_its_protocols_with_their_bytes() -> None:
    assert groups.security_infos(build(0x6E, build(0x31, CHIP_AUTHENTICATION))) == (
        ("0.4.0.127.0.7.2.2.3.2.2", CHIP_AUTHENTICATION),
    )


@pytest.mark.parametrize(("last", "name"), [("01", "sha1"), ("02", "sha224"), ("03", "sha256"), ("05", "sha512")])
def test_dg14_names_the_hash_of_active_authentication(last: str, name: str) -> None:
    active = info(ACTIVE_AUTHENTICATION, "020101" + PLAIN + last)
    assert groups.active_authentication_hash(build(0x6E, build(0x31, CHIP_AUTHENTICATION + active))) == name


def test_dg14_without_active_authentication_names_none() -> None:
    assert groups.active_authentication_hash(build(0x6E, build(0x31, CHIP_AUTHENTICATION))) is None


@pytest.mark.parametrize(
    "infos",
    [
        info(ACTIVE_AUTHENTICATION, "020101"),
        info(ACTIVE_AUTHENTICATION, "020101" + PLAIN + "09"),
        info(ACTIVE_AUTHENTICATION, "020101" + "06082a8648ce3d040302"),
        build(0x30, b""),
        build(0x30, b"\x02\x01\x01"),
        build(0x04, b"\x06\x01\x01"),
        b"\x30\x80\x00\x00",
    ],
)
def test_a_protocol_that_is_none_is_malformed(infos: bytes) -> None:
    malformed(groups.active_authentication_hash, build(0x6E, build(0x31, infos)))


def test_dg15_is_a_key() -> None:
    key = Signer(make_key("p256")).public()
    assert groups.public_key_info(build(0x6F, key)) == key
    malformed(groups.public_key_info, build(0x6F, key + key))
    malformed(groups.public_key_info, key)


PARSERS = (
    groups.common,
    groups.mrz_lines,
    groups.date_of_issue,
    groups.security_infos,
    groups.active_authentication_hash,
    groups.public_key_info,
)
TAGS = (0x60, 0x61, 0x6C, 0x6E, 0x6E, 0x6F)


@given(st.sampled_from(list(zip(PARSERS, TAGS, strict=True))), st.binary(max_size=120), st.booleans())
def test_hostile_bytes_end_in_a_value_or_in_one_kind_of_error(
    which: tuple[Callable[[bytes], object], int], data: bytes, wrapped: bool
) -> None:
    parse, tag = which
    reason = Reason.FILE_MALFORMED
    try:
        parse(build(tag, data) if wrapped else data)
    except DocumentFault as fault:
        reason = fault.reason
    assert reason is Reason.FILE_MALFORMED
