"""The lane's end of the control socket: real Unix sockets, a lane that records, a clock turned by hand."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from control_stage import Stage, served

from appliance.control import server as module
from appliance.control.client import LaneClient
from appliance.control.messages import LaneSnapshot, OfficerRequest, Reply
from appliance.control.server import MAX_CONSOLES, WATCH_S, SocketBusy
from appliance.wire import Message

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with served(tmp_path / "run" / "lane.sock") as stage:
        yield stage


def decide(action: str = "refuse", **more: Any) -> dict[str, Any]:
    base = {"kind": "decide", "request_id": "r-1", "passage_id": "p-1", "action": action, "officer": "o.sipka"}
    return base | {"reason": "seen by eye"} | more


async def test_a_console_gets_the_snapshot_at_once_and_again_on_change(stage: Stage) -> None:
    console = await stage.console()
    assert (await console.hear("snapshot")).header["revision"] == 1
    stage.lane.revision = 2
    stage.server.changed()
    assert LaneSnapshot.model_validate((await console.hear("snapshot")).header).revision == 2


async def test_a_heartbeat_is_answered_even_if_nothing_changed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPEAT_S", 600.0)
    console = await stage.guard()
    console.say(kind="heartbeat", watching=True)
    assert (await console.hear("snapshot")).header["revision"] == 1


async def test_a_lane_has_no_alerts_to_acknowledge(stage: Stage) -> None:
    console = await stage.guard()
    console.say(kind="acknowledge", request_id="r-1", alert_id="hall-1", officer="o.sipka")
    reply = (await console.hear("reply")).header
    assert (reply["accepted"], reply["message"]) == (False, "a lane raises no alerts")
    assert stage.lane.asked == []


async def test_changes_in_one_breath_are_one_snapshot_the_newest(stage: Stage) -> None:
    console = await stage.console()
    await console.hear("snapshot")
    for revision in range(2, 500):
        stage.lane.revision = revision
        stage.server.changed()
    assert (await console.hear("snapshot")).header["revision"] == 499


async def test_a_console_that_does_not_read_holds_up_nobody(stage: Stage) -> None:
    stage.lane.filler = "x" * 200_000
    deaf, well = await stage.console(), await stage.console()
    await well.hear("snapshot")
    for revision in range(2, 40):
        stage.lane.revision = revision
        stage.server.changed()
        assert (await well.hear("snapshot")).header["revision"] == revision
    well.say(**decide())
    assert (await well.hear("reply")).header["accepted"] is True
    waiting = [console for console in stage.server._consoles if console.writer.transport.get_write_buffer_size()]
    assert len(waiting) == 1
    assert waiting[0].writer.transport.get_write_buffer_size() < 2 * 210_000
    del deaf


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x00\x00\x02[]\x00\x00\x00\x00",
        Message({"kind": "unlock"}).encode(),
        Message({}).encode(),
        Message({"kind": "hello", "console": "x", "guard": True, "admin": True}).encode(),
        Message(decide("open_both_doors")).encode(),
        Message(decide(reason="")).encode(),
        Message(decide(officer="")).encode(),
        Message(decide(passage_id="p" * 5000)).encode(),
        Message({"kind": "heartbeat", "watching": True}, (b"blob",)).encode(),
        b"\x00\x00\x10\x00" + b"[" * 4096 + bytes(4),
    ],
    ids=range(11),
)
async def test_garbage_disconnects_its_console_and_no_other(stage: Stage, garbage: bytes) -> None:
    well, bad = await stage.guard(), await stage.guard()
    assert stage.server.watchers == 2
    bad.writer.write(garbage)
    assert await bad.hung_up()
    assert stage.server.watchers == 1
    well.say(**decide())
    await well.hear("reply")
    assert len(stage.lane.asked) == 1


async def test_garbage_from_a_console_that_does_not_read_leaves_nothing_behind(stage: Stage) -> None:
    stage.lane.filler = "x" * 900_000
    deaf = await stage.console()
    for _ in range(500):
        if stage.server._consoles:
            break
        await asyncio.sleep(0.001)
    (console,) = stage.server._consoles
    assert console.writer.transport.get_write_buffer_size() > 0
    deaf.writer.write(b"garbage!")
    for _ in range(500):
        if not stage.server._consoles:
            break
        await asyncio.sleep(0.001)
    assert (console.writer.transport.get_write_buffer_size(), stage.server.watchers) == (0, 0)


async def test_a_console_that_hangs_up_inside_a_message_is_forgotten(stage: Stage) -> None:
    console = await stage.guard()
    console.writer.write(Message(decide()).encode()[:-6])
    console.writer.close()
    for _ in range(500):
        if not stage.server._consoles:
            break
        await asyncio.sleep(0.001)
    assert (stage.server.watchers, stage.lane.asked) == (0, [])


async def test_an_answer_goes_to_the_console_that_asked(stage: Stage) -> None:
    asking, other = await stage.guard(), await stage.guard()
    asking.say(**decide("admit", visual_check=True))
    reply = Reply.model_validate((await asking.hear("reply")).header)
    assert (reply.request_id, reply.accepted, reply.message) == ("r-1", False, "as asked")
    request = stage.lane.asked[0]
    assert isinstance(request, OfficerRequest)
    assert (request.action, request.officer, request.visual_check) == ("admit", "o.sipka", True)
    other.say(kind="service", request_id="s-1", in_service=False, officer="o.sipka", reason="cleaning")
    assert (await other.hear("reply")).header["request_id"] == "s-1"


async def test_an_image_is_one_blob_and_an_unknown_one_is_empty(stage: Stage) -> None:
    console = await stage.console()
    console.say(kind="image", request_id="i-1", passage_id="p-1", channel="rgb")
    found = await console.hear("image_reply")
    assert (found.header["media_type"], found.blobs) == ("image/jpeg", (b"\xff\xd8picture",))
    console.say(kind="image", request_id="i-2", passage_id="p-0", channel="rgb")
    missing = await console.hear("image_reply")
    assert (missing.header["request_id"], missing.header["media_type"], missing.blobs) == ("i-2", "", (b"",))


async def test_a_guard_watches_until_he_says_otherwise_or_is_silent(stage: Stage) -> None:
    console = await stage.guard()
    assert stage.server.watchers == 1
    stage.clock.advance(WATCH_S)
    assert stage.server.watchers == 1
    stage.clock.advance(0.001)
    assert stage.server.watchers == 0
    console.say(kind="heartbeat", watching=True)
    await stage.settled(console)
    assert stage.server.watchers == 1
    console.say(kind="heartbeat", watching=False)
    await stage.settled(console)
    assert stage.server.watchers == 0
    assert stage.watched[-1] == 0


async def test_who_is_no_guard_does_not_watch(stage: Stage) -> None:
    display = await stage.console()
    display.say(kind="heartbeat", watching=True)
    display.say(kind="hello", console="display", guard=False)
    display.say(kind="heartbeat", watching=True)
    await stage.settled(display)
    assert stage.server.watchers == 0


async def test_a_guard_whose_console_dies_watches_no_more(stage: Stage) -> None:
    console = await stage.guard()
    stage.watched.clear()
    await console.close()
    for _ in range(500):
        if stage.watched:
            break
        await asyncio.sleep(0.001)
    assert stage.watched == [0]


async def test_silence_is_told_to_the_lane_without_any_console_saying_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WATCH_S", 0.05)
    async with served(tmp_path / "lane.sock") as stage:
        await stage.guard()
        assert stage.watched[-1] == 1
        stage.clock.advance(1.0)
        await asyncio.sleep(0.05)
        assert stage.watched[-1] == 0


async def test_only_so_many_consoles(stage: Stage) -> None:
    for _ in range(MAX_CONSOLES):
        await (await stage.console()).hear("snapshot")
    assert await (await stage.console()).hung_up()
    await stage.consoles[0].close()
    for _ in range(500):
        if len(stage.server._consoles) < MAX_CONSOLES:
            break
        await asyncio.sleep(0.001)
    await (await stage.console()).hear("snapshot")


async def test_the_socket_is_for_owner_and_group_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run" / "lane.sock"
    async with served(path) as stage:
        await (await stage.console()).hear("snapshot")
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


async def test_the_end_comes_even_with_a_request_under_way_and_a_console_that_does_not_read(tmp_path: Path) -> None:
    async with served(tmp_path / "lane.sock") as stage:
        stage.lane.filler = "x" * 900_000
        deaf = await stage.console()
        asking = await stage.guard()
        stage.lane.held.clear()
        asking.say(**decide())
        for _ in range(500):
            if stage.lane.asked:
                break
            await asyncio.sleep(0.001)
        assert stage.lane.asked
    assert await asking.hung_up()
    assert await deaf.hung_up()


async def test_a_second_controller_is_refused_and_the_first_goes_on(stage: Stage) -> None:
    console = await stage.guard()
    second = Stage(stage.path)
    with pytest.raises(SocketBusy, match="another controller already answers"):
        await second.server.run()
    assert stage.path.exists()
    console.say(**decide())
    await console.hear("reply")


async def test_the_socket_file_of_a_dead_controller_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lane.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.is_socket()
    async with served(path) as stage:
        await (await stage.console()).hear("snapshot")


async def test_a_controller_too_busy_to_answer_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lane.sock"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(SocketBusy):
            await Stage(path).server.run()
        assert path.exists()


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "lane.toml"
    path.write_text("precious")
    with pytest.raises(SocketBusy, match="is no socket"):
        await Stage(path).server.run()
    assert path.read_text() == "precious"


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(SocketBusy, match="no folder for the control socket"):
        await Stage(tmp_path / "run" / "lane.sock").server.run()


async def test_a_path_too_long_for_a_socket_is_said(tmp_path: Path) -> None:
    with pytest.raises(SocketBusy, match="too long for a Unix socket"):
        await Stage(tmp_path / ("a" * (101 - len(os.fsencode(tmp_path)))) / "s").server.run()


async def test_the_console_s_own_client_gets_along_with_it(stage: Stage) -> None:
    client = LaneClient(stage.path, console="desk", clock=stage.clock)
    client.watch(True)
    running = asyncio.create_task(client.run())
    try:
        async with asyncio.timeout(5):
            async for state in client.states():
                if state.reachable:
                    break
        answer = await client.decide(OfficerRequest.model_validate(decide()))
        assert answer.accepted
        assert await client.image("p-1", "rgb") == (b"\xff\xd8picture", "image/jpeg")
        assert stage.server.watchers == 1
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
