"""Templates, photos and a pack that reads the person from the picture's own colours."""

import io
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from appliance.clock import ManualClock
from appliance.face.types import WORST_SCORE, Comparison, DetectedFace, FailureToAcquire, Image, Metric, Template
from appliance.gallery.enrol import Quality
from appliance.gallery.store import Gallery
from appliance.gallery.types import Consent, Recogniser

DIMS = 64
COSINE = Recogniser("fake-cosine", "a" * 64, "cosine")
NEWER = Recogniser("fake-cosine", "b" * 64, "cosine")


def unit(seed: int, dims: int = DIMS) -> NDArray[np.float32]:
    vector = np.random.default_rng(seed).standard_normal(dims)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def template(seed: int, made_by: Recogniser = COSINE, *, dims: int = DIMS) -> Template:
    return Template(made_by.pack_id, made_by.sha256, unit(seed, dims))


def noisy(seed: int, score: float, made_by: Recogniser = COSINE) -> Template:
    """A template whose cosine with `template(seed)` is `score`."""
    base, other = unit(seed).astype(np.float64), unit(seed + 1_000_000).astype(np.float64)
    across = other - (other @ base) * base
    vector = score * base + np.sqrt(1 - score**2) * across / np.linalg.norm(across)
    return Template(made_by.pack_id, made_by.sha256, vector.astype(np.float32))


def picture(person: int, *, faces: int = 1, shade: int = 90, kind: str = "PNG") -> bytes:
    """A photo for `FakePack`: the first pixel says who is on it, how many, and how good it is."""
    pixels = np.full((64, 64, 3), 128, np.uint8)
    pixels[:8, :8] = person, faces, shade
    return encode(pixels, kind)


def encode(bgr: Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(bgr[:, :, ::-1])).save(out, kind)
    return out.getvalue()


class FakePack:
    """Detects as many faces as the first pixel says; one vector per person."""

    title, grade, threshold, threshold_source = "fake", "development grade", 0.5, "none"
    masked_threshold: float | None = None
    metric: Metric = "cosine"

    def __init__(self, made_by: Recogniser = COSINE) -> None:
        self.made_by = made_by
        self.pack_id = made_by.pack_id

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        face = DetectedFace((0.0, 0.0, 60.0, 60.0), np.zeros((5, 2), np.float32), 1.0)
        return [face] * int(image_bgr[0, 0, 1])

    def embed(self, image_bgr: Image, face: DetectedFace) -> Template:
        person = int(image_bgr[0, 0, 0])
        if person == 255:
            raise FailureToAcquire("no landmarks")
        return template(person, self.made_by)

    def compare(self, a: Template, b: Template) -> Comparison:
        score = float(a.vector @ b.vector) if a.vector.any() else WORST_SCORE["cosine"]
        return Comparison(score, self.threshold, "cosine", score >= self.threshold)


def floor(image_bgr: Image, face: DetectedFace) -> Quality:
    shade = int(image_bgr[0, 0, 2])
    return Quality(f"shade {shade}", None if shade >= 50 else "too dark")


def put(gallery: Gallery, clock: ManualClock, consent: Consent, seed: int, *, photo: bytes | None = None) -> str:
    subject = gallery.add(
        label=f"card-{seed}",
        consent=consent,
        valid_until=clock.now() + timedelta(days=30),
        templates=[(template(seed, gallery.recogniser), "eyes 90 px apart")],
        photo=photo,
    )
    return subject.subject_id
