"""Fixtures of the console's tests. Helpers live in `support/`, which only these tests put on the path."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from ui_fake_lane import LaneThread
from ui_rig import ConsoleProcess


@pytest.fixture(scope="module", autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(5)  # a worker that has been told to end needs a moment on a busy machine
    assert set(threading.enumerate()) <= before


@pytest.fixture(scope="module")
def lane_thread(no_thread_is_left: None) -> Iterator[LaneThread]:
    thread = LaneThread()
    yield thread
    thread.close()


@pytest.fixture(scope="module")
def start_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    running: list[ConsoleProcess] = []

    def start(*sockets: Path, more: tuple[str, ...] = ()) -> ConsoleProcess:
        running.append(ConsoleProcess(list(sockets), tmp_path_factory.mktemp("console"), *more))
        return running[-1]

    yield start
    for process in running:
        process.stop()
