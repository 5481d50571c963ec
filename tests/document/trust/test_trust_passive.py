"""Passive authentication: one genuine document passes, and everything that can be wrong with one does not."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from asn1crypto import x509
from trust_pki import (
    CARD_SECURITY,
    SHA1,
    TODAY,
    Issuer,
    Party,
    Signer,
    dg2,
    explicit,
    files,
    lds_object,
    make_anchors,
    make_certificate,
    make_crl,
    make_csca,
    make_dsc,
    make_issuer,
    make_key,
    make_signed,
    name,
    sod_of,
)

from appliance.document.reasons import Reason, worst
from appliance.document.tlv import build
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.certificate import certificate
from appliance.document.trust.passive import PassiveResult, authenticate, check_card_security, check_sod
from appliance.document.trust.signatures import Policy


def judged(
    issuer: Issuer,
    sod: bytes | None = None,
    read: dict[int, bytes] | None = None,
    *,
    state: str = "NLD",
    on: date = TODAY,
    anchors: Anchors | None = None,
    policy: Policy | None = None,
) -> PassiveResult:
    return authenticate(
        sod if sod is not None else sod_of(files(), issuer.dsc),
        read if read is not None else files(),
        issuer=state,
        on=on,
        anchors=anchors if anchors is not None else issuer.anchors,
        policy=policy or Policy(),
    )


def reasons(result: PassiveResult) -> set[Reason]:
    assert not result.passed, "it passed"
    return {reason for reason, _ in result.findings}


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


# --- who signed


@pytest.mark.parametrize("genuine", [True, False])
def test_a_signer_may_be_named_by_its_key(issuer: Issuer, genuine: bool) -> None:
    key_id = issuer.dsc.signer.key_id() if genuine else bytes(20)
    two = (issuer.csca.raw, issuer.dsc.raw)
    result = judged(issuer, sod_of(files(), issuer.dsc, key_id=key_id, certificates=two))
    assert result.findings == () if genuine else reasons(result) == {Reason.UNKNOWN_CSCA}


def test_an_issuer_nobody_imported_is_unknown(issuer: Issuer) -> None:
    stranger = make_csca(Signer(make_key("p256", 5)), common="Another")
    dsc = make_dsc(stranger)
    assert reasons(judged(issuer, sod_of(files(), dsc))) == {Reason.UNKNOWN_CSCA}


@pytest.mark.parametrize("no_authority", [False, True])
def test_a_rogue_issuer_of_the_same_name_is_not_the_issuer(issuer: Issuer, no_authority: bool) -> None:
    rogue = make_csca(Signer(make_key("p256", 6)))
    dsc = make_dsc(rogue, no_authority=no_authority)
    assert reasons(judged(issuer, sod_of(files(), dsc))) == {Reason.UNKNOWN_CSCA}


def test_a_rogue_issuer_that_claims_the_genuine_key_is_a_forgery(issuer: Issuer) -> None:
    rogue = make_csca(Signer(make_key("p256", 6)))
    dsc = make_dsc(rogue, authority=issuer.csca.signer.key_id())
    result = judged(issuer, sod_of(files(), dsc, certificates=(dsc.raw, rogue.raw)))
    assert reasons(result) == {Reason.CHAIN_WRONG}


def test_without_trusted_issuers_nothing_passes(issuer: Issuer) -> None:
    assert reasons(judged(issuer, anchors=Anchors(()))) == {Reason.TRUST_UNAVAILABLE}


def test_of_several_keys_of_one_name_the_signing_one_is_found(issuer: Issuer) -> None:
    others = [make_csca(Signer(make_key("p256", which)), serial=which) for which in (11, 12, 13)]
    anchors = make_anchors(*others, issuer.csca, crls=(make_crl(issuer.csca),))
    unnamed = make_dsc(issuer.csca, no_authority=True)
    assert judged(issuer, sod_of(files(), unnamed), anchors=anchors).passed
    assert judged(issuer, anchors=anchors).passed


def test_a_name_in_another_case_and_string_type_is_the_same_name() -> None:
    csca = make_csca(common="csca  NeTherlands")
    known = replace(csca, common="CSCA Netherlands")
    dsc = make_dsc(known, no_authority=True, printable=True)
    issuer = Issuer(csca, dsc, make_anchors(csca, crls=(make_crl(csca),)))
    assert x509.Certificate.load(dsc.raw).issuer.dump() != x509.Certificate.load(csca.raw).subject.dump()
    assert judged(issuer).passed


def test_a_link_certificate_carries_trust_and_revocation_from_the_old_key_to_the_new() -> None:
    old = make_csca(Signer(make_key("rsa2048", 1)), common="CSCA 1")
    new = Party(Signer(make_key("p256", 21)), "NL", "CSCA 2")
    link = make_certificate(new, old, serial=2, usage={"key_cert_sign", "crl_sign"})
    by_new, by_old = make_dsc(link), make_dsc(old)
    anchors = make_anchors(old, link, crls=(make_crl(link),))
    for dsc in (by_new, by_old):
        assert judged(Issuer(old, dsc, anchors)).findings == ()
    revoking = make_anchors(old, link, crls=(make_crl(link, (77,)),))
    for dsc in (by_new, by_old):
        assert reasons(judged(Issuer(old, dsc, revoking))) == {Reason.CERTIFICATE_REVOKED}
    unlinked = make_anchors(old, make_csca(new.signer, common="CSCA 2"), crls=(make_crl(link),))
    assert reasons(judged(Issuer(old, by_old, unlinked))) == {Reason.CRL_MISSING}


@pytest.mark.parametrize(
    "how",
    [
        {"usage": {"key_cert_sign"}},
        {"extended": ["2.23.136.1.1.3"]},
        {"extended": ["2.23.136.1.1.8"]},
    ],
)
def test_a_certificate_for_something_else_signs_no_document(issuer: Issuer, how: dict[str, Any]) -> None:
    dsc = make_dsc(issuer.csca, **how)
    assert reasons(judged(issuer, sod_of(files(), dsc))) == {Reason.CHAIN_WRONG}


def test_the_issuer_itself_signs_no_document(issuer: Issuer) -> None:
    assert Reason.CHAIN_WRONG in reasons(judged(issuer, sod_of(files(), issuer.csca)))


def test_a_critical_extension_nobody_knows_is_not_passed_over(issuer: Issuer) -> None:
    dsc = make_dsc(issuer.csca, critical="1.2.3.4.5")
    assert reasons(judged(issuer, sod_of(files(), dsc))) == {Reason.ALGORITHM_UNSUPPORTED}


# --- when


@pytest.mark.parametrize(
    ("on", "passes"), [("2020-01-01", True), ("2035-01-01", True), ("2019-12-31", False), ("2035-01-02", False)]
)
def test_validity_holds_on_its_first_and_last_day(on: str, passes: bool) -> None:
    csca = make_csca(first=date(2000, 1, 1), last=date(2049, 1, 1))
    crl = make_crl(csca, issued=date(2000, 1, 1), due=date(2049, 1, 1))
    issuer = Issuer(csca, make_dsc(csca), make_anchors(csca, crls=(crl,)))
    result = judged(issuer, on=date.fromisoformat(on))
    assert result.findings == () if passes else reasons(result) == {Reason.CERTIFICATE_EXPIRED}


def test_an_expired_issuer_signs_for_nobody() -> None:
    csca = make_csca(last=date(2026, 11, 27))
    issuer = Issuer(csca, make_dsc(csca), make_anchors(csca, crls=(make_crl(csca),)))
    assert reasons(judged(issuer)) == {Reason.CERTIFICATE_EXPIRED}


def test_without_a_revocation_list_nothing_passes(issuer: Issuer) -> None:
    assert reasons(judged(issuer, anchors=make_anchors(issuer.csca))) == {Reason.CRL_MISSING}


@pytest.mark.parametrize(
    ("issued", "due"), [("2026-10-01", "2026-11-27"), ("2026-11-29", "2026-12-29"), ("2026-11-01", "")]
)
def test_a_revocation_list_not_in_force_proves_nothing(issuer: Issuer, issued: str, due: str) -> None:
    crl = make_crl(issuer.csca, issued=date.fromisoformat(issued), due=date.fromisoformat(due) if due else None)
    assert reasons(judged(issuer, anchors=make_anchors(issuer.csca, crls=(crl,)))) == {Reason.CRL_STALE}


def test_a_revoked_signer_is_a_forgery_even_by_a_stale_list(issuer: Issuer) -> None:
    fresh = make_crl(issuer.csca, (3, 77, 2**100))
    assert reasons(judged(issuer, anchors=make_anchors(issuer.csca, crls=(fresh,)))) == {Reason.CERTIFICATE_REVOKED}
    stale = make_crl(issuer.csca, (77,), issued=date(2026, 1, 1), due=date(2026, 2, 1))
    found = reasons(judged(issuer, anchors=make_anchors(issuer.csca, crls=(stale,))))
    assert found == {Reason.CERTIFICATE_REVOKED, Reason.CRL_STALE}
    assert worst(found) is Reason.CERTIFICATE_REVOKED


def test_the_newest_revocation_list_counts(issuer: Issuer) -> None:
    older = make_crl(issuer.csca, issued=date(2026, 10, 19), due=date(2026, 11, 19), number=4)
    newer = make_crl(issuer.csca)
    for crls in ((older, newer), (newer, older)):
        assert judged(issuer, anchors=make_anchors(issuer.csca, crls=crls)).passed
    revoking = make_crl(issuer.csca, (77,), issued=date(2026, 10, 19), due=date(2026, 11, 19), number=4)
    for crls in ((revoking, newer), (newer, revoking)):
        assert reasons(judged(issuer, anchors=make_anchors(issuer.csca, crls=crls))) == {Reason.CERTIFICATE_REVOKED}


GBR, BMU = "http://one.example/crls/GBR.crl", "http://one.example/crls/BMU.crl"


@pytest.mark.parametrize("named_by", ["signer", "issuer"])
def test_of_two_issuers_of_one_name_only_the_own_list_counts(named_by: str) -> None:
    """As Great Britain's, whose second key has a list of its own."""
    home = make_csca(crl_at=GBR)
    away = make_csca(Signer(make_key("p256", 31)), serial=2, crl_at=BMU)
    dsc = make_dsc(home, crl_at=GBR.replace("one", "two") if named_by == "signer" else "")
    issuer = Issuer(home, dsc, make_anchors(home, away, crls=(make_crl(away),)))
    assert reasons(judged(issuer)) == {Reason.CRL_MISSING}
    both = make_anchors(home, away, crls=(make_crl(away, (77,), issued=date(2026, 11, 21)), make_crl(home)))
    assert judged(issuer, anchors=both).passed
    revoking = make_anchors(home, away, crls=(make_crl(away), make_crl(home, (77,))))
    assert reasons(judged(issuer, anchors=revoking)) == {Reason.CERTIFICATE_REVOKED}


def test_a_new_key_of_the_same_name_issues_the_list_for_the_old_one() -> None:
    old = make_csca(crl_at="http://old.example/csca_crl")
    new = make_csca(Signer(make_key("p256", 32)), serial=2, crl_at="https://new.example/csca_crl")
    issuer = Issuer(old, make_dsc(old), make_anchors(old, new, crls=(make_crl(new),)))
    assert judged(issuer).passed
    revoking = make_anchors(old, new, crls=(make_crl(new, (77,)),))
    assert reasons(judged(issuer, anchors=revoking)) == {Reason.CERTIFICATE_REVOKED}


def test_a_list_by_the_very_key_counts_wherever_it_is_published() -> None:
    csca = make_csca(crl_at=GBR)
    issuer = Issuer(csca, make_dsc(csca, crl_at=BMU), make_anchors(csca, crls=(make_crl(csca),)))
    assert judged(issuer).passed


def test_a_revocation_list_by_another_key_is_none(issuer: Issuer) -> None:
    forged = make_crl(issuer.csca, by=Signer(make_key("p256", 6)))
    assert reasons(judged(issuer, anchors=make_anchors(issuer.csca, crls=(forged,)))) == {Reason.CRL_MISSING}


def test_another_trusted_state_issues_no_revocation_list_here(issuer: Issuer) -> None:
    foreign = make_csca(Signer(make_key("p256", 30)), country="BE", common="CSCA BE")
    claimed = replace(foreign, country="NL", common="CSCA")
    anchors = make_anchors(issuer.csca, foreign, crls=(make_crl(claimed),))
    assert reasons(judged(issuer, anchors=anchors)) == {Reason.CRL_MISSING}


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
