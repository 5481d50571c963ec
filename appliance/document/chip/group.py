"""What key agreement needs of a group, be it a curve (`ec`) or integers modulo a prime (`dh`), written additively.

Every element that comes from a chip passes `decode`, which refuses what is not a key of the group.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from appliance.document.reasons import DocumentFault, Reason

E = TypeVar("E")
Random: TypeAlias = Callable[[int], bytes]
"""Gives so many random bytes; `secrets.token_bytes` but for worked examples."""


class Group(ABC, Generic[E]):
    """A cyclic group of prime order with its standard generator.

    `strength` is in bits of security, `key_tag` the tag of a public key in an authentication token, `key_bytes` the
    length of a public key written in full.
    """

    name: str
    strength: int
    key_tag: int
    key_bytes: int
    modulus: int
    order: int
    generator: E

    def key_pair(self, random: Random, base: E) -> tuple[int, E]:
        """A private key between 1 and order - 1 and its public key from `base`.

        A public key of full length only: an integer with leading zeros is written with them by some and without by
        others, and an authentication token is over what is written.
        """
        bits = self.order.bit_length()
        while True:
            private = int.from_bytes(random((bits + 7) // 8), "big") & ((1 << bits) - 1)
            if 0 < private < self.order:
                public = self.multiply(private, base)
                if len(self.encode(public)) == self.key_bytes:
                    return private, public

    @abstractmethod
    def multiply(self, factor: int, element: E) -> E:
        """factor * element. Raises DocumentFault (CHIP_KEY_INVALID) if that is the neutral element."""

    @abstractmethod
    def add(self, one: E, other: E) -> E:
        """one + other. Raises DocumentFault (CHIP_KEY_INVALID) if that is the neutral element."""

    @abstractmethod
    def embed(self, number: int) -> E:
        """The element a pseudo-random number stands for in integrated mapping (9303-11 section 4.4.3.3.2)."""

    @abstractmethod
    def encode(self, element: E) -> bytes:
        """A public key's bytes."""

    @abstractmethod
    def decode(self, raw: bytes) -> E:
        """A chip's public key from its bytes, checked. Raises DocumentFault (CHIP_KEY_INVALID)."""

    @abstractmethod
    def agree(self, private_key: int, element: E) -> bytes:
        """The shared secret as octets of fixed length. Raises DocumentFault (CHIP_KEY_INVALID)."""


def invalid_key(why: str) -> DocumentFault:
    """The fault of a key no genuine chip sends."""
    return DocumentFault(Reason.CHIP_KEY_INVALID, why)
