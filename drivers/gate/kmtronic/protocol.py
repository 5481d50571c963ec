"""KMtronic frames, both ends, for the emulator and for the corruption figures: FF, relay, operation. No check at all.

Sources: guiott/KMT_RS485, Ghaf's scripts, kmtronic-ltd/arduino-control-rs485-relays.
FF n 01 and FF n 00 switch relay n and are not answered; FF n 03 answers FF n state; FF 09 00 answers one byte a relay,
on boards of 4 and 8. There is no board for this family: one wrong bit switches a relay on (drivers/gate/bench.py).
"""

from dataclasses import dataclass

HEADER = 0xFF
OFF, ON, STATUS = 0x00, 0x01, 0x03
ALL = 0x09
RELAYS = 8
FRAME_BYTES = 3


@dataclass(frozen=True, slots=True)
class Switch:
    """Switch a relay (from 1), for good."""

    relay: int
    on: bool


@dataclass(frozen=True, slots=True)
class ReadRelay:
    """Ask for one relay."""

    relay: int


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Ask for all relays."""


Command = Switch | ReadRelay | ReadAll


def encode_command(command: Command) -> bytes:
    """The command as it goes on the wire."""
    if isinstance(command, ReadAll):
        return bytes((HEADER, ALL, 0))
    operation = STATUS if isinstance(command, ReadRelay) else int(command.on)
    return bytes((HEADER, command.relay, operation))


def encode_reply(command: Command, states: tuple[bool, ...]) -> bytes:
    """What the board answers; nothing to a switch."""
    if isinstance(command, ReadAll):
        return bytes(states)
    if isinstance(command, ReadRelay):
        return bytes((HEADER, command.relay, int(states[command.relay - 1])))
    return b""


def decode_reply(command: ReadRelay | ReadAll, data: bytes, relays: int) -> tuple[bool, ...]:
    """The states in a whole reply. Raises ValueError when it is none."""
    states = data if isinstance(command, ReadAll) else data[2:]
    wanted = relays if isinstance(command, ReadAll) else 1
    headed = isinstance(command, ReadAll) or data[:2] == bytes((HEADER, command.relay))
    if not headed or len(states) != wanted or not set(states) <= {0, 1}:
        raise ValueError(f"no reply to {command}: {data[:16].hex(' ')}")
    return tuple(state == 1 for state in states)


class KmtronicDevice:
    """The device end: any FF opens a frame; what is neither relay nor operation is dropped with its frame."""

    def __init__(self, relays: int = RELAYS) -> None:
        self._relays = relays
        self._buffer = b""

    def receive(self, data: bytes) -> tuple[Command, ...]:
        """Commands that are whole now, in order."""
        self._buffer += data
        found: list[Command] = []
        while (start := self._buffer.find(HEADER)) >= 0 and len(self._buffer) >= start + FRAME_BYTES:
            _, relay, operation = self._buffer[start : start + FRAME_BYTES]
            command = self._decode(relay, operation)
            # Two FF in a row: the second may be the true header.
            self._buffer = self._buffer[start + (FRAME_BYTES if command is not None else 1) :]
            if command is not None:
                found.append(command)
        self._buffer = self._buffer[start:] if start >= 0 else b""
        return tuple(found)

    def _decode(self, relay: int, operation: int) -> Command | None:
        if relay == ALL and operation == 0:
            return ReadAll()
        if not 1 <= relay <= self._relays:
            return None
        if operation == STATUS:
            return ReadRelay(relay)
        return Switch(relay, operation == ON) if operation in (ON, OFF) else None
