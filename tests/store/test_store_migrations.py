import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect

from appliance.clock import ManualClock
from appliance.core.types import Outcome
from appliance.store.chain import Head
from appliance.store.errors import StoreRefused
from appliance.store.lane_store import LaneStore
from appliance.store.records import PassageEnded
from appliance.store.tables import metadata
from appliance.store.verify import verify
from migrations import runner
from migrations.engine import DatabaseRefused, read_only_engine
from migrations.runner import revision_of, upgrade

SNAPSHOTS = Path(__file__).parent / "snapshots"
KEPT = {"lane-0001.sql": "12:cb17e63b8efb523d0cb322f1da5ccca1a13e3a30191fb7c585682c622e93b86c"}


def restore(dump: Path, state: Path) -> Path:
    state.mkdir()
    with closing(sqlite3.connect(state / "lane.db")) as connection:
        connection.executescript(dump.read_text())
    return state


def test_the_migrated_schema_is_the_one_the_code_expects(tmp_path: Path) -> None:
    upgrade(tmp_path / "lane.db", "lane")
    engine = read_only_engine(tmp_path / "lane.db")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        inspector = inspect(connection)
        for table in metadata.tables.values():
            wanted = {(str(c.name), str(c.sqltext)) for c in table.constraints if isinstance(c, CheckConstraint)}
            found = {(str(c["name"]), str(c["sqltext"])) for c in inspector.get_check_constraints(table.name)}
            assert found == wanted
    engine.dispose()


def test_migrating_tells_its_progress_and_the_second_time_has_nothing_to_do(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    head = upgrade(tmp_path / "lane.db", "lane", lambda *step: told.append(step))
    assert told[0] == (0, 0, "checking lane.db")
    assert told[-1] == (len(told) - 2, len(told) - 2, f"lane.db is at revision {head}")
    told.clear()
    assert upgrade(tmp_path / "lane.db", "lane", lambda *step: told.append(step)) == head
    assert told == [(0, 0, "checking lane.db")]


def test_every_kept_database_is_tried() -> None:
    assert {file.name for file in SNAPSHOTS.glob("*.sql")} == set(KEPT)


@pytest.mark.parametrize(("dump", "head"), KEPT.items())
def test_a_kept_database_migrates_and_goes_on(tmp_path: Path, dump: str, head: str) -> None:
    state = restore(SNAPSHOTS / dump, tmp_path / "lane")
    witnessed = Head.parse(head)
    with LaneStore.open(state, ManualClock(), boot_id="today") as store:
        assert store.head == witnessed
        assert [left.passage_id for left in store.unfinished()] == ["left-open"]
        store.append([PassageEnded("left-open", Outcome.ABORTED)])
    report = verify(state / "lane.db", expect=witnessed)
    assert (report.problem, report.records) == (None, witnessed.seq + 1)


def page_overwritten(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[4096 + 8 : 8192] = b"\xa5" * (4096 - 8)
    file.write_bytes(whole)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def no_database(file: Path) -> None:
    file.write_bytes(b"lane.db was here\n" * 500)


def of_the_future(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def without_revision(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM alembic_version")
        connection.commit()


def of_someone_else(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE recipes (title TEXT)")
        connection.commit()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (page_overwritten, "damaged"),
        (cut_short, "damaged"),
        (no_database, "damaged"),
        (of_the_future, "revision 9999 is unknown.*newer release"),
        (without_revision, "revision None is unknown"),
        (of_someone_else, "not a database of this project"),
    ],
)
def test_what_cannot_be_trusted_is_refused_and_left_untouched(
    lane: Path, damage: Callable[[Path], None], message: str
) -> None:
    file = lane / "lane.db"
    damage(file)
    before, mode = file.read_bytes(), file.stat().st_mode
    for _ in range(2):
        with pytest.raises(StoreRefused, match=message):
            LaneStore.open(lane, ManualClock(), boot_id="b")
        with pytest.raises(StoreRefused, match=message):
            verify(file)
    assert (file.read_bytes(), file.stat().st_mode) == (before, mode)


def test_an_empty_file_left_by_a_crash_at_first_start_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "lane.db").touch()
    assert revision_of(tmp_path / "lane.db", "lane") is None
    with LaneStore.open(tmp_path, ManualClock(), boot_id="b") as store:
        assert store.head.seq == 0


FIRST = """
from alembic import op
revision, down_revision = "0001", None
def upgrade(): op.execute("CREATE TABLE a (x INTEGER PRIMARY KEY)"); op.execute("INSERT INTO a VALUES (1)")
"""
FAILING = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.execute("CREATE TABLE b (x)"); op.execute("DELETE FROM a"); op.execute("INSERT INTO missing VALUES (1)")
"""
ORPHANING = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade(): op.execute("CREATE TABLE b (x REFERENCES a (x))"); op.execute("INSERT INTO b VALUES (7)")
"""


@pytest.mark.parametrize(("second", "message"), [(FAILING, "missing.*unchanged"), (ORPHANING, "nothing was changed")])
def test_a_failing_migration_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str, message: str
) -> None:
    tree = tmp_path / "tree"
    (tree / "versions").mkdir(parents=True)
    shutil.copy(Path(runner.__file__).parent / "lane" / "env.py", tree)
    (tree / "versions" / "first.py").write_text(FIRST)

    def config_of(_: str) -> Config:
        config = Config()
        config.set_main_option("script_location", str(tree))
        return config

    monkeypatch.setattr(runner, "config_of", config_of)
    database = tmp_path / "x.db"
    assert upgrade(database, "x") == "0001"
    (tree / "versions" / "second.py").write_text(second)
    with pytest.raises(DatabaseRefused, match=message):
        upgrade(database, "x")
    assert revision_of(database, "x") == "0001"
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE name IN ('a', 'b')").fetchall() == [("a",)]
        assert connection.execute("SELECT x FROM a").fetchall() == [(1,)]
