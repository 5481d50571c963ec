"""The appliance's own liveness check as the thing under test. The only module here that touches the detector."""

import hashlib
import inspect
import math
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.species import BONA_FIDE
from appliance.evaluate.system import CannotLearn, Figures, Judge, Known, Lessons, Unusable, Verdict
from appliance.liveness import (
    align,
    burst,
    channels,
    circumstances,
    cues,
    decode,
    detector,
    face_frame,
    follow,
    learn,
    upper,
)
from appliance.liveness.burst import Capture

_MEASURING: tuple[ModuleType, ...] = (
    align,
    burst,
    channels,
    circumstances,
    cues,
    decode,
    face_frame,
    follow,
)
_SHOWN = (("1550", ("1300/1050 level", "1550/1050 level")), ("940", ("850/R level", "940/850 level")))


def source_version(modules: tuple[ModuleType, ...] = _MEASURING) -> str:
    """Twelve hexadecimal digits of the code that measures: figures of other code are not taken from a cache."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _Judge:
    detector: detector.Detector

    @property
    def version(self) -> str:
        return self.detector.version

    def written(self) -> str:
        """The file `detector.load` reads."""
        return self.detector.model_dump_json() + "\n"

    def judge(self, figures: Figures) -> Verdict:
        judged = self.detector.judge(_features(figures))
        known = math.isfinite(judged.score)
        # The detector's logit grows towards attack.
        return Verdict(
            result=judged.result,
            score=-judged.score if known else None,
            threshold=-self.detector.attack_zone.accept if known else None,
            one_class=judged.distance if math.isfinite(judged.distance) else None,
            reasons=judged.reasons,
        )


class Liveness:
    """`appliance.liveness` under test."""

    measuring = _MEASURING
    folder: Path | None = None
    """Where its detectors are shipped; None for the usual place."""

    def __init__(self) -> None:
        self._version = source_version(self.measuring)

    @property
    def version(self) -> str:
        """Version of the measuring code."""
        return self._version

    def measure(self, capture: Capture, landmarks: NDArray[np.float32], band_set: str) -> Figures:
        """Figures of a capture. Raises Unusable."""
        try:
            cube = decode.decode(capture, landmarks)
        except (decode.CaptureUnusable, face_frame.FaceUnusable) as error:
            raise Unusable(str(error)) from error
        if (found := channels.band_set({*cube.bands, *cube.planes})) != band_set:
            raise Unusable(f"The capture holds {found}, not {band_set}.")
        features = self._figures(cube)
        return Figures(dict(features.values), features.missing)

    def _figures(self, cube: decode.Cube) -> cues.Features:
        return cues.measure(cube)

    def _judging(self) -> str:
        return source_version((*self.measuring, detector, learn))

    def learn(self, lessons: Lessons, band_set: str) -> Judge:
        """A detector from lessons. Raises CannotLearn."""
        try:
            return _Judge(
                learn.learn(
                    [learn.Sample(_features(known.figures), _kind(known)) for known in lessons.samples],
                    band_set,
                    version=f"code {self._judging()}, learned on {lessons.learned_on} {_content(lessons)}",
                    kind=lessons.kind,
                    learned_on=lessons.learned_on,
                    site=[_features(figures) for figures in lessons.site],
                )
            )
        except learn.NotEnough as error:
            raise CannotLearn(f"too few presentations to learn {band_set}: {error}") from error
        except ImportError as error:
            raise CannotLearn("learning needs the extra `learn`: pip install 'sallyport[learn]'") from error

    def shipped(self, band_set: str) -> Judge:
        """The detector of the package. Raises CannotLearn."""
        try:
            return _Judge(detector.load(band_set, self.folder))
        except detector.DetectorError as error:
            raise CannotLearn(str(error)) from error

    def shown(self, band_set: str) -> tuple[str, str]:
        """Water where the bands see it, else pigment."""
        bands = band_set.split("+")
        for band, names in _SHOWN:
            if band in bands:
                return names
        return ("R/G level", "850/R level" if "850" in bands else "R/G spread")


class UpperFace(Liveness):
    """The check of the upper half of a face, for people in medical masks: bona fide with and without one alike."""

    measuring = (*_MEASURING, upper)
    folder = detector.UPPER

    def _figures(self, cube: decode.Cube) -> cues.Features:
        return upper.measure(cube)


def _content(lessons: Lessons) -> str:
    """Eight hexadecimal digits of what was learned: two sets of one name teach different detectors."""
    digest = hashlib.sha256()
    for known in lessons.samples:
        digest.update(repr((known.species, known.covered, sorted(known.figures.values.items()))).encode())
    for figures in lessons.site:
        digest.update(repr(sorted(figures.values.items())).encode())
    return digest.hexdigest()[:8]


def _features(figures: Figures) -> cues.Features:
    return cues.Features(figures.values, figures.missing)


def _kind(known: Known) -> str:
    if known.species == BONA_FIDE:
        return learn.COVERED if known.covered else learn.GENUINE
    return known.species
