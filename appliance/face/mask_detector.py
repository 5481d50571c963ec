"""Does a medical mask cover the lower face? One network (AIZOO FaceMaskDetection, MIT), asked about one face.

Architecture facts (anchors, variances) are those of github.com/AIZOOTech/FaceMaskDetection; the weights at hand are a
conversion of its Caffe model. Figures and their command: docs/masks.md. Not here: what a site does about a mask.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face import trial
from appliance.face.session import quiet_session
from appliance.face.trial import proving
from appliance.face.types import DetectedFace, Image
from appliance.models.catalogue import MEDICAL_MASK
from appliance.models.manager import PackMissing, read_verified

_log = logging.getLogger(__name__)
Floats = NDArray[np.float32]

SIZE = 260
_VIEW = 1.8
"""Side of the square the network sees, in longer sides of the face's box: it wants some surroundings."""
_GRIDS = (33, 17, 9, 5, 3)
_ANCHORS = ((0.04, 0.056), (0.08, 0.11), (0.16, 0.22), (0.32, 0.45), (0.64, 0.72))
_RATIOS = (1.0, 0.62, 0.42)
_VARIANCES = np.array((0.1, 0.1, 0.2, 0.2), np.float32)
_SAME_FACE = 0.4
_UNKNOWN_GREY = 127


@dataclass(frozen=True, slots=True)
class MaskFinding:
    """Scores 0..1 of the same face with and without a mask; both 0 where the network sees no face."""

    masked: float
    bare: float

    @property
    def covered(self) -> bool | None:
        """None when the network has no opinion."""
        if max(self.masked, self.bare) < MEDICAL_MASK.threshold:
            return None
        return self.masked > self.bare


class MaskDetector:
    """The network, loaded once."""

    def __init__(self, model: bytes) -> None:
        self._session = quiet_session(model)
        self._anchors = _anchors()

    def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
        """Judge one face of an (H, W, 3) uint8 BGR image."""
        view, box = _cut(image_bgr, face)
        pixels = cv2.cvtColor(view, cv2.COLOR_BGR2RGB).astype(np.float32).transpose(2, 0, 1)[None] / 255
        places, scores = self._session.run(None, {"data": pixels})
        here = _overlap(self._decode(places[0]), box) >= _SAME_FACE
        if not here.any():
            return MaskFinding(0.0, 0.0)
        best = scores[0][here].max(axis=0)
        return MaskFinding(float(best[0]), float(best[1]))

    def _decode(self, places: Floats) -> Floats:
        """Boxes (x1, y1, x2, y2) as shares of the view."""
        moved = places * _VARIANCES
        centres = self._anchors[:, :2] + moved[:, :2] * self._anchors[:, 2:]
        halves = self._anchors[:, 2:] * np.exp(moved[:, 2:]) / 2
        return np.concatenate([centres - halves, centres + halves], axis=1)


def load_mask_detector(models_dir: Path) -> MaskDetector:
    """The installed network. Raises ModelError when it is not there, not what it should be, or does not run here."""
    with proving(MEDICAL_MASK.title):
        found = MaskDetector(read_verified(MEDICAL_MASK, MEDICAL_MASK.file("cue"), models_dir))
        found.look(trial.pictures()[0], trial.FACE)
    return found


def detector_for(masks: str, models_dir: Path) -> MaskDetector | None:
    """The network where a site asks about masks and has it; without it the other checks hold who wears one.

    Raises HashMismatch.
    """
    if masks == "ignore":
        return None
    try:
        return load_mask_detector(models_dir)
    except PackMissing as error:
        _log.warning("medical masks are not looked for: %s", error)
        return None


def _anchors() -> Floats:
    """(5972, 4): centre and size of every anchor, as shares of the view."""
    rows = []
    for grid, sizes in zip(_GRIDS, _ANCHORS, strict=True):
        steps = (np.arange(grid) + 0.5) / grid
        x, y = np.meshgrid(steps, steps)
        first = _RATIOS[0]
        shapes = [(size * np.sqrt(first), size / np.sqrt(first)) for size in sizes]
        shapes += [(sizes[0] * np.sqrt(ratio), sizes[0] / np.sqrt(ratio)) for ratio in _RATIOS[1:]]
        cells = [np.stack([x, y, np.full_like(x, w), np.full_like(y, h)], axis=-1) for w, h in shapes]
        rows.append(np.stack(cells, axis=2).reshape(-1, 4))
    return np.concatenate(rows).astype(np.float32)


def _cut(image_bgr: Image, face: DetectedFace) -> tuple[Image, Floats]:
    """The square around the face at SIZE, and the face's box in it as shares. Outside the image it is grey."""
    x1, y1, x2, y2 = face.box
    side = max(1.0, _VIEW * max(x2 - x1, y2 - y1))
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    scale = SIZE / side
    shift = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float32)
    view = cv2.warpAffine(image_bgr, shift, (SIZE, SIZE), flags=cv2.INTER_AREA, borderValue=(_UNKNOWN_GREY,) * 3)
    box = np.array([x1 - left, y1 - top, x2 - left, y2 - top], np.float32) / np.float32(side)
    return np.asarray(view, np.uint8), box


def _overlap(boxes: Floats, box: Floats) -> Floats:
    """Intersection over union of each with one."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) + np.prod(box[2:] - box[:2])
    return np.asarray(shared / np.maximum(areas - shared, 1e-6), np.float32)
