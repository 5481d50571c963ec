"""What emulated modules with a host watchdog share: inputs, mirror contacts, a request that feeds, silence that trips.

Not here: addresses, settings and what the relays do at a trip (each module).
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping

from drivers.modbus.client import frame_silence_s
from drivers.modbus.frames import ILLEGAL_ADDRESS, Read, Request
from drivers.modbus.server import ModbusServer, ModelRefusal
from hil.emulator.contacts import WorkingContacts

_NEVER = float("-inf")


class WatchedModule(WorkingContacts):
    """`mirrors` maps an input to the relay whose normally-closed contact feeds it. Time is `monotonic`, in seconds.

    `fed_by_requests`, `trips`: whether the watchdog does its work. `writes` are the writes as they came.
    """

    def __init__(
        self,
        *,
        unit: int,
        baudrate: int,
        inputs: int,
        mirrors: Mapping[int, int],
        fed_by_requests: bool,
        trips: bool,
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__()
        self.fed_by_requests = fed_by_requests
        self.trips = trips
        self.writes: list[Request] = []
        self._mirrors = dict(mirrors)
        self._monotonic = monotonic
        self._inputs = [False] * inputs
        self._last_byte = _NEVER
        self._fed_at = monotonic()
        self._server = ModbusServer(unit, self, frame_silence_s(baudrate))

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            self._tick()
            now = self._monotonic()
            quiet, self._last_byte = now - self._last_byte, now
            reply = self._server.receive(data, quiet)
            if reply and self.fed_by_requests:
                self._feed()
            return reply

    def _feed(self) -> None:
        self._fed_at = self._monotonic()

    def _tick(self) -> None:
        """Let the watchdog trip if its time has passed."""
        timeout_s = self._timeout_s()
        if self.trips and timeout_s is not None and self._monotonic() > self._fed_at + timeout_s:
            self._trip()

    @property
    def timed_out(self) -> bool:
        """Whether the watchdog has tripped and was not cleared."""
        with self._lock:
            self._tick()
            return self._has_tripped()

    @abstractmethod
    def _timeout_s(self) -> float | None:
        """Silence that trips the watchdog; None while it is off."""

    @abstractmethod
    def _trip(self) -> None:
        """Relays to their safe values, once; the flag set."""

    @abstractmethod
    def _has_tripped(self) -> bool: ...

    @abstractmethod
    def read(self, request: Read) -> tuple[int, ...]:
        """Values of a read. Raises ModelRefusal."""

    @abstractmethod
    def write(self, request: Request) -> None:
        """Carry a write out. Raises ModelRefusal."""

    def set_input(self, number: int, active: bool) -> None:
        """Drive an input. Raises ValueError for one that a mirror contact drives."""
        if number in self._mirrors:
            raise ValueError(f"input {number} is wired to the mirror contact of relay {self._mirrors[number]}")
        with self._lock:
            self._inputs[number] = active

    def _read_input(self, number: int) -> int:
        if not 0 <= number < len(self._inputs):
            raise ModelRefusal(ILLEGAL_ADDRESS)
        if number in self._mirrors:
            return int(not self.contact(self._mirrors[number]))
        return int(self._inputs[number])
