"""From the decision to the release's first byte on the wire: real loop, journal, gate driver and pseudo-terminal,
beside a process that runs the real matcher without pause."""

import asyncio
import contextlib
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from appliance.clock import SystemClock
from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core.explore import DOCUMENTS, TODAY, face_checks
from appliance.core.policy import Policy
from appliance.core.types import Device, Door, DoorPosition
from appliance.runtime.gate import GateOwner
from appliance.runtime.loop import LaneLoop
from appliance.runtime.timers import LoopTimers
from appliance.store.async_store import AsyncStore
from drivers.gate import open_waveshare_gate
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

_FLASH_EXIT = bytes([1, 5, 2, 1])
_READY_INPUTS = (0, 1, 6, 7)  # both doors closed, both mirror contacts closed
_BUSY = """
import sys, numpy, cv2
from pathlib import Path
from appliance.face.packs import best_available, load_pack
from insightface.data import get_image
cv2.setNumThreads(1)
pack = load_pack(best_available(Path(sys.argv[1])), Path(sys.argv[1]))
image = numpy.ascontiguousarray(get_image("t1")[:480, :640])
print("busy", flush=True)
while True:
    for face in pack.detect(image)[:1]:
        pack.embed(image, face)
"""


class _Tapped:
    """The relay board, noting when the first byte of an exit release arrives."""

    def __init__(self) -> None:
        self.board = WaveshareBoard()
        self.seen: list[float] = []

    def handle(self, data: bytes) -> bytes:
        if _FLASH_EXIT in data:
            self.seen.append(time.monotonic())
        return self.board.handle(data)


@contextlib.contextmanager
def busy_vision(models_dir: Path) -> Iterator[None]:
    """A process that keeps one core busy with the real matcher."""
    child = subprocess.Popen([sys.executable, "-c", _BUSY, str(models_dir)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        if not child.stdout.readline():
            raise RuntimeError("the matcher could not be loaded; run: appliance models list")
        yield
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


async def measure(rounds: int) -> list[float]:
    """Seconds from posting the verification's result to the first byte at the board, one per round."""
    with tempfile.TemporaryDirectory() as folder:
        tapped, port = _Tapped(), Path(folder) / "gate.tty"
        for number in _READY_INPUTS[:2]:
            tapped.board.set_input(number, True)
        clock, policy = SystemClock(), Policy()
        with PtyLine(tapped, port):
            async with await AsyncStore.open(Path(folder) / "state", clock, boot_id="bench") as store:
                return await _rounds(rounds, tapped, port, store=store, policy=policy, clock=clock)


async def _rounds(
    rounds: int, tapped: _Tapped, port: Path, *, store: AsyncStore, policy: Policy, clock: SystemClock
) -> list[float]:
    def dispatch(command: cmd.Command) -> None:
        if isinstance(command, cmd.ReleaseExit):
            gate.order_release(Door.EXIT)

    loop = LaneLoop(
        policy=policy,
        clock=clock,
        timers=LoopTimers(),
        store=store,
        pack_id=lambda: "bench",
        simulated=True,
        dispatch=dispatch,
        on_change=lambda *_: None,
    )
    gate = GateOwner(open_waveshare_gate("gate", str(port), baudrate=115200), loop, poll_s=0.05, release_s=0.1)
    found = []
    tasks = [asyncio.create_task(loop.run()), asyncio.create_task(gate.run())]
    try:
        for device in Device:
            loop.post(ev.DeviceReported(device), "bench")
        await asyncio.sleep(0.5)
        for number in range(rounds):
            found.append(await _one(loop, tapped, f"p{number}"))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return found


async def _one(loop: LaneLoop, tapped: _Tapped, passage: str) -> float:
    """One passage: everything up to the verification, the measured decision, and back to ready."""
    into: tuple[ev.Event, ...] = (
        ev.DocumentPresented(passage),
        ev.DocumentRead(passage, DOCUMENTS["in order"], TODAY),
        ev.DoorMoved(Door.ENTRY, DoorPosition.OPEN),
        ev.OccupancyChanged(True),
        ev.DoorMoved(Door.ENTRY, DoorPosition.CLOSED),
    )
    for event in into:
        await loop.ask(event, "bench")
    begun, before = time.monotonic(), len(tapped.seen)
    loop.post(ev.VerificationDone(passage, face_checks()), "bench")
    while len(tapped.seen) == before:
        if time.monotonic() - begun > 2.0:
            raise RuntimeError(f"no release came; the lane is in {type(loop.lane.phase).__name__}")
        await asyncio.sleep(0.001)
    took = tapped.seen[-1] - begun
    await asyncio.sleep(0.25)  # the pulse ends, its contact is seen off
    back: tuple[ev.Event, ...] = (
        ev.DoorMoved(Door.EXIT, DoorPosition.OPEN),
        ev.PassageCounted(),
        ev.OccupancyChanged(False),
        ev.DoorMoved(Door.EXIT, DoorPosition.CLOSED),
    )
    for event in back:
        await loop.ask(event, "bench")
    return took


def run(rounds: int, models_dir: Path) -> list[float]:
    """The whole measurement beside a busy matcher."""
    logging.disable(logging.WARNING)
    with busy_vision(models_dir):
        return asyncio.run(measure(rounds))
