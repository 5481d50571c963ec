"""Pack scrfd-omz: insightface's SCRFD det_500m before the recogniser of open-omz.

Its detector is for non-commercial research only, so the pack loads nowhere unless somebody has accepted that by name.
"""

from pathlib import Path

import numpy as np
from insightface.model_zoo.scrfd import SCRFD
from numpy.typing import NDArray

from appliance.face.analysis import Detector, InsightFacePack
from appliance.face.open_omz import recogniser
from appliance.face.session import quiet_session
from appliance.face.types import DetectedFace, Image
from appliance.models.catalogue import SCRFD_OMZ
from appliance.models.manager import read_verified

_INPUT_PX = (640, 640)
_LEAST_SCORE = 0.5


class Scrfd(Detector):
    """SCRFD (Guo et al. 2021) through insightface, on a canvas of 640 x 640."""

    def __init__(self, model: bytes) -> None:
        self._scrfd = SCRFD(model_file=None, session=quiet_session(model))
        self._scrfd.prepare(-1, input_size=_INPUT_PX, det_thresh=_LEAST_SCORE)

    def find(self, image_bgr: Image) -> list[DetectedFace]:
        """Every face above insightface's own least score."""
        boxes, points = self._scrfd.detect(image_bgr)
        return [_face(box, places) for box, places in zip(boxes.tolist(), points, strict=True)]


def _face(box: list[float], places: NDArray[np.float32]) -> DetectedFace:
    x1, y1, x2, y2, score = box
    return DetectedFace((x1, y1, x2, y2), np.asarray(places, np.float32), score)


def load(models_dir: Path) -> InsightFacePack:
    """Load the pack. Raises appliance.models.manager.ModelError with what to do."""
    detector = read_verified(SCRFD_OMZ, SCRFD_OMZ.file("detector"), models_dir)
    return InsightFacePack(SCRFD_OMZ, Scrfd(detector), recogniser(SCRFD_OMZ, models_dir))
