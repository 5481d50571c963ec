"""Numato lines, both ends: a command and CR; the module echoes it, answers at most one line and gives a prompt.

Sources: numato/samplecode, NumatoLab/NumatoIO_Python; transcripts in public code:
"gpio read 0" CR gives "gpio read 0" LF CR "1" LF CR ">", and "relay readall" CR gives hex digits in the same way.
Relay and gpio numbers above 9 are one letter: 10 is A, 31 is V. No check, no watchdog; a switched relay latches.
What the module says to a line it does not know is not documented: here it gives the prompt alone.
"""

import re
from dataclasses import dataclass
from typing import Protocol

PROMPT = b">"
NEWLINE = b"\n\r"
LARGEST = 32
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
_BUFFER_LIMIT = 256
_LINE_LIMIT = 64
_ORDER = re.compile(rb"(relay (?:on|off|read)|gpio read) ([0-9A-V])")
_WRITE_ALL = re.compile(rb"relay writeall ([0-9A-Fa-f]{1,8})")


@dataclass(frozen=True, slots=True)
class Command:
    """One line for the module; `answers` when it gives a line of its own before the prompt."""

    text: str
    answers: bool


def index(number: int) -> str:
    """A relay or gpio number in the module's writing. Raises ValueError above 31; larger modules count otherwise."""
    if not 0 <= number < LARGEST:
        raise ValueError(f"{number}: numbers are 0 to {LARGEST - 1}")
    return _DIGITS[number]


def switch(relay: int, on: bool) -> Command:
    """Switch a relay, for good."""
    return Command(f"relay {'on' if on else 'off'} {index(relay)}", answers=False)


def read_relay(relay: int) -> Command:
    """ "on" or "off"."""
    return Command(f"relay read {index(relay)}", answers=True)


def read_gpio(pin: int) -> Command:
    """ "1" or "0"; one source says "on" or "off"."""
    return Command(f"gpio read {index(pin)}", answers=True)


READ_ALL = Command("relay readall", answers=True)
VERSION = Command("ver", answers=True)
MODULE_ID = Command("id get", answers=True)


def state(answer: str) -> bool | None:
    """A relay's or pin's state in words or digits; None for anything else."""
    return {"on": True, "1": True, "off": False, "0": False}.get(answer)


def mask(answer: str, relays: int) -> int | None:
    """The states of all relays, bit 0 is relay 0; None when the width or a bit is not of a module of this size."""
    widths = {-(-relays // 4), 2} if relays <= 8 else {relays // 4}
    if len(answer) not in widths or not re.fullmatch("[0-9A-Fa-f]+", answer):
        return None
    value = int(answer, 16)
    return value if value >> relays == 0 else None


class NumatoClient:
    """The host end. The echo must be exactly the command: a line that lost or gained a character is no reply.

    The echo proves what arrived now. Left-overs of an earlier torn write stand before it in the module's buffer,
    were echoed then, and spoil this command unseen: only reading the relay back tells.
    """

    def __init__(self) -> None:
        self._command: Command | None = None
        self._buffer = b""
        self._rejected: str | None = None

    def spacer(self, request: Command) -> Command | None:  # noqa: ARG002 - the session asks every protocol
        """None: the echo tells replies to different commands apart."""
        return None

    def send(self, request: Command) -> bytes:
        """Begin a request and give its bytes."""
        self._command, self._buffer, self._rejected = request, b"", None
        return request.text.encode("ascii") + b"\r"

    def receive(self, data: bytes) -> str | None:
        """Feed what came: the answer's line, or an empty text for a command without one."""
        if self._command is None or self._rejected is not None:
            return None
        self._buffer = (self._buffer + data)[-_BUFFER_LIMIT:]
        if PROMPT not in self._buffer:
            return None
        line = rb"([\x21-\x3D\x3F-\x7E]{1,32})[\r\n]+" if self._command.answers else b"()"
        pattern = rb"[\r\n]*" + re.escape(self._command.text.encode("ascii")) + rb"[\r\n]+" + line + PROMPT
        found = re.fullmatch(pattern, self._buffer)
        if found is None:
            self._rejected = f"{self._command.text!r} was answered by {self._buffer[:48]!r}"
            self._buffer = b""
            return None
        self._command, self._buffer = None, b""
        return found[1].decode("ascii")

    def silence(self) -> None:
        """The line fell silent inside a reply. The prompt may still come: a module answers when it is done."""

    @property
    def pending(self) -> bool:
        """True while part of a reply is in hand."""
        return bool(self._buffer)

    def abandon(self) -> str | None:
        """Give the request up; says what came instead of its reply."""
        if self._command is not None and self._buffer and self._rejected is None:
            self._rejected = f"{self._command.text!r} got no prompt, only {self._buffer[:48]!r}"
        self._command, self._buffer = None, b""
        return self._rejected

    def unasked(self, data: bytes) -> bool:  # noqa: ARG002 - the session asks every protocol
        """Never: a late answer carries another command's echo."""
        return False


class Model(Protocol):
    """What lies behind the device end."""

    version: str
    module_id: str

    @property
    def relays(self) -> int:
        """Number of relays."""
        ...

    @property
    def pins(self) -> int:
        """Number of gpio pins."""
        ...

    def switch(self, relay: int, on: bool) -> None:
        """Switch a relay."""
        ...

    def relay(self, number: int) -> bool:
        """The state of a relay."""
        ...

    def pin(self, number: int) -> bool:
        """The level of a pin."""
        ...


class NumatoServer:
    """The device end: collects characters until CR, which may take several writes, then carries the line out.

    The command words are taken in small letters and with one blank, as documented; real firmware may be laxer.
    """

    def __init__(self, model: Model, *, knows_all: bool = True) -> None:
        self._model = model
        self._knows_all = knows_all
        self._line = b""

    def receive(self, data: bytes) -> bytes:
        """What came in, echoed, with the answers among it."""
        *ended, rest = data.split(b"\r")
        sent = b""
        for piece in ended:
            line = (self._line + piece).replace(b"\n", b"")
            self._line = b""
            answer = self._carry_out(line)
            sent += piece + NEWLINE + (answer + NEWLINE if answer is not None else b"") + PROMPT
        self._line = (self._line + rest)[-_LINE_LIMIT:]
        return sent + rest

    def _carry_out(self, line: bytes) -> bytes | None:
        if line == b"ver":
            return self._model.version.encode("ascii")
        if line == b"id get":
            return self._model.module_id.encode("ascii")
        order = _ORDER.fullmatch(line)
        if order is not None:
            return self._order(order[1], _DIGITS.index(order[2].decode("ascii")))
        return self._all(line) if self._knows_all else None

    def _order(self, verb: bytes, number: int) -> bytes | None:
        if number >= (self._model.pins if verb == b"gpio read" else self._model.relays):
            return None
        if verb == b"gpio read":
            return b"1" if self._model.pin(number) else b"0"
        if verb == b"relay read":
            return b"on" if self._model.relay(number) else b"off"
        self._model.switch(number, verb == b"relay on")
        return None

    def _all(self, line: bytes) -> bytes | None:
        relays = self._model.relays
        if line == READ_ALL.text.encode("ascii"):
            value = sum(self._model.relay(number) << number for number in range(relays))
            return b"%0*X" % (max(2, -(-relays // 4)), value)
        wanted = _WRITE_ALL.fullmatch(line)
        if wanted is not None and int(wanted[1], 16) >> relays == 0:
            for number in range(relays):
                self._model.switch(number, bool(int(wanted[1], 16) >> number & 1))
        return None
