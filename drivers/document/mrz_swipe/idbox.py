"""Elyctis IDBOX One, both ends: `command L1 L2 data`, length with the high byte first, in both directions.

`49 00 00` asks for the zone, `43 00 01 01` arms reading by itself until one zone is read; a document that stays in
the slot is read again after `43 00 01 00`. Source: Elyctis, IDBOX One Scanner Command Set v1.7. `V`, `R`, `T` (version,
serial number, product) and lines ended by CR as public code has them (a .NET integration). Assumed: an inquiry without
a document answers with length 0. Not used: presence messages, whose page was not seen.
"""

from dataclasses import dataclass

from drivers.document.mrz_swipe.framing import MOST_BYTES, Event, Flaw, zone_of

INQUIRE, CONTINUOUS, VERSION, SERIAL, PRODUCT = b"I", b"C", b"V", b"R", b"T"
_HEAD = 3
_ASK_S = 0.3
_ARM_S = 10.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message: a letter and its data."""

    command: bytes
    data: bytes = b""


def encode(message: Message) -> bytes:
    """A message as it goes on the wire, from either end."""
    return message.command + len(message.data).to_bytes(2, "big") + message.data


ARM, DISARM = (encode(Message(CONTINUOUS, state)) for state in (b"\x01", b"\x00"))


class Messages:
    """Finds messages in what comes, at either end. What no message begins with is skipped and counted as noise."""

    def __init__(self) -> None:
        self.noise = 0
        self._buffer = b""

    @property
    def pending(self) -> bool:
        """True while part of a message is in hand."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> list[Message]:
        """Feed what came; messages that are whole now, in order."""
        self._buffer += data
        found: list[Message] = []
        while self._buffer:
            length = int.from_bytes(self._buffer[1:_HEAD], "big")
            if not self._buffer[:1].isupper() or length > MOST_BYTES:
                self.noise += 1
                self._buffer = self._buffer[1:]
            elif len(self._buffer) < _HEAD or len(self._buffer) < _HEAD + length:
                break
            else:
                found.append(Message(self._buffer[:1], self._buffer[_HEAD : _HEAD + length]))
                self._buffer = self._buffer[_HEAD + length :]
        return found

    def drop(self) -> bool:
        """Give up the part of a message in hand; whether there was one."""
        had, self._buffer = self.pending, b""
        return had


class Idbox:
    """The host end. Continuous reading by default; `inquire` asks again and again instead.

    Asked so, the box may answer with the document before: its zone is taken again only after an answer without one.
    """

    name = "Elyctis IDBOX"

    def __init__(self, *, inquire: bool = False) -> None:
        self.ask_again_s: float | None = _ASK_S if inquire else _ARM_S
        self._inquire = inquire
        self._messages = Messages()
        self._last: Event | None = None

    @property
    def noise(self) -> int:
        """Bytes outside of any message."""
        return self._messages.noise

    @property
    def pending(self) -> bool:
        """True while part of a message is in hand."""
        return self._messages.pending

    def begin(self) -> bytes:
        """The inquiry, or continuous reading put off and on: so the document in the slot counts as new."""
        return encode(Message(INQUIRE)) if self._inquire else DISARM + ARM

    def end(self) -> bytes:
        """Continuous reading off."""
        return b"" if self._inquire else DISARM

    def reset(self) -> None:
        """Forget what has come so far."""
        self._messages.drop()

    def receive(self, data: bytes) -> list[Event]:
        """Feed what came; zones and flaws that are whole now."""
        events = [self._answer(message.data) for message in self._messages.receive(data) if message.command == INQUIRE]
        return [event for event in events if event is not None]

    def _answer(self, data: bytes) -> Event | None:
        if not data:
            self._last = None
            return None if self._inquire else Flaw("nothing was read")
        event = zone_of([line for line in data.replace(b"\n", b"\r").split(b"\r") if line])
        if self._inquire and event == self._last:
            return None
        self._last = event
        return event

    def silence(self) -> Event | None:
        """A message that has not ended by now will not."""
        return Flaw("a message broke off") if self._messages.drop() else None


def zone_message(lines: tuple[str, ...]) -> bytes:
    """The device end: a zone, each line ended by CR."""
    return encode(Message(INQUIRE, b"".join(line.encode("ascii") + b"\r" for line in lines)))
