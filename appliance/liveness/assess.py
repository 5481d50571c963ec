"""The check as the lane asks for it: one burst, one face, one report. Nothing here is successful by default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Advice, Result
from appliance.liveness.burst import Capture
from appliance.liveness.channels import band_set
from appliance.liveness.cues import Features, measure
from appliance.liveness.decode import CaptureUnusable, Cube, decode
from appliance.liveness.detector import Detector, figures_of
from appliance.liveness.face_frame import FaceUnusable


@dataclass(frozen=True, slots=True)
class LivenessReport:
    """The result with its reasons in words, worst first, and what the traveller can do about it.

    FAILED is a suspected attack presentation; UNDETERMINED is a capture that proves nothing either way.
    `suspected_species` is what the attack is most like, a guess for the guard's eyes and no finding. `covered`: a
    medical mask or scarf hides the lower face, which is no attack. `cube` is kept for the guard's map.
    """

    result: Result
    reasons: tuple[str, ...]
    advice: Advice | None = None
    suspected_species: str | None = None
    covered: bool = False
    figures: Mapping[str, float] = field(default_factory=dict)
    detector: str = ""
    cube: Cube | None = None


def assess(
    capture: Capture,
    landmarks: NDArray[np.floating],
    detector: Detector,
    look: Callable[[Cube], Features] = measure,
) -> LivenessReport:
    """Judge one burst of one face. `look` measures what the detector was learned on: the whole face, or a part.

    `landmarks` is float[5, 2] in pixels (order of `appliance.face.types.DetectedFace`). Never raises for what a camera
    can deliver: a burst that cannot be judged is UNDETERMINED with the reason.
    """
    try:
        cube = decode(capture, landmarks)
    except (CaptureUnusable, FaceUnusable) as error:
        return LivenessReport(Result.UNDETERMINED, (str(error),), error.advice, detector=detector.version)
    found = band_set({*cube.bands, *cube.planes})
    if found != detector.band_set:
        words = f"The capture holds {found}, the detector needs {detector.band_set}."
        return LivenessReport(Result.UNDETERMINED, (words,), detector=detector.version)
    features = look(cube)
    judged = detector.judge(features)
    return LivenessReport(
        result=judged.result,
        reasons=judged.reasons,
        advice=judged.advice,
        suspected_species=detector.most_like(features) if judged.result is Result.FAILED else None,
        covered=judged.covered,
        figures=figures_of(features, judged),
        detector=detector.version,
        cube=cube,
    )
