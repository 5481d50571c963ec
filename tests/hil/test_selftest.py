"""`appliance selftest` on a rig: what it proves, what it finds broken, what a dry run leaves alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from appliance.main import app
from drivers.ports import Door
from hil.rig import Rig
from hil.rig.config import LaneSettings

pytestmark = pytest.mark.rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path, LaneSettings()) as rig:
        yield rig


@pytest.fixture
def selftest(rig: Rig) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["selftest", "--config", str(rig.paths.config), *arguments])

    return run


def fails(done: Result) -> list[str]:
    return [line for line in done.output.splitlines() if line.startswith("FAILS")]


def closings(rig: Rig) -> list[int]:
    return [rig.observer.closings(relay) for relay in (0, 1)]


def test_everything_of_a_sound_lane_is_proved(rig: Rig, selftest: Callable[..., Result]) -> None:
    before = closings(rig)
    done = selftest("--yes")
    assert done.exit_code == 0, done.output
    assert fails(done) == []
    for words in (
        "entry release, 300 ms",
        "exit door closed",
        "940R - lit minus dark",
        "camera, nir",
        "document reader",
        "presence: lane empty - persons 0, something left: no",
    ):
        assert words in done.output
    assert "Proved on simulated devices." in done.output
    assert [now - then for now, then in zip(closings(rig), before, strict=True)] == [1, 1]


def test_a_dry_run_and_a_no_touch_nothing(rig: Rig, selftest: Callable[..., Result]) -> None:
    before = closings(rig)
    done = selftest("--dry-run")
    assert done.exit_code == 0
    assert "would release the exit door for 0.3 s" in done.output
    assert CliRunner().invoke(app, ["selftest", "-c", str(rig.paths.config)], input="n\n").exit_code == 1
    assert closings(rig) == before
    done = selftest("--no-release")
    assert done.exit_code == 0, done.output
    assert closings(rig) == before


def test_what_is_broken_is_named_and_the_rest_is_proved_all_the_same(rig: Rig, selftest: Callable[..., Result]) -> None:
    rig.faults.break_coil(Door.EXIT)
    rig.faults.dead_led("940R")
    done = selftest("--yes")
    assert done.exit_code == 1
    told = "\n".join(fails(done))
    assert "exit release - " in told
    assert "did not close" in told
    assert "940R" in told
    assert "entry release" not in told
    assert "850L" not in told
    assert "camera, " not in told


def test_a_camera_that_repeats_its_pictures_is_found(rig: Rig, selftest: Callable[..., Result]) -> None:
    rig.faults.stick_frame("rgb")
    done = selftest("--no-release")
    assert done.exit_code == 1
    assert any("camera, rgb: frames" in line and "it repeats its pictures" in line for line in fails(done))


def test_a_gate_that_is_not_there_does_not_end_the_test(rig: Rig, selftest: Callable[..., Result]) -> None:
    rig.faults.unplug_line("gate")
    done = selftest("--yes")
    assert done.exit_code == 1
    assert len(fails(done)) == 1
    assert "plug the device in" in fails(done)[0]
    assert "camera, nir" in done.output


def test_sensors_that_nobody_works_are_not_proved(selftest: Callable[..., Result]) -> None:
    done = selftest("--no-release", "--watch", "0.2")
    assert done.exit_code == 1
    assert "sensors worked within 0 s - none" in fails(done)[0]
