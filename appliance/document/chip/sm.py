"""Secure messaging (9303-11 section 9.8): every command protected, every answer's MAC and status word checked.

A session dies with the first answer that is wrong, and its keys with it. Not here: where the keys come from (`bac`,
`pace`, `chip_authentication`), sending itself.
"""

from dataclasses import replace

from appliance.document.chip.apdu import LONGEST, SHORT, Command, Exchange, Response
from appliance.document.chip.crypto import Keys, Suite, decrypt, encrypt, encrypt_block, equal, mac, pad, unpad
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import Tlv, TlvError, build, find, parse

_DATA, _DATA_ODD, _LE, _STATUS, _MAC = 0x87, 0x85, 0x97, 0x99, 0x8E
_SECURED = 0x0C
_PADDED = b"\x01"
# DO 99 and DO 8E take 14 bytes; the head of DO 87 with its padding indicator 4, of an extended one 5; SW1 SW2 count
# towards the longest response a chip announces (9303-10 section 3.6.4.2), not towards a short Le.
_SHORT_OVERHEAD, _EXTENDED_OVERHEAD = 14 + 4, 14 + 5 + 2


class Session:
    """A channel through secure messaging. Not thread-safe; one command at a time."""

    def __init__(self, keys: Keys, ssc: int = 0, *, largest: int = SHORT) -> None:
        """`largest`: the longest response the chip announces, 256 for a chip (or reader) of short lengths only."""
        self._keys: Keys | None = keys
        self._ssc, self.largest = ssc, largest
        self.longest_read = LONGEST
        """Lower it for a chip whose last session ended because it was asked for too much in one read."""

    @property
    def most_data(self) -> int:
        """Most bytes of data an answer can carry: 223 (AES) or 231 (3DES), more only where the chip announces it."""
        rooms = SHORT - _SHORT_OVERHEAD, self.largest - _EXTENDED_OVERHEAD
        return max(_room(self.suite, room) for room in rooms)

    @property
    def chunk(self) -> int:
        """Most bytes of a file to ask for in one command."""
        return min(self.longest_read, self.most_data)

    @property
    def suite(self) -> Suite:
        """The cipher in use."""
        return self._alive().suite

    def transmit(self, command: Command) -> Exchange[Response]:
        """Protect, send, check, decrypt. Raises DocumentFault (UNPROTECTED_RESPONSE, MAC_WRONG, CHIP_MALFORMED)."""
        try:
            return self._open(Response.decode((yield self._protect(command).encode())))
        except BaseException:  # whatever ended this exchange, the counters of both ends may differ now
            self._keys = None
            raise

    def switch(self, keys: Keys) -> None:
        """Go on under new keys, counted from zero (9303-11 section 6.2)."""
        self._alive()
        self._keys, self._ssc = keys, 0

    def _alive(self) -> Keys:
        if self._keys is None:
            raise DocumentFault(Reason.UNPROTECTED_RESPONSE, "the session has ended")
        return self._keys

    def _protect(self, command: Command) -> Command:
        keys, block = self._alive(), self._alive().suite.block
        self._count(block)
        outer = Command(command.cla | _SECURED, command.ins, command.p1, command.p2)
        body = b""
        if command.data:
            secret = encrypt(keys.suite, keys.enc, pad(command.data, block), self._vector(keys))
            body = build(_DATA_ODD, secret) if command.ins & 1 else build(_DATA, _PADDED + secret)
        if command.le is not None:
            short = command.le <= SHORT
            body += build(_LE, (command.le % (SHORT if short else LONGEST)).to_bytes(1 if short else 2, "big"))
        body += build(_MAC, self._mac(keys, pad(outer.header, block) + body))
        return replace(outer, data=body, le=self._longest_answer(command, body))

    def _longest_answer(self, command: Command, body: bytes) -> int:
        """Le of the protected command: short while the answer fits, then all that the chip announced."""
        wanted = command.le or 0
        if len(body) < SHORT and wanted <= _room(self.suite, SHORT - _SHORT_OVERHEAD):
            return SHORT
        if self.largest > SHORT:
            return self.largest
        return SHORT if len(body) < SHORT and wanted <= SHORT else LONGEST

    def _open(self, response: Response) -> Response:
        keys = self._alive()
        self._count(keys.suite.block)
        if not response.data:
            raise DocumentFault(Reason.UNPROTECTED_RESPONSE, f"{response.sw:04X} without secure messaging")
        status, data = self._verified(keys, response.data)
        if status != response.sw:
            raise DocumentFault(Reason.MAC_WRONG, f"{response.sw:04X} outside, {status:04X} inside")
        return Response(self._decrypted(keys, data) if data else b"", status)

    def _verified(self, keys: Keys, raw: bytes) -> tuple[int, Tlv | None]:
        """The status word and the encrypted object of an answer whose MAC is right."""
        try:
            objects = parse(raw)
            status, checksum = find(objects, _STATUS), find(objects, _MAC)
            data = find(objects, _DATA) or find(objects, _DATA_ODD)
        except TlvError as broken:
            raise DocumentFault(Reason.UNPROTECTED_RESPONSE, str(broken)) from broken
        if status is None or checksum is None:
            raise DocumentFault(Reason.UNPROTECTED_RESPONSE, "an answer without status or MAC")
        protected = (data.raw if data else b"") + status.raw
        if raw != protected + checksum.raw or len(status.value) != 2:
            raise DocumentFault(Reason.UNPROTECTED_RESPONSE, "an answer of other objects, or in another order")
        if not equal(checksum.value, self._mac(keys, protected)):
            raise DocumentFault(Reason.MAC_WRONG)
        return int.from_bytes(status.value, "big"), data

    def _decrypted(self, keys: Keys, data: Tlv) -> bytes:
        secret = data.value
        if data.tag == _DATA:
            if secret[:1] != _PADDED:
                raise DocumentFault(Reason.CHIP_MALFORMED, "encrypted data without its padding indicator")
            secret = secret[1:]
        return unpad(decrypt(keys.suite, keys.enc, secret, self._vector(keys)))

    def _count(self, block: int) -> None:
        self._ssc = (self._ssc + 1) % (1 << 8 * block)

    def _counter(self, keys: Keys) -> bytes:
        return self._ssc.to_bytes(keys.suite.block, "big")

    def _vector(self, keys: Keys) -> bytes | None:
        """9303-11 section 9.8: zero for 3DES, the encrypted counter for AES."""
        return None if keys.suite is Suite.TDES else encrypt_block(keys.suite, keys.enc, self._counter(keys))

    def _mac(self, keys: Keys, data: bytes) -> bytes:
        message = self._counter(keys) + data
        return mac(keys.suite, keys.mac, message if keys.suite is Suite.TDES else pad(message, keys.suite.block))


def _room(suite: Suite, room: int) -> int:
    """Most plain bytes whose encryption fits in `room`: whole blocks, of which padding takes one byte."""
    return room // suite.block * suite.block - 1
