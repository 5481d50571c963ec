"""What a lane writes down of people: a change of officers, a second officer. Real socket, real journal."""

import asyncio
import json
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from ui_fake_lane import idle
from ui_hands import Hands, eventually

from appliance import handover
from appliance.control.client import LaneClient
from appliance.control.messages import HandOverRequest
from appliance.control.server import ControlServer
from appliance.core.events import OfficerDecided
from appliance.core.types import OfficerAction
from appliance.runtime.records import of_event
from appliance.store.async_store import AsyncStore
from appliance.store.verify import verify

pytestmark = pytest.mark.anyio

ORDER = HandOverRequest(request_id="r", officer="jo", successor="mo", note="lane 2 sticks", held="p-1")


class Face:
    """The little a server needs of a lane."""

    def snapshot(self):
        return idle()


def written(state: Path) -> list[tuple[str, dict]]:
    with closing(sqlite3.connect(state / "lane.db")) as connection:
        rows = connection.execute("SELECT kind, payload FROM journal ORDER BY seq").fetchall()
    return [(kind, json.loads(payload)) for kind, payload in rows]


async def test_a_lane_journals_who_handed_the_station_to_whom_and_who_was_held(tmp_path: Path) -> None:
    hands = Hands()
    async with await AsyncStore.open(tmp_path / "state", hands.clock, boot_id="boot") as store:
        server = ControlServer(
            tmp_path / "lane.sock", Face(), hands.clock, lambda _: None, hand_over=partial(handover.journal, store)
        )
        client = LaneClient(tmp_path / "lane.sock", console="test", clock=hands.clock)
        tasks = [asyncio.create_task(server.run()), asyncio.create_task(client.run())]
        try:
            await eventually(lambda: client.state.reachable)
            assert (await client.hand_over(ORDER)).accepted
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert written(tmp_path / "state")[-1] == (
        "guard_handed_over",
        {"officer": "jo", "successor": "mo", "note": "lane 2 sticks", "held": "p-1"},
    )
    assert verify(tmp_path / "state" / "lane.db").problem is None


async def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    async with await AsyncStore.open(tmp_path / "state", Hands().clock, boot_id="boot") as store:
        pass
    reply = await handover.journal(store, ORDER)
    assert not reply.accepted
    assert "journal cannot be written" in reply.message


@pytest.mark.parametrize("second", ["", "mo"])
def test_the_second_officer_stands_in_the_record_of_the_decision(second: str) -> None:
    record = of_event(OfficerDecided("p-1", OfficerAction.ADMIT, True, "jo", "seen", second), "console")
    assert record.payload.get("second_officer", "") == second
    assert record.payload["officer"] == "jo"
