"""Opening a chip: which protocol, and what may follow a failure (9303-11 section 4.2).

PACE with the strongest suite both sides know; BAC only where the chip offers no PACE at all. One session sees one
protocol: between attempts the caller resets the chip. Not here: the reset, and how often a traveller may try.
"""

from dataclasses import dataclass
from enum import StrEnum, auto
from secrets import token_bytes

from appliance.document.chip.apdu import SHORT, Exchange, Plain, refused
from appliance.document.chip.bac import basic_access
from appliance.document.chip.ec import Curve
from appliance.document.chip.files import (
    File,
    read_file,
    read_largest,
    select_application,
    select_master_file,
)
from appliance.document.chip.group import Random
from appliance.document.chip.pace import ChipAuthenticationData, PaceSuite, pace
from appliance.document.chip.parameters import STANDARD, AnyGroup
from appliance.document.chip.passwords import Password
from appliance.document.chip.protocols import Agreement, Mapping
from appliance.document.chip.security_infos import PaceInfo, SecurityInfos
from appliance.document.chip.sm import Session
from appliance.document.reasons import DocumentFault, Reason

PACE_ATTEMPTS = 2
_VERSION = 2
_BROKEN_PACE = (Reason.CHIP_MALFORMED, Reason.CHIP_REFUSES)
_NO_CARD_ACCESS = (Reason.FILE_MISSING, Reason.CHIP_REFUSES)


class Protocol(StrEnum):
    """Which protocol opened a chip."""

    PACE = auto()
    BAC = auto()


@dataclass(frozen=True, slots=True)
class OpenChip:
    """A chip whose eMRTD application is selected, and how it was opened.

    `card_access` is EF.CardAccess parsed, None where the chip has none; `pace` the suite that was used, None with BAC;
    `cam` and `card_security` (raw) come with PACE-CAM and prove nothing before `verify_cam` and passive authentication
    of EF.CardSecurity; `fell_back` says that PACE was offered and BAC used, by policy.
    """

    session: Session
    protocol: Protocol
    card_access: SecurityInfos | None
    pace: PaceInfo | None = None
    cam: ChipAuthenticationData | None = None
    card_security: bytes | None = None
    fell_back: bool = False


def open_chip(
    password: Password,
    *,
    pace_failures: int = 0,
    allow_bac_fallback: bool = False,
    extended: bool = False,
    random: Random = token_bytes,
) -> Exchange[OpenChip]:
    """Open a chip that was just reset, and select its application.

    `pace_failures`: how often this raised PACE_FAILED for the document on the reader. After PACE_ATTEMPTS of them PACE
    is given up: BAC by `allow_bac_fallback`, else PACE_FAILED at once. `extended`: reader and driver carry extended
    lengths, so the chip is asked (EF.ATR/INFO) whether it does. Raises DocumentFault: ACCESS_DENIED, PACE_FAILED,
    NO_COMMON_PROTOCOL, CHIP_KEY_INVALID, FILE_MALFORMED, MAC_WRONG, UNPROTECTED_RESPONSE, CHIP_MALFORMED, CHIP_REFUSES.
    """
    plain = Plain()
    yield from select_master_file(plain)
    card_access = yield from _card_access(plain)
    largest = (yield from read_largest(plain)) if extended else SHORT
    offered = card_access is not None and bool(card_access.pace)
    if card_access is None or not offered or (pace_failures >= PACE_ATTEMPTS and allow_bac_fallback):
        session = yield from _open_with_bac(plain, password, random)
        opened = OpenChip(session, Protocol.BAC, card_access, fell_back=offered)
    elif pace_failures >= PACE_ATTEMPTS:
        raise DocumentFault(Reason.PACE_FAILED, f"{pace_failures} times")
    else:
        opened = yield from _open_with_pace(plain, card_access, password, random)
    opened.session.largest = largest
    return opened


def _card_access(plain: Plain) -> Exchange[SecurityInfos | None]:
    """EF.CardAccess; a chip that has none, or does not let it be read (6283 on some), offers no PACE."""
    try:
        raw = yield from read_file(plain, File.CARD_ACCESS)
    except DocumentFault as fault:
        if fault.reason in _NO_CARD_ACCESS:
            return None
        raise
    return SecurityInfos.parse(raw)


def _open_with_bac(plain: Plain, password: Password, random: Random) -> Exchange[Session]:
    selected = yield from select_application(plain)
    if not selected.ok:
        raise DocumentFault(Reason.NO_COMMON_PROTOCOL, f"no eMRTD application: {selected.sw:04X}")
    return (yield from basic_access(plain, password, random=random))


def _open_with_pace(plain: Plain, card_access: SecurityInfos, password: Password, random: Random) -> Exchange[OpenChip]:
    suite = strongest(card_access)
    try:
        opened = yield from pace(plain, suite, password, random=random)
    except DocumentFault as fault:
        if fault.reason in _BROKEN_PACE:
            raise DocumentFault(Reason.PACE_FAILED, fault.detail) from fault
        raise
    session = opened.session
    card_security = (yield from read_file(session, File.CARD_SECURITY)) if opened.cam else None
    selected = yield from select_application(session)
    if not selected.ok:
        raise refused(selected, "SELECT the application")
    return OpenChip(session, Protocol.PACE, card_access, suite.info, opened.cam, card_security)


def strongest(card_access: SecurityInfos) -> PaceSuite:
    """The strongest suite both sides know. Raises DocumentFault (NO_COMMON_PROTOCOL)."""
    suites = [suite for info in card_access.pace if (suite := _suite(info, card_access))]
    if not suites:
        raise DocumentFault(Reason.NO_COMMON_PROTOCOL, "no suite of PACE that is known here")
    return max(suites, key=lambda suite: suite.rank)


def _suite(info: PaceInfo, card_access: SecurityInfos) -> PaceSuite | None:
    """An info with its standardised group, by id or written out; None for one that is not known here."""
    protocol, parameter_id = info.protocol, info.parameter_id
    group = STANDARD.get(parameter_id) if parameter_id is not None else None
    group = group or _written_out(info, card_access)
    if info.version != _VERSION or group is None:
        return None
    if isinstance(group, Curve) is not (protocol.agreement is Agreement.ECDH):
        return None
    if protocol.mapping is Mapping.IM and isinstance(group, Curve) and not group.embeds:
        return None
    return PaceSuite(info, group, parameter_id)


def _written_out(info: PaceInfo, card_access: SecurityInfos) -> AnyGroup | None:
    """The group of the PACEDomainParameterInfo an info refers to, when that is a standard one."""
    meant = info.protocol.mapping, info.protocol.agreement
    for domain in card_access.pace_domain:
        if domain.mapping == meant and domain.parameter_id == info.parameter_id:
            group = domain.group()
            return group if group in STANDARD.values() else None
    return None


def check_not_downgraded(opened: OpenChip, dg14: SecurityInfos | None) -> None:
    """Compare what the chip offered in the clear with what is signed (9303-11 section 4.2).

    Call it once DG14 passed passive authentication; `dg14` None means that the security object lists none. Every PACE
    info of EF.CardAccess must be signed, and BAC must not have been used where PACE is signed for, unless by policy.
    Raises DocumentFault (ACCESS_DOWNGRADED).
    """
    signed = set(dg14.infos) if dg14 else set()
    infos = opened.card_access
    offered = {one.raw for one in infos.pace} | {one.raw for one in infos.pace_domain} if infos else set()
    if not offered <= signed:
        raise DocumentFault(Reason.ACCESS_DOWNGRADED, "EF.CardAccess offers PACE that is not signed for")
    if opened.protocol is Protocol.BAC and not opened.fell_back and dg14 and dg14.pace:
        raise DocumentFault(Reason.ACCESS_DOWNGRADED, "PACE is signed for and was not offered")
