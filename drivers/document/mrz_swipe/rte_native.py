"""3M RTE6701, "RTE Native", both ends: one block after each swipe, no commands.

`SOH length "O" "U" STX flag line1 CR line2 CR line3 CR ETX BCC`; two lines come as an empty first one, `_` fills a
line up. Source: RTE6701-OEM Integration Manual VC27U V1.03, pages 25 and 26. What these do not tell (their document
74-0200-31 does) is assumed and said so: that the length has 7 bits a byte, what it counts, and what the check byte is
over. The length is taken either way; which check byte a unit uses is an argument, and a wrong one is told from damage.
"""

from collections.abc import Callable
from enum import Enum
from functools import reduce
from operator import xor

from drivers.document.mrz_swipe.framing import MOST_BYTES, Event, Flaw, zone_of

SOH, STX, ETX, CR, FILL = b"\x01", b"\x02", b"\x03", b"\r", b"_"
_HEAD = 6
_LINES = 3
_UNSOLICITED = b"OU"


class Check(Enum):
    """What the check byte may be over; assumed, the manual's pages at hand do not tell."""

    XOR_AFTER_SOH = "xor_after_soh"
    XOR_WHOLE = "xor_whole"
    SUM_AFTER_SOH = "sum_after_soh"

    def of(self, block: bytes) -> int:
        """The check byte of a block from SOH to ETX."""
        compute: dict[Check, Callable[[], int]] = {
            Check.XOR_AFTER_SOH: lambda: reduce(xor, block[1:]),
            Check.XOR_WHOLE: lambda: reduce(xor, block),
            Check.SUM_AFTER_SOH: lambda: sum(block[1:]) & 0xFF,
        }
        return compute[self]()


def encode(lines: tuple[str, ...], *, flag: int = 0x20, check: Check = Check.XOR_AFTER_SOH) -> bytes:
    """The device end: the block of a zone, its lines filled up to 30 (three) or 44 (two)."""
    width = 30 if len(lines) == _LINES else 44
    filled = [line.encode("ascii").ljust(width, FILL) for line in lines]
    text = b"".join(line + CR for line in [b""] * (_LINES - len(lines)) + filled)
    rest = _UNSOLICITED + STX + bytes((flag,)) + text + ETX
    length = len(rest) + 1
    block = SOH + bytes((length & 0x7F, length >> 7)) + rest
    return block + bytes((check.of(block),))


class RteNative:
    """The host end. A block that is cut off ends with the silence after it; one that is none is skipped."""

    name = "3M RTE6701"
    ask_again_s: float | None = None

    def __init__(self, *, check: Check = Check.XOR_AFTER_SOH) -> None:
        self.noise = 0
        self._check = check
        self._buffer = b""

    def begin(self) -> bytes:
        """Nothing: it reads by itself."""
        return b""

    def end(self) -> bytes:
        """Nothing: it takes no commands."""
        return b""

    def reset(self) -> None:
        """Forget what has come so far."""
        self._buffer = b""

    @property
    def pending(self) -> bool:
        """True while part of a block is in hand."""
        return bool(self._buffer)

    def receive(self, data: bytes) -> list[Event]:
        """Feed what came; zones and flaws of the blocks that are whole now."""
        self._buffer += data
        found: list[Event] = []
        while self._skip_to_head():
            # The flag may be any byte, so the end is looked for behind it.
            end = self._buffer.find(ETX, _HEAD + 1)
            if end + 1 > MOST_BYTES or (end < 0 and len(self._buffer) > MOST_BYTES):
                found.append(Flaw(f"a block is longer than {MOST_BYTES} bytes"))
                self._drop(1)
            elif end < 0 or len(self._buffer) < end + 2:
                break
            else:
                found.append(self._block(self._buffer[: end + 1], self._buffer[end + 1]))
                self._buffer = self._buffer[end + 2 :]
        return found

    def _skip_to_head(self) -> bool:
        """Drop what cannot begin a block; whether a whole head stands first now."""
        while self._buffer:
            if self._buffer[:1] == SOH and all(
                here == there for here, there in zip(self._buffer[3:_HEAD], _UNSOLICITED + STX, strict=False)
            ):
                return len(self._buffer) > _HEAD
            following = self._buffer.find(SOH, 1)
            self._drop(len(self._buffer) if following < 0 else following)
        return False

    def _drop(self, count: int) -> None:
        self.noise += count
        self._buffer = self._buffer[count:]

    def _block(self, block: bytes, check: int) -> Event:
        length = block[1] & 0x7F | (block[2] & 0x7F) << 7
        # What follows the length with the check byte, or the whole block with it.
        if length not in (len(block) - 2, len(block) + 1):
            return Flaw(f"a block says {length} bytes and has {len(block) - 2}: part of it is missing")
        if check != self._check.of(block):
            other = [one.value for one in Check if one is not self._check and one.of(block) == check]
            hint = f"; it would fit `{other[0]}`, set that if every document says so" if other else ""
            return Flaw(f"the check byte is wrong{hint}")
        lines = block[_HEAD + 1 : -1].split(CR)
        if len(lines) != _LINES + 1 or lines[-1]:
            return Flaw("a block does not have three lines")
        return zone_of([line.rstrip(FILL) for line in lines[:-1] if line])

    def silence(self) -> Event | None:
        """A block that has not ended by now will not."""
        cut, self._buffer = self._buffer, b""
        return Flaw("a block broke off") if cut else None
