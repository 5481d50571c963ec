"""Spectra and how they mix; and, with the tables, that skin and materials come out as they were measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.examiner import materials
from hil.examiner.materials import matched
from hil.examiner.skin import TYPES, draw_skin
from hil.examiner.spectra import BANDS, NM, bell, optics, resample, scattering_layer, yule_nielsen

BOX = np.array(
    [
        [0.75, 0.78, 0.78, *[0.75] * 8],
        [0.02, 0.03, 0.50, *[0.70] * 8],
        [0.02, 0.45, 0.58, *[0.60] * 8],
        [0.02, 0.02, 0.02, *[0.05] * 8],
    ]
)


def test_gaps_are_bridged_and_ends_held():
    values = resample(np.array([500.0, 600.0, 700.0]), np.array([0.2, np.nan, 0.6]))
    assert values[NM == 600.0] == pytest.approx(0.4)
    assert values[0] == 0.2
    assert values[-1] == 0.6


def test_a_column_without_a_number_is_refused():
    with pytest.raises(ValueError, match="without a single value"):
        resample(np.array([500.0, 600.0]), np.full(2, np.nan))


def test_without_spreading_light_dots_mix_by_area():
    mixed = yule_nielsen(np.array([0.25, 0.75]), np.array([[0.8, 0.4], [0.1, 0.2]]), 1.0)
    assert mixed == pytest.approx([0.275, 0.25])


@given(st.floats(0.0, 1.0), st.floats(1.0, 4.0))
def test_spreading_light_only_darkens_a_mosaic(share, n):
    primaries = np.array([[0.9], [0.05]])
    flat = yule_nielsen(np.array([share, 1 - share]), primaries, 1.0)[0]
    spread = yule_nielsen(np.array([share, 1 - share]), primaries, n)[0]
    assert 0.05 - 1e-9 <= spread <= flat + 1e-9


def test_light_cannot_spread_less_than_not_at_all():
    with pytest.raises(ValueError, match="at least 1"):
        yule_nielsen(np.array([1.0]), np.array([[0.5]]), 0.5)


def test_more_absorption_darkens_and_more_filler_brightens():
    clear = scattering_layer(np.array([0.1, 1.0, 10.0]), np.full(3, 20.0))
    assert (np.diff(clear) < 0).all()
    assert (scattering_layer(np.array([0.1, 1.0, 10.0]), np.full(3, 40.0)) > clear).all()


@given(st.lists(st.floats(0.02, 1.0), min_size=4, max_size=4))
def test_a_colour_that_can_be_mixed_is_matched(raw):
    shares = np.array(raw) / sum(raw)
    wanted = yule_nielsen(shares, BOX, 2.0)[:3]
    found = matched(BOX, wanted[None], 2.0)[0]
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1.0)
    assert yule_nielsen(found, BOX, 2.0)[:3] == pytest.approx(wanted, abs=0.01)


def test_many_colours_are_matched_as_one_by_one():
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.ones(4), 2500)
    wanted = yule_nielsen(shares, BOX, 2.0)[:, :3]
    found = yule_nielsen(matched(BOX, wanted, 2.0), BOX, 2.0)[:, :3]
    assert np.median(np.abs(found - wanted)) < 0.01
    assert np.percentile(np.abs(found - wanted), 99) < 0.06


def test_a_colour_out_of_reach_gets_the_nearest():
    found = yule_nielsen(matched(BOX, np.array([[0.9, 0.0, 0.0]]), 2.0), BOX, 2.0)[0]
    assert (found >= 0.0).all()
    assert (found <= 1.0).all()


@pytest.mark.measured
def test_bands_of_a_rig_are_averages_near_their_names(tables):
    rig = optics(np.random.default_rng(0))
    centres = rig.bands(NM[None])[0]
    assert rig.bands(np.ones_like(NM)) == pytest.approx(np.ones(len(BANDS)))
    for name, centre in zip(BANDS[3:9], centres[3:9], strict=True):
        assert centre == pytest.approx(float(name), abs=14.0)
    assert (np.diff(centres[:3]) > 50.0).all()
    assert (rig.electrons[3:] > 1000.0).all()


@pytest.mark.measured
def test_a_warm_led_shines_redder(tables):
    cold, warm = (optics(np.random.default_rng(0), heating).bands(NM[None])[0] for heating in (0.0, 0.2))
    assert (warm[3:9] > cold[3:9] + 3.0).all()


@pytest.mark.measured
def test_skin_shows_water_whatever_its_pigment(tables):
    rig = optics(np.random.default_rng(0))
    green = []
    for name in TYPES:
        skins = [draw_skin(np.random.default_rng(seed), name) for seed in range(12)]
        bands = dict(zip(BANDS, np.array([rig.bands(skin.spectrum) for skin in skins]).mean(0), strict=True))
        assert 0.90 < bands["970"] / bands["940"] < 1.0
        assert 0.55 < bands["1300"] / bands["1050"] < 0.72
        assert 0.12 < bands["1550"] / bands["1050"] < 0.30
        assert bands["B"] < bands["G"] < bands["R"]
        assert {skin.origin for skin in skins} == {"modelled" if name == "VI" else "measured"}
        green.append(bands["G"])
    assert (np.diff(green) < 0.0).all()


@pytest.mark.measured
def test_a_type_that_does_not_exist_is_refused(tables):
    with pytest.raises(ValueError, match="VII"):
        draw_skin(np.random.default_rng(0), "VII")


@pytest.mark.measured
@pytest.mark.parametrize("species", sorted(materials._MAKERS))
def test_an_instrument_looks_like_its_victim_and_is_not_skin_in_swir(tables, species):
    rig = optics(np.random.default_rng(0))
    look = np.array([[0.22, 0.30, 0.42], [0.10, 0.16, 0.25]])
    for seed in range(6):
        colour = materials.recipe(species, np.random.default_rng(seed), rig).colour(look)
        assert np.isfinite(colour).all()
        assert (colour > 0.0).all()
        assert (colour < 1.0).all()
        assert np.abs(colour[:, :3] - look).max() < 0.12
        assert colour[0, 8] / colour[0, 6] > 0.45


@pytest.mark.measured
def test_tuned_silicone_imitates_water_where_its_maker_looked(tables):
    rig = optics(np.random.default_rng(0))
    look = np.array([[0.22, 0.30, 0.42]])

    def ratio(species: str) -> float:
        made = [materials.recipe(species, np.random.default_rng(seed), rig).colour(look)[0] for seed in range(8)]
        return float(np.mean([colour[5] / colour[3] for colour in made]))

    assert ratio("silicone_tuned_mask") < ratio("silicone_mask") - 0.04


def test_a_line_is_one_at_its_centre():
    assert bell(850.0, 40.0).max() == 1.0
    assert bell(850.0, 40.0)[NM == 870.0] == pytest.approx(0.5)
