"""The machine-readable zone of a TD3 passport: ICAO 9303-4 (8th edition) section 4.2.2 and 9303-3 section 4.9.

Pure text in, values or `MrzError` out. Every check digit must be right.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

LENGTH = 44
_ALPHABET = re.compile(r"[A-Z0-9<]{44}")
_WEIGHTS = (7, 3, 1)


class MrzError(ValueError):
    """The zone is not a TD3 zone, or a check digit is wrong. The message never quotes the zone."""


@dataclass(frozen=True, slots=True)
class Mrz:
    """What the zone says. Dates are None when the holder's date is unknown (filled with `<`, 9303-3 4.8)."""

    document_type: str
    issuing_state: str
    surname: str
    given_names: str
    document_number: str
    nationality: str
    date_of_birth: date | None
    sex: str
    date_of_expiry: date | None


def check_digit(text: str) -> int:
    """Check digit of a field, modulus 10 with weights 7 3 1 (9303-3 section 4.9)."""
    total = 0
    for position, char in enumerate(text):
        value = 0 if char == "<" else int(char, 36)
        total += value * _WEIGHTS[position % 3]
    return total % 10


def parse(lines: tuple[str, ...], on: date) -> Mrz:
    """Parse a TD3 zone as read on a day; two-digit years are placed relative to that day. Raises MrzError."""
    if len(lines) != 2 or not all(_ALPHABET.fullmatch(line) for line in lines):
        raise MrzError("The machine-readable zone is not two lines of 44 characters.")
    first, second = lines
    if first[0] != "P":
        raise MrzError("The document is not a passport (TD3).")
    _check(second[0:9], second[9], "document number")
    _check(second[13:19], second[19], "date of birth")
    _check(second[21:27], second[27], "date of expiry")
    personal = second[28:42]
    if second[42] != "<" or personal.strip("<"):
        _check(personal, second[42], "personal number")
    _check(second[0:10] + second[13:20] + second[21:43], second[43], "whole zone")
    surname, _, given = first[5:].partition("<<")
    return Mrz(
        document_type=first[0:2].rstrip("<"),
        issuing_state=first[2:5].rstrip("<"),
        surname=_words(surname),
        given_names=_words(given),
        document_number=second[0:9].rstrip("<"),
        nationality=second[10:13].rstrip("<"),
        date_of_birth=_date(second[13:19], latest=on),
        sex={"M": "M", "F": "F"}.get(second[20], "X"),
        date_of_expiry=_date(second[21:27], latest=on + timedelta(days=50 * 365)),
    )


def _check(field: str, digit: str, name: str) -> None:
    if digit == "<" and not field.strip("<"):
        return
    if not digit.isdigit() or int(digit) != check_digit(field):
        raise MrzError(f"The check digit of the {name} is wrong.")


def _words(text: str) -> str:
    return " ".join(part for part in text.split("<") if part)


def _date(text: str, latest: date) -> date | None:
    """The last day that fits the two-digit year and is not after `latest`."""
    if "<" in text:
        return None
    if not text.isdigit():
        raise MrzError("A date of the machine-readable zone is not a date.")
    year, month, day = int(text[0:2]), int(text[2:4]), int(text[4:6])
    century = latest.year // 100 * 100
    for base in (century + 100, century, century - 100):
        try:
            candidate = date(base + year, month, day)
        except ValueError as error:
            if base == century - 100:
                raise MrzError("A date of the machine-readable zone is not a date.") from error
            continue
        if candidate <= latest:
            return candidate
    raise MrzError("A date of the machine-readable zone is not a date.")
