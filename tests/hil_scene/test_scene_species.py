"""Every species and everything that is worn: what it covers, what it shows, what it leaves of the wearer."""

import numpy as np
import pytest

from appliance.evaluate.species import SPECIES, Cover
from hil.scene import CHANNELS, Pose, Scene, Wearables, bona_fide, compose, traveller
from hil.scene.compose import NOBODY
from hil.scene.flat import FLAT
from hil.scene.masks import PARTIAL, RIGID, STUFF
from hil.scene.optics.paint import SUBSTANCE
from hil.scene.planes import depth, thermal
from hil.scene.population import FITZPATRICK, beard_of, fitzpatrick, random_person
from hil.scene.stage import CLOSE

OF, WEARER = traveller("ines"), traveller("dario")
CHEEK, NOSE, NECK = np.s_[212:226, 138:150], np.s_[212:226, 188:196], np.s_[410:420, 186:198]
BAND = {name: place for place, name in enumerate(CHANNELS)}


def scene(species="bona_fide", wearables=None, seed=3, **pose):
    worn = wearables or Wearables()
    of = OF if species in SPECIES else None
    return compose(Scene(WEARER, species, of, worn, Pose(**pose), CLOSE, seed=seed, detail=2))


@pytest.fixture(scope="module")
def shown():
    kept = {}

    def show(species):
        if species not in kept:
            kept[species] = scene(species)
        return kept[species]

    return show


def at(presentation, box, band):
    return float(presentation.reflectance[box][..., BAND[band]].mean())


def ratio(presentation, box, band, other):
    return at(presentation, box, band) / at(presentation, box, other)


def test_skin_goes_dark_where_water_absorbs(shown):
    face = shown("bona_fide")
    assert ratio(face, CHEEK, "1550", "1050") < 0.30
    assert 0.80 < ratio(face, CHEEK, "940", "850") < 0.95


@pytest.mark.parametrize("species", [name for name, row in SPECIES.items() if row.cover is Cover.FULL])
def test_no_full_face_instrument_goes_dark_at_1550(shown, species):
    assert ratio(shown(species), CHEEK, "1550", "1050") > 0.6
    assert ratio(shown(species), NOSE, "1550", "1050") > 0.6


def test_partial_masks_leave_skin_where_they_end(shown):
    assert ratio(shown("silicone_nose"), NOSE, "1550", "1050") > 0.6
    assert ratio(shown("silicone_nose"), CHEEK, "1550", "1050") < 0.30
    chin, brow = np.s_[316:326, 184:200], np.s_[140:146, 186:198]
    assert ratio(shown("silicone_lower_face"), chin, "1550", "1050") > 0.6
    assert ratio(shown("silicone_lower_face"), brow, "1550", "1050") < 0.40


@pytest.mark.parametrize("species", ["silicone_nose", "silicone_lower_face", "latex_half"])
def test_a_part_matches_the_wearer_in_the_visible(shown, species):
    face, masked = shown("bona_fide"), shown(species)
    for band in "RGB":
        assert at(masked, NOSE, band) == pytest.approx(at(face, NOSE, band), rel=0.35)


@pytest.mark.parametrize("species", [*RIGID, "paper_mask", "silicone_mask", "latex_mask"])
def test_the_wearers_eyes_look_out(shown, species):
    assert shown(species).layers.pupil.max() > 0.8


@pytest.mark.parametrize("species", RIGID)
def test_the_wearers_neck_is_skin(shown, species):
    assert ratio(shown(species), NECK, "1550", "1050") < 0.35


@pytest.mark.parametrize("species", FLAT)
def test_flat_is_flat(shown, species):
    face = np.s_[130:300, 140:250]
    deep = shown(species).depth_m[face]
    rows, cols = np.mgrid[: deep.shape[0], : deep.shape[1]]
    plane = np.stack([np.ones(deep.size), rows.ravel(), cols.ravel()], axis=1)
    rest = deep.ravel() - plane @ np.linalg.lstsq(plane, deep.ravel(), rcond=None)[0]
    # Eye holes may be cut: what is seen through them is not the sheet.
    assert np.percentile(np.abs(rest), 90) < 0.012
    assert np.ptp(shown("bona_fide").depth_m[face]) > 0.02


def test_a_masks_shape_is_the_holders_and_its_neighbours_the_wearers():
    seen = scene("resin_mask")
    assert np.abs(seen.depth_m - scene().depth_m)[150:330, 150:240].max() > 0.004


def test_instruments_of_one_species_differ():
    one, other = (scene("silicone_mask", seed=seed).reflectance[CHEEK].mean((0, 1)) for seed in (1, 2))
    assert np.abs(one / other - 1).max() > 0.01


def test_temperature_tells_where_the_skin_is(shown):
    rng = np.random.default_rng(1)
    warm = {
        name: float(np.median(thermal(shown(name), rng)[CHEEK])) for name in ("bona_fide", "gypsum_mask", "print_dye")
    }
    assert warm["bona_fide"] > 31 > 28 > max(warm["gypsum_mask"], warm["print_dye"])
    noise = depth(shown("print_dye"), rng) - depth(shown("print_dye"), rng)
    assert 0.002 < noise[150:250, 150:240].std() < 0.015


def test_every_species_has_a_maker():
    assert {*FLAT, *STUFF} == set(SPECIES)
    assert {name for name in SPECIES if not name.startswith("screen")} == set(SUBSTANCE)
    assert {name for name, row in SPECIES.items() if row.cover is Cover.PARTIAL} == set(PARTIAL)


def test_impossible_scenes_are_refused():
    for given in (
        {"wearer": WEARER, "species": "ghost"},
        {"wearer": WEARER, "species": "resin_mask"},
        {"wearer": WEARER, "species": "resin_mask", "of": WEARER},
        {"wearer": WEARER, "species": "bona_fide", "of": OF},
        {"wearer": None, "species": "bona_fide"},
        {"wearer": WEARER, "species": NOBODY},
    ):
        with pytest.raises(ValueError, match=r"\w"):
            Scene(**given)


def test_a_medical_mask_covers_nose_and_chin_only(shown):
    face, masked = shown("bona_fide"), scene(wearables=Wearables(medical_mask="mask_white"))
    changed = np.abs(masked.reflectance - face.reflectance).max(axis=2) > 0.05
    assert changed[NOSE].all()
    assert changed[300:315, 180:204].all()
    assert not changed[120:150, 150:234].any()


def test_glasses_dim_what_is_behind_them_and_mirror(shown):
    face, worn = shown("bona_fide"), scene(wearables=Wearables(glasses="frame_black", lens="swir"))
    lens = worn.layers.coat > 0.1
    assert 1500 < lens.sum() < 9000
    shares = worn.reflectance[lens].mean(axis=0) / face.reflectance[lens].mean(axis=0)
    assert shares[BAND["1550"]] < 0.5 < 0.75 < shares[BAND["850"]]
    assert worn.layers.heat[lens].mean() < face.layers.heat[lens].mean() - 3


def test_a_headscarf_leaves_the_face_free(shown):
    face, worn = shown("bona_fide"), scene(wearables=Wearables(headscarf="headscarf_blue"))
    changed = np.abs(worn.reflectance - face.reflectance).max(axis=2) > 0.05
    assert not changed[CHEEK].any()
    assert changed[60:90, 180:204].all()


def test_make_up_evens_the_face_and_leaves_water_to_be_seen(shown):
    face = shown("bona_fide")
    light, full = (scene(wearables=Wearables(make_up=amount)) for amount in ("light", "full"))
    for amount in (light, full):
        assert ratio(face, CHEEK, "1550", "1050") < ratio(amount, CHEEK, "1550", "1050") < 0.75
    change = [abs(at(s, CHEEK, "940") / at(face, CHEEK, "940") - 1) for s in (light, full)]
    assert 0.0 < change[0] < change[1]


def test_people_of_a_population_are_of_every_kind():
    rng = np.random.default_rng(2)
    people = [random_person(rng, f"p{n}", n % 6) for n in range(240)]
    assert [fitzpatrick(who) for who in people].count("VI") == pytest.approx(40, abs=12)
    assert {fitzpatrick(who) for who in people} == set(FITZPATRICK)
    assert {beard_of(who) for who in people} == {"none", "partial", "short", "full"}
    assert {who.sex for who in people} == {"F", "M"}
    assert all(beard_of(who) == "none" for who in people if who.sex == "F")
    assert people[5].traits.tone > people[0].traits.tone


def test_the_cast_is_not_of_the_population():
    assert not any(who.own_materials for who in (OF, WEARER))
    assert bona_fide(OF).of == "ines"
