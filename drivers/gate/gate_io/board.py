"""A Gate I/O unit as a relay board: leases instead of pulses, a heartbeat, one look at everything.

A lease ends in the unit; the host extends it while the same pulse is in force. Nothing is sent twice. The unit goes
safe when its heartbeat stops, and that stops with this process, or when the owner has not read for `patience_s`. Not
here: doors and the proof by contact (dry_contact), what the words mean (protocol, lease).
"""

import asyncio
import contextlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable

from drivers.errors import ContactDisagrees, DeviceRefused, Disconnected, DriverError, IdentityMismatch, NoResponse
from drivers.errors import RemoteProtocolError as Garbled
from drivers.gate.gate_io import protocol
from drivers.gate.gate_io.lease import (
    LAST_COUNTER,
    LONGEST_MS,
    LONGEST_SESSION_MS,
    SHORTEST_MS,
    WORDS,
    Direction,
    Lease,
    Reason,
    write_lease,
)
from drivers.gate.gate_io.protocol import Fault, Feature, Identity, Input, Relay, ResetCause, Safe, Status
from drivers.gate.wiring import DryContactWiring
from drivers.modbus.frames import Refusal, Request
from drivers.modbus_unit import ModbusUnit, Spacers
from drivers.ports import DeviceIdentity

Sleep = Callable[[float], Awaitable[None]]

_BEATS_PER_WATCHDOG = 4
_EXTEND_AFTER_S = 2.0
_RELAY_BITS = (1 << Relay.DOOR_A, 1 << Relay.DOOR_B)
_NONCE_STEP = 16

# The inputs as DryContactWiring numbers them by default: what each means, and which bit must be fitted for it.
_NEEDS = {
    "entry_closed": (Input.DOOR_A_CLOSED,),
    "exit_closed": (Input.DOOR_B_CLOSED,),
    "occupied": (Input.CELL_EMPTY,),
    "passage": (Input.PASSAGE,),
    "out_of_service": (Input.IN_SERVICE,),
    "emergency": (Input.EMERGENCY_REST,),
}

FAULT_WORDS = {
    Fault.SUPPLY: "24 V supply out of bounds",
    Fault.LOCK_CURRENT: "lock current too high",
    Fault.TEMPERATURE: "temperature out of bounds",
    Fault.CONTACT_A: "contact of the entry relay contradicts its command",
    Fault.CONTACT_B: "contact of the exit relay contradicts its command",
    Fault.CONTACT_LOCK_SUPPLY: "contact of the lock supply relay contradicts its command",
    Fault.PAIR_EMERGENCY: "emergency: both inputs of the pair are equal, look for a broken wire",
    Fault.PAIR_FIRE: "fire: both inputs of the pair are equal, look for a broken wire",
    Fault.FORCED_A: "entry door opened without a lease",
    Fault.FORCED_B: "exit door opened without a lease",
    Fault.HELD_A: "entry door held open",
    Fault.HELD_B: "exit door held open",
    Fault.BOTH_OPEN: "both doors open",
    Fault.TAMPER: "enclosure open",
}


class GateIoBoard:
    """`watchdog_s` (0.1 to 2): how long the unit waits for a heartbeat. `key` is that of the unit's commissioning.

    `serial` (8 bytes) and `configuration_hash` pin the unit; None takes any. Relay 0 is the entry (door A), 1 the exit.
    """

    relays = 2
    inputs = 8

    def __init__(
        self,
        unit: ModbusUnit,
        *,
        key: bytes | None = None,
        serial: bytes | None = None,
        configuration_hash: int | None = None,
        wiring: DryContactWiring | None = None,
        watchdog_s: float = 0.5,
        patience_s: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if not 0.1 <= watchdog_s <= 2.0:
            raise ValueError(f"watchdog_s is 0.1 to 2.0, not {watchdog_s}")
        self.status: Status | None = None
        self.identity: Identity | None = None
        self.unit = unit
        self._key = None if key is None else protocol.check_key(key)
        self._serial = serial
        self._hash = configuration_hash
        self._wiring = wiring or DryContactWiring()
        self._watchdog_ms = round(watchdog_s * 1000)
        self._patience_s = patience_s
        self._monotonic = monotonic
        self._sleep = sleep
        self._nonce = self._counter = self._number = 0
        self._beat = 0
        self._asked_at = float("-inf")
        self._lost: str | None = None
        self._beating: asyncio.Task[None] | None = None
        self._extending: asyncio.Task[None] | None = None
        self._in_force = 0

    # --- identity -------------------------------------------------------------------------------------------

    async def identify(self) -> DeviceIdentity:
        """Magic, version, hash, doors, inputs, key. Raises IdentityMismatch for anything but the configured unit."""
        device, number = self.unit.device, self.unit.number
        try:
            identity = protocol.parse_identity(await self.unit.read(protocol.read_identity(number)))
        except (Garbled, DeviceRefused) as error:
            raise IdentityMismatch(device, f"no Gate I/O unit at unit {number}: {error.message}") from error
        except ValueError as error:
            raise IdentityMismatch(device, f"no Gate I/O unit we know at unit {number}: {error}") from error
        if (complaint := self._complaint(identity)) is not None:
            raise IdentityMismatch(device, complaint)
        if self._key is not None:
            await self._prove_key(self._key, identity)
        self.identity = identity
        return DeviceIdentity(
            model="Gate I/O unit" + (", signed leases" if self._key is not None else ""),
            firmware=f"profile {identity.version >> 8}.{identity.version & 0xFF}",
            serial_number=identity.configuration.serial.hex().upper(),
            verified_on_hardware=False,
        )

    def _complaint(self, identity: Identity) -> str | None:
        """Why this unit is not the configured one."""
        configuration = identity.configuration
        if self._serial is not None and configuration.serial != self._serial:
            return f"the unit is {configuration.serial.hex().upper()}, {self._serial.hex().upper()} is configured"
        if self._hash is not None and configuration.hash != self._hash:
            return f"its settings have the hash {configuration.hash:04X}, {self._hash:04X} is configured"
        signs = Feature.AUTHENTICATED in configuration.features
        if self._key is not None and not signs:
            return "a key is configured, but the unit takes unsigned leases: another unit, or it lost its key"
        if self._key is None and signs:
            return "the unit takes signed leases only; configure the key of its commissioning"
        needed = (self._wiring.entry_release, Feature.DOOR_A), (self._wiring.exit_release, Feature.DOOR_B)
        if any(relay is not None and feature not in configuration.features for relay, feature in needed):
            return f"doors are missing: the unit has {configuration.features!r}"
        lacking = [
            name
            for name, bits in _NEEDS.items()
            if getattr(self._wiring, name) is not None and not configuration.has(*bits)
        ]
        return f"inputs are wired that the unit has not: {', '.join(lacking)}" if lacking else None

    async def _prove_key(self, key: bytes, identity: Identity) -> None:
        challenge = secrets.token_bytes(protocol.CHALLENGE_WORDS * 2)
        await self.unit.write(protocol.challenge(self.unit.number, challenge))
        answer = protocol.to_bytes(await self.unit.read(protocol.read_proof(self.unit.number)))
        right = protocol.key_proof(key, identity.configuration.serial, identity.boot, challenge)
        if not hmac.compare_digest(answer, right):
            raise IdentityMismatch(self.unit.device, "the unit does not hold the configured key")

    # --- outputs --------------------------------------------------------------------------------------------

    async def all_off(self) -> None:
        """Every relay held safe, running leases ended. The first call announces this host and starts the heartbeat."""
        if self.identity is None:
            raise DeviceRefused(self.unit.device, "identify comes before any command")
        self._stop_extending()
        self._refuse_lost()
        self._asked_at = self._monotonic()
        if self._beating is None:
            await self._announce()
        else:
            await self.unit.write(protocol.safe_mask(self.unit.number, protocol.ALL_RELAYS))

    async def _announce(self) -> None:
        unit, device = self.unit.number, self.unit.device
        known = (await self.unit.read(protocol.read_announcement(unit), urgent=True))[1]
        # A step nobody can foretell, so that a lease recorded for a nonce to come is worth little.
        nonce = known + 1 + secrets.randbelow(_NONCE_STEP)
        if nonce > 0xFFFF:
            raise DeviceRefused(device, "the unit has used up its nonces; restart the unit")
        said = (self._next_beat(), nonce, protocol.ALL_RELAYS, self._watchdog_ms)
        await self.unit.write(protocol.announce(unit, *said))
        heard = await self.unit.read(protocol.read_announcement(unit), urgent=True)
        if heard != said:
            raise DeviceRefused(device, f"the announcement reads {heard}, {said} was written")
        self._nonce, self._counter, self._number = nonce, 0, 0
        status = await self._look(urgent=True)
        if status.safe:
            raise self._refusal_by(status) or DeviceRefused(device, f"the unit stays safe: {status.safe!r}")
        self._beating = asyncio.create_task(self._beats(), name=f"{device} heartbeat")

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """A lease of `tenths` of 100 ms (to 5 s), ended by the unit; extended once or more beyond 3 s.

        Raises Disconnected, DeviceRefused with the unit's own reason, ContactDisagrees while a contact fault stands.
        """
        if relay not in (0, 1):
            raise ValueError(f"relay {relay}: a unit has 0 and 1")
        if not 1 <= tenths * 100 <= LONGEST_SESSION_MS:
            raise ValueError(f"{tenths} tenths: a lease takes 1 to {LONGEST_SESSION_MS // 100}")
        if self._beating is None:
            raise DeviceRefused(self.unit.device, "no host is announced; all_off comes before any lease")
        self._stop_extending()
        due = self._monotonic() + expires_s
        self._asked_at = self._monotonic()
        # This door and the lock's supply are let go, the other door stays held.
        mask = protocol.ALL_RELAYS & ~(_RELAY_BITS[relay] | 1 << Relay.LOCK_SUPPLY)
        await self._refuse_unfit()
        await self.unit.write(protocol.safe_mask(self.unit.number, mask), expires_s=expires_s)
        left = due - self._monotonic()
        if left <= 0:
            raise NoResponse(self.unit.device, "the mask took too long; no lease was asked for")
        self._number += 1
        number = self._number
        end = self._monotonic() + tenths / 10
        await self._lease(relay, min(tenths * 100, LONGEST_MS), number, expires_s=left)
        if tenths * 100 > LONGEST_MS:
            self._in_force = number
            task = self._extend(relay, number, end)
            self._extending = asyncio.create_task(task, name=f"{self.unit.device} lease {number}")

    async def _refuse_unfit(self) -> None:
        refusal = self._refusal_by(await self._look(urgent=True))
        if refusal is not None:
            raise refusal

    def _refusal_by(self, status: Status) -> DriverError | None:
        told = "; ".join(self.fault_words(status))
        if status.faults & protocol.CONTACT_FAULTS:
            return ContactDisagrees(self.unit.device, f"{told}; the unit must be repaired and restarted")
        return DeviceRefused(self.unit.device, f"no release: {told}") if told else None

    async def _lease(self, relay: int, ms: int, number: int, *, expires_s: float) -> None:
        """One lease with a fresh counter, sent once."""
        if self.identity is None or self._counter >= LAST_COUNTER:
            raise Disconnected(self.unit.device, "the lease counters are used up; open again")
        self._counter += 1
        asked = Lease(relay + 1, Direction.FORWARD, ms, self._nonce << 16 | number, self._counter)
        known = self.identity
        request = write_lease(
            self.unit.number, asked, key=self._key, serial=known.configuration.serial, boot=known.boot
        )
        await self._write(request, expires_s=expires_s)

    async def _write(self, request: Request, *, expires_s: float) -> None:
        reply = await self.unit.ask(request, urgent=True, expires_s=expires_s)
        if isinstance(reply, Refusal):
            status = await self._look(urgent=True)
            known = status.refusal in set(Reason)
            reason = WORDS[Reason(status.refusal)] if known else f"reason {status.refusal}"
            raise DeviceRefused(self.unit.device, f"the unit refuses the lease: {reason}")

    async def _extend(self, relay: int, number: int, end: float) -> None:
        """Ask for the rest in time. What fails is not asked for again: the door just closes earlier."""
        with contextlib.suppress(DriverError):
            while True:
                await self._sleep(_EXTEND_AFTER_S)
                if self._in_force != number:
                    return
                status = await self._look(urgent=True)
                left_ms = int((end - self._monotonic()) * 1000)
                going_on = status.leased == relay + 1 and not status.faults and self._in_force == number
                if not going_on or left_ms < SHORTEST_MS:
                    return
                await self._lease(relay, min(left_ms, LONGEST_MS), number, expires_s=0.25)
                if left_ms <= LONGEST_MS:
                    return

    def _stop_extending(self) -> None:
        """The task ends itself: cancelled inside an exchange it would leave the line to be drained first."""
        self._in_force = 0

    # --- heartbeat ------------------------------------------------------------------------------------------

    def _next_beat(self) -> int:
        self._beat = (self._beat + 1) & 0xFFFF
        return self._beat

    async def _beats(self) -> None:
        """A changed word four times within the watchdog, as long as the owner reads. A lost one is simply missed."""
        while self._lost is None:
            await self._sleep(self._watchdog_ms / 1000 / _BEATS_PER_WATCHDOG)
            if self._monotonic() - self._asked_at > self._patience_s:
                continue
            try:
                await self.unit.write(protocol.heartbeat(self.unit.number, self._next_beat()), expires_s=0.25)
            except Disconnected:
                return
            except DriverError:
                continue

    # --- readings -------------------------------------------------------------------------------------------

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """As DryContactWiring numbers them: doors closed, occupied, passage, out of service, emergency, mirrors."""
        self._asked_at = self._monotonic()
        status = await self._look(urgent=urgent)
        alarm = any(self._alarm(status, rest) for rest in protocol.PAIRS)
        out_of_service = not status.active(Input.IN_SERVICE) or bool(status.faults & ~protocol.DOOR_FAULTS)
        return (
            status.active(Input.DOOR_A_CLOSED),
            status.active(Input.DOOR_B_CLOSED),
            not status.active(Input.CELL_EMPTY),
            status.active(Input.PASSAGE),
            out_of_service,
            alarm,
            not status.energised(Relay.DOOR_A),
            not status.energised(Relay.DOOR_B),
        )

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:  # noqa: ARG002 - as RelayBoard has it
        """The commands in the same look as the last inputs: both are one block of registers."""
        if self.status is None:
            raise Disconnected(self.unit.device, "the inputs have not been read")
        return self.status.commanded(Relay.DOOR_A), self.status.commanded(Relay.DOOR_B)

    def _alarm(self, status: Status, rest: Input) -> bool:
        return self.identity is None or protocol.alarm(status.inputs, self.identity.configuration, rest)

    async def _look(self, *, urgent: bool) -> Status:
        """IR 16-31. Raises Disconnected when the unit restarted, tripped, or follows another host; it stays so."""
        self._refuse_lost()
        words = await self.unit.read(protocol.read_status(self.unit.number), urgent=urgent)
        try:
            status = protocol.parse_status(words)
        except ValueError as error:
            raise Garbled(self.unit.device, str(error)) from error
        self._lost = self._lost or await self._why_lost(status)
        self._refuse_lost()
        self.status = status
        return status

    async def _why_lost(self, status: Status) -> str | None:
        if self.identity is not None and status.boot != self.identity.boot:
            return f"the unit has restarted ({await self._cause()}), every lease is void; open again"
        if self._nonce and status.nonce != self._nonce:
            return "another host has announced itself to the unit; look for a second controller, then open again"
        if self._nonce and Safe.WATCHDOG in status.safe:
            return "the unit's host watchdog has tripped: its outputs are safe; open again"
        if self._nonce and status.safe and not status.faults & protocol.SAFE_FAULTS:
            return f"the unit went safe ({status.safe!r}) and its cause is over; open again"
        return None

    async def _cause(self) -> str:
        with contextlib.suppress(DriverError, ValueError):
            words = await self.unit.read(protocol.read_identity(self.unit.number), urgent=True)
            return ResetCause(words[3]).name.lower().replace("_", " ")
        return "cause unknown"

    def _refuse_lost(self) -> None:
        if self._lost is not None:
            raise Disconnected(self.unit.device, self._lost)

    def fault_words(self, status: Status) -> tuple[str, ...]:
        """The faults of a look in words; the measured ones also by this side's own bounds."""
        faults = status.faults
        if not protocol.LOWEST_SUPPLY_MV <= status.supply_mv <= protocol.HIGHEST_SUPPLY_MV:
            faults |= Fault.SUPPLY
        if not protocol.COLDEST_TENTHS <= status.tenths_c <= protocol.HOTTEST_TENTHS:
            faults |= Fault.TEMPERATURE
        measured = {
            Fault.SUPPLY: f": {status.supply_mv / 1000:.1f} V",
            Fault.LOCK_CURRENT: f": {status.lock_ma} mA",
            Fault.TEMPERATURE: f": {status.tenths_c / 10:.1f} °C",
        }
        return tuple(words + measured.get(fault, "") for fault, words in FAULT_WORDS.items() if fault in faults)

    def close(self) -> None:
        """End the heartbeat and the session; what still runs, the unit ends."""
        for task in (self._extending, self._beating):
            if task is not None:
                task.cancel()
        self._extending = self._beating = None
        self.unit.close()


def spacers(unit: int) -> Spacers:
    """Reads that may stand between two requests of one form."""
    return protocol.read_announcement(unit), protocol.read_status(unit)
