"""A contact sheet of a data set: one row a presentation, so that one can see what the species look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.dataset import Dataset, DatasetError, Record
from appliance.evaluate.species import BONA_FIDE, SPECIES
from appliance.liveness.burst import Capture

U8 = NDArray[np.uint8]
_WIDTH = 132
_WEARS = (("glasses", "none"), ("medical_mask", "no"), ("headscarf", "no"), ("make_up", "none"), ("beard", "none"))


def contact_sheet(folder: Path, out: Path, rows: int = 2) -> int:
    """Write the sheet; how many presentations are on it. Raises DatasetError."""
    dataset = Dataset(folder)
    chosen = _chosen(dataset.records, rows)
    if not chosen:
        raise DatasetError(f"{folder} is empty")
    lines = [_row(record, dataset.load(record)) for record in chosen]
    widest = max(line.shape[1] for line in lines)
    padded = [cv2.copyMakeBorder(line, 0, 0, 0, widest - line.shape[1], cv2.BORDER_CONSTANT) for line in lines]
    if not cv2.imwrite(str(out), np.vstack(padded)):
        raise DatasetError(f"{out} cannot be written")
    return len(lines)


def _chosen(records: Sequence[Record], rows: int) -> list[Record]:
    """The first of each species, then of everything that is worn."""
    chosen = []
    for name in (BONA_FIDE, *SPECIES):
        chosen += [record for record in records if record.species == name][:rows]
    for group, nothing in _WEARS:
        own = [r for r in records if r.species == BONA_FIDE and r.groups.get(group, nothing) != nothing]
        chosen += [record for record in own if record not in chosen][:rows]
    return chosen


def _row(record: Record, capture: Capture) -> U8:
    wears = [f"{name} {record.groups[name]}" for name, nothing in _WEARS if record.groups.get(name, nothing) != nothing]
    pictures = [("rgb", np.asarray(capture.rgb, np.uint8))]
    for led in sorted({e.led for e in capture.exposures if e.led is not None}, key=lambda led: (len(led), led)):
        pictures.append((led, _lit_minus_dark(capture, led)))
    for name, low, high in (("thermal", 20.0, 37.0), ("depth", 0.4, 1.0)):
        if name in capture.planes:
            level = np.clip((capture.planes[name] - low) / (high - low) * 255, 0, 255).astype(np.uint8)
            pictures.append((name, np.asarray(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), np.uint8)))
    cells = [_cell(image, title) for title, image in pictures]
    title = f"{record.species}  {record.groups.get('fitzpatrick', '')}  {' '.join(wears)}  {record.id}"
    line = np.hstack(cells)
    head = np.full((16, line.shape[1], 3), 40, np.uint8)
    cv2.putText(head, title, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.40, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([head, line]).astype(np.uint8)


def _lit_minus_dark(capture: Capture, led: str) -> U8:
    """Linear lit minus dark against twice the grey reference, encoded for the eye."""
    exposure = next(e for e in capture.exposures if e.led == led)
    dark = [e.image.astype(np.float32) / e.gain for e in capture.exposures if e.camera == exposure.camera and not e.led]
    signal = exposure.image.astype(np.float32) / exposure.gain - np.mean(dark, axis=0)
    patch = capture.patches.get(exposure.camera)
    white = 255.0
    if patch is not None:
        inner = signal[patch.y + 5 : patch.y + patch.height - 5, patch.x + 5 : patch.x + patch.width - 5]
        white = max(float(inner.mean()) / patch.reflectance, 1.0)
    level = np.power(np.clip(signal / white, 0.0, 1.0), 1 / 2.2) * 255
    return np.asarray(cv2.cvtColor(level.astype(np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)


def _cell(image: U8, title: str) -> U8:
    height = round(image.shape[0] * _WIDTH / image.shape[1])
    small = cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)
    cv2.putText(small, title, (3, 11), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (90, 255, 90), 1, cv2.LINE_AA)
    return np.asarray(small, np.uint8)
