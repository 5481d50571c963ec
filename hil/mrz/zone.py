"""Zones of TD1, TD2 and TD3 from fields, with right check digits: the counterpart of `appliance.document.mrz`.

Written from ICAO 9303-3 to 9303-6 by itself, so that the grammar is not tested against its own mistakes.
"""

import random
import string
from dataclasses import dataclass

from hil.scene.document import check_digit

_NAMES = (
    "ERIKSSON",
    "VAN<DER<MUELLEN",
    "SMITH<JONES",
    "OCONNOR",
    "NGUYEN",
    "PAPANDROPOULOUS",
    "ISOLDE",
    "ZOE",
    "QUILL",
)
_GIVEN = ("ANNA<MARIA", "JOHN", "JONATHON<ALEXANDROS", "LOUISE", "XAVER", "BJOERN<KARL<WOLFGANG", "IDA")
_STATES = ("UTO", "D<<", "AUT", "GBR", "XOM", "NLD")


@dataclass(frozen=True, slots=True)
class Fields:
    """What stands in a zone, as it is written there: dates YYMMDD, unknown places `<`, names without the filling."""

    kind: str = "P<"
    state: str = "UTO"
    surname: str = "ERIKSSON"
    given: str = "ANNA<MARIA"
    number: str = "L898902C3"
    nationality: str = "UTO"
    birth: str = "740812"
    sex: str = "F"
    expiry: str = "350415"
    optional: str = ""


def _names(fields: Fields, length: int) -> str:
    return f"{fields.surname}<<{fields.given}"[:length].ljust(length, "<")


def _dated(text: str) -> str:
    return text + check_digit(text)


def _number(number: str, optional: str, length: int) -> tuple[str, str]:
    """Number with its digit (10 characters) and the optional data, into which a long number goes on."""
    if len(number) <= 9:
        return _dated(number.ljust(9, "<")), optional.ljust(length, "<")
    whole = number[9:] + check_digit(number) + "<" + optional
    return number[:9] + "<", whole.ljust(length, "<")


def td3(fields: Fields) -> tuple[str, str]:
    """Two lines of 44 (9303-4)."""
    number = _dated(fields.number.ljust(9, "<"))
    birth, expiry = _dated(fields.birth), _dated(fields.expiry)
    personal = _dated(fields.optional.ljust(14, "<"))
    lower = number + fields.nationality + birth + fields.sex + expiry + personal
    return (
        fields.kind + fields.state + _names(fields, 39),
        lower + check_digit(number + birth + expiry + personal),
    )


def td2(fields: Fields) -> tuple[str, str]:
    """Two lines of 36 (9303-6)."""
    number, optional = _number(fields.number, fields.optional, 7)
    birth, expiry = _dated(fields.birth), _dated(fields.expiry)
    lower = number + fields.nationality + birth + fields.sex + expiry + optional
    return (
        fields.kind + fields.state + _names(fields, 31),
        lower + check_digit(number + birth + expiry + optional),
    )


def td1(fields: Fields, second: str = "") -> tuple[str, str, str]:
    """Three lines of 30 (9303-5); `second` is the optional data of the middle line."""
    number, optional = _number(fields.number, fields.optional, 15)
    birth, expiry = _dated(fields.birth), _dated(fields.expiry)
    more = second.ljust(11, "<")
    middle = birth + fields.sex + expiry + fields.nationality + more
    return (
        fields.kind + fields.state + number + optional,
        middle + check_digit(number + optional + birth + expiry + more),
        _names(fields, 30),
    )


def drawn(chance: random.Random, size: str) -> tuple[str, ...]:
    """The zone of a made-up person, of size "TD1", "TD2" or "TD3"."""
    fields = Fields(
        kind="P<" if size == "TD3" else chance.choice(("I<", "ID", "AC")),
        state=chance.choice(_STATES),
        surname=chance.choice(_NAMES),
        given=chance.choice(_GIVEN),
        number="".join(chance.choices(string.ascii_uppercase + string.digits, k=chance.choice((8, 9, 9)))),
        nationality=chance.choice(_STATES),
        birth=f"{chance.randrange(100):02d}{chance.randrange(1, 13):02d}{chance.randrange(1, 29):02d}",
        sex=chance.choice("MF<"),
        expiry=f"{chance.randrange(27, 37):02d}{chance.randrange(1, 13):02d}{chance.randrange(1, 29):02d}",
        optional="".join(chance.choices(string.digits, k=chance.choice((0, 0, 6)))),
    )
    if size == "TD1":
        return td1(fields)
    return td2(fields) if size == "TD2" else td3(fields)
