"""CSCA master lists (ICAO 9303-12 section 9): one state's signed list of the issuers of all states.

Not responsible for whether the list is the newest, nor for keeping it (`store`). The list's root is given: whoever
calls has pinned it by a fingerprint that came another way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from appliance.document.lds.asn1 import elements, integer, malformed
from appliance.document.lds.cms import SignedData, signed_data
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import head
from appliance.document.trust.certificate import Certificate, certificate
from appliance.document.trust.chain import MASTER_LIST_SIGNER
from appliance.document.trust.signatures import Finding, Policy
from appliance.document.trust.signed import attribute_findings, signature_findings, signer_certificate

CONTENT_TYPE = "2.23.136.1.1.2"
_SEQUENCE, _SET = 0x30, 0x31


@dataclass(frozen=True, slots=True)
class MasterList:
    """A verified list: when it was signed (UTC), its certificates, and how many more of them cannot be read."""

    signed: datetime
    certificates: tuple[Certificate, ...]
    unreadable: int


def verified(data: bytes, root: Certificate) -> MasterList:
    """The list, if its signer was certified by this very root. Raises DocumentFault with the first thing wrong.

    Validity is judged at the time of signing (9303-12 section 9.2 requires it to be there), so that a list that was
    right when it was imported stays so.
    """
    signed = signed_data(data, "a master list")
    if signed.content_type != CONTENT_TYPE:
        raise DocumentFault(Reason.FILE_MALFORMED, f"it is signed, but no master list ({signed.content_type})")
    for reason, detail in _findings(signed, root):
        raise DocumentFault(reason, detail)
    assert signed.signer.signing_time is not None
    certificates, unreadable = contents(signed.content)
    return MasterList(signed.signer.signing_time, certificates, unreadable)


def _findings(signed: SignedData, root: Certificate) -> Iterator[Finding]:
    yield from attribute_findings(signed, {CONTENT_TYPE})
    signer = signer_certificate(signed)
    if MASTER_LIST_SIGNER not in signer.extended_usages:
        yield Reason.CHAIN_WRONG, "its signer is not one for master lists"
    if not signer.is_signed_by(root):
        yield Reason.CHAIN_WRONG, "its signer was not certified by this root"
    yield from signature_findings(signed, signer, Policy())
    if (at := signed.signer.signing_time) is None:
        yield Reason.FILE_MALFORMED, "it does not say when it was signed"
    elif not (signer.is_valid(at.date()) and root.is_valid(at.date())):
        yield Reason.CERTIFICATE_EXPIRED, f"its signer or its root was not valid when it was signed ({at.date()})"


def contents(content: bytes) -> tuple[tuple[Certificate, ...], int]:
    """The certificates of a CscaMasterList, and how many cannot be read and are not trusted. DocumentFault."""
    with malformed("a master list"):
        version, certificates = elements(_inside(content, _SEQUENCE))
        if integer(version) != 0:
            raise ValueError("a version of the master list nobody has defined")
        raws = list(elements(_inside(certificates, _SET)))
    found, unreadable = [], 0
    for raw in raws:
        try:
            found.append(certificate(raw))
        except DocumentFault:
            unreadable += 1
    return tuple(found), unreadable


def _inside(raw: bytes, tag: int) -> bytes:
    found, at, length = head(raw[:8])
    if found != tag or at + length != len(raw):
        raise ValueError("not the object expected")
    return raw[at:]
