"""A UHPPOTE UT0311-L04 at the wire: doors with delays and modes, interlock, host lease, inputs, faults; and its socket.

Written from public code, see drivers/gate/uhppote/protocol.py; no real board has been compared with it. What no
source tells is a choice here: a door set to normally closed drops a running release, and the interlock refuses while
the other door is open or released. Safe to use from two threads. Not here: doors and people.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from drivers.gate.uhppote import protocol
from drivers.gate.uhppote.protocol import (
    Cards,
    Device,
    Done,
    DoorControl,
    Function,
    Input,
    Mode,
    Reply,
    Request,
    Status,
)

HOST_LEASE_S = 30.0
_OFF = float("-inf")
_MODES = {int(mode) for mode in Mode}
_INTERLOCKED = {0: (), 1: ((1, 2),), 2: ((3, 4),), 3: ((1, 2), (3, 4)), 4: ((1, 2, 3),), 8: ((1, 2, 3, 4),)}


class UhppoteBoard:
    """`stuck_mode`: set-door is acknowledged as wished and changes nothing. `drops`: normally closed ends a release."""

    def __init__(
        self,
        serial: int = 423187757,
        *,
        cards: int = 0,
        drops: bool = True,
        stuck_mode: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.serial = serial
        self.cards = cards
        self.drops = drops
        self.stuck_mode = stuck_mode
        self.refuses: set[Function] = set()
        self.requests: list[Request] = []
        self.interlock = 0
        self._monotonic = monotonic
        doors = range(1, protocol.DOORS + 1)
        self._controls = {door: DoorControl(serial, Function.GET_DOOR, door, Mode.CONTROLLED, 5) for door in doors}
        self._released_until = dict.fromkeys(doors, _OFF)
        self._open: set[int] = set()
        self._welded: set[int] = set()
        self._broken: set[int] = set()
        self._inputs = Input(0)
        self._error = 0
        self._host_control = False
        self._heard_at = _OFF
        self._lock = threading.RLock()

    def handle(self, data: bytes) -> bytes:
        """One datagram in, one out or none."""
        with self._lock:
            try:
                request = protocol.decode_request(data)
            except protocol.FrameError:
                return b""
            for_anybody = request.function is Function.DEVICE and request.serial == 0
            if request.serial != self.serial and not for_anybody:
                return b""
            self.requests.append(request)
            self._heard_at = self._monotonic()
            reply = self._answer(request)
            return protocol.encode_reply(reply) if reply is not None else b""

    # --- what the rig sees and does -------------------------------------------------------------------------

    def released(self, door: int) -> bool:
        """Whether the relay's contact is really closed: this is what frees a door."""
        with self._lock:
            if door in self._welded:
                return True
            held = Input.FIRE_ALARM in self._inputs or self._controls[door].mode == Mode.NORMALLY_OPEN
            return door not in self._broken and (held or self._released_until[door] > self._monotonic())

    def set_open(self, door: int, is_open: bool) -> None:
        """The door's own contact."""
        with self._lock:
            (self._open.add if is_open else self._open.discard)(door)

    def set_inputs(self, inputs: Input) -> None:
        """Forced lock and fire alarm."""
        with self._lock:
            self._inputs = inputs

    def set_error(self, error: int) -> None:
        """The error byte of the status."""
        with self._lock:
            self._error = error

    def control(self, door: int) -> tuple[int, int]:
        """Mode and delay of a door."""
        with self._lock:
            return self._controls[door].mode, self._controls[door].delay_s

    def set_control(self, door: int, mode: int, delay_s: int) -> None:
        """Another controller changes a door."""
        with self._lock:
            self._controls[door] = replace(self._controls[door], mode=mode, delay_s=delay_s)

    def swipe(self, door: int) -> bool:
        """A card of the board's own list at a door; True when it opens, which it does not while a host has control."""
        with self._lock:
            hosted = self._host_control and self._monotonic() - self._heard_at <= HOST_LEASE_S
            return not hosted and self.cards > 0 and self._release(door)

    def weld(self, door: int) -> None:
        """From now on the relay's contact stays closed."""
        with self._lock:
            self._welded.add(door)

    def break_relay(self, door: int) -> None:
        """From now on the relay does not close."""
        with self._lock:
            self._broken.add(door)

    # --- what the host asks ---------------------------------------------------------------------------------

    def _answer(self, request: Request) -> Reply | None:
        function = request.function
        if function is Function.DEVICE:
            return Device(self.serial, "8.92", "20180816")
        if function is Function.STATUS:
            return self._status()
        if function is Function.CARDS:
            return Cards(self.serial, self.cards)
        if function in protocol.OF_ONE_DOOR:
            return self._door(request)
        return Done(self.serial, function, function not in self.refuses and self._carry_out(request))

    def _status(self) -> Status:
        return Status(
            self.serial,
            open=frozenset(self._open),
            pressed=frozenset(),
            relays=frozenset(door for door in self._controls if self.released(door)),
            inputs=self._inputs,
            error=self._error,
        )

    def _door(self, request: Request) -> Reply | None:
        door = request.body[0]
        if door not in self._controls:
            return None
        if request.function is Function.GET_DOOR:
            return self._controls[door]
        mode, delay_s = request.body[1:3]
        if mode not in _MODES:
            return None
        if not self.stuck_mode:
            self.set_control(door, mode, delay_s)
            if mode == Mode.NORMALLY_CLOSED and self.drops:
                self._released_until[door] = _OFF
        return DoorControl(self.serial, Function.SET_DOOR, door, mode, delay_s)

    def _carry_out(self, request: Request) -> bool:
        if request.function is Function.PC_CONTROL:
            self._host_control = request.body[4] == 1
            return request.body[:4] == bytes((0x55, 0xAA, 0xAA, 0x55))
        if request.function is Function.INTERLOCK:
            self.interlock = request.body[0]
            return self.interlock in _INTERLOCKED
        return request.body[0] in self._controls and self._release(request.body[0])

    def _release(self, door: int) -> bool:
        control = self._controls[door]
        if Input.FORCED_LOCK in self._inputs or control.mode != Mode.CONTROLLED:
            return False
        for group in _INTERLOCKED.get(self.interlock, ()):
            if door in group and any(self.released(other) or other in self._open for other in group if other != door):
                return False
        self._released_until[door] = self._monotonic() + control.delay_s
        return True


class UdpLine:
    """`with UdpLine(board) as line:` the board at 127.0.0.1, `line.port`, served by one thread that ends with it.

    `silent` swallows replies, `garble` makes of a reply the datagrams that are sent instead.
    """

    def __init__(self, board: UhppoteBoard) -> None:
        self.silent = False
        self.garble: Callable[[bytes], list[bytes]] | None = None
        self.port = 0
        self._board = board
        self._socket: socket.socket | None = None
        self._peer: tuple[str, int] | None = None
        self._thread: threading.Thread | None = None
        self.replug()

    def __enter__(self) -> "UdpLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def replug(self) -> None:
        """The board listens, at the same port as before."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind(("127.0.0.1", self.port))
        self.port = made.getsockname()[1]
        self._wake, waking = socket.socketpair()
        self._socket = made
        self._thread = threading.Thread(target=self._run, args=(made, waking), name="uhppote", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Nothing listens any more; whoever sends is refused by ICMP. Ends the thread."""
        if self._thread is not None:
            self._wake.close()
            self._thread.join()
            self._thread = self._socket = None

    def send(self, data: bytes) -> None:
        """A datagram the board was not asked for, to whoever asked last."""
        if self._socket is not None and self._peer is not None:
            self._socket.sendto(data, self._peer)

    def _run(self, served: socket.socket, waking: socket.socket) -> None:
        with served, waking:
            while waking not in (ready := select.select([served, waking], [], [])[0]):
                if served in ready:
                    self._serve(served)

    def _serve(self, served: socket.socket) -> None:
        # A host that has closed its socket answers by ICMP; the next call is told so, and it means nothing here.
        with contextlib.suppress(ConnectionError, BlockingIOError):
            data, self._peer = served.recvfrom(4096)
            reply = self._board.handle(data)
            if not reply or self.silent:
                return
            for datagram in [reply] if self.garble is None else self.garble(reply):
                served.sendto(datagram, self._peer)
