"""Signatures of certificates, security objects and lists: RSA PKCS #1, RSA-PSS, ECDSA (ICAO 9303-12 section 4.4).

Not responsible for whose key it is. What is too weak is a matter of the lane's policy, said apart from what is wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asn1crypto import algos
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from appliance.document.lds.asn1 import malformed
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust.keys import PublicKey

HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1,
    "sha224": hashes.SHA224,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
_HASH_NAMES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_MGF1 = "mgf1"


Finding = tuple[Reason, str]
"""What is wrong, and a detail for the log that names no holder."""


class Scheme(StrEnum):
    """How a signature is made."""

    RSA = "RSA"
    RSA_PSS = "RSA-PSS"
    ECDSA = "ECDSA"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A scheme with its hash (as hashlib calls it); of RSA-PSS the hash of its mask and the salt's length in bytes."""

    scheme: Scheme
    digest: str
    mask_digest: str = ""
    salt: int = 0

    def __str__(self) -> str:
        return f"{self.scheme} with {self.digest.upper().replace('SHA', 'SHA-')}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a lane still takes as proof. Documents with SHA-1 are in circulation; 9303-12 4.4 forbids new ones.

    Bits of EC are those of the curve; 2048 and 224 are the least of 9303-12 4.4.
    """

    allow_sha1: bool = False
    least_rsa_bits: int = 2048
    least_ec_bits: int = 224

    def is_weak(self, digest: str) -> bool:
        """Whether a hash (hashlib's name) proves nothing any more."""
        return digest == "sha1" and not self.allow_sha1


def digest_name(oid: str) -> str:
    """A hash's name as hashlib calls it, from its identifier in dots. Raises DocumentFault: ALGORITHM_UNSUPPORTED."""
    if (name := _HASH_NAMES.get(oid)) is None:
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, f"the hash {oid}")
    return name


def algorithm(identifier: bytes, digest: str = "") -> Algorithm:
    """The algorithm of an AlgorithmIdentifier (DER). Raises DocumentFault: FILE_MALFORMED, ALGORITHM_UNSUPPORTED.

    `digest` (hashlib's name) completes one that names no hash of its own, as SignerInfos do (RFC 3370 3.2).
    """
    with malformed("a signature's algorithm"):
        parsed = algos.SignedDigestAlgorithm.load(identifier, strict=True)
        name = parsed["algorithm"].native
        if name == "rsassa_pss":
            return _pss(parsed["parameters"])
        if name in ("rsassa_pkcs1v15", "ecdsa"):
            found, scheme = digest, name
        else:
            found, _, scheme = name.partition("_")
    if found not in HASHES or scheme not in ("rsassa_pkcs1v15", "rsa", "ecdsa"):
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, f"the signature algorithm {name}")
    return Algorithm(Scheme.ECDSA if scheme == "ecdsa" else Scheme.RSA, found)


def _pss(parameters: Any) -> Algorithm:
    """RFC 4055 3.1: what is left out has the value asn1crypto fills in (SHA-1, MGF1 with SHA-1, 20 bytes, BC)."""
    mask = parameters["mask_gen_algorithm"]
    if mask["algorithm"].native != _MGF1 or parameters["trailer_field"].native not in (1, "trailer_field_bc"):
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, "RSA-PSS with another mask than MGF1")
    digest = digest_name(parameters["hash_algorithm"]["algorithm"].dotted)
    mask_digest = digest_name(mask["parameters"]["algorithm"].dotted)
    return Algorithm(Scheme.RSA_PSS, digest, mask_digest, parameters["salt_length"].native)


def verifies(key: PublicKey, by: Algorithm, signature: bytes, data: bytes) -> bool:
    """Whether `signature` over `data` is by this key. Raises DocumentFault: ALGORITHM_UNSUPPORTED."""
    digest = HASHES[by.digest]()
    try:
        if isinstance(key, rsa.RSAPublicKey) and by.scheme is not Scheme.ECDSA:
            key.verify(signature, data, _padding(by), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and by.scheme is Scheme.ECDSA:
            key.verify(signature, data, ec.ECDSA(digest))
        else:
            return False  # a signature by another kind of key
    except (InvalidSignature, ValueError, OverflowError):
        return False
    except UnsupportedAlgorithm as error:
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, str(by)) from error
    return True


def _padding(by: Algorithm) -> padding.AsymmetricPadding:
    if by.scheme is Scheme.RSA:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(HASHES[by.mask_digest]()), by.salt)


def weaknesses(key: PublicKey, by: Algorithm, policy: Policy) -> Iterator[str]:
    """What makes a right signature prove too little under this policy."""
    if policy.is_weak(by.digest):
        yield by.digest
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < policy.least_rsa_bits:
        yield f"RSA of {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < policy.least_ec_bits:
        yield f"EC of {key.key_size} bits"
