"""The fault menu as data: `menu.yaml`, row by row, checked when it is read. Nothing here runs anything."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from hil.stand import Tier

MENU = Path(__file__).parent / "menu.yaml"
COUNT = 38


class MenuError(ValueError):
    """The menu is not what it should be; the message names the row."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row. `case` names what runs it ("gate.unplug"), or is None and `without` says why nothing does.

    `secure_s`: every release contact open and no door released, seconds after the injection. `told_s`: the lane shows
    one of the fault `codes`. None where the row makes no such demand. `source` are the words of the reference list.
    """

    number: int
    title: str
    injection: str
    expected: str
    tier: Tier
    case: str | None = None
    without: str | None = None
    secure_s: float | None = None
    told_s: float | None = None
    codes: tuple[int, ...] = ()


def read(path: Path = MENU) -> tuple[Fault, ...]:
    """The whole menu, in order. Raises MenuError, also when a number is missing."""
    rows = tuple(_row(given) for given in yaml.safe_load(path.read_text(encoding="utf-8")))
    numbers = {row.number for row in rows}
    missing = set(range(1, COUNT + 1)) - numbers
    if missing or max(numbers) > COUNT:
        raise MenuError(f"faults {sorted(missing)} are missing, or there are more than {COUNT}")
    return rows


def _row(given: dict[str, Any]) -> Fault:
    known = {field.name for field in fields(Fault)}
    where = f"fault {given.get('number')}"
    if unknown := set(given) - known:
        raise MenuError(f"{where}: unknown keys {sorted(unknown)}")
    try:
        row = Fault(**{**given, "tier": Tier[given["tier"]], "codes": tuple(given.get("codes", ()))})
    except (KeyError, TypeError) as error:
        raise MenuError(f"{where}: {error}") from error
    if (row.case is None) == (row.without is None):
        raise MenuError(f"{where}: either a case runs it or `without` says why none does")
    return row
