"""Comparing a bare reference with the face of somebody who wears a medical mask.

A recogniser made for bare faces loses much to a mask, and more when only one of the two images has one. So the
reference is made anew for this comparison: the mean of its bare template and of those with masks drawn on it. Such a
comparison has a threshold of its own, at the FMR of the bare one (docs/masks.md); a mask draws everybody's scores
together, and the bare threshold would let ten times as many strangers pass. Liveness is another check's business.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from appliance.face.geometry import overlap
from appliance.face.masking import METHOD, draw_mask
from appliance.face.types import Comparison, DetectedFace, FacePack, FailureToAcquire, Image, Template

DRAWS = 4
"""Masks drawn on a reference, each of another colour and cut; the same for everybody."""
REFERENCE_METHOD = f"mean of the bare template and the mean under {DRAWS} drawn masks ({METHOD})"
_SEED = 1000
_LEAST_OVERLAP = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class MaskedReference:
    """A reference that only probes with masks are compared with; no `Template`, so that none is taken for it."""

    template: Template


def masked_sha256(recogniser_sha256: str) -> str:
    """Who made a masked reference: the recogniser and the way of drawing."""
    return hashlib.sha256(f"{recogniser_sha256} {REFERENCE_METHOD}".encode()).hexdigest()


def masked_reference(pack: FacePack, image: Image, face: DetectedFace, bare: Template) -> MaskedReference:
    """The reference of one bare face, whose template is `bare`.

    Raises FailureToAcquire: no mask can be drawn, or no face is found under one.
    """
    under = []
    for draw in range(DRAWS):
        masked = draw_mask(image, face.landmarks, np.random.default_rng(_SEED + draw))
        found = found_again(pack, masked, face)
        if found is not None:
            under.append(_unit(pack.embed(masked, found).vector))
    if not under:
        raise FailureToAcquire("no face is found under a drawn mask")
    vector = ((_unit(bare.vector) + _unit(np.mean(under, axis=0))) / 2).astype(np.float32)
    return MaskedReference(replace(bare, recogniser_sha256=masked_sha256(bare.recogniser_sha256), vector=vector))


def compare_masked(pack: FacePack, reference: MaskedReference, probe: Template) -> Comparison:
    """Compare a masked probe with a reference for masks, by the pack's threshold for masks.

    Raises TemplatesNotComparable, ValueError for a pack without one; vectors without information are never accepted.
    """
    threshold = pack.masked_threshold
    if threshold is None:
        raise ValueError(f"pack {pack.pack_id} has no threshold for masked faces")
    made = reference.template
    if made.recogniser_sha256 == masked_sha256(probe.recogniser_sha256):
        made = replace(made, recogniser_sha256=probe.recogniser_sha256)
    found = pack.compare(made, probe)
    accepted = found.score >= threshold if found.metric == "cosine" else found.score <= threshold
    return Comparison(found.score, threshold, found.metric, accepted)


def found_again(pack: FacePack, masked: Image, face: DetectedFace) -> DetectedFace | None:
    """The face as it is found once a mask was drawn on it; None when it is not, whoever else is."""
    again = max(pack.detect(masked), key=lambda other: overlap(face.box, other.box), default=None)
    return again if again is not None and overlap(face.box, again.box) >= _LEAST_OVERLAP else None


def _unit(vector: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = vector.astype(np.float64)
    return np.asarray(wide / max(float(np.linalg.norm(wide)), 1e-9))
