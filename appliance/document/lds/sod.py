"""EF.SOD and EF.CardSecurity: what their issuer signed (ICAO 9303-10 section 4.6.2, 9303-11 section 9.2.11).

Not responsible for whether the signature is right: `appliance.document.trust.passive`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.document.lds.asn1 import integer, malformed, oid
from appliance.document.lds.cms import SignedData, signed_data
from appliance.document.tlv import only, parse

EF_SOD = 0x77
LDS_SECURITY_OBJECT = "2.23.136.1.1.1"
CONTENT_TYPES = frozenset({LDS_SECURITY_OBJECT, "1.3.27.1.1.1", "1.2.528.1.1006.1.20.1", "1.2.840.113549.1.7.1"})
"""The eContentType of 9303-10, two from drafts of it that are still on passports, and id-data (China)."""
CARD_SECURITY = "0.4.0.127.0.7.3.2.1"
_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04
_HIGHEST_GROUP = 16


@dataclass(frozen=True, slots=True)
class SecurityObject:
    """LDSSecurityObject (9303-10 4.6.2.2): the hash of every data group there is, by its number.

    `digest_algorithm` is an identifier in dots; `lds_version` is "" in version 0, which does not say it.
    """

    version: int
    digest_algorithm: str
    hashes: Mapping[int, bytes]
    lds_version: str


def sod(data: bytes) -> SignedData:
    """The SignedData of EF.SOD as read. Raises DocumentFault."""
    with malformed("EF.SOD"):
        inside = only(data, EF_SOD).value
    return signed_data(inside, "EF.SOD")


def security_object(content: bytes) -> SecurityObject:
    """The LDSSecurityObject of a SOD's content. Raises DocumentFault."""
    with malformed("the LDS security object"):
        version, algorithm, groups, *rest = only(content, _SEQUENCE).children()
        hashes: dict[int, bytes] = {}
        for group in only(groups.raw, _SEQUENCE).children():
            number, digest = only(group.raw, _SEQUENCE).children()
            which = integer(number.raw)
            if not 1 <= which <= _HIGHEST_GROUP or which in hashes or digest.tag != _OCTETS:
                raise ValueError("not a list of data groups")
            hashes[which] = digest.value
        if (which := integer(version.raw)) not in (0, 1) or version.tag != _INTEGER or len(rest) > 1:
            raise ValueError("a version of the security object nobody has defined")
        return SecurityObject(
            version=which,
            digest_algorithm=oid(parse(only(algorithm.raw, _SEQUENCE).value)[0].raw),
            hashes=hashes,
            lds_version=_lds_version(rest[0].value) if rest else "",
        )


def _lds_version(info: bytes) -> str:
    version, _ = parse(info)
    return version.value.decode("ascii")


def card_security(data: bytes) -> SignedData:
    """The SignedData of EF.CardSecurity as read; its content is a SET OF SecurityInfo. Raises DocumentFault."""
    return signed_data(data, "EF.CardSecurity")
