"""`appliance calibrate` on a rig: what it writes, what it compares, what it refuses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from appliance.liveness.calibration import load
from appliance.main import app
from hil.rig import Rig
from hil.rig.config import LaneSettings

Calibrate = Callable[..., Result]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path, LaneSettings(calibration=tmp_path / "calibration.json")) as rig:
        yield rig


@pytest.fixture
def calibrate(rig: Rig) -> Calibrate:
    def run(*arguments: str) -> Result:
        config = str(rig.paths.config)
        return CliRunner().invoke(app, ["calibrate", "--config", config, "--looks", "2", *arguments])

    return run


def file(rig: Rig) -> Path:
    return rig.paths.directory / "calibration.json"


def test_a_lane_is_measured_kept_and_found_again(rig: Rig, calibrate: Calibrate) -> None:
    done = calibrate("--dry-run")
    assert (done.exit_code, file(rig).exists()) == (0, False)
    assert "Nothing was written" in done.output
    done = calibrate()
    assert done.exit_code == 0, done.output
    assert "Measured on simulated devices." in done.output
    stored = load(file(rig))
    assert (stored.lane_id, stored.simulated, stored.band_set) == ("lane-1", True, "rgb+850+940")
    leds = stored.cameras["nir"].leds
    assert list(leds) == ["850L", "850R", "850C", "940L", "940R"]
    assert all(20 < led.level_dn < 250 and 0 < led.noise_dn < 5 and led.flat is None for led in leds.values())
    done = calibrate("--check")
    assert (done.exit_code, "still holds" in done.output) == (0, True)


def test_a_change_is_found_and_named(rig: Rig, calibrate: Calibrate) -> None:
    calibrate()
    before = file(rig).read_bytes()
    rig.faults.swap_leds("850L", "940L")
    done = calibrate("--check")
    assert done.exit_code == 1
    assert "850L and 940L have changed places" in done.output
    assert file(rig).read_bytes() == before, "a check writes nothing"
    rig.faults.repair_leds()
    assert calibrate("--check").exit_code == 0


def test_flat_fields_are_added_to_what_is_stored(rig: Rig, calibrate: Calibrate) -> None:
    assert calibrate("--field").exit_code == 3
    calibrate()
    before = load(file(rig))
    assert calibrate("--field").exit_code == 0
    after = load(file(rig))
    for led, one in after.cameras["nir"].leds.items():
        assert one.flat is not None
        assert one.model_copy(update={"flat": None}) == before.cameras["nir"].leds[led]


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (lambda rig: rig.faults.dead_led("850C"), "LED 850C: no answer"),
        (lambda rig: rig.faults.stick_led("940L"), "No LED answers"),
        (lambda rig: rig.faults.unplug_camera("nir"), "camera.nir: the nir camera is unplugged"),
        (lambda rig: rig.faults.silence("illumination.nir"), "illumination.nir: "),
        (lambda rig: rig.faults.stick_frame("nir"), "camera.nir: frame"),
    ],
)
def test_a_lane_that_is_broken_is_not_calibrated(
    rig: Rig, calibrate: Calibrate, breaks: Callable[[Rig], None], said: str
) -> None:
    breaks(rig)
    done = calibrate()
    assert done.exit_code == 3
    assert said in done.stderr
    assert not file(rig).exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("box = [24, 416, 40, 40]", "box = [624, 416, 40, 40]", "The grey reference is not in view"),
        ("[calibration]\nfile", "[calibration]\n# file", "names no file for it"),
    ],
)
def test_a_configuration_that_does_not_fit(rig: Rig, calibrate: Calibrate, old: str, new: str, said: str) -> None:
    text = rig.paths.config.read_text()
    assert old in text
    rig.paths.config.write_text(text.replace(old, new))
    done = calibrate()
    assert done.exit_code == 3
    assert said in done.stderr
