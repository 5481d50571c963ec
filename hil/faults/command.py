"""`python -m hil faults`: the menu's table, measurements, JUnit and one HTML page; exit code 1 if anything is wrong."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from hil.bench import chain
from hil.faults.menu import Fault, read
from hil.faults.run import Plan, Result, Tell, run
from hil.report.measurements import Measurement, bound
from hil.report.write import Case, Report, write

SECURE_P99_S, SECURE_MAX_S = 1.0, 1.5
AS_EXPECTED, WRONG = 0, 1


def _worst(values: Sequence[float | None]) -> str:
    seen = [value for value in values if value is not None]
    return f"{max(seen):.3f}" if seen else "-"


def table(results: Sequence[Result]) -> Table:
    """One line for each row of the menu."""
    made = Table("", "fault", "n", "secure, s", "told, s", "well again, s", "", title="fault menu (simulated rig)")
    for result in results:
        fault, seen = result.fault, result.seen
        if result.skipped is not None:
            made.add_row(str(fault.number), fault.title, "0", "", "", "", f"[dim]not run: {result.skipped}[/]")
            continue
        notes = [one.note for one in seen if one.note]
        words = "[green]as expected[/]" if not result.wrong else "[bold red]" + "; ".join(result.wrong[:3]) + "[/]"
        made.add_row(
            str(fault.number),
            fault.title,
            str(len(seen)),
            _worst([one.secure_s for one in seen]),
            _worst([one.told_s for one in seen]),
            _worst([one.recovered_s for one in seen]),
            words + (f"\n[dim]{notes[-1][:160]}[/]" if notes else ""),
        )
    return made


def measurements(results: Sequence[Result], plan: Plan) -> list[Measurement]:
    """Every number that was measured, with its limit."""
    made = []
    for result in results:
        for quantity, limit in (
            ("secure_s", result.fault.secure_s),
            ("told_s", result.fault.told_s),
            ("recovered_s", None),
        ):
            values = [value for one in result.seen if (value := getattr(one, quantity)) is not None]
            if values:
                made.append(
                    Measurement(
                        f"fault {result.fault.number}",
                        quantity.removesuffix("_s"),
                        "s",
                        tuple(values),
                        limit,
                        plan.seed,
                    )
                )
    return made


def secure(results: Sequence[Result]) -> Measurement:
    """The headline: from any fault to every contact open and nothing released."""
    values = tuple(one.secure_s for result in results for one in result.seen if one.secure_s is not None)
    return Measurement("any fault", "to every contact open", "s", values, SECURE_MAX_S, 0)


async def _chain(plan: Plan, tell: Tell) -> list[Measurement]:
    made = []
    for baudrate in chain.LIMITS_MS:
        made += chain.measurements(await chain.measure(plan.decisions, baudrate, tell), baudrate, plan.seed)
    return made


def faults(plan: Plan, out: Path, console: Console, menu: tuple[Fault, ...] | None = None) -> int:
    """Run, print, write; the exit code."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def tell(words: str) -> None:
            progress.update(task, description=words)

        results = asyncio.run(run(menu or read(), plan, tell))
        stages = asyncio.run(_chain(plan, tell)) if plan.decisions else []
    console.print(table(results))
    whole, wrong = secure(results), [result for result in results if result.wrong]
    ran = [result for result in results if result.skipped is None]
    late = bool(whole.values) and (
        float(np.percentile(whole.values, 99)) > SECURE_P99_S or max(whole.values) > SECURE_MAX_S
    )
    if whole.values:
        console.print(
            f"any fault to every contact open: {whole.words()}; allowed p99 {SECURE_P99_S} s, max {SECURE_MAX_S} s"
        )
    released = sum(len(result.seen) for result in ran if not (result.fault.case or "").startswith("board."))
    injected = sum(len(result.seen) for result in ran)
    words = f"{injected} injections of {len(ran)} faults, {len(wrong)} faults not as expected"
    if not wrong and released:
        words += f"; a release that should not have been: 0 in {released}, 95 % bound {bound(released)}"
    console.print(words)
    console.print(f"not run: {len(results) - len(ran)} of {len(results)}, each with its reason in the table")
    cases = [
        Case(
            f"fault {result.fault.number}: {result.fault.title}",
            result.seconds,
            tuple(result.wrong),
            result.skipped,
            result.fault.expected,
            next((one.note for one in reversed(result.seen) if one.note), ""),
        )
        for result in results
    ]
    for one in stages:
        allowed = "" if one.limit is None else f"; allowed p99 {one.limit} ms"
        late = late or (one.limit is not None and one.percentile(99) > one.limit)
        console.print(f"{one.test}: {one.words()}{allowed}")
    figures = (whole, *stages, *measurements(results, plan))
    report = Report("Fault menu", plan.bench, plan.seed, tuple(cases), figures)
    console.print(f"report: {write(report, out)}")
    if late:
        console.print("later than allowed; a machine with other work is no rig: run it again alone")
    return WRONG if wrong or late else AS_EXPECTED
