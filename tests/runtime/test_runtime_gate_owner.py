"""The owner of the gate, over a gate that does what the test has written down."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from runtime_stage import Heard, until

from appliance.core import events as ev
from appliance.core.faults import Effect
from appliance.core.types import Device, Door, DoorPosition
from appliance.runtime import gate as module
from appliance.runtime.gate import BAD_READINGS, BAD_WITHIN_S, GateOwner
from drivers import ports
from drivers.errors import (
    ContactDisagrees,
    DeviceRefused,
    Disconnected,
    IdentityMismatch,
    NoResponse,
    PortBusy,
    RemoteProtocolError,
)

pytestmark = pytest.mark.anyio

REST = ports.GateInputs(
    entry=ports.DoorPosition.CLOSED,
    exit=ports.DoorPosition.CLOSED,
    occupied=False,
    passages=0,
    out_of_service=False,
    emergency=False,
    released=frozenset(),
    at=0.0,
)
NOISE = RemoteProtocolError("gate", "a checksum is wrong")
GONE = Disconnected("gate", "unplugged")


class ScriptedGate:
    """Readings, or errors to raise, one after another; then it is silent for good. Orders are logged."""

    def __init__(self, *readings: Any) -> None:
        self.readings, self.log = list(readings), list[Any]()
        self.opening: list[Exception] = []
        self.failing: list[Exception] = []
        self.going_on = asyncio.Event()
        self.going_on.set()

    async def open(self) -> ports.DeviceIdentity:
        self.log.append("open")
        if self.opening:
            raise self.opening.pop(0)
        return ports.DeviceIdentity("scripted", "1", None, False)

    async def read(self) -> ports.GateInputs:
        if not self.readings:
            await asyncio.Event().wait()
        reading = self.readings.pop(0)
        if isinstance(reading, Exception):
            raise reading
        return reading

    async def _order(self, what: Any) -> None:
        self.log.append(("begun", what))
        await self.going_on.wait()
        if self.failing:
            raise self.failing.pop(0)
        self.log.append(("done", what))

    async def release(self, door: ports.Door, duration_s: float) -> None:
        await self._order((door.value, duration_s))

    async def secure(self) -> None:
        await self._order("secure")

    async def close(self) -> None:
        self.log.append("close")


@asynccontextmanager
async def owned(
    gate: ScriptedGate, monkeypatch: pytest.MonkeyPatch, **given: Any
) -> AsyncIterator[tuple[GateOwner, Heard]]:
    """Run until every reading was taken."""
    monkeypatch.setattr(module, "RECONNECT_S", 0.0)
    heard = Heard()
    owner = GateOwner(gate, heard, poll_s=0.0, release_s=0.5, **given)  # type: ignore[arg-type]
    running = asyncio.create_task(owner.run())
    try:
        await until(lambda: not gate.readings, "the end of the script")
        for _ in range(5):
            await asyncio.sleep(0)
        yield owner, heard
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert gate.log[-1] == "close"


def moved(heard: Heard) -> list[tuple[Door, DoorPosition]]:
    return [(event.door, event.position) for event in heard.posted if isinstance(event, ev.DoorMoved)]


async def test_only_changes_are_told_and_the_gate_reports_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = replace(REST, entry=ports.DoorPosition.OPEN, occupied=True, released=frozenset({ports.Door.ENTRY}))
    async with owned(ScriptedGate(REST, REST, opened, opened), monkeypatch) as (owner, heard):
        assert heard.posted == [
            ev.DoorMoved(Door.ENTRY, DoorPosition.CLOSED),
            ev.DoorMoved(Door.EXIT, DoorPosition.CLOSED),
            ev.OccupancyChanged(False),
            ev.DeviceReported(Device.GATE),
            ev.DoorMoved(Door.ENTRY, DoorPosition.OPEN),
            ev.OccupancyChanged(True),
        ]
        assert owner.released == {Door.ENTRY}


async def test_passages_are_counted_by_their_rise_and_not_across_a_reconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    once, twice = replace(REST, passages=1), replace(REST, passages=2)
    async with owned(ScriptedGate(REST, once, once, twice, GONE, replace(REST, passages=7)), monkeypatch) as (_, heard):
        assert heard.posted.count(ev.PassageCounted()) == 2


@pytest.mark.parametrize("count", [BAD_READINGS - 1, BAD_READINGS])
async def test_noise_is_borne_until_it_is_too_much(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ScriptedGate(REST, *[NOISE] * count)
    async with owned(gate, monkeypatch) as (_, heard):
        lost = count == BAD_READINGS
        assert (heard.faults.codes == (1001,)) is lost
        assert ((Door.EXIT, DoorPosition.UNKNOWN) in moved(heard)) is lost
        assert ("close" in gate.log) is lost


@pytest.mark.parametrize(("apart_s", "lost"), [(BAD_WITHIN_S / 2, False), (BAD_WITHIN_S / 2 - 0.1, True)])
async def test_bad_readings_count_for_ten_seconds_whatever_comes_between(
    apart_s: float, lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = itertools.count()
    gate = ScriptedGate(REST, NOISE, REST, NOISE, REST, NOISE, REST)
    async with owned(gate, monkeypatch, monotonic=lambda: next(looks) * apart_s) as (_, heard):
        assert heard.seen_faults == ({(1001, "gate")} if lost else set())


async def test_another_device_is_told_as_such_and_forgotten_once_the_gate_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = ScriptedGate(REST)
    gate.opening = [Disconnected("gate", "gone"), IdentityMismatch("gate", "a modem answers")]
    async with owned(gate, monkeypatch) as (_, heard):
        assert heard.seen_faults == {(1001, "gate"), (1006, "gate")}
        assert heard.faults.codes == ()


async def test_unplugged_is_lost_at_once_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ScriptedGate(REST, GONE)
    gate.opening = []
    async with owned(gate, monkeypatch) as (_, heard):
        assert moved(heard)[-2:] == [(Door.ENTRY, DoorPosition.UNKNOWN), (Door.EXIT, DoorPosition.UNKNOWN)]
        assert heard.effects[-1] == {Effect.OUT_OF_SERVICE}
    again = ScriptedGate(REST, GONE, REST)
    again.opening = []
    async with owned(again, monkeypatch) as (_, heard):
        assert again.log[:3] == ["open", "close", "open"]
        assert moved(heard)[-2:] == [(Door.ENTRY, DoorPosition.CLOSED), (Door.EXIT, DoorPosition.CLOSED)]
        assert heard.faults.codes == ()
        assert heard.posted.count(ev.DeviceReported(Device.GATE)) == 1


async def test_a_gate_that_cannot_be_opened_is_tried_until_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ScriptedGate(REST)
    gate.opening = [PortBusy("gate", "busy"), NoResponse("gate", "silent")]
    async with owned(gate, monkeypatch) as (_, heard):
        assert gate.log == ["open", "close", "open", "close", "open"]
        assert heard.seen_faults == {(1001, "gate")}
        assert heard.faults.codes == ()
        assert moved(heard)[0] == (Door.ENTRY, DoorPosition.CLOSED), "nothing is told of doors never seen"


async def test_a_contact_that_disagrees_is_a_fault_until_an_officer_resets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    welded = replace(REST, disagrees=frozenset({ports.Door.EXIT}))
    gate = ScriptedGate(REST, welded, REST, REST)
    async with owned(gate, monkeypatch) as (owner, heard):
        assert heard.faults.codes == (2001,)
        gate.failing = [ContactDisagrees("gate", "relay 1 does not follow")]
        await owner.reset()
        assert heard.faults.codes == (2001,), "the reset proved nothing"
        await owner.reset()
        assert heard.faults.codes == ()


async def test_the_gate_s_own_contacts_are_faults_that_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(REST, out_of_service=True)
    async with owned(ScriptedGate(REST, broken), monkeypatch) as (_, heard):
        assert heard.faults.codes == (2002,)
    async with owned(ScriptedGate(REST, broken, REST), monkeypatch) as (_, heard):
        assert heard.seen_faults == {(2002, "gate")}
        assert heard.faults.codes == ()


async def test_an_emergency_is_told_before_the_doors_it_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    pulled = replace(REST, emergency=True, entry=ports.DoorPosition.OPEN, exit=ports.DoorPosition.OPEN)
    async with owned(ScriptedGate(REST, pulled), monkeypatch) as (_, heard):
        told = heard.posted.index(ev.EffectsChanged(frozenset({Effect.EMERGENCY_RELEASE})))
        assert told < heard.posted.index(ev.DoorMoved(Door.ENTRY, DoorPosition.OPEN))


async def test_orders_go_out_one_after_another_in_the_order_given(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ScriptedGate(REST)
    async with owned(gate, monkeypatch) as (owner, _):
        gate.going_on.clear()
        owner.order_release(Door.ENTRY)
        owner.order_secure()
        owner.order_release(Door.EXIT)
        await until(lambda: len(gate.log) > 1)
        assert gate.log == ["open", ("begun", ("entry", 0.5))]
        gate.going_on.set()
        await until(lambda: ("done", ("exit", 0.5)) in gate.log)
        assert [what for when, what in gate.log[1:] if when == "begun"] == [("entry", 0.5), "secure", ("exit", 0.5)]
        assert [when for when, _ in gate.log[1:]] == ["begun", "done"] * 3


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoResponse("gate", "silent"), 1001),
        (ContactDisagrees("gate", "open"), 2001),
        (DeviceRefused("gate", "2"), None),
    ],
)
async def test_a_release_that_fails_is_told_and_never_repeated(
    error: Exception, code: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = ScriptedGate(REST)
    async with owned(gate, monkeypatch) as (owner, heard):
        gate.failing = [error]
        owner.order_release(Door.EXIT)
        owner.order_secure()
        await until(lambda: ("done", "secure") in gate.log)
        assert heard.posted[-1] == ev.ReleaseFailed(Door.EXIT)
        assert heard.faults.codes == (() if code is None else (code,))
        assert gate.log.count(("begun", ("exit", 0.5))) == 1


async def test_a_securing_that_fails_is_a_fault_and_no_failed_release(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = ScriptedGate(REST)
    async with owned(gate, monkeypatch) as (owner, heard):
        gate.failing = [NoResponse("gate", "silent")]
        owner.order_secure()
        await until(lambda: heard.faults.codes == (1001,))
        assert not any(isinstance(event, ev.ReleaseFailed) for event in heard.posted)


async def test_a_bug_in_carrying_out_orders_ends_the_owner_instead_of_leaving_a_gate_that_obeys_nothing() -> None:
    gate = ScriptedGate()
    gate.failing = [ZeroDivisionError("a bug")]
    owner = GateOwner(gate, Heard(), poll_s=0.0, release_s=0.5)  # type: ignore[arg-type]
    owner.order_release(Door.EXIT)
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(5):
            await owner.run()
    assert caught.group_contains(ZeroDivisionError)
    assert gate.log[-1] == "close"


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"contradictions": ("exit_closed: neither contact is closed",)}, {2006}),
        ({"on_battery": True}, {6001}),
        ({"battery_low": True}, {6001, 6002}),
        ({"out_of_service": True}, {2002}),
    ],
)
async def test_what_an_input_says_is_a_fault_as_long_as_it_says_so(
    changes: dict[str, Any], codes: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with owned(ScriptedGate(REST, replace(REST, **changes), REST), monkeypatch) as (_, heard):
        assert {code for code, _ in heard.seen_faults} == codes
        assert heard.faults.codes == ()
