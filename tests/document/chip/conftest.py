"""A scripted chip for transcripts, and a small working chip for everything else.

The small chip shares the reader's primitives (groups, ciphers): with it the tests prove order and plumbing. That the
primitives are right is proved by the worked examples of ICAO, the real transcripts, and `ecdsa` and OpenSSL.
"""

import secrets
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import pytest

from appliance.document.chip.crypto import Keys, Suite, decrypt, encrypt, encrypt_block, mac, pad, unpad
from appliance.document.chip.mapping import generic, integrated, integrated_nonce_bytes
from appliance.document.chip.parameters import STANDARD
from appliance.document.chip.passwords import Password, mrz_password
from appliance.document.chip.protocols import CHIP_AUTHENTICATION, PACE, Mapping, oid_bytes
from appliance.document.tlv import build, find, only, parse

OK = b"\x90\x00"


def replay(exchange: Generator[bytes, bytes, Any], *pairs: tuple[str, str]) -> Any:
    """Run an exchange against command and response in hexadecimal: every command byte by byte, none left over."""
    left = list(pairs)
    answer = None
    while True:
        try:
            command = next(exchange) if answer is None else exchange.send(answer)
        except StopIteration as end:
            assert not left, f"{len(left)} commands were not sent"
            return end.value
        assert left, f"one more command: {command.hex()}"
        expected, given = left.pop(0)
        assert command.hex().upper() == expected.upper()
        answer = bytes.fromhex(given)


def drive(exchange: Generator[bytes, bytes, Any], process: Callable[[bytes], bytes]) -> Any:
    """Run an exchange against a chip to its end."""
    try:
        command = next(exchange)
        while True:
            command = exchange.send(process(command))
    except StopIteration as end:
        return end.value


def scripted(*values: str) -> Callable[[int], bytes]:
    """Random bytes that are given in hexadecimal, each of just the length asked for."""
    left = [bytes.fromhex(value) for value in values]

    def draw(count: int) -> bytes:
        value = left.pop(0)
        assert len(value) == count
        return value

    return draw


def decode(raw: bytes) -> tuple[int, int, int, int, bytes, int | None]:
    """CLA INS P1 P2 data Le of a command APDU, by ISO/IEC 7816-3 section 12.1."""
    cla, ins, p1, p2, body = *raw[:4], raw[4:]
    if not body:
        return cla, ins, p1, p2, b"", None
    if body[0] or len(body) == 1:
        count = body[0] if len(body) > 1 else 0
        data, tail = body[1 : 1 + count], body[1 + count :] if count else body
        assert len(data) == count
        assert len(tail) <= 1
        return cla, ins, p1, p2, data, (tail[0] or 256) if tail else None
    body = body[1:]
    count = int.from_bytes(body[:2], "big") if len(body) > 2 else 0
    data, tail = body[2 : 2 + count], body[2 + count :] if count else body
    assert len(data) == count
    assert len(tail) in (0, 2)
    return cla, ins, p1, p2, data, (int.from_bytes(tail, "big") or 65536) if tail else None


class SmallChip:
    """A chip after reset. Files by directory ("mf", "app") and identifier; hooks change what it answers."""

    def __init__(self, password: Any = None, **options: Any) -> None:
        self.password, self.files, self.directory, self.current = password, {"mf": {}, "app": {}}, "mf", b""
        self.keys: Keys | None = None
        self.ssc, self.open, self.commands = 0, False, 0
        self.group: Any = None
        self.static: int | None = None
        self.static_group: Any = None
        self.most_data = options.pop("most_data", 65536)
        self.most_per_read = options.pop("most_per_read", 65536)
        self.alter: Callable[[bytes], bytes] = options.pop("alter", lambda raw: raw)
        self.plain: Callable[[Any], bytes | None] = options.pop("plain", lambda command: None)
        self.random = options.pop("random", secrets.token_bytes)
        self.next_keys: Keys | None = None
        assert not options

    def process(self, raw: bytes) -> bytes:
        self.commands += 1
        cla, ins, p1, p2, data, le = decode(raw)
        command = SimpleNamespace(cla=cla, ins=ins, p1=p1, p2=p2, data=data, le=le, raw=raw)
        if self.keys is None:
            return self.alter(self.answer(command))
        assert cla & 0x0C == 0x0C
        answer = self.protect(self.answer(self.unprotect(command)), le)
        if self.next_keys:
            self.keys, self.ssc, self.next_keys = self.next_keys, 0, None
        return self.alter(answer)

    def vector(self) -> bytes | None:
        assert self.keys
        suite = self.keys.suite
        counter = self.ssc.to_bytes(suite.block, "big")
        return None if suite is Suite.TDES else encrypt_block(suite, self.keys.enc, counter)

    def checksum(self, data: bytes) -> bytes:
        suite = self.keys.suite
        message = self.ssc.to_bytes(suite.block, "big") + data
        return mac(suite, self.keys.mac, message if suite is Suite.TDES else pad(message, 16))

    def unprotect(self, command: Any) -> Any:
        self.ssc += 1
        objects = parse(command.data)
        header = bytes((command.cla, command.ins, command.p1, command.p2))
        body = b"".join(one.raw for one in objects if one.tag != 0x8E)
        expected = self.checksum(pad(header, self.keys.suite.block) + body)
        assert find(objects, 0x8E).value == expected
        data = b""
        if sealed := find(objects, 0x85 if command.ins & 1 else 0x87):
            content = sealed.value if command.ins & 1 else sealed.value[1:]
            data = unpad(decrypt(self.keys.suite, self.keys.enc, content, self.vector()))
        wanted = find(objects, 0x97)
        full = 256 if wanted and len(wanted.value) == 1 else 65536
        le = (int.from_bytes(wanted.value, "big") or full) if wanted else None
        return SimpleNamespace(**{**vars(command), "cla": command.cla & ~0x0C, "data": data, "le": le})

    def protect(self, answer: bytes, le: int | None) -> bytes:
        self.ssc += 1
        data, sw = answer[:-2], answer[-2:]
        body = b""
        if data:
            sealed = encrypt(self.keys.suite, self.keys.enc, pad(data, self.keys.suite.block), self.vector())
            body = build(0x87, b"\x01" + sealed)
        body += build(0x99, sw)
        body += build(0x8E, self.checksum(body))
        assert le is not None
        assert len(body) <= le, "the answer is longer than Le allows"
        return body + sw

    def answer(self, command: Any) -> bytes:
        special = self.plain(command)
        if special is not None:
            return special
        handlers = {
            0xA4: self.select,
            0xB0: self.read,
            0xB1: self.read_far,
            0x84: self.challenge,
            0x82: self.external,
            0x22: self.manage,
            0x86: self.general,
            0x88: lambda command: (b"signed" + command.data if command.le else b"") + OK,
        }
        handler = handlers.get(command.ins)
        answer = handler(command) if handler else b"\x6d\x00"
        assert len(answer) - 2 <= (command.le or 0), "the answer is longer than Le allows"
        return answer

    def select(self, command: Any) -> bytes:
        if command.p1 == 0x00:
            self.directory = "mf"
            return OK
        if command.p1 == 0x04:
            self.directory = "app"
            return OK
        content = self.files[self.directory].get(int.from_bytes(command.data, "big"))
        if content is None:
            return b"\x6a\x82"
        if self.directory == "app" and not self.open:
            return b"\x69\x82"
        self.current = content
        return OK

    def read(self, command: Any) -> bytes:
        return self.part((command.p1 << 8) + command.p2, command.le)

    def part(self, offset: int, count: int) -> bytes:
        if count > self.most_data:
            return b"\x67\x00"
        if offset >= len(self.current):
            return b"\x6b\x00"
        data = self.current[offset : offset + min(count, self.most_per_read)]
        return data + (b"\x62\x82" if offset + count > len(self.current) else OK)

    def read_far(self, command: Any) -> bytes:
        offset = int.from_bytes(only(command.data, 0x54).value, "big")
        most = max(count for count in range(command.le) if len(build(0x53, bytes(count))) <= command.le)
        answer = self.part(offset, most)
        return (build(0x53, answer[:-2]) if answer[:-2] else b"") + answer[-2:]

    def challenge(self, command: Any) -> bytes:
        self.nonce = self.random(8)
        return self.nonce + OK

    def external(self, command: Any) -> bytes:
        keys = Keys.derive(Suite.TDES, self.password.secret[:16])
        sealed, checksum = command.data[:32], command.data[32:]
        if mac(Suite.TDES, keys.mac, sealed) != checksum:
            return b"\x63\x00"
        opened = decrypt(Suite.TDES, keys.enc, sealed)
        assert opened[8:16] == self.nonce
        ours = self.random(16)
        answer = encrypt(Suite.TDES, keys.enc, self.nonce + opened[:8] + ours)
        seed = bytes(a ^ b for a, b in zip(opened[16:], ours, strict=True))
        result = answer + mac(Suite.TDES, keys.mac, answer) + OK
        self.keys, self.open = Keys.derive(Suite.TDES, seed), True
        self.ssc = int.from_bytes(self.nonce[4:] + opened[4:8], "big")
        return result

    def manage(self, command: Any) -> bytes:
        objects = parse(command.data)
        if (command.p1, command.p2) == (0xC1, 0xA4):
            oid = find(objects, 0x80).value
            self.oid = next(one for one in PACE if oid_bytes(one) == oid)
            self.protocol, self.step = PACE[self.oid], 0
            return OK
        if (command.p1, command.p2) == (0x41, 0xA6):
            self.agree(find(objects, 0x91).value, Suite.TDES)
            return OK
        oid = find(objects, 0x80).value
        self.agreement = next(one for dotted, one in CHIP_AUTHENTICATION.items() if oid_bytes(dotted) == oid)
        return OK

    def agree(self, raw: bytes, suite: Suite) -> None:
        group = self.static_group
        self.next_keys = Keys.derive(suite, group.agree(self.static, group.decode(raw)))

    def general(self, command: Any) -> bytes:
        objects = only(command.data, 0x7C).children()
        if self.keys is not None:
            self.agree(find(objects, 0x80).value, self.agreement.suite)
            return b"\x7c\x00" + OK
        step, self.step = self.step, self.step + 1
        answer = (self.pace_nonce, self.pace_map, self.pace_key, self.pace_token)[step](objects)
        return answer if answer == b"\x63\x00" else build(0x7C, answer) + OK

    def pace_nonce(self, objects: Any) -> bytes:
        suite = self.protocol.suite
        long = self.protocol.mapping is Mapping.IM and integrated_nonce_bytes(suite) == 32
        self.nonce = self.random(32 if long else 16)
        return build(0x80, encrypt(suite, self.password.pace_key(suite), self.nonce))

    def pace_map(self, objects: Any) -> bytes:
        theirs = find(objects, 0x81).value
        if self.protocol.mapping is Mapping.IM:
            self.base = integrated(self.group, self.protocol.suite, self.nonce, theirs)
            return build(0x82, b"")
        self.map_private, public = self.group.key_pair(self.random, self.group.generator)
        shared = self.group.multiply(self.map_private, self.group.decode(theirs))
        self.base = generic(self.group, self.nonce, shared)
        return build(0x82, self.group.encode(public))

    def pace_key(self, objects: Any) -> bytes:
        self.theirs = find(objects, 0x83).value
        private, public = self.group.key_pair(self.random, self.base)
        self.ours = self.group.encode(public)
        self.agreed = Keys.derive(self.protocol.suite, self.group.agree(private, self.group.decode(self.theirs)))
        return build(0x84, self.ours)

    def token(self, key: bytes) -> bytes:
        body = build(0x06, oid_bytes(self.oid)) + build(self.group.key_tag, key)
        return mac(self.agreed.suite, self.agreed.mac, build(0x7F49, body))

    def pace_token(self, objects: Any) -> bytes:
        if find(objects, 0x85).value != self.token(self.ours):
            return b"\x63\x00"
        answer = build(0x86, self.token(self.theirs))
        if self.protocol.mapping is Mapping.CAM:
            order = self.group.order
            data = self.map_private * pow(self.static, -1, order) % order
            vector = encrypt_block(self.agreed.suite, self.agreed.enc, b"\xff" * 16)
            content = pad(data.to_bytes(self.group.size, "big"), 16)
            answer += build(0x8A, encrypt(self.agreed.suite, self.agreed.enc, content, vector))
        self.keys, self.ssc, self.open = self.agreed, 0, True
        return answer


MRZ = mrz_password("L898902C<", "690806", "940623")
COM = bytes.fromhex("60145F0104303130365F36063034303030305C026175")


def pace_info(oid: str, parameter: int | None = 13, version: int = 2) -> bytes:
    """The DER of a PACEInfo."""
    value = build(0x06, oid_bytes(oid)) + build(0x02, bytes((version,)))
    return build(0x30, value + (build(0x02, bytes((parameter,))) if parameter is not None else b""))


def locked(*infos: bytes, password: Password = MRZ, group: int = 13, **options: Any) -> SmallChip:
    """A chip with EF.COM behind access: with PACE if it has infos for EF.CardAccess, and with BAC."""
    chip = SmallChip(password, **options)
    chip.group = STANDARD[group]
    chip.files["app"][0x011E] = COM
    if infos:
        chip.files["mf"][0x011C] = build(0x31, b"".join(infos))
    return chip


@pytest.fixture(scope="session")
def chips() -> Any:
    """The helpers of this file."""
    names = (replay, drive, scripted, SmallChip, pace_info, locked)
    return SimpleNamespace(**{one.__name__: one for one in names}, MRZ=MRZ, COM=COM)
