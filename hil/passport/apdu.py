"""Command APDUs as a chip takes them apart (ISO/IEC 7816-4 section 5.1 and 5.3), and status words."""

from dataclasses import dataclass, replace

OK, END_OF_FILE, WRONG_LENGTH, NOT_SATISFIED = 0x9000, 0x6282, 0x6700, 0x6982
CONDITIONS, SM_MISSING, SM_WRONG, WRONG_DATA = 0x6985, 0x6987, 0x6988, 0x6A80
FILE_NOT_FOUND, REFERENCE_NOT_FOUND, OUTSIDE_FILE, UNKNOWN_INS = 0x6A82, 0x6A88, 0x6B00, 0x6D00
AUTHENTICATION_FAILED, WRONG_P1_P2, NO_SESSION, MORE = 0x6300, 0x6A86, 0x6882, 0x6100
SHORT, EXTENDED = 256, 65536

SELECT, READ_BINARY, READ_BINARY_ODD, GET_CHALLENGE = 0xA4, 0xB0, 0xB1, 0x84
EXTERNAL_AUTHENTICATE, INTERNAL_AUTHENTICATE, MANAGE, GENERAL_AUTHENTICATE = 0x82, 0x88, 0x22, 0x86
GET_RESPONSE = 0xC0
CHAINED, PROTECTED = 0x10, 0x0C


class Refused(Exception):
    """The command ends with this status word and no data."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Response:
    """What a command comes to, before any protection."""

    data: bytes = b""
    status: int = OK


@dataclass(frozen=True, slots=True)
class Command:
    """A command; `expected` is its Le in bytes, 0 when it has none."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    expected: int = 0
    extended: bool = False

    @property
    def header(self) -> bytes:
        """CLA INS P1 P2."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    @property
    def chained(self) -> bool:
        """Whether another part follows."""
        return bool(self.cla & CHAINED)

    @property
    def protected(self) -> bool:
        """Whether it is under secure messaging."""
        return self.cla & PROTECTED == PROTECTED

    def bare(self, data: bytes, expected: int) -> "Command":
        """The command that was inside this protected one."""
        return replace(self, cla=self.cla & ~PROTECTED, data=data, expected=expected)


def parse(raw: bytes) -> Command:
    """All seven cases of ISO/IEC 7816-3 section 12.1.3. Raises Refused 6700."""
    if len(raw) < 4:
        raise Refused(WRONG_LENGTH)
    (cla, ins, p1, p2), body = raw[:4], raw[4:]
    if not body:
        return Command(cla, ins, p1, p2)
    if len(body) == 1:
        return Command(cla, ins, p1, p2, expected=body[0] or SHORT)
    extended = body[0] == 0 and len(body) >= 3
    if extended and len(body) == 3:
        return Command(cla, ins, p1, p2, expected=int.from_bytes(body[1:], "big") or EXTENDED, extended=True)
    start, width = (3, 2) if extended else (1, 1)
    end = start + (int.from_bytes(body[1:3], "big") if extended else body[0])
    rest = body[end:]
    if end == start or len(body) < end or len(rest) not in (0, width):
        raise Refused(WRONG_LENGTH)
    most = EXTENDED if extended else SHORT
    expected = (int.from_bytes(rest, "big") or most) if rest else 0
    return Command(cla, ins, p1, p2, data=body[start:end], expected=expected, extended=extended)
