"""Ciphers, MACs and key derivation of a chip (ICAO 9303-11 section 9.7 and 9.8), on pycryptodomex."""

import hashlib
from enum import Enum

from Cryptodome.Cipher import AES, DES, DES3
from Cryptodome.Hash import CMAC

MAC_LENGTH = 8
ENC, MAC, PASSWORD = 1, 2, 3
"""Counters of the key derivation, 9303-11 section 9.7.1."""


def pad(data: bytes, block: int) -> bytes:
    """Padding method 2 of ISO/IEC 9797-1: 80, then zeros."""
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


def unpad(data: bytes) -> bytes:
    """Take the padding off. ValueError when there is none."""
    bare = data.rstrip(b"\x00")
    if not bare.endswith(b"\x80"):
        raise ValueError("no padding")
    return bare[:-1]


class Cipher(Enum):
    """A cipher of secure messaging: its name, key and block size in bytes, and the hash its keys come from."""

    TDES = ("3des", 16, 8, "sha1")
    AES128 = ("aes128", 16, 16, "sha1")
    AES192 = ("aes192", 24, 16, "sha256")
    AES256 = ("aes256", 32, 16, "sha256")

    def __init__(self, label: str, key_size: int, block: int, digest: str) -> None:
        self.label, self.key_size, self.block, self.digest = label, key_size, block, digest

    @property
    def number(self) -> int:
        """Its last arc in the object identifiers of PACE and chip authentication."""
        return list(Cipher).index(self) + 1

    def derive(self, secret: bytes, counter: int) -> bytes:
        """KDF(K, c), 9303-11 section 9.7.1; keys of 3DES with their parity set."""
        key = hashlib.new(self.digest, secret + counter.to_bytes(4, "big")).digest()[: self.key_size]
        return DES3.adjust_key_parity(key) if self is Cipher.TDES else key

    def encrypt(self, key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
        """CBC over whole blocks, from zero when no IV is given."""
        start = bytes(self.block) if iv is None else iv
        if self is Cipher.TDES:
            return DES3.new(key, DES3.MODE_CBC, iv=start).encrypt(data)
        return AES.new(key, AES.MODE_CBC, iv=start).encrypt(data)

    def decrypt(self, key: bytes, data: bytes, iv: bytes | None = None) -> bytes:
        """The reverse. ValueError when these are not whole blocks."""
        start = bytes(self.block) if iv is None else iv
        if self is Cipher.TDES:
            return DES3.new(key, DES3.MODE_CBC, iv=start).decrypt(data)
        return AES.new(key, AES.MODE_CBC, iv=start).decrypt(data)

    def mac(self, key: bytes, data: bytes) -> bytes:
        """Eight bytes: retail MAC with its padding (ISO/IEC 9797-1 algorithm 3), or CMAC (SP 800-38B)."""
        if self is Cipher.TDES:
            return _retail(key, pad(data, self.block))
        return CMAC.new(key, data, ciphermod=AES).digest()[:MAC_LENGTH]


def _retail(key: bytes, data: bytes) -> bytes:
    left = DES.new(key[:8], DES.MODE_ECB)
    chained = DES.new(key[:8], DES.MODE_CBC, iv=bytes(8)).encrypt(data)[-8:]
    return left.encrypt(DES.new(key[8:16], DES.MODE_ECB).decrypt(chained))
