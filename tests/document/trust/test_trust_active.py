"""Active authentication: right answers to our challenge pass, every other one is a suspected clone."""

import hashlib
from itertools import count
from typing import Any

import ecdsa
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from hypothesis import given
from hypothesis import strategies as st
from trust_pki import Signer, explicit, make_key

from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build
from appliance.document.trust.active import verify

CHALLENGE = bytes.fromhex("0123456789abcdef")
TRAILERS = {"sha1": b"\xbc", "sha224": b"\x38\xcc", "sha256": b"\x34\xcc", "sha384": b"\x36\xcc", "sha512": b"\x35\xcc"}
# A modulus with room above it, so that some answers plus the modulus still have 256 bytes.
RSA_KEYS = (key for which in count(3) if isinstance(key := make_key("rsa2048", which), rsa.RSAPrivateKey))
KEY = next(key for key in RSA_KEYS if key.public_key().public_numbers().n < 3 << 2046)
NUMBERS = KEY.private_numbers()
N, D = NUMBERS.public_numbers.n, NUMBERS.d
DG15 = build(0x6F, Signer(KEY).public())


def answer(
    digest: str = "sha256",
    challenge: bytes = CHALLENGE,
    *,
    header: int = 0x6A,
    trailer: bytes | None = None,
    halved: bool = False,
) -> bytes:
    """A chip's answer by ISO/IEC 9796-2; `halved` signs so that N - F is recovered."""
    end = TRAILERS[digest] if trailer is None else trailer
    size = hashlib.new(digest).digest_size
    random = bytes(range(1, 256))[: 256 - 1 - size - len(end)]
    value = bytes((header,)) + random + hashlib.new(digest, random + challenge).digest() + end
    signed = pow(int.from_bytes(value, "big"), D, N)
    return (N - signed if halved else signed).to_bytes(256, "big")


def answered(dg15: bytes, challenge: bytes, response: bytes, digest: str | None) -> None:
    verify(dg15, challenge=challenge, response=response, digest=digest)


def refused(*args: Any) -> Reason:
    with pytest.raises(DocumentFault) as caught:
        answered(*args)
    return caught.value.reason


@pytest.mark.parametrize("digest", TRAILERS)
@pytest.mark.parametrize("halved", [False, True])
def test_rsa_answers_with_every_trailer_pass(digest: str, halved: bool) -> None:
    answered(DG15, CHALLENGE, answer(digest, halved=halved), None)


@pytest.mark.parametrize(
    "response",
    [
        answer(challenge=bytes(8)),
        answer(header=0x6B),
        answer(header=0x4A),
        answer(trailer=b"\x33\xcc"),
        answer(trailer=b"\x99\xcc"),
        answer(trailer=b"\xbc"),
        answer("sha1", trailer=b"\x00"),
        answer()[:-1] + bytes((answer()[-1] ^ 1,)),
        answer()[1:],
        answer() + b"\x00",
        bytes(256),
        (1).to_bytes(256, "big"),
        (N - 1).to_bytes(256, "big"),
        N.to_bytes(256, "big"),
        b"\xff" * 256,
        b"",
    ],
)
def test_other_rsa_answers_do_not(response: bytes) -> None:
    assert refused(DG15, CHALLENGE, response, None) is Reason.ACTIVE_AUTHENTICATION_FAILED


def test_an_answer_to_another_challenge_is_a_replay() -> None:
    replayed = answer(challenge=bytes.fromhex("1111111111111111"))
    assert refused(DG15, CHALLENGE, replayed, None) is Reason.ACTIVE_AUTHENTICATION_FAILED


def test_an_answer_is_no_larger_than_the_modulus() -> None:
    for number in count():
        challenge = number.to_bytes(8, "big")
        right = answer(challenge=challenge)
        if (larger := int.from_bytes(right, "big") + N) < 1 << 2048:
            break
    answered(DG15, challenge, right, None)
    assert refused(DG15, challenge, larger.to_bytes(256, "big"), None) is Reason.ACTIVE_AUTHENTICATION_FAILED


def ec_answers(key: Any, digest: hashes.HashAlgorithm) -> tuple[bytes, bytes]:
    der = key.sign(CHALLENGE, ec.ECDSA(digest))
    r, s = utils.decode_dss_signature(der)
    half = (key.key_size + 7) // 8
    return r.to_bytes(half, "big") + s.to_bytes(half, "big"), der


@pytest.mark.parametrize("kind", ["p256", "p384", "bp256"])
def test_ecdsa_answers_pass_plain_and_in_der(kind: str) -> None:
    key = make_key(kind, 3)
    for info in (Signer(key).public(), explicit(key)):
        for response in ec_answers(key, hashes.SHA256()):
            answered(build(0x6F, info), CHALLENGE, response, "sha256")
            assert refused(build(0x6F, info), bytes(8), response, "sha256") is Reason.ACTIVE_AUTHENTICATION_FAILED
            assert refused(build(0x6F, info), CHALLENGE, response, "sha384") is Reason.ACTIVE_AUTHENTICATION_FAILED
            assert refused(build(0x6F, info), CHALLENGE, response[:-1], "sha256") is Reason.ACTIVE_AUTHENTICATION_FAILED


@pytest.mark.parametrize("response", [b"", bytes(64), b"\xff" * 64, b"\x30\x06\x02\x01\x00\x02\x01\x00"])
def test_other_ecdsa_answers_do_not(response: bytes) -> None:
    dg15 = build(0x6F, Signer(make_key("p256", 3)).public())
    assert refused(dg15, CHALLENGE, response, "sha256") is Reason.ACTIVE_AUTHENTICATION_FAILED


def test_ecdsa_needs_the_hash_of_dg14() -> None:
    key = make_key("p256", 3)
    dg15 = build(0x6F, Signer(key).public())
    for digest in (None, "md5"):
        assert refused(dg15, CHALLENGE, ec_answers(key, hashes.SHA256())[0], digest) is Reason.ALGORITHM_UNSUPPORTED


def test_a_curve_unknown_here_is_unsupported_and_a_rogue_one_a_forgery() -> None:
    key = ecdsa.SigningKey.generate(ecdsa.BRAINPOOLP320r1)
    dg15 = build(0x6F, key.verifying_key.to_der())
    assert refused(dg15, CHALLENGE, bytes(80), "sha256") is Reason.ALGORITHM_UNSUPPORTED
    own = make_key("p256", 3)
    point = own.public_key().public_numbers()
    rogue = build(0x6F, explicit(own, x=point.x, y=point.y))
    assert refused(rogue, CHALLENGE, bytes(64), "sha256") is Reason.CURVE_FORGED


def test_a_challenge_is_eight_bytes() -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        answered(DG15, bytes(7), answer(), None)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_whatever_a_chip_says_is_refused_in_one_way(dg15: bytes, response: bytes) -> None:
    refused(dg15, CHALLENGE, response, "sha256")
    refused(DG15, CHALLENGE, response, None)
