"""The chip behind pcscd's virtual reader (vsmartcard-vpcd): real PC/SC, on this machine only.

A message is two octets of length, big endian, then so many octets: one octet is a control code, more are a command.
Either vpcd connects out to us (`serve`): it has two slots, on two ports one after the other, and both must be listened
on from before it starts until after it ends, or vpcd 3.3 aborts pcscd; so does a card that is pulled. That is a file
for `pcscd --foreground --config FILE`:

    FRIENDLYNAME "Virtual passport"
    DEVICENAME   127.0.0.1:0x8C7B
    LIBPATH      /usr/lib/pcsc/drivers/serial/libifdvpcd.so
    CHANNELID    0x8C7B

Or it waits for us (`lay`; DEVICENAME /dev/null:0x8C7B): then cards come and go as they should, but it listens on every
address there is. Do that only where there are none but loopback (`hil.pcsc`); the packaged default does it anywhere.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from hil.passport.chip import ATR, Chip
from hil.passport.misbehaviour import CardRemoved, CardSilent

LOOPBACK, PORT, SLOTS = "127.0.0.1", 0x8C7B, 2
_POWER_OFF, _POWER_ON, _RESET, _GET_ATR = 0, 1, 2, 4
_LENGTH = struct.Struct(">H")
_PATIENCE_S = 0.2
"""Between two looks at whether to stop."""


class Deframer:
    """Messages out of whatever pieces the bytes come in."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are whole now."""
        self._kept += data
        while len(self._kept) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._kept)[0]
            if len(self._kept) < end:
                return
            message, self._kept = self._kept[_LENGTH.size : end], self._kept[end:]
            yield message


def frame(message: bytes) -> bytes:
    """A message as it is sent."""
    return _LENGTH.pack(len(message)) + message


class Slot:
    """One slot of the reader, and the chip on it: None for a slot with a card that says nothing but its ATR."""

    def __init__(self, chip: Chip | None) -> None:
        self._chip = chip

    def answer(self, message: bytes) -> bytes | None:
        """What is sent back, None for nothing. Raises CardRemoved."""
        if len(message) == 1:
            if message[0] in (_POWER_OFF, _POWER_ON, _RESET) and self._chip:
                self._chip.reset()
            return ATR if message[0] == _GET_ATR else None
        try:
            return self._chip.process(message) if self._chip and message else b"\x6f\x00"
        except CardSilent:
            return None

    def serve(self, connection: socket.socket, stopping: threading.Event) -> None:
        """Answer until the reader hangs up, or the card is pulled: then we hang up."""
        connection.settimeout(_PATIENCE_S)
        deframer = Deframer()
        while not stopping.is_set():
            try:
                data = connection.recv(65536)
            except TimeoutError:
                continue
            # Without it every command waits 40 ms for a delayed acknowledgement; the kernel forgets it after each.
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if not data or not self._reply(connection, deframer.feed(data)):
                return

    def _reply(self, connection: socket.socket, messages: Iterator[bytes]) -> bool:
        """Whether the card is still there after them."""
        for message in messages:
            try:
                reply = self.answer(message)
            except CardRemoved:
                return False
            if reply is not None:
                connection.sendall(frame(reply))
        return True


@contextmanager
def lay(chip: Chip, port: int = PORT) -> Iterator[None]:
    """The chip on the first slot of a vpcd that waits for it, taken off at the end. Raises OSError when none does."""
    stopping = threading.Event()
    connection = socket.create_connection((LOOPBACK, port))

    def attend() -> None:
        with connection, suppress(ConnectionError):
            Slot(chip).serve(connection, stopping)

    thread = threading.Thread(target=attend, name="chip")
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def listen(stack: ExitStack, port: int = PORT) -> list[socket.socket]:
    """Sockets for both slots, closed with the stack. Raises OSError when a port is taken."""
    return [stack.enter_context(socket.create_server((LOOPBACK, port + slot))) for slot in range(SLOTS)]


def serve(chip: Chip, servers: list[socket.socket], until: Callable[[], object]) -> None:
    """Lay the chip on the first slot while `until` blocks; every connection is a fresh presentation."""
    stopping = threading.Event()

    def attend(server: socket.socket, slot: Slot) -> None:
        server.settimeout(_PATIENCE_S)
        while not stopping.is_set():
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    slot.serve(connection, stopping)

    threads = [
        threading.Thread(target=attend, args=(server, Slot(None if number else chip)), name=f"slot {number}")
        for number, server in enumerate(servers)
    ]
    for thread in threads:
        thread.start()
    try:
        until()
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
