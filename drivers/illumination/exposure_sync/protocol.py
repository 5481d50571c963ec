"""The exposure-sync line protocol, profile XS1, both ends: lines with a tag and a check, to values and back.

Its words are those of the labcams synchroniser firmware (github.com/jcouto/labcams, duino); README.md beside this
file gives every line byte by byte. Not here: what a command does (firmware, emulator) and waiting (session).
"""

import re
from dataclasses import dataclass

from drivers.modbus.frames import crc16

PROFILE = "XS1"
LONGEST_LINE = 160
LONGEST_ORDER = 64
LOG_LINES_PER_REPLY = 4
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""One digit of an order: 0 is dark, every other the place of an LED, from 1."""
MOST_LEDS = len(DIGITS) - 1
_LED = re.compile(r"[0-9]{3,4}[A-Z]")
_BODY = re.compile(r"[A-Z](_[A-Za-z0-9.\-]+)*")
_LINE = re.compile(rb"@([ -)+-}]+)~([0-9A-F]{2})\*([0-9A-F]{4})\n")

CAPABILITY, PULSE, ZERO, ORDER, ARM, STOP, LOG, ERROR = "Q", "P", "Z", "O", "N", "S", "L", "E"
ERRORS = {
    "1": "unknown command",
    "2": "wrong number or form of arguments",
    "3": "beyond the limits of this unit",
    "4": "no order is loaded",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a command letter with its arguments, and the tag that ties a reply to its request (0 to 255)."""

    command: str
    arguments: tuple[str, ...]
    tag: int


def encode(line: Line) -> bytes:
    """The line as it goes on the wire. Raises ValueError when it does not fit the grammar or the length."""
    body = "_".join((line.command, *line.arguments))
    if _BODY.fullmatch(body) is None or not 0 <= line.tag <= 0xFF:
        raise ValueError(f"not a line of profile {PROFILE}: {body!r}, tag {line.tag}")
    checked = f"@{body}~{line.tag:02X}".encode("ascii")
    frame = checked + f"*{crc16(checked):04X}\n".encode("ascii")
    if len(frame) > LONGEST_LINE:
        raise ValueError(f"a line has at most {LONGEST_LINE} bytes, this one {len(frame)}")
    return frame


def decode(frame: bytes) -> Line | None:
    """One line from `@` to newline; None when grammar, length or check do not fit."""
    if len(frame) > LONGEST_LINE:
        return None
    match = _LINE.fullmatch(frame)
    if match is None or crc16(frame[: match.start(3) - 1]) != int(match[3], 16):
        return None
    body = match[1].decode("ascii")
    if _BODY.fullmatch(body) is None:
        return None
    command, *arguments = body.split("_")
    return Line(command, tuple(arguments), int(match[2], 16))


class LineReader:
    """Cuts a stream of bytes into lines. A new `@` starts afresh, so a torn line never joins the next."""

    def __init__(self) -> None:
        self._partial = b""

    @property
    def pending(self) -> bool:
        """True while part of a line is in hand."""
        return bool(self._partial)

    def feed(self, data: bytes) -> tuple[list[Line], list[bytes]]:
        """Whole lines that fit, and the pieces that did not."""
        lines, rejected = [], []
        *whole, self._partial = (self._partial + data).split(b"\n")
        for text in whole:
            start = max(text.rfind(b"@"), 0)
            line = decode(text[start:] + b"\n")
            if line is None or start > 0:
                rejected.append(text[:start] if line is not None else text)
            if line is not None:
                lines.append(line)
        if len(self._partial) > LONGEST_LINE:
            rejected.append(self._partial)
            self._partial = b""
        return lines, rejected

    def drop(self) -> bytes:
        """Forget the part in hand, and give it."""
        partial, self._partial = self._partial, b""
        return partial


@dataclass(frozen=True, slots=True)
class Ask:
    """What the host asks; the client adds the tag."""

    command: str
    arguments: tuple[str, ...] = ()


class ExposureSyncClient:
    """The host end: one open request; only the line with its tag, for its command, is its reply."""

    def __init__(self) -> None:
        self._reader = LineReader()
        self._tag = 0
        self._open: Line | None = None
        self._rejected: str | None = None

    def spacer(self, _request: Ask) -> Ask | None:
        """None is ever needed: the tag tells a late reply from the right one."""
        return None

    def send(self, request: Ask) -> bytes:
        """Begin a request and give its line."""
        self._tag = (self._tag + 1) % 256
        self._open = Line(request.command, request.arguments, self._tag)
        self._rejected = None
        self._reader.drop()
        return encode(self._open)

    def receive(self, data: bytes) -> Line | None:
        """Feed what came; the reply once its line is whole."""
        lines, rejected = self._reader.feed(data)
        for piece in rejected:
            self._rejected = f"garbled line: {piece[:24]!r}"
        for line in lines:
            asked = self._open
            if asked is not None and line.tag == asked.tag and line.command in (asked.command, ERROR):
                self._open = None
                return line
            self._rejected = f"a line that answers something else: {line}"
        return None

    def silence(self) -> None:
        """The line fell silent inside a line of text."""
        partial = self._reader.drop()
        if partial:
            self._rejected = f"torn line: {partial[:24]!r}"

    @property
    def pending(self) -> bool:
        """True while part of a line is in hand."""
        return self._reader.pending

    def abandon(self) -> str | None:
        """Give the open request up; says what came instead."""
        self.silence()
        self._open = None
        return self._rejected

    def unasked(self, data: bytes) -> bool:  # noqa: ARG002 - the session asks every protocol
        """Never: a late line carries another tag."""
        return False


class Refused(Exception):
    """The device end says no; `code` is a key of ERRORS."""

    def __init__(self, code: str) -> None:
        super().__init__(ERRORS[code])
        self.code = code


@dataclass(frozen=True, slots=True)
class Capability:
    """What a unit says of itself. Pulse in microseconds, duty in thousandths, lease in milliseconds.

    `leds` by name in the order of their places: nanometres and the side seen from the camera ("850L").
    """

    model: str
    firmware: str
    serial_number: str
    leds: tuple[str, ...]
    longest_pulse_us: int
    highest_duty: int
    longest_lease_ms: int

    def arguments(self) -> tuple[str, ...]:
        """As the arguments of the reply to Q."""
        limits = (str(self.longest_pulse_us), str(self.highest_duty), str(self.longest_lease_ms))
        return (PROFILE, self.model, self.firmware, self.serial_number, "-".join(self.leds), *limits)


def parse_capability(arguments: tuple[str, ...]) -> Capability:
    """Raises ValueError unless it is profile XS1 with 1 to 35 unlike LEDs."""
    if len(arguments) != 8 or arguments[0] != PROFILE:
        raise ValueError(f"not profile {PROFILE}: {'_'.join(arguments)[:40]}")
    leds = tuple(arguments[4].split("-"))
    if not 1 <= len(leds) <= MOST_LEDS or len(set(leds)) != len(leds) or not all(map(_LED.fullmatch, leds)):
        raise ValueError(f"1 to {MOST_LEDS} unlike LEDs (nanometres and a side, 850L) are expected: {arguments[4]}")
    pulse, duty, lease = (number(text) for text in arguments[5:])
    return Capability(arguments[1], arguments[2], arguments[3], leds, pulse, duty, lease)


def number(text: str) -> int:
    """A decimal argument. Raises ValueError for anything but 1 to 19 ASCII digits."""
    if re.fullmatch(r"[0-9]{1,19}", text) is None:
        raise ValueError(f"not a decimal number: {text!r}")
    return int(text)


def digit_of(led: str | None, leds: tuple[str, ...]) -> str:
    """0 for dark, else the place of the LED in the capability, from 1. Raises ValueError for one not fitted."""
    if led is None:
        return DIGITS[0]
    if led not in leds:
        raise ValueError(f"LED {led} is not fitted; this unit has {', '.join(leds)}")
    return DIGITS[leds.index(led) + 1]


def order_digits(order: tuple[str | None, ...], leds: tuple[str, ...]) -> str:
    """The digits of a whole order. Raises ValueError."""
    if not 1 <= len(order) <= LONGEST_ORDER:
        raise ValueError(f"an order has 1 to {LONGEST_ORDER} exposures, not {len(order)}")
    return "".join(digit_of(led, leds) for led in order)


def led_of(digit: str, leds: tuple[str, ...]) -> str | None:
    """The inverse of one digit. Raises ValueError."""
    place = DIGITS.find(digit) if len(digit) == 1 else -1
    if not 0 <= place <= len(leds):
        raise ValueError(f"no LED {digit!r}")
    return None if place == 0 else leds[place - 1]
