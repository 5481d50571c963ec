"""Skin: physics in the right direction, the class means of the NIST set, and refusal of what is no skin."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from hil.scene.optics import WAVELENGTHS, Skin, default_site, observe, of_tone, reflectance, skin_table, vary
from hil.scene.optics.layers import film, infinite

BANDS = (850, 940, 970, 1050, 1300, 1550)
# NIST set, class means at these bands (Cooksey et al. 2017), I very light to V brown.
NIST = np.array(
    [
        [0.626, 0.546, 0.505, 0.566, 0.355, 0.093],
        [0.606, 0.532, 0.496, 0.555, 0.358, 0.095],
        [0.587, 0.520, 0.483, 0.544, 0.348, 0.093],
        [0.579, 0.528, 0.500, 0.558, 0.368, 0.098],
        [0.541, 0.514, 0.490, 0.549, 0.361, 0.097],
    ]
)
CLASSES = ("I very light", "II light", "III intermediate", "IV tan", "V brown")


def at(spectra, nm):
    return spectra[..., int(np.argmin(np.abs(WAVELENGTHS - nm)))]


def test_class_means_of_every_band_are_met_within_a_few_hundredths():
    modelled = reflectance(of_tone(np.arange(1, 6)))
    ours = np.stack([at(modelled, nm) for nm in BANDS], axis=-1)
    assert np.abs(ours - NIST).max() < 0.03
    assert np.abs(ours - NIST).mean() < 0.012


def test_melanin_darkens_the_visible_and_leaves_the_swir():
    light, dark = reflectance(of_tone(1)), reflectance(of_tone(6))
    assert at(dark, 550) < 0.35 * at(light, 550)
    assert at(dark, 850) > 0.6 * at(light, 850)
    assert at(dark, 1300) == pytest.approx(at(light, 1300), rel=0.03)


def test_water_blood_and_oxygen_act_where_they_absorb():
    usual = Skin()
    plain = reflectance(usual)
    wet = reflectance(replace(usual, water=0.8))
    assert at(wet, 970) / at(wet, 850) < at(plain, 970) / at(plain, 850) - 0.01
    assert at(wet, 550) == pytest.approx(at(plain, 550), abs=1e-3)
    flushed = reflectance(replace(usual, blood=0.03))
    assert at(flushed, 550) < 0.8 * at(plain, 550)
    assert at(flushed, 1300) == pytest.approx(at(plain, 1300), rel=0.02)
    blue = reflectance(replace(usual, blood=0.03, oxygenation=0.3))
    assert at(blue, 660) < at(flushed, 660) - 0.03


def test_arrays_give_what_single_skins_give():
    melanin, blood = np.array([0.02, 0.06, 0.15]), np.array([0.004, 0.02])
    table = skin_table(melanin[:, None], blood[None, :], water=0.6)
    assert table.shape == (3, 2, len(WAVELENGTHS))
    assert table.dtype == np.float32
    one = reflectance(Skin(melanin=0.06, blood=0.02, water=0.6))
    assert np.allclose(table[1, 1], one, atol=1e-6)


def test_people_of_one_class_differ_and_the_same_seed_gives_the_same_person():
    mean = of_tone(3.2)
    people = np.stack([reflectance(vary(mean, np.random.default_rng(seed))) for seed in range(80)])
    assert np.array_equal(people[7], reflectance(vary(mean, np.random.default_rng(7))))
    assert people.min() > 0.02
    assert people.max() < 0.85
    spread = at(people, 850).std()
    assert 0.01 < spread < 0.04
    ratio = np.log(at(people, 1300) / at(people, 1050))
    assert 0.015 < ratio.std() < 0.06


@pytest.mark.parametrize("tone", [-3.0, 0.99, 6.01, 99.0])
def test_tones_beyond_the_scale_are_its_ends(tone):
    assert of_tone(tone) == of_tone(min(max(tone, 1.0), 6.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"melanin": -0.01},
        {"blood": 1.2},
        {"water": float("nan")},
        {"scatter": -1.0},
        {"oxygenation": np.array([0.5, 75])},
    ],
)
def test_what_is_no_share_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Skin(**wrong)


def test_a_tone_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="tone"):
        of_tone(np.array([2.0, np.nan]))


def test_a_film_is_its_ground_when_thin_and_itself_when_thick():
    k, s, ground = np.float32(0.3) * np.ones(5, np.float32), np.linspace(0.01, 3, 5, dtype=np.float32), np.float32(0.4)
    assert np.allclose(film(k, s, 1e-4, ground), ground, atol=1e-3)
    assert np.allclose(film(k, s, 1e4, ground), infinite(k, s), atol=1e-4)
    assert np.all(film(np.zeros(5, np.float32), s, 1.0, np.float32(1.0)) <= 1.0 + 1e-3)


@pytest.fixture(scope="module")
def nist(shared):
    folder = shared / "data" / "optics"
    rows = list(csv.reader((folder / "nist_skin_100_full_3nm.csv").read_text().splitlines()))
    table = np.array(rows[1:], dtype=float)
    spectra = np.stack([np.interp(WAVELENGTHS, table[:, 0], column) for column in table[:, 1:].T]).astype(np.float32)
    bands = (folder / "nist_skin_100_bands.csv").read_text().splitlines()
    classes = [row["ITA_class"] for row in csv.DictReader(bands)]
    return spectra, np.array(classes)


@pytest.mark.measured
def test_the_model_against_100_measured_people(nist):
    spectra, classes = nist
    assert len(spectra) == 100
    errors = []
    for tone, name in enumerate(CLASSES, start=1):
        theirs, ours = spectra[classes == name], reflectance(of_tone(tone))
        class_error = float(np.sqrt(((ours - theirs.mean(axis=0)) ** 2).mean()))
        print(f"{name}: RMSE to the class mean {class_error:.4f}")
        assert class_error < 0.015
        errors.append((ours - theirs) ** 2)
    overall = float(np.sqrt(np.concatenate(errors).mean()))
    print(f"RMSE of class models over 100 persons {overall:.4f}")
    assert overall < 0.027


@pytest.mark.measured
def test_ratios_of_bands_and_their_spread_are_those_of_people(nist):
    spectra, classes = nist
    site, rng = default_site(), np.random.default_rng(5)
    for tone, name in enumerate(CLASSES, start=1):
        theirs = observe(spectra[classes == name], site)
        drawn = [reflectance(vary(of_tone(tone + rng.uniform(-0.45, 0.45)), rng)) for _ in range(150)]
        ours = observe(np.stack(drawn), site)
        for over, under, near in ((4, 3, 0.02), (5, 3, 0.03), (7, 6, 0.05), (8, 6, 0.09)):
            measured, modelled = (np.log(seen[:, over] / seen[:, under]) for seen in (theirs, ours))
            assert modelled.mean() == pytest.approx(measured.mean(), abs=near), (name, over)
            assert modelled.std() > 0.45 * measured.std(), (name, over)
