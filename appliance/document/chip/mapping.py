"""From PACE's nonce to its generator: generic and integrated mapping (9303-11 section 4.4.3.3)."""

from typing import TypeVar

from appliance.document.chip.crypto import Suite, encrypt
from appliance.document.chip.group import Group

E = TypeVar("E")

# 9303-11 section 4.4.3.3.2: c0 and c1 for ciphers of 128-bit keys, and for longer ones.
_CONSTANTS = {
    16: ("a668892a7c41e3ca739f40b057d85904", "a4e136ac725f738b01c1f60217c188ad"),
    32: (
        "d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676",
        "54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517",
    ),
}
_EXTRA_BITS = 64


def generic(group: Group[E], nonce: bytes, secret: E) -> E:
    """G' = s * G + H. Raises DocumentFault (CHIP_KEY_INVALID) for what leads to the neutral element."""
    return group.add(group.multiply(int.from_bytes(nonce, "big"), group.generator), secret)


def integrated(group: Group[E], suite: Suite, nonce: bytes, ours: bytes) -> E:
    """G' = f(R(s, t)). Raises DocumentFault (CHIP_KEY_INVALID) for what leads to no element."""
    return group.embed(pseudo_random(suite, nonce, ours, group.modulus))


def integrated_nonce_bytes(suite: Suite) -> int:
    """Length of the chip's nonce in integrated mapping: the whole blocks that hold a key."""
    return 16 if suite.key_bytes == 16 else 32


def pseudo_random(suite: Suite, nonce: bytes, ours: bytes, modulus: int) -> int:
    """R(s, t) modulo a prime, 64 bits longer than it before."""
    length = integrated_nonce_bytes(suite)
    next_key, output = (bytes.fromhex(constant) for constant in _CONSTANTS[length])
    key, stream = encrypt(suite, ours, nonce)[: suite.key_bytes], b""
    while 8 * len(stream) < modulus.bit_length() + _EXTRA_BITS:
        stream += encrypt(suite, key, output)
        key = encrypt(suite, key, next_key)[: suite.key_bytes]
    return int.from_bytes(stream, "big") % modulus
