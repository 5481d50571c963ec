"""Pumps one protocol over one transport: a request at a time, urgent ones first, the line drained after a time-out.

Runs in the task that asks; there is no task behind it, so an idle line costs nothing. A lost line ends the session:
the owner closes it and makes a new one. Nothing is ever sent twice. Not here: bytes (protocol), ports (transport).
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from drivers.errors import Disconnected, NoResponse, RemoteProtocolError
from drivers.transport import Transport

RequestT = TypeVar("RequestT")
ReplyT = TypeVar("ReplyT")
ReplyT_co = TypeVar("ReplyT_co", covariant=True)

_DRAIN_LIMIT = 4


class ClientProtocol(Protocol[RequestT, ReplyT_co]):
    """The client end of a wire protocol, free of input, output and time."""

    def spacer(self, request: RequestT) -> RequestT | None:
        """A harmless request that must go first so that a late reply cannot fit, or None."""
        ...

    def send(self, request: RequestT) -> bytes:
        """Begin a request and give its bytes."""
        ...

    def receive(self, data: bytes) -> ReplyT_co | None:
        """Feed what came; the reply once it is whole and fits."""
        ...

    def silence(self) -> None:
        """The line fell silent inside a frame."""
        ...

    @property
    def pending(self) -> bool:
        """True while part of a frame is in hand."""
        ...

    def abandon(self) -> str | None:
        """Give the open request up; says what came instead of its reply, None when nothing came."""
        ...

    def unasked(self, data: bytes) -> bool:
        """Whether bytes that came while nothing was asked hold a whole frame, not mere noise."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `reply_s`: a reply later than this is lost. `max_latency_s`: later than this none can still arrive.
    `quiet_s`: silence kept before a request. `gap_s`: silence inside a frame that ends it (above an adapter's 16 ms).
    """

    reply_s: float = 0.15
    max_latency_s: float = 0.5
    quiet_s: float = 0.0
    gap_s: float = 0.025


class _Turns:
    """Who may use the line: one at a time, the urgent before the rest, each group in order of asking."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    async def take(self, urgent: bool) -> None:
        if not self._taken:
            self._taken = True
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, next(self._count), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            raise

    def give(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False


class Session(Generic[RequestT, ReplyT]):
    """The conversation with one device over one open transport."""

    def __init__(
        self,
        device: str,
        transport: Transport,
        protocol: ClientProtocol[RequestT, ReplyT],
        *,
        timing: Timing,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.device = device
        self.noise = 0
        self._transport = transport
        self._protocol = protocol
        self._timing = timing
        self._monotonic = monotonic
        self._turns = _Turns()
        self._last_byte = float("-inf")
        self._quarantined_at: float | None = None
        self._lost: str | None = None

    async def request(self, request: RequestT, *, urgent: bool = False, expires_s: float = 1.0) -> ReplyT:
        """Send one request and return its reply. One that cannot be sent within `expires_s` is dropped unsent.

        Raises NoResponse (silence, or never sent), RemoteProtocolError (something else came), WriteTimeout,
        Disconnected. After any of them, and after a cancellation, the line is drained before the next request.
        """
        due = self._monotonic() + expires_s
        await self._turns.take(urgent)
        try:
            await self._settle(due)
            spacer = self._protocol.spacer(request)
            if spacer is not None:
                await self._exchange(spacer)
            if self._monotonic() > due:
                raise self._unsent()
            return await self._exchange(request)
        finally:
            self._turns.give()

    def close(self) -> None:
        """End the session and give the transport up. Never raises."""
        self._lost = self._lost or "the session is closed"
        self._transport.close()

    def _unsent(self) -> NoResponse:
        return NoResponse(self.device, "the line was not free in time; the request was dropped, nothing was sent")

    async def _settle(self, due: float) -> None:
        """Wait the quarantine out: after a failed request nothing is sent until no reply to it can arrive."""
        if self._lost is not None:
            raise Disconnected(self.device, self._lost)
        if self._quarantined_at is None:
            return
        end = self._quarantined_at + self._timing.max_latency_s
        limit = end + _DRAIN_LIMIT * self._timing.max_latency_s
        while True:
            now = self._monotonic()
            left = max(end, self._last_byte + self._timing.quiet_s) - now
            if left <= 0:
                break
            if now + left > due:
                raise self._unsent()
            if now > limit:
                raise RemoteProtocolError(
                    self.device, "the line never falls silent; look for a second controller or a broken adapter"
                )
            self._note_noise(len(await self._read(left)))
        self._quarantined_at = None

    async def _exchange(self, request: RequestT) -> ReplyT:
        settled = False
        try:
            await self._refuse_unasked()
            await self._keep_quiet()
            try:
                await self._transport.write(self._protocol.send(request))
            except Disconnected as error:
                self._lost = error.message
                raise
            reply = await self._await_reply()
            settled = True
            return reply
        finally:
            if not settled:
                self._protocol.abandon()
                self._quarantined_at = self._monotonic()

    async def _refuse_unasked(self) -> None:
        """A frame between two requests means that the last reply may have been another's: the line must be drained."""
        data = await self._read(0.0)
        self._note_noise(len(data) + self._transport.discard())
        if self._protocol.unasked(data):
            raise RemoteProtocolError(
                self.device,
                f"a frame came that nobody asked for ({data[:16].hex(' ')}): a reply too many, or a second controller",
            )

    async def _keep_quiet(self) -> None:
        left = self._last_byte + self._timing.quiet_s - self._monotonic()
        if left > 0:
            await asyncio.sleep(left)
            self.noise += self._transport.discard()

    async def _await_reply(self) -> ReplyT:
        deadline = self._monotonic() + self._timing.reply_s
        while (left := deadline - self._monotonic()) > 0:
            data = await self._read(min(left, self._timing.gap_s) if self._protocol.pending else left)
            if not data:
                self._protocol.silence()
                continue
            self._last_byte = self._monotonic()
            reply = self._protocol.receive(data)
            if reply is not None:
                return reply
        reason = self._protocol.abandon()
        if reason is not None:
            raise RemoteProtocolError(self.device, f"no fitting reply: {reason}")
        raise NoResponse(self.device, f"silent for {self._timing.reply_s} s; check power, cable, unit and baud rate")

    async def _read(self, timeout_s: float) -> bytes:
        try:
            return await self._transport.read(timeout_s)
        except Disconnected as error:
            self._lost = error.message
            raise

    def _note_noise(self, count: int) -> None:
        """Count bytes nobody asked for: late replies, line noise, a second controller."""
        if count:
            self.noise += count
            self._last_byte = self._monotonic()
