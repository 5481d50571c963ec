"""Pack pypi-dlib: dlib HOG detector, 5-point predictor and ResNet, from what the Python registry carries.

Development grade: it is real, needs nothing beyond the registry, and is too weak for a border.
"""

from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray

from appliance.face.analysis import Detector, InsightFacePack, Recogniser
from appliance.face.geometry import shrink
from appliance.face.types import DetectedFace, FailureToAcquire, Image
from appliance.models.catalogue import PYPI_DLIB
from appliance.models.manager import require

_LONGEST_SIDE_PX = 1280

# HOG faces are at least 80 pixels wide; only small pictures (a portrait from a chip) are worth the cost of upsampling.
_UPSAMPLE_BELOW_PX = 400

_SIDE_PX = 150


def _rgb(image_bgr: Image) -> Image:
    return np.ascontiguousarray(image_bgr[:, :, ::-1])


class Hog(Detector):
    """dlib's frontal face detector. Landmarks are those of the 5-point predictor, completed by `_five`."""

    def __init__(self, predictor: dlib.shape_predictor) -> None:
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = predictor

    def find(self, image_bgr: Image) -> list[DetectedFace]:
        """Every roughly frontal face of at least 80 pixels (40 in small pictures)."""
        image, factor = shrink(image_bgr, _LONGEST_SIDE_PX)
        rgb = _rgb(image)
        boxes, scores, _ = self._detector.run(rgb, 0, 0.0)
        if not boxes and max(image.shape[:2]) < _UPSAMPLE_BELOW_PX:
            boxes, scores, _ = self._detector.run(rgb, 1, 0.0)
        full = _rgb(image_bgr) if factor != 1.0 else rgb
        return [
            self._face(full, [round(v * factor) for v in (box.left(), box.top(), box.right(), box.bottom())], score)
            for box, score in zip(boxes, scores, strict=True)
        ]

    def _face(self, rgb: Image, box: list[int], score: float) -> DetectedFace:
        shape = self._predictor(rgb, dlib.rectangle(*box))
        points = np.array([[part.x, part.y] for part in shape.parts()], dtype=np.float64)
        return DetectedFace((box[0], box[1], box[2], box[3]), _five(points), float(score))


def _five(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Eyes, nose tip and mouth corners, float32[5, 2], from dlib's two corners per eye and base of the nose.

    The predictor knows no mouth. In the frame of the eyes (middle as origin, distance as unit) tip and corners follow
    from the base of the nose; coefficients fitted to YuNet on 395 LFW faces: mean error 0.1 of the eye distance.
    Enough to place regions; the recogniser aligns on dlib's own points.
    """
    z = points[:, 0] + 1j * points[:, 1]
    left, right, base = z[2:4].mean(), z[0:2].mean(), z[4]
    middle, unit = (left + right) / 2, right - left
    if abs(unit) < 1.0:
        unit = complex(1.0)
    u = (base - middle) / unit
    local = np.array([1.4 * u.real + 0.75j * u.imag, 0.15 * u.real - 0.45 + 1.37j * u.imag, 0])
    local[2] = local[1] + 0.9
    places = np.array([left, right, *(middle + unit * local)])
    return np.stack([places.real, places.imag], axis=1).astype(np.float32)


class ResNet(Recogniser):
    """dlib's ResNet on the 150-pixel chip its own predictor aligns."""

    def __init__(self, network: Path, predictor: dlib.shape_predictor) -> None:
        self._network = dlib.face_recognition_model_v1(str(network))
        self._predictor = predictor

    def vector(self, image_bgr: Image, face: DetectedFace) -> NDArray[np.float32]:
        """float32[128]. Raises FailureToAcquire when the box does not touch the image."""
        (height, width), box = image_bgr.shape[:2], face.box
        if not np.all(np.isfinite(box)) or box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
            raise FailureToAcquire("the face lies outside the image")
        rgb = _rgb(image_bgr)
        shape = self._predictor(rgb, dlib.rectangle(*(round(v) for v in box)))
        chip = dlib.get_face_chip(rgb, shape, _SIDE_PX)
        return np.array(self._network.compute_face_descriptor(chip), dtype=np.float32)


def load(models_dir: Path) -> InsightFacePack:
    """Load the pack. Raises appliance.models.manager.ModelError with what to do."""
    paths = require(PYPI_DLIB.pack_id, models_dir)
    predictor = dlib.shape_predictor(str(paths[PYPI_DLIB.file("landmarks").name]))
    return InsightFacePack(PYPI_DLIB, Hog(predictor), ResNet(paths[PYPI_DLIB.file("recogniser").name], predictor))
