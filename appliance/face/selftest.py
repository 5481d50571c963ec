"""Does this pack, as installed here, tell people apart? A smoke test on one photograph, no measure of accuracy.

The photograph is the group picture "t1" that ships inside insightface: six people, so no file of ours is needed.
"""

from dataclasses import dataclass

import insightface.data
import numpy as np

from appliance.face.types import Comparison, DetectedFace, FacePack, Image

_LEAST_FACES = 4
_DARKER = 0.7


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Comparisons of each person with themselves (mirrored, darker) and with every other person."""

    genuine: tuple[Comparison, ...]
    impostor: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        """Enough faces found, all genuine comparisons accepted, all impostor comparisons refused."""
        enough = len(self.genuine) >= _LEAST_FACES
        return enough and all(c.accepted for c in self.genuine) and not any(c.accepted for c in self.impostor)


def selftest(pack: FacePack) -> SelfTest:
    """Run the pack on the photograph. Raises FailureToAcquire."""
    image: Image = insightface.data.get_image("t1", use_cache=False)
    again: Image = np.ascontiguousarray((image[:, ::-1] * _DARKER).astype(np.uint8))
    pairs = _pairs(pack.detect(image), pack.detect(again), image.shape[1])
    first = [pack.embed(image, face) for face, _ in pairs]
    second = [pack.embed(again, face) for _, face in pairs]
    n = range(len(pairs))
    return SelfTest(
        genuine=tuple(pack.compare(first[i], second[i]) for i in n),
        impostor=tuple(pack.compare(first[i], second[j]) for i in n for j in n if i != j),
    )


def _pairs(
    faces: list[DetectedFace], mirrored: list[DetectedFace], width: int
) -> list[tuple[DetectedFace, DetectedFace]]:
    """Each face with the one found at its mirrored place: nose within half an eye distance."""
    pairs = []
    for face in faces:
        place = np.array([width - 1 - face.landmarks[2, 0], face.landmarks[2, 1]])
        near = [other for other in mirrored if np.hypot(*(other.landmarks[2] - place)) < face.inter_eye_distance / 2]
        if near:
            pairs.append((face, near[0]))
    return pairs
