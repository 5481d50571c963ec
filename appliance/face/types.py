"""Values and the interface of face matching."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 BGR."""

Metric = Literal["cosine", "l2"]
Grade = Literal["production", "development grade"]

WORST_SCORE: dict[Metric, float] = {"cosine": -1.0, "l2": 2.0}
"""Reported when no comparison is possible, so that a record never holds NaN."""


class FailureToAcquire(Exception):
    """No template can be made of this face (ISO/IEC 19795-1: failure to acquire)."""


class TemplatesNotComparable(Exception):
    """The templates were not made by the same recogniser."""


@dataclass(frozen=True, slots=True, eq=False)
class DetectedFace:
    """One face. All coordinates are pixels of the image it was found in and may lie outside it.

    `box` is (x1, y1, x2, y2); `landmarks` float32[5, 2]: the eye on the image's left, the other eye, nose tip,
    mouth corner on the image's left, the other corner; `score` is the detector's own and no probability.
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float32]
    score: float

    @property
    def area(self) -> float:
        """Area of the box in pixels."""
        return max(0.0, self.box[2] - self.box[0]) * max(0.0, self.box[3] - self.box[1])

    @property
    def inter_eye_distance(self) -> float:
        """Pixels between the eye centres."""
        return float(np.hypot(*(self.landmarks[1] - self.landmarks[0])))


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What a recogniser makes of one face; `vector` is float32[256] (open-omz) or float32[128] (pypi-dlib).

    `recogniser_sha256` is over all that made it: templates of different ones cannot be compared.
    """

    pack_id: str
    recogniser_sha256: str
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison score with the threshold that judged it: cosine accepts from it upwards, l2 up to it."""

    score: float
    threshold: float
    metric: Metric
    accepted: bool


class FacePack(Protocol):
    """A detector and a recogniser that belong together, with the threshold measured for the pair."""

    @property
    def pack_id(self) -> str:
        """Name in the catalogue."""
        ...

    @property
    def title(self) -> str:
        """Name for people."""
        ...

    @property
    def grade(self) -> Grade:
        """Shown on every screen."""
        ...

    @property
    def metric(self) -> Metric:
        """What the score is."""
        ...

    @property
    def threshold(self) -> float:
        """What the score is judged by."""
        ...

    @property
    def threshold_source(self) -> str:
        """Where the threshold was measured, in words."""
        ...

    @property
    def masked_threshold(self) -> float | None:
        """What judges probes in medical masks (`masked`); None where none are compared."""
        ...

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        """Every face, the largest first. Raises ValueError when the image is not (H, W, 3) uint8."""
        ...

    def embed(self, image_bgr: Image, face: DetectedFace) -> Template:
        """Template of one face of this image. Raises FailureToAcquire, ValueError."""
        ...

    def compare(self, a: Template, b: Template) -> Comparison:
        """Compare two templates. Raises TemplatesNotComparable; NaN, infinite or zero vectors are never accepted."""
        ...
