"""Command and response APDUs (ISO/IEC 7816-4 section 5.1): their bytes, and plain sending with 61xx and 6Cxx.

Not here: secure messaging (`sm`), what a status word means to a protocol, time-outs.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias, TypeVar

from appliance.document.reasons import DocumentFault, Reason

T = TypeVar("T")
Exchange: TypeAlias = Generator[bytes, bytes, T]
"""Yields command APDUs, is sent response APDUs (data and SW1 SW2), returns a T. Raises DocumentFault."""

SHORT = 256
"""Most bytes of data in a response whose length is not extended."""
LONGEST = 65536
"""Most bytes of data in any response."""

SUCCESS = 0x9000
END_OF_FILE = 0x6282
_GET_RESPONSE = 0xC0
_PLAIN_CHUNK = 223
_MOST_CONTINUATIONS = LONGEST // SHORT


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `le` is the most bytes of data wanted (1 to 65536), None for no Le field."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    @property
    def header(self) -> bytes:
        """CLA INS P1 P2."""
        return bytes((self.cla, self.ins, self.p1, self.p2))

    def encode(self) -> bytes:
        """Its bytes; extended length fields only where the short ones cannot say it."""
        if len(self.data) < SHORT and (self.le or 0) <= SHORT:
            body = bytes((len(self.data),)) + self.data if self.data else b""
            return self.header + body + (b"" if self.le is None else bytes((self.le % SHORT,)))
        body = len(self.data).to_bytes(2, "big") + self.data if self.data else b""
        return self.header + b"\0" + body + (b"" if self.le is None else (self.le % LONGEST).to_bytes(2, "big"))


@dataclass(frozen=True, slots=True)
class Response:
    """What a chip answered: data and status word."""

    data: bytes
    sw: int

    @classmethod
    def decode(cls, raw: bytes) -> "Response":
        """From its bytes. Raises DocumentFault (CHIP_MALFORMED) when they are no response at all."""
        if not 2 <= len(raw) <= LONGEST + 2:
            raise DocumentFault(Reason.CHIP_MALFORMED, f"a response of {len(raw)} bytes")
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))

    @property
    def ok(self) -> bool:
        """Whether the status word is 9000."""
        return self.sw == SUCCESS


class Channel(Protocol):
    """A way to send commands: in the clear, or through a session of secure messaging."""

    longest_read: int
    """Most bytes of a file this chip sends at once, as far as it is known; lowered where it refuses more."""

    @property
    def chunk(self) -> int:
        """Most bytes of a file to ask for in one command."""

    def transmit(self, command: Command) -> Exchange[Response]:
        """Send one command and give back its answer."""


class Plain:
    """A chip spoken to in the clear, before access."""

    longest_read = _PLAIN_CHUNK

    @property
    def chunk(self) -> int:
        """Most bytes of a file to ask for in one command."""
        return self.longest_read

    def transmit(self, command: Command) -> Exchange[Response]:
        """Send a command; an answer in parts (61xx) is put together, a wrong Le (6Cxx) corrected once."""
        response = Response.decode((yield command.encode()))
        if response.sw >> 8 == 0x6C:
            again = replace(command, le=response.sw & 0xFF or SHORT)
            response = Response.decode((yield again.encode()))
        data = response.data
        for _ in range(_MOST_CONTINUATIONS):
            if response.sw >> 8 != 0x61:
                return Response(data, response.sw)
            more = Command(command.cla & 0x03, _GET_RESPONSE, 0, 0, le=response.sw & 0xFF or SHORT)
            response = Response.decode((yield more.encode()))
            data += response.data
            if len(data) > LONGEST:
                break
        raise DocumentFault(Reason.CHIP_MALFORMED, "an answer in parts does not end")


def refused(response: Response, what: str) -> DocumentFault:
    """The fault of a chip that answered a command it must carry out with an error."""
    return DocumentFault(Reason.CHIP_REFUSES, f"{what}: {response.sw:04X}")


def denied(sw: int) -> bool:
    """Whether a status word says that the password was wrong: 6300, or 63Cx with the tries left."""
    return sw == 0x6300 or sw & 0xFFF0 == 0x63C0
