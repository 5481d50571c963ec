"""What the suites of `hil.contracts` ask of pytest; a conftest imports it."""

from pathlib import Path

import pytest

from hil import stand

pytest.register_assert_rewrite("hil.contracts")


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> stand.Bench:
    """What the file named by `--bench` has; the simulated bench without one."""
    return stand.load(Path(request.config.getoption("--bench") or stand.SIMULATED))
