"""Pack open-mobileface: YuNet 2026may, the landmarks of open-omz, and MobileFace V2 (becauseofAI, MIT).

With YuNet's own landmarks TAR at FMR 1e-4 is 6 points lower (LFW folds 1-5): it is that sensitive to alignment.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.face.analysis import InsightFacePack, Recogniser
from appliance.face.geometry import aligned_chip
from appliance.face.open_omz import Landmarks, YuNet
from appliance.face.session import quiet_session
from appliance.face.types import DetectedFace, FailureToAcquire, Image
from appliance.models.catalogue import OPEN_MOBILEFACE, PLACES
from appliance.models.manager import read_verified

_SIDE_PX = 112
# The five points of ArcFace (Deng et al. 2019) in pixels of its 112 x 112 chip.
_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


class MobileFace(Recogniser):
    """MobileFace V2: 112 x 112 RGB chip in 0..255 to 256 values; scaling is inside the network."""

    def __init__(self, model: bytes, landmarks: Landmarks) -> None:
        self._session = quiet_session(model)
        self._landmarks = landmarks

    def vector(self, image_bgr: Image, face: DetectedFace) -> NDArray[np.float32]:
        """float32[256], not normalised. Raises FailureToAcquire when the landmarks cannot be aligned."""
        chip = aligned_chip(image_bgr, self._landmarks.places(image_bgr, face), _TEMPLATE, _SIDE_PX)
        if not chip.any():
            raise FailureToAcquire("the face lies outside the image")
        blob = np.ascontiguousarray(chip[:, :, ::-1].transpose(2, 0, 1)[None], dtype=np.float32)
        return np.asarray(self._session.run(None, {"data": blob})[0], dtype=np.float32).reshape(-1)


def load(models_dir: Path) -> InsightFacePack:
    """Load the pack. Raises appliance.models.manager.ModelError with what to do."""
    detector, recogniser, xml, weights = (
        read_verified(OPEN_MOBILEFACE, file, models_dir)
        for file in (OPEN_MOBILEFACE.file("detector"), OPEN_MOBILEFACE.file("recogniser"), *PLACES)
    )
    return InsightFacePack(OPEN_MOBILEFACE, YuNet(detector), MobileFace(recogniser, Landmarks(xml, weights)))
