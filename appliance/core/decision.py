"""From checks to a decision: pure, total, and never generous. An absent check is a check that was not performed."""

from datetime import date

from appliance.core.policy import Policy
from appliance.core.types import OF_DOCUMENT, Check, CheckName, Claim, Decision, Document, Result


def document_checks(document: Document, on: date) -> tuple[Check, ...]:
    """The document's own checks, from facts (ICAO 9303-2 appendix C: reading, authenticity, validity).

    A card has no authenticity of its own here, and where nobody says who they are there is nothing to check.
    """
    if document.claim is Claim.NOBODY:
        return ()
    if document.claim is Claim.CARD:
        return _card(document, on)
    if not document.readable:
        return (_unread(document, "The document could not be read."),)
    read = (
        Check(CheckName.DOCUMENT_READ, Result.SUCCESSFUL, "The document was read and its check digits are right.")
        if document.checks_ok
        else _unread(document, "A check digit of the MRZ is wrong.")
    )
    return (read, _authenticity(document), _validity(document.expires, on))


def _unread(document: Document, otherwise: str) -> Check:
    # Whoever says that a reading which failed was successful is not believed.
    result = Result.FAILED if document.unread is Result.SUCCESSFUL else document.unread
    return Check(CheckName.DOCUMENT_READ, result, document.problem or otherwise, document.code)


def _card(document: Document, on: date) -> tuple[Check, ...]:
    if not document.readable or not document.checks_ok:
        reason = document.problem or "Nobody is enrolled for this card."
        return (Check(CheckName.DOCUMENT_READ, Result.FAILED, reason),)
    read = Check(CheckName.DOCUMENT_READ, Result.SUCCESSFUL, "Somebody is enrolled for this card.")
    return (read, _validity(document.expires, on, "enrolment"))


def _authenticity(document: Document) -> Check:
    result = document.chip_authentic
    reason = {
        Result.SUCCESSFUL: "The chip's data is authentic.",
        Result.FAILED: "The chip's data is not authentic.",
        Result.NOT_PERFORMED: "The chip was not read.",
    }.get(result, "The chip's authenticity could not be established.")
    return Check(CheckName.DOCUMENT_AUTHENTICITY, result, document.chip_problem or reason, document.code)


def _validity(expires: date | None, on: date, what: str = "document") -> Check:
    if expires is None:
        return Check(CheckName.DOCUMENT_VALIDITY, Result.UNDETERMINED, "The date of expiry could not be read.")
    if expires < on:
        return Check(CheckName.DOCUMENT_VALIDITY, Result.FAILED, f"The {what} expired on {expires.isoformat()}.")
    return Check(CheckName.DOCUMENT_VALIDITY, Result.SUCCESSFUL, f"The {what} is valid until {expires.isoformat()}.")


def decide(checks: tuple[Check, ...], policy: Policy) -> Decision:
    """The full conjunction: every mandatory check SUCCESSFUL, no other FAILED or ABORTED, no check twice."""
    present = {check.name for check in checks}
    missing = tuple(
        Check(name, Result.NOT_PERFORMED, "This check was not performed.")
        for name in CheckName
        if name in policy.mandatory and name not in present
    )
    whole = checks + missing
    admit = (
        len(present) == len(checks)
        and all(check.result is Result.SUCCESSFUL for check in whole if check.name in policy.mandatory)
        and not any(check.result in (Result.FAILED, Result.ABORTED) for check in whole)
    )
    return Decision(whole, admit)


def may_proceed(checks: tuple[Check, ...], policy: Policy) -> bool:
    """Whether a document is good enough to let its holder go on to the face: its share of the conjunction."""
    results = {check.name: check.result for check in checks}
    return (
        all(results.get(name) is Result.SUCCESSFUL for name in OF_DOCUMENT & policy.mandatory)
        and Result.FAILED not in results.values()
    )


def aborted(checks: tuple[Check, ...], reason: str, policy: Policy) -> Decision:
    """The verdict over a passage that broke off: whatever its checks say, it does not pass. The last reason stands."""
    kept = tuple(check for check in checks if check.name is not CheckName.PASSAGE)
    return decide((*kept, Check(CheckName.PASSAGE, Result.ABORTED, reason)), policy)
