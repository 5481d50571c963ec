"""Basic access control, the chip's side (ICAO 9303-11 section 4.3)."""

import hashlib

from hil.passport.apdu import AUTHENTICATION_FAILED, Refused
from hil.passport.groups import Random
from hil.passport.messaging import Session
from hil.passport.symmetric import ENC, MAC, MAC_LENGTH, Cipher

_NONCE, _KEY = 8, 16


def seed(mrz_key: str, size: int = 16) -> bytes:
    """The start of a hash over the three fields of the MRZ: 16 octets for BAC, all 20 for PACE."""
    return hashlib.sha1(mrz_key.encode("latin-1"), usedforsecurity=False).digest()[:size]


class Bac:
    """One challenge and its answer."""

    def __init__(self, secret: bytes, random: Random) -> None:
        self._enc, self._mac = (Cipher.TDES.derive(secret, counter) for counter in (ENC, MAC))
        self._random = random
        self.challenge = random(_NONCE)

    def authenticate(self, data: bytes) -> tuple[bytes, Session]:
        """What EXTERNAL AUTHENTICATE answers, and the session. Raises Refused 6300."""
        secret, mac = data[:-MAC_LENGTH], data[-MAC_LENGTH:]
        if len(data) != 2 * _NONCE + _KEY + MAC_LENGTH or Cipher.TDES.mac(self._mac, secret) != mac:
            raise Refused(AUTHENTICATION_FAILED)
        plain = Cipher.TDES.decrypt(self._enc, secret)
        theirs, echoed, their_key = plain[:_NONCE], plain[_NONCE : 2 * _NONCE], plain[2 * _NONCE :]
        if echoed != self.challenge:
            raise Refused(AUTHENTICATION_FAILED)
        our_key = self._random(_KEY)
        answer = Cipher.TDES.encrypt(self._enc, self.challenge + theirs + our_key)
        shared = bytes(one ^ other for one, other in zip(their_key, our_key, strict=True))
        counter = int.from_bytes(self.challenge[4:] + theirs[4:], "big")
        return answer + Cipher.TDES.mac(self._mac, answer), Session.of(Cipher.TDES, shared, counter)
