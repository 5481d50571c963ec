"""The machine-readable zone of a holder, on a passport (TD3) or on a card (TD1), and what BAC and PACE take of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from hil.passport.pki import UTOPIA
from hil.scene.cast import Traveller
from hil.scene.document import check_digit, mrz

_TD1_NAME = 30


def zone(holder: Traveller, date_of_expiry: str, *, td1: bool = False) -> tuple[str, ...]:
    """Two lines of 44 characters, or three of 30 (ICAO 9303-5 section 4.2); dates as YYYY-MM-DD. Raises ValueError."""
    for day in (holder.date_of_birth, date_of_expiry):
        date.fromisoformat(day)
    upper, lower = mrz(holder, date_of_expiry)
    if not td1:
        return upper, lower
    number, birth, sex, expiry = lower[:10], lower[13:20], lower[20], lower[21:28]
    first = f"I<{UTOPIA.alpha3}{number}".ljust(_TD1_NAME, "<")
    middle = f"{birth}{sex}{expiry}{UTOPIA.alpha3}".ljust(_TD1_NAME - 1, "<")
    over_all = check_digit(first[5:] + middle[:7] + middle[8:15] + middle[18:])
    return first, middle + over_all, upper[5 : 5 + _TD1_NAME]


def access_key(lines: Sequence[str]) -> str:
    """The three fields that open the chip, each with its check digit (9303-11 section 4.3.2)."""
    if len(lines) == 2:
        return lines[1][:10] + lines[1][13:20] + lines[1][21:28]
    return lines[0][5:15] + lines[1][:7] + lines[1][8:15]


def renamed(holder: Traveller) -> Traveller:
    """Somebody of another name."""
    return replace(holder, surname="IMPOSTOR" if holder.surname != "IMPOSTOR" else "PRETENDER")


def renumbered(holder: Traveller) -> Traveller:
    """The same person with another document number."""
    number = holder.document_number
    return replace(holder, document_number=number[:-1] + ("1" if number[-1] != "1" else "2"))


def with_wrong_check_digit(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines with a check digit of the document number that is one too high."""
    line, at = (1, 9) if len(lines) == 2 else (0, 14)
    wrong = str((int(lines[line][at]) + 1) % 10)
    changed = lines[line][:at] + wrong + lines[line][at + 1 :]
    return (*lines[:line], changed, *lines[line + 1 :])
