"""A LOT turnstile at the wire: permits, passages, passage times, modes, identification, faults.

Written from the vendor's SDK, see drivers/gate/lot/protocol.py; no real turnstile has been compared with it. What no
source tells is a choice here: a permit leaves its register when it is used or when its time is over. Safe to use from
two threads. Not here: people (the rig pushes and reads).
"""

import threading
import time
from collections.abc import Callable, Mapping

from drivers.gate.lot import protocol
from drivers.gate.lot.protocol import Status, Way
from drivers.modbus.client import frame_silence_s
from drivers.modbus.frames import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    Function,
    Read,
    Request,
    WriteMultiple,
)
from drivers.modbus.identification import PRODUCT, REVISION, VENDOR, IdentifyingServer
from drivers.modbus.server import ModelRefusal

IDENTITY = {VENDOR: "Lot LTD", PRODUCT: "Expert", REVISION: "ver1"}
_NEVER = float("-inf")
_TIMES = (protocol.TIME_TO_START, protocol.TIME_TO_FINISH)
_FACTORY = {
    protocol.DEMO: 0,
    protocol.MODE: int(protocol.Mode.NORMAL),
    protocol.ACCUMULATE: 1,
    protocol.TIME_TO_START: 20,
    protocol.TIME_TO_FINISH: 20,
}


class LotTurnstile:
    """`stuck` are registers that acknowledge a write and keep their value. Time is `monotonic`, in seconds."""

    def __init__(
        self,
        *,
        unit: int = 1,
        baudrate: int = protocol.BAUDRATE,
        identity: Mapping[int, str] | None = None,
        settings: Mapping[int, int] | None = None,
        passages: tuple[int, int] = (0, 0),
        stuck: frozenset[int] = frozenset(),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stuck = stuck
        self.writes: list[WriteMultiple] = []
        self._monotonic = monotonic
        self._settings = _FACTORY | dict(settings or {})
        self._passages = dict(zip(Way, passages, strict=True))
        self._permits = dict.fromkeys(Way, 0)
        self._permit_ends = dict.fromkeys(Way, _NEVER)
        self._objects = dict.fromkeys(Way, 0)
        self._errors = 0
        self._last_byte = _NEVER
        self._server = IdentifyingServer(unit, self, frame_silence_s(baudrate), identity or IDENTITY)
        self._lock = threading.RLock()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            now = self._monotonic()
            quiet, self._last_byte = now - self._last_byte, now
            return self._server.receive(data, quiet)

    # --- what the rig sees and does -------------------------------------------------------------------------

    def open_for(self, way: Way) -> bool:
        """Whether somebody who pushes now would get through: this is what moves."""
        with self._lock:
            self._tick()
            return self._permits[way] > 0 or self._settings[protocol.MODE] == protocol.Mode.ANTI_PANIC

    def push(self, way: Way) -> bool:
        """Somebody pushes; True when he got through, which takes a permit and counts."""
        with self._lock:
            if not self.open_for(way):
                return False
            if 0 < self._permits[way] < protocol.FREE:
                self._permits[way] -= 1
            self.count(way)
            return True

    def count(self, way: Way, by: int = 1) -> None:
        """Move a counter behind the controller's back, backwards too."""
        with self._lock:
            self._passages[way] = (self._passages[way] + by) % protocol.COUNTS

    def force(self, way: Way, permits: int) -> None:
        """Permits that nobody asked for over this line, until further notice."""
        with self._lock:
            self._permits[way], self._permit_ends[way] = permits, float("inf")

    def set_object(self, way: Way, position: int) -> None:
        """Somebody stands in the way; 0 is nobody."""
        with self._lock:
            self._objects[way] = position

    def set_errors(self, value: int) -> None:
        """Register 0x48."""
        with self._lock:
            self._errors = value

    def register(self, number: int) -> int:
        """A register without a request over the line."""
        with self._lock:
            return self._read(number)

    def set_register(self, number: int, value: int) -> None:
        """Change a setting behind the controller's back."""
        with self._lock:
            self._settings[number] = value

    def reboot(self) -> None:
        """Brown-out: permits gone, counters and settings as from the factory."""
        with self._lock:
            self._permits = dict.fromkeys(Way, 0)
            self._passages = dict.fromkeys(Way, 0)
            self._settings = dict(_FACTORY)

    # --- what the Modbus server asks ------------------------------------------------------------------------

    def read(self, request: Read) -> tuple[int, ...]:
        """Values of a read. Raises ModelRefusal."""
        if request.function is not Function.READ_HOLDING_REGISTERS:
            raise ModelRefusal(ILLEGAL_FUNCTION)
        return tuple(self._read(number) for number in range(request.address, request.address + request.count))

    def _read(self, number: int) -> int:
        self._tick()
        if 0 <= number - protocol.STATUS < protocol.STATUS_WORDS:
            return protocol.encode_status(self._status())[number - protocol.STATUS]
        if number not in self._settings:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        return self._settings[number]

    def _status(self) -> Status:
        return Status(
            entry_permits=self._permits[Way.ENTRY],
            exit_permits=self._permits[Way.EXIT],
            entry_object=self._objects[Way.ENTRY],
            exit_object=self._objects[Way.EXIT],
            entry_passages=self._passages[Way.ENTRY],
            exit_passages=self._passages[Way.EXIT],
            errors=self._errors,
        )

    def _tick(self) -> None:
        """Let permits lapse whose time is over."""
        for way, end in self._permit_ends.items():
            if self._monotonic() >= end:
                self._permits[way] = 0

    def write(self, request: Request) -> None:
        """Carry a write out. Raises ModelRefusal."""
        if not isinstance(request, WriteMultiple) or request.function is not Function.WRITE_REGISTERS:
            raise ModelRefusal(ILLEGAL_FUNCTION)
        self.writes.append(request)
        for number, value in enumerate(request.values, request.address):
            self._write(number, value)

    def _write(self, number: int, value: int) -> None:
        permits = number in (Way.ENTRY, Way.EXIT)
        if not permits and number not in self._settings:
            raise ModelRefusal(ILLEGAL_ADDRESS)
        if number in _TIMES and not 1 <= value <= protocol.LONGEST_TIME_S:
            raise ModelRefusal(ILLEGAL_VALUE)
        if number in self.stuck:
            return
        if permits:
            self._permit(Way(number), value)
        else:
            self._settings[number] = value

    def _permit(self, way: Way, value: int) -> None:
        self._tick()
        added = self._permits[way] if value and self._settings[protocol.ACCUMULATE] else 0
        self._permits[way] = min(value + added, protocol.FREE)
        self._permit_ends[way] = self._monotonic() + self._settings[protocol.TIME_TO_START]
