import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.store.chain import EMPTY, GENESIS, Entry, Head, entry_hash
from appliance.store.errors import StoreRefused
from appliance.store.lane_store import LaneStore
from appliance.store.records import JournalRecord
from appliance.store.verify import CHUNK, TAIL, Damage, verify

Tamper = Callable[[str], None]
CONTENT = "prev_hash, hash, wall, monotonic, boot_id, kind, payload"


def swap(first: int, second: int) -> str:
    return (
        f"UPDATE journal SET seq = -99 WHERE seq = {first}; UPDATE journal SET seq = {first} WHERE seq = {second};"
        f"UPDATE journal SET seq = {second} WHERE seq = -99;"
    )


def rewrite_from(lane: Path, seq: int, **changed: str) -> Head:
    """Change a record and compute every hash after it anew, as a patient forger would."""
    with closing(sqlite3.connect(lane / "lane.db")) as connection:
        rows = connection.execute(
            "SELECT seq, wall, monotonic, boot_id, kind, payload FROM journal WHERE seq >= ? ORDER BY seq", (seq,)
        ).fetchall()
        (prev,) = connection.execute("SELECT hash FROM journal WHERE seq = ?", (seq - 1,)).fetchone()
        for row in rows:
            entry = Entry(*row)
            if entry.seq == seq:
                entry = entry._replace(**changed)
            digest = entry_hash(prev, entry)
            connection.execute(
                "UPDATE journal SET prev_hash = ?, hash = ?, payload = ?, kind = ? WHERE seq = ?",
                (prev, digest, entry.payload, entry.kind, entry.seq),
            )
            prev = digest
        connection.commit()
    return Head(rows[-1][0], prev)


def test_an_untouched_journal_verifies_against_its_own_head(written: Path) -> None:
    report = verify(written / "lane.db")
    assert (report.records, report.head.seq, report.problem) == (20, 20, None)
    assert verify(written / "lane.db", expect=Head.parse(str(report.head))) == report
    assert verify(written / "lane.db", expect=EMPTY).problem is None


@pytest.mark.parametrize(
    ("script", "seq", "damage"),
    [
        ("UPDATE journal SET payload = '{}' WHERE seq = 7", 7, Damage.EDITED),
        ("UPDATE journal SET payload = replace(payload, '0.3', '0.4') WHERE seq = 7", 7, Damage.EDITED),
        ("UPDATE journal SET wall = '2026-11-23T12:00:00.000000+00:00' WHERE seq = 1", 1, Damage.EDITED),
        ("UPDATE journal SET monotonic = monotonic + 1e-9 WHERE seq = 20", 20, Damage.EDITED),
        ("UPDATE journal SET monotonic = 'soon' WHERE seq = 5", 5, Damage.EDITED),
        ("UPDATE journal SET boot_id = 'boot-2' WHERE seq = 5", 5, Damage.EDITED),
        ("UPDATE journal SET kind = 'passage_begun' WHERE seq = 6", 6, Damage.EDITED),
        ("UPDATE journal SET hash = zeroblob(32) WHERE seq = 9", 9, Damage.EDITED),
        ("UPDATE journal SET hash = 'text' WHERE seq = 9", 9, Damage.EDITED),
        ("UPDATE journal SET prev_hash = zeroblob(31) WHERE seq = 9", 9, Damage.EDITED),
        ("UPDATE journal SET payload = x'ff00fe' WHERE seq = 7", 7, Damage.EDITED),
        ("UPDATE journal SET payload = CAST(x'ff00fe' AS TEXT) WHERE seq = 7", 7, Damage.EDITED),
        ("DELETE FROM journal WHERE seq = 12", 12, Damage.DELETED),
        ("DELETE FROM journal WHERE seq BETWEEN 12 AND 15", 12, Damage.DELETED),
        ("DELETE FROM journal WHERE seq = 1", 1, Damage.DELETED),
        (
            "DELETE FROM journal WHERE seq = 12; UPDATE journal SET seq = -seq WHERE seq > 12;"
            "UPDATE journal SET seq = -seq - 1 WHERE seq < 0",
            12,
            Damage.DELETED,
        ),
        (
            "DELETE FROM journal WHERE seq BETWEEN 5 AND 14; UPDATE journal SET seq = seq - 10 WHERE seq > 14",
            5,
            Damage.DELETED,
        ),
        (swap(7, 8), 7, Damage.REORDERED),
        (swap(3, 18), 3, Damage.REORDERED),
        (f"INSERT INTO journal SELECT 21, {CONTENT} FROM journal WHERE seq = 20", 21, Damage.REORDERED),
        (f"INSERT INTO journal SELECT -1, {CONTENT} FROM journal WHERE seq = 1", -1, Damage.INSERTED),
        (f"INSERT INTO journal SELECT 0, {CONTENT} FROM journal WHERE seq = 1", 0, Damage.INSERTED),
    ],
)
def test_tampering_is_found_at_its_first_record(
    lane: Path, tamper: Tamper, script: str, seq: int, damage: Damage
) -> None:
    tamper(script)
    problem = verify(lane / "lane.db").problem
    assert problem is not None
    assert (problem.seq, problem.damage) == (seq, damage), problem.why


def test_a_fork_is_told_from_an_edit(lane: Path, tamper: Tamper) -> None:
    with closing(sqlite3.connect(lane / "lane.db")) as connection:
        (earlier,) = connection.execute("SELECT hash FROM journal WHERE seq = 9").fetchone()
    entry = Entry(12, "2026-11-23T12:00:00.000000+00:00", 1.0, "boot-1", "event", "{}")
    tamper(
        f"UPDATE journal SET prev_hash = x'{earlier.hex()}', hash = x'{entry_hash(earlier, entry).hex()}', "
        "wall = '2026-11-23T12:00:00.000000+00:00', monotonic = 1.0, kind = 'event', payload = '{}' WHERE seq = 12"
    )
    problem = verify(lane / "lane.db").problem
    assert problem is not None
    assert (problem.seq, problem.damage) == (12, Damage.FORKED)
    assert "continues record 9" in problem.why


def test_a_record_replaced_with_a_fitting_hash_breaks_its_successor(lane: Path, tamper: Tamper) -> None:
    with closing(sqlite3.connect(lane / "lane.db")) as connection:
        row = connection.execute(
            "SELECT prev_hash, seq, wall, monotonic, boot_id, kind, payload FROM journal WHERE seq = 7"
        ).fetchone()
    forged = entry_hash(row[0], Entry(*row[1:])._replace(payload="{}"))
    tamper(f"UPDATE journal SET payload = '{{}}', hash = x'{forged.hex()}' WHERE seq = 7")
    problem = verify(lane / "lane.db").problem
    assert problem is not None
    assert (problem.seq, problem.damage) == (8, Damage.EDITED)
    assert "record 7" in problem.why


def test_what_the_chain_cannot_show_alone_a_head_kept_elsewhere_does(lane: Path, tamper: Tamper) -> None:
    witnessed = verify(lane / "lane.db").head
    tamper(
        "DELETE FROM journal WHERE seq > 15; DELETE FROM checks WHERE decision_id > 15;"
        "DELETE FROM decisions WHERE decision_id > 15; DELETE FROM passages WHERE passage_id = 'p3'"
    )
    assert verify(lane / "lane.db").problem is None
    problem = verify(lane / "lane.db", expect=witnessed).problem
    assert problem is not None
    assert (problem.seq, problem.damage) == (16, Damage.TRUNCATED)


def test_a_chain_rewritten_whole_holds_but_is_not_the_one_witnessed(lane: Path, tamper: Tamper) -> None:
    witnessed = verify(lane / "lane.db").head
    tamper("")
    forged = rewrite_from(lane, 7, payload="{}")
    report = verify(lane / "lane.db")
    assert (report.problem, report.head) == (None, forged)
    problem = verify(lane / "lane.db", expect=witnessed).problem
    assert problem is not None
    assert (problem.seq, problem.damage) == (20, Damage.FORKED)


@pytest.mark.parametrize(
    ("script", "seq"),
    [
        ("UPDATE decisions SET admit = 1 WHERE decision_id = 8", 8),
        ("UPDATE decisions SET officer = 'someone.else' WHERE decision_id = 9", 9),
        ("UPDATE checks SET result = 'successful' WHERE decision_id = 8", 8),
        ("DELETE FROM checks WHERE decision_id = 8 AND name = 'comparison'", 8),
        ("DELETE FROM checks WHERE decision_id = 8; DELETE FROM decisions WHERE decision_id = 8", 8),
        ("UPDATE passages SET simulated = 0 WHERE passage_id = 'p1'", 6),
        ("UPDATE passages SET ended = NULL, outcome = NULL WHERE passage_id = 'p1'", 10),
        ("UPDATE passages SET outcome = 'admitted' WHERE passage_id = 'p1'", 10),
        (
            "INSERT INTO passages SELECT 'ghost', started, ended, outcome, topology, pack_id, 1 FROM passages LIMIT 1",
            20,
        ),
        ("INSERT INTO decisions SELECT 2, passage_id, decided, 1, NULL, NULL, NULL FROM decisions LIMIT 1", 20),
    ],
)
def test_derived_tables_are_held_against_the_journal(lane: Path, tamper: Tamper, script: str, seq: int) -> None:
    tamper(script)
    problem = verify(lane / "lane.db").problem
    assert problem is not None
    assert (problem.seq, problem.damage) == (seq, Damage.DERIVED), problem.why


def test_any_changed_byte_of_the_journal_is_found(lane: Path, tamper: Tamper) -> None:
    tamper("")
    dice = random.Random(20261123)
    columns = ("prev_hash", "hash", "wall", "boot_id", "kind", "payload")
    with closing(sqlite3.connect(lane / "lane.db")) as connection:
        for _ in range(60):
            seq, column = dice.randint(1, 20), dice.choice(columns)
            (whole,) = connection.execute(
                f"SELECT CAST({column} AS BLOB) FROM journal WHERE seq = ?", (seq,)
            ).fetchone()
            at = dice.randrange(len(whole))
            flipped = whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(8))]) + whole[at + 1 :]
            kind = "BLOB" if column.endswith("hash") else "TEXT"
            update = f"UPDATE journal SET {column} = CAST(? AS {kind}) WHERE seq = ?"
            connection.execute(update, (flipped, seq))
            connection.commit()
            problem = verify(lane / "lane.db").problem
            assert problem is not None
            assert problem.seq == seq, (column, at, problem)
            connection.execute(update, (whole, seq))
            connection.commit()
    assert verify(lane / "lane.db").problem is None


def test_a_controller_does_not_add_to_a_broken_tail(lane: Path, tamper: Tamper) -> None:
    tamper("UPDATE journal SET payload = '{}' WHERE seq = 19")
    before = (lane / "lane.db").read_bytes()
    with pytest.raises(StoreRefused, match="not intact at record 19"):
        LaneStore.open(lane, ManualClock(), boot_id="boot-2")
    assert (lane / "lane.db").read_bytes() == before


@pytest.fixture(scope="module")
def long_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state_dir = tmp_path_factory.mktemp("long")
    with LaneStore.open(state_dir, ManualClock(), boot_id="b") as store:
        store.append([JournalRecord("event")] * (2 * CHUNK + 1))
    with LaneStore.open(state_dir, ManualClock(), boot_id="b") as store:
        store.append([JournalRecord("event")])
    return state_dir


def test_a_long_journal_is_walked_with_progress(long_journal: Path) -> None:
    told: list[int] = []
    report = verify(long_journal / "lane.db", progress=lambda done, total, what: told.append(done))
    assert (report.records, report.problem) == (2 * CHUNK + 2, None)
    assert told == [CHUNK, 2 * CHUNK, 2 * CHUNK + 2]


@pytest.mark.parametrize("seq", [1, CHUNK, CHUNK + 1, 2 * CHUNK + 1])
def test_a_gap_at_a_seam_of_the_walk_is_found(long_journal: Path, tmp_path: Path, seq: int) -> None:
    lane = Path(shutil.copytree(long_journal, tmp_path / "lane"))
    with closing(sqlite3.connect(lane / "lane.db")) as connection:
        connection.execute("DROP TRIGGER journal_refuses_delete")
        connection.execute("DELETE FROM journal WHERE seq = ?", (seq,))
        connection.commit()
    problem = verify(lane / "lane.db").problem
    assert problem is not None
    assert (problem.seq, problem.damage) == (seq, Damage.DELETED)
    if seq > 2 * CHUNK + 2 - TAIL:
        with pytest.raises(StoreRefused):
            LaneStore.open(lane, ManualClock(), boot_id="b")


@pytest.mark.parametrize("text", ["", "1", "1:zz", "x:" + "00" * 32, "-1:" + "00" * 32, "1:" + "00" * 31])
def test_a_head_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"head|invalid literal|non-hexadecimal"):
        Head.parse(text)


def test_the_empty_head_is_genesis() -> None:
    assert Head.parse(str(EMPTY)) == Head(0, GENESIS)
