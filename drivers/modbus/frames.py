"""Modbus-RTU frames: requests and replies as values, to bytes and back, for both ends of the line.

Source: MODBUS Application Protocol V1.1b3 clauses 6 and 7; MODBUS over Serial Line V1.02 clauses 2.5.1 and 6.2.2.
Not here: when a frame ends on the line (client, server) and how long to wait (session).
"""

from dataclasses import dataclass
from enum import IntEnum

CRC_BYTES = 2
EXCEPTION_BYTES = 5
REQUEST_BYTES = 8
EXCEPTION_FLAG = 0x80
_MAX_BITS = 2000
_MAX_REGISTERS = 125


class Function(IntEnum):
    """The function codes this code base speaks."""

    READ_COILS = 0x01
    READ_DISCRETE_INPUTS = 0x02
    READ_HOLDING_REGISTERS = 0x03
    READ_INPUT_REGISTERS = 0x04
    WRITE_COIL = 0x05
    WRITE_REGISTER = 0x06
    WRITE_COILS = 0x0F
    WRITE_REGISTERS = 0x10


BIT_READS = frozenset({Function.READ_COILS, Function.READ_DISCRETE_INPUTS})
READS = BIT_READS | {Function.READ_HOLDING_REGISTERS, Function.READ_INPUT_REGISTERS}
SINGLE_WRITES = frozenset({Function.WRITE_COIL, Function.WRITE_REGISTER})
MULTIPLE_WRITES = frozenset({Function.WRITE_COILS, Function.WRITE_REGISTERS})

ILLEGAL_FUNCTION = 0x01
ILLEGAL_ADDRESS = 0x02
ILLEGAL_VALUE = 0x03
REFUSALS = {
    ILLEGAL_FUNCTION: "illegal function",
    ILLEGAL_ADDRESS: "illegal data address",
    ILLEGAL_VALUE: "illegal data value",
    0x04: "server device failure",
    0x05: "acknowledge, still working",
    0x06: "server device busy",
    0x08: "memory parity error",
    0x0A: "gateway path unavailable",
    0x0B: "gateway target did not respond",
}


class FrameError(ValueError):
    """The bytes are no frame, or not the frame they should be."""


def _u16(name: str, value: int) -> None:
    if not 0 <= value <= 0xFFFF:
        raise ValueError(f"{name} {value} does not fit 16 bits")


def _span(function: Function, address: int, count: int) -> None:
    limit = _MAX_BITS if function in BIT_READS | {Function.WRITE_COILS} else _MAX_REGISTERS
    if function in MULTIPLE_WRITES:
        limit = 1968 if function is Function.WRITE_COILS else 123
    if not 1 <= count <= limit:
        raise ValueError(f"{function.name} takes 1 to {limit} values, not {count}")
    _u16("address", address)
    _u16("last address", address + count - 1)


@dataclass(frozen=True, slots=True)
class Read:
    """FC 01 to 04: `count` bits or registers from `address`."""

    unit: int
    function: Function
    address: int
    count: int

    def __post_init__(self) -> None:
        if self.function not in READS:
            raise ValueError(f"{self.function.name} is not a read")
        _span(self.function, self.address, self.count)


@dataclass(frozen=True, slots=True)
class WriteSingle:
    """FC 05 or 06. Any 16-bit value is allowed: boards give FC 05 values of their own beside FF00 and 0000."""

    unit: int
    function: Function
    address: int
    value: int

    def __post_init__(self) -> None:
        if self.function not in SINGLE_WRITES:
            raise ValueError(f"{self.function.name} is not a single write")
        _u16("address", self.address)
        _u16("value", self.value)


@dataclass(frozen=True, slots=True)
class WriteMultiple:
    """FC 0F (values 0 or 1) or FC 10h (16-bit values)."""

    unit: int
    function: Function
    address: int
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.function not in MULTIPLE_WRITES:
            raise ValueError(f"{self.function.name} is not a multiple write")
        _span(self.function, self.address, len(self.values))
        highest = 1 if self.function is Function.WRITE_COILS else 0xFFFF
        if not all(0 <= value <= highest for value in self.values):
            raise ValueError(f"{self.function.name} takes values from 0 to {highest}")


Request = Read | WriteSingle | WriteMultiple


@dataclass(frozen=True, slots=True)
class Values:
    """The answer to a read: bits as 0 and 1, or registers."""

    unit: int
    function: Function
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a write: its address with the value (FC 05, 06) or the count (FC 0F, 10h)."""

    unit: int
    function: Function
    address: int
    value: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exception reply: the device understood and said no."""

    unit: int
    function: int
    code: int

    @property
    def reason(self) -> str:
        """The exception in words, with its number."""
        return f"{REFUSALS.get(self.code, 'unknown exception')} (code {self.code})"


Reply = Values | Written | Refusal


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS (polynomial A001 reflected, start FFFF); zero over a frame that includes its own check."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def seal(body: bytes) -> bytes:
    """The body with its check, low byte first."""
    return body + crc16(body).to_bytes(CRC_BYTES, "little")


def _pack_bits(bits: tuple[int, ...]) -> bytes:
    packed = bytearray((len(bits) + 7) // 8)
    for position, bit in enumerate(bits):
        packed[position // 8] |= bit << position % 8
    return bytes(packed)


def _unpack_bits(data: bytes, count: int) -> tuple[int, ...]:
    if int.from_bytes(data, "little") >> count:
        raise FrameError("padding bits are set")
    return tuple(data[position // 8] >> position % 8 & 1 for position in range(count))


def _pack_registers(values: tuple[int, ...]) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def _unpack_registers(data: bytes) -> tuple[int, ...]:
    return tuple(_word(data, position) for position in range(0, len(data), 2))


def _word(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 2], "big")


def _data_bytes(function: Function, count: int) -> int:
    return (count + 7) // 8 if function in BIT_READS | {Function.WRITE_COILS} else 2 * count


def encode_request(request: Request) -> bytes:
    """The request as it goes on the wire."""
    head = bytes((request.unit, request.function)) + request.address.to_bytes(2, "big")
    if isinstance(request, Read):
        return seal(head + request.count.to_bytes(2, "big"))
    if isinstance(request, WriteSingle):
        return seal(head + request.value.to_bytes(2, "big"))
    coils = request.function is Function.WRITE_COILS
    data = _pack_bits(request.values) if coils else _pack_registers(request.values)
    return seal(head + len(request.values).to_bytes(2, "big") + bytes((len(data),)) + data)


def request_length(start: bytes) -> int | None:
    """Whole length of the request that starts so; None while unknown. Raises FrameError for a foreign function."""
    if len(start) < 2:
        return None
    if start[1] in READS | SINGLE_WRITES:
        return 8
    if start[1] in MULTIPLE_WRITES:
        return 9 + start[6] if len(start) > 6 else None
    raise FrameError(f"function {start[1]:#04x} is not spoken here")


def decode_request(frame: bytes) -> Request:
    """One whole request frame. Raises FrameError when the check, the length or a value is wrong."""
    if len(frame) < 4 or crc16(frame) != 0:
        raise FrameError("check does not fit")
    if request_length(frame) != len(frame):
        raise FrameError("length does not fit the function")
    unit, function, address = frame[0], Function(frame[1]), _word(frame, 2)
    try:
        if function in READS:
            return Read(unit, function, address, _word(frame, 4))
        if function in SINGLE_WRITES:
            return WriteSingle(unit, function, address, _word(frame, 4))
        count, data = _word(frame, 4), frame[7:-CRC_BYTES]
        if _data_bytes(function, count) != len(data):
            raise FrameError("byte count does not fit the number of values")
        coils = function is Function.WRITE_COILS
        values = _unpack_bits(data, count) if coils else _unpack_registers(data)
        return WriteMultiple(unit, function, address, values)
    except ValueError as error:
        raise FrameError(str(error)) from error


def encode_reply(reply: Reply) -> bytes:
    """The reply as it goes on the wire."""
    if isinstance(reply, Refusal):
        return seal(bytes((reply.unit, reply.function | EXCEPTION_FLAG, reply.code)))
    head = bytes((reply.unit, reply.function))
    if isinstance(reply, Written):
        return seal(head + reply.address.to_bytes(2, "big") + reply.value.to_bytes(2, "big"))
    bits = reply.function in BIT_READS
    data = _pack_bits(reply.values) if bits else _pack_registers(reply.values)
    return seal(head + bytes((len(data),)) + data)


def reply_length(request: Request) -> int:
    """Whole length of the only reply, other than an exception, that fits this request."""
    if isinstance(request, Read):
        return 3 + _data_bytes(request.function, request.count) + CRC_BYTES
    return REQUEST_BYTES


def decode_reply(request: Request, frame: bytes) -> Reply:
    """One whole reply frame, judged against its request. Raises FrameError unless unit, function, length, echo fit."""
    if len(frame) < EXCEPTION_BYTES or crc16(frame) != 0:
        raise FrameError("check does not fit")
    if frame[0] != request.unit:
        raise FrameError(f"unit {frame[0]} answered, unit {request.unit} was asked")
    if frame[1] == request.function | EXCEPTION_FLAG and len(frame) == EXCEPTION_BYTES:
        return Refusal(request.unit, request.function, frame[2])
    if frame[1] != request.function:
        raise FrameError(f"answered function {frame[1]:#04x}, asked {int(request.function):#04x}")
    if len(frame) != reply_length(request):
        raise FrameError(f"{len(frame)} bytes came, {reply_length(request)} fit the request")
    if isinstance(request, Read):
        data = frame[3:-CRC_BYTES]
        if frame[2] != len(data):
            raise FrameError("byte count does not fit the length")
        bits = request.function in BIT_READS
        values = _unpack_bits(data, request.count) if bits else _unpack_registers(data)
        return Values(request.unit, request.function, values)
    expected = request.value if isinstance(request, WriteSingle) else len(request.values)
    if (_word(frame, 2), _word(frame, 4)) != (request.address, expected):
        raise FrameError("the echo is not of this write")
    return Written(request.unit, request.function, request.address, expected)
