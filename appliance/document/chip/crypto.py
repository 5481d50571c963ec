"""The symmetric side of 9303-11 section 9.7 and 9.8: key derivation, padding, 3DES and AES, retail MAC and CMAC.

Not here: what is protected with them (`sm`, `bac`, `pace`), and any asymmetric key (`group`).
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from appliance.document.reasons import DocumentFault, Reason

_MAC_BYTES = 8


class Suite(Enum):
    """A cipher with its MAC: key length and block length in bytes, strength in bits."""

    TDES = (16, 8, 112)
    AES_128 = (16, 16, 128)
    AES_192 = (24, 16, 192)
    AES_256 = (32, 16, 256)

    def __init__(self, key_bytes: int, block: int, strength: int) -> None:
        self.key_bytes, self.block, self.strength = key_bytes, block, strength


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of a session; they are never shown."""

    suite: Suite
    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)

    @classmethod
    def derive(cls, suite: Suite, secret: bytes) -> "Keys":
        """KSenc and KSmac of a shared secret (9303-11 section 9.7.1)."""
        return cls(suite, derive(suite, secret, 1), derive(suite, secret, 2))


def derive(suite: Suite, secret: bytes, counter: int) -> bytes:
    """KDF(secret, counter), 9303-11 section 9.7.1: counter 1 is KSenc, 2 KSmac, 3 the key of a PACE password."""
    material = secret + counter.to_bytes(4, "big")
    if suite in (Suite.TDES, Suite.AES_128):
        key = hashlib.sha1(material).digest()[:16]
        return bytes(map(_odd_parity, key)) if suite is Suite.TDES else key
    return hashlib.sha256(material).digest()[: suite.key_bytes]


def _odd_parity(byte: int) -> int:
    return byte ^ (byte.bit_count() + 1) % 2


def pad(data: bytes, block: int) -> bytes:
    """ISO/IEC 9797-1 padding method 2."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


def unpad(data: bytes) -> bytes:
    """Take padding method 2 off. Raises DocumentFault (CHIP_MALFORMED) where there is none."""
    content = data.rstrip(b"\0")
    if not content or content[-1] != 0x80:
        raise DocumentFault(Reason.CHIP_MALFORMED, "encrypted data without padding")
    return content[:-1]


def _cipher(suite: Suite, key: bytes, mode: modes.CBC | modes.ECB) -> Cipher[modes.CBC | modes.ECB]:
    return Cipher(TripleDES(key + key[:8]) if suite is Suite.TDES else algorithms.AES(key), mode)


def encrypt(suite: Suite, key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
    """CBC without padding; the initial vector is zero unless given."""
    return _cipher(suite, key, modes.CBC(iv or bytes(suite.block))).encryptor().update(data)


def decrypt(suite: Suite, key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
    """The inverse of `encrypt`. Raises DocumentFault (CHIP_MALFORMED) for data that is not whole blocks."""
    if not data or len(data) % suite.block:
        raise DocumentFault(Reason.CHIP_MALFORMED, "encrypted data is not whole blocks")
    return _cipher(suite, key, modes.CBC(iv or bytes(suite.block))).decryptor().update(data)


def encrypt_block(suite: Suite, key: bytes, block: bytes) -> bytes:
    """One block in ECB."""
    return _cipher(suite, key, modes.ECB()).encryptor().update(block)


def mac(suite: Suite, key: bytes, data: bytes) -> bytes:
    """Eight bytes: the retail MAC with padding for 3DES (ISO/IEC 9797-1 algorithm 3), CMAC cut to eight for AES."""
    if suite is Suite.TDES:
        return _retail_mac(key, pad(data, suite.block))
    cmac = CMAC(algorithms.AES(key))
    cmac.update(data)
    return cmac.finalize()[:_MAC_BYTES]


def _retail_mac(key: bytes, padded: bytes) -> bytes:
    """CBC with the first key alone, the last block with both: E(K1, D(K2, E(K1, x))) is 3DES of x."""
    head, last = padded[:-8], padded[-8:]
    chained = bytes(8)
    if head:
        chained = encrypt(Suite.TDES, key[:8] * 2, head)[-8:]
    return encrypt(Suite.TDES, key, last, chained)


def equal(one: bytes, other: bytes) -> bool:
    """Whether two MACs are the same, in constant time."""
    return hmac.compare_digest(one, other)
