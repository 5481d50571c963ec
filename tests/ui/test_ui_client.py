"""The console's end of the control socket against a lane on a real Unix socket; time is turned by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ui_fake_lane import FakeLane, held, idle
from ui_hands import Hands, eventually

from appliance.control.client import HEARTBEAT_S, SILENCE_S, LaneClient, LaneUnreachable
from appliance.control.messages import OfficerRequest, ServiceRequest

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def running(path: Path, hands: Hands, *, answer_s: float = 4.0) -> AsyncIterator[LaneClient]:
    client = LaneClient(path, console="test", clock=hands.clock, sleep=hands.sleep, answer_s=answer_s)
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def serving(path: Path, snapshot=None) -> AsyncIterator[FakeLane]:
    lane = FakeLane(path, snapshot or idle())
    await lane.start()
    try:
        yield lane
    finally:
        await lane.stop()


def request(number: int = 1) -> OfficerRequest:
    return OfficerRequest(
        request_id=f"r{number}", passage_id="p-1", action="refuse", officer="jo", reason="Wears a mask"
    )


async def test_says_hello_shows_the_lane_and_follows_it(tmp_path: Path) -> None:
    hands = Hands()
    async with serving(tmp_path / "lane.sock") as lane, running(lane.path, hands) as client:
        await eventually(lambda: client.state.reachable)
        assert client.state.snapshot == lane.snapshot
        await eventually(lambda: len(lane.requests) >= 2)
        assert lane.requests[0] == {"kind": "hello", "console": "test", "guard": True}
        assert lane.requests[1] == {"kind": "heartbeat", "watching": False}
        lane.show(held())
        await eventually(lambda: client.state.snapshot.revision == 2)


async def test_heartbeats_every_two_seconds_and_at_once_when_a_guard_comes(tmp_path: Path) -> None:
    hands = Hands()
    async with serving(tmp_path / "lane.sock") as lane, running(lane.path, hands) as client:
        await eventually(lambda: client.state.reachable and hands.waiting() == [HEARTBEAT_S])
        client.watch(True)
        await eventually(lambda: lane.heard("heartbeat")[-1]["watching"] is True)
        for count in range(3, 6):
            hands.advance(HEARTBEAT_S)
            await eventually(lambda count=count: len(lane.heard("heartbeat")) == count)


async def test_a_lane_that_goes_away_is_unreachable_at_once_and_comes_back(tmp_path: Path) -> None:
    hands = Hands()
    async with serving(tmp_path / "lane.sock") as lane, running(lane.path, hands) as client:
        await eventually(lambda: client.state.reachable)
        await lane.stop()
        await eventually(lambda: not client.state.reachable)
        assert "closed the connection" in client.state.problem
        assert client.state.snapshot is not None, "the last state stays known"
        await eventually(lambda: hands.waiting() == [0.1])
        hands.advance(0.1)
        await eventually(lambda: hands.waiting() == [0.2])
        assert "cannot connect" in client.state.problem
        await lane.start()
        hands.advance(0.2)
        await eventually(lambda: client.state.reachable)


async def test_tries_again_ever_more_slowly_up_to_two_seconds(tmp_path: Path) -> None:
    hands, pauses = Hands(), []
    async with running(tmp_path / "nothing.sock", hands):
        for _ in range(7):
            await eventually(lambda: len(hands.waiting()) == 1)
            pauses.append(hands.waiting()[0])
            hands.advance(pauses[-1])
            await eventually(lambda: hands.waiting() != [0.0])
    assert pauses == [0.1, 0.2, 0.5, 1.0, 2.0, 2.0, 2.0]


async def test_a_lane_that_hangs_with_its_socket_open_is_noticed(tmp_path: Path) -> None:
    hands = Hands()
    async with serving(tmp_path / "lane.sock") as lane, running(lane.path, hands) as client:
        await eventually(lambda: client.state.reachable and hands.waiting())
        lane.silent = True
        for _ in range(int(SILENCE_S / HEARTBEAT_S) + 1):
            assert client.state.reachable
            beats = len(lane.heard("heartbeat"))
            hands.advance(HEARTBEAT_S)
            await eventually(lambda beats=beats: not client.state.reachable or len(lane.heard("heartbeat")) > beats)
        assert not client.state.reachable
        assert client.state.problem == "the lane is connected but silent"


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (b"\xff\xff\xff\xff", "exceeds the limit"),
        (b"\x00\x00\x00\x05hello\x00\x00\x00\x00", "not JSON"),
        (b"\x00\x00\x00\x02[]\x00\x00\x00\x00", "not a JSON object"),
        (b'\x00\x00\x00\x0f{"kind":"snaps"}\x00\x00\x00\x00'[:23], "connection broke"),
        (b'\x00\x00\x00\x10{"kind":"reply"}\x00\x00\x00\x00', "another version of the protocol"),
        (b"\x00\x00", "closed"),
    ],
)
async def test_garbage_from_a_lane_makes_it_unreachable_not_the_console_dead(
    tmp_path: Path, noise: bytes, words: str
) -> None:
    hands, connections = Hands(), []

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        writer.write(noise)
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(babble, str(tmp_path / "lane.sock"))
    try:
        async with running(tmp_path / "lane.sock", hands) as client:
            await eventually(lambda: words in client.state.problem)
            assert not client.state.reachable
            await eventually(lambda: 0.1 in hands.waiting())
            hands.advance(0.1)
            await eventually(lambda: len(connections) == 2)
    finally:
        server.close()
        await server.wait_closed()


async def test_decisions_and_service_reach_the_lane_and_its_answer_comes_back(tmp_path: Path) -> None:
    hands = Hands()
    async with serving(tmp_path / "lane.sock", held()) as lane, running(lane.path, hands) as client:
        await eventually(lambda: client.state.reachable)
        lane.answer = lambda said: (said["kind"] == "service", "too late")
        refused = await client.decide(request())
        assert (refused.accepted, refused.message) == (False, "too late")
        order = ServiceRequest(request_id="s1", in_service=False, officer="jo", reason="cleaning")
        assert (await client.service(order)).accepted
        assert lane.heard("decide")[0]["reason"] == "Wears a mask"


async def test_answers_out_of_order_and_unasked_for_go_to_the_right_place(tmp_path: Path) -> None:
    hands = Hands()
    async with serving(tmp_path / "lane.sock", held()) as lane, running(lane.path, hands) as client:
        await eventually(lambda: client.state.reachable)
        lane.answer = lambda _said: None
        first, second = asyncio.create_task(client.decide(request(1))), asyncio.create_task(client.decide(request(2)))
        await eventually(lambda: len(lane.heard("decide")) == 2)
        for number in ("nobody", "r2", "r1"):
            for writer in lane._writers:
                lane._say(writer, {"kind": "reply", "request_id": number, "accepted": True, "message": number})
        assert ((await first).message, (await second).message) == ("r1", "r2")


async def test_a_request_fails_when_the_lane_is_lost_or_mute_and_is_never_sent_twice(tmp_path: Path) -> None:
    hands = Hands()
    async with serving(tmp_path / "lane.sock", held()) as lane, running(lane.path, hands, answer_s=0.05) as client:
        with pytest.raises(LaneUnreachable, match="not connected yet"):
            await client.decide(request())
        await eventually(lambda: client.state.reachable)
        lane.answer = lambda _said: None
        with pytest.raises(LaneUnreachable, match="did not answer within"):
            await client.decide(request())
        client._answer_s = 5.0
        pending = asyncio.create_task(client.decide(request(2)))
        await eventually(lambda: len(lane.heard("decide")) == 2)
        await lane.stop()
        with pytest.raises(LaneUnreachable, match="whether the lane acted on the request is unknown"):
            await pending
        await lane.start()
        await eventually(lambda: hands.waiting())
        hands.advance(0.1)
        await eventually(lambda: client.state.reachable)
        assert len(lane.heard("decide")) == 2


async def test_images_come_with_their_type_and_missing_ones_are_empty(tmp_path: Path) -> None:
    hands = Hands()
    async with serving(tmp_path / "lane.sock", held()) as lane, running(lane.path, hands) as client:
        await eventually(lambda: client.state.reachable)
        data, media_type = await client.image("p-1", "portrait")
        assert (data[:2], media_type) == (b"\xff\xd8", "image/jpeg")
        assert await client.image("p-0", "portrait") == (b"", "")


async def test_a_slow_subscriber_gets_the_newest_state_only(tmp_path: Path) -> None:
    hands = Hands()
    async with serving(tmp_path / "lane.sock") as lane, running(lane.path, hands) as client:
        await eventually(lambda: client.state.reachable)
        states = client.states()
        assert (await anext(states)).snapshot.revision == 1
        for revision in range(2, 9):
            lane.show(held(revision=revision))
        await eventually(lambda: client.state.snapshot.revision == 8)
        assert (await anext(states)).snapshot.revision == 8
        await states.aclose()
        assert client._listeners == set()
