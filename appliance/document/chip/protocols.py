"""The object identifiers of PACE and chip authentication, and what each stands for (9303-11 section 9.2): a table."""

from dataclasses import dataclass
from enum import StrEnum, auto
from functools import cache

from asn1crypto import core

from appliance.document.chip.crypto import Suite

_BSI = "0.4.0.127.0.7.2.2"
PUBLIC_KEY_DH, PUBLIC_KEY_ECDH = f"{_BSI}.1.1", f"{_BSI}.1.2"
ACTIVE_AUTHENTICATION = "2.23.136.1.1.5"
STANDARDISED_PARAMETERS = "0.4.0.127.0.7.1.2"


class Agreement(StrEnum):
    """Which group a key is agreed in."""

    DH = auto()
    ECDH = auto()


class Mapping(StrEnum):
    """How PACE gets its generator from the nonce."""

    GM = auto()
    IM = auto()
    CAM = auto()


@dataclass(frozen=True, slots=True)
class PaceProtocol:
    """One suite of PACE."""

    mapping: Mapping
    agreement: Agreement
    suite: Suite


@dataclass(frozen=True, slots=True)
class ChipAuthenticationProtocol:
    """One suite of chip authentication."""

    agreement: Agreement
    suite: Suite


_SUITES = {1: Suite.TDES, 2: Suite.AES_128, 3: Suite.AES_192, 4: Suite.AES_256}
_MAPPINGS = {
    1: (Mapping.GM, Agreement.DH),
    2: (Mapping.GM, Agreement.ECDH),
    3: (Mapping.IM, Agreement.DH),
    4: (Mapping.IM, Agreement.ECDH),
    6: (Mapping.CAM, Agreement.ECDH),
}
PACE: dict[str, PaceProtocol] = {
    f"{_BSI}.4.{arc}.{last}": PaceProtocol(mapping, agreement, suite)
    for arc, (mapping, agreement) in _MAPPINGS.items()
    for last, suite in _SUITES.items()
    if mapping is not Mapping.CAM or suite is not Suite.TDES
}
PACE_DOMAIN_PARAMETERS: dict[str, tuple[Mapping, Agreement]] = {
    f"{_BSI}.4.{arc}": meaning for arc, meaning in _MAPPINGS.items()
}
CHIP_AUTHENTICATION: dict[str, ChipAuthenticationProtocol] = {
    f"{_BSI}.3.{arc}.{last}": ChipAuthenticationProtocol(agreement, suite)
    for arc, agreement in ((1, Agreement.DH), (2, Agreement.ECDH))
    for last, suite in _SUITES.items()
}


@cache
def oid_bytes(dotted: str) -> bytes:
    """The content octets of an object identifier."""
    return bytes(core.ObjectIdentifier(dotted).contents)


def unsigned(number: int) -> bytes:
    """A parameter or key id as a chip is told it: big-endian, as few octets as it takes."""
    return number.to_bytes((number.bit_length() + 7) // 8 or 1, "big")
