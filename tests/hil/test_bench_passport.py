"""The bench of passports: it counts our own time and nobody else's, and no reading that proved nothing."""

import time
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.clock import SystemClock, today
from appliance.core.types import InspectionStep as Step
from appliance.document.trust.anchors import Anchors
from hil.bench import passport
from hil.cli import app
from hil.passport.chip import Chip
from hil.passport.faults import Fault
from hil.passport.personalise import Options, make_passport
from hil.scene import CAST


@pytest.fixture(scope="module")
def anchors(tmp_path_factory: pytest.TempPathFactory) -> Anchors:
    return passport.trusting(tmp_path_factory.mktemp("trust"))


@pytest.fixture
def on() -> date:
    return today(SystemClock())


def test_every_step_has_its_share_and_the_whole_is_their_sum(anchors: Anchors) -> None:
    (way,) = passport.ways(anchors, 3, (passport.ASKED,))
    for reading in way.readings:
        assert set(reading.steps) == set(Step)
        assert 0 < sum(reading.steps.values()) <= reading.whole
    assert sum(share for _, share in way.shares()) == pytest.approx(1)
    assert len(way.shares()) == len(passport.STEPS) + 1
    assert way.commands[1] < way.commands[0] / 2, "extended length saves most of the commands"
    assert len(passport.cells(way)) == len(passport.COST_COLUMNS)


def test_the_chip_s_own_time_is_not_ours(anchors: Anchors, on: date, monkeypatch: pytest.MonkeyPatch) -> None:
    process = Chip.process

    def slow(chip: Chip, command: bytes) -> bytes:
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        return process(chip, command)

    monkeypatch.setattr(Chip, "process", slow)
    reading = passport.read(make_passport(CAST[0], passport.portrait()), anchors, on, passport.SHORT)
    assert reading.commands > 100
    assert reading.whole < reading.commands * 0.02 / 2


def test_a_passport_that_is_not_genuine_is_not_measured(anchors: Anchors, on: date) -> None:
    weak = make_passport(CAST[0], passport.portrait(), options=Options(), faults=(Fault.SHA1,))
    with pytest.raises(RuntimeError, match="algorithm_weak"):
        passport.read(weak, anchors, on, passport.SHORT)


def test_a_page_without_a_place_for_tables_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# nothing\n")
    done = CliRunner().invoke(app, ["bench", "passport", "--markdown", str(page)])
    assert done.exit_code == 2
    assert "cost:begin" in done.output
    assert page.read_text() == "# nothing\n"


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_the_portrait_is_one_of_20_kb(kind: str) -> None:
    assert 0.9 * passport.PORTRAIT_BYTES < len(passport.portrait(kind)) <= passport.PORTRAIT_BYTES
