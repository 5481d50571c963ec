"""The files of a chip: selecting and reading them whole, within bounds (9303-10 section 3.6, ISO/IEC 7816-4).

A file's length is taken from its first bytes, then exactly so much is read: reading past an end, or asking for more
than a chip can send, ends the session of many chips. Not here: what the files mean, and whether they are genuine.
"""

from enum import Enum

from appliance.document.chip.apdu import END_OF_FILE, SHORT, Channel, Command, Exchange, Response, refused
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import Tlv, TlvError, build, find, head, only, parse

_APPLICATION = bytes.fromhex("A0000002471001")
_MASTER_FILE = bytes.fromhex("3F00")
_ATR_INFO = 0x2F01
_NOT_FOUND, _WRONG_LENGTH = 0x6A82, 0x6700
_KIB = 1024

_HEADER, _HEADER_REST = 4, 4
_LONG_OFFSET = 0x8000
"""From here on an offset does not fit in P1 P2 and the odd READ BINARY is used."""
_ODD_OVERHEAD = 4
"""The longest head of a DO 53."""
_SMALLEST_READS = 48
"""A chip that answers in smaller pieces than this on average is not read to the end."""
_SPARE_READS = 8
_READ_LENGTHS = (223, 192, 128, 64)
"""What chips that refuse more are known to send."""


class File(Enum):
    """A file: its identifier, the tag of its one object, and the most bytes of it that are read."""

    CARD_ACCESS = (0x011C, 0x31, 8 * _KIB)
    CARD_SECURITY = (0x011D, 0x30, 8 * _KIB)
    COM = (0x011E, 0x60, 8 * _KIB)
    SOD = (0x011D, 0x77, 16 * _KIB)
    DG1 = (0x0101, 0x61, 256)
    DG2 = (0x0102, 0x75, 256 * _KIB)
    DG12 = (0x010C, 0x6C, 8 * _KIB)
    DG14 = (0x010E, 0x6E, 8 * _KIB)
    DG15 = (0x010F, 0x6F, 8 * _KIB)

    def __init__(self, identifier: int, tag: int, most: int) -> None:
        self.identifier, self.tag, self.most = identifier, tag, most


def select_application(channel: Channel) -> Exchange[Response]:
    """Select the eMRTD application; the caller judges the status word. No Le: some chips refuse one."""
    return (yield from channel.transmit(Command(0x00, 0xA4, 0x04, 0x0C, _APPLICATION)))


def select_master_file(channel: Channel) -> Exchange[None]:
    """Select the master file in either way; a chip that refuses both has it selected since it was reset."""
    for data in (b"", _MASTER_FILE):
        response = yield from channel.transmit(Command(0x00, 0xA4, 0x00, 0x0C, data))
        if response.ok:
            return


def select_file(channel: Channel, identifier: int) -> Exchange[Response]:
    """Select an elementary file under the current application; the caller judges the status word."""
    return (yield from channel.transmit(Command(0x00, 0xA4, 0x02, 0x0C, identifier.to_bytes(2, "big"))))


def read_file(channel: Channel, file: File) -> Exchange[bytes]:
    """All bytes of a file, as they are on the chip.

    Raises DocumentFault: FILE_MISSING, FILE_MALFORMED (another object, a length that lies), FILE_TOO_LARGE,
    CHIP_MALFORMED, CHIP_REFUSES, and what the channel raises.
    """
    selected = yield from select_file(channel, file.identifier)
    if selected.sw == _NOT_FOUND:
        raise DocumentFault(Reason.FILE_MISSING, file.name)
    if not selected.ok:
        raise refused(selected, f"SELECT {file.name}")
    start = yield from _read(channel, file, 0, _HEADER)
    total = _length(file, start)
    if total is None:
        start += yield from _read(channel, file, len(start), _HEADER_REST)
        total = _length(file, start)
    if total is None:
        raise DocumentFault(Reason.FILE_MALFORMED, f"{file.name} ends within its length")
    return (yield from _rest(channel, file, start, total))


def _length(file: File, start: bytes) -> int | None:
    """Length of the whole file from its first bytes; None while they are too few."""
    try:
        tag, at, length = head(start)
    except TlvError as broken:
        if len(start) < _HEADER + _HEADER_REST:
            return None
        raise DocumentFault(Reason.FILE_MALFORMED, f"{file.name}: {broken}") from broken
    if tag != file.tag:
        raise DocumentFault(Reason.FILE_MALFORMED, f"{file.name} begins with {tag:02X}")
    if at + length > file.most:
        raise DocumentFault(Reason.FILE_TOO_LARGE, f"{file.name}: {at + length} bytes")
    return at + length


def _rest(channel: Channel, file: File, start: bytes, total: int) -> Exchange[bytes]:
    content = bytearray(start[:total])
    for _ in range(_SPARE_READS + total // _SMALLEST_READS):
        if len(content) == total:
            return bytes(content)
        content += yield from _read(channel, file, len(content), min(channel.chunk, total - len(content)))
    raise DocumentFault(Reason.CHIP_MALFORMED, f"{file.name} comes in too many pieces")


def _read(channel: Channel, file: File, offset: int, wanted: int) -> Exchange[bytes]:
    """Between one byte and `wanted` of the selected file; none where the chip must be asked again for less."""
    if offset < _LONG_OFFSET:
        response = yield from channel.transmit(Command(0x00, 0xB0, offset >> 8, offset & 0xFF, le=wanted))
        data = response.data
    else:
        response, data = yield from _read_far(channel, offset, wanted)
    if _asked_too_much(response) and _ask_for_less(channel, wanted):
        return b""
    if not response.ok and not (response.sw == END_OF_FILE and data):
        raise refused(response, f"READ BINARY {file.name} at {offset}")
    if not data:
        raise DocumentFault(Reason.FILE_MALFORMED, f"{file.name} ends at {offset}")
    if len(data) > wanted:
        raise DocumentFault(Reason.CHIP_MALFORMED, f"{file.name}: {len(data)} bytes for {wanted}")
    return data


def _asked_too_much(response: Response) -> bool:
    return response.sw == _WRONG_LENGTH or response.sw >> 8 == 0x6C


def _ask_for_less(channel: Channel, wanted: int) -> bool:
    """Lower what this chip is asked for at once, for good; False where it was asked for little already."""
    lower = next((length for length in _READ_LENGTHS if length < wanted), None)
    if lower is not None:
        channel.longest_read = lower
    return lower is not None


def _read_far(channel: Channel, offset: int, wanted: int) -> Exchange[tuple[Response, bytes]]:
    """READ BINARY with the offset in DO 54; the answer comes in DO 53, whose head takes part of the answer."""
    wanted = min(wanted, channel.chunk - _ODD_OVERHEAD)
    where = build(0x54, offset.to_bytes((offset.bit_length() + 7) // 8, "big"))
    response = yield from channel.transmit(Command(0x00, 0xB1, 0, 0, where, len(build(0x53, bytes(wanted)))))
    try:
        return response, only(response.data, 0x53).value if response.data else b""
    except TlvError as broken:
        raise DocumentFault(Reason.CHIP_MALFORMED, f"READ BINARY at {offset}: {broken}") from broken


def read_largest(channel: Channel) -> Exchange[int]:
    """Most bytes of a response the chip announces in EF.ATR/INFO; 256 where it announces nothing.

    In the clear before access, with the master file selected: within a session this would be probing.
    """
    selected = yield from select_file(channel, _ATR_INFO)
    if not selected.ok:
        return SHORT
    response = yield from channel.transmit(Command(0x00, 0xB0, 0, 0, le=SHORT))
    return largest_response(response.data) if response.ok or response.sw == END_OF_FILE else SHORT


def largest_response(atr_info: bytes) -> int:
    """Longest response in bytes by the content of EF.ATR/INFO (9303-10 section 3.6.4.2: DO 7F66); 256 without one."""
    try:
        announced = find(parse(atr_info), 0x7F66)
        numbers: tuple[Tlv, ...] = announced.children() if announced else ()
    except TlvError:
        return SHORT
    if len(numbers) != 2 or any(number.tag != 0x02 for number in numbers):
        return SHORT
    return min(max(int.from_bytes(numbers[1].value, "big"), SHORT), 0x10000)
