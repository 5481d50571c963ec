"""Questions about the past beside what a lane is for: they never hold up an officer, and end with their console."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from control_stage import Stage

from appliance.control.client import LaneClient
from appliance.control.history import ClaimsQuestion, Question, VerifyQuestion, VerifyState
from appliance.control.server import MAX_QUESTIONS, ControlServer

pytestmark = pytest.mark.anyio

IDLE = VerifyState(running=False, started=None, ended=None, intact=None, words="")


class Memory:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.asked: list[Question] = []
        self.broken_off = 0

    async def answer(self, question: Question) -> VerifyState | str:
        self.asked.append(question)
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        return IDLE if isinstance(question, VerifyQuestion) else "Nothing is known of that."


class Remembering(Stage):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.memory = Memory()
        self.server = ControlServer(path, self.lane, self.clock, self.watched.append, history=self.memory.answer)


@pytest.fixture
async def stage(tmp_path: Path) -> Any:
    it = Remembering(tmp_path / "lane.sock")
    running = asyncio.create_task(it.server.run())
    yield it
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not [task for task in asyncio.all_tasks() if "ControlServer" in str(task.get_coro())]
    for console in it.consoles:
        await console.close()


DECISION = {
    "kind": "decide",
    "request_id": "d",
    "passage_id": "p",
    "action": "admit",
    "officer": "o.sipka",
    "reason": "seen by eye",
}


async def test_an_officer_is_heard_while_the_past_is_searched(stage: Remembering) -> None:
    console = await stage.guard()
    console.say(kind="history", request_id="q", question={"about": "verify"})
    console.say(**DECISION)
    reply = await console.hear("reply")
    assert reply.header["request_id"] == "d"
    assert len(stage.memory.asked) == 1
    stage.memory.let.set()
    answer = (await console.hear("history_reply")).header
    assert (answer["request_id"], answer["answer"]["about"], answer["problem"]) == ("q", "verify", "")


async def test_more_questions_than_a_console_may_have_are_refused_at_once(stage: Remembering) -> None:
    console = await stage.guard()
    for number in range(MAX_QUESTIONS + 1):
        console.say(kind="history", request_id=f"q{number}", question={"about": "claims"})
    refused = (await console.hear("history_reply")).header
    assert (refused["request_id"], refused["answer"]) == (f"q{MAX_QUESTIONS}", None)
    assert "ask again" in refused["problem"]
    stage.memory.let.set()
    assert (await console.hear("history_reply")).header["problem"] == "Nothing is known of that."


async def test_a_question_ends_with_its_console(stage: Remembering) -> None:
    console = await stage.guard()
    console.say(kind="history", request_id="q", question={"about": "claims"})
    await stage.settled(console)
    await console.close()
    async with asyncio.timeout(5):
        while not stage.memory.broken_off:  # noqa: ASYNC110 - what is awaited lies beyond a socket
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    "question",
    [
        {"about": "everything"},
        {"about": "passages", "limit": 1000},
        {"about": "journal", "before": -1},
        {"about": "verify", "start": True, "expect": "$(reboot)"},
        {"about": "statistics", "since": "2026-11-23T00:00:00", "until": "2026-11-24T00:00:00"},
    ],
)
async def test_who_asks_what_is_no_question_is_hung_up_on(stage: Remembering, question: dict[str, Any]) -> None:
    console = await stage.guard()
    console.say(kind="history", request_id="q", question=question)
    assert await console.hung_up()
    assert stage.memory.asked == []


async def test_the_client_gets_answer_and_refusal(stage: Remembering) -> None:
    stage.memory.let.set()
    client = LaneClient(stage.path, console="desk", clock=stage.clock)
    running = asyncio.create_task(client.run())
    async with asyncio.timeout(5):
        async for state in client.states():
            if state.reachable:
                break
    assert (await client.history(VerifyQuestion())).answer == IDLE
    assert (await client.history(ClaimsQuestion())).problem == "Nothing is known of that."
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
