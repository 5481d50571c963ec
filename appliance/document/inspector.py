"""The steps of an inspection, carried out in the order of ICAO 9303-11: what opens, what is read, what is proven.

The security object is read first, for it says which files there are; the chip proves itself last, when nothing more is
to be read under the keys of access. Not here: what a reason means (reasons), protocols (chip), signatures (trust).
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date
from secrets import token_bytes
from typing import TypeVar

from appliance.core.types import InspectionStep as Step
from appliance.document.chip.access import PACE_ATTEMPTS, OpenChip, check_not_downgraded, open_chip
from appliance.document.chip.apdu import LONGEST
from appliance.document.chip.chip_authentication import authenticate_chip, choose, internal_authenticate
from appliance.document.chip.files import File, read_file
from appliance.document.chip.group import Random
from appliance.document.chip.pace import verify_cam
from appliance.document.chip.passwords import Password, mrz_password
from appliance.document.chip.security_infos import SecurityInfos
from appliance.document.inspection import RESET, Found, Inspection, Reset, Talk
from appliance.document.lds.groups import active_authentication_hash, date_of_issue, mrz_lines
from appliance.document.lds.portrait import portrait
from appliance.document.lds.sod import security_object, sod
from appliance.document.mrz import Mrz, MrzError, parse
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.rules import Rules
from appliance.document.trust import active
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.consistency import same_document
from appliance.document.trust.passive import MANDATORY, PassiveResult, authenticate, check_card_security
from appliance.document.trust.signatures import Policy

T = TypeVar("T")
Part = Generator[bytes | Reset, bytes, T]

GROUPS = {1: File.DG1, 2: File.DG2, 12: File.DG12, 14: File.DG14, 15: File.DG15}
"""The data groups that are read where the security object lists them, the portrait last: it is the longest."""
ORDER = (1, 14, 15, 12, 2)
LONGEST_READS = (LONGEST, 192, 128)
"""Most bytes asked for at once: as many as a chip announces, then less, in a fresh session each time."""
_WRONG_LENGTH = "6700"
_ABSENT = (Reason.FILE_MISSING, Reason.CHIP_REFUSES)
_CHALLENGE = 8


def inspect(
    zone: tuple[str, ...],
    on: date,
    anchors: Anchors,
    rules: Rules,
    *,
    password: Password | None = None,
    random: Random = token_bytes,
) -> Talk:
    """Inspect the document whose printed zone was read, opened by it, or by `password` (a card access number).

    With a password the zone may be missing: then nothing printed is compared. Never raises for what zone and chip say.
    """
    return (yield from _Inspector(on, anchors, rules, random).whole(zone, password))


class _Inspector:
    def __init__(self, on: date, anchors: Anchors, rules: Rules, random: Random) -> None:
        self._on, self._anchors, self._rules, self._random = on, anchors, rules, random
        self._policy = Policy(allow_sha1=rules.allow_sha1)
        self._found: dict[Found, None] = {}
        self._done: set[Step] = set()
        self._files: dict[int, bytes] = {}
        self._sod = b""
        self._printed: Mrz | None = None
        self._mrz: Mrz | None = None
        self._facts: dict[str, str] = {}

    def whole(self, zone: tuple[str, ...], password: Password | None) -> Talk:
        image, issued = b"", None
        with self._noting():
            if zone or password is None:
                self._printed = self._understood(zone)
                self._finished(Step.MRZ)
                password = password or _password(self._printed)
            assert password is not None
            opened = yield from self._opened_and_read(password)
            if self._proven_by_issuer().passed:
                # Only keys that the issuer signed prove anything, and only they are sure not to cost hours.
                yield from self._no_copy(opened)
            with self._noting():
                self._in_date()
                if zone:
                    same_document(mrz_lines(self._files[1]), zone)
                    self._finished(Step.CONSISTENCY)
            with self._noting():
                image = portrait(self._files[2]).image
                self._finished(Step.PORTRAIT)
            with self._noting():
                issued = date_of_issue(self._files[12]) if 12 in self._files else None
        return Inspection(
            found=tuple(self._found),
            done=frozenset(self._done),
            printed=self._printed,
            mrz=self._mrz,
            portrait=image,
            issued=issued,
            facts=self._facts,
        )

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """What goes wrong inside is found, and ends what is inside."""
        try:
            yield
        except DocumentFault as fault:
            self._note(fault.reason, fault.detail)

    def _note(self, reason: Reason, detail: str = "") -> None:
        self._found[Found(reason, detail)] = None

    def _finished(self, step: Step) -> None:
        self._done.add(step)

    def _understood(self, zone: tuple[str, ...]) -> Mrz:
        try:
            return parse(zone, self._on, types=self._rules.types)
        except MrzError as error:
            raise DocumentFault(error.reason) from error

    def _in_date(self) -> None:
        zone = self._mrz or self._printed
        if zone is not None and zone.date_of_expiry is not None and zone.date_of_expiry < self._on:
            self._note(Reason.EXPIRED)

    # --- access and reading -----------------------------------------------------------------------------------

    def _opened_and_read(self, password: Password) -> Part[OpenChip]:
        """A chip that drops its session because it was asked for too much at once is opened anew and asked for less."""
        for longest in LONGEST_READS:
            opened = yield from self._opened(password)
            opened.session.longest_read = longest
            try:
                yield from self._read(opened)
                return opened
            except DocumentFault as fault:
                dropped = fault.reason is Reason.UNPROTECTED_RESPONSE and fault.detail.startswith(_WRONG_LENGTH)
                if not dropped or longest == LONGEST_READS[-1]:
                    raise
        raise AssertionError("the last of them returns or raises")

    def _opened(self, password: Password) -> Part[OpenChip]:
        """A chip is reset before each attempt: no session ever sees two protocols."""
        failures = 0
        while True:
            yield RESET
            try:
                opened = yield from open_chip(
                    password,
                    pace_failures=failures,
                    allow_bac_fallback=self._rules.allow_bac_fallback,
                    extended=self._rules.extended,
                    random=self._random,
                )
            except DocumentFault as fault:
                if fault.reason is not Reason.PACE_FAILED or failures >= PACE_ATTEMPTS:
                    raise
                failures += 1
                continue
            self._facts["access"] = _access(opened)
            self._finished(Step.ACCESS)
            return opened

    def _read(self, opened: OpenChip) -> Part[None]:
        self._sod = yield from read_file(opened.session, File.SOD)
        listed = security_object(sod(self._sod).content).hashes
        for number in ORDER:
            if number in listed or number in MANDATORY:
                yield from self._read_group(opened, number)
        self._facts["files"] = ", ".join(f"DG{number} {len(data)} B" for number, data in sorted(self._files.items()))
        self._finished(Step.READING)

    def _read_group(self, opened: OpenChip, number: int) -> Part[None]:
        try:
            self._files[number] = yield from read_file(opened.session, GROUPS[number])
        except DocumentFault as fault:
            if fault.reason not in _ABSENT or number in MANDATORY:
                raise
            self._note(Reason.SIGNED_FILE_UNREADABLE, f"DG{number}: {fault}")

    # --- what is proven ---------------------------------------------------------------------------------------

    def _proven_by_issuer(self) -> PassiveResult:
        issuer = ""
        with self._noting():
            self._mrz = self._understood(mrz_lines(self._files[1]))
            issuer = self._mrz.issuing_state
        result = authenticate(
            self._sod,
            self._files,
            issuer=issuer,
            on=self._on,
            anchors=self._anchors,
            policy=self._policy,
        )
        for reason, detail in result.findings:
            self._note(reason, detail)
        facts = result.facts
        self._facts["signature"] = facts.signature_algorithm
        self._facts["signer"] = f"{facts.signer_country}, serial {facts.signer_serial}"
        self._facts["csca"] = facts.csca_key_id
        if result.passed:
            self._finished(Step.PASSIVE_AUTHENTICATION)
        return result

    def _no_copy(self, opened: OpenChip) -> Part[None]:
        """Every means the chip has must succeed (9303-11 section 6)."""
        proofs = []
        infos = None
        with self._noting():
            infos = SecurityInfos.parse_dg14(self._files[14]) if 14 in self._files else None
            check_not_downgraded(opened, infos)
        with self._noting():
            if opened.cam is not None:
                self._check_mapping(opened)
                proofs.append("PACE-CAM")
            if infos is not None and (choice := choose(infos)) is not None:
                yield from authenticate_chip(opened.session, choice, random=self._random)
                proofs.append(f"chip authentication ({choice.suite.name})")
            if 15 in self._files:
                yield from self._check_active(opened)
                proofs.append("active authentication")
        self._facts["clone detection"] = ", ".join(proofs) or "none"
        if not proofs and not self._has_means(infos, opened):
            self._without_means()
        elif proofs:
            self._finished(Step.CLONE_DETECTION)

    def _has_means(self, infos: SecurityInfos | None, opened: OpenChip) -> bool:
        return bool(opened.cam or 15 in self._files or (infos and infos.chip_keys))

    def _without_means(self) -> None:
        issuer = self._mrz.issuing_state if self._mrz is not None else ""
        if issuer and issuer in self._rules.without_clone_detection:
            self._facts["clone detection"] = f"none, accepted of {issuer}"
            self._finished(Step.CLONE_DETECTION)
        else:
            self._note(Reason.NO_CLONE_DETECTION)

    def _check_mapping(self, opened: OpenChip) -> None:
        """PACE-CAM: the static key must be one that the issuer signed in EF.CardSecurity (9303-11 4.4.3.5)."""
        assert opened.cam is not None
        signed = check_card_security(
            opened.card_security or b"", on=self._on, anchors=self._anchors, policy=self._policy
        )
        for reason, detail in signed.findings:
            self._note(reason, f"EF.CardSecurity: {detail}")
        if not signed.passed or signed.content is None:
            raise DocumentFault(Reason.CAM_FAILED, "EF.CardSecurity is not authentic")
        keys = [info.key() for info in SecurityInfos.parse(signed.content).chip_keys]
        for key in keys:
            if key.group is opened.cam.group:
                verify_cam(opened.cam, key)
                return
        raise DocumentFault(Reason.CAM_FAILED, "EF.CardSecurity holds no key of the mapping's group")

    def _check_active(self, opened: OpenChip) -> Part[None]:
        challenge = self._random(_CHALLENGE)
        response = yield from internal_authenticate(opened.session, challenge)
        digest = active_authentication_hash(self._files[14]) if 14 in self._files else None
        active.verify(self._files[15], challenge=challenge, response=response, digest=digest)


def _password(mrz: Mrz) -> Password:
    fields = mrz.access
    return mrz_password(fields.document_number, fields.date_of_birth, fields.date_of_expiry)


def _access(opened: OpenChip) -> str:
    if opened.pace is None:
        return "BAC, although PACE is offered" if opened.fell_back else "BAC"
    protocol = opened.pace.protocol
    return f"PACE-{protocol.mapping.name} {protocol.agreement.name} {protocol.suite.name}"
