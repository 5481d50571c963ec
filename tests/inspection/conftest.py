"""Helpers live in `support/`, which only these tests put on the path."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from inspection_bench import Inspect, inspecting, trusting

from appliance.document.inspection import Inspection
from appliance.document.judge import Judged, judge
from hil.passport.choices import Freshness


@pytest.fixture(scope="session")
def inspected(tmp_path_factory: pytest.TempPathFactory) -> Inspect:
    """Inspects a passport through the runtime's own carrier."""
    return inspecting({freshness: trusting(tmp_path_factory.mktemp(freshness), freshness) for freshness in Freshness})


@pytest.fixture
def judged() -> Callable[[Inspection], Judged]:
    """What the core and the guard are told."""
    return lambda inspection: asyncio.run(judge(inspection))
