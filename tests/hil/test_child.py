"""Programs started by the rig's runners: ended as a whole, and their last words kept."""

import sys
import threading
from pathlib import Path

import psutil
import pytest

from hil.rig import Child, ChildFailed

STUBBORN = """
import signal, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(grandchild.pid, flush=True)
time.sleep(60)
"""


def lines(log: Path) -> list[str]:
    for _ in range(500):
        found = log.read_text().splitlines()
        if found:
            return found
        threading.Event().wait(0.02)
    raise AssertionError("it printed nothing")


def checked_for_long(child: Child) -> None:
    for _ in range(500):
        child.check()
        threading.Event().wait(0.02)


def test_it_ends_with_whatever_it_has_started(tmp_path: Path) -> None:
    with Child("stubborn", [sys.executable, "-c", STUBBORN], tmp_path / "log") as child:
        grandchild = psutil.Process(int(lines(tmp_path / "log")[0]))
        child.check()
        assert grandchild.is_running()
    assert not psutil.pid_exists(child.pid)
    gone, alive = psutil.wait_procs([grandchild], timeout=5)
    assert gone
    assert not alive


def test_one_that_ends_too_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    with Child("early", [sys.executable, "-c", "print('no weights'); raise SystemExit(3)"], tmp_path / "log") as child:
        with pytest.raises(ChildFailed, match=r"early ended with code 3; the end of .*\n  no weights"):
            checked_for_long(child)
        assert child.stop() == 3
        assert child.stop() == 3


def test_one_that_was_never_started(tmp_path: Path) -> None:
    child = Child("never", ["true"], tmp_path / "log")
    assert child.stop() is None
    child.check()
    with pytest.raises(RuntimeError, match="not started"):
        _ = child.pid
