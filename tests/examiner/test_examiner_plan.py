"""What is drawn for a presentation, and what is written on its label."""

from collections import Counter

import pytest

from appliance.evaluate.species import BONA_FIDE, SPECIES, Cover
from hil.examiner import instruments
from hil.examiner.plan import CONDITIONS, PlanError, draw_plan, ids


def plans(species: str, count: int, **asked: float):
    return [draw_plan(f"{species}-{k:04d}", species, k, 7, asked) for k in range(count)]


def test_the_same_id_is_the_same_plan_and_another_seed_is_not():
    first, again = draw_plan("a-0001", BONA_FIDE, 1, 7, {}), draw_plan("a-0001", BONA_FIDE, 1, 7, {})
    assert first == again
    assert first.rng("wearer").random() == again.rng("wearer").random()
    assert first.rng("wearer").random() != first.rng("victim").random()
    assert draw_plan("a-0001", BONA_FIDE, 1, 8, {}).distance_mm != first.distance_mm


def test_presentations_under_asked_conditions_have_ids_of_their_own():
    headline = {id_ for id_, _, _ in ids(3, 2, ("pla_mask",), {})}
    in_sun = {id_ for id_, _, _ in ids(3, 2, ("pla_mask",), {"sun": 0.3})}
    assert len(headline) == len(in_sun) == 5
    assert not headline & in_sun


def test_every_species_of_the_house_can_be_built():
    assert set(instruments._BUILDERS) == set(SPECIES)


def test_types_are_balanced_and_the_modelled_one_says_so():
    groups = [plan.groups() for plan in plans(BONA_FIDE, 60)]
    assert set(Counter(group["fitzpatrick"] for group in groups).values()) == {10}
    assert {(g["fitzpatrick"] == "VI", g["skin"]) for g in groups} == {(True, "modelled"), (False, "measured")}


def test_genuine_presentations_have_no_instrument_and_attacks_have_another_person_s():
    for plan in plans(BONA_FIDE, 20):
        assert plan.instrument_of is None
        assert plan.victim is None
    for species in SPECIES:
        for plan in plans(species, 3):
            assert plan.instrument_of not in (None, plan.subject)
            assert plan.victim is not None
            assert not plan.headscarf
            assert not plan.medical_mask


def test_what_an_instrument_covers_is_no_group():
    for species, entry in SPECIES.items():
        for plan in plans(species, 6):
            if entry.cover is Cover.FULL:
                assert plan.groups()["beard"] == plan.groups()["make_up"] == plan.groups()["glasses"] == "none"


def test_groups_of_genuine_presentations_hold_everybody():
    groups = [plan.groups() for plan in plans(BONA_FIDE, 240)]
    assert {g["beard"] for g in groups} == {"none", "stubble", "full"}
    assert {g["make_up"] for g in groups} == {"none", "light", "full"}
    assert {g["glasses"] for g in groups} == {"none", "worn"}
    assert {g["headscarf"] for g in groups} == {"no", "yes"}
    assert {g["medical_mask"] for g in groups} == {"no"}
    assert not any(g["headscarf"] == "yes" and g["beard"] != "none" for g in groups)


def test_what_is_asked_for_is_done_and_written_down():
    asked = {"sun": 0.3, "speed_m_s": 0.15, "distance_m": 0.95, "yaw_deg": 20.0, "led_drift": 0.1}
    for plan in plans(BONA_FIDE, 5, **asked, medical_mask=1.0, make_up=2.0):
        assert {name: plan.conditions()[name] for name in asked} == pytest.approx(asked)
        assert plan.groups()["medical_mask"] == "yes"
        assert plan.groups()["make_up"] == "full"


def test_without_asking_people_stand_where_the_gate_wants_them():
    for plan in plans(BONA_FIDE, 40):
        conditions = plan.conditions()
        assert 0.5 <= conditions["distance_m"] <= 0.75
        assert abs(conditions["yaw_deg"]) <= 10.0
        assert conditions["speed_m_s"] <= 0.05
        assert conditions["sun"] == 0.0


OUTSIDE = [(name, value) for name, (low, high) in CONDITIONS.items() for value in (low - 1.0, high + 1.0)]


@pytest.mark.parametrize(("name", "value"), OUTSIDE)
def test_conditions_out_of_range_are_refused(name, value):
    with pytest.raises(PlanError, match="out of range"):
        draw_plan("a", BONA_FIDE, 0, 7, {name: value})


def test_unknown_words_are_refused():
    with pytest.raises(PlanError, match="unknown species"):
        draw_plan("a", "hologram", 0, 7, {})
    with pytest.raises(PlanError, match="unknown condition"):
        draw_plan("a", BONA_FIDE, 0, 7, {"moon": 1.0})


def test_not_a_number_is_no_condition():
    with pytest.raises(PlanError, match="out of range"):
        draw_plan("a", BONA_FIDE, 0, 7, {"sun": float("nan")})


def test_a_broken_off_run_holds_some_of_everything():
    lines = ids(20, 10, tuple(SPECIES), {})
    assert len({line[0] for line in lines}) == len(lines) == 20 + 10 * len(SPECIES)
    early = Counter(line[1] for line in lines[: len(lines) // 2])
    assert set(early) == {BONA_FIDE, *SPECIES}
    assert early[BONA_FIDE] == pytest.approx(10, abs=1)
