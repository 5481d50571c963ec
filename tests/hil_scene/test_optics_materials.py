"""Materials, paints and make-up: the medians of the modelled batch, colours matched, the substrate shining through."""

import numpy as np
import pytest

from hil.scene.bands import CHANNELS
from hil.scene.optics import (
    KINDS,
    NAMES,
    PLAIN,
    SUBSTANCE,
    WAVELENGTHS,
    Variation,
    default_site,
    draw_batch,
    draw_site,
    draw_variation,
    make_up,
    make_up_bands,
    observe,
    of_tone,
    paint_bands,
    paint_spectra,
    reflectance,
    skin_table,
    spectrum,
    vary_material,
)

SITE = default_site()
TONES = observe(reflectance(of_tone(np.arange(1, 7))), SITE)[:, :3]


@pytest.mark.parametrize("name", NAMES)
def test_every_material_is_a_reflectance_and_its_batches_differ(name):
    rng = np.random.default_rng(1)
    seen = np.stack([spectrum(name), *(vary_material(name, rng) for _ in range(5))])
    assert seen.shape == (6, len(WAVELENGTHS))
    assert seen.dtype == np.float32
    assert seen.min() > 0
    assert seen.max() < 0.97
    assert np.ptp(seen, axis=0).min() > 0
    assert np.array_equal(spectrum(name, draw_batch(np.random.default_rng(1))), seen[1])


def test_an_unknown_material_is_no_material():
    with pytest.raises(KeyError):
        spectrum("skin of somebody")


# Medians at 850, 940, 970, 1050, 1300, 1550 of the batch the twin was designed after.
MEDIANS = {
    "print_dye": (0.755, 0.745, 0.745, 0.735, 0.71, 0.62),
    "print_toner": (0.44, 0.44, 0.435, 0.435, 0.42, 0.375),
    "paper_mask": (0.57, 0.56, 0.56, 0.56, 0.555, 0.47),
    "print_vinyl": (0.56, 0.57, 0.575, 0.59, 0.60, 0.56),
    "resin_mask": (0.56, 0.57, 0.575, 0.59, 0.60, 0.56),
    "pla_mask": (0.56, 0.57, 0.575, 0.59, 0.60, 0.56),
    "gypsum_mask": (0.56, 0.57, 0.575, 0.59, 0.60, 0.56),
    "latex_mask": (0.56, 0.57, 0.575, 0.59, 0.60, 0.56),
    "silicone_mask": (0.50, 0.50, 0.495, 0.505, 0.48, 0.405),
    "silicone_tuned_mask": (0.525, 0.47, 0.455, 0.495, 0.475, 0.395),
}


@pytest.mark.parametrize("species", MEDIANS)
def test_medians_of_a_batch_are_within_a_few_hundredths(species):
    rng = np.random.default_rng(8)
    seen = [
        observe(paint_spectra(TONES, *SUBSTANCE[species], draw_variation(rng), SITE), SITE)[:, 3:] for _ in range(15)
    ]
    assert np.abs(np.median(np.concatenate(seen), axis=0) - MEDIANS[species]).max() < 0.075


def test_screens_are_dark_and_medical_masks_bright_beyond_the_visible():
    assert observe(spectrum("lcd_glass"), SITE)[3:] == pytest.approx([0.04] * 6, abs=0.01)
    assert observe(spectrum("oled_glass"), SITE)[3:] == pytest.approx([0.05] * 6, abs=0.01)
    white, blue = observe(spectrum("mask_white"), SITE), observe(spectrum("mask_blue"), SITE)
    assert white[3:] == pytest.approx([0.655, 0.645, 0.645, 0.64, 0.61, 0.565], abs=0.04)
    assert np.allclose(white[4:], blue[4:], atol=0.01)
    assert blue[0] < 0.75 * blue[2]


def test_only_what_holds_water_is_black_at_1550():
    for name in ("paper", "vinyl", "cotton", "resin", "pla", "gypsum", "latex", "silicone", "silicone_tuned"):
        seen = observe(spectrum(name), SITE)
        assert seen[8] / seen[6] > 0.55, name
    assert observe(spectrum("sclera"), SITE)[8] < 0.4 * observe(spectrum("sclera"), SITE)[6]


def test_tuned_silicone_imitates_water_at_970_and_cannot_at_1300():
    plain, tuned = (observe(paint_spectra(TONES[1], "bulk", name), SITE) for name in ("silicone", "silicone_tuned"))
    skin = observe(reflectance(of_tone(2)), SITE)
    assert tuned[5] / tuned[3] < plain[5] / plain[3] - 0.05
    assert skin[7] / skin[6] < 0.62 < 0.9 < tuned[7] / tuned[6]


@pytest.mark.parametrize("species", SUBSTANCE)
def test_every_species_looks_like_its_victim_of_any_tone(species):
    for site in (SITE, draw_site(np.random.default_rng(4))):
        wanted = observe(reflectance(of_tone(np.arange(1, 7))), site)[:, :3]
        seen = paint_bands(wanted, *SUBSTANCE[species], PLAIN, site)
        assert np.abs(np.log(seen[:, :3] / wanted)).max() < 0.12
        assert np.abs(np.log(seen[:5, :3] / wanted[:5])).max() < 0.06


def test_dyes_vanish_in_the_nir_and_toner_does_not():
    dye = paint_bands(TONES[4], "dye", "paper", PLAIN, SITE)
    toner = paint_bands(TONES[4], "toner", "paper", PLAIN, SITE)
    assert dye[3:] == pytest.approx(observe(spectrum("paper"), SITE)[3:], rel=0.03)
    assert toner[3] < 0.6 * dye[3]


def test_the_substrate_shows_through_the_paint_only_where_the_white_no_longer_hides_it():
    on = {name: paint_bands(TONES[1], "paint", name, Variation(hiding=3.0), SITE) for name in ("gypsum", "frame_black")}
    gap = np.abs(np.log(on["gypsum"] / on["frame_black"]))
    assert gap[1] < 0.15
    assert gap[8] > 0.25
    thick = paint_bands(TONES[1], "paint", "frame_black", Variation(hiding=40.0), SITE)
    assert thick[8] > 1.5 * on["frame_black"][8]


def test_the_table_gives_what_the_solution_gives():
    rng = np.random.default_rng(2)
    skins = skin_table(of_tone(rng.uniform(1, 6, 150)).melanin, 0.009 * np.exp(rng.uniform(-1, 1.5, 150)))
    colours = observe(skins, SITE)[:, :3].reshape(10, 15, 3)
    for kind, substrate in {("paint", "resin"), ("bulk", "silicone"), ("toner", "paper"), ("dye", "card")}:
        exact = observe(paint_spectra(colours, kind, substrate), SITE)
        table = paint_bands(colours, kind, substrate)
        assert table.shape == (10, 15, 9)
        assert table.dtype == np.float32
        assert np.abs(np.log(table / exact)).max() < 0.07, (kind, substrate)


@pytest.mark.parametrize("kind", KINDS)
def test_any_colour_gives_a_reflectance(kind):
    colours = np.random.default_rng(0).uniform(-0.5, 1.5, (400, 3))
    seen = paint_bands(colours, kind, "paper", draw_variation(np.random.default_rng(3)), SITE)
    assert np.isfinite(seen).all()
    assert seen.min() > 0
    assert seen[:, 3:].max() < 1


def test_forgers_differ():
    rng = np.random.default_rng(6)
    seen = np.stack([paint_bands(TONES[3], "paint", "resin", draw_variation(rng), SITE) for _ in range(6)])
    assert seen[:, :3].std(axis=0).max() < 0.01
    assert seen[:, 3:].std(axis=0).min() > 0.01


@pytest.mark.parametrize("wrong", [[0.3, np.nan, 0.2], [0.3, 0.2], [[0.1, 0.2, 0.3, 0.4]]])
def test_what_is_no_colour_is_refused(wrong):
    with pytest.raises(ValueError, match="rgb"):
        paint_bands(wrong, "paint", "resin")


def test_unknown_kinds_and_substrates_are_refused():
    with pytest.raises(ValueError, match="kind of colouring"):
        paint_bands(TONES[0], "spell", "resin")
    with pytest.raises(KeyError):
        paint_bands(TONES[0], "paint", "ice")


def test_foundation_changes_the_colour_and_leaves_the_water_visible():
    skin = reflectance(of_tone([2, 5]))
    none, light, heavy = (observe(make_up(skin, amount, 3.0), SITE) for amount in (0.0, 0.4, 1.0))
    assert np.allclose(none, observe(skin, SITE), atol=2e-3)
    assert np.ptp(heavy[:, 1]) < 0.2 * np.ptp(none[:, 1])
    assert heavy[0, :3] == pytest.approx(TONES[2], rel=0.06)
    assert np.all(np.abs(heavy - none) >= np.abs(light - none) - 1e-4)
    assert np.all(heavy[:, 7] / heavy[:, 6] < 0.9)  # 1300 still falls below 1050


def test_every_shade_of_make_up_covers_as_well_as_the_others_and_leaves_water_to_be_seen() -> None:
    green, dry = CHANNELS.index("G"), [CHANNELS.index(name) for name in ("1550", "1050")]
    for tone in (1.0, 3.0, 5.0, 6.0):
        # A white and a black spot below: what is left of their contrast.
        spots = [observe(make_up(np.full(261, level, np.float32), 1.0, tone), SITE) for level in (0.8, 0.02)]
        assert 0.01 < spots[0][green] - spots[1][green] < 0.09, tone
        seen = observe(make_up(reflectance(of_tone(tone)), 1.0, tone), SITE)
        assert np.log(seen[dry[0]] / seen[dry[1]]) < -0.6, tone


def test_foundation_on_maps_is_foundation_on_spectra():
    skin = reflectance(of_tone([1, 3, 6]))
    amount = np.array([0.2, 0.5, 1.0])
    exact = observe(make_up(skin, amount, 4.0), SITE)
    assert np.abs(make_up_bands(observe(skin, SITE), amount, 4.0, SITE) - exact).max() < 0.015
