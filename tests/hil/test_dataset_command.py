"""The data set command: what it writes, that it can be broken off, that it repeats, what it refuses."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from appliance.evaluate.dataset import Dataset, DatasetError
from hil.cli import app
from hil.dataset.cases import CONDITIONS, Plan, PlanError, case, ids, person
from hil.dataset.run import missing, write
from hil.scene.burst import plan_of
from hil.scene.mount import LED_W_M2

SMALL = Plan("small", 2, 1, species=("silicone_nose",), sites=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "small"
    assert write(folder, SMALL, swir=True) == 3
    return folder


def test_every_capture_is_whole_and_says_that_it_is_simulated(made):
    dataset = Dataset(made)
    assert dataset.header.kind == "simulated"
    assert len(dataset.records) == 3
    for record in dataset.records:
        capture = dataset.load(record)
        assert capture.rgb.shape == (448, 384, 3)
        lit = [e.led for e in capture.exposures if e.camera == "nir"]
        assert sorted(map(str, lit)) == sorted(["None", "None", "850L", "850R", "850C", "940L", "940R", "970L", "970R"])
        assert len([e for e in capture.exposures if e.camera == "swir"]) == 8
        assert capture.planes["thermal"].max() > 25
        assert 0.3 < np.percentile(capture.planes["depth"], 5) < 0.9
        assert set(record.groups) >= {"fitzpatrick", "glasses", "beard", "make_up", "medical_mask", "headscarf"}


def test_an_attack_is_presented_by_somebody_else(made):
    attack = next(r for r in Dataset(made).records if r.species == "silicone_nose")
    assert attack.instrument_of is not None
    assert attack.instrument_of != attack.subject


def test_lit_frames_answer_at_the_reference(made):
    dataset = Dataset(made)
    capture = dataset.load(dataset.records[0])
    patch = capture.patches["nir"]
    box = (slice(patch.y + 6, patch.y + patch.height - 6), slice(patch.x + 6, patch.x + patch.width - 6))
    level = {e.led: e.image[box].mean() / e.gain for e in capture.exposures if e.camera == "nir"}
    assert all(level[led] > level[None] + 20 for led in level if led is not None)


def test_a_broken_off_run_is_continued_and_gives_the_same(made, tmp_path):
    write(tmp_path / "part", Plan("small", 1, 0, species=("silicone_nose",), sites=2), swir=True)
    lines = (tmp_path / "part" / "index.jsonl").read_text().splitlines()
    assert len(lines) == 1
    assert write(tmp_path / "part", SMALL, swir=True) == 2
    assert write(tmp_path / "part", SMALL, swir=True) == 0
    one, other = Dataset(made), Dataset(tmp_path / "part")
    assert {r.id for r in one.records} == {r.id for r in other.records}
    record = next(r for r in one.records if r.species == "silicone_nose")
    again = next(r for r in other.records if r.id == record.id)
    assert again == record
    for a, b in zip(one.load(record).exposures, other.load(again).exposures, strict=True):
        np.testing.assert_array_equal(a.image, b.image)


def test_another_data_set_is_not_continued(made):
    with pytest.raises(DatasetError, match="another data set"):
        missing(made, Plan("small", 2, 1, seed=2), swir=True)
    with pytest.raises(DatasetError, match="another data set"):
        missing(made, SMALL, swir=False)


def test_without_swir_there_is_none(tmp_path):
    write(tmp_path / "nir", Plan("nir", 1, 0), swir=False)
    dataset = Dataset(tmp_path / "nir")
    assert "1550" not in dataset.header.channels
    assert {e.camera for e in dataset.load(dataset.records[0]).exposures} == {"nir"}


def test_people_are_balanced_and_splits_share_nobody():
    plan = Plan("balance", 240, 0)
    first = [case(plan, *job) for job in list(ids(plan))[:60]]
    types = [one.groups["fitzpatrick"] for one in first]
    assert all(7 <= types.count(name) <= 13 for name in ("I", "II", "III", "IV", "V", "VI")), types
    other = Plan("balance", 240, 0, split="site")
    assert {person(plan, n).key for n in range(120)}.isdisjoint(person(other, n).key for n in range(120))
    assert person(plan, 3).params != person(other, 3).params


def test_a_fixed_condition_holds_and_marks_a_sweep():
    plan = Plan("swept", 8, 2, conditions={"sun": 0.3, "distance": 0.95, "speed": 0.15, "yaw": 20.0, "led_drift": 0.1})
    for job in ids(plan):
        drawn = case(plan, *job)
        stated = drawn.conditions
        assert stated["sun"] == drawn.light.sun == 0.3
        assert stated["distance_m"] == drawn.pose.distance_m == 0.95
        assert abs(drawn.pose.yaw_deg) == 20.0
        assert np.linalg.norm([drawn.motion.right, drawn.motion.up, drawn.motion.near]) == pytest.approx(0.15)
        assert stated["sweep"] == "sun"
        assert any(abs(power - 1) > 0.01 for power in drawn.mount.power.values())
    assert set(CONDITIONS.values()) >= {"sun", "speed_m_s", "distance_m", "yaw_deg"}
    assert all(
        d.wearables.make_up == d.conditions["make_up"] == "full"
        for d in (
            case(made_up, *job) for made_up in [Plan("m", 6, 0, conditions={"make_up": "full"})] for job in ids(made_up)
        )
    )


def test_one_data_set_holds_the_headline_and_every_sweep():
    fixed = ({}, {"sun": 0.3}, {"sun": 0.6}, {"sun": 0.3, "make_up": "full"})
    keys = [key for conditions in fixed for key, *_ in ids(Plan("a", 3, 1, conditions=conditions))]
    assert len(set(keys)) == len(keys)
    headline = next(ids(Plan("a", 3, 1)))[0]
    assert headline == "bona_fide-train-1-00000"


@pytest.mark.parametrize(
    ("name", "value"), [("sun", 3.0), ("rain", 1.0), ("make_up", "clown"), ("yaw", "left"), ("distance", 0.0)]
)
def test_impossible_conditions_are_refused(name, value):
    with pytest.raises(PlanError, match=name):
        Plan("no", 1, 1, conditions={name: value})


@pytest.mark.parametrize("given", [{"species": ("ghost",)}, {"bona_fide": -1}, {"sites": 0}])
def test_impossible_plans_are_refused(given):
    with pytest.raises(PlanError):
        Plan(**{"name": "no", "bona_fide": 1, "per_species": 1, **given})


def test_orders_are_drawn_and_complete():
    rng = np.random.default_rng(1)
    orders = [tuple(map(str, plan_of(("nir", "swir"), rng)["nir"])) for _ in range(20)]
    assert len(set(orders)) > 15
    lit = plan_of(("nir", "swir"), rng)
    assert {led[:-1] for order in lit.values() for led in order if led} == set(LED_W_M2)


def test_the_command_makes_a_set_and_a_sheet(made, tmp_path):
    run = CliRunner().invoke(app, ["dataset", "sheet", str(made), str(tmp_path / "sheet.png"), "--rows", "1"])
    assert run.exit_code == 0, run.output
    assert "simulated" in run.output
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    run = CliRunner().invoke(
        app, ["dataset", str(tmp_path / "one"), "--bona-fide", "1", "--per-species", "0", "--no-swir"]
    )
    assert run.exit_code == 0, run.output
    assert len((tmp_path / "one" / "index.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [["out", "--condition", "sun"], ["out", "--condition", "sun=9"], ["sheet", "nowhere", "x.png"], ["a", "b"]],
)
def test_the_command_refuses_in_words(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(app, ["dataset", *words])
    assert run.exit_code == 2
    assert run.output.strip()
    assert not list(tmp_path.iterdir())


def test_a_set_without_pictures_is_no_sheet(made, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "dataset.json").write_text(json.dumps(json.loads((made / "dataset.json").read_text())))
    (tmp_path / "empty" / "index.jsonl").touch()
    run = CliRunner().invoke(app, ["dataset", "sheet", str(tmp_path / "empty"), str(tmp_path / "no.png")])
    assert run.exit_code == 2
    assert "empty" in run.output
