"""Pack open-omz: YuNet 2026may on onnxruntime; face-reidentification-retail-0095 and the landmarks it was trained
with on OpenVINO; one thread each.

All models are loaded from bytes whose hash was checked, not from a path that could change in between.
"""

from pathlib import Path

import cv2
import numpy as np
import openvino
from numpy.typing import NDArray

from appliance.face.analysis import Detector, InsightFacePack, Recogniser
from appliance.face.geometry import aligned_chip, shrink
from appliance.face.session import quiet_session
from appliance.face.types import DetectedFace, FailureToAcquire, Image
from appliance.models.catalogue import OPEN_OMZ, PackRecord
from appliance.models.manager import read_verified

_LONGEST_SIDE_PX = 640
_STRIDES = (8, 16, 32)
_LEAST_SCORE = 0.6
_MOST_OVERLAP = 0.3

# Open Model Zoo, face-reidentification-retail-0095: landmark places as a share of the 128 x 128 input.
_SIDE_PX = 128
_PLACES_PX = 48
_PLACES_VIEW = 0.95
"""Side of the square the landmarks are looked for in, in longer sides of the detector's box."""
_PLACES_APART = 0.25
_TEMPLATE = np.array(
    [
        [0.31556875, 0.46157410],
        [0.68262291, 0.46157410],
        [0.50026249, 0.64050535],
        [0.34947187, 0.82469196],
        [0.65343645, 0.82325038],
    ],
    dtype=np.float64,
)


class YuNet(Detector):
    """YuNet (Wu, Peng, Yu 2023): anchor-free, five landmarks, faces of about 10 to 300 pixels."""

    def __init__(self, model: bytes) -> None:
        self._session = quiet_session(model)
        self._outputs = [f"{kind}_{stride}" for stride in _STRIDES for kind in ("cls", "obj", "bbox", "kps")]

    def find(self, image_bgr: Image) -> list[DetectedFace]:
        """Every face above the score the pack's threshold was measured with."""
        image, factor = shrink(image_bgr, _LONGEST_SIDE_PX)
        height, width = (-(-n // 32) * 32 for n in image.shape[:2])
        blob = np.zeros((1, 3, height, width), dtype=np.float32)
        blob[0, :, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
        found = self._session.run(self._outputs, {"input": blob})
        parts = [
            _decode(*found[4 * level : 4 * level + 4], stride=stride, columns=width // stride)
            for level, stride in enumerate(_STRIDES)
        ]
        boxes, points, scores = (np.concatenate([part[i] for part in parts]) for i in range(3))
        kept = _suppress(boxes, scores)
        return [
            DetectedFace((x1, y1, x2, y2), places.astype(np.float32), score)
            for (x1, y1, x2, y2), places, score in zip(
                (boxes[kept] * factor).tolist(), points[kept] * factor, scores[kept].tolist(), strict=True
            )
        ]


_Array = NDArray[np.float32]


def _decode(
    cls: _Array, obj: _Array, box: _Array, kps: _Array, *, stride: int, columns: int
) -> tuple[_Array, _Array, _Array]:
    """Boxes [n, 4], landmarks [n, 5, 2] and scores [n] of one level, only those above the least score."""
    scores = np.sqrt(np.clip(cls[0, :, 0], 0, 1) * np.clip(obj[0, :, 0], 0, 1))
    kept = np.flatnonzero(scores >= _LEAST_SCORE)
    cell = np.stack([kept % columns, kept // columns], axis=1).astype(np.float32)
    centre = (cell + box[0, kept, :2]) * stride
    half = np.exp(box[0, kept, 2:]) * (stride / 2)
    points = (kps[0, kept].reshape(-1, 5, 2) + cell[:, None]) * stride
    return np.concatenate([centre - half, centre + half], axis=1), points, scores[kept]


def _suppress(boxes: _Array, scores: _Array) -> list[int]:
    """Indices that survive non-maximum suppression, best first."""
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = int(order[0]), order[1:]
        kept.append(best)
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        overlap = np.prod(np.clip(high - low, 0, None), axis=1)
        order = rest[overlap <= _MOST_OVERLAP * (areas[best] + areas[rest] - overlap)]
    return kept


class _Network:
    """A network of Open Model Zoo with one input and one output, on one thread."""

    def __init__(self, network: bytes, weights: bytes) -> None:
        core = openvino.Core()
        # Left alone, OpenVINO computes in bf16 on newer processors and the scores shift with the machine.
        exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        compiled = core.compile_model(core.read_model(model=network, weights=weights), "CPU", exact)
        self._request = compiled.create_infer_request()

    def __call__(self, chip_bgr: Image) -> _Array:
        blob = np.ascontiguousarray(chip_bgr.transpose(2, 0, 1)[None], dtype=np.float32)
        self._request.infer({0: blob})
        return np.array(self._request.get_output_tensor(0).data, dtype=np.float32).reshape(-1)


class Landmarks:
    """landmarks-regression-retail-0009: the five points the recogniser was trained with, from 48 x 48 BGR.

    YuNet's own points lie 6 % of the inter-eye distance away from these, and cost one genuine comparison in a hundred
    at FMR 1e-4 (LFW folds 1-5).
    """

    def __init__(self, network: bytes, weights: bytes) -> None:
        self._network = _Network(network, weights)

    def places(self, image_bgr: Image, face: DetectedFace) -> NDArray[np.float32]:
        """float32[5, 2] in pixels of the image; the detector's own where the two have little in common."""
        x1, y1, x2, y2 = face.box
        side = _PLACES_VIEW * max(x2 - x1, y2 - y1)
        if not side >= 1.0:
            return face.landmarks
        left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
        scale = _PLACES_PX / side
        matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], dtype=np.float32)
        chip = cv2.warpAffine(image_bgr, matrix, (_PLACES_PX, _PLACES_PX), flags=cv2.INTER_AREA)
        found = self._network(np.asarray(chip, np.uint8)).reshape(5, 2) * side + (left, top)
        apart = float(np.abs(found - face.landmarks).mean())
        # What is no face, or hardly one, gets points from anywhere.
        near = apart <= _PLACES_APART * max(1.0, face.inter_eye_distance)
        return found.astype(np.float32) if near else face.landmarks


class Reidentification(Recogniser):
    """face-reidentification-retail-0095: 128 x 128 BGR chip in 0..255 to 256 values."""

    def __init__(self, network: bytes, weights: bytes, landmarks: Landmarks) -> None:
        self._network = _Network(network, weights)
        self._landmarks = landmarks

    def vector(self, image_bgr: Image, face: DetectedFace) -> NDArray[np.float32]:
        """float32[256], not normalised. Raises FailureToAcquire when the landmarks cannot be aligned."""
        places = self._landmarks.places(image_bgr, face)
        chip = aligned_chip(image_bgr, places, _TEMPLATE * _SIDE_PX, _SIDE_PX)
        if not chip.any():
            raise FailureToAcquire("the face lies outside the image")
        return self._network(chip)


def recogniser(record: PackRecord, models_dir: Path) -> Reidentification:
    """The recogniser and its landmarks, of this pack or another that has the same files. Raises ModelError."""
    read = {
        (file.role, Path(file.name).suffix): read_verified(record, file, models_dir)
        for file in record.files
        if file.role != "detector"
    }
    landmarks = Landmarks(read["landmarks", ".xml"], read["landmarks", ".bin"])
    return Reidentification(read["recogniser", ".xml"], read["recogniser", ".bin"], landmarks)


def load(models_dir: Path) -> InsightFacePack:
    """Load the pack. Raises appliance.models.manager.ModelError with what to do."""
    detector = read_verified(OPEN_OMZ, OPEN_OMZ.file("detector"), models_dir)
    return InsightFacePack(OPEN_OMZ, YuNet(detector), recogniser(OPEN_OMZ, models_dir))
