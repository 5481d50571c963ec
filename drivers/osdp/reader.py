"""Cards and keys of an OSDP reader as typed values for one asyncio consumer. What a card means is not its business."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from drivers.errors import Disconnected, DriverError, IdentityMismatch, RemoteProtocolError
from drivers.osdp import library
from drivers.osdp.board import identity_of
from drivers.osdp.panel import Panel, serial_line
from drivers.osdp.protocol import Capability
from drivers.osdp.values import LinkState
from drivers.ports import DeviceIdentity
from drivers.transport import Transport

_LIMIT = 256
_NAMED = {0x0D: "#", 0x7F: "*"}


class CardFormat(StrEnum):
    """What the reader says of the bits."""

    UNSPECIFIED = "unspecified"
    WIEGAND = "wiegand"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card: `bits` of `data` count, from the first byte's highest bit on; the rest of the last byte is padding."""

    reader: int
    format: CardFormat
    bits: int
    data: bytes


@dataclass(frozen=True, slots=True)
class KeysPressed:
    """Keys in their order: digits, "*" and "#"; U+FFFD for what no keypad has."""

    reader: int
    keys: str


@dataclass(frozen=True, slots=True)
class LocalStatus:
    """The device's own case and supply."""

    tampered: bool
    power_failed: bool


ReaderEvent = CardRead | KeysPressed | LocalStatus


def decode_event(lib: Any, device: str, event: dict[str, Any]) -> ReaderEvent | None:
    """The library's event as a typed value; None for one that is no reader's. Raises RemoteProtocolError."""
    kind = event["event"]
    if kind == lib.EVENT_CARDREAD:
        formats = {
            lib.CARD_FMT_RAW_UNSPECIFIED: CardFormat.UNSPECIFIED,
            lib.CARD_FMT_RAW_WIEGAND: CardFormat.WIEGAND,
            lib.CARD_FMT_ASCII: CardFormat.TEXT,
        }
        data, form = bytes(event["data"]), formats.get(event["format"])
        bits = event.get("length", 8 * len(data))
        if form is None or not 0 < bits <= 8 * len(data) or len(data) != (bits + 7) // 8:
            raise RemoteProtocolError(device, f"a card of {bits} bits in {len(data)} bytes, format {event['format']}")
        return CardRead(event["reader_no"], form, bits, data)
    if kind == lib.EVENT_KEYPRESS:
        keys = "".join(_NAMED.get(key, chr(key) if 0x30 <= key <= 0x39 else "\ufffd") for key in event["data"])
        return KeysPressed(event["reader_no"], keys)
    if kind == lib.EVENT_STATUS and event["type"] == lib.STATUS_REPORT_LOCAL:
        tampered, power_failed = event["report"][:2]
        return LocalStatus(bool(tampered), bool(power_failed))
    return None


class ReaderEvents:
    """From the line's thread to one consumer. Above 256 unread the oldest are lost and counted in `lost`."""

    def __init__(self, device: str) -> None:
        self.lost = 0
        self._device = device
        self._library = library.load(device)
        self._items: deque[ReaderEvent | DriverError] = deque()
        self._lock = threading.Lock()
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._down: type[DriverError] | None = None

    def put(self, item: dict[str, Any] | LinkState) -> None:
        """Take what a panel delivers; from any thread."""
        if isinstance(item, LinkState):
            # One alarm a loss: what failing attempts say later is in the panel's state.
            down, self._down = self._down, type(item.error) if item.error is not None else None
            if item.error is None or down is self._down:
                return
            self._add(item.error)
            return
        try:
            event = decode_event(self._library, self._device, item)
        except RemoteProtocolError as error:
            self._add(error)
            return
        if event is not None:
            self._add(event)

    def _add(self, item: ReaderEvent | DriverError) -> None:
        with self._lock:
            self._items.append(item)
            if len(self._items) > _LIMIT:
                self._items.popleft()
                self.lost += 1
            waiting = self._waiting
        if waiting is not None and not waiting[0].is_closed():
            waiting[0].call_soon_threadsafe(waiting[1].set)

    async def next(self) -> ReaderEvent:
        """The next event, oldest first. Raises the DriverError of a lost line in its turn, once; ask again then."""
        while True:
            with self._lock:
                if self._items:
                    item = self._items.popleft()
                    break
                arrived = asyncio.Event()
                self._waiting = (asyncio.get_running_loop(), arrived)
            await arrived.wait()
        if isinstance(item, DriverError):
            raise item
        return item


class OsdpReader:
    """A reader alone on its line; one that also has outputs is read through `osdp_board(deliver=...)`.

    The line mends itself: after a loss `next` raises its reason, and events come again when the key is proved anew.
    """

    def __init__(
        self,
        device: str,
        line: str | Callable[[], Transport],
        *,
        key: bytes,
        baudrate: int = 9600,
        address: int = 1,
        serial_number: int | None = None,
    ) -> None:
        self._device = device
        self._connect = serial_line(device, line, baudrate) if isinstance(line, str) else line
        self._key = key
        self._address = address
        self._serial_number = serial_number
        self._panel: Panel | None = None
        self._events: ReaderEvents | None = None

    async def open(self) -> DeviceIdentity:
        """Open the line and have the key proved. Raises DriverError."""
        await self.close()
        events = ReaderEvents(self._device)
        panel = Panel(self._device, self._connect, key=self._key, address=self._address, deliver=events.put)
        panel.start()
        try:
            plate = await panel.secured()
            if self._serial_number is not None and plate.serial_number != self._serial_number:
                raise IdentityMismatch(
                    self._device, f"it is {plate.serial_number:08X}, {self._serial_number:08X} is configured"
                )
            if not plate.capability(Capability.READERS)[1]:
                raise IdentityMismatch(self._device, "it has no reader")
        except BaseException:
            panel.close()
            raise
        self._panel, self._events = panel, events
        return identity_of(plate)

    @property
    def trouble(self) -> DriverError | None:
        """Why the reader cannot be used now; None while it can."""
        if self._panel is None:
            return Disconnected(self._device, "the reader is not open")
        return self._panel.state.error

    async def next(self) -> ReaderEvent:
        """The next card, key press or change of case and supply. Raises the DriverError of a loss once."""
        if self._events is None:
            raise Disconnected(self._device, "the reader is not open")
        return await self._events.next()

    async def close(self) -> None:
        """End the line. Never raises."""
        panel, self._panel = self._panel, None
        self._events = None
        if panel is not None:
            panel.close()
