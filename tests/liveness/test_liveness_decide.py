"""What passes, what fails, what stays undetermined, on synthetic bursts from the reflectance tables."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.types import Result
from appliance.liveness.decide import assess
from appliance.liveness.facemap import face_map
from appliance.liveness.limits import LIMITS, Limit
from appliance.liveness.types import BandFrame, Burst, LivenessReport

CLASSES = ["I", "II", "III", "IV", "V", "VI modelled"]
MATERIALS = (
    "dye print",
    "toner print",
    "paper mask",
    "resin mask",
    "latex mask",
    "vinyl mask",
    "silicone mask",
    "fabric",
)
NOSE_BOX = (148, 140, 172, 160)
CHEEK_BOX = (98, 145, 140, 185)
CHIN_BOX = (130, 208, 190, 235)
FOREHEAD_BOX = (135, 55, 185, 90)
REGION_BOXES = {"Forehead": FOREHEAD_BOX, "Left cheek": CHEEK_BOX, "Nose": NOSE_BOX, "Chin": CHIN_BOX}


def judge(studio: Any, burst: Burst) -> LivenessReport:
    return assess(burst, studio.landmarks)


@pytest.mark.parametrize("skin", CLASSES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_skin_passes(studio: Any, skin: str, seed: int) -> None:
    report = judge(studio, studio.shoot(studio.face(studio.skin[skin]), seed=seed))
    assert report.result is Result.SUCCESSFUL, report.reasons
    assert report.reasons == ()
    assert report.suspected_species is None
    assert report.limits_version == LIMITS.version
    assert all(np.isfinite(value) for value in report.figures.values())


@pytest.mark.parametrize(
    "material", ["toner print", "paper mask", "resin mask", "latex mask", "vinyl mask", "silicone mask", "fabric"]
)
@pytest.mark.parametrize("skin", ["I", "II", "III"])
def test_materials_in_the_colour_of_light_skin_fail(studio: Any, skin: str, material: str) -> None:
    report = judge(studio, studio.shoot(studio.face(studio.painted(skin, material))))
    assert report.result is Result.FAILED
    assert "940/850" in " ".join(report.reasons)
    assert report.suspected_species in ("mask", "print")


@pytest.mark.parametrize("skin", CLASSES)
@pytest.mark.parametrize("material", ["dye print", "resin mask", "latex mask"])
def test_dyes_and_paints_never_pass_on_any_skin(studio: Any, skin: str, material: str) -> None:
    face = studio.face(studio.painted(skin, material), eyes=material != "dye print")
    assert judge(studio, studio.shoot(face)).result is Result.FAILED


@pytest.mark.parametrize("skin", ["I", "II", "III"])
def test_print_with_holes_for_the_eyes(studio: Any, skin: str) -> None:
    report = judge(studio, studio.shoot(studio.face(studio.painted(skin, "dye print"), eyes=True)))
    assert report.result is Result.FAILED
    assert any("brighter in infrared" in reason or "940/850" in reason for reason in report.reasons)


def test_flat_print_says_so(studio: Any) -> None:
    report = judge(studio, studio.shoot(studio.face(studio.painted("V", "dye print"), eyes=False)))
    assert any("eyes do not show in infrared" in reason for reason in report.reasons)
    assert report.suspected_species == "print"


def test_screen(studio: Any) -> None:
    report = judge(studio, studio.shoot(studio.face(studio.screen, eyes=False)))
    assert report.result is Result.FAILED
    assert report.suspected_species == "screen"


@pytest.mark.parametrize("name", ["Left cheek", "Nose"])
def test_a_part_of_resin_fails_and_is_named(studio: Any, name: str) -> None:
    face = studio.face(studio.skin["II"], parts={REGION_BOXES[name]: studio.painted("II", "resin mask")})
    report = judge(studio, studio.shoot(face))
    assert report.result is Result.FAILED
    assert [reason.split(" has ")[0] for reason in report.reasons] == [name]
    assert report.suspected_species == "partial mask"


@pytest.mark.parametrize("name", ["Chin", "Forehead"])
def test_a_chin_or_forehead_alone_goes_to_the_guard_without_alarm(studio: Any, name: str) -> None:
    """A fair beard and a piece of resin look alike to two bands: neither passes."""
    face = studio.face(studio.skin["II"], parts={REGION_BOXES[name]: studio.painted("II", "resin mask")})
    report = judge(studio, studio.shoot(face))
    assert report.result is Result.UNDETERMINED
    assert report.reasons[0].startswith(name)


def test_dark_beard_is_not_judged_but_beard_and_fringe_together_are(studio: Any) -> None:
    hair = (0.03, 0.024, 0.02, 0.16, 0.22)
    bearded = judge(studio, studio.shoot(studio.face(studio.skin["III"], parts={CHIN_BOX: hair})))
    assert bearded.result is Result.SUCCESSFUL
    assert {r.name: r.result for r in bearded.regions}["chin"] is Result.NOT_PERFORMED
    both = studio.face(studio.skin["III"], parts={CHIN_BOX: hair, FOREHEAD_BOX: hair})
    assert judge(studio, studio.shoot(both)).result is Result.UNDETERMINED
    masked = studio.face(studio.painted("III", "resin mask"), parts={CHIN_BOX: hair})
    assert judge(studio, studio.shoot(masked)).result is Result.FAILED


def test_known_gap_water_imitated_for_dark_skin(studio: Any) -> None:
    """Two bands cannot tell these apart (README): a passing test here is a warning, not an achievement."""
    tuned_silicone = (*studio.skin["V"][:3], 0.525, 0.493)
    assert judge(studio, studio.shoot(studio.face(tuned_silicone))).result is Result.SUCCESSFUL


# --- ambient, noise, drift ----------------------------------------------------------------------------------


@pytest.mark.parametrize("skin", ["I", "V"])
def test_ambient_does_not_move_the_ratio(studio: Any, skin: str) -> None:
    figures = []
    for ambient in (0.0, 0.1, 0.25):
        # LEDs weaker as the sun gets stronger, so that the sensor does not saturate.
        burst = studio.shoot(studio.face(studio.skin[skin]), ambient=ambient, power={"850": 0.6, "940": 0.6})
        report = judge(studio, burst)
        assert report.result is Result.SUCCESSFUL, report.reasons
        figures.append(
            [report.figures[f"{n}_water"] for n in ("forehead", "left_cheek", "right_cheek", "nose", "chin")]
        )
    assert np.ptp(np.array(figures), axis=0).max() < 0.012


def test_drift_of_one_led_is_taken_out_by_the_patch(studio: Any) -> None:
    for power in ({"850": 0.95, "940": 0.7}, {"850": 0.7, "940": 0.95}):
        assert judge(studio, studio.shoot(studio.face(studio.skin["II"]), power=power)).result is Result.SUCCESSFUL
        mask = studio.face(studio.painted("II", "resin mask"))
        assert judge(studio, studio.shoot(mask, power=power)).result is Result.FAILED


def test_flooded_with_infrared(studio: Any) -> None:
    report = judge(studio, studio.shoot(studio.face(studio.skin["I"]), ambient=0.95, power={"850": 0.3, "940": 0.3}))
    assert report.result is Result.UNDETERMINED
    assert "infrared light from outside" in report.reasons[0]


def test_overexposed(studio: Any) -> None:
    report = judge(studio, studio.shoot(studio.face(studio.skin["I"]), power={"850": 2.4, "940": 2.4}))
    assert report.result is Result.UNDETERMINED
    assert "overexposed" in report.reasons[0]


# --- nothing missing, nothing contradictory -----------------------------------------------------------------


@pytest.fixture(scope="module")
def genuine(studio: Any) -> Burst:
    burst: Burst = studio.shoot(studio.face(studio.skin["III"]))
    return burst


def with_frames(burst: Burst, frames: list[BandFrame]) -> Burst:
    return replace(burst, frames=tuple(frames))


@pytest.mark.parametrize("kept", [n for size in range(6) for n in itertools.combinations(range(6), size)])
def test_every_missing_frame_leaves_it_undetermined(studio: Any, genuine: Burst, kept: tuple[int, ...]) -> None:
    report = judge(studio, with_frames(genuine, [genuine.frames[i] for i in kept]))
    assert report.result is Result.UNDETERMINED
    assert "missing" in report.reasons[0]


def test_no_other_order_of_light_passes(studio: Any) -> None:
    """All 89 wrong logs of a genuine burst: light and camera out of step never pass."""
    burst = studio.shoot(studio.face(studio.skin["III"]))
    orders = set(itertools.permutations(studio.order))
    assert len(orders) == 90
    for order in orders:
        frames = [replace(f, band=band) for f, band in zip(burst.frames, order, strict=True)]
        result = judge(studio, with_frames(burst, frames)).result
        assert (result is Result.SUCCESSFUL) == (order == studio.order), order


def test_band_without_light(studio: Any) -> None:
    for band in ("850", "940"):
        power = {"850": 0.95, "940": 0.85, band: 0.0}
        report = judge(studio, studio.shoot(studio.face(studio.skin["III"]), power=power))
        assert report.result is Result.UNDETERMINED
        assert f"Band {band} is missing" in report.reasons[0]


def test_unknown_band_is_no_replacement(studio: Any, genuine: Burst) -> None:
    frames = [replace(f, band="970" if f.band == "940" else f.band) for f in genuine.frames]
    report = judge(studio, with_frames(genuine, frames))
    assert report.reasons == ("Band 940 is missing.",)


def test_stuck_camera(studio: Any, genuine: Burst) -> None:
    first = {f.band: f.image for f in reversed(genuine.frames)}
    report = judge(studio, with_frames(genuine, [replace(f, image=first[f.band]) for f in genuine.frames]))
    assert report.result is Result.UNDETERMINED
    assert "stuck or replayed" in report.reasons[0]


@pytest.mark.parametrize("sequence", [[100] * 6, [105, 104, 103, 102, 101, 100], [1, 2, 3, 3, 4, 5]])
def test_repeated_or_reordered_frames(studio: Any, genuine: Burst, sequence: list[int]) -> None:
    frames = [replace(f, sequence=n) for f, n in zip(genuine.frames, sequence, strict=True)]
    report = judge(studio, with_frames(genuine, frames))
    assert report.reasons == ("Infrared frames are repeated or out of order.",)


@pytest.mark.parametrize("box", REGION_BOXES.values(), ids=list(REGION_BOXES))
@pytest.mark.parametrize("value", [0, 255])
def test_a_region_wiped_out_never_passes(studio: Any, genuine: Burst, box: tuple[int, ...], value: int) -> None:
    x1, y1, x2, y2 = box
    frames = []
    for frame in genuine.frames:
        image = frame.image.copy()
        image[y1:y2, x1:x2] = value
        frames.append(replace(frame, image=image))
    assert judge(studio, with_frames(genuine, frames)).result is not Result.SUCCESSFUL
    rgb = genuine.rgb.copy()
    rgb[y1:y2, x1:x2] = value
    assert judge(studio, replace(genuine, rgb=rgb)).result is not Result.SUCCESSFUL


@settings(max_examples=60, deadline=None)
@given(x=st.floats(-400, 400), y=st.floats(-400, 400))
def test_face_partly_out_of_view_never_passes(studio: Any, genuine: Burst, x: float, y: float) -> None:
    moved = studio.landmarks + np.array([x, y], np.float32)
    report = assess(genuine, moved)
    low, high = moved.min(axis=0), moved.max(axis=0)
    if low[0] < 0 or low[1] < 30 or high[0] > 320 or high[1] > 290:
        assert report.result is not Result.SUCCESSFUL


def test_movement_during_the_burst(studio: Any, genuine: Burst) -> None:
    frames = list(genuine.frames)
    moved = frames[-1].image.copy()
    moved[:240, 60:260] = np.roll(moved[:240, 60:260], 40, axis=0)
    report = judge(studio, with_frames(genuine, [*frames[:-1], replace(frames[-1], image=moved)]))
    assert report.result is Result.UNDETERMINED
    assert "movement" in " ".join(report.reasons)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: replace(b, patch=replace(b.patch, x=300)), "not in view"),
        (lambda b: replace(b, patch=replace(b.patch, x=-1)), "not in view"),
        (lambda b: replace(b, patch=replace(b.patch, width=0)), "not in view"),
        (lambda b: replace(b, patch=replace(b.patch, reflectance=0.0)), "not in view"),
        (lambda b: replace(b, patch=replace(b.patch, x=26)), "covered or dirty"),
        (lambda b: replace(b, rgb=b.rgb[..., 0]), "colour image"),
        (lambda b: replace(b, rgb=b.rgb.astype(np.float32)), "colour image"),
        (lambda b: replace(b, rgb=b.rgb[:-1]), "differ in size"),
        (lambda b: replace(b, rgb=np.zeros_like(b.rgb)), "exposed at the grey reference"),
        (lambda b: replace(b, rgb=np.full_like(b.rgb, 255)), "exposed at the grey reference"),
        (lambda b: replace(b, rgb=(b.rgb * np.array([1, 1, 0.8])).astype(np.uint8)), "not grey"),
        (lambda b: replace(b, frames=()), "missing"),
    ],
)
def test_bursts_that_cannot_be_judged(studio: Any, genuine: Burst, change: Any, words: str) -> None:
    report = judge(studio, change(genuine))
    assert report.result is Result.UNDETERMINED
    assert words in report.reasons[0]
    assert face_map(change(genuine), studio.landmarks) is None


@pytest.mark.parametrize(
    ("landmarks", "words"),
    [
        (np.full((5, 2), np.nan), "missing"),
        (np.zeros((4, 2)), "missing"),
        (np.zeros((5, 2)), "too small"),
        (np.array([[115, 110], [205, 110], [203, 160], [125, 205], [195, 205]]), "turned away"),
        (np.array([[115, 110], [205, 110], [160, 112], [125, 115], [195, 115]]), "from the front"),
    ],
)
def test_faces_that_cannot_be_judged(genuine: Burst, landmarks: Any, words: str) -> None:
    report = assess(genuine, landmarks)
    assert report.result is Result.UNDETERMINED
    assert words in report.reasons[0]
    assert face_map(genuine, landmarks) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_noise_never_passes_and_never_breaks(studio: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    top = int(rng.integers(2, 257))
    frames = tuple(
        BandFrame(band, rng.integers(0, top, (300, 320), dtype=np.uint8), n) for n, band in enumerate(studio.order)
    )
    burst = Burst(
        rng.integers(0, top, (300, 320, 3), dtype=np.uint8), frames, studio.shoot(studio.face(studio.screen)).patch
    )
    landmarks = rng.uniform(-50, 400, (5, 2)) if seed % 2 else studio.landmarks
    assert assess(burst, landmarks).result is not Result.SUCCESSFUL


def test_limits_are_nested_and_judge_no_number_as_undetermined() -> None:
    for limit in (getattr(LIMITS, name) for name in LIMITS.__dataclass_fields__):
        if isinstance(limit, Limit):
            assert limit.outer[0] <= limit.inner[0] < limit.inner[1] <= limit.outer[1]
            assert limit.judge(float("nan")) is Result.UNDETERMINED
            assert limit.judge(float("inf")) is Result.FAILED
            assert limit.judge(float("-inf")) is Result.FAILED


def test_face_map_shows_the_part_that_is_not_skin(studio: Any, genuine: Burst) -> None:
    part = studio.face(studio.skin["III"], parts={CHEEK_BOX: studio.painted("III", "resin mask")})
    shown = face_map(studio.shoot(part), studio.landmarks)
    clean = face_map(genuine, studio.landmarks)
    assert shown is not None
    assert clean is not None
    assert shown.shape == (300, 320)
    x1, y1, x2, y2 = CHEEK_BOX
    inner = np.s_[y1 + 8 : y2 - 8, x1 + 8 : x2 - 8]
    assert shown[inner].min() > 200
    assert clean[inner].max() < 100
    assert not clean[:20].any()
