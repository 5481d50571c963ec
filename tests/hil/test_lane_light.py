"""A whole lane whose lamps break while travellers come: nobody passes by that light, and it says what is wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.control.messages import CheckName, Outcome, Result
from appliance.main import app
from hil.rig import Rig
from hil.rig.config import LaneSettings
from hil.scenarios.conductor import Got
from hil.scenarios.passages import TIMEOUTS
from hil.scenarios.tour import appliance_of
from hil.scenarios.watched import SENT_TO_THE_DESK, WatchedLane, guarded

pytestmark = pytest.mark.anyio


async def closed_by(lane: WatchedLane, code: int) -> str:
    seen = await lane.until(lambda seen: [fault.code for fault in seen.faults] == [code])
    assert not seen.in_service
    return seen.faults[0].advice


async def somebody_comes(lane: WatchedLane) -> Got:
    """A genuine traveller; a guard who is asked sends him to the desk."""
    return await lane.conductor.run(SENT_TO_THE_DESK)


@contextlib.asynccontextmanager
async def lane_on(rig: Rig) -> AsyncIterator[WatchedLane]:
    with appliance_of(rig) as appliance:
        async with guarded(rig, appliance) as lane:
            yield lane


async def test_lamps_that_break_between_two_travellers(tmp_path: Path) -> None:
    settings = LaneSettings(pack="pypi-dlib", timeouts=TIMEOUTS, calibration=tmp_path / "calibration.json")
    with Rig(tmp_path, settings, speed=4.0) as rig:
        arguments = ["calibrate", "-c", str(rig.paths.config), "--looks", "4"]
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        assert done.exit_code == 0, done.output
        rig.faults.swap_leds("850L", "940L")
        async with lane_on(rig) as lane:
            assert "850L and 940L have changed places" in await closed_by(lane, 3009)
            rig.faults.repair_leds()
            await lane.conductor.ready()
            got = await somebody_comes(lane)
            assert got.outcome is Outcome.ADMITTED
            rig.faults.dead_led("940R")
            got = await somebody_comes(lane)
            assert got.outcome is Outcome.REFUSED_BY_OFFICER
            assert got.checks[CheckName.LIVENESS][0] == Result.UNDETERMINED
            assert "940R" in got.checks[CheckName.LIVENESS][1]
            assert "LED 940R: no answer" in await closed_by(lane, 3003)
            rig.faults.repair_leds()
            await lane.conductor.ready()
