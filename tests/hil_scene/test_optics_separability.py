"""The separability table: what it says is what physics allows, and the command prints it."""

import numpy as np
import pytest

from hil.scene.optics.__main__ import main
from hil.scene.optics.paint import SUBSTANCE
from hil.scene.optics.separability import RATIOS, SKIN, TONES, survey


@pytest.fixture(scope="module")
def rows():
    return survey(draws=25, seed=3)


def far(rows, name, tone, pair):
    skin = next(row for row in rows if row.name == SKIN and row.tone == tone).log_ratio(*pair)
    other = next(row for row in rows if row.name == name and row.tone == tone).log_ratio(*pair)
    return abs(other[0] - skin[0]) / np.hypot(other[1], skin[1])


def test_every_surface_is_there_at_every_tone(rows):
    names = {row.name for row in rows}
    assert {SKIN, "print_dye", "silicone_tuned_mask", "screen_lcd", "medical_mask"} <= names
    for name in names & ({SKIN} | set(SUBSTANCE)):
        assert [row.tone for row in rows if row.name == name] == list(TONES)


def test_swir_tells_every_species_from_skin_of_every_tone(rows):
    for name in {row.name for row in rows} & set(SUBSTANCE):
        for tone in TONES:
            assert far(rows, name, tone, ("1300", "1050")) > 5, (name, tone)
            assert far(rows, name, tone, ("1550", "1050")) > 10, (name, tone)


def test_nir_tells_light_skin_from_paint_but_not_from_tuned_silicone_nor_the_darkest_skin(rows):
    assert far(rows, "resin_mask", "II", ("940", "850")) > 3
    assert far(rows, "silicone_tuned_mask", "III", ("940", "850")) < 2.5
    assert far(rows, "resin_mask", "VI", ("940", "850")) < 2


def test_the_command_prints_both_tables_and_says_that_they_are_simulated(capsys):
    assert main(["--draws", "3"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Simulated")
    assert printed.count("| silicone_tuned_mask |") == 7
    assert all(f"ln {over}/{under}" in printed for over, under in RATIOS)
    assert "nan" not in printed


@pytest.mark.parametrize("draws", ["1", "-4", "many"])
def test_too_few_draws_are_refused(draws, capsys):
    with pytest.raises(SystemExit) as refused:
        main(["--draws", draws])
    assert refused.value.code == 2
    assert capsys.readouterr().err
