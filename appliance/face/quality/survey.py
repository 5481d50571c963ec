"""What the measures say of a folder of photographs: `python -m appliance.face.quality.survey FOLDER`.

Prints, for every measure, its distribution and the share of pictures each rule holds on its own, and the time per call
without detection. It keeps and shows no picture.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from appliance.face.mask_detector import MaskDetector, load_mask_detector
from appliance.face.packs import load_pack
from appliance.face.quality.assess import assess
from appliance.face.quality.mesh import FaceMesh, mesh_for
from appliance.face.quality.rules import RULES
from appliance.face.quality.types import Measure, QualityReport
from appliance.face.types import DetectedFace, Image

_KINDS = (".jpg", ".jpeg", ".png")


@dataclass
class Survey:
    """What was seen: reports, milliseconds per call, pictures without a face."""

    reports: list[QualityReport] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)
    without: int = 0


def pictures(folder: Path, most: int) -> list[Path]:
    """At most that many files of the folder and those below it, evenly spaced in the order of their names."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _KINDS)
    return [files[i * len(files) // most] for i in range(most)] if len(files) > most else files


def fitted(image: Image, view: tuple[int, int] | None) -> Image:
    """The picture in the middle of a black view of (width, height), as large as it fits; unchanged without a view."""
    if view is None:
        return image
    scale = min(view[0] / image.shape[1], view[1] / image.shape[0])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    canvas = np.zeros((view[1], view[0], 3), np.uint8)
    x, y = (view[0] - size[0]) // 2, (view[1] - size[1]) // 2
    canvas[y : y + size[1], x : x + size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    return canvas


def look(
    files: list[Path],
    detect: Callable[[Image], list[DetectedFace]],
    view: tuple[int, int] | None,
    masks: MaskDetector | None,
    mesh: FaceMesh | None = None,
) -> Survey:
    """Assess every file that is a picture with a face. The face nearest to the middle is the one that is meant."""
    seen = Survey()
    for path in files:
        read = cv2.imread(str(path))
        if read is None:
            continue
        image = fitted(np.asarray(read, np.uint8), view)
        faces = detect(image)
        if not faces:
            seen.without += 1
            continue
        height, width = image.shape[:2]
        meant = min(faces, key=lambda face: abs(sum(face.box[::2]) - width) + abs(sum(face.box[1::2]) - height))
        begun = time.perf_counter()
        seen.reports.append(assess(image, [meant], masks, mesh))
        seen.times_ms.append((time.perf_counter() - begun) * 1e3)
    return seen


def lines(seen: Survey) -> Iterator[str]:
    """The survey as Markdown."""
    total = len(seen.reports)
    yield f"{total} pictures with a face, {seen.without} without; {np.median(seen.times_ms):.1f} ms per call (median)"
    yield "\n| measure | id | n | native p1 / p50 / p99 | value p1 / p5 / p50 | held |\n|---|---|---|---|---|---|"
    for measure in Measure:
        found = [item for report in seen.reports if (item := report.measurements[measure]).value is not None]
        spec = seen.reports[0].measurements[measure].spec
        name = f"| {measure} | {'own' if spec.identifier is None else hex(spec.identifier)} | {len(found)} |"
        if not found:
            yield f"{name} not performed | | |"
            continue
        native = np.percentile([item.native or 0.0 for item in found], (1, 50, 99))
        value = np.percentile([item.value or 0.0 for item in found], (1, 5, 50))
        rules = [rule for rule in RULES if rule.measure is measure]
        held = sum(any(rule.fails(item) for rule in rules) for item in found)
        share = f"{100 * held / len(found):.1f} %" if rules else "-"
        yield (
            f"{name} {' / '.join(f'{n:.3g}' for n in native)} {spec.unit} | "
            f"{' / '.join(f'{v:.0f}' for v in value)} | {share} |"
        )
    said = Counter(str(report.advice) for report in seen.reports)
    yield "\nsaid first: " + ", ".join(f"{word} {100 * n / total:.1f} %" for word, n in said.most_common())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m appliance.face.quality.survey", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=Path, default=Path("var/models"), help="installed weights, for the detector")
    parser.add_argument("--pack", default="open-omz", help="whose detector finds the faces")
    parser.add_argument("--most", type=int, default=1000, help="pictures at most")
    parser.add_argument("--view", metavar="WxH", help="fit every picture into a view of this size, as 640x480")
    parser.add_argument("--masks", action="store_true", help="ask the detector of medical masks, too")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    view = tuple(int(n) for n in asked.view.split("x")) if asked.view else None
    if view is not None and (len(view) != 2 or min(view) < 16):
        parser.error("--view is width x height in pixels, as 640x480")
    files = pictures(asked.folder, asked.most)
    if not files:
        parser.error(f"there is no picture ({', '.join(_KINDS)}) below {asked.folder}")
    masks = load_mask_detector(asked.models) if asked.masks else None
    detect = load_pack(asked.pack, asked.models).detect
    seen = look(files, detect, None if view is None else (view[0], view[1]), masks, mesh_for(asked.models))
    if not seen.reports:
        parser.error(f"no face was found in {len(files)} pictures below {asked.folder}")
    print("\n".join(lines(seen)))


if __name__ == "__main__":
    main()
