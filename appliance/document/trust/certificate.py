"""X.509 certificates and revocation lists of issuers, as far as ICAO 9303-12 section 7 goes.

Read by asn1crypto: `cryptography` refuses some real CSCA certificates. Not responsible for whom to trust (`anchors`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from asn1crypto import crl, pem, x509

from appliance.document.lds.asn1 import elements, integer, malformed, present
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import only, parse
from appliance.document.trust.keys import public_key
from appliance.document.trust.signatures import Algorithm, algorithm, verifies

Name = tuple[tuple[str, str], ...]
"""Attributes of a distinguished name, sorted: issuers write one name in another order, case and string type."""
_COUNTRY = "2.5.4.6"
_UNDERSTOOD = frozenset({"basic_constraints", "key_usage", "extended_key_usage", "certificate_policies"})
_USED = _UNDERSTOOD | {"key_identifier", "authority_key_identifier", "crl_distribution_points", "crl_number"}
_SEQUENCE = 0x30


@dataclass(frozen=True, slots=True)
class Signed:
    """What certificates and revocation lists have in common: all bytes, the signed part, the signature over it."""

    raw: bytes
    body: bytes
    signature_algorithm: bytes
    signature: bytes
    issuer: Name
    authority_key_id: bytes | None

    @property
    def algorithm(self) -> Algorithm:
        """What it is signed with. Raises DocumentFault."""
        return algorithm(self.signature_algorithm)

    def is_signed_by(self, issuer: "Certificate") -> bool:
        """Whether the signature is right by the issuer's key. DocumentFault for a key or algorithm unknown here."""
        return verifies(public_key(issuer.public_key_info), self.algorithm, self.signature, self.body)


@dataclass(frozen=True, slots=True)
class Certificate(Signed):
    """A certificate. Valid on both days and all between; `usages` is None where the certificate does not say.

    `crl_addresses` is where its issuer publishes revocation lists, as URIs; `not_understood` are critical extensions.
    """

    subject: Name
    serial: int
    key_id: bytes | None
    public_key_info: bytes
    not_before: date
    not_after: date
    usages: frozenset[str] | None
    extended_usages: frozenset[str]
    not_understood: tuple[str, ...]
    crl_addresses: tuple[str, ...]

    @property
    def country(self) -> str:
        """Two letters in capitals as the subject says; "" when it does not, or says several."""
        return country_of(self.subject)

    @property
    def crl_files(self) -> frozenset[str]:
        """What those lists are called at any of their addresses: servers change, and one list is on several."""
        return frozenset(one.split("?")[0].rstrip("/").rsplit("/", 1)[-1].casefold() for one in self.crl_addresses)

    def is_valid(self, on: date) -> bool:
        """Whether this day lies in its validity."""
        return self.not_before <= on <= self.not_after


@dataclass(frozen=True, slots=True)
class Crl(Signed):
    """A complete revocation list: days of issue and of the next one, its number, the serial numbers it revokes."""

    this_update: date
    next_update: date | None
    number: int | None
    revoked: frozenset[int]

    @property
    def country(self) -> str:
        """Two letters in capitals, of the issuer."""
        return country_of(self.issuer)

    def is_fresh(self, on: date) -> bool:
        """Whether it is in force on this day; one that names no next update never is (9303-12 7.1.4 requires it)."""
        return self.next_update is not None and self.this_update <= on <= self.next_update


def certificate(data: bytes) -> Certificate:
    """One certificate, DER or PEM. Raises DocumentFault: FILE_MALFORMED."""
    with malformed("a certificate"):
        parsed = x509.Certificate.load(_der(data), strict=True)
        body = parsed["tbs_certificate"]
        if body["signature"].dump() != parsed["signature_algorithm"].dump():
            raise ValueError("it names two algorithms")
        extensions, others = _extensions(body["extensions"], _UNDERSTOOD)
        usage, extended = extensions.get("key_usage"), extensions.get("extended_key_usage")
        return Certificate(
            raw=parsed.dump(),
            body=body.dump(),
            signature_algorithm=parsed["signature_algorithm"].dump(),
            signature=parsed["signature_value"].native,
            issuer=name_of(body["issuer"].dump()),
            authority_key_id=_authority(extensions),
            subject=name_of(body["subject"].dump()),
            serial=body["serial_number"].native,
            key_id=extensions["key_identifier"].native if "key_identifier" in extensions else None,
            public_key_info=body["subject_public_key_info"].dump(),
            not_before=_day(body["validity"]["not_before"]),
            not_after=_day(body["validity"]["not_after"]),
            usages=frozenset(usage.native) if usage is not None else None,
            extended_usages=frozenset(one.dotted for one in extended) if extended is not None else frozenset(),
            not_understood=others,
            crl_addresses=_addresses(extensions.get("crl_distribution_points") or ()),
        )


def revocation_list(data: bytes) -> Crl:
    """One complete CRL, DER or PEM. Raises DocumentFault: FILE_MALFORMED, ALGORITHM_UNSUPPORTED (a partial one)."""
    with malformed("a revocation list"):
        parsed = crl.CertificateList.load(_der(data), strict=True)
        body = parsed["tbs_cert_list"]
        extensions, others = _extensions(body["crl_extensions"], frozenset())
        if others:
            # For some certificates only, or a difference to another list: taken as complete it would hide revocations.
            raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, f"a revocation list that is not complete: {others[0]}")
        number = extensions.get("crl_number")
        return Crl(
            raw=parsed.dump(),
            body=body.dump(),
            signature_algorithm=parsed["signature_algorithm"].dump(),
            signature=parsed["signature"].native,
            issuer=name_of(body["issuer"].dump()),
            authority_key_id=_authority(extensions),
            this_update=_day(body["this_update"]),
            next_update=_day(body["next_update"]) if present(body["next_update"]) else None,
            number=number.native if number is not None else None,
            revoked=_revoked(body["revoked_certificates"]),
        )


def _der(data: bytes) -> bytes:
    return pem.unarmor(data)[2] if pem.detect(data) else data


def _extensions(found: Any, understood: Iterable[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values of those used here by name; and the names of critical ones that are not understood."""
    values: dict[str, Any] = {}
    others = []
    for one in found if present(found) else ():
        name = one["extn_id"].native
        if name in values:
            raise ValueError("an extension is there twice")
        values[name] = one["extn_value"].parsed if name in _USED else None
        if one["critical"].native and name not in understood:
            others.append(name)
    return values, tuple(others)


def _authority(extensions: dict[str, Any]) -> bytes | None:
    identifier = extensions.get("authority_key_identifier")
    return identifier["key_identifier"].native if identifier is not None else None


def _addresses(points: Iterable[Any]) -> tuple[str, ...]:
    names = [point["distribution_point"] for point in points if present(point["distribution_point"])]
    told = [one for name in names if name.name == "full_name" for one in name.chosen]
    return tuple(str(one.native) for one in told if one.name == "uniform_resource_identifier")


def _revoked(entries: Any) -> frozenset[int]:
    """Serial numbers. Walked by hand: a list may have a hundred thousand entries."""
    if not present(entries):
        return frozenset()
    return frozenset(integer(parse(only(entry, _SEQUENCE).value)[0].raw) for entry in elements(entries.contents))


def name_of(raw: bytes) -> Name:
    """A distinguished name (DER) in the form names are compared in. Raises what asn1crypto raises."""
    parts = x509.Name.load(raw, strict=True).chosen
    return tuple(sorted((one["type"].dotted, _folded(one["value"].native)) for relative in parts for one in relative))


def _folded(value: Any) -> str:
    return " ".join(str(value).split()).casefold()


def country_of(name: Name) -> str:
    """Country of a name in capitals, "" when it has none or several."""
    countries = {value.upper() for kind, value in name if kind == _COUNTRY}
    return countries.pop() if len(countries) == 1 else ""


def _day(time: Any) -> date:
    when = time.native
    if not isinstance(when, datetime):
        raise ValueError("not a time")
    return when.date()
