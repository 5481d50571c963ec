"""The generated tables of docs/passport.md."""

from functools import cache
from pathlib import Path

from hil.bench.verdicts import markers

PAGE = Path(__file__).parents[3] / "docs/passport.md"


@cache
def lines(table: str) -> list[str]:
    """The lines of one table, without its head."""
    begin, end = markers(table)
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"{begin}\n")
    return [line for line in rest.partition(end)[0].splitlines() if line.startswith("|")][2:]
