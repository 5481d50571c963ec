"""The SecurityInfos of EF.CardAccess, EF.DG14 and EF.CardSecurity (9303-11 section 9.2): what a chip says it can do.

Each info keeps its DER as read, for the comparison of what is signed with what was offered; an info of another kind is
kept and ignored. Not here: whether the file is genuine, and the signature around EF.CardSecurity.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from asn1crypto import core

from appliance.document.chip.parameters import (
    AlgorithmIdentifier,
    AnyGroup,
    StaticKey,
    parse_group,
    parse_static_key,
    reading,
)
from appliance.document.chip.protocols import (
    ACTIVE_AUTHENTICATION,
    CHIP_AUTHENTICATION,
    PACE,
    PACE_DOMAIN_PARAMETERS,
    PUBLIC_KEY_DH,
    PUBLIC_KEY_ECDH,
    Agreement,
    ChipAuthenticationProtocol,
    Mapping,
    PaceProtocol,
)
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import TlvError, only

_SET, _DG14 = 0x31, 0x6E
_T = TypeVar("_T")


class _SecurityInfo(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar = [
        ("protocol", core.ObjectIdentifier),
        ("required", core.Any),
        ("optional", core.Any, {"optional": True}),
    ]


@dataclass(frozen=True, slots=True)
class PaceInfo:
    """One suite of PACE; `parameter_id` None refers to the one PACEDomainParameterInfo of its mapping."""

    raw: bytes
    oid: str
    protocol: PaceProtocol
    version: int
    parameter_id: int | None


@dataclass(frozen=True, slots=True)
class PaceDomainParameterInfo:
    """Domain parameters written out, for a mapping; `algorithm` is their AlgorithmIdentifier, unread."""

    raw: bytes
    mapping: tuple[Mapping, Agreement]
    algorithm: bytes
    parameter_id: int | None

    def group(self) -> AnyGroup:
        """Raises DocumentFault as `parse_group` does."""
        with reading("PACEDomainParameterInfo"):
            return parse_group(AlgorithmIdentifier.load(self.algorithm, strict=True))


@dataclass(frozen=True, slots=True)
class ChipAuthenticationInfo:
    """One suite of chip authentication, for the key of the same id."""

    raw: bytes
    oid: str
    protocol: ChipAuthenticationProtocol
    version: int
    key_id: int | None


@dataclass(frozen=True, slots=True)
class ChipAuthenticationPublicKeyInfo:
    """A static key of the chip; `spki` is its SubjectPublicKeyInfo, unread."""

    raw: bytes
    agreement: Agreement
    spki: bytes
    key_id: int | None

    def key(self) -> StaticKey:
        """Raises DocumentFault as `parse_static_key` does."""
        return parse_static_key(self.spki)


@dataclass(frozen=True, slots=True)
class ActiveAuthenticationInfo:
    """With which algorithm (dotted) an ECDSA key of DG15 signs."""

    raw: bytes
    version: int
    signature_algorithm: str


@dataclass(frozen=True, slots=True)
class SecurityInfos:
    """One file's infos by kind, each in the file's order; `infos` is the DER of every one, known or not."""

    infos: tuple[bytes, ...]
    pace: tuple[PaceInfo, ...]
    pace_domain: tuple[PaceDomainParameterInfo, ...]
    chip_authentication: tuple[ChipAuthenticationInfo, ...]
    chip_keys: tuple[ChipAuthenticationPublicKeyInfo, ...]
    active_authentication: tuple[ActiveAuthenticationInfo, ...]

    @classmethod
    def parse(cls, der: bytes) -> "SecurityInfos":
        """From the SET in EF.CardAccess, or inside EF.CardSecurity. Raises DocumentFault (FILE_MALFORMED)."""
        try:
            raws = tuple(child.raw for child in only(der, _SET).children())
        except TlvError as broken:
            raise DocumentFault(Reason.FILE_MALFORMED, f"SecurityInfos: {broken}") from broken
        with reading("SecurityInfos"):
            known = [_read(raw) for raw in raws]
        return cls(
            infos=raws,
            pace=_of(known, PaceInfo),
            pace_domain=_of(known, PaceDomainParameterInfo),
            chip_authentication=_of(known, ChipAuthenticationInfo),
            chip_keys=_of(known, ChipAuthenticationPublicKeyInfo),
            active_authentication=_of(known, ActiveAuthenticationInfo),
        )

    @classmethod
    def parse_dg14(cls, raw: bytes) -> "SecurityInfos":
        """From the bytes of EF.DG14. Raises DocumentFault (FILE_MALFORMED)."""
        try:
            return cls.parse(only(raw, _DG14).value)
        except TlvError as broken:
            raise DocumentFault(Reason.FILE_MALFORMED, f"DG14: {broken}") from broken


def _of(known: list[object], kind: type[_T]) -> tuple[_T, ...]:
    return tuple(one for one in known if isinstance(one, kind))


def _read(raw: bytes) -> object:
    """The info of a kind known here, or None."""
    info = _SecurityInfo.load(raw, strict=True)
    oid = info["protocol"].dotted
    required, optional = info["required"], info["optional"]
    if oid in PACE:
        return PaceInfo(raw, oid, PACE[oid], _integer(required), _optional(optional))
    if oid in PACE_DOMAIN_PARAMETERS:
        return PaceDomainParameterInfo(raw, PACE_DOMAIN_PARAMETERS[oid], required.dump(), _optional(optional))
    if oid in CHIP_AUTHENTICATION:
        return ChipAuthenticationInfo(raw, oid, CHIP_AUTHENTICATION[oid], _integer(required), _optional(optional))
    if oid in (PUBLIC_KEY_DH, PUBLIC_KEY_ECDH):
        agreement = Agreement.DH if oid == PUBLIC_KEY_DH else Agreement.ECDH
        return ChipAuthenticationPublicKeyInfo(raw, agreement, required.dump(), _optional(optional))
    if oid == ACTIVE_AUTHENTICATION:
        return ActiveAuthenticationInfo(raw, _integer(required), optional.parse(core.ObjectIdentifier).dotted)
    return None


def _integer(value: Any) -> int:
    number = value.parse(core.Integer).native
    if not isinstance(number, int) or number < 0:
        raise DocumentFault(Reason.FILE_MALFORMED, "a number of a SecurityInfo is negative")
    return number


def _optional(value: Any) -> int | None:
    return None if isinstance(value, core.Void) else _integer(value)
