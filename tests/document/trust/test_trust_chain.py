"""From the signer of a document to a trusted issuer: who signed, when, and what has been revoked."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from asn1crypto import x509
from trust_judged import judged, reasons
from trust_pki import (
    Issuer,
    Party,
    Signer,
    files,
    make_anchors,
    make_certificate,
    make_crl,
    make_csca,
    make_dsc,
    make_issuer,
    make_key,
    sod_of,
)

from appliance.document.reasons import Reason, worst
from appliance.document.trust.anchors import Anchors


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return make_issuer()


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
