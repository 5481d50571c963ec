"""`appliance floor` on a rig: what it measures and writes, and what a lane says without it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from appliance.main import app
from drivers.sensing import Floor
from hil.rig import Rig
from hil.sim.depth import MOUNT_M, Person

Command = Callable[..., Result]


@pytest.fixture
def command(rig: Rig) -> Command:
    return lambda name, *more: CliRunner().invoke(app, [name, "--config", str(rig.paths.config), *more])


def test_the_empty_floor_is_measured_and_kept(rig: Rig, command: Command) -> None:
    before = rig.paths.floor.read_bytes()
    done = command("floor", "--dry-run")
    assert (done.exit_code, rig.paths.floor.read_bytes()) == (0, before)
    rig.paths.floor.unlink()
    done = command("floor")
    assert done.exit_code == 0, done.output
    assert "The floor lies 2.8" in done.output
    assert "Measured on simulated devices." in done.output
    floor, serial_number = Floor.load(rig.paths.floor)
    assert (round(floor.mount_m, 1), serial_number) == (MOUNT_M, None)
    assert command("check-config").exit_code == 0


def test_a_lane_whose_floor_is_not_measured_says_what_to_do(rig: Rig, command: Command) -> None:
    rig.paths.floor.unlink()
    done = command("check-config")
    assert done.exit_code == 2
    assert "measure it: appliance floor" in done.output
    rig.paths.floor.write_bytes(b"no floor")
    assert "not a measured floor" in command("run").output


def test_a_floor_with_somebody_on_it_is_refused_and_the_old_one_stays(rig: Rig, command: Command) -> None:
    before = rig.paths.floor.read_bytes()
    rig.faults.leave([*Person(-0.3, 0.0).solids(), *Person(0.3, 0.1).solids()])
    done = command("floor")
    assert (done.exit_code, rig.paths.floor.read_bytes()) == (3, before)
    assert "clear the cell" in done.output


def test_other_optics_or_area_ask_for_another_measurement(rig: Rig, command: Command) -> None:
    config = Path(rig.paths.config)
    config.write_text(config.read_text().replace("fx = 170.0", "fx = 171.0"))
    done = command("check-config")
    assert done.exit_code == 2
    assert "run appliance floor again" in done.output


def test_a_lane_without_a_sensor_has_no_floor(rig: Rig, command: Command) -> None:
    config = Path(rig.paths.config)
    text = config.read_text()
    start = text.index("[presence]")
    config.write_text(text[:start] + text[text.index("[", start + 1) :])
    done = command("floor")
    assert done.exit_code == 3
    assert "no [presence] section" in done.output


def test_a_sensor_that_is_unplugged_is_named(rig: Rig, command: Command) -> None:
    rig.faults.unplug_camera("depth")
    done = command("floor")
    assert done.exit_code == 3
    assert "presence: the depth camera is unplugged" in done.output
