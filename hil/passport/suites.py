"""What a chip may offer: the suites of PACE and of chip authentication, by name and by object identifier.

Names are MAPPING-CIPHER-GROUP, e.g. gm-aes128-bp256 or cam-aes256-p384; without the mapping for chip authentication.
"""

from dataclasses import dataclass
from enum import Enum

from hil.passport.groups import CURVES, GROUPS, Group, GroupError
from hil.passport.symmetric import Cipher
from hil.passport.tlv import integer, oid, sequence

_PROTOCOLS = "0.4.0.127.0.7.2.2"


class Mapping(Enum):
    """How PACE makes a new base from the nonce; its arcs for numbers and for points (9303-11 section 9.2.1)."""

    GM = (1, 2)
    IM = (3, 4)
    CAM = (None, 6)


@dataclass(frozen=True, slots=True)
class Suite:
    """One variant of PACE."""

    mapping: Mapping
    cipher: Cipher
    group: Group

    @property
    def name(self) -> str:
        """E.g. gm-aes128-bp256."""
        return f"{self.mapping.name.lower()}-{self.cipher.label}-{self.group.name}"

    @property
    def oid(self) -> bytes:
        """Its object identifier, encoded, without tag and length."""
        arc = self.mapping.value[self.group.name in CURVES]
        return oid(f"{_PROTOCOLS}.4.{arc}.{self.cipher.number}")[2:]

    @property
    def info(self) -> bytes:
        """PACEInfo of EF.CardAccess (9303-11 section 9.2.1)."""
        return sequence(b"\x06" + bytes((len(self.oid),)) + self.oid, integer(2), integer(self.group.number))

    @property
    def nonce_size(self) -> int:
        """Bytes; the integrated mapping makes keys of it (9303-11 section 4.4.3.3.2), so it is as long as they are."""
        return 32 if self.mapping is Mapping.IM and self.cipher.key_size > 16 else 16


@dataclass(frozen=True, slots=True)
class Authentication:
    """One variant of chip authentication."""

    cipher: Cipher
    group: Group

    @property
    def name(self) -> str:
        """E.g. aes128-bp256."""
        return f"{self.cipher.label}-{self.group.name}"

    @property
    def oid(self) -> bytes:
        """Its object identifier, encoded, without tag and length."""
        return oid(f"{_PROTOCOLS}.3.{1 + (self.group.name in CURVES)}.{self.cipher.number}")[2:]

    @property
    def key_oid(self) -> bytes:
        """Of its public key: id-PK-DH or id-PK-ECDH, encoded with tag and length."""
        return oid(f"{_PROTOCOLS}.1.{1 + (self.group.name in CURVES)}")


def _has(mapping: Mapping, cipher: Cipher, group: Group) -> bool:
    if mapping is Mapping.CAM:
        return group.name in CURVES and cipher is not Cipher.TDES
    if mapping is Mapping.IM:
        try:
            group.map_number(2)
        except GroupError:
            return False
    return True


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite(mapping, cipher, group)
        for mapping in Mapping
        for group in GROUPS.values()
        for cipher in Cipher
        if _has(mapping, cipher, group)
    )
}
AUTHENTICATIONS: dict[str, Authentication] = {
    one.name: one for one in (Authentication(cipher, group) for group in GROUPS.values() for cipher in Cipher)
}
