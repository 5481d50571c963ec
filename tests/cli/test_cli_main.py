"""The command line from outside, and a lane that cannot start."""

import asyncio
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.clock import SystemClock
from appliance.config import load
from appliance.document.reasons import DocumentFault
from appliance.main import _run, app
from appliance.runtime.documents import Trusted
from hil.rig.trust import fingerprint, import_trust

LANE = """
lane_id = "E-07"
profile = "simulated"
state_dir = "{base}/state"
control_socket = "{base}/run/lane.sock"
[policy]
require_guard = false
[gate]
port = "{base}/no-gate"
[illumination.nir]
port = "{base}/no-light"
bands = {{ 850 = {{}}, 940 = {{}} }}
[cameras]
rgb.kind = "rig"
rgb.options = {{ camera = "rgb", socket = "{base}/rig.sock" }}
rgb.reference = {{ box = [0, 0, 9, 9], width_mm = 6 }}
nir.kind = "rig"
nir.options = {{ camera = "nir", socket = "{base}/rig.sock" }}
nir.reference = {{ box = [0, 0, 9, 9], width_mm = 6 }}
[document_reader]
kind = "rig"
options = {{ socket = "{base}/rig.sock" }}
[trust]
store = "{base}/trust"
roots = ["{root}"]
[face]
pack = "open-omz"
models_dir = "{base}/no-models"
[simulation]
module = "hil.devices"
"""


@pytest.fixture
def lane(tmp_path: Path) -> Path:
    path = tmp_path / "lane.toml"
    path.write_text(LANE.format(base=tmp_path, root=fingerprint()))
    return path


def appliance(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "appliance", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path)},
        check=False,
    )


def test_a_right_file_is_called_right_and_a_simulated_lane_is_named_so(lane: Path) -> None:
    done = CliRunner().invoke(app, ["check-config", "-c", str(lane)])
    assert done.exit_code == 0
    assert "right. Lane E-07, mantrap, profile simulated." in done.output
    assert "liveness" in done.output
    assert "must never guard a border" in done.output


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('lane_id = "E-07"', 'lane_id = "E-07"\ntypo = 1', "typo: unknown key"),
        ('profile = "simulated"', 'profile = "production"', "a simulated device in a production lane"),
        ("[gate]\n", "[gate]\nwiring = { entry_release = 1 }\n", "relay 1 cannot release both doors"),
    ],
)
def test_a_wrong_file_is_exit_code_2_for_check_and_run_alike(lane: Path, old: str, new: str, said: str) -> None:
    lane.write_text(lane.read_text().replace(old, new))
    for command in ("check-config", "run"):
        done = CliRunner().invoke(app, [command, "-c", str(lane)])
        assert (done.exit_code, done.stdout) == (2, "")
        assert said in done.stderr
        assert not (lane.parent / "state").exists()


def test_without_a_file_the_usage_is_shown() -> None:
    done = CliRunner().invoke(app, ["check-config"])
    assert done.exit_code == 2
    assert "--config" in done.stderr


@pytest.fixture
def believing(lane: Path) -> Path:
    """A lane whose trust store holds Utopia."""
    import_trust(lane.parent / "trust", lane.parent / "utopia", SystemClock().now())
    return lane


def test_run_with_no_trusted_issuer_says_what_to_import_and_ends_with_3(
    lane: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asyncio.run(_run(load(lane))) == 3
    assert "Import a master list: appliance trust import" in capsys.readouterr().err


def test_run_with_a_root_that_is_not_pinned_ends_with_3(believing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    believing.write_text(believing.read_text().replace(fingerprint(), "1" * 64))
    assert asyncio.run(_run(load(believing))) == 3
    assert "which this lane does not pin" in capsys.readouterr().err


@pytest.mark.parametrize("specimens", [False, True])
def test_only_a_simulated_lane_believes_utopia(believing: Path, specimens: bool) -> None:
    trusting = partial(Trusted, believing.parent / "trust", frozenset({fingerprint()}), specimens=specimens)
    if specimens:
        assert len(trusting().anchors().certificates) == 5
    else:
        with pytest.raises(DocumentFault, match="test material"):
            trusting()


def test_run_with_a_missing_matcher_says_what_to_fetch_and_ends_with_3(believing: Path) -> None:
    lane = believing
    done = appliance("run", "-c", str(lane))
    assert done.returncode == 3, done.stderr
    assert "appliance models fetch open-omz" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (lane.parent / "run" / "lane.sock").exists()
    assert (lane.parent / "state").stat().st_mode & 0o777 == 0o700


def test_run_with_a_module_that_is_not_there_ends_with_3(lane: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lane.write_text(lane.read_text().replace("hil.devices", "hil.nothing"))
    assert asyncio.run(_run(load(lane))) == 3
    assert "hil.nothing cannot be loaded" in capsys.readouterr().err


def test_a_socket_that_another_controller_holds_ends_with_3(
    believing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lane = believing
    (lane.parent / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(lane.parent / "run" / "lane.sock"))
        other.listen()
        assert asyncio.run(_run(load(lane))) == 3
    assert "another controller already answers" in capsys.readouterr().err
