"""Public keys and curves: explicit parameters are a named curve's in every number, or no curve at all."""

from dataclasses import fields, replace
from typing import Any

import ecdsa
import pytest
from asn1crypto import keys
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from trust_pki import Signer, explicit, make_key

from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust.curves import CURVES, Parameters, named
from appliance.document.trust.keys import public_key

ORACLE = {
    "secp192r1": ecdsa.NIST192p,
    "secp224r1": ecdsa.NIST224p,
    "secp256r1": ecdsa.NIST256p,
    "secp384r1": ecdsa.NIST384p,
    "secp521r1": ecdsa.NIST521p,
    "brainpoolP256r1": ecdsa.BRAINPOOLP256r1,
    "brainpoolP384r1": ecdsa.BRAINPOOLP384r1,
    "brainpoolP512r1": ecdsa.BRAINPOOLP512r1,
}


def refused(info: bytes) -> Reason:
    with pytest.raises(DocumentFault) as caught:
        public_key(info)
    return caught.value.reason


def test_the_table_is_that_of_an_independent_library() -> None:
    assert {curve.name for curve in CURVES.values()} == set(ORACLE)
    for known, curve in CURVES.items():
        true = ORACLE[curve.name]
        point = (true.generator.x(), true.generator.y())
        assert (known.p, known.a, known.b) == (true.curve.p(), true.curve.a() % true.curve.p(), true.curve.b())
        assert (known.x, known.y, known.n, known.h) == (*point, true.order, 1)


@pytest.mark.parametrize("known", CURVES, ids=lambda known: CURVES[known].name)
@pytest.mark.parametrize("number", [one.name for one in fields(Parameters)])
def test_any_one_number_that_differs_is_no_named_curve(known: Parameters, number: str) -> None:
    assert named(known) is CURVES[known]
    with pytest.raises(DocumentFault) as caught:
        named(replace(known, **{number: getattr(known, number) + 1}))
    expected = Reason.ALGORITHM_UNSUPPORTED if number == "p" else Reason.CURVE_FORGED
    assert caught.value.reason is expected


@pytest.mark.parametrize("kind", ["p256", "p384", "bp256"])
def test_an_explicit_key_is_the_same_key(kind: str) -> None:
    key = make_key(kind)
    expected = key.public_key().public_numbers()
    for info in (explicit(key), explicit(key, h=0), Signer(key).public()):
        found = public_key(info)
        assert isinstance(found, ec.EllipticCurvePublicKey)
        assert found.public_numbers() == expected


def test_a_compressed_base_point_is_the_named_one_or_none() -> None:
    key = make_key("p256")
    assert public_key(compressed(key, sign=ECDSA_P256_Y & 1)).public_numbers() == key.public_key().public_numbers()
    assert refused(compressed(key, sign=1 - (ECDSA_P256_Y & 1))) is Reason.CURVE_FORGED


ECDSA_P256_Y = ecdsa.NIST256p.generator.y()


def compressed(key: Any, sign: int) -> bytes:
    info = keys.PublicKeyInfo.load(explicit(key))
    base = bytes((2 + sign,)) + ecdsa.NIST256p.generator.x().to_bytes(32, "big")
    info["algorithm"]["parameters"].chosen["base"] = base
    return info.dump(force=True)


def test_rsa_keys_are_read_with_and_without_their_pss_identifier() -> None:
    key = make_key("rsa2048")
    info = Signer(key).public()
    pss = keys.PublicKeyInfo.load(info)
    pss["algorithm"] = {"algorithm": "rsassa_pss"}
    for each in (info, pss.dump(force=True)):
        found = public_key(each)
        assert isinstance(found, rsa.RSAPublicKey)
        assert found.public_numbers() == key.public_key().public_numbers()


@pytest.mark.parametrize(
    ("modulus", "exponent", "expected"),
    [
        (2**8193 + 1, 65537, Reason.ALGORITHM_UNSUPPORTED),
        (2**2047 + 1, 2**70 + 1, Reason.ALGORITHM_UNSUPPORTED),
        (2**2047 + 1, 1, Reason.FILE_MALFORMED),
        (2**2047 + 1, 4, Reason.FILE_MALFORMED),
        (-5, 3, Reason.FILE_MALFORMED),
        (0, 3, Reason.FILE_MALFORMED),
    ],
)
def test_rsa_keys_that_are_none(modulus: int, exponent: int, expected: Reason) -> None:
    told = {"modulus": modulus, "public_exponent": exponent}
    info = keys.PublicKeyInfo({"algorithm": {"algorithm": "rsa"}, "public_key": keys.RSAPublicKey(told)})
    assert refused(info.dump()) is expected


def test_a_point_beside_its_curve_is_malformed() -> None:
    info = bytearray(explicit(make_key("p256")))
    info[-1] ^= 1
    assert refused(bytes(info)) is Reason.FILE_MALFORMED


@pytest.mark.parametrize("curve", ["BRAINPOOLP192r1", "BRAINPOOLP224r1", "BRAINPOOLP320r1", "SECP256k1"])
def test_curves_signatures_cannot_be_verified_on_are_unsupported(curve: str) -> None:
    key = ecdsa.SigningKey.generate(getattr(ecdsa, curve))
    assert refused(key.verifying_key.to_der()) is Reason.ALGORITHM_UNSUPPORTED
    assert refused(key.verifying_key.to_der(curve_parameters_encoding="explicit")) is Reason.ALGORITHM_UNSUPPORTED


@pytest.mark.parametrize("rubbish", [b"", b"\x30\x00", b"\x30\x80", bytes(40)])
def test_rubbish_is_malformed(rubbish: bytes) -> None:
    assert refused(rubbish) is Reason.FILE_MALFORMED


def test_other_kinds_of_keys_are_unsupported() -> None:
    info = ecdsa.SigningKey.generate(ecdsa.Ed25519).verifying_key.to_der()
    assert refused(info) is Reason.ALGORITHM_UNSUPPORTED
