"""PACE, the chip's side: four messages and a session (ICAO 9303-11 section 4.4)."""

from collections.abc import Iterator

from hil.passport.apdu import AUTHENTICATION_FAILED, CONDITIONS, WRONG_DATA, Refused
from hil.passport.groups import Element, Random
from hil.passport.messaging import Session
from hil.passport.suites import Mapping, Suite
from hil.passport.symmetric import PASSWORD, pad
from hil.passport.tlv import tlv

NONCE, MAP_IN, MAP_OUT, KEY_IN, KEY_OUT, TOKEN_IN, TOKEN_OUT, CAM_DATA = 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x8A

# Constants of the pseudo-random function, 9303-11 section 4.4.3.3.2, for nonces of 128 and of 256 bits.
_C0 = {
    16: bytes.fromhex("A668892A7C41E3CA739F40B057D85904"),
    32: bytes.fromhex("D463D65234124EF7897054986DCA0A174E28DF758CBAA03F240616414D5A1676"),
}
_C1 = {
    16: bytes.fromhex("A4E136AC725F738B01C1F60217C188AD"),
    32: bytes.fromhex("54BD7255F0AAF831BEC3423FCF39D69B6CBF066677D0FAAE5AADD99DF8E53517"),
}


def pseudo_random(suite: Suite, nonce: bytes, key: bytes) -> int:
    """R_p(s, t) of the integrated mapping before its reduction: as many bits as the field and 64 more."""
    cipher, size = suite.cipher, len(nonce)
    current, made = cipher.encrypt(key, nonce)[: cipher.key_size], b""
    while len(made) * 8 < suite.group.bits + 64:
        made += cipher.encrypt(current, _C1[size])
        current = cipher.encrypt(current, _C0[size])[: cipher.key_size]
    return int.from_bytes(made, "big")


def token(suite: Suite, session: Session, public: bytes) -> bytes:
    """The authentication token over the other side's public key, 9303-11 section 4.4.3.4."""
    data = tlv(0x7F49, tlv(0x06, suite.oid), tlv(suite.group.tag, public))
    return suite.cipher.mac(session.ks_mac, data)


def encrypted_chip_data(session: Session, data: bytes) -> bytes:
    """Chip authentication data as they are sent, 9303-11 section 4.4.3.5.2."""
    cipher = session.cipher
    iv = cipher.encrypt(session.ks_enc, b"\xff" * cipher.block)
    return cipher.encrypt(session.ks_enc, pad(data, cipher.block), iv)


class Pace:
    """One run. `answer` takes the objects of a GENERAL AUTHENTICATE and gives those of its response."""

    def __init__(self, suite: Suite, password: bytes, random: Random, *, cam_key: int | None = None) -> None:
        self.session: Session | None = None
        self._suite, self._random, self._cam_key = suite, random, cam_key
        self._password_key = suite.cipher.derive(password, PASSWORD)
        self._mapping_key = 0
        self._steps = self._run()
        next(self._steps)

    def answer(self, asked: dict[int, bytes]) -> dict[int, bytes]:
        """The next message. Raises Refused; the run is over then."""
        if self.session:
            raise Refused(CONDITIONS)
        self._asked = asked
        try:
            return next(self._steps)
        except StopIteration:
            raise Refused(CONDITIONS) from None
        except ValueError:
            # A key of another group, or a nonce no cipher takes as its key.
            raise Refused(WRONG_DATA) from None

    def _take(self, tag: int) -> bytes:
        if tag not in self._asked:
            raise Refused(WRONG_DATA)
        return self._asked[tag]

    def _run(self) -> Iterator[dict[int, bytes]]:
        suite, group = self._suite, self._suite.group
        yield {}
        if self._asked:
            raise Refused(WRONG_DATA)
        nonce = self._random(suite.nonce_size)
        yield {NONCE: suite.cipher.encrypt(self._password_key, nonce)}
        reply, base = self._map(nonce, self._take(MAP_IN))
        yield {MAP_OUT: reply}
        theirs = self._take(KEY_IN)
        private = group.private(self._random)
        ours = group.public(private, base)
        if theirs == ours:
            raise Refused(WRONG_DATA)
        session = Session.of(suite.cipher, group.secret(group.agree(private, theirs)))
        yield {KEY_OUT: ours}
        if self._take(TOKEN_IN) != token(suite, session, ours):
            raise Refused(AUTHENTICATION_FAILED)
        self.session = session
        yield {TOKEN_OUT: token(suite, session, theirs), **self._proof(session)}

    def _map(self, nonce: bytes, theirs: bytes) -> tuple[bytes, Element]:
        suite, group = self._suite, self._suite.group
        if suite.mapping is Mapping.IM:
            if len(theirs) != suite.cipher.key_size:
                raise Refused(WRONG_DATA)
            return b"", group.map_number(pseudo_random(suite, nonce, theirs) % group.prime)
        self._mapping_key = group.private(self._random)
        shared = group.agree(self._mapping_key, theirs)
        base = group.combine(group.power(group.base, int.from_bytes(nonce, "big")), shared)
        return group.public(self._mapping_key), base

    def _proof(self, session: Session) -> dict[int, bytes]:
        if self._suite.mapping is not Mapping.CAM:
            return {}
        assert self._cam_key is not None
        order = self._suite.group.order
        data = pow(self._cam_key, -1, order) * self._mapping_key % order
        return {CAM_DATA: encrypted_chip_data(session, data.to_bytes((order.bit_length() + 7) // 8, "big"))}
