"""Devantech USB-RLY08/16 bytes, both ends, for the emulator and for the corruption figures: one byte is a command.

Sources: public drivers (usb_rly16tech); the vendor's usb-rly16b.pdf as cited in public code (38 serial number, 8 bytes;
5A module and version; 5B states; 5C takes a mask; 5E takes relay and time in 10 ms, on RLY16B and not on all models).
There is no board for this family: 9 of 256 random bytes energise a relay (drivers/gate/bench.py).
"""

from dataclasses import dataclass

SERIAL, VERSION, STATES, SET_MASK, PULSE = 0x38, 0x5A, 0x5B, 0x5C, 0x5E
ALL_ON, FIRST_ON, ALL_OFF, FIRST_OFF = 0x64, 0x65, 0x6E, 0x6F
RELAYS = 8
MODULE_RLY08, MODULE_RLY16 = 8, 9
_ARGUMENTS = {SET_MASK: 1, PULSE: 3}
_REPLY_BYTES = {SERIAL: 8, VERSION: 2, STATES: 1}


@dataclass(frozen=True, slots=True)
class SetMask:
    """All relays at once, bit 0 is relay 1; 0 is all off, FF all on. Latches."""

    mask: int


@dataclass(frozen=True, slots=True)
class Switch:
    """One relay (from 1). Latches."""

    relay: int
    on: bool


@dataclass(frozen=True, slots=True)
class Pulse:
    """One relay on for `hundredths` of a second, ended by the board."""

    relay: int
    hundredths: int


@dataclass(frozen=True, slots=True)
class Read:
    """SERIAL, VERSION or STATES."""

    what: int


Command = SetMask | Switch | Pulse | Read


def encode_command(command: Command) -> bytes:
    """The command as it goes on the wire."""
    match command:
        case SetMask(mask=0):
            return bytes((ALL_OFF,))
        case SetMask(mask=mask):
            return bytes((ALL_ON,)) if mask == 0xFF else bytes((SET_MASK, mask))
        case Switch(relay=relay, on=on):
            return bytes(((FIRST_ON if on else FIRST_OFF) + relay - 1,))
        case Pulse(relay=relay, hundredths=hundredths):
            return bytes((PULSE, relay)) + hundredths.to_bytes(2, "big")
        case Read(what=what):
            return bytes((what,))


def decode_reply(command: Read, data: bytes) -> bytes:
    """The reply, once its length is right; it has no other mark. Raises ValueError."""
    if len(data) != _REPLY_BYTES[command.what]:
        raise ValueError(f"{len(data)} bytes answer {command.what:#04x}, not {_REPLY_BYTES[command.what]}")
    return data


class DevantechDevice:
    """The device end: no frame, so any byte of the table is a command and any other is ignored.

    `pulses`: whether the model knows 5E. A byte flipped into 5C or 5E swallows the next one or three.
    """

    def __init__(self, *, pulses: bool = True) -> None:
        self._pulses = pulses
        self._buffer = b""

    def receive(self, data: bytes) -> tuple[Command, ...]:
        """Commands that are whole now, in order."""
        self._buffer += data
        found: list[Command] = []
        while self._buffer:
            code = self._buffer[0]
            arguments = 0 if code == PULSE and not self._pulses else _ARGUMENTS.get(code, 0)
            if len(self._buffer) <= arguments:
                break
            command = self._decode(code, self._buffer[1 : 1 + arguments])
            self._buffer = self._buffer[1 + arguments :]
            if command is not None:
                found.append(command)
        return tuple(found)

    def _decode(self, code: int, arguments: bytes) -> Command | None:
        if code in (ALL_ON, ALL_OFF):
            return SetMask(0xFF if code == ALL_ON else 0)
        if code in _REPLY_BYTES:
            return Read(code)
        if code == SET_MASK:
            return SetMask(arguments[0])
        if code == PULSE and arguments:
            relay = arguments[0]
            return Pulse(relay, int.from_bytes(arguments[1:], "big")) if 1 <= relay <= RELAYS else None
        for first, on in ((FIRST_ON, True), (FIRST_OFF, False)):
            if first <= code < first + RELAYS:
                return Switch(code - first + 1, on)
        return None
