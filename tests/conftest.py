"""What every test may use: the private folder with published weights, where this machine has one, and a Chromium."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_ROOT = Path(__file__).resolve().parent.parent
PATIENCE_MS = 30_000
_ON_REAL_TIME = {"hil", "drivers"}
_CHROMIUM = Path("/usr/bin/chromium")


def shared_folder() -> Path | None:
    """SALLYPORT_SHARED, else ../shared beside the project; None when there is no such folder."""
    folder = Path(os.environ.get("SALLYPORT_SHARED") or _ROOT.parent / "shared")
    return folder if folder.is_dir() else None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bench", metavar="FILE", help="what the bench has (YAML, see hil/benches); simulated without")


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [
        f"measured tests: weights from {shared_folder() or 'nowhere, these tests are deselected'}",
        f"bench: {config.getoption('--bench') or 'simulated'}",
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without weights the measured tests are deselected and counted as such, never passed or skipped.

    Tests before real processes, pseudo-terminals and a real browser may meet a machine that is busy elsewhere: each
    gets one second try, which the summary names (RERUN). A test of logic gets none.
    """
    for item in items:
        if any(item.get_closest_marker(name) for name in ("rig", "browser")) or _ON_REAL_TIME & set(item.path.parts):
            item.add_marker(pytest.mark.flaky(reruns=1))
    if shared_folder() is not None:
        return
    measured = [item for item in items if item.get_closest_marker("measured")]
    if measured:
        config.hook.pytest_deselected(items=measured)
        items[:] = [item for item in items if item not in measured]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why a test had a second try: the summary alone names it."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.line(str(report.longrepr)[-3000:])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of weights and data; only for tests marked `measured`."""
    folder = shared_folder()
    assert folder is not None, "mark the test `measured`"
    return folder


@pytest.fixture(scope="module")
def chrome() -> Iterator["Browser"]:
    """A headless Chromium; its absence is a failure that names the cure."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)  # a busy machine is late, and no test asks how late
    if not _CHROMIUM.exists():
        raise AssertionError("browser tests need Chromium: sudo apt-get install --no-install-recommends --yes chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=str(_CHROMIUM), args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


_GRACE_S = 2.0
# Kept by libraries for the life of an event loop or of the interpreter; they hold none of our work.
_LIBRARY_THREADS = ("asyncio_", "AnyIO worker thread", "pymodbus", "playwright")


def _running_threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if not t.name.startswith(_LIBRARY_THREADS)}


def _pending_tasks() -> set["asyncio.Task[object]"]:
    """Unfinished tasks of every loop, but for the runner that anyio keeps for the tests themselves."""
    return {
        task
        for task in set(asyncio.tasks._all_tasks)  # type: ignore[attr-defined]  # all_tasks() needs a running loop
        if not task.done() and "TestRunner" not in getattr(task.get_coro(), "__qualname__", "")
    }


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that leaves a thread, a task or a child process behind fails."""
    if request.node.get_closest_marker("browser"):
        yield  # the browser outlives a test by design
        return
    threads, tasks = _running_threads(), _pending_tasks()
    children = set(psutil.Process().children())
    yield
    deadline = time.monotonic() + _GRACE_S
    for thread in _running_threads() - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    left: list[object] = [thread for thread in _running_threads() - threads if thread.is_alive()]
    left += _pending_tasks() - tasks
    left += [child for child in set(psutil.Process().children()) - children if child.is_running()]
    assert not left, f"left behind: {left}"
