"""What `appliance floor` does: measure the empty floor under the presence sensor and keep it."""

import asyncio

import numpy as np
import typer
from numpy.typing import NDArray

from appliance import devices
from appliance.config import ConfigError, LaneConfig
from drivers.errors import DriverError
from drivers.sensing import Area, DepthSource, Floor, Optics

DONE, IMPOSSIBLE = 0, 3
PICTURES = 16


async def measure_floor(lane: LaneConfig, *, dry_run: bool) -> int:
    """Take pictures, fit, print, write. The exit code."""
    try:
        return await _measure(lane, dry_run=dry_run)
    except (ConfigError, ValueError) as error:
        typer.echo(f"presence: {error}", err=True)
    except DriverError as error:
        typer.echo(f"{error.device}: {error.message}\nIs the lane still running? Stop it first.", err=True)
    return IMPOSSIBLE


async def _measure(lane: LaneConfig, *, dry_run: bool) -> int:
    given = lane.presence
    if given is None:
        raise ConfigError("the configuration has no [presence] section; see docs/devices/overhead-depth.md")
    source = devices.depth_source(given, lane.simulation.module if lane.simulation else None)
    serial_number, pictures = await _pictures(source)
    optics = Optics(**given.optics.model_dump())
    floor = await asyncio.to_thread(Floor.fit, optics, pictures, Area(*given.area))
    typer.echo(
        f"The floor lies {floor.mount_m:.2f} m below the sensor, which looks {floor.tilt_deg:.1f} degrees off the "
        f"vertical ({PICTURES} pictures, sensor {serial_number or 'without a serial number'})."
    )
    if lane.simulated:
        typer.echo("Measured on simulated devices.")
    if dry_run:
        typer.echo("Nothing was written.")
        return DONE
    floor.save(given.floor, serial_number=serial_number)
    typer.echo(f"{given.floor}: written. Restart the lane to use it.")
    return DONE


async def _pictures(source: DepthSource) -> tuple[str | None, list[NDArray[np.float32]]]:
    identity = await source.open()
    try:
        return identity.serial_number, [(await source.frame()).metres for _ in range(PICTURES)]
    finally:
        await source.close()
