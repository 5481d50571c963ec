"""Messages of the UHPPOTE UT0311-L0x access controllers, both ends: 64 bytes each way over UDP, port 60000.

`17 function 00 00`, the serial number (low byte first), then what the function says. There is no check, no number of
the request and no authentication: whoever reaches the board commands it, so it belongs in an isolated VLAN.
Sources: uhppoted/uhppote-core (messages, types; its tests are the vectors), uhppoted/uhppote-simulator (behaviour).
Not here: waiting (session), which door of the board is which door of the lane (driver).
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

PORT = 60000
SIZE = 64
DOORS = 4
LONGEST_DELAY_S = 255
_START = 0x17
_BODY = 8
_MAGIC = bytes((0x55, 0xAA, 0xAA, 0x55))


class Function(IntEnum):
    """The functions this code base speaks."""

    STATUS = 0x20
    OPEN_DOOR = 0x40
    CARDS = 0x58
    SET_DOOR = 0x80
    GET_DOOR = 0x82
    DEVICE = 0x94
    PC_CONTROL = 0xA0
    INTERLOCK = 0xA2


OF_ONE_DOOR = frozenset({Function.SET_DOOR, Function.GET_DOOR})


class Mode(IntEnum):
    """How a door is driven. `NORMALLY_OPEN` is read, never written."""

    NORMALLY_OPEN = 1
    NORMALLY_CLOSED = 2
    CONTROLLED = 3


class Input(IntFlag):
    """Byte 50 of a status."""

    FORCED_LOCK = 1
    FIRE_ALARM = 2


INTERLOCKS = {frozenset({1, 2}): 1, frozenset({3, 4}): 2}


class FrameError(ValueError):
    """The bytes are no message, or not the message they should be."""


@dataclass(frozen=True, slots=True)
class Request:
    """A function of one board; `body` is what follows the serial number. Serial 0 (DEVICE only) asks whoever hears."""

    function: Function
    serial: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Device:
    """Who answers. `version` is written 8.92, `date` YYYYMMDD."""

    serial: int
    version: str
    date: str


@dataclass(frozen=True, slots=True)
class Status:
    """One reading. `open`, `pressed` and `relays` hold doors 1 to 4; `event` is the number of the last event."""

    serial: int
    open: frozenset[int]
    pressed: frozenset[int]
    relays: frozenset[int]
    inputs: Input
    error: int = 0
    event: int = 0


@dataclass(frozen=True, slots=True)
class DoorControl:
    """Mode and delay (whole seconds a release lasts) of one door."""

    serial: int
    function: Function
    door: int
    mode: int
    delay_s: int


@dataclass(frozen=True, slots=True)
class Done:
    """Whether a command was carried out."""

    serial: int
    function: Function
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Cards:
    """How many cards the board would open to by itself."""

    serial: int
    count: int


Reply = Device | Status | DoorControl | Done | Cards


# --- requests -------------------------------------------------------------------------------------------------


def who_is_there() -> Request:
    """Ask whatever board is at this address; its reply tells the serial number."""
    return Request(Function.DEVICE, 0)


def read_status(serial: int) -> Request:
    """Sensors, buttons, relays, inputs."""
    return Request(Function.STATUS, serial)


def count_cards(serial: int) -> Request:
    """The board's own list of cards."""
    return Request(Function.CARDS, serial)


def get_door(serial: int, door: int) -> Request:
    """Mode and delay of a door."""
    return Request(Function.GET_DOOR, serial, bytes((_door(door),)))


def set_door(serial: int, door: int, mode: Mode, delay_s: int) -> Request:
    """Raises ValueError for a door that would stand open and for a delay outside 1 to 255 s."""
    if mode not in (Mode.NORMALLY_CLOSED, Mode.CONTROLLED):
        raise ValueError(f"mode {mode}: a door is never set to stand open")
    if not 1 <= delay_s <= LONGEST_DELAY_S:
        raise ValueError(f"a delay is 1 to {LONGEST_DELAY_S} s, not {delay_s}")
    return Request(Function.SET_DOOR, serial, bytes((_door(door), mode, delay_s)))


def open_door(serial: int, door: int) -> Request:
    """Release a door for its delay; the board ends it."""
    return Request(Function.OPEN_DOOR, serial, bytes((_door(door),)))


def take_control(serial: int) -> Request:
    """The board no longer decides by its cards, until it has heard nothing for 30 s."""
    return Request(Function.PC_CONTROL, serial, _MAGIC + b"\x01")


def set_interlock(serial: int, doors: frozenset[int]) -> Request:
    """Of these two doors only one may be open. Raises ValueError for a pair the board has no mode for."""
    if doors not in INTERLOCKS:
        raise ValueError(f"doors {sorted(doors)}: the interlock knows the pairs 1 and 2, 3 and 4")
    return Request(Function.INTERLOCK, serial, bytes((INTERLOCKS[doors],)))


def _door(door: int) -> int:
    if not 1 <= door <= DOORS:
        raise ValueError(f"door {door}: a board has 1 to {DOORS}")
    return door


# --- bytes ----------------------------------------------------------------------------------------------------


def encode_request(request: Request) -> bytes:
    """The request as it goes on the wire."""
    return _message(request.function, request.serial, request.body)


def _message(function: Function, serial: int, body: bytes) -> bytes:
    head = bytes((_START, function, 0, 0)) + serial.to_bytes(4, "little")
    return (head + body).ljust(SIZE, b"\0")


def _head(frame: bytes) -> tuple[Function, int]:
    if len(frame) != SIZE or frame[0] != _START:
        raise FrameError(f"{len(frame)} bytes that begin {frame[:2].hex(' ')} are no message")
    try:
        function = Function(frame[1])
    except ValueError as error:
        raise FrameError(f"function {frame[1]:#04x} is not spoken here") from error
    return function, int.from_bytes(frame[4:8], "little")


_BODY_BYTES = {
    Function.OPEN_DOOR: 1,
    Function.SET_DOOR: 3,
    Function.GET_DOOR: 1,
    Function.PC_CONTROL: 5,
    Function.INTERLOCK: 1,
}


def decode_request(frame: bytes) -> Request:
    """One message as the board takes it. Raises FrameError for a foreign one; values are for the board to judge."""
    function, serial = _head(frame)
    return Request(function, serial, frame[_BODY : _BODY + _BODY_BYTES.get(function, 0)])


def encode_reply(reply: Reply) -> bytes:
    """The reply as it goes on the wire; addresses and times of a real board are left zero."""
    if isinstance(reply, Device):
        version = bytes.fromhex(reply.version.replace(".", "").zfill(4)) + bytes.fromhex(reply.date)
        return _message(Function.DEVICE, reply.serial, bytes(18) + version)
    if isinstance(reply, Status):
        doors = range(1, DOORS + 1)
        sensors = bytes(door in reply.open for door in doors) + bytes(door in reply.pressed for door in doors)
        relays = sum(1 << door - 1 for door in reply.relays)
        head = reply.event.to_bytes(4, "little") + bytes(16)
        tail = bytes((relays, reply.inputs))
        return _message(Function.STATUS, reply.serial, head + sensors + bytes((reply.error,)) + bytes(12) + tail)
    if isinstance(reply, DoorControl):
        return _message(reply.function, reply.serial, bytes((reply.door, reply.mode, reply.delay_s)))
    if isinstance(reply, Done):
        return _message(reply.function, reply.serial, bytes((reply.succeeded,)))
    return _message(Function.CARDS, reply.serial, reply.count.to_bytes(4, "little"))


def decode_reply(frame: bytes) -> Reply:
    """One message as the host takes it. Raises FrameError for anything the board cannot have meant."""
    function, serial = _head(frame)
    if function is Function.DEVICE:
        digits = frame[26:32].hex()
        if not digits.isdecimal():
            raise FrameError(f"version and date {digits} are no decimal digits")
        return Device(serial, f"{int(digits[:2])}.{digits[2:4]}", digits[4:])
    if function is Function.STATUS:
        return _status(serial, frame)
    if function in OF_ONE_DOOR:
        return DoorControl(serial, function, *frame[_BODY : _BODY + 3])
    if function is Function.CARDS:
        return Cards(serial, int.from_bytes(frame[_BODY : _BODY + 4], "little"))
    return Done(serial, function, _flag(frame[_BODY]))


def _status(serial: int, frame: bytes) -> Status:
    flags = [_flag(byte) for byte in frame[28:36]]
    relays = frame[49]
    doors = range(1, DOORS + 1)
    return Status(
        serial,
        open=frozenset(door for door in doors if flags[door - 1]),
        pressed=frozenset(door for door in doors if flags[DOORS + door - 1]),
        relays=frozenset(door for door in doors if relays >> door - 1 & 1),
        inputs=Input(frame[50] & (Input.FORCED_LOCK | Input.FIRE_ALARM)),
        error=frame[36],
        event=int.from_bytes(frame[8:12], "little"),
    )


def _flag(byte: int) -> bool:
    if byte > 1:
        raise FrameError(f"{byte:#04x} is neither yes nor no")
    return byte == 1


# --- the client end ---------------------------------------------------------------------------------------------


class UhppoteClient:
    """One open request at a time. A reply must fit in serial number, function and door.

    A message carries no number, so two consecutive requests of one form get a harmless read between them, and when
    a second message comes within an exchange none is taken.
    """

    def __init__(self, serial: int) -> None:
        self._spacers = (read_status(serial), count_cards(serial))
        self._last: tuple[Function, int] | None = None
        self._request: Request | None = None
        self._buffer = b""
        self._rejected: str | None = None

    def spacer(self, request: Request) -> Request | None:
        """The harmless read that must go first, when `request` repeats the form of the last one."""
        if _form(request) != self._last:
            return None
        return next(read for read in self._spacers if _form(read) != self._last)

    def send(self, request: Request) -> bytes:
        """Begin a request and give its bytes. Raises ValueError for a repeated form."""
        if self.spacer(request) is not None:
            raise ValueError("two consecutive requests of one form; send the spacer first")
        self._last, self._request = _form(request), request
        self._buffer, self._rejected = b"", None
        return encode_request(request)

    def receive(self, data: bytes) -> Reply | None:
        """Feed what came. Returns the fitting reply; with any other message beside it, nothing."""
        if self._request is None:
            return None
        self._buffer = (self._buffer + data)[-SIZE * SIZE :]
        at = _message_at(self._buffer)
        if at is None:
            return None
        frame, rest = self._buffer[at : at + SIZE], self._buffer[at + SIZE :]
        if self._rejected is None:
            reply = self._judge(self._request, frame)
            if reply is not None and _message_at(rest) is None:
                self._request, self._buffer = None, b""
                return reply
            self._rejected = self._rejected or "more than one message answered: a late reply, or a second controller"
        self._buffer = rest
        return None

    def _judge(self, request: Request, frame: bytes) -> Reply | None:
        try:
            reply = decode_reply(frame)
        except FrameError as error:
            self._rejected = str(error)
            return None
        if request.serial not in (0, reply.serial):
            self._rejected = f"serial number {reply.serial} answered, {request.serial} was asked"
        elif frame[1] != request.function:
            self._rejected = f"answered function {frame[1]:#04x}, asked {int(request.function):#04x}"
        elif isinstance(reply, DoorControl) and reply.door != request.body[0]:
            self._rejected = f"answered for door {reply.door}, asked for {request.body[0]}"
        return reply if self._rejected is None else None

    def silence(self) -> None:
        """The line fell silent: what is in hand is not going to become a message."""
        if self._buffer:
            self._rejected = self._rejected or f"{len(self._buffer)} bytes that are no message"
            self._buffer = b""

    @property
    def pending(self) -> bool:
        """True while part of a message is in hand."""
        return bool(self._buffer)

    def abandon(self) -> str | None:
        """Give the open request up. Says what came instead of its reply, None when nothing came."""
        self.silence()
        self._request = None
        return self._rejected

    def unasked(self, data: bytes) -> bool:
        """Whether there is a whole message in bytes that nobody asked for."""
        return _message_at(data) is not None


def _form(request: Request) -> tuple[Function, int]:
    return request.function, request.body[0] if request.function in OF_ONE_DOOR else 0


def _message_at(data: bytes) -> int | None:
    """Where a whole message of a function we speak begins; None when there is none."""
    for at in range(len(data) - SIZE + 1):
        if data[at] == _START and data[at + 1] in set(Function):
            return at
    return None
