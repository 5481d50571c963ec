"""Findings become faults with their numbers, and calibrations that do not fit are told, not used."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from runtime_stage import Heard

from appliance.clock import ManualClock
from appliance.config import LaneConfig
from appliance.core.faults import CATALOGUE, Effect
from appliance.liveness.calibration import (
    Calibration,
    CameraCalibration,
    Identity,
    LedCalibration,
    save,
)
from appliance.liveness.reading import GRID, Trouble
from appliance.runtime.wellness import AGAIN_S, CALIBRATION_DEMANDED, EVERY_S, FAULTS, Wellness
from drivers.ports import DeviceIdentity

FLAT = ((1.0,) * GRID[1],) * GRID[0]
CAMERA = {"model": "eye", "firmware": "1", "serial_number": None}
LIGHT = DeviceIdentity("sync", "1", "RIG1", False)


def config(tmp_path: Path, **calibration: Any) -> LaneConfig:
    camera = {"kind": "rig", "reference": {"box": (0, 0, 10, 10), "width_mm": 7}}
    return LaneConfig.model_validate(
        {
            "lane_id": "E-07",
            "profile": "simulated",
            "state_dir": tmp_path,
            "control_socket": tmp_path / "lane.sock",
            "gate": {"port": "none"},
            "illumination": {"nir": {"port": "none", "bands": {"850": {}}}},
            "cameras": {"rgb": camera, "nir": camera},
            "calibration": calibration,
            "document_reader": {"kind": "rig"},
            "trust": {"store": "none", "roots": ["0" * 64]},
            "simulation": {"module": "none"},
        }
    )


def stored(clock: ManualClock, **changes: Any) -> Calibration:
    led = LedCalibration(level_dn=80.0, noise_dn=1.0, pulse_us=4000, pattern=FLAT, pattern_noise=0)
    camera: dict[str, Any] = {
        "camera": Identity(**CAMERA),
        "illuminator": Identity(model="sync", firmware="1", serial_number="RIG1"),
        "reference": (0, 0, 10, 10),
        "dark_dn": 5.0,
        "dark_noise_dn": 0.5,
        "leds": {"850L": led, "850R": led},
    }
    cameras = {"nir": CameraCalibration(**(camera | changes))}
    return Calibration(made=clock.now(), lane_id="E-07", simulated=True, band_set="rgb+850", cameras=cameras)


class Bench:
    def __init__(self, tmp_path: Path, calibration: Calibration | None = None, **settings: Any) -> None:
        self.clock, self.heard = ManualClock(), Heard()
        if calibration is not None or settings.pop("configured", False):
            settings["file"] = tmp_path / "calibration.json"
        if calibration is not None:
            save(tmp_path / "calibration.json", calibration)
        self.wellness = Wellness(config(tmp_path, **settings), self.heard.faults, self.clock)

    def opened(self) -> Any:
        return self.wellness.installed({"rgb": CAMERA, "nir": CAMERA}, {"nir": LIGHT})

    def tested(self, *findings: tuple[Trouble, str]) -> list[tuple[int, str]]:
        self.wellness.tested([{"trouble": t, "camera": camera, "words": "words"} for t, camera in findings])
        return [(fault.code, fault.device) for fault in self.heard.faults.active]

    def detail(self) -> str:
        return self.heard.faults.active[0].detail


def test_every_trouble_has_its_number_and_only_a_missing_calibration_lets_the_lane_go_on() -> None:
    assert set(FAULTS) == set(Trouble)
    assert len(set(FAULTS.values())) == len(FAULTS)
    for trouble, code in FAULTS.items():
        effect = Effect.NOTICE if trouble is Trouble.UNCALIBRATED else Effect.OUT_OF_SERVICE
        assert CATALOGUE[code].effects == {effect}
    assert CATALOGUE[CALIBRATION_DEMANDED].effects == {Effect.OUT_OF_SERVICE}


def test_findings_are_raised_and_cleared_by_camera(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.opened() is None
    assert bench.tested() == []
    assert bench.tested((Trouble.MISSING, "nir"), (Trouble.STUCK, "nir")) == [
        (3003, "illumination.nir"),
        (3005, "camera.nir"),
    ]
    assert bench.detail() == "words"
    assert bench.tested((Trouble.STUCK, "nir")) == [(3005, "camera.nir")]
    assert bench.tested() == []


def test_a_lane_that_is_well_is_tested_less_often(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.wellness.due, "before the first test"
    for findings, rest in (([], EVERY_S), ([(Trouble.DRIFT, "nir")], AGAIN_S)):
        bench.tested(*findings)
        bench.clock.advance(rest - 0.1)
        assert not bench.wellness.due
        bench.clock.advance(0.1)
        assert bench.wellness.due
    bench.tested()
    bench.wellness.suspect()
    assert bench.wellness.due


def test_a_calibration_that_fits_is_used_and_grows_old(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stored(ManualClock()), max_age_days=30)
    assert bench.opened()["cameras"]["nir"]["leds"]["850L"]["level_dn"] == 80.0
    assert bench.tested() == []
    bench.clock.advance(timedelta(days=31).total_seconds())
    assert bench.tested() == [(3010, "illumination")]
    assert "31 days old, 30 are allowed" in bench.detail()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"camera": Identity(model="another", firmware="1", serial_number=None)}, "the camera"),
        ({"illuminator": Identity(model="sync", firmware="2", serial_number="RIG9")}, "the illuminator"),
        ({"reference": (1, 0, 10, 10)}, "the place of the grey reference"),
        (
            {"leds": {"850L": LedCalibration(level_dn=8, noise_dn=1, pulse_us=4000, pattern=FLAT, pattern_noise=0)}},
            "the LEDs",
        ),
    ],
)
def test_a_calibration_of_something_else_is_told_and_not_used(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    bench = Bench(tmp_path, stored(ManualClock(), **changes))
    assert bench.opened() is None
    assert bench.tested() == [(3010, "illumination.nir")]
    assert said in bench.detail()
    assert "appliance calibrate" in bench.detail()


def test_another_firmware_of_the_same_unit_is_no_other_unit(tmp_path: Path) -> None:
    same = Identity(model="sync", firmware="2", serial_number="RIG1")
    assert Bench(tmp_path, stored(ManualClock(), illuminator=same)).opened() is not None


@pytest.mark.parametrize("content", [None, "", "{}", '{"format": "sallyport-calibration-1"}'])
def test_a_file_that_is_missing_or_broken(tmp_path: Path, content: str | None) -> None:
    bench = Bench(tmp_path, configured=True)
    if content is not None:
        (tmp_path / "calibration.json").write_text(content)
    assert bench.opened() is None
    assert bench.tested() == [(3010, "illumination")]
    assert "calibration.json" in bench.detail()


def test_a_site_may_demand_a_calibration(tmp_path: Path) -> None:
    assert CATALOGUE[CALIBRATION_DEMANDED].severity == "critical"
    bench = Bench(tmp_path, required=True)
    assert bench.opened() is None
    assert bench.tested() == [(CALIBRATION_DEMANDED, "illumination")]
    bench = Bench(tmp_path, stored(ManualClock()), required=True)
    assert bench.opened() is not None
    assert bench.tested() == []
    bench.clock.advance(timedelta(days=400).total_seconds())
    assert bench.tested() == [(CALIBRATION_DEMANDED, "illumination")]


def test_one_camera_of_two_was_never_calibrated(tmp_path: Path) -> None:
    calibration = stored(ManualClock())
    other = calibration.model_copy(update={"cameras": {"swir": calibration.cameras["nir"]}})
    bench = Bench(tmp_path, other)
    assert bench.opened() is None
    assert bench.tested() == [(3010, "illumination.nir")]
