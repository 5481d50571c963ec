"""The commands: what they print and write, and that what cannot be done is said in one sentence with exit 1."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluate_rows import attack, drawn, genuine, header
from evaluate_toys import ToyPack, ToySystem, toy_dataset
from typer.testing import CliRunner, Result

from appliance.core.types import Result as Outcome
from appliance.evaluate import cli
from appliance.evaluate.claims import claims_of, publish
from appliance.evaluate.claims_text import BEGIN, END
from appliance.evaluate.outcome import read, write
from appliance.evaluate.species import BONA_FIDE
from appliance.main import app

TRAIN = [(BONA_FIDE, "a", "train", 20), ("print_dye", "c", "train", 90), ("latex_mask", "c", "train", 80)]
TEST = [(BONA_FIDE, "x", "test", 15), ("print_dye", "z", "test", 90), ("latex_mask", "z", "test", 10)]


def appliance(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.evaluate.subject.Liveness", ToySystem)
    monkeypatch.setattr("appliance.face.packs.load_pack", lambda name, folder: ToyPack())


def test_an_evaluation_prints_its_figures_and_leaves_rows_claims_and_report(tmp_path: Path, toys: None) -> None:
    toy_dataset(tmp_path / "train", TRAIN, name="site-a")
    toy_dataset(tmp_path / "test", TEST, name="site-b")
    done = appliance(
        *("evaluate", "liveness", tmp_path / "test", "--train", tmp_path / "train", "--bands", "rgb+850+940"),
        *("--report", tmp_path / "out" / "report.html", "--claims", tmp_path / "claims"),
        *("--outcomes", tmp_path / "rows", "--matcher", "--cache", tmp_path / "cache"),
    )
    assert done.exit_code == 0, done.output
    assert "| Latex mask | ✖ 1/1" in done.output
    (rows,) = (tmp_path / "rows").iterdir()
    run = read(rows)
    assert run.header.protocol == "leave-one-species-out"
    assert run.header.matcher == "toy-pack"
    (claims,) = (tmp_path / "claims").iterdir()
    assert json.loads(claims.read_text())["species"]["latex_mask"] == {
        "n": 1,
        "accepted": 1,
        "undetermined": 0,
        "no_response": 0,
    }
    assert "SIMULATED" in (tmp_path / "out" / "report.html").read_text()

    again = appliance("evaluate", "report", tmp_path / "rows", "--report", tmp_path / "again.html")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "again.html").read_text() == (tmp_path / "out" / "report.html").read_text()


def test_without_a_band_set_every_standard_one_is_evaluated(tmp_path: Path, toys: None) -> None:
    toy_dataset(tmp_path / "test", TEST)
    done = appliance("evaluate", "liveness", tmp_path / "test", "--shipped", "--cache", tmp_path / "cache")
    assert done.exit_code == 0, done.output
    assert "| RGB | RGB + 850 | RGB + 850 + 940 |" in done.output
    assert "shipped" in done.output


def test_detectors_are_learned_one_file_a_band_set(tmp_path: Path, toys: None) -> None:
    toy_dataset(tmp_path / "train", TRAIN)
    done = appliance("evaluate", "learn", tmp_path / "train", tmp_path / "out", "--cache", tmp_path / "cache")
    assert done.exit_code == 0, done.output
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["rgb+850+940.json", "rgb+850.json", "rgb.json"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("evaluate", "liveness", "{empty}", "--shipped"), "dataset.json cannot be read"),
        (("evaluate", "liveness", "{data}"), "--train"),
        (("evaluate", "liveness", "{data}", "--shipped", "--bands", "rgb+1550"), "has no channel 1550"),
        (("evaluate", "learn", "{data}", "{empty}/out"), "no presentation of the split 'train'"),
        (("evaluate", "learn", "{data}", "{empty}/out", "--bands", "rgb+1300"), "has no channel 1300"),
        (("evaluate", "report", "{empty}", "--report", "{empty}/x.html"), "at least one run"),
        (("evaluate", "import", "celeba", "{empty}", "{empty}/out"), "no known set"),
        (("evaluate", "import", "folders", "{empty}", "{empty}/out"), "holds no presentation"),
        (("claims", "--from", "{empty}", "--bands", "rgb+850"), "untested"),
        (("claims", "--from", "{empty}", "--format", "pdf"), "no format"),
        (("claims", "--from", "{empty}", "--update", "{data}/dataset.json"), "no place for claims"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_1(
    tmp_path: Path, toys: None, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "empty").mkdir()
    toy_dataset(tmp_path / "data", TEST)
    places = {"empty": tmp_path / "empty", "data": tmp_path / "data"}
    done = appliance(*(argument.format(**places) for argument in arguments))
    assert done.exit_code == cli.REFUSED
    assert says in done.output
    assert "Traceback" not in done.output


def test_runs_of_both_kinds_make_no_report(tmp_path: Path) -> None:
    for kind in ("simulated", "measured"):
        write(tmp_path / f"{kind}.jsonl", header(kind=kind), [genuine(Outcome.SUCCESSFUL)])
    done = appliance("evaluate", "report", tmp_path, "--report", tmp_path / "report.html")
    assert done.exit_code == cli.REFUSED
    assert "never share a report" in done.output
    assert not (tmp_path / "report.html").exists()


def test_claims_are_printed_as_table_page_or_json_and_kept_in_a_page(tmp_path: Path) -> None:
    for band_set in ("rgb", "rgb+850+940"):
        publish(claims_of(header(band_set), drawn(band_set, per_species=5, bona_fide=9)), tmp_path)
    assert "SIMULATED" in appliance("claims", "--from", tmp_path).output
    page = appliance("claims", "--from", tmp_path, "--format", "markdown").output
    assert "| RGB | RGB + 850 + 940 |" in page
    one = json.loads(appliance("claims", "--from", tmp_path, "--format", "json", "--bands", "rgb").output)
    assert [claims["band_set"] for claims in one] == ["rgb"]
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    assert appliance("claims", "--from", tmp_path, "--update", readme).exit_code == 0
    assert readme.read_text() == f"before\n{BEGIN}\n{page}{END}\nafter\n"


def test_nothing_claimed_is_said(tmp_path: Path) -> None:
    done = appliance("claims", "--from", tmp_path)
    assert (done.exit_code, done.output) == (0, "No species has been tested with any band set.\n")


def test_a_folder_of_images_is_taken_in(tmp_path: Path) -> None:
    for name in ("p1", "p2"):
        (tmp_path / "in" / BONA_FIDE / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "in" / BONA_FIDE / name / "rgb.png"), np.full((30, 30, 3), 9, np.uint8))
    (tmp_path / "in" / BONA_FIDE / "p2" / "850.png").write_bytes(b"no picture")
    done = appliance(
        "evaluate", "import", "folders", tmp_path / "in", tmp_path / "out", "--name", "lab", "--skip-broken"
    )
    assert done.exit_code == 0, done.output
    assert "1 presentations, 1 left out" in done.output
    assert "850.png is no picture" in done.output


def test_the_worst_first_order_reaches_the_terminal(tmp_path: Path) -> None:
    rows = [attack(Outcome.FAILED, "print_dye")] * 4 + [attack(Outcome.SUCCESSFUL, "latex_mask")]
    publish(claims_of(header(), rows), tmp_path)
    shown = appliance("claims", "--from", tmp_path).output
    assert shown.index("Latex mask") < shown.index("Ink-jet print")
