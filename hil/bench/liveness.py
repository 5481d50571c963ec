"""What the liveness check costs on one core, part by part, on bursts of the twin."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from appliance.evaluate.dataset import Dataset
from appliance.evaluate.extraction import restrict
from appliance.face.packs import AUTO, load_pack
from appliance.liveness.cues import measure
from appliance.liveness.decode import CaptureUnusable, decode
from appliance.liveness.detector import available, load
from hil.dataset.cases import Plan
from hil.dataset.run import write

_PEOPLE = 4


@dataclass(frozen=True, slots=True)
class Shares:
    """Medians in ms of one band set: alignment to a cube, figures of the cube, judgement of the figures."""

    band_set: str
    n: int
    alignment: float
    figures: float
    judgement: float


def run(models_dir: Path, rounds: int, tell: Callable[[str], None]) -> list[Shares]:
    """Shares of every band set that has a detector."""
    tell("rendering bursts for the liveness check")
    pack = load_pack(AUTO, models_dir)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), Plan("bench", _PEOPLE, 0, split="test"), swir=True)
        data = Dataset(Path(folder))
        captures = [data.load(record) for record in data.records]
    seen = [(capture, faces[0].landmarks) for capture in captures if (faces := pack.detect(capture.rgb))]
    found = []
    for name in available():
        tell(f"liveness check with {name}")
        detector, spent = load(name), []
        for capture, landmarks in seen * rounds:
            begun = time.process_time()
            try:
                cube = decode(restrict(capture, name), landmarks)
            except CaptureUnusable:
                continue
            aligned = time.process_time()
            features = measure(cube)
            measured = time.process_time()
            detector.judge(features)
            spent.append((aligned - begun, measured - aligned, time.process_time() - measured))
        if spent:
            alignment, figures, judgement = (float(ms) for ms in 1000 * np.median(spent, axis=0))
            found.append(Shares(name, len(spent), alignment, figures, judgement))
    return found
