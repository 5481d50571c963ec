"""`python -m hil pcsc`: every case through real PC/SC, a table; exit code 1 if the lane said anything unexpected."""

import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from appliance.config import ConfigError
from drivers.document import pcsc
from drivers.errors import DriverError
from hil.passport.personalise import Options, make_passport
from hil.pcsc.cases import CASES, GENUINE, Case
from hil.pcsc.lane import Reading, reader_lane
from hil.pcsc.packages import missing
from hil.pcsc.stack import NotApart, Pcscd, run_apart, settle_in
from hil.rig.process import ChildFailed
from hil.scene import CAST, render_portrait

AS_EXPECTED, SURPRISE, UNTRIED = 0, 1, 2


def run(times: int, console: Console, *, apart: bool) -> int:
    """All cases, good ones `times` times each; in namespaces of our own, into which it goes first unless `apart`."""
    if problem := missing():
        console.print(problem, markup=False)
        return UNTRIED
    try:
        library = pcsc.scard()
        if not apart:
            run_apart(["-m", "hil", "pcsc", "--times", str(times), "--apart"])
        settle_in()
        with tempfile.TemporaryDirectory(prefix="sallyport-pcsc-") as folder:
            results = asyncio.run(_all(Path(folder), library, times, console))
    except (NotApart, DriverError, ChildFailed, ConfigError) as error:
        console.print(str(error), markup=False)
        return UNTRIED
    console.print(_table(results))
    return AS_EXPECTED if all(_as_expected(*result) for result in results) else SURPRISE


async def _all(folder: Path, library: Any, times: int, console: Console) -> list[tuple[Case, list[Reading]]]:
    portrait, results = render_portrait(CAST[0]), []
    with Pcscd(folder, library) as pcscd, reader_lane(folder, pcscd) as lane:
        identity = await lane.open()
        console.print(f"{identity.model}; portrait of {len(portrait)} bytes; good documents {times} times each")
        try:
            for case in CASES:
                passport = make_passport(CAST[0], portrait, options=Options(**case.options), faults=case.faults)
                readings = [await lane.read(case, passport) for _ in range(times if case.expected == GENUINE else 1)]
                results.append((case, readings))
        finally:
            await lane.close()
    return results


def _as_expected(case: Case, readings: list[Reading]) -> bool:
    return all(reading.said == case.expected for reading in readings)


def _table(results: list[tuple[Case, list[Reading]]]) -> Table:
    """Times are medians, with the longest behind where there are several."""
    table = Table("", "on the reader", "n", "the lane says", "commands", "proven, ms", "at the chip, ms")
    for case, readings in results:
        well = _as_expected(case, readings)
        said = sorted({reading.said for reading in readings})
        table.add_row(
            "[green]✓[/]" if well else "[red]✕[/]",
            case.words,
            str(len(readings)),
            ", ".join(said) + ("" if well else f", not {case.expected}"),
            "-".join(str(count) for count in sorted({reading.commands for reading in readings})),
            _milliseconds([reading.proven_s for reading in readings]),
            _milliseconds([reading.chip_s for reading in readings]),
        )
    return table


def _milliseconds(seconds: list[float]) -> str:
    middle, most = (round(1000 * value) for value in (statistics.median(seconds), max(seconds)))
    return f"{middle}" if len(seconds) == 1 else f"{middle} ({most})"
