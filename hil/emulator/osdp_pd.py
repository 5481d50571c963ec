"""An OSDP peripheral device at the wire: secure channel, timed outputs, inputs, mirror contacts, reader, faults.

libosdp's own device side is no use here: its Python end cannot answer ISTAT and OSTAT with states (3.2.9). No real
device has been compared with this one. Safe to use from two threads (the line's and the rig's). Not here: doors.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivers.osdp.keys import SCBK_D
from drivers.osdp.protocol import Block, Capability, Command, Frame, FrameReader, OutputCode, Reply
from hil.emulator.osdp_channel import DeviceChannel, Edit

KEY = bytes.fromhex("8A6C2F1D93E45B70C81A4F6E02D7B935")
"""A key for tests, random, not secret."""

NAK_UNKNOWN, NAK_SEQUENCE, NAK_NO_CHANNEL, NAK_CONDITIONS, NAK_RECORD = 3, 4, 5, 6, 9
_GAP_S = 0.05
_OFF = float("-inf")
_FOREVER = float("inf")
_OPEN_TO_ALL = (Command.ID, Command.CAP, Command.CHLNG, Command.SCRYPT)


@dataclass(frozen=True, slots=True)
class Label:
    """What PDID reports."""

    vendor_code: int = 0x5A1102
    model: int = 7
    version: int = 1
    serial_number: int = 0x00C0FFEE
    firmware: tuple[int, int, int] = (3, 2, 1)

    def encode(self) -> bytes:
        """The data of PDID."""
        return (
            self.vendor_code.to_bytes(3, "little")
            + bytes((self.model, self.version))
            + self.serial_number.to_bytes(4, "little")
            + bytes(self.firmware)
        )


class OsdpDevice:
    """`key` None is a device as delivered: it knows SCBK-D only and takes a key set under it.

    `edit` changes answers on their way, `edit_in` what the panel sends: a man in the middle, or a worse device.
    `offers_default`: a device without key answers every challenge with SCBK-D instead of refusing it.
    `has_channel`: False is a device that talks in the clear only.
    """

    def __init__(
        self,
        *,
        key: bytes | None = KEY,
        address: int = 1,
        outputs: int = 2,
        inputs: int = 8,
        output_level: int = 4,
        readers: int = 1,
        label: Label | None = None,
        mirrors: Mapping[int, int] | None = None,
        offers_default: bool = False,
        has_channel: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = key
        self.label = label or Label()
        self.edit: Edit | None = None
        self.edit_in: Edit | None = None
        self.asked: list[int] = []
        """Codes of all commands that came in whole, polls left out."""
        self.done: list[tuple[int, int, int]] = []
        """Every OUT carried out: output, code, tenths."""
        self.refuse_outputs = False
        self.capabilities = {
            Capability.CONTACTS: (1, inputs),
            Capability.OUTPUTS: (output_level, outputs),
            Capability.SECURITY: (int(has_channel), int(has_channel)),
            Capability.READERS: (1, readers),
        }
        self._address = address
        self._inputs = [False] * inputs
        self._mirrors = dict({6: 0, 7: 1} if mirrors is None else mirrors)
        self._offers_default = offers_default
        self._has_channel = has_channel
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._welded: set[int] = set()
        self._open_circuit: set[int] = set()
        self._until = [_OFF] * outputs
        self._begin()

    def _begin(self) -> None:
        self._reader = FrameReader(replies=False)
        self._last_byte = _OFF
        self._channel: DeviceChannel | None = None
        self._sequence = -1
        self._last: tuple[bytes, bytes] = (b"", b"")
        self._events: deque[tuple[Reply, bytes]] = deque()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            now = self._monotonic()
            if now - self._last_byte > _GAP_S:
                # A spoilt length would make it wait for a frame that never ends.
                self._reader.give_up()
            self._last_byte = now
            frames = [piece for piece in self._reader.feed(data) if isinstance(piece, Frame)]
            return b"".join(self._receive(frame) for frame in frames)

    def _receive(self, frame: Frame) -> bytes:
        if self.edit_in is not None:
            changed = self.edit_in(frame)
            pieces = FrameReader(replies=False).feed(changed or b"")
            frame = next((piece for piece in pieces if isinstance(piece, Frame)), frame)
            if changed != frame.encode():
                return b""
        if frame.address != self._address:
            return b""
        asked = frame.encode()
        if frame.sequence and asked == self._last[0]:
            # The panel has not heard the answer: it gets the same, and nothing is carried out again.
            return self._last[1]
        if frame.code != Command.POLL:
            self.asked.append(frame.code)
        answer = self._answer(frame)
        said = answer.encode() if self.edit is None else self.edit(answer) or b""
        self._last = (asked, said)
        return said

    # --- the conversation -----------------------------------------------------------------------------------

    def _answer(self, frame: Frame) -> Frame:
        if frame.sequence == 0:
            self._channel = None
        elif self._sequence < 0 or frame.sequence != self._sequence % 3 + 1:
            return self._plain(frame, Reply.NAK, bytes((NAK_SEQUENCE,)))
        self._sequence = frame.sequence
        if frame.code == Command.CHLNG:
            return self._challenged(frame)
        if frame.code == Command.SCRYPT:
            return self._proved(frame)
        if frame.sealed:
            return self._sealed(frame)
        if self._has_channel and (frame.code not in _OPEN_TO_ALL or self._is_open()):
            self._channel = None
            return self._plain(frame, Reply.NAK, bytes((NAK_CONDITIONS,)))
        code, data = self._carry_out(frame.code, frame.data)
        return self._plain(frame, code, data)

    def _plain(self, frame: Frame, code: int, data: bytes = b"", block: bytes = b"") -> Frame:
        return Frame(self._address, frame.sequence, code, data, block, reply=True)

    def _is_open(self) -> bool:
        return self._channel is not None and self._channel.open

    def _challenged(self, frame: Frame) -> Frame:
        by_default = len(frame.block) < 3 or frame.block[2] == 0
        key = self.key
        if key is None and (by_default or self._offers_default):
            key, by_default = SCBK_D, True
        elif by_default:
            key = None
        if not self._has_channel or key is None:
            refusal = NAK_CONDITIONS if self._has_channel else NAK_NO_CHANNEL
            return self._plain(frame, Reply.NAK, bytes((refusal,)))
        random = secrets.token_bytes(8)
        self._channel = DeviceChannel(key, frame.data, random)
        plate = self.label.encode()
        return self._plain(
            frame,
            Reply.CCRYPT,
            plate[:3] + plate[3:4] + plate[5:9] + random + self._channel.device_cryptogram,
            bytes((3, Block.CRYPTOGRAM, 0 if by_default else 1)),
        )

    def _proved(self, frame: Frame) -> Frame:
        channel = self._channel
        if channel is None or frame.data != channel.panel_cryptogram:
            self._channel = None
            return self._plain(frame, Reply.NAK, bytes((NAK_NO_CHANNEL,)))
        channel.open = True
        return self._plain(frame, Reply.RMAC_I, channel.initial_mac, bytes((3, Block.INITIAL_MAC, 1)))

    def _sealed(self, frame: Frame) -> Frame:
        channel = self._channel
        data = channel.unseal(frame) if channel is not None and channel.open else None
        if channel is None or data is None:
            self._channel = None
            return self._plain(frame, Reply.NAK, bytes((NAK_CONDITIONS,)))
        code, said = self._carry_out(frame.code, data)
        answer = channel.seal(self._address, frame.sequence, code, said)
        if frame.code == Command.KEYSET and code == Reply.ACK:
            self._channel = None
        return answer

    def _carry_out(self, code: int, data: bytes) -> tuple[Reply, bytes]:
        match code:
            case Command.POLL:
                return self._events.popleft() if self._events else (Reply.ACK, b"")
            case Command.ID:
                return Reply.PDID, self.label.encode()
            case Command.CAP:
                return Reply.PDCAP, b"".join(bytes((kind, *value)) for kind, value in self.capabilities.items())
            case Command.ISTAT:
                return Reply.ISTATR, bytes(self._input(number) for number in range(len(self._inputs)))
            case Command.OSTAT:
                return Reply.OSTATR, bytes(self.coil(number) for number in range(len(self._until)))
            case Command.LSTAT:
                return Reply.LSTATR, bytes(2)
            case Command.OUT if len(data) % 4 == 0 and not self.refuse_outputs:
                return self._switch(data)
            case Command.KEYSET if len(data) == 18 and data[:2] == b"\x01\x10":
                self.key = data[2:]
                return Reply.ACK, b""
        return Reply.NAK, bytes((NAK_RECORD if code in tuple(Command) else NAK_UNKNOWN,))

    def _switch(self, data: bytes) -> tuple[Reply, bytes]:
        for at in range(0, len(data), 4):
            number, code, tenths = data[at], data[at + 1], data[at + 2] | data[at + 3] << 8
            if number >= len(self._until) or code not in tuple(OutputCode):
                return Reply.NAK, bytes((NAK_RECORD,))
            self.done.append((number, code, tenths))
            self._until[number] = _OFF if code == OutputCode.OFF else self._monotonic() + tenths / 10
        return Reply.ACK, b""

    def _input(self, number: int) -> bool:
        relay = self._mirrors.get(number)
        return self._inputs[number] if relay is None else not self.contact(relay)

    # --- what the rig sees and does -------------------------------------------------------------------------

    @property
    def secure(self) -> bool:
        """Whether the device has an open secure channel."""
        with self._lock:
            return self._is_open()

    def set_input(self, number: int, active: bool) -> None:
        """Drive an input. Raises ValueError for one that a mirror contact drives."""
        if number in self._mirrors:
            raise ValueError(f"input {number} is wired to the mirror contact of output {self._mirrors[number]}")
        with self._lock:
            self._inputs[number] = active

    def coil(self, output: int) -> bool:
        """What the firmware believes of an output."""
        with self._lock:
            return self._until[output] > self._monotonic()

    def contact(self, output: int) -> bool:
        """Whether the working contact is really closed: this is what moves a door."""
        with self._lock:
            return output in self._welded or (self.coil(output) and output not in self._open_circuit)

    def latch(self, output: int) -> None:
        """Somebody else has set the output permanently on."""
        with self._lock:
            self._until[output] = _FOREVER

    def weld(self, output: int) -> None:
        """From now on the working contact stays closed."""
        with self._lock:
            self._welded.add(output)

    def break_coil(self, output: int) -> None:
        """From now on the coil has no effect."""
        with self._lock:
            self._open_circuit.add(output)

    def repair(self) -> None:
        """Replace all broken relays."""
        with self._lock:
            self._welded.clear()
            self._open_circuit.clear()

    def present_card(self, data: bytes, bits: int, form: int = 1) -> None:
        """A card is read; the panel hears of it at its next poll. `form` 0 is raw, 1 Wiegand."""
        self.report(Reply.RAW, bytes((0, form)) + bits.to_bytes(2, "little") + data)

    def press(self, keys: bytes) -> None:
        """Keys are pressed, in the codes of the wire."""
        self.report(Reply.KEYPAD, bytes((0, len(keys))) + keys)

    def tamper(self, tampered: bool, power_failed: bool = False) -> None:
        """The case is opened or closed, the supply fails or returns."""
        self.report(Reply.LSTATR, bytes((tampered, power_failed)))

    def report(self, code: Reply, data: bytes) -> None:
        """Answer a poll with this."""
        with self._lock:
            self._events.append((code, data))

    def reboot(self) -> None:
        """Power off and on: outputs off, the secure channel forgotten."""
        with self._lock:
            self._until = [_OFF] * len(self._until)
            self._begin()


def without_secure_channel(frame: Frame) -> bytes:
    """An `edit`: the capability report is changed on its way to say that there is no secure channel."""
    if frame.code != Reply.PDCAP:
        return frame.encode()
    entries = [frame.data[at : at + 3] for at in range(0, len(frame.data), 3)]
    kept = [bytes((entry[0], 0, 0)) if entry[0] == Capability.SECURITY else entry for entry in entries]
    return Frame(frame.address, frame.sequence, frame.code, b"".join(kept), reply=True).encode()
