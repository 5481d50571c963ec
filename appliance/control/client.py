"""The console's end of the control socket: one lane, kept connected.

Not responsible for who may ask what (the console's accounts) nor for what the lane grants (the lane itself).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from appliance.clock import Clock
from appliance.control.history import HistoryReply, HistoryRequest, LaneSays, Question
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

HEARTBEAT_S = 2.0
# Three heartbeats without a word: the lane hangs, even if its socket is still open.
SILENCE_S = 6.0
ANSWER_S = 4.0
# Shorter than a page waits for the console (8 s), longer than a lane lets a question take (5 s).
HISTORY_S = 7.0
_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
Answered = Reply | ImageReply | HistoryReply
_LANE_SAYS: TypeAdapter[LaneSnapshot | WatchSnapshot | Answered] = TypeAdapter(LaneSays)

Sleep = Callable[[float], Awaitable[None]]


class LaneUnreachable(Exception):
    """The lane did not answer. Whether it acted on the request is unknown; look at the lane."""


class _LinkLost(Exception):
    """The connection ended; the text says why."""


@dataclass(frozen=True, slots=True)
class LaneState:
    """What the console knows of a lane now. `snapshot` is the last one seen, also while `reachable` is False; `watch`
    is there in its place when it is no lane but a post that only watches.
    """

    reachable: bool
    since: datetime
    problem: str
    snapshot: LaneSnapshot | None
    watch: WatchSnapshot | None = None


class LaneClient:
    """Keeps one connection to a lane's control socket; run `run()` as a task for as long as the console lives."""

    def __init__(
        self,
        socket_path: Path,
        *,
        console: str,
        clock: Clock,
        guard: bool = True,
        sleep: Sleep = asyncio.sleep,
        answer_s: float = ANSWER_S,
    ) -> None:
        self.socket_path = socket_path
        self._hello = Hello(console=console, guard=guard)
        self._clock = clock
        self._sleep = sleep
        self._answer_s = answer_s
        self._state = LaneState(False, clock.now(), "not connected yet", None)
        self._listeners: set[asyncio.Event] = set()
        self._writer: asyncio.StreamWriter | None = None
        self._pending: dict[str, asyncio.Future[tuple[Answered, tuple[bytes, ...]]]] = {}
        self._numbers = count(1)
        self._heard = 0.0
        self._watching = False

    @property
    def state(self) -> LaneState:
        """The latest state."""
        return self._state

    @contextmanager
    def changes(self, event: asyncio.Event) -> Iterator[None]:
        """Set `event` at every change of `state` inside the block; one event may serve several lanes."""
        self._listeners.add(event)
        try:
            yield
        finally:
            self._listeners.discard(event)

    async def states(self) -> AsyncIterator[LaneState]:
        """The present state, then the newest after each change; states a slow reader missed are skipped."""
        event = asyncio.Event()
        with self.changes(event):
            while True:
                event.clear()
                yield self._state
                await event.wait()

    def watch(self, watching: bool) -> None:
        """Tell the lane, now and with every heartbeat, whether a logged-in guard has the page open."""
        if watching != self._watching:
            self._watching = watching
            self._send(Heartbeat(watching=watching))

    async def decide(self, request: OfficerRequest) -> Reply:
        """Ask the lane to act on an officer's decision. Raises LaneUnreachable when no answer came."""
        return await self._reply(request, request.request_id)

    async def service(self, request: ServiceRequest) -> Reply:
        """Ask the lane to leave or resume service. Raises LaneUnreachable when no answer came."""
        return await self._reply(request, request.request_id)

    async def block(self, request: BlockRequest) -> Reply:
        """Ask the lane to let no new passage start, or to let them. Raises LaneUnreachable when no answer came."""
        return await self._reply(request, request.request_id)

    async def acknowledge(self, request: AcknowledgeRequest) -> Reply:
        """Tell a post that an officer has seen an alert. Raises LaneUnreachable when no answer came."""
        return await self._reply(request, request.request_id)

    async def hand_over(self, request: HandOverRequest) -> Reply:
        """Have the lane journal that another officer watches it. Raises LaneUnreachable when no answer came."""
        return await self._reply(request, request.request_id)

    async def setup(self, request: SetupRequest) -> Reply:
        """Have the lane test itself or show what it sees. Raises LaneUnreachable when no answer came."""
        return await self._reply(request, request.request_id)

    async def image(self, passage_id: str, channel: str) -> tuple[bytes, str]:
        """Encoded image and its media type; no bytes when the lane has no such image (any more)."""
        request = ImageRequest(request_id=f"image-{next(self._numbers)}", passage_id=passage_id, channel=channel)
        header, blobs = await self._ask(request, request.request_id)
        if not isinstance(header, ImageReply):
            raise LaneUnreachable("the lane answered an image request with something else")
        return (blobs[0] if blobs else b""), header.media_type

    async def history(self, question: Question) -> HistoryReply:
        """Ask the lane about what is past. Raises LaneUnreachable when no answer came."""
        request = HistoryRequest(request_id=f"history-{next(self._numbers)}", question=question)
        header, _ = await self._ask(request, request.request_id, within_s=HISTORY_S)
        if not isinstance(header, HistoryReply):
            raise LaneUnreachable("the lane answered a question with something else")
        return header

    async def run(self) -> None:
        """Connect, listen, reconnect; ends only by cancellation."""
        attempt = 0
        while True:
            try:
                reader, self._writer = await asyncio.open_unix_connection(str(self.socket_path))
            except OSError as error:
                self._lost(f"cannot connect to {self.socket_path}: {error.strerror or error}")
            else:
                self._heard = self._clock.monotonic()
                problem = await self._converse(reader)
                attempt = 0 if self._state.reachable else attempt
                self._lost(problem)
            await self._sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
            attempt += 1

    async def _converse(self, reader: asyncio.StreamReader) -> str:
        """One connection until it ends; returns why."""
        self._send(self._hello)
        tasks = {asyncio.ensure_future(self._listen(reader)), asyncio.ensure_future(self._beat())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()
        reasons = [result for result in results if not isinstance(result, asyncio.CancelledError)]
        for reason in reasons:
            if isinstance(reason, BaseException) and not isinstance(reason, _LinkLost):
                raise reason
        return str(reasons[0])

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                message = await receive(reader)
                if message is None:
                    raise _LinkLost("the lane closed the connection")
                header = _LANE_SAYS.validate_python(message.header, strict=False)
            except (WireError, OSError) as error:
                raise _LinkLost(f"the connection broke: {error}") from error
            except ValidationError as error:
                raise _LinkLost(
                    f"the lane speaks another version of the protocol ({error.error_count()} fields do not fit);"
                    " install the same release on lane and console"
                ) from error
            self._heard = self._clock.monotonic()
            if isinstance(header, LaneSnapshot | WatchSnapshot):
                self._show(header)
            elif (future := self._pending.pop(header.request_id, None)) is not None and not future.done():
                future.set_result((header, message.blobs))

    async def _beat(self) -> None:
        while True:
            self._send(Heartbeat(watching=self._watching))
            await self._sleep(HEARTBEAT_S)
            if self._clock.monotonic() - self._heard > SILENCE_S:
                raise _LinkLost("the lane is connected but silent")

    async def _reply(self, request: BaseModel, request_id: str) -> Reply:
        header, _ = await self._ask(request, request_id)
        if not isinstance(header, Reply):
            raise LaneUnreachable("the lane answered a request with something else")
        return header

    async def _ask(
        self, request: BaseModel, request_id: str, *, within_s: float | None = None
    ) -> tuple[Answered, tuple[bytes, ...]]:
        if not self._state.reachable or self._writer is None:
            raise LaneUnreachable(self._state.problem or "the lane is not connected")
        future = asyncio.get_running_loop().create_future()
        self._pending[request_id] = future
        within_s = self._answer_s if within_s is None else within_s
        try:
            async with asyncio.timeout(within_s):
                self._send(request)
                answer: tuple[Answered, tuple[bytes, ...]] = await future
                return answer
        except TimeoutError as error:
            raise LaneUnreachable(f"the lane did not answer within {within_s:g} s") from error
        finally:
            self._pending.pop(request_id, None)

    def _send(self, message: BaseModel) -> None:
        """Queue one message; a broken pipe shows at the reader, so it is no error here."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(Message(message.model_dump(mode="json")).encode())

    def _show(self, seen: LaneSnapshot | WatchSnapshot) -> None:
        previous = self._state
        since = previous.since if previous.reachable else self._clock.now()
        lane, watch = (seen, None) if isinstance(seen, LaneSnapshot) else (None, seen)
        self._set(LaneState(True, since, "", lane, watch))

    def _lost(self, problem: str) -> None:
        since = self._clock.now() if self._state.reachable else self._state.since
        self._set(LaneState(False, since, problem, self._state.snapshot, self._state.watch))
        for future in self._pending.values():
            if not future.done():
                future.set_exception(LaneUnreachable(f"{problem}; whether the lane acted on the request is unknown"))
        self._pending.clear()

    def _set(self, state: LaneState) -> None:
        if state != self._state:
            self._state = state
            for event in self._listeners:
                event.set()

    async def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
