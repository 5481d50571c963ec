import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.core.types import Outcome, Topology
from appliance.store.chain import EMPTY, GENESIS, Entry, entry_hash
from appliance.store.errors import RecordRefused, StoreBroken, StoreInUse, StoreRefused
from appliance.store.lane_store import LaneStore
from appliance.store.records import JournalRecord, PassageEnded, PassageStarted, Record
from appliance.store.verify import verify
from migrations.engine import DatabaseRefused, durable_engine


def rows(state_dir: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(state_dir / "lane.db")) as connection:
        return connection.execute(sql).fetchall()


def test_a_passage_is_written_with_its_rows(
    tmp_path: Path, store: LaneStore, clock: ManualClock, passage: Callable[[str], list[Record]]
) -> None:
    clock.advance(1.5)
    assert store.append(passage("p0")) == 5
    state = tmp_path / "lane"
    wall = "2026-11-23T12:00:01.500000+00:00"
    assert rows(state, "SELECT seq, wall, monotonic, boot_id, kind FROM journal") == [
        (1, wall, 1.5, "boot-1", "passage_started"),
        (2, wall, 1.5, "boot-1", "document_read"),
        (3, wall, 1.5, "boot-1", "decision_made"),
        (4, wall, 1.5, "boot-1", "decision_made"),
        (5, wall, 1.5, "boot-1", "passage_ended"),
    ]
    assert rows(state, "SELECT * FROM passages") == [
        ("p0", wall, wall, "admitted_by_officer", "mantrap", "pypi-dlib", 1)
    ]
    assert rows(state, "SELECT * FROM decisions") == [
        (3, "p0", wall, 0, None, None, None),
        (4, "p0", wall, 1, "o.sipka", "admit", "New beard — compared by eye"),
    ]
    assert rows(state, "SELECT name, result, detail FROM checks WHERE decision_id = 3 ORDER BY name") == [
        ("comparison", "failed", "score 0.21, threshold 0.36"),
        ("document_read", "successful", ""),
    ]
    assert rows(state, "SELECT payload FROM journal WHERE seq = 2") == [
        ('{"passage_id":"p0","seconds":0.30000000000000004,"source":"reader"}',)
    ]


def test_each_record_carries_the_hash_of_the_one_before(written: Path) -> None:
    prev = GENESIS
    for seq, found_prev, digest, *fields in rows(written, "SELECT * FROM journal ORDER BY seq"):
        assert found_prev == prev
        assert digest == entry_hash(prev, Entry(seq, *fields))  # type: ignore[arg-type]
        prev = digest  # type: ignore[assignment]


def test_the_hash_is_the_one_the_readme_states() -> None:
    import hashlib

    entry = Entry(7, "2026-11-23T12:00:00.000000+00:00", 0.1, "boot", "event", '{"a":1}')
    stated = b'[7,"2026-11-23T12:00:00.000000+00:00",0.1,"boot","event",{"a":1}]'
    assert entry_hash(b"\x01" * 32, entry) == hashlib.sha256(b"\x01" * 32 + stated).digest()


def test_a_new_run_continues_the_chain_and_knows_what_was_left_open(tmp_path: Path, clock: ManualClock) -> None:
    state = tmp_path / "lane"
    with LaneStore.open(state, clock, boot_id="boot-1") as store:
        assert store.head == EMPTY
        store.append([PassageStarted(name, Topology.TURNSTILE, "pack", False) for name in ("b", "a")])
        store.append([PassageEnded("b", Outcome.WALKED_AWAY)])
        head = store.head
    with LaneStore.open(state, clock, boot_id="boot-2") as store:
        assert store.head == head
        assert [left.passage_id for left in store.unfinished()] == ["a"]
        store.append([PassageEnded("a", Outcome.ABORTED)])
        assert store.unfinished() == ()
    assert verify(state / "lane.db").records == 4


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seconds=st.floats(0, 1e9))
def test_monotonic_stamps_survive_the_database_exactly(store: LaneStore, seconds: float) -> None:
    store._clock._monotonic = seconds  # type: ignore[attr-defined]
    store.append([JournalRecord("tick")])
    assert verify(store._path).problem is None


@pytest.mark.parametrize(
    "bad",
    [
        PassageEnded("nobody", Outcome.ABORTED),
        PassageEnded("done", Outcome.ABORTED),
        PassageStarted("done", Topology.MANTRAP, "pack", True),
        JournalRecord("event", {"mrz": "x"}),
    ],
)
def test_a_refused_record_writes_nothing_of_its_batch_and_the_store_goes_on(store: LaneStore, bad: Record) -> None:
    store.append([PassageStarted("done", Topology.MANTRAP, "pack", True), PassageEnded("done", Outcome.ADMITTED)])
    head = store.head
    with pytest.raises(RecordRefused):
        store.append([JournalRecord("first"), PassageStarted("q", Topology.MANTRAP, "pack", True), bad])
    assert store.head == head
    assert store.append([PassageStarted("q", Topology.MANTRAP, "pack", True)]) == head.seq + 1
    assert verify(store._path).problem is None


def test_a_second_controller_is_refused_and_a_reader_is_not(tmp_path: Path, store: LaneStore) -> None:
    store.append([JournalRecord("event")])
    with pytest.raises(StoreInUse, match="another controller runs on this lane"):
        LaneStore.open(tmp_path / "lane", ManualClock(), boot_id="boot-2")
    assert verify(tmp_path / "lane" / "lane.db").records == 1
    store.close()
    store.close()
    with LaneStore.open(tmp_path / "lane", ManualClock(), boot_id="boot-2") as again:
        assert again.head.seq == 1


def test_files_are_for_their_owner_alone_even_if_they_were_not(tmp_path: Path, store: LaneStore) -> None:
    state = tmp_path / "lane"
    store.append([JournalRecord("event")])
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in state.iterdir()}
    names = {"lane.db", "lane.db-wal", "lane.db-shm", "lane.lock", "lane.reserve"}
    assert modes == dict.fromkeys(names, 0o600)
    store.close()
    (state / "lane.db").chmod(0o644)
    with LaneStore.open(state, ManualClock(), boot_id="boot-2"):
        assert stat.S_IMODE((state / "lane.db").stat().st_mode) == 0o600


def test_durability_is_read_back_on_the_writing_connection(store: LaneStore) -> None:
    connection = store._connected()
    settings_found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    connection.rollback()
    assert settings_found == ["wal", 2]


def test_a_file_system_without_a_write_ahead_log_is_refused() -> None:
    engine = durable_engine(Path(":memory:"))
    with pytest.raises(DatabaseRefused, match="journal_mode=memory"):
        engine.connect()


def test_another_writer_in_the_file_stops_the_store(store: LaneStore) -> None:
    store.append([JournalRecord("event")])
    with closing(sqlite3.connect(store._path)) as intruder:
        intruder.execute("INSERT INTO journal SELECT seq + 1, hash, hash, wall, 0.0, 'x', 'x', '{}' FROM journal")
        intruder.commit()
    with pytest.raises(StoreBroken, match="another program"):
        store.append([JournalRecord("event")])
    with pytest.raises(StoreBroken, match="stopped at an earlier error"):
        store.append([JournalRecord("event")])
    with pytest.raises(StoreBroken):
        store.unfinished()
    store.close()
    with pytest.raises(StoreRefused, match="not intact at record 2"):
        LaneStore.open(store._path.parent, ManualClock(), boot_id="boot-2")


def test_a_lock_held_by_another_program_stops_the_store(store: LaneStore) -> None:
    with closing(sqlite3.connect(store._path, isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBroken, match="locked"):
            store.append([JournalRecord("event")])
        intruder.execute("ROLLBACK")
    assert store.append_last_words([JournalRecord("out_of_service")]) == 1
    with pytest.raises(StoreBroken, match="once"):
        store.append_last_words([JournalRecord("out_of_service")])


def test_last_words_need_a_failure_first(store: LaneStore) -> None:
    with pytest.raises(StoreBroken, match="once, after a failed append"):
        store.append_last_words([JournalRecord("out_of_service")])
    assert store.append([JournalRecord("event")]) == 1


def test_another_thread_may_not_use_the_handle(store: LaneStore) -> None:
    caught: list[BaseException] = []

    def use() -> None:
        try:
            store.append([JournalRecord("event")])
        except BaseException as error:
            caught.append(error)

    thread = Thread(target=use)
    thread.start()
    thread.join()
    assert [type(error) for error in caught] == [StoreBroken]


def test_our_own_slips_meet_triggers(store: LaneStore) -> None:
    store.append([JournalRecord("event")])
    with closing(sqlite3.connect(store._path)) as connection:
        for sql in ("UPDATE journal SET kind = 'x'", "DELETE FROM journal"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(sql)


def test_records_in_local_time_and_odd_boot_ids_are_refused(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    with LaneStore.open(tmp_path / "lane", clock, boot_id="b") as store, pytest.raises(RecordRefused, match="UTC"):
        store.append([JournalRecord("event")])
    with pytest.raises(RecordRefused):
        LaneStore.open(tmp_path / "other", clock, boot_id="a\x1b[2J")


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreBroken, match="file/lane"):
        LaneStore.open(tmp_path / "file" / "lane", ManualClock(), boot_id="b")


def test_the_newest_record_of_a_kind_is_found(store: LaneStore) -> None:
    assert store.newest("phase") is None
    store.append([JournalRecord("phase", {"to": "Ready"}), JournalRecord("phase", {"to": "Reading"})])
    store.append([JournalRecord("lane_stopped")])
    assert store.newest("phase") == {"to": "Reading"}
