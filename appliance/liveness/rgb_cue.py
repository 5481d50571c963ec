"""A cue in visible light that may cast suspicion and do nothing else.

The network (MiniFAS V2-SE) was learnt from prints and screens photographed in visible light. Open models of this kind
call live people fakes and fall for good photographs, so its answer has no word for "genuine": it suspects, or it says
nothing. It stands beside the detector as a shadow, or takes from a success (`Suspicion.after`); it never adds to one.
Not responsible for finding the face, nor for what a suspicion means for the passage. Figures: docs/rgb-cue.md.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Result
from appliance.face import trial
from appliance.face.geometry import checked
from appliance.face.session import quiet_session
from appliance.face.trial import proving
from appliance.models.catalogue import RGB_CUE
from appliance.models.manager import read_verified

Box = tuple[float, float, float, float]
"""(x1, y1, x2, y2) in pixels of the image; may lie partly outside it."""

SuspicionResult = Literal[Result.FAILED, Result.NOT_PERFORMED]
"""All that a cue can contribute: an attack suspected, or nothing."""

_SIDE_PX = 128
_CROP = 1.5
_LEAST_FACE_PX = 32.0
_LEAST_INSIDE = 0.5


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What the cue makes of one face.

    `score` in 0..1 grows with suspicion and is no probability; None when nothing could be judged, with the `reason`.
    """

    score: float | None
    threshold: float
    reason: str = ""
    detector: str = RGB_CUE.pack_id

    @property
    def judged(self) -> bool:
        """Whether the network looked at the face at all."""
        return self.score is not None

    @property
    def suspects(self) -> bool:
        """Whether this looks like an attack presentation. False says nothing: least of all that it is genuine."""
        return self.score is not None and self.score >= self.threshold

    @property
    def result(self) -> SuspicionResult:
        """For a record beside the detector's own result; never successful."""
        return Result.FAILED if self.suspects else Result.NOT_PERFORMED

    def after(self, result: Result) -> Result:
        """The detector's result with the cue counted in, where a lane lets it deny: only a success is ever changed.

        A face the cue could not look at is no success either.
        """
        if result is not Result.SUCCESSFUL:
            return result
        if not self.judged:
            return Result.UNDETERMINED
        return Result.FAILED if self.suspects else result


class RgbCue:
    """The network, loaded."""

    def __init__(self, model: bytes) -> None:
        self._session = quiet_session(model)

    def judge(self, image_bgr: NDArray[np.uint8], box: Box) -> Suspicion:
        """Judge one face of an image, uint8[H, W, 3], with the box a face detector drew.

        Raises ValueError when the image is not (H, W, 3) uint8.
        """
        image = checked(image_bgr)
        reason = _unusable(image.shape[:2], box)
        if reason:
            return _nothing(reason)
        face = _cut(image, box)
        if not np.any(face != face[..., :1]):
            return _nothing("the picture has no colour")
        planes = np.ascontiguousarray(_scaled(face)[..., ::-1].transpose(2, 0, 1), dtype=np.float32)
        (logits,) = self._session.run(None, {"input": planes[None] / np.float32(255.0)})
        return suspicion_of(logits[0])


def suspicion_of(logits: NDArray[np.float32]) -> Suspicion:
    """The network's answer, float32[2] (real, attack), as a suspicion: the soft-max share of "attack"."""
    with np.errstate(over="ignore", invalid="ignore"):
        score = float(1.0 / (1.0 + np.exp(np.float64(logits[0]) - np.float64(logits[1]))))
    return Suspicion(score, RGB_CUE.threshold) if np.isfinite(score) else _nothing("the network gave no number")


def load_cue(models_dir: Path) -> RgbCue:
    """Load the cue, proven by SHA-256 and a run. Raises appliance.models.manager.ModelError with what to do."""
    with proving(RGB_CUE.title):
        cue = RgbCue(read_verified(RGB_CUE, RGB_CUE.file("cue"), models_dir))
        cue.judge(trial.pictures()[0], trial.FACE.box)
    return cue


def _nothing(reason: str) -> Suspicion:
    return Suspicion(None, RGB_CUE.threshold, reason)


def _unusable(shape: tuple[int, ...], box: Box) -> str:
    """Why there is no face to judge in this box; empty when there is."""
    if not np.all(np.isfinite(box)):
        return "the box of the face is not finite"
    for low, high, size in ((box[0], box[2], shape[1]), (box[1], box[3], shape[0])):
        inside = min(high, size) - max(low, 0.0)
        if high - low <= 0.0:
            return "the box of the face is empty"
        if inside < _LEAST_INSIDE * (high - low):
            return "the face lies outside the image"
        if high - low < _LEAST_FACE_PX:
            return "the face is too small"
    return ""


def _cut(image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """The square around the face, 1.5 times its longer side; what lies outside the image is mirrored at its edge."""
    side = int(_CROP * max(box[2] - box[0], box[3] - box[1]))
    columns, rows = (
        _mirrored(int((low + high) / 2.0 - side / 2.0), side, size)
        for low, high, size in ((box[0], box[2], image.shape[1]), (box[1], box[3], image.shape[0]))
    )
    return image[np.ix_(rows, columns)]


def _mirrored(start: int, count: int, size: int) -> NDArray[np.intp]:
    """`count` places from `start` on an axis of `size` pixels, the edge pixel not repeated (dcb|abcd|cba)."""
    there_and_back = 2 * (size - 1)
    places = np.arange(start, start + count, dtype=np.intp) % there_and_back
    return np.minimum(places, there_and_back - places)


def _scaled(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At the size and by the interpolation the network was learnt with."""
    method = cv2.INTER_LANCZOS4 if face.shape[0] < _SIDE_PX else cv2.INTER_AREA
    return np.asarray(cv2.resize(face, (_SIDE_PX, _SIDE_PX), interpolation=method), dtype=np.uint8)
