"""What a chip, or somebody between it and the reader, may do wrong while it is read.

Each is a layer around the chip: `wire` sees the bytes on the air, `inside` the commands without their protection. What
is wrong in the files or the keys is not here (`tamper`).
"""

from collections.abc import Callable
from dataclasses import replace

from hil.passport import apdu
from hil.passport.apdu import Command, Response
from hil.passport.tlv import objects, tlv

_STATUS = 2
"""Bytes of a response that is a status word alone."""
Wire = Callable[[bytes], bytes]
Inside = Callable[[Command], Response]


class CardRemoved(Exception):
    """The card is no longer on the reader; only `reset` brings it back."""


class CardSilent(Exception):
    """The card does not answer, ever."""


class Naked(Exception):
    """The response leaves without protection, and the session ends."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04X}")
        self.status = status


def _is_protected(command: bytes) -> bool:
    return bool(command) and command[0] & apdu.PROTECTED == apdu.PROTECTED


class Misbehaviour:
    """None at all; the others say where they differ."""

    def reset(self) -> None:
        """The card was laid down again."""

    def wire(self, command: bytes, answer: Wire) -> bytes:
        """The response on the air. Raises CardRemoved or CardSilent."""
        return answer(command)

    def inside(self, command: Command, answer: Inside) -> Response:
        """The response before protection. Raises Naked."""
        return answer(command)


class Leave(Misbehaviour):
    """At the n-th command since it was laid down the card is gone, or silent for good."""

    def __init__(self, at: int, error: type[CardRemoved] | type[CardSilent]) -> None:
        self._at, self._error, self._count = at, error, 0

    def reset(self) -> None:
        """See Misbehaviour."""
        self._count = 0

    def wire(self, command: bytes, answer: Wire) -> bytes:
        """See Misbehaviour."""
        self._count += 1
        if self._count >= self._at:
            raise self._error
        return answer(command)


class AlterProtected(Misbehaviour):
    """From the n-th protected response on, somebody alters what passes."""

    def __init__(self, alter: Callable[[bytes], bytes], after: int = 2) -> None:
        self._alter, self._after, self._count = alter, after, 0

    def reset(self) -> None:
        """See Misbehaviour."""
        self._count = 0

    def wire(self, command: bytes, answer: Wire) -> bytes:
        """See Misbehaviour."""
        response = answer(command)
        if not _is_protected(command) or len(response) == _STATUS:
            return response
        self._count += 1
        return self._alter(response) if self._count > self._after else response


def flip_mac(response: bytes) -> bytes:
    """One bit of the checksum, which is the last object."""
    return response[:-3] + bytes((response[-3] ^ 1,)) + response[-2:]


def other_status(response: bytes) -> bytes:
    """Another status word than the one under the checksum."""
    return response[:-2] + apdu.END_OF_FILE.to_bytes(2, "big")


def strip(_response: bytes) -> bytes:
    """Made-up data without any protection."""
    return bytes(4) + apdu.OK.to_bytes(2, "big")


class Limit(Misbehaviour):
    """READ BINARY of more than so many bytes is refused with 6700: inside the protection, or naked."""

    def __init__(self, most: int, *, naked: bool) -> None:
        self._most, self._naked = most, naked

    def inside(self, command: Command, answer: Inside) -> Response:
        """See Misbehaviour."""
        if command.ins in (apdu.READ_BINARY, apdu.READ_BINARY_ODD) and command.expected > self._most:
            if self._naked:
                raise Naked(apdu.WRONG_LENGTH)
            return Response(b"", apdu.WRONG_LENGTH)
        return answer(command)


class ShortReads(Misbehaviour):
    """READ BINARY gives at most so many bytes, with 9000, whatever was asked for."""

    def __init__(self, most: int) -> None:
        self._most = most

    def inside(self, command: Command, answer: Inside) -> Response:
        """See Misbehaviour."""
        if command.ins == apdu.READ_BINARY and command.expected > self._most:
            return answer(replace(command, expected=self._most))
        return answer(command)


class NoSelectMasterFile(Misbehaviour):
    """SELECT of the master file is refused with 6985, as some passports do; it is selected anyway after a reset."""

    def inside(self, command: Command, answer: Inside) -> Response:
        """See Misbehaviour."""
        if command.ins == apdu.SELECT and command.p1 == 0 and command.data in (b"", b"\x3f\x00"):
            return Response(b"", apdu.CONDITIONS)
        return answer(command)


class NoExpectedLength(Misbehaviour):
    """SELECT and MSE with an Le are refused with 6700, as German chips do."""

    def inside(self, command: Command, answer: Inside) -> Response:
        """See Misbehaviour."""
        if command.ins in (apdu.SELECT, apdu.MANAGE) and command.expected:
            return Response(b"", apdu.WRONG_LENGTH)
        return answer(command)


class ReplayActiveAuthentication(Misbehaviour):
    """INTERNAL AUTHENTICATE always answers a challenge of long ago."""

    def inside(self, command: Command, answer: Inside) -> Response:
        """See Misbehaviour."""
        if command.ins == apdu.INTERNAL_AUTHENTICATE:
            return answer(replace(command, data=bytes(8)))
        return answer(command)


class EndlessFile(Misbehaviour):
    """Every file read in a session says that it is 16 MB long, and every part of it is there."""

    def __init__(self) -> None:
        self._in_session = False

    def wire(self, command: bytes, answer: Wire) -> bytes:
        """See Misbehaviour."""
        self._in_session = _is_protected(command)
        return answer(command)

    def inside(self, command: Command, answer: Inside) -> Response:
        """See Misbehaviour."""
        response = answer(command)
        ends = response.status in (apdu.OK, apdu.END_OF_FILE, apdu.OUTSIDE_FILE)
        if not self._in_session or command.ins != apdu.READ_BINARY or not ends:
            return response
        head = b""
        if not command.p1 & 0x7F or command.p1 & 0x80:
            head = (response.data[:1] + b"\x83\xff\xff\xff")[command.p2 :]
        return Response((head + bytes(command.expected))[: command.expected])


class OtherKey(Misbehaviour):
    """In PACE the chip's last public key is another: made of the terminal's."""

    def __init__(self, make: Callable[[bytes, bytes], bytes]) -> None:
        self._make = make

    def inside(self, command: Command, answer: Inside) -> Response:
        """See Misbehaviour."""
        response = answer(command)
        if command.ins != apdu.GENERAL_AUTHENTICATE or response.status != apdu.OK or not response.data:
            return response
        theirs, ours = (objects(objects(data).get(0x7C, b"")) for data in (command.data, response.data))
        if 0x83 not in theirs or 0x84 not in ours:
            return response
        return Response(tlv(0x7C, tlv(0x84, self._make(theirs[0x83], ours[0x84]))))


def reflect(theirs: bytes, _ours: bytes) -> bytes:
    """The terminal's own key."""
    return theirs


def off_curve(_theirs: bytes, ours: bytes) -> bytes:
    """A point beside the curve."""
    return ours[:-1] + bytes((ours[-1] ^ 1,))


def at_infinity(_theirs: bytes, _ours: bytes) -> bytes:
    """The point at infinity, as one octet (SEC 1 section 2.3.3)."""
    return b"\x00"
