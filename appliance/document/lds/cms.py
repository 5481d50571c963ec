"""CMS SignedData (RFC 5652) as passports and master lists use it, BER included (indefinite lengths are on real ones).

Not responsible for whether a signature is right: this says what was signed, by what, and with which certificates.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms

from appliance.document.lds.asn1 import malformed, present
from appliance.document.tlv import build

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"
_SET = 0x31
_MOST_CERTIFICATES = 32


@dataclass(frozen=True, slots=True)
class Signer:
    """A SignerInfo. `issuer` (a Name, DER) and `serial`, or `key_id`, say whose it is.

    `attributes` are the encodings the signature may be over: as sent, and as DER where that differs (RFC 5652 5.4);
    empty when there are none. `content_type` and `message_digest` are None unless there is exactly one.
    """

    issuer: bytes | None
    serial: int | None
    key_id: bytes | None
    digest_algorithm: str
    signature_algorithm: bytes
    signature: bytes
    attributes: tuple[bytes, ...]
    content_type: str | None
    message_digest: bytes | None
    signing_time: datetime | None


@dataclass(frozen=True, slots=True)
class SignedData:
    """What was signed: the content's type in dots and its bytes; the one signer; the certificates (DER)."""

    content_type: str
    content: bytes
    signer: Signer
    certificates: tuple[bytes, ...]


def signed_data(data: bytes, what: str) -> SignedData:
    """The SignedData `data` consists of; `what` names it in errors. Raises DocumentFault.

    Exactly one signer: with two, "the signature is right" would not say whose.
    """
    with malformed(what):
        info = cms.ContentInfo.load(data, strict=True)
        if info["content_type"].dotted != _SIGNED_DATA:
            raise ValueError("not SignedData")
        signed = info["content"]
        (signer,) = signed["signer_infos"]
        certificates = _certificates(signed)
        encapsulated = signed["encap_content_info"]
        return SignedData(
            content_type=encapsulated["content_type"].dotted,
            content=bytes(encapsulated["content"]),
            signer=_signer(signer),
            certificates=certificates,
        )


def _certificates(signed: Any) -> tuple[bytes, ...]:
    found = signed["certificates"]
    if not present(found):
        return ()
    if len(found) > _MOST_CERTIFICATES:
        raise ValueError("more certificates than any signed file has")
    return tuple(one.chosen.dump() for one in found if one.name == "certificate")


def _signer(signer: Any) -> Signer:
    sid = signer["sid"]
    named = sid.name == "issuer_and_serial_number"
    attributes = signer["signed_attrs"]
    values = _attributes(attributes)
    return Signer(
        issuer=sid.chosen["issuer"].dump() if named else None,
        serial=sid.chosen["serial_number"].native if named else None,
        key_id=None if named else sid.chosen.native,
        digest_algorithm=signer["digest_algorithm"]["algorithm"].dotted,
        signature_algorithm=signer["signature_algorithm"].dump(),
        signature=signer["signature"].native,
        attributes=_encodings(attributes),
        content_type=_one(values, _CONTENT_TYPE),
        message_digest=_one(values, _MESSAGE_DIGEST),
        signing_time=_utc(_one(values, _SIGNING_TIME)),
    )


def _utc(time: Any) -> datetime | None:
    """A time with its zone; UTC, which RFC 5652 11.3 requires, where it names none. None for what is no time."""
    if not isinstance(time, datetime):
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _attributes(attributes: Any) -> dict[str, list[Any]]:
    """Every value of every attribute that matters, by its type in dots."""
    values: dict[str, list[Any]] = {_CONTENT_TYPE: [], _MESSAGE_DIGEST: [], _SIGNING_TIME: []}
    for attribute in attributes if present(attributes) else ():
        kind = attribute["type"].dotted
        if kind in values:
            values[kind].extend(one.dotted if kind == _CONTENT_TYPE else one.native for one in attribute["values"])
    return values


def _one(values: dict[str, list[Any]], kind: str) -> Any:
    return values[kind][0] if len(values[kind]) == 1 else None


def _encodings(attributes: Any) -> tuple[bytes, ...]:
    if not present(attributes):
        return ()
    as_sent = build(_SET, attributes.contents)
    as_der = attributes.untag().dump(force=True)
    return (as_sent,) if as_sent == as_der else (as_sent, as_der)
