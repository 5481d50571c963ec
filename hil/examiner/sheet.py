"""Contact sheet of a data set: species down, channels across, each lit minus dark over the grey card."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.dataset import Dataset, Record
from appliance.evaluate.species import BONA_FIDE, SPECIES

_SHOWN = ("850L", "850R", "850C", "940L", "970L", "1050L", "1300L", "1550L")
_HEIGHT = 224


def contact_sheet(folder: Path, target: Path, per_species: int = 1, skip: int = 0) -> int:
    """Write a PNG; returns the number of presentations on it. Raises DatasetError."""
    data = Dataset(folder)
    rows = []
    for species in (BONA_FIDE, *SPECIES):
        chosen = [record for record in data.records if record.species == species][skip : skip + per_species]
        rows += [_row(data, record) for record in chosen]
    if not rows:
        raise ValueError(f"{folder} holds no presentation to show")
    width = max(row.shape[1] for row in rows)
    cv2.imwrite(str(target), np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]))
    return len(rows)


def _row(data: Dataset, record: Record) -> NDArray[np.uint8]:
    capture = data.load(record)
    cells = [capture.rgb]
    for led in _SHOWN:
        lit = next((shot for shot in capture.exposures if shot.led == led), None)
        if lit is None:
            continue
        dark = next(shot for shot in capture.exposures if shot.camera == lit.camera and shot.led is None)
        image = lit.image / lit.gain - dark.image / dark.gain
        patch = capture.patches[lit.camera]
        card = image[patch.y : patch.y + patch.height, patch.x : patch.x + patch.width].mean()
        shown = np.clip(image / max(card, 1.0) * patch.reflectance, 0.0, 1.0) ** (1 / 1.8)
        cells.append(np.repeat((255 * shown).astype(np.uint8)[..., None], 3, axis=2))
    for name, low, high in (("thermal", 20.0, 37.0), ("depth", 0.35, 1.0)):
        if name in capture.planes:
            shown = np.clip((capture.planes[name] - low) / (high - low), 0.0, 1.0)
            cells.append(np.repeat((255 * shown).astype(np.uint8)[..., None], 3, axis=2))
    scale = _HEIGHT / capture.rgb.shape[0]
    row = cv2.resize(np.hstack(cells), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    group = record.groups
    words = f"{record.id} {group.get('fitzpatrick', '')} {record.conditions.get('distance_m', '')} m"
    cv2.putText(row, words, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (60, 255, 60), 1, cv2.LINE_AA)
    return np.asarray(row, np.uint8)
