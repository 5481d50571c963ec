"""Who teaches, who judges, what is remembered: on a data set whose answers are known by hand."""

from pathlib import Path

import pytest
from evaluate_toys import ToyPack, ToySystem, toy_dataset

from appliance.clock import ManualClock
from appliance.core.types import Result
from appliance.evaluate.dataset import Dataset, DatasetError
from appliance.evaluate.extraction import NO_FACE, Extraction, restrict
from appliance.evaluate.matching import compare_all
from appliance.evaluate.run import CannotEvaluate, Evaluation, Question, standard_sets, under_test
from appliance.evaluate.species import BONA_FIDE
from appliance.evaluate.system import CannotLearn

NIR = "rgb+850+940"
TRAIN = [(BONA_FIDE, "a", "train", 20), (BONA_FIDE, "b", "train", 30), ("print_dye", "c", "train", 90)]
TRAIN += [("latex_mask", "c", "train", 80), (BONA_FIDE, "d", "site", 40), (BONA_FIDE, "e", "test", 41)]
TEST = [(BONA_FIDE, "x", "test", 39), (BONA_FIDE, "y", "test", 42), ("print_dye", "z", "test", 90)]
TEST += [("latex_mask", "z", "test", 35), ("paper_mask", "z", "test", 60), ("paper_mask", "z", "test", 255)]


@pytest.fixture
def train(tmp_path: Path) -> Dataset:
    return toy_dataset(tmp_path / "train", TRAIN, name="site-a")


@pytest.fixture
def test(tmp_path: Path) -> Dataset:
    return toy_dataset(tmp_path / "test", TEST, name="site-b")


@pytest.fixture
def system() -> ToySystem:
    return ToySystem()


@pytest.fixture
def pack() -> ToyPack:
    return ToyPack()


@pytest.fixture
def evaluation(system: ToySystem, pack: ToyPack, tmp_path: Path) -> Evaluation:
    return Evaluation(system, Extraction(system, pack, tmp_path / "cache", ManualClock()), ManualClock())


def left_out(test: Dataset, train: Dataset | None, protocol: str = "leave-one-species-out") -> Question:
    return Question(test, train, protocol, NIR)  # type: ignore[arg-type]


def test_each_species_is_judged_by_a_detector_that_never_saw_it(
    evaluation: Evaluation, system: ToySystem, test: Dataset, train: Dataset
) -> None:
    header, rows = evaluation.run(left_out(test, train))
    assert [judge.taught for judge in system.judges] == [
        {"print_dye", "latex_mask"},
        {"print_dye"},
        {"latex_mask"},
    ]
    assert [row.result for row in rows] == [
        Result.SUCCESSFUL,
        Result.FAILED,
        Result.FAILED,
        Result.SUCCESSFUL,
        Result.FAILED,
        Result.NOT_PERFORMED,
    ]
    assert [row.reason for row in rows[1:5]] == [
        "Taught ['latex_mask', 'print_dye'].",
        "Taught ['latex_mask'].",
        "Taught ['print_dye'].",
        "Taught ['latex_mask', 'print_dye'].",
    ]
    assert header.protocol == "leave-one-species-out"
    assert set(header.fold_bpcer) == {"print_dye", "latex_mask", "paper_mask"}
    assert header.fold_bpcer["print_dye"] == 0.5


def test_the_threshold_comes_from_the_site_and_what_it_promises_from_people_it_never_saw(
    evaluation: Evaluation, system: ToySystem, test: Dataset, train: Dataset
) -> None:
    header, _ = evaluation.run(left_out(test, train))
    assert {judge.limit for judge in system.judges} == {40.0}
    assert header.stated is not None
    assert (header.stated.n, header.stated.failed, header.stated.site) == (1, 1, "site-a")


def test_rows_say_what_was_asked_and_what_could_not_be_measured(
    evaluation: Evaluation, test: Dataset, train: Dataset
) -> None:
    _, rows = evaluation.run(left_out(test, train), compared={"p002": True}, matcher="toy-pack")
    silent = rows[-1]
    assert (silent.reason, silent.score, silent.shown) == ("Overexposed.", None, {})
    assert rows[2].compared is True
    assert rows[0].compared is None
    assert rows[0].shown == {"water": 39.0}
    assert rows[0].score == -39.0


def test_with_known_species_one_detector_judges_all(
    evaluation: Evaluation, system: ToySystem, test: Dataset, train: Dataset
) -> None:
    header, _ = evaluation.run(left_out(test, train, "species-known"))
    assert len(system.judges) == 1
    assert header.fold_bpcer == {}


def test_the_shipped_detector_is_taught_nothing(evaluation: Evaluation, system: ToySystem, test: Dataset) -> None:
    header, rows = evaluation.run(left_out(test, None, "shipped"))
    assert system.judges == []
    assert (header.detector, header.train_set, header.stated) == ("shipped", None, None)
    assert rows[1].result is Result.SUCCESSFUL


def test_masked_people_teach_as_masked_and_set_no_threshold(
    evaluation: Evaluation, system: ToySystem, test: Dataset, tmp_path: Path
) -> None:
    masked = toy_dataset(
        tmp_path / "m", [(BONA_FIDE, "d", "site", 99), (BONA_FIDE, "d", "train", 99)], groups={"medical_mask": "yes"}
    )
    bare = toy_dataset(tmp_path / "n", TRAIN, name="site-a")
    both = Dataset(bare.folder)
    both.records = (*bare.records, *(record.model_copy(update={"id": f"m{record.id}"}) for record in masked.records))
    for record in masked.records:
        (bare.folder / f"m{record.id}.npz").write_bytes((masked.folder / f"{record.id}.npz").read_bytes())
    evaluation.run(left_out(test, both, "species-known"))
    assert system.judges[0].limit == 40.0
    both.records = tuple(record for record in both.records if record.split != "site")
    evaluation.run(left_out(test, both, "species-known"))
    assert system.judges[1].limit == 30.0


def test_a_lane_without_a_band_never_sees_its_frames(test: Dataset) -> None:
    capture = test.load(test.records[0])
    assert [exposure.led for exposure in restrict(capture, "rgb+850").exposures] == [None, "850L", "850C"]
    assert restrict(capture, "rgb").exposures == ()
    assert list(restrict(capture, "rgb+thermal").planes) == ["thermal"]
    assert restrict(capture, "rgb+850").planes == {}


def test_what_was_measured_once_is_not_measured_again(
    evaluation: Evaluation, system: ToySystem, pack: ToyPack, test: Dataset, train: Dataset
) -> None:
    first = evaluation.run(left_out(test, train))
    measured, looked = len(system.measured), pack.looked
    assert evaluation.run(left_out(test, train)) == first
    assert (len(system.measured), pack.looked) == (measured, looked)


def test_changed_images_and_changed_code_are_measured_anew(
    evaluation: Evaluation, system: ToySystem, test: Dataset, train: Dataset, tmp_path: Path
) -> None:
    evaluation.run(left_out(test, None, "shipped"))
    before = len(system.measured)
    other = toy_dataset(tmp_path / "changed", [(*TEST[0][:3], 44), *TEST[1:]], name="site-b")
    _, rows = evaluation.run(left_out(other, None, "shipped"))
    assert len(system.measured) == before + 1
    assert rows[0].score == -44.0
    system.version = "toy 2"
    evaluation.run(left_out(other, None, "shipped"))
    assert len(system.measured) == before + 1 + len(TEST)


def test_a_cache_that_broke_off_or_holds_rubbish_is_no_harm(
    evaluation: Evaluation, system: ToySystem, test: Dataset, tmp_path: Path
) -> None:
    first = evaluation.run(left_out(test, None, "shipped"))
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:-25] + b"")
        with path.open("a") as file:
            file.write("\nnull\n[]\n{}\nnot json")
    assert evaluation.run(left_out(test, None, "shipped")) == first
    before = len(system.measured)
    assert evaluation.run(left_out(test, None, "shipped")) == first
    assert len(system.measured) == before


def test_a_presentation_without_a_face_is_a_non_response(evaluation: Evaluation, pack: ToyPack, tmp_path: Path) -> None:
    data = toy_dataset(tmp_path / "dark", [("print_dye", "z", "test", 10), (BONA_FIDE, "x", "test", 10)])
    pack.detect = lambda image_bgr: []  # type: ignore[method-assign]
    _, rows = evaluation.run(left_out(data, None, "shipped"))
    assert {(row.result, row.reason) for row in rows} == {(Result.NOT_PERFORMED, NO_FACE)}


def test_images_that_are_gone_are_no_non_response_but_an_error(evaluation: Evaluation, test: Dataset) -> None:
    (test.folder / "p001.npz").unlink()
    with pytest.raises(DatasetError, match=r"p001\.npz"):
        evaluation.run(left_out(test, None, "shipped"))


@pytest.mark.parametrize(
    ("bands", "says"),
    [("rgb+1550", "has no channel 1550"), ("850+rgb", "'rgb\\+850' would be"), ("rgb+1234", "unknown bands")],
)
def test_bands_that_are_not_there_or_misnamed_are_refused(
    evaluation: Evaluation, test: Dataset, bands: str, says: str
) -> None:
    with pytest.raises(CannotEvaluate, match=says):
        evaluation.run(Question(test, None, "shipped", bands))


def test_what_makes_no_sense_is_refused(evaluation: Evaluation, test: Dataset, train: Dataset, tmp_path: Path) -> None:
    with pytest.raises(CannotEvaluate, match="--train"):
        evaluation.run(left_out(test, None))
    with pytest.raises(CannotEvaluate, match="--train"):
        evaluation.run(left_out(test, train, "shipped"))
    nothing = toy_dataset(tmp_path / "none", TRAIN[:3], name="none")
    with pytest.raises(CannotEvaluate, match="split 'test'"):
        evaluation.run(left_out(nothing, None, "shipped"))
    with pytest.raises(CannotEvaluate, match="split 'train'"):
        evaluation.run(left_out(test, toy_dataset(tmp_path / "only", [TEST[0]], name="only")))
    with pytest.raises(CannotLearn):
        evaluation.run(left_out(test, toy_dataset(tmp_path / "good", TRAIN[:2], name="good"), "species-known"))


def test_nobody_may_both_teach_and_be_tested(evaluation: Evaluation, tmp_path: Path) -> None:
    data = toy_dataset(tmp_path / "one", [*TRAIN[:4], (BONA_FIDE, "a", "test", 20)])
    with pytest.raises(CannotEvaluate, match="subjects a stand"):
        evaluation.run(left_out(data, data))


def test_standard_sets_are_those_the_data_has(test: Dataset, tmp_path: Path) -> None:
    assert standard_sets(test) == ["rgb", "rgb+850", "rgb+850+940"]
    assert standard_sets(toy_dataset(tmp_path / "c", TEST, channels=("B", "G", "R", "thermal"))) == ["rgb"]


def test_an_attack_is_compared_with_its_victim_and_a_traveller_with_another_picture_of_himself(tmp_path: Path) -> None:
    rows = [(BONA_FIDE, "victim", "train", 1), ("latex_mask", "z", "test", 1), (BONA_FIDE, "v", "test", 1)]
    data = toy_dataset(tmp_path / "d", [*rows, (BONA_FIDE, "v", "test", 1), ("print_dye", "z", "test", 1)])
    # Pictures grow brighter by one each; like brightness is the same person, and the first gives no template.
    assert compare_all(ToyPack(), data, under_test(data)) == {"p002": True, "p003": True}
    alone = toy_dataset(tmp_path / "f", [(BONA_FIDE, "nobody", "train", 1), (BONA_FIDE, "v", "test", 1)])
    assert compare_all(ToyPack(), alone, under_test(alone)) == {}
    shifted = toy_dataset(tmp_path / "e", [(BONA_FIDE, "nobody", "train", 1), *rows, (BONA_FIDE, "v", "test", 1)])
    assert compare_all(ToyPack(), shifted, under_test(shifted)) == {"p002": True, "p003": True, "p004": True}
