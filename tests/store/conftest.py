import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.core.types import Check, CheckName, OfficerAction, Outcome, Result, Topology
from appliance.store.lane_store import LaneStore
from appliance.store.records import DecisionMade, JournalRecord, PassageEnded, PassageStarted, Record


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[LaneStore]:
    with LaneStore.open(tmp_path / "lane", clock, boot_id="boot-1") as opened:
        yield opened


def passage_records(passage_id: str) -> list[Record]:
    """A whole passage: refused by the machine, admitted by an officer."""
    checks = (
        Check(CheckName.DOCUMENT_READ, Result.SUCCESSFUL, "The document was read."),
        Check(CheckName.COMPARISON, Result.FAILED, "The faces differ.", "score 0.21, threshold 0.36"),
    )
    return [
        PassageStarted(passage_id, Topology.MANTRAP, "pypi-dlib", simulated=True),
        JournalRecord("document_read", {"passage_id": passage_id, "source": "reader", "seconds": 0.1 + 0.2}),
        DecisionMade(passage_id, admit=False, checks=checks),
        DecisionMade(
            passage_id,
            admit=True,
            checks=checks,
            officer="o.sipka",
            action=OfficerAction.ADMIT,
            reason="New beard — compared by eye",
        ),
        PassageEnded(passage_id, Outcome.ADMITTED_BY_OFFICER),
    ]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed lane directory with four passages in 20 records; copy it, never change it."""
    state_dir = tmp_path_factory.mktemp("written") / "lane"
    clock = ManualClock()
    with LaneStore.open(state_dir, clock, boot_id="boot-1") as store:
        for number in range(4):
            for record in passage_records(f"p{number}"):
                clock.advance(0.37)
                store.append([record])
    return state_dir


@pytest.fixture
def lane(written: Path, tmp_path: Path) -> Path:
    """A copy of `written` to damage."""
    return Path(shutil.copytree(written, tmp_path / "lane"))


@pytest.fixture
def tamper(lane: Path) -> Callable[[str], None]:
    """Run SQL on the copy as someone with the file in hand would: triggers dropped, foreign keys off."""

    def run(script: str) -> None:
        with closing(sqlite3.connect(lane / "lane.db")) as connection:
            connection.executescript(
                "DROP TRIGGER IF EXISTS journal_refuses_update; DROP TRIGGER IF EXISTS journal_refuses_delete;" + script
            )
            connection.commit()

    return run


@pytest.fixture
def passage() -> Callable[[str], list[Record]]:
    return passage_records


@pytest.fixture
def child_env() -> dict[str, str]:
    """Environment in which a child finds the same packages, wherever the tests run from."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path)}
