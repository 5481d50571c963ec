"""No wrong reply is taken from a hostile peer; a replay is noticed by the next request. And the time that leaps."""

import asyncio

import pytest

from drivers.modbus.client import ModbusClient
from hil import virtual_time
from hil.bench.stale import HOSTILE, REPLAYS, ours, theirs

COUNT = 3000


def test_ours_takes_no_wrong_reply_where_pymodbus_takes_many() -> None:
    found = virtual_time.run(ours(COUNT, HOSTILE, 5, lambda: None))
    assert found["wrong"] == 0
    assert found["answered"] > COUNT / 2
    beside = virtual_time.run(theirs(COUNT, HOSTILE, 5, lambda: None))
    assert beside["wrong"] > COUNT / 10


def test_a_replay_is_noticed_by_the_next_request() -> None:
    found = virtual_time.run(ours(COUNT, REPLAYS, 5, lambda: None))
    assert 0 < found["wrong"] <= found["noticed"] + 1


def test_a_client_that_ignores_frames_nobody_asked_for_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModbusClient, "unasked", lambda self, data: False)
    found = virtual_time.run(ours(COUNT, REPLAYS, 5, lambda: None))
    assert found["wrong"] > found["noticed"] + 1


def test_virtual_time_leaps_and_ends_what_would_wait_for_ever() -> None:
    async def hours() -> float:
        await asyncio.sleep(3600.0)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(hours()) == pytest.approx(3600.0)
    with pytest.raises(RuntimeError, match="never end"):
        virtual_time.run(asyncio.Event().wait())
