"""LCUS frames, both ends: A0, channel, operation, sum of the three; FF asks for the state of all channels.

Sources: public driver code, for A0 frames jarwyg/USB_RELAY and exmakhina/xm_tesmes, besides some with
transcripts of real boards for both forms of the status answer: one byte a channel (01 on, 00 off), or one line of ten
characters a channel ("CH1: ON " and "CH2: OFF", each with CR LF; other code shows "CH1:OFF "). Commands get no answer.
Not here: the pause a board needs between a command and a query (board), and any clock.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

HEADER = 0xA0
QUERY = 0xFF
ALL_CHANNELS = 0x0F
CHANNELS = 8
FRAME_BYTES = 4
_LINE_LIMIT = 12
_LINE = re.compile(rb"CH(\d):[ \t]*(ON|OFF)[ \t]*")


class StatusForm(StrEnum):
    """How a board answers FF; it is told by no version number, so it is found out."""

    RAW = "raw bytes"
    TEXT = "text lines"


class StatusError(ValueError):
    """The bytes cannot be, or become, the status answer of a board of this size."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Switch a channel (from 1) on or off, for good: the board keeps it until told otherwise."""

    channel: int
    on: bool


@dataclass(frozen=True, slots=True)
class Query:
    """Ask for all states."""


Command = Switch | Query


@dataclass(frozen=True, slots=True)
class Status:
    """The states of all channels, as the firmware sees them, and the form they came in."""

    form: StatusForm
    states: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Carry out `switches`, then ask for the states. Without switches it changes nothing."""

    switches: tuple[Switch, ...] = ()


def encode_command(command: Command) -> bytes:
    """The command as it goes on the wire."""
    if isinstance(command, Query):
        return bytes((QUERY,))
    body = bytes((HEADER, command.channel, int(command.on)))
    return body + bytes((sum(body) & 0xFF,))


def encode_status(form: StatusForm, states: tuple[bool, ...]) -> bytes:
    """The status answer of the device end."""
    if form is StatusForm.RAW:
        return bytes(states)
    return b"".join(b"CH%d: %-3s\r\n" % (number, b"ON" if on else b"OFF") for number, on in enumerate(states, 1))


def decode_status(data: bytes, relays: int) -> Status | None:
    """The status answer in `data`, None while it may still become one. Raises StatusError when it cannot."""
    if data[:1] in (b"\x00", b"\x01"):
        if len(data) > relays or not set(data) <= {0, 1}:
            raise StatusError(f"{len(data)} bytes are no {relays} states: {data[:16].hex(' ')}")
        return Status(StatusForm.RAW, tuple(byte == 1 for byte in data)) if len(data) == relays else None
    *lines, rest = data.split(b"\r\n")
    if len(lines) > relays or (len(lines) == relays and rest):
        raise StatusError(f"more than {relays} channels answer")
    if not b"CH".startswith(rest[:2]) or len(rest) > _LINE_LIMIT:
        raise StatusError(f"no status line: {rest[:16].hex(' ')}")
    states = []
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if found is None or int(found[1]) != number:
            raise StatusError(f"no status line of channel {number}: {line[:16]!r}")
        states.append(found[2] == b"ON")
    return Status(StatusForm.TEXT, tuple(states)) if len(states) == relays else None


def split_frames(data: bytes) -> list[bytes]:
    """What `LcusClient.send` gave, frame by frame: commands of four bytes, then the query."""
    frames = [data[start : start + FRAME_BYTES] for start in range(0, len(data) - 1, FRAME_BYTES)]
    return [*frames, data[-1:]]


class LcusClient:
    """The host end. Every request ends with a query, because a command alone is never answered.

    There is one form of answer, so nothing in it tells one reply from another; only the session's drain after a
    failure keeps a late one away.
    """

    def __init__(self, relays: int) -> None:
        if not 1 <= relays <= CHANNELS:
            raise ValueError(f"{relays} relays: an LCUS board has 1 to {CHANNELS}")
        self._relays = relays
        self._form: StatusForm | None = None
        self._open = False
        self._buffer = b""
        self._rejected: str | None = None

    def spacer(self, request: Ask) -> Ask | None:  # noqa: ARG002 - the session asks every protocol
        """None: there is no second form of answer to put between."""
        return None

    def send(self, request: Ask) -> bytes:
        """Begin a request and give its bytes. Raises ValueError for a channel the board has not."""
        for switch in request.switches:
            if not 1 <= switch.channel <= self._relays:
                raise ValueError(f"channel {switch.channel}: the board has 1 to {self._relays}")
        self._open, self._buffer, self._rejected = True, b"", None
        commands: tuple[Command, ...] = (*request.switches, Query())
        return b"".join(encode_command(command) for command in commands)

    def receive(self, data: bytes) -> Status | None:
        """Feed what came. After one wrong byte nothing more is taken for this request."""
        if not self._open or self._rejected is not None:
            return None
        self._buffer += data
        try:
            status = decode_status(self._buffer, self._relays)
        except StatusError as error:
            self._rejected = str(error)
            return None
        if status is None:
            return None
        if self._form not in (None, status.form):
            self._rejected = f"the answer came as {status.form}, before as {self._form}"
            return None
        self._form, self._open, self._buffer = status.form, False, b""
        return status

    def silence(self) -> None:
        """The line fell silent: a part of an answer will not become whole."""
        if self._buffer and self._rejected is None:
            self._rejected = f"{len(self._buffer)} bytes of a status answer and no more: {self._buffer[:16].hex(' ')}"
        self._buffer = b""

    @property
    def pending(self) -> bool:
        """True while part of an answer is in hand."""
        return bool(self._buffer)

    def abandon(self) -> str | None:
        """Give the request up; says what came instead of its answer."""
        self.silence()
        self._open = False
        return self._rejected

    def unasked(self, data: bytes) -> bool:  # noqa: ARG002 - the session asks every protocol
        """Never: its answers have no frame to tell from noise."""
        return False


class LcusDevice:
    """The device end: finds commands in what comes; a frame with a wrong sum is dropped and looked through again.

    `all_channels`: some clones take channel 0F for all. How real firmware finds back to a frame is not known.
    """

    def __init__(self, relays: int = CHANNELS, *, all_channels: bool = False) -> None:
        self._relays = relays
        self._all_channels = all_channels
        self._buffer = b""

    def receive(self, data: bytes) -> tuple[Command, ...]:
        """Commands that are whole now, in order."""
        self._buffer += data
        found: list[Command] = []
        while self._buffer:
            if self._buffer[0] == QUERY:
                found.append(Query())
                self._buffer = self._buffer[1:]
            elif self._buffer[0] != HEADER:
                self._buffer = self._buffer[1:]
            elif len(self._buffer) < FRAME_BYTES:
                break
            else:
                command = self._decode(self._buffer[:FRAME_BYTES])
                self._buffer = self._buffer[1 if command is None else FRAME_BYTES :]
                if command is not None:
                    found.append(command)
        return tuple(found)

    def _decode(self, frame: bytes) -> Switch | None:
        _, channel, operation, check = frame
        if check != sum(frame[:3]) & 0xFF or operation > 1:
            return None
        known = 1 <= channel <= self._relays or (self._all_channels and channel == ALL_CHANNELS)
        return Switch(channel, operation == 1) if known else None
