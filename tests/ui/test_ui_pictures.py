"""Pictures for several stations, and pages that leave in the middle of an event: the parts alone, without a process."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from anyio import BrokenResourceError

from appliance.clock import SystemClock
from appliance.control.client import LaneUnreachable
from appliance.control.messages import ImageView
from ui.console import Console
from ui.security import Guarded
from ui.settings import Settings

pytestmark = pytest.mark.anyio
LIVE = ImageView(channel="live", version=7, label="")


class Lane:
    """Answers when told to; counts what it was asked."""

    socket_path = Path("lane-1.sock")

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answer: asyncio.Future[tuple[bytes, str]] = asyncio.get_running_loop().create_future()

    async def image(self, passage_id: str, channel: str) -> tuple[bytes, str]:
        self.asked.append((passage_id, channel))
        return await self.answer


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(Settings(sockets=(), state_dir=tmp_path, origins=frozenset()), SystemClock())


async def asking(console: Console, lane: Any, *images: ImageView) -> list[asyncio.Task[tuple[bytes, str]]]:
    stations = [asyncio.create_task(console.picture(lane, "p-1", image)) for image in images]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return stations


async def test_stations_that_want_a_picture_at_once_cost_one_question_and_nothing_is_kept(console: Console) -> None:
    lane = Lane()
    newer = LIVE.model_copy(update={"version": 8})
    stations = await asking(console, lane, LIVE, LIVE, LIVE, newer)
    assert lane.asked == [("p-1", "live")] * 2
    lane.answer.set_result((b"picture", "image/jpeg"))
    assert await asyncio.gather(*stations) == [(b"picture", "image/jpeg")] * 4
    await asyncio.gather(*await asking(console, lane, LIVE))
    assert len(lane.asked) == 3


async def test_a_station_that_leaves_takes_the_picture_from_no_other(console: Console) -> None:
    lane = Lane()
    leaving, staying = await asking(console, lane, LIVE, LIVE)
    leaving.cancel()
    lane.answer.set_result((b"picture", "image/jpeg"))
    assert (await staying)[0] == b"picture"


async def test_a_lane_that_cannot_be_reached_is_said_to_every_station(console: Console) -> None:
    lane = Lane()
    stations = await asking(console, lane, LIVE, LIVE)
    lane.answer.set_exception(LaneUnreachable("gone"))
    ends = await asyncio.gather(*stations, return_exceptions=True)
    assert [str(end) for end in ends] == ["gone", "gone"]


@pytest.mark.parametrize("error", [BrokenResourceError(), ValueError("ours")])
async def test_only_a_page_that_left_is_no_error(error: Exception) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ExceptionGroup("of a stream", [error])

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is to be received or sent")

    guarded = Guarded(app, origins=(), hosts=("here",))
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"here")]}
    if isinstance(error, BrokenResourceError):
        await guarded(scope, nothing, nothing)
    else:
        with pytest.raises(ExceptionGroup) as ended:
            await guarded(scope, nothing, nothing)
        assert ended.group_contains(ValueError)
