"""From the certificate that signed a document to a trusted issuer (ICAO 9303-11 section 5.1, 9303-12 section 6.1).

Not responsible for the document's own signature (`passive`) nor for which issuers are trusted (`anchors`, `store`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.certificate import Certificate, Crl
from appliance.document.trust.keys import public_key
from appliance.document.trust.signatures import Finding, Policy, weaknesses

MASTER_LIST_SIGNER = "2.23.136.1.1.3"
_OTHER_SIGNERS = frozenset({MASTER_LIST_SIGNER, "2.23.136.1.1.8"})
"""Extended key usages of 9303-12 table 6 whose keys sign lists, master or deviation, and never a document."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The issuer found, None without; and everything that is wrong with the way to it."""

    csca: Certificate | None
    findings: tuple[Finding, ...]


def chain(dsc: Certificate, anchors: Anchors, *, on: date, policy: Policy) -> Chain:
    """Judge a document signer's certificate on a day. Never raises for what the certificate holds."""
    if not anchors.certificates:
        return Chain(None, ((Reason.TRUST_UNAVAILABLE, "the trust store holds no certificate"),))
    csca, problem = _issuer(dsc, anchors, on)
    findings = [] if problem is None else [problem]
    findings += _usage(dsc)
    if not dsc.is_valid(on):
        findings.append((Reason.CERTIFICATE_EXPIRED, f"DSC valid {dsc.not_before} to {dsc.not_after}"))
    if csca is not None:
        findings += _with_issuer(dsc, csca, on=on, policy=policy)
        findings += _revocation(dsc, anchors.crls_for(dsc, csca), on)
    return Chain(csca, tuple(findings))


def _issuer(dsc: Certificate, anchors: Anchors, on: date) -> tuple[Certificate | None, Finding | None]:
    """The trusted certificate whose key signed this one; of several for one key, one that is valid on the day."""
    candidates, unreadable = anchors.candidates(dsc), None
    for one in candidates:
        try:
            if dsc.is_signed_by(one):
                same_key = [each for each in candidates if each.public_key_info == one.public_key_info]
                return max(same_key, key=lambda each: (each.is_valid(on), each.not_after)), None
        except DocumentFault as fault:
            unreadable = unreadable or (fault.reason, f"issuer's signature: {fault.detail}")
    if unreadable is not None:
        return None, unreadable
    if anchors.keys_of(dsc):
        return None, (Reason.CHAIN_WRONG, "the key it names as its issuer's did not sign it")
    # A name alone accuses nobody: the state may sign with a newer key than the lists have.
    return None, (Reason.UNKNOWN_CSCA, f"{len(candidates)} of this name in the lists, none signed it")


def _usage(dsc: Certificate) -> Iterator[Finding]:
    if dsc.usages is not None and "digital_signature" not in dsc.usages:
        yield Reason.CHAIN_WRONG, "the signer's certificate is not for signatures"
    if dsc.extended_usages & _OTHER_SIGNERS:
        yield Reason.CHAIN_WRONG, "the signer's certificate is for lists, not for documents"
    if dsc.not_understood:
        yield Reason.ALGORITHM_UNSUPPORTED, f"critical extension {dsc.not_understood[0]}"


def _with_issuer(dsc: Certificate, csca: Certificate, *, on: date, policy: Policy) -> Iterator[Finding]:
    if not csca.is_valid(on):
        yield Reason.CERTIFICATE_EXPIRED, f"CSCA valid {csca.not_before} to {csca.not_after}"
    for weakness in weaknesses(public_key(csca.public_key_info), dsc.algorithm, policy):
        yield Reason.ALGORITHM_WEAK, f"{weakness} in the issuer's signature"
    if not dsc.country or dsc.country != csca.country:
        yield Reason.COUNTRY_MISMATCH, f"signer of {dsc.country or '?'}, issuer of {csca.country or '?'}"


def _revocation(dsc: Certificate, crls: tuple[Crl, ...], on: date) -> Iterator[Finding]:
    """9303-12 6.1.2: mandatory. The newest list must be in force; one that is not still revokes what it revokes.

    A CSCA itself is withdrawn by taking it out of the lists: serial numbers of its own line may repeat in its list.
    """
    for crl in crls:
        if dsc.serial in crl.revoked:
            yield Reason.CERTIFICATE_REVOKED, f"by the list of {crl.this_update}"
    if not crls:
        yield Reason.CRL_MISSING, f"none of {dsc.country or '?'} signed by its CSCA"
    elif not crls[0].is_fresh(on):
        yield Reason.CRL_STALE, f"list of {crls[0].this_update}, next due {crls[0].next_update}"
