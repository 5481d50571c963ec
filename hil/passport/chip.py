"""The chip: command APDUs in, response APDUs out (ICAO 9303-10 and 9303-11). What may go wrong is in `misbehaviour`.

It takes its time from nobody: no slowing down after wrong passwords, no timing at all.
"""

import secrets
from collections.abc import Callable, Sequence
from functools import partial

from hil.passport import apdu
from hil.passport.apdu import Command, Refused, Response
from hil.passport.authentication import active_authentication, chip_authentication
from hil.passport.bac import Bac, seed
from hil.passport.card import CARD_SECURITY, Card, ChipKey
from hil.passport.groups import Random
from hil.passport.messaging import Session
from hil.passport.misbehaviour import Misbehaviour, Naked
from hil.passport.pace import Pace
from hil.passport.suites import Mapping
from hil.passport.tlv import TlvError, is_whole, objects, span, tlv

APPLICATION = bytes.fromhex("A0000002471001")
ATR = bytes.fromhex("3B88800100000000000000000009")
"""What a PC/SC reader makes of a contactless chip of type A: no historical bytes of its own."""

MOST_SENT, MOST_RECEIVED = 0x0800, 0x7FFF
"""Bytes of the longest command and response, when it takes APDUs of extended length."""

_MASTER_FILE = b"\x3f\x00"
_MRZ, _CAN = 1, 2


class Chip:
    """One chip on a reader. `process` may raise what its misbehaviours raise: CardRemoved, CardSilent."""

    def __init__(
        self, card: Card, *, random: Random = secrets.token_bytes, misbehaviours: Sequence[Misbehaviour] = ()
    ) -> None:
        self.card, self._random, self._misbehaviours = card, random, tuple(misbehaviours)
        self.reset()

    def reset(self) -> bytes:
        """Taken away and laid down again; returns the ATR."""
        self._session: Session | None = None
        self._next_session: Session | None = None
        self._by_pace = False
        self._in_application = False
        self._file: bytes | None = None
        self._bac: Bac | None = None
        self._general: Callable[[dict[int, bytes]], dict[int, bytes]] | None = None
        self._pace: Pace | None = None
        self._parts = b""
        self._left = b""
        for one in self._misbehaviours:
            one.reset()
        return ATR

    def process(self, command: bytes) -> bytes:
        """The response to a command: data, then SW1 SW2."""
        answer = self._receive
        for one in self._misbehaviours:
            answer = partial(one.wire, answer=answer)
        return answer(command)

    def _receive(self, raw: bytes) -> bytes:
        try:
            command = apdu.parse(raw)
            if command.extended and (not self.card.extended or len(raw) > MOST_SENT):
                raise Refused(apdu.WRONG_LENGTH)
            if command.ins == apdu.GET_RESPONSE:
                if not self._left:
                    raise Refused(apdu.CONDITIONS)
                return self._in_parts(self._left, command)
            return self._in_parts(self._protected(command) if command.protected else self._plain(command), command)
        except Refused as refused:
            return refused.status.to_bytes(2, "big")
        except Naked as naked:
            self._session = None
            return naked.status.to_bytes(2, "big")

    def _in_parts(self, response: bytes, command: Command) -> bytes:
        """What is longer than a short response is fetched with GET RESPONSE (ISO/IEC 7816-4 section 7.6.1)."""
        data, status = response[:-2], response[-2:]
        most = command.expected or apdu.SHORT
        if len(data) <= most or command.extended:
            self._left = b""
            return response
        self._left = data[most:] + status
        return data[:most] + (apdu.MORE + min(255, len(data) - most)).to_bytes(2, "big")

    def _plain(self, command: Command) -> bytes:
        self._session = None
        response = self._answered(command)
        return response.data + response.status.to_bytes(2, "big")

    def _protected(self, command: Command) -> bytes:
        session = self._session
        if session is None:
            raise Refused(apdu.NO_SESSION)
        try:
            inner = session.unwrap(command)
        except Refused:
            self._session = None
            raise
        response = self._answered(inner)
        wrapped = session.wrap(inner, response.data, response.status)
        if self._next_session:
            self._session, self._next_session = self._next_session, None
        return wrapped

    def _answered(self, command: Command) -> Response:
        answer = self._execute
        for one in self._misbehaviours:
            answer = partial(one.inside, answer=answer)
        try:
            return answer(command)
        except TlvError:
            return Response(b"", apdu.WRONG_DATA)

    def _execute(self, command: Command) -> Response:
        handlers: dict[int, Callable[[Command], Response]] = {
            apdu.SELECT: self._select,
            apdu.READ_BINARY: self._read,
            apdu.READ_BINARY_ODD: self._read_odd,
            apdu.GET_CHALLENGE: self._challenge,
            apdu.EXTERNAL_AUTHENTICATE: self._external,
            apdu.MANAGE: self._manage,
            apdu.GENERAL_AUTHENTICATE: self._authenticate,
            apdu.INTERNAL_AUTHENTICATE: self._internal,
        }
        try:
            if command.ins not in handlers:
                raise Refused(apdu.UNKNOWN_INS)
            return handlers[command.ins](command)
        except Refused as refused:
            return Response(b"", refused.status)

    def _select(self, command: Command) -> Response:
        if command.p1 == 4:
            if command.data != APPLICATION:
                raise Refused(apdu.FILE_NOT_FOUND)
            self._in_application, self._file = True, None
        elif command.p1 == 0 and command.data in (b"", _MASTER_FILE):
            self._in_application, self._file = False, None
        elif command.p1 in (0, 2) and len(command.data) == 2:
            self._file = self._open(int.from_bytes(command.data, "big"))
        else:
            raise Refused(apdu.WRONG_P1_P2)
        return Response()

    def _open(self, identifier: int) -> bytes:
        """Access conditions of 9303-10 section 3.11.2: the application after access, EF.CardSecurity after PACE."""
        files = self.card.application if self._in_application else self.card.master
        secret = self._in_application or identifier == CARD_SECURITY
        if secret and (self._session is None or not (self._in_application or self._by_pace)):
            raise Refused(apdu.NOT_SATISFIED)
        if identifier not in files:
            raise Refused(apdu.FILE_NOT_FOUND)
        return files[identifier]

    def _open_short(self, short: int) -> bytes:
        # Every file of a passport is 01xx, xx its short identifier; those of an ISO card (2Fxx) only outside.
        identifier = 0x0100 | short
        return self._open(identifier if self._in_application or identifier in self.card.master else 0x2F00 | short)

    def _read(self, command: Command) -> Response:
        offset = command.p1 << 8 | command.p2
        if command.p1 & 0x80:
            self._file, offset = self._open_short(command.p1 & 0x1F), command.p2
        return self._portion(offset, command, overhead=0)

    def _read_odd(self, command: Command) -> Response:
        identifier = command.p1 << 8 | command.p2
        if 0 < identifier <= 0x1E:
            self._file = self._open_short(identifier)
        elif identifier:
            self._file = self._open(identifier)
        asked = objects(command.data)
        if set(asked) != {0x54}:
            raise Refused(apdu.WRONG_DATA)
        response = self._portion(int.from_bytes(asked[0x54], "big"), command, overhead=4)
        return Response(tlv(0x53, response.data), response.status)

    def _portion(self, offset: int, command: Command, overhead: int) -> Response:
        if self._file is None:
            raise Refused(apdu.CONDITIONS)
        room = self._session.room if self._session and not command.extended else MOST_RECEIVED
        if not 0 < command.expected <= room:
            raise Refused(apdu.WRONG_LENGTH)
        if offset >= len(self._file):
            raise Refused(apdu.OUTSIDE_FILE)
        count = max(1, command.expected - overhead)
        data = self._file[offset : offset + count]
        return Response(data, apdu.OK if len(data) == count else apdu.END_OF_FILE)

    def _challenge(self, _: Command) -> Response:
        if not (self.card.bac and self.card.mrz_key):
            raise Refused(apdu.REFERENCE_NOT_FOUND)
        if not self._in_application or self._session:
            raise Refused(apdu.CONDITIONS)
        self._bac = Bac(seed(self.card.mrz_key), self._random)
        return Response(self._bac.challenge)

    def _external(self, command: Command) -> Response:
        bac, self._bac = self._bac, None
        if bac is None:
            raise Refused(apdu.CONDITIONS)
        answer, self._session = bac.authenticate(command.data)
        self._by_pace = False
        return Response(answer)

    def _manage(self, command: Command) -> Response:
        asked = objects(command.data)
        self._parts, self._general, self._pace = b"", None, None
        match command.p1, command.p2:
            case 0xC1, 0xA4:
                self._prepare_pace(asked)
            case 0x41, 0xA4:
                self._prepare_chip_authentication(asked)
            case 0x41, 0xA6:
                self._next_session = chip_authentication(self._chip_key(asked), asked.get(0x91, b""))
            case _:
                raise Refused(apdu.WRONG_P1_P2)
        return Response()

    def _prepare_pace(self, asked: dict[int, bytes]) -> None:
        if self._session:
            raise Refused(apdu.CONDITIONS)
        fitting = [suite for suite in self.card.suites if suite.oid == asked.get(0x80)]
        if 0x84 in asked:
            fitting = [suite for suite in fitting if suite.group.number == int.from_bytes(asked[0x84], "big")]
        if not fitting:
            raise Refused(apdu.REFERENCE_NOT_FOUND)
        if len(fitting) > 1:
            # Only DO 84 can say which (9303-11 section 4.4.4.1).
            raise Refused(apdu.WRONG_DATA)
        suite = fitting[0]
        cam_key = self.card.cam_key if suite.mapping is Mapping.CAM else None
        self._pace = Pace(suite, self._password(asked.get(0x83, b"")), self._random, cam_key=cam_key)
        self._general = self._pace.answer

    def _password(self, reference: bytes) -> bytes:
        """The password of that number; one the chip does not have fails like a wrong one, at the token."""
        number = int.from_bytes(reference, "big")
        if number == _MRZ and self.card.mrz_key:
            return seed(self.card.mrz_key, 20)
        if number == _CAN and self.card.can:
            return self.card.can.encode("latin-1")
        if number not in (_MRZ, _CAN):
            raise Refused(apdu.REFERENCE_NOT_FOUND)
        return self._random(20)

    def _chip_key(self, asked: dict[int, bytes]) -> ChipKey:
        if not self._session:
            raise Refused(apdu.NOT_SATISFIED)
        for key in self.card.chip_keys:
            if asked.get(0x80, key.variant.oid) == key.variant.oid and (
                0x84 not in asked or int.from_bytes(asked[0x84], "big") == key.number
            ):
                return key
        raise Refused(apdu.REFERENCE_NOT_FOUND)

    def _prepare_chip_authentication(self, asked: dict[int, bytes]) -> None:
        key = self._chip_key(asked)

        def answer(objects: dict[int, bytes]) -> dict[int, bytes]:
            self._general = None
            self._next_session = chip_authentication(key, objects.get(0x80, b""))
            return {}

        self._general = answer

    def _authenticate(self, command: Command) -> Response:
        self._parts += command.data
        if self._general is None:
            raise Refused(apdu.CONDITIONS)
        if command.chained and not is_whole(self._parts):
            return Response()
        whole, self._parts = self._parts, b""
        tag, start, end = span(whole)
        if tag != 0x7C or end != len(whole):
            raise Refused(apdu.WRONG_DATA)
        reply = self._general(objects(whole[start:]))
        if self._pace and self._pace.session:
            self._session, self._by_pace = self._pace.session, True
            self._general = self._pace = None
        return Response(tlv(0x7C, *(tlv(one, value) for one, value in reply.items())))

    def _internal(self, command: Command) -> Response:
        if self.card.active is None:
            raise Refused(apdu.UNKNOWN_INS)
        if not (self._session and self._in_application):
            raise Refused(apdu.NOT_SATISFIED)
        return Response(active_authentication(self.card.active, command.data, self._random))
