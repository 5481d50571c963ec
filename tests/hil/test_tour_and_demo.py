"""Whole programs: the tour with its lane, the demo with its console. They pass, and they leave nothing behind."""

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

START_S = 90.0
END_S = 30.0


class Program:
    """`python -m hil ...`, ended for certain with all it has started. What it prints goes to a file."""

    def __init__(self, log: Path, *arguments: str, stdin: int = subprocess.DEVNULL) -> None:
        self.log = log
        self._started: list[psutil.Process] = []
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hil", *arguments],
                stdin=stdin,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, "COLUMNS": "160"},
            )

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        for process in [*self.family(), *self._started]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.kill()
        self._process.wait()

    def said(self) -> str:
        return self.log.read_text()

    def until(self, holds: Callable[[], bool], at_most_s: float = START_S) -> None:
        for _ in range(int(at_most_s / 0.1)):
            if holds():
                return
            if self._process.poll() is not None:
                break
            threading.Event().wait(0.1)
        raise AssertionError(f"it never came so far; it said:\n{self.said()}")

    def family(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            self._started = psutil.Process(self._process.pid).children(recursive=True) or self._started
        return self._started

    def send(self, number: signal.Signals) -> None:
        self.family()
        self._process.send_signal(number)

    def ends(self, at_most_s: float = END_S) -> int:
        """Its exit code, once it and everything it had started are gone."""
        try:
            code = self._process.wait(at_most_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end; it said:\n{self.said()}") from None
        alive = psutil.wait_procs(self._started, timeout=2)[1]
        assert not alive, f"left behind: {alive}; it said:\n{self.said()}"
        return code


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.mark.browser
def test_three_passages_of_the_tour_from_end_to_end_with_a_guard_who_clicks(tmp_path: Path) -> None:
    names = ("genuine", "expired", "resin_mask")
    only = [word for name in names for word in ("--only", name)]
    record = tmp_path / "tour.json"
    lane = ("--bands", "rgb+850+940", "--browser", "--keep", str(tmp_path / "lane"))
    arguments = ("tour", "--pack", "pypi-dlib", *only, "--json", str(record), *lane)
    with Program(tmp_path / "said", *arguments) as program:
        assert program.ends(110) == 0, program.said()
    told = json.loads(record.read_text())
    assert told["passed"] is True
    assert [passage["name"] for passage in told["passages"]] == list(names)
    assert "records intact" in told["journal"]
    assert "development grade" in told["pack"]
    mask = told["passages"][2]
    assert "referred inside" in mask["got"]
    assert any("liveness" in reason for reason in mask["reasons"])


def test_a_point_without_a_guard_authorises_the_holder_and_nobody_behind_a_mask(tmp_path: Path) -> None:
    record = tmp_path / "tour.json"
    only = [word for name in ("pays", "printed-mask") for word in ("--only", name)]
    arguments = ("tour", "--site", "unattended_point", "--pack", "pypi-dlib", *only, "--json", str(record))
    with Program(tmp_path / "said", *arguments, "--bands", "rgb+850+940") as program:
        assert program.ends(110) == 0, program.said()
    assert json.loads(record.read_text())["passed"] is True


@pytest.mark.parametrize(
    ("more", "names"),
    [((), ("own-card", "enrolment-expired")), (("--walk-up",), ("enrolled", "stranger"))],
    ids=["by card", "by the face alone"],
)
def test_an_office_admits_who_is_enrolled(tmp_path: Path, more: tuple[str, ...], names: tuple[str, ...]) -> None:
    record = tmp_path / "tour.json"
    only = [word for name in names for word in ("--only", name)]
    arguments = ("tour", "--site", "office", *more, "--pack", "pypi-dlib", *only, "--json", str(record))
    with Program(tmp_path / "said", *arguments, "--bands", "rgb+850+940") as program:
        assert program.ends(110) == 0, program.said()
    assert json.loads(record.read_text())["passed"] is True


def test_a_tour_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    with Program(tmp_path / "said", "tour", "--pack", "pypi-dlib", "--keep", str(tmp_path)) as program:
        program.until((tmp_path / "lane-1.sock").exists)
        assert program.family()
        program.send(signal.SIGINT)
        assert program.ends() == 2
        assert "stopped" in program.said()
    assert not list(tmp_path.glob("*.tty"))


def test_a_lane_that_cannot_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    arguments = ("--pack", "open-omz", "--models-dir", str(tmp_path / "none"), "--keep", str(tmp_path))
    with Program(tmp_path / "said", "tour", *arguments) as program:
        assert program.ends(60) == 2
        assert "could not be run" in program.said()
        assert "appliance models" in program.said()


def test_a_demo_serves_its_console_and_quits_at_a_key(tmp_path: Path) -> None:
    port = free_port()
    keyboard, terminal = pty.openpty()
    arguments = ("--port", str(port), "--state-dir", str(tmp_path / "lane"), "--pack", "pypi-dlib")
    try:
        with Program(tmp_path / "said", "demo", *arguments, stdin=terminal) as program:
            program.until(lambda: answers(port))
            assert len(program.family()) >= 3, "appliance, vision process, console"
            program.until(lambda: "no guard watches" in program.said())
            os.write(keyboard, b"m")
            program.until(lambda: "next: 3D-printed mask" in program.said())
            os.write(keyboard, b"q")
            assert program.ends() == 0
            said = program.said()
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert f"http://127.0.0.1:{port}/" in said
    assert "one-time password" in said
    assert "development grade" in said


def test_a_demo_ended_by_sigterm_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    arguments = ("--port", str(port), "--state-dir", str(tmp_path / "lane"), "--pack", "pypi-dlib")
    with Program(tmp_path / "said", "demo", *arguments) as program:
        program.until(lambda: answers(port))
        program.send(signal.SIGTERM)
        assert program.ends() == 0
        assert "nothing is left running" in program.said()


def test_a_port_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("--port", str(port), "--state-dir", str(tmp_path / "lane"))
        with Program(tmp_path / "said", "demo", *arguments) as program:
            assert program.ends(60) == 2
            assert f"port {port} is taken" in program.said()
            assert "--port" in program.said()
