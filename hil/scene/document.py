"""The printed zone of the cast's passports.

Issuer and nationality are UTO, the Utopia of the ICAO specimens: no such document exists. Not here: chip and issuer
(`hil.passport`).
"""

from __future__ import annotations

import re

from hil.scene.cast import Traveller

STATE = "UTO"
_WEIGHTS = (7, 3, 1)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def check_digit(text: str) -> str:
    """Check digit of a machine readable field, ICAO 9303-3 section 4.9. ValueError on any other character."""
    total = 0
    for place, character in enumerate(text):
        if character != "<" and character not in _ALPHABET:
            raise ValueError(f"{character!r} cannot stand in a machine readable zone")
        total += (0 if character == "<" else _ALPHABET.index(character)) * _WEIGHTS[place % 3]
    return str(total % 10)


def _name_field(surname: str, given_names: str) -> str:
    primary = surname.upper().replace(" ", "<").replace("-", "<")
    secondary = given_names.upper().replace(" ", "<").replace("-", "<")
    return f"{primary}<<{secondary}"[:39].ljust(39, "<")


def _short(date: str) -> str:
    if not _DATE.fullmatch(date):
        raise ValueError(f"{date!r} is not a date of the form YYYY-MM-DD")
    return date[2:].replace("-", "")


def mrz(who: Traveller, date_of_expiry: str) -> tuple[str, str]:
    """Both lines of the TD3 machine readable zone, 44 characters each (ICAO 9303-4 section 4.2)."""
    number = who.document_number.upper().ljust(9, "<")
    birth, expiry = _short(who.date_of_birth), _short(date_of_expiry)
    optional = "<" * 14
    sex = who.sex if who.sex in ("F", "M") else "<"
    parts = [number + check_digit(number), birth + check_digit(birth), expiry + check_digit(expiry)]
    extra = optional + "0"
    over_all = check_digit(parts[0] + parts[1] + parts[2] + extra)
    upper = f"P<{STATE}{_name_field(who.surname, who.given_names)}"
    lower = f"{parts[0]}{STATE}{parts[1]}{sex}{parts[2]}{extra}{over_all}"
    for line in (upper, lower):
        if len(line) != 44:
            raise ValueError(f"an MRZ line of {who.key} has {len(line)} characters, not 44: {line}")
        check_digit(line)
    return upper, lower
