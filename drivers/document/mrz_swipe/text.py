"""Readers that send lines of text, both ends: hand-held imagers, and slots set to a prefix and a suffix.

Lines end with CR, LF or both; the whole may stand between STX and ETX. Honeywell imagers start at `SYN T CR`, stop at
`SYN U CR` (Honeywell serial programming commands; LorenzoArcidiacono/demo_uptek), and end the last line with silence.
Other vendors' prefixes were not verified. Setting a reader up (`SYN M CR ...`) is for the bench, not for the lane.
"""

from drivers.document.mrz_swipe.framing import MOST_BYTES, SHAPES, Event, Flaw, zone_of

STX, ETX = b"\x02", b"\x03"
TRIGGER, RELEASE = b"\x16T\r", b"\x16U\r"
_TRIGGER_AGAIN_S = 20.0
_TOO_LONG = f"more than {MOST_BYTES} bytes came without a zone; check the baud rate and the reader's settings"


def encode(lines: tuple[str, ...], *, line_end: bytes = b"\r", framed: bool = False, last_end: bool = True) -> bytes:
    """The device end: a zone as such a reader sends it. `last_end`: whether the last line is ended too."""
    text = line_end.join(line.encode("ascii") for line in lines) + (line_end if last_end else b"")
    return STX + text + ETX if framed else text


class TriggerDevice:
    """The device end of trigger and release: finds the commands in what comes."""

    def __init__(self) -> None:
        self.reading = False
        self._buffer = b""

    def receive(self, data: bytes) -> None:
        """Feed what came; `reading` follows."""
        self._buffer += data
        while self._buffer:
            command, rest = self._buffer[:3], self._buffer[3:]
            if command in (TRIGGER, RELEASE):
                self.reading = command == TRIGGER
                self._buffer = rest
            elif len(command) < 3 and (TRIGGER.startswith(command) or RELEASE.startswith(command)):
                return
            else:
                self._buffer = self._buffer[1:]


class TextLines:
    """The host end. `framed`: the text stands between STX and ETX. `trigger`: the imager is started and stopped.

    Without a frame a zone is whole when its last line has ended, or when silence follows its last character.
    """

    name = "serial MRZ reader"

    def __init__(self, *, framed: bool = False, trigger: bool = False) -> None:
        self.noise = 0
        # An imager gives up by itself after a while (30 s as delivered).
        self.ask_again_s: float | None = _TRIGGER_AGAIN_S if trigger else None
        self._framed, self._trigger = framed, trigger
        self._buffer = b""
        self._skipping = False

    def begin(self) -> bytes:
        """The trigger, if it has one."""
        return TRIGGER if self._trigger else b""

    def end(self) -> bytes:
        """The trigger's release."""
        return RELEASE if self._trigger else b""

    def reset(self) -> None:
        """Forget what has come so far."""
        self._buffer, self._skipping = b"", False

    @property
    def pending(self) -> bool:
        """True while part of a zone, or what is skipped, is in hand."""
        return bool(self._buffer) or self._skipping

    def receive(self, data: bytes) -> list[Event]:
        """Feed what came; zones and flaws that are whole now."""
        found: list[Event] = []
        for byte in data:
            event = self._byte(bytes((byte,)))
            if event is not None:
                found.append(event)
        return found

    def _byte(self, char: bytes) -> Event | None:
        if self._framed and char == STX:
            cut, self._buffer, self._skipping = self._buffer, STX, False
            return Flaw("a frame broke off and another began") if cut else None
        if self._skipping or (self._framed and not self._buffer):
            self.noise += 1
            return None
        if not self._framed and not self._buffer and char in (b"\r", b"\n"):
            return None
        self._buffer += char
        if len(self._buffer) > MOST_BYTES:
            self._buffer, self._skipping = b"", True
            return Flaw(_TOO_LONG)
        if self._framed:
            return self._taken() if char == ETX else None
        return self._taken() if char in (b"\r", b"\n") and self._complete() else None

    def _lines(self) -> list[bytes]:
        text = self._buffer.removeprefix(STX).removesuffix(ETX) if self._framed else self._buffer
        return [line for line in text.replace(b"\n", b"\r").split(b"\r") if line]

    def _complete(self) -> bool:
        lines = self._lines()
        return any(len(lines) == count and len(lines[0]) == length for count, length in SHAPES)

    def _taken(self) -> Event:
        event = zone_of(self._lines())
        self._buffer = b""
        return event

    def silence(self) -> Event | None:
        """Without a frame the end of what was read; in a frame it has broken off."""
        self._skipping = False
        if not self._buffer:
            return None
        if self._framed:
            self._buffer = b""
            return Flaw("a frame broke off")
        return self._taken()
