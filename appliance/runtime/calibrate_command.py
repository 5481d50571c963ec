"""What `appliance calibrate` prints and decides around the measurement."""

import sys

import typer
from rich.console import Console

from appliance.clock import SystemClock
from appliance.config import ConfigError, LaneConfig
from appliance.liveness.calibration import Calibration, CalibrationError, load, save
from appliance.runtime.calibrate import (
    Bench,
    blind_spots,
    calibration_of,
    changes,
    measure,
    table,
    with_flat_fields,
)
from drivers.errors import DriverError

DONE, CHANGED, IMPOSSIBLE = 0, 1, 3


async def calibrate(lane: LaneConfig, *, looks: int, field: bool, check: bool, dry_run: bool) -> int:
    """Measure, print, and write or compare. The exit code."""
    try:
        return await _calibrate(lane, looks=looks, field=field, check=check, dry_run=dry_run)
    except (CalibrationError, ConfigError) as error:
        typer.echo(str(error), err=True)
    except DriverError as error:
        typer.echo(f"{error.device}: {error.message}\nIs the lane still running? Stop it first.", err=True)
    return IMPOSSIBLE


async def _calibrate(lane: LaneConfig, *, looks: int, field: bool, check: bool, dry_run: bool) -> int:
    path, clock = lane.calibration.file, SystemClock()
    if path is None:
        raise CalibrationError('the configuration names no file for it; add: [calibration] file = "calibration.json"')
    stored = load(path) if check or field else _if_there(lane)
    async with Bench(lane, clock) as bench:
        seen = await measure(bench, looks)
    now = calibration_of(lane, bench.setups, seen, clock)
    Console(width=None if sys.stdout.isatty() else 140).print(table(now, stored))
    if lane.simulated:
        typer.echo("Measured on simulated devices.")
    if check:
        assert stored is not None
        found = changes(stored, bench.setups, seen, lane.calibration.drift)
        for finding in found:
            typer.echo(finding.words)
        typer.echo(f"{path}: {'has changed' if found else 'still holds'} (of {stored.made:%Y-%m-%d}).")
        return CHANGED if found else DONE
    for words in blind_spots(now):
        typer.echo(f"Note: {words}")
    if field:
        assert stored is not None
        now = with_flat_fields(stored, seen)
    if dry_run:
        typer.echo("Nothing was written.")
        return DONE
    save(path, now)
    typer.echo(f"{path}: written. Restart the lane to use it.")
    return DONE


def _if_there(lane: LaneConfig) -> Calibration | None:
    """The stored calibration, None when there is none that can be read: it is about to be replaced."""
    assert lane.calibration.file is not None
    try:
        return load(lane.calibration.file)
    except CalibrationError:
        return None
