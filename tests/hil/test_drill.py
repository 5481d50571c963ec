"""The fault drill: every fault is one, and the command says what was accepted."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from appliance.evaluate.dataset import Dataset, DatasetError, ExposureRecord, Header, PatchRecord, Record, Writer
from appliance.liveness.burst import Capture, Exposure, GreyPatch
from hil.cli import app
from hil.drill import FAULTS, answers, calibrate

pytestmark = pytest.mark.rig

LEDS = ("850L", None, "940R", "850C", "940L", None, "850R")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One presentation of noise: enough to be spoilt, too little to pass."""
    rng = np.random.default_rng(1)
    patch = PatchRecord(box=(4, 4, 10, 10))
    header = Header(
        name="noise", kind="simulated", source="test", channels=("850", "940"), patches={"rgb": patch, "nir": patch}
    )
    record = Record(
        id="one",
        species="bona_fide",
        subject="nobody",
        split="test",
        exposures=tuple(ExposureRecord(camera="nir", led=led, sequence=k, at_s=k / 30) for k, led in enumerate(LEDS)),
    )
    with Writer(tmp_path, header) as writer:
        frames = rng.integers(20, 200, (len(LEDS), 60, 50), dtype=np.uint8)
        writer.add(record, rng.integers(0, 255, (60, 50, 3), dtype=np.uint8), {"nir": frames})
    return tmp_path


def capture(folder: Path) -> Capture:
    data = Dataset(folder)
    return data.load(data.records[0])


def told(seen: Capture) -> list[tuple[str | None, int, bytes]]:
    return [(e.led, e.sequence, e.image.tobytes()) for e in seen.exposures]


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_changes_the_burst_and_leaves_the_picture(folder: Path, name: str) -> None:
    whole = capture(folder)
    broken = FAULTS[name](whole, np.random.default_rng(2))
    assert told(broken) != told(whole)
    assert broken.rgb is whole.rgb
    assert [e.sequence for e in broken.exposures] == sorted(e.sequence for e in broken.exposures)


def test_without_a_genuine_face_that_passes_there_is_no_drill(folder: Path) -> None:
    done = CliRunner().invoke(app, ["drill", str(folder), "--count", "10"])
    assert done.exit_code == 2, done.output
    assert "0 of 1 genuine presentations pass" in done.output


def test_an_unknown_band_set_is_one_sentence(folder: Path) -> None:
    done = CliRunner().invoke(app, ["drill", str(folder), "--bands", "rgb+1050"])
    assert done.exit_code == 2
    assert "no detector for the band set rgb+1050" in done.output


SEEDS = count()
GREY = {"850L": 240, "850R": 236, "940L": 104, "940R": 101, "850C": 230}


def looked(exchanged: bool = False) -> Capture:
    """A burst over the grey reference, its lamps as bright as they are installed."""
    rng = np.random.default_rng([exchanged, next(SEEDS)])
    swap = {"850L": "940L", "940L": "850L", "850R": "940R", "940R": "850R"} if exchanged else {}
    frames = tuple(
        Exposure("nir", led, noisy(rng, GREY.get(swap.get(led or "", led or ""), 4)), k, k / 30)
        for k, led in enumerate(LEDS)
    )
    return Capture(np.zeros((60, 50, 3), np.uint8), frames, {"nir": GreyPatch(4, 4, 20, 20)})


def noisy(rng: np.random.Generator, level: float) -> np.ndarray:
    return np.clip(rng.normal(level, 1.5, (60, 50)), 0, 249).astype(np.uint8)


def test_a_burst_is_held_against_the_calibration_of_its_site() -> None:
    cameras = calibrate([looked(), looked()])
    assert answers(looked(), cameras)
    assert not answers(looked(exchanged=True), cameras)


def test_no_calibration_is_made_of_a_burst_with_a_fault(folder: Path) -> None:
    with pytest.raises(DatasetError, match="no calibration can be made of the nir camera"):
        calibrate([capture(folder), capture(folder)])
