"""The Gate I/O profile v1 in the device: the reference for authors of firmware (docs/gate-io-profile-v1.md).

`_tick` is what firmware runs every millisecond; here it runs at each instant something falls due. Comments name the
rule they carry out. Safe to use from two threads (the line's and the rig's). Not here: what is measured and its faults
(gate_io_watch), the LED block (gate_io_leds), doors and people (the rig sets inputs and reads contacts).
"""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator

from drivers.gate.gate_io import lease as leases
from drivers.gate.gate_io import protocol
from drivers.gate.gate_io.lease import Direction, Lease, LeaseRefused, Reason
from drivers.gate.gate_io.protocol import Configuration, Feature, Identity, Input, Relay, ResetCause, Safe, Status
from drivers.modbus.client import frame_silence_s
from drivers.modbus.frames import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    Function,
    Read,
    Request,
    WriteMultiple,
    WriteSingle,
)
from drivers.modbus.server import ModbusServer, ModelRefusal
from drivers.ports import Door
from hil.emulator.gate_io_leds import GateIoLeds
from hil.emulator.gate_io_watch import RELAYS, GateIoWatch

USUAL = Configuration(Feature.DOOR_A | Feature.DOOR_B, 0b010100, 0x03FF, 5000, bytes.fromhex("0000000000C0FFEE"))


@dataclasses.dataclass(slots=True)
class _Running:
    """The lease in force."""

    door: int
    session: int
    started: float
    until: float


class _CountingServer(ModbusServer):
    """Counts frames whose check did not fit (GIO-4)."""

    crc_errors = 0

    def receive(self, data: bytes, quiet_s: float) -> bytes:
        """As the server does."""
        before = self._spoilt and quiet_s < self.frame_silence_s
        reply = super().receive(data, quiet_s)
        self.crc_errors = (self.crc_errors + (self._spoilt and not before)) & 0xFFFF
        return reply


class GateIoUnit:
    """`key` makes it a unit with authenticated leases. Time is `monotonic`, in seconds."""

    def __init__(
        self,
        *,
        unit: int = 1,
        configuration: Configuration = USUAL,
        key: bytes | None = None,
        version: int = protocol.VERSION,
        leds: GateIoLeds | None = None,
        boot: int = 1,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        features = configuration.features & ~(Feature.AUTHENTICATED | Feature.LEDS)
        features |= Feature.AUTHENTICATED if key is not None else Feature(0)
        features |= Feature.LEDS if leds is not None else Feature(0)
        self.configuration = dataclasses.replace(configuration, features=features)
        self.writes: list[Request] = []
        self.leds = leds
        self.watch = GateIoWatch(self.configuration)
        self._version = version
        self._key = None if key is None else protocol.check_key(key)
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._server = _CountingServer(unit, self, frame_silence_s(protocol.BAUDRATE))
        self._last_byte = self._ticked = float("-inf")
        self._boot = boot - 1
        self._start(ResetCause.POWER_ON)

    def _start(self, cause: ResetCause) -> None:
        """GIO-5, GIO-6: count the boot, come up in SAFE, forget host, lease and counters."""
        now = self._monotonic()
        self._boot = self._boot % 0xFFFF + 1
        self._cause, self._booted_at, self._beat_at = cause, now, now
        self._heartbeat = self._nonce = 0
        self._mask = protocol.ALL_RELAYS
        self._watchdog_ms = protocol.USUAL_WATCHDOG_MS
        self._challenge = bytes(protocol.CHALLENGE_WORDS * 2)
        self._safe = Safe.BOOT
        self._running: _Running | None = None
        self._counter = self._number = self._refusal = 0
        self.watch.restart()
        if self.leds is not None:
            self.leds.restart()

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            now = self._advance()
            quiet, self._last_byte = now - self._last_byte, now
            return self._server.receive(data, quiet)

    # --- what the rig sees and does -------------------------------------------------------------------------

    @contextlib.contextmanager
    def rigged(self) -> Iterator[GateIoWatch]:
        """Change what the unit measures: supply, current, temperature, welded or broken relays, cut mirrors."""
        with self._lock:
            self._advance()
            yield self.watch
            self._advance()

    def set_input(self, number: Input, current: bool) -> None:
        """Let current flow in an input, or not."""
        with self._lock:
            self.watch.set_input(number, current, self._advance())

    def weld(self, relay: Relay) -> None:
        """From now on the working contact stays closed."""
        with self.rigged() as watch:
            watch.welded.add(relay)

    def break_coil(self, relay: Relay) -> None:
        """From now on the coil has no effect."""
        with self.rigged() as watch:
            watch.broken.add(relay)

    def repair(self) -> None:
        """Replace all broken relays and wires."""
        with self.rigged() as watch:
            for spoilt in (watch.welded, watch.broken, watch.cut_mirrors):
                spoilt.clear()

    def contact(self, relay: Relay) -> bool:
        """Whether the working contact is really closed."""
        with self._lock:
            self._advance()
            return self.watch.contact(relay, self._coil(relay))

    def unlocked(self, door: Door) -> bool:
        """Whether the lock really gets power: the door's relay and the lock supply's, in series (GIO-14)."""
        return self.contact(RELAYS[protocol.DOOR_CODES[door]]) and self.contact(Relay.LOCK_SUPPLY)

    def reboot(self, cause: ResetCause = ResetCause.BROWN_OUT) -> None:
        """The processor restarts; settings and boot counter survive."""
        with self._lock:
            self._advance()
            self._start(cause)
            self._server = _CountingServer(self._server.unit, self, self._server.frame_silence_s)

    def status(self) -> Status:
        """IR 16-31 as they are now."""
        with self._lock:
            return self._status(self._advance())

    # --- the firmware's main loop ---------------------------------------------------------------------------

    def _advance(self) -> float:
        """Run `_tick` at every instant at which something fell due, then now."""
        now = self._monotonic()
        while (due := min((at for at in self._deadlines() if at > self._ticked), default=now)) < now:
            self._tick(due)
        self._tick(now)
        return now

    def _deadlines(self) -> list[float]:
        due = [*self.watch.deadlines(), self._beat_due()]
        return due if self._running is None else [*due, self._running.until]

    def _beat_due(self) -> float:
        return self._beat_at + self._watchdog_ms / 1000

    def _tick(self, now: float) -> None:
        self._ticked = now
        if self._running is not None and now >= self._running.until:  # GIO-19: the device ends a lease
            self._end_lease(now)
        if now >= self._beat_due() and not self._safe & Safe.BOOT:  # GIO-11
            self._safe |= Safe.WATCHDOG
            self._end_lease(now)
        coils = {relay: self._coil(relay) for relay in Relay}
        self.watch.tick(now, coils, 0 if self._running is None else self._running.door)
        if self.watch.faults & protocol.SAFE_FAULTS:  # GIO-13, GIO-14
            self._safe |= Safe.FAULT
        if self.watch.faults or self.watch.alarm():  # GIO-16, GIO-23
            self._end_lease(now)

    def _end_lease(self, now: float) -> None:
        if self._running is not None:
            self.watch.lease_ended(self._running.door, min(now, self._running.until))
            self._running = None

    def _coil(self, relay: Relay) -> bool:
        if self._safe or self._mask >> relay & 1:
            return False
        if relay is Relay.LOCK_SUPPLY:
            return True
        return self._running is not None and RELAYS[self._running.door] is relay

    # --- registers ------------------------------------------------------------------------------------------

    def _identity(self, now: float) -> Identity:
        up = int(now - self._booted_at) & 0xFFFFFFFF
        return Identity(self._version, self._boot, self._cause, up, self._server.crc_errors, self.configuration)

    def _status(self, now: float) -> Status:
        watch, running = self.watch, self._running
        contacts = 0
        for relay in Relay:
            coil = self._coil(relay)
            contacts |= watch.mirror(relay, coil) << relay | coil << protocol.COMMANDS_SHIFT + relay
        return Status(
            raw=watch.raw,
            inputs=watch.inputs,
            contacts=contacts,
            supply_mv=watch.supply_mv,
            lock_ma=watch.lock_ma,
            tenths_c=watch.tenths_c,
            faults=watch.faults,
            lease_ms=0 if running is None else round((running.until - now) * 1000),
            passages=watch.passages & 0xFFFF,
            counter=self._counter,
            refusal=self._refusal,
            leased=0 if running is None else running.door,
            safe=self._safe,
            boot=self._boot,
            nonce=self._nonce,
            log_total=0 if self.leds is None else self.leds.total,
        )

    def read(self, request: Read) -> tuple[int, ...]:
        """Values of a read. Raises ModelRefusal."""
        if request.function is Function.READ_INPUT_REGISTERS:
            bank = self._input_registers()
        elif request.function is Function.READ_HOLDING_REGISTERS:
            announced = (self._heartbeat, self._nonce, self._mask, self._watchdog_ms)
            bank = dict(enumerate(announced))
        else:
            raise ModelRefusal(ILLEGAL_FUNCTION)  # GIO-8: there are no coils
        span = range(request.address, request.address + request.count)
        if any(number not in bank for number in span):
            raise ModelRefusal(ILLEGAL_ADDRESS)
        return tuple(bank[number] for number in span)

    def _input_registers(self) -> dict[int, int]:
        now = self._monotonic()
        bank = dict(enumerate((*self._identity(now).words(), *self._status(now).words())))
        if self._key is not None:
            proof = protocol.key_proof(self._key, self.configuration.serial, self._boot, self._challenge)
            bank |= enumerate(protocol.to_words(proof), protocol.PROOF)
        if self.leds is not None:
            bank |= self.leds.registers()
        return bank

    def write(self, request: Request) -> None:
        """Carry a write out. Raises ModelRefusal."""
        if request.unit == 0:  # GIO-7: a broadcast does nothing
            return
        self.writes.append(request)
        if isinstance(request, WriteMultiple) and request.function is Function.WRITE_REGISTERS:
            self._write_block(request.address, request.values)
        elif isinstance(request, WriteSingle) and request.function is Function.WRITE_REGISTER:
            self._write_word(request.address, request.value)
        else:
            raise ModelRefusal(ILLEGAL_FUNCTION)  # GIO-8
        self._advance()

    def _write_word(self, address: int, value: int) -> None:
        if address == protocol.HEARTBEAT:
            if value != self._heartbeat:  # GIO-10: the same value again is no heartbeat
                self._heartbeat, self._beat_at = value, self._monotonic()
        elif address == protocol.SAFE_MASK:
            self._set_mask(value)
        elif self.leds is not None:
            self.leds.write_word(address, value)
        else:
            raise ModelRefusal(ILLEGAL_ADDRESS)

    def _set_mask(self, mask: int) -> None:
        if mask & ~protocol.ALL_RELAYS:
            raise ModelRefusal(ILLEGAL_VALUE)
        self._mask = mask
        running = self._running
        if running is not None and mask & (1 << RELAYS[running.door] | 1 << Relay.LOCK_SUPPLY):  # GIO-22
            self._end_lease(self._monotonic())

    def _write_block(self, address: int, words: tuple[int, ...]) -> None:
        if address == protocol.HEARTBEAT and len(words) == protocol.ANNOUNCEMENT_WORDS:
            self._announce(*words)
        elif address == protocol.CHALLENGE and len(words) == protocol.CHALLENGE_WORDS and self._key is not None:
            self._challenge = protocol.to_bytes(words)
        elif address == leases.LEASE:
            try:
                self._lease(words)
                self._refusal = Reason.NONE
            except LeaseRefused as refused:
                self._refusal = refused.reason
                raise ModelRefusal(ILLEGAL_VALUE) from refused
        elif self.leds is not None:
            self.leds.write_block(address, words)
        else:
            raise ModelRefusal(ILLEGAL_ADDRESS)

    def _announce(self, beat: int, nonce: int, mask: int, watchdog_ms: int) -> None:
        """GIO-9: a new host; nothing of the old one stays."""
        in_bounds = protocol.SHORTEST_WATCHDOG_MS <= watchdog_ms <= protocol.LONGEST_WATCHDOG_MS
        if nonce <= self._nonce or not in_bounds or mask & ~protocol.ALL_RELAYS:
            raise ModelRefusal(ILLEGAL_VALUE)
        now = self._monotonic()
        self._end_lease(now)
        self._heartbeat, self._nonce, self._mask, self._watchdog_ms = beat, nonce, mask, watchdog_ms
        self._counter = self._number = self._refusal = 0
        self._beat_at = now
        self._safe = Safe.FAULT if self.watch.faults & protocol.SAFE_FAULTS else Safe(0)

    def _lease(self, words: tuple[int, ...]) -> None:
        """GIO-20: the checks in their order. Raises LeaseRefused."""
        now = self._monotonic()
        asked = leases.parse_lease(words, key=self._key, serial=self.configuration.serial, boot=self._boot)
        if asked.nonce != self._nonce or self._nonce == 0:
            raise LeaseRefused(Reason.HOST)
        if asked.counter <= self._counter:
            raise LeaseRefused(Reason.COUNTER)
        self._counter = asked.counter  # GIO-21: used up, whatever the checks below say
        self._refuse_bounds(asked)
        if self._safe:
            raise LeaseRefused(Reason.SAFE)
        if self.watch.faults or self.watch.alarm():
            raise LeaseRefused(Reason.FAULT)
        if self._mask & (1 << RELAYS[asked.door] | 1 << Relay.LOCK_SUPPLY):
            raise LeaseRefused(Reason.MASKED)
        self._refuse_other_door(asked.door)
        running = self._running
        if running is not None and running.session == asked.session:
            # GIO-25: no session lasts longer than 5 s, however often it is extended.
            longest = running.started + leases.LONGEST_SESSION_MS / 1000
            running.until = min(now + asked.ms / 1000, longest)
            return
        if asked.number <= self._number:  # GIO-26: a session is used once
            raise LeaseRefused(Reason.SESSION)
        self._number = asked.number
        self._running = _Running(asked.door, asked.session, now, now + asked.ms / 1000)

    def _refuse_bounds(self, asked: Lease) -> None:
        fitted = {1: Feature.DOOR_A, 2: Feature.DOOR_B}.get(asked.door, Feature(0)) & self.configuration.features
        in_time = leases.SHORTEST_MS <= asked.ms <= leases.LONGEST_MS
        if not fitted or asked.direction not in set(Direction) or not in_time:
            raise LeaseRefused(Reason.RANGE)

    def _refuse_other_door(self, door: int) -> None:
        """GIO-27: never both. Leased, open, or a relay not proved at rest counts as the other door in use."""
        for other, relay in RELAYS.items():
            leased = self._running is not None and self._running.door == other
            proved = self.watch.mirror(relay, self._coil(relay))
            if other != door and (leased or self.watch.door_open(other) or not proved):
                raise LeaseRefused(Reason.INTERLOCK)
