"""A matcher that sees colours, and images for it."""

from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from appliance.face.types import (
    Comparison,
    DetectedFace,
    FailureToAcquire,
    Grade,
    Image,
    Metric,
    Template,
    TemplatesNotComparable,
)
from appliance.models.catalogue import OPEN_OMZ

SIDE = 64
LANDMARKS = np.array([[22, 26], [42, 26], [32, 36], [25, 46], [39, 46]], np.float32)


def paint(path: Path, person: int, rng: np.random.Generator, noise: float = 14.0) -> None:
    """Upper half in the person's own pattern, with noise."""
    own = np.random.default_rng(1000 + person).uniform(40, 215, (4, 8, 3))
    image = np.kron(np.concatenate([own, own[::-1]]), np.ones((8, 8, 1))) + rng.normal(0, noise, (SIDE, SIDE, 3))
    Pillow.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(path)


class ColourPack:
    """Follows `FacePack`. Black images have no face; those with a white first row have two; vectors are colours."""

    pack_id = OPEN_OMZ.pack_id
    title = "colours"
    grade: Grade = "production"
    threshold_source = "nowhere"
    masked_threshold = None

    def __init__(self, metric: Metric = "cosine", threshold: float = 0.5, stop_after: int | None = None) -> None:
        self.metric, self.threshold, self.made = metric, threshold, 0
        self._left = stop_after

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        if image_bgr.max() < 8:
            return []
        height, width = image_bgr.shape[:2]
        scale = np.array([width / SIDE, height / SIDE], np.float32)
        face = DetectedFace((0.1 * width, 0.1 * height, 0.9 * width, 0.9 * height), LANDMARKS * scale, 0.9)
        corner = DetectedFace((0.0, 0.0, 0.2 * width, 0.2 * height), LANDMARKS * scale * 0.2, 0.8)
        return [face, corner] if image_bgr[0].min() > 250 else [face]

    def embed(self, image_bgr: Image, face: DetectedFace) -> Template:
        if self._left is not None:
            if self._left == 0:
                raise KeyboardInterrupt
            self._left -= 1
        self.made += 1
        if image_bgr.mean() > 250:
            raise FailureToAcquire("white")
        height, width = image_bgr.shape[:2]
        small = image_bgr[: 8 * (height // 8), : 8 * (width // 8)].astype(np.float32)
        vector = small.reshape(8, height // 8, 8, width // 8, 3).mean(axis=(1, 3)).ravel() - 128
        return Template(self.pack_id, OPEN_OMZ.template_sha256, (vector / np.linalg.norm(vector)).astype(np.float32))

    def compare(self, a: Template, b: Template) -> Comparison:
        if a.recogniser_sha256 != b.recogniser_sha256:
            raise TemplatesNotComparable("other recogniser")
        one, other = a.vector.astype(np.float64), b.vector.astype(np.float64)
        cosine = float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
        score = cosine if self.metric == "cosine" else float(np.linalg.norm(one - other))
        accepted = score >= self.threshold if self.metric == "cosine" else score <= self.threshold
        return Comparison(score, self.threshold, self.metric, accepted)
