"""The real liveness check under test, on drawn presentations in which only water tells skin from a mask."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluate_toys import ToyPack

from appliance.clock import ManualClock
from appliance.core.types import Result
from appliance.evaluate.dataset import Dataset, Header, Record, Writer
from appliance.evaluate.extraction import Extraction
from appliance.evaluate.figures import attack_figures, bona_fide_figures
from appliance.evaluate.outcome import Outcome, RunHeader
from appliance.evaluate.run import Evaluation, Question
from appliance.evaluate.species import BONA_FIDE
from appliance.evaluate.subject import Liveness, UpperFace, source_version
from appliance.evaluate.system import CannotLearn, Figures, Known, Lessons, Unusable
from appliance.face.types import DetectedFace, Image
from appliance.liveness import detector, learn
from appliance.liveness.burst import Capture

NIR = "rgb+850+940"
WATER = {BONA_FIDE: 0.88, "latex_mask": 1.06, "resin_mask": 1.09, "pla_mask": 1.07, "paper_mask": 1.05}
LANDMARKS = np.array([[90, 90], [150, 90], [120, 125], [98, 155], [142, 155]], np.float32)


class OneFace(ToyPack):
    """Every picture holds one face, always in the same place."""

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        return [DetectedFace((60, 50, 180, 200), LANDMARKS, 1.0)]


def capture(
    species: str, rng: np.random.Generator, *, with_940: bool = True
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Smooth light over the face; bands differ by what the material does, people by some per cent."""
    light = cv2.GaussianBlur(rng.normal(1.0, 0.8, (240, 240)).astype(np.float32), (0, 0), 12)
    colour = np.array([90, 120, 170]) * rng.normal(1.0, 0.04, 3)
    rgb = np.clip(light[..., None] * colour, 1, 250).astype(np.uint8)
    grain = rng.normal(1.0, 0.01, (2, 240, 240)).astype(np.float32)
    near = 0.5 * light * grain[0] * np.float32(rng.normal(1.0, 0.05))
    planes = {"850": near, "940": near * grain[1] * np.float32(rng.normal(WATER[species], 0.015))}
    if not with_940:
        del planes["940"]
    return rgb, planes


def data(folder: Path, name: str, counts: dict[tuple[str, str], int], *, blind: int = 0) -> Dataset:
    rng = np.random.default_rng(len(name))
    header = Header(name=name, kind="simulated", source="drawn", channels=("B", "G", "R", "850", "940"), patches={})
    with Writer(folder, header) as writer:
        for (species, split), count in counts.items():
            for number in range(count):
                record = Record.model_validate(
                    {
                        "id": f"{split}-{species}-{number}",
                        "species": species,
                        "subject": f"{name}-{split}-{number}",
                        "split": split,
                    }
                )
                writer.add(record, *with_planes(capture(species, rng, with_940=number >= blind)))
    return Dataset(folder)


def with_planes(
    seen: tuple[np.ndarray, dict[str, np.ndarray]],
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    return seen[0], {}, seen[1]


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunHeader, list[Outcome]]:
    root = tmp_path_factory.mktemp("subject")
    species = {("latex_mask", "train"): 5, ("resin_mask", "train"): 5, ("pla_mask", "train"): 5}
    train = data(
        root / "train", "site-a", {(BONA_FIDE, "train"): 32, (BONA_FIDE, "site"): 8, (BONA_FIDE, "test"): 4, **species}
    )
    tested = {(BONA_FIDE, "test"): 10, ("latex_mask", "test"): 4, ("paper_mask", "test"): 4}
    test = data(root / "test", "site-b", tested, blind=1)
    system = Liveness()
    extraction = Extraction(system, OneFace(), root / "cache", ManualClock())
    return Evaluation(system, extraction, ManualClock()).run(Question(test, train, "leave-one-species-out", NIR))


def test_skin_passes_and_species_the_detector_never_saw_do_not(answer: tuple[RunHeader, list[Outcome]]) -> None:
    header, rows = answer
    unseen = attack_figures("both", [row for row in rows if not row.bona_fide])
    assert unseen.apcer.n == 6
    assert unseen.apcer.errors <= 1
    own = bona_fide_figures(rows)
    assert own.bpcer_referred.errors <= 4
    assert header.stated is not None
    assert header.stated.n == 4


def test_a_capture_without_one_of_the_bands_is_a_non_response(answer: tuple[RunHeader, list[Outcome]]) -> None:
    silent = [row for row in answer[1] if not row.responded]
    assert len(silent) == 3
    assert {row.reason for row in silent} == {"The capture holds rgb+850, not rgb+850+940."}


def drawn(rng: np.random.Generator, species: str, middle: float, *, covered: bool = False) -> list[Known]:
    names = ("R/G level", "850/R level", "940/850 level")
    return [
        Known(Figures(dict(zip(names, rng.normal(middle, 0.1, 3), strict=True))), species, covered) for _ in range(32)
    ]


def test_scores_grow_towards_bona_fide_and_pass_from_the_threshold_upwards() -> None:
    rng = np.random.default_rng(1)
    genuine, attacks = drawn(rng, BONA_FIDE, 0.0), [*drawn(rng, "latex_mask", 0.2), *drawn(rng, "resin_mask", 0.25)]
    judge = Liveness().learn(Lessons([*genuine, *attacks], learned_on="drawn"), NIR)
    verdicts = [judge.judge(known.figures) for known in (*genuine, *attacks)]
    scores = [verdict.score for verdict in verdicts if verdict.score is not None and verdict.threshold is not None]
    assert len(scores) > len(genuine) + 10
    assert np.median([v.score for v in verdicts[:32] if v.score is not None]) > np.median(scores)
    passed = [verdict for verdict in verdicts if verdict.result is Result.SUCCESSFUL]
    assert len(passed) > 20
    for verdict in passed:
        assert verdict.score is not None
        assert verdict.threshold is not None
        assert verdict.score >= verdict.threshold


def test_the_figures_of_the_plot_are_those_in_which_water_shows(answer: tuple[RunHeader, list[Outcome]]) -> None:
    assert all(set(row.shown) == {"850/R level", "940/850 level"} for row in answer[1] if row.responded)
    assert Liveness().shown("rgb+850+940+970+1050+1300+1550")[0] == "1300/1050 level"
    assert Liveness().shown("rgb") == ("R/G level", "R/G spread")


def test_what_the_detector_cannot_do_is_said_in_words() -> None:
    system = Liveness()
    with pytest.raises(CannotLearn, match="too few presentations"):
        system.learn(Lessons([]), NIR)
    with pytest.raises(CannotLearn, match="no detector for the band set"):
        system.shipped("rgb+thermal")
    dark = Capture(np.zeros((240, 240, 3), np.uint8), (), {}, {})
    with pytest.raises(Unusable):
        system.measure(dark, LANDMARKS * np.nan, "rgb")


def test_a_detector_is_named_after_what_it_learned_not_after_the_name_of_the_set() -> None:
    attacks = [*drawn(rng := np.random.default_rng(1), "latex_mask", 1.0), *drawn(rng, "resin_mask", 1.2)]
    lessons = Lessons([*drawn(rng, BONA_FIDE, 0.0), *attacks], learned_on="drawn")
    other = Lessons([*drawn(rng, BONA_FIDE, 0.0), *attacks], learned_on="drawn")
    versions = [Liveness().learn(one, NIR).version for one in (lessons, other, lessons)]
    assert versions[0] == versions[2] != versions[1]
    judging = source_version((*Liveness.measuring, detector, learn))
    assert versions[0].startswith(f"code {judging}, learned on drawn ")
    assert UpperFace().learn(lessons, NIR).version != versions[0]


def test_nothing_measured_is_undetermined_and_has_no_score() -> None:
    rng = np.random.default_rng(1)
    samples = [*drawn(rng, BONA_FIDE, 0.0), *drawn(rng, "latex_mask", 1.0), *drawn(rng, "resin_mask", 1.2)]
    judge = Liveness().learn(Lessons(samples, learned_on="drawn"), NIR)
    assert judge.judge(samples[0].figures).score is not None
    verdict = judge.judge(Figures({}, ("left cheek",)))
    assert (verdict.result, verdict.score, verdict.threshold) == (Result.UNDETERMINED, None, None)


def test_masked_people_teach_what_a_covering_is() -> None:
    rng = np.random.default_rng(1)
    masked = drawn(rng, BONA_FIDE, -3.0, covered=True)
    samples = [*drawn(rng, BONA_FIDE, 0.0), *masked, *drawn(rng, "latex_mask", 1.0), *drawn(rng, "resin_mask", 1.2)]
    verdict = Liveness().learn(Lessons(samples, learned_on="drawn"), NIR).judge(masked[8].figures)
    assert verdict.result is Result.UNDETERMINED
    assert "mask or scarf covers" in verdict.reasons[0]


def test_the_version_is_that_of_the_measuring_code() -> None:
    assert source_version() == source_version()
    assert len(Liveness().version) == 12
    assert UpperFace().version != Liveness().version
