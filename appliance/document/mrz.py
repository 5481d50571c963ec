"""The machine-readable zone of travel documents: ICAO 9303-3 section 4, 9303-4 (TD3), 9303-5 (TD1), 9303-6 (TD2).

Pure text in, values or `MrzError` out. Every check digit must be right. Not here: repairing a damaged read
(`mrz_repair`), reading a picture (`ocr`), and whether what the zone says is true: that only the chip can prove.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from appliance.document.reasons import Reason

DOCUMENT_TYPES = frozenset("PIAC")
"""First letters of what crosses a border by itself: passports and the cards of 9303-5 and 9303-6, no visas."""

_ALPHABET = re.compile(r"[A-Z0-9<]*")
_WEIGHTS = (7, 3, 1)
_DATE = re.compile(r"(?:[0-9]{2}|<<){3}")
_EXPIRES_WITHIN = timedelta(days=50 * 365)


class Format(Enum):
    """Sizes of 9303: lines, characters a line, and the letters a document of this size may begin with."""

    TD1 = (3, 30, "AIC")
    TD2 = (2, 36, "AIC")
    TD3 = (2, 44, "P")

    def __init__(self, lines: int, length: int, letters: str) -> None:
        self.lines, self.length, self.letters = lines, length, letters


class MrzError(ValueError):
    """The zone is none, a check digit is wrong, or the type is not admitted: `reason`. It never quotes the zone."""

    def __init__(self, message: str, reason: Reason = Reason.MRZ_UNREADABLE) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class AccessFields:
    """What opens the chip, as in the zone: the number padded with `<` to 9 or longer, dates as YYMMDD."""

    document_number: str
    date_of_birth: str
    date_of_expiry: str

    @property
    def information(self) -> str:
        """MRZ_information of 9303-11 section 4.3.2: the three fields, each with its check digit."""
        fields = (self.document_number, self.date_of_birth, self.date_of_expiry)
        return "".join(f"{field}{check_digit(field)}" for field in fields)


@dataclass(frozen=True, slots=True)
class Mrz:
    """What the zone says. Dates are None when the holder's date is unknown (filled with `<`, 9303-3 4.8).

    `optional_data` is what the issuer put there, of TD1 both fields with a space between. `truncated` says that the
    names fill their field to its end, so they may go on (9303-3 4.6).
    """

    format: Format
    document_type: str
    issuing_state: str
    surname: str
    given_names: str
    document_number: str
    nationality: str
    date_of_birth: date | None
    sex: str
    date_of_expiry: date | None
    optional_data: str
    truncated: bool
    access: AccessFields


@dataclass(frozen=True, slots=True)
class _Fields:
    """The zone cut up. `number` is 9 characters, `composite` what the last check digit is over."""

    names: str
    number: str
    number_digit: str
    nationality: str
    birth: str
    birth_digit: str
    sex: str
    expiry: str
    expiry_digit: str
    optional: tuple[str, ...]
    composite: str
    composite_digit: str


def check_digit(text: str) -> int:
    """Check digit of a field, modulus 10 with weights 7 3 1 (9303-3 section 4.9)."""
    total = 0
    for position, char in enumerate(text):
        value = 0 if char == "<" else int(char, 36)
        total += value * _WEIGHTS[position % 3]
    return total % 10


def split(zone: str) -> tuple[str, ...]:
    """The lines of a zone written without line ends, as in DG1 (9303-10 section 4.7.1). Raises MrzError."""
    for form in Format:
        if len(zone) == form.lines * form.length:
            return tuple(zone[start : start + form.length] for start in range(0, len(zone), form.length))
    raise MrzError("The machine-readable zone has a length that no document has.")


def format_of(lines: tuple[str, ...]) -> Format:
    """The format whose number and length of lines these are. Raises MrzError."""
    for form in Format:
        if len(lines) == form.lines and all(len(line) == form.length for line in lines):
            return form
    raise MrzError("The machine-readable zone is neither 3 lines of 30, nor 2 of 36, nor 2 of 44 characters.")


def parse(lines: tuple[str, ...], on: date, *, types: Collection[str] = DOCUMENT_TYPES) -> Mrz:
    """Parse a zone as read on a day; two-digit years are placed relative to that day. Raises MrzError.

    `types` are the admitted document types: a first letter ("P"), or both ("PD").
    """
    form = format_of(lines)
    if not all(_ALPHABET.fullmatch(line) for line in lines):
        raise MrzError("The machine-readable zone has characters that no zone has.")
    if lines[0][0] == "V":
        # A visa (9303-7) has no such check digits: it is told first. Other letters may be misread, so digits go first.
        raise MrzError("A visa is not a travel document.", Reason.TYPE_NOT_ALLOWED)
    fields = _cut(form, lines)
    number, optional = _number(form, fields)
    _check_digits(fields)
    kind = lines[0][0:2].rstrip("<")
    if kind[:1] not in form.letters or not {kind, kind[:1]} & set(types):
        raise MrzError("Documents of this type are not admitted.", Reason.TYPE_NOT_ALLOWED)
    surname, _, given = fields.names.partition("<<")
    return Mrz(
        format=form,
        document_type=kind,
        issuing_state=lines[0][2:5].rstrip("<"),
        surname=_words(surname),
        given_names=_words(given),
        document_number=number.rstrip("<"),
        nationality=fields.nationality.rstrip("<"),
        date_of_birth=_date(fields.birth, latest=on),
        sex={"M": "M", "F": "F"}.get(fields.sex, "X"),
        date_of_expiry=_date(fields.expiry, latest=on + _EXPIRES_WITHIN),
        optional_data=_words(optional),
        truncated=not fields.names.endswith("<"),
        access=AccessFields(number, fields.birth, fields.expiry),
    )


def masked(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The zone for a report: only type, issuing state, nationality and sex stand; `*` for all else."""
    try:
        form = format_of(lines)
    except MrzError:
        return tuple("*" * len(line) for line in lines)
    nationality, sex = (15, 7) if form is Format.TD1 else (10, 20)
    shown = {(0, place) for place in range(5)} | {(1, nationality + place) for place in range(3)} | {(1, sex)}
    return tuple(
        "".join(char if (row, place) in shown else "*" for place, char in enumerate(line))
        for row, line in enumerate(lines)
    )


def _cut(form: Format, lines: tuple[str, ...]) -> _Fields:
    """9303-5 section 4.2.2 for TD1; 9303-6 and 9303-4 section 4.2.2 differ in the length of what ends the line."""
    if form is Format.TD1:
        upper, middle, lower = lines
        return _Fields(
            names=lower,
            number=upper[5:14],
            number_digit=upper[14],
            nationality=middle[15:18],
            birth=middle[0:6],
            birth_digit=middle[6],
            sex=middle[7],
            expiry=middle[8:14],
            expiry_digit=middle[14],
            optional=(upper[15:30], middle[18:29]),
            composite=upper[5:30] + middle[0:7] + middle[8:15] + middle[18:29],
            composite_digit=middle[29],
        )
    upper, lower = lines
    return _Fields(
        names=upper[5:],
        number=lower[0:9],
        number_digit=lower[9],
        nationality=lower[10:13],
        birth=lower[13:19],
        birth_digit=lower[19],
        sex=lower[20],
        expiry=lower[21:27],
        expiry_digit=lower[27],
        optional=(lower[28:-1],),
        composite=lower[0:10] + lower[13:20] + lower[21:-1],
        composite_digit=lower[-1],
    )


def _number(form: Format, fields: _Fields) -> tuple[str, str]:
    """The document number whole, checked, and the optional data that is left.

    One longer than 9 characters goes on in the optional data of TD1 and TD2, with `<` in place of the check digit; the
    digit follows the rest of the number, and a `<` follows it (9303-5 section 4.2.2.2 note j, 9303-6 note j).
    """
    number, digit, optional = fields.number, fields.number_digit, fields.optional
    if form is not Format.TD3 and digit == "<":
        rest, _, left = optional[0].partition("<")
        if len(rest) < 2 or "<" in number:
            raise MrzError("The document number says that it goes on, and does not.")
        number, digit, optional = number + rest[:-1], rest[-1], (left, *optional[1:])
    if not number.strip("<"):
        raise MrzError("The machine-readable zone has no document number.")
    _check(number, digit, "document number")
    if form is Format.TD3:
        personal = optional[0][:-1]
        if optional[0][-1] != "<" or personal.strip("<"):
            _check(personal, optional[0][-1], "personal number")
        optional = (personal,)
    return number, "<".join(optional)


def _check_digits(fields: _Fields) -> None:
    _check(fields.birth, fields.birth_digit, "date of birth")
    _check(fields.expiry, fields.expiry_digit, "date of expiry")
    _check(fields.composite, fields.composite_digit, "whole zone")


def _check(field: str, digit: str, name: str) -> None:
    if digit == "<" and not field.strip("<"):
        return
    if not digit.isdigit() or int(digit) != check_digit(field):
        raise MrzError(f"The check digit of the {name} is wrong.", Reason.MRZ_CHECK_DIGIT)


def _words(text: str) -> str:
    return " ".join(part for part in text.split("<") if part)


def _date(text: str, latest: date) -> date | None:
    """The last day that fits the two-digit year and is not after `latest`; None for one that is partly unknown."""
    if not _DATE.fullmatch(text):
        raise MrzError("A date of the machine-readable zone is not a date.")
    if "<" in text:
        return None
    year, month, day = int(text[0:2]), int(text[2:4]), int(text[4:6])
    century = latest.year // 100 * 100
    for base in (century + 100, century, century - 100):
        try:
            candidate = date(base + year, month, day)
        except ValueError:
            continue
        if candidate <= latest:
            return candidate
    raise MrzError("A date of the machine-readable zone is not a date.")
