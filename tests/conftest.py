"""What every test may use: the private folder with published weights, where this machine has one."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path | None:
    """SALLYPORT_SHARED, else ../shared beside the project; None when there is no such folder."""
    folder = Path(os.environ.get("SALLYPORT_SHARED") or _ROOT.parent / "shared")
    return folder if folder.is_dir() else None


def pytest_report_header() -> str:
    return f"measured tests: weights from {shared_folder() or 'nowhere, these tests are deselected'}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without weights the measured tests are deselected and counted as such, never passed or skipped."""
    if shared_folder() is not None:
        return
    measured = [item for item in items if item.get_closest_marker("measured")]
    if measured:
        config.hook.pytest_deselected(items=measured)
        items[:] = [item for item in items if item not in measured]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of weights and data; only for tests marked `measured`."""
    folder = shared_folder()
    assert folder is not None, "mark the test `measured`"
    return folder


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
