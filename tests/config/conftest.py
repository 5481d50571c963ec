from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = """
lane_id = "E-07"
profile = "simulated"
state_dir = "var/state"
control_socket = "var/lane.sock"

[policy]
require_guard = true

[gate]
port = "/dev/ttyUSB0"

[gate.wiring]
active_low = [4, 5]

[illumination.nir]
port = "/dev/ttyUSB1"
bands = { 850 = { axis = true }, 940 = {} }

[cameras]
rgb = { kind = "rig", options = { camera = "rgb", socket = "r" }, reference = { width_mm = 9, box = [9, 20, 6, 4] } }
nir = { kind = "rig", options = { camera = "nir", socket = "rig.sock" }, reference = { box = [11, 20, 60, 40] } }

[document_reader]
kind = "rig"
options = { socket = "rig.sock" }

[trust]
store = "var/trust"
roots = ["0000000000000000000000000000000000000000000000000000000000000000"]

[simulation]
module = "hil.devices"
"""


@pytest.fixture
def good() -> str:
    return GOOD


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """The good file with pieces replaced, each of which must be there."""

    def written(*changes: tuple[str, str], text: str = GOOD) -> Path:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "lane.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written
