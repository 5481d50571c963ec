"""How a chip proves that it is no copy: active authentication and the key agreement of chip authentication.

ICAO 9303-11 sections 6.1 and 6.2. PACE with chip authentication mapping is in `pace`.
"""

import hashlib
from typing import Any

from ecdsa import SigningKey, util

from hil.passport.apdu import WRONG_DATA, Refused
from hil.passport.card import ActiveKey, ChipKey
from hil.passport.groups import CURVES, GroupError, Random
from hil.passport.messaging import Session

# Trailers of ISO/IEC 9796-2: which hash the message representative has.
_TRAILERS = {
    "sha1": b"\xbc",
    "sha256": b"\x34\xcc",
    "sha384": b"\x36\xcc",
    "sha512": b"\x35\xcc",
    "sha224": b"\x38\xcc",
}


def ecdsa_sign(*, curve: Any, private: int, digest: str, data: bytes, der: bool) -> bytes:
    """An ECDSA signature on an `ecdsa` curve, in DER or as r and s in a row (BSI TR-03111 section 5.2)."""
    key = SigningKey.from_secret_exponent(private, curve)
    encode = util.sigencode_der if der else util.sigencode_string
    return bytes(key.sign_deterministic(data, hashfunc=getattr(hashlib, digest), sigencode=encode))


def active_authentication(key: ActiveKey, challenge: bytes, random: Random) -> bytes:
    """The signature over a terminal's eight bytes. Raises Refused 6A80 for any other challenge."""
    if len(challenge) != 8:
        raise Refused(WRONG_DATA)
    if not key.modulus:
        curve = CURVES[key.curve].curve
        return ecdsa_sign(curve=curve, private=key.private, digest=key.digest, data=challenge, der=key.der)
    return iso9796(key, challenge, random)


def iso9796(key: ActiveKey, challenge: bytes, random: Random) -> bytes:
    """Scheme 1 of ISO/IEC 9796-2 with partial recovery: 6A, M1, H(M1 and challenge), trailer."""
    size = (key.modulus.bit_length() + 7) // 8
    trailer = _TRAILERS[key.digest]
    known = random(size - 1 - hashlib.new(key.digest).digest_size - len(trailer))
    block = b"\x6a" + known + hashlib.new(key.digest, known + challenge).digest() + trailer
    return pow(int.from_bytes(block, "big"), key.private, key.modulus).to_bytes(size, "big")


def chip_authentication(key: ChipKey, public: bytes) -> Session:
    """The session after a key agreement with the chip's static key. Raises Refused 6A80 for a bad public key."""
    group = key.variant.group
    try:
        shared = group.secret(group.agree(key.private, public))
    except GroupError:
        raise Refused(WRONG_DATA) from None
    return Session.of(key.variant.cipher, shared)
