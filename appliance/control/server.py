"""The lane's end of the control socket: pushes snapshots, takes officers' requests, hands out images.

It decides nothing: requests go to the lane, whose answer goes back. The socket is a file readable by the lane's own
user and group only; who may log in at a console is the console's business.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, TypeAdapter, ValidationError

from appliance.clock import Clock
from appliance.control.history import Answer, ConsoleSays, HistoryReply, HistoryRequest, Question
from appliance.control.messages import (
    AcknowledgeRequest,
    BlockRequest,
    HandOverRequest,
    Heartbeat,
    Hello,
    ImageReply,
    ImageRequest,
    LaneSnapshot,
    OfficerRequest,
    Reply,
    ServiceRequest,
    WatchSnapshot,
)
from appliance.control.setup import SetupRequest
from appliance.wire import Message, WireError, receive

WATCH_S = 5.0
"""A console that has not said "watching" for this long does not count as a guard (field requirement 16)."""
REPEAT_S = 2.0
"""An unchanged snapshot is sent again this often, so that a console can tell a quiet lane from a dead one."""
MAX_CONSOLES = 16
MAX_QUESTIONS = 4
"""Questions about the past a console may have open; officers' requests never wait behind them."""

_log = logging.getLogger(__name__)
_CONSOLE_SAYS: TypeAdapter[BaseModel] = TypeAdapter(ConsoleSays)


class SocketBusy(Exception):
    """Another controller answers on the control socket."""


class LaneFace(Protocol):
    """What the server needs of the lane, or of a post that only watches."""

    def snapshot(self) -> LaneSnapshot | WatchSnapshot:
        """The lane as it is now."""
        ...

    def image(self, passage_id: str, channel: str) -> tuple[bytes, str] | None:
        """Encoded image and media type, or None."""
        ...

    async def decide(self, request: OfficerRequest) -> Reply:
        """Carry out an officer's decision or say why not."""
        ...

    async def service(self, request: ServiceRequest) -> Reply:
        """Take the lane out of service or put it back."""
        ...

    async def block(self, request: BlockRequest) -> Reply:
        """Let no new passage start, or let them start again."""
        ...


@dataclass(eq=False)
class _Console:
    writer: asyncio.StreamWriter
    task: asyncio.Task[None]
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    guard: bool = False
    watched_at: float | None = None
    questions: set[asyncio.Task[None]] = field(default_factory=set)


class ControlServer:
    """Serves one lane. `on_watch` is told how many guards watch, whenever that may have changed.

    `acknowledge` takes what an officer has seen; a lane raises no alerts and has none. `hand_over` journals a change of
    the officer at the station. `history` answers what is asked of the past, or says in words why not; it never raises.
    `setup` takes a maintainer's orders.
    """

    def __init__(
        self,
        path: Path,
        lane: LaneFace,
        clock: Clock,
        on_watch: Callable[[int], None],
        acknowledge: Callable[[AcknowledgeRequest], Awaitable[Reply]] | None = None,
        hand_over: Callable[[HandOverRequest], Awaitable[Reply]] | None = None,
        history: Callable[[Question], Awaitable[Answer | str]] | None = None,
        setup: Callable[[SetupRequest], Awaitable[Reply]] | None = None,
    ) -> None:
        self._path, self._lane, self._clock, self._on_watch = path, lane, clock, on_watch
        self._acknowledge = acknowledge or _no_alerts
        self._hand_over = hand_over or _no_journal
        self._history = history or _no_history
        self._setup = setup or _no_setup
        self._consoles: set[_Console] = set()

    def changed(self) -> None:
        """The snapshot has changed: every console gets the newest, in its own time."""
        for console in self._consoles:
            console.changed.set()

    @property
    def watchers(self) -> int:
        """Guards who have the lane in view now."""
        now = self._clock.monotonic()
        return sum(c.watched_at is not None and now - c.watched_at <= WATCH_S for c in self._consoles)

    async def run(self) -> None:
        """Serve until cancelled. Raises SocketBusy when another controller already does."""
        await self._claim()
        server = await asyncio.start_unix_server(self._serve, str(self._path))
        self._path.chmod(0o660)
        try:
            while True:
                self._on_watch(self.watchers)
                await asyncio.sleep(WATCH_S / 5)
        finally:
            server.close()
            serving = [console.task for console in self._consoles]
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
            await server.wait_closed()
            with suppress(FileNotFoundError):
                self._path.unlink()

    async def _claim(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SocketBusy(f"{self._path.parent} is no folder for the control socket: {error.strerror}") from error
        if len(os.fsencode(self._path)) > 100:
            raise SocketBusy(f"the path of the control socket is too long for a Unix socket: {self._path}")
        if self._path.exists() and not self._path.is_socket():
            raise SocketBusy(f"{self._path} is no socket; remove it, or name another control_socket")
        try:
            _, writer = await asyncio.open_unix_connection(str(self._path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            self._path.unlink(missing_ok=True)
            return
        except OSError as error:
            # Not refused, so somebody may listen there: another user's, or a controller that is too busy to answer.
            raise SocketBusy(f"{self._path} cannot be taken over: {error.strerror}; stop what listens there") from error
        writer.close()
        raise SocketBusy(f"another controller already answers on {self._path}; stop it first")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        console = _Console(writer, task)
        if len(self._consoles) >= MAX_CONSOLES:
            writer.close()
            return
        self._consoles.add(console)
        pusher = asyncio.create_task(self._push(console), name="control-push")
        try:
            while (message := await receive(reader, max_blobs=0)) is not None:
                await self._take(console, message)
        except (WireError, ValidationError) as error:
            _log.warning("a console broke the protocol and was disconnected: %s", str(error).splitlines()[0])
        except (OSError, asyncio.CancelledError):
            # Only `run` cancels, at its end; asyncio's streams report a handler that ends as cancelled as an error.
            pass
        finally:
            self._consoles.discard(console)
            beside = [pusher, *console.questions]
            for other in beside:
                other.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            # Not `close`: that would wait for a console that does not read.
            writer.transport.abort()
            self._on_watch(self.watchers)

    async def _push(self, console: _Console) -> None:
        with suppress(OSError):
            while True:
                console.changed.clear()
                await self._send(console, self._lane.snapshot())
                with suppress(TimeoutError):
                    async with asyncio.timeout(REPEAT_S):
                        await console.changed.wait()

    async def _take(self, console: _Console, message: Message) -> None:
        match _CONSOLE_SAYS.validate_python(message.header, strict=False):
            case Hello(guard=guard):
                console.guard = guard
            case Heartbeat(watching=watching):
                console.watched_at = self._clock.monotonic() if watching and console.guard else None
                console.changed.set()  # every heartbeat is answered: silence means a dead lane
                self._on_watch(self.watchers)
            case OfficerRequest() as request:
                await self._send(console, await self._lane.decide(request))
            case ServiceRequest() as request:
                await self._send(console, await self._lane.service(request))
            case BlockRequest() as request:
                await self._send(console, await self._lane.block(request))
            case AcknowledgeRequest() as request:
                await self._send(console, await self._acknowledge(request))
            case HandOverRequest() as request:
                await self._send(console, await self._hand_over(request))
            case SetupRequest() as request:
                await self._send(console, await self._setup(request))
            case ImageRequest() as request:
                data, media = self._lane.image(request.passage_id, request.channel) or (b"", "")
                reply = ImageReply(request_id=request.request_id, media_type=media)
                await self._send(console, reply, data)
            case HistoryRequest() as request if len(console.questions) < MAX_QUESTIONS:
                asked = asyncio.create_task(self._recall(console, request), name="control-history")
                console.questions.add(asked)
                asked.add_done_callback(console.questions.discard)
            case HistoryRequest() as request:
                busy = "This lane is still answering other questions of this console: ask again in a moment."
                await self._send(console, HistoryReply(request_id=request.request_id, problem=busy))

    async def _recall(self, console: _Console, request: HistoryRequest) -> None:
        found = await self._history(request.question)
        answer, problem = (None, found) if isinstance(found, str) else (found, "")
        with suppress(OSError):
            await self._send(console, HistoryReply(request_id=request.request_id, answer=answer, problem=problem))

    async def _send(self, console: _Console, message: BaseModel, *blobs: bytes) -> None:
        console.writer.write(Message(message.model_dump(mode="json"), blobs).encode())
        await console.writer.drain()


async def _no_alerts(request: AcknowledgeRequest) -> Reply:
    return Reply(request_id=request.request_id, accepted=False, message="a lane raises no alerts")


async def _no_journal(request: HandOverRequest) -> Reply:
    return Reply(request_id=request.request_id, accepted=False, message="there is no journal here")


async def _no_setup(request: SetupRequest) -> Reply:
    return Reply(request_id=request.request_id, accepted=False, message="there is nothing to set up here")


async def _no_history(_question: Question) -> str:
    return "Nothing is kept here that could be asked for."
