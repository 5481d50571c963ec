"""How a lane stands: nothing is well before it answers, and no mode sounds more secure than the configuration is."""

from pathlib import Path
from typing import Any

import pytest

from appliance.clock import ManualClock
from appliance.config import LaneConfig
from appliance.control.messages import DeviceView
from appliance.core.types import MANDATORY
from appliance.runtime.faults import FaultRegister
from appliance.runtime.standing import LEFT_OUT, devices, mode

WHO = {"model": "m", "firmware": "1", "serial_number": None}
NAMES = ("camera.rgb", "camera.nir", "illumination.nir", "gate", "document_reader")


def config(tmp_path: Path, **changes: Any) -> LaneConfig:
    camera = {"kind": "rig", "reference": {"box": (0, 0, 10, 10), "width_mm": 7}}
    base = {
        "lane_id": "E-07",
        "profile": "simulated",
        "state_dir": tmp_path,
        "control_socket": tmp_path / "lane.sock",
        "gate": {"port": "none"},
        "illumination": {"nir": {"port": "none", "bands": {"850": {}, "940": {}}}},
        "cameras": {"rgb": camera, "nir": camera},
        "document_reader": {"kind": "rig"},
        "trust": {"store": "none", "roots": ["0" * 64]},
        "simulation": {"module": "none"},
    }
    return LaneConfig.model_validate(base | changes)


class Lane:
    def __init__(self, tmp_path: Path, **changes: Any) -> None:
        self.config = config(tmp_path, **changes)
        self.faults = FaultRegister(ManualClock(), lambda _effects: None)

    @property
    def devices(self) -> dict[str, DeviceView]:
        return {view.name: view for view in devices(self.config, self.faults)}

    @property
    def states(self) -> dict[str, str]:
        return {name: view.severity or view.state for name, view in self.devices.items()}


@pytest.fixture
def lane(tmp_path: Path) -> Lane:
    return Lane(tmp_path)


@pytest.fixture
def answering(lane: Lane) -> Lane:
    for name in NAMES:
        lane.faults.identified(name, WHO)
    return lane


def test_nothing_is_well_before_it_has_answered(lane: Lane) -> None:
    assert lane.states == dict.fromkeys(NAMES, "unknown")
    lane.faults.identified("gate", WHO)
    assert lane.states == dict.fromkeys(NAMES, "unknown") | {"gate": "well"}


def test_a_camera_says_which_bands_it_sees_and_an_illuminator_which_it_lights(lane: Lane) -> None:
    bands = {name: view.bands for name, view in lane.devices.items() if view.bands}
    assert bands == {"camera.rgb": ("rgb",), "camera.nir": ("850", "940"), "illumination.nir": ("850", "940")}


@pytest.mark.parametrize(
    ("code", "device", "expected"),
    [
        (1001, "gate", {"gate": "critical"}),
        (2004, "gate.entry", {"gate": "critical"}),
        (6001, "gate", {"gate": "degraded"}),
        (4001, "document_reader", {"document_reader": "notice"}),
        (3003, "illumination.nir", {"illumination.nir": "critical"}),
        (3010, "illumination", {"illumination.nir": "notice"}),
        (3005, "camera.nir", {"camera.nir": "critical"}),
        (5001, "store", {}),
    ],
)
def test_a_fault_shows_at_its_device_and_at_no_other(
    answering: Lane, code: int, device: str, expected: dict[str, str]
) -> None:
    answering.faults.raise_fault(code, device)
    assert answering.states == dict.fromkeys(NAMES, "well") | expected
    answering.faults.clear(code, device)
    assert answering.states == dict.fromkeys(NAMES, "well")


def test_the_worst_fault_of_a_device_is_the_one_that_counts(answering: Lane) -> None:
    answering.faults.raise_fault(1001, "gate")
    answering.faults.raise_fault(6001, "gate")
    assert answering.states["gate"] == "critical"


def test_nothing_is_known_of_the_cameras_while_the_vision_process_is_lost(answering: Lane) -> None:
    answering.faults.raise_fault(1004, "vision")
    answering.faults.raise_fault(3001, "camera.nir")
    assert answering.states == dict.fromkeys(NAMES, "well") | {"camera.rgb": "unknown", "camera.nir": "critical"}


def test_where_nobody_shows_a_document_there_is_no_reader_to_be_unknown(tmp_path: Path) -> None:
    gallery = {"folder": tmp_path, "key": tmp_path / "key", "identify_threshold": 0.6}
    changes = {"document_reader": {"kind": "walk_up"}, "trust": None, "gallery": gallery}
    lane = Lane(tmp_path, site="office", topology="turnstile", **changes)
    assert set(lane.devices) == {*NAMES} - {"document_reader"}
    assert mode(lane.config).relaxed[0] == "No document is read."


def test_there_are_words_for_whatever_check_is_left_out() -> None:
    assert set(LEFT_OUT) == MANDATORY
    assert len({*LEFT_OUT.values()}) == len(MANDATORY)


def test_a_border_lane_as_it_comes_is_of_high_security(tmp_path: Path) -> None:
    said = mode(config(tmp_path))
    assert (said.name, said.relaxed) == ("high_security", ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"policy": {"require_chip": False}}, "The authenticity of a document is not checked."),
        ({"policy": {"require_guard": False}}, "No guard has to watch."),
        ({"face": {"masks": "ignore"}}, "Medical masks are not looked for."),
    ],
)
def test_whatever_is_left_out_makes_it_one_of_high_convenience_and_is_said(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    found = mode(config(tmp_path, **changes))
    assert (found.name, found.relaxed) == ("high_convenience", (said,))
