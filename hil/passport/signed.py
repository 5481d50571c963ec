"""Signed contents: EF.SOD, EF.CardSecurity, master lists (RFC 5652, 9303-10 section 4.6.2, 9303-12 section 9)."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from asn1crypto import algos, cms

from hil.passport.pki import Authority
from hil.passport.signing import DIGESTS
from hil.passport.tlv import integer, sequence, set_of, tlv

LDS_SECURITY_OBJECT, MASTER_LIST, SECURITY_OBJECT = "2.23.136.1.1.1", "2.23.136.1.1.2", "0.4.0.127.0.7.3.2.1"


def signed_data(
    content_type: str, content: bytes, by: Authority, *, others: Iterable[Authority] = (), at: datetime | None = None
) -> bytes:
    """A content and one signature over it, saying when if told; certificates of the signer and `others` are inside."""
    digest = by.signer.scheme.digest
    said = [
        {"type": "content_type", "values": [content_type]},
        {"type": "message_digest", "values": [DIGESTS[digest].new(content).digest()]},
    ]
    if at:
        said.append({"type": "signing_time", "values": [cms.Time({"utc_time": at})]})
    attributes = cms.CMSAttributes(said)
    signer = {
        "version": "v1",
        "sid": cms.SignerIdentifier(
            {
                "issuer_and_serial_number": {
                    "issuer": by.certificate.issuer,
                    "serial_number": by.certificate.serial_number,
                }
            }
        ),
        "digest_algorithm": {"algorithm": digest},
        "signed_attrs": attributes,
        "signature_algorithm": by.signer.scheme.algorithm,
        "signature": by.signer.sign(attributes.dump()),
    }
    data = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": digest}],
            "encap_content_info": {"content_type": content_type, "content": content},
            "certificates": [one.certificate for one in (by, *others)],
            "signer_infos": [signer],
        }
    )
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())


def security_object(groups: Mapping[int, bytes], by: Authority) -> bytes:
    """EF.SOD over data groups, by their numbers; hashed with what the signer signs with."""
    digest = by.signer.scheme.digest
    content = sequence(
        integer(0),
        algos.DigestAlgorithm({"algorithm": digest}).dump(),
        sequence(
            *(
                sequence(integer(number), tlv(4, DIGESTS[digest].new(data).digest()))
                for number, data in sorted(groups.items())
            )
        ),
    )
    return tlv(0x77, signed_data(LDS_SECURITY_OBJECT, content, by))


def card_security(infos: Iterable[bytes], by: Authority) -> bytes:
    """EF.CardSecurity, 9303-11 section 9.2.11."""
    return signed_data(SECURITY_OBJECT, set_of(*infos), by)


def master_list(certificates: Iterable[bytes], by: Authority, *, root: Authority, at: datetime) -> bytes:
    """A CSCA master list, signed at a time by one whom the root certified."""
    return signed_data(MASTER_LIST, sequence(integer(0), set_of(*certificates)), by, others=(root,), at=at)
