"""What opens a chip: the MRZ or the card access number (9303-11 sections 4.3.2 and 4.4.3).

Not here: reading either from paper. Nothing of a password is ever shown in an error.
"""

import hashlib
import re
from dataclasses import dataclass, field
from enum import IntEnum

from appliance.document.chip.crypto import Suite, derive
from appliance.document.mrz import AccessFields
from appliance.document.reasons import DocumentFault, Reason

_FIELD = re.compile(r"[A-Z0-9<]{1,22}")
_DATE = re.compile(r"[0-9<]{6}")
_CAN = re.compile(r"[0-9]{6}")
_NUMBER_LENGTH = 9
_PACE_PASSWORD = 3


class PasswordKind(IntEnum):
    """The reference of a password in MSE:Set AT."""

    MRZ = 1
    CAN = 2


@dataclass(frozen=True, slots=True)
class Password:
    """A password and which it is; `secret` is what keys are derived from."""

    kind: PasswordKind
    secret: bytes = field(repr=False)

    def pace_key(self, suite: Suite) -> bytes:
        """K of the password, with which the chip's nonce is encrypted (9303-11 section 9.7.3)."""
        return derive(suite, self.secret, _PACE_PASSWORD)


def mrz_password(document_number: str, date_of_birth: str, date_of_expiry: str) -> Password:
    """From the three fields as printed (dates as YYMMDD), without their check digits, which are computed here.

    A long number of a TD1 card is given whole. Raises DocumentFault (MRZ_UNREADABLE).
    """
    dates = _DATE.fullmatch(date_of_birth) and _DATE.fullmatch(date_of_expiry)
    if not dates or not _FIELD.fullmatch(document_number):
        raise DocumentFault(Reason.MRZ_UNREADABLE, "the fields that open the chip are not those of an MRZ")
    fields = AccessFields(document_number.ljust(_NUMBER_LENGTH, "<"), date_of_birth, date_of_expiry)
    return Password(PasswordKind.MRZ, hashlib.sha1(fields.information.encode()).digest())


def can_password(digits: str) -> Password:
    """From the six digits printed on the card. Raises DocumentFault (MRZ_UNREADABLE)."""
    if not _CAN.fullmatch(digits):
        raise DocumentFault(Reason.MRZ_UNREADABLE, "a card access number has six digits")
    return Password(PasswordKind.CAN, digits.encode())
