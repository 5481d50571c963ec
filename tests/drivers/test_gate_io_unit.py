"""Gate I/O profile v1 at the unit: words, frames, host, leases, signatures, faults; its conformance list checked.

No vendor makes this profile: every byte here follows from docs/gate-io-profile-v1.md and was computed by this code
base. Public is only the HMAC of RFC 4231.
"""

import dataclasses
import hmac
import random
import re
from pathlib import Path
from typing import Any

import pytest

from drivers.gate.gate_io import lease, led, protocol
from drivers.gate.gate_io.board import spacers
from drivers.gate.gate_io.driver import open_gate_io_gate
from drivers.gate.gate_io.lease import Lease, Reason, write_lease
from drivers.gate.gate_io.protocol import Fault, Feature, Input, Relay, ResetCause, Safe
from drivers.modbus.client import ModbusClient
from drivers.modbus.frames import (
    Function,
    Read,
    Refusal,
    Reply,
    Request,
    Values,
    WriteMultiple,
    WriteSingle,
    Written,
    decode_reply,
    encode_reply,
    encode_request,
    seal,
)
from drivers.ports import Door
from hil.emulator.gate_io import USUAL, GateIoUnit
from hil.emulator.gate_io_watch import ALL_QUIET

KEY = bytes(range(32))
PROFILE = Path(__file__).parents[2] / "docs" / "gate-io-profile-v1.md"
# A pseudo-terminal knows no parity, and refuses to be set to one twice.
ON_PTY: dict[str, Any] = {"parity": "N", "watchdog_s": 2.0}


# --- the unit alone, on a clock that moves when told ------------------------------------------------------------


class Desk:
    """A unit and a host that says exactly what it is told to."""

    def __init__(self, **options: Any) -> None:
        self.now = 100.0
        self.unit = GateIoUnit(monotonic=lambda: self.now, **options)
        self.key: bytes | None = options.get("key")
        self.beat = 0

    def ask(self, request: Request) -> Reply:
        self.now += 0.002
        return decode_reply(request, self.unit.handle(encode_request(request)))

    def announce(self, nonce: int = 1, mask: int = 0, watchdog_ms: int = 2000) -> Reply:
        return self.ask(protocol.announce(1, 0, nonce, mask, watchdog_ms))

    def lease(self, asked: Lease, *, key: bytes | None = None) -> Reason:
        request = write_lease(1, asked, key=key or self.key, serial=USUAL.serial, boot=self.unit.status().boot)
        reply = self.ask(request)
        reason = Reason(self.unit.status().refusal)
        assert isinstance(reply, Refusal) == (reason is not Reason.NONE)
        return reason

    def pass_time(self, seconds: float) -> None:
        """With heartbeats, so that only what is tested falls due."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += min(0.25, end - self.now)
            self.beat += 1
            self.unit.handle(encode_request(protocol.heartbeat(1, self.beat)))


def asked(counter: int = 1, *, door: int = 1, ms: int = 1000, number: int = 1, nonce: int = 1, way: int = 1) -> Lease:
    return Lease(door, way, ms, nonce << 16 | number, counter)


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.announce()
    return made


# --- words and frames -------------------------------------------------------------------------------------------


def test_worked_examples_of_the_profile_are_what_the_code_says() -> None:
    """Every hex line of the document under an `example:` name, against the same thing built here."""
    text = PROFILE.read_text(encoding="utf-8")
    written = dict(re.findall(r"^\| `([a-z ]+)` \| `([0-9A-F ]+)` \|", text, re.MULTILINE))
    serial, challenge = USUAL.serial, bytes(range(8))
    signed = dataclasses.replace(USUAL, features=USUAL.features | Feature.AUTHENTICATED)
    identity = protocol.Identity(protocol.VERSION, 7, ResetCause.POWER_ON, 70_000, 2, USUAL)
    first = Lease(1, 1, 1000, 1 << 16 | 1, 1)
    mac = lease.lease_mac(KEY, serial, 7, first.words())
    frames = {
        "read identity": encode_request(protocol.read_identity(1)),
        "identity": encode_reply(Values(1, Function.READ_INPUT_REGISTERS, identity.words())),
        "announce": encode_request(protocol.announce(1, 1, 1, 7, 500)),
        "heartbeat": encode_request(protocol.heartbeat(1, 2)),
        "mask": encode_request(protocol.safe_mask(1, 2)),
        "read status": encode_request(protocol.read_status(1)),
        "lease": encode_request(write_lease(1, first, key=None, serial=serial, boot=7)),
        "lease taken": encode_reply(Written(1, Function.WRITE_REGISTERS, lease.LEASE, lease.LEASE_WORDS)),
        "lease refused": encode_reply(Refusal(1, Function.WRITE_REGISTERS, 3)),
        "signed lease": encode_request(write_lease(1, first, key=KEY, serial=serial, boot=7)),
        "mac": mac,
        "key proof": protocol.key_proof(KEY, serial, 7, challenge),
        "order": encode_request(led.write_table(1, led.Table((0, 1, 2, 0), 4000, 100, 250, 3000))),
        "log entry": protocol.to_bytes(led.Entry(5, 2, 0x1234567, 8000).words()),
    }
    assert written == {name: data.hex(" ").upper() for name, data in frames.items()}
    assert signed.hash != USUAL.hash


def test_mac_is_the_public_hmac_cut_to_eight_bytes() -> None:
    # RFC 4231, test case 2.
    assert hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256").hex().startswith("5bdcc146bf60754e")
    words = asked().words()
    plain = b"GIOL" + USUAL.serial + b"\x00\x07" + protocol.to_bytes(words)
    assert lease.lease_mac(KEY, USUAL.serial, 7, words) == hmac.digest(KEY, plain, "sha256")[:8]


def test_identity_and_status_go_to_words_and_back() -> None:
    identity = protocol.Identity(protocol.VERSION, 0xFFFF, 2, 0x12345, 9, USUAL)
    assert protocol.parse_identity(identity.words()) == identity
    status = Desk().unit.status()
    cold = dataclasses.replace(status, tenths_c=-123, faults=Fault.HELD_A, safe=Safe.BOOT, nonce=0xFFFF)
    assert protocol.parse_status(cold.words()) == cold


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, 0x4748, "says 4749"),
        (1, 0x0200, "profile version 2.0"),
        (2, 0, "boot counter is 0"),
        (7, 0x1234, "does not fit registers 8 to 15"),
        (11, 4999, "does not fit registers 8 to 15"),
    ],
)
def test_identities_that_are_none(at: int, value: int, message: str) -> None:
    words = list(protocol.Identity(protocol.VERSION, 1, 1, 0, 0, USUAL).words())
    words[at] = value
    with pytest.raises(ValueError, match=message):
        protocol.parse_identity(tuple(words))


@pytest.mark.parametrize("options", [{"serial": b"short"}, {"pairs": 1}, {"fitted": 0b10111}])
def test_configurations_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"serial|pair"):
        dataclasses.replace(USUAL, **options)


@pytest.mark.parametrize(("at", "value"), [(6, 0x8000), (11, 3), (12, 8)])
def test_status_with_unknown_bits_is_refused(at: int, value: int) -> None:
    words = list(Desk().unit.status().words())
    words[at] = value
    with pytest.raises(ValueError, match="unknown"):
        protocol.parse_status(tuple(words))


def test_frames_whole_bytewise_and_among_garbage(desk: Desk) -> None:
    request = protocol.read_status(1)
    frame = encode_reply(desk.ask(request))
    for before, after in ((b"", b""), (b"\x00\xff", b""), (b"\x01", b"\x01"), (frame[:3], frame[:-1])):
        data = before + frame + after
        for size in (1, 3, len(data)):
            end = ModbusClient(spacers(1))
            end.send(request)
            got = [end.receive(data[at : at + size]) for at in range(0, len(data), size)]
            assert len([one for one in got if one is not None]) == 1


def test_unit_takes_frames_bytewise_and_counts_broken_ones(desk: Desk) -> None:
    frame = encode_request(protocol.read_identity(1))
    desk.now += 1.0
    whole = b"".join(desk.unit.handle(bytes((byte,))) for byte in frame)
    assert protocol.parse_identity(protocol.to_words(whole[3:-2])).crc_errors == 0
    for at in range(len(frame)):
        desk.now += 0.002
        assert desk.unit.handle(frame[:at] + bytes((frame[at] ^ 4,)) + frame[at + 1 :]) == b""
    reply = desk.ask(protocol.read_identity(1))
    assert isinstance(reply, Values)
    # A flip in the function byte may leave a frame whose length is unknown, hence never whole: it is not counted.
    assert 6 <= protocol.parse_identity(reply.values).crc_errors <= len(frame)


# --- host, heartbeat, safe state --------------------------------------------------------------------------------


def test_there_are_no_coils_and_no_single_word_leases(desk: Desk) -> None:
    for request in (
        WriteSingle(1, Function.WRITE_COIL, 0, 0xFF00),
        WriteMultiple(1, Function.WRITE_COILS, 0, (1,)),
        Read(1, Function.READ_COILS, 0, 1),
        Read(1, Function.READ_DISCRETE_INPUTS, 0, 8),
    ):
        assert desk.ask(request) == Refusal(1, request.function, 1)
    for address in (1, 3, 4, 16, 21, 24, 32, 64):
        assert desk.ask(WriteSingle(1, Function.WRITE_REGISTER, address, 1)) == Refusal(1, 6, 2)
    for address, count in ((0, 2), (1, 3), (17, 7), (4, 4), (32, 32)):
        assert desk.ask(WriteMultiple(1, Function.WRITE_REGISTERS, address, (1,) * count)) == Refusal(1, 16, 2)
    assert desk.unit.status().leased == 0


def test_broadcast_does_nothing() -> None:
    desk = Desk()
    desk.now += 1
    assert desk.unit.handle(encode_request(protocol.announce(0, 0, 1, 0, 500))) == b""
    assert desk.unit.status().nonce == 0
    assert desk.unit.writes == []


def test_no_lease_before_an_announcement() -> None:
    desk = Desk()
    assert desk.lease(asked(nonce=0)) is Reason.HOST
    assert desk.unit.status().safe == Safe.BOOT


@pytest.mark.parametrize("said", [{"nonce": 5}, {"nonce": 4}, {"watchdog_ms": 99}, {"watchdog_ms": 2001}, {"mask": 8}])
def test_announcements_that_are_refused_change_nothing(said: dict[str, int]) -> None:
    desk = Desk()
    desk.announce(5)
    assert desk.announce(**({"nonce": 6} | said)) == Refusal(1, 16, 3)
    assert desk.unit.status().nonce == 5


def test_another_host_voids_the_lease_of_the_first(desk: Desk) -> None:
    assert desk.lease(asked()) is Reason.NONE
    desk.announce(2)
    assert not desk.unit.unlocked(Door.ENTRY)
    assert desk.lease(asked(2)) is Reason.HOST
    assert desk.lease(asked(1, nonce=2)) is Reason.NONE


@pytest.mark.parametrize("watchdog_ms", [100, 500, 2000])
def test_outputs_fall_when_the_heartbeat_stops(watchdog_ms: int) -> None:
    desk = Desk()
    desk.announce(watchdog_ms=watchdog_ms)
    announced = desk.now
    assert desk.lease(asked(ms=3000)) is Reason.NONE
    desk.now = announced + watchdog_ms / 1000 - 0.001
    assert desk.unit.unlocked(Door.ENTRY)
    desk.now = announced + watchdog_ms / 1000
    assert not desk.unit.contact(Relay.DOOR_A)
    assert not desk.unit.contact(Relay.LOCK_SUPPLY)
    assert desk.unit.status().safe == Safe.WATCHDOG
    desk.ask(protocol.heartbeat(1, 99))
    assert desk.lease(asked(2, number=2)) is Reason.SAFE
    desk.announce(2)
    assert desk.lease(asked(1, nonce=2)) is Reason.NONE


def test_same_value_again_is_no_heartbeat(desk: Desk) -> None:
    for _ in range(5):
        desk.now += 0.5
        desk.ask(protocol.heartbeat(1, 7))
    assert desk.unit.status().safe == Safe.WATCHDOG


def test_boot_counts_and_survives_and_wraps_past_zero() -> None:
    desk = Desk(boot=0xFFFF)
    desk.announce()
    desk.lease(asked())
    desk.unit.reboot(ResetCause.PROCESSOR_WATCHDOG)
    reply = desk.ask(protocol.read_identity(1))
    assert isinstance(reply, Values)
    identity = protocol.parse_identity(reply.values)
    assert (identity.boot, identity.cause, identity.uptime_s) == (1, ResetCause.PROCESSOR_WATCHDOG, 0)
    assert not desk.unit.unlocked(Door.ENTRY)
    assert desk.unit.status().safe == Safe.BOOT
    assert desk.ask(protocol.read_announcement(1)) == Values(
        1, Function.READ_HOLDING_REGISTERS, (0, 0, protocol.ALL_RELAYS, 500)
    )


# --- leases -----------------------------------------------------------------------------------------------------


def test_lease_is_timed_by_the_unit(desk: Desk) -> None:
    assert desk.lease(asked(ms=1500)) is Reason.NONE
    granted = desk.now
    assert desk.unit.unlocked(Door.ENTRY)
    assert not desk.unit.contact(Relay.DOOR_B)
    desk.pass_time(1.4)
    assert desk.unit.status().lease_ms == pytest.approx(100, abs=2)
    desk.now = granted + 1.501
    assert not desk.unit.contact(Relay.DOOR_A)
    assert desk.unit.status().leased == 0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"door": 0}, Reason.RANGE),
        ({"door": 3}, Reason.RANGE),
        ({"way": 0}, Reason.RANGE),
        ({"way": 3}, Reason.RANGE),
        ({"ms": 49}, Reason.RANGE),
        ({"ms": 3001}, Reason.RANGE),
        ({"counter": 0}, Reason.COUNTER),
        ({"nonce": 2}, Reason.HOST),
        ({"nonce": 0}, Reason.HOST),
        ({"number": 0}, Reason.SESSION),
    ],
)
def test_leases_beyond_bounds(desk: Desk, bad: dict[str, int], reason: Reason) -> None:
    assert desk.lease(asked(**bad)) is reason
    assert not desk.unit.unlocked(Door.ENTRY)
    assert not desk.unit.unlocked(Door.EXIT)


def test_every_flipped_bit_of_a_lease_is_refused_by_the_complement(desk: Desk) -> None:
    words = asked().words()
    for at in range(len(words)):
        for bit in range(16):
            wrong = tuple(word ^ (1 << bit if place == at else 0) for place, word in enumerate(words))
            assert isinstance(desk.ask(WriteMultiple(1, Function.WRITE_REGISTERS, lease.LEASE, wrong)), Refusal)
            assert desk.unit.status().refusal == Reason.COMPLEMENT
    assert desk.unit.status().counter == 0


@pytest.mark.parametrize("count", [1, 6, 7, 9, 12])
def test_lease_of_another_length(desk: Desk, count: int) -> None:
    words = (asked().words() * 2)[:count]
    assert desk.ask(WriteMultiple(1, Function.WRITE_REGISTERS, lease.LEASE, words)) == Refusal(1, 16, 3)
    assert desk.unit.status().refusal == Reason.FORM


def test_counter_is_used_once_even_by_a_lease_that_was_refused(desk: Desk) -> None:
    assert desk.lease(asked(5, ms=200)) is Reason.NONE
    assert desk.lease(asked(6, door=2, number=2)) is Reason.INTERLOCK
    desk.pass_time(0.3)
    for counter in (0, 1, 5, 6):
        assert desk.lease(asked(counter, door=2, number=2)) is Reason.COUNTER
    assert desk.lease(asked(7, door=2, number=2)) is Reason.NONE


def test_session_is_used_once_and_lasts_five_seconds_at_most(desk: Desk) -> None:
    assert desk.lease(asked(1, ms=3000)) is Reason.NONE
    desk.pass_time(2.5)
    assert desk.lease(asked(2, ms=3000)) is Reason.NONE
    assert desk.unit.status().lease_ms == pytest.approx(2500, abs=5)
    desk.pass_time(2.4)
    assert desk.unit.unlocked(Door.ENTRY)
    desk.pass_time(0.2)
    assert not desk.unit.unlocked(Door.ENTRY)
    assert desk.lease(asked(4, ms=100)) is Reason.SESSION
    assert desk.lease(asked(5, ms=100, number=2)) is Reason.NONE


def test_never_both_doors(desk: Desk) -> None:
    assert desk.lease(asked(1, ms=500)) is Reason.NONE
    assert desk.lease(asked(2, door=2, number=2)) is Reason.INTERLOCK
    desk.pass_time(0.6)
    desk.unit.set_input(Input.DOOR_A_CLOSED, False)
    desk.pass_time(0.1)
    assert desk.lease(asked(3, door=2, number=3)) is Reason.INTERLOCK
    desk.unit.set_input(Input.DOOR_A_CLOSED, True)
    desk.pass_time(0.1)
    with desk.unit.rigged() as watch:
        watch.cut_mirrors.add(Relay.DOOR_A)
    assert desk.lease(asked(4, door=2, number=4)) is Reason.INTERLOCK
    desk.unit.repair()
    assert desk.lease(asked(5, door=2, number=5)) is Reason.NONE


def test_leased_door_keeps_the_other_shut_although_its_relay_is_broken(desk: Desk) -> None:
    desk.unit.break_coil(Relay.DOOR_A)
    assert desk.lease(asked(1)) is Reason.NONE
    assert desk.lease(asked(2, door=2, number=2)) is Reason.INTERLOCK


def test_masked_doors_stay_shut(desk: Desk) -> None:
    for counter, mask in enumerate((1, 4, 7), 1):
        desk.ask(protocol.safe_mask(1, mask))
        assert desk.lease(asked(counter, number=counter)) is Reason.MASKED
    desk.ask(protocol.safe_mask(1, 2))
    assert desk.lease(asked(4, number=4)) is Reason.NONE
    desk.ask(protocol.safe_mask(1, 1))
    assert desk.unit.status().leased == 0
    desk.ask(protocol.safe_mask(1, 0))
    assert not desk.unit.unlocked(Door.ENTRY)
    assert desk.ask(protocol.safe_mask(1, 8)) == Refusal(1, 6, 3)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_never_both_doors_and_never_beyond_its_lease(seed: int) -> None:
    desk, draw = Desk(), random.Random(seed)
    allowed_until = dict.fromkeys(Door, 0.0)
    granted = 0
    for counter in range(1, 2000):
        status = desk.unit.status()
        wild = asked(
            counter if draw.random() < 0.9 else draw.randrange(4),
            door=draw.randrange(1, 3),
            ms=draw.choice((50, 300, 3000)),
            number=counter if draw.random() < 0.6 else draw.randrange(counter + 1),
            nonce=status.nonce,
        )
        if desk.lease(wild) is Reason.NONE:
            granted += 1
            allowed_until[Door.ENTRY if wild.door == 1 else Door.EXIT] = desk.now + wild.ms / 1000
        if draw.random() < 0.1:
            desk.ask(protocol.safe_mask(1, draw.choice((0, 0, 0, 1, 2, 4))))
        if draw.random() < 0.05 or status.safe:
            desk.announce(min(status.nonce + 1, 0xFFFF))
        desk.pass_time(draw.choice((0.01, 0.1, 0.6)))
        unlocked = [door for door in Door if desk.unit.unlocked(door)]
        assert len(unlocked) < 2
        assert all(desk.now < allowed_until[door] for door in unlocked)
    assert granted > 100
    assert desk.unit.status().faults == Fault(0)


def test_unit_without_an_entry_leases_none() -> None:
    desk = Desk(configuration=dataclasses.replace(USUAL, features=Feature.DOOR_B))
    desk.announce()
    assert desk.lease(asked(1)) is Reason.RANGE
    assert desk.lease(asked(2, door=2)) is Reason.NONE


# --- signatures -------------------------------------------------------------------------------------------------


def signed() -> Desk:
    made = Desk(key=KEY)
    made.announce()
    return made


def test_signed_lease_and_its_replay() -> None:
    desk = signed()
    captured = write_lease(1, asked(ms=100), key=KEY, serial=USUAL.serial, boot=1)
    assert isinstance(desk.ask(captured), Written)
    desk.pass_time(0.3)
    assert isinstance(desk.ask(captured), Refusal)
    assert desk.unit.status().refusal == Reason.COUNTER
    desk.announce(2)
    assert isinstance(desk.ask(captured), Refusal)
    assert desk.unit.status().refusal == Reason.HOST
    # After a restart the same nonce may be announced again: the boot counter in the signature tells.
    desk.unit.reboot()
    desk.announce(1)
    assert isinstance(desk.ask(captured), Refusal)
    assert desk.unit.status().refusal == Reason.MAC


def test_refused_signed_lease_cannot_be_kept_for_later() -> None:
    desk = signed()
    desk.unit.set_input(Input.ENCLOSURE_CLOSED, False)
    desk.pass_time(0.1)
    captured = write_lease(1, asked(), key=KEY, serial=USUAL.serial, boot=1)
    desk.ask(captured)
    assert desk.unit.status().refusal == Reason.FAULT
    desk.unit.set_input(Input.ENCLOSURE_CLOSED, True)
    desk.pass_time(0.1)
    desk.ask(captured)
    assert desk.unit.status().refusal == Reason.COUNTER


def test_wrong_key_other_unit_and_no_signature() -> None:
    desk = signed()
    assert desk.lease(asked(), key=KEY[:-1] + b"\xff") is Reason.MAC
    other = write_lease(1, asked(), key=KEY, serial=bytes(8), boot=1)
    unsigned = write_lease(1, asked(), key=None, serial=USUAL.serial, boot=1)
    for request, reason in ((other, Reason.MAC), (unsigned, Reason.FORM)):
        assert isinstance(desk.ask(request), Refusal)
        assert desk.unit.status().refusal == reason
    assert desk.unit.status().counter == 0


def test_every_flipped_bit_of_a_signed_lease_is_refused() -> None:
    desk = signed()
    words = write_lease(1, asked(), key=KEY, serial=USUAL.serial, boot=1).values
    for at in range(len(words)):
        for bit in range(16):
            wrong = tuple(word ^ (1 << bit if place == at else 0) for place, word in enumerate(words))
            assert isinstance(desk.ask(WriteMultiple(1, Function.WRITE_REGISTERS, lease.LEASE, wrong)), Refusal)
    assert desk.unit.status().leased == 0


def test_key_too_short() -> None:
    with pytest.raises(ValueError, match="16 bytes or more"):
        GateIoUnit(key=b"short")
    with pytest.raises(ValueError, match="16 bytes or more"):
        open_gate_io_gate("gate", "none", key="0011")


# --- faults -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "value", "fault"),
    [
        ("supply_mv", 20_999, Fault.SUPPLY),
        ("supply_mv", 30_001, Fault.SUPPLY),
        ("lock_ma", 2001, Fault.LOCK_CURRENT),
        ("tenths_c", -251, Fault.TEMPERATURE),
        ("tenths_c", 701, Fault.TEMPERATURE),
    ],
)
def test_measurement_out_of_bounds_is_safe_until_announced_anew(
    desk: Desk, what: str, value: int, fault: Fault
) -> None:
    desk.lease(asked(ms=3000))
    with desk.unit.rigged() as watch:
        before = getattr(watch, what)
        setattr(watch, what, value)
    assert not desk.unit.unlocked(Door.ENTRY)
    assert (desk.unit.status().faults, desk.unit.status().safe) == (fault, Safe.FAULT)
    desk.announce(2)
    assert desk.unit.status().safe == Safe.FAULT
    with desk.unit.rigged() as watch:
        setattr(watch, what, before)
    assert desk.lease(asked(1, nonce=2)) is Reason.SAFE
    desk.announce(3)
    assert desk.lease(asked(1, nonce=3)) is Reason.NONE


def test_weld_is_found_in_100_ms_and_takes_the_lock_supply_away(desk: Desk) -> None:
    desk.lease(asked(ms=500))
    desk.unit.weld(Relay.DOOR_A)
    lapses = desk.now + 0.5
    desk.now = lapses + 0.09
    assert desk.unit.unlocked(Door.ENTRY)
    desk.now = lapses + 0.101
    assert desk.unit.contact(Relay.DOOR_A)
    assert not desk.unit.unlocked(Door.ENTRY)
    desk.unit.repair()
    assert desk.unit.status().faults == Fault.CONTACT_A
    desk.announce(2)
    assert desk.lease(asked(1, nonce=2)) is Reason.SAFE
    desk.unit.reboot()
    desk.announce(1)
    assert desk.lease(asked()) is Reason.NONE


@pytest.mark.parametrize(
    ("spoil", "relay", "fault"),
    [
        ("broken", Relay.DOOR_A, Fault.CONTACT_A),
        ("broken", Relay.LOCK_SUPPLY, Fault.CONTACT_LOCK_SUPPLY),
        ("cut_mirrors", Relay.DOOR_B, Fault.CONTACT_B),
    ],
)
def test_broken_coils_and_cut_mirrors(desk: Desk, spoil: str, relay: Relay, fault: Fault) -> None:
    with desk.unit.rigged() as watch:
        getattr(watch, spoil).add(relay)
    desk.lease(asked(ms=1000))
    desk.pass_time(0.2)
    assert desk.unit.status().faults == fault
    assert not desk.unit.unlocked(Door.ENTRY)


@pytest.mark.parametrize(
    ("changes", "alarm", "fault"),
    [
        ({Input.EMERGENCY_REST: False, Input.EMERGENCY_ACTIVE: True}, True, Fault(0)),
        ({Input.FIRE_REST: False, Input.FIRE_ACTIVE: True}, True, Fault(0)),
        ({Input.EMERGENCY_REST: False}, True, Fault.PAIR_EMERGENCY),
        ({Input.FIRE_ACTIVE: True}, True, Fault.PAIR_FIRE),
        ({Input.PASSAGE: True}, False, Fault(0)),
    ],
)
def test_alarms_end_leases_and_unequal_pairs_are_faults(
    desk: Desk, changes: dict[Input, bool], alarm: bool, fault: Fault
) -> None:
    desk.lease(asked(1, ms=3000))
    for number, current in changes.items():
        desk.unit.set_input(number, current)
    desk.pass_time(0.15)
    assert desk.unit.status().faults == fault
    assert desk.unit.unlocked(Door.ENTRY) is not alarm
    assert desk.unit.status().safe == Safe(0)
    assert desk.lease(asked(2, number=2)) is (Reason.FAULT if alarm else Reason.NONE)


def test_inputs_count_after_20_ms_and_chatter_does_not(desk: Desk) -> None:
    for _ in range(10):
        desk.unit.set_input(Input.PASSAGE, True)
        desk.now += 0.015
        desk.unit.set_input(Input.PASSAGE, False)
        desk.now += 0.015
    assert desk.unit.status().passages == 0
    desk.unit.set_input(Input.PASSAGE, True)
    desk.now += 0.019
    status = desk.unit.status()
    assert (status.raw >> Input.PASSAGE & 1, status.active(Input.PASSAGE)) == (1, False)
    desk.now += 0.002
    assert desk.unit.status().passages == 1


def test_forced_held_and_both_open(desk: Desk) -> None:
    desk.unit.set_input(Input.DOOR_B_CLOSED, False)
    desk.pass_time(0.1)
    assert desk.unit.status().faults == Fault.FORCED_B
    assert desk.lease(asked(1)) is Reason.FAULT
    desk.unit.set_input(Input.DOOR_B_CLOSED, True)
    desk.pass_time(0.1)
    assert desk.lease(asked(2, ms=1000)) is Reason.NONE
    desk.unit.set_input(Input.DOOR_A_CLOSED, False)
    desk.pass_time(1 + USUAL.held_limit_ms / 1000 - 0.1)
    assert desk.unit.status().faults == Fault(0)
    desk.pass_time(0.2)
    assert desk.unit.status().faults == Fault.HELD_A
    desk.unit.set_input(Input.DOOR_B_CLOSED, False)
    desk.pass_time(0.1)
    assert desk.unit.status().faults == Fault.HELD_A | Fault.FORCED_B | Fault.BOTH_OPEN


def test_doors_opened_by_an_alarm_are_no_fault(desk: Desk) -> None:
    for number, current in ((Input.FIRE_REST, False), (Input.FIRE_ACTIVE, True), (Input.DOOR_B_CLOSED, False)):
        desk.unit.set_input(number, current)
    desk.pass_time(0.5)
    assert desk.unit.status().faults == Fault(0)


# --- the profile's own list ---------------------------------------------------------------------------------------


def test_every_rule_names_a_test_that_exists() -> None:
    text = PROFILE.read_text(encoding="utf-8")
    rules = set(re.findall(r"^\*\*GIO-(\d+)\*\*", text, re.MULTILINE))
    assert rules == {str(number) for number in range(1, 43)}
    listed = dict(re.findall(r"^\| GIO-(\d+) \| (.+) \|$", text, re.MULTILINE))
    assert set(listed) == rules
    sources = Path(__file__).parent.glob("test_gate_io*.py")
    known = set(re.findall(r"def (test_\w+)", "".join(path.read_text(encoding="utf-8") for path in sources)))
    for number, tests in listed.items():
        named = re.findall(r"`(test_\w+)`", tests)
        assert set(named) <= known, number
        assert named or "inspection" in tests, number


def test_rest_of_a_lane_is_what_the_profile_says() -> None:
    assert ALL_QUIET == 0b11_0101_0111
    assert seal(bytes.fromhex("01 04 00 10 00 10"))[-2:].hex() == encode_request(protocol.read_status(1))[-2:].hex()
