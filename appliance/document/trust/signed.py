"""Whether a CMS SignedData is signed as it says, by the certificate it says (RFC 5652 section 5, ICAO 9303-10 4.6.2.1).

Not responsible for whether that certificate is to be trusted (`chain`, `masterlist`).
"""

import hashlib
import hmac
from collections.abc import Iterator, Set

from appliance.document.lds.asn1 import malformed
from appliance.document.lds.cms import SignedData, Signer
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust.certificate import Certificate, certificate, name_of
from appliance.document.trust.keys import public_key
from appliance.document.trust.signatures import Algorithm, Finding, Policy, algorithm, digest_name, verifies, weaknesses


def signer_certificate(signed: SignedData) -> Certificate:
    """The certificate of the signer among those that came with it.

    Some SODs name their signer in other letters than its certificate (Malaysia): a single one is then it, since the
    signature and the chain must hold anyway. Raises DocumentFault: FILE_MALFORMED, UNKNOWN_CSCA when there is none.
    """
    certificates = [certificate(raw) for raw in signed.certificates]
    for one in certificates:
        if _names(signed.signer, one):
            return one
    if len(certificates) == 1:
        return certificates[0]
    raise DocumentFault(Reason.UNKNOWN_CSCA, f"none of the {len(certificates)} certificates inside is the signer's")


def _names(signer: Signer, one: Certificate) -> bool:
    if signer.issuer is None:
        return signer.key_id is not None and signer.key_id == one.key_id
    with malformed("the name of a signer's issuer"):
        return signer.serial == one.serial and name_of(signer.issuer) == one.issuer


def signature_algorithm(signer: Signer) -> Algorithm:
    """What it is signed with, as the SignerInfo says: the certificate's own algorithm is another. DocumentFault."""
    return algorithm(signer.signature_algorithm, digest_name(signer.digest_algorithm))


def attribute_findings(signed: SignedData, content_types: Set[str]) -> Iterator[Finding]:
    """What is wrong between the content and the signed attributes that stand for it."""
    signer = signed.signer
    if signed.content_type not in content_types:
        yield Reason.SOD_ATTRIBUTES, f"it holds {signed.content_type}"
    if not signer.attributes:
        yield Reason.SOD_ATTRIBUTES, "it has no signed attributes"
    elif signer.content_type != signed.content_type:
        yield Reason.SOD_ATTRIBUTES, "the signed content type is another"
    try:
        digest = hashlib.new(digest_name(signer.digest_algorithm), signed.content).digest()
    except DocumentFault as fault:
        yield fault.reason, fault.detail
        return
    if signer.attributes and not hmac.compare_digest(signer.message_digest or b"", digest):
        yield Reason.SOD_ATTRIBUTES, "the signed digest is not the content's"


def signature_findings(signed: SignedData, by: Certificate, policy: Policy) -> Iterator[Finding]:
    """What is wrong with the signature over the attributes."""
    try:
        how, key = signature_algorithm(signed.signer), public_key(by.public_key_info)
        right = any(verifies(key, how, signed.signer.signature, encoded) for encoded in signed.signer.attributes)
    except DocumentFault as fault:
        yield fault.reason, fault.detail
        return
    if not right:
        yield Reason.SIGNATURE_WRONG, f"{how} by the key of the certificate inside"
    for weakness in weaknesses(key, how, policy):
        yield Reason.ALGORITHM_WEAK, f"{weakness} in the signer's signature"
    if how.digest != (digest := digest_name(signed.signer.digest_algorithm)) and policy.is_weak(digest):
        yield Reason.ALGORITHM_WEAK, f"{digest} in the signed attributes"
