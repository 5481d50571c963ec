"""A served lane that records, and consoles with their hands on the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.clock import ManualClock
from appliance.control.messages import LaneSnapshot, OfficerRequest, Reply, ServiceRequest
from appliance.control.server import ControlServer
from appliance.wire import Message, receive


def snapshot(revision: int, at: datetime, filler: str = "") -> LaneSnapshot:
    return LaneSnapshot(
        lane_id="E-07",
        revision=revision,
        at=at,
        simulated=True,
        topology="mantrap",
        phase="Ready",
        phase_since=at,
        phase_ends=None,
        step="present_document",
        in_service=True,
        doors=(),
        occupied=False,
        faults=(),
        passage=None,
        pack=None,
        journal_sequence=revision,
        evidence_label=filler,
    )


class RecordingLane:
    """What the server needs of a lane; keeps what it was asked."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.revision, self.filler = clock, 1, ""
        self.asked: list[OfficerRequest | ServiceRequest] = []
        self.held = asyncio.Event()
        self.held.set()

    def snapshot(self) -> LaneSnapshot:
        return snapshot(self.revision, self.clock.now(), self.filler)

    def image(self, passage_id: str, channel: str) -> tuple[bytes, str] | None:
        return (b"\xff\xd8picture", "image/jpeg") if (passage_id, channel) == ("p-1", "rgb") else None

    async def decide(self, request: OfficerRequest) -> Reply:
        self.asked.append(request)
        await self.held.wait()
        return Reply(request_id=request.request_id, accepted=request.action == "refuse", message="as asked")

    async def service(self, request: ServiceRequest) -> Reply:
        self.asked.append(request)
        return Reply(request_id=request.request_id, accepted=True)


class Console:
    """A console with its hands on the wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, **header: Any) -> None:
        self.writer.write(Message(header).encode())

    async def hear(self, kind: str) -> Message:
        async with asyncio.timeout(5):
            while True:
                message = await receive(self.reader)
                assert message is not None, "hung up"
                if message.header["kind"] == kind:
                    return message

    async def hung_up(self) -> bool:
        async with asyncio.timeout(5):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass
            return True

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)


class Stage:
    """A served lane and its consoles."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, ManualClock()
        self.lane = RecordingLane(self.clock)
        self.watched: list[int] = []
        self.server = ControlServer(path, self.lane, self.clock, self.watched.append)
        self.consoles: list[Console] = []

    async def console(self) -> Console:
        for _ in range(200):
            try:
                self.consoles.append(Console(*await asyncio.open_unix_connection(str(self.path))))
                return self.consoles[-1]
            except OSError:
                await asyncio.sleep(0.005)
        raise AssertionError("nobody listens")

    async def guard(self, watching: bool = True) -> Console:
        console = await self.console()
        console.say(kind="hello", console="desk", guard=True)
        console.say(kind="heartbeat", watching=watching)
        await console.hear("snapshot")
        await self.settled(console)
        return console

    async def settled(self, console: Console) -> None:
        """Return once everything said before has been taken."""
        console.say(kind="image", request_id="settled", passage_id="", channel="")
        await console.hear("image_reply")


@asynccontextmanager
async def served(path: Path) -> AsyncIterator[Stage]:
    stage = Stage(path)
    running = asyncio.create_task(stage.server.run())
    try:
        yield stage
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        left = [task for task in asyncio.all_tasks() if "ControlServer" in str(task.get_coro())]
        assert not left, "a task of the server is left over"
        for console in stage.consoles:
            await console.close()
