"""The upper half of a face: what lies below a mask's edge changes no figure, what lies above does."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.liveness import cues, upper
from appliance.liveness.decode import Cube
from appliance.liveness.face_frame import EYE_DISTANCE, HEIGHT, MIDDLE, WIDTH, face_frame, regions

LANDMARKS = np.array([[280, 220], [360, 220], [320, 270], [290, 310], [350, 310]], np.float32)
FRAME = face_frame(LANDMARKS)
SKIN = {"B": 0.3, "G": 0.35, "R": 0.5, "850": 0.6, "940": 0.54}
EDGE = round(MIDDLE[1] + 0.36 * EYE_DISTANCE)


def cube(seed: int = 1) -> Cube:
    """A face of one material with a little grain, the sides lit as by two lamps."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(0.2, -0.2, WIDTH, dtype=np.float32)[None, :]

    def plane(level: float) -> NDArray[np.float32]:
        return np.asarray(level * (1 + rng.normal(0, 0.01, (HEIGHT, WIDTH))), np.float32)

    sides = {name: (plane(SKIN[name]) * (1 + slope), plane(SKIN[name]) * (1 - slope)) for name in ("850", "940")}
    bands = {name: plane(level) for name, level in SKIN.items()}
    bands |= {name: (left + right) / 2 for name, (left, right) in sides.items()}
    planes = {"thermal": plane(34.0), "depth": plane(0.6)}
    return Cube(FRAME, bands, sides, plane(0.6), planes, np.zeros((HEIGHT, WIDTH), bool), {"distance": 0.6})


def covered(given: Cube, level: float) -> Cube:
    """Something else from the edge of a mask downwards, in every picture, and overexposed at that."""

    def below(image: NDArray[np.float32]) -> NDArray[np.float32]:
        changed = image.copy()
        changed[EDGE:] = level
        return changed

    flawed = given.flawed.copy()
    flawed[EDGE:] = True
    return replace(
        given,
        bands={name: below(image) for name, image in given.bands.items()},
        sides={name: (below(left), below(right)) for name, (left, right) in given.sides.items()},
        axis=None if given.axis is None else below(given.axis),
        planes={name: below(image) for name, image in given.planes.items()},
        flawed=flawed,
    )


@pytest.mark.parametrize("level", [0.0, 0.9, 40.0])
def test_nothing_below_the_edge_changes_any_figure(level: float) -> None:
    bare, masked = upper.measure(cube()), upper.measure(covered(cube(), level))
    assert masked.missing == bare.missing == ()
    assert dict(masked.values) == dict(bare.values)
    # The whole face is another matter.
    whole = replace(covered(cube(), level), flawed=cube().flawed)
    assert cues.measure(whole).values["940/850 spread"] > 3 * cues.measure(cube()).values["940/850 spread"]


def test_what_is_above_the_edge_is_seen() -> None:
    plain = upper.measure(cube()).values
    assert plain["940/850 level"] == pytest.approx(np.log(0.54 / 0.6), abs=0.02)
    wet = cube()
    forehead = regions(FRAME)["forehead"]
    for image in (wet.bands["940"], *wet.sides["940"]):
        image[forehead] *= 0.9
    assert upper.measure(wet).values["940/850 forehead"] < plain["940/850 forehead"] - 0.05


def test_places_have_the_names_of_the_whole_face_and_none_is_below() -> None:
    above, whole = upper.upper_regions(FRAME), regions(FRAME)
    assert above.keys() == whole.keys()
    assert not any(mask[EDGE:].any() for mask in above.values())
    assert all(above[name].sum() > 100 for name in cues.BARE)
    for gone in ("mouth", "chin", "jaw", "neck", "lips", "lower cheeks"):
        assert not above[gone].any()


def test_overexposure_above_the_edge_is_missed_there() -> None:
    given = cube()
    given.flawed[: round(MIDDLE[1])] = True
    assert "forehead" in upper.measure(given).missing
