"""Registers of the Gate I/O profile v1, both ends: identity, announcement and status as values, to words and back.

Source: docs/gate-io-profile-v1.md, whose rules (GIO-n) are named here; the framing is plain Modbus. Not here: leases
(lease), the LED block (led), when anything is sent (board) and what firmware does with it (the emulator).
"""

import hmac
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from drivers.modbus.frames import Function, Read, WriteMultiple, WriteSingle, crc16
from drivers.ports import Door

BAUDRATE = 115200
PARITY = "E"

MAGIC = 0x4749
VERSION = 0x0100
"""Major in the high byte: another major is another profile."""

IDENTITY, IDENTITY_WORDS = 0, 16
STATUS, STATUS_WORDS = 16, 16
PROOF, PROOF_WORDS = 32, 4

HEARTBEAT = 0
SAFE_MASK = 2
ANNOUNCEMENT_WORDS = 4
CHALLENGE, CHALLENGE_WORDS = 4, 4

SHORTEST_WATCHDOG_MS = 100
LONGEST_WATCHDOG_MS = 2000
USUAL_WATCHDOG_MS = 500
LOWEST_SUPPLY_MV = 21_000
HIGHEST_SUPPLY_MV = 30_000
COLDEST_TENTHS, HOTTEST_TENTHS = -250, 700
CONTACT_S = 0.1
DEBOUNCE_S = 0.02
SHORTEST_KEY = 16
MAC_BYTES = 8


class Feature(IntFlag):
    """IR 8: what the unit has."""

    DOOR_A = 1
    DOOR_B = 2
    AUTHENTICATED = 4
    LEDS = 8


class Input(IntEnum):
    """Bits of IR 16 and IR 17; 1 is current flowing, and a cut wire reads as the safe answer (GIO-15)."""

    DOOR_A_CLOSED = 0
    DOOR_B_CLOSED = 1
    EMERGENCY_REST = 2
    EMERGENCY_ACTIVE = 3
    FIRE_REST = 4
    FIRE_ACTIVE = 5
    CELL_EMPTY = 6
    PASSAGE = 7
    IN_SERVICE = 8
    ENCLOSURE_CLOSED = 9


PAIRS = {Input.EMERGENCY_REST: Input.EMERGENCY_ACTIVE, Input.FIRE_REST: Input.FIRE_ACTIVE}


class Relay(IntEnum):
    """Bit of each relay in the safe mask, in the mirrors (IR 18 bits 0-2) and in the commands (bits 8-10)."""

    DOOR_A = 0
    DOOR_B = 1
    LOCK_SUPPLY = 2


ALL_RELAYS = 0b111
COMMANDS_SHIFT = 8


class Fault(IntFlag):
    """IR 22. Contact faults stay until the unit restarts, the others as long as their cause."""

    SUPPLY = 1 << 0
    LOCK_CURRENT = 1 << 1
    TEMPERATURE = 1 << 2
    CONTACT_A = 1 << 3
    CONTACT_B = 1 << 4
    CONTACT_LOCK_SUPPLY = 1 << 5
    PAIR_EMERGENCY = 1 << 6
    PAIR_FIRE = 1 << 7
    FORCED_A = 1 << 8
    FORCED_B = 1 << 9
    HELD_A = 1 << 10
    HELD_B = 1 << 11
    BOTH_OPEN = 1 << 12
    TAMPER = 1 << 13


CONTACT_FAULTS = Fault.CONTACT_A | Fault.CONTACT_B | Fault.CONTACT_LOCK_SUPPLY
SAFE_FAULTS = Fault.SUPPLY | Fault.LOCK_CURRENT | Fault.TEMPERATURE | CONTACT_FAULTS
DOOR_FAULTS = Fault.FORCED_A | Fault.FORCED_B | Fault.HELD_A | Fault.HELD_B | Fault.BOTH_OPEN


class Safe(IntFlag):
    """IR 28: why the unit is in SAFE; 0 is READY or LEASED. Only an announcement clears it."""

    BOOT = 1
    WATCHDOG = 2
    FAULT = 4


class ResetCause(IntEnum):
    """IR 3."""

    POWER_ON = 1
    BROWN_OUT = 2
    PROCESSOR_WATCHDOG = 3
    SOFTWARE = 4
    RESET_PIN = 5


DOOR_CODES = {Door.ENTRY: 1, Door.EXIT: 2}
"""Door A (code 1, relay 0) is the entry, door B (code 2, relay 1) the exit."""


def to_words(data: bytes) -> tuple[int, ...]:
    """An even number of bytes as words, high byte first."""
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


def to_bytes(words: tuple[int, ...]) -> bytes:
    """Words as bytes, high byte first."""
    return b"".join(word.to_bytes(2, "big") for word in words)


@dataclass(frozen=True, slots=True)
class Configuration:
    """IR 8-15, set at commissioning. Masks are by bit of Input; `held_limit_ms` counts from the end of a lease."""

    features: Feature
    pairs: int
    fitted: int
    held_limit_ms: int
    serial: bytes

    def __post_init__(self) -> None:
        if len(self.serial) != 8:
            raise ValueError(f"a serial number has 8 bytes, not {len(self.serial)}")
        if self.pairs & ~sum(1 << first for first in PAIRS):
            raise ValueError(
                f"pairs begin at inputs {[int(first) for first in PAIRS]}, the mask says {self.pairs:#06x}"
            )
        unfitted = [first for first, second in PAIRS.items() if self.pairs >> first & 1 and not self.has(first, second)]
        if unfitted:
            raise ValueError(f"the pair at input {unfitted[0]} is not fitted")

    def has(self, *inputs: Input) -> bool:
        """Whether all these inputs are fitted."""
        return all(self.fitted >> number & 1 for number in inputs)

    def words(self) -> tuple[int, ...]:
        """As IR 8-15."""
        return (int(self.features), self.pairs, self.fitted, self.held_limit_ms, *to_words(self.serial))

    @property
    def hash(self) -> int:
        """IR 7: the check of Modbus over IR 8-15, so that another setting shows in one word (GIO-3). No secret."""
        return crc16(to_bytes(self.words()))


@dataclass(frozen=True, slots=True)
class Identity:
    """IR 0-15."""

    version: int
    boot: int
    cause: int
    uptime_s: int
    crc_errors: int
    configuration: Configuration

    def words(self) -> tuple[int, ...]:
        """As the device tells it."""
        head = (MAGIC, self.version, self.boot, self.cause, self.uptime_s >> 16, self.uptime_s & 0xFFFF)
        return (*head, self.crc_errors, self.configuration.hash, *self.configuration.words())


def parse_identity(words: tuple[int, ...]) -> Identity:
    """Raises ValueError unless it is this profile, of this major version, and its own hash fits."""
    if words[0] != MAGIC:
        raise ValueError(f"register 0 is {words[0]:04X}, a Gate I/O unit says {MAGIC:04X}")
    if words[1] >> 8 != VERSION >> 8:
        raise ValueError(f"profile version {words[1] >> 8}.{words[1] & 0xFF}, version {VERSION >> 8} is spoken here")
    if words[2] == 0:
        raise ValueError("the boot counter is 0; it must count from 1 in a memory that survives a restart")
    configuration = Configuration(Feature(words[8] & 0xF), words[9], words[10], words[11], to_bytes(words[12:16]))
    if words[7] != crc16(to_bytes(words[8:16])):
        raise ValueError(f"configuration hash {words[7]:04X} does not fit registers 8 to 15")
    return Identity(words[1], words[2], words[3], words[4] << 16 | words[5], words[6], configuration)


@dataclass(frozen=True, slots=True)
class Status:
    """IR 16-31, one consistent look. Millivolts, milliamperes, tenths of a degree Celsius, milliseconds.

    `contacts` as IR 18: a mirror bit is 1 while the relay is at rest. `leased` is a door code, 0 for none.
    """

    raw: int
    inputs: int
    contacts: int
    supply_mv: int
    lock_ma: int
    tenths_c: int
    faults: Fault
    lease_ms: int
    passages: int
    counter: int
    refusal: int
    leased: int
    safe: Safe
    boot: int
    nonce: int
    log_total: int

    def words(self) -> tuple[int, ...]:
        """As the device tells it."""
        analogue = (self.supply_mv, self.lock_ma, self.tenths_c & 0xFFFF)
        lease = (self.passages, self.counter, self.refusal, self.leased, int(self.safe))
        tail = (*lease, self.boot, self.nonce, self.log_total)
        return (self.raw, self.inputs, self.contacts, *analogue, int(self.faults), self.lease_ms, *tail)

    def active(self, number: Input) -> bool:
        """The debounced input."""
        return bool(self.inputs >> number & 1)

    def energised(self, relay: Relay) -> bool:
        """What the mirror contact says; a cut wire reads as energised."""
        return not self.contacts >> relay & 1

    def commanded(self, relay: Relay) -> bool:
        """What the firmware drives."""
        return bool(self.contacts >> COMMANDS_SHIFT + relay & 1)


def parse_status(words: tuple[int, ...]) -> Status:
    """Raises ValueError for bits this version does not know: they could be faults."""
    if words[6] & ~sum(Fault) or words[12] & ~sum(Safe) or words[11] not in (0, *DOOR_CODES.values()):
        raise ValueError(f"unknown fault, safe or door value in {words[6]:04X} {words[12]:04X} {words[11]:04X}")
    return Status(
        raw=words[0],
        inputs=words[1],
        contacts=words[2],
        supply_mv=words[3],
        lock_ma=words[4],
        tenths_c=words[5] - 0x10000 if words[5] & 0x8000 else words[5],
        faults=Fault(words[6]),
        lease_ms=words[7],
        passages=words[8],
        counter=words[9],
        refusal=words[10],
        leased=words[11],
        safe=Safe(words[12]),
        boot=words[13],
        nonce=words[14],
        log_total=words[15],
    )


def alarm(inputs: int, configuration: Configuration, rest: Input) -> bool:
    """Emergency or fire in IR 17: no quiet loop, or an antivalent pair that is not exactly (1, 0) (GIO-16)."""
    if not configuration.has(rest):
        return False
    quiet = bool(inputs >> rest & 1)
    if configuration.pairs >> rest & 1:
        quiet = quiet and not inputs >> PAIRS[rest] & 1
    return not quiet


def key_proof(key: bytes, serial: bytes, boot: int, challenge: bytes) -> bytes:
    """IR 32-35: the unit shows that it holds the key, for a challenge of 8 bytes (GIO-34)."""
    return hmac.digest(key, b"GIOP" + serial + boot.to_bytes(2, "big") + challenge, "sha256")[:MAC_BYTES]


def check_key(key: bytes) -> bytes:
    """The key. Raises ValueError for one too short to keep a secret."""
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a key has {SHORTEST_KEY} bytes or more, not {len(key)}")
    return key


# --- requests -------------------------------------------------------------------------------------------------


def read_identity(unit: int) -> Read:
    """IR 0-15."""
    return Read(unit, Function.READ_INPUT_REGISTERS, IDENTITY, IDENTITY_WORDS)


def read_status(unit: int) -> Read:
    """IR 16-31."""
    return Read(unit, Function.READ_INPUT_REGISTERS, STATUS, STATUS_WORDS)


def read_announcement(unit: int) -> Read:
    """HR 0-3: heartbeat, nonce, safe mask, watchdog."""
    return Read(unit, Function.READ_HOLDING_REGISTERS, HEARTBEAT, ANNOUNCEMENT_WORDS)


def read_proof(unit: int) -> Read:
    """IR 32-35."""
    return Read(unit, Function.READ_INPUT_REGISTERS, PROOF, PROOF_WORDS)


def challenge(unit: int, asked: bytes) -> WriteMultiple:
    """HR 4-7; touches no output."""
    return WriteMultiple(unit, Function.WRITE_REGISTERS, CHALLENGE, to_words(asked))


def announce(unit: int, beat: int, nonce: int, mask: int, watchdog_ms: int) -> WriteMultiple:
    """HR 0-3 as one block: this host from now on (GIO-9)."""
    return WriteMultiple(unit, Function.WRITE_REGISTERS, HEARTBEAT, (beat, nonce, mask, watchdog_ms))


def heartbeat(unit: int, beat: int) -> WriteSingle:
    """HR 0 with another value than before."""
    return WriteSingle(unit, Function.WRITE_REGISTER, HEARTBEAT, beat)


def safe_mask(unit: int, mask: int) -> WriteSingle:
    """HR 2: relays held safe; a lease of such a door ends at once."""
    return WriteSingle(unit, Function.WRITE_REGISTER, SAFE_MASK, mask)
