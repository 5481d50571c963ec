"""Passive authentication: one genuine document passes, and everything that can be wrong with one does not."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from trust_judged import judged, reasons
from trust_pki import (
    CARD_SECURITY,
    SHA1,
    TODAY,
    Issuer,
    Signer,
    dg2,
    explicit,
    files,
    lds_object,
    make_anchors,
    make_crl,
    make_csca,
    make_dsc,
    make_issuer,
    make_key,
    make_signed,
    name,
    sod_of,
)

from appliance.document.reasons import Reason
from appliance.document.tlv import build
from appliance.document.trust.certificate import certificate
from appliance.document.trust.passive import check_card_security, check_sod
from appliance.document.trust.signatures import Policy


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return make_issuer()


def test_a_genuine_document_passes_and_its_facts_are_told(issuer: Issuer) -> None:
    result = judged(issuer)
    assert (result.passed, result.findings) == (True, ())
    assert result.facts.signed_groups == (1, 2)
    assert result.facts.signature_algorithm == "ECDSA with SHA-256"
    assert result.facts.csca_key_id == issuer.csca.signer.key_id().hex()
    assert (result.facts.signer_country, result.facts.signer_serial) == ("NL", "4d")


@pytest.mark.parametrize("version", [0, 1])
def test_both_versions_of_the_security_object_pass(issuer: Issuer, version: int) -> None:
    result = judged(issuer, sod_of(files(), issuer.dsc, version=version))
    assert result.passed
    assert result.security_object is not None
    assert result.security_object.lds_version == ("0108" if version else "")


@pytest.mark.parametrize("kind", ["1.3.27.1.1.1", "1.2.528.1.1006.1.20.1", "1.2.840.113549.1.7.1"])
def test_content_types_that_are_on_real_passports_pass(issuer: Issuer, kind: str) -> None:
    assert judged(issuer, sod_of(files(), issuer.dsc, kind=kind)).passed


SIGNERS: dict[str, tuple[Callable[[], Signer], Callable[[], Signer]]] = {
    "RSA": (lambda: Signer(make_key("rsa2048", 1)), lambda: Signer(make_key("rsa2048", 2))),
    "RSA-PSS": (lambda: Signer(make_key("rsa2048", 1), pss=True), lambda: Signer(make_key("rsa2048", 2), pss=True)),
    "RSA-PSS, mask with another hash, short salt": (
        lambda: Signer(make_key("rsa2048", 1), pss=True, mask="sha1", salt=20),
        lambda: Signer(make_key("rsa2048", 2), "sha512", pss=True, mask="sha256", salt=0),
    ),
    "ECDSA P-384 under Brainpool": (
        lambda: Signer(make_key("bp256", 1)),
        lambda: Signer(make_key("p384", 2), "sha384"),
    ),
    "EC under RSA": (lambda: Signer(make_key("rsa2048", 1)), lambda: Signer(make_key("p256", 2))),
}


@pytest.mark.parametrize("which", SIGNERS)
def test_algorithms_of_real_issuers_pass_and_their_broken_signatures_do_not(which: str) -> None:
    csca, dsc = SIGNERS[which]
    issuer = make_issuer(csca(), dsc())
    assert judged(issuer).findings == ()
    assert reasons(judged(issuer, sod_of(files(), issuer.dsc, spoil=True))) == {Reason.SIGNATURE_WRONG}
    forged = make_dsc(issuer.csca, dsc(), spoil=True)
    assert Reason.CHAIN_WRONG in reasons(judged(issuer, sod_of(files(), forged)))


def test_rsa_pss_is_held_to_the_salt_it_names() -> None:
    issuer = make_issuer(None, Signer(make_key("rsa2048", 2), pss=True, salt=20))
    lying = replace(issuer.dsc, signer=LyingSalt(make_key("rsa2048", 2), pss=True, salt=20))
    assert reasons(judged(issuer, sod_of(files(), lying))) == {Reason.SIGNATURE_WRONG}


class LyingSalt(Signer):
    def sign(self, data: bytes) -> bytes:
        return Signer(self.key, pss=True, salt=32).sign(data)


# --- what the document says of itself


def test_an_altered_portrait_is_a_forgery(issuer: Issuer) -> None:
    altered = {**files(), 2: dg2(b"\xff\xd8\xff\xe1" + bytes(60))}
    assert judged(issuer, read=altered).findings == ((Reason.HASH_MISMATCH, "DG2"),)


@pytest.mark.parametrize("bit", [0, 7, 300])
def test_one_bit_of_dg1_is_enough(issuer: Issuer, bit: int) -> None:
    raw = bytearray(files()[1])
    raw[bit // 8] ^= 1 << bit % 8
    assert reasons(judged(issuer, read={**files(), 1: bytes(raw)})) == {Reason.HASH_MISMATCH}


def test_a_group_the_issuer_did_not_sign_does_not_count(issuer: Issuer) -> None:
    assert judged(issuer, read={**files(), 15: b"\x6f\x00"}).findings == ((Reason.FILE_NOT_SIGNED, "DG15"),)


@pytest.mark.parametrize("missing", [1, 2])
def test_the_mandatory_groups_must_be_read_and_listed(issuer: Issuer, missing: int) -> None:
    some = {number: data for number, data in files().items() if number != missing}
    assert judged(issuer, read=some).findings == ((Reason.FILE_MISSING, f"DG{missing} was not read"),)
    unlisted = judged(issuer, sod_of(some, issuer.dsc))
    assert unlisted.findings == ((Reason.FILE_NOT_SIGNED, f"DG{missing}"),)


def test_an_altered_list_of_hashes_is_a_forgery(issuer: Issuer) -> None:
    genuine = sod_of(files(), issuer.dsc)
    old = hashlib.sha256(files()[2]).digest()
    portrait = dg2(b"\xff\xd8\xff\xe1" + bytes(60))
    forged = genuine.replace(old, hashlib.sha256(portrait).digest())
    assert forged != genuine
    assert reasons(judged(issuer, forged, {**files(), 2: portrait})) == {Reason.SOD_ATTRIBUTES}


def test_an_altered_digest_in_the_attributes_breaks_the_signature(issuer: Issuer) -> None:
    portrait = dg2(b"\xff\xd8\xff\xe1" + bytes(60))
    read = {**files(), 2: portrait}
    genuine, wanted = sod_of(files(), issuer.dsc), lds_object({n: hashlib.sha256(d).digest() for n, d in read.items()})
    was = lds_object({n: hashlib.sha256(d).digest() for n, d in files().items()})
    forged = genuine.replace(was, wanted).replace(hashlib.sha256(was).digest(), hashlib.sha256(wanted).digest())
    assert reasons(judged(issuer, forged, read)) == {Reason.SIGNATURE_WRONG}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"kind": "2.23.136.1.1.2"}, Reason.SOD_ATTRIBUTES),
        ({"said_kind": "1.3.27.1.1.1"}, Reason.SOD_ATTRIBUTES),
        ({"said_digest": bytes(32)}, Reason.SOD_ATTRIBUTES),
        ({"said_digest": b""}, Reason.SOD_ATTRIBUTES),
        ({"attributes": False}, Reason.SOD_ATTRIBUTES),
        ({"spoil": True}, Reason.SIGNATURE_WRONG),
        ({"certificates": ()}, Reason.UNKNOWN_CSCA),
    ],
)
def test_what_is_signed_must_be_what_it_holds(issuer: Issuer, how: dict[str, Any], expected: Reason) -> None:
    assert expected in reasons(judged(issuer, sod_of(files(), issuer.dsc, **how)))


def test_a_signer_named_in_other_letters_is_the_only_certificate_inside(issuer: Issuer) -> None:
    odd = name("NL", "Somebody else altogether")
    assert judged(issuer, sod_of(files(), issuer.dsc, issuer=odd)).passed
    two = (issuer.dsc.raw, issuer.csca.raw)
    assert Reason.UNKNOWN_CSCA in reasons(judged(issuer, sod_of(files(), issuer.dsc, issuer=odd, certificates=two)))


# --- strength


def test_sha1_proves_nothing_unless_the_lane_says_so() -> None:
    issuer = make_issuer(None, Signer(make_key("rsa2048", 2), "sha1"))
    sod = sod_of(files(), issuer.dsc, digest="sha1", oid=SHA1)
    assert reasons(judged(issuer, sod)) == {Reason.ALGORITHM_WEAK}
    assert judged(issuer, sod, policy=Policy(allow_sha1=True)).passed


@pytest.mark.parametrize("where", ["issuer", "attributes", "hashes"])
def test_sha1_is_found_wherever_it_is(where: str) -> None:
    issuer = make_issuer(Signer(make_key("p256", 1), "sha1" if where == "issuer" else "sha256"))
    groups = {n: hashlib.sha1(data).digest() for n, data in files().items()}
    sod = (
        build(0x77, make_signed(lds_object(groups, SHA1), issuer.dsc))
        if where == "hashes"
        else sod_of(files(), issuer.dsc)
    )
    if where == "attributes":
        content = lds_object({n: hashlib.sha256(data).digest() for n, data in files().items()})
        sod = build(0x77, make_signed(content, issuer.dsc, digest="sha1"))
    assert reasons(judged(issuer, sod)) == {Reason.ALGORITHM_WEAK}
    assert judged(issuer, sod, policy=Policy(allow_sha1=True)).passed


@pytest.mark.parametrize("kind", ["rsa1024", "p192"])
def test_short_keys_prove_nothing(kind: str) -> None:
    weak = Signer(make_key(kind, 2))
    assert reasons(judged(make_issuer(None, weak))) == {Reason.ALGORITHM_WEAK}
    assert reasons(judged(make_issuer(Signer(make_key(kind, 1))))) == {Reason.ALGORITHM_WEAK}


# --- keys


def test_explicit_parameters_of_a_named_curve_are_that_curve() -> None:
    for key in (make_key("p256", 1), make_key("bp256", 1)):
        csca = make_csca(Signer(key), public=explicit(key))
        issuer = Issuer(csca, make_dsc(csca), make_anchors(csca, crls=(make_crl(csca),)))
        assert judged(issuer).passed


def test_a_signer_with_a_base_point_of_its_own_is_a_forgery(issuer: Issuer) -> None:
    key = make_key("p256", 2)
    point = key.public_key().public_numbers()
    dsc = make_dsc(issuer.csca, Signer(key), public=explicit(key, x=point.x, y=point.y))
    assert reasons(judged(issuer, sod_of(files(), dsc))) == {Reason.CURVE_FORGED}


# --- whose


@pytest.mark.parametrize(
    ("country", "state", "passes"),
    [
        ("NL", "NLD", True),
        ("nl", "NLD", True),
        ("DE", "D<<", True),
        ("DE", "D", True),
        ("DE", "DEU", True),
        ("UN", "UNO", True),
        ("EU", "EUE", True),
        ("KS", "RKS", True),
        ("NL", "D<<", False),
        ("DE", "NLD", False),
        ("NL", "", False),
        ("NL", "NL", False),
        ("NL", "XXQ", False),
    ],
)
def test_a_document_is_signed_by_the_state_that_issued_it(country: str, state: str, passes: bool) -> None:
    csca = make_csca(country=country)
    issuer = Issuer(csca, make_dsc(csca, country=country.upper()), make_anchors(csca, crls=(make_crl(csca),)))
    result = judged(issuer, state=state)
    assert result.findings == () if passes else reasons(result) == {Reason.COUNTRY_MISMATCH}


def test_a_trusted_state_signs_no_documents_of_another(issuer: Issuer) -> None:
    dsc = make_dsc(issuer.csca, country="DE")
    assert reasons(judged(issuer, sod_of(files(), dsc), state="D<<")) == {Reason.COUNTRY_MISMATCH}


# --- the rest


def test_everything_wrong_is_told_at_once(issuer: Issuer) -> None:
    rogue = make_csca(Signer(make_key("p256", 6)), common="Nobody")
    dsc = make_dsc(rogue, last=date(2021, 1, 1))
    result = judged(issuer, sod_of(files(), dsc, spoil=True), {**files(), 1: b"\x61\x00"}, state="D<<")
    assert reasons(result) == {
        Reason.UNKNOWN_CSCA,
        Reason.CERTIFICATE_EXPIRED,
        Reason.SIGNATURE_WRONG,
        Reason.COUNTRY_MISMATCH,
        Reason.HASH_MISMATCH,
    }


@pytest.mark.parametrize("sod", [b"", b"\x77", b"\x77\x00", b"\x77\x82\xff\xff", bytes(500), b"\x77\x80" * 200])
def test_rubbish_is_malformed(issuer: Issuer, sod: bytes) -> None:
    assert reasons(judged(issuer, sod)) == {Reason.FILE_MALFORMED}


def test_a_sod_cut_anywhere_never_passes(issuer: Issuer) -> None:
    whole = sod_of(files(), issuer.dsc)
    for end in range(0, len(whole), 7):
        assert reasons(judged(issuer, whole[:end])) == {Reason.FILE_MALFORMED}
    assert reasons(judged(issuer, whole + b"\x00")) == {Reason.FILE_MALFORMED}


def test_deep_nesting_is_malformed_and_not_a_crash(issuer: Issuer) -> None:
    for nest in (b"\x30\x80" * 8000, b"\x24\x80" * 8000):
        assert reasons(judged(issuer, build(0x77, nest))) == {Reason.FILE_MALFORMED}


def test_card_security_is_judged_by_the_same_rules(issuer: Issuer) -> None:
    content = build(0x31, b"")
    good = make_signed(content, issuer.dsc, kind=CARD_SECURITY)
    how: Any = {"on": TODAY, "anchors": issuer.anchors, "policy": Policy()}
    result = check_card_security(good, **how)
    assert (result.passed, result.content) == (True, content)
    for bad in (
        make_signed(content, issuer.dsc, kind=CARD_SECURITY, spoil=True),
        make_signed(content, issuer.dsc),
        sod_of(files(), issuer.dsc),
        good[:-1],
    ):
        assert not check_card_security(bad, **how).passed
    assert not check_sod(build(0x77, good), **how).passed


def test_a_certificate_round_trips_as_it_was_read(issuer: Issuer) -> None:
    assert certificate(issuer.dsc.raw).raw == issuer.dsc.raw
