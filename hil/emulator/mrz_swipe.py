"""MRZ readers at the wire: a swipe reader, a slot that is asked or armed, an imager behind a trigger.

Written from the vendors' pages and public code; no real reader has been compared with them. What a document does to the
reader comes out of `swipe` as bytes that the reader sends unasked: put them on the line. Safe to use from two threads.
"""

import threading
from typing import Protocol

from drivers.document.mrz_swipe import idbox, rte_native, text
from drivers.document.mrz_swipe.idbox import Message

Lines = tuple[str, ...]


class SwipeEmulator(Protocol):
    """The device end of a reader."""

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it would read a document now."""
        ...

    def swipe(self, lines: Lines) -> bytes:
        """A document goes through or in: what the reader sends at once."""
        ...

    def remove(self) -> None:
        """The document is out again."""
        ...


class RteSwipe:
    """3M RTE6701: sends a block a swipe, hears nothing."""

    def __init__(self, *, check: rte_native.Check = rte_native.Check.XOR_AFTER_SOH) -> None:
        self._check = check

    def handle(self, data: bytes) -> bytes:  # noqa: ARG002 - of every emulator
        """Nothing: it takes no commands."""
        return b""

    @property
    def ready(self) -> bool:
        """Always."""
        return True

    def swipe(self, lines: Lines) -> bytes:
        """The block."""
        return rte_native.encode(lines, check=self._check)

    def remove(self) -> None:
        """Nothing: a document went through."""


class IdboxSlot:
    """Elyctis IDBOX One: a slot in which a document stays until `remove`.

    `keeps`: whether an inquiry after the removal still answers with the last zone; the manual does not say.
    """

    def __init__(self, *, keeps: bool = False) -> None:
        self.armed = False
        self._keeps = keeps
        self._inside: Lines = ()
        self._messages = idbox.Messages()
        self._lock = threading.Lock()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            return b"".join(self._answer(message) for message in self._messages.receive(data))

    def _answer(self, message: Message) -> bytes:
        told = {idbox.PRODUCT: b"IDBOX One 1.0", idbox.VERSION: b"1.7", idbox.SERIAL: b"EMU0001"}
        if message.command in told:
            return idbox.encode(Message(message.command, told[message.command]))
        if message.command == idbox.INQUIRE:
            return idbox.zone_message(self._inside)
        if message.command == idbox.CONTINUOUS:
            self.armed = message.data == b"\x01"
            return idbox.encode(message) + self._read()
        return b""

    @property
    def ready(self) -> bool:
        """Whether it is armed."""
        return self.armed

    def _read(self) -> bytes:
        """In continuous reading the document inside, once; then the mode is off."""
        if not self.armed or not self._inside:
            return b""
        self.armed = False
        return idbox.zone_message(self._inside)

    def swipe(self, lines: Lines) -> bytes:
        """Put a document in."""
        with self._lock:
            self._inside = lines
            return self._read()

    def remove(self) -> None:
        """Take it out."""
        with self._lock:
            if not self._keeps:
                self._inside = ()


class TextReader:
    """Sends lines. `trigger`: only while triggered, and once. `framed`, `last_end` as in `text.encode`."""

    def __init__(self, *, framed: bool = False, trigger: bool = False, last_end: bool = True) -> None:
        self._framed, self._trigger, self._last_end = framed, trigger, last_end
        self._commands = text.TriggerDevice()
        self._lock = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether it has been triggered, if it must."""
        return not self._trigger or self._commands.reading

    def handle(self, data: bytes) -> bytes:
        """The trigger; never an answer."""
        with self._lock:
            self._commands.receive(data)
        return b""

    def swipe(self, lines: Lines) -> bytes:
        """The lines, or nothing while not triggered."""
        with self._lock:
            if not self.ready:
                return b""
            self._commands.reading = False
            return text.encode(lines, framed=self._framed, last_end=self._last_end)

    def remove(self) -> None:
        """Nothing: a document was held before it."""
