"""Making a virtual passport: what the holder is, what the issuer chose, what is to be wrong."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from hil.passport.card import (
    ATR_INFO,
    CARD_ACCESS,
    CARD_SECURITY,
    COM,
    DG1,
    DG2,
    DG14,
    DG15,
    DIRECTORY,
    SOD,
    ActiveKey,
    Card,
    ChipKey,
)
from hil.passport.chip import APPLICATION, MOST_RECEIVED, MOST_SENT
from hil.passport.choices import FaceEncoding
from hil.passport.faults import Fault
from hil.passport.groups import CURVES
from hil.passport.holder import access_key, renamed, renumbered, with_wrong_check_digit, zone
from hil.passport.lds import (
    atr_info,
    card_access,
    chip_key_info,
    com,
    curve_of,
    dg1,
    dg12,
    dg14,
    dg15,
    directory,
)
from hil.passport.passport import Passport
from hil.passport.pki import (
    PAST_VALIDITY,
    RURITANIA,
    SIGNER_VALIDITY,
    UTOPIA,
    Authority,
    csca,
    document_signer,
    forged_signer,
    rogue,
)
from hil.passport.signed import card_security, security_object
from hil.passport.signing import Scheme, Signer, number_of, rsa_key
from hil.passport.suites import AUTHENTICATIONS, SUITES, Authentication, Mapping, Suite
from hil.passport.tamper import flipped, portrait_file
from hil.passport.trust import REVOKED, REVOKED_SCHEME
from hil.scene.cast import Traveller

GM, CAM = "gm-aes128-bp256", "cam-aes128-bp256"
_CHIP, _ACTIVE, _SIGNATURE = "aes128-bp256", "ecdsa-p256-sha256", REVOKED_SCHEME.name
_ACTIVE_LABEL = "active authentication"
_PAST = "2019-06-30"
_LONGEST_SHORT_ANSWER = 1536
"""Bits of a public key that still fits a protected response of short length, with room to spare."""


class OptionsError(ValueError):
    """No such passport can be made; says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """What an issuer chooses. Names of suites: `suites`; of ways to sign: `signing.Scheme`."""

    pace: tuple[str, ...] = (GM,)
    bac: bool = True
    can: str = ""
    chip_authentication: tuple[str, ...] = (_CHIP,)
    active_authentication: str = _ACTIVE
    """A way of signing, ecdsa or rsa; "" for none."""
    signature: str = _SIGNATURE
    """How the document signer signs."""
    csca_generation: int = 1
    """2 for a CSCA that the master list knows by its link certificate alone."""
    face: FaceEncoding = FaceEncoding.ISO19794
    td1: bool = False
    extended_length: bool = False
    """Also when it is not asked for, if keys are too long for anything else."""
    date_of_issue: str = ""
    """In DG12, which is absent without it."""


def adapted(options: Options, faults: Collection[Fault]) -> Options:
    """The choices under which the faults can show at all. Raises OptionsError when they exclude each other."""
    for fault, choices in _CHOICES.items():
        if fault in faults:
            options = replace(options, **choices)
    if Fault.SHA1 in faults:
        options = replace(options, signature=replace(Scheme.of(options.signature), digest="sha1").name)
    if not (options.bac or options.pace):
        raise OptionsError("nothing would open this passport: leave it BAC or PACE")
    return options


_NO_CHIP_AUTHENTICATION: dict[str, Any] = {"chip_authentication": (), "active_authentication": _ACTIVE, "pace": (GM,)}
_CHOICES: dict[Fault, dict[str, Any]] = {
    Fault.PACE_ONLY: {"bac": False},
    Fault.BAC_ONLY: {"pace": ()},
    Fault.CAN_ONLY: {"bac": False, "can": "500540"},
    Fault.REVOKED_SIGNER: {"signature": _SIGNATURE},
    Fault.COUNTRY_MISMATCH: {"signature": _SIGNATURE},
    Fault.FORGED_CURVE: {"signature": _SIGNATURE},
    Fault.DOWNGRADE: {"pace": (GM,)},
    Fault.REFLECTED_KEY: {"pace": (GM,)},
    Fault.POINT_OFF_CURVE: {"pace": (GM,)},
    Fault.POINT_AT_INFINITY: {"pace": (GM,)},
    Fault.HIDDEN_DG15: _NO_CHIP_AUTHENTICATION,
    Fault.CLONE_ACTIVE: _NO_CHIP_AUTHENTICATION,
    Fault.REPLAYED_ACTIVE: _NO_CHIP_AUTHENTICATION,
    Fault.CLONE_CHIP: {"chip_authentication": (_CHIP,), "active_authentication": "", "pace": (GM,)},
    Fault.CLONE_CAM: {"chip_authentication": (), "active_authentication": "", "pace": (CAM,)},
    Fault.NO_CLONE_DETECTION: {"chip_authentication": (), "active_authentication": "", "pace": (GM,)},
}


@dataclass(frozen=True, slots=True)
class _Order:
    holder: Traveller
    portrait: bytes
    date_of_expiry: str
    options: Options
    faults: frozenset[Fault]

    def zone(self, holder: Traveller) -> tuple[str, ...]:
        return zone(holder, self.date_of_expiry, td1=self.options.td1)


def make_passport(
    holder: Traveller,
    portrait: bytes,
    date_of_expiry: str = "2034-06-30",
    *,
    options: Options = Options(),
    faults: Collection[Fault] = (),
) -> Passport:
    """A passport of Utopia; `portrait` is a JPEG or JPEG 2000 file, the date is YYYY-MM-DD.

    Raises OptionsError for what cannot be made, a wrong date or portrait among it.
    """
    if Fault.EXPIRED in faults:
        date_of_expiry = _PAST
    try:
        return _make(_Order(holder, portrait, date_of_expiry, adapted(options, faults), frozenset(faults)))
    except KeyError as error:
        raise OptionsError(f"there is no suite {error}: python -m hil passport list") from None
    except OptionsError:
        raise
    except ValueError as error:
        raise OptionsError(str(error)) from None


def _make(order: _Order) -> Passport:
    options, faults = order.options, order.faults
    lines = order.zone(order.holder)
    keys = _keys(order.holder.document_number, options)
    signer = _signer(options, faults)
    files = _files(order, lines, keys)
    signed = {number: data for number, data in files.items() if not (number == 2 and Fault.DG2_NOT_SIGNED in faults)}
    application = {COM: com(files), SOD: security_object(signed, signer)}
    application |= {DG1 - 1 + number: data for number, data in files.items()}
    _alter(application, order)
    card = Card(
        application,
        _master(keys, signer),
        mrz_key="" if Fault.CAN_ONLY in faults else access_key(lines),
        can=options.can,
        bac=options.bac,
        suites=keys.suites,
        cam_key=keys.cam.private if keys.cam else None,
        chip_keys=keys.chip,
        active=keys.active,
        extended=keys.extended,
    )
    return Passport(_stolen(card, faults), _printed(order), faults)


@dataclass(frozen=True, slots=True)
class _Keys:
    suites: tuple[Suite, ...]
    chip: tuple[ChipKey, ...]
    cam: ChipKey | None
    active: ActiveKey | None
    extended: bool


def _keys(label: str, options: Options) -> _Keys:
    suites = tuple(SUITES[name] for name in options.pace)
    variants = [AUTHENTICATIONS[name] for name in options.chip_authentication]
    chip = tuple(
        _chip_key(label, variant, number if len(variants) > 1 else None) for number, variant in enumerate(variants, 1)
    )
    cams = [suite for suite in suites if suite.mapping is Mapping.CAM]
    if len({suite.group.name for suite in cams}) > 1:
        raise OptionsError("a chip has one key for PACE-CAM, so all its CAM suites are on one curve")
    cam = _chip_key(label, Authentication(cams[0].cipher, cams[0].group), None) if cams else None
    active = _active_key(label, options.active_authentication)
    longest = max([suite.group.bits for suite in suites] + [one.group.bits for one in variants], default=0)
    longest = max(longest, active.modulus.bit_length() if active else 0)
    return _Keys(suites, chip, cam, active, options.extended_length or longest > _LONGEST_SHORT_ANSWER)


def _chip_key(label: str, variant: Authentication, number: int | None) -> ChipKey:
    return ChipKey(variant, number_of(f"chip {label} {variant.group.name}", variant.group.order), number)


def _active_key(label: str, name: str) -> ActiveKey | None:
    if not name:
        return None
    scheme = Scheme.of(name)
    if scheme.kind == "pss" or scheme.form == "named":
        raise OptionsError("active authentication signs as ecdsa-CURVE-HASH, ecdsa-CURVE-HASH-der or rsa-BITS-HASH")
    if scheme.kind == "rsa":
        key = rsa_key(_ACTIVE_LABEL, int(scheme.size))
        return ActiveKey(scheme.digest, int(key.d), modulus=int(key.n))
    private = number_of(f"active {label}", CURVES[scheme.size].order)
    return ActiveKey(scheme.digest, private, curve=scheme.size, der=scheme.form == "der")


def _signer(options: Options, faults: frozenset[Fault]) -> Authority:
    scheme = Scheme.of(options.signature)
    state = RURITANIA if Fault.COUNTRY_MISMATCH in faults else UTOPIA
    issuer = csca(scheme.kind, state=state, listed=Fault.UNKNOWN_CSCA not in faults, generation=options.csca_generation)
    if Fault.ROGUE_CSCA in faults:
        issuer = rogue(issuer)
    if Fault.FORGED_CURVE in faults:
        return forged_signer(document_signer(scheme, issuer), issuer)
    return document_signer(
        scheme,
        issuer,
        state=state,
        label=REVOKED if Fault.REVOKED_SIGNER in faults else "1",
        validity=PAST_VALIDITY if Fault.EXPIRED_SIGNER in faults else SIGNER_VALIDITY,
    )


def _files(order: _Order, lines: tuple[str, ...], keys: _Keys) -> dict[int, bytes]:
    """The data groups by number, as the issuer signs them."""
    options = order.options
    files = {1: dg1(lines), 2: portrait_file(order.portrait, options.face, order.faults)}
    if options.date_of_issue:
        files[12] = dg12(options.date_of_issue)
    known = () if Fault.DOWNGRADE in order.faults else keys.suites
    if known or keys.chip or (keys.active and keys.active.curve):
        files[14] = dg14(known, keys.chip, keys.active)
    if keys.active:
        rsa = Signer(_ACTIVE_LABEL, Scheme.of(options.active_authentication))
        files[15] = dg15(curve_of(keys.active) if keys.active.curve else rsa.key_info)
    return files


def _master(keys: _Keys, signer: Authority) -> dict[int, bytes]:
    files = {DIRECTORY: directory(APPLICATION)}
    if keys.suites:
        files[CARD_ACCESS] = card_access(keys.suites)
    if keys.cam:
        files[CARD_SECURITY] = card_security([*(one.info for one in keys.suites), chip_key_info(keys.cam)], signer)
    if keys.extended:
        files[ATR_INFO] = atr_info(MOST_SENT, MOST_RECEIVED)
    return files


def _alter(application: dict[int, bytes], order: _Order) -> None:
    """What is done to the files after they were signed."""
    if Fault.SIGNATURE_ALTERED in order.faults:
        application[SOD] = flipped(application[SOD], 1)
    if Fault.DG1_ALTERED in order.faults:
        application[DG1] = dg1(order.zone(renamed(order.holder)))
    if Fault.DG2_ALTERED in order.faults:
        application[DG2] = flipped(application[DG2], 40)
    for fault, identifier in ((Fault.HIDDEN_DG14, DG14), (Fault.HIDDEN_DG15, DG15)):
        if fault in order.faults:
            application.pop(identifier, None)


def _stolen(card: Card, faults: frozenset[Fault]) -> Card:
    """A copy: everything that can be read, without the keys that cannot."""
    if Fault.CLONE_CHIP in faults:
        card = replace(card, chip_keys=tuple(replace(key, private=key.private ^ 2) for key in card.chip_keys))
    if Fault.CLONE_CAM in faults and card.cam_key:
        card = replace(card, cam_key=card.cam_key ^ 2)
    if Fault.CLONE_ACTIVE in faults and card.active:
        card = replace(card, active=replace(card.active, private=card.active.private ^ 2))
    return card


def _printed(order: _Order) -> tuple[str, ...]:
    holder, faults = order.holder, order.faults
    if faults & {Fault.MRZ_DIFFERS, Fault.DG1_ALTERED}:
        holder = renamed(holder)
    if Fault.WRONG_MRZ in faults:
        holder = renumbered(holder)
    lines = order.zone(holder)
    return with_wrong_check_digit(lines) if Fault.MRZ_CHECK_DIGIT in faults else lines
