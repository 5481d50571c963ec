"""A data set, a system and a matcher small enough to know every answer by hand. Test only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Result
from appliance.evaluate.dataset import Dataset, ExposureRecord, Header, PatchRecord, Record, Writer
from appliance.evaluate.species import BONA_FIDE
from appliance.evaluate.system import CannotLearn, Figures, Lessons, Unusable, Verdict
from appliance.face.types import Comparison, DetectedFace, FailureToAcquire, Image, Template
from appliance.liveness.burst import Capture

SIDE = 24


def toy_dataset(
    folder: Path,
    presentations: Iterable[tuple[str, str, str, int]],
    *,
    name: str = "toys",
    kind: str = "simulated",
    channels: Sequence[str] = ("B", "G", "R", "850", "940", "thermal"),
    **more: object,
) -> Dataset:
    """(species, subject, split, water): `water` 0 to 255 is the brightness of the frame lit at 940."""
    header = Header.model_validate(
        {
            "name": name,
            "kind": kind,
            "source": "tests",
            "channels": tuple(channels),
            "patches": {"nir": PatchRecord(box=(0, 0, 8, 8))},
        }
    )
    with Writer(folder, header) as writer:
        for number, (species, subject, split, water) in enumerate(presentations):
            record = Record.model_validate(
                {
                    "id": f"p{number:03}",
                    "species": species,
                    "subject": subject,
                    "instrument_of": None if species == BONA_FIDE else "victim",
                    "split": split,
                    "exposures": tuple(
                        ExposureRecord(camera=camera, led=led, sequence=place)
                        for place, (camera, led) in enumerate(
                            [("nir", None), ("nir", "850L"), ("nir", "850C"), ("nir", "940L"), ("swir", None)]
                        )
                    ),
                    **more,
                }
            )
            frames = np.zeros((4, SIDE, SIDE), np.uint8)
            frames[3] = water
            rgb = np.full((SIDE, SIDE, 3), number % 250 + 1, np.uint8)
            swir = np.zeros((1, SIDE, SIDE), np.uint8)
            writer.add(record, rgb, {"nir": frames, "swir": swir}, {"thermal": np.zeros((SIDE, SIDE), np.float32)})
    return Dataset(folder)


@dataclass
class ToyJudge:
    """Skin absorbs at 940: bright is an attack. Knows which species it was taught."""

    version: str
    limit: float
    taught: frozenset[str]

    def written(self) -> str:
        return f"{self}\n"

    def judge(self, figures: Figures) -> Verdict:
        water = figures.values["water"]
        result = Result.SUCCESSFUL if water <= self.limit else Result.FAILED
        return Verdict(
            result, score=-water, threshold=-self.limit, one_class=0.0, reasons=(f"Taught {sorted(self.taught)}.",)
        )


@dataclass
class ToySystem:
    """Counts what it is asked, and remembers every detector it made."""

    version: str = "toy 1"
    measured: list[tuple[str | None, ...]] = field(default_factory=list)
    judges: list[ToyJudge] = field(default_factory=list)

    def measure(self, capture: Capture, landmarks: NDArray[np.float32], band_set: str) -> Figures:
        assert landmarks.shape == (5, 2)
        self.measured.append(tuple(exposure.led for exposure in capture.exposures))
        lit = next((exposure.image for exposure in capture.exposures if exposure.led == "940L"), None)
        water = float(capture.rgb.mean()) if lit is None else float(lit.mean())
        if water == 255.0:
            raise Unusable("Overexposed.")
        return Figures({"water": water, "tone": 1.0})

    def learn(self, lessons: Lessons, band_set: str) -> ToyJudge:
        attacks = {known.species for known in lessons.samples} - {BONA_FIDE}
        if not attacks:
            raise CannotLearn("no attacks")
        genuine = list(lessons.site) or [k.figures for k in lessons.samples if k.species == BONA_FIDE and not k.covered]
        limit = max(figures.values["water"] for figures in genuine)
        self.judges.append(ToyJudge(f"toy for {band_set}", limit, frozenset(attacks)))
        return self.judges[-1]

    def shipped(self, band_set: str) -> ToyJudge:
        return ToyJudge("shipped", 50.0, frozenset())

    def shown(self, band_set: str) -> tuple[str, str]:
        return ("water", "not there")


class ToyPack:
    """Finds a face in every picture that is not black; takes pictures of like brightness for the same person."""

    pack_id = "toy-pack"
    title = "toy"
    grade = "development grade"
    metric = "cosine"
    threshold = 0.5
    threshold_source = "tests"
    masked_threshold = None

    def __init__(self) -> None:
        self.looked = 0

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        self.looked += 1
        if not image_bgr.any():
            return []
        return [DetectedFace((0, 0, 9, 9), np.zeros((5, 2), np.float32), 1.0)]

    def embed(self, image_bgr: Image, face: DetectedFace) -> Template:
        if image_bgr.mean() == 1.0:
            raise FailureToAcquire("too dark")
        return Template("toy-pack", "0", np.array([image_bgr.mean()], np.float32))

    def compare(self, a: Template, b: Template) -> Comparison:
        apart = abs(float(a.vector[0] - b.vector[0]))
        return Comparison(1.0 - apart, 0.5, "cosine", apart < 1.5)
