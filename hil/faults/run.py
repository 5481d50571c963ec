"""Runs the fault menu, or part of it, on a bench: gate faults many times, whole-lane faults once each."""

import asyncio
import contextlib
import logging
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hil.controller import Controller, Late
from hil.faults import board, gate, lane, own
from hil.faults.clock import LeapingClock
from hil.faults.menu import Fault
from hil.faults.observed import Observed
from hil.passport.folder import make_document
from hil.rig import ChildFailed, Rig
from hil.rig.config import LaneSettings
from hil.rig.rig import RigError
from hil.scenarios.conductor import TourError
from hil.scenarios.passages import TIMEOUTS
from hil.scenarios.tour import appliance_of
from hil.scenarios.watched import guarded
from hil.scene import CAST
from hil.stand import Bench

Tell = Callable[[str], None]

_SPEED = 4.0
_LONGEST_S = 180.0
_FAILURES = (Late, TourError, RigError, ChildFailed, TimeoutError, OSError, LookupError, AssertionError)


@dataclass(slots=True)
class Result:
    """A row of the menu and what was seen of it. `skipped` says why nothing was run."""

    fault: Fault
    seen: list[Observed] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    skipped: str | None = None
    seconds: float = 0.0

    def take(self, observed: Observed) -> None:
        """Judge one run."""
        self.seen.append(observed)
        self.wrong += observed.judge(self.fault)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `repeats` is how often each gate fault is injected, each time at another moment of the pulse;
    `decisions` how many are timed down to the door at each baud rate.
    """

    bench: Bench
    only: tuple[int, ...] = ()
    repeats: int = 10
    seed: int = 1
    pack: str = "auto"
    models_dir: Path = Path("var/models")
    decisions: int = 0


def skipped(fault: Fault, bench: Bench) -> str | None:
    """Why a row cannot be run here; None when it can."""
    if fault.without is not None:
        return f"{fault.tier.name}: {fault.without}"
    if fault.tier > bench.tier:
        return f"{fault.tier.name}: the bench {bench.name} is {bench.tier.name}"
    return None


async def run(rows: Sequence[Fault], plan: Plan, tell: Tell) -> list[Result]:
    """Every row in order of its kind; results in the order of the menu."""
    chosen = [row for row in rows if not plan.only or row.number in plan.only]
    results = {row.number: Result(row, skipped=skipped(row, plan.bench)) for row in chosen}
    to_run = [result for result in results.values() if result.skipped is None]
    logging.disable(logging.WARNING)
    try:
        for result in to_run:
            kind, name = _case(result.fault)
            if kind == "gate":
                await _timed(result, _gate(result, name, plan, tell))
            elif kind == "board":
                tell(_title(result.fault))
                await _timed(result, _taken(result, board.CASES[name]()))
        with tempfile.TemporaryDirectory(prefix="sallyport-faults-") as folder:
            await _lanes(to_run, plan, Path(folder), tell)
    finally:
        logging.disable(logging.NOTSET)
    return list(results.values())


def _case(fault: Fault) -> tuple[str, str]:
    kind, _, name = (fault.case or "").partition(".")
    return kind, name


def _title(fault: Fault) -> str:
    return f"fault {fault.number}: {fault.title}"


async def _timed(result: Result, work: Awaitable[None]) -> None:
    begun = time.monotonic()
    try:
        await work
    except _FAILURES as error:
        result.wrong.append(f"{type(error).__name__}: {str(error)[:400]}")
    result.seconds += time.monotonic() - begun


async def _taken(result: Result, work: Awaitable[Observed]) -> None:
    async with asyncio.timeout(_LONGEST_S):
        result.take(await work)


async def _gate(result: Result, name: str, plan: Plan, tell: Tell) -> None:
    for repeat in range(plan.repeats):
        tell(f"{_title(result.fault)} ({repeat + 1} of {plan.repeats})")
        rng = random.Random(f"{plan.seed}/{result.fault.number}/{repeat}")
        async with Controller.started(clock=LeapingClock()) as controller:
            await _taken(result, gate.CASES[name](controller, rng))


async def _lanes(to_run: Sequence[Result], plan: Plan, folder: Path, tell: Tell) -> None:
    shared = [result for result in to_run if _case(result.fault)[0] == "lane"]
    alone = [result for result in to_run if _case(result.fault)[0] == "own"]
    if not shared and not alone:
        return
    settings = LaneSettings(pack=plan.pack, models_dir=plan.models_dir, timeouts={**TIMEOUTS, "Entering": 10.0})
    document = make_document(CAST[0], folder / "document")
    if shared:
        tell("starting a lane")
        await _on_one_lane(shared, settings, folder, document, tell)
    for result in alone:
        tell(_title(result.fault))
        with Rig(folder / str(result.fault.number), settings, seed=plan.seed, speed=_SPEED) as rig:
            await _timed(result, _taken(result, own.CASES[_case(result.fault)[1]](rig, document)))


async def _on_one_lane(
    shared: Sequence[Result], settings: LaneSettings, folder: Path, document: Path, tell: Tell
) -> None:
    """One lane for all of them; after a case that left it broken, a fresh one."""
    left = list(shared)
    while left:
        with Rig(folder / f"lane-{len(left)}", settings, speed=_SPEED) as rig, appliance_of(rig) as appliance:
            async with guarded(rig, appliance) as watched:
                while left:
                    result = left.pop(0)
                    tell(_title(result.fault))
                    await _timed(result, _taken(result, lane.CASES[_case(result.fault)[1]](watched, document)))
                    if result.wrong:
                        break
                    with contextlib.suppress(TourError):
                        await watched.conductor.ready()
