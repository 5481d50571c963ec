"""The groups a chip agrees on keys in: eleven curves on `ecdsa`, three of RFC 5114, and the mappings of PACE.

Parameter numbers: ICAO 9303-11 section 9.5.1. No protection against side channels: there is nothing to protect.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ecdsa import curves, ellipticcurve

from hil.passport.tlv import integer, oid, sequence, tlv, value_octets

Random = Callable[[int], bytes]
Element = Any
"""A point or a number: only its group looks inside."""

EC_PUBLIC_KEY, PRIME_FIELD, DH_PUBLIC_NUMBER = "1.2.840.10045.2.1", "1.2.840.10045.1.1", "1.2.840.10046.2.1"


class GroupError(ValueError):
    """A public key that is none of this group, or a mapping the group does not have."""


class Group(ABC):
    """A cyclic group of prime order in which to agree on a key."""

    name: str
    number: int
    """Of the standardised domain parameters."""
    order: int
    prime: int
    """Of its field."""
    base: Element
    tag: int
    """Of a public key in the data of an authentication token: 86 for points, 84 for numbers."""

    @property
    def bits(self) -> int:
        """Of a number of its field."""
        return self.prime.bit_length()

    @property
    def size(self) -> int:
        """Octets of a number of its field."""
        return (self.bits + 7) // 8

    @abstractmethod
    def power(self, element: Element, exponent: int) -> Element:
        """The operation `exponent` times."""

    @abstractmethod
    def combine(self, one: Element, other: Element) -> Element:
        """The operation."""

    @abstractmethod
    def encode(self, element: Element) -> bytes:
        """A public key as it is sent."""

    @abstractmethod
    def decode(self, data: bytes) -> Element:
        """A public key that was sent. Raises GroupError unless it is of this group and not neutral."""

    @abstractmethod
    def secret(self, element: Element) -> bytes:
        """The octets keys are derived from: the x-coordinate, or the number, as long as the field."""

    @abstractmethod
    def map_number(self, number: int) -> Element:
        """The element of the integrated mapping (9303-11 section 4.4.3.3.2). Raises GroupError if it has none."""

    @abstractmethod
    def key_info(self, element: Element) -> bytes:
        """SubjectPublicKeyInfo with all parameters spelt out."""

    def private(self, random: Random) -> int:
        """A private key."""
        size = (self.order.bit_length() + 7) // 8
        while True:
            key = int.from_bytes(random(size), "big") >> (-self.order.bit_length() % 8)
            if 0 < key < self.order:
                return key

    def public(self, private: int, base: Element | None = None) -> bytes:
        """The public key of a private one, from another base after a mapping."""
        return self.encode(self.power(self.base if base is None else base, private))

    def agree(self, private: int, public: bytes) -> Element:
        """What both sides compute. Raises GroupError."""
        return self.power(self.decode(public), private)


class EllipticCurve(Group):
    """One of the curves; its points are `ecdsa`'s."""

    tag = 0x86

    def __init__(self, name: str, number: int, curve: Any) -> None:
        self.name, self.number, self.curve = name, number, curve
        self.order, self.base, self.prime = int(curve.order), curve.generator, int(curve.curve.p())

    def power(self, element: Element, exponent: int) -> Element:
        """A multiple of a point."""
        return element * exponent

    def combine(self, one: Element, other: Element) -> Element:
        """The sum of two points."""
        return one + other

    def encode(self, element: Element) -> bytes:
        """An uncompressed point, 04 X Y."""
        return b"\x04" + b"".join(int(axis).to_bytes(self.size, "big") for axis in (element.x(), element.y()))

    def decode(self, data: bytes) -> Element:
        """A point on the curve; the point at infinity has no such encoding."""
        if len(data) != 1 + 2 * self.size or data[0] != 4:
            raise GroupError("not an uncompressed point of this curve")
        x, y = (int.from_bytes(data[at : at + self.size], "big") for at in (1, 1 + self.size))
        if max(x, y) >= self.prime or not self.curve.curve.contains_point(x, y):
            raise GroupError("not on the curve")
        return ellipticcurve.PointJacobi(self.curve.curve, x, y, 1, self.order)

    def secret(self, element: Element) -> bytes:
        """The x-coordinate."""
        if element == ellipticcurve.INFINITY:
            raise GroupError("the agreed point is at infinity")
        return int(element.x()).to_bytes(self.size, "big")

    def map_number(self, number: int) -> Element:
        """Point encoding of 9303-11 appendix B.2; only for primes that are 3 modulo 4."""
        p, a, b = self.prime, int(self.curve.curve.a()), int(self.curve.curve.b())
        if p % 4 != 3:
            raise GroupError(f"{self.name} has no integrated mapping")
        alpha = -pow(number, 2, p) % p
        first = -b * pow(a, -1, p) * (1 + pow(alpha + alpha * alpha, -1, p)) % p
        second = alpha * first % p
        height = (pow(first, 3, p) + a * first + b) % p
        root = pow(height, p - 1 - (p + 1) // 4, p)
        if root * root * height % p == 1:
            x, y = first, root * height % p
        else:
            x, y = second, root * pow(number, 3, p) * height % p
        return ellipticcurve.PointJacobi(self.curve.curve, x, y, 1, self.order)

    def key_info(self, element: Element, *, named: bool = False, other_base: Element | None = None) -> bytes:
        """Of a point, RFC 3279 section 2.3.5; by the curve's name if so wanted. `other_base` is for forgers."""
        parameters = oid(".".join(map(str, self.curve.oid)))
        if not named:
            p, curve = self.prime, self.curve.curve
            base = self.base if other_base is None else other_base
            parameters = sequence(
                integer(1),
                sequence(oid(PRIME_FIELD), integer(p)),
                sequence(*(tlv(4, (int(one) % p).to_bytes(self.size, "big")) for one in (curve.a(), curve.b()))),
                tlv(4, self.encode(base)),
                integer(self.order),
                integer(1),
            )
        return sequence(sequence(oid(EC_PUBLIC_KEY), parameters), tlv(3, b"\x00", self.encode(element)))


class ModularGroup(Group):
    """A subgroup of the numbers modulo a prime, RFC 5114."""

    tag = 0x84

    def __init__(self, name: str, number: int, *, prime: str, base: str, order: str) -> None:
        self.name, self.number = name, number
        self.prime, self.base, self.order = int(prime, 16), int(base, 16), int(order, 16)

    def power(self, element: Element, exponent: int) -> Element:
        """A power."""
        return pow(element, exponent, self.prime)

    def combine(self, one: Element, other: Element) -> Element:
        """A product."""
        return one * other % self.prime

    def encode(self, element: Element) -> bytes:
        """An unsigned integer, 9303-11 section 9.4.4."""
        return value_octets(element)

    def decode(self, data: bytes) -> Element:
        """A number of the subgroup, not 1."""
        number = int.from_bytes(data, "big")
        if not 1 < number < self.prime or pow(number, self.order, self.prime) != 1:
            raise GroupError("not of the subgroup")
        return number

    def secret(self, element: Element) -> bytes:
        """The number, as long as the prime."""
        return int(element).to_bytes(self.size, "big")

    def map_number(self, number: int) -> Element:
        """A power that lies in the subgroup, 9303-11 section 4.4.3.3.2."""
        return pow(number, (self.prime - 1) // self.order, self.prime)

    def private(self, random: Random) -> int:
        """A private key whose public key fills its field, so that no reading of "unsigned integer" matters."""
        while True:
            key = super().private(random)
            if len(self.public(key)) == self.size:
                return key

    def key_info(self, element: Element) -> bytes:
        """Of a number, RFC 3279 section 2.3.3."""
        parameters = sequence(integer(self.prime), integer(self.base), integer(self.order))
        return sequence(sequence(oid(DH_PUBLIC_NUMBER), parameters), tlv(3, b"\x00", integer(element)))


_DH1024_P = (
    "B10B8F96A080E01DDE92DE5EAE5D54EC52C99FBCFB06A3C69A6A9DCA52D23B616073E28675A23D189838EF1E2EE652C013ECB4AEA9061123"
    "24975C3CD49B83BFACCBDD7D90C4BD7098488E9C219A73724EFFD6FAE5644738FAA31A4FF55BCCC0A151AF5F0DC8B4BD45BF37DF365C1A65"
    "E68CFDA76D4DA708DF1FB2BC2E4A4371"
)
_DH1024_G = (
    "A4D1CBD5C3FD34126765A442EFB99905F8104DD258AC507FD6406CFF14266D31266FEA1E5C41564B777E690F5504F213160217B4B01B886A"
    "5E91547F9E2749F4D7FBD7D3B9A92EE1909D0D2263F80A76A6A24C087A091F531DBF0A0169B6A28AD662A4D18E73AFA32D779D5918D08BC8"
    "858F4DCEF97C2A24855E6EEB22B3B2E5"
)
_DH224_P = (
    "AD107E1E9123A9D0D660FAA79559C51FA20D64E5683B9FD1B54B1597B61D0A75E6FA141DF95A56DBAF9A3C407BA1DF15EB3D688A309C180E"
    "1DE6B85A1274A0A66D3F8152AD6AC2129037C9EDEFDA4DF8D91E8FEF55B7394B7AD5B7D0B6C12207C9F98D11ED34DBF6C6BA0B2C8BBC27BE"
    "6A00E0A0B9C49708B3BF8A317091883681286130BC8985DB1602E714415D9330278273C7DE31EFDC7310F7121FD5A07415987D9ADC0A486D"
    "CDF93ACC44328387315D75E198C641A480CD86A1B9E587E8BE60E69CC928B2B9C52172E413042E9B23F10B0E16E79763C9B53DCF4BA80A29"
    "E3FB73C16B8E75B97EF363E2FFA31F71CF9DE5384E71B81C0AC4DFFE0C10E64F"
)
_DH224_G = (
    "AC4032EF4F2D9AE39DF30B5C8FFDAC506CDEBE7B89998CAF74866A08CFE4FFE3A6824A4E10B9A6F0DD921F01A70C4AFAAB739D7700C29F52"
    "C57DB17C620A8652BE5E9001A8D66AD7C17669101999024AF4D027275AC1348BB8A762D0521BC98AE247150422EA1ED409939D54DA7460CD"
    "B5F6C6B250717CBEF180EB34118E98D119529A45D6F834566E3025E316A330EFBB77A86F0C1AB15B051AE3D428C8F8ACB70A8137150B8EEB"
    "10E183EDD19963DDD9E263E4770589EF6AA21E7F5F2FF381B539CCE3409D13CD566AFBB48D6C019181E1BCFE94B30269EDFE72FE9B6AA4BD"
    "7B5A0F1C71CFFF4C19C418E1F6EC017981BC087F2A7065B384B890D3191F2BFA"
)
_DH256_P = (
    "87A8E61DB4B6663CFFBBD19C651959998CEEF608660DD0F25D2CEED4435E3B00E00DF8F1D61957D4FAF7DF4561B2AA3016C3D91134096FAA"
    "3BF4296D830E9A7C209E0C6497517ABD5A8A9D306BCF67ED91F9E6725B4758C022E0B1EF4275BF7B6C5BFC11D45F9088B941F54EB1E59BB8"
    "BC39A0BF12307F5C4FDB70C581B23F76B63ACAE1CAA6B7902D52526735488A0EF13C6D9A51BFA4AB3AD8347796524D8EF6A167B5A41825D9"
    "67E144E5140564251CCACB83E6B486F6B3CA3F7971506026C0B857F689962856DED4010ABD0BE621C3A3960A54E710C375F26375D7014103"
    "A4B54330C198AF126116D2276E11715F693877FAD7EF09CADB094AE91E1A1597"
)
_DH256_G = (
    "3FB32C9B73134D0B2E77506660EDBD484CA7B18F21EF205407F4793A1A0BA12510DBC15077BE463FFF4FED4AAC0BB555BE3A6C1B0C6B47B1"
    "BC3773BF7E8C6F62901228F8C28CBB18A55AE31341000A650196F931C77A57F2DDF463E5E9EC144B777DE62AAAB8A8628AC376D282D6ED38"
    "64E67982428EBC831D14348F6F2F9193B5045AF2767164E1DFC967C1FB3F2E55A4BD1BFFE83B9C80D052B985D182EA0ADB2A3B7313D3FE14"
    "C8484B1E052588B9B7D2BBD2DF016199ECD06E1557CD0915B3353BBB64E0EC377FD028370DF92B52C7891428CDC67EB6184B523D1DB246C3"
    "2F63078490F00EF8D647D148D47954515E2327CFEF98C582664B4C0F6CC41659"
)

CURVES: dict[str, EllipticCurve] = {
    name: EllipticCurve(name, number, curve)
    for name, number, curve in (
        ("p192", 8, curves.NIST192p),
        ("bp192", 9, curves.BRAINPOOLP192r1),
        ("p224", 10, curves.NIST224p),
        ("bp224", 11, curves.BRAINPOOLP224r1),
        ("p256", 12, curves.NIST256p),
        ("bp256", 13, curves.BRAINPOOLP256r1),
        ("bp320", 14, curves.BRAINPOOLP320r1),
        ("p384", 15, curves.NIST384p),
        ("bp384", 16, curves.BRAINPOOLP384r1),
        ("bp512", 17, curves.BRAINPOOLP512r1),
        ("p521", 18, curves.NIST521p),
    )
}
"""Curves by their short name: NIST's P and Brainpool's r1."""

MODULAR: dict[str, ModularGroup] = {
    group.name: group
    for group in (
        ModularGroup(
            "dh1024-160", 0, prime=_DH1024_P, base=_DH1024_G, order="F518AA8781A8DF278ABA4E7D64B7CB9D49462353"
        ),
        ModularGroup(
            "dh2048-224",
            1,
            prime=_DH224_P,
            base=_DH224_G,
            order="801C0D34C58D93FE997177101F80535A4738CEBCBF389A99B36371EB",
        ),
        ModularGroup(
            "dh2048-256",
            2,
            prime=_DH256_P,
            base=_DH256_G,
            order="8CF83642A709A097B447997640129DA299B1A47D1EB3750BA308B0FE64F5FBD3",
        ),
    )
}
"""Groups of RFC 5114 sections 2.1 to 2.3."""

GROUPS: dict[str, Group] = {**MODULAR, **CURVES}
