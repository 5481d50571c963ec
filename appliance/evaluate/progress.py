"""Progress of long work, for whoever waits at a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """Progress of long work on the error stream, one bar for each thing that is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, int] = {}

        def step(what: str, done: int, of: int) -> None:
            what = what.partition(" without ")[0]
            if what not in tasks:
                tasks[what] = int(bars.add_task(what, total=of))
            bars.update(tasks[what], completed=done, total=of)  # type: ignore[arg-type]

        yield step
