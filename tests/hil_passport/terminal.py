"""A small terminal to try the virtual chip with.

Its ciphers, MACs and key derivation are `cryptography`'s, the chip's are pycryptodomex's: secure messaging that works
between them is right on both sides. The groups are the chip's own; the worked examples of ICAO and the comparison with
`cryptography` (test_passport_groups.py) are what proves those.
"""

import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from hil.passport.groups import Random
from hil.passport.pace import pseudo_random
from hil.passport.suites import Mapping, Suite
from hil.passport.tlv import objects, tlv

APPLICATION = "A0000002471001"


class Failed(AssertionError):
    """The chip answered another status word, or broke secure messaging."""


def hashed(mrz_key: str) -> bytes:
    return hashlib.sha1(mrz_key.encode()).digest()


def derived(label: str, secret: bytes, counter: int) -> bytes:
    digest, size = {"3des": ("sha1", 16), "aes128": ("sha1", 16), "aes192": ("sha256", 24), "aes256": ("sha256", 32)}[
        label
    ]
    return hashlib.new(digest, secret + counter.to_bytes(4, "big")).digest()[:size]


def cbc(key: bytes, iv: bytes, *, triple: bool = False) -> Cipher:
    return Cipher(TripleDES(key + key[:8]) if triple else algorithms.AES(key), modes.CBC(iv))


def encrypted(cipher: Cipher, data: bytes) -> bytes:
    encryptor = cipher.encryptor()
    return encryptor.update(data) + encryptor.finalize()


def decrypted(cipher: Cipher, data: bytes) -> bytes:
    decryptor = cipher.decryptor()
    return decryptor.update(data) + decryptor.finalize()


def padded(data: bytes, block: int) -> bytes:
    return data + b"\x80" + bytes(-(len(data) + 1) % block)


def checksum(label: str, key: bytes, data: bytes) -> bytes:
    """Retail MAC over padded data, or CMAC."""
    if label != "3des":
        mac = CMAC(algorithms.AES(key))
        mac.update(data)
        return mac.finalize()[:8]
    one = TripleDES(key[:8] * 3)
    last = encrypted(Cipher(one, modes.CBC(bytes(8))), padded(data, 8))[-8:]
    middle = decrypted(cbc(key[8:] * 2, bytes(8), triple=True), last)
    return encrypted(Cipher(one, modes.CBC(bytes(8))), middle)


@dataclass
class Channel:
    """Secure messaging, the terminal's side."""

    label: str
    secret: bytes
    counter: int = 0
    enc: bytes = field(init=False)
    mac: bytes = field(init=False)

    def __post_init__(self):
        self.enc, self.mac = (derived(self.label, self.secret, number) for number in (1, 2))
        self.block = 8 if self.label == "3des" else 16

    def _cipher(self):
        if self.label == "3des":
            return cbc(self.enc, bytes(8), triple=True)
        counter = self.counter.to_bytes(16, "big")
        return cbc(self.enc, encrypted(Cipher(algorithms.AES(self.enc), modes.ECB()), counter))

    def _checksum(self, data):
        data = self.counter.to_bytes(self.block, "big") + data
        return checksum(self.label, self.mac, data if self.label == "3des" else padded(data, self.block))

    def wrap(self, header, data, expected, *, long):
        self.counter += 1
        header = bytes((header[0] | 0x0C,)) + header[1:]
        body = b""
        if data:
            secret = encrypted(self._cipher(), padded(data, self.block))
            body = tlv(0x85, secret) if header[1] & 1 else tlv(0x87, b"\x01" + secret)
        if expected:
            width = 2 if expected > 256 else 1
            body += tlv(0x97, (expected % 256**width).to_bytes(width, "big"))
        body += tlv(0x8E, self._checksum(padded(header, self.block) + body))
        if long:
            return header + b"\x00" + len(body).to_bytes(2, "big") + body + b"\x00\x00"
        return header + bytes((len(body),)) + body + b"\x00"

    def unwrap(self, response):
        self.counter += 1
        body, status = response[:-2], response[-2:]
        found = objects(body)
        if 0x8E not in found or self._checksum(body[:-10]) != found[0x8E] or found.get(0x99) != status:
            raise Failed("the response is not protected by its checksum")
        secret = found[0x87][1:] if 0x87 in found else found.get(0x85, b"")
        plain = decrypted(self._cipher(), secret).rstrip(b"\x00")[:-1] if secret else b""
        return plain, int.from_bytes(status, "big")


class Terminal:
    """What a reader does with a chip; any status word but 9000 is Failed unless it is asked for."""

    def __init__(self, chip, random: Random, *, long=False):
        self.process, self._random, self._long = chip.process, random, long
        self.channel = None
        self.count = 0

    def _whole(self, command):
        """With GET RESPONSE as often as there is more."""
        self.count += 1
        response = self.process(command)
        data = b""
        while response[-2] == 0x61:
            data += response[:-2]
            response = self.process(b"\x00\xc0\x00\x00" + response[-1:])
        return data + response

    def send(self, header, data=b"", expected=0):
        """Data and status word."""
        header = bytes.fromhex(header)
        if self.channel:
            whole = self._whole(self.channel.wrap(header, data, expected, long=self._long))
            if len(whole) == 2:
                self.channel = None
                return b"", int.from_bytes(whole, "big")
            return self.channel.unwrap(whole)
        ending = (expected % 256).to_bytes(1, "big") if expected else b""
        if len(data) > 255:
            assert self._long
            lengths = b"\x00" + len(data).to_bytes(2, "big"), b"\x00\x00" if expected else b""
            response = self._whole(header + lengths[0] + data + lengths[1])
        else:
            response = self._whole(header + (bytes((len(data),)) + data if data else b"") + ending)
        return response[:-2], int.from_bytes(response[-2:], "big")

    def ask(self, header, data=b"", expected=0):
        """The data of a command that must succeed."""
        answer, status = self.send(header, data, expected)
        if status != 0x9000:
            raise Failed(f"{header}: {status:04X}")
        return answer

    def general(self, sent, *, last=False):
        """One GENERAL AUTHENTICATE, the objects of its answer."""
        body = tlv(0x7C, *(tlv(tag, value) for tag, value in sent.items()))
        return objects(objects(self.ask("00860000" if last else "10860000", body, 256))[0x7C])

    def select_application(self):
        self.ask("00A4040C", bytes.fromhex(APPLICATION))

    def bac(self, mrz_key):
        self.select_application()
        keys = [derived("3des", hashed(mrz_key)[:16], number) for number in (1, 2)]
        theirs, ours, secret = self.ask("00840000", expected=8), self._random(8), self._random(16)
        body = encrypted(cbc(keys[0], bytes(8), triple=True), ours + theirs + secret)
        answer = self.ask("00820000", body + checksum("3des", keys[1], body), 40)
        if checksum("3des", keys[1], answer[:-8]) != answer[-8:]:
            raise Failed("the chip's answer to BAC is altered")
        plain = decrypted(cbc(keys[0], bytes(8), triple=True), answer[:-8])
        if plain[:16] != theirs + ours:
            raise Failed("the chip's answer to BAC is of another run")
        shared = bytes(a ^ b for a, b in zip(secret, plain[16:], strict=True))
        self.channel = Channel("3des", shared, int.from_bytes(theirs[4:] + ours[4:], "big"))

    def pace(self, suite: Suite, password: bytes, reference=1, *, parameter=None):
        """Returns the chip's mapping key and its chip authentication data, decrypted; both empty without CAM."""
        group, label = suite.group, suite.cipher.label
        body = tlv(0x80, suite.oid) + tlv(0x83, bytes((reference,)))
        self.ask("0022C1A4", body + (tlv(0x84, bytes((parameter,))) if parameter is not None else b""))
        triple, block = label == "3des", suite.cipher.block
        hidden = self.general({})[0x80]
        nonce = decrypted(cbc(derived(label, password, 3), bytes(block), triple=triple), hidden)
        mapping = b""
        if suite.mapping is Mapping.IM:
            key = self._random(suite.cipher.key_size)
            assert self.general({0x81: key}) == {0x82: b""}
            base = group.map_number(pseudo_random(suite, nonce, key) % group.prime)
        else:
            private = group.private(self._random)
            mapping = self.general({0x81: group.public(private)})[0x82]
            multiple = group.power(group.base, int.from_bytes(nonce, "big"))
            base = group.combine(multiple, group.agree(private, mapping))
        private = group.private(self._random)
        ours = group.public(private, base)
        theirs = self.general({0x83: ours})[0x84]
        channel = Channel(label, group.secret(group.agree(private, theirs)))

        def token(public):
            data = tlv(0x7F49, tlv(0x06, suite.oid), tlv(group.tag, public))
            return checksum(label, channel.mac, data)

        answer = self.general({0x85: token(theirs)}, last=True)
        if answer[0x86] != token(ours):
            raise Failed("the chip's token is wrong")
        self.channel = channel
        if 0x8A not in answer:
            return mapping, b""
        iv = encrypted(Cipher(algorithms.AES(channel.enc), modes.ECB()), b"\xff" * 16)
        return mapping, decrypted(cbc(channel.enc, iv), answer[0x8A]).rstrip(b"\x00")[:-1]

    def chip_authentication(self, variant, public: bytes, *, number=None):
        """With the public key of DG14. The new channel is proven by whatever is sent next."""
        group = variant.group
        private = group.private(self._random)
        ours = group.public(private)
        reference = tlv(0x84, bytes((number,))) if number is not None else b""
        if variant.cipher.label == "3des":
            self.ask("002241A6", tlv(0x91, ours) + reference)
        else:
            self.ask("002241A4", tlv(0x80, variant.oid) + reference)
            assert self.general({0x80: ours}, last=True) == {}
        self.channel = Channel(variant.cipher.label, group.secret(group.agree(private, public)))

    def read(self, identifier: int, step=200) -> bytes:
        """A whole file: its head, then the rest in steps."""
        self.ask("00A4020C", identifier.to_bytes(2, "big"))
        data = self.ask("00B00000", expected=4)
        length = data[1]
        if length & 0x80:
            length = int.from_bytes(data[2 : 2 + (length & 0x7F)], "big") + (length & 0x7F)
        while len(data) < length + 2:
            part = self.ask(f"00B0{len(data):04X}", expected=min(step, length + 2 - len(data)))
            assert part
            data += part
        return data
