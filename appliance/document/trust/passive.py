"""Passive authentication (ICAO 9303-11 section 5.1): the issuer signed exactly these files, and is who it says.

Every check runs and everything found is reported; only no finding at all is a pass. Not responsible for reading the
files, nor for whether the chip is the one they were written to (`active`, chip authentication).
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date

from appliance.document.lds.cms import SignedData
from appliance.document.lds.sod import CARD_SECURITY, CONTENT_TYPES, SecurityObject, card_security, security_object
from appliance.document.lds.sod import sod as parse_sod
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.certificate import Certificate
from appliance.document.trust.chain import chain
from appliance.document.trust.countries import signs_for
from appliance.document.trust.signatures import Finding, Policy, digest_name
from appliance.document.trust.signed import (
    attribute_findings,
    signature_algorithm,
    signature_findings,
    signer_certificate,
)

MANDATORY = (1, 2)
"""DG1 and DG2: without them there is neither a holder nor a portrait to prove."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says of a signature; "" is what could not be told. `csca_key_id` is its key identifier in hex."""

    signature_algorithm: str = ""
    signer_country: str = ""
    signer_serial: str = ""
    signer_valid_until: date | None = None
    csca_key_id: str = ""
    signed_groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SignatureResult:
    """Everything wrong with a signed file and its signer, what it signs (None unless that could be read), facts."""

    findings: tuple[Finding, ...]
    content: bytes | None
    facts: Facts

    @property
    def passed(self) -> bool:
        """Whether every check was carried out and none found anything."""
        return not self.findings and self.content is not None


@dataclass(frozen=True, slots=True)
class PassiveResult:
    """Everything wrong with the document; the list of hashes (None unless it could be read; believe it if passed)."""

    findings: tuple[Finding, ...]
    security_object: SecurityObject | None
    facts: Facts

    @property
    def passed(self) -> bool:
        """Whether every check was carried out and none found anything."""
        return not self.findings and self.security_object is not None


def authenticate(
    sod: bytes, files: Mapping[int, bytes], *, issuer: str, on: date, anchors: Anchors, policy: Policy
) -> PassiveResult:
    """Judge a document by its EF.SOD and its data groups, as read, by number (DG1 and DG2 at least).

    `issuer` is the issuing state as DG1 writes it. Raises nothing for whatever the bytes hold.
    """
    signature = check_sod(sod, on=on, anchors=anchors, policy=policy)
    findings, facts = list(signature.findings), signature.facts
    if facts.signer_country and not signs_for(facts.signer_country, issuer):
        findings.append((Reason.COUNTRY_MISMATCH, f"signed by {facts.signer_country}, issued by another state"))
    if signature.content is None:
        return PassiveResult(tuple(findings), None, facts)
    try:
        listed = security_object(signature.content)
        digest = digest_name(listed.digest_algorithm)
    except DocumentFault as fault:
        return PassiveResult((*findings, (fault.reason, fault.detail)), None, facts)
    if policy.is_weak(digest):
        findings.append((Reason.ALGORITHM_WEAK, f"{digest} in the security object"))
    findings += _hashes(files, listed.hashes, digest)
    return PassiveResult(tuple(findings), listed, replace(facts, signed_groups=tuple(sorted(listed.hashes))))


def _hashes(files: Mapping[int, bytes], listed: Mapping[int, bytes], digest: str) -> Iterator[Finding]:
    for number in MANDATORY:
        if number not in files:
            yield Reason.FILE_MISSING, f"DG{number} was not read"
    for number, data in sorted(files.items()):
        if number not in listed:
            yield Reason.FILE_NOT_SIGNED, f"DG{number}"
        elif not hmac.compare_digest(hashlib.new(digest, data).digest(), listed[number]):
            yield Reason.HASH_MISMATCH, f"DG{number}"


def check_sod(sod: bytes, *, on: date, anchors: Anchors, policy: Policy) -> SignatureResult:
    """Judge the signature and the signer of an EF.SOD without its data groups. Raises nothing for its bytes."""
    return _check(parse_sod, sod, CONTENT_TYPES, on=on, anchors=anchors, policy=policy)


def check_card_security(data: bytes, *, on: date, anchors: Anchors, policy: Policy) -> SignatureResult:
    """Judge EF.CardSecurity (9303-11 9.2.11), which PACE with chip authentication mapping relies on. Raises nothing."""
    return _check(card_security, data, frozenset({CARD_SECURITY}), on=on, anchors=anchors, policy=policy)


def _check(
    parse: Callable[[bytes], SignedData],
    data: bytes,
    content_types: Set[str],
    *,
    on: date,
    anchors: Anchors,
    policy: Policy,
) -> SignatureResult:
    findings: list[Finding] = []
    content, facts = None, Facts()
    try:
        signed = parse(data)
        content = signed.content
        findings += attribute_findings(signed, content_types)
        dsc = signer_certificate(signed)
        issued = chain(dsc, anchors, on=on, policy=policy)
        findings = [*issued.findings, *findings, *signature_findings(signed, dsc, policy)]
        facts = _facts(dsc, issued.csca)
        facts = replace(facts, signature_algorithm=str(signature_algorithm(signed.signer)))
    except DocumentFault as fault:
        findings.append((fault.reason, fault.detail))
    # An unknown hash is found by the attributes, by the signature and by the name of the algorithm: told once.
    return SignatureResult(tuple(dict.fromkeys(findings)), content, facts)


def _facts(dsc: Certificate, csca: Certificate | None) -> Facts:
    return Facts(
        signer_country=dsc.country,
        signer_serial=f"{dsc.serial:x}",
        signer_valid_until=dsc.not_after,
        csca_key_id=csca.key_id.hex() if csca is not None and csca.key_id is not None else "",
    )
