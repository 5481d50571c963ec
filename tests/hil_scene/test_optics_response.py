"""Sites: what LEDs and cameras make of a spectrum, how much sun they collect, and the tables against their sources."""

import csv

import numpy as np
import pytest

from hil.scene.optics import (
    CHANNELS,
    WAVELENGTHS,
    Site,
    default_site,
    draw_site,
    observe,
    observe_sun,
    of_tone,
    reflectance,
    response,
    spectrum,
    sun_ratio,
)
from hil.scene.optics.absorption import WATER

SITES = [default_site(), *(draw_site(np.random.default_rng(seed)) for seed in range(6))]


@pytest.mark.parametrize("site", SITES)
def test_a_flat_surface_is_flat_at_every_site(site):
    flat = np.full((2, 3, len(WAVELENGTHS)), 0.37, np.float32)
    seen = observe(flat, site)
    assert seen.shape == (2, 3, len(CHANNELS))
    assert seen.dtype == np.float32
    assert np.allclose(seen, 0.37, atol=1e-5)
    assert np.allclose(observe_sun(flat, site), 0.37, atol=1e-5)


def test_each_channel_sees_its_own_wavelength():
    for channel, nm in zip(CHANNELS, (650, 550, 450, 850, 940, 970, 1050, 1300, 1550), strict=True):
        dark = np.where(np.abs(WAVELENGTHS - nm) < 70, 0.0, 1.0).astype(np.float32)
        seen = dict(zip(CHANNELS, observe(dark, default_site()), strict=True))
        assert seen[channel] < 0.2
        assert all(value > 0.8 for name, value in seen.items() if abs(_centre(name) - nm) > 180)


def _centre(name):
    return {"R": 650, "G": 550, "B": 450}.get(name) or int(name)


def test_another_site_sees_the_same_skin_otherwise_but_not_much():
    skin = reflectance(of_tone(3))
    seen = np.stack([observe(skin, draw_site(np.random.default_rng(seed))) for seed in range(40)])
    assert np.all(seen.std(axis=0) > 5e-4)
    ratio = np.log(seen[:, CHANNELS.index("940")] / seen[:, CHANNELS.index("850")])
    assert 0.002 < ratio.std() < 0.02


def test_a_drawn_site_keeps_the_tolerances_and_its_seed():
    assert draw_site(np.random.default_rng(3)) == SITES[4]
    for seed in range(50):
        site = draw_site(np.random.default_rng(seed))
        assert max(abs(shift) for shift in site.shifts_nm[3:6]) <= 6.0
        assert max(abs(shift) for shift in site.shifts_nm[6:]) <= 12.0
        assert max(abs(shift) for shift in site.shifts_nm[:3]) <= 14.0


@pytest.mark.parametrize(
    "wrong", [{"shifts_nm": (0.0,) * 8}, {"widths": (1.0,) * 10}, {"widths": (0.0,) * 9}, {"leak": 1.0}, {"leak": -0.1}]
)
def test_a_site_that_does_not_fit_is_refused(wrong):
    with pytest.raises(ValueError, match=r"a site has|widths are"):
        Site(**wrong)


def test_the_sun_is_as_strong_as_it_is():
    sun = dict(zip(CHANNELS, sun_ratio(default_site()), strict=True))
    # ASTM G173 holds about 150 W/m2 from 800 to 1000 nm and 190 W/m2 from 1000 to 1600 nm.
    assert 80 < sun["850"] < 180
    assert sun["850"] < sun["940"] < sun["970"] < 350  # the same electrons need more LED where silicon sees less
    assert all(120 < sun[name] < 260 for name in ("1050", "1300", "1550"))
    assert all(60 < sun[name] < 130 for name in "RGB")


def test_under_the_sun_all_bands_of_a_camera_are_alike():
    seen = observe_sun(reflectance(of_tone(2)), default_site())
    assert np.ptp(seen[3:6]) < 1e-5
    assert np.ptp(seen[6:9]) < 1e-5
    assert seen[6] < observe(reflectance(of_tone(2)), default_site())[6]  # water takes its share of the whole range


def test_what_is_handed_out_cannot_spoil_the_site():
    sun_ratio(default_site())[:] = 0
    assert sun_ratio(default_site()).min() > 0
    before = observe(spectrum("paper"), default_site())
    before[:] = 9
    assert observe(spectrum("paper"), default_site()).max() < 1


def _column(path, name):
    rows = list(csv.DictReader(path.read_text().splitlines()))
    key = next(iter(rows[0]))
    return np.array([float(r[key]) for r in rows]), np.array([float(r[name] or "nan") for r in rows])


@pytest.mark.measured
def test_compact_tables_are_their_sources(shared):
    folder = shared / "data" / "optics"
    nm, water = _column(folder / "polymer_water_absorption_full_5nm.csv", "Water (Segelstein1981)")
    assert np.abs(np.log(WATER / np.interp(WAVELENGTHS, nm, water))).max() < 0.35
    assert np.median(np.abs(np.log(WATER / np.interp(WAVELENGTHS, nm, water)))) < 0.02
    nm, sun = _column(folder / "astm_g173_400_1700.csv", "global")
    near = [(low, low + 100) for low in range(400, 1300, 100)] + [(1500, 1700)]
    for low, high in near:
        theirs = np.interp(np.arange(low, high), nm, sun).mean()
        ours = np.interp(np.arange(low, high), WAVELENGTHS, response.SUN).mean()
        assert ours == pytest.approx(theirs, rel=0.06), low
    nm, silicon = _column(folder / "sensor_qe.csv", "Hamamatsu_S10420_01")
    assert np.abs(np.interp(nm, WAVELENGTHS, response._SILICON) - silicon)[nm <= 1100].max() < 0.04
    nm, ingaas = _column(folder / "sensor_qe.csv", "LUCID_TRT033S_WC_IMX992")
    inside = (nm >= 1000) & (nm <= 1650)
    assert np.abs(np.interp(nm, WAVELENGTHS, response._INGAAS) - ingaas)[inside].max() < 0.04
