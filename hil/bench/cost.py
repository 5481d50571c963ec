"""What a running lane costs: start, idle processor time, and the controller's share between capture and decision."""

import asyncio
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from appliance.clock import SystemClock
from hil.rig import Rig
from hil.rig.config import LaneSettings
from hil.scenarios.conductor import Conductor
from hil.scenarios.passages import chosen
from hil.scenarios.tour import appliance_of, console_of

IDLE_S = 20.0
_COST = re.compile(r"decision ([\d.]+) ms after capture: inference ([\d.]+) ms, liveness ([\d.]+) ms")


@dataclass(slots=True)
class Costs:
    """Figures of one run. `decisions` holds (capture to decision, inference, liveness) in ms."""

    pack: str = ""
    start_s: float = 0.0
    idle_percent: float = 0.0
    decisions: list[tuple[float, float, float]] = field(default_factory=list)


def run(pack: str, models_dir: Path, bands: tuple[str, ...], passages: int, tell: Callable[[str], None]) -> Costs:
    """Start a lane on a rig, let it idle, send genuine travellers through it."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        settings = LaneSettings(pack=pack, models_dir=models_dir, bands=bands)
        return asyncio.run(_run(Path(folder), settings, passages, tell))


async def _run(folder: Path, settings: LaneSettings, passages: int, tell: Callable[[str], None]) -> Costs:
    clock, costs = SystemClock(), Costs()
    with Rig(folder, settings) as rig:
        begun = time.monotonic()
        with appliance_of(rig) as appliance:
            async with console_of(rig.paths.control, clock, guard=True) as client:
                conductor = Conductor(rig=rig, client=client, appliance=appliance, clock=clock, tell=tell)
                tell("starting")
                snapshot = await conductor.ready()
                costs.start_s = time.monotonic() - begun
                costs.pack = snapshot.pack.pack_id if snapshot.pack else "none"
                tell(f"idle for {IDLE_S:.0f} s")
                costs.idle_percent = await _idle(appliance.pid)
                (genuine,) = chosen(("genuine",))
                for number in range(passages):
                    tell(f"genuine passage {number + 1} of {passages}")
                    await conductor.run(genuine)
                    await conductor.ready()
            assert appliance.log is not None
            said = appliance.log.read_text(encoding="utf-8")
    costs.decisions = [(float(a), float(b), float(c)) for a, b, c in _COST.findall(said)]
    return costs


async def _idle(pid: int) -> float:
    """Processor time of controller and vision process together, in percent of one core."""
    await asyncio.sleep(2.0)
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]

    def spent() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    before = spent()
    await asyncio.sleep(IDLE_S)
    return 100 * (spent() - before) / IDLE_S
