"""Why a document does not pass, as data: each reason with its result value, who acts, and what is said.

Requirements: ICAO 9303-11 section 3 to 6, 9303-12 section 6, BSI TR-03135 (five result values). A reason is never
softened by what else is well: the worst action of all that were found is taken. Not here: finding them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from appliance.core.types import Advice, Result
from appliance.core.types import InspectionStep as Step


class Action(StrEnum):
    """What a reason leads to, mildest first. RETRY becomes CANNOT_VERIFY once its attempts are spent."""

    RETRY = "retry"
    CANNOT_VERIFY = "cannot_verify"
    NOT_ADMISSIBLE = "not_admissible"
    SUSPECTED_CLONE = "suspected_clone"
    SUSPECTED_FORGERY = "suspected_forgery"


class Reason(StrEnum):
    """Codes of the table below; each is raised by its owner and explained here."""

    MRZ_UNREADABLE = "mrz_unreadable"
    MRZ_CHECK_DIGIT = "mrz_check_digit"
    TYPE_NOT_ALLOWED = "type_not_allowed"
    EXPIRED = "expired"
    NO_CHIP = "no_chip"
    CHIP_LOST = "chip_lost"
    CHIP_SILENT = "chip_silent"
    ACCESS_DENIED = "access_denied"
    NO_COMMON_PROTOCOL = "no_common_protocol"
    PACE_FAILED = "pace_failed"
    CHIP_KEY_INVALID = "chip_key_invalid"
    CHIP_MALFORMED = "chip_malformed"
    CHIP_REFUSES = "chip_refuses"
    MAC_WRONG = "mac_wrong"
    UNPROTECTED_RESPONSE = "unprotected_response"
    FILE_TOO_LARGE = "file_too_large"
    FILE_MALFORMED = "file_malformed"
    FILE_MISSING = "file_missing"
    SIGNED_FILE_UNREADABLE = "signed_file_unreadable"
    TRUST_UNAVAILABLE = "trust_unavailable"
    ALGORITHM_UNSUPPORTED = "algorithm_unsupported"
    ALGORITHM_WEAK = "algorithm_weak"
    CURVE_FORGED = "curve_forged"
    SOD_ATTRIBUTES = "sod_attributes"
    SIGNATURE_WRONG = "signature_wrong"
    UNKNOWN_CSCA = "unknown_csca"
    CHAIN_WRONG = "chain_wrong"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_REVOKED = "certificate_revoked"
    CRL_MISSING = "crl_missing"
    CRL_STALE = "crl_stale"
    COUNTRY_MISMATCH = "country_mismatch"
    HASH_MISMATCH = "hash_mismatch"
    FILE_NOT_SIGNED = "file_not_signed"
    ACCESS_DOWNGRADED = "access_downgraded"
    CHIP_AUTHENTICATION_FAILED = "chip_authentication_failed"
    ACTIVE_AUTHENTICATION_FAILED = "active_authentication_failed"
    CAM_FAILED = "cam_failed"
    NO_CLONE_DETECTION = "no_clone_detection"
    MRZ_MISMATCH = "mrz_mismatch"
    PORTRAIT_MISSING = "portrait_missing"
    PORTRAIT_AMBIGUOUS = "portrait_ambiguous"
    PORTRAIT_BROKEN = "portrait_broken"


class DocumentFault(Exception):
    """A step of the inspection ended here. `detail` is for the log and never holds MRZ, names or keys."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reason means: its step, its result value, the action, and the sentence the guard reads.

    `advice` is what the traveller is told while the document is read again.
    """

    step: Step
    result: Result
    action: Action
    words: str
    advice: Advice | None = None


_U, _F, _N, _A = Result.UNDETERMINED, Result.FAILED, Result.NOT_PERFORMED, Result.ABORTED
_RETRY, _CANNOT, _NO = Action.RETRY, Action.CANNOT_VERIFY, Action.NOT_ADMISSIBLE
_CLONE, _FORGERY = Action.SUSPECTED_CLONE, Action.SUSPECTED_FORGERY
_AGAIN, _LEAVE = Advice.LAY_DOWN_AGAIN, Advice.LEAVE_IT_THERE
_M, _ACC, _READ, _PA = Step.MRZ, Step.ACCESS, Step.READING, Step.PASSIVE_AUTHENTICATION
_CL, _CON, _PIC = Step.CLONE_DETECTION, Step.CONSISTENCY, Step.PORTRAIT

VERDICTS: dict[Reason, Verdict] = {
    Reason.MRZ_UNREADABLE: Verdict(_M, _U, _RETRY, "The machine-readable zone could not be read.", _AGAIN),
    Reason.MRZ_CHECK_DIGIT: Verdict(_M, _U, _RETRY, "A check digit of the machine-readable zone is wrong.", _AGAIN),
    Reason.TYPE_NOT_ALLOWED: Verdict(_M, _F, _NO, "This type of document is not admitted at this lane."),
    Reason.EXPIRED: Verdict(_M, _F, _NO, "The document has expired."),
    Reason.NO_CHIP: Verdict(_ACC, _N, _RETRY, "No chip answers on the reader.", _AGAIN),
    Reason.CHIP_LOST: Verdict(_ACC, _A, _RETRY, "The chip was taken away while it was read.", _LEAVE),
    Reason.CHIP_SILENT: Verdict(_ACC, _A, _RETRY, "The chip fell silent while it was read.", _LEAVE),
    Reason.ACCESS_DENIED: Verdict(_ACC, _U, _RETRY, "The chip does not open with the zone that was read.", _AGAIN),
    Reason.NO_COMMON_PROTOCOL: Verdict(_ACC, _U, _CANNOT, "The chip offers no access protocol known here."),
    Reason.PACE_FAILED: Verdict(
        _ACC, _U, _CANNOT, "The chip offers PACE and does not carry it out; the older protocol is not used instead."
    ),
    Reason.CHIP_KEY_INVALID: Verdict(_ACC, _F, _CLONE, "The chip sent a key that no genuine chip sends."),
    Reason.CHIP_MALFORMED: Verdict(_ACC, _U, _CANNOT, "The chip's answers break its protocol."),
    Reason.CHIP_REFUSES: Verdict(_ACC, _U, _CANNOT, "The chip refuses what it must allow."),
    Reason.MAC_WRONG: Verdict(_READ, _A, _RETRY, "An answer of the chip was altered on its way.", _LEAVE),
    Reason.UNPROTECTED_RESPONSE: Verdict(_READ, _A, _RETRY, "The chip left its protected session.", _LEAVE),
    Reason.FILE_TOO_LARGE: Verdict(_READ, _U, _CANNOT, "A file of the chip is larger than any such file."),
    Reason.FILE_MALFORMED: Verdict(_READ, _U, _CANNOT, "A file of the chip is malformed."),
    Reason.FILE_MISSING: Verdict(_READ, _U, _CANNOT, "A file that every passport has is missing on the chip."),
    Reason.SIGNED_FILE_UNREADABLE: Verdict(
        _CL, _F, _CLONE, "A file the issuer signed for is not on this chip: it may be a copy of another."
    ),
    Reason.TRUST_UNAVAILABLE: Verdict(_PA, _U, _CANNOT, "No trusted list of issuers is loaded at this lane."),
    Reason.ALGORITHM_UNSUPPORTED: Verdict(_PA, _U, _CANNOT, "The signature's algorithm is not supported here."),
    Reason.ALGORITHM_WEAK: Verdict(_PA, _U, _CANNOT, "The signature's algorithm is too weak to prove anything."),
    Reason.CURVE_FORGED: Verdict(_PA, _F, _FORGERY, "A key has parameters made up to look like a standard curve's."),
    Reason.SOD_ATTRIBUTES: Verdict(_PA, _F, _FORGERY, "The security object does not sign what it holds."),
    Reason.SIGNATURE_WRONG: Verdict(_PA, _F, _FORGERY, "The signature of the security object is wrong."),
    Reason.UNKNOWN_CSCA: Verdict(_PA, _U, _CANNOT, "The issuer's certificate is not in the trusted lists."),
    Reason.CHAIN_WRONG: Verdict(_PA, _F, _FORGERY, "The signer was not certified by the issuer it names."),
    Reason.CERTIFICATE_EXPIRED: Verdict(_PA, _U, _CANNOT, "A certificate of the issuer is not valid on this day."),
    Reason.CERTIFICATE_REVOKED: Verdict(_PA, _F, _FORGERY, "The issuer has revoked the signer's certificate."),
    Reason.CRL_MISSING: Verdict(_PA, _U, _CANNOT, "No revocation list of the issuer is loaded at this lane."),
    Reason.CRL_STALE: Verdict(_PA, _U, _CANNOT, "The issuer's revocation list is out of date."),
    Reason.COUNTRY_MISMATCH: Verdict(_PA, _F, _FORGERY, "The document was not signed by the state that issued it."),
    Reason.HASH_MISMATCH: Verdict(_PA, _F, _FORGERY, "A file of the chip is not the one the issuer signed."),
    Reason.FILE_NOT_SIGNED: Verdict(_PA, _F, _FORGERY, "A file the chip needs is not among those the issuer signed."),
    Reason.ACCESS_DOWNGRADED: Verdict(_CL, _F, _CLONE, "The chip offered other protocols than the issuer signed for."),
    Reason.CHIP_AUTHENTICATION_FAILED: Verdict(_CL, _F, _CLONE, "The chip does not hold the key the issuer gave it."),
    Reason.ACTIVE_AUTHENTICATION_FAILED: Verdict(_CL, _F, _CLONE, "The chip's answer to our challenge is wrong."),
    Reason.CAM_FAILED: Verdict(_CL, _F, _CLONE, "The chip did not prove its key while it gave access."),
    Reason.NO_CLONE_DETECTION: Verdict(_CL, _U, _CANNOT, "The chip has no means to prove that it is no copy."),
    Reason.MRZ_MISMATCH: Verdict(_CON, _F, _FORGERY, "The chip and the printed zone name different documents."),
    Reason.PORTRAIT_MISSING: Verdict(_PIC, _F, _CANNOT, "The chip holds no portrait."),
    Reason.PORTRAIT_AMBIGUOUS: Verdict(_PIC, _U, _CANNOT, "The chip holds more than one portrait."),
    Reason.PORTRAIT_BROKEN: Verdict(_PIC, _F, _CANNOT, "The portrait on the chip cannot be decoded."),
}


def gravest_first(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Each reason once, by its action; of equals the first found."""
    order = list(Action)
    return tuple(sorted(dict.fromkeys(reasons), key=lambda reason: -order.index(VERDICTS[reason].action)))


def worst(reasons: Iterable[Reason]) -> Reason | None:
    """The gravest reason; None when there is none."""
    return next(iter(gravest_first(reasons)), None)
