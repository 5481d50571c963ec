"""States that issue passports: their CSCA, document signers, link certificates and revocation lists (ICAO 9303-12).

Utopia is the UTO of the ICAO specimens, with UT, a code ISO has given to nobody, in its certificates. Ruritania is
another state, for documents one state signed that name another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from asn1crypto import crl, keys, x509

from hil.passport.signing import Scheme, Signer, number_of

MASTER_LIST_SIGNING = "2.23.136.1.1.3"
_SERIALS = 1 << 63


@dataclass(frozen=True, slots=True)
class State:
    """A state that issues: its name and its codes of two and of three letters."""

    name: str
    alpha2: str
    alpha3: str


UTOPIA, RURITANIA = State("Utopia", "UT", "UTO"), State("Ruritania", "QR", "QRR")
CSCA_SCHEMES = {"ecdsa": "ecdsa-bp384-sha384", "rsa": "rsa-2048-sha256", "pss": "pss-2048-sha256"}
"""What a CSCA signs with whose document signers are of a kind."""

Validity = tuple[datetime, datetime]
CSCA_VALIDITY = datetime(2020, 1, 1, tzinfo=UTC), datetime(2045, 1, 1, tzinfo=UTC)
SIGNER_VALIDITY = datetime(2024, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
PAST_VALIDITY = datetime(2012, 1, 1, tzinfo=UTC), datetime(2022, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class Authority:
    """A certificate and the key in it. Every one equals only itself."""

    signer: Signer
    certificate: x509.Certificate

    @property
    def name(self) -> x509.Name:
        """Its subject."""
        return self.certificate.subject

    @property
    def key_identifier(self) -> bytes:
        """What others name its key by."""
        return bytes(self.certificate.key_identifier_value.native)

    @property
    def der(self) -> bytes:
        """The certificate."""
        return bytes(self.certificate.dump())


def name_of(state: State, common_name: str) -> x509.Name:
    """A distinguished name."""
    return x509.Name.build({"country_name": state.alpha2, "organization_name": state.name, "common_name": common_name})


@dataclass(frozen=True)
class Profile:
    """What a certificate says beside its key: `issuer` None for one that signs itself."""

    name: x509.Name
    validity: Validity
    issuer: Authority | None = None
    ca: bool = False
    purpose: str = ""
    """An extended key usage, if it has one."""
    key_identifier: bytes = b""
    """Another than its key's, for forgers."""


def certify(signer: Signer, profile: Profile) -> Authority:
    """A certificate for a signer's key (9303-12 section 7.1)."""
    by = profile.issuer.signer if profile.issuer else signer
    own = profile.key_identifier or _key_identifier(signer)
    above = profile.issuer.key_identifier if profile.issuer else own
    extensions = [
        _extension("authority_key_identifier", {"key_identifier": above}),
        _extension("key_identifier", own),
        _extension("key_usage", {"key_cert_sign", "crl_sign"} if profile.ca else {"digital_signature"}, critical=True),
    ]
    if profile.ca:
        extensions.append(_extension("basic_constraints", {"ca": True, "path_len_constraint": 0}, critical=True))
    if profile.purpose:
        extensions.append(_extension("extended_key_usage", [profile.purpose], critical=True))
    issuer = profile.issuer.name if profile.issuer else profile.name
    label = f"serial {signer.label} {signer.scheme.name} {issuer.hashable}"
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": number_of(label, _SERIALS),
            "signature": by.scheme.algorithm,
            "issuer": issuer,
            "validity": {
                name: x509.Time({"utc_time": at})
                for name, at in zip(("not_before", "not_after"), profile.validity, strict=True)
            },
            "subject": profile.name,
            "subject_public_key_info": keys.PublicKeyInfo.load(signer.key_info),
            "extensions": extensions,
        }
    )
    certificate = x509.Certificate(
        {
            "tbs_certificate": body,
            "signature_algorithm": by.scheme.algorithm,
            "signature_value": by.sign(body.dump()),
        }
    )
    return Authority(signer, x509.Certificate.load(certificate.dump()))


def _extension(name: str, value: object, *, critical: bool = False) -> x509.Extension:
    return x509.Extension({"extn_id": name, "critical": critical, "extn_value": value})


def _key_identifier(signer: Signer) -> bytes:
    bits = keys.PublicKeyInfo.load(signer.key_info)["public_key"].contents[1:]
    return hashlib.sha1(bits, usedforsecurity=False).digest()


@lru_cache(maxsize=32)
def csca(kind: str = "ecdsa", *, state: State = UTOPIA, listed: bool = True, generation: int = 1) -> Authority:
    """The CSCA of a state for document signers of a kind; one that is not `listed` is in no master list."""
    common_name = f"CSCA {state.name} {kind} {generation}" + ("" if listed else " unlisted")
    signer = Signer(common_name, Scheme.of(CSCA_SCHEMES[kind]))
    return certify(signer, Profile(name_of(state, common_name), CSCA_VALIDITY, ca=True))


def rogue(genuine: Authority) -> Authority:
    """A forger's CSCA: name and key identifier of the genuine one, and a key of the forger's."""
    signer = Signer(f"rogue {genuine.signer.label}", genuine.signer.scheme)
    return certify(signer, Profile(genuine.name, CSCA_VALIDITY, ca=True, key_identifier=genuine.key_identifier))


def link(new: Authority, old: Authority) -> Authority:
    """The new CSCA's key, certified by the old one (9303-12 section 7.1.1)."""
    return certify(new.signer, Profile(new.name, CSCA_VALIDITY, issuer=old, ca=True))


@lru_cache(maxsize=64)
def document_signer(
    scheme: Scheme, issuer: Authority, *, state: State = UTOPIA, label: str = "1", validity: Validity = SIGNER_VALIDITY
) -> Authority:
    """Who signs passports; another `label`, another key."""
    common_name = f"Document Signer {state.name} {scheme.kind} {label}"
    return certify(Signer(common_name, scheme), Profile(name_of(state, common_name), validity, issuer=issuer))


def forged_signer(genuine: Authority, issuer: Authority) -> Authority:
    """A certificate the issuer was tricked into: the genuine signer's public key on a curve with another base."""
    signer = Signer("forger", genuine.signer.scheme, victim=genuine.signer)
    return certify(signer, Profile(genuine.name, SIGNER_VALIDITY, issuer=issuer))


def revocation_list(issuer: Authority, revoked: tuple[int, ...], validity: Validity) -> bytes:
    """A CRL with these serial numbers (9303-12 section 7.1.4)."""
    this_update, next_update = validity
    body = crl.TbsCertList(
        {
            "version": "v2",
            "signature": issuer.signer.scheme.algorithm,
            "issuer": issuer.name,
            "this_update": x509.Time({"utc_time": this_update}),
            "next_update": x509.Time({"utc_time": next_update}),
            "crl_extensions": [
                {"extn_id": "authority_key_identifier", "extn_value": {"key_identifier": issuer.key_identifier}},
                {"extn_id": "crl_number", "extn_value": int(this_update.timestamp())},
            ],
        }
    )
    if revoked:
        body["revoked_certificates"] = [
            {"user_certificate": serial, "revocation_date": x509.Time({"utc_time": this_update})} for serial in revoked
        ]
    return bytes(
        crl.CertificateList(
            {
                "tbs_cert_list": body,
                "signature_algorithm": issuer.signer.scheme.algorithm,
                "signature": issuer.signer.sign(body.dump()),
            }
        ).dump()
    )
