"""`appliance devices`: who is there is told, nobody is moved, and a wrong or dead port is one line."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from appliance import probe
from appliance.main import app
from hil.rig import Rig
from hil.rig.config import LaneSettings

pytestmark = pytest.mark.rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path, LaneSettings()) as rig:
        yield rig


def asked(rig: Rig) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["devices", "--config", str(rig.paths.config)])
    return done.exit_code, done.output


def test_everybody_is_named_and_nothing_moves(rig: Rig) -> None:
    before = rig.observer.log()
    code, told = asked(rig)
    assert code == 0, told
    assert "Waveshare Modbus RTU Relay (D)" in told
    assert "illumination.nir" in told
    assert rig.observer.log() == before == ()


def test_a_port_that_is_not_there_is_one_line(rig: Rig) -> None:
    text = rig.paths.config.read_text(encoding="utf-8")
    rig.paths.config.write_text(text.replace(str(rig.paths.gate), str(rig.paths.gate) + "x"), encoding="utf-8")
    code, told = asked(rig)
    assert code == 1
    assert "does not exist; plug the" in told
    assert "Sallyport-Sync" in told, "the others are asked all the same"


def test_somebody_else_at_the_port_is_told(rig: Rig) -> None:
    text = rig.paths.config.read_text(encoding="utf-8")
    gate, light = str(rig.paths.gate), str(rig.paths.illumination("nir"))
    swapped = text.replace(gate, "?").replace(light, gate).replace("?", light)
    rig.paths.config.write_text(swapped, encoding="utf-8")
    code, told = asked(rig)
    assert code == 1
    assert "Waveshare Modbus RTU Relay (D)" not in told
    assert rig.observer.log() == ()


def test_what_is_plugged_in_has_the_name_that_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("serial/by-path", "v4l/by-path"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "ttyUSB3").touch()
    (tmp_path / "video0").touch()
    (tmp_path / "serial/by-path/pci-0:1").symlink_to(tmp_path / "ttyUSB3")
    (tmp_path / "v4l/by-path/pci-0:2-video-index0").symlink_to(tmp_path / "video0")
    port = SimpleNamespace(
        device=str(tmp_path / "ttyUSB3"), vid=0x1A86, pid=0x7523, product="x", description="y", serial_number=None
    )
    other = SimpleNamespace(
        device="/dev/ttyS9", vid=None, pid=None, product=None, description="8250", serial_number="7"
    )
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [port, other])
    found = {one.path: one for one in probe.plugged(tmp_path)}
    assert "bench only" in found[str(tmp_path / "serial/by-path/pci-0:1")].what
    assert (found["/dev/ttyS9"].what, found["/dev/ttyS9"].serial_number) == ("8250", "7")
    assert found[str(tmp_path / "v4l/by-path/pci-0:2-video-index0")].what == "camera"


def test_without_a_configuration_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    monkeypatch.setattr(probe, "ask", None)
    done = CliRunner().invoke(app, ["devices"])
    assert done.exit_code == 0
