"""Elliptic curves in short Weierstrass form over prime fields, as PACE's mapping needs them: any point as generator.

Requirements: 9303-11 section 4.4.3.3, BSI TR-03111. OpenSSL does what it can (its own curves from their own generator,
and key agreement); the rest is here. Not constant in time: every private key of a terminal is used once.
"""

from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec

from appliance.document.chip.group import Group, invalid_key
from appliance.document.domain_parameters import CURVES, CurveConstants

Point: TypeAlias = tuple[int, int]
_Jacobian: TypeAlias = tuple[int, int, int]

_INFINITY: _Jacobian = (1, 1, 0)
_WINDOW = 5
_OPENSSL: dict[str, type[ec.EllipticCurve]] = {
    "secp192r1": ec.SECP192R1,
    "secp224r1": ec.SECP224R1,
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "secp521r1": ec.SECP521R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
}


class Curve(Group[Point]):
    """One standard curve of cofactor 1; points are pairs of integers, never infinity."""

    key_tag = 0x86

    def __init__(self, constants: CurveConstants) -> None:
        self.name, self.oid = constants.name, constants.oid
        self.modulus, self.a, self.b = int(constants.p, 16), int(constants.a, 16), int(constants.b, 16)
        self.generator: Point = (int(constants.x, 16), int(constants.y, 16))
        self.order = int(constants.n, 16)
        self.size = (self.modulus.bit_length() + 7) // 8
        self.key_bytes = 1 + 2 * self.size
        self.strength = self.order.bit_length() // 2
        named = _OPENSSL.get(self.name)
        self._openssl = named() if named else None

    @property
    def embeds(self) -> bool:
        """Whether integrated mapping is defined on this curve (p = 3 mod 4)."""
        return self.modulus % 4 == 3

    def contains(self, point: Point) -> bool:
        """Whether both coordinates are in range and satisfy the equation."""
        (x, y), p = point, self.modulus
        return 0 <= x < p and 0 <= y < p and (y * y - (x * x + self.a) * x - self.b) % p == 0

    def encode(self, element: Point) -> bytes:
        """Uncompressed: 04, x, y."""
        x, y = element
        return b"\x04" + x.to_bytes(self.size, "big") + y.to_bytes(self.size, "big")

    def decode(self, raw: bytes) -> Point:
        """From the uncompressed form only (TR-03111 section 3.2.1). Raises DocumentFault (CHIP_KEY_INVALID)."""
        if len(raw) != self.key_bytes or raw[0] != 4:
            raise invalid_key(f"a key of {len(raw)} bytes is no uncompressed point on {self.name}")
        point = int.from_bytes(raw[1 : 1 + self.size], "big"), int.from_bytes(raw[1 + self.size :], "big")
        if not self.contains(point):
            raise invalid_key(f"a key is not on {self.name}")
        return point

    def agree(self, private_key: int, element: Point) -> bytes:
        """The x coordinate of private_key * element, `size` octets."""
        if self._openssl is None:
            return self.multiply(private_key, element)[0].to_bytes(self.size, "big")
        peer = ec.EllipticCurvePublicNumbers(*element, self._openssl).public_key()
        return ec.derive_private_key(private_key, self._openssl).exchange(ec.ECDH(), peer)

    def multiply(self, factor: int, element: Point) -> Point:
        """factor * element. Raises DocumentFault (CHIP_KEY_INVALID) at infinity."""
        factor %= self.order
        if self._openssl is None or element != self.generator or not factor:
            return self._affine(self._multiply(factor, element))
        numbers = ec.derive_private_key(factor, self._openssl).public_key().public_numbers()
        return numbers.x, numbers.y

    def _multiply(self, factor: int, element: Point) -> _Jacobian:
        """By signed windows over the odd multiples of the element."""
        odd: list[_Jacobian] = [(*element, 1)]
        twice = self._double(odd[0])
        for _ in range(2 ** (_WINDOW - 2) - 1):
            odd.append(self._add(odd[-1], twice))
        total = _INFINITY
        for digit in reversed(_signed_digits(factor)):
            total = self._double(total)
            if digit > 0:
                total = self._add(total, odd[digit // 2])
            elif digit < 0:
                x, y, z = odd[-digit // 2]
                total = self._add(total, (x, -y, z))
        return total

    def add(self, one: Point, other: Point) -> Point:
        """one + other. Raises DocumentFault (CHIP_KEY_INVALID) at infinity."""
        return self._affine(self._add((*one, 1), (*other, 1)))

    def embed(self, number: int) -> Point:
        """The point of a number by the method of 9303-11 appendix B.2 (Brier et al.), for p = 3 mod 4."""
        p = self.modulus
        if not self.embeds:
            raise invalid_key(f"integrated mapping is not defined on {self.name}")
        alpha = -number * number % p
        denominator = (alpha + alpha * alpha) * self.a % p
        if not denominator:
            raise invalid_key("a nonce has no point")
        x2 = -self.b * (1 + alpha + alpha * alpha) * pow(denominator, -1, p) % p
        x3 = alpha * x2 % p
        h2 = (x2 * x2 * x2 + self.a * x2 + self.b) % p
        root = pow(h2, p - 1 - (p + 1) // 4, p)
        if root * root * h2 % p == 1:
            return x2, root * h2 % p
        return x3, root * pow(number, 3, p) * h2 % p

    def _affine(self, point: _Jacobian) -> Point:
        x, y, z = point
        if not z:
            raise invalid_key(f"a key leads to the point at infinity of {self.name}")
        inverse = pow(z, -1, self.modulus)
        square = inverse * inverse % self.modulus
        return x * square % self.modulus, y * square * inverse % self.modulus

    def _double(self, point: _Jacobian) -> _Jacobian:
        x, y, z = point
        p = self.modulus
        yy = y * y % p
        zz = z * z % p
        s = 4 * x * yy % p
        m = (3 * x * x + self.a * zz * zz) % p
        x3 = (m * m - 2 * s) % p
        return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p

    def _add(self, one: _Jacobian, other: _Jacobian) -> _Jacobian:
        x1, y1, z1 = one
        x2, y2, z2 = other
        if not z1:
            return other
        if not z2:
            return one
        p = self.modulus
        z1z1, z2z2 = z1 * z1 % p, z2 * z2 % p
        u1, s1 = x1 * z2z2 % p, y1 * z2 * z2z2 % p
        h, r = (x2 * z1z1 - u1) % p, (y2 * z1 * z1z1 - s1) % p
        if not h:
            return self._double(one) if not r else _INFINITY
        hh = h * h % p
        hhh, v = h * hh % p, u1 * hh % p
        x3 = (r * r - hhh - 2 * v) % p
        return x3, (r * (v - x3) - s1 * hhh) % p, z1 * z2 * h % p


def _signed_digits(factor: int) -> list[int]:
    """The non-adjacent form of width `_WINDOW`: digits zero or odd, lowest first."""
    digits = []
    while factor:
        digit = 0
        if factor & 1:
            digit = factor % 2**_WINDOW
            if digit >= 2 ** (_WINDOW - 1):
                digit -= 2**_WINDOW
            factor -= digit
        digits.append(digit)
        factor >>= 1
    return digits


STANDARD_CURVES: dict[int, Curve] = {number: Curve(constants) for number, constants in CURVES.items()}
"""By parameter id (9303-11 section 9.5.1)."""
