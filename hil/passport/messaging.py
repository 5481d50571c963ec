"""Secure messaging, the chip's side (ICAO 9303-11 section 9.8)."""

from hil.passport.apdu import READ_BINARY_ODD, SM_MISSING, SM_WRONG, Command, Refused
from hil.passport.symmetric import ENC, MAC, Cipher, pad, unpad
from hil.passport.tlv import TlvError, tlv, walk

ENCRYPTED_ODD, ENCRYPTED, EXPECTED, STATUS, CHECKSUM = 0x85, 0x87, 0x97, 0x99, 0x8E


class Session:
    """Keys and send sequence counter from one key agreement to the next."""

    def __init__(self, cipher: Cipher, ks_enc: bytes, ks_mac: bytes, *, ssc: int = 0) -> None:
        self.cipher, self.ks_enc, self.ks_mac, self.ssc = cipher, ks_enc, ks_mac, ssc

    @classmethod
    def of(cls, cipher: Cipher, secret: bytes, ssc: int = 0) -> "Session":
        """From the secret both sides agreed on."""
        return cls(cipher, cipher.derive(secret, ENC), cipher.derive(secret, MAC), ssc=ssc)

    def unwrap(self, command: Command) -> Command:
        """The command inside. Raises Refused 6987 or 6988, after which the session must end."""
        self.ssc += 1
        try:
            found = list(walk(command.data))
        except TlvError:
            raise Refused(SM_WRONG) from None
        parts = dict(found)
        if not found or found[-1][0] != CHECKSUM or len(parts) != len(found):
            raise Refused(SM_MISSING)
        covered = command.data[: -len(tlv(CHECKSUM, parts[CHECKSUM]))]
        if self._mac(command.header, covered) != parts[CHECKSUM]:
            raise Refused(SM_WRONG)
        expected = parts.get(EXPECTED, b"")
        most = 256 ** len(expected)
        return command.bare(self._data(parts), (int.from_bytes(expected, "big") or most) if expected else 0)

    def _data(self, parts: dict[int, bytes]) -> bytes:
        try:
            if ENCRYPTED in parts:
                if parts[ENCRYPTED][:1] != b"\x01":
                    raise Refused(SM_WRONG)
                return self._decrypt(parts[ENCRYPTED][1:])
            return self._decrypt(parts[ENCRYPTED_ODD]) if ENCRYPTED_ODD in parts else b""
        except ValueError:
            raise Refused(SM_WRONG) from None

    def wrap(self, command: Command, data: bytes, status: int) -> bytes:
        """The protected response, its outer status word the same as the inner one."""
        self.ssc += 1
        body = b""
        if data:
            secret = self.cipher.encrypt(self.ks_enc, pad(data, self.cipher.block), self._iv())
            odd = command.ins == READ_BINARY_ODD
            body = tlv(ENCRYPTED_ODD, secret) if odd else tlv(ENCRYPTED, b"\x01", secret)
        body += tlv(STATUS, status.to_bytes(2, "big"))
        return body + tlv(CHECKSUM, self._mac(b"", body)) + status.to_bytes(2, "big")

    @property
    def room(self) -> int:
        """Bytes of data that a short response has room for: 223 or 231."""
        return SHORT_ROOM - SHORT_ROOM % self.cipher.block - 1

    def _mac(self, header: bytes, objects: bytes) -> bytes:
        block = self.cipher.block
        message = self.ssc.to_bytes(block, "big") + (pad(header, block) if header else b"") + objects
        # The retail MAC pads by itself; CMAC is given padded data (9303-11 section 9.8.6.1).
        return self.cipher.mac(self.ks_mac, message if self.cipher is Cipher.TDES else pad(message, block))

    def _iv(self) -> bytes | None:
        if self.cipher is Cipher.TDES:
            return None
        return self.cipher.encrypt(self.ks_enc, self.ssc.to_bytes(self.cipher.block, "big"))

    def _decrypt(self, secret: bytes) -> bytes:
        if not secret:
            raise Refused(SM_WRONG)
        return unpad(self.cipher.decrypt(self.ks_enc, secret, self._iv()))


# 256 less the objects around the data: 87 81 L 01, 99 02 SW, 8E 08 MAC.
SHORT_ROOM = 256 - 4 - 4 - 10
