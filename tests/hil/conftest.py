"""Rigs that end with their tests."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.pytest_bench import bench as bench
from hil.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path, speed=4.0) as rig:
        yield rig
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(("rig", "pty"))]
    assert not left, "the rig left a thread behind"
    assert not list(tmp_path.glob("*.sock")), "the rig left a socket behind"
    assert not list(tmp_path.glob("*.tty")), "the rig left a port behind"
