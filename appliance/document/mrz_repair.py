"""What a damaged read of the zone may have been, for opening the chip and for nothing else.

A check digit of one decimal place is no proof: several repairs fit it, and a wrong one may. So what comes out has no
names, no type and no dates as values; only the chip says which candidate was right, by opening. Tell a chip at most
these few: it slows down after wrong ones. Not here: the grammar (`mrz`), and reading pictures (`ocr`).
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from appliance.document.mrz import AccessFields, Format, MrzError, check_digit, format_of

MOST = 3
UNKNOWN = "?"
"""A character that was not read at all."""

Cell = Mapping[str, float]
"""What a place may hold, each with its cost: 0 for the best, the more the less likely."""

_DIGITS = "0123456789"
_EVERY = _DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
_ALIKE = ("0ODQ", "1IL", "2Z", "5S", "8B", "6G", "4A", "7T", "UV", "MN", "CG", "KX", "HN", "EF", "PR", "VY", "<K", "3B")
_ASIDE, _UNREAD = 1.0, 1.5
_CHANGES = 2
_PER_FIELD = 6


@dataclass(frozen=True, slots=True)
class _Field:
    text: str
    cost: float


def candidates(lines: tuple[str, ...], cells: tuple[tuple[Cell, ...], ...] | None = None) -> tuple[AccessFields, ...]:
    """At most three, the likeliest first; none when the lines have no document's form or nothing fits.

    `lines` may hold `?`. `cells` are what a recogniser thought of each place, line by line, instead of what is
    commonly confused. A field whose check digit is right stands as it was read.
    """
    try:
        form = format_of(lines)
    except MrzError:
        return ()
    if cells is None:
        cells = tuple(tuple(_confusable(char) for char in line) for line in lines)
    row, birth, expiry = (1, 0, 8) if form is Format.TD1 else (1, 13, 21)
    births = _repaired(cells[row][birth : birth + 6], cells[row][birth + 6], digits=True)
    expiries = _repaired(cells[row][expiry : expiry + 6], cells[row][expiry + 6], digits=True)
    whole = sorted(
        itertools.product(_numbers(form, cells), births, expiries), key=lambda three: sum(field.cost for field in three)
    )
    return tuple(AccessFields(number.text, born.text, ends.text) for number, born, ends in whole[:MOST])


def _confusable(char: str) -> Cell:
    if char == UNKNOWN:
        return dict.fromkeys(_EVERY, _UNREAD)
    return {other: _ASIDE for group in _ALIKE if char in group for other in group} | {char: 0.0}


def _numbers(form: Format, cells: tuple[tuple[Cell, ...], ...]) -> list[_Field]:
    """The document number, in TD1 and TD2 also as one that goes on in the optional data (see `mrz`)."""
    line, start = (cells[0], 5) if form is Format.TD1 else (cells[1], 0)
    field, digit = line[start : start + 9], line[start + 9]
    found = [one for one in _repaired(field, digit) if one.text.strip("<")]
    filler = digit.get("<")
    if form is Format.TD3 or filler is None:
        return found
    rest = line[15:30] if form is Format.TD1 else line[28:35]
    # It ends before the first place that is a filler, and its last character is the digit.
    end = next((place for place, cell in enumerate(rest) if _best(cell) == "<"), len(rest))
    if end >= 2:
        longer = _repaired((*field, *rest[: end - 1]), rest[end - 1])
        found += [_Field(one.text, one.cost + filler) for one in longer if "<" not in one.text]
    return found


def _repaired(field: tuple[Cell, ...], digit: Cell, *, digits: bool = False) -> list[_Field]:
    """The cheapest texts of a field that fit its check digit, with at most two places other than the best.

    None for one with more than two places that were not read.
    """
    allowed = _DIGITS + "<" if digits else _EVERY
    ranked = [_ranked(cell, allowed) for cell in field]
    expected = {int(char): cost for char, cost in digit.items() if char in _DIGITS}
    if not all(ranked) or sum(options[0][1] > 0.0 for options in ranked) > _CHANGES:
        return []
    found: dict[str, float] = {}
    for text, cost in _changed(ranked):
        extra = expected.get(check_digit(text))
        if extra is not None and (not digits or _plausible(text)):
            found[text] = min(found.get(text, float("inf")), cost + extra)
    best = sorted((_Field(text, cost) for text, cost in found.items()), key=lambda one: one.cost)
    # As read and right: nothing else is to be tried.
    return best[:1] if best and best[0].cost == 0.0 else best[:_PER_FIELD]


def _changed(ranked: list[list[tuple[str, float]]]) -> Iterator[tuple[str, float]]:
    """The best text, then all texts with one and with two places changed, each with its cost."""
    base = [options[0][0] for options in ranked]
    least = sum(options[0][1] for options in ranked)
    for count in range(_CHANGES + 1):
        for places in itertools.combinations(range(len(ranked)), count):
            for choice in itertools.product(*(ranked[place][1:] for place in places)):
                text = base.copy()
                cost = least
                for place, (char, price) in zip(places, choice, strict=True):
                    text[place] = char
                    cost += price - ranked[place][0][1]
                yield "".join(text), cost


def _ranked(cell: Cell, allowed: str) -> list[tuple[str, float]]:
    return sorted(((char, cost) for char, cost in cell.items() if char in allowed), key=lambda option: option[1])


def _best(cell: Cell) -> str:
    return min(cell, key=lambda char: cell[char])


def _plausible(text: str) -> bool:
    """A date as YYMMDD, where parts may be unknown: month and day exist in some year."""
    month, day = text[2:4], text[4:6]
    pairs = (text[0:2], month, day)
    if not all(pair == "<<" or pair.isdigit() for pair in pairs):
        return False
    return (month == "<<" or 1 <= int(month) <= 12) and (day == "<<" or 1 <= int(day) <= 31)
