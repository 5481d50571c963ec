"""Certificates, lists and security objects verify under libraries that did not make them."""

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import cms, core, crl, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from ecdsa import VerifyingKey, curves, ellipticcurve, util

from hil.passport.card import CARD_SECURITY, SOD
from hil.passport.choices import Freshness
from hil.passport.groups import CURVES
from hil.passport.personalise import CAM, Options
from hil.passport.pki import RURITANIA, UTOPIA, csca, document_signer, link, rogue
from hil.passport.signing import Scheme, SchemeError, Signer, rsa_key
from hil.passport.tlv import objects
from hil.passport.trust import REVOKED, REVOKED_SCHEME, issuers, revocation_lists, root, write_trust
from tests.hil_passport.checks import check_certificate, hashes_of, opened, verify

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SCHEMES = [
    "ecdsa-bp256-sha256",
    "ecdsa-p224-sha224",
    "ecdsa-p384-sha384-named",
    "ecdsa-bp512-sha512",
    "ecdsa-p521-sha1",
    "rsa-2048-sha256",
    "rsa-2048-sha1",
    "pss-2048-sha256",
    "pss-2048-sha512",
]


@pytest.mark.parametrize("name", SCHEMES)
def test_the_security_object_and_its_chain(make, name):
    passport = make(options=Options(signature=name, date_of_issue="2024-07-01"))
    ((tag, inner),) = objects(passport.card.application[SOD]).items()
    assert tag == 0x77
    content, kind, by, _ = opened(inner)
    assert kind == "2.23.136.1.1.1"
    check_certificate(by, csca(Scheme.of(name).kind).certificate)
    _, found = hashes_of(content)
    digest = Scheme.of(name).digest
    files = {number: passport.card.application.get(0x0100 + number) for number in found}
    assert set(found) == {1, 2, 12, 14, 15}
    assert found == {number: hashlib.new(digest, data).digest() for number, data in files.items()}


def test_card_security_is_signed_by_the_same_signer(make):
    card = make(options=Options(pace=(CAM,))).card
    content, kind, by, _ = opened(card.master[CARD_SECURITY])
    assert kind == "0.4.0.127.0.7.3.2.1"
    assert content.startswith(b"\x31")
    assert CURVES["bp256"].public(card.cam_key) in content
    assert by.dump() == opened(objects(card.application[SOD])[0x77])[2].dump()


@pytest.mark.parametrize("name", ["UT-ecdsa-1", "UT-ecdsa-2", "UT-rsa-1", "UT-pss-1", "QR-ecdsa-1"])
def test_issuers_and_their_revocation_lists(name):
    issuer = issuers()[name]
    check_certificate(issuer.certificate, issuer.certificate)
    assert issuer.certificate.ca
    assert issuer.certificate.subject.native["country_name"] == name[:2]
    revoked = crl.CertificateList.load(revocation_lists(NOW)[name])
    assert revoked.issuer == issuer.name
    verify(
        issuer.certificate.public_key,
        revoked["signature_algorithm"],
        revoked["signature"].native,
        revoked["tbs_cert_list"].dump(),
    )
    serials = [one["user_certificate"].native for one in revoked["tbs_cert_list"]["revoked_certificates"]]
    if "ecdsa" not in name:
        assert serials == []
        return
    good, bad = (document_signer(REVOKED_SCHEME, issuer, label=label) for label in ("1", REVOKED))
    assert serials == [bad.certificate.serial_number]
    assert good.certificate.serial_number not in serials


def test_freshness_of_revocation_lists():
    def ends(freshness):
        lists = revocation_lists(NOW, freshness)
        return [crl.CertificateList.load(one)["tbs_cert_list"]["next_update"].native for one in lists.values()]

    assert all(NOW + timedelta(days=30) < end for end in ends(Freshness.FRESH))
    assert all(end < NOW - timedelta(days=30) for end in ends(Freshness.STALE))
    assert ends(Freshness.NONE) == []


def test_the_master_list_is_signed_below_the_root(tmp_path):
    paths = {path.name: path.read_bytes() for path in write_trust(tmp_path / "trust", NOW)}
    content, kind, by, certificates = opened(paths["masterlist.ml"])
    signer = cms.ContentInfo.load(paths["masterlist.ml"])["content"]["signer_infos"][0]
    assert {one["type"].native: one["values"][0] for one in signer["signed_attrs"]}["signing_time"].native == NOW
    assert kind == "2.23.136.1.1.2"
    check_certificate(by, root().certificate)
    assert by.extended_key_usage_value.native == ["2.23.136.1.1.3"]
    assert paths["root.cer"] in [one.dump() for one in certificates]
    version, listed = core.SequenceOf.load(content, spec=core.Any)
    assert version.native == 0
    found = [one.dump() for one in core.SetOf.load(listed.dump(), spec=x509.Certificate)]
    second = issuers()["UT-ecdsa-2"]
    expected = [one.der for name, one in issuers().items() if name != "UT-ecdsa-2"]
    assert sorted(found) == sorted([*expected, link(second, csca()).der])
    # The same everywhere, but for salted signatures: what is made here verifies there.
    assert paths["UT-rsa-1.cer"] == issuers()["UT-rsa-1"].der
    assert {name for name in paths if name.endswith(".crl")} == {f"{name}.crl" for name in issuers()}


@pytest.mark.skipif(not shutil.which("openssl"), reason="asks the openssl program for a third opinion")
def test_openssl_verifies_the_master_list(tmp_path):
    write_trust(tmp_path, NOW)
    commands = (
        "openssl x509 -inform der -in root.cer -out root.pem",
        "openssl cms -verify -inform der -in masterlist.ml -CAfile root.pem -purpose any -out list.der",
        "openssl x509 -inform der -in UT-pss-1.cer -out pss.pem",
        "openssl crl -inform der -in UT-pss-1.crl -CAfile pss.pem -noout",
    )
    for command in commands:
        done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "failure" not in done.stderr.lower()


def test_a_link_certificate_and_a_rogue():
    first, second = csca(), csca(generation=2)
    linked = link(second, first)
    check_certificate(linked.certificate, first.certificate)
    assert linked.certificate.public_key.dump() == second.certificate.public_key.dump()
    forged = rogue(first)
    assert (forged.name, forged.key_identifier) == (first.name, first.key_identifier)
    assert forged.certificate.public_key.dump() != first.certificate.public_key.dump()
    signer = document_signer(Scheme.of("ecdsa-bp256-sha256"), forged).certificate
    with pytest.raises(InvalidSignature):
        check_certificate(signer, first.certificate)


def test_a_forgers_curve_has_the_victims_key_and_verifies_under_its_own_base(make):
    victim = Signer("victim", Scheme.of("ecdsa-p256-sha256"))
    forger = Signer("forger", victim.scheme, victim)
    assert CURVES["p256"].encode(forger.public) == CURVES["p256"].encode(victim.public)
    key_info = x509.PublicKeyInfo.load(forger.key_info)
    base = key_info["algorithm"]["parameters"].chosen["base"].native
    assert base != CURVES["p256"].encode(CURVES["p256"].base)
    nist = curves.NIST256p
    x, y = (int.from_bytes(base[at : at + 32], "big") for at in (1, 33))
    odd = curves.Curve("odd", nist.curve, ellipticcurve.PointJacobi(nist.curve, x, y, 1, nist.order), nist.oid)
    signature = forger.sign(b"message")
    own = VerifyingKey.from_public_point(victim.public, odd, hashlib.sha256)
    assert own.verify(signature, b"message", sigdecode=util.sigdecode_der)
    with pytest.raises(InvalidSignature):
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key_info["public_key"].native).verify(
            signature, b"message", ec.ECDSA(hashes.SHA256())
        )


def test_keys_come_from_their_labels():
    scheme = Scheme.of("ecdsa-p256-sha256")
    assert Signer("a", scheme).key_info == Signer("a", scheme).key_info != Signer("b", scheme).key_info
    key = rsa_key("test", 1024)
    rsa_key.cache_clear()
    assert rsa_key("test", 1024) == key
    assert key.n.bit_length() == 1024
    assert Signer("a", scheme).sign(b"x") == Signer("a", scheme).sign(b"x")


NOT_THERE = [
    "",
    "ecdsa",
    "ecdsa-p255-sha256",
    "ecdsa-p256-md5",
    "rsa-512-sha256",
    "rsa-2048-sha256-named",
    "dsa-1-sha1",
    "ecdsa-p256-sha256-der-named",
]


@pytest.mark.parametrize("name", NOT_THERE)
def test_ways_of_signing_there_are_not(name):
    with pytest.raises(SchemeError, match="give ecdsa-CURVE-HASH"):
        Scheme.of(name)


def test_names_of_ways_to_sign_come_back():
    for name in (*SCHEMES, "ecdsa-p256-sha256-der"):
        assert Scheme.of(name).name == name


def test_states_are_two():
    assert (UTOPIA.alpha2, UTOPIA.alpha3) == ("UT", "UTO")
    assert csca(state=RURITANIA).certificate.subject.native["country_name"] == "QR"
