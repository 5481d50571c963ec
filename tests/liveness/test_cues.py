"""Figures of made-up cubes whose answer is known by hand."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from appliance.liveness.cues import measure
from appliance.liveness.decode import Cube
from appliance.liveness.face_frame import HEIGHT, WIDTH, FaceFrame, face_frame, regions

LANDMARKS = np.array([[280, 220], [360, 220], [320, 270], [290, 310], [350, 310]], np.float32)
FRAME: FaceFrame = face_frame(LANDMARKS)
SKIN = {"B": 0.3, "G": 0.35, "R": 0.5, "850": 0.6, "940": 0.54}


def cube(distance: float | None = 1.0) -> Cube:
    """An even face of one material."""

    def plane(level: float) -> np.ndarray:
        return np.full((HEIGHT, WIDTH), level, np.float32)

    bands = {name: plane(level) for name, level in SKIN.items()}
    sides = {name: (plane(SKIN[name]), plane(SKIN[name])) for name in ("850", "940")}
    figures = {} if distance is None else {"distance": distance}
    return Cube(FRAME, bands, sides, None, {}, np.zeros((HEIGHT, WIDTH), bool), figures)


def with_sides(given: Cube, sides: dict[str, tuple[np.ndarray, np.ndarray]]) -> Cube:
    """The cube with other sides, and bands that fit them."""
    bands = {**given.bands, **{name: (left + right) / 2 for name, (left, right) in sides.items()}}
    return replace(given, sides=sides, bands=bands)


def test_an_even_face_has_the_ratio_of_its_bands_and_no_edges() -> None:
    found = measure(cube()).values
    assert found["940/850 level"] == pytest.approx(np.log(0.54 / 0.6), abs=1e-4)
    assert found["940/850 nose"] == pytest.approx(0.0, abs=1e-4)
    assert found["940/850 edges"] == pytest.approx(0.0, abs=1e-4)


def test_gloss_under_one_lamp_does_not_hide_the_material() -> None:
    shining = np.zeros((HEIGHT, WIDTH), np.float32)
    shining[regions(FRAME)["nose"]] = 0.5
    plain = cube()
    glossy = with_sides(plain, {name: (left + shining, right) for name, (left, right) in plain.sides.items()})
    assert measure(glossy).values["940/850 nose"] == pytest.approx(0.0, abs=5e-3)
    everywhere = with_sides(
        plain, {name: (left + shining, right + shining) for name, (left, right) in plain.sides.items()}
    )
    assert measure(everywhere).values["940/850 nose"] > 0.03, "two lamps cannot free what both make shine"


def test_a_side_in_shadow_is_not_asked() -> None:
    plain = cube()
    dark = np.ones((HEIGHT, WIDTH), np.float32)
    dark[:, : WIDTH // 2] = 0.05
    # What little light gets into the shadow has another colour than the lamp's.
    sides = {"850": (plain.sides["850"][0] * dark, plain.sides["850"][1])}
    sides["940"] = (
        plain.sides["940"][0] * dark * np.where(dark < 1, 0.5, 1.0).astype(np.float32),
        plain.sides["940"][1],
    )
    found = measure(with_sides(plain, sides)).values
    assert found["940/850 level"] == pytest.approx(np.log(0.54 / 0.6), abs=1e-3)
    assert found["940/850 sides"] == pytest.approx(0.0, abs=1e-3)


def test_a_false_nose_of_another_material_has_an_edge() -> None:
    plain = cube()
    nose = regions(FRAME)["nose"]
    other = tuple(np.where(nose, np.float32(0.6), side) for side in plain.sides["940"])
    found = measure(with_sides(plain, {**plain.sides, "940": (other[0], other[1])})).values
    assert found["940/850 nose"] == pytest.approx(np.log(0.6 / 0.54), abs=5e-3)
    assert found["940/850 edges"] > 0.05


def test_brightness_is_freed_of_the_distance_when_it_is_known() -> None:
    near, far, unknown = (measure(cube(distance)).values for distance in (1.0, 1.5, None))
    assert far["850 level"] - near["850 level"] == pytest.approx(2 * np.log(1.5), abs=1e-6)
    assert "850 level" not in unknown


def test_what_is_dark_or_broken_gives_no_nonsense() -> None:
    black = cube()
    nothing = {name: np.zeros((HEIGHT, WIDTH), np.float32) for name in SKIN}
    found = measure(replace(black, bands=nothing, sides={n: (nothing[n], nothing[n]) for n in ("850", "940")}))
    assert all(np.isfinite(value) for value in found.values.values())
    flawed = measure(replace(black, flawed=np.ones((HEIGHT, WIDTH), bool)))
    assert set(flawed.missing) == {"forehead", "left cheek", "right cheek", "nose"}
    assert all(np.isfinite(value) for value in flawed.values.values())


def painted(part: str, **levels: float) -> Cube:
    """The even face with one region of other brightness, by band; both lamps alike."""
    plain, where = cube(), regions(FRAME)[part]
    bands = {
        name: np.where(where, np.float32(levels.get(name, SKIN[name])), image) for name, image in plain.bands.items()
    }
    return replace(plain, bands=bands, sides={name: (bands[name], bands[name]) for name in plain.sides})


def test_a_neck_that_holds_more_water_than_the_face_is_seen_and_a_collar_is_not() -> None:
    bare = painted("neck", **{"940": 0.48})
    assert measure(bare).values["940/850 neck"] == pytest.approx(np.log(0.54 / 0.48), abs=0.01)
    assert measure(painted("neck", **{"940": 0.6})).values["940/850 neck"] == 0.0
    assert measure(cube()).values["940/850 neck"] == pytest.approx(0.0, abs=1e-6)
    shadow = painted("neck", **{"850": 0.06, "940": 0.03})
    assert "940/850 neck" not in measure(shadow).values


def test_lips_and_brows_are_told_from_the_skin_beside_them() -> None:
    found = measure(painted("lips", G=0.2, **{"850": 0.6})).values
    assert found["G lips contrast"] == pytest.approx(np.log(0.2 / 0.35), abs=1e-3)
    assert found["850 lips contrast"] == pytest.approx(0.0, abs=1e-3)
    assert measure(painted("brows", **{"850": 0.2})).values["850 brows contrast"] == pytest.approx(
        np.log(0.2 / 0.6), abs=1e-3
    )


@pytest.mark.parametrize("left", [0.0, 0.4])
def test_what_is_left_of_spots_in_the_infrared_is_measured(left: float) -> None:
    plain = cube()
    spots = 1 + 0.05 * cv2.GaussianBlur(np.random.default_rng(1).standard_normal((HEIGHT, WIDTH)), (0, 0), 2.0) * 7
    bands = {**plain.bands, "G": plain.bands["G"] * spots, "850": plain.bands["850"] * spots**left}
    found = measure(replace(plain, bands={name: image.astype(np.float32) for name, image in bands.items()})).values
    assert found["850/G detail"] == pytest.approx(left, abs=0.03)
    assert found["850/G likeness"] == pytest.approx(1.0 if left else 0.0, abs=0.03)
