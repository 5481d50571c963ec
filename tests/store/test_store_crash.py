import os
import random
import signal
from pathlib import Path
from typing import BinaryIO

from appliance.clock import SystemClock
from appliance.core.types import Outcome, Topology
from appliance.store.chain import Head
from appliance.store.lane_store import LaneStore
from appliance.store.records import JournalRecord, PassageEnded, PassageStarted, Record
from appliance.store.verify import verify

KILLS = 20


def append_until_killed(state: Path, run: int, acknowledge: int) -> None:
    """Never returns: appends passages and says what was acknowledged, until the parent has seen enough."""
    try:
        store = LaneStore.open(state, SystemClock(), boot_id=f"run-{run}")
        for left in store.unfinished():
            store.append([PassageEnded(left.passage_id, Outcome.ABORTED)])
        for number in range(5000):
            name = f"run-{run}.{number}"
            batches: list[list[Record]] = [
                [PassageStarted(name, Topology.MANTRAP, "pack", True)],
                [JournalRecord("event", {"passage_id": name})] * 3,
                [PassageEnded(name, Outcome.ADMITTED)],
            ]
            for batch in batches:
                store.append(batch)
                os.write(acknowledge, f"{store.head}\n".encode())
    finally:
        os._exit(1)


def kill_after(acknowledged: BinaryIO, pid: int, count: int) -> list[Head]:
    lines = [acknowledged.readline() for _ in range(count)]
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    lines += acknowledged.read().splitlines()
    return [Head.parse(line.decode()) for line in lines]


def test_kill_9_loses_no_acknowledged_record(tmp_path: Path) -> None:
    state = tmp_path / "lane"
    dice = random.Random(9)
    acknowledged: list[Head] = []
    for run in range(KILLS):
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            append_until_killed(state, run, write_end)
        os.close(write_end)
        with open(read_end, "rb") as pipe:
            acknowledged += kill_after(pipe, pid, dice.randint(1, 40))
    with LaneStore.open(state, SystemClock(), boot_id="after") as store:
        assert store.head.seq >= acknowledged[-1].seq
        assert len(store.unfinished()) <= 1
        connection = store._connected()
        stored = dict(connection.exec_driver_sql("SELECT seq, hash FROM journal").all())  # type: ignore[arg-type]
        connection.rollback()
    assert len(acknowledged) > KILLS
    assert all(stored.get(head.seq) == head.hash for head in acknowledged)
    assert verify(state / "lane.db").problem is None
