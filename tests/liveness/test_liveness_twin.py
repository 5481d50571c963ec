"""The check on the rig's own scene: the whole cast passes, its three attacks never do, with either matcher pack."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from appliance.core.types import Result
from appliance.face.packs import load_pack
from appliance.face.types import FacePack
from appliance.liveness.decide import assess
from appliance.liveness.facemap import face_map
from appliance.liveness.types import BandFrame, Burst, LivenessReport, Patch
from appliance.models.manager import import_from
from hil.scene import (
    CAST,
    REFERENCE_PATCH,
    REFERENCE_REFLECTANCE,
    Light,
    Presentation,
    Sensor,
    bona_fide,
    printed_mask,
    printed_photo,
    screen_replay,
)

TRAVELLERS = list(CAST)
SCENES: dict[str, Callable[[int], Presentation]] = {
    "bona fide": lambda n: bona_fide(TRAVELLERS[n]),
    "print": lambda n: printed_photo(TRAVELLERS[n]),
    "screen": lambda n: screen_replay(TRAVELLERS[n]),
    "mask": lambda n: printed_mask(TRAVELLERS[n], TRAVELLERS[(n + 1) % len(TRAVELLERS)]),
}
KEYS = [who.key for who in TRAVELLERS]


@pytest.fixture(scope="module", params=[pytest.param("open-omz", marks=pytest.mark.measured), "pypi-dlib"])
def pack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FacePack:
    folder = tmp_path_factory.mktemp("models")
    if request.param == "open-omz":
        import_from(Path(request.getfixturevalue("shared")) / "models", folder)
    return load_pack(request.param, folder)


@cache
def capture(species: str, number: int) -> Burst:
    """Both packs judge the same bursts: building a scene costs about a second."""
    presentation = SCENES[species](number)
    sensor, light = Sensor(np.random.default_rng(11)), Light()
    order = ("940", None, "850", None, "850", "940")
    frames = tuple(BandFrame(band, sensor.nir(presentation, light, band), n) for n, band in enumerate(order))
    return Burst(sensor.rgb(presentation, light), frames, Patch(*REFERENCE_PATCH, REFERENCE_REFLECTANCE))


def judge(pack: FacePack, species: str, number: int) -> LivenessReport:
    burst = capture(species, number)
    faces = pack.detect(burst.rgb)
    assert faces
    assert face_map(burst, faces[0].landmarks) is not None
    return assess(burst, faces[0].landmarks)


@pytest.mark.parametrize("number", range(len(KEYS)), ids=KEYS)
def test_bona_fide_passes(pack: FacePack, number: int) -> None:
    report = judge(pack, "bona fide", number)
    assert report.result is Result.SUCCESSFUL, report.reasons


@pytest.mark.parametrize("species", ["print", "screen", "mask"])
@pytest.mark.parametrize("number", range(0, len(KEYS), 3), ids=KEYS[::3])
def test_attacks_fail(pack: FacePack, number: int, species: str) -> None:
    report = judge(pack, species, number)
    assert report.result is Result.FAILED, report
    assert report.suspected_species == species
