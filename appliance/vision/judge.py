"""The check that judges captures: the detector of the installed band set, chosen once at the start."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.face.types import DetectedFace
from appliance.liveness import detector, upper
from appliance.liveness.assess import LivenessReport, assess
from appliance.liveness.burst import Capture
from appliance.liveness.detector import Detector
from appliance.liveness.rgb_cue import load_cue
from appliance.liveness.skin_map import skin_map

CUE = "rgb-cue"


class SecondOpinion(Protocol):
    """What may judge in the shadow."""

    def judge(self, capture: Capture, face: DetectedFace) -> LivenessReport:
        """One burst of one face. Never raises for what a camera can deliver."""
        ...


class Cue:
    """The network in visible light: it suspects, or it says nothing."""

    def __init__(self, models_dir: Path) -> None:
        self._cue = load_cue(models_dir)

    def judge(self, capture: Capture, face: DetectedFace) -> LivenessReport:
        """The visible picture of the burst."""
        x1, y1, x2, y2 = face.box
        found = self._cue.judge(capture.rgb, (x1, y1, x2, y2))
        figures = {} if found.score is None else {"score": round(found.score, 3)}
        reasons = (found.reason,) if found.reason else ()
        return LivenessReport(found.result, reasons, figures=figures, detector=found.detector)


class Judge:
    """One detector at work, and one for the upper half of faces in medical masks where the site verifies such."""

    def __init__(self, found: Detector, above_masks: Detector | None = None) -> None:
        self.detector, self._above_masks = found, above_masks

    @property
    def version(self) -> str:
        """Which one it is, for the record."""
        return self.detector.version

    def judge(self, capture: Capture, face: DetectedFace, *, masked: bool = False) -> LivenessReport:
        """One burst of one face, `masked` if it wears a medical mask. Never raises for what a camera can deliver."""
        if masked and self._above_masks is not None:
            return assess(capture, face.landmarks, self._above_masks, upper.measure)
        return assess(capture, face.landmarks, self.detector)

    def draw(self, report: LivenessReport, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
        """Where the face is unlike skin, uint8[shape] of the visible picture; None when nothing could be measured."""
        return None if report.cube is None else skin_map(report.cube, self.detector, shape)


def judge_of(band_set: str, source: Path | None, above_masks: Detector | None = None) -> Judge:
    """The judge of a band set: from a file or folder of detectors, else the one that is shipped.

    Raises DetectorError.
    """
    if source is not None and source.is_file():
        found = detector.parse(source.read_bytes(), str(source))
        if found.band_set != band_set:
            raise detector.DetectorError(f"{source} is for the band set {found.band_set}, not {band_set}")
        return Judge(found, above_masks)
    return Judge(detector.load(band_set, source), above_masks)


def upper_of(band_set: str, folder: Path | None) -> Detector | None:
    """The detector of the upper half of a face, from a folder or as shipped; None where none is shipped.

    Without one the whole face is judged, of which a mask leaves nobody's determined. Raises DetectorError.
    """
    if folder is None and not (detector.UPPER / f"{band_set}.json").is_file():
        return None
    return detector.load(band_set, detector.UPPER if folder is None else folder)


def shadow_of(band_set: str, name: str, models_dir: Path) -> SecondOpinion | None:
    """What judges in the shadow; None for an empty name. Raises DetectorError, ModelError."""
    if not name:
        return None
    return Cue(models_dir) if name == CUE else judge_of(band_set, Path(name))
