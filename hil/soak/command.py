"""`python -m hil soak`: many sessions, a table, and a file for anything that went wrong."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from hil.soak.script import TRAVELLERS, Script, ScriptError, draw, parse
from hil.soak.session import Session, shrink, violations

CHUNK = 2_000
_SHOWN = 5

Part = tuple[Counter[str], list[int]]


def play(seed: int, numbers: range) -> Part:
    """What happened in the scripts of these numbers, and which of them went wrong."""
    counts: Counter[str] = Counter()
    wrong = []
    for number in numbers:
        told = Session(draw(seed, number)).run()
        counts += told.counts
        if told.violations:
            wrong.append(number)
    return counts, wrong


def parts(seed: int, scripts: int, jobs: int) -> Iterator[Part]:
    """The same over all scripts, chunk by chunk, in one process or a few."""
    chunks = [range(first, min(first + CHUNK, scripts)) for first in range(0, scripts, CHUNK)]
    if jobs == 1:
        yield from map(partial(play, seed), chunks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(partial(play, seed), chunks)


def soak(sessions: int, seed: int, jobs: int, out: Path, console: Console) -> int:
    """Run and print; 0 when nothing went wrong. A failing script is written to `out`, shrunk."""
    scripts = -(-sessions // TRAVELLERS)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    counts: Counter[str] = Counter()
    wrong: list[int] = []
    begun = time.monotonic()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"sessions, seed {seed}", total=scripts * TRAVELLERS)
        for done, (part, bad) in enumerate(parts(seed, scripts, jobs), 1):
            counts += part
            wrong += bad
            bar.update(task, completed=min(done * CHUNK, scripts) * TRAVELLERS)
    spent = time.monotonic() - begun
    _table(counts, scripts, seed, spent, console)
    for number in wrong[:_SHOWN]:
        _keep(shrink(draw(seed, number)), out / f"soak-{seed}-{number}.json", console)
    words = f"{len(wrong)} of {scripts} schedules broke an invariant" if wrong else "no invariant was broken"
    console.print(f"{scripts * TRAVELLERS} sessions in {scripts} schedules, seed {seed}: {words} (simulated)")
    return 1 if wrong else 0


def replay(path: Path, console: Console) -> int:
    """Run one kept script again and say what is wrong with it; 0 when nothing is, 2 when it is no script."""
    try:
        found = violations(parse(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, ScriptError) as error:
        console.print(f"{path}: {error}")
        return 2
    for words in found or ["nothing went wrong"]:
        console.print(words)
    return 1 if found else 0


def _table(counts: Counter[str], scripts: int, seed: int, spent: float, console: Console) -> None:
    shown = Table("what happened", "how often", title=f"soak, seed {seed}, {scripts} schedules, {spent:.0f} s")
    for name, count in counts.most_common():
        shown.add_row(name.replace("_", " "), f"{count}")
    console.print(shown)


def _keep(script: Script, path: Path, console: Console) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script.text(), encoding="utf-8")
    console.print(f"{path}: {violations(script)[0]}  (again: python -m hil soak --replay {path})")
