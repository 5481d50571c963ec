"""Whether DG1 and the printed machine-readable zone are of one document (ICAO 9303-11 section 6, 9303-3 section 4).

Both are one text (9303-10 4.7.1) and are compared field by field, so that a report can say which differs without
saying what it holds. Not responsible for reading either, nor for check digits and validity.
"""

from collections.abc import Sequence

from appliance.document.reasons import DocumentFault, Reason

_Field = tuple[int, int, int]
"""Line, first column, column after the last."""
_NAMES = "names"
_TD1: dict[str, _Field] = {
    "document code": (0, 0, 2),
    "issuing state": (0, 2, 5),
    "document number": (0, 5, 15),
    "optional data": (0, 15, 30),
    "date of birth": (1, 0, 7),
    "sex": (1, 7, 8),
    "date of expiry": (1, 8, 15),
    "nationality": (1, 15, 18),
    "optional data 2": (1, 18, 29),
    "check digit": (1, 29, 30),
    _NAMES: (2, 0, 30),
}
_TWO_LINES: dict[str, _Field] = {
    "document code": (0, 0, 2),
    "issuing state": (0, 2, 5),
    "document number": (1, 0, 10),
    "nationality": (1, 10, 13),
    "date of birth": (1, 13, 20),
    "sex": (1, 20, 21),
    "date of expiry": (1, 21, 28),
}
_TD2: dict[str, _Field] = {**_TWO_LINES, "optional data": (1, 28, 36), _NAMES: (0, 5, 36)}
_TD3: dict[str, _Field] = {**_TWO_LINES, "optional data": (1, 28, 44), _NAMES: (0, 5, 44)}
_FORMS = {(30, 30, 30): _TD1, (36, 36): _TD2, (44, 44): _TD3}


def same_document(chip: Sequence[str], printed: Sequence[str]) -> None:
    """Compare the lines of DG1 with the printed ones, as read. Raises DocumentFault(MRZ_MISMATCH) naming the fields."""
    form = _FORMS.get(tuple(len(line) for line in chip))
    if form is None or len(chip) != len(printed) or any(len(a) != len(b) for a, b in zip(chip, printed, strict=True)):
        raise DocumentFault(Reason.MRZ_MISMATCH, "the zones are of different formats")
    differing = [name for name, field in form.items() if not _agree(name, _cut(chip, field), _cut(printed, field))]
    if differing:
        raise DocumentFault(Reason.MRZ_MISMATCH, f"differing: {', '.join(differing)}")


def _cut(lines: Sequence[str], field: _Field) -> str:
    line, start, end = field
    return lines[line][start:end]


def _agree(name: str, chip: str, printed: str) -> bool:
    return chip == printed or (name == _NAMES and _truncated_alike(chip, printed))


def _truncated_alike(one: str, other: str) -> bool:
    """Names too long for a zone may be cut at different places (9303-3 4.6): whole words left out or shortened.

    Only where one of the two fields is full to its end; and then the first word, of the surname, stays as it is.
    """
    if not (_full(one) or _full(other)):
        return False
    (surname, given), (other_surname, other_given) = _words(one), _words(other)
    if not surname or not other_surname or surname[0] != other_surname[0]:
        return False
    return _shortened(surname, other_surname) and _shortened(given, other_given)


def _full(names: str) -> bool:
    """Whether a field is written to its end, without more fillers than there are names."""
    return not names.endswith("<") and names.count("<<") <= 1 and "<<<" not in names


def _words(names: str) -> tuple[list[str], list[str]]:
    surname, _, given = names.partition("<<")
    return [word for word in surname.split("<") if word], [word for word in given.split("<") if word]


def _shortened(one: list[str], other: list[str]) -> bool:
    """Whether each word is the beginning of the other's in the same place, or has none there."""
    return all(a.startswith(b) or b.startswith(a) for a, b in zip(one, other, strict=False))
