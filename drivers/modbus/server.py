"""The server end: frames requests by silence as the standard demands and lets a model answer them.

Not here: what the registers mean (the model) and any clock; the caller says how long the line was silent.
"""

from typing import Protocol

from drivers.modbus.frames import (
    CRC_BYTES,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    FrameError,
    Read,
    Refusal,
    Reply,
    Request,
    Values,
    WriteSingle,
    Written,
    crc16,
    decode_request,
    encode_reply,
    request_length,
)

_SHORTEST = 2 + CRC_BYTES
_LONGEST = 256


class ModelRefusal(Exception):
    """The model says no; `code` is the exception code of the reply."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception code {code}")
        self.code = code


class Model(Protocol):
    """What lies behind the registers."""

    def read(self, request: Read) -> tuple[int, ...]:
        """The values asked for. Raises ModelRefusal."""
        ...

    def write(self, request: Request) -> None:
        """Take the values. Raises ModelRefusal."""
        ...


class ModbusServer:
    """Answers requests for one unit. A broadcast (unit 0) is carried out and not answered."""

    def __init__(self, unit: int, model: Model, frame_silence_s: float) -> None:
        self.unit = unit
        self._model = model
        self.frame_silence_s = frame_silence_s
        self._buffer = b""
        self._spoilt = False

    def receive(self, data: bytes, quiet_s: float) -> bytes:
        """Feed `data` that came after `quiet_s` seconds of silence; returns the reply, or nothing."""
        if quiet_s >= self.frame_silence_s:
            self._buffer = b""
            self._spoilt = False
        if self._spoilt:
            return b""
        self._buffer += data
        if not self._whole():
            return b""
        frame, self._buffer = self._buffer, b""
        self._spoilt = crc16(frame) != 0
        return b"" if self._spoilt or frame[0] not in (self.unit, 0) else self._answer(frame)

    def _whole(self) -> bool:
        if len(self._buffer) < _SHORTEST:
            return False
        try:
            length = request_length(self._buffer)
        except FrameError:
            # Nothing tells the length of a foreign function, so its end is where the check fits.
            return crc16(self._buffer) == 0 or len(self._buffer) >= _LONGEST
        return length is not None and len(self._buffer) >= length

    def _answer(self, frame: bytes) -> bytes:
        reply: Reply
        try:
            request = decode_request(frame)
            if isinstance(request, Read):
                values = self._model.read(request)
                reply = Values(self.unit, request.function, values)
            else:
                self._model.write(request)
                echo = request.value if isinstance(request, WriteSingle) else len(request.values)
                reply = Written(self.unit, request.function, request.address, echo)
        except FrameError:
            reply = Refusal(self.unit, frame[1], ILLEGAL_VALUE if _spoken(frame) else ILLEGAL_FUNCTION)
        except ModelRefusal as refusal:
            reply = Refusal(self.unit, frame[1], refusal.code)
        return encode_reply(reply) if frame[0] == self.unit else b""


def _spoken(frame: bytes) -> bool:
    try:
        request_length(frame)
    except FrameError:
        return False
    return True
