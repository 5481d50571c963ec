"""Faults of the gate, its board and its line, done to a controller in mid-release: the worst moment there is.

Each case gets a fresh ready lane and a seeded generator, brings a traveller to the release of the exit, breaks
something at a random moment of the pulse, and watches contacts and doors by the second observer.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from appliance.core import events as ev
from appliance.core.explore import face_checks
from appliance.core.types import Door as CoreDoor
from drivers.ports import Door
from hil.controller import Controller, Late
from hil.emulator.waveshare import WaveshareBoard
from hil.faults.clock import LeapingClock
from hil.faults.observed import Observed

Case = Callable[[Controller, random.Random], Awaitable[Observed]]
Act = Callable[[], None]

LEASE_S, SLACK_S = 0.5, 0.05
_EXIT = 1
_WATCH_S = 0.7
_PATIENCE_S = 6.0


def _contacts(controller: Controller) -> list[bool]:
    return [controller.observer.contact(relay) for relay in (0, _EXIT)]


async def _to_the_release(controller: Controller) -> None:
    await controller.comes_in("p")
    await controller.is_accepted("p")


async def _seen(controller: Controller, begun: float, *, told: bool = True) -> Observed:
    """Watch from the injection on: contacts open, fault told, nothing released again."""
    observed, closings = Observed(), controller.observer.closings(_EXIT)
    codes: set[int] = set()

    def settled() -> bool:
        codes.update(controller.loop.faults.codes)
        if codes and observed.told_s is None:
            observed.told_s = time.monotonic() - begun
        return not any(_contacts(controller)) and (bool(codes) or not told)

    try:
        await controller.until(settled, "contacts open and the fault told", _PATIENCE_S)
    except Late as error:
        observed.wrong.append(str(error))
    opened = [moved.at for moved in controller.observer.log() if not moved.closed]
    observed.secure_s = None if any(_contacts(controller)) else max(0.0, max(opened, default=begun) - begun)
    await asyncio.sleep(_WATCH_S)
    observed.codes = tuple(sorted(codes | set(controller.loop.faults.codes)))
    again = controller.observer.closings(_EXIT) - closings
    observed.demand(again == 0, f"the exit was released {again} times more")
    observed.demand(controller.observer.both_unlocked == 0, "both doors were unlocked at once")
    return observed


def _pulse_lengths(controller: Controller) -> list[float]:
    """How long each closing of the exit's contact lasted."""
    lengths, since = [], 0.0
    for moved in controller.observer.log():
        if moved.relay == _EXIT:
            if moved.closed:
                since = moved.at
            else:
                lengths.append(moved.at - since)
    return lengths


def _bounded(controller: Controller, observed: Observed) -> None:
    longest = max(_pulse_lengths(controller), default=0.0)
    observed.demand(longest <= LEASE_S + SLACK_S, f"a pulse lasted {longest:.3f} s, its lease was {LEASE_S} s")


async def _recovered(controller: Controller, observed: Observed) -> None:
    """The cause is gone: the fault clears by itself and whoever is inside waits for an officer."""
    begun = time.monotonic()
    try:
        await controller.until(lambda: not controller.loop.faults.codes, "the fault to clear", _PATIENCE_S)
    except Late as error:
        observed.wrong.append(str(error))
        return
    observed.recovered_s = time.monotonic() - begun
    observed.demand(controller.phase == "Referred", f"the occupant is not with an officer: {controller.phase}")


async def _line_fault(
    controller: Controller, rng: random.Random, inject: Act, heal: Act, *, at: float = 0.4
) -> Observed:
    await _to_the_release(controller)
    await asyncio.sleep(rng.uniform(0.0, at))
    begun = time.monotonic()
    await asyncio.to_thread(inject)
    observed = await _seen(controller, begun)
    await asyncio.to_thread(heal)
    await _recovered(controller, observed)
    _bounded(controller, observed)
    return observed


async def bit_flips(controller: Controller, rng: random.Random) -> Observed:
    """One bit in a hundred is wrong, both ways."""

    def noisy(data: bytes) -> bytes:
        return bytes(byte ^ sum(1 << bit for bit in range(8) if rng.random() < 0.01) for byte in data)

    return await _garbled(controller, rng, noisy)


async def lost_bytes(controller: Controller, rng: random.Random) -> Observed:
    """One character in ten is lost or doubled, both ways."""

    def lossy(data: bytes) -> bytes:
        return b"".join(bytes((byte,)) * rng.choice((0, 2, *(1,) * 18)) for byte in data)

    return await _garbled(controller, rng, lossy)


async def _garbled(controller: Controller, rng: random.Random, change: Callable[[bytes], bytes]) -> Observed:
    line = controller.line

    def put(changed: Callable[[bytes], bytes] | None) -> None:
        line.garble = line.garble_in = changed

    return await _line_fault(controller, rng, lambda: put(change), lambda: put(None))


async def late_replies(controller: Controller, rng: random.Random) -> Observed:
    """Every reply comes 0.9 to 3 times the time-out late."""
    line = controller.line
    return await _line_fault(
        controller,
        rng,
        lambda: setattr(line, "delay_s", 0.15 * rng.uniform(1.05, 3.0)),
        lambda: setattr(line, "delay_s", 0.0),
    )


async def stall(controller: Controller, rng: random.Random) -> Observed:
    """The board takes requests and says nothing."""
    line = controller.line
    return await _line_fault(
        controller, rng, lambda: setattr(line, "silent", True), lambda: setattr(line, "silent", False)
    )


async def unplug(controller: Controller, rng: random.Random) -> Observed:
    """The serial port disappears and comes back."""
    return await _line_fault(controller, rng, controller.line.unplug, controller.line.replug)


async def wrong_board(controller: Controller, _rng: random.Random) -> Observed:
    """The port comes back with another board on it: nothing is commanded there."""
    line, ours = controller.line, controller.line.emulator
    stranger = WaveshareBoard(baudrate=115200, version=0)
    stranger._switch(3, True)

    def swap() -> None:
        line.unplug()
        line.emulator = stranger
        line.replug()

    def back() -> None:
        line.unplug()
        line.emulator = ours
        line.replug()

    await _to_the_release(controller)
    begun = time.monotonic()
    await asyncio.to_thread(swap)
    observed = await _seen(controller, begun)
    await asyncio.sleep(1.0)
    observed.demand(stranger.coil(3), "the other board was commanded")
    observed.codes = controller.loop.faults.codes
    observed.demand(1006 in observed.codes, "the guard is not told that it is another board")
    await asyncio.to_thread(back)
    await _recovered(controller, observed)
    return observed


async def reboot(controller: Controller, rng: random.Random) -> Observed:
    """The board restarts in mid-pulse: its relays fall. It has no boot counter, so nothing is told."""
    await _to_the_release(controller)
    await asyncio.sleep(rng.uniform(0.0, 0.3))
    begun = time.monotonic()
    controller.board.reboot()
    observed = await _seen(controller, begun, told=False)
    observed.note = "this board counts no boots: the release only ends early (see gate_io, icpdas)"
    return observed


async def weld(controller: Controller, rng: random.Random) -> Observed:
    """The exit's contact welds while closed: told, kept, and only an officer's reset clears it."""
    await _to_the_release(controller)
    await asyncio.sleep(rng.uniform(0.0, 0.4))
    begun = time.monotonic()
    controller.board.weld(_EXIT)
    await controller.until(lambda: time.monotonic() > begun + LEASE_S, "the pulse to end")
    ended = time.monotonic()
    observed = Observed(codes=(2001,))
    await controller.until(lambda: 2001 in controller.loop.faults.codes, "the weld to be told", _PATIENCE_S)
    observed.told_s = time.monotonic() - ended
    controller.board.repair()
    await asyncio.sleep(_WATCH_S)
    observed.demand(2001 in controller.loop.faults.codes, "the weld was forgotten without an officer")
    await controller.gate.reset()
    observed.demand(2001 not in controller.loop.faults.codes, "an officer's reset does not clear a mended relay")
    observed.note = "seconds after the pulse should have ended; a second relay that cuts the lock's supply is wiring"
    return observed


async def relay_open(controller: Controller, _rng: random.Random) -> Observed:
    """The exit's relay no longer closes: the release fails, the traveller is an officer's."""
    await controller.comes_in("p")
    controller.board.break_coil(_EXIT)
    begun = time.monotonic()
    controller.loop.post(ev.VerificationDone("p", face_checks()), "hil")
    observed = Observed()
    await controller.until(lambda: 2001 in controller.loop.faults.codes, "the broken relay to be told", _PATIENCE_S)
    observed.told_s, observed.codes = time.monotonic() - begun, (2001,)
    await controller.until(lambda: controller.phase == "Referred", "the officer to be called")
    observed.secure_s = None if any(_contacts(controller)) else 0.0
    return observed


async def sensor_cut(controller: Controller, _rng: random.Random) -> Observed:
    """The wire of the entry's door contact is cut while a face is verified: it reads open, nothing is released."""
    await controller.comes_in("p")
    before = controller.observer.closings(_EXIT)
    begun = time.monotonic()
    # The contact alone cannot be cut in this model; a leaf ajar says the same on the wire.
    leaf = controller.mechanism.leaf(Door.ENTRY)
    leaf.opening, leaf.pushed = 0.2, True
    await controller.until(lambda: bool(controller.loop.faults.codes), "the opened contact to be told", _PATIENCE_S)
    observed = Observed(told_s=time.monotonic() - begun, codes=controller.loop.faults.codes)
    controller.loop.post(ev.VerificationDone("p", face_checks()), "hil")
    await asyncio.sleep(0.3)
    observed.demand(controller.observer.closings(_EXIT) == before, "the exit was released with the entry not closed")
    observed.demand(controller.phase == "Referred", f"no officer: {controller.phase}")
    observed.secure_s = None if any(_contacts(controller)) else 0.0
    return observed


async def forced(controller: Controller, _rng: random.Random) -> Observed:
    """The exit is forced open at rest: told, the entry stays locked."""
    leaf = controller.mechanism.leaf(Door.EXIT)
    leaf.locked, leaf.opening = True, 1.0
    leaf.pushed = True
    begun = time.monotonic()
    await controller.until(lambda: 2004 in controller.loop.faults.codes, "the forced door to be told", _PATIENCE_S)
    observed = Observed(told_s=time.monotonic() - begun, codes=controller.loop.faults.codes)
    controller.loop.post(ev.DocumentPresented("q"), "hil")
    await asyncio.sleep(0.3)
    observed.demand(sum(controller.observer.closings(relay) for relay in (0, 1)) == 0, "a door was released")
    observed.secure_s = 0.0
    leaf.pushed = False
    try:
        await controller.until(lambda: controller.phase == "Ready", "the lane to recover", _PATIENCE_S)
    except Late as error:
        observed.wrong.append(str(error))
    return observed


async def both_doors(controller: Controller, rng: random.Random) -> Observed:
    """Orders for both doors race each other past the core, straight into the gate's owner."""
    before = [controller.observer.closings(relay) for relay in (0, 1)]
    orders = [CoreDoor.ENTRY, CoreDoor.EXIT] * 5
    rng.shuffle(orders)
    for door in orders:
        controller.gate.order_release(door)
    observed = Observed()
    await asyncio.sleep(2 * LEASE_S)
    await controller.until(lambda: not any(_contacts(controller)), "the contacts to open")
    observed.demand(controller.observer.both_unlocked == 0, "both doors were unlocked at once")
    closed = [controller.observer.closings(relay) - then for relay, then in zip((0, 1), before, strict=True)]
    observed.demand(sum(closed) >= 1, "not even one door was released: the race was not run")
    observed.note = f"10 orders: entry {closed[0]}, exit {closed[1]} releases, never together"
    return observed


async def emergency(controller: Controller, _rng: random.Random) -> Observed:
    """The emergency contact while a face is verified: doors fall by wire, software observes and locks nothing again."""
    await controller.comes_in("p")
    begun = time.monotonic()
    controller.mechanism.emergency = True
    await controller.until(lambda: controller.phase == "Emergency", "the emergency to be seen", _PATIENCE_S)
    observed = Observed(told_s=time.monotonic() - begun, codes=controller.loop.faults.codes)
    observed.demand(all(controller.mechanism.unlocked(door) for door in Door), "a door is locked in an emergency")
    closings = [controller.observer.closings(relay) for relay in (0, 1)]
    controller.mechanism.emergency = False
    await asyncio.sleep(0.5)
    observed.demand(controller.phase == "Emergency", "the lane locked itself again without an officer")
    observed.demand(closings == [controller.observer.closings(r) for r in (0, 1)], "a relay moved")
    await controller.loop.ask(ev.ServiceRequested(True, "ofc", "cleared"), "hil")
    observed.demand(controller.phase != "Emergency", "an officer's reset does not end it")
    return observed


async def clock_jumps(controller: Controller, _rng: random.Random) -> Observed:
    """The wall clock leaps by up to ten years either way during a passage: pulses and time-outs do not care."""
    clock = controller.loop._clock
    assert isinstance(clock, LeapingClock)
    observed = Observed()
    for leap_s in (1.0, -1.0, 86_400.0, -3.2e8, 3.2e8):
        clock.leap(leap_s)
        await controller.comes_in(f"p{leap_s}")
        clock.leap(-leap_s)
        await controller.is_accepted(f"p{leap_s}")
        clock.leap(leap_s)
        await controller.goes_out()
    _bounded(controller, observed)
    observed.demand(len(_pulse_lengths(controller)) == 5, "not every traveller was released")
    observed.note = f"{len(_pulse_lengths(controller))} passages under leaps of 1 s to 10 years"
    return observed


CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        bit_flips,
        lost_bytes,
        late_replies,
        stall,
        unplug,
        wrong_board,
        reboot,
        weld,
        relay_open,
        sensor_cut,
        forced,
        both_doors,
        emergency,
        clock_jumps,
    )
}
