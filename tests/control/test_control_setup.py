"""A maintainer's orders on the control socket: taken as they are meant, and garbage never."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from control_stage import Stage, served

pytestmark = pytest.mark.anyio

LOOK = {"do": "look", "look_id": "page-0001", "channel": "850", "at": [0.5, 0.5]}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with served(tmp_path / "run" / "lane.sock") as stage:
        yield stage


def request(order: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "setup", "request_id": "r-1", "officer": "m.weber", "order": order} | more


async def test_where_nothing_can_be_set_up_every_order_is_refused(stage: Stage) -> None:
    console = await stage.guard()
    for order in (LOOK, {"do": "self_test"}, {"do": "stop"}, {"do": "stop", "look_id": "page-0001"}):
        console.say(**request(order))
        reply = (await console.hear("reply")).header
        assert (reply["accepted"], reply["message"]) == (False, "there is nothing to set up here")
    assert stage.lane.asked == []


@pytest.mark.parametrize(
    "order",
    [
        {"do": "release", "door": "exit"},
        {"do": "self_test", "release": True},
        LOOK | {"channel": "../portrait"},
        LOOK | {"channel": "portrait"},
        LOOK | {"channel": ""},
        LOOK | {"look_id": "x"},
        LOOK | {"look_id": "a" * 65},
        LOOK | {"look_id": "page 0001"},
        LOOK | {"at": [0.5, 1.1]},
        LOOK | {"at": [float("nan"), 0.5]},
        LOOK | {"at": [0.5]},
        LOOK | {"exposure_us": 1},
        {},
        None,
        "look",
    ],
)
async def test_garbage_ends_the_connection_and_nothing_else(stage: Stage, order: Any) -> None:
    console, other = await stage.guard(), await stage.guard()
    console.say(**request(order))
    assert await console.hung_up()
    other.say(**request({"do": "self_test"}))
    assert not (await other.hear("reply")).header["accepted"]


async def test_an_order_without_a_name_is_none(stage: Stage) -> None:
    console = await stage.guard()
    console.say(**request({"do": "self_test"}, officer=""))
    assert await console.hung_up()
