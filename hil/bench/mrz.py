"""`python -m hil.bench.mrz`: how often the zone is read off rendered pages, by condition, and what it costs.

The pages are rendered from the font family the reader learnt from, and no camera took them: the figures flatter.
One page an image, each of a person and a paper of its own, so that they are independent.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from appliance.clock import SystemClock
from appliance.document.mrz import MrzError, parse
from appliance.document.ocr.read import grey_of, read
from appliance.evaluate.figures import Rate, between, percent
from hil.mrz.page import CONDITIONS, Condition, FontMissing, take
from hil.mrz.zone import drawn

SIZES = ("TD3", "TD3", "TD1", "TD2")
"""Half of the pages are passports."""


@dataclass(slots=True)
class Seen:
    """Counts over `n` pages. `fooled`: all check digits right and a field that opens the chip wrong."""

    n: int = 0
    whole: int = 0
    second: int = 0
    first_try: int = 0
    three_tries: int = 0
    nothing: int = 0
    fooled: int = 0
    took_s: list[float] = field(default_factory=list)


def look(condition: Condition, pages: int, seed: int) -> Seen:
    """Read pages of a condition."""
    seen, today = Seen(), SystemClock().now().date()
    for number in track(range(pages), condition.name, console=Console(stderr=True), transient=True):
        size = SIZES[number % len(SIZES)]
        printed = drawn(random.Random(seed + number), size)
        grey = grey_of(take(printed, condition, np.random.default_rng((seed, number))).image)
        begun = time.thread_time()
        reading = read(grey)
        tries = reading.access if reading is not None else ()
        seen.took_s.append(time.thread_time() - begun)
        seen.n += 1
        seen.nothing += reading is None
        if reading is None:
            continue
        opens = parse(printed, today).access
        seen.whole += reading.lines == printed
        seen.second += reading.lines[-2 if size == "TD1" else -1] == printed[-2 if size == "TD1" else -1]
        seen.first_try += tries[:1] == (opens,)
        seen.three_tries += opens in tries
        try:
            seen.fooled += parse(reading.lines, today).access != opens
        except MrzError:
            continue
    return seen


def report(console: Console, conditions: Sequence[Condition], pages: int, seed: int) -> None:
    """The table of these conditions."""
    table = Table(
        "condition", "all lines exact", "line with the dates", "chip opens at once", "within 3 tries", "fooled",
        "no zone", "CPU s, p50 / p95", title=f"rendered pages, n={pages} each; bounds 95 % each, Clopper-Pearson",
    )  # fmt: skip
    for condition in conditions:
        seen = look(condition, pages, seed)
        rates = [
            Rate(count, seen.n) for count in (seen.whole, seen.second, seen.first_try, seen.three_tries, seen.fooled)
        ]
        middle, late = np.percentile(seen.took_s, (50, 95))
        told = [f"{percent(rate.value)} ({between(rate)})" for rate in rates]
        table.add_row(
            f"{condition.name}, {condition.px_per_mm:g} px/mm", *told, str(seen.nothing), f"{middle:.2f} / {late:.2f}"
        )
    console.print(table)
    console.print(f"load {os.getloadavg()[0]:.1f}; the font family is the one learnt from, no camera was used")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 2 when the font is missing."""
    parser = argparse.ArgumentParser(prog="python -m hil.bench.mrz", description=__doc__)
    parser.add_argument("--pages", type=int, default=100, help="of each condition")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--only", choices=CONDITIONS, action="append", help="this condition; repeatable")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    try:
        report(
            Console(width=None if sys.stdout.isatty() else 200),
            [CONDITIONS[name] for name in chosen.only or CONDITIONS],
            chosen.pages,
            chosen.seed,
        )
    except FontMissing as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
