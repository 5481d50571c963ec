"""Learning and judging, on made-up features: what is not skin never passes, whatever was learned."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from appliance.core.types import Result
from appliance.liveness import detector as detecting
from appliance.liveness.cues import Features
from appliance.liveness.detector import Detector, DetectorError, Zone, load, parse
from appliance.liveness.learn import COVERED, GENUINE, REFERRED_STATED, NotEnough, Sample, _placed, learn

NAMES = ("940/850 level", "940/850 nose", "940/850 spread", "850/R level", "R/G level", "shape slope")
SKIN = np.array([-0.12, 0.0, 0.01, 0.1, 0.5, 0.3])
SD = np.array([0.02, 0.01, 0.004, 0.05, 0.05, 0.03])
RESIN = {"940/850 level": 0.02}
SHEET = {"shape slope": 0.0, "850/R level": 0.4}
BANDS = "rgb+850+940"


def drawn(rng: np.random.Generator, **shifted: float) -> Features:
    values = dict(zip(NAMES, (SKIN + SD * rng.standard_normal(len(NAMES))).tolist(), strict=True))
    return Features({**values, **{name.replace("_", "/"): value for name, value in shifted.items()}})


def like(rng: np.random.Generator, material: Mapping[str, float]) -> Features:
    noisy = {name: value + 0.005 * rng.standard_normal() for name, value in material.items()}
    return Features({**drawn(rng).values, **noisy})


@pytest.fixture(scope="module")
def learned() -> Detector:
    rng = np.random.default_rng(3)
    samples = [Sample(drawn(rng), GENUINE) for _ in range(300)]
    samples += [Sample(like(rng, RESIN), "resin_mask") for _ in range(40)]
    samples += [Sample(like(rng, SHEET), "print_dye") for _ in range(40)]
    samples += [Sample(like(rng, {"R/G level": 0.0}), COVERED) for _ in range(30)]
    return learn(samples, BANDS, version="test-1", kind="simulated", learned_on="numbers of this test")


def share(learned: Detector, result: Result, features: list[Features]) -> float:
    return sum(learned.judge(one).result is result for one in features) / len(features)


def test_skin_passes_and_known_attacks_do_not(learned: Detector) -> None:
    rng = np.random.default_rng(4)
    assert share(learned, Result.SUCCESSFUL, [drawn(rng) for _ in range(400)]) > 0.94
    for material in (RESIN, SHEET):
        assert share(learned, Result.SUCCESSFUL, [like(rng, material) for _ in range(200)]) == 0.0


def test_a_material_that_nobody_taught_it_does_not_pass(learned: Detector) -> None:
    rng = np.random.default_rng(5)
    unknown = {"940/850 level": -0.35, "940/850 nose": 0.08}
    assert share(learned, Result.SUCCESSFUL, [like(rng, unknown) for _ in range(200)]) == 0.0


def test_a_part_that_lies_apart_does_not_pass_whatever_the_other_checks_say(learned: Detector) -> None:
    rng = np.random.default_rng(15)
    anything = Zone(accept=1e9, attack=1e9)
    parts_alone = learned.model_copy(update={"attack_zone": anything, "skin_zone": anything})
    nothing = parts_alone.model_copy(update={"part_zone": anything})
    false_noses = [like(rng, {"940/850 nose": 0.07}) for _ in range(50)]
    assert share(parts_alone, Result.SUCCESSFUL, false_noses) == 0.0
    assert share(parts_alone, Result.SUCCESSFUL, [drawn(rng) for _ in range(200)]) > 0.94
    assert share(nothing, Result.SUCCESSFUL, false_noses) > 0.5


def test_what_is_drier_than_any_genuine_face_does_not_pass_whatever_the_checks_say(learned: Detector) -> None:
    rng = np.random.default_rng(19)
    anything = Zone(accept=1e9, attack=1e9)
    lax = learned.model_copy(update={"attack_zone": anything, "skin_zone": anything, "part_zone": anything})
    assert share(lax, Result.SUCCESSFUL, [like(rng, RESIN) for _ in range(50)]) == 0.0
    assert share(lax, Result.SUCCESSFUL, [drawn(rng) for _ in range(200)]) > 0.99


def test_what_each_figure_moves_adds_up_to_the_score(learned: Detector) -> None:
    z = np.nan_to_num(learned.standardise(like(np.random.default_rng(16), RESIN)))
    moved = learned.attack.score(z) - learned.attack.score(np.zeros_like(z))
    assert learned.attack.shares(z).sum() == pytest.approx(moved, rel=0.1)


def test_the_threshold_stands_in_the_middle_of_a_gap_and_never_inside_the_genuine(learned: Detector) -> None:
    rng = np.random.default_rng(17)
    genuine = [learned.attack.score(np.nan_to_num(learned.standardise(drawn(rng)))) for _ in range(200)]
    attacks = [learned.attack.score(np.nan_to_num(learned.standardise(like(rng, RESIN)))) for _ in range(50)]
    assert np.quantile(genuine, 0.99) < learned.attack_zone.accept < np.quantile(attacks, 0.05)


def test_the_reason_names_what_is_wrong_and_the_species_it_is_like(learned: Detector) -> None:
    resin = like(np.random.default_rng(6), RESIN)
    assert "water" in learned.judge(resin).reasons[0]
    assert learned.most_like(resin) == "resin_mask"


def test_water_is_judged_against_faces_of_the_same_colour() -> None:
    """Dry for light skin is usual for dark skin; the trend knows, and what is dry for its colour does not pass."""
    rng = np.random.default_rng(18)

    def toned(dark: float, dry: float = 0.0) -> Features:
        values = {"R/G level": 0.5 + 0.3 * dark, "940/850 level": -0.12 + 0.1 * dark + dry, "850/R level": 0.1 + dark}
        return Features({**drawn(rng).values, **{k: v + 0.008 * rng.standard_normal() for k, v in values.items()}})

    samples = [Sample(toned(rng.uniform(0, 1)), GENUINE) for _ in range(300)]
    samples += [Sample(toned(rng.uniform(0, 1), 0.09), "resin_mask") for _ in range(40)]
    samples += [Sample(like(rng, SHEET), "print_dye") for _ in range(40)]
    found = learn(samples, BANDS, version="1", kind="simulated", learned_on="x")
    (trend,) = found.trends
    assert trend.label == "940/850 for this colour"
    assert found.labels[-1] == trend.label
    assert share(found, Result.SUCCESSFUL, [toned(dark) for dark in np.linspace(0, 1, 200)]) > 0.9
    for dark in (0.1, 0.5, 0.9):
        assert share(found, Result.SUCCESSFUL, [toned(dark, 0.09) for _ in range(100)]) < 0.1
    assert any("of this colour" in reason for reason in found.judge(toned(0.0, 0.1)).reasons)


def test_a_trend_of_unknown_figures_is_refused(learned: Detector) -> None:
    broken = learned.model_dump_json().replace('"by":["R/G level"', '"by":["X/Y level"')
    assert "X/Y level" in broken
    with pytest.raises(DetectorError, match="unknown figures: X/Y level"):
        parse(broken, "here")


def test_who_lies_between_genuine_faces_and_attacks_is_undetermined_only_where_attacks_come_near() -> None:
    far, near = _placed(Zone(accept=0.0, attack=1.0), [5.0] * 40), _placed(Zone(accept=0.0, attack=1.0), [0.4] * 40)
    assert far == Zone(accept=3.0, attack=3.0)
    assert near == Zone(accept=0.4, attack=1.0)
    usual = _placed(Zone(accept=0.0, attack=1.0), [0.4] * 10 + [3.0] * 30)
    assert usual == Zone(accept=0.4, attack=3.0), "suspected is who lies where attacks usually do"
    assert _placed(Zone(accept=0.0, attack=1.0), [-4.0] * 40) == Zone(accept=0.0, attack=1.0)
    assert _placed(Zone(accept=0.0, attack=1.0), []) == Zone(accept=1.0, attack=1.0)


def test_a_covering_is_no_attack_and_no_pass(learned: Detector) -> None:
    rng = np.random.default_rng(7)
    judged = learned.judge(like(rng, {"R/G level": 0.0}))
    assert judged.covered
    assert judged.result is Result.UNDETERMINED


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e12, -1e12])
def test_absurd_figures_never_pass(learned: Detector, name: str, value: float) -> None:
    features = Features({**drawn(np.random.default_rng(8)).values, name: value})
    assert learned.judge(features).result is not Result.SUCCESSFUL


def test_missing_figures_and_regions_never_pass(learned: Detector) -> None:
    whole = drawn(np.random.default_rng(9))
    assert learned.judge(whole).result is Result.SUCCESSFUL
    assert learned.judge(Features({})).result is Result.UNDETERMINED
    assert learned.judge(Features(whole.values, missing=("nose",))).result is Result.UNDETERMINED
    without_water = {name: value for name, value in whole.values.items() if not name.startswith("940/850")}
    assert learned.judge(Features(without_water)).result is Result.UNDETERMINED


def test_thresholds_come_from_the_site_alone() -> None:
    rng = np.random.default_rng(10)
    samples = [Sample(drawn(rng), GENUINE) for _ in range(100)]
    samples += [Sample(like(rng, RESIN), "resin_mask") for _ in range(20)]
    samples += [Sample(like(rng, SHEET), "print_dye") for _ in range(20)]
    shifted = [like(rng, {"850/R level": 0.25}) for _ in range(200)]
    here = learn(samples, BANDS, version="1", kind="simulated", learned_on="x", site=shifted)
    there = learn(samples, BANDS, version="1", kind="simulated", learned_on="x")
    assert here.attack == there.attack
    assert share(here, Result.SUCCESSFUL, shifted) > 1.0 - REFERRED_STATED - 0.01
    assert share(there, Result.SUCCESSFUL, shifted) < 1.0 - REFERRED_STATED - 0.01


def test_too_little_to_learn_from_is_refused() -> None:
    rng = np.random.default_rng(11)
    with pytest.raises(NotEnough, match="30 and two species"):
        learn([Sample(drawn(rng), GENUINE)] * 50, BANDS, version="1", kind="simulated", learned_on="x")


def test_a_detector_survives_its_file_and_a_broken_one_is_refused(learned: Detector, tmp_path: Path) -> None:
    path = tmp_path / f"{BANDS}.json"
    path.write_text(learned.model_dump_json(), encoding="utf-8")
    assert load(BANDS, tmp_path) == learned
    with pytest.raises(DetectorError, match="no detector for the band set rgb\\+850"):
        load("rgb+850", tmp_path)
    for broken in (b"{", b"[]", learned.model_dump_json().replace('"bias":', '"bais":').encode()):
        with pytest.raises(DetectorError, match="not a detector"):
            parse(broken, "here")
    path.rename(tmp_path / "rgb.json")
    detecting.load.cache_clear()
    with pytest.raises(DetectorError, match="is for the band set"):
        load("rgb", tmp_path)
