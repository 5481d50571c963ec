"""`python -m hil.bench.cue`: how often the visible-light cue suspects live people, and what it costs.

One picture per person, so that the pictures are independent of each other. They are press photographs, resized
and recompressed, not faces before a lane's camera: the figure is a hint and no BPCER of a lane.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from appliance.evaluate.figures import Rate, between, percent
from appliance.face.packs import load_pack
from appliance.face.types import FacePack
from appliance.liveness.rgb_cue import RgbCue, Suspicion, load_cue
from appliance.models.catalogue import RGB_CUE
from appliance.models.manager import ModelError

THRESHOLDS = (0.5, RGB_CUE.threshold, 0.9)
PACK = "open-omz"


@dataclass(slots=True)
class Found:
    """What was seen: suspicions of the faces, unreadable or faceless pictures, ms by the clock and of the processor."""

    suspicions: list[Suspicion] = field(default_factory=list)
    faceless: int = 0
    took_ms: list[tuple[float, float]] = field(default_factory=list)

    def suspected(self, threshold: float) -> Rate:
        """The share of judged faces at or above a threshold."""
        scores = [one.score for one in self.suspicions if one.score is not None]
        return Rate(sum(score >= threshold for score in scores), len(scores))


def first_of_each(folder: Path, most: int) -> list[Path]:
    """The first picture of each person (a folder each), `most` people spread over the alphabet; all for 0."""
    people = [min(person.glob("*.jpg")) for person in sorted(folder.iterdir()) if any(person.glob("*.jpg"))]
    if not most or most >= len(people):
        return people
    return [people[place] for place in np.linspace(0, len(people) - 1, most).astype(int)]


def look(cue: RgbCue, pack: FacePack, pictures: Iterable[Path]) -> Found:
    """Judge the largest face of each picture."""
    found = Found()
    for path in pictures:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        faces = [] if image is None else pack.detect(np.asarray(image, dtype=np.uint8))
        if image is None or not faces:
            found.faceless += 1
            continue
        begun, busy = time.perf_counter(), time.thread_time()
        suspicion = cue.judge(np.asarray(image, dtype=np.uint8), faces[0].box)
        if suspicion.judged:
            found.took_ms.append((1000.0 * (time.perf_counter() - begun), 1000.0 * (time.thread_time() - busy)))
        found.suspicions.append(suspicion)
    return found


def _report(console: Console, found: Found) -> None:
    table = Table("suspects from", "live people suspected", "n", "95 % bounds, each", title="press photographs")
    for threshold in THRESHOLDS:
        rate = found.suspected(threshold)
        table.add_row(f"{threshold:g}", f"{rate.errors} = {percent(rate.value)}", str(rate.n), between(rate))
    console.print(table)
    silent = [one.reason for one in found.suspicions if not one.judged]
    reasons = "".join(f"; {silent.count(reason)}: {reason}" for reason in sorted(set(silent)))
    console.print(f"no face found or not readable: {found.faceless}; not judged: {len(silent)}{reasons}")
    if found.took_ms:
        (clock, busy), (late, _) = np.percentile(found.took_ms, (50, 95), axis=0)
        console.print(
            f"per face, cropping included, one thread: median {clock:.1f} ms, 95th percentile {late:.1f} ms, "
            f"median of processor time {busy:.1f} ms; load {os.getloadavg()[0]:.1f} at the end"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures. Returns 2 when weights or pictures are missing."""
    parser = argparse.ArgumentParser(prog="python -m hil.bench.cue", description=__doc__)
    parser.add_argument("people", type=Path, help="folder with a folder of pictures for each live person, e.g. LFW")
    parser.add_argument("--sample", type=Path, action="append", default=[], help="a picture to judge by itself")
    parser.add_argument("--most", type=int, default=0, help="so many people instead of all")
    parser.add_argument("--dir", type=Path, default=Path("var/models"), help="folder the weights lie in")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    try:
        cue, pack = load_cue(chosen.dir), load_pack(PACK, chosen.dir)
        pictures = first_of_each(chosen.people, chosen.most)
    except (ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    console = Console()
    _report(console, look(cue, pack, track(pictures, "judging", console=Console(stderr=True), transient=True)))
    for path in chosen.sample:
        for one in look(cue, pack, (path,)).suspicions:
            said = "suspects" if one.suspects else "says nothing"
            console.print(f"{path.name}: {said} ({one.reason or f'{one.score:.3f}'})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
