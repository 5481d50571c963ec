"""`appliance calibrate`: measures the cameras and LEDs of a lane that is empty and not running.

It opens the devices itself, the same way the lane does. Not responsible for what is stored (`liveness.calibration`).
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict

import numpy as np
from rich.table import Table

from appliance import devices
from appliance.clock import Clock
from appliance.config import LaneConfig
from appliance.liveness.calibration import (
    Calibration,
    CalibrationError,
    CameraCalibration,
    Identity,
    LedCalibration,
    Setup,
    alike,
    compare,
    mean_leds,
    setup_finding,
)
from appliance.liveness.channels import band_set
from appliance.liveness.plan import plan_burst
from appliance.liveness.reading import Finding, Reading, read
from appliance.vision.cameras import Cameras
from drivers.ports import DeviceIdentity, Illuminator

LOOKS = 8
Looks = dict[str, list[Reading]]


class Bench:
    """The switched cameras of a lane with their illuminators, open inside `async with`. Raises DriverError."""

    def __init__(self, lane: LaneConfig, clock: Clock) -> None:
        self._lane, self._clock = lane, clock
        self._lights: Mapping[str, Illuminator] = devices.illuminators(lane)
        self._cameras = Cameras(lane.cameras, lane.simulation.module if lane.simulation else None, clock)
        self._chance = secrets.SystemRandom()
        self._stack = AsyncExitStack()
        self.setups: dict[str, Setup] = {}

    async def __aenter__(self) -> "Bench":
        async with AsyncExitStack() as stack:
            stack.callback(self._cameras.end)
            lit: dict[str, DeviceIdentity] = {}
            for camera, light in self._lights.items():
                stack.push_async_callback(light.close)
                lit[camera] = await light.open()
            seen = await asyncio.to_thread(self._cameras.open)
            for light in self._lights.values():
                await light.zero()
            await asyncio.to_thread(self._cameras.align, self._clock.monotonic())
            for camera in self._lights:
                self.setups[camera] = Setup(
                    camera=_identity(seen[camera]),
                    illuminator=_identity(lit[camera]),
                    pulses=self._lane.illumination[camera].pulses,  # type: ignore[index]
                    reference=self._lane.cameras.all[camera].reference.box,
                )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def look(self) -> dict[str, Reading]:
        """One burst of every camera, read."""
        orders = {camera: plan_burst(tuple(setup.pulses), self._chance) for camera, setup in self.setups.items()}
        after = self._clock.monotonic()
        for camera, order in orders.items():
            await self._lights[camera].arm(order)
        # One frame more than lit: the first may have been exposed before its order was armed.
        counts = {camera: len(order) + 1 for camera, order in orders.items()}
        shots = await asyncio.to_thread(self._cameras.burst, counts, after)
        logs = {
            camera: {line.exposure: line.led for line in await self._lights[camera].log()} for camera in self.setups
        }
        exposures = shots.exposures(logs)
        patches = self._lane.cameras.patches
        return {
            camera: read(camera, [e for e in exposures if e.camera == camera], patches[camera], tuple(setup.pulses))
            for camera, setup in self.setups.items()
        }


def _identity(device: DeviceIdentity) -> Identity:
    told = asdict(device)
    return Identity(**{name: told[name] for name in ("model", "firmware", "serial_number")})


async def measure(bench: Bench, looks: int = LOOKS) -> Looks:
    """So many looks of every camera. Raises CalibrationError with all that is wrong."""
    seen = [await _good(bench) for _ in range(looks)]
    wrong = dict.fromkeys(finding.words for look in seen for reading in look.values() for finding in reading.findings)
    if wrong:
        raise CalibrationError("the lane cannot be calibrated:\n" + "\n".join(f"  {words}" for words in wrong))
    return {camera: [look[camera] for look in seen] for camera in bench.setups}


async def _good(bench: Bench) -> dict[str, Reading]:
    """One look, a second one when something was wrong with the first."""
    look = await bench.look()
    return await bench.look() if any(reading.findings for reading in look.values()) else look


def calibration_of(lane: LaneConfig, setups: Mapping[str, Setup], looks: Looks, clock: Clock) -> Calibration:
    """What was seen in an empty lane, as a calibration of today."""
    return Calibration(
        made=clock.now(),
        lane_id=lane.lane_id,
        simulated=lane.simulated,
        band_set=band_set(lane.bands),
        cameras={camera: _of_camera(setups[camera], readings) for camera, readings in looks.items()},
    )


def _of_camera(setup: Setup, readings: Sequence[Reading]) -> CameraCalibration:
    dark = np.concatenate([reading.dark for reading in readings])
    return CameraCalibration(
        camera=setup.camera,
        illuminator=setup.illuminator,
        reference=setup.reference,
        dark_dn=round(float(dark.mean()), 3),
        dark_noise_dn=round(float(dark.std(axis=0, ddof=1).mean()), 3),
        leds=mean_leds(readings, setup.pulses),
    )


def with_flat_fields(stored: Calibration, looks: Looks) -> Calibration:
    """The calibration with the flat fields of an even target that fills the view. Raises CalibrationError."""
    if set(looks) != set(stored.cameras):
        raise CalibrationError("the stored calibration is of other cameras; calibrate without --field first")
    cameras = {}
    for camera, readings in looks.items():
        was = stored.cameras[camera]
        seen = mean_leds(readings, {led: one.pulse_us for led, one in was.leds.items()})
        leds = {led: one.model_copy(update={"flat": seen[led].pattern}) for led, one in was.leds.items()}
        cameras[camera] = was.model_copy(update={"leds": leds})
    return stored.model_copy(update={"cameras": cameras})


def changes(stored: Calibration, setups: Mapping[str, Setup], looks: Looks, drift: float) -> list[Finding]:
    """What is no longer as it was stored."""
    found: list[Finding] = []
    for camera, readings in looks.items():
        was = stored.cameras.get(camera)
        if was is None:
            raise CalibrationError(f"the {camera} camera was never calibrated; run: appliance calibrate")
        changed = setup_finding(was, setups[camera], camera)
        found += [changed] if changed else compare(was, readings[-1], drift)
    return found


def table(calibration: Calibration, stored: Calibration | None) -> Table:
    """The calibration for a person, beside the stored one."""
    shown = Table("camera", "LED", "level, DN", "noise, DN", "pulse, us", "pattern, min to max", "against stored")
    for camera, one in calibration.cameras.items():
        shown.add_row(camera, "dark", f"{one.dark_dn:.1f}", f"{one.dark_noise_dn:.2f}", "", "", "")
        was = stored.cameras.get(camera) if stored is not None else None
        for led, values in one.leds.items():
            figures = [value for row in values.pattern for value in row]
            shown.add_row(
                camera,
                led,
                f"{values.level_dn:.1f}",
                f"{values.noise_dn:.2f}",
                f"{values.pulse_us}",
                f"{min(figures):.2f} to {max(figures):.2f}",
                _against(values, was.leds.get(led) if was is not None else None),
            )
    return shown


def _against(now: LedCalibration, was: LedCalibration | None) -> str:
    return f"{now.level_dn / was.level_dn - 1:+.1%}" if was is not None else "none"


def blind_spots(calibration: Calibration) -> list[str]:
    """Exchanges of LEDs that nobody could notice, in words."""
    return [
        f"LEDs {one} and {other} look alike at the reference and over the lane: their exchange would not be noticed."
        for camera in calibration.cameras.values()
        for one, other in alike(camera.leds)
    ]
