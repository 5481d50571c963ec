"""From the decision to the release's first byte on the wire: real loop, journal, gate driver and pseudo-terminal,
beside a process that runs the real matcher without pause."""

import asyncio
import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from hil.controller import Controller
from hil.sim.observer import Observer

_FLASH_EXIT = bytes([1, 5, 2, 1])
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

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.seen: list[float] = []

    def handle(self, data: bytes) -> bytes:
        if _FLASH_EXIT in data:
            self.seen.append(time.monotonic())
        return self._observer.handle(data)


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
    taps: list[_Tapped] = []

    def tap(observer: Observer) -> _Tapped:
        taps.append(_Tapped(observer))
        return taps[0]

    found = []
    async with Controller.started(tap=tap, release_s=0.1) as controller:
        for number in range(rounds):
            passage = f"p{number}"
            await controller.comes_in(passage)
            begun, before = time.monotonic(), len(taps[0].seen)
            await controller.is_accepted(passage)
            found.append(taps[0].seen[before] - begun)
            await controller.goes_out()
    return found


def run(rounds: int, models_dir: Path) -> list[float]:
    """The whole measurement beside a busy matcher."""
    logging.disable(logging.WARNING)
    with busy_vision(models_dir):
        return asyncio.run(measure(rounds))
