"""How well the detector of medical masks tells masked faces from bare ones, counted over two folders of photographs."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from appliance.evaluate.figures import bounds
from appliance.face.mask_detector import MaskDetector
from appliance.face.types import FacePack

SMALLEST_EYES_PX = 20.0
"""Faces with their eyes nearer together are left out: a gate's are several times as large."""
_LARGEST_PX = 40_000_000
_ENDINGS = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, slots=True)
class MaskCount:
    """What was said of the largest face of each photograph. `no_face`: none was found; `small`: too small to count."""

    masked: int
    bare: int
    no_opinion: int
    no_face: int
    small: int
    broken: int

    @property
    def judged(self) -> int:
        """Faces the network was asked about."""
        return self.masked + self.bare + self.no_opinion

    def share(self, of: int) -> str:
        """`of` in the judged ones, with its two-sided 95 % interval after Clopper and Pearson."""
        low, high = bounds(of, self.judged, 0.975)
        percent = 100 * of / self.judged if self.judged else float("nan")
        return f"{of} of {self.judged} ({percent:.2f} %, {100 * low:.2f} to {100 * high:.2f} %)"


def count(folder: Path, pack: FacePack, detector: MaskDetector, step: Callable[[int, int], None]) -> MaskCount:
    """Judge every photograph below a folder; `step` hears how many of how many are done."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS)
    seen: Counter[str] = Counter()
    for number, said in enumerate(_said(paths, pack, detector), 1):
        seen[said] += 1
        step(number, len(paths))
    return MaskCount(**{name: seen[name] for name in MaskCount.__slots__})


def _said(paths: list[Path], pack: FacePack, detector: MaskDetector) -> Iterator[str]:
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None or image.size > 3 * _LARGEST_PX:
            yield "broken"
            continue
        view = np.asarray(image, np.uint8)
        faces = pack.detect(view)
        if not faces:
            yield "no_face"
        elif faces[0].inter_eye_distance < SMALLEST_EYES_PX:
            yield "small"
        else:
            yield {True: "masked", False: "bare", None: "no_opinion"}[detector.look(view, faces[0]).covered]
