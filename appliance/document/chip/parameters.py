"""Domain parameters and public keys as chips write them (9303-11 sections 9.2 and 9.5, RFC 3279, RFC 5480, PKCS #3).

Explicit curve parameters are taken for a standard curve only when all of p, a, b, G, n and h are that curve's.
Not here: the keys of certificates (`document.trust`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from asn1crypto import core

from appliance.document.chip.dh import STANDARD_GROUPS, DhGroup
from appliance.document.chip.ec import STANDARD_CURVES, Curve
from appliance.document.chip.group import Group
from appliance.document.chip.protocols import STANDARDISED_PARAMETERS
from appliance.document.reasons import DocumentFault, Reason

AnyGroup: TypeAlias = Group[Any]
"""A curve or a group of integers; its elements never leave the group's own methods."""

STANDARD: dict[int, AnyGroup] = {**STANDARD_CURVES, **STANDARD_GROUPS}
"""The standardised domain parameters by their id (9303-11 section 9.5.1)."""

_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_PRIME_FIELD = "1.2.840.10045.1.1"
_DH_PKCS3 = "1.2.840.113549.1.3.1"
_DH_X942 = "1.2.840.10046.2.1"


class AlgorithmIdentifier(core.Sequence):  # type: ignore[misc]
    """RFC 5280 section 4.1.1.2, its parameters unread."""

    _fields: ClassVar = [("algorithm", core.ObjectIdentifier), ("parameters", core.Any, {"optional": True})]


class _PublicKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("algorithm", AlgorithmIdentifier), ("public_key", core.BitString)]


class _Field(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("kind", core.ObjectIdentifier), ("prime", core.Any)]


class _Coefficients(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("a", core.OctetString), ("b", core.OctetString), ("seed", core.BitString, {"optional": True})]


class _ExplicitCurve(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("version", core.Integer),
        ("field", _Field),
        ("curve", _Coefficients),
        ("base", core.OctetString),
        ("order", core.Integer),
        ("cofactor", core.Integer, {"optional": True}),
        ("hash", core.Any, {"optional": True}),
    ]


class _DhPkcs3(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [("p", core.Integer), ("g", core.Integer), ("private_bits", core.Integer, {"optional": True})]


class _DhX942(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("p", core.Integer),
        ("g", core.Integer),
        ("q", core.Integer),
        ("j", core.Integer, {"optional": True}),
        ("validation", core.Any, {"optional": True}),
    ]


@dataclass(frozen=True, slots=True)
class StaticKey:
    """A chip's own public key, checked to be one of its group, in that group's encoding."""

    group: AnyGroup
    encoded: bytes


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Translates whatever asn1crypto raises over hostile bytes into DocumentFault (FILE_MALFORMED)."""
    try:
        yield
    except DocumentFault:
        raise
    except Exception as broken:  # it promises no set of exceptions
        raise DocumentFault(Reason.FILE_MALFORMED, f"{what}: {type(broken).__name__}") from broken


def parse_group(algorithm: Any) -> AnyGroup:
    """The group an AlgorithmIdentifier names or describes.

    Raises DocumentFault: ALGORITHM_UNSUPPORTED, CURVE_FORGED, CHIP_KEY_INVALID, FILE_MALFORMED.
    """
    with reading("domain parameters"):
        oid = algorithm["algorithm"].dotted
        parameters = algorithm["parameters"]
        group: AnyGroup | None = None
        if oid == STANDARDISED_PARAMETERS:
            group = STANDARD.get(parameters.parse(core.Integer).native)
        elif oid == _EC_PUBLIC_KEY:
            group = _curve(parameters)
        elif oid == _DH_PKCS3:
            group = _integers(parameters.parse(_DhPkcs3))
        elif oid == _DH_X942:
            group = _integers(parameters.parse(_DhX942))
    if group is None:
        raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, f"domain parameters {oid}")
    return group


def parse_static_key(der: bytes) -> StaticKey:
    """A SubjectPublicKeyInfo. Raises DocumentFault as `parse_group` does, and CHIP_KEY_INVALID."""
    with reading("a chip's public key"):
        info = _PublicKeyInfo.load(der, strict=True)
        group = parse_group(info["algorithm"])
        encoded = info["public_key"].cast(core.OctetBitString).native
        if isinstance(group, DhGroup):
            return StaticKey(group, group.encode(_unsigned(core.Integer.load(encoded, strict=True))))
        group.decode(encoded)
        return StaticKey(group, encoded)


def _curve(parameters: Any) -> Curve | None:
    value = parameters.parse()
    if isinstance(value, core.ObjectIdentifier):
        return next((curve for curve in STANDARD_CURVES.values() if curve.oid == value.dotted), None)
    explicit = parameters.parse(_ExplicitCurve)
    if explicit["field"]["kind"].dotted != _PRIME_FIELD:
        return None
    prime = explicit["field"]["prime"].parse(core.Integer).native
    a, b = (int.from_bytes(explicit["curve"][name].native, "big") for name in "ab")
    for curve in STANDARD_CURVES.values():
        if (curve.modulus, curve.a, curve.b) == (prime, a, b):
            full = curve.encode(curve.generator)
            compressed = bytes((2 + full[-1] % 2,)) + full[1 : 1 + curve.size]
            if (
                explicit["base"].native in (full, compressed)
                and explicit["order"].native == curve.order
                and explicit["cofactor"].native in (None, 1)
            ):
                return curve
            raise DocumentFault(Reason.CURVE_FORGED, f"parameters like those of {curve.name}")
    return None


def _integers(parameters: Any) -> DhGroup:
    p, g = _unsigned(parameters["p"]), _unsigned(parameters["g"])
    for group in STANDARD_GROUPS.values():
        if (group.modulus, group.generator) == (p, g):
            return group
    q = _unsigned(parameters["q"]) if isinstance(parameters, _DhX942) else None
    return DhGroup(f"DH of {p.bit_length()} bits", p, g, q)


def _unsigned(value: Any) -> int:
    number = value.native
    if not isinstance(number, int) or number < 0:
        raise DocumentFault(Reason.FILE_MALFORMED, "a number of a key is none, or negative")
    return number
