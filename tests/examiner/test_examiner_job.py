"""From a job to a data set on disk: labels, order, determinism, going on after a break; and the contact sheet."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from appliance.evaluate.dataset import Dataset, Header, Record, Writer
from hil.examiner.__main__ import app
from hil.examiner.camera import FULL_WELL
from hil.examiner.job import Job, header, one, run, shoot, wanted
from hil.examiner.plan import PlanError, draw_plan
from hil.examiner.rig import NIR_LEDS, SWIR_LEDS, VIEW, draw_rig
from hil.examiner.stage import Seen
from hil.examiner.tracer import Planes

SHAPE = (VIEW.height, VIEW.width)


def seen_flat(rig) -> Seen:
    """What a tracer would give of a grey sheet that fills the image."""
    flat = np.ones(SHAPE)
    leds = {name: 0.5 * flat * rig.optics.electrons[3 + k // 3] for k, name in enumerate((*NIR_LEDS, *SWIR_LEDS))}
    planes = Planes(600.0 * flat, np.dstack([0 * flat, 0 * flat, flat]), 30.0 * flat, 0 * flat, 0 * flat)
    return Seen(leds, {"nir": 0.01 * flat, "swir": 0.01 * flat}, np.full((*SHAPE, 3), 0.4), planes, flat)


@pytest.mark.measured
def test_a_burst_holds_every_led_once_and_two_dark_frames_in_an_order_of_its_own(tables):
    rig = draw_rig(7)
    seen = seen_flat(rig)
    orders = []
    for k in range(4):
        shot = shoot(draw_plan(f"bona_fide-{k:04d}", "bona_fide", k, 7, {}), rig, seen)
        for camera, names in (("nir", NIR_LEDS), ("swir", SWIR_LEDS)):
            lines = [line for line in shot.record.exposures if line.camera == camera]
            assert sorted(line.led or "" for line in lines) == ["", "", *sorted(names)]
            assert [line.sequence for line in lines] == list(range(len(lines)))
            assert np.diff([line.at_s for line in lines]) == pytest.approx(1 / 30, abs=1e-4)
            assert len(shot.frames[camera]) == len(lines)
            for line, frame in zip(lines, shot.frames[camera], strict=True):
                if line.led:
                    level = seen.leds[line.led].mean() * line.gain * 255.0 / FULL_WELL
                    assert np.median(frame) == pytest.approx(level, rel=0.1)
                else:
                    assert np.median(frame) <= 2
        orders.append(tuple(line.led for line in shot.record.exposures))
        assert shot.planes["depth"].mean() == pytest.approx(0.6, abs=0.01)
    assert len(set(orders)) == len(orders)


@pytest.mark.measured
def test_the_grey_card_is_inside_every_camera_s_image(tables):
    for seed in range(20):
        rig = draw_rig(seed)
        for camera in ("rgb", "nir", "swir"):
            x, y, width, height = rig.patch(camera)
            assert min(x, y, width - 19, height - 19) >= 0
            assert x + width <= VIEW.width
            assert y + height <= VIEW.height


@pytest.mark.measured
def test_a_presentation_is_rendered_twice_alike_and_read_back(tables, tmp_path):
    job = Job(tmp_path / "out", bona_fide=1, per_species=0, samples=1)
    rig = draw_rig(job.seed)
    assert list(run(job, out=io.StringIO())) == ["bona_fide-0000"]
    data = Dataset(job.folder)
    (record,) = data.records
    capture = data.load(record)
    again = one("bona_fide-0000", "bona_fide", 0, job, rig)
    assert again.record == record
    assert np.array_equal(again.rgb, capture.rgb)
    assert all(np.array_equal(shot.image, again.frames[shot.camera][shot.sequence]) for shot in capture.exposures)
    assert set(capture.planes) == {"thermal", "depth"}
    assert data.header.kind == "simulated"
    assert record.split == "test"
    middle = np.s_[200:240, 170:210]
    assert 30.0 < np.median(capture.planes["thermal"][middle]) < 36.0
    assert np.median(capture.planes["depth"][middle]) == pytest.approx(record.conditions["distance_m"], abs=0.05)
    lit = {shot.led: np.median(shot.image[middle]) / shot.gain for shot in capture.exposures}
    assert lit["850L"] > 10 * lit[None], "the face is lit"
    # A second start finds nothing left to do and adds nothing.
    assert wanted(job) == []
    assert list(run(job, out=io.StringIO())) == []
    assert len(Dataset(job.folder).records) == 1


@pytest.mark.measured
def test_bands_that_are_not_asked_for_are_not_there(tables, tmp_path):
    job = Job(tmp_path, swir=False)
    rig = draw_rig(7)
    assert not {"1050", "1300", "1550"} & set(header(job, rig).channels)
    assert set(header(job, rig).patches) == {"rgb", "nir"}
    seen = seen_flat(rig)
    nir = Seen({name: seen.leds[name] for name in NIR_LEDS}, seen.ambient, seen.rgb, seen.planes, seen.near)
    shot = shoot(draw_plan("bona_fide-0000", "bona_fide", 0, 7, {}), rig, nir)
    assert set(shot.frames) == {"nir"}


def test_a_job_for_what_does_not_exist_is_refused_before_anything_is_written(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(PlanError, match="unknown species"):
        wanted(Job(out, species=("wax_figure",)))
    for arguments in (["--species", "wax_figure"], ["--condition", "sun=2"], ["--condition", "sun"]):
        result = CliRunner().invoke(app, ["render", str(out), *arguments])
        assert result.exit_code == 2
    assert not out.exists()


def test_parts_share_nothing_and_make_the_whole_whenever_each_of_them_starts(tmp_path):
    job = Job(tmp_path / "out", bona_fide=5, per_species=2)
    whole = [line[0] for line in wanted(job)]
    parts = [[line[0] for line in wanted(job, (k, 3))] for k in range(3)]
    assert sorted(id_ for part in parts for id_ in part) == sorted(whole)
    with Writer(job.folder, Header(name="x", kind="simulated", source="y", channels=("G",), patches={})) as writer:
        for id_ in (parts[0][0], parts[1][0]):
            record = Record(id=id_, species=id_.rsplit("-", 1)[0], subject="s", split="test")
            writer.add(record, np.zeros((8, 8, 3), np.uint8), {})
    assert [[line[0] for line in wanted(job, (k, 3))] for k in range(3)] == [parts[0][1:], parts[1][1:], parts[2]]


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "-1/2"])
def test_a_part_that_is_none_is_refused(tmp_path, part):
    result = CliRunner().invoke(app, ["render", str(tmp_path / "out"), "--part", part])
    assert result.exit_code == 2
    assert "K/N" in result.output


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "index.jsonl").write_text("not a data set\n")
    result = CliRunner().invoke(app, ["render", str(tmp_path), "--bona-fide", "1", "--per-species", "0"])
    assert result.exit_code == 2
    assert "cannot be read" in result.output


def small_set(folder: Path, species: tuple[str, ...]) -> None:
    patches = {name: {"box": (2, 2, 4, 4)} for name in ("rgb", "nir")}
    channels = ("B", "G", "R", "850")
    with Writer(folder, Header(name="s", kind="simulated", source="t", channels=channels, patches=patches)) as writer:
        for name in species:
            lines = [{"camera": "nir", "led": led, "sequence": k} for k, led in enumerate((None, "850L"))]
            record = Record(id=f"{name}-0", species=name, subject="a", split="test", exposures=lines)
            frames = {"nir": np.stack([np.zeros((40, 32), np.uint8), np.full((40, 32), 90, np.uint8)])}
            writer.add(record, np.full((40, 32, 3), 100, np.uint8), frames)


def test_the_sheet_shows_a_row_a_species(tmp_path):
    small_set(tmp_path / "d", ("print_dye", "bona_fide"))
    result = CliRunner().invoke(app, ["sheet", str(tmp_path / "d"), str(tmp_path / "s.png")])
    assert result.exit_code == 0, result.output
    picture = cv2.imread(str(tmp_path / "s.png"))
    assert picture.shape[0] == 2 * 224
    assert picture.shape[1] == pytest.approx(2 * 224 * 32 / 40, abs=2)


def test_a_sheet_of_nothing_is_refused(tmp_path):
    small_set(tmp_path / "d", ())
    for folder in (tmp_path / "d", tmp_path / "nowhere"):
        result = CliRunner().invoke(app, ["sheet", str(folder), str(tmp_path / "s.png")])
        assert result.exit_code == 2
    assert not (tmp_path / "s.png").exists()
