"""The packs inside insightface: our detector and recogniser put where FaceAnalysis keeps its own.

Importing this module imports insightface (about a second), so only `packs` does it, and late.
"""

import math
from abc import ABC, abstractmethod

import insightface.app
import insightface.app.common
import numpy as np
from numpy.typing import NDArray

from appliance.face.geometry import checked
from appliance.face.types import (
    WORST_SCORE,
    Comparison,
    DetectedFace,
    Grade,
    Image,
    Metric,
    Template,
    TemplatesNotComparable,
)
from appliance.models.catalogue import PackRecord

_LEAST_NORM = 1e-6


class Detector(ABC):
    """A detector as FaceAnalysis calls it. A subclass finds the faces."""

    taskname = "detection"

    def prepare(self, ctx_id: int, input_size: object = None, det_thresh: float | None = None) -> None:  # noqa: B027
        """Nothing to prepare: size and threshold belong to the pack and its measured operating point."""

    @abstractmethod
    def find(self, image_bgr: Image) -> list[DetectedFace]:
        """Every face, in any order."""

    def detect(
        self, img: Image, max_num: int = 0, **_options: object
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes with scores float32[n, 5] and landmarks float32[n, 5, 2], the largest face first.

        insightface may pass a size and an order; both are fixed by the pack.
        """
        faces = sorted(self.find(checked(img)), key=lambda face: face.area, reverse=True)
        faces = faces[:max_num] if max_num > 0 else faces
        boxes = np.array([[*face.box, face.score] for face in faces], dtype=np.float32).reshape(-1, 5)
        return boxes, np.array([face.landmarks for face in faces], dtype=np.float32).reshape(-1, 5, 2)


class Recogniser(ABC):
    """A recogniser as FaceAnalysis calls it. A subclass makes the vector."""

    taskname = "recognition"

    def prepare(self, ctx_id: int) -> None:  # noqa: B027
        """Nothing to prepare: there is only the CPU."""

    @abstractmethod
    def vector(self, image_bgr: Image, face: DetectedFace) -> NDArray[np.float32]:
        """The template's vector, float32[d]. Raises FailureToAcquire."""

    def get(self, img: Image, face: insightface.app.common.Face) -> NDArray[np.float32]:
        """Set `face.embedding` and return it."""
        x1, y1, x2, y2 = (float(v) for v in face.bbox)
        landmarks = np.asarray(face.kps, dtype=np.float32)
        face.embedding = self.vector(checked(img), DetectedFace((x1, y1, x2, y2), landmarks, float(face.det_score)))
        return np.asarray(face.embedding, dtype=np.float32)


class InjectedAnalysis(insightface.app.FaceAnalysis):  # type: ignore[misc]  # insightface carries no types
    """FaceAnalysis with models of ours; its own constructor would look for a model folder and download one."""

    def __init__(self, detector: Detector, recogniser: Recogniser) -> None:
        self.models: dict[str, Detector | Recogniser] = {"detection": detector, "recognition": recogniser}
        self.det_model = detector
        self.addons: dict[str, object] = {}
        self.liveness_mode = "normal"
        self.model_package = None


class InsightFacePack:
    """A pack of the catalogue at work (`types.FacePack`). `analyser.get(image)` is insightface's own flow."""

    def __init__(self, record: PackRecord, detector: Detector, recogniser: Recogniser) -> None:
        self.record = record
        self.analyser = InjectedAnalysis(detector, recogniser)
        self._detector = detector
        self._recogniser = recogniser
        self._recogniser_sha256 = record.template_sha256

    @property
    def pack_id(self) -> str:
        """Name in the catalogue."""
        return self.record.pack_id

    @property
    def title(self) -> str:
        """Name for people."""
        return self.record.title

    @property
    def grade(self) -> Grade:
        """Shown on every screen."""
        return self.record.grade

    @property
    def metric(self) -> Metric:
        """What the score is."""
        return self.record.metric

    @property
    def threshold(self) -> float:
        """What the score is judged by."""
        return self.record.threshold

    @property
    def threshold_source(self) -> str:
        """Where the threshold was measured."""
        return self.record.threshold_source

    @property
    def masked_threshold(self) -> float | None:
        """What judges probes in medical masks; None where none are compared."""
        return None if self.record.masked is None else self.record.masked.threshold

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        """Every face, the largest first. Raises ValueError when the image is not (H, W, 3) uint8."""
        boxes, landmarks = self._detector.detect(image_bgr)
        return [
            DetectedFace((float(x1), float(y1), float(x2), float(y2)), points, float(score))
            for (x1, y1, x2, y2, score), points in zip(boxes, landmarks, strict=True)
        ]

    def embed(self, image_bgr: Image, face: DetectedFace) -> Template:
        """Template of one face of this image. Raises FailureToAcquire, ValueError."""
        item = insightface.app.common.Face(
            bbox=np.array(face.box, dtype=np.float32), kps=face.landmarks, det_score=face.score
        )
        vector = self._recogniser.get(image_bgr, item)
        return Template(self.pack_id, self._recogniser_sha256, vector)

    def compare(self, a: Template, b: Template) -> Comparison:
        """Compare two templates. Raises TemplatesNotComparable; NaN, infinite or zero vectors are never accepted."""
        for template in (a, b):
            if (template.pack_id, template.recogniser_sha256) != (self.pack_id, self._recogniser_sha256):
                raise TemplatesNotComparable(
                    f"pack {self.pack_id} cannot compare a template of pack {template.pack_id} "
                    f"(recogniser {template.recogniser_sha256[:12]}); take the probe and the reference again"
                )
        if a.vector.ndim != 1 or a.vector.shape != b.vector.shape:
            raise TemplatesNotComparable(f"vectors of {a.vector.shape} and {b.vector.shape} cannot be compared")
        score = _score(a.vector.astype(np.float64), b.vector.astype(np.float64), self.metric)
        if score is None:
            return Comparison(WORST_SCORE[self.metric], self.threshold, self.metric, accepted=False)
        accepted = score >= self.threshold if self.metric == "cosine" else score <= self.threshold
        return Comparison(score, self.threshold, self.metric, accepted)


def _score(a: NDArray[np.float64], b: NDArray[np.float64], metric: Metric) -> float | None:
    """The score, or None when either vector carries no information (two zero vectors would be 'equal' by L2)."""
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if not all(math.isfinite(norm) and norm > _LEAST_NORM for norm in norms):
        return None
    return float(a @ b) / (norms[0] * norms[1]) if metric == "cosine" else float(np.linalg.norm(a - b))
