"""A whole lane whose lamps break while travellers come: nobody passes by that light, and it says what is wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.clock import SystemClock
from appliance.control.client import LaneClient
from appliance.control.messages import CheckName, LaneSnapshot, OfficerAction, Outcome, Result
from appliance.main import app
from hil.rig import Rig
from hil.rig.config import LaneSettings
from hil.scenarios.conductor import Conductor, Got
from hil.scenarios.passages import PASSAGES, TIMEOUTS, GuardDoes
from hil.scenarios.tour import appliance_of, console_of

_BROKEN = GuardDoes(OfficerAction.REFUSE, "The lane has failed, please use the desk.")
GENUINE = replace(next(passage for passage in PASSAGES if passage.name == "genuine"), guard=_BROKEN)
PATIENCE_S = 25.0

pytestmark = pytest.mark.anyio


class Lane:
    def __init__(self, rig: Rig, client: LaneClient, conductor: Conductor) -> None:
        self.rig, self.client, self.conductor = rig, client, conductor

    async def until(self, holds: Callable[[LaneSnapshot], bool]) -> LaneSnapshot:
        clock = SystemClock()
        deadline, changed = clock.monotonic() + PATIENCE_S, asyncio.Event()
        with self.client.changes(changed):
            while clock.monotonic() < deadline:
                changed.clear()
                seen = self.client.state.snapshot
                if seen is not None and holds(seen):
                    return seen
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), 0.2)
        raise AssertionError(f"it never came so far; last: {self.client.state}")

    async def closed_by(self, code: int) -> str:
        seen = await self.until(lambda seen: [fault.code for fault in seen.faults] == [code])
        assert not seen.in_service
        return seen.faults[0].advice

    async def somebody_comes(self) -> Got:
        """A genuine traveller; a guard who is asked sends him to the desk."""
        return await self.conductor.run(GENUINE)


@contextlib.asynccontextmanager
async def lane_on(rig: Rig) -> AsyncIterator[Lane]:
    with appliance_of(rig) as appliance:
        clock = SystemClock()
        async with console_of(rig, clock, guard=True) as client:
            conductor = Conductor(rig=rig, client=client, appliance=appliance, clock=clock, tell=lambda _: None)
            yield Lane(rig, client, conductor)


async def test_lamps_that_break_between_two_travellers(tmp_path: Path) -> None:
    settings = LaneSettings(pack="pypi-dlib", timeouts=TIMEOUTS, calibration=tmp_path / "calibration.json")
    with Rig(tmp_path, settings, speed=4.0) as rig:
        arguments = ["calibrate", "-c", str(rig.paths.config), "--looks", "4"]
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        assert done.exit_code == 0, done.output
        rig.faults.swap_leds("850L", "940L")
        async with lane_on(rig) as lane:
            assert "850L and 940L have changed places" in await lane.closed_by(3009)
            rig.faults.repair_leds()
            await lane.conductor.ready()
            got = await lane.somebody_comes()
            assert got.outcome is Outcome.ADMITTED
            rig.faults.dead_led("940R")
            got = await lane.somebody_comes()
            assert got.outcome is Outcome.REFUSED_BY_OFFICER
            assert got.checks[CheckName.LIVENESS][0] == Result.UNDETERMINED
            assert "940R" in got.checks[CheckName.LIVENESS][1]
            assert "LED 940R: no answer" in await lane.closed_by(3003)
            rig.faults.repair_leds()
            await lane.conductor.ready()
