"""The gate's kinds in a lane's file: each builds its driver, bench boards never guard a border."""

from pathlib import Path
from typing import Any

import pytest

from appliance import devices
from appliance.config import ConfigError, LaneConfig, load
from appliance.gate_config import GATE_KINDS
from drivers.gate import DryContactGate

SENSORS = 'inputs = { port = "/dev/ttyUSB1" }\n'


def lane(text: str, tmp_path: Path, gate: str) -> LaneConfig:
    path = tmp_path / "lane.toml"
    assert '[gate]\nport = "/dev/ttyUSB0"\n' in text
    path.write_text(text.replace('[gate]\nport = "/dev/ttyUSB0"\n', f'[gate]\nport = "/dev/ttyUSB0"\n{gate}'))
    return load(path)


@pytest.mark.parametrize(
    ("gate", "release", "board"),
    [
        ("", None, "WaveshareBoard"),
        ('kind = "icpdas_dry_contact"\nwatchdog_s = 1.5\n' + SENSORS, None, "IcpDasBoard"),
        ('kind = "moxa_dry_contact"\nwatchdog_s = 2\n' + SENSORS, None, "MoxaBoard"),
        ('kind = "r421a08_dry_contact"\n' + SENSORS, 1.0, "R421A08Board"),
        ('kind = "lcus_dry_contact"\nrelays = 4\n' + SENSORS, None, "LcusBoard"),
        ('kind = "numato_dry_contact"\nmodule_id = "gate"\n', None, "NumatoBoard"),
    ],
)
def test_each_kind_builds_its_board(
    good: str, tmp_path: Path, gate: str, release: float | None, board: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = good
    if release is not None:
        text = text.replace("[policy]\n", f"[policy]\nrelease_s = {release}\n")
    config = lane(text, tmp_path, gate)
    assert isinstance(devices.gate(config), DryContactGate)
    opened: list[str] = []

    class Port:
        def __init__(self, path: str, *_: Any, **__: Any) -> None:
            opened.append(path)

        def open(self) -> None:
            pass

        def close(self) -> None:
            opened.append("closed")

        read = write = discard = close

    for module in ("drivers.modbus_unit", "drivers.gate.lcus.board", "drivers.gate.numato.board"):
        monkeypatch.setattr(f"{module}.SerialPort", Port)
    made = devices.gate_board(config.gate)()  # type: ignore[arg-type]
    outputs = getattr(made, "_outputs", made)
    assert type(outputs).__name__ == board
    assert opened == (["/dev/ttyUSB0", "/dev/ttyUSB1"] if "inputs" in gate else ["/dev/ttyUSB0"])


@pytest.mark.parametrize(
    ("gate", "driver"),
    [
        ('kind = "lot"\n', "LotGate"),
        ('kind = "uhppote"\nserial = 405419896\noccupied = 3\n', "UhppoteGate"),
        ('kind = "gate_io"\n', "GateIoGate"),
    ],
)
def test_a_gate_that_is_no_relay_board_builds_its_driver(good: str, tmp_path: Path, gate: str, driver: str) -> None:
    text = good.replace("[policy]\n", "[policy]\nrelease_s = 1.0\n").replace("[gate.wiring]\nactive_low = [4, 5]\n", "")
    text = (
        text.replace('profile = "simulated"', 'profile = "simulated"\ntopology = "turnstile"')
        if "lot" in gate
        else text
    )
    assert type(devices.gate(lane(text, tmp_path, gate))).__name__ == driver


def test_keys_are_files_and_a_missing_or_foolish_one_stops_the_start(good: str, tmp_path: Path) -> None:
    osdp = f'kind = "osdp_dry_contact"\nkeys = "{tmp_path}"\n'
    with pytest.raises(ConfigError, match=r"gate\.keys: there is no key"):
        devices.gate(lane(good, tmp_path, osdp))
    key = tmp_path / "gate.scbk"
    key.write_text("303132333435363738393a3b3c3d3e3f")
    key.chmod(0o600)
    with pytest.raises(ConfigError, match=r"gate\.keys"):
        devices.gate(lane(good, tmp_path, osdp))
    key.write_text("9f1c3ab27d04e65581aa0c6f37d2904e")
    assert isinstance(devices.gate(lane(good, tmp_path, osdp)), DryContactGate)
    text = good.replace("[gate.wiring]\nactive_low = [4, 5]\n", "")
    with pytest.raises(ConfigError, match=r"gate: .*No such file"):
        devices.gate(lane(text, tmp_path, f'kind = "gate_io"\nkey = "{tmp_path}/none"\n'))


def test_the_first_port_is_given_up_when_the_second_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    from drivers.errors import PortBusy
    from drivers.gate.split_board import split

    closed: list[bool] = []

    class Board:
        def close(self) -> None:
            closed.append(True)

    def busy() -> Any:
        raise PortBusy("gate.inputs", "in use")

    with pytest.raises(PortBusy):
        split(lambda: Board(), busy)()  # type: ignore[arg-type, return-value]
    assert closed == [True]


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ('kind = "kmtronic_dry_contact"\n', "gate: .*kmtronic_dry_contact"),
        ('kind = "r421a08_dry_contact"\n', "gate.inputs: "),
        ('kind = "icpdas_dry_contact"\nwatchdog_s = 9\n', "gate.watchdog_s: "),
        ('kind = "waveshare_dry_contact"\nwatchdog_s = 1\n', "gate.watchdog_s: unknown key"),
        ('kind = "r421a08_dry_contact"\n' + SENSORS, "times no release below 1 s"),
        ('kind = "uhppote"\n', "gate.serial: "),
    ],
)
def test_what_a_kind_cannot_be(good: str, tmp_path: Path, gate: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        lane(good, tmp_path, gate)


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        ('kind = "lcus_dry_contact"\n' + SENSORS, "LCUS USB relay board: for the bench only"),
        ('kind = "numato_dry_contact"\n', "Numato USB relay module: for the bench only"),
    ],
)
def test_a_production_lane_refuses_a_bench_board_with_its_figure(
    good: str, tmp_path: Path, gate: str, why: str
) -> None:
    text = good.replace('profile = "simulated"', 'profile = "production"')
    with pytest.raises(ConfigError, match=why) as refused:
        lane(text, tmp_path, gate)
    assert "ways to invert" in str(refused.value)


def test_every_kind_is_known() -> None:
    assert len(GATE_KINDS) == len(set(GATE_KINDS)) >= 5
