"""Faults that need no lane: a bouncing contact, pictures from above, an OSDP peripheral that is not to be trusted."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from drivers.errors import DriverError
from drivers.inputs.debounce import PulseCounter
from drivers.osdp.board import osdp_board
from drivers.osdp.protocol import Command
from drivers.transport import Transport
from drivers.transport.null_modem import null_modem
from hil.emulator.osdp_pd import KEY, OsdpDevice
from hil.faults.observed import Observed
from hil.report.measurements import bound
from hil.sim.depth_sets import SETS, count, rooms

_PASSAGES, _POLL_S = 2000, 0.02
_CELLS, _SEED = 60, 1_000_000
_NEVER_ONE = ("two, 0.60 m apart", "child on the arm")
_LEFT = ("left bag",)


async def bounce() -> Observed:
    """Contacts that bounce for 1 to 20 ms at both ends of a passage, polled at 50 Hz with jitter."""
    rng, counter, at = random.Random(10), PulseCounter(), 0.0
    edges: list[tuple[float, bool]] = []
    for _ in range(_PASSAGES):
        for closed in (True, False):
            at += rng.uniform(0.2, 0.5)
            settle = at + rng.uniform(0.001, 0.020)
            edges += [(rng.uniform(at, settle), rng.random() < 0.5) for _ in range(rng.randrange(1, 12))]
            edges.append((settle, closed))
    edges.sort()
    level, place, now = False, 0, 0.0
    while now < edges[-1][0] + 1.0:
        now += _POLL_S * rng.uniform(0.8, 1.2)
        while place < len(edges) and edges[place][0] <= now:
            level, place = edges[place][1], place + 1
        counter.sample(level, now)
    observed = Observed(note=f"{counter.count} of {_PASSAGES} passages counted, each bouncing at both ends")
    observed.demand(counter.count == _PASSAGES, f"{counter.count} passages were counted, {_PASSAGES} were made")
    return observed


async def two_persons() -> Observed:
    """Two persons, a child on an arm, a bag left behind: how often taken for one person alone, or not seen."""
    observed, notes, places = Observed(), [], rooms(_SEED)
    for kind in SETS:
        if kind.name not in (*_NEVER_ONE, *_LEFT):
            continue
        told = await asyncio.to_thread(count, kind, _CELLS, places, _SEED)
        wrong = told["1"] if kind.name in _NEVER_ONE else _CELLS - told["left True"]
        observed.demand(wrong == 0, f"{kind.name}: {wrong} of {_CELLS} wrong")
        notes.append(f"{kind.name}: 0 of {_CELLS} (bound {bound(_CELLS)})")
    observed.note = "; ".join(notes) + "; simulated; the lane does not ask the sensor yet"
    return observed


async def osdp() -> Observed:
    """A peripheral with another key, with none, with the default key, one that offers no secure channel."""
    observed, notes = Observed(), []
    for words, device in (
        ("another key", OsdpDevice(key=bytes.fromhex("0F1571C947D9E8590CB7ADD6AF7F6798"))),
        ("no key", OsdpDevice(key=None)),
        ("the default key", OsdpDevice(key=None, offers_default=True)),
        ("plain text only", OsdpDevice(has_channel=False)),
    ):
        begun = time.monotonic()
        told = await _refused(device)
        seconds = time.monotonic() - begun
        observed.demand(bool(told), f"{words}: the device was taken")
        observed.demand(not device.done and Command.OUT not in device.asked, f"{words}: it was commanded")
        observed.told_s = max(observed.told_s or 0.0, seconds)
        notes.append(f"{words}: {told[:60]} ({seconds:.1f} s)")
    observed.note = "; ".join(notes)
    return observed


async def _refused(device: OsdpDevice) -> str:
    def connect() -> Transport:
        near, far = null_modem("reader")
        far.answer_with(device.handle)
        return near

    board = osdp_board("reader", connect, key=KEY)()
    try:
        await board.identify()
    except DriverError as error:
        return error.message
    finally:
        board.close()
    return ""


CASES: dict[str, Callable[[], Awaitable[Observed]]] = {case.__name__: case for case in (bounce, two_persons, osdp)}
