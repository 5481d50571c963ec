"""The check that judges captures: chosen once at the start, by the bands that are installed.

Until detectors of all band sets are shipped, the first form of the check stands in where there is none.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.liveness import decide, detector
from appliance.liveness.assess import LivenessReport, assess
from appliance.liveness.burst import Capture
from appliance.liveness.detector import Detector
from appliance.liveness.facemap import face_map
from appliance.liveness.limits import LIMITS
from appliance.liveness.skin_map import skin_map
from appliance.vision.bridge import burst_of


class Judge:
    """One detector, or the first form of the check for None."""

    def __init__(self, found: Detector | None) -> None:
        self._detector = found

    @property
    def version(self) -> str:
        """Which one it is, for the record."""
        return self._detector.version if self._detector is not None else LIMITS.version

    def judge(self, capture: Capture, landmarks: NDArray[np.floating]) -> LivenessReport:
        """One burst of one face. Never raises for what a camera can deliver."""
        if self._detector is not None:
            return assess(capture, landmarks, self._detector)
        found = decide.assess(burst_of(capture), landmarks)
        return LivenessReport(
            found.result, found.reasons, suspected_species=found.suspected_species, detector=found.limits_version
        )

    def draw(
        self, capture: Capture, landmarks: NDArray[np.floating], report: LivenessReport
    ) -> NDArray[np.uint8] | None:
        """Where the face is unlike skin, uint8[H, W] of the visible picture; None when nothing could be measured."""
        if self._detector is None:
            return face_map(burst_of(capture), landmarks)
        return None if report.cube is None else skin_map(report.cube, self._detector, capture.rgb.shape[:2])


def judge_of(band_set: str, source: Path | None) -> Judge:
    """The judge of a band set: from a file or folder of detectors, else the one that is shipped.

    Raises DetectorError.
    """
    if source is not None and source.is_file():
        found = detector.parse(source.read_bytes(), str(source))
        if found.band_set != band_set:
            raise detector.DetectorError(f"{source} is for the band set {found.band_set}, not {band_set}")
        return Judge(found)
    if source is None and band_set not in detector.available():
        return Judge(None)
    return Judge(detector.load(band_set, source))
