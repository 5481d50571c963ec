"""Verification of active authentication (ICAO 9303-11 section 6.1): the chip holds the key its issuer signed in DG15.

RSA by ISO/IEC 9796-2 digital signature scheme 1 with partial recovery, ECDSA plain (BSI TR-03111) or as DER. It counts
only when passive authentication proved DG15. Not responsible for the exchange with the chip, nor for a challenge that
is fresh: a replayed answer is one to another challenge.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import rsa, utils

from appliance.document.lds.groups import public_key_info
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust.keys import PublicKey, public_key
from appliance.document.trust.signatures import HASHES, Algorithm, Scheme, verifies

CHALLENGE_BYTES = 8
_TRAILERS = {0x33: "sha1", 0x38: "sha224", 0x34: "sha256", 0x36: "sha384", 0x35: "sha512"}
"""Hash identifiers of ISO/IEC 10118-3 in a two-byte trailer xxCC; the one-byte trailer BC means SHA-1."""
_ONE_BYTE, _TWO_BYTES, _HEADER = 0xBC, 0xCC, 0x6A


def verify(dg15: bytes, *, challenge: bytes, response: bytes, digest: str | None) -> None:
    """Verify a chip's response to our challenge of 8 bytes with the key of DG15 (the file as read).

    `digest` is the hash DG14 names for ECDSA (hashlib's name, `groups.active_authentication_hash`); RSA names its own.
    Raises DocumentFault: ACTIVE_AUTHENTICATION_FAILED, FILE_MALFORMED, ALGORITHM_UNSUPPORTED, CURVE_FORGED.
    """
    if len(challenge) != CHALLENGE_BYTES:
        raise ValueError("a challenge has 8 bytes")
    key = public_key(public_key_info(dg15))
    if isinstance(key, rsa.RSAPublicKey):
        right = _rsa(key.public_numbers(), challenge, response)
    elif digest not in HASHES:
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, "DG14 names no hash for active authentication with ECDSA")
    else:
        right = _ecdsa(key, Algorithm(Scheme.ECDSA, digest), response, challenge)
    if not right:
        raise DocumentFault(Reason.ACTIVE_AUTHENTICATION_FAILED, "the response is not by the key of DG15")


def _rsa(key: rsa.RSAPublicNumbers, challenge: bytes, response: bytes) -> bool:
    """ISO/IEC 9796-2:2010 section 8 and B.6: the recovered value F, or n - F where the signer halved its range."""
    signature, size = int.from_bytes(response, "big"), (key.n.bit_length() + 7) // 8
    if len(response) != size or signature >= key.n:
        return False
    recovered = pow(signature, key.e, key.n)
    return any(_recovers(value.to_bytes(size, "big"), challenge) for value in (recovered, key.n - recovered))


def _recovers(message: bytes, challenge: bytes) -> bool:
    """Whether F is 6A || M1 || H(M1 || challenge) || trailer."""
    if message[0] != _HEADER:
        return False
    if message[-1] == _ONE_BYTE:
        digest, end = "sha1", len(message) - 1
    elif message[-1] == _TWO_BYTES and message[-2] in _TRAILERS:
        digest, end = _TRAILERS[message[-2]], len(message) - 2
    else:
        return False
    start = end - hashlib.new(digest).digest_size
    if start < 1:
        return False
    return hmac.compare_digest(hashlib.new(digest, message[1:start] + challenge).digest(), message[start:end])


def _ecdsa(key: PublicKey, by: Algorithm, response: bytes, challenge: bytes) -> bool:
    """Plain r || s, as 9303-11 6.1.2.3 says; some chips answer in DER (Portugal)."""
    half = (key.key_size + 7) // 8
    if len(response) == 2 * half:
        r, s = int.from_bytes(response[:half], "big"), int.from_bytes(response[half:], "big")
        if verifies(key, by, utils.encode_dss_signature(r, s), challenge):
            return True
    return verifies(key, by, response, challenge)
