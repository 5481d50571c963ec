"""The pages that speak of figures say what the package says."""

import re
from pathlib import Path

import pytest

from appliance.evaluate.claims import shipped, shipped_upper
from appliance.evaluate.claims_text import update
from appliance.evaluate.dataset import Header, Record
from appliance.evaluate.figures import bounds
from appliance.evaluate.loaders.registry import SOURCES
from appliance.liveness.detector import UPPER, available, load

ROOT = Path(__file__).parents[2]


def test_the_table_in_the_readme_is_that_of_the_claims() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert update(page, shipped()) == page, "run: appliance claims --update README.md"


def test_the_page_for_laboratories_names_every_field_and_every_set() -> None:
    page = (ROOT / "docs" / "measure-a-rig.md").read_text(encoding="utf-8")
    for field in (*Header.model_fields, *Record.model_fields):
        assert f"`{field}`" in page, field
    for kind in SOURCES:
        assert f"evaluate import {kind}" in page


@pytest.mark.parametrize(
    ("errors", "n", "rate"), [(0, 59, 0.05), (0, 99, 0.03), (0, 299, 0.01), (2, 124, 0.05), (5, 208, 0.05)]
)
def test_the_numbers_a_laboratory_plans_with_are_right(errors: int, n: int, rate: float) -> None:
    assert bounds(errors, n)[1] <= rate
    assert bounds(errors, n - 1)[1] > rate


def test_every_command_of_the_page_exists() -> None:
    from typer.testing import CliRunner

    from appliance.main import app

    page = (ROOT / "docs" / "measure-a-rig.md").read_text(encoding="utf-8")
    for command in sorted(set(re.findall(r"appliance (evaluate \w+|claims)", page))):
        shown = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, command
        for option in set(re.findall(rf"appliance {command} [^\n`|]*", page)):
            for flag in re.findall(r"--[a-z-]+", option):
                assert flag in shown.output, (command, flag)


def test_what_is_claimed_is_claimed_of_the_detectors_that_are_shipped() -> None:
    claims = [one for one in shipped() if one.band_set in available()]
    assert claims
    for one in claims:
        assert one.detector == load(one.band_set).version, f"evaluate {one.band_set} anew: its detector has changed"


def test_above_a_mask_too_and_of_simulated_presentations_alone() -> None:
    claims = shipped_upper()
    assert {one.band_set for one in claims} == {path.stem for path in UPPER.glob("*.json")}
    for one in claims:
        assert one.kind == "simulated"
        assert one.detector == load(one.band_set, UPPER).version, f"evaluate {one.band_set} --upper anew"
