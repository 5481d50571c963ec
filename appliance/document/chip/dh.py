"""Diffie-Hellman over integers modulo a prime (RFC 2631, PKCS #3), and the three standard groups of RFC 5114."""

from appliance.document.chip.group import Group, invalid_key
from appliance.document.domain_parameters import GROUPS

_FEWEST_BITS, _MOST_BITS = 1024, 4096
_STRENGTHS = ((3072, 128), (2048, 112), (1024, 80))


class DhGroup(Group[int]):
    """The integers modulo p with generator g of order q; q may be unknown (PKCS #3) and is then taken for (p-1)/2."""

    key_tag = 0x84

    def __init__(self, name: str, p: int, g: int, q: int | None = None) -> None:
        """Raises DocumentFault (CHIP_KEY_INVALID) for parameters that cannot be a group of 1024 to 4096 bits."""
        if not _FEWEST_BITS <= p.bit_length() <= _MOST_BITS or p % 2 == 0 or not 1 < g < p - 1:
            raise invalid_key("parameters that are no group")
        if q is not None and (q < 2**159 or (p - 1) % q or pow(g, q, p) != 1):
            raise invalid_key("the order of a group is wrong")
        self.name, self.modulus, self.generator, self.q = name, p, g, q
        self.order = q or (p - 1) // 2
        self.size = self.key_bytes = (p.bit_length() + 7) // 8
        self.strength = next(strength for bits, strength in _STRENGTHS if p.bit_length() >= bits)

    def multiply(self, factor: int, element: int) -> int:
        """element ** factor mod p."""
        return self._neutral_refused(pow(element, factor, self.modulus))

    def add(self, one: int, other: int) -> int:
        """one * other mod p."""
        return self._neutral_refused(one * other % self.modulus)

    def embed(self, number: int) -> int:
        """number ** ((p-1)/q) mod p (9303-11 section 4.4.3.3.2)."""
        return self._neutral_refused(pow(number, (self.modulus - 1) // self.order, self.modulus))

    def encode(self, element: int) -> bytes:
        """An unsigned integer without leading zeros (TR-03110 part 3 D.2.1.1)."""
        return element.to_bytes((element.bit_length() + 7) // 8, "big")

    def decode(self, raw: bytes) -> int:
        """Between 2 and p - 2, and of order q where q is known. Raises DocumentFault (CHIP_KEY_INVALID)."""
        key = int.from_bytes(raw, "big")
        if not 0 < len(raw) <= self.size or not 1 < key < self.modulus - 1:
            raise invalid_key("a key is out of the group's range")
        if self.q is not None and pow(key, self.q, self.modulus) != 1:
            raise invalid_key("a key is not in the group")
        return key

    def agree(self, private_key: int, element: int) -> bytes:
        """element ** private_key, as many octets as p has."""
        return self.multiply(private_key, element).to_bytes(self.size, "big")

    def _neutral_refused(self, element: int) -> int:
        if element <= 1:
            raise invalid_key("a key leads to the neutral element")
        return element


STANDARD_GROUPS: dict[int, DhGroup] = {
    number: DhGroup(one.name, int(one.p, 16), int(one.g, 16), int(one.q, 16)) for number, one in GROUPS.items()
}
"""By parameter id (9303-11 section 9.5.1)."""
