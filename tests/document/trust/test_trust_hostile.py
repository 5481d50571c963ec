"""Signed files as nobody should write them: BER, other orders, spoilt bytes. A value or one kind of error, no pass."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_pki import (
    SHA256,
    TODAY,
    YESTERDAY,
    Signer,
    explicit,
    files,
    lds_object,
    list_signer,
    make_crl,
    make_issuer,
    make_key,
    master_list,
    sod_of,
)

from appliance.document.lds.sod import card_security, security_object, sod
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build, only, parse
from appliance.document.trust.certificate import certificate, revocation_list
from appliance.document.trust.keys import public_key
from appliance.document.trust.masterlist import contents, verified
from appliance.document.trust.passive import authenticate
from appliance.document.trust.signatures import Policy, algorithm

ISSUER = make_issuer()
SOD = sod_of(files(), ISSUER.dsc)
CONTENT_INFO, SIGNED, ENCAPSULATED, SIGNERS, SIGNER, ATTRIBUTES = (0,), (0, 1, 0), (0, 1, 0, 2), (-1,), (0,), (3,)


def edit(raw: bytes, path: tuple[int, ...], change: Callable[[bytes], bytes]) -> bytes:
    """`raw` with the object at `path` (an index per level) changed, and every length around it right again."""
    if not path:
        return change(raw)
    (whole,) = parse(raw)
    inside = [one.raw for one in whole.children()]
    inside[path[0]] = edit(inside[path[0]], path[1:], change)
    return build(whole.tag, b"".join(inside))


def indefinite(raw: bytes) -> bytes:
    """The same object with an indefinite length (ISO/IEC 8825-1 8.1.3.6)."""
    (whole,) = parse(raw)
    return raw[:1] + b"\x80" + whole.value + b"\x00\x00"


def chunked(raw: bytes) -> bytes:
    """An OCTET STRING in pieces of 50 bytes, of indefinite length (8.7.3)."""
    value = only(raw, 0x04).value
    return b"\x24\x80" + b"".join(build(0x04, value[at : at + 50]) for at in range(0, len(value), 50)) + b"\x00\x00"


def passes(signed: bytes) -> bool:
    return authenticate(signed, files(), issuer="NLD", on=TODAY, anchors=ISSUER.anchors, policy=Policy()).passed


def ber(signed: bytes) -> bytes:
    """As New Zealand writes it: indefinite from the outside in, the content in pieces."""
    found = edit(signed, (*ENCAPSULATED, 1, 0), lambda raw: b"\x04" + raw[1:])
    content = only(only(found, 0x77).value, 0x30).children()
    inner = list(parse(content[1].value)[0].children())
    what, wrapped = inner[2].children()
    encapsulated = b"\x30\x80" + what.raw + b"\xa0\x80" + chunked(wrapped.value) + b"\x00\x00" + b"\x00\x00"
    parts = [one.raw for one in inner]
    parts[2] = encapsulated
    whole = b"\x30\x80" + b"".join(parts) + b"\x00\x00"
    return build(0x77, b"\x30\x80" + content[0].raw + b"\xa0\x80" + whole + b"\x00\x00" + b"\x00\x00")


def test_a_security_object_in_ber_passes_and_its_altered_content_does_not() -> None:
    written = ber(SOD)
    assert written != SOD
    assert passes(written)
    digest = hashlib.sha256(files()[1]).digest()
    assert digest[:16] in written
    assert not passes(written.replace(digest[:16], bytes(16)))


def test_attributes_sent_in_another_order_are_verified_as_der() -> None:
    path = (*SIGNED, *SIGNERS, *SIGNER, *ATTRIBUTES)

    def swap(raw: bytes) -> bytes:
        (whole,) = parse(raw)
        return build(0xA0, b"".join(one.raw for one in reversed(whole.children())))

    swapped = edit(SOD, path, swap)
    assert swapped != SOD
    assert passes(swapped)


def test_attributes_of_indefinite_length_are_verified_as_der() -> None:
    path = (*SIGNED, *SIGNERS, *SIGNER)

    def loosen(raw: bytes) -> bytes:
        parts = [one.raw for one in only(raw, 0x30).children()]
        parts[3] = indefinite(parts[3])
        return build(0x30, b"".join(parts))

    assert passes(edit(SOD, path, loosen))


def test_a_signed_attribute_that_is_there_twice_says_nothing() -> None:
    def double(raw: bytes) -> bytes:
        (whole,) = parse(raw)
        return build(0xA0, whole.value + whole.children()[0].raw)

    assert not passes(edit(SOD, (*SIGNED, *SIGNERS, *SIGNER, *ATTRIBUTES), double))


def test_two_signers_are_none() -> None:
    assert not passes(edit(SOD, (*SIGNED, *SIGNERS), lambda raw: build(0x31, only(raw, 0x31).value * 2)))


def test_no_signer_is_none() -> None:
    assert not passes(edit(SOD, (*SIGNED, *SIGNERS), lambda _: build(0x31, b"")))


@pytest.mark.parametrize(
    "content",
    [
        lds_object({}) + b"\x00",
        lds_object({0: bytes(32)}),
        lds_object({17: bytes(32)}),
        lds_object({-1: bytes(32)}),
        lds_object({1: bytes(32)}).replace(b"\x02\x01\x00", b"\x02\x01\x02", 1),
        edit(lds_object({1: bytes(32)}), (2,), lambda raw: build(0x30, only(raw, 0x30).value * 2)),
        edit(lds_object({1: bytes(32)}), (2, 0, 1), lambda raw: b"\x03" + raw[1:]),
        b"",
        b"\x30\x00",
    ],
)
def test_a_list_of_hashes_that_is_none_is_malformed(content: bytes) -> None:
    with pytest.raises(DocumentFault) as caught:
        security_object(content)
    assert caught.value.reason is Reason.FILE_MALFORMED


def test_a_hash_nobody_knows_is_unsupported() -> None:
    odd = sod_of(files(), ISSUER.dsc, oid="1.2.840.113549.2.5")  # MD5
    result = authenticate(odd, files(), issuer="NLD", on=TODAY, anchors=ISSUER.anchors, policy=Policy())
    assert [reason for reason, _ in result.findings] == [Reason.ALGORITHM_UNSUPPORTED]
    assert not result.passed


LIST = master_list([ISSUER.csca.raw, ISSUER.dsc.raw], list_signer(ISSUER.csca), signed_at=YESTERDAY)
ROOT = certificate(ISSUER.csca.raw)
INNER = build(0x30, b"\x02\x01\x00" + build(0x31, ISSUER.csca.raw + ISSUER.dsc.raw))
KEY = make_key("rsa2048", 1)
SEEDS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "SOD": (sod, SOD),
    "SOD in BER": (sod, ber(SOD)),
    "CardSecurity": (card_security, only(SOD, 0x77).value),
    "security object": (security_object, lds_object({1: bytes(32), 2: bytes(32)}, SHA256, 1)),
    "certificate": (certificate, ISSUER.dsc.raw),
    "CRL": (revocation_list, make_crl(ISSUER.csca, (1, 2, 3))),
    "master list": (lambda data: verified(data, ROOT), LIST),
    "contents of a master list": (contents, INNER),
    "explicit key": (public_key, explicit(make_key("p256"))),
    "RSA key": (public_key, Signer(KEY).public()),
    "algorithm": (algorithm, Signer(KEY, pss=True).identifier().dump()),
}


@pytest.mark.parametrize("which", SEEDS)
def test_the_seeds_are_genuine(which: str) -> None:
    parse_it, seed = SEEDS[which]
    assert parse_it(seed) is not None


def spoilt(seed: bytes, data: st.DataObject) -> bytes:
    """`seed` with one to three pieces replaced by others, which may be shorter, longer or none."""
    for _ in range(data.draw(st.integers(1, 3))):
        at, size = data.draw(st.integers(0, len(seed))), data.draw(st.integers(0, 6))
        seed = seed[:at] + data.draw(st.binary(max_size=6)) + seed[at + size :]
    return seed


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(SEEDS)), st.data())
def test_spoilt_files_end_in_a_value_or_in_one_kind_of_error(which: str, data: st.DataObject) -> None:
    parse_it, seed = SEEDS[which]
    reason = None
    try:
        parse_it(spoilt(seed, data))
    except DocumentFault as fault:
        reason = fault.reason
    assert reason is None or isinstance(reason, Reason)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_spoilt_security_object_never_lets_another_portrait_pass(data: st.DataObject) -> None:
    forged = {**files(), 2: files()[2] + b"\x00"}
    result = authenticate(
        spoilt(SOD, data),
        forged,
        issuer="NLD",
        on=TODAY,
        anchors=ISSUER.anchors,
        policy=Policy(),
    )
    assert not result.passed


@given(st.binary(max_size=400))
def test_any_bytes_end_in_one_kind_of_error(data: bytes) -> None:
    for parse_it in (sod, card_security, security_object, certificate, revocation_list, contents, public_key):
        with pytest.raises(DocumentFault):
            parse_it(data)
