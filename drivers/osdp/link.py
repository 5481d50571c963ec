"""One device on one OSDP line: libosdp's control panel, and the rules that it does not keep by itself.

- The secure channel is enforced. In an open channel an answer without MAC is refused before the library sees it: it
  takes an answer with the block type of a handshake unproved (read in osdp_phy.c of 3.2.9).
- A release leaves once, encrypted, and in time. The library repeats every command up to 8 times, 1 s apart, and a
  device may begin its timer anew at each.
- A device the library has given up for 300 s is enabled again after 1 s. `disable_pd` waits for all repeats of a
  command (measured 7.9 s), so a channel that falls silent gets a fresh control panel instead.

No thread, no port and no waiting here (panel): bytes and the time come in, bytes go out.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import Any

from drivers.errors import DeviceRefused, DriverError, IdentityMismatch, NoResponse, RemoteProtocolError
from drivers.osdp.evidence import Evidence
from drivers.osdp.protocol import Block, Capability, Command, Frame, FrameReader, Reply
from drivers.osdp.values import LinkState, Nameplate, Order, again

SILENCE_S = 1.3
"""Without an accepted answer for this long the channel is lost; one repeat of the library (1.0 s) fits in."""
REENABLE_S = 1.0
RELEASE_ANSWER_S = 0.5
_STEPS = 3
_RECEIVE_BUFFER = 256
_UNKNOWN = "a release was not acknowledged; whether the door was released is not known, it is not repeated"
_DROPPED = "the line was not free in time; the request was dropped, nothing was sent"


class _Channel:
    """What the library takes for a serial port."""

    id = 1

    def __init__(self, may_leave: Callable[[bytes], bool]) -> None:
        self.incoming = b""
        self.outgoing = b""
        self._may_leave = may_leave

    def read(self, max_bytes: int) -> bytes:
        data, self.incoming = self.incoming[:max_bytes], self.incoming[max_bytes:]
        return data

    def write(self, data: bytes) -> int:
        if self._may_leave(bytes(data)):
            self.outgoing += bytes(data)
        return len(data)

    def flush(self) -> None:
        """Nothing to do: what was written leaves at the end of the tick."""


class Link:
    """Belongs to one thread. `deliver` gets the library's reader events, `changed` every new state."""

    def __init__(
        self,
        device: str,
        library: Any,
        *,
        address: int,
        key: bytes,
        commissioning: bool,
        deliver: Callable[[dict[str, Any]], None],
        changed: Callable[[LinkState], None],
        now: float,
    ) -> None:
        self.nameplate: Nameplate | None = None
        self._device = device
        self._library = library
        self._address = address
        self._key = key
        self._commissioning = commissioning
        self._deliver = deliver
        self._changed = changed
        self._now = now
        self._orders: list[tuple[bool, int, Order]] = []
        self._count = itertools.count()
        self._current: Order | None = None
        self._finished: list[tuple[Order, DriverError | None]] = []
        self._state = LinkState(False, NoResponse(device, "the secure channel is being set up"), now)
        self._panel: Any = None
        self._begin()

    def _begin(self) -> None:
        """A fresh control panel: keys of the channel, queue and sequence of the old one are gone."""
        lib = self._library
        # The old one reports what it drops; that must not be taken for news of the new one.
        self._panel = None
        self._channel = _Channel(self._may_leave)
        self._heard = FrameReader(replies=True)
        self._evidence = Evidence(self._address)
        self._sequence: int | None = None
        self._progress_at = self._heard_at = self._begun_at = self._now
        self._gave_up_at: float | None = None
        self._default_key = False
        self._breach: DriverError | None = None
        self._events: list[dict[str, Any]] = []
        self._completed: int | None = None
        secure = 0 if self._commissioning else lib.FLAG_ENFORCE_SECURE
        info = {
            "name": "device",
            "address": self._address,
            "flags": secure | lib.FLAG_ENABLE_NOTIFICATION,
            "scbk": self._key,
            "channel": self._channel,
            # The device end uses these; the library asks for them at either end.
            **dict.fromkeys(("version", "model", "vendor_code", "serial_number", "firmware_version"), 0),
        }
        self._panel = lib.ControlPanel([info])
        self._panel.set_event_callback(self._on_event)
        self._panel.set_command_completion_callback(self._on_completed)

    # --- what the library calls; it is inside `refresh` and must not be called back -------------------------

    def _on_event(self, _pd: int, event: dict[str, Any]) -> int:
        self._events.append(event)
        return 0

    def _on_completed(self, _pd: int, _command: dict[str, Any], status: int) -> None:
        self._completed = status

    def _may_leave(self, data: bytes) -> bool:
        """Whether a frame of the library goes out; it believes so in any case."""
        frames = [piece for piece in FrameReader(replies=False).feed(data) if isinstance(piece, Frame)]
        if len(frames) != 1:
            return False
        frame = frames[0]
        if frame.code == Command.KEYSET and not self._commissioning:
            return False
        order = self._current if self._current is not None and self._current.code == frame.code else None
        if frame.code == Command.OUT:
            objection = self._objection(frame, order)
            if objection is not None:
                self._breach = NoResponse(self._device, objection)
                return False
        # What came before this was asked is no answer to it.
        self._channel.incoming = b""
        if order is not None:
            order.sent_at, order.report = self._now, None
        if frame.sequence != self._sequence:
            self._sequence, self._progress_at = frame.sequence, self._now
        self._evidence.sent(frame)
        return True

    def _objection(self, frame: Frame, order: Order | None) -> str | None:
        if frame.security != Block.CIPHER_TO_DEVICE:
            return "an output command was about to leave without cipher; it was kept back"
        if order is None:
            return "an output command nobody waits for was kept back"
        if order.once and order.sent_at is not None:
            return _UNKNOWN
        if order.once and self._now > order.expires:
            return _DROPPED
        return None

    # --- what the owner calls -------------------------------------------------------------------------------

    @property
    def state(self) -> LinkState:
        """The newest state; may be read from any thread."""
        return self._state

    def order(self, order: Order) -> None:
        """Queue a command: urgent ones first."""
        heapq.heappush(self._orders, (not order.urgent, next(self._count), order))

    def heard(self, data: bytes, now: float) -> None:
        """Bytes from the line."""
        self._now = self._heard_at = now
        for piece in self._heard.feed(data):
            if isinstance(piece, Frame) and not self._admitted(piece):
                self._breach = RemoteProtocolError(
                    self._device,
                    f"an answer without proof ({piece.code:#04x}) came into the secure channel and was thrown away: "
                    "somebody else is on the wire, or the device is broken",
                )
                continue
            self._evidence.heard(piece)
            self._channel.incoming += piece.encode() if isinstance(piece, Frame) else piece
        self._channel.incoming = self._channel.incoming[-_RECEIVE_BUFFER:]

    def _admitted(self, frame: Frame) -> bool:
        """In an open channel only sealed answers, and two that can do no more than end or delay it."""
        if not self._panel.sc_status() & 1 or self._commissioning or frame.address != self._address:
            return True
        plain = frame.security is None and frame.code in (Reply.NAK, Reply.BUSY)
        return plain or frame.security in (Block.MAC_TO_PANEL, Block.CIPHER_TO_PANEL)

    def tick(self, now: float) -> bytes:
        """Let the library work; gives the bytes to send. Call it at least every 10 ms."""
        self._now = now
        if self._heard.pending and now - self._heard_at > 0.05:
            noise = self._heard.give_up()
            self._evidence.heard(noise)
            self._channel.incoming += noise
        self._serve()
        for _ in range(_STEPS):
            self._panel.refresh()
            self._take_events()
            self._settle()
            self._serve()
        self._judge()
        # Only now: whoever learns of a failure must find the state that goes with it.
        self._resolve()
        leaving, self._channel.outgoing = self._channel.outgoing, b""
        return leaving

    def end(self, error: DriverError) -> None:
        """The line is gone: everything waiting fails."""
        self._publish(False, error)
        self._resolve()
        self._abandon(error)
        self._panel = None

    # --- inside ---------------------------------------------------------------------------------------------

    def _take_events(self) -> None:
        lib, events = self._library, self._events
        self._events = []
        for event in events:
            if event["event"] == lib.EVENT_NOTIFICATION:
                self._notified(event)
            elif self._state.secure and not self._commissioning:
                order = self._current
                if (
                    event["event"] == lib.EVENT_STATUS
                    and order is not None
                    and order.command.get("type") == event["type"]
                ):
                    order.report = event["report"]
                self._deliver(event)

    def _notified(self, event: dict[str, Any]) -> None:
        lib = self._library
        if event["type"] == lib.EVENT_NOTIFICATION_SC_STATUS:
            self._default_key = bool(event["arg0"] and event["arg1"])
        elif event["type"] == lib.EVENT_NOTIFICATION_PD_STATUS and not event["arg0"] and self._gave_up_at is None:
            self._gave_up_at = self._now

    def _settle(self) -> None:
        """The library has finished the current command, or it is overdue."""
        order, status = self._current, self._completed
        self._completed = None
        if order is None:
            return
        if status is None:
            self._check_overdue(order)
            return
        self._current = None
        error: DriverError | None = None
        if status != self._library.COMPLETION_OK:
            error = self._failure(order)
        elif order.code is not Command.OUT and order.report is None:
            error = RemoteProtocolError(self._device, f"{order.code.name} was acknowledged without a report")
        self._finished.append((order, error))

    def _resolve(self) -> None:
        for order, error in self._finished:
            order.succeed() if error is None else order.fail(error)
        self._finished.clear()

    def _failure(self, order: Order) -> DriverError:
        if self._evidence.answered == Reply.NAK:
            return DeviceRefused(self._device, f"the device refused {order.code.name}")
        if order.once:
            return RemoteProtocolError(self._device, _UNKNOWN)
        return RemoteProtocolError(self._device, f"the answer to {order.code.name} was spoilt or forged")

    def _check_overdue(self, order: Order) -> None:
        if not order.once:
            return
        if order.sent_at is not None:
            if self._now - order.sent_at > RELEASE_ANSWER_S:
                self._breach = NoResponse(self._device, _UNKNOWN)
        elif self._now > order.expires:
            self._panel.flush_commands(0)
            self._current = self._completed = None
            order.fail(NoResponse(self._device, _DROPPED))

    def _serve(self) -> None:
        """Hand the next order to the library, one at a time."""
        if self._orders and self._state.error is not None:
            # They came just after the loss; they must not wait for the channel to come back.
            self._abandon(self._state.error)
        while self._current is None and self._orders and self._state.secure and self._breach is None:
            order = heapq.heappop(self._orders)[2]
            if not order.result.set_running_or_notify_cancel():
                continue
            if self._now > order.expires:
                order.fail(NoResponse(self._device, _DROPPED))
                continue
            self._current = order
            if not self._panel.submit_command(0, order.command):
                self._current = None
                order.fail(NoResponse(self._device, "the secure channel has just been lost; nothing was sent"))

    def _judge(self) -> None:
        """Is the channel up? If not, why, and what brings it back."""
        online, secured = self._panel.status() & 1, self._panel.sc_status() & 1
        if self._breach is not None:
            self._lose(self._breach)
            self._begin()
        elif online and secured and not self._default_key:
            if self._now - self._progress_at > SILENCE_S:
                self._lose(NoResponse(self._device, f"silent for {SILENCE_S} s in the secure channel"))
                self._begin()
            elif not self._state.secure:
                self._welcome()
        elif online and not secured and self._gave_up_at is None:
            # Only when commissioning: the library talks on in the clear.
            self._lose(
                IdentityMismatch(
                    self._device, "it takes neither this key nor SCBK-D: reset it as its maker says, then commission it"
                )
            )
            self._gave_up_at = self._now
        elif self._gave_up_at is not None:
            first = self._state.secure
            if first or not self._state.since >= self._gave_up_at:
                self._lose(self._evidence.verdict(self._device, was_secure=first))
            self._enable_again(at_once=first)
        elif self._state.secure:
            self._lose(NoResponse(self._device, "the secure channel was lost"))
        elif self._state.since < self._begun_at + SILENCE_S < self._now:
            self._lose(self._evidence.verdict(self._device, was_secure=False))

    def _enable_again(self, *, at_once: bool) -> None:
        """Out of the library's 300 s."""
        if at_once:
            self._gave_up_at = self._now - REENABLE_S
        if not self._panel.is_pd_enabled(0):
            self._panel.enable_pd(0)
            self._evidence = Evidence(self._address)
            self._sequence, self._gave_up_at, self._begun_at = None, None, self._now
        elif self._gave_up_at is not None and self._now - self._gave_up_at >= REENABLE_S:
            self._panel.disable_pd(0)

    def _welcome(self) -> None:
        said = self._panel.get_pd_id(0)
        plate = Nameplate(
            **{name: said[name] for name in ("vendor_code", "model", "version", "serial_number", "firmware_version")},
            capabilities=tuple((code, *self._panel.check_capability(0, code)) for code in Capability),
        )
        if self.nameplate is not None and plate != self.nameplate:
            self._breach = IdentityMismatch(
                self._device, "another device, or one with other capabilities, answers with the same key; open it anew"
            )
            return
        self.nameplate = plate
        self._publish(True, None)

    def _lose(self, error: DriverError) -> None:
        self._publish(False, error)
        self._abandon(error)

    def _abandon(self, error: DriverError) -> None:
        """Whoever waits learns why; nothing of it is sent when the channel is back."""
        waiting = [order for _, _, order in self._orders]
        self._orders.clear()
        if self._current is not None:
            waiting.insert(0, self._current)
            self._current = None
        for order in waiting:
            order.fail(again(error))

    def _publish(self, secure: bool, error: DriverError | None) -> None:
        self._state = LinkState(secure, error, self._now)
        self._changed(self._state)
