"""From the decision to the release at the board (see `chain`), beside a process that runs the real matcher without
pause."""

import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from hil.bench.chain import measure

_BUSY = """
import sys, numpy, cv2
from pathlib import Path
from appliance.face.packs import AUTO, load_pack
from insightface.data import get_image
cv2.setNumThreads(1)
pack = load_pack(AUTO, Path(sys.argv[1]))
image = numpy.ascontiguousarray(get_image("t1")[:480, :640])
print("busy", flush=True)
while True:
    for face in pack.detect(image)[:1]:
        pack.embed(image, face)
"""


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


def run(rounds: int, models_dir: Path) -> list[float]:
    """The whole measurement beside a busy matcher."""
    logging.disable(logging.WARNING)
    with busy_vision(models_dir):
        return [stage.wire / 1000 for stage in asyncio.run(measure(rounds, 115200, lambda _: None))]
