import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.core.types import Topology
from appliance.store.async_store import QUEUE, AsyncStore
from appliance.store.errors import RecordRefused, StoreBroken, StoreInUse
from appliance.store.lane_store import LaneStore
from appliance.store.records import JournalRecord, PassageStarted
from appliance.store.verify import verify

pytestmark = pytest.mark.anyio


def store_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("store")]


async def test_appends_are_written_in_the_order_of_their_calls(tmp_path: Path) -> None:
    async with await AsyncStore.open(tmp_path, ManualClock(), boot_id="b") as store:
        calls = [asyncio.create_task(store.append([JournalRecord("event", {"n": n})])) for n in range(3 * QUEUE)]
        assert await asyncio.gather(*calls) == list(range(1, 3 * QUEUE + 1))
        assert store.head.seq == 3 * QUEUE
        assert len(store_threads()) == 1
    assert store_threads() == []
    with closing(sqlite3.connect(tmp_path / "lane.db")) as connection:
        numbers = connection.execute("SELECT json_extract(payload, '$.n') FROM journal ORDER BY seq").fetchall()
    assert [n for (n,) in numbers] == list(range(3 * QUEUE))


async def test_the_loop_goes_on_while_the_disk_does_not(tmp_path: Path) -> None:
    async with await AsyncStore.open(tmp_path, ManualClock(), boot_id="b") as store:
        with closing(sqlite3.connect(tmp_path / "lane.db", isolation_level=None)) as intruder:
            intruder.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(store.append([JournalRecord("event")]))
            for _ in range(50):
                await asyncio.sleep(0)
            assert not waiting.done()
            intruder.execute("ROLLBACK")
        assert await waiting == 1


async def test_at_most_so_many_appends_wait_in_the_thread(tmp_path: Path) -> None:
    async with await AsyncStore.open(tmp_path, ManualClock(), boot_id="b") as store:
        with closing(sqlite3.connect(tmp_path / "lane.db", isolation_level=None)) as intruder:
            intruder.execute("BEGIN IMMEDIATE")
            calls = [asyncio.create_task(store.append([JournalRecord("event")])) for _ in range(2 * QUEUE)]
            for _ in range(5):
                await asyncio.sleep(0)
            assert store._thread._work_queue.qsize() <= QUEUE
            intruder.execute("ROLLBACK")
        await asyncio.gather(*calls)


async def test_refusals_and_failures_reach_the_caller(tmp_path: Path) -> None:
    async with await AsyncStore.open(tmp_path, ManualClock(), boot_id="b") as store:
        await store.append([PassageStarted("p", Topology.MANTRAP, "pack", True)])
        with pytest.raises(RecordRefused):
            await store.append([PassageStarted("p", Topology.MANTRAP, "pack", True)])
        assert [left.passage_id for left in await store.unfinished()] == ["p"]
        with closing(sqlite3.connect(tmp_path / "lane.db", isolation_level=None)) as intruder:
            intruder.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBroken, match="locked"):
                await store.append([JournalRecord("event")])
            intruder.execute("ROLLBACK")
        with pytest.raises(StoreBroken, match="earlier error"):
            await store.append([JournalRecord("event")])
        assert await store.append_last_words([JournalRecord("out_of_service")]) == 2


async def test_a_store_that_does_not_open_leaves_no_thread(tmp_path: Path) -> None:
    with LaneStore.open(tmp_path, ManualClock(), boot_id="b"), pytest.raises(StoreInUse):
        await AsyncStore.open(tmp_path, ManualClock(), boot_id="b")
    assert store_threads() == []


async def test_cancelled_while_opening_it_lets_go_of_the_lane(tmp_path: Path) -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        at_work.set()
        go_on.wait(10)

    opening = asyncio.create_task(AsyncStore.open(tmp_path, ManualClock(), boot_id="b", progress=hold))
    await asyncio.to_thread(at_work.wait, 10)
    opening.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert store_threads() == []
    with LaneStore.open(tmp_path, ManualClock(), boot_id="b") as store:
        assert store.head.seq == 0


async def test_a_cancelled_caller_leaves_a_whole_chain(tmp_path: Path) -> None:
    async with await AsyncStore.open(tmp_path, ManualClock(), boot_id="b") as store:
        calls = [asyncio.create_task(store.append([JournalRecord("event")])) for _ in range(20)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, int) for result in done[1::2])
        assert await store.append([JournalRecord("event")]) == store.head.seq
    assert verify(tmp_path / "lane.db").problem is None


async def test_closed_is_closed(tmp_path: Path) -> None:
    store = await AsyncStore.open(tmp_path, ManualClock(), boot_id="b")
    await store.close()
    await store.close()
    with pytest.raises(StoreBroken, match="closed"):
        await store.append([JournalRecord("event")])
    assert store_threads() == []
