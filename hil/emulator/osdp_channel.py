"""The device's end of OSDP's secure channel, written a second time so that the library is not tested against itself.

AES here is plain, slow and open to timing: for test benches only. The panel's end is libosdp's. Not here: commands.

Sources: FIPS 197 for the cipher; derivation, cryptograms and MAC of IEC 60839-11-5 as in libosdp 3.2.9 (osdp_sc.c),
compared with the vectors of the SIA specification, annex E, in the tests.
"""

from collections.abc import Callable

from drivers.osdp.protocol import Block, Frame

BLOCK_BYTES = 16
MAC_BYTES = 4


def _doubled(value: int) -> int:
    return (value << 1 ^ 0x11B) & 0xFF if value & 0x80 else value << 1


def _product(left: int, right: int) -> int:
    total = 0
    while right:
        total ^= left if right & 1 else 0
        left, right = _doubled(left), right >> 1
    return total


def _substitution() -> bytes:
    box = bytearray(256)
    for value in range(256):
        inverse = next((other for other in range(1, 256) if _product(value, other) == 1), 0)
        rotated = inverse
        for _ in range(4):
            rotated = (rotated << 1 | rotated >> 7) & 0xFF
            inverse ^= rotated
        box[value] = inverse ^ 0x63
    return bytes(box)


_BOX = _substitution()
_UNBOX = bytes(_BOX.index(value) for value in range(256))
_TIMES = {factor: bytes(_product(value, factor) for value in range(256)) for factor in (1, 2, 3, 9, 11, 13, 14)}
_SHIFTED = tuple((at + 4 * (at % 4)) % 16 for at in range(16))
_UNSHIFTED = tuple(_SHIFTED.index(at) for at in range(16))


def xor(left: bytes, right: bytes) -> bytes:
    """Byte by byte, as long as the shorter."""
    return bytes(a ^ b for a, b in zip(left, right, strict=False))


class Aes128:
    """The block cipher."""

    def __init__(self, key: bytes) -> None:
        words = [key[at : at + 4] for at in range(0, 16, 4)]
        constant = 1
        for at in range(4, 44):
            word = words[-1]
            if at % 4 == 0:
                word = bytes(_BOX[byte] for byte in word[1:] + word[:1])
                word = bytes((word[0] ^ constant,)) + word[1:]
                constant = _doubled(constant)
            words.append(xor(words[at - 4], word))
        self._keys = [b"".join(words[at : at + 4]) for at in range(0, 44, 4)]

    def encrypt(self, block: bytes) -> bytes:
        """One block of 16 bytes."""
        state = xor(block, self._keys[0])
        for key in self._keys[1:-1]:
            state = xor(_mixed(bytes(_BOX[state[at]] for at in _SHIFTED), (2, 3, 1, 1)), key)
        return xor(bytes(_BOX[state[at]] for at in _SHIFTED), self._keys[-1])

    def decrypt(self, block: bytes) -> bytes:
        """One block of 16 bytes."""
        state = xor(block, self._keys[-1])
        for key in self._keys[-2:0:-1]:
            state = _mixed(xor(bytes(_UNBOX[state[at]] for at in _UNSHIFTED), key), (14, 11, 13, 9))
        return xor(bytes(_UNBOX[state[at]] for at in _UNSHIFTED), self._keys[0])

    def encrypt_chain(self, start: bytes, data: bytes) -> bytes:
        """Cipher block chaining over whole blocks."""
        out = b""
        for at in range(0, len(data), BLOCK_BYTES):
            start = self.encrypt(xor(start, data[at : at + BLOCK_BYTES]))
            out += start
        return out

    def decrypt_chain(self, start: bytes, data: bytes) -> bytes:
        """The reverse of `encrypt_chain`."""
        out = b""
        for at in range(0, len(data), BLOCK_BYTES):
            block = data[at : at + BLOCK_BYTES]
            out += xor(self.decrypt(block), start)
            start = block
        return out


def _mixed(state: bytes, factors: tuple[int, int, int, int]) -> bytes:
    tables = [_TIMES[factor] for factor in factors]
    out = bytearray(16)
    for at in range(16):
        column, row = at & 12, at & 3
        for step in range(4):
            out[at] ^= tables[step][state[column + (row + step & 3)]]
    return bytes(out)


def _padded(data: bytes) -> bytes:
    data += b"\x80"
    return data + bytes(-len(data) % BLOCK_BYTES)


class DeviceChannel:
    """One session: made by a challenge, open once the panel's cryptogram is right."""

    def __init__(self, key: bytes, panel_random: bytes, device_random: bytes) -> None:
        base = Aes128(key)
        self.cipher_key, self.mac_key_1, self.mac_key_2 = (
            base.encrypt(prefix + panel_random[:6] + bytes(8)) for prefix in (b"\x01\x82", b"\x01\x01", b"\x01\x02")
        )
        self._cipher = Aes128(self.cipher_key)
        self._mac_1, self._mac_2 = Aes128(self.mac_key_1), Aes128(self.mac_key_2)
        self.device_cryptogram = self._cipher.encrypt(panel_random + device_random)
        self.panel_cryptogram = self._cipher.encrypt(device_random + panel_random)
        self.initial_mac = self._mac_2.encrypt(self._mac_1.encrypt(self.panel_cryptogram))
        self._from_panel, self._from_device = bytes(BLOCK_BYTES), self.initial_mac
        self.open = False

    def _mac(self, start: bytes, data: bytes) -> bytes:
        padded = data if len(data) % BLOCK_BYTES == 0 else _padded(data)
        chained = self._mac_1.encrypt_chain(start, padded[:-BLOCK_BYTES])
        return self._mac_2.encrypt(xor(chained[-BLOCK_BYTES:] or start, padded[-BLOCK_BYTES:]))

    def unseal(self, frame: Frame) -> bytes | None:
        """The data of a sealed command; None when its MAC or its padding is wrong."""
        sealed, mac = _without_mac(frame)
        self._from_panel = self._mac(self._from_device, sealed)
        if mac != self._from_panel[:MAC_BYTES]:
            return None
        data = frame.data[:-MAC_BYTES]
        if frame.security != Block.CIPHER_TO_DEVICE:
            return data
        if not data or len(data) % BLOCK_BYTES:
            return None
        plain = self._cipher.decrypt_chain(_inverted(self._from_device), data).rstrip(b"\x00")
        return plain[:-1] if plain.endswith(b"\x80") else None

    def seal(self, address: int, sequence: int, code: int, data: bytes) -> Frame:
        """An answer, with cipher when it has data."""
        block = bytes((2, Block.CIPHER_TO_PANEL if data else Block.MAC_TO_PANEL))
        if data:
            data = self._cipher.encrypt_chain(_inverted(self._from_panel), _padded(data))
        draft = Frame(address, sequence, code, data + bytes(MAC_BYTES), block, reply=True)
        self._from_device = self._mac(self._from_panel, _without_mac(draft)[0])
        return Frame(address, sequence, code, data + self._from_device[:MAC_BYTES], block, reply=True)


def _inverted(data: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in data)


def _without_mac(frame: Frame) -> tuple[bytes, bytes]:
    whole = frame.encode()[1 if frame.marked else 0 : -2 if frame.crc else -1]
    return whole[:-MAC_BYTES], whole[-MAC_BYTES:]


Edit = Callable[[Frame], bytes | None]
"""Gets a frame on its way and gives the bytes that go on instead, or None for nothing."""
