"""The strict client end: takes bytes as they come, gives only the reply that fits the one open request.

RTU carries no transaction number, so a late reply can pass for the answer to the next request of equal form. Two
rules close that: no two consecutive requests to one unit with one function (a harmless read is put between), and
a reply must fit in unit, function, length and echo. Not here: waiting, and draining the line (session).
"""

from drivers.modbus.frames import (
    EXCEPTION_BYTES,
    EXCEPTION_FLAG,
    REQUEST_BYTES,
    FrameError,
    Function,
    Read,
    Reply,
    Request,
    crc16,
    decode_reply,
    encode_reply,
    encode_request,
    reply_length,
)

_BUFFER_LIMIT = 512
_BITS_PER_CHARACTER = 11


def frame_silence_s(baudrate: int) -> float:
    """Silence that ends a frame, in seconds: 3.5 characters, or 1.75 ms above 19200 (Serial Line V1.02, 2.5.1.1)."""
    return 0.00175 if baudrate > 19200 else 3.5 * _BITS_PER_CHARACTER / baudrate


class ModbusClient:
    """One open request at a time. `spacers` are two harmless reads of different functions for the same unit.

    A unit that knows one read function only takes two reads of different length: then the length counts to the form.
    """

    def __init__(self, spacers: tuple[Read, Read]) -> None:
        self._by_length = spacers[0].function == spacers[1].function
        if self._by_length and reply_length(spacers[0]) == reply_length(spacers[1]):
            raise ValueError("the two spacers must differ in function, or at least in length")
        self._spacers = spacers
        self._last: tuple[int, int, int] | None = None
        self._request: Request | None = None
        self._buffer = b""
        self._rejected: str | None = None
        self._others = False

    def spacer(self, request: Request) -> Request | None:
        """The harmless read that must go first, when `request` repeats the form of the last one."""
        if self._form(request) != self._last:
            return None
        return next(read for read in self._spacers if self._form(read) != self._last)

    def _form(self, request: Request) -> tuple[int, int, int]:
        return request.unit, request.function, reply_length(request) if self._by_length else 0

    def send(self, request: Request) -> bytes:
        """Begin a request and give its bytes. Raises ValueError for a broadcast or a repeated form."""
        if not 1 <= request.unit <= 255:
            raise ValueError(f"unit {request.unit}: a broadcast reaches boards nobody meant; use 1 to 255")
        if self.spacer(request) is not None:
            raise ValueError("two consecutive requests of one form; send the spacer first")
        self._last = self._form(request)
        self._request = request
        self._buffer = b""
        self._rejected = None
        self._others = False
        return encode_request(request)

    def receive(self, data: bytes) -> Reply | None:
        """Feed what came. Returns the fitting reply once it is whole; bytes that are not of it are skipped."""
        if self._request is None:
            return None
        self._buffer = (self._buffer + data)[-_BUFFER_LIMIT:]
        for start in range(len(self._buffer)):
            reply = self._match(self._request, self._buffer[start:])
            if reply is not None:
                length = len(encode_reply(reply))
                around = (self._buffer[:start], self._buffer[start + length :])
                self._buffer = b""
                if self._others or any(self.unasked(part) for part in around):
                    self._rejected = "more than one frame answered: a late reply, or a second controller"
                    return None
                self._request = None
                return reply
        return None

    def unasked(self, data: bytes) -> bool:
        """Whether there is a whole frame in bytes that nobody asked for, from any unit."""
        return any(_whole_frame(data[start:]) for start in range(len(data) - EXCEPTION_BYTES + 1))

    def _match(self, request: Request, window: bytes) -> Reply | None:
        if window[0] != request.unit or len(window) < EXCEPTION_BYTES:
            return None
        exception = window[1] == request.function | EXCEPTION_FLAG
        frame = window[: EXCEPTION_BYTES if exception else reply_length(request)]
        if crc16(frame) != 0:
            return None
        try:
            return decode_reply(request, frame)
        except FrameError as error:
            self._rejected = str(error)
            return None

    def silence(self) -> None:
        """The line fell silent: what is in hand is not going to become a frame."""
        if self._buffer:
            self._others = self._others or self.unasked(self._buffer)
            self._rejected = self._explain(self._buffer)
            self._buffer = b""

    def _explain(self, noise: bytes) -> str:
        if self._request is not None and len(noise) >= EXCEPTION_BYTES and crc16(noise) == 0:
            try:
                decode_reply(self._request, noise)
            except FrameError as error:
                return str(error)
        return f"{len(noise)} bytes that are no reply to the request: {noise[:16].hex(' ')}"

    @property
    def pending(self) -> bool:
        """True while part of a frame is in hand."""
        return bool(self._buffer)

    def abandon(self) -> str | None:
        """Give the open request up. Says what came instead of its reply, None when nothing came."""
        self.silence()
        self._request = None
        return self._rejected


def _whole_frame(window: bytes) -> bool:
    """Whether a frame of a unit begins here: an exception, the echo of a write (a request is as long), read values."""
    if window[1] & ~EXCEPTION_FLAG not in set(Function):
        return False
    lengths = (EXCEPTION_BYTES,) if window[1] & EXCEPTION_FLAG else (REQUEST_BYTES, EXCEPTION_BYTES + window[2])
    return any(len(window) >= length and crc16(window[:length]) == 0 for length in lengths)
