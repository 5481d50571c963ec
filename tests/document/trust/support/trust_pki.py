"""A small issuer for tests: CSCA, document signer, SOD, CRL, master list, written with asn1crypto field by field.

Everything a genuine one keeps can be broken by an argument. Keys of one kind are made once per run.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from asn1crypto import algos, cms, core, crl, keys, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from appliance.document.tlv import build
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.certificate import certificate, revocation_list
from appliance.document.trust.curves import CURVES, Parameters

TODAY = date(2026, 11, 28)
LDS = "2.23.136.1.1.1"
MASTER_LIST = "2.23.136.1.1.2"
CARD_SECURITY = "0.4.0.127.0.7.3.2.1"
SHA256, SHA1 = "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26"
_HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def make_key(kind: str = "p256", which: int = 0) -> Private:
    """A private key; `which` tells several of one kind apart."""
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p192": ec.SECP192R1(), "bp256": ec.BrainpoolP256R1()}
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


@dataclass(frozen=True)
class Signer:
    """A key and how it signs. `mask` and `salt` are RSA-PSS's, whose mask may have another hash."""

    key: Private = field(default_factory=make_key)
    digest: str = "sha256"
    pss: bool = False
    mask: str = "sha256"
    salt: int = 32

    def sign(self, data: bytes) -> bytes:
        digest = _HASHES[self.digest]
        if isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(data, ec.ECDSA(digest))
        if self.pss:
            return self.key.sign(data, padding.PSS(padding.MGF1(_HASHES[self.mask]), self.salt), digest)
        return self.key.sign(data, padding.PKCS1v15(), digest)

    def identifier(self) -> algos.SignedDigestAlgorithm:
        if self.pss:
            mask = {"algorithm": "mgf1", "parameters": {"algorithm": self.mask}}
            told = {"hash_algorithm": {"algorithm": self.digest}, "mask_gen_algorithm": mask, "salt_length": self.salt}
            return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": told})
        scheme = "ecdsa" if isinstance(self.key, ec.EllipticCurvePrivateKey) else "rsa"
        return algos.SignedDigestAlgorithm({"algorithm": f"{self.digest}_{scheme}"})

    def public(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def key_id(self) -> bytes:
        return hashlib.sha1(self.public()).digest()


def explicit(key: Private, **changes: int) -> bytes:
    """The SubjectPublicKeyInfo of an EC key with explicit parameters, some of them changed; h=0 leaves it out."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    (true,) = [known for known, curve in CURVES.items() if curve.name == key.curve.name]
    told: Parameters = replace(true, **changes)
    size = (true.p.bit_length() + 7) // 8
    domain = {
        "version": "ecdpVer1",
        "field_id": {"field_type": "prime_field", "parameters": told.p},
        "curve": {"a": told.a.to_bytes(size, "big"), "b": told.b.to_bytes(size, "big")},
        "base": b"\x04" + told.x.to_bytes(size, "big") + told.y.to_bytes(size, "big"),
        "order": told.n,
        **({"cofactor": told.h} if told.h else {}),
    }
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return keys.PublicKeyInfo(
        {
            "algorithm": {"algorithm": "ec", "parameters": keys.ECDomainParameters("specified", domain)},
            "public_key": keys.ECPointBitString(point),
        }
    ).dump()


def name(country: str, common: str, printable: bool = False) -> x509.Name:
    """A distinguished name; `printable` writes it with another string type than usual."""
    return x509.Name.build({"country_name": country, "common_name": common}, use_printable=printable)


@dataclass(frozen=True)
class Party:
    """Somebody with a certificate: who, its key, and what it signs with."""

    signer: Signer
    country: str = "NL"
    common: str = "CSCA"
    raw: bytes = b""
    serial: int = 1


def make_certificate(
    subject: Party,
    issuer: Party,
    *,
    serial: int = 1,
    first: date = date(2020, 1, 1),
    last: date = date(2035, 1, 1),
    usage: set[str] | None = None,
    extended: list[str] | None = None,
    public: bytes | None = None,
    authority: bytes | None = None,
    no_authority: bool = False,
    printable: bool = False,
    critical: str = "",
    crl_at: str = "",
    spoil: bool = False,
) -> Party:
    """`subject` with a certificate signed by `issuer`."""
    extensions: list[dict[str, Any]] = [
        {"extn_id": "key_identifier", "critical": False, "extn_value": core.OctetString(subject.signer.key_id())},
    ]
    if not no_authority:
        told = authority if authority is not None else issuer.signer.key_id()
        extensions.append(
            {"extn_id": "authority_key_identifier", "critical": False, "extn_value": {"key_identifier": told}}
        )
    if usage is not None:
        extensions.append({"extn_id": "key_usage", "critical": True, "extn_value": usage})
    if extended is not None:
        extensions.append({"extn_id": "extended_key_usage", "critical": True, "extn_value": extended})
    if crl_at:
        at = x509.DistributionPointName(
            "full_name", [x509.GeneralName("uniform_resource_identifier", x509.URI(crl_at))]
        )
        extensions.append(
            {"extn_id": "crl_distribution_points", "critical": False, "extn_value": [{"distribution_point": at}]}
        )
    if critical:
        extensions.append({"extn_id": critical, "critical": True, "extn_value": b"\xff rubbish"})
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": serial,
            "signature": issuer.signer.identifier(),
            "issuer": name(issuer.country, issuer.common, printable),
            "validity": {"not_before": _time(first), "not_after": _time(last)},
            "subject": name(subject.country, subject.common),
            "subject_public_key_info": keys.PublicKeyInfo.load(public or subject.signer.public()),
            "extensions": extensions,
        }
    )
    signature = issuer.signer.sign(body.dump())
    if spoil:
        signature = signature[:-1] + bytes((signature[-1] ^ 1,))
    whole = x509.Certificate(
        {
            "tbs_certificate": body,
            "signature_algorithm": issuer.signer.identifier(),
            "signature_value": signature,
        }
    )
    return replace(subject, raw=whole.dump(), serial=serial)


def _time(day: date) -> x509.Time:
    return x509.Time("general_time", datetime.combine(day, time(12), UTC))


CSCA_USAGE = {"key_cert_sign", "crl_sign"}


def make_csca(signer: Signer | None = None, country: str = "NL", common: str = "CSCA", **how: Any) -> Party:
    """A self-signed CSCA."""
    party = Party(signer or Signer(make_key("p256", 1)), country, common)
    return make_certificate(party, party, **{"usage": CSCA_USAGE, **how})


def make_dsc(csca: Party, signer: Signer | None = None, country: str = "NL", **how: Any) -> Party:
    """A document signer."""
    party = Party(signer or Signer(make_key("p256", 2)), country, "DS 1")
    return make_certificate(party, csca, **{"serial": 77, "usage": {"digital_signature"}, **how})


def make_crl(
    csca: Party,
    revoked: tuple[int, ...] = (),
    *,
    issued: date = date(2026, 11, 20),
    due: date | None = date(2026, 12, 20),
    number: int = 5,
    extension: tuple[str, Any] | None = None,
    by: Signer | None = None,
) -> bytes:
    """A revocation list; `by` signs instead of the CSCA, `extension` is one more that is critical."""
    signer = by or csca.signer
    extensions: list[dict[str, Any]] = [
        {"extn_id": "crl_number", "critical": False, "extn_value": core.Integer(number)},
        {
            "extn_id": "authority_key_identifier",
            "critical": False,
            "extn_value": {"key_identifier": csca.signer.key_id()},
        },
    ]
    if extension:
        kind, value = extension
        extensions.append({"extn_id": kind, "critical": True, "extn_value": value})
    entries = [{"user_certificate": serial, "revocation_date": _time(issued)} for serial in revoked]
    body = crl.TbsCertList(
        {
            "version": "v2",
            "signature": signer.identifier(),
            "issuer": name(csca.country, csca.common),
            "this_update": _time(issued),
            **({"next_update": _time(due)} if due else {}),
            **({"revoked_certificates": entries} if entries else {}),
            "crl_extensions": extensions,
        }
    )
    return crl.CertificateList(
        {
            "tbs_cert_list": body,
            "signature_algorithm": signer.identifier(),
            "signature": signer.sign(body.dump()),
        }
    ).dump()


def make_signed(
    content: bytes,
    by: Party,
    *,
    kind: str = LDS,
    certificates: tuple[bytes, ...] | None = None,
    digest: str = "sha256",
    said_kind: str | None = None,
    said_digest: bytes | None = None,
    attributes: bool = True,
    signed_at: datetime | None = None,
    issuer: x509.Name | None = None,
    key_id: bytes | None = None,
    spoil: bool = False,
) -> bytes:
    """CMS SignedData over content by a party with a certificate."""
    said = said_digest if said_digest is not None else hashlib.new(digest, content).digest()
    told = [
        {"type": "content_type", "values": [said_kind or kind]},
        {"type": "message_digest", "values": [said]},
    ]
    if signed_at is not None:
        when = cms.Time("utc_time", signed_at)
        told.append({"type": "signing_time", "values": [when]})
    signed_attributes = cms.CMSAttributes(told)
    signature = by.signer.sign(signed_attributes.dump() if attributes else content)
    if spoil:
        signature = signature[:-1] + bytes((signature[-1] ^ 1,))
    own = x509.Certificate.load(by.raw)
    named = {"issuer": issuer or own.issuer, "serial_number": own.serial_number}
    by_key, by_name = ("subject_key_identifier", key_id), ("issuer_and_serial_number", named)
    signer: dict[str, Any] = {
        "version": "v1",
        "sid": cms.SignerIdentifier(*(by_name if key_id is None else by_key)),
        "digest_algorithm": {"algorithm": digest},
        "signature_algorithm": by.signer.identifier(),
        "signature": signature,
    }
    if attributes:
        signer["signed_attrs"] = signed_attributes
    inside = certificates if certificates is not None else (by.raw,)
    signed = cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [{"algorithm": digest}],
            "encap_content_info": {"content_type": kind, "content": content},
            "certificates": [x509.Certificate.load(raw) for raw in inside],
            "signer_infos": [signer],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()


def lds_object(hashed: dict[int, bytes], digest: str = SHA256, version: int = 0) -> bytes:
    """An LDSSecurityObject (DER) of hashes by data group."""
    groups = b"".join(build(0x30, core.Integer(n).dump() + build(0x04, h)) for n, h in hashed.items())
    algorithm = build(0x30, core.ObjectIdentifier(digest).dump() + b"\x05\x00")
    more = build(0x30, build(0x13, b"0108") + build(0x13, b"040000")) if version else b""
    return build(0x30, core.Integer(version).dump() + algorithm + build(0x30, groups) + more)


def dg1(issuer: str = "NLD") -> bytes:
    """DG1 of a passport nobody has."""
    second = "XX00000001NLD7001010F3001019<<<<<<<<<<<<<<02"
    first = f"P<{issuer:<3}MUSTER<<ERIKA"
    return build(0x61, build(0x5F1F, (f"{first:<44}".replace(" ", "<") + second).encode()))


def dg2(image: bytes = b"\xff\xd8\xff\xe0" + bytes(60), faces: int = 1) -> bytes:
    """DG2 with faces of ISO/IEC 19794-5."""
    record = (32 + len(image)).to_bytes(4, "big") + bytes(28) + image
    body = record * faces
    block = b"FAC\x00010\x00" + (14 + len(body)).to_bytes(4, "big") + faces.to_bytes(2, "big") + body
    template = build(0x7F60, build(0xA1, b"\x80\x02\x01\x01") + build(0x5F2E, block))
    return build(0x75, build(0x7F61, b"\x02\x01\x01" + template))


def files(issuer: str = "NLD") -> dict[int, bytes]:
    return {1: dg1(issuer), 2: dg2()}


def sod_of(
    groups: dict[int, bytes], by: Party, *, digest: str = "sha256", oid: str = SHA256, version: int = 0, **how: Any
) -> bytes:
    """EF.SOD over data groups."""
    content = lds_object({n: hashlib.new(digest, data).digest() for n, data in groups.items()}, oid, version)
    return build(0x77, make_signed(content, by, **how))


def master_list(certificates: list[bytes], by: Party, *, signed_at: datetime | None, **how: Any) -> bytes:
    """A CscaMasterList signed by a list signer."""
    content = build(0x30, core.Integer(0).dump() + build(0x31, b"".join(sorted(certificates))))
    return make_signed(content, by, kind=how.pop("kind", MASTER_LIST), signed_at=signed_at, **how)


def list_signer(root: Party, **how: Any) -> Party:
    """Who signs master lists for a root."""
    party = Party(Signer(make_key("p256", 9)), root.country, "List signer")
    return make_certificate(
        party, root, **{"serial": 900, "usage": {"digital_signature"}, "extended": ["2.23.136.1.1.3"], **how}
    )


@dataclass(frozen=True)
class Issuer:
    """A whole issuer with a genuine document, to be broken part by part."""

    csca: Party
    dsc: Party
    anchors: Anchors


def make_anchors(*parties: Party, crls: tuple[bytes, ...] = ()) -> Anchors:
    """Trust in these, and these revocation lists."""
    return Anchors([certificate(one.raw) for one in parties], [revocation_list(one) for one in crls])


def make_issuer(csca_signer: Signer | None = None, dsc_signer: Signer | None = None, **dsc: Any) -> Issuer:
    """An issuer whose documents pass on TODAY."""
    csca = make_csca(csca_signer)
    return Issuer(csca, make_dsc(csca, dsc_signer, **dsc), make_anchors(csca, crls=(make_crl(csca),)))


YESTERDAY = datetime(2026, 11, 27, 9, tzinfo=UTC)
NOW = YESTERDAY + timedelta(days=1)
