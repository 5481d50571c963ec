"""Public keys from SubjectPublicKeyInfo (RFC 5480, RFC 4055), explicit curve parameters included (ICAO 9303-12 4.4).

`cryptography` refuses explicit parameters, which nearly every issuer uses, so they are compared here and the key is
built from its numbers. Not responsible for what is done with a key, nor for whether it is long enough.
"""

from typing import Any

from asn1crypto import keys
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from appliance.document.lds.asn1 import malformed
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust.curves import BY_OID, CURVES, Parameters, named

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
LONGEST_RSA = 8192
"""Bits: what a longer key takes to verify would be an attack."""
LONGEST_EXPONENT = 64
_RSA = ("rsa", "rsassa_pss")


def public_key(info: bytes) -> PublicKey:
    """The key of a SubjectPublicKeyInfo (DER).

    Raises DocumentFault: FILE_MALFORMED, ALGORITHM_UNSUPPORTED, CURVE_FORGED.
    """
    try:
        with malformed("a public key"):
            parsed = keys.PublicKeyInfo.load(info, strict=True)
            algorithm = parsed["algorithm"]["algorithm"].native
            if algorithm in _RSA:
                return _rsa(parsed["public_key"].parsed)
            if algorithm == "ec":
                curve = _curve(parsed["algorithm"]["parameters"])
                return ec.EllipticCurvePublicKey.from_encoded_point(curve, bytes(parsed["public_key"]))
    except UnsupportedAlgorithm as error:
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, "a curve this machine does not have") from error
    raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, "a key that is neither RSA nor EC")


def _rsa(parsed: Any) -> rsa.RSAPublicKey:
    modulus, exponent = parsed["modulus"].native, parsed["public_exponent"].native
    if modulus.bit_length() > LONGEST_RSA or exponent.bit_length() > LONGEST_EXPONENT:
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, f"an RSA key of {modulus.bit_length()} bits")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _curve(parameters: Any) -> ec.EllipticCurve:
    if parameters.name == "named":
        curve = BY_OID.get(parameters.chosen.dotted)
        if curve is None:
            raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, f"the curve {parameters.chosen.dotted}")
        return curve
    if parameters.name != "specified":
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, "a curve that is not named")
    domain = parameters.chosen
    if domain["field_id"]["field_type"].native != "prime_field":
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, "a curve that is not over a prime field")
    p, base = domain["field_id"]["parameters"].native, bytes(domain["base"])
    a, b = (int.from_bytes(bytes(domain["curve"][name]), "big") for name in ("a", "b"))
    x, y = _point(base, p, a, b)
    # Without the optional cofactor 1 is meant: by Hasse's bound p and n leave no other.
    return named(Parameters(p, a, b, x, y, domain["order"].native, domain["cofactor"].native or 1))


def _point(base: bytes, p: int, a: int, b: int) -> tuple[int, int]:
    """The base point of an encoding, compressed or not (SEC 1 section 2.3.4)."""
    size = (p.bit_length() + 7) // 8
    if base[0] == 0x04 and len(base) == 1 + 2 * size:
        return int.from_bytes(base[1 : 1 + size], "big"), int.from_bytes(base[1 + size :], "big")
    if base[0] in (0x02, 0x03) and len(base) == 1 + size:
        x = int.from_bytes(base[1:], "big")
        for known in CURVES:
            if (known.p, known.a, known.b, known.x) == (p, a, b, x) and known.y & 1 == base[0] & 1:
                return x, known.y
        return x, -1  # of no named curve
    raise ValueError("not a point")
