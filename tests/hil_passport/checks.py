"""Signatures, certificates and signed contents, verified with `cryptography`, which made none of them."""

import hashlib

from asn1crypto import cms, core, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from hil.passport.groups import CURVES

KNOWN = {
    "p224": ec.SECP224R1(),
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
    "bp256": ec.BrainpoolP256R1(),
    "bp384": ec.BrainpoolP384R1(),
    "bp512": ec.BrainpoolP512R1(),
}


def verify(key_info, algorithm, signature, data):
    """With `cryptography`; the curve of explicit parameters is told by its prime. InvalidSignature if it is wrong."""
    hash_name = algorithm.hash_algo
    digest = getattr(hashes, hash_name.upper())()
    if key_info.algorithm == "ec":
        point = key_info["public_key"].native
        parameters = key_info["algorithm"]["parameters"]
        if parameters.name == "named":
            curve = next(
                one for one in CURVES.values() if ".".join(map(str, one.curve.oid)) == parameters.chosen.dotted
            )
        else:
            prime = parameters.chosen["field_id"]["parameters"].native
            curve = next(one for one in CURVES.values() if one.prime == prime)
            assert int.from_bytes(parameters.chosen["curve"]["a"].native, "big") == int(curve.curve.curve.a()) % prime
            assert parameters.chosen["base"].native == curve.encode(curve.base)
        key = ec.EllipticCurvePublicKey.from_encoded_point(KNOWN[curve.name], point)
        key.verify(signature, data, ec.ECDSA(digest))
        return
    numbers = key_info["public_key"].parsed
    key = rsa.RSAPublicNumbers(numbers["public_exponent"].native, numbers["modulus"].native).public_key()
    if algorithm.signature_algo == "rsassa_pss":
        scheme = padding.PSS(padding.MGF1(digest), algorithm["parameters"]["salt_length"].native)
    else:
        scheme = padding.PKCS1v15()
    key.verify(signature, data, scheme, digest)


def check_certificate(certificate, issuer):
    verify(
        issuer.public_key,
        certificate["signature_algorithm"],
        certificate["signature_value"].native,
        certificate["tbs_certificate"].dump(),
    )
    assert certificate.issuer == issuer.subject
    assert certificate.authority_key_identifier == issuer.key_identifier


def opened(data):
    """Content, content type and certificates of signed data, its one signature verified."""
    whole = cms.ContentInfo.load(data)["content"]
    content = whole["encap_content_info"]["content"].native
    signer = whole["signer_infos"][0]
    certificates = [one.chosen for one in whole["certificates"]]
    named = signer["sid"].chosen
    by = next(one for one in certificates if one.serial_number == named["serial_number"].native)
    assert by.issuer == named["issuer"]
    attributes = {one["type"].native: one["values"][0] for one in signer["signed_attrs"]}
    digest = signer["digest_algorithm"]["algorithm"].native
    assert attributes["message_digest"].native == hashlib.new(digest, content).digest()
    assert attributes["content_type"].dotted == whole["encap_content_info"]["content_type"].dotted
    verify(
        by.public_key, signer["signature_algorithm"], signer["signature"].native, signer["signed_attrs"].untag().dump()
    )
    return content, attributes["content_type"].dotted, by, certificates


def hashes_of(content):
    version, algorithm, groups = (one for one in core.SequenceOf.load(content, spec=core.Any))
    assert version.native == 0
    found = {}
    for entry in core.SequenceOf.load(groups.dump(), spec=core.Any):
        number, digest = core.SequenceOf.load(entry.dump(), spec=core.Any)
        found[number.native] = digest.native
    return x509.SignedDigestAlgorithm.load(algorithm.dump())["algorithm"].dotted, found
