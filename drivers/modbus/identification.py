"""Read Device Identification (FC 2Bh, MEI type 0Eh), both ends: who is this unit, in its maker's words.

Source: MODBUS Application Protocol V1.1b3 clause 6.21, and what the SDK of the LOT turnstiles sends and takes
(lotltd/TurnstileModbusSDK, uCommonDevice.pas, uModbusProtocol.pas): one object a reply, texts cut at the first zero.
Not here: waiting (session), which maker is the right one (driver).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drivers.modbus.frames import (
    CRC_BYTES,
    EXCEPTION_BYTES,
    EXCEPTION_FLAG,
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    FrameError,
    Refusal,
    crc16,
    encode_reply,
    seal,
)
from drivers.modbus.server import ModbusServer, Model

ENCAPSULATED = 0x2B
DEVICE_IDENTIFICATION = 0x0E
BASIC = 0x01
VENDOR, PRODUCT, REVISION = 0, 1, 2
MORE_FOLLOWS = 0xFF
_HEAD_BYTES = 8
_REQUEST_BYTES = 5 + CRC_BYTES
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class ReadIdentification:
    """Ask for the basic objects from `object_id` on (0 maker, 1 product, 2 revision)."""

    unit: int
    object_id: int

    def __post_init__(self) -> None:
        if not 1 <= self.unit <= 255:
            raise ValueError(f"unit {self.unit}: a broadcast reaches boards nobody meant; use 1 to 255")
        if self.object_id not in (VENDOR, PRODUCT, REVISION):
            raise ValueError(f"object {self.object_id} is not basic: 0 maker, 1 product, 2 revision")


@dataclass(frozen=True, slots=True)
class Identification:
    """Objects of one reply by number; `more` when the unit has further ones."""

    unit: int
    objects: Mapping[int, str]
    more: bool = False


def encode_request(request: ReadIdentification) -> bytes:
    """The request as it goes on the wire."""
    return seal(bytes((request.unit, ENCAPSULATED, DEVICE_IDENTIFICATION, BASIC, request.object_id)))


def decode_request(frame: bytes) -> ReadIdentification:
    """One whole request frame. Raises FrameError when the check, the length or a value is wrong."""
    if len(frame) != _REQUEST_BYTES or crc16(frame) != 0:
        raise FrameError("check or length does not fit")
    if frame[1:4] != bytes((ENCAPSULATED, DEVICE_IDENTIFICATION, BASIC)):
        raise FrameError("not a request for the basic identification")
    try:
        return ReadIdentification(frame[0], frame[4])
    except ValueError as error:
        raise FrameError(str(error)) from error


def encode_identification(answer: Identification) -> bytes:
    """The reply as it goes on the wire. Raises ValueError when it does not fit a frame."""
    last = max(answer.objects)
    head = (answer.unit, ENCAPSULATED, DEVICE_IDENTIFICATION, BASIC, BASIC)
    follow = (MORE_FOLLOWS, last + 1) if answer.more else (0, 0)
    body = bytes((*head, *follow, len(answer.objects)))
    for number, text in sorted(answer.objects.items()):
        raw = text.encode("latin-1")
        body += bytes((number, len(raw))) + raw
    if len(body) + CRC_BYTES > _LONGEST:
        raise ValueError(f"{len(body) + CRC_BYTES} bytes do not fit a frame")
    return seal(body)


def decode_identification(request: ReadIdentification, frame: bytes) -> Identification | Refusal:
    """One whole reply, judged against its request. Raises FrameError unless unit, function, type and object fit.

    The read code and the number of objects are not judged: the maker's own emulator repeats the object's number in
    the one and says three in the other with a single object in the frame. The objects must fill the frame instead.
    """
    if len(frame) < EXCEPTION_BYTES or crc16(frame) != 0:
        raise FrameError("check does not fit")
    if frame[0] != request.unit:
        raise FrameError(f"unit {frame[0]} answered, unit {request.unit} was asked")
    if frame[1] == ENCAPSULATED | EXCEPTION_FLAG and len(frame) == EXCEPTION_BYTES:
        return Refusal(request.unit, ENCAPSULATED, frame[2])
    if frame[1:3] != bytes((ENCAPSULATED, DEVICE_IDENTIFICATION)):
        raise FrameError(f"answered function {frame[1]:#04x}, asked {ENCAPSULATED:#04x}")
    objects = _objects(frame[_HEAD_BYTES:-CRC_BYTES])
    if request.object_id not in objects:
        raise FrameError(f"the answer holds objects {sorted(objects)}, {request.object_id} was asked")
    return Identification(request.unit, objects, more=frame[5] == MORE_FOLLOWS)


def _objects(data: bytes) -> dict[int, str]:
    objects: dict[int, str] = {}
    while data:
        if len(data) < 2 or len(data) < 2 + data[1] or data[0] in objects:
            raise FrameError("the objects do not fill the frame")
        objects[data[0]] = data[2 : 2 + data[1]].split(b"\0")[0].decode("latin-1")
        data = data[2 + data[1] :]
    return objects


class IdentificationClient:
    """The client end for these requests alone: its reply names the object, so no spacer is needed between two."""

    def __init__(self) -> None:
        self._request: ReadIdentification | None = None
        self._buffer = b""
        self._rejected: str | None = None

    def spacer(self, request: ReadIdentification) -> ReadIdentification | None:
        """Never any: a late reply holds another object."""
        del request
        return None

    def send(self, request: ReadIdentification) -> bytes:
        """Begin a request and give its bytes."""
        self._request, self._buffer, self._rejected = request, b"", None
        return encode_request(request)

    def receive(self, data: bytes) -> Identification | Refusal | None:
        """Feed what came. Returns the fitting reply once it is whole; bytes that are not of it are skipped."""
        if self._request is None:
            return None
        self._buffer = (self._buffer + data)[-2 * _LONGEST :]
        for start in range(len(self._buffer)):
            for end in _ends(self._buffer[start:]):
                reply = self._match(self._request, self._buffer[start : start + end])
                if reply is None:
                    continue
                around = (self._buffer[:start], self._buffer[start + end :])
                self._buffer = b""
                if any(self.unasked(part) for part in around):
                    self._rejected = "more than one unit identified itself: two of one number, or a late reply"
                    return None
                self._request = None
                return reply
        return None

    def _match(self, request: ReadIdentification, window: bytes) -> Identification | Refusal | None:
        if crc16(window) != 0:
            return None
        try:
            return decode_identification(request, window)
        except FrameError as error:
            self._rejected = str(error)
            return None

    def silence(self) -> None:
        """The line fell silent: what is in hand is not going to become a frame."""
        if self._buffer and self._rejected is None:
            self._rejected = f"{len(self._buffer)} bytes that identify nobody: {self._buffer[:16].hex(' ')}"
        self._buffer = b""

    @property
    def pending(self) -> bool:
        """True while part of a frame is in hand."""
        return bool(self._buffer)

    def abandon(self) -> str | None:
        """Give the open request up. Says what came instead of its reply, None when nothing came."""
        self.silence()
        self._request = None
        return self._rejected

    def unasked(self, data: bytes) -> bool:
        """Whether there is a whole identification in bytes that nobody asked for, from any unit."""
        windows = (data[start:] for start in range(len(data)))
        return any(crc16(window[:end]) == 0 for window in windows for end in _ends(window))


def _ends(window: bytes) -> Iterator[int]:
    """Where a reply that begins here may end: the number of objects is not to be trusted, so after each of them."""
    if len(window) >= EXCEPTION_BYTES and window[1] == ENCAPSULATED | EXCEPTION_FLAG:
        yield EXCEPTION_BYTES
    if window[1:3] != bytes((ENCAPSULATED, DEVICE_IDENTIFICATION)):
        return
    at = _HEAD_BYTES
    while at + 2 <= min(len(window), _LONGEST):
        at += 2 + window[at + 1]
        if at + CRC_BYTES <= len(window):
            yield at + CRC_BYTES


class IdentifyingServer(ModbusServer):
    """A Modbus server that also says who it is, one object a reply as the LOT turnstiles do."""

    def __init__(self, unit: int, model: Model, frame_silence_s: float, objects: Mapping[int, str]) -> None:
        super().__init__(unit, model, frame_silence_s)
        self._objects = objects

    def _answer(self, frame: bytes) -> bytes:
        if frame[1] != ENCAPSULATED or frame[0] != self.unit:
            return super()._answer(frame)
        try:
            wanted = decode_request(frame).object_id
        except FrameError:
            return encode_reply(Refusal(self.unit, ENCAPSULATED, ILLEGAL_VALUE))
        if wanted not in self._objects:
            return encode_reply(Refusal(self.unit, ENCAPSULATED, ILLEGAL_ADDRESS))
        more = any(number > wanted for number in self._objects)
        return encode_identification(Identification(self.unit, {wanted: self._objects[wanted]}, more))
